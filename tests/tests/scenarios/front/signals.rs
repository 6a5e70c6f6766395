//! Signals while it runs, the system log, and names that the config gives to files.

use std::{fs, os::unix::net::UnixDatagram, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{clock::Moment, group::Group, node::Node, process::Process};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    super::rig::{Rig, START, STRONG, TENTH},
    keepalived,
    life::{dumped, pid_in, send, wait},
    start,
};

/// Until something is there that comes at once.
const BOUND: Duration = Duration::from_secs(10);

/// What keepalived knows by these numbers: state, counts, counts that begin anew, JSON.
const DUMPS: [i32; 4] = [10, 12, 63, 36];

pub fn reloaded() -> Result<()> {
    let group = Group::fast(STRONG, TENTH);
    let rig = Rig::new()?;
    let node = &rig.a;
    let mut process = start(node, &group.text(), &["-n", "-l", "-G"])?;
    process.wait_for_log("(VI_1) Entering MASTER STATE", 1, BOUND)?;
    let began = Moment::now();
    let pid = process.pid();
    let reload = |process: &mut Process, text: Option<&str>, said: &str| -> Result<()> {
        let file = node.directory().join("keepalived.conf");
        match text {
            Some(text) => fs::write(file, text)?,
            None => fs::remove_file(file)?,
        }
        let before = process.count(said);
        kill(Pid::from_raw(pid.try_into()?), Signal::SIGHUP)?;
        process.wait_for_log(said, before + 1, BOUND)
    };
    // A broken file and none leave everything as it is.
    let broken = group.text().replace("virtual_router_id", "virtual_router_identity");
    reload(&mut process, Some(&broken), "error[")?;
    reload(&mut process, None, "no such file")?;
    let data = dumped(node, pid, DUMPS[0], "keepalived.data")?;
    ensure!(data.contains("   Priority = 150\n") && !data.contains("Router ID = other"), "{data}");
    // A good one counts, in the dump too.
    let good = format!("global_defs {{\nrouter_id other\n}}\n{}", group.clone().of(140).text());
    reload(&mut process, Some(&good), "reload")?;
    wait("the new plan in the dump", BOUND, || {
        dumped(node, pid, DUMPS[0], "keepalived.data")
            .is_ok_and(|data| data.contains("   Priority = 140\n") && data.contains(" Router ID = other\n"))
    })?;
    ensure!(process.count("Entering BACKUP STATE") == 1, "it left its state{}", process.log_tail());
    let sent = rig.spoke(began, node, &group);
    ensure!(sent > 0 && longest_gap(&rig, node, &group, began)? <= group.timing().interval * 6 / 5, "a gap");
    process.stop(BOUND)?;
    Ok(())
}

pub fn a_storm() -> Result<()> {
    let group = Group::fast(STRONG, TENTH);
    let rig = Rig::new()?;
    let mut process = start(&rig.a, &group.text(), &["-n", "-l", "-G"])?;
    process.wait_for_log("(VI_1) Entering MASTER STATE", 1, BOUND)?;
    rig.advert(Moment::now(), &rig.a, &group, START)?;
    let began = Moment::now();
    while began.elapsed() < Duration::from_secs(3) {
        for signal in DUMPS {
            send(process.pid(), signal)?;
        }
    }
    let (longest, bound) = (longest_gap(&rig, &rig.a, &group, began)?, group.timing().interval * 6 / 5);
    ensure!(longest <= bound, "a gap of {longest:?}{}", process.log_tail());
    ensure!(process.count("Printing VRRP as json") > 10, "nothing was written{}", process.log_tail());
    process.stop(BOUND)?;
    Ok(())
}

/// The longest time between two adverts after that moment.
fn longest_gap(rig: &Rig, node: &Node, group: &Group, began: Moment) -> Result<Duration> {
    let frames = rig.capture.frames();
    let source = node.source(group.family());
    let mut times = frames
        .iter()
        .filter(|frame| frame.mac == node.mac() && frame.is_advert(group.wire_vrid(), source))
        .map(|frame| frame.at)
        .filter(|at| *at > began);
    let mut last = times.next().context("no advert")?;
    let mut longest = Duration::ZERO;
    for at in times {
        longest = longest.max(at.since(last));
        last = at;
    }
    Ok(longest)
}

/// Starts it where `/dev` is that directory of the host's, in which a system log may listen.
fn start_below(node: &Node, devices: &Path, config: &str, options: &[&str]) -> Result<Process> {
    const LENT: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
    let lent = LENT.map(|name| format!("touch $D/{name} && mount --bind /dev/{name} $D/{name}")).join(" && ");
    let mounts = format!(
        "mount -t tmpfs run /run && mount -t tmpfs bpf /sys/fs/bpf && {lent} && mount --rbind $D /dev && exec \"$0\" \"$@\""
    );
    let mut command: Command = node.command("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", &mounts]);
    command.arg(keepalived(node)?).env("TMPDIR", node.directory()).env("D", devices);
    command.arg("-f").arg(node.write("keepalived.conf", config)?).args(options);
    Process::spawn("keepalived (agent)", node, &mut command, BOUND)
}

