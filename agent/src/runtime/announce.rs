//! Announcing addresses and asking for them: which frames, on which interface, at which pace.

use std::{net::IpAddr, sync::Arc, time::Duration};

use regent_common::{Family, arp::Arp, ndp};
use regent_vrrp::{Instant, StateName};

use super::{
    addressing::{Address, Positions},
    announcing::{FRAMES_PER_TURN, Lane},
    engine::{Engine, Owner},
    ladder::family_of,
};
use crate::{
    config::plan::{Pace, PaceGroup},
    net::clock,
};

/// Announcements wait for their addresses this long at most: thousands take longer, and of those the first are there.
const HOLD: Duration = Duration::from_millis(100);
/// A queue that is full is tried again after this long: the time of some hundred frames on a slow link.
const FULL: Duration = Duration::from_millis(1);
/// The longest frame that is sent here.
const FRAME_MAX: usize = ndp::ANNOUNCEMENT_LENGTH;

/// A frame on its way out. Without an allocation of its own: there may be tens of thousands.
#[derive(Clone, Debug)]
pub struct Outgoing {
    instance: usize,
    ifindex: u32,
    length: usize,
    bytes: [u8; FRAME_MAX],
}

impl AsRef<[u8]> for Outgoing {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Engine {
    /// Begins to announce the addresses of an instance, as soon as the kernel takes packets for them. The first frames leave
    /// at the end of the turn: after the adverts of everybody who became Active in it.
    pub(super) fn begin_announcing(&mut self, at: usize, repeat: u8) {
        let held = (!self.addressing.is_deliverable(at)).then(|| self.now + HOLD);
        self.announcing.begin(at, self.addressing.list(at), repeat, held);
    }

    /// Announces some addresses of an instance that goes on as Active: those that are new to it. While others of it are being
    /// announced all go together.
    pub(super) fn announce_some(&mut self, at: usize, positions: Vec<usize>, repeat: u8) {
        let left = self.announcing.left_of(at);
        if left > 0 {
            self.begin_announcing(at, repeat.max(left));
            return;
        }
        let held = (!self.addressing.is_deliverable(at)).then(|| self.now + HOLD);
        self.announcing.begin(at, Positions::new(positions), repeat, held);
    }

    /// Plans the second batch of addresses that a reload brought, or that there is none.
    pub(super) fn plan_again(&mut self, at: usize, again: Option<(Instant, Vec<usize>)>) {
        let before = self.instances[at].again.take().map(|(due, _)| due);
        self.deadlines.replace(Owner::Again(at), before, again.as_ref().map(|(due, _)| *due));
        self.instances[at].again = again;
    }

    /// Announces addresses that a reload brought a second time, as those of a takeover are (`garp_master_delay`).
    pub(super) fn announce_again(&mut self, at: usize) {
        let again = self.instances[at].again.clone();
        self.plan_again(at, None);
        let instance = &self.instances[at];
        let repeat = instance.plan.announcements.repeat;
        if let Some((_, positions)) = again
            && repeat > 0
            && instance.state() == StateName::Active
            && !instance.router.is_in_doubt(self.now)
        {
            self.announce_some(at, positions, repeat);
        }
    }

    /// Lets those announcements go on whose addresses are all delivered, or refused.
    pub(super) fn release_announcements(&mut self) {
        let held: Vec<usize> = self.announcing.held().collect();
        for at in held {
            if self.addressing.is_deliverable(at) {
                self.announcing.release(at);
            }
        }
    }

    /// Sends announcements that are due, at most a turn's worth.
    pub(super) fn announce(&mut self) {
        let mut frames = std::mem::take(&mut self.unsent);
        // What only says again what was said comes after the adverts and takeovers that wait for the next turn.
        let waits = self.deadlines.is_behind();
        for _ in frames.len()..FRAMES_PER_TURN {
            if waits && self.announcing.is_repeating() {
                break;
            }
            let (addressing, paces) = (&self.addressing, &self.paces);
            let pace = |position: usize| paces.of(addressing.get(position)?);
            let Some((at, position)) = self.announcing.next(self.now, pace) else { break };
            // A reload may have let go of it meanwhile.
            let own = |address: &&Address| address.instance == at && address.is_wanted();
            let address = self.addressing.get(position).filter(own);
            frames.extend(address.and_then(|address| self.frame(address, Wording::Announcement)));
        }
        let many = frames.len() == FRAMES_PER_TURN;
        let began = many.then(clock::now);
        self.send_frames(frames);
        // Thousands that only say again what was said leave others half of a core: this thread goes before almost all.
        if let Some(began) = began.filter(|_| self.announcing.is_repeating()) {
            let ended = clock::now();
            self.announcing.rest(ended + ended.since(began));
        }
        // A turn that made a master is a long one: its sample of the time is too old to begin a pause at.
        if self.unsent.is_empty() && self.announcing.is_leaving() {
            self.announcing.left(clock::now());
        }
        let next = match self.unsent.is_empty() {
            true => self.announcing.resumes(),
            false => Some(self.now + FULL),
        };
        self.deadlines.replace(Owner::Announcements, self.announce_at, next);
        self.announce_at = next;
    }

