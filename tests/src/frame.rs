//! What a captured frame says, read by the same code that the agent uses, but judged on its own merits.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use regent_common::{
    AdvertInterval, Family, Reason,
    arp::{Arp, Operation},
    check::{self, Preamble},
    ethernet::{self, Ethernet},
    ipv4::Ipv4,
    ipv6::{self, Ipv6},
};

use crate::{
    clock::Moment,
    icmp::{self, Echo},
    neighbor::Neighbor,
};

/// A captured frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// When the kernel saw it.
    pub at: Moment,
    /// Sent by the side that captures.
    pub outgoing: bool,
    /// Source MAC.
    pub mac: [u8; 6],
    /// Destination MAC.
    pub to: [u8; 6],
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
    /// A neighbour solicitation or advertisement.
    Neighbor(Neighbor),
    /// A ping, or its answer.
    Echo(Echo),
    /// Other IPv4 or IPv6.
    Ip {
        /// Protocol or next header: 1 ICMP, 2 IGMP, 17 UDP …
        protocol: u8,
        /// Sender.
        source: IpAddr,
        /// Receiver.
        destination: IpAddr,
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
    /// TTL or hop limit.
    pub ttl: u8,
    /// Sender.
    pub source: IpAddr,
    /// Receiver: the group, or a unicast peer.
    pub destination: IpAddr,
    /// Interval; absent when the packet is bad.
    pub interval: Option<AdvertInterval>,
    /// Number of addresses; 0 when the packet is bad.
    pub addresses: u8,
    /// What is odd about it: bits of [`regent_common::advert::note`]; 0 when the packet is bad.
    pub notes: u16,
    /// What is wrong with it, if anything.
    pub fault: Option<Reason>,
}

impl Frame {
    /// Reads the bytes of a frame. Never fails: what cannot be read is [`Content::Other`].
    pub fn read(bytes: &[u8], at: Moment, outgoing: bool) -> Self {
        let header = Ethernet::read(&bytes);
        let (mac, ether_type) = header.map_or(([0; 6], 0), |header| (header.source, header.ether_type));
        let to = bytes.first_chunk().copied().unwrap_or_default();
        let content = header.and_then(|header| content(bytes, &header)).unwrap_or(Content::Other);
        Self { at, outgoing, mac, to, ether_type, length: bytes.len(), content }
    }

    /// The advert, if it is one.
    pub const fn advert(&self) -> Option<&Advert> {
        match &self.content {
            Content::Advert(advert) => Some(advert),
            Content::Arp(_)
            | Content::Neighbor(_)
            | Content::Echo(_)
            | Content::Ip { .. }
            | Content::Other => None,
        }
    }

    /// A good advert of that group from that host.
    pub fn is_advert(&self, vrid: u8, source: impl Into<IpAddr>) -> bool {
        let source = source.into();
        self.advert()
            .is_some_and(|advert| advert.vrid == vrid && advert.source == source && advert.fault.is_none())
    }

    /// A good advert of that group from that host with that priority.
    pub fn is_advert_of(&self, vrid: u8, source: impl Into<IpAddr>, priority: u8) -> bool {
        self.is_advert(vrid, source) && self.advert().is_some_and(|advert| advert.priority == priority)
    }

    /// An announcement of that address: ARP whose sender and target are the same, or a neighbour advertisement that
    /// nobody asked for.
    pub fn is_announcement(&self, address: impl Into<IpAddr>) -> bool {
        let address = address.into();
        match &self.content {
            Content::Arp(arp) => arp.sender == arp.target && address == Ipv4Addr::from(arp.sender),
            Content::Neighbor(neighbor) => neighbor.is_announcement() && address == neighbor.target,
            Content::Advert(_) | Content::Echo(_) | Content::Ip { .. } | Content::Other => false,
        }
    }

    /// A reply that says who has that address: by ARP, or a neighbour advertisement that was asked for.
    pub fn is_reply_for(&self, address: impl Into<IpAddr>) -> bool {
        let address = address.into();
        match &self.content {
            Content::Arp(arp) => arp.operation == Operation::Reply && address == Ipv4Addr::from(arp.sender),
            Content::Neighbor(neighbor) => neighbor.is_reply() && address == neighbor.target,
            Content::Advert(_) | Content::Echo(_) | Content::Ip { .. } | Content::Other => false,
        }
    }

    /// Who says of itself that it has that address, by whatever kind of ARP or neighbour discovery: an answer, an
    /// announcement, or a question in its name. That changes caches.
    pub fn speaker_for(&self, address: impl Into<IpAddr>) -> Option<[u8; 6]> {
        let address = address.into();
        match &self.content {
            Content::Arp(arp) => (address == Ipv4Addr::from(arp.sender)).then_some(arp.sender_mac),
            Content::Neighbor(neighbor) => {
                let name = if neighbor.advertisement { neighbor.target.into() } else { neighbor.source };
                // Without the option it is whoever sent the frame.
                (address == name).then_some(neighbor.mac.unwrap_or(self.mac))
            }
            Content::Advert(_) | Content::Echo(_) | Content::Ip { .. } | Content::Other => None,
        }
    }

