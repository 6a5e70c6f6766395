//! One agent takes over from another on the same host: the peer, the clients and whoever asks the agent notice nothing.

mod pins;
mod watch;

use std::{fs, time::Duration};

use anyhow::{Context, Result, anyhow, ensure};
use lab::{
    agent::{Agent, Options, Rung},
    clock::{Moment, Span},
    frame::Frame,
    group::Group,
    node::{INTERFACE, Node},
    speaker::{Make, Speaker},
};
use libtest_mimic::Trial;
use regent_agent::crash::Point;

use self::watch::Watch;
use super::{
    leftovers::nothing_is_left,
    rig::{Rig, START, STRONG, TENTH, WEAK},
    trial::{Need, Reasons},
};

/// Both states, at three paces, beside the agent and beside keepalived.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let mut trials = Vec::new();
    let agent = Make::Agent(Rung::Auto);
    for peer in [Make::Keepalived, agent] {
        for (pace, centiseconds) in [("1s", 100), ("100ms", 10), ("10ms", 1)] {
            let needs: &[Need] = match peer {
                Make::Keepalived => &[Need::Agent, Need::Keepalived],
                Make::Agent(_) | Make::Frr => &[Need::Agent],
            };
            trials.push(reasons.trial(
                format!("handover::{pace}_beside_{peer}::a_master_goes_on_and_nobody_notices"),
                needs,
                move || a_master_goes_on(peer, centiseconds, Rung::Auto, 1),
            ));
            trials.push(reasons.trial(
                format!("handover::{pace}_beside_{peer}::a_backup_goes_on_and_takes_over_in_time"),
                needs,
                move || a_backup_goes_on(peer, centiseconds),
            ));
        }
    }
    let mut add = |name: &str, scenario: fn() -> Result<()>| {
        trials.push(reasons.trial(format!("handover::{name}"), &[Need::Agent], scenario));
    };
    add("twenty_in_a_row_lose_nothing", || a_master_goes_on(Make::Agent(Rung::Auto), TENTH, Rung::Auto, 20));
    add("by_the_socket_alone", || a_master_goes_on(Make::Agent(Rung::Auto), TENTH, Rung::Off, 3));
    add("a_successor_that_fails_changes_nothing", a_successor_that_fails_changes_nothing);
    add("another_config_is_taken_over_with_it", another_config_is_taken_over_with_it);
    let mut add = |name: &str, scenario: fn() -> Result<()>| {
        trials.push(reasons.trial(format!("handover::{name}"), &[Need::Agent, Need::MortalAgent], scenario));
    };
    add("a_successor_that_dies_half_way_changes_nothing", a_successor_that_dies_changes_nothing);
    add("whoever_is_left_goes_on_when_the_old_one_dies_half_way", the_old_one_dies_half_way);
    let mut add = |name: &str, scenario: fn() -> Result<()>| {
        trials.push(reasons.trial(format!("handover::{name}"), &[Need::Agent, Need::Object], scenario));
    };
    add("a_start_within_the_gate_goes_on_for_a_dead_agent", pins::a_start_within_the_gate_goes_on);
    add("a_start_after_the_gate_gives_up_what_a_dead_agent_had", pins::a_start_after_the_gate_gives_up);
    add("pins_go_from_hand_to_hand", pins::pins_go_from_hand_to_hand);
    add("detach_clears_away_what_a_dead_agent_left", pins::detach_clears_away);
    trials
}

/// Waits until host a's program answers for the addresses: it needs a neighbour that it can ask whether answers arrive.
fn answered_by_the_program(rig: &Rig, agent: &Agent) -> Result<()> {
    rig.a.run("ping", &["-c", "1", "-W", "1", &rig.client.address().to_string()])?;
    let by_program = |status: &lab::agent::Status| status.root["ports"][0]["responder"]["by"] == "xdp";
    agent.wait_status("to answer by its program", Duration::from_secs(15), by_program).map(drop)
}

