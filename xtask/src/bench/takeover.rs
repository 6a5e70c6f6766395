//! How late a takeover is: the master's host is cut off, and the wire says when the Backup's first advert and first
//! gratuitous ARP came, against the down timer that the RFC gives it.

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
/// Intervals, in centiseconds.
const INTERVALS: [u32; 2] = [10, 1];
/// What a daemon may take to start.
const START: Duration = Duration::from_secs(5);

/// How late each takeover was.
#[derive(Default)]
struct Lateness {
    advert: Vec<Duration>,
    announcement: Vec<Duration>,
}

/// Measures all contestants.
///
/// # Errors
/// When a takeover is not seen at all.
pub fn measure(contestants: &[Contestant], effort: &Effort, table: &mut Table) -> Result<()> {
    for centiseconds in INTERVALS {
        let mut adverts = Vec::new();
        let mut announcements = Vec::new();
        for &(name, make) in contestants {
            eprintln!("bench: {} takeovers at {} ms, {name}", effort.takeovers, centiseconds * 10);
            let lateness = takeovers(make, centiseconds, effort.takeovers)
                .with_context(|| format!("takeovers at {} ms, {name}", centiseconds * 10))?;
            adverts.push(Cell::times(&lateness.advert));
            announcements.push(Cell::times(&lateness.announcement));
        }
        let mut row = |what: &str, cells: Vec<Cell>| {
            let figure = format!("takeover at {} ms: {what} past the down timer", centiseconds * 10);
            table.row(figure, effort.takeovers, Unit::Time, Goal::NotAbovePeer, cells);
        };
        row("first advert", adverts);
        row("first GARP", announcements);
    }
    Ok(())
}

fn takeovers(make: Make, centiseconds: u32, runs: u32) -> Result<Lateness> {
    let lab = Lab::new()?;
    let (a, b, client) = (lab.host("a", 1)?, lab.host("b", 2)?, lab.host("client", 9)?);
    let capture = client.capture()?;
    let (strong, weak) = (Group::fast(STRONG, centiseconds), Group::fast(WEAK, centiseconds));
    let began = Moment::now();
    let _strong = Speaker::start(make, &a, &strong)?;
    let _weak = Speaker::start(make, &b, &weak)?;
    let mut lateness = Lateness::default();
    until_master(&capture, began, &a, &strong)?;
    for run in 0..runs {
        // At another point of the interval each time.
        std::thread::sleep(strong.timing().interval * 3 + strong.timing().interval * run / runs);
        one(&capture, &a, &b, &weak, &mut lateness)?;
        let back = Moment::now();
        a.restore_cable()?;
        until_master(&capture, back, &a, &strong)?;
    }
    ensure!(capture.dropped() == 0, "the capture lost {} frames", capture.dropped());
    Ok(lateness)
}

/// Until the strong one speaks and the weak one no longer does.
fn until_master(capture: &Capture, after: Moment, a: &Node, group: &Group) -> Result<()> {
    capture.wait_after(after, "the strong router", group.timing().down_bound(STRONG) + START, |frame| {
        frame.is_advert_of(group.wire_vrid(), a.address(), STRONG)
    })?;
    std::thread::sleep(group.timing().down_bound(STRONG));
    Ok(())
}

fn one(capture: &Capture, a: &Node, b: &Node, weak: &Group, lateness: &mut Lateness) -> Result<()> {
    let (timing, vrid) = (weak.timing(), weak.wire_vrid());
    a.cut_cable()?;
    // The cut came while the command ran: what counts is the last advert that came through.
    let cut = Moment::now().minus(timing.interval);
    let patience = timing.down_bound(WEAK) + START;
    let first =
        capture.wait_after(cut, "the weak router", patience, |frame| frame.is_advert(vrid, b.address()))?;
    let announced =
        capture.wait_after(first.at.minus(timing.interval), "its announcement", patience, |frame| {
            frame.is_announcement(weak.address()) && frame.mac == b.mac()
        })?;
    let last = capture
        .last_before(first.at, |frame| frame.is_advert(vrid, a.address()))
        .context("no advert of the strong router")?;
    let due = last.at.plus(timing.down(WEAK));
    ensure!(first.at >= due, "took over {} before its time", Span(due.since(first.at)));
    lateness.advert.push(first.at.since(due));
    lateness.announcement.push(announced.at.since(due));
    Ok(())
}
