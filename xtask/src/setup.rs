//! Placeholder until the real one is merged.

/// Options.
#[derive(Debug, Default)]
pub struct Arguments;

/// Does nothing.
pub fn run(_: &Arguments) -> anyhow::Result<()> {
    Ok(())
}
