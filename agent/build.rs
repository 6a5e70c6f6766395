//! Embeds the BPF object when `cargo xtask build-ebpf` has left one in the workspace's `target/bpf`.
//!
//! Never builds it: plain `cargo build` needs no BPF linker. An agent without the object says so and uses the socket.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rustc-check-cfg=cfg(bpf_object)");
    let manifest = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let workspace = manifest.parent().ok_or("the agent's package is not in a workspace")?;
    let directory = workspace.join("target/bpf");
    let sources = [workspace.join("ebpf/src"), workspace.join("common/src")];

    // The directory and not the file: cargo takes a missing file for a changed one and would rebuild for ever.
    fs::create_dir_all(&directory)?;
    for path in sources.iter().chain([&directory]) {
        println!("cargo::rerun-if-changed={}", path.display());
    }

    let object = directory.join("regent.bpf.o");
    if !object.is_file() {
        return Ok(());
    }
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("regent.bpf.o");
    fs::copy(&object, out)?;
    println!("cargo::rustc-cfg=bpf_object");
    let built = fs::metadata(&object)?.modified()?;
    if newest(&sources)? > built {
        println!("cargo::warning=the BPF object is older than its sources: run `cargo xtask build-ebpf`");
    }
    Ok(())
}

/// When the newest file in these directories was written.
fn newest(directories: &[PathBuf]) -> std::io::Result<SystemTime> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for directory in directories {
        for entry in fs::read_dir(Path::new(directory))? {
            newest = newest.max(entry?.metadata()?.modified()?);
        }
    }
    Ok(newest)
}
