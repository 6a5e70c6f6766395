//! What a person and a monitoring system see: status, metrics, observe mode, and the job done with flags alone.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Agent, Options, Rung},
    clock::Moment,
    group::Group,
    inject::{Forger, send_once},
    keepalived::Keepalived,
    node::Node,
};
use libtest_mimic::Trial;
use regent_common::Reason;

use super::{
    leftovers::nothing_is_left,
    rig::{Rig, START, STRONG, TENTH, WEAK},
    trial::{Need, Reasons},
};

/// What the usual keepalived exporter exports, and its dashboard reads.
const EXPORTED: [&str; 17] = [
    "keepalived_up",
    "keepalived_vrrp_state",
    "keepalived_gratuitous_arp_delay_total",
    "keepalived_advertisements_received_total",
    "keepalived_advertisements_sent_total",
    "keepalived_become_master_total",
    "keepalived_release_master_total",
    "keepalived_packet_length_errors_total",
    "keepalived_advertisements_interval_errors_total",
    "keepalived_ip_ttl_errors_total",
    "keepalived_invalid_type_received_total",
    "keepalived_address_list_errors_total",
    "keepalived_authentication_invalid_total",
    "keepalived_authentication_mismatch_total",
    "keepalived_authentication_failure_total",
    "keepalived_priority_zero_received_total",
    "keepalived_priority_zero_sent_total",
];

/// All of them.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let agent: &[Need] = &[Need::Agent];
    let both: &[Need] = &[Need::Agent, Need::Keepalived];
    let observe: &[Need] = &[Need::Agent, Need::Keepalived, Need::Object];
    vec![
        reasons.trial("outside::with_neither_file_nor_flags_it_only_observes", observe, it_only_observes),
        reasons.trial("outside::flags_alone_do_the_same_job", both, flags_alone_do_the_same_job),
        reasons.trial(
            "outside::metrics_have_the_names_of_the_usual_exporter",
            agent,
            metrics_have_the_usual_names,
        ),
        reasons.trial("outside::metrics_are_off_by_default", agent, metrics_are_off_by_default),
        reasons.trial("outside::status_tells_state_peer_and_counters", agent, status_tells),
        reasons.trial("outside::status_without_a_daemon_is_exit_3", agent, status_without_a_daemon),
        reasons.trial("outside::a_transition_is_one_line_that_says_why", agent, a_transition_is_one_line),
    ]
}

/// Nothing is sent, not even IGMP; nothing is assigned; the pair is shown per source.
fn it_only_observes() -> Result<()> {
    let rig = Rig::new()?;
    let (strong, weak) = (Group::fast(STRONG, TENTH), Group::fast(WEAK, TENTH));
    let watcher = rig.another("watcher", 8)?;
    let sent = watcher.capture_at_port()?;
    let before = watcher.addresses()?;
    let began = Moment::now();
    let _a = Keepalived::start(&rig.a, &strong.text())?;
    let _b = Keepalived::start(&rig.b, &weak.text())?;
    rig.advert(began, &rig.a, &strong, strong.timing().down_bound(STRONG) + START)?;

    let mut agent = Agent::start(&watcher, &Options::flags(&[]))?;
    let forger = Forger::new(&strong, &rig.client, rig.client.address(), 200);
    let bad = forger.bad(Reason::Checksum, &watcher)?.context("no such packet")?;
    for _ in 0..5 {
        send_once(&rig.client, &bad)?;
    }
    let heard = |status: &lab::agent::Status, source: Ipv4Addr| {
        status.heard().iter().find(|heard| heard["source"] == source.to_string()).cloned()
    };
    let status = agent.wait_status("to hear the group", START, |status| {
        heard(status, rig.a.address()).is_some_and(|heard| heard["received"].as_u64() >= Some(10))
    })?;
    ensure!(status.root["observing"] == true, "it does not say that it observes");
    let of_a = heard(&status, rig.a.address()).context("a is not heard")?;
    for (field, value) in
        [("vrid", 50), ("version", 3), ("priority", u64::from(STRONG)), ("interval_ms", 100)]
    {
        ensure!(of_a[field] == value, "{field} is {} and not {value}", of_a[field]);
    }
    let of_client = heard(&status, rig.client.address()).context("the bad packets are not heard")?;
    ensure!(of_client["rejected"]["checksum"] == 5, "rejected: {}", of_client["rejected"]);
    let table = agent.status_table()?;
    ensure!(
        table.contains("10.0.0.1") && table.contains("50"),
        "the table does not show the group:\n{table}"
    );

    ensure!(agent.stop()?.success(), "it did not end well");
    nothing_is_left(&watcher, &before)?;
    let frames: Vec<_> = sent.frames().into_iter().filter(|frame| frame.mac == watcher.mac()).collect();
    ensure!(frames.is_empty(), "{} frames were sent: {frames:?}", frames.len());
    Ok(())
}

