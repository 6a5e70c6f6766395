//! From the failure of a tracked script to the other router: without weight, which gives the group up by priority 0, and
//! with one that lowers the priority below the other's.
//!
//! One pair has both, a group for each. The script itself says when it fails, so that the wait for its next run, which
//! the config asks for, can be told from what the daemons take.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use lab::{
    capture::Capture,
    clock::{Moment, Span},
    group::Group,
    lab::Lab,
    node::Node,
    speaker::{Make, Speaker},
    timer::Timing,
};

use super::{
    Contestant, Effort,
    table::{Cell, Goal, Table, Unit},
    witness::Witness,
};

const STRONG: u8 = 150;
const WEAK: u8 = 100;
/// What a failure takes off the priority: enough.
const OFF: u8 = 100;
/// Interval of the adverts, in centiseconds.
const CENTISECONDS: u32 = 10;
/// Interval of the script.
const PERIOD: Duration = Duration::from_secs(1);
/// What a daemon may take to start, or a script to be run.
const START: Duration = Duration::from_secs(6);

/// What a failure does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Weight 0: Fault.
    Fault,
    /// A weight: a lower priority.
    Lower,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Fault, Self::Lower];

    const fn name(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Lower => "lower",
        }
    }

    const fn vrid(self) -> u8 {
        match self {
            Self::Fault => 50,
            Self::Lower => 51,
        }
    }

    fn weight(self) -> String {
        match self {
            Self::Fault => String::new(),
            Self::Lower => format!("weight -{OFF}"),
        }
    }

    /// The priority that the failure shows on the wire.
    const fn told(self) -> u8 {
        match self {
            Self::Fault => 0,
            Self::Lower => STRONG - OFF,
        }
    }

    /// What the config and the RFC ask for at most, from the file's removal: the script's next run, then either
    /// the skew, or the next advert and the down timer from the one before it.
    fn formula(self, timing: Timing) -> Duration {
        match self {
            Self::Fault => PERIOD + timing.skew(WEAK),
            Self::Lower => PERIOD + timing.down(WEAK),
        }
    }
}

/// How long each part took.
#[derive(Default)]
struct Parts {
    /// From the file's removal to the other's first announcement.
    whole: Vec<Duration>,
    /// From the script's failure to the advert that tells it.
    told: Vec<Duration>,
    /// To the other's first advert, past the formula.
    advert: Vec<Duration>,
    /// To its first announcement, past the formula.
    announced: Vec<Duration>,
}

/// Measures all contestants, at the same time: mostly everybody waits.
///
/// # Errors
/// When the other router is not seen to take over.
pub fn measure(contestants: &[Contestant], effort: &Effort, table: &mut Table) -> Result<()> {
    eprintln!("bench: {} failures of scripts, all contestants side by side", effort.failures);
    let parts = std::thread::scope(|scope| {
        let start = |&(name, make): &Contestant| {
            let run = move || failures(make, effort.failures);
            (name, scope.spawn(run))
        };
        let running: Vec<_> = contestants.iter().map(start).collect();
        let ended = running.into_iter().map(|(name, thread)| {
            let parts = thread.join().map_err(|_| anyhow!("a measuring thread panicked")).flatten();
            parts.with_context(|| format!("failures of scripts, {name}"))
        });
        ended.collect::<Result<Vec<_>>>()
    })?;
    let timing = group(Kind::Fault, WEAK).timing();
    for (at, kind) in Kind::ALL.into_iter().enumerate() {
        let mut row = |what: String, goal: Goal, values: fn(&Parts) -> &[Duration]| {
            let cells = parts
                .iter()
                .map(|parts| parts.get(at).map_or_else(Cell::default, |parts| Cell::times(values(parts))));
            table.row(what, effort.failures, Unit::Time, goal, cells.collect());
        };
        let (title, past) = match kind {
            Kind::Fault => ("script fails, no weight", "past the skew"),
            Kind::Lower => ("script fails, weight", "past the down timer"),
        };
        row(format!("{title}: failure to first advert {past}"), Goal::NotAbovePeer, |parts| &parts.advert);
        row(format!("{title}: failure to first GARP {past}"), Goal::NotAbovePeer, |parts| &parts.announced);
        row(format!("{title}: failure to the advert that tells it"), Goal::Shown, |parts| &parts.told);
        let bound = kind.formula(timing) + timing.interval;
        let bound = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        row(format!("{title}: file removed to first GARP"), Goal::Worst(bound), |parts| &parts.whole);
    }
    Ok(())
}

/// A script, what it looks at, and what it speaks to.
struct Check {
    kind: Kind,
    good: PathBuf,
    witness: Witness,
}

impl Check {
    fn make(node: &Node, kind: Kind) -> Result<Self> {
        let name = kind.name();
        let good = node.write(&format!("{name}.good"), "")?;
        let witness = Witness::make(node, &format!("{name}.pipe"))?;
        let text = format!(
            "#!/bin/sh\n[ -e {} ] && exit 0\necho > {}\nexit 1\n",
            good.display(),
            witness.path().display()
        );
        let script = node.write(&format!("{name}.sh"), &text)?;
        fs::set_permissions(&script, Permissions::from_mode(0o755)).context("make the script executable")?;
        Ok(Self { kind, good, witness })
    }

