//! Starts that must fail: one clear error each (what, on what, what to do), the right exit status, nothing half done.

use std::{
    net::{Ipv4Addr, TcpListener},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{self, Options, Rung},
    clock::Moment,
    group::Group,
    node::INTERFACE,
};
use libtest_mimic::Trial;

use super::{
    leftovers::nothing_is_left,
    rig::{Rig, STRONG, TENTH},
    trial::{Need, Reasons},
    unprivileged,
};

/// A refusal comes at once.
const BOUND: Duration = Duration::from_secs(10);
/// Exit status of the agent's own verbs.
const FAILED: i32 = 1;
const USAGE: i32 = 2;
const CONFIG: i32 = 4;

/// All of them.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let needs: &[Need] = &[Need::Agent];
    let mut trials = Vec::new();
    let mut add = |name: &str, scenario: fn() -> Result<()>| {
        trials.push(reasons.trial(format!("refusals::{name}"), needs, scenario));
    };
    add("a_missing_config_file", || {
        refused(
            &Options::flags(&["--config", "/nonexistent/regent.conf"]),
            CONFIG,
            &["/nonexistent/regent.conf"],
        )
    });
    add("an_unknown_interface", || {
        let flags = Options::flags(&["--vrid", "50", "--vip", "10.0.0.3"]);
        refused(&Options { interfaces: vec!["ens99".to_owned()], ..flags }, FAILED, &["ens99"])
    });
    add("vrid_0_in_the_config", || refused(&with_vrid(0), CONFIG, &["0", "regent.conf"]));
    add("vrid_300_in_the_config", || refused(&with_vrid(300), CONFIG, &["300", "regent.conf"]));
    add("vrid_0_as_a_flag", || {
        refused(&Options::flags(&["--vrid", "0", "--vip", "10.0.0.3"]), USAGE, &["0", "--vrid"])
    });
    add("vrid_300_as_a_flag", || {
        refused(&Options::flags(&["--vrid", "300", "--vip", "10.0.0.3"]), USAGE, &["300", "--vrid"])
    });
    add("two_instances_with_one_vrid", || {
        let mut second = Group::fast(STRONG, TENTH);
        second.name = "VI_2".to_owned();
        second.addresses = vec![Ipv4Addr::new(10, 0, 0, 4).into()];
        let text = format!("{}{}", Group::fast(STRONG, TENTH).text(), second.text());
        refused(&Options::config(text), CONFIG, &["50", "VI_2", "regent.conf"])
    });
    add("a_metrics_port_that_is_taken", a_metrics_port_that_is_taken);
    add("a_run_directory_that_is_taken", a_run_directory_that_is_taken);
    add("no_permission", no_permission);
    add("an_interface_of_the_config_that_is_absent_is_waited_for", an_absent_interface_is_waited_for);
    trials
}

fn with_vrid(vrid: u32) -> Options {
    Options::config(Group { vrid, ..Group::fast(STRONG, TENTH) }.text())
}

/// Refused with that status and one error that names `names`; the host is as before and nothing was sent.
fn refused(options: &Options, status: i32, names: &[&str]) -> Result<()> {
    let rig = Rig::new()?;
    let sent = rig.a.capture_at_port()?;
    let before = rig.a.addresses()?;
    let (ended, log) = agent::run(&rig.a, options, BOUND)?;
    ensure!(ended.code() == Some(status), "it ended with {ended} and not {status}: {log:#?}");
    one_clear_error(&log, names)?;
    nothing_is_left(&rig.a, &before)?;
    let adverts = sent.frames().iter().filter(|frame| frame.advert().is_some()).count();
    ensure!(adverts == 0, "{adverts} adverts were sent");
    Ok(())
}

/// There is one error, it names what it is about, and it is no wall of text.
pub fn one_clear_error(log: &[String], names: &[&str]) -> Result<()> {
    // A config's diagnostic begins its line; the log's conclusion about it is no second error.
    let is_error = |line: &&String| {
        line.starts_with("error") || line.contains(" ERROR ") && !line.contains("correct the errors above")
    };
    let errors = log.iter().filter(is_error).count();
    ensure!(errors == 1, "{errors} errors and not one: {log:#?}");
    let said = log.join("\n");
    for name in names {
        ensure!(said.contains(name), "{name:?} is not named: {log:#?}");
    }
    for noise in ["panicked", "backtrace", "RUST_BACKTRACE"] {
        ensure!(!said.contains(noise), "{noise}: {log:#?}");
    }
    ensure!(log.len() <= 20, "{} lines for one error: {log:#?}", log.len());
    Ok(())
}

fn a_metrics_port_that_is_taken() -> Result<()> {
    let rig = Rig::new()?;
    let _taken = rig
        .a
        .namespace()
        .enter(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 9165)).context("listen on 127.0.0.1:9165"))?;
    let before = rig.a.addresses()?;
    let options = Options::config(Group::fast(STRONG, TENTH).text()).argument("--metrics", "127.0.0.1:9165");
    let (ended, log) = agent::run(&rig.a, &options, BOUND)?;
    ensure!(ended.code() == Some(FAILED), "it ended with {ended}: {log:#?}");
    one_clear_error(&log, &["127.0.0.1:9165"])?;
    nothing_is_left(&rig.a, &before)
}

fn a_run_directory_that_is_taken() -> Result<()> {
    let rig = Rig::new()?;
    let group = Group::fast(STRONG, TENTH);
    let first = rig.master(&rig.a, &group, Rung::Auto)?;
    let other = Group { vrid: 51, addresses: vec![Ipv4Addr::new(10, 0, 0, 4).into()], ..group };
    let asked = Moment::now();
    let (ended, log) = agent::run(&rig.a, &Options::config(other.text()), BOUND)?;
    ensure!(ended.code() == Some(FAILED), "it ended with {ended}: {log:#?}");
    one_clear_error(&log, &[&agent::run_directory(&rig.a).display().to_string()])?;
    ensure!(rig.spoke(asked, &rig.a, &other) == 0, "the second agent spoke");
    ensure!(first.status()?.state("VI_1") == "MASTER", "the first agent is no longer master");
    Ok(())
}

fn no_permission() -> Result<()> {
    let rig = Rig::new()?;
    let before = rig.a.addresses()?;
    let (ended, log) = unprivileged::run_as_nobody(&rig.a, &Group::fast(STRONG, TENTH))?;
    ensure!(ended.code() == Some(FAILED), "it ended with {ended}: {log:#?}");
    one_clear_error(&log, &["CAP_NET_RAW", "CAP_NET_ADMIN"])?;
    nothing_is_left(&rig.a, &before)
}

/// Unknown by `--iface` is fatal; in a config it is a diagnostic, and the instance waits.
fn an_absent_interface_is_waited_for() -> Result<()> {
    let rig = Rig::new()?;
    let group = Group { interface: "ens99".to_owned(), ..Group::fast(STRONG, TENTH) };
    let mut agent =
        agent::Agent::start(&rig.a, &Options { interfaces: Vec::new(), ..Options::config(group.text()) })?;
    agent.wait_status("to wait in FAULT", BOUND, |status| status.state("VI_1") == "FAULT")?;
    // It appears: one that leads nowhere is enough to take part.
    rig.a.make_spare("ens99")?;
    rig.a.ip(&["addr", "add", "10.0.9.1/24", "dev", "ens99"])?;
    agent.wait_status("to become MASTER", BOUND, |status| status.state("VI_1") == "MASTER")?;
    ensure!(agent.stop()?.success(), "it did not end well");
    ensure!(!rig.a.has_address(group.address())?, "{INTERFACE} has the address");
    Ok(())
}
