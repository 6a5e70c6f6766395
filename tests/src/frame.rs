//! What a captured frame says, read by the same code that the agent uses, but judged on its own merits.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use regent_common::{
    AdvertInterval, Family, Reason,
    arp::{Arp, Operation},
    check::{self, Preamble},
    ethernet::{self, Ethernet},
    ipv4::Ipv4,
};

use crate::clock::Moment;

/// A captured frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// When the kernel saw it.
    pub at: Moment,
    /// Sent by the side that captures.
    pub outgoing: bool,
    /// Source MAC.
    pub mac: [u8; 6],
    /// EtherType of the payload.
    pub ether_type: u16,
    /// Bytes.
    pub length: usize,
    /// What it carries.
    pub content: Content,
}

/// What a frame carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A VRRP packet.
    Advert(Advert),
    /// ARP.
    Arp(Arp),
    /// Other IPv4.
    Ipv4 {
        /// Protocol: 1 ICMP, 2 IGMP …
        protocol: u8,
        /// Sender.
        source: Ipv4Addr,
        /// Receiver.
        destination: Ipv4Addr,
    },
    /// Anything else.
    Other,
}

/// A VRRP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advert {
    /// Version nibble.
    pub version: u8,
    /// VRID byte.
    pub vrid: u8,
    /// Priority byte.
    pub priority: u8,
    /// Sender.
    pub source: IpAddr,
    /// Interval; absent when the packet is bad.
    pub interval: Option<AdvertInterval>,
    /// Number of addresses; 0 when the packet is bad.
    pub addresses: u8,
    /// What is wrong with it, if anything.
    pub fault: Option<Reason>,
}

impl Frame {
    /// Reads the bytes of a frame. Never fails: what cannot be read is [`Content::Other`].
    pub fn read(bytes: &[u8], at: Moment, outgoing: bool) -> Self {
        let header = Ethernet::read(&bytes);
        let (mac, ether_type) = header.map_or(([0; 6], 0), |header| (header.source, header.ether_type));
        let content = header.and_then(|header| content(bytes, &header)).unwrap_or(Content::Other);
        Self { at, outgoing, mac, ether_type, length: bytes.len(), content }
    }

    /// The advert, if it is one.
    pub const fn advert(&self) -> Option<&Advert> {
        match &self.content {
            Content::Advert(advert) => Some(advert),
            Content::Arp(_) | Content::Ipv4 { .. } | Content::Other => None,
        }
    }

    /// A good advert of that group from that host.
    pub fn is_advert(&self, vrid: u8, source: Ipv4Addr) -> bool {
        self.advert()
            .is_some_and(|advert| advert.vrid == vrid && advert.source == source && advert.fault.is_none())
    }

    /// A good advert of that group from that host with that priority.
    pub fn is_advert_of(&self, vrid: u8, source: Ipv4Addr, priority: u8) -> bool {
        self.is_advert(vrid, source) && self.advert().is_some_and(|advert| advert.priority == priority)
    }

    /// An ARP announcement of that address: sender and target are the same.
    pub fn is_announcement(&self, address: Ipv4Addr) -> bool {
        match &self.content {
            Content::Arp(arp) => arp.sender == address.octets() && arp.target == address.octets(),
            Content::Advert(_) | Content::Ipv4 { .. } | Content::Other => false,
        }
    }

    /// An ARP reply that says who has that address.
    pub fn is_reply_for(&self, address: Ipv4Addr) -> bool {
        match &self.content {
            Content::Arp(arp) => arp.operation == Operation::Reply && arp.sender == address.octets(),
            Content::Advert(_) | Content::Ipv4 { .. } | Content::Other => false,
        }
    }
}

fn content(bytes: &[u8], header: &Ethernet) -> Option<Content> {
    let at = header.payload;
    match header.ether_type {
        ethernet::ARP => Arp::read(&bytes, at).map(Content::Arp),
        ethernet::IPV6 => Preamble::ipv6(&bytes, at).ok().map(|preamble| advert(bytes, &preamble)),
        ethernet::IPV4 => match Preamble::ipv4(&bytes, at) {
            Ok(preamble) => Some(advert(bytes, &preamble)),
            Err(_) => Ipv4::read(&bytes, at).map(|header| Content::Ipv4 {
                protocol: header.protocol,
                source: header.source.into(),
                destination: header.destination.into(),
            }),
        },
        _ => None,
    }
}

fn advert(bytes: &[u8], preamble: &Preamble) -> Content {
    let verdict = check::judge(&bytes, preamble, None, None);
    let [a, b, c, d, ..] = preamble.source;
    let source = match preamble.family {
        Family::Ipv4 => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        Family::Ipv6 => IpAddr::V6(Ipv6Addr::from(preamble.source)),
    };
    Content::Advert(Advert {
        version: preamble.version(),
        vrid: preamble.vrid(),
        priority: preamble.priority(),
        source,
        interval: verdict.ok().and_then(|heard| heard.interval()),
        addresses: verdict.map_or(0, |heard| heard.count),
        fault: verdict.err(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_is_recognised() {
        let mac = [2, 0, 0, 0, 0, 1];
        let bytes = Arp::announcement(mac, [10, 0, 0, 3]).broadcast_frame();
        let frame = Frame::read(&bytes, Moment::now(), false);
        assert!(frame.is_announcement(Ipv4Addr::new(10, 0, 0, 3)));
        assert!(!frame.is_announcement(Ipv4Addr::new(10, 0, 0, 4)));
        assert_eq!(frame.mac, mac);
    }

    #[test]
    fn any_prefix_of_a_frame_is_read_without_fault() {
        let bytes = Arp::announcement([2, 0, 0, 0, 0, 1], [10, 0, 0, 3]).broadcast_frame();
        for end in 0..bytes.len() {
            let frame = Frame::read(&bytes[..end], Moment::now(), false);
            assert_eq!(frame.content, Content::Other);
        }
    }
}
