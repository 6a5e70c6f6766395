//! Once a second: what needs no better timing. Carriers, refused addresses, claims of others, grace periods.

use std::{sync::Arc, time::Duration};

use regent_common::{Counter, Family, map::Vip};
use regent_vrrp::StateName;

use super::{addressing::Presence, carry::PROBE_AFTER, engine::Engine, ladder::vip_key};
use crate::net::claim_watch::Claim;

/// Claims looked at in one tick, so that thousands of addresses take some ticks instead of one long one.
const CLAIMS_PER_TICK: usize = 512;
/// How often it is asked whether an address that somebody else had is still held there.
const PROBE_AGAIN: Duration = Duration::from_secs(30);
/// ARP or ND packets taken in one tick from a port without XDP.
const CLAIMS_PER_PORT: usize = 256;

impl Engine {
    /// The once-a-second duties.
    pub(super) fn housekeeping(&mut self) {
        let now = self.now;
        self.settle_ports(now);
        self.reopen_ports();
        for at in 0..self.ports.len() {
            self.check_carrier(at);
            if self.ports[at].climb_at.is_some_and(|climb| climb <= now) {
                self.climb(at);
            }
        }
        self.look_for_neighbors();
        self.addressing.retry();
        self.clear_refusals();
        self.probe();
        self.look_for_claims();
        self.look_for_disagreements();
    }

    fn clear_refusals(&mut self) {
        for at in 0..self.instances.len() {
            if self.addressing.refused(at) == 0 && self.addressing.is_settled() {
                self.instances[at].troubles.remove("address refused");
            }
        }
    }

    fn probe(&mut self) {
        for at in 0..self.instances.len() {
            if self.instances[at].probe_at.is_some_and(|probe| probe <= self.now) {
                let instance = &mut self.instances[at];
                // While somebody else has an address it is asked again and again, until nobody answers.
                instance.probe_at = instance.troubles.remove("claimed").map(|_| self.now + PROBE_AGAIN);
                self.probe_addresses(at);
            }
        }
    }

    /// Looks whether another station claims an address while we hold it.
    fn look_for_claims(&mut self) {
        let mut found = Vec::new();
        if let Some(program) = self.program.as_ref() {
            let held = self.addressing.iter().filter(|(_, address)| address.presence == Presence::Ours);
            for (_, address) in held.take(CLAIMS_PER_TICK) {
                let Some(key) = address.ifindex.map(|index| vip_key(index, address.plan.address)) else {
                    continue;
                };
                let Some(Vip { claims, claimant, .. }) = program.vip(key) else { continue };
                if self.claims.insert(key, claims).unwrap_or(0) != claims && claims > 0 {
                    found.push((address.instance, address.plan.address.to_string(), claimant));
                }
            }
        }
        for (at, family) in (0..self.ports.len()).flat_map(|at| Family::ALL.map(|family| (at, family))) {
            let Some(mac) = self.ports[at].link.as_ref().map(|link| link.mac) else { continue };
            let Some(watch) = self.ports[at].way(family).claim_watch.as_ref() else { continue };
            let mut claims = Vec::new();
            let drained = watch.drain(CLAIMS_PER_PORT, |claim: Claim| {
                if claim.mac != mac {
                    claims.push((claim.address, claim.mac));
                }
            });
            // The interface went down: netlink tells the same with more words.
            if drained.is_err() {
                continue;
            }
            for (ip, claimant) in claims {
                let held = self.addressing.named(ip).find(|address| address.presence == Presence::Ours);
                if let Some(address) = held {
                    // Where XDP sees claims it counts them itself.
                    self.instances[address.instance].hearing.count(match family {
                        Family::Ipv4 => Counter::ArpClaim,
                        Family::Ipv6 => Counter::NeighborClaim,
                    });
                    found.push((address.instance, ip.to_string(), claimant));
                }
            }
        }
        for (at, ip, claimant) in found {
            self.claimed(at, &ip, claimant);
        }
    }

    fn claimed(&mut self, at: usize, ip: &str, claimant: [u8; 6]) {
        let instance = &mut self.instances[at];
        // In the first moments after a takeover the old Active may not have let go yet.
        if instance.state() != StateName::Active || self.now.since(instance.since) < PROBE_AFTER {
            return;
        }
        instance.probe_at = Some(self.now + PROBE_AGAIN);
        let [a, b, c, d, e, f] = claimant;
        let text = format!(
            "{ip} is also held by {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}: two hosts answer for it; find that host \
             and remove the address there"
        );
        instance.troubles.insert("claimed", text.clone());
        let name = Arc::clone(&instance.name);
        self.teller.trouble(self.now, &name, text);
    }
}
