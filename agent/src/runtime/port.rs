//! One interface that adverts use: its link, its addresses, its sockets and the rung of the ladder it stands on.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc, time::Duration};

use regent_common::Family;
use regent_vrrp::Instant;

use super::answering::{Answering, Means};
use crate::{
    net::{
        advert_socket::AdvertSocket,
        claim_watch::ClaimWatch,
        link::{AssignedAddress, Link},
        listen_socket::ListenSocket,
        solicited::SolicitedGroups,
    },
    observe::{
        data_plane::{self, DeadMan, Hook, Responder},
        observation::Carrier,
    },
};

/// How long the link may stay down after our own attachment: what negotiation takes.
const FLAP: Duration = Duration::from_secs(3);

/// Some drivers reset the link when a program is attached. That flap is ours, and no fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settling {
    /// If there is a flap it begins until then.
    Awaited(Instant),
    /// The link went down right after the attachment; it is no fault until then.
    Flapping(Instant),
    /// A link that is down is down.
    Over,
}

/// What a port has for one family.
#[derive(Debug, Default)]
pub struct Way {
    /// An instance speaks it here, or observe mode listens to it.
    pub used: bool,
    /// Groups that must be joined.
    pub groups: BTreeSet<IpAddr>,
    /// Address that adverts are sent from, unless the config says another.
    pub source: Option<IpAddr>,
    /// Raw socket: sends always, receives what XDP does not carry.
    pub socket: Option<AdvertSocket>,
    /// Observe mode receives here instead, since nothing may be sent, not even a membership report.
    pub listen: Option<ListenSocket>,
    /// Claims of our addresses, where no XDP program sees them.
    pub claim_watch: Option<ClaimWatch>,
}

impl Way {
    /// With nothing open.
    fn closed(&self) -> Self {
        Self { used: self.used, groups: self.groups.clone(), ..Self::default() }
    }
}

/// One interface.
#[derive(Debug)]
pub struct Port {
    /// Its name; the kernel's index may change under it.
    pub name: Arc<str>,
    /// The link, while it exists.
    pub link: Option<Link>,
    /// Its addresses, in the kernel's order.
    pub addresses: Vec<AssignedAddress>,
    /// IPv4.
    pub ipv4: Way,
    /// IPv6.
    pub ipv6: Way,
    /// Where adverts come from.
    pub carrier: Carrier,
    /// Why that is not a better rung.
    pub reason: String,
    /// How often the carrier was lost while running.
    pub losses: u64,
    /// Whether a link that is down may be down because of our own attachment.
    pub settling: Settling,
    /// When to try a better rung again after one was lost.
    pub climb_at: Option<Instant>,
    /// The question whether the program is still there that has no answer yet.
    pub check: Option<u64>,
    /// It is being opened, in whole or in part.
    pub opening: Option<u64>,
    /// What could not be opened, as a sentence.
    pub trouble: Option<String>,
    /// Whether the program answers here for virtual addresses.
    pub answering: Answering,
    /// What happens when the agent stops without a word.
    pub dead_man: DeadMan,
    /// The tc program that keeps what leaves.
    pub egress: Hook,
    /// The tc program that hands over frames to virtual MACs.
    pub ingress: Hook,
    /// Virtual MACs in the card's filter by us.
    pub virtual_macs: BTreeSet<[u8; 6]>,
    /// One of them made the card take every frame.
    pub promiscuous: bool,
    /// Where IPv6 addresses are asked for that the kernel does not have yet.
    pub solicited: Option<SolicitedGroups>,
    /// Nothing of the config is on it any more: it is none of ours.
    pub is_idle: bool,
}

impl Port {
    /// A port whose link is not known yet.
    pub fn new(name: Arc<str>) -> Self {
        Self {
            name,
            link: None,
            addresses: Vec::new(),
            ipv4: Way::default(),
            ipv6: Way::default(),
            carrier: Carrier::None,
            reason: "the interface is absent".into(),
            losses: 0,
            settling: Settling::Over,
            climb_at: None,
            check: None,
            opening: None,
            trouble: None,
            answering: Answering::not("the interface is absent"),
            dead_man: DeadMan::off("the interface is absent"),
            egress: Hook::default(),
            ingress: Hook::default(),
            virtual_macs: BTreeSet::new(),
            promiscuous: false,
            solicited: None,
            is_idle: false,
        }
    }

    /// The same port with its link gone: what is used of it stays known.
    pub fn without_link(&self) -> Self {
        Self {
            losses: self.losses,
            ipv4: self.ipv4.closed(),
            ipv6: self.ipv6.closed(),
            ..Self::new(Arc::clone(&self.name))
        }
    }

