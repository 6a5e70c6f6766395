//! Adverts of both carriers, on their way to the machine of the instance they are for.
//!
//! Owns that none counts twice, however often it is told of, and that timers run from its arrival. What is known of each
//! sender is `hearing`'s; which packets are adverts at all is common to both carriers ([`regent_common::check`]).

use regent_common::{
    Family, Vrid,
    advert::Heard,
    check::{self, Preamble},
    record::{AdvertRecord, Slot},
};
use regent_vrrp::{Advert, Event, Instant};

use super::engine::Engine;
use crate::observe::sentence;

impl Engine {
    /// Reads the newest adverts that the kernel holds for an instance: nothing that arrived is overlooked, whether or not
    /// it rang.
    pub(super) fn read_slots(&mut self, at: usize) {
        if !self.ports[self.instances[at].port].is_xdp() {
            return;
        }
        let Some(slots) =
            self.program.as_ref().and_then(|program| program.view().slots(self.instances[at].row))
        else {
            return;
        };
        let mut whole: Vec<&Slot> = slots.slots.iter().filter(|slot| slot.is_whole()).collect();
        whole.sort_by_key(|slot| slot.arrived);
        for slot in whole {
            self.hear_carried(at, &slot.heard, slot.arrived, slot.before);
        }
    }

    /// An advert that XDP carried. One before it may not have rung and is overwritten by now: it said what that source said
    /// last, or it would have rung, and timers ran from its arrival.
    fn hear_carried(&mut self, at: usize, heard: &Heard, arrived: u64, before: u64) {
        let before = Instant::from_nanoseconds(before);
        if let Some(unread) = self.instances[at].hearing.unread(&heard.source, before) {
            self.hear(at, &unread, before);
        }
        self.hear(at, heard, Instant::from_nanoseconds(arrived));
    }

    /// An accepted advert, from whatever carrier, maybe told of twice.
    pub(super) fn hear(&mut self, at: usize, heard: &Heard, arrived: Instant) -> bool {
        let instance = &mut self.instances[at];
        if !instance.hearing.is_news(heard, arrived) {
            return false;
        }
        let Some(interval) = heard.interval() else { return false };
        // The kernel's stamp may be a little younger than this turn's sample.
        let arrived = arrived.min(self.now);
        let advert = Advert { arrived, source: heard.source, priority: heard.priority(), interval };
        let (port, family) = (instance.port, instance.plan.family);
        if self.ports[port].answering.wants_candidates() {
            self.neighbor(port, sentence::address(family, heard.source));
        }
        self.step(at, Event::Advert(advert));
        true
    }

    /// A record of the ring.
    pub(super) fn rang(&mut self, record: &AdvertRecord) {
        let at = record.instance as usize;
        if self.instances.get(at).is_some_and(|instance| instance.generation == record.generation) {
            self.hear_carried(at, &record.heard, record.arrived, record.before);
        }
    }

    /// A packet of the socket carrier, from its IP header on: the same checks as in the kernel.
    pub(super) fn received(&mut self, port: usize, family: Family, packet: &[u8], arrived: Instant) {
        if self.heard_before.is_some_and(|before| arrived < before) {
            return;
        }
        let preamble = match family {
            Family::Ipv4 => Preamble::ipv4(&packet, 0),
            Family::Ipv6 => Preamble::ipv6(&packet, 0),
        };
        let Ok(preamble) = preamble else { return };
        let instance =
            Vrid::new(preamble.vrid()).and_then(|vrid| self.groups.get(&(port, family, vrid)).copied());
        let Some(at) = instance else {
            let verdict = check::judge(&packet, &preamble, None, None);
            let ifindex = self.ports[port].ifindex().unwrap_or(0);
            self.strangers.note(ifindex, &preamble, verdict, arrived);
            return;
        };
        let expected = self.instances[at].expected([0; 6]);
        let peer = self.instances[at].peer(&preamble.source);
        match check::judge(&packet, &preamble, Some(&expected), peer.as_ref()) {
            Ok(heard) => {
                let arrived = self.instances[at].hearing.in_order(&heard.source, arrived);
                if self.hear(at, &heard, arrived) {
                    self.instances[at].hearing.carried_by_socket(&heard, arrived);
                }
            }
            // RFC 9568 §7.1: discard. Counted, and nothing else: no timer, no log.
            Err(reason) => self.instances[at].hearing.rejected(reason),
        }
    }
}
