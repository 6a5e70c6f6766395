//! What the kernel reports of addresses that come and go, by us or by others, against what is wished.

use std::net::IpAddr;

use super::{Addressing, Notice, Presence};
use crate::net::link::Assignment;

impl Addressing {
    /// The kernel reports that an address is there; `ours` by its tag or the journal.
    pub fn appeared(
        &mut self,
        ifindex: u32,
        ip: IpAddr,
        prefix_length: u8,
        ours: bool,
    ) -> Vec<(usize, Notice)> {
        let mut notices = Vec::new();
        for at in self.positions(ip).iter().copied() {
            let Some(address) = self.addresses.get(at) else { continue };
            let same = !ours && !address.owned;
            let exact = address.ifindex == Some(ifindex) && address.plan.prefix_length == prefix_length;
            // Reports of our own additions come after their acknowledgement, tagged.
            if same && (!exact || address.presence == Presence::Absent) {
                if exact {
                    self.change(at, |address| address.presence = Presence::Foreign);
                }
                notices.push((at, Notice::Foreign));
            }
        }
        notices
    }

    /// The kernel reports that an address is gone.
    pub fn disappeared(&mut self, ifindex: u32, ip: IpAddr, prefix_length: u8) -> Vec<(usize, Notice)> {
        let mut notices = Vec::new();
        for at in self.positions(ip).iter().copied() {
            let Some(address) = self.addresses.get_mut(at) else { continue };
            let exact = address.ifindex == Some(ifindex) && address.plan.prefix_length == prefix_length;
            if !exact {
                notices.push((at, Notice::ForeignGone));
                continue;
            }
            if address.echoes > 0 {
                address.echoes -= 1;
                continue;
            }
            match address.presence {
                Presence::Ours => {
                    if address.wanted {
                        notices.push((at, Notice::RemovedByOthers));
                    }
                    self.change(at, |address| address.presence = Presence::Absent);
                }
                Presence::Foreign => {
                    notices.push((at, Notice::ForeignGone));
                    self.change(at, |address| address.presence = Presence::Absent);
                }
                // What it means is known when the answer is there.
                Presence::Adding | Presence::Removing => address.reported_gone = true,
                Presence::Absent | Presence::Refused => {}
            }
        }
        notices
    }

    /// Compares with a whole dump: `present` says whether an address is there.
    pub fn compare(&mut self, present: impl Fn(&Assignment) -> bool) -> Vec<(usize, Notice)> {
        let mut gone = Vec::new();
        for address in &mut self.addresses {
            address.echoes = 0;
            if let Some(ifindex) = address.ifindex
                && matches!(address.presence, Presence::Ours | Presence::Foreign)
            {
                let assignment = (ifindex, address.plan.address, address.plan.prefix_length);
                gone.extend((!present(&assignment)).then_some(assignment));
            }
        }
        gone.into_iter().flat_map(|(ifindex, ip, prefix)| self.disappeared(ifindex, ip, prefix)).collect()
    }
}