fn flags_alone_do_the_same_job() -> Result<()> {
    let rig = Rig::new()?;
    let (strong, weak) = (Group::classic(STRONG), Group::classic(WEAK));
    let began = Moment::now();
    let flags = ["--vrid", "50", "--priority", "150", "--vip", "10.0.0.3", "--auth-pass", "1111"];
    let mut agent = Agent::start(&rig.a, &Options::flags(&flags))?;
    let mut backup = Keepalived::start(&rig.b, &weak.text())?;
    rig.advert(began, &rig.a, &strong, strong.timing().down_bound(STRONG) + START)?;
    rig.wait_address(&rig.a, strong.address(), true, START)?;
    std::thread::sleep(weak.timing().down_bound(WEAK));
    ensure!(rig.spoke(began, &rig.b, &weak) == 0, "keepalived did not take the adverts for good");
    let log = backup.process.log().join("\n").to_lowercase();
    for complaint in ["bogus", "invalid", "mismatch", "incorrect"] {
        ensure!(!log.contains(complaint), "keepalived complains: {log}");
    }
    ensure!(agent.stop()?.success(), "it did not end well");
    rig.advert(Moment::now(), &rig.b, &weak, weak.timing().skew_bound(WEAK))?;
    ensure!(backup.process.exited()?.is_none(), "keepalived ended");
    Ok(())
}

fn metrics_have_the_usual_names() -> Result<()> {
    let rig = Rig::new()?;
    let group = Group::fast(STRONG, TENTH);
    let options = Options::config(group.text()).argument("--metrics", "127.0.0.1:9165");
    let agent = Agent::start(&rig.a, &options)?;
    agent.wait_status("to be MASTER", START, |status| status.state("VI_1") == "MASTER")?;
    let text = fetch(&rig.a, "/metrics")?;
    for name in EXPORTED {
        let is_there = text.lines().any(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{') || rest.starts_with(' '))
        });
        ensure!(is_there, "{name} is missing:\n{text}");
    }
    let state = text.lines().find(|line| line.starts_with("keepalived_vrrp_state{")).context("no state")?;
    for label in ["iname=\"VI_1\"", "intf=\"ens33\"", "vrid=\"50\"", "ip_address=\"10.0.0.3"] {
        ensure!(state.contains(label), "{label} is missing: {state}");
    }
    ensure!(state.ends_with(" 2"), "a master is 2: {state}");
    ensure!(text.contains("\nregent_"), "no metric of our own");
    Ok(())
}

fn metrics_are_off_by_default() -> Result<()> {
    let rig = Rig::new()?;
    let _agent = Agent::start(&rig.a, &Options::config(Group::fast(STRONG, TENTH).text()))?;
    let listening = rig.a.run("ss", &["-Hltn"])?;
    ensure!(listening.trim().is_empty(), "it listens: {listening}");
    Ok(())
}

fn fetch(node: &Node, path: &str) -> Result<String> {
    let mut stream = node.namespace().enter(|| {
        TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, 9165).into(), Duration::from_secs(2))
            .context("connect")
    })?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    ensure!(text.starts_with("HTTP/1.1 200"), "{text}");
    Ok(text)
}

fn status_tells() -> Result<()> {
    let rig = Rig::new()?;
    let (strong, weak) = (Group::fast(STRONG, TENTH), Group::fast(WEAK, TENTH));
    let master = rig.master(&rig.a, &strong, Rung::Auto)?;
    let backup = rig.backup(&rig.b, &weak, Rung::Auto)?;
    let status = backup
        .wait_status("to count adverts", START, |status| status.number("VI_1", "/counters/accepted") >= 5)?;
    let instance = status.instance("VI_1");
    ensure!(instance["active"]["source"] == "10.0.0.1", "active: {}", instance["active"]);
    ensure!(
        instance["active"]["priority"] == STRONG && instance["active"]["local"] == false,
        "{}",
        instance["active"]
    );
    ensure!(instance["sources"][0]["interval_ms"] == 100, "sources: {}", instance["sources"]);
    ensure!(!instance["why"].as_str().unwrap_or_default().is_empty(), "no reason is given");
    let status = master.status()?;
    ensure!(status.assigned("VI_1", strong.address()), "the address is not shown as assigned");
    ensure!(
        status.number("VI_1", "/adverts_sent") >= 5,
        "adverts sent: {}",
        status.instance("VI_1")["adverts_sent"]
    );
    ensure!(status.instance("VI_1")["active"]["local"] == true, "the master does not know that it is it");
    let table = master.status_table()?;
    for word in ["VI_1", "MASTER", "10.0.0.3", "ens33"] {
        ensure!(table.contains(word), "{word} is not in the table:\n{table}");
    }
    Ok(())
}

fn status_without_a_daemon() -> Result<()> {
    let rig = Rig::new()?;
    let directory = lab::agent::run_directory(&rig.a);
    let output = lab::agent::verb(&["status", "--run-dir", &directory.display().to_string()])?;
    ensure!(output.status.code() == Some(3), "it ended with {}", output.status);
    let said: Vec<String> = String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect();
    super::refusals::one_clear_error(&said, &[&directory.display().to_string()])
}

fn a_transition_is_one_line() -> Result<()> {
    let rig = Rig::new()?;
    let group = Group::fast(STRONG, TENTH);
    let mut agent = rig.master(&rig.a, &group, Rung::Auto)?;
    agent.process.wait_for_log("(VI_1) Entering MASTER STATE", 1, START)?;
    ensure!(agent.process.count("Entering BACKUP STATE") == 1, "{}", agent.process.log_tail());
    ensure!(agent.process.count("Entering MASTER STATE") == 1, "{}", agent.process.log_tail());
    let line =
        agent.process.log().into_iter().find(|line| line.contains("Entering MASTER")).unwrap_or_default();
    let why = line.split("Entering MASTER STATE").nth(1).unwrap_or_default();
    ensure!(why.trim().len() > 5, "the line does not say why: {line}");
    Ok(())
}
