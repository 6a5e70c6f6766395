//! The real peer: keepalived in the foreground, with pid files of its own.

use std::{path::Path, process::ExitStatus, time::Duration};

use anyhow::Result;

use crate::{node::Node, process::Process};

/// Where distributions put it.
const PROGRAMS: [&str; 3] = ["/usr/sbin/keepalived", "/usr/local/sbin/keepalived", "/sbin/keepalived"];
/// It always takes a second to stop: a timer of its own.
const STOP: Duration = Duration::from_secs(4);

/// The program, if it is installed.
pub fn program() -> Option<&'static str> {
    PROGRAMS.into_iter().find(|path| Path::new(path).exists())
}

/// A running keepalived.
#[derive(Debug)]
pub struct Keepalived {
    /// The parent; its VRRP child dies with it.
    pub process: Process,
}

impl Keepalived {
    /// Starts it on `node` with that config.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn start(node: &Node, config: &str) -> Result<Self> {
        let program = program()
            .ok_or_else(|| anyhow::anyhow!("keepalived is not installed: apt install keepalived"))?;
        let config = node.write("keepalived.conf", config)?;
        let file = |name: &str| node.directory().join(name);
        // What a killed one left, it would take for one that runs: nobody here collects its orphans at once.
        for name in ["keepalived.pid", "vrrp.pid"] {
            std::fs::remove_file(file(name)).ok();
        }
        let mut command = node.command(program);
        command.args([
            "--dont-fork",
            "--log-console",
            "--log-detail",
            "--no-syslog",
            "--vrrp",
            "--dont-respawn",
        ]);
        command.arg("--use-file").arg(config);
        command.arg("--pid").arg(file("keepalived.pid"));
        command.arg("--vrrp_pid").arg(file("vrrp.pid"));
        // Asking it to stop costs a second and tests nothing: on drop it is killed, and its child by its own death
        // signal and with the namespace.
        let process = Process::spawn("keepalived", node, &mut command, Duration::ZERO)?;
        Ok(Self { process })
    }

    /// SIGTERM; returns how it ended.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.process.stop(STOP)
    }
}
