//! `cargo xtask fuzz`: texts that nobody would write, read as configs, for some minutes.
//!
//! Builds the package in `fuzz/` with libFuzzer, by a `cargo-fuzz` of its own in `target/tools`. Starts from the configs
//! of the tests and from those in `--corpus`; what it finds on the way stays in `target/fuzz`, so that the next run goes
//! on from there. A text that fails is kept, and its file is named.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::process::{cargo, run as run_command, workspace};

/// The release that is built when there is none.
const CARGO_FUZZ_VERSION: &str = "0.13.1";
/// No text takes longer; the slowest take well under a second.
const SECONDS_PER_TEXT: u32 = 20;
/// A larger text says nothing that a smaller one does not, and costs rounds.
const MAX_TEXT_BYTES: u32 = 16 << 10;
const MAX_MEBIBYTES: u32 = 2048;

/// Options of the verb.
#[derive(clap::Args)]
pub struct Arguments {
    /// How long
    #[arg(long, default_value_t = 10, value_name = "N")]
    minutes: u32,
    /// A directory of configs to start from, besides those of the tests
    #[arg(long, value_name = "DIR")]
    corpus: Option<PathBuf>,
}

/// Runs the verb.
///
/// # Errors
/// When a text fails, or libFuzzer cannot be had: it takes a C++ compiler.
pub fn run(arguments: &Arguments) -> Result<()> {
    let fuzzer = cargo_fuzz()?;
    let grown = workspace().join("target/fuzz/config");
    let failed = workspace().join("target/fuzz/failed/");
    for directory in [&grown, &failed] {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    }
    let mut seeds = vec![workspace().join("agent/tests/config")];
    seeds.extend(arguments.corpus.clone());
    let count = seeds.iter().map(|seeds| plant(seeds, &grown)).sum::<Result<usize>>()?;
    eprintln!("fuzz: {count} configs to start from, {} minutes", arguments.minutes);
    let mut command = Command::new(&fuzzer);
    command.current_dir(workspace());
    // libFuzzer's instrumentation is behind `-Z` flags, which any compiler takes that is told so. Memory errors are not
    // what is looked for: the reader has no unsafe code.
    command.env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTFLAGS");
    command.args([
        "run",
        "--fuzz-dir",
        "fuzz",
        "--sanitizer",
        "none",
        "--target-dir",
        "target/fuzz/build",
        "config",
    ]);
    command.arg(&grown).arg("--");
    command.arg(format!("-max_total_time={}", u64::from(arguments.minutes) * 60));
    command.arg(format!("-timeout={SECONDS_PER_TEXT}"));
    command.arg(format!("-max_len={MAX_TEXT_BYTES}"));
    command.arg(format!("-rss_limit_mb={MAX_MEBIBYTES}"));
    command.arg(format!("-artifact_prefix={}", failed.display()));
    command.args(["-dict=fuzz/config.dict", "-print_final_stats=1"]);
    run_command(&mut command).with_context(|| format!("the text that failed is in {}", failed.display()))
}

/// `cargo-fuzz`, built once into the workspace's own `target/tools`.
fn cargo_fuzz() -> Result<PathBuf> {
    let root = workspace().join("target/tools");
    let program = root.join("bin/cargo-fuzz");
    let installed = fs::read_to_string(root.join(".crates.toml")).unwrap_or_default();
    if program.is_file() && installed.contains(&format!("cargo-fuzz {CARGO_FUZZ_VERSION} ")) {
        return Ok(program);
    }
    eprintln!("fuzz: building cargo-fuzz {CARGO_FUZZ_VERSION} (once)");
    let mut command = cargo();
    command.args([
        "install",
        "--quiet",
        "--locked",
        "--force",
        "--version",
        &format!("={CARGO_FUZZ_VERSION}"),
        "--root",
    ]);
    command.arg(&root).arg("cargo-fuzz").env("CARGO_TARGET_DIR", root.join("build"));
    run_command(&mut command).context("cannot build cargo-fuzz")?;
    if let Err(error) = fs::remove_dir_all(root.join("build")) {
        eprintln!("fuzz: cannot remove {}: {error}", root.join("build").display());
    }
    Ok(program)
}

/// Copies every file below `from` into the flat directory `to`, under names that stay the same from run to run.
fn plant(from: &Path, to: &Path) -> Result<usize> {
    let (mut directories, mut count) = (vec![from.to_owned()], 0);
    while let Some(directory) = directories.pop() {
        let entries =
            fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("cannot read {}", directory.display()))?.path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let below = path.strip_prefix(from).unwrap_or(&path);
            let rust = path.extension().is_some_and(|extension| extension == "rs" || extension == "expected");
            if rust || !path.is_file() {
                continue;
            }
            let name = format!("seed-{}", below.to_string_lossy().replace('/', "-"));
            fs::copy(&path, to.join(name)).with_context(|| format!("cannot copy {}", path.display()))?;
            count += 1;
        }
    }
    Ok(count)
}
