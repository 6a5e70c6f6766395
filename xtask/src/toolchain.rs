//! A compiler that can build the BPF program, and the linker for it.
//!
//! The compiler must speak LLVM 22, since that is what the linker reads, and have the sources of `core`, since no
//! ready-made one exists for BPF. Three routes lead to one, tried in this order: the rustc in use, made ready by
//! rustup; an installed nightly; Debian's packages. Neither a global setting nor another toolchain is touched.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;

use crate::process::{exists, output, run, workspace};

/// The linker's release: 0.10 reads LLVM 22.
const LINKER_VERSION: &str = "0.10.0";
const LLVM_MAJOR: u32 = 22;
/// rust-version of the workspace.
const RUST_MINOR: u32 = 95;
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "rust-web-src", "cargo-web"];

/// Where a compiler may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Route {
    /// rustup's toolchains
    Rustup,
    /// Debian's packages
    Debian,
}

/// A compiler that is ready.
#[derive(Debug)]
pub struct Toolchain {
    /// What it is called in messages.
    pub name: String,
    sysroot: PathBuf,
}

/// What a compiler says about itself.
struct Probe {
    name: String,
    sysroot: PathBuf,
    rust_minor: u32,
    llvm: u32,
}

impl Toolchain {
    /// Finds a compiler that can build the program; adds what is missing to one that could.
    ///
    /// # Errors
    /// When none can be had: then the message says what to install.
    pub fn find(route: Option<Route>) -> Result<Self> {
        let mut tried = String::new();
        for attempt in [rustc_in_use, nightly] {
            if route != Some(Route::Debian) {
                match attempt() {
                    Ok(toolchain) => return Ok(toolchain),
                    Err(error) => writeln!(tried, "  - {error:#}")?,
                }
            }
        }
        if route != Some(Route::Rustup) {
            match debian() {
                Ok(toolchain) => return Ok(toolchain),
                Err(error) => writeln!(tried, "  - {error:#}")?,
            }
        }
        bail!(
            "no compiler here can build the BPF program. It takes rustc 1.{RUST_MINOR} or later with LLVM \
             {LLVM_MAJOR} and the sources of its library. Either of these gives one:\n\
             \n    rustup toolchain install 1.{RUST_MINOR}.0 --component rust-src && rustup override set \
             1.{RUST_MINOR}.0\n    apt-get install {}\n\nWhat was tried:\n{tried}",
            DEBIAN_PACKAGES.join(" ")
        )
    }

    /// Its cargo, with the environment that building for BPF needs.
    pub fn cargo(&self) -> Result<Command> {
        let mut cargo = Command::new(self.sysroot.join("bin/cargo"));
        // What the cargo that runs this command has set is about another build.
        for variable in ["RUSTFLAGS", "RUSTUP_TOOLCHAIN", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO"]
        {
            cargo.env_remove(variable);
        }
        // `-Z build-std` and a few features of `core` on a stable compiler.
        cargo.env("RUSTC_BOOTSTRAP", "1");
        cargo.env("RUSTC", self.sysroot.join("bin/rustc"));
        cargo.env("RUSTDOC", self.sysroot.join("bin/rustdoc"));
        cargo.env("LD_LIBRARY_PATH", self.llvm()?);
        cargo.current_dir(workspace());
        Ok(cargo)
    }

    /// A directory whose only LLVM is this compiler's: the linker opens the first that it finds.
    fn llvm(&self) -> Result<PathBuf> {
        if self.sysroot != Path::new("/usr") {
            return Ok(self.sysroot.join("lib"));
        }
        let directory = workspace().join("target/tools/llvm");
        let library = system_llvm().ok_or_else(|| anyhow!("no libLLVM {LLVM_MAJOR} under /usr/lib"))?;
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let link = directory.join("libLLVM.so");
        if fs::read_link(&link).ok().as_ref() != Some(&library) {
            if link.symlink_metadata().is_ok() {
                fs::remove_file(&link)?;
            }
            std::os::unix::fs::symlink(&library, &link)
                .with_context(|| format!("cannot link {} to {}", link.display(), library.display()))?;
        }
        Ok(directory)
    }
}

/// The linker; built once into the workspace's own `target/tools`.
///
/// # Errors
/// When it cannot be built.
pub fn linker(toolchain: &Toolchain) -> Result<PathBuf> {
    let root = workspace().join("target/tools");
    let linker = root.join("bin/bpf-linker");
    let installed = fs::read_to_string(root.join(".crates.toml")).unwrap_or_default();
    if linker.is_file() && installed.contains(&format!("bpf-linker {LINKER_VERSION} ")) {
        return Ok(linker);
    }
    eprintln!("setup: building bpf-linker {LINKER_VERSION} (about a minute, once)");
    let mut cargo = toolchain.cargo()?;
    cargo.args([
        "install",
        "--quiet",
        "--locked",
        "--force",
        "--version",
        &format!("={LINKER_VERSION}"),
        "--root",
    ]);
    cargo.arg(&root).arg("bpf-linker");
    cargo.env_remove("RUSTC_BOOTSTRAP").env("CARGO_TARGET_DIR", root.join("build"));
    run(&mut cargo).context("cannot build bpf-linker")?;
    // A hundred megabytes that nothing needs again.
    if let Err(error) = fs::remove_dir_all(root.join("build")) {
        eprintln!("setup: cannot remove {}: {error}", root.join("build").display());
    }
    Ok(linker)
}

/// The rustc that this workspace is built with; rustup adds the sources when they are missing.
fn rustc_in_use() -> Result<Toolchain> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let probe = probe("the rustc in use", || Command::new(&rustc))?;
    if !has_sources(&probe.sysroot) && probe.is_suitable() && exists("rustup") {
        let name = probe.sysroot.file_name().unwrap_or_default();
        eprintln!("setup: adding rust-src to {}", name.to_string_lossy());
        run(Command::new("rustup").args(["component", "add", "rust-src", "--toolchain"]).arg(name))?;
    }
    probe.into_toolchain()
}

