//! One act of the demo: the steps, each told only once it was seen on the wire.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lab::{
    capture::Capture,
    client::Pinger,
    clock::{Moment, Span},
    frame::Frame,
    group::Group,
    node::Node,
    speaker::{Make, Speaker},
};

use super::{
    GLANCE, Stage,
    narrator::{Narrator, Who},
};

/// Priorities of the classic pair.
const STRONG: u8 = 150;
const WEAK: u8 = 100;
/// How often the client pings.
const PING: Duration = Duration::from_millis(20);
/// Time to read.
const AUDIENCE: Duration = Duration::from_secs(2);
/// What an interface and a daemon take until they listen.
const CARRIER: Duration = Duration::from_secs(2);

/// The stage, and what is played on it.
pub struct Act<'a> {
    /// The hosts.
    pub stage: &'a Stage,
    /// Who tells.
    pub narrator: &'a Narrator,
    /// The virtual router, by priority.
    pub group: fn(u8) -> Group,
}

/// What runs during an act. Daemons go first.
pub struct Cast {
    a: Speaker,
    b: Speaker,
    pinger: Pinger,
    capture: Capture,
}

impl Act<'_> {
    /// a becomes master, its host is cut off, b takes over.
    ///
    /// # Errors
    /// When a step is not seen.
    pub fn takeover(&self, (first, peer): (Make, Make)) -> Result<Cast> {
        let (stage, group) = (self.stage, (self.group)(STRONG));
        let timing = group.timing();
        let capture = stage.client.capture()?;
        let pinger = Pinger::start(&stage.client, group.address(), PING)?;
        let began = Moment::now();
        let a = Speaker::start(first, &stage.a, &group)?;
        let b = Speaker::start(peer, &stage.b, &(self.group)(WEAK))?;
        let cast = Cast { a, b, pinger, capture };
        self.narrator.tell(
            Moment::now(),
            Who::A,
            "started; so is b. Both listen first: nobody is master by birth",
        );

        let master =
            self.see(&cast, began, "a to become master", timing.down_bound(STRONG) + CARRIER, |frame| {
                frame.is_advert_of(group.wire_vrid(), stage.a.address(), STRONG)
            })?;
        self.narrator.tell(master.at, Who::A, "is master: its first advert, priority 150");
        self.announced(&cast, master.at, &stage.a, Who::A)?;
        self.served_by(&cast, master.at, &stage.a)?;
        self.pause(Moment::now(), timing.interval * 2, "a few adverts")?;
        ensure!(
            cast.capture.count_after(began, |frame| frame.is_advert(group.wire_vrid(), stage.b.address()))
                == 0,
            "b spoke although a was master"
        );
        self.cut(&cast)?;
        Ok(cast)
    }

    fn cut(&self, cast: &Cast) -> Result<()> {
        let (stage, group) = (self.stage, (self.group)(WEAK));
        let (timing, vrid) = (group.timing(), group.wire_vrid());
        stage.a.cut_cable()?;
        let cut = Moment::now();
        self.narrator.tell(cut, Who::Hand, "pulled out of a, the master");
        let first = self.see(cast, cut, "b to take over", timing.down_bound(WEAK), |frame| {
            frame.is_advert_of(vrid, stage.b.address(), WEAK)
        })?;
        let last = cast
            .capture
            .last_before(first.at, |frame| frame.is_advert(vrid, stage.a.address()))
            .context("no advert of a was seen before b's first")?;
        let (silence, formula) = (first.at.since(last.at), timing.down(WEAK));
        ensure!(
            silence >= formula,
            "b took over {} after a's last advert, before its time: {}",
            Span(silence),
            Span(formula)
        );
        self.narrator.tell(
            first.at,
            Who::B,
            &format!("takes over: its first advert, {} after the last one of a", Span(silence)),
        );
        self.narrator.more(&format!(
            "3 x 1 s + skew (256 - 100)/256 s = {}; late by {}",
            Span(formula),
            Span(silence - formula)
        ));
        self.announced(cast, first.at, &stage.b, Who::B)?;
        let answered = self.served_by(cast, first.at, &stage.b)?;
        let gap = cast.pinger.longest_gap(last.at, answered);
        self.narrator.more(&format!("longest time without an answer: {}", Span(gap)));
        Ok(())
    }

    /// The cable is back: a preempts, b yields.
    ///
    /// # Errors
    /// When a step is not seen.
    pub fn preempted(&self, cast: &Cast) -> Result<()> {
        let (stage, group) = (self.stage, (self.group)(STRONG));
        let (timing, vrid) = (group.timing(), group.wire_vrid());
        let back = self.plug()?;
        let first = self.see(cast, back, "a to preempt", timing.down_bound(STRONG) + CARRIER, |frame| {
            frame.is_advert_of(vrid, stage.a.address(), STRONG)
        })?;
        self.narrator.tell(
            first.at,
            Who::A,
            &format!("preempts: its first advert, {} after the cable was back", Span(first.at.since(back))),
        );
        self.announced(cast, first.at, &stage.a, Who::A)?;
        self.served_by(cast, first.at, &stage.a)?;
        self.pause(first.at, timing.interval * 2, "b to be silent")?;
        let after = first.at.plus(timing.interval / 2);
        let spoke = cast.capture.count_after(after, |frame| frame.is_advert(vrid, stage.b.address()));
        ensure!(spoke == 0, "b sent {spoke} adverts after a was back");
        self.narrator.tell(Moment::now(), Who::B, "yielded: not one advert since");
        let gap = cast.pinger.longest_gap(back, Moment::now());
        self.narrator.tell(
            Moment::now(),
            Who::Client,
            &format!("longest time without an answer while a came back: {}", Span(gap)),
        );
        Ok(())
    }

    /// The cable is back: a stays Backup, b stays master.
    ///
    /// # Errors
    /// When a step is not seen.
    pub fn not_preempted(&self, cast: &Cast) -> Result<()> {
        let (stage, group) = (self.stage, (self.group)(STRONG));
        let (timing, vrid) = (group.timing(), group.wire_vrid());
        let back = self.plug()?;
        self.pause(back, timing.down_bound(STRONG) + timing.interval, "a to preempt, which it must not")?;
        let (a, b) = (stage.a.address(), stage.b.address());
        let stolen = cast.capture.count_after(back, |frame| frame.is_advert(vrid, a));
        ensure!(stolen == 0, "a sent {stolen} adverts although it must not preempt");
        let kept = cast.capture.count_after(back, |frame| frame.is_advert_of(vrid, b, WEAK));
        ensure!(kept >= 3, "b sent only {kept} adverts");
        let now = Moment::now();
        self.narrator.tell(
            now,
            Who::A,
            &format!("has kept silent for {}: longer than it would take to preempt", Span(now.since(back))),
        );
        self.narrator.tell(now, Who::B, &format!("is still master: {kept} adverts since"));
        self.served_by(cast, now, &stage.b)?;
        let gap = cast.pinger.longest_gap(back, Moment::now());
        self.narrator.more(&format!("longest time without an answer: {}", Span(gap)));
        Ok(())
    }

    /// Both are stopped: the master says so, and no address stays.
    ///
    /// # Errors
    /// When priority 0 is not seen, or something stays.
    pub fn curtain(&self, mut cast: Cast) -> Result<()> {
        let (stage, group) = (self.stage, (self.group)(STRONG));
        let master = cast
            .capture
            .last_before(Moment::now(), |frame| frame.advert().is_some())
            .and_then(|frame| stage.owner(frame.mac))
            .context("nobody was master at the end")?;
        let (is_a, address) = (master.address() == stage.a.address(), master.address());
        let asked = Moment::now();
        // The Backup first: otherwise it would take over before its own turn.
        let mut order = [&mut cast.b, &mut cast.a];
        if !is_a {
            order.reverse();
        }
        for speaker in order {
            let status = speaker.stop()?;
            ensure!(status.success(), "a router ended with {status}");
        }
        let resigned = self.see(&cast, asked, "priority 0", Duration::from_secs(1), |frame| {
            frame.is_advert_of(group.wire_vrid(), address, 0)
        })?;
        let who = if is_a { Who::A } else { Who::B };
        self.narrator.tell(resigned.at, who, "is stopped (SIGTERM) and says so: priority 0. So is the other");
        for node in [&stage.a, &stage.b] {
            ensure!(!node.has_address(group.address())?, "{} kept {}", node.role(), group.address());
        }
        self.narrator.more(&format!("neither host has {} any more", group.address()));
        Ok(())
    }

    fn plug(&self) -> Result<Moment> {
        self.pause(Moment::now(), AUDIENCE, "the audience")?;
        self.stage.a.restore_cable()?;
        let back = Moment::now();
        self.narrator.tell(back, Who::Hand, "plugged into a again");
        Ok(back)
    }

    /// The announcement of the virtual address by its new master.
    fn announced(&self, cast: &Cast, since: Moment, node: &Node, who: Who) -> Result<()> {
        let address = (self.group)(STRONG).address();
        let frame = self.see(cast, before(since), "the gratuitous ARP", Duration::from_secs(2), |frame| {
            frame.is_announcement(address) && frame.mac == node.mac()
        })?;
        let text = format!("announces {address} (gratuitous ARP) {} later", Span(frame.at.since(since)));
        self.narrator.tell(frame.at, who, &text);
        Ok(())
    }

    /// The client's view: ping answers, and its ARP entry points at `node`.
    fn served_by(&self, cast: &Cast, since: Moment, node: &Node) -> Result<Moment> {
        let address = (self.group)(STRONG).address();
        let answered = self.answered(cast, since)?;
        let start = Moment::now();
        let mac = loop {
            self.narrator.waiting(start, "the client's ARP entry")?;
            match self.stage.client.neighbour(address)? {
                Some(mac) if mac == node.mac() => break mac,
                other => ensure!(
                    start.elapsed() < Duration::from_secs(3),
                    "the client's ARP entry of {address} is {other:?}, not {}",
                    node.role()
                ),
            }
            std::thread::sleep(GLANCE);
        };
        let text = format!("{address} answers ping; its ARP entry is {}, {}", written(mac), node.role());
        self.narrator.tell(answered, Who::Client, &text);
        Ok(answered)
    }

    fn answered(&self, cast: &Cast, since: Moment) -> Result<Moment> {
        let start = Moment::now();
        loop {
            self.narrator.waiting(start, "an answer to the client's ping")?;
            if let Ok(answer) = cast.pinger.wait_answer(since, GLANCE) {
                return Ok(answer);
            }
            ensure!(start.elapsed() < Duration::from_secs(3), "the client's ping is not answered");
        }
    }

    fn see(
        &self,
        cast: &Cast,
        after: Moment,
        what: &str,
        timeout: Duration,
        wanted: impl Fn(&Frame) -> bool,
    ) -> Result<Frame> {
        let start = Moment::now();
        loop {
            self.narrator.waiting(after, what)?;
            match cast.capture.wait_after(after, what, GLANCE, &wanted) {
                Ok(frame) => return Ok(frame),
                Err(error) if start.elapsed() >= timeout => {
                    return Err(error.context(format!("waited {timeout:?}")));
                }
                Err(_) => {}
            }
        }
    }

    fn pause(&self, from: Moment, long: Duration, what: &str) -> Result<()> {
        while from.elapsed() < long {
            self.narrator.waiting(from, what)?;
            std::thread::sleep(GLANCE.min(long.saturating_sub(from.elapsed())));
        }
        Ok(())
    }
}

/// The moment before: frames of the same stamp count.
fn before(moment: Moment) -> Moment {
    moment.minus(Duration::from_nanos(1))
}

fn written([a, b, c, d, e, f]: [u8; 6]) -> String {
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}