    /// What it has for a family.
    pub const fn way(&self, family: Family) -> &Way {
        match family {
            Family::Ipv4 => &self.ipv4,
            Family::Ipv6 => &self.ipv6,
        }
    }

    /// What it has for a family.
    pub const fn way_mut(&mut self, family: Family) -> &mut Way {
        match family {
            Family::Ipv4 => &mut self.ipv4,
            Family::Ipv6 => &mut self.ipv6,
        }
    }

    /// Who answers for virtual addresses.
    pub fn responder(&self) -> Responder {
        match self.answering.way() {
            Means::Kernel => Responder::kernel(self.answering.why()),
            Means::Transmit => Responder::Xdp { way: data_plane::Way::Transmit },
            Means::Redirect => Responder::Xdp { way: data_plane::Way::Redirect },
        }
    }

    /// Kernel index while the link exists.
    pub fn ifindex(&self) -> Option<u32> {
        self.link.as_ref().map(|link| link.index)
    }

    /// Whether adverts can come and go.
    pub fn is_up(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.up)
    }

    /// Whether the link is down because of our own attachment.
    pub const fn is_flapping(&self) -> bool {
        matches!(self.settling, Settling::Flapping(_))
    }

    /// The link changed at `now`: whether that begins or ends our own flap.
    ///
    /// A driver that resets keeps the interface switched on and loses the carrier; one that was switched off was switched
    /// off by somebody.
    pub fn settle(&mut self, now: Instant) {
        if self.link.as_ref().is_some_and(|link| !link.switched_on) {
            self.settling = Settling::Over;
        }
        self.settling = match (self.settling, self.is_up()) {
            (Settling::Awaited(until), false) if now <= until => Settling::Flapping(now + FLAP),
            (Settling::Awaited(until), true) if now <= until => Settling::Awaited(until),
            (Settling::Flapping(until), false) if now <= until => Settling::Flapping(until),
            (Settling::Awaited(_) | Settling::Flapping(_) | Settling::Over, _) => Settling::Over,
        };
    }

    /// Observe mode's socket, while no XDP program hears the same. With one it only keeps the group's MAC in the card's
    /// filter, and a flood costs no more than its small buffer.
    pub const fn audible_listener(&self, family: Family) -> Option<&ListenSocket> {
        if self.is_xdp() { None } else { self.way(family).listen.as_ref() }
    }

    /// Whether an XDP program carries adverts.
    pub const fn is_xdp(&self) -> bool {
        match self.carrier {
            Carrier::Native | Carrier::Generic => true,
            Carrier::Socket | Carrier::None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::link::LinkKind;

    fn at(milliseconds: u64) -> Instant {
        Instant::from_nanoseconds(milliseconds * 1_000_000)
    }

    fn attached_at_zero(up: bool) -> Port {
        let link = Link {
            index: 2,
            name: "ens33".into(),
            mac: [2, 0, 0, 0, 0, 2],
            mtu: 1500,
            switched_on: true,
            up,
            loopback: false,
            multicast: true,
            controller: None,
            kind: LinkKind::Plain,
        };
        Port { link: Some(link), settling: Settling::Awaited(at(500)), ..Port::new("ens33".into()) }
    }

    #[test]
    fn a_link_that_goes_down_right_after_the_attachment_is_our_own_flap() {
        let mut port = attached_at_zero(false);
        port.settle(at(100));
        assert!(port.is_flapping());
        port.settle(at(3000));
        assert!(port.is_flapping());
        port.settle(at(3200));
        assert!(!port.is_flapping(), "a link that stays down is down");
    }

    #[test]
    fn the_flap_is_over_when_the_link_is_back() {
        let mut port = attached_at_zero(false);
        port.settle(at(100));
        port.link = attached_at_zero(true).link;
        port.settle(at(200));
        assert_eq!(port.settling, Settling::Over);
    }

    #[test]
    fn an_interface_that_is_switched_off_right_after_the_attachment_is_no_flap() {
        let mut port = attached_at_zero(false);
        port.link.as_mut().unwrap().switched_on = false;
        port.settle(at(100));
        assert_eq!(port.settling, Settling::Over);
    }

    #[test]
    fn a_link_that_goes_down_later_is_down() {
        let mut port = attached_at_zero(true);
        port.settle(at(400));
        assert_eq!(port.settling, Settling::Awaited(at(500)));
        port.link = attached_at_zero(false).link;
        port.settle(at(600));
        assert_eq!(port.settling, Settling::Over);
    }
}
