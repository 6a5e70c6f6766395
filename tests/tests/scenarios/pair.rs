//! Two routers of whichever make and a client that pings: what a scenario does with them, and what it
//! asks of the wire.

use std::{net::IpAddr, time::Duration};

use anyhow::{Context, Result, anyhow, ensure};
use lab::{
    client::Pinger,
    clock::{Moment, Span},
    frame::Frame,
    group::Group,
    node::Node,
    speaker::{Make, Speaker},
    timer::Timing,
};
use nix::sys::signal::Signal;
use regent_common::Family;

use super::{
    figures,
    rig::{Rig, START},
};

/// Shortest time between an announcement of the agent and one for a contest, and a little more.
pub const CONTEST_SPACING: Duration = Duration::from_millis(1_100);
/// What peers count in.
const CENTISECOND: Duration = Duration::from_millis(10);

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The agent.
    We,
    /// The peer.
    They,
}

impl Side {
    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::We => Self::They,
            Self::They => Self::We,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::We => "we",
            Self::They => "they",
        }
    }
}

/// One of the two, with the priority that it was started with last.
struct Seat {
    make: Make,
    speaker: Option<Speaker>,
    priority: u8,
    cut_off: bool,
}

/// The two, and the stage. Fields drop in order: daemons before hosts.
pub struct Pair {
    we: Seat,
    they: Seat,
    pinger: Option<Pinger>,
    cell: String,
    group: Group,
    rig: Rig,
}

impl Pair {
    /// An empty stage.
    pub fn new(cell: &str, we: Make, they: Make, group: Group) -> Result<Self> {
        let rig = Rig::of(&group)?;
        let seat = |make| Seat { make, speaker: None, priority: 0, cut_off: false };
        Ok(Self { we: seat(we), they: seat(they), pinger: None, cell: cell.to_owned(), group, rig })
    }

    /// What they both are in.
    pub const fn group(&self) -> &Group {
        &self.group
    }

    /// The timing of the group.
    pub fn timing(&self) -> Timing {
        self.group.timing()
    }

    /// How often the client pings: ten times in an interval, so that its gaps are known to a tenth of one.
    fn ping_period(&self) -> Duration {
        (self.timing().interval / 20).clamp(Duration::from_millis(2), Duration::from_millis(20))
    }

    const fn seat(&self, side: Side) -> &Seat {
        match side {
            Side::We => &self.we,
            Side::They => &self.they,
        }
    }

    const fn seat_mut(&mut self, side: Side) -> &mut Seat {
        match side {
            Side::We => &mut self.we,
            Side::They => &mut self.they,
        }
    }

    /// The host of a side.
    pub const fn node(&self, side: Side) -> &Node {
        match side {
            Side::We => &self.rig.a,
            Side::They => &self.rig.b,
        }
    }

    /// One more host.
    pub fn another(&self, role: &str, number: u8) -> Result<Node> {
        self.rig.another(role, number)
    }

    /// The longest time between two adverts of a side since `since`, and until now.
    pub fn longest_pause(&self, side: Side, since: Moment) -> Result<Duration> {
        let frames = self.rig.capture.frames();
        let adverts = frames.iter().filter(|frame| frame.at > since && self.is_of(side, frame));
        let mut previous = self.last_advert(side, since)?;
        let mut longest = Duration::ZERO;
        for at in adverts.map(|frame| frame.at).chain([Moment::now()]) {
            longest = longest.max(at.since(previous));
            previous = at;
        }
        Ok(longest)
    }

    /// The client's host.
    pub const fn client(&self) -> &Node {
        &self.rig.client
    }

    /// The first frame that the client saw after `after` and `wanted` accepts.
    pub fn see(&self, after: Moment, what: &str, wanted: impl Fn(&Frame) -> bool) -> Result<Frame> {
        self.rig.capture.wait_after(after, what, START, wanted)
    }

    /// How many frames the client saw after `after` that `wanted` accepts.
    pub fn count_after(&self, after: Moment, wanted: impl Fn(&Frame) -> bool) -> usize {
        self.rig.capture.count_after(after, wanted)
    }

    fn speaker(&mut self, side: Side) -> Result<&mut Speaker> {
        self.seat_mut(side).speaker.as_mut().with_context(|| format!("{} do not run", side.word()))
    }