/// Lines until one contains `wanted`.
fn heard(log: &UnixDatagram, wanted: &str) -> Result<String> {
    let mut buffer = [0; 4096];
    let began = Moment::now();
    let mut lines = Vec::new();
    while began.elapsed() < BOUND {
        let Ok(length) = log.recv(&mut buffer) else { break };
        let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if line.contains(wanted) {
            return Ok(line);
        }
        lines.push(line);
    }
    anyhow::bail!("the system log has no {wanted:?}, but:\n{}", lines.join("\n"))
}

pub fn in_the_system_log() -> Result<()> {
    let group = Group::fast(STRONG, TENTH);
    let rig = Rig::new()?;
    let node = &rig.a;
    let devices = node.directory().join("dev");
    fs::create_dir(&devices)?;
    let listen = || -> Result<UnixDatagram> {
        let log = UnixDatagram::bind(devices.join("log"))?;
        log.set_read_timeout(Some(BOUND))?;
        Ok(log)
    };
    let log = listen()?;
    let mut process = start_below(node, &devices, &group.text(), &["-nDS", "3"])?;
    // LOG_LOCAL3 is facility 19, LOG_INFO severity 6.
    let line = heard(&log, "Starting Keepalived ")?;
    ensure!(
        line.starts_with("<158>") && line.contains(&format!(" Keepalived[{}]: ", process.pid())),
        "{line}"
    );
    let line = heard(&log, "(VI_1) Receive advertisement timeout")?;
    ensure!(line.contains(&format!(" Keepalived_vrrp[{}]: ", process.pid())), "{line}");
    heard(&log, "(VI_1) Entering MASTER STATE")?;
    ensure!(process.log().is_empty(), "it is on the console too{}", process.log_tail());
    // One that takes nothing any more, and then is gone, holds up no advert.
    let began = Moment::now();
    for _ in 0..200 {
        send(process.pid(), DUMPS[1])?;
    }
    drop(log);
    fs::remove_file(devices.join("log"))?;
    send(process.pid(), DUMPS[1])?;
    rig.advert(Moment::now(), node, &group, START)?;
    let (longest, bound) = (longest_gap(&rig, node, &group, began)?, group.timing().interval * 6 / 5);
    ensure!(longest <= bound, "a gap of {longest:?}");
    // It is started again.
    let log = listen()?;
    send(process.pid(), DUMPS[0])?;
    heard(&log, "Printing VRRP data")?;
    kill(Pid::from_raw(process.pid().try_into()?), Signal::SIGTERM)?;
    heard(&log, "Stopped Keepalived ")?;
    let status = process.wait_exit(BOUND)?;
    ensure!(status.code() == Some(0), "{status}");
    Ok(())
}

pub fn names() -> Result<()> {
    let group = Group::fast(STRONG, TENTH);
    let rig = Rig::new()?;
    let node = &rig.a;
    let (directory, text) = (node.directory().display().to_string(), group.text());
    let config = format!(
        "instance blue\nglobal_defs {{\ndata_use_instance\nstats_dump_file {directory}/counts\njson_version 2\n}}\n{text}"
    );
    let devices = node.directory().join("dev");
    fs::create_dir(&devices)?;
    let mut process = start_below(node, &devices, &config, &["-nlG"])?;
    process.wait_for_log("(VI_1) Entering MASTER STATE", 1, BOUND)?;
    let pid = process.pid();
    let root = Path::new("/proc").join(pid.to_string()).join("root/run/keepalived");
    for file in ["keepalived_blue.pid", "vrrp_blue.pid"] {
        wait(file, BOUND, || pid_in(&root.join(file)) == Some(pid))?;
    }
    let data = dumped(node, pid, DUMPS[0], "keepalived.blue.data")?;
    ensure!(data.contains(" Instance name = blue\n Router ID = "), "{data}");
    ensure!(dumped(node, pid, DUMPS[1], "counts")?.starts_with("VRRP Instance: VI_1\n"));
    let json: serde_json::Value = serde_json::from_str(&dumped(node, pid, DUMPS[3], "keepalived.json")?)?;
    ensure!(json["vrrp"][0]["data"]["iname"] == "VI_1" && json["track_process"].is_array(), "{json}");
    process.stop(BOUND)?;
    Ok(())
}

pub fn without_what_cannot_run() -> Result<()> {
    let group = Group::fast(STRONG, TENTH);
    let rig = Rig::new()?;
    let other = group.text().replace("VI_1", "VI_2").replace("virtual_router_id 50", "virtual_router_id 300");
    let mut process = start(&rig.a, &format!("{}\n{other}", group.text()), &["-n", "-l", "-G"])?;
    process.wait_for_log("(VI_1) Entering MASTER STATE", 1, BOUND)?;
    ensure!(process.count("started without VI_2") == 1, "{}", process.log_tail());
    rig.advert(Moment::now(), &rig.a, &group, START)?;
    process.stop(BOUND)?;
    Ok(())
}
