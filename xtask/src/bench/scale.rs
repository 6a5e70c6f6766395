//! Takeovers of many virtual addresses: how long past the down timer the last of them answers, by ping and by ARP.
//!
//! Both contestants have a pair of hosts of their own, and take turns. The switch ceases to forward the master's frames
//! in one moment, so that it notices nothing and keeps all it has: two hosts that change thousands of addresses at once
//! would share one lock of this machine's kernel, which hosts on a wire do not. The Backup's down timer runs from the last
//! advert that came through. From shortly before it is due a station asks all addresses round after round; how
//! long a round takes is the grain of the figure, and stands beside it.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use lab::{
    clock::{Moment, Span},
    ear::Ear,
    group::Group,
    lab::Lab,
    node::Node,
    prober::{Prober, Question},
    speaker::{Make, Speaker},
};

use super::{
    Contestant, Effort,
    table::{Cell, Goal, Table, Unit},
};

/// Priority of the router that is cut off.
pub const STRONG: u8 = 150;
/// Priority of the one that takes over.
pub const WEAK: u8 = 100;
/// Interval, in centiseconds.
const CENTISECONDS: u32 = 10;
/// From so many addresses on a slower one: keepalived hears nothing while it gives them up, and would take over again as
/// soon as it is done.
const MANY: u32 = 5_000;
/// The slower interval.
const SLOWER_CENTISECONDS: u32 = 100;
/// How many addresses are in the adverts; the rest is excluded from them.
const ADVERTISED: usize = 200;
/// So long before the down timer is due the first question is asked.
const LEAD: Duration = Duration::from_millis(5);
/// What the addresses may take to answer, to come or to go.
const PATIENCE: Duration = Duration::from_secs(30);
/// After a daemon has become master it announces itself again, by default; over by then.
pub const SETTLE: Duration = Duration::from_secs(7);

/// How addresses lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One after the other.
    Contiguous,
    /// Every other one.
    Scattered,
}

impl Layout {
    const fn word(self) -> &'static str {
        match self {
            Self::Contiguous => "contiguous",
            Self::Scattered => "scattered",
        }
    }

    const fn stride(self) -> u32 {
        match self {
            Self::Contiguous => 1,
            Self::Scattered => 2,
        }
    }
}

/// How many addresses, how they lie, how often they are taken over for each question.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// How many.
    pub addresses: u32,
    /// How they lie.
    pub layout: Layout,
    /// Takeovers for each question.
    pub runs: u32,
}

impl Scale {
    /// 10.1.0.1 and so on.
    pub fn targets(self) -> Vec<Ipv4Addr> {
        let first = Ipv4Addr::new(10, 1, 0, 1).to_bits();
        (0..self.addresses).map(|number| Ipv4Addr::from_bits(first + number * self.layout.stride())).collect()
    }

    /// One instance with all of them.
    pub fn group(self, priority: u8) -> Group {
        let targets = self.targets();
        let (advertised, excluded) = targets.split_at(targets.len().min(ADVERTISED));
        let centiseconds = if self.addresses < MANY { CENTISECONDS } else { SLOWER_CENTISECONDS };
        let group = Group {
            addresses: advertised.iter().copied().map(Into::into).collect(),
            ..Group::fast(priority, centiseconds)
        };
        if excluded.is_empty() {
            return group;
        }
        let lines: String = excluded.iter().map(|address| format!("    {address}\n")).collect();
        group.with(&format!("virtual_ipaddress_excluded {{\n{lines}}}"))
    }
}

/// What one contestant's takeovers took.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// Past the down timer until all answered.
    pub all: Vec<Duration>,
    /// The longest round of questions meanwhile.
    pub round: Vec<Duration>,
    /// From the moment at which the master is heard again until the Backup's host has none of the addresses, to a tenth
    /// of a second.
    pub gone: Vec<Duration>,
}

/// For both questions.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// By ping.
    pub echo: Times,
    /// By ARP.
    pub arp: Times,
}

/// Measures all contestants.
///
/// # Errors
/// When a takeover is not seen at all.
pub fn measure(contestants: &[Contestant], effort: &Effort, table: &mut Table) -> Result<()> {
    for scale in effort.scales() {
        let measured = one(contestants, scale)?;
        for (question, times) in [
            (Question::Echo, (|measured| &measured.echo) as fn(&Measured) -> &Times),
            (Question::Arp, |measured| &measured.arp),
        ] {
            let asked = match question {
                Question::Echo => "ping",
                Question::Arp => "ARP",
            };
            let Scale { addresses, layout, runs } = scale;
            let title = format!("takeover of {addresses} addresses, {}, {asked}", layout.word());
            let cells = |values: fn(&Times) -> &[Duration]| {
                measured.iter().map(|measured| Cell::times(values(times(measured)))).collect::<Vec<Cell>>()
            };
            let figure = format!("{title}: all answer, past the down timer");
            table.row(figure, runs, Unit::Time, goal(scale, question), cells(|times| &times.all));
            let figure = format!("{title}: one round of questions");
            table.row(figure, runs, Unit::Time, Goal::Shown, cells(|times| &times.round));
            if addresses >= MANY && question == Question::Echo {
                let figure = format!("{title}: none is left after giving up");
                table.row(figure, runs, Unit::Time, Goal::Shown, cells(|times| &times.gone));
            }
        }
    }
    Ok(())
}

