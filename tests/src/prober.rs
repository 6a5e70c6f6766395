//! Asks many virtual addresses in turn, round after round, and notes when each answers first.
//!
//! One station asks, from one address, since the kernel's table of neighbours is shared by all namespaces. It sits at the
//! switch's end of the answering host's cable: what is measured is that host and not the switch. Pings go to a MAC that is
//! known beforehand, as a host's frames go to its router's: no cache takes part. ARP is asked by broadcast.

use std::{collections::HashMap, net::Ipv4Addr, time::Duration};

use anyhow::{Context, Result, ensure};
use regent_common::{arp, checksum, ethernet, ipv4};

use crate::{
    burst::{self, Inbox},
    clock::Moment,
    icmp,
    node::{INTERFACE, Node},
    packet_socket::PacketSocket,
    punctual, question,
    switch::Switch,
};

/// The station's address.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 253);
/// Its MAC.
const MAC: [u8; 6] = [0x02, 0x52, 0x47, 0, 0, 253];
/// What marks our pings.
const IDENTIFIER: u16 = 0x5247;
/// A round of few addresses is not repeated sooner: the machine is to do other things too.
const LEAST_ROUND: Duration = Duration::from_micros(100);

/// What is waited for while the cable is full.
const FULL: Duration = Duration::from_micros(20);

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// ICMP echo: whether packets are delivered.
    Echo,
    /// ARP: whether others are told where to send them.
    Arp,
}

/// One station's questions.
#[derive(Debug)]
pub struct Prober {
    question: Question,
    socket: PacketSocket,
    frames: Vec<Vec<u8>>,
    places: HashMap<[u8; 4], usize>,
    answerer: [u8; 6],
    inbox: Inbox,
}

/// What a sweep found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// When each address answered first, in the order in which they were given; `None`: it did not.
    pub first: Vec<Option<Moment>>,
    /// What the longest round took that was complete.
    pub round: Duration,
    /// How many rounds were begun.
    pub rounds: u32,
}

impl Answers {
    /// How many addresses did not answer.
    pub fn missing(&self) -> usize {
        self.first.iter().filter(|first| first.is_none()).count()
    }

    /// When the last one had answered; `None` when one did not.
    pub fn complete(&self) -> Option<Moment> {
        self.first.iter().copied().collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}

impl Prober {
    /// Prepares to ask for all of `targets`, which `host` on `switch` shall have. From now on the host and the switch know
    /// the station.
    ///
    /// # Errors
    /// Without CAP_NET_RAW.
    pub fn open(switch: &Switch, host: &Node, question: Question, targets: &[Ipv4Addr]) -> Result<Self> {
        let answerer = host.mac();
        let frames = match question {
            Question::Echo => targets.iter().map(|&target| echo(answerer, target)).collect(),
            Question::Arp => targets.iter().map(|&target| question::request(MAC, ADDRESS, target)).collect(),
        };
        let mac = MAC.map(|byte| format!("{byte:02x}")).join(":");
        let station = ADDRESS.to_string();
        host.ip(&["neigh", "replace", &station, "lladdr", &mac, "dev", INTERFACE, "nud", "permanent"])?;
        // Answers go no further than to the port where they came from.
        switch.place(&mac, &host.port())?;
        let socket = PacketSocket::open_inwards(switch.namespace(), &host.port())?;
        let places = targets.iter().enumerate().map(|(place, target)| (target.octets(), place)).collect();
        Ok(Self { question, socket, frames, places, answerer, inbox: Inbox::default() })
    }

    /// Asks from `from` on until all have answered, or until `until`. Answers to earlier questions do not count.
    ///
    /// # Errors
    /// When the interface is gone.
    pub fn sweep(&mut self, from: Moment, until: Moment) -> Result<Answers> {
        // A thread for it alone, which is real-time; to become that takes longer than some answers.
        std::thread::scope(|scope| {
            let sweeping = scope.spawn(|| {
                punctual::this_thread();
                std::thread::sleep(from.since(Moment::now()));
                self.rounds(until)
            });
            sweeping.join().map_err(|_| anyhow::anyhow!("the prober panicked"))?
        })
    }

    fn rounds(&mut self, until: Moment) -> Result<Answers> {
        let mut answers = Answers { first: vec![None; self.frames.len()], round: Duration::ZERO, rounds: 0 };
        let mut missing = self.frames.len();
        let began = Moment::now();
        while missing > 0 && (answers.rounds == 0 || Moment::now() < until) {
            let round = Moment::now();
            answers.rounds += 1;
            let mut sent = 0;
            while let Some(frames @ [_, ..]) = self.frames.get(sent..) {
                match burst::send(&self.socket, frames) {
                    Ok(count) => sent += count,
                    // The cable is full: the other end does not get to read.
                    Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => std::thread::sleep(FULL),
                    Err(error) => return Err(error).context("ask"),
                }
                missing -= self.listen(began, &mut answers.first)?;
                if missing == 0 {
                    break;
                }
            }
            if sent == self.frames.len() {
                answers.round = answers.round.max(round.elapsed());
            }
            std::thread::sleep(LEAST_ROUND.saturating_sub(round.elapsed()));
            missing -= self.listen(began, &mut answers.first)?;
        }
        Ok(answers)
    }

