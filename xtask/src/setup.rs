//! `cargo xtask setup`: finds what building and testing need, adds what is missing by rustup, cargo and apt, and
//! otherwise says in one message what to install. Changes nothing that is there.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    process::{exists, output},
    toolchain::{self, Route, Toolchain},
};

/// What the tests run beside us, and look with.
const PEERS: [&str; 7] =
    ["keepalived", "frr", "tcpdump", "iproute2", "nftables", "iputils-ping", "iputils-arping"];
/// Peers whose package would start them.
const SERVICES: [&str; 2] = ["keepalived", "frr"];
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Options of the verb.
#[derive(clap::Args)]
pub struct Arguments {
    /// Take the compiler for the BPF program from here and nowhere else
    #[arg(long, value_enum)]
    pub route: Option<Route>,
}

/// Sets up everything.
///
/// # Errors
/// When the compiler or the linker cannot be had. Missing test peers are reported and no error: their tests are skipped.
pub fn run_all(route: Option<Route>) -> Result<Toolchain> {
    let toolchain = build_tools(route)?;
    peers();
    Ok(toolchain)
}

/// The verb.
///
/// # Errors
/// As [`run_all`].
pub fn run(arguments: &Arguments) -> Result<()> {
    let toolchain = run_all(arguments.route)?;
    eprintln!("setup: the BPF program is built by {}", toolchain.name);
    Ok(())
}

/// Compiler and linker.
///
/// # Errors
/// When either cannot be had.
pub fn build_tools(route: Option<Route>) -> Result<Toolchain> {
    let toolchain = Toolchain::find(route)?;
    toolchain::linker(&toolchain)?;
    Ok(toolchain)
}

/// The daemons and tools that tests use.
fn peers() {
    let missing: Vec<&str> = PEERS.into_iter().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return;
    }
    if let Err(error) = apt_install(&missing) {
        eprintln!("setup: {error:#}; tests that need {} will be skipped", missing.join(", "));
    }
}

/// Installs Debian packages, and leaves no service of theirs running or enabled.
///
/// # Errors
/// When apt is not there, we are not root, or it fails.
pub fn apt_install(packages: &[&str]) -> Result<()> {
    let by_hand = format!("as root: apt-get install {}", packages.join(" "));
    if !exists("apt-get") {
        bail!("no apt here to install {}", packages.join(" "));
    }
    if !is_root() {
        bail!("not root: {by_hand}");
    }
    eprintln!("setup: installing {}", packages.join(" "));
    let new_services: Vec<&str> =
        SERVICES.into_iter().filter(|service| packages.contains(service) && !is_installed(service)).collect();
    let policy = Policy::forbid_starting()?;
    let installed = apt(&["install", "--yes", "--no-install-recommends"], packages).or_else(|first| {
        // The lists may be old, or were never fetched.
        apt(&["update"], &[]).context(first)?;
        apt(&["install", "--yes", "--no-install-recommends"], packages)
    });
    drop(policy);
    for service in new_services {
        if exists("systemctl") {
            // Fails where systemd does not run; there nothing was started either.
            if let Err(error) = output(Command::new("systemctl").args(["disable", "--now", service])) {
                eprintln!("setup: {error:#}");
            }
        }
    }
    installed.context(by_hand)
}

fn apt(verb: &[&str], packages: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.arg("--quiet=2").args(verb).args(packages).env("DEBIAN_FRONTEND", "noninteractive");
    output(&mut command).map(|_| ())
}

fn is_installed(package: &str) -> bool {
    output(Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]))
        .is_ok_and(|status| status == "installed")
}

fn is_root() -> bool {
    output(Command::new("id").arg("--user")).is_ok_and(|user| user == "0")
}

/// Debian's way to say that packages must not start their services; taken back when dropped. A policy that is there
/// already is left as it is.
struct Policy(Option<PathBuf>);

impl Policy {
    fn forbid_starting() -> Result<Self> {
        let path = Path::new(POLICY);
        if path.exists() {
            return Ok(Self(None));
        }
        fs::write(path, "#!/bin/sh\nexit 101\n").with_context(|| format!("cannot write {POLICY}"))?;
        let policy = Self(Some(path.to_owned()));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        Ok(policy)
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && let Err(error) = fs::remove_file(path)
        {
            eprintln!("setup: cannot remove {}: {error}; remove it by hand", path.display());
        }
    }
}
