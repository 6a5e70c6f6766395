//! `cargo xtask build-ebpf`: the BPF object, and the release agent that embeds it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, Result};

use crate::{
    process::{self, run as run_command, workspace},
    setup,
    toolchain::{self, Route, Toolchain},
};

const TARGET: &str = "bpfel-unknown-none";
/// What the object is built from.
const SOURCES: [&str; 5] =
    ["ebpf/src", "ebpf/Cargo.toml", "ebpf/Cargo.lock", "common/src", "common/Cargo.toml"];

/// Options of the verb.
#[derive(clap::Args)]
pub struct Arguments {
    /// Take the compiler from here and nowhere else
    #[arg(long, value_enum)]
    pub route: Option<Route>,
    /// Build the object alone, without the agent
    #[arg(long)]
    pub object_only: bool,
}

/// The verb.
///
/// # Errors
/// When the tools cannot be had or a build fails.
pub fn run(arguments: &Arguments) -> Result<()> {
    let object = object_only(arguments.route)?;
    eprintln!("build-ebpf: {}", object.display());
    if !arguments.object_only {
        agent_only()?;
        eprintln!("build-ebpf: target/release/agent carries it");
    }
    Ok(())
}

/// Builds the release agent with the object that is there, or without one.
///
/// # Errors
/// When the build fails.
pub fn agent_only() -> Result<()> {
    run_command(process::cargo().args([
        "build",
        "--release",
        "--package",
        "regent-agent",
        "--bin",
        "agent",
    ]))?;
    lab::agent::choose_release();
    Ok(())
}

/// Where the object is, whether it was built or not. The agent's build script looks there too.
pub fn object() -> PathBuf {
    workspace().join("target/bpf/regent.bpf.o")
}

/// Builds the object and nothing else. Quick when the sources are as they were.
///
/// # Errors
/// When the tools cannot be had or the build fails.
pub fn object_only(route: Option<Route>) -> Result<PathBuf> {
    build(&setup::build_tools(route)?)
}

fn build(toolchain: &Toolchain) -> Result<PathBuf> {
    let linker = toolchain::linker(toolchain)?;
    let directory = workspace().join("target/bpf-build");
    let flags = [
        format!("-Clinker={}", linker.display()),
        // BTF: the maps are declared in it.
        "-Clink-arg=--btf".to_owned(),
        // Atomics with a result, which the slots are taken by (kernel 5.12).
        "-Ctarget-cpu=v3".to_owned(),
        // Packets are read in words wherever they begin, as the kernel does on the machines we run on.
        "-Clink-arg=--cpu-features=+allows-misaligned-mem-access".to_owned(),
    ];
    let mut cargo = toolchain.cargo()?;
    cargo.args(["build", "--quiet", "--release", "-Zbuild-std=core", "--target", TARGET, "--locked"]);
    cargo.arg("--target-dir").arg(&directory);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    cargo.current_dir(workspace().join("ebpf"));
    run_command(&mut cargo).context("cannot build the BPF object")?;
    let built = directory.join(TARGET).join("release");
    install(&built.join("generator"), lab::flood::object())?;
    install(&built.join("regent"), object())
}

/// Puts a new object in its place; leaves an equal one alone that is not older than its sources, so that the
/// agent is not built again for nothing.
fn install(built: &Path, object: PathBuf) -> Result<PathBuf> {
    let bytes = fs::read(built).with_context(|| format!("cannot read {}", built.display()))?;
    if fs::read(&object).is_ok_and(|old| old == bytes)
        && fs::metadata(&object)?.modified()? >= newest_source()?
    {
        return Ok(object);
    }
    if let Some(directory) = object.parent() {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    }
    fs::write(&object, bytes).with_context(|| format!("cannot write {}", object.display()))?;
    Ok(object)
}

fn newest_source() -> Result<SystemTime> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for source in SOURCES {
        let path = workspace().join(source);
        newest = newest.max(fs::metadata(&path)?.modified()?);
        if path.is_dir() {
            for entry in fs::read_dir(&path)? {
                newest = newest.max(entry?.metadata()?.modified()?);
            }
        }
    }
    Ok(newest)
}