    /// A question who has that address.
    pub fn is_question_for(&self, address: impl Into<IpAddr>) -> bool {
        let address = address.into();
        match &self.content {
            Content::Arp(arp) => {
                arp.operation == Operation::Request
                    && arp.sender != arp.target
                    && address == Ipv4Addr::from(arp.target)
            }
            Content::Neighbor(neighbor) => !neighbor.advertisement && address == neighbor.target,
            Content::Advert(_) | Content::Echo(_) | Content::Ip { .. } | Content::Other => false,
        }
    }

    /// An answer to a ping of that address.
    pub fn is_pong_of(&self, address: impl Into<IpAddr>) -> bool {
        matches!(&self.content, Content::Echo(echo) if echo.reply && echo.source == address.into())
    }

    /// A ping of that address.
    pub fn is_ping_of(&self, address: impl Into<IpAddr>) -> bool {
        matches!(&self.content, Content::Echo(echo) if !echo.reply && echo.destination == address.into())
    }
}

fn content(bytes: &[u8], header: &Ethernet) -> Option<Content> {
    let at = header.payload;
    match header.ether_type {
        ethernet::ARP => Arp::read(&bytes, at).map(Content::Arp),
        ethernet::IPV6 => match Preamble::ipv6(&bytes, at) {
            Ok(preamble) => Some(advert(bytes, &preamble)),
            Err(_) => Ipv6::read(&bytes, at).map(|header| {
                let payload = bytes.get(at + ipv6::HEADER_LENGTH..).unwrap_or_default();
                let (source, destination) = (header.source.into(), header.destination.into());
                ip(header.next_header, source, destination, payload)
            }),
        },
        ethernet::IPV4 => match Preamble::ipv4(&bytes, at) {
            Ok(preamble) => Some(advert(bytes, &preamble)),
            Err(_) => Ipv4::read(&bytes, at).map(|header| {
                let payload = bytes.get(at + header.header_length..).unwrap_or_default();
                let (source, destination) =
                    (Ipv4Addr::from(header.source).into(), Ipv4Addr::from(header.destination).into());
                ip(header.protocol, source, destination, payload)
            }),
        },
        _ => None,
    }
}

fn ip(protocol: u8, source: IpAddr, destination: IpAddr, payload: &[u8]) -> Content {
    let neighbor = (protocol == icmp::V6).then(|| Neighbor::read(payload, source, destination)).flatten();
    let echo = || Echo::read(protocol, source, destination, payload);
    match neighbor {
        Some(neighbor) => Content::Neighbor(neighbor),
        None => echo().map_or(Content::Ip { protocol, source, destination }, Content::Echo),
    }
}

/// An address from the sixteen bytes that hold either family's.
fn narrowed(family: Family, bytes: [u8; 16]) -> IpAddr {
    let [a, b, c, d, ..] = bytes;
    match family {
        Family::Ipv4 => Ipv4Addr::new(a, b, c, d).into(),
        Family::Ipv6 => Ipv6Addr::from(bytes).into(),
    }
}

fn advert(bytes: &[u8], preamble: &Preamble) -> Content {
    let verdict = check::judge(&bytes, preamble, None, None);
    Content::Advert(Advert {
        version: preamble.version(),
        vrid: preamble.vrid(),
        priority: preamble.priority(),
        ttl: preamble.ttl,
        source: narrowed(preamble.family, preamble.source),
        destination: narrowed(preamble.family, preamble.destination),
        interval: verdict.ok().and_then(|heard| heard.interval()),
        addresses: verdict.map_or(0, |heard| heard.count),
        notes: verdict.map_or(0, |heard| heard.notes),
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
        assert_eq!(frame.speaker_for(Ipv4Addr::new(10, 0, 0, 3)), Some(mac));
        assert_eq!(frame.speaker_for(Ipv4Addr::new(10, 0, 0, 4)), None);
        assert!(!frame.is_question_for(Ipv4Addr::new(10, 0, 0, 3)), "it asks nothing");
    }

    #[test]
    fn a_probe_asks_and_says_nothing() {
        let address = Ipv4Addr::new(10, 0, 0, 3);
        let bytes = Arp::probe([2, 0, 0, 0, 0, 1], address.octets()).broadcast_frame();
        let frame = Frame::read(&bytes, Moment::now(), false);
        assert!(frame.is_question_for(address) && frame.speaker_for(address).is_none());
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
