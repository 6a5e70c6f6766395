//! Placeholder until the real one is merged.

/// Does nothing.
pub fn run() -> anyhow::Result<()> {
    Ok(())
}
