//! What is demanded of the two, and who is believed: the wire first, the hosts for their addresses, the client for its
//! pings; a daemon only in so far as it must not lie.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lab::{
    clock::{Moment, Span},
    speaker::{Make, Speaker},
};
use regent_common::Family;

use super::{Pair, Side};
use crate::scenarios::{figures, rig::START};

/// What peers count in.
const CENTISECOND: Duration = Duration::from_millis(10);

impl Pair {
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
