//! `cargo xtask man`: the manual pages and the shells' completions, as packages carry them. The agent writes them itself.

use std::{fs, process::Command};

use anyhow::{Context, Result};

use crate::process::{self, workspace};

/// Shells, and the file that each looks for.
const SHELLS: [(&str, &str); 3] = [("bash", "agent"), ("zsh", "_agent"), ("fish", "agent.fish")];

/// The verb.
///
/// # Errors
/// When the agent cannot be built, or a file cannot be written.
pub fn run() -> Result<()> {
    let pages = workspace().join("target/man");
    process::run(agent(&["man"]).arg("--dir").arg(&pages))?;
    eprintln!("man: {}", pages.display());
    let completions = workspace().join("target/completion");
    fs::create_dir_all(&completions).with_context(|| format!("cannot make {}", completions.display()))?;
    for (shell, file) in SHELLS {
        let script = process::output(&mut agent(&["completion", shell]))?;
        let path = completions.join(file);
        fs::write(&path, script + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    eprintln!("man: {}", completions.display());
    Ok(())
}

/// The agent with these words, built if need be.
fn agent(words: &[&str]) -> Command {
    let mut cargo = process::cargo();
    cargo.args(["run", "--quiet", "--package", "regent-agent", "--bin", "agent", "--"]).args(words);
    cargo
}