    fn block(&self, node: &Node) -> String {
        let name = self.kind.name();
        let script = node.directory().join(format!("{name}.sh"));
        format!(
            "vrrp_script {name} {{\n    script {}\n    interval {}\n    {}\n    rise 1\n    fall 1\n    user root\n}}",
            script.display(),
            PERIOD.as_secs(),
            self.kind.weight()
        )
    }
}

fn group(kind: Kind, priority: u8) -> Group {
    let vrid = kind.vrid();
    Group {
        name: format!("VI_{}", kind.name()),
        vrid: vrid.into(),
        addresses: vec![std::net::Ipv4Addr::new(10, 0, 0, vrid).into()],
        ..Group::fast(priority, CENTISECONDS)
    }
}

/// For each kind, in order, what it took.
fn failures(make: Make, runs: u32) -> Result<Vec<Parts>> {
    let lab = Lab::new()?;
    let (a, b, client) = (lab.host("a", 1)?, lab.host("b", 2)?, lab.host("client", 9)?);
    let capture = client.capture()?;
    let checks = Kind::ALL.iter().map(|&kind| Check::make(&a, kind)).collect::<Result<Vec<_>>>()?;
    let (mut strong, mut weak) = (String::new(), String::new());
    for check in &checks {
        let tracked = format!("track_script {{\n        {}\n    }}", check.kind.name());
        let group_of_strong = group(check.kind, STRONG).after(&check.block(&a)).with(&tracked);
        strong.push_str(&group_of_strong.text());
        weak.push_str(&group(check.kind, WEAK).text());
    }
    let began = Moment::now();
    let _strong = Speaker::start_text(make, &a, &strong)?;
    let _weak = Speaker::start_text(make, &b, &weak)?;
    until_master(&capture, began, &a)?;
    let mut parts: Vec<Parts> = checks.iter().map(|_| Parts::default()).collect();
    for run in 0..runs {
        // At another point between two runs of the script each time.
        std::thread::sleep(PERIOD * run / runs);
        let removed = Moment::now();
        for check in &checks {
            fs::remove_file(&check.good).context("make the script fail")?;
        }
        for (check, parts) in checks.iter().zip(&mut parts) {
            one(&capture, removed, check, &a, &b, parts).with_context(|| check.kind.name())?;
        }
        let mended = Moment::now();
        for check in &checks {
            fs::write(&check.good, "").context("make the script succeed")?;
        }
        until_master(&capture, mended, &a)?;
    }
    ensure!(capture.dropped() == 0, "the capture lost {} frames", capture.dropped());
    Ok(parts)
}

/// Until the strong router speaks for both groups and the weak one no longer does.
fn until_master(capture: &Capture, after: Moment, a: &Node) -> Result<()> {
    let timing = group(Kind::Fault, STRONG).timing();
    for kind in Kind::ALL {
        let patience = PERIOD * 2 + timing.down_bound(STRONG) + START;
        capture.wait_after(after, "the strong router", patience, |frame| {
            frame.is_advert_of(kind.vrid(), a.address(), STRONG)
        })?;
    }
    std::thread::sleep(timing.down_bound(STRONG));
    Ok(())
}

fn one(
    capture: &Capture,
    removed: Moment,
    check: &Check,
    a: &Node,
    b: &Node,
    parts: &mut Parts,
) -> Result<()> {
    let kind = check.kind;
    let (weak, vrid) = (group(kind, WEAK), kind.vrid());
    let heard = check.witness.wait_after(removed, PERIOD * 2 + START)?;
    let told = capture.wait_after(removed, "the failure on the wire", START, |frame| {
        frame.is_advert_of(vrid, a.address(), kind.told())
    })?;
    // The thread that hears the script may be later than the daemon on a busy machine; the failure was before either.
    let failed = heard.min(told.at);
    let first =
        capture.wait_after(told.at, "the other router", START, |frame| frame.is_advert(vrid, b.address()))?;
    let announced = capture.wait_after(told.at, "its announcement", START, |frame| {
        frame.is_announcement(weak.address()) && frame.mac == b.mac()
    })?;
    let due = match kind {
        Kind::Fault => failed.plus(weak.timing().skew(WEAK)),
        // RFC 9568 §6.4.2: adverts of a lower priority restart no timer, so it runs from the last good one.
        Kind::Lower => {
            let last = capture.last_before(told.at, |frame| frame.is_advert_of(vrid, a.address(), STRONG));
            last.context("no advert of the full priority")?.at.plus(weak.timing().down(WEAK))
        }
    };
    ensure!(first.at >= due, "took over {} before its time", Span(due.since(first.at)));
    parts.whole.push(announced.at.since(removed));
    parts.told.push(told.at.since(failed));
    parts.advert.push(first.at.since(due));
    parts.announced.push(announced.at.since(due));
    Ok(())
}
