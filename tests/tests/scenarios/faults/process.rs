//! Daemons that are killed or frozen; and the clock that none of it depends on.

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Agent, Options, Rung},
    clock::Moment,
    group::Group,
};

use super::{Fault, STRONG, WEAK};
use crate::scenarios::{
    pair::{
        Pair,
        Side::{self, They, We},
    },
    rig::{Rig, TENTH},
};

pub const FAULTS: &[Fault] = &[
    ("we_are_killed_as_master_and_come_back", &[], |pair| is_killed(pair, We)),
    ("they_are_killed_as_master_and_come_back", &[], |pair| is_killed(pair, They)),
    ("we_freeze_for_three_intervals_as_master", &[], |pair| {
        pair.long_master(We, STRONG)?;
        freezes_shortly(pair, We)
    }),
    ("they_freeze_for_three_intervals_as_master", &[], |pair| {
        pair.long_master(They, STRONG)?;
        freezes_shortly(pair, They)
    }),
    ("we_freeze_for_ten_intervals_as_master", &[], |pair| freezes_long(pair, We)),
    ("they_freeze_for_ten_intervals_as_master", &[], |pair| freezes_long(pair, They)),
    ("we_freeze_for_three_intervals_as_backup", &[], |pair| freezes_as_backup(pair, 3)),
    ("we_freeze_for_ten_intervals_as_backup", &[], |pair| freezes_as_backup(pair, 10)),
];

/// The address of the killed stays up, so the client is served without a pause: by the dead host's kernel until the
/// heir announces itself.
fn is_killed(pair: &mut Pair, side: Side) -> Result<()> {
    let (heir, timing) = (side.other(), pair.timing());
    pair.master(side, STRONG)?;
    pair.backup(heir, WEAK)?;
    let killed = Moment::now();
    pair.kill(side)?;
    let first = pair.first_advert(heir, killed, timing.down_bound(WEAK) * 2)?;
    let silence = first.at.since(pair.last_advert(side, first.at)?);
    pair.waited(heir, silence, timing.down(WEAK), timing.down_bound(WEAK))?;
    pair.served_by(heir, first.at)?;
    pair.reigns(heir)?;

    let first = pair.challenger(side, STRONG)?;
    pair.served_by(side, first.at)?;
    pair.reigns(side)?;
    pair.gap_within(killed, timing.down_bound(WEAK))
}

/// The other may or may not have taken over meanwhile: the adverts may have been missing for a little longer than the
/// process was. Then the better one takes it back.
fn freezes_shortly(pair: &mut Pair, side: Side) -> Result<()> {
    let timing = pair.timing();
    pair.backup(side.other(), WEAK)?;
    let frozen = Moment::now();
    pair.freeze(side, timing.interval * 3)?;
    settle(pair, STRONG);
    pair.reigns(side)?;
    pair.gap_within(frozen, timing.down_bound(WEAK))
}

/// The other takes over in time, and gives way again.
fn freezes_long(pair: &mut Pair, side: Side) -> Result<()> {
    let (heir, timing) = (side.other(), pair.timing());
    pair.long_master(side, STRONG)?;
    pair.backup(heir, WEAK)?;
    let frozen = Moment::now();
    pair.freeze(side, timing.interval * 10)?;
    let first = pair.first_advert(heir, frozen, timing.interval)?;
    let silence = first.at.since(pair.last_advert(side, first.at)?);
    pair.waited(heir, silence, timing.down(WEAK), timing.down_bound(WEAK))?;
    settle(pair, STRONG);
    pair.reigns(side)?;
    pair.gap_within(frozen, timing.down_bound(WEAK))
}

/// What arrived in time must not lose to our own late awakening: not one advert.
fn freezes_as_backup(pair: &mut Pair, intervals: u32) -> Result<()> {
    let timing = pair.timing();
    pair.master(They, STRONG)?;
    let began = Moment::now();
    pair.backup(We, WEAK)?;
    let thawed = pair.freeze(We, timing.interval * intervals)?;
    pair.reigns(They)?;
    ensure!(thawed.elapsed() >= timing.down(WEAK), "looked away too soon");
    pair.silent(We, began, Moment::now())?;
    pair.says(We, "BACKUP")?;
    pair.gap_within(began, timing.interval)
}

/// Who is right takes it back within its own down time.
fn settle(pair: &Pair, priority: u8) {
    std::thread::sleep(pair.timing().down_bound(priority));
}

/// The wall clock cannot be set for one host alone, so its jumps are not tried here: that no timer would notice them is
/// seen on the agent's descriptors. What the clock means for the age of packets is tried in `net::reception`.
pub fn no_timer_runs_on_the_wall_clock() -> Result<()> {
    let rig = Rig::new()?;
    let group = Group::fast(STRONG, TENTH);
    for rung in [Rung::Auto, Rung::Off] {
        let agent = Agent::start(&rig.a, &Options::config(group.text()).on(rung))?;
        agent
            .wait_status("to be MASTER", Duration::from_secs(3), |status| status.state("VI_1") == "MASTER")?;
        let clocks = timer_clocks(agent.process.pid())?;
        ensure!(!clocks.is_empty(), "the agent has no timer");
        let wrong: Vec<_> = clocks.iter().filter(|clock| **clock != libc::CLOCK_MONOTONIC).collect();
        ensure!(wrong.is_empty(), "timers on other clocks than the monotonic one: {wrong:?}");
    }
    Ok(())
}

/// The clock of each timerfd of a process.
fn timer_clocks(pid: u32) -> Result<Vec<libc::clockid_t>> {
    let directory = format!("/proc/{pid}/fdinfo");
    let entries = fs::read_dir(&directory).with_context(|| format!("read {directory}"))?;
    let mut clocks = Vec::new();
    for entry in entries {
        // A descriptor may be closed meanwhile.
        let Ok(text) = fs::read_to_string(entry?.path()) else { continue };
        let clock = text.lines().find_map(|line| line.strip_prefix("clockid:"));
        clocks.extend(clock.and_then(|clock| clock.trim().parse::<libc::clockid_t>().ok()));
    }
    Ok(clocks)
}
