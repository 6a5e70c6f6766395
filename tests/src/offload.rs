//! GRO on a veth: it gives that end a queue of its own, without which a frame that an XDP program at the other end sends
//! is lost silently.
#![expect(unsafe_code, reason = "SIOCETHTOOL has no safe binding")]

use std::{io, os::fd::AsRawFd};

use anyhow::{Context, Result, bail};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::namespace::Namespace;

/// ETHTOOL_SGRO, from linux/ethtool.h.
const SET_RECEIVE_OFFLOAD: u32 = 0x2c;

/// `struct ethtool_value`.
#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// Turns it on or off for `interface` in `namespace`.
///
/// # Errors
/// Without the interface, or without CAP_NET_ADMIN.
pub fn set(namespace: &Namespace, interface: &str, on: bool) -> Result<()> {
    let word = if on { "on" } else { "off" };
    namespace.enter(|| ask(interface, on)).with_context(|| format!("turn GRO {word} for {interface}"))
}

fn ask(interface: &str, on: bool) -> Result<()> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: zeros are a valid ifreq: no name, a null pointer.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if interface.len() >= request.ifr_name.len() {
        bail!("the name of an interface has at most {} bytes", request.ifr_name.len() - 1);
    }
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = from as libc::c_char;
    }
    let mut value = Value { command: SET_RECEIVE_OFFLOAD, data: u32::from(on) };
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // SAFETY: the request names an interface and points to a value of the command's type; both live through the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
    if result < 0 { Err(io::Error::last_os_error().into()) } else { Ok(()) }
}
