//! Makes a host speak in the name of an address that it has, as whatever runs there may: its kernel, which asks for a
//! neighbour, or a program that announces the address.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
    sync::atomic::{AtomicU8, Ordering},
};

use anyhow::{Context, Result};
use nix::errno::Errno;
use regent_common::{arp::Arp, ndp};

use crate::{inject::send_once, node::Node};

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
    let stranger: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::new(10, 0, 0, number).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into()).into(),
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
    let sent = match address.into() {
        IpAddr::V4(address) => {
            send_once(node, &Arp::announcement(node.mac(), address.octets()).broadcast_frame())
        }
        IpAddr::V6(address) => send_once(node, &ndp::announcement(node.mac(), address.octets())),
    };
    match sent {
        // A program on the way out dropped it.
        Err(error) if error.downcast_ref() == Some(&Errno::ENOBUFS) => Ok(()),
        sent => sent,
    }
}
