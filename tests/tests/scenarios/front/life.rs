//! From its start to its end: files, log, signals, exit codes.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use lab::{clock::Moment, group::Group, namespace::finish, node::Node, process::Process};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    super::rig::{Rig, START, STRONG, TENTH},
    apart, keepalived, start,
};

/// What is written on a signal is there by then.
const DUMP: Duration = Duration::from_secs(2);
/// A stop, or a start that is refused, comes at once.
const BOUND: Duration = Duration::from_secs(10);

pub fn wait(what: &str, bound: Duration, there: impl Fn() -> bool) -> Result<()> {
    let began = Moment::now();
    while !there() {
        ensure!(began.elapsed() < bound, "not within {bound:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

pub fn pid_in(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Sends it and reads what is written then.
pub fn dumped(node: &Node, pid: u32, signal: i32, file: &str) -> Result<String> {
    let path = node.directory().join(file);
    fs::remove_file(&path).ok();
    send(pid, signal)?;
    wait(&path.display().to_string(), DUMP, || path.exists())?;
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path)?.permissions());
    ensure!(mode & 0o777 == 0o600, "{file} may be read by others: {mode:o}");
    Ok(fs::read_to_string(&path)?)
}

/// Also a real-time signal, which has no name.
pub fn send(pid: u32, signal: i32) -> Result<()> {
    let status =
        std::process::Command::new("kill").args(["-s", &signal.to_string(), &pid.to_string()]).status()?;
    ensure!(status.success(), "send signal {signal} to {pid}: {status}");
    Ok(())
}

/// The number of a signal, as a script would ask for it.
fn signum(node: &Node, name: &str) -> Result<i32> {
    let output = finish(node.command(keepalived(node)?).arg(format!("--signum={name}")))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}

pub fn in_the_foreground() -> Result<()> {
    let group = Group::fast(STRONG, TENTH);
    let rig = Rig::new()?;
    let (node, files) = (&rig.a, rig.a.directory());
    let (main, vrrp) = (files.join("main.pid"), files.join("vrrp.pid"));
    let began = Moment::now();
    let mut process = start(node, &group.text(), &["--dont-fork", "--log-console", "-D", "-G", "-P"])?;
    process.wait_for_log("(VI_1) Entering MASTER STATE", 1, BOUND)?;
    rig.advert(began, node, &group, START).with_context(|| process.log_tail())?;
    process.wait_for_log("(VI_1) Entering BACKUP STATE (init)", 1, BOUND)?;
    process.wait_for_log("(VI_1) Receive advertisement timeout", 1, BOUND)?;
    rig.wait_address(node, group.address(), true, BOUND)?;
    let pid = pid_in(&main).context("no pid file")?;
    ensure!(pid_in(&vrrp) == Some(pid) && pid == process.pid(), "{pid} and not {}", process.pid());

    let mut second = start(node, &group.text(), &["-n", "-l", "-G"])?;
    let status = second.wait_exit(BOUND)?;
    ensure!(
        status.code() == Some(0) && second.count("daemon is already running") == 1,
        "{}",
        second.log_tail()
    );

    let data = dumped(node, pid, signum(node, "DATA")?, "keepalived.data")?;
    ensure!(data.contains(" VRRP Instance = VI_1\n   VRRP Version = 3\n   State = MASTER\n"), "{data}");
    ensure!(data.contains("     10.0.0.3 dev ens33 scope global set\n"), "{data}");
    let stats = dumped(node, pid, signum(node, "STATS")?, "keepalived.stats")?;
    ensure!(sent(&stats)? > 0 && stats.contains("  Became master: 1\n"), "{stats}");
    let json: serde_json::Value =
        serde_json::from_str(&dumped(node, pid, signum(node, "JSON")?, "keepalived.json")?)?;
    ensure!(json[0]["data"]["iname"] == "VI_1" && json[0]["data"]["state"] == 2, "{json}");
    // Cleared after it was written.
    let before = dumped(node, pid, signum(node, "STATS_CLEAR")?, "keepalived.stats")?;
    let after = dumped(node, pid, signum(node, "STATS")?, "keepalived.stats")?;
    ensure!(before.contains("  Became master: 1\n") && after.contains("  Became master: 0\n"), "{after}");
    ensure!(sent(&after)? < sent(&before)?, "{before}\n{after}");

    kill(Pid::from_raw(pid.try_into()?), Signal::SIGTERM)?;
    let status = process.wait_exit(BOUND)?;
    ensure!(status.code() == Some(0), "{status}{}", process.log_tail());
    ensure!(!main.exists() && !vrrp.exists(), "its pid files are left");
    rig.wait_address(node, group.address(), false, BOUND)
}

fn sent(stats: &str) -> Result<u64> {
    let line = stats.lines().find_map(|line| line.trim().strip_prefix("Sent: "));
    Ok(line.context("no adverts sent")?.parse()?)
}

pub fn in_the_background() -> Result<()> {
    let group = Group::fast(STRONG, TENTH);
    let rig = Rig::new()?;
    let (node, main) = (&rig.a, rig.a.directory().join("main.pid"));
    let log = node.directory().join("log");
    let mut process = start(node, &group.text(), &["-G", "-g", &log.display().to_string()])?;
    let status = process.wait_exit(BOUND)?;
    ensure!(status.code() == Some(0), "{status}{}", process.log_tail());
    // It has started by then.
    let pid = pid_in(&main).context("no pid file when the first process ended")?;
    let end = End(pid);
    ensure!(pid != process.pid(), "it is the process that ended");
    rig.wait_address(node, group.address(), true, BOUND)?;
    for number in 0..3 {
        let to = fs::read_link(format!("/proc/{pid}/fd/{number}"))?;
        ensure!(to == Path::new("/dev/null"), "descriptor {number} is {}", to.display());
    }
    let session = nix::unistd::getsid(Some(Pid::from_raw(pid.try_into()?)))?;
    ensure!(session != nix::unistd::getsid(None)? && session.as_raw() != i32::try_from(pid)?, "{session}");
    ensure!(fs::read_to_string(&log)?.contains("(VI_1) Entering MASTER STATE"));
    kill(Pid::from_raw(pid.try_into()?), Signal::SIGTERM)?;
    wait("its end", BOUND, || end.has_come())?;
    ensure!(!main.exists(), "its pid file is left");
    rig.wait_address(node, group.address(), false, BOUND)?;

    // A start that fails says so with its exit code, there too.
    let mut process =
        start(node, &group.text().replace("virtual_router_id", "virtual_router_identity"), &[])?;
    let status = process.wait_exit(BOUND)?;
    ensure!(status.code() == Some(2), "{status}{}", process.log_tail());
    ensure!(!main.exists(), "it left a pid file");
    Ok(())
}

/// A process that is nobody's child here: it does not outlive the scenario.
struct End(u32);

impl End {
    /// It has ended, or only waits to be collected.
    fn has_come(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('Z'))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if !self.has_come()
            && let Ok(pid) = self.0.try_into()
        {
            kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
        }
    }
}

pub fn refused() -> Result<()> {
    let good = Group::fast(STRONG, TENTH).text();
    let rig = Rig::new()?;
    let ended = |mut process: Process, code: i32, words: &[&str]| -> Result<()> {
        let status = process.wait_exit(BOUND)?;
        ensure!(status.code() == Some(code), "{status} and not {code}{}", process.log_tail());
        for word in words {
            ensure!(process.count(word) > 0, "{word:?} is not said{}", process.log_tail());
        }
        Ok(())
    };
    let foreground = ["-n", "-l", "-G"];
    ended(start(&rig.a, &good.replace("50", "300"), &foreground)?, 2, &["Line ", "not started: VI_1"])?;
    ended(start(&rig.a, &good, &["-n", "-l", "-G", "-f", "/nonexistent"])?, 6, &["/nonexistent"])?;
    ended(start(&rig.a, &good, &["-n", "-l", "-G", "-s", "nosuch"])?, 1, &["ip netns add nosuch"])?;
    ended(start(&rig.a, &good, &["--frobnicate"])?, 1, &["Unknown option --frobnicate"])?;
    let left = fs::read_dir(rig.a.directory())?.filter_map(|file| Some(file.ok()?.file_name()));
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().contains(".pid")).collect();
    ensure!(left.is_empty(), "pid files are left: {left:?}");
    Ok(())
}

