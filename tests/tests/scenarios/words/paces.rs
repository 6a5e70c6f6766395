//! When something is said: the delay after a start, the pace of announcements, and what is said in a contest.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Agent, Options, Rung, Status},
    capture::Capture,
    clock::{Moment, Span},
    frame::Frame,
    group::Group,
    inject::{Flood, Forger, send_once},
};

use super::{
    super::{
        pair::CONTEST_SPACING,
        rig::{Rig, START, STRONG, TENTH, WEAK},
    },
    Scenario, WEAKEST, each_follows_the_other, is_by, is_good, silent,
};

pub(super) const SCENARIOS: &[Scenario] = &[
    ("vrrp_startup_delay_is_silent_and_deaf_until_it_has_passed", false, startup_delay),
    ("vrrp_startup_delay_is_followed_by_the_usual_start_beside_keepalived", true, startup_delay_beside_peer),
    ("vrrp_garp_interval_keeps_announcements_apart", false, || {
        let addresses = ["10.0.0.3", "10.0.0.4", "10.0.0.5"];
        spaced(Group::fast(WEAK, TENTH), &addresses, "vrrp_garp_interval 0.05")
    }),
    ("vrrp_gna_interval_keeps_announcements_apart", false, || {
        let addresses = ["fe80::50:1", "2001:db8::50", "2001:db8::51"];
        spaced(Group::ipv6(WEAK, TENTH), &addresses, "vrrp_gna_interval 0.05")
    }),
    ("garp_group_keeps_announcements_of_two_interfaces_apart", false, spaced_group),
    ("a_lower_advert_is_answered_at_once", false, || lower_heard("", true)),
    ("lower_prio_no_advert_announces_and_does_not_answer", false, || {
        lower_heard("lower_prio_no_advert", false)
    }),
    ("a_loser_sends_one_more_advert", false, || higher_heard("", 1)),
    ("a_loser_with_higher_prio_send_advert_no_steps_down_without_a_word", false, || {
        higher_heard("higher_prio_send_advert no", 0)
    }),
];

/// Shortest time between two announcements.
const PACE: Duration = Duration::from_millis(50);
/// What is injected comes so long after an advert of ours, and what follows is watched for so long: the next ordinary
/// advert is later, at [`SLOW`].
const AFTER_ADVERT: Duration = Duration::from_millis(150);
const WATCHED: Duration = Duration::from_millis(250);
/// Half a second, in centiseconds.
const SLOW: u32 = 50;
/// Of the start.
const DELAY: Duration = Duration::from_secs(2);

/// What is heard meanwhile would hold it back for two minutes, if it counted: a better router's, at forty seconds.
fn startup_delay() -> Result<()> {
    let group = Group::fast(WEAK, TENTH).after("global_defs {\n    vrrp_startup_delay 2\n}");
    let rig = Rig::new()?;
    let slow = Group { centiseconds: 4_000, ..group.clone() };
    let better = Forger::new(&slow, &rig.b, rig.b.address(), STRONG);
    let better = Flood::start(&rig.b, vec![better.good()?], group.timing().interval / 2)?;
    let began = Moment::now();
    let agent = Agent::start(&rig.a, &Options::config(group.text()))?;
    let ready = Moment::now();
    let heard = |status: &Status| status.number("VI_1", "/counters/accepted") >= 3;
    let status = agent.wait_status("to count what it hears", START, heard)?;
    better.finish();
    let overlap = Moment::now().since(began.plus(DELAY));
    ensure!(overlap.is_zero(), "the machine is too slow: the other router spoke {} too long", Span(overlap));
    let (state, why) = (status.state("VI_1"), status.instance("VI_1")["why"].to_string());
    ensure!(state == "INIT" && why.contains("vrrp_startup_delay"), "{state}: {why}");
    silent(&rig.capture, &rig.a)?;
    ensure!(!rig.a.has_address(group.address())?, "it has the address");
    let timing = group.timing();
    let first =
        rig.capture.wait_after(began, "an advert", DELAY + timing.down_bound(WEAK) + START, |frame| {
            is_by(frame, &rig.a, WEAK)
        })?;
    ensure!(
        first.at >= began.plus(DELAY + timing.down(WEAK))
            && first.at <= ready.plus(DELAY + timing.down_bound(WEAK)),
        "spoke {} after its start",
        Span(first.at.since(began))
    );
    rig.wait_address(&rig.a, group.address(), true, START)
}

fn startup_delay_beside_peer() -> Result<()> {
    let group = Group::fast(0, TENTH).after("global_defs {\n    vrrp_startup_delay 1\n}");
    let rig = Rig::new()?;
    each_follows_the_other(&rig, &group, &group, is_good)
}

/// When announcements of that host came.
fn announced(capture: &Capture, rig: &Rig, addresses: &[&str]) -> Result<Vec<Moment>> {
    let addresses =
        addresses.iter().map(|text| text.parse()).collect::<Result<Vec<std::net::IpAddr>, _>>()?;
    let is_one = |frame: &&Frame| {
        frame.mac == rig.a.mac() && addresses.iter().any(|&address| frame.is_announcement(address))
    };
    Ok(capture.frames().iter().filter(is_one).map(|frame| frame.at).collect())
}

