//! Whether the XDP program answers for virtual addresses on a port, and by which way.
//!
//! What a driver is given to send back may be lost without a word: veth holds it until its peer polls, others lack the
//! queues. So a port is trusted only after something that the program sent was seen to have arrived, and asked again from
//! time to time. Until then, and where it does not arrive, the kernel answers.
//!
//! Owns the order of the questions; how one is asked is told in [`regent_common::map::Probe`]. Pure: time is an argument.

use std::{collections::VecDeque, net::IpAddr, time::Duration};

use regent_common::map::{self, Probe};
use regent_vrrp::Instant;

/// How long a neighbour may take to answer the first question.
const PATIENCE: Duration = Duration::from_millis(200);
/// How soon after the bounce the second answer must be there. A frame that something else had to push out comes later.
const PROMPT: Duration = Duration::from_millis(50);
/// How long after a question to look what came of it; again and again until [`PATIENCE`] is over.
const LOOK: Duration = Duration::from_millis(20);
/// How often a port that answers is asked again, and one that has nobody to ask.
const AGAIN: Duration = Duration::from_secs(10);
/// How long a port rests whose answers do not arrive: somebody may have changed the driver's settings.
const REST: Duration = Duration::from_secs(30);
/// Failures in a row until a port that answered is not trusted any more. One frame may be lost.
const FAILURES: u32 = 3;
/// Neighbours kept to ask.
const CANDIDATES: usize = 8;

/// How answers leave a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Means {
    /// Not at all: the kernel answers.
    #[default]
    Kernel,
    /// By XDP_TX.
    Transmit,
    /// By a redirection to the port itself.
    Redirect,
}

impl Means {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Kernel, Self::Transmit, Self::Redirect];

    /// As the program knows it.
    pub const fn number(self) -> u32 {
        match self {
            Self::Kernel => map::way::KERNEL,
            Self::Transmit => map::way::TRANSMIT,
            Self::Redirect => map::way::REDIRECT,
        }
    }
}

/// A question to ask now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// A neighbour on this port.
    pub target: IpAddr,
    /// How the program is to send the second question.
    pub way: Means,
}

/// What came of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet.
    Open,
    /// The way is another one from now on.
    Changed,
    /// Everything is as it was.
    Confirmed,
}

/// A question under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    question: Question,
    at: Instant,
}

/// What is known of one port.
#[derive(Clone, Debug)]
pub struct Answering {
    way: Means,
    why: &'static str,
    /// Ways that the port's mode allows, best first.
    ways: &'static [Means],
    /// The one that is tried next.
    next: usize,
    asked: Option<Asked>,
    /// When to ask next, or to look.
    due: Option<Instant>,
    failures: u32,
    /// Newest last.
    candidates: VecDeque<IpAddr>,
}

impl Default for Answering {
    fn default() -> Self {
        Self::not("no XDP program is on the port")
    }
}

impl Answering {
    /// A port on which the kernel answers, and why.
    pub const fn not(why: &'static str) -> Self {
        Self {
            way: Means::Kernel,
            why,
            ways: &[],
            next: 0,
            asked: None,
            due: None,
            failures: 0,
            candidates: VecDeque::new(),
        }
    }

    /// A port that a program was put on, in the driver or not.
    pub fn unproven(native: bool) -> Self {
        let ways: &[Means] = match native {
            // A redirection is what veth sends at once; where a driver has none, XDP_TX is tried.
            true => &[Means::Redirect, Means::Transmit],
            false => &[Means::Transmit],
        };
        Self { ways, ..Self::not("no neighbour has answered yet that could show whether answers arrive") }
    }

    /// A port whose answers were seen to arrive, by another agent's program; it is asked again like any other.
    pub fn inherited(native: bool, way: Means, now: Instant) -> Self {
        let known = Self::unproven(native);
        match known.ways.contains(&way) {
            // Kernel is none of them.
            true => Self { way, due: Some(now + AGAIN), ..known },
            false => known,
        }
    }

    /// How answers leave.
    pub const fn way(&self) -> Means {
        self.way
    }