    /// Asks whether anybody else has the addresses of an instance.
    pub(super) fn probe_addresses(&mut self, at: usize) {
        let addresses = self.addressing.of(at);
        let frames: Vec<Outgoing> = addresses
            .filter_map(|address| self.frame(address, Wording::Question))
            .take(FRAMES_PER_TURN)
            .collect();
        self.send_frames(frames);
    }

    fn frame(&self, address: &Address, wording: Wording) -> Option<Outgoing> {
        let ifindex = address.ifindex?;
        let link_mac = self.links.get(&ifindex)?.mac;
        let mac = match wording {
            Wording::Announcement => self.mac_of(address, ifindex, link_mac),
            // Whoever answers must reach this host, and a virtual MAC is that of all routers of the group.
            Wording::Question => link_mac,
        };
        let mut frame = Outgoing { instance: address.instance, ifindex, length: 0, bytes: [0; FRAME_MAX] };
        let mut fill = |bytes: &[u8]| {
            frame.length = bytes.len();
            frame.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(())
        };
        match (address.plan.address, wording) {
            (IpAddr::V4(ip), Wording::Announcement) => {
                fill(&Arp::announcement(mac, ip.octets()).broadcast_frame())?;
            }
            (IpAddr::V4(ip), Wording::Question) => fill(&Arp::probe(mac, ip.octets()).broadcast_frame())?,
            (IpAddr::V6(ip), Wording::Announcement) => fill(&ndp::announcement(mac, ip.octets()))?,
            (IpAddr::V6(ip), Wording::Question) => fill(&ndp::probe(mac, ip.octets()))?,
        }
        Some(frame)
    }

    /// The MAC that an address is answered and announced with on interface `ifindex`, whose own is `link_mac`. An address on
    /// another interface than its instance's has that one's: frames to a virtual MAC are taken on the instance's own port.
    fn mac_of(&self, address: &Address, ifindex: u32, link_mac: [u8; 6]) -> [u8; 6] {
        let instance = &self.instances[address.instance];
        let own_port = self.ports[instance.port].ifindex() == Some(ifindex);
        if own_port { instance.mac(link_mac) } else { link_mac }
    }

    /// Sends frames in their order; what finds the queue full stays for later.
    fn send_frames(&mut self, frames: Vec<Outgoing>) {
        let Some(socket) = self.frames.as_ref() else { return };
        let mut rest = &frames[..];
        // Frames for one interface go out together; an instance rarely has more than one.
        while let Some(first) = rest.first() {
            let (at, ifindex) = (first.instance, first.ifindex);
            let same = rest.iter().take_while(|next| (next.instance, next.ifindex) == (at, ifindex)).count();
            let (batch, others) = rest.split_at(same);
            match socket.send(ifindex, batch) {
                Ok(sent) => {
                    self.instances[at].statistics.announcements_sent += sent as u64;
                    if sent < same {
                        self.unsent = rest.get(sent..).unwrap_or_default().to_vec();
                        return;
                    }
                }
                Err(error) => {
                    let name = Arc::clone(&self.instances[at].name);
                    self.teller.trouble(self.now, &name, format!("cannot announce addresses: {error}"));
                }
            }
            rest = others;
        }
    }
}

/// What a frame says of an address.
#[derive(Clone, Copy)]
enum Wording {
    /// It is here.
    Announcement,
    /// Has anybody else got it?
    Question,
}

/// The paces of the config, by interface.
#[derive(Debug, Default)]
pub struct Paces {
    default: Pace,
    groups: Vec<PaceGroup>,
}

impl Paces {
    /// Those of a plan.
    pub fn new(default: Pace, groups: Vec<PaceGroup>) -> Self {
        Self { default, groups }
    }

    /// The lane of an address and the pause after each announcement; `None`: no pause.
    fn of(&self, address: &Address) -> Option<(Lane, Duration)> {
        let family = family_of(address.plan.address);
        let group = self.groups.iter().position(|group| group.interfaces.contains(&address.device));
        let (lane, pace) = match group.and_then(|at| Some((at, self.groups.get(at)?))) {
            Some((at, group)) => (Lane::Group(at, family), group.pace),
            None => (Lane::Interface(address.ifindex?, family), self.default),
        };
        let pause = match family {
            Family::Ipv4 => pace.arp,
            Family::Ipv6 => pace.neighbor,
        };
        (!pause.is_zero()).then_some((lane, pause))
    }
}