fn apart(mut announced: Vec<Moment>, least: usize) -> Result<()> {
    announced.sort_unstable();
    ensure!(announced.len() >= least, "{} announcements and not {least}", announced.len());
    for pair in announced.windows(2) {
        let pause = pair[1].since(pair[0]);
        ensure!(pause >= PACE, "two announcements within {}", Span(pause));
    }
    Ok(())
}

/// Five of each address, one after the other.
fn spaced(group: Group, addresses: &[&str], word: &str) -> Result<()> {
    let mut group = group.after(&format!("global_defs {{\n    {word}\n}}"));
    group.addresses = addresses.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let rig = Rig::of(&group)?;
    let _agent = rig.master(&rig.a, &group, Rung::Auto)?;
    let expected = 5 * addresses.len();
    std::thread::sleep(PACE * 2 * u32::try_from(expected)?);
    apart(announced(&rig.capture, &rig, addresses)?, expected)
}

/// An address behind the own interface and one behind another: one pace for both.
fn spaced_group() -> Result<()> {
    let group = Group::fast(WEAK, TENTH)
        .after(
            "garp_group {\n    garp_interval 0.05\n    interfaces {\n        ens33\n        uplink\n    }\n}",
        )
        .with("virtual_ipaddress_excluded {\n        10.1.0.3/24 dev uplink\n    }");
    let rig = Rig::new()?;
    rig.a.make_spare("uplink")?;
    let far = Capture::start(rig.a.namespace(), "uplink-far")?;
    let _agent = rig.master(&rig.a, &group, Rung::Auto)?;
    std::thread::sleep(PACE * 20);
    let here = announced(&rig.capture, &rig, &["10.0.0.3"])?;
    let frames = far.frames();
    let address: std::net::IpAddr = "10.1.0.3".parse()?;
    let there: Vec<Moment> =
        frames.iter().filter(|frame| frame.is_announcement(address)).map(|frame| frame.at).collect();
    ensure!(here.len() >= 5 && there.len() >= 5, "{} here and {} there", here.len(), there.len());
    apart([here, there].concat(), 10)
}

/// A master that has been one for long enough to announce a contest at once, and its newest advert but a moment ago.
fn long_master(group: &Group) -> Result<(Rig, Agent, Moment)> {
    let rig = Rig::new()?;
    let agent = rig.master(&rig.a, group, Rung::Auto)?;
    std::thread::sleep(CONTEST_SPACING);
    let advert = rig.advert(Moment::now(), &rig.a, group, START)?;
    std::thread::sleep(advert.at.plus(AFTER_ADVERT).since(Moment::now()));
    Ok((rig, agent, advert.at))
}

fn lower_heard(word: &str, answered: bool) -> Result<()> {
    let group = Group::fast(WEAK, SLOW).with(word);
    let (rig, agent, advert) = long_master(&group)?;
    let lower = Forger::new(&group, &rig.b, rig.b.address(), WEAKEST);
    send_once(&rig.b, &lower.good()?)?;
    std::thread::sleep(WATCHED);
    let frames = rig.capture.frames();
    let heard =
        frames.iter().find(|frame| is_by(frame, &rig.b, WEAKEST)).context("no lower advert was seen")?.at;
    let answers = frames
        .iter()
        .filter(|frame| frame.at > advert && frame.at <= heard.plus(WATCHED) && is_by(frame, &rig.a, WEAK))
        .count();
    ensure!(answers == usize::from(answered), "{answers} adverts within {WATCHED:?} of the lower one");
    let announced = rig
        .capture
        .count_after(heard, |frame| frame.mac == rig.a.mac() && frame.is_announcement(group.address()));
    ensure!(announced > 0, "the contest was not announced");
    ensure!(agent.status()?.state("VI_1") == "MASTER", "it gave up");
    Ok(())
}

fn higher_heard(word: &str, last_words: usize) -> Result<()> {
    let group = Group::fast(WEAK, SLOW).with(word);
    let (rig, agent, advert) = long_master(&group)?;
    let higher = Forger::new(&group, &rig.b, rig.b.address(), STRONG);
    let _better = Flood::start(&rig.b, vec![higher.good()?], group.timing().interval)?;
    agent.wait_status("to be BACKUP", START, |status| status.state("VI_1") == "BACKUP")?;
    rig.wait_address(&rig.a, group.address(), false, START)?;
    std::thread::sleep(group.timing().down_bound(WEAK));
    let spoke = rig.capture.count_after(advert, |frame| is_by(frame, &rig.a, WEAK));
    ensure!(spoke == last_words, "{spoke} adverts after the higher one, {last_words} are right");
    let resigned = rig.capture.count_after(advert, |frame| is_by(frame, &rig.a, 0));
    ensure!(resigned == 0, "a loser does not resign (RFC 9568 §6.4.3)");
    Ok(())
}