    /// Adds what both said to an error.
    pub fn explain<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| {
            let speakers = [&self.we, &self.they].into_iter().filter_map(|seat| seat.speaker.as_ref());
            let logs: String = speakers.map(Speaker::log_tail).collect();
            anyhow!("{error:#}{logs}")
        })
    }

    fn start(&mut self, side: Side, priority: u8) -> Result<()> {
        let group = self.group.clone().of(priority);
        let speaker = Speaker::start(self.seat(side).make, self.node(side), &group)?;
        let seat = self.seat_mut(side);
        (seat.speaker, seat.priority) = (Some(speaker), priority);
        Ok(())
    }

    /// Starts one that has nobody to wait for, and waits until it is master and serves the client.
    pub fn master(&mut self, side: Side, priority: u8) -> Result<()> {
        let began = Moment::now();
        self.start(side, priority)?;
        let first = self.first_advert(side, began, self.timing().down_bound(priority) + START)?;
        self.speaker(side)?.make_punctual();
        if self.pinger.is_none() {
            self.pinger = Some(Pinger::start(&self.rig.client, self.group.address(), self.ping_period())?);
        }
        self.served_by(side, first.at)
    }

    /// As [`Self::master`], and for long enough that a contest is announced at once: never within a second of any other
    /// announcement.
    pub fn long_master(&mut self, side: Side, priority: u8) -> Result<()> {
        self.master(side, priority)?;
        std::thread::sleep(CONTEST_SPACING);
        Ok(())
    }

    /// Starts one that hears a better one, and waits until it has heard it.
    pub fn backup(&mut self, side: Side, priority: u8) -> Result<()> {
        self.start(side, priority)?;
        self.speaker(side)?.wait_entering("BACKUP", 1, START)?;
        self.speaker(side)?.make_punctual();
        std::thread::sleep(self.timing().interval * 3 / 2);
        Ok(())
    }

    /// Starts one that has to take the address from the other, and returns its first advert.
    pub fn challenger(&mut self, side: Side, priority: u8) -> Result<Frame> {
        let began = Moment::now();
        self.start(side, priority)?;
        self.speaker(side)?.wait_entering("BACKUP", 1, START)?;
        self.speaker(side)?.make_punctual();
        self.first_advert(side, began, self.timing().down_bound(priority) + START)
    }

    /// SIGTERM, and a good end: the address is gone.
    pub fn stop(&mut self, side: Side) -> Result<()> {
        let status = self.speaker(side)?.stop()?;
        self.seat_mut(side).speaker = None;
        ensure!(status.success(), "{} ended with {status}", side.word());
        self.has_given_up(side)
    }

    /// SIGKILL: the address stays where it is, and the host's kernel goes on answering.
    pub fn kill(&mut self, side: Side) -> Result<()> {
        self.speaker(side)?.kill()?;
        self.seat_mut(side).speaker = None;
        Ok(())
    }

    /// SIGSTOP for so long; returns when it runs again.
    pub fn freeze(&mut self, side: Side, time: Duration) -> Result<Moment> {
        self.speaker(side)?.process().signal_all(Signal::SIGSTOP)?;
        std::thread::sleep(time);
        self.thaw(side)
    }

    /// The process of a side.
    pub fn pid(&mut self, side: Side) -> Result<u32> {
        Ok(self.speaker(side)?.process().pid())
    }

    /// SIGCONT.
    pub fn thaw(&mut self, side: Side) -> Result<Moment> {
        self.speaker(side)?.process().signal_all(Signal::SIGCONT)?;
        Ok(Moment::now())
    }

    /// As a power loss looks from outside: the host is cut off in the middle of what it does. A daemon that is killed
    /// leaves the address up behind it, and the host goes on answering.
    pub fn cut(&mut self, side: Side) -> Result<Moment> {
        self.node(side).cut_cable()?;
        self.seat_mut(side).cut_off = true;
        Ok(Moment::now())
    }

    /// Ends [`Self::cut`].
    pub fn plug(&mut self, side: Side) -> Result<()> {
        self.seat_mut(side).cut_off = false;
        self.node(side).restore_cable()
    }

    /// Waits for the first advert of a side after `after`, with the priority that it was started with.
    pub fn first_advert(&self, side: Side, after: Moment, patience: Duration) -> Result<Frame> {
        let priority = self.seat(side).priority;
        let what = format!("the first advert of priority {priority}: {}", side.word());
        self.rig.capture.wait_after(after, &what, patience, |frame| {
            self.is_of(side, frame) && frame.advert().is_some_and(|advert| advert.priority == priority)
        })
    }

    /// Waits for a side's priority 0 after `after`.
    pub fn resignation(&self, side: Side, after: Moment) -> Result<Frame> {
        let what = format!("priority 0: {}", side.word());
        self.rig.capture.wait_after(after, &what, START, |frame| {
            self.is_of(side, frame) && frame.advert().is_some_and(|advert| advert.priority == 0)
        })
    }

    /// The newest advert of a side before `before`.
    pub fn last_advert(&self, side: Side, before: Moment) -> Result<Moment> {
        let last = self.rig.capture.last_before(before, |frame| self.is_of(side, frame));
        last.map(|frame| frame.at).with_context(|| format!("no advert was seen: {}", side.word()))
    }

    /// Waits for an advert of the group from an address that no side had at its start.
    pub fn first_advert_from(&self, source: IpAddr, after: Moment, patience: Duration) -> Result<Frame> {
        let what = format!("an advert from {source}");
        let vrid = self.group.wire_vrid();
        self.rig.capture.wait_after(after, &what, patience, |frame| frame.is_advert(vrid, source))
    }

    /// The newest of those before `before`.
    pub fn last_advert_from(&self, source: IpAddr, before: Moment) -> Result<Moment> {
        let vrid = self.group.wire_vrid();
        let last = self.rig.capture.last_before(before, |frame| frame.is_advert(vrid, source));
        last.map(|frame| frame.at).with_context(|| format!("no advert from {source} was seen"))
    }

    /// Whether `frame` is a good advert of the group by that side.
    pub fn is_of(&self, side: Side, frame: &Frame) -> bool {
        self.seat(side).make.is_advert(frame, self.node(side), &self.group)
    }

    /// Not one advert of that side between the two moments.
    pub fn silent(&self, side: Side, from: Moment, to: Moment) -> Result<()> {
        let frames = self.rig.capture.frames();
        let spoke =
            frames.iter().filter(|frame| frame.at > from && frame.at <= to && self.is_of(side, frame));
        let spoke: Vec<_> = spoke.map(|frame| Span(frame.at.since(from)).to_string()).collect();
        ensure!(spoke.is_empty(), "{} spoke {} after they had to be silent", side.word(), spoke.join(", "));
        Ok(())
    }

    /// From now on for a whole down time that side alone speaks, without a pause, has the address and serves the client.
    pub fn reigns(&self, side: Side) -> Result<()> {
        let from = Moment::now();
        self.speaks_alone(side)?;
        self.served_by(side, from)
    }

    /// The part of it that the wire and the hosts say. Who has just lost may settle the matter by one more advert.
    pub fn speaks_alone(&self, side: Side) -> Result<()> {
        let timing = self.timing();
        std::thread::sleep(timing.interval / 2);
        let from = Moment::now();
        std::thread::sleep(timing.down_bound(self.seat(side.other()).priority));
        let to = Moment::now();
        self.silent(side.other(), from, to)?;
        let frames = self.rig.capture.frames();
        let adverts = frames.iter().filter(|frame| frame.at > from && frame.at <= to);
        let strangers = adverts.clone().filter(|frame| frame.advert().is_some() && !self.is_of(side, frame));
        ensure!(strangers.count() == 0, "somebody else spoke");
        // A peer may be late, as long as nobody takes it for dead.
        let longest = match self.seat(side).make {
            Make::Agent(_) => timing.interval * 2,
            Make::Keepalived | Make::Frr => timing.interval * 3,
        };
        let mut previous = self.last_advert(side, from)?;
        for advert in adverts.filter(|frame| self.is_of(side, frame)).map(|frame| frame.at).chain([to]) {
            let pause = advert.since(previous);
            ensure!(pause <= longest, "{} paused for {}", side.word(), Span(pause));
            previous = advert;
        }
        self.holds(side)
    }

    /// That side has the address, and the other has not.
    fn holds(&self, side: Side) -> Result<()> {
        for (side, wanted) in [(side, true), (side.other(), false)] {
            // Who was killed had no chance to give it up, and who is cut off has it to itself.
            let seat = self.seat(side);
            if seat.speaker.is_none() || seat.cut_off {
                continue;
            }
            let holds = || self.seat(side).make.holds(self.node(side), &self.group);
            let began = Moment::now();
            while holds()? != wanted {
                let word = if wanted { "do not have" } else { "still have" };
                ensure!(
                    began.elapsed() < self.timing().interval,
                    "{} {word} {}",
                    side.word(),
                    self.group.address()
                );
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        Ok(())
    }

    /// That side has the address no more.
    pub fn has_given_up(&self, side: Side) -> Result<()> {
        let held = self.seat(side).make.holds(self.node(side), &self.group)?;
        ensure!(!held, "{} still have {}", side.word(), self.group.address());
        Ok(())
    }

    /// The client's next ping after `after` that is answered went to that side.
    pub fn served_by(&self, side: Side, after: Moment) -> Result<()> {
        self.served_within(side, after, START)
    }

    /// As [`Self::served_by`], with so much patience.
    pub fn served_within(&self, side: Side, after: Moment, patience: Duration) -> Result<()> {
        let (make, node, address) = (self.seat(side).make, self.node(side), self.group.address());
        let pinger = self.pinger.as_ref().context("nobody pings")?;
        let what = format!("a ping of {address} to {}", side.word());
        let served = self.rig.capture.wait_after(after, &what, patience, |frame| {
            frame.outgoing && frame.is_ping_of(address) && make.serves_with(frame.to, node, &self.group)
        });
        let now = Moment::now();
        let last = self.rig.capture.last_before(now, |frame| frame.outgoing && frame.is_ping_of(address));
        let ping = served.with_context(|| match last {
            Some(frame) => format!("the last ping went to {:02x?}", frame.to),
            None => "nobody pinged".to_owned(),
        })?;
        pinger.wait_answer(ping.at, patience).map(drop)
    }

    /// Waits until the client's pings go to that MAC and are answered.
    pub fn served_at(&self, mac: [u8; 6], after: Moment, patience: Duration) -> Result<()> {
        let address = self.group.address();
        let ping = self.rig.capture.wait_after(after, "a ping to the new MAC", patience, |frame| {
            frame.outgoing && frame.is_ping_of(address) && frame.to == mac
        })?;
        let pinger = self.pinger.as_ref().context("nobody pings")?;
        pinger.wait_answer(ping.at, patience).map(drop)
    }

    /// The client's pings since `from` failed for no longer than `bound`. A gap is known to two ping periods.
    pub fn gap_within(&self, from: Moment, bound: Duration) -> Result<()> {
        let pinger = self.pinger.as_ref().context("nobody pings")?;
        let gap = pinger.longest_gap(from, Moment::now());
        figures::note(&self.cell, "gap", gap, bound);
        ensure!(
            gap <= bound + self.ping_period() * 2,
            "the client had no answer for {}; at most {} is right",
            Span(gap),
            Span(bound)
        );
        Ok(())
    }

    /// A silence was as long as it must be and no longer than it may be. What a peer rounds down to centiseconds is no
    /// fault of ours, and neither are the first adverts that FRR 8.4.4 loses over IPv6: it does not find its address while
    /// its macvlan comes up, announces it in time and advertises an interval or two later.
    pub fn waited(&self, side: Side, wait: Duration, least: Duration, most: Duration) -> Result<()> {
        let rounded = least.saturating_sub(CENTISECOND);
        let (least, most) = match (self.seat(side).make, self.group.family()) {
            (Make::Agent(_), _) => (least, most),
            (Make::Keepalived, _) | (Make::Frr, Family::Ipv4) => (rounded, most),
            (Make::Frr, Family::Ipv6) => (rounded, most + self.timing().interval * 2),
        };
        figures::note(&self.cell, "silence", wait, most);
        ensure!(
            wait >= least && wait <= most,
            "{} spoke after {}; right is {} to {}",
            side.word(),
            Span(wait),
            Span(least),
            Span(most)
        );
        Ok(())
    }

    /// It has not been master once.
    pub fn never_was_master(&mut self, side: Side) -> Result<()> {
        let times = self.speaker(side)?.entered("MASTER");
        ensure!(times == 0, "{} became master {times} times", side.word());
        Ok(())
    }

    /// Its log says that text.
    pub fn says_in_log(&mut self, side: Side, text: &str) -> Result<()> {
        self.speaker(side)?.process().wait_for_log(text, 1, START)
    }

    /// What the daemon of that side says it is: the wire is believed, but it must not lie.
    pub fn says(&mut self, side: Side, state: &str) -> Result<()> {
        match self.speaker(side)? {
            Speaker::Agent(agent) => {
                let status = agent.wait_status(state, START, |status| status.state("VI_1") == state)?;
                let rejected = status.instance("VI_1")["rejected"].as_object();
                let counted =
                    rejected.into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum::<u64>();
                ensure!(counted == 0, "the agent rejected adverts: {}", status.instance("VI_1")["rejected"]);
                Ok(())
            }
            Speaker::Keepalived(_) | Speaker::Frr(_) => Ok(()),
        }
    }
}
