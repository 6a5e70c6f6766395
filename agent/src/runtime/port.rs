//! One interface that adverts use: its link, its address, its sockets and the rung of the ladder it stands on.

use std::{net::Ipv4Addr, sync::Arc};

use regent_vrrp::Instant;

use crate::{
    net::{
        advert_socket::AdvertSocket,
        arp_watch::ArpWatch,
        link::{AssignedAddress, Link},
        listen_socket::ListenSocket,
    },
    observe::observation::Carrier,
};

/// One interface.
#[derive(Debug)]
pub struct Port {
    /// Its name; the kernel's index may change under it.
    pub name: Arc<str>,
    /// The link, while it exists.
    pub link: Option<Link>,
    /// Its addresses, in the kernel's order.
    pub addresses: Vec<AssignedAddress>,
    /// Address adverts are sent from.
    pub source: Option<Ipv4Addr>,
    /// Raw socket: sends always, receives what XDP does not carry.
    pub socket: Option<AdvertSocket>,
    /// Observe mode receives here instead, since nothing may be sent, not even a membership report.
    pub listen: Option<ListenSocket>,
    /// Claims of our addresses, where no XDP program sees them.
    pub arp_watch: Option<ArpWatch>,
    /// Where adverts come from.
    pub carrier: Carrier,
    /// Why that is not a better rung.
    pub reason: String,
    /// How often the carrier was lost while running.
    pub losses: u64,
    /// Until then a link that is down may be down because of our own attachment, and is no fault.
    pub settling_until: Option<Instant>,
    /// When to try a better rung again after one was lost.
    pub climb_at: Option<Instant>,
    /// What could not be opened, as a sentence.
    pub trouble: Option<String>,
}

impl Port {
    /// A port whose link is not known yet.
    pub fn new(name: Arc<str>) -> Self {
        Self {
            name,
            link: None,
            addresses: Vec::new(),
            source: None,
            socket: None,
            listen: None,
            arp_watch: None,
            carrier: Carrier::None,
            reason: "the interface is absent".into(),
            losses: 0,
            settling_until: None,
            climb_at: None,
            trouble: None,
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

    /// Observe mode's socket, while no XDP program hears the same. With one it only keeps the group's MAC in the card's
    /// filter, and a flood costs no more than its small buffer.
    pub const fn audible_listener(&self) -> Option<&ListenSocket> {
        if self.is_xdp() { None } else { self.listen.as_ref() }
    }

    /// Whether an XDP program carries adverts.
    pub const fn is_xdp(&self) -> bool {
        match self.carrier {
            Carrier::Native | Carrier::Generic => true,
            Carrier::Socket | Carrier::None => false,
        }
    }
}
