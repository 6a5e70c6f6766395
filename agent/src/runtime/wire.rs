//! An instance's adverts as packets, and where each copy of them goes.

use std::net::IpAddr;

use regent_common::{
    Family, Priority,
    advert::{Addresses, Advert, MAX_ADDRESSES},
    ipv4, ipv6,
};

use super::instance::Instance;
use crate::{
    config::plan::{InstancePlan, Transport},
    observe::sentence,
};

/// Most bytes of an advert with its IP header: 255 IPv6 addresses and version 2's trailer.
pub const PACKET_MAX: usize = ipv6::HEADER_LENGTH + 8 + 16 * MAX_ADDRESSES + 8;

/// RFC 9568 §5.1.1.3, §5.1.2.3: multicast is sent with 255, so that receivers know that no router forwarded it.
const MULTICAST_TTL: u8 = 255;

/// The addresses that adverts name, in the form that they have there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advertised {
    /// IPv4.
    Ipv4(Vec<[u8; 4]>),
    /// IPv6.
    Ipv6(Vec<[u8; 16]>),
}

impl Advertised {
    /// Those of a plan.
    pub fn of(plan: &InstancePlan) -> Self {
        let addresses = plan.addresses.iter().map(|address| address.address);
        match plan.family {
            Family::Ipv4 => Self::Ipv4(addresses.filter_map(ipv4_octets).collect()),
            Family::Ipv6 => Self::Ipv6(addresses.filter_map(ipv6_octets).collect()),
        }
    }

    /// As the encoder takes them.
    pub fn list(&self) -> Addresses<'_> {
        match self {
            Self::Ipv4(list) => Addresses::Ipv4(list),
            Self::Ipv6(list) => Addresses::Ipv6(list),
        }
    }
}

/// Where an instance's adverts go: the group, or each peer.
pub fn destinations(transport: &Transport) -> impl Iterator<Item = IpAddr> {
    let group = match transport {
        Transport::Multicast { group } => Some(*group),
        Transport::Unicast(_) => None,
    };
    group.into_iter().chain(transport.peers().iter().map(|peer| peer.address))
}

/// Writes the advert that claims `priority` to `destination`, with its IP header, and returns its length; `None` when the
/// plan has no form on the wire, which the config's checks have ruled out, or the instance nothing to send from.
pub fn write(
    instance: &Instance,
    priority: Priority,
    destination: IpAddr,
    packet: &mut [u8; PACKET_MAX],
) -> Option<usize> {
    let (plan, source) = (&instance.plan, instance.source?);
    let ttl = match &plan.transport {
        Transport::Multicast { .. } => MULTICAST_TTL,
        Transport::Unicast(unicast) => unicast.ttl,
    };
    let advert = Advert {
        version: plan.version,
        vrid: plan.vrid,
        priority,
        interval: plan.interval,
        authentication: plan.authentication,
        checksum: plan.checksum,
        source: sentence::bytes(source),
        destination: sentence::bytes(destination),
        addresses: instance.advertised.list(),
    };
    let header = match plan.family {
        Family::Ipv4 => ipv4::HEADER_LENGTH,
        Family::Ipv6 => ipv6::HEADER_LENGTH,
    };
    let (front, message) = packet.split_at_mut(header);
    let length = advert.encode(message).ok()?;
    let payload = u16::try_from(length).ok()?;
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            // Identification 0: the kernel numbers the packets of a raw socket.
            front.copy_from_slice(&ipv4::header(source.octets(), destination.octets(), ttl, 0, payload));
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            front.copy_from_slice(&ipv6::header(source.octets(), destination.octets(), ttl, payload));
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
    }
    Some(header + length)
}

fn ipv4_octets(address: IpAddr) -> Option<[u8; 4]> {
    match address {
        IpAddr::V4(address) => Some(address.octets()),
        IpAddr::V6(_) => None,
    }
}

fn ipv6_octets(address: IpAddr) -> Option<[u8; 16]> {
    match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => Some(address.octets()),
    }
}