    /// Notes all answers that are there; returns how many were first ones.
    fn listen(&mut self, began: Moment, first: &mut [Option<Moment>]) -> Result<usize> {
        let (question, answerer, places) = (self.question, self.answerer, &self.places);
        let mut new = 0;
        let mut note = |frame: &[u8], stamp: Option<Duration>| {
            let Some(place) = answered(question, answerer, frame).and_then(|by| places.get(&by)) else {
                return;
            };
            let Some(first @ None) = first.get_mut(*place) else { return };
            let at = stamp.map_or_else(Moment::now, Moment::of_realtime);
            if at >= began {
                *first = Some(at);
                new += 1;
            }
        };
        while self.inbox.receive(&self.socket, &mut note).context("hear answers")? > 0 {}
        Ok(new)
    }

    /// Asks for a moment and sees that nobody answers.
    ///
    /// # Errors
    /// When somebody does.
    pub fn ensure_silence(&mut self) -> Result<()> {
        let now = Moment::now();
        let answers = self.sweep(now, now.plus(Duration::from_millis(1)))?;
        let answered = answers.first.len() - answers.missing();
        ensure!(answered == 0, "{answered} addresses answer already");
        Ok(())
    }
}

/// Which address a frame is an answer for.
fn answered(question: Question, answerer: [u8; 6], frame: &[u8]) -> Option<[u8; 4]> {
    let at = ethernet::HEADER_LENGTH;
    if frame.get(6..12)? != answerer {
        return None;
    }
    match question {
        Question::Echo => {
            let [version, .., protocol] = *frame.get(at..)?.first_chunk::<10>()?;
            let message = frame.get(at + ipv4::HEADER_LENGTH..)?.first_chunk::<6>()?;
            let [high, low] = IDENTIFIER.to_be_bytes();
            let is_ours = version == 0x45
                && protocol == icmp::V4
                && matches!(*message, [0, 0, _, _, h, l] if (h, l) == (high, low));
            if is_ours { frame.get(at + 12..)?.first_chunk().copied() } else { None }
        }
        Question::Arp => {
            let reply = arp::Arp::read(&frame, at)?;
            (reply.operation == arp::Operation::Reply).then_some(reply.sender)
        }
    }
}

/// A ping as a whole frame.
fn echo(to: [u8; 6], target: Ipv4Addr) -> Vec<u8> {
    let message = icmp::request(target.into(), IDENTIFIER, 1);
    let mut header = ipv4::header(ADDRESS.octets(), target.octets(), 64, 1, icmp::LENGTH as u16);
    header[9] = icmp::V4;
    header[10..12].fill(0);
    if let Some(sum) = checksum::sum(&&header[..], 0, header.len() / 4) {
        header[10..12].copy_from_slice(&sum.checksum());
    }
    let mut frame = ethernet::header(to, MAC, ethernet::IPV4).to_vec();
    frame.extend(header);
    frame.extend(message);
    frame
}

#[cfg(test)]
mod tests {
    use regent_common::arp::Arp;

    use super::*;

    const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 2];
    const TARGET: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 7);

    #[test]
    fn a_ping_is_a_good_packet_and_its_answer_is_told() {
        let mut frame = echo(ROUTER, TARGET);
        // RFC 791 §3.1: the sum over a good header is zero.
        assert_eq!(checksum::sum(&&frame[14..34], 0, 5).unwrap().checksum(), [0, 0]);
        assert_eq!(answered(Question::Echo, MAC, &frame), None, "a question is no answer");
        frame[..12].rotate_left(6);
        frame[26..34].rotate_left(4);
        frame[34] = 0;
        assert_eq!(answered(Question::Echo, ROUTER, &frame), Some(TARGET.octets()));
        assert_eq!(answered(Question::Echo, MAC, &frame), None, "another station's");
        assert_eq!(answered(Question::Echo, ROUTER, &frame[..39]), None);
    }

    #[test]
    fn an_arp_reply_is_told_from_a_request() {
        let mut reply = Arp::announcement(ROUTER, TARGET.octets());
        assert_eq!(answered(Question::Arp, ROUTER, &reply.broadcast_frame()), None);
        reply.operation = arp::Operation::Reply;
        assert_eq!(answered(Question::Arp, ROUTER, &reply.broadcast_frame()), Some(TARGET.octets()));
    }

    #[test]
    fn all_have_answered_when_the_last_has() {
        let now = Moment::now();
        let later = now.plus(Duration::from_millis(3));
        let answers = |first: Vec<Option<Moment>>| Answers { first, round: Duration::ZERO, rounds: 1 };
        assert_eq!(answers(vec![Some(later), Some(now)]).complete(), Some(later));
        let missing = answers(vec![Some(now), None]);
        assert_eq!((missing.complete(), missing.missing()), (None, 1));
    }
}