/// With a notify program that writes each word that it hears into a file.
fn noted(group: Group, node: &Node) -> Group {
    let script = node.directory().join("notify.sh");
    let words = node.directory().join("notified");
    let text = format!("#!/bin/sh\necho \"$3\" >>{}\n", words.display());
    fs::write(&script, text).ok();
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).ok();
    group.with(&format!("notify {}", script.display()))
}

fn notified(node: &Node) -> Vec<String> {
    let text = fs::read_to_string(node.directory().join("notified")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn group(priority: u8, centiseconds: u32) -> Group {
    if centiseconds == 100 { Group::classic(priority) } else { Group::fast(priority, centiseconds) }
}

fn a_master_goes_on(peer: Make, centiseconds: u32, rung: Rung, times: usize) -> Result<()> {
    let rig = Rig::new()?;
    let before = rig.a.addresses()?;
    let strong = noted(group(STRONG, centiseconds), &rig.a);
    let weak = group(WEAK, centiseconds);
    let mut agent = rig.master(&rig.a, &strong, rung)?;
    let mut other = Speaker::start(peer, &rig.b, &weak)?;
    other.make_punctual();
    other.wait_entering("BACKUP", 1, START)?;
    rig.wait_address(&rig.a, strong.address(), true, START)?;
    if rung == Rung::Auto {
        answered_by_the_program(&rig, &agent)?;
    }
    std::thread::sleep(strong.timing().interval * 3);
    let first = agent.status()?;
    let words = notified(&rig.a);

    let result = going_on(&rig, &mut agent, &strong, times);

    result.with_context(|| format!("{}{}", agent.process.log_tail(), other.log_tail()))?;
    if strong.timing().interval < SLOW && other.entered("MASTER") > 0 {
        eprintln!("note: the peer took over at another moment: the machine was busy");
        return Ok(());
    }
    ensure!(notified(&rig.a) == words, "notify programs ran: {:?} after {words:?}", notified(&rig.a));
    ensure!(other.entered("MASTER") == 0, "the peer became master{}", other.log_tail());
    let last = agent.status()?;
    ensure!(last.state("VI_1") == "MASTER", "it is {}", last.state("VI_1"));
    ensure!(last.root["pid"] != first.root["pid"], "the same process goes on");
    for same in ["/since_unix_ms", "/became_master", "/transitions/MASTER", "/why"] {
        let (was, is) = (first.instance("VI_1").pointer(same), last.instance("VI_1").pointer(same));
        ensure!(was == is && is.is_some(), "{same} was {was:?} and is {is:?}");
    }
    ensure!(
        last.number("VI_1", "/adverts_sent") > first.number("VI_1", "/adverts_sent"),
        "adverts are counted anew"
    );
    ensure!(
        last.carrier(INTERFACE) == first.carrier(INTERFACE),
        "the carrier is {}",
        last.carrier(INTERFACE)
    );
    drop(other);
    ensure!(agent.stop()?.success(), "it did not end well{}", agent.process.log_tail());
    nothing_is_left(&rig.a, &before)
}

/// Hands over so many times and looks at the wire.
fn going_on(rig: &Rig, agent: &mut Agent, strong: &Group, times: usize) -> Result<()> {
    let interval = strong.timing().interval;
    let watch = Watch::begin(rig, Some(agent), strong)?;
    let began = Moment::now();
    for _ in 0..times {
        let said = agent.hand_over(&[])?;
        eprintln!("{}", said.trim());
        std::thread::sleep(interval.max(Duration::from_millis(50)) * 2);
    }
    std::thread::sleep(strong.timing().down_bound(WEAK));
    watch.end(rig, strong, true)?;
    let handed = handed(agent);
    ensure!(handed.len() == times, "{} of {times} successors said so", handed.len());
    let judged = |at: Moment| at > began && (interval >= SLOW || near(&handed, at));
    let frames = rig.capture.frames();
    let ours = |frame: &&Frame| judged(frame.at) && frame.is_advert(strong.wire_vrid(), rig.a.address());
    let mut worst = Duration::ZERO;
    let mut last: Option<Moment> = None;
    for frame in frames.iter().filter(ours) {
        ensure!(frame.advert().is_some_and(|advert| advert.priority == STRONG), "priority 0 was sent");
        worst = worst.max(last.map_or(Duration::ZERO, |last| frame.at.since(last)));
        last = Some(frame.at);
    }
    let theirs = frames
        .iter()
        .filter(|frame| judged(frame.at) && frame.is_advert(strong.wire_vrid(), rig.b.address()))
        .count();
    eprintln!("worst gap {} at {}", Span(worst), Span(interval));
    ensure!(theirs == 0, "the peer spoke {theirs} times; the worst gap was {}", Span(worst));
    ensure!(
        worst < interval * 2 || worst < interval + Duration::from_millis(20),
        "{} between two adverts at an interval of {}",
        Span(worst),
        Span(interval)
    );
    let announced = rig
        .capture
        .count_after(began.plus(Duration::from_secs(6)), |frame| frame.is_announcement(strong.address()));
    ensure!(announced <= 5, "{announced} announcements although nothing changed");
    Ok(())
}

/// Below this interval a busy machine alone makes a peer take over now and then: what is judged is what happens around the
/// moment of a handover.
const SLOW: Duration = Duration::from_millis(100);
/// How long before and after.
const AROUND: Duration = Duration::from_millis(60);

/// When successors went on.
fn handed(agent: &Agent) -> Vec<Moment> {
    let lines = agent.process.timed_log().into_iter();
    lines.filter(|(_, line)| line.contains("took over from pid")).map(|(at, _)| at).collect()
}

fn near(handed: &[Moment], at: Moment) -> bool {
    handed.iter().any(|handed| at >= handed.minus(AROUND) && at <= handed.plus(AROUND))
}

fn a_backup_goes_on(peer: Make, centiseconds: u32) -> Result<()> {
    let rig = Rig::new()?;
    let (strong, weak) = (group(STRONG, centiseconds), noted(group(WEAK, centiseconds), &rig.a));
    let mut other = Speaker::start(peer, &rig.b, &strong)?;
    other.make_punctual();
    other.wait_entering("MASTER", 1, strong.timing().down_bound(STRONG) + START)?;
    let mut agent = rig.backup(&rig.a, &weak, Rung::Auto)?;
    std::thread::sleep(strong.timing().interval * 3);
    let (first, words) = (agent.status()?, notified(&rig.a));
    let watch = Watch::begin(&rig, Some(&agent), &weak)?;
    let began = Moment::now();
    for _ in 0..3 {
        agent.hand_over(&[])?;
        std::thread::sleep(strong.timing().interval);
    }
    std::thread::sleep(strong.timing().down_bound(WEAK));
    watch.end(&rig, &weak, false)?;
    let handed = handed(&agent);
    ensure!(handed.len() == 3, "{} of 3 successors said so{}", handed.len(), agent.process.log_tail());
    let judged = |at: Moment| at > began && (strong.timing().interval >= SLOW || near(&handed, at));
    let frames = rig.capture.frames();
    let spoke = |frame: &&Frame| judged(frame.at) && frame.is_advert(weak.wire_vrid(), rig.a.address());
    let spoke = frames.iter().filter(spoke).count();
    ensure!(spoke == 0, "the backup spoke {spoke} times{}", agent.process.log_tail());
    if strong.timing().interval < SLOW {
        return Ok(());
    }
    ensure!(notified(&rig.a) == words, "notify programs ran: {:?} after {words:?}", notified(&rig.a));
    let last = agent.status()?;
    ensure!(last.state("VI_1") == "BACKUP", "it is {}", last.state("VI_1"));
    ensure!(
        last.instance("VI_1")["active"]["source"] == rig.b.address().to_string(),
        "it follows {}",
        last.instance("VI_1")["active"]
    );
    ensure!(
        last.instance("VI_1")["since_unix_ms"] == first.instance("VI_1")["since_unix_ms"],
        "another since"
    );
    // Its timer runs as if nothing had been.
    rig.takeover(&rig.b, &rig.a, &weak).with_context(|| agent.process.log_tail()).map(drop)
}

/// A master, and a backup beside it.
fn pair(rig: &Rig) -> Result<(Agent, Agent, Group)> {
    let strong = Group::fast(STRONG, TENTH);
    let agent = rig.master(&rig.a, &strong, Rung::Auto)?;
    let other = rig.backup(&rig.b, &Group::fast(WEAK, TENTH), Rung::Auto)?;
    rig.wait_address(&rig.a, strong.address(), true, START)?;
    std::thread::sleep(strong.timing().interval * 3);
    Ok((agent, other, strong))
}

/// The peer heard nothing of it.
fn unnoticed(rig: &Rig, began: Moment, strong: &Group) -> Result<()> {
    std::thread::sleep(strong.timing().down_bound(WEAK));
    let resigned =
        rig.capture.count_after(began, |frame| frame.is_advert_of(strong.wire_vrid(), rig.a.address(), 0));
    ensure!(resigned == 0, "priority 0 was sent");
    let theirs = rig.spoke(began, &rig.b, strong);
    ensure!(theirs == 0, "the peer spoke {theirs} times");
    ensure!(rig.a.has_address(strong.address())?, "the address is gone");
    Ok(())
}

fn a_successor_that_fails_changes_nothing() -> Result<()> {
    let rig = Rig::new()?;
    let (mut agent, _other, strong) = pair(&rig)?;
    let pid = agent.process.pid();
    let watch = Watch::begin(&rig, Some(&agent), &strong)?;
    let began = Moment::now();
    let config = rig.a.directory().join("regent.conf");
    let good = fs::read_to_string(&config)?;
    let refused = |agent: &mut Agent, arguments: &[&str], sentence: &str| -> Result<()> {
        let error = agent
            .hand_over(arguments)
            .map(|said| anyhow!("it took over: {said}"))
            .unwrap_or_else(|error| error);
        let text = format!("{error:#}");
        ensure!(text.contains(sentence), "{text:?} does not say {sentence:?}");
        ensure!(agent.status()?.root["pid"] == pid, "another process answers");
        Ok(())
    };
    refused(&mut agent, &["--binary", "/bin/false"], "/false ended (exit status 1) before it was ready")?;
    refused(&mut agent, &["--binary", "/bin/sleep"], "before it was ready")?;
    refused(&mut agent, &["--binary", config.to_str().context("a path")?], "Permission denied")?;
    refused(&mut agent, &["--binary", "/nowhere/agent"], "No such file")?;
    fs::write(&config, good.replace("virtual_router_id 50", "virtual_router_id 500"))?;
    refused(&mut agent, &[], "cannot be run as configured")?;
    fs::write(&config, "")?;
    refused(&mut agent, &[], "no vrrp_instance to run")?;
    fs::remove_file(&config)?;
    refused(&mut agent, &[], "regent.conf")?;
    fs::write(&config, good)?;
    unnoticed(&rig, began, &strong).with_context(|| agent.process.log_tail())?;
    watch.end(&rig, &strong, true)?;
    agent.hand_over(&[])?;
    unnoticed(&rig, began, &strong).with_context(|| agent.process.log_tail())
}

fn crashing(rig: &Rig, at: Point) -> Result<(Agent, Agent, Group)> {
    let strong = Group::fast(STRONG, TENTH);
    let began = Moment::now();
    let agent = Agent::start(&rig.a, &Options::config(strong.text()).dying_at(at.name()))?;
    rig.advert(began, &rig.a, &strong, strong.timing().down_bound(STRONG) + START)?;
    let other = rig.backup(&rig.b, &Group::fast(WEAK, TENTH), Rung::Auto)?;
    rig.wait_address(&rig.a, strong.address(), true, START)?;
    std::thread::sleep(strong.timing().interval * 3);
    Ok((agent, other, strong))
}

fn a_successor_that_dies_changes_nothing() -> Result<()> {
    for at in [Point::SuccessorReady, Point::SuccessorTold] {
        let rig = Rig::new()?;
        let (mut agent, _other, strong) = crashing(&rig, at)?;
        let pid = agent.process.pid();
        let watch = Watch::begin(&rig, Some(&agent), &strong)?;
        let began = Moment::now();
        let error = agent.hand_over(&[]).err().context("it took over")?;
        eprintln!("{}: {error:#}", at.name());
        unnoticed(&rig, began, &strong)
            .with_context(|| format!("{}{}", at.name(), agent.process.log_tail()))?;
        watch.end(&rig, &strong, true)?;
        ensure!(agent.status()?.root["pid"] == pid, "another process answers");
        ensure!(agent.stop()?.success(), "it did not end well");
    }
    Ok(())
}

fn the_old_one_dies_half_way() -> Result<()> {
    let rig = Rig::new()?;
    let (mut agent, _other, strong) = crashing(&rig, Point::PredecessorHeard)?;
    let began = Moment::now();
    let error = agent.hand_over(&[]).err().context("a dead agent said that it handed over")?;
    eprintln!("{error:#}");
    agent.process.wait_for_log("ended without a farewell", 1, START).ok();
    unnoticed(&rig, began, &strong).with_context(|| agent.process.log_tail())?;
    let status = agent.status()?;
    ensure!(status.state("VI_1") == "MASTER", "it is {}", status.state("VI_1"));
    ensure!(status.root["pid"] != u64::from(agent.process.pid()), "the dead answer");
    Ok(())
}

/// One instance goes, one comes, one has other addresses and another priority.
fn another_config_is_taken_over_with_it() -> Result<()> {
    let rig = Rig::new()?;
    let address = |last: u8| -> std::net::IpAddr { [10, 0, 0, last].into() };
    let kept = Group { addresses: vec![address(3), address(4)], ..Group::fast(STRONG, TENTH) };
    let gone =
        Group { name: "VI_2".into(), vrid: 51, addresses: vec![address(5)], ..Group::fast(STRONG, TENTH) };
    let new =
        Group { name: "VI_3".into(), vrid: 52, addresses: vec![address(6)], ..Group::fast(STRONG, TENTH) };
    let changed = Group { priority: 140, addresses: vec![address(3), address(7)], ..kept.clone() };
    let began = Moment::now();
    let mut agent = Agent::start(&rig.a, &Options::config(kept.text() + &gone.text()))?;
    rig.advert(began, &rig.a, &gone, kept.timing().down_bound(STRONG) + START)?;
    for last in [3, 4, 5] {
        rig.wait_address(&rig.a, address(last), true, START)?;
    }
    fs::write(rig.a.directory().join("regent.conf"), changed.text() + &new.text())?;
    let swapped = Moment::now();
    agent.hand_over(&[])?;
    let tail = |agent: &Agent| agent.process.log_tail();
    for (last, wanted) in [(3, true), (4, false), (5, false), (6, true), (7, true)] {
        rig.wait_address(&rig.a, address(last), wanted, START).with_context(|| tail(&agent))?;
    }
    let resigned =
        |vrid| rig.capture.count_after(swapped, |frame| frame.is_advert_of(vrid, rig.a.address(), 0));
    ensure!((resigned(50), resigned(51)) == (0, 1), "resigned: {} and {}", resigned(50), resigned(51));
    rig.capture.wait_after(swapped, "the new priority", START, |frame| {
        frame.is_advert_of(50, rig.a.address(), 140)
    })?;
    rig.capture
        .wait_after(swapped, "the new address announced", START, |frame| frame.is_announcement(address(7)))?;
    let status = agent.status()?;
    ensure!(status.number("VI_1", "/became_master") == 1, "it became master again{}", tail(&agent));
    ensure!(status.state("VI_2").is_empty(), "the instance that is gone is shown");
    ensure!(agent.stop()?.success(), "it did not end well{}", tail(&agent));
    nothing_is_left(&rig.a, &["10.0.0.1/24".to_owned()])
}