pub fn default_files() -> Result<()> {
    let group = Group::fast(STRONG, TENTH);
    let rig = Rig::new()?;
    let node = &rig.a;
    let mut command = apart(node, &keepalived(node)?);
    command.args(["-nlGf"]).arg(node.write("keepalived.conf", &group.text())?);
    // What a daemon left that died with its container, whose number another process has now.
    let stale = "echo 1 > /run/keepalived.pid && exec";
    let mut process = {
        let mut with_stale = node.command("unshare");
        for argument in command.get_args() {
            let text = argument.to_string_lossy();
            with_stale.arg(text.replace("exec", stale));
        }
        with_stale.env("TMPDIR", node.directory());
        Process::spawn("keepalived (agent)", node, &mut with_stale, BOUND)?
    };
    process.wait_for_log("(VI_1) Entering MASTER STATE", 1, BOUND)?;
    let root = PathBuf::from(format!("/proc/{}/root/run", process.pid()));
    for file in ["keepalived.pid", "vrrp.pid"] {
        let path = root.join(file);
        wait(file, BOUND, || pid_in(&path) == Some(process.pid()))?;
    }
    ensure!(root.join("regent/api.sock").exists(), "`agent status` would not find it");
    let status = process.stop(BOUND)?;
    ensure!(status.code() == Some(0), "{status}");
    Ok(())
}

pub fn handed_over() -> Result<()> {
    let group = Group::fast(STRONG, TENTH);
    let rig = Rig::new()?;
    let (node, main) = (&rig.a, rig.a.directory().join("main.pid"));
    let mut process = start(node, &group.text(), &["-n", "-l", "-G"])?;
    process.wait_for_log("(VI_1) Entering MASTER STATE", 1, BOUND)?;
    Process::adopt_orphans()?;
    let run_directory = node.directory().join("main.regent");
    let mut command = std::process::Command::new(lab::agent::program()?);
    let said = lab::namespace::succeed(command.args(["handover", "--run-dir"]).arg(&run_directory))?;
    let pid = said.split_once("-> pid ").and_then(|(_, rest)| rest.split(',').next()?.parse().ok());
    let pid: u32 = pid.with_context(|| format!("no process number in {said:?}"))?;
    let status = process.succeeded_by(pid, BOUND)?;
    ensure!(status.success(), "{status}{}", process.log_tail());
    wait("the successor's pid file", BOUND, || pid_in(&main) == Some(pid))?;
    let stats = dumped(node, pid, signum(node, "STATS")?, "keepalived.stats")?;
    ensure!(stats.contains("VRRP Instance: VI_1"), "{stats}");
    ensure!(node.has_address(group.address())?, "the address is gone");
    let status = process.stop(BOUND)?;
    ensure!(status.code() == Some(0) && !main.exists(), "{status}{}", process.log_tail());
    Ok(())
}