    /// Why the kernel answers; nothing to say where it does not.
    pub const fn why(&self) -> &'static str {
        match self.way {
            Means::Kernel => self.why,
            Means::Transmit | Means::Redirect => "",
        }
    }

    /// When something is due.
    pub const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether it lacks somebody to ask.
    pub fn wants_candidates(&self) -> bool {
        !self.ways.is_empty() && self.candidates.is_empty()
    }

    /// A neighbour that could be asked.
    pub fn candidate(&mut self, target: IpAddr, now: Instant) {
        if self.ways.is_empty() || self.candidates.contains(&target) {
            return;
        }
        if self.candidates.len() == CANDIDATES {
            self.candidates.pop_front();
        }
        self.candidates.push_back(target);
        if self.asked.is_none() && self.way == Means::Kernel && self.due.is_none() {
            self.due = Some(now);
        }
    }

    /// The question to ask now, if one is due. Then it must be looked at by [`Self::look`] when [`Self::due`] says.
    pub fn ask(&mut self, now: Instant) -> Option<Question> {
        if self.asked.is_some() || self.due.is_none_or(|due| due > now) {
            return None;
        }
        let Some(target) = self.candidates.back().copied() else {
            self.due = None;
            return None;
        };
        let way = match self.way {
            Means::Kernel => *self.ways.get(self.next)?,
            Means::Transmit | Means::Redirect => self.way,
        };
        let question = Question { target, way };
        self.asked = Some(Asked { question, at: now });
        self.due = Some(now + LOOK);
        Some(question)
    }

    /// Looks what came of the question that was asked: what the program says of it.
    pub fn look(&mut self, now: Instant, probe: Option<&Probe>) -> Verdict {
        let Some(asked) = self.asked.filter(|_| self.due.is_some_and(|due| due <= now)) else {
            return Verdict::Open;
        };
        let (bounced, arrived) = probe.map_or((0, 0), |probe| (probe.bounced, probe.arrived));
        let prompt = u64::try_from(PROMPT.as_nanos()).unwrap_or(u64::MAX);
        if arrived != 0 {
            return match arrived.saturating_sub(bounced) <= prompt {
                true => self.proven(asked.question.way, now),
                false => self.failed(now),
            };
        }
        if now < asked.at + PATIENCE {
            self.due = Some(now + LOOK);
            return Verdict::Open;
        }
        match bounced {
            0 => self.unanswered(now),
            _ => self.failed(now),
        }
    }

    fn proven(&mut self, way: Means, now: Instant) -> Verdict {
        self.asked = None;
        self.failures = 0;
        self.due = Some(now + AGAIN);
        let changed = self.way != way;
        self.way = way;
        if changed { Verdict::Changed } else { Verdict::Confirmed }
    }

    /// The neighbour did not answer the ordinary question: that says nothing of the port.
    fn unanswered(&mut self, now: Instant) -> Verdict {
        self.asked = None;
        self.candidates.pop_back();
        // Where nobody is left, whoever is heard next is asked.
        self.due = match (self.candidates.is_empty(), self.way) {
            (true, Means::Kernel) => None,
            (true, Means::Transmit | Means::Redirect) => Some(now + AGAIN),
            (false, Means::Kernel | Means::Transmit | Means::Redirect) => Some(now),
        };
        Verdict::Confirmed
    }

    /// What the program sent did not arrive.
    fn failed(&mut self, now: Instant) -> Verdict {
        self.asked = None;
        self.failures += 1;
        match self.way {
            Means::Kernel => {
                self.next += 1;
                self.due = Some(now);
                if self.next == self.ways.len() {
                    self.next = 0;
                    self.why = "what the program sends from this port does not arrive: its driver, or the other end of a \
                                veth, does not take it (`ethtool -K PEER gro on` helps a veth)";
                    self.due = Some(now + REST);
                }
                Verdict::Confirmed
            }
            Means::Transmit | Means::Redirect if self.failures < FAILURES => {
                self.due = Some(now);
                Verdict::Confirmed
            }
            Means::Transmit | Means::Redirect => {
                self.way = Means::Kernel;
                self.why = "what the program sends from this port does not arrive any more";
                self.next = 0;
                self.due = Some(now + REST);
                Verdict::Changed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEIGHBOUR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    fn at(milliseconds: u64) -> Instant {
        Instant::from_nanoseconds((1_000 + milliseconds) * 1_000_000)
    }

    fn probe(bounced: Option<u64>, arrived: Option<u64>) -> Probe {
        let stamp = |milliseconds: Option<u64>| milliseconds.map_or(0, |of| at(of).nanoseconds());
        Probe {
            bounced: stamp(bounced),
            arrived: stamp(arrived),
            target: [0; 16],
            way: 0,
            length: 0,
            frame: [0; map::PROBE_FRAME],
        }
    }

    fn asked(native: bool) -> Answering {
        let mut answering = Answering::unproven(native);
        answering.candidate(NEIGHBOUR, at(0));
        assert!(answering.ask(at(0)).is_some());
        answering
    }

    #[test]
    fn without_a_neighbour_nothing_is_asked_and_the_kernel_answers() {
        let mut answering = Answering::unproven(true);
        assert_eq!((answering.due(), answering.ask(at(0)), answering.way()), (None, None, Means::Kernel));
        assert!(answering.wants_candidates());
        assert!(!Answering::default().wants_candidates());
    }

    #[test]
    fn a_port_that_another_agent_trusted_is_trusted_and_asked_again() {
        let mut answering = Answering::inherited(true, Means::Redirect, at(0));
        assert_eq!((answering.way(), answering.due()), (Means::Redirect, Some(at(0) + AGAIN)));
        answering.candidate(NEIGHBOUR, at(1_000));
        let question = Question { target: NEIGHBOUR, way: Means::Redirect };
        assert_eq!(answering.ask(at(0) + AGAIN), Some(question));
        // The other carrier has no such way.
        assert_eq!(Answering::inherited(false, Means::Redirect, at(0)).way(), Means::Kernel);
        assert_eq!(Answering::inherited(true, Means::Kernel, at(0)).due(), None);
    }

    #[test]
    fn a_second_answer_that_arrives_at_once_is_the_proof() {
        let mut answering = asked(true);
        assert_eq!(answering.look(at(20), Some(&probe(Some(1), Some(2)))), Verdict::Changed);
        assert_eq!((answering.way(), answering.why()), (Means::Redirect, ""));
        assert_eq!(answering.due(), Some(at(20) + AGAIN));
    }

    #[test]
    fn a_second_answer_that_something_else_pushed_out_is_none() {
        let mut answering = asked(false);
        assert_eq!(answering.look(at(180), Some(&probe(Some(1), Some(150)))), Verdict::Confirmed);
        assert_eq!(answering.way(), Means::Kernel);
    }

    #[test]
    fn the_next_way_is_tried_when_one_does_not_arrive_and_then_the_port_rests() {
        let mut answering = asked(true);
        answering.look(at(200), Some(&probe(Some(1), None)));
        assert_eq!(answering.ask(at(200)), Some(Question { target: NEIGHBOUR, way: Means::Transmit }));
        answering.look(at(400), Some(&probe(Some(201), None)));
        assert_eq!((answering.way(), answering.due()), (Means::Kernel, Some(at(400) + REST)));
        assert!(answering.why().contains("does not arrive"));
        let again = answering.ask(at(400) + REST);
        assert_eq!(again, Some(Question { target: NEIGHBOUR, way: Means::Redirect }));
    }

    #[test]
    fn a_neighbour_that_does_not_answer_says_nothing_of_the_port_and_the_next_one_is_asked() {
        let other = IpAddr::from([10, 0, 0, 9]);
        let mut answering = Answering::unproven(true);
        answering.candidate(NEIGHBOUR, at(0));
        answering.candidate(other, at(0));
        assert_eq!(answering.ask(at(0)), Some(Question { target: other, way: Means::Redirect }));
        assert_eq!(answering.look(at(100), Some(&probe(None, None))), Verdict::Open);
        answering.look(at(200), Some(&probe(None, None)));
        assert_eq!(answering.ask(at(200)), Some(Question { target: NEIGHBOUR, way: Means::Redirect }));
        answering.look(at(400), None);
        assert!(answering.wants_candidates());
        assert_eq!(answering.due(), None);
    }

    #[test]
    fn a_port_that_answers_is_asked_again_and_loses_trust_after_three_failures_only() {
        let mut answering = asked(true);
        answering.look(at(20), Some(&probe(Some(1), Some(2))));
        let mut now = at(20) + AGAIN;
        for failure in 1..=FAILURES {
            assert_eq!(answering.ask(now), Some(Question { target: NEIGHBOUR, way: Means::Redirect }));
            now = now + PATIENCE;
            let verdict = answering.look(now, Some(&probe(Some(10_030), None)));
            assert_eq!(verdict == Verdict::Changed, failure == FAILURES);
        }
        assert_eq!(answering.way(), Means::Kernel);
    }

    #[test]
    fn a_port_that_answers_and_whose_neighbours_fell_silent_goes_on() {
        let mut answering = asked(true);
        answering.look(at(20), Some(&probe(Some(1), Some(2))));
        let now = at(20) + AGAIN;
        answering.ask(now);
        assert_eq!(answering.look(now + PATIENCE, Some(&probe(None, None))), Verdict::Confirmed);
        assert_eq!(answering.way(), Means::Redirect);
        answering.candidate(NEIGHBOUR, now + PATIENCE);
        assert!(answering.due().is_some());
    }
}
