//! Makes a host speak in the name of an address that it has, as whatever runs there may: its kernel, which asks for a
//! neighbour, or a program that announces the address.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
    sync::atomic::{AtomicU8, Ordering},
};

use anyhow::{Context, Result};
use nix::errno::Errno;
use regent_common::{arp::Arp, ndp};

use crate::{
    node::{INTERFACE, Node},
    packet_socket::PacketSocket,
};

/// The first and the last host number of neighbours that nobody is.
const NOBODY: (u8, u8) = (101, 199);

/// Something for the host to send from `address` to a neighbour that it does not know: its kernel asks for that one in the
/// name of `address`.
///
/// # Errors
/// When the host has no such address.
pub fn ask_from(node: &Node, address: impl Into<IpAddr>) -> Result<()> {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    let address = address.into();
    let number = NOBODY.0 + NEXT.fetch_add(1, Ordering::Relaxed) % (NOBODY.1 - NOBODY.0 + 1);
    // On the network of the address.
    let stranger: IpAddr = match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            Ipv4Addr::new(a, b, c, number).into()
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, number.into()).into()
        }
    };
    node.namespace().enter(|| {
        let socket =
            UdpSocket::bind((address, 0)).with_context(|| format!("bind to {address} on {}", node.role()))?;
        socket.send_to(b"is anybody there?", (stranger, 9)).context("send to a neighbour").map(drop)
    })
}

/// Announces `address` from the host, by its own MAC; whether that leaves the host is for a capture to say.
///
/// # Errors
/// Without CAP_NET_RAW.
pub fn announce(node: &Node, address: impl Into<IpAddr>) -> Result<()> {
    announce_by(&PacketSocket::open(node.namespace(), INTERFACE)?, node.mac(), address)
}

/// As [`announce`], by the interface of `socket`, whose MAC is `mac`.
///
/// # Errors
/// When the interface is down or gone.
pub fn announce_by(socket: &PacketSocket, mac: [u8; 6], address: impl Into<IpAddr>) -> Result<()> {
    let sent = match address.into() {
        IpAddr::V4(address) => socket.send(&Arp::announcement(mac, address.octets()).broadcast_frame()),
        IpAddr::V6(address) => socket.send(&ndp::announcement(mac, address.octets())),
    };
    match sent {
        // A program on the way out dropped it.
        Err(error) if error.downcast_ref() == Some(&Errno::ENOBUFS) => Ok(()),
        sent => sent,
    }
}
