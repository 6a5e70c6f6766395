//! Sees who else claims a virtual address, where no XDP program reads ARP and neighbour discovery.
//!
//! Looked at about once a second and never waited for: broadcast ARP on a large segment would otherwise wake the VRRP
//! thread all the time. What does not fit the small queue is dropped; a host that really has the address says so again.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use nix::sys::socket::LinkAddr;
use regent_common::{
    Family,
    arp::Arp,
    bytes::Bytes,
    ethernet,
    ipv6::{self, Ipv6},
};
use socket2::Socket;

use super::{failure::attempted, filter, packet_socket, reception::Reception};

/// Bytes that the kernel may hold for us, by its own accounting (some hundred packets).
const RECEIVE_BUFFER: usize = 128 * 1024;

/// Somebody's word that it has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The address.
    pub address: IpAddr,
    /// The MAC that it is to be reached by.
    pub mac: [u8; 6],
}

/// A listener for the claims of one family on one interface. Never blocks.
#[derive(Debug)]
pub struct ClaimWatch {
    socket: Socket,
    reception: Reception,
    ifindex: u32,
    family: Family,
}

impl ClaimWatch {
    /// Listens on interface `ifindex`. What this host sends is not heard. `name` is for messages.
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_NET_RAW; otherwise when the interface is gone.
    pub fn open(ifindex: u32, name: &str, family: Family) -> io::Result<Self> {
        Self::listening(ifindex, family).map_err(|error| {
            let what = match family {
                Family::Ipv4 => "ARP",
                Family::Ipv6 => "neighbour advertisements",
            };
            attempted(
                error,
                format_args!("listen for {what} on {name}, index {ifindex} (packet socket)"),
                "check that the interface still exists",
            )
        })
    }

    fn listening(ifindex: u32, family: Family) -> io::Result<Self> {
        let socket = match family {
            Family::Ipv4 => {
                let filter = filter::received_arp(ifindex);
                packet_socket::listening(ifindex, ethernet::ARP, &filter, RECEIVE_BUFFER)?
            }
            Family::Ipv6 => {
                let filter = filter::received_neighbor_advertisements(ifindex);
                packet_socket::listening(ifindex, ethernet::IPV6, &filter, RECEIVE_BUFFER)?
            }
        };
        let reception = Reception::of(&socket)?;
        Ok(Self { socket, reception, ifindex, family })
    }

    /// The interface that it listens on.
    pub const fn ifindex(&self) -> u32 {
        self.ifindex
    }

    /// Hands out the claims that wait, from at most `maximum` packets of any kind, and says how many were read: `maximum`
    /// means that there may be more. Packets that claim nothing are skipped.
    ///
    /// # Errors
    /// Those of the socket itself; a later call may succeed.
    pub fn drain(&self, maximum: usize, mut each: impl FnMut(Claim)) -> io::Result<usize> {
        let mut buffer = [0; 256];
        for read in 0..maximum {
            let Some(packet) = self.reception.datagram::<LinkAddr>(&self.socket, &mut buffer)? else {
                return Ok(read);
            };
            let bytes = buffer.get(..packet.length).unwrap_or(&buffer);
            let claim = match self.family {
                Family::Ipv4 => arp_claim(&bytes),
                Family::Ipv6 => neighbor_claim(&bytes, packet.sender.and_then(|sender| sender.addr())),
            };
            if let Some(claim) = claim {
                each(claim);
            }
        }
        Ok(maximum)
    }

    /// How many packets the kernel dropped because this socket's queue was full, as of the newest one read; wraps.
    pub fn dropped(&self) -> u32 {
        self.reception.dropped()
    }
}

/// Request or reply: either says that the sender has the sender's address. Only a probe (RFC 5227 §2.1.1) names none.
fn arp_claim<B: Bytes>(bytes: &B) -> Option<Claim> {
    let arp = Arp::read(bytes, 0)?;
    let address = Ipv4Addr::from(arp.sender);
    (!address.is_unspecified()).then_some(Claim { address: address.into(), mac: arp.sender_mac })
}

/// A neighbour advertisement from its IPv6 header on says that the sender has the target. `sender` is the frame's
/// source: the option with the MAC may be missing from the answer to a unicast question (RFC 4861 §4.4).
fn neighbor_claim<B: Bytes>(bytes: &B, sender: Option<[u8; 6]>) -> Option<Claim> {
    const TARGET: usize = 48;
    const OPTIONS: usize = 64;
    const TARGET_LINK_LAYER_ADDRESS: u8 = 2;
    let header = Ipv6::read(bytes, 0)?;
    // RFC 4861 §7.1.2: "The IP Hop Limit field has a value of 255, i.e., the packet could not possibly have been
    // forwarded by a router."
    if header.hop_limit != 255 {
        return None;
    }
    let target = Ipv6Addr::from(bytes.array::<16>(TARGET)?);
    let end = ipv6::HEADER_LENGTH + usize::from(header.payload_length);
    let (mut at, mut mac) = (OPTIONS, sender);
    while at + 8 <= end {
        let [kind, units] = bytes.array(at)?;
        // RFC 4861 §4.6: "Nodes MUST silently discard an ND packet that contains an option with length zero."
        if units == 0 {
            return None;
        }
        if kind == TARGET_LINK_LAYER_ADDRESS && units == 1 {
            mac = bytes.array(at + 2);
        }
        at += usize::from(units) * 8;
    }
    (!target.is_multicast()).then_some(Claim { address: target.into(), mac: mac? })
}
