//! Two routers of whichever make and a client that pings: what a scenario does with them, and what it sees. What it
//! demands of them is in [`judged`].

mod judged;

use std::{net::IpAddr, time::Duration};

use anyhow::{Context, Result, anyhow, ensure};
use lab::{
    client::Pinger,
    clock::Moment,
    frame::Frame,
    group::Group,
    node::Node,
    speaker::{Make, Speaker},
    timer::Timing,
};
use nix::sys::signal::Signal;

use super::rig::{Rig, START};

/// Shortest time between an announcement of the agent and one for a contest, and a little more.
pub const CONTEST_SPACING: Duration = Duration::from_millis(1_100);

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
}