/// An installed nightly that has the sources already.
fn nightly() -> Result<Toolchain> {
    let list = output(Command::new("rustup").args(["toolchain", "list", "--quiet"]))?;
    let mut failures = String::new();
    for name in list.lines().filter(|name| name.starts_with("nightly")) {
        let found = probe(name, || {
            let mut command = Command::new("rustup");
            command.args(["run", name, "rustc"]);
            command
        });
        match found.and_then(Probe::into_toolchain) {
            Ok(toolchain) => return Ok(toolchain),
            Err(error) => write!(failures, "; {error:#}")?,
        }
    }
    Err(anyhow!("no nightly with rust-src is installed{failures}"))
}

/// Debian's compiler, installed by apt when that is possible.
fn debian() -> Result<Toolchain> {
    let rustc = Path::new("/usr/bin/rustc");
    let complete = rustc.is_file() && has_sources(Path::new("/usr")) && Path::new("/usr/bin/cargo").is_file();
    if !complete {
        crate::setup::apt_install(&DEBIAN_PACKAGES).context("Debian's packages")?;
    }
    probe("Debian's rustc", || Command::new(rustc))?.into_toolchain()
}

fn probe(name: &str, rustc: impl Fn() -> Command) -> Result<Probe> {
    let version = output(rustc().arg("-vV")).with_context(|| name.to_owned())?;
    let sysroot = output(rustc().args(["--print", "sysroot"])).with_context(|| name.to_owned())?;
    let field = |key: &str, part: usize| {
        let value = version.lines().find_map(|line| line.strip_prefix(key))?;
        value.trim().split('.').nth(part)?.parse().ok()
    };
    Ok(Probe {
        name: format!("{name} ({})", version.lines().next().unwrap_or_default()),
        sysroot: PathBuf::from(sysroot),
        rust_minor: field("release:", 1).unwrap_or_default(),
        llvm: field("LLVM version:", 0).unwrap_or_default(),
    })
}

impl Probe {
    fn is_suitable(&self) -> bool {
        self.rust_minor >= RUST_MINOR && self.llvm == LLVM_MAJOR
    }

    fn into_toolchain(self) -> Result<Toolchain> {
        if !self.is_suitable() {
            bail!(
                "{} has LLVM {}; 1.{RUST_MINOR} or later with LLVM {LLVM_MAJOR} is needed",
                self.name,
                self.llvm
            );
        }
        if !has_sources(&self.sysroot) {
            bail!("{} has no library sources (component rust-src)", self.name);
        }
        Ok(Toolchain { name: self.name, sysroot: self.sysroot })
    }
}

fn has_sources(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib/src/rust/library/core/src/lib.rs").is_file()
}

/// Debian's libLLVM of the right release.
fn system_llvm() -> Option<PathBuf> {
    let triple = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    [triple, format!("/usr/lib/llvm-{LLVM_MAJOR}/lib"), "/usr/lib".to_owned()]
        .iter()
        .filter_map(|directory| fs::read_dir(directory).ok())
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&format!("libLLVM.so.{LLVM_MAJOR}"))
                || name.starts_with(&format!("libLLVM-{LLVM_MAJOR}"))
        })
}
