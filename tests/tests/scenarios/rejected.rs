//! A rejected packet never touches a timer: each reason, faster than the interval, at a master and at a Backup.

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Agent, Rung, Status},
    clock::{Moment, Span},
    group::Group,
    inject::{Flood, Forger},
};
use libtest_mimic::Trial;
use regent_common::{Family, Reason, Version};

use super::{
    rig::{Rig, START, STRONG, TENTH, WEAK},
    trial::{Need, Reasons},
};

/// Who seems to send the bad packets: the client itself.
const CLAIMED_PRIORITY: u8 = 254;

/// Every reason that the version has, on the program and on the socket.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (word, group) in [
        ("v2", Group::classic as fn(u8) -> Group),
        ("v3", |priority| Group::fast(priority, TENTH)),
        ("v3_ipv6", |priority| Group::ipv6(priority, TENTH)),
    ] {
        let (version, family) = (group(WEAK).version, group(WEAK).family());
        for &reason in Reason::ALL {
            if !has_form(version, family, reason) {
                continue;
            }
            for rung in [Rung::Native, Rung::Off] {
                // Version 2 takes seconds: the socket is tried only with what version 3 does not have.
                if rung == Rung::Off && word == "v2" && has_form(Version::V3, family, reason) {
                    continue;
                }
                let mut needs = vec![Need::Agent];
                if rung != Rung::Off {
                    needs.push(Need::Object);
                }
                let name = format!("rejected::{word}::{}::{}_touches_no_timer", rung.word(), reason.label());
                trials.push(reasons.trial(name, &needs, move || touches_no_timer(group, reason, rung)));
            }
        }
    }
    trials
}

/// Whether there is such a packet. Over IPv6 our own address is no reason, since FRR's routers may all send from the
/// virtual one; unicast peers have scenarios of their own; the rest is version 2's alone.
const fn has_form(version: Version, family: Family, reason: Reason) -> bool {
    match reason {
        Reason::UnknownPeer => false,
        Reason::OwnSource => matches!(family, Family::Ipv4),
        Reason::Carp
        | Reason::AuthTypeInvalid
        | Reason::AuthTypeMismatch
        | Reason::AuthFailure
        | Reason::Interval => matches!(version, Version::V2),
        Reason::Ttl
        | Reason::Version
        | Reason::Type
        | Reason::Length
        | Reason::AuthTrailer
        | Reason::Checksum
        | Reason::UnknownGroup
        | Reason::CountZero
        | Reason::IntervalZero
        | Reason::Destination => true,
    }
}

/// Whether the receiver's counter of the instance must go up: an unknown group is nobody's instance, and the kernel
/// itself drops what claims our own address before a socket sees it.
fn is_counted(reason: Reason, rung: Rung) -> bool {
    !(reason == Reason::UnknownGroup || reason == Reason::OwnSource && rung == Rung::Off)
}

/// The packets claim a higher priority: taken for good, they would unseat the master and hold the Backup back.
fn touches_no_timer(of: fn(u8) -> Group, reason: Reason, rung: Rung) -> Result<()> {
    let (strong, weak) = (of(STRONG), of(WEAK));
    let rig = Rig::of(&strong)?;
    let timing = strong.timing();
    let master = rig.master(&rig.a, &strong, rung)?;
    let backup = rig.backup(&rig.b, &weak, rung)?;

    // At both: what is aimed at one host (its address as source or destination) is made for each.
    let source = rig.client.source(strong.family());
    let forger = Forger::new(&strong, &rig.client, source, CLAIMED_PRIORITY);
    let mut frames = Vec::new();
    for target in [&rig.a, &rig.b] {
        frames.push(forger.bad(reason, target)?.context("no such packet")?);
    }
    let began = Moment::now();
    let flood = Flood::start(&rig.client, frames, timing.interval / 10)?;
    std::thread::sleep(timing.interval * 3);
    let watched = Moment::now();
    unmoved(&master.status()?, "MASTER", reason, rung)?;
    unmoved(&backup.status()?, "BACKUP", reason, rung)?;
    ensure!(rig.spoke(began, &rig.b, &weak) == 0, "the Backup spoke although the master was there");
    let adverts = rig.spoke(began, &rig.a, &strong) - rig.spoke(watched, &rig.a, &strong);
    let most = watched.since(began).as_nanos() / timing.interval.as_nanos() + 1;
    ensure!(
        adverts >= 2 && adverts as u128 <= most,
        "the master sent {adverts} adverts in {}, at an interval of {}",
        Span(watched.since(began)),
        Span(timing.interval)
    );

    // The flood goes on while the Backup's timer runs.
    rig.takeover(&rig.a, &rig.b, &weak)?;
    let sent = flood.finish();
    ensure!(sent > 20, "only {sent} bad packets were sent");
    backup.wait_status("to be MASTER", START, |status| status.state("VI_1") == "MASTER")?;
    stayed(&backup)
}

fn unmoved(status: &Status, state: &str, reason: Reason, rung: Rung) -> Result<()> {
    ensure!(
        status.state("VI_1") == state,
        "state {} and not {state}: {}",
        status.state("VI_1"),
        status.instance("VI_1")["why"]
    );
    if is_counted(reason, rung) {
        let counted = status.number("VI_1", &format!("/rejected/{}", reason.label()));
        ensure!(
            counted > 3,
            "{state}: counted {counted} of reason {}: {}",
            reason.label(),
            status.instance("VI_1")["rejected"]
        );
    }
    Ok(())
}

/// It entered MASTER once and left it never.
fn stayed(agent: &Agent) -> Result<()> {
    let status = agent.status()?;
    ensure!(status.number("VI_1", "/became_master") == 1, "became master more than once");
    ensure!(status.number("VI_1", "/released_master") == 0, "released mastership");
    Ok(())
}