/// What is asked of our figure.
const fn goal(scale: Scale, question: Question) -> Goal {
    const MILLISECOND: u64 = 1_000_000;
    match (question, scale.layout, scale.addresses) {
        (Question::Echo, Layout::Contiguous, ..2) => Goal::Median(MILLISECOND),
        (Question::Echo, Layout::Contiguous, ..201) => Goal::Median(3 * MILLISECOND),
        (Question::Echo, Layout::Contiguous, ..10_000) => Goal::PartOfPeer(3),
        (Question::Echo, Layout::Contiguous, _) => Goal::PartOfPeer(15),
        (_, _, ..2_000) => Goal::NotAbovePeer,
        (Question::Echo, Layout::Scattered, _) => Goal::PartOfPeer(2),
        (Question::Arp, _, ..10_000) => Goal::PartOfPeer(5),
        (Question::Arp, _, _) => Goal::PartOfPeer(30),
    }
}

/// Measures all contestants at one scale, in turn.
///
/// # Errors
/// When a takeover is not seen at all.
pub fn one(contestants: &[Contestant], scale: Scale) -> Result<Vec<Measured>> {
    let Scale { addresses, layout, runs } = scale;
    let context = |name: &str| format!("takeover of {addresses} addresses, {}, {name}", layout.word());
    eprintln!("bench: {runs} takeovers of {addresses} addresses, {}, by ping and by ARP", layout.word());
    let stages = contestants.iter().map(|&(name, make)| {
        let stage = Stage::new(make, scale).with_context(|| context(name))?;
        Ok((name, stage, Measured::default()))
    });
    let mut stages = stages.collect::<Result<Vec<_>>>()?;
    for run in 0..runs {
        for (name, stage, measured) in &mut stages {
            stage.takeover(Question::Echo, run, &mut measured.echo).with_context(|| context(name))?;
            stage.takeover(Question::Arp, run, &mut measured.arp).with_context(|| context(name))?;
        }
    }
    Ok(stages.into_iter().map(|(_, _, measured)| measured).collect())
}

/// A pair of routers with all those addresses, and the station that asks. Daemons go before their hosts.
struct Stage {
    scale: Scale,
    _strong: Speaker,
    weak: Speaker,
    a: Node,
    b: Node,
    _client: Node,
    ear: Ear,
    lab: Lab,
}

impl Stage {
    fn new(make: Make, scale: Scale) -> Result<Self> {
        let lab = Lab::new()?;
        let (a, b, client) = (lab.host("a", 1)?, lab.host("b", 2)?, lab.host("client", 9)?);
        let ear = Ear::open(&client)?;
        let began = Moment::now();
        let strong = Speaker::start(make, &a, &scale.group(STRONG))?;
        let weak = Speaker::start(make, &b, &scale.group(WEAK))?;
        let stage = Self { scale, _strong: strong, weak, a, b, _client: client, ear, lab };
        stage.wait_master().with_context(|| stage.weak.log_tail())?;
        until_addresses(&stage.a, scale.addresses)?;
        std::thread::sleep(SETTLE.saturating_sub(began.elapsed()));
        Ok(stage)
    }

    /// Until the strong router speaks.
    fn wait_master(&self) -> Result<()> {
        let patience = self.scale.group(STRONG).timing().down_bound(STRONG) + PATIENCE;
        let strong = self.a.address();
        self.ear
            .wait("the strong router", patience, |heard| heard.source == strong && heard.priority == STRONG)
            .map(drop)
    }

    /// One takeover, and back.
    fn takeover(&self, question: Question, run: u32, times: &mut Times) -> Result<()> {
        let timing = self.scale.group(WEAK).timing();
        // At another point of the interval each time.
        std::thread::sleep(timing.interval * 3 + timing.interval * (run % 10) / 10);
        let mut prober = Prober::open(self.lab.switch(), &self.b, question, &self.scale.targets())?;
        prober.ensure_silence()?;
        let (strong, weak) = (self.a.address(), self.b.address());
        let mut heard = self.ear.heard()?;
        self.a.cut_silently()?;
        // The cut came while the command ran: what counts is the last advert that came through.
        heard.extend(self.ear.heard()?);
        let last = heard.iter().rev().find(|heard| heard.source == strong);
        let due = last.context("no advert of the strong router")?.at.plus(timing.down(WEAK));
        let answers = prober.sweep(due.minus(LEAD), due.plus(PATIENCE))?;
        let Some(complete) = answers.complete() else {
            bail!("{} addresses never answered{}", answers.missing(), self.weak.log_tail());
        };
        let first =
            self.ear.heard()?.into_iter().find(|heard| heard.source == weak && heard.priority == WEAK);
        ensure!(first.is_none_or(|first| first.at >= due), "took over before its time");
        ensure!(complete >= due, "answered {} before its time", Span(due.since(complete)));
        times.all.push(complete.since(due));
        times.round.push(answers.round);
        // Both have all addresses before one of them gives them up.
        until_addresses(&self.b, self.scale.addresses)?;
        self.a.restore_silently()?;
        self.wait_master()?;
        let back = Moment::now();
        until_addresses(&self.b, 0)?;
        times.gone.push(back.elapsed());
        Ok(())
    }
}

/// Until a router has that many virtual addresses, no more and no fewer.
///
/// # Errors
/// When it has not after half a minute.
pub fn until_addresses(node: &Node, wanted: u32) -> Result<()> {
    let began = Moment::now();
    loop {
        // One is its own.
        let have = node.addresses()?.len().saturating_sub(1);
        if have == wanted as usize {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            bail!("{} has {have} virtual addresses and not {wanted} after {PATIENCE:?}", node.role());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
