//! "Who has that address?", asked on the wire by ARP or neighbour solicitation: unlike a ping it goes through no cache.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::Result;
use regent_common::{checksum::Sum, ethernet};

use crate::{
    icmp,
    inject::send_once,
    node::{INTERFACE, Node},
    packet_socket::PacketSocket,
};

/// Asks from `node`; who answers is for a capture to say.
///
/// # Errors
/// Without CAP_NET_RAW.
pub fn ask(node: &Node, address: impl Into<IpAddr>) -> Result<()> {
    send_once(node, &question(node, address.into()))
}

/// Asks the same question again and again.
#[derive(Debug)]
pub struct Asker {
    socket: PacketSocket,
    frame: Vec<u8>,
}

impl Asker {
    /// Who has `address`, from `node`.
    ///
    /// # Errors
    /// Without CAP_NET_RAW.
    pub fn open(node: &Node, address: impl Into<IpAddr>) -> Result<Self> {
        let socket = PacketSocket::open(node.namespace(), INTERFACE)?;
        Ok(Self { socket, frame: question(node, address.into()) })
    }

    /// Asks once.
    ///
    /// # Errors
    /// When the interface does not take it.
    pub fn ask(&self) -> Result<()> {
        self.socket.send(&self.frame)
    }
}

fn question(node: &Node, address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => request(node.mac(), node.address(), address),
        IpAddr::V6(address) => solicitation(node.mac(), node.link_local(), address),
    }
}

/// An ARP request (RFC 826).
pub(crate) fn request(mac: [u8; 6], source: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let mut frame = ethernet::header(ethernet::BROADCAST, mac, ethernet::ARP).to_vec();
    frame.extend([0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(mac);
    frame.extend(source.octets());
    frame.extend([0; 6]);
    frame.extend(target.octets());
    frame
}

/// A neighbour solicitation (RFC 4861 §4.3) to the group that whoever has `target` listens to (RFC 4291 §2.7.1).
fn solicitation(mac: [u8; 6], source: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let mut message = vec![135, 0, 0, 0, 0, 0, 0, 0];
    message.extend(target.octets());
    // Option 1: the asker's link-layer address.
    message.extend([1, 1]);
    message.extend(mac);

    let [.., a, b, c] = target.octets();
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c]));
    let length = u16::try_from(message.len()).unwrap_or_default();
    let [high, low] = length.to_be_bytes();
    // RFC 8200 §8.1: the pseudo-header names the protocol of what follows.
    let mut sum = Sum::ZERO.address(&source.octets()).address(&group.octets());
    sum = sum.word([high, low, 0, icmp::V6]);
    for word in message.chunks_exact(4) {
        sum = sum.word([word[0], word[1], word[2], word[3]]);
    }
    message[2..4].copy_from_slice(&sum.checksum());

    let mut frame = ethernet::header([0x33, 0x33, 0xff, a, b, c], mac, ethernet::IPV6).to_vec();
    frame.extend([0x60, 0, 0, 0, high, low, icmp::V6, 255]);
    frame.extend(source.octets());
    frame.extend(group.octets());
    frame.extend(message);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Moment,
        frame::{Content, Frame},
    };

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

    #[test]
    fn a_question_is_read_as_it_was_made() {
        let target = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x50);
        let bytes = solicitation(MAC, Ipv6Addr::LOCALHOST, target);
        let Content::Neighbor(neighbor) = Frame::read(&bytes, Moment::now(), false).content else {
            panic!("no neighbour discovery");
        };
        assert_eq!((neighbor.target, neighbor.mac), (target, Some(MAC)));
        assert_eq!(neighbor.destination.to_string(), "ff02::1:ff00:50");

        let address = Ipv4Addr::new(10, 0, 0, 3);
        let bytes = request(MAC, Ipv4Addr::new(10, 0, 0, 9), address);
        let Content::Arp(arp) = Frame::read(&bytes, Moment::now(), false).content else {
            panic!("no ARP");
        };
        assert_eq!((arp.target, arp.sender_mac), (address.octets(), MAC));
    }
}
