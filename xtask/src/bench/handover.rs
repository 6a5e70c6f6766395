//! The graceful hand-over: the master is told to stop, resigns by priority 0, and the Backup waits its skew (RFC 9568
//! §6.4.2, RFC 3768 §6.4.2). What is measured is all that comes on top of the skew.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lab::{
    capture::Capture,
    clock::{Moment, Span},
    group::Group,
    lab::Lab,
    node::Node,
    speaker::{Make, Speaker},
};

use super::{
    Contestant, Effort,
    table::{Cell, Goal, Table, Unit},
};

const STRONG: u8 = 150;
const WEAK: u8 = 100;
/// Interval, in centiseconds.
const CENTISECONDS: u32 = 10;
/// What a daemon may take to start, or to do what it is told.
const START: Duration = Duration::from_secs(5);

/// How long each part took.
#[derive(Default)]
struct Parts {
    /// From SIGTERM to priority 0.
    resignation: Vec<Duration>,
    /// From priority 0 to the successor's first advert, past the skew.
    succession: Vec<Duration>,
    /// From SIGTERM to the successor's first advert, past the skew.
    whole: Vec<Duration>,
    /// From SIGTERM to the successor's first announcement, past the skew.
    announced: Vec<Duration>,
}

/// Measures all contestants.
///
/// # Errors
/// When a hand-over is not seen at all.
pub fn measure(contestants: &[Contestant], effort: &Effort, table: &mut Table) -> Result<()> {
    let mut parts = Vec::new();
    for &(name, make) in contestants {
        eprintln!("bench: {} hand-overs at {} ms, {name}", effort.hand_overs, CENTISECONDS * 10);
        parts.push(hand_overs(make, effort.hand_overs).with_context(|| format!("hand-overs, {name}"))?);
    }
    let mut row = |what: &str, goal: Goal, values: fn(&Parts) -> &[Duration]| {
        let figure = format!("hand-over at {} ms: {what}", CENTISECONDS * 10);
        let cells = parts.iter().map(|parts| Cell::times(values(parts))).collect();
        table.row(figure, effort.hand_overs, Unit::Time, goal, cells);
    };
    row("SIGTERM to first advert past the skew", Goal::NotAbovePeer, |parts| &parts.whole);
    row("SIGTERM to first GARP past the skew", Goal::NotAbovePeer, |parts| &parts.announced);
    row("of that, SIGTERM to priority 0", Goal::Shown, |parts| &parts.resignation);
    row("of that, priority 0 to first advert past the skew", Goal::Shown, |parts| &parts.succession);
    Ok(())
}

fn hand_overs(make: Make, runs: u32) -> Result<Parts> {
    let lab = Lab::new()?;
    let (a, b, client) = (lab.host("a", 1)?, lab.host("b", 2)?, lab.host("client", 9)?);
    let capture = client.capture()?;
    let (strong, weak) = (Group::fast(STRONG, CENTISECONDS), Group::fast(WEAK, CENTISECONDS));
    let _weak = Speaker::start(make, &b, &weak)?;
    let mut parts = Parts::default();
    for run in 0..runs {
        let began = Moment::now();
        let mut speaker = Speaker::start(make, &a, &strong)?;
        capture.wait_after(
            began,
            "the strong router",
            strong.timing().down_bound(STRONG) + START,
            |frame| frame.is_advert_of(strong.wire_vrid(), a.address(), STRONG),
        )?;
        // At another point of the interval each time, once the weak router has ceased to speak.
        let timing = strong.timing();
        std::thread::sleep(timing.down_bound(STRONG) + timing.interval * run / runs);
        let asked = Moment::now();
        // Returns when it has ended; the capture knows what happened when.
        speaker.stop()?;
        one(&capture, asked, &a, &b, &weak, &mut parts)?;
    }
    ensure!(capture.dropped() == 0, "the capture lost {} frames", capture.dropped());
    Ok(parts)
}

fn one(capture: &Capture, asked: Moment, a: &Node, b: &Node, weak: &Group, parts: &mut Parts) -> Result<()> {
    let (vrid, skew) = (weak.wire_vrid(), weak.timing().skew(WEAK));
    let patience = weak.timing().down_bound(WEAK) + START;
    let resigned = capture
        .wait_after(asked, "priority 0", patience, |frame| frame.is_advert_of(vrid, a.address(), 0))?;
    let first = capture
        .wait_after(resigned.at, "the successor", patience, |frame| frame.is_advert(vrid, b.address()))?;
    let announced = capture.wait_after(resigned.at, "its announcement", patience, |frame| {
        frame.is_announcement(weak.address()) && frame.mac == b.mac()
    })?;
    let due = resigned.at.plus(skew);
    ensure!(first.at >= due, "took over {} before its time", Span(due.since(first.at)));
    parts.resignation.push(resigned.at.since(asked));
    parts.succession.push(first.at.since(due));
    parts.whole.push(first.at.since(asked.plus(skew)));
    parts.announced.push(announced.at.since(asked.plus(skew)));
    Ok(())
}
