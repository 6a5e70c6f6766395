//! What an interface and its driver say of themselves: asked by ethtool's calls and by one rtnetlink request.
//!
//! Reads only. The kernel answers under its lock for interfaces (RTNL), so this is not for the VRRP thread.

#![expect(unsafe_code, reason = "SIOCETHTOOL has no safe interface")]

use std::{io, os::fd::AsRawFd};

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkAttribute, LinkFlags, LinkMessage},
};
use netlink_sys::{Socket as NetlinkSocket, SocketAddr, protocols::NETLINK_ROUTE};
use socket2::{Domain, Socket, Type};

use super::failure::explained;

const ETHTOOL_GDRVINFO: u32 = 0x03;
const ETHTOOL_GFLAGS: u32 = 0x25;
/// Tags of incoming frames are taken off by the device, and told beside the frame.
const ETH_FLAG_RXVLAN: u32 = 1 << 8;

/// `struct ethtool_drvinfo`.
#[repr(C)]
struct DriverInfo {
    command: u32,
    driver: [u8; 32],
    /// Versions, bus, counts: not needed.
    rest: [u8; 160],
}

/// `struct ethtool_value`.
#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// How an interface receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reception {
    /// Name.
    pub name: String,
    /// Does multicast at all (IFF_MULTICAST).
    pub multicast: bool,
    /// How many asked for every frame, whoever it is for; also the kernel itself does, for a MAC that the device cannot filter.
    pub promiscuity: u32,
    /// How many asked for every multicast frame; 0 before Linux 6.0, which does not tell.
    pub all_multicast: u32,
}

/// Whether IPv6 is switched off on the interface of that name, so that it takes no IPv6 address.
pub fn ipv6_is_off(name: &str) -> bool {
    // Without IPv6 in the kernel there is no such file either.
    let setting = std::fs::read_to_string(format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6"));
    setting.map_or(true, |setting| setting.trim() != "0")
}

/// The driver of the interface of that name.
///
/// # Errors
/// EOPNOTSUPP from a device without one (lo), ENODEV without an interface.
pub fn driver(name: &str) -> io::Result<String> {
    let mut info = DriverInfo { command: ETHTOOL_GDRVINFO, driver: [0; 32], rest: [0; 160] };
    ethtool(name, &mut info)?;
    let text = info.driver.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(text).into_owned())
}

/// Whether the interface of that name takes VLAN tags off before XDP sees the frame.
///
/// # Errors
/// As for [`driver`].
pub fn strips_vlan_tags(name: &str) -> io::Result<bool> {
    let mut flags = Value { command: ETHTOOL_GFLAGS, data: 0 };
    ethtool(name, &mut flags)?;
    Ok(flags.data & ETH_FLAG_RXVLAN != 0)
}

/// How the interface receives.
///
/// # Errors
/// When there is no such interface here, or no netlink socket left.
pub fn reception(ifindex: u32) -> io::Result<Reception> {
    let asked = || {
        let mut socket = NetlinkSocket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        let mut question = LinkMessage::default();
        question.header.index = ifindex;
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST;
        let question = RouteNetlinkMessage::GetLink(question);
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(question));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        socket.send(&bytes, 0)?;
        let (answer, _) = socket.recv_from_full()?;
        let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer);
        read(answer.map_err(io::Error::other)?)
    };
    asked().map_err(|error| {
        explained(error, format_args!("ask about interface {ifindex}"), "is it still there?")
    })
}

fn read(answer: NetlinkMessage<RouteNetlinkMessage>) -> io::Result<Reception> {
    let message = if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(message)) = answer.payload
    {
        message
    } else if let NetlinkPayload::Error(error) = answer.payload {
        return Err(error.to_io());
    } else {
        return Err(io::Error::other("an answer to something else"));
    };
    let mut reception = Reception {
        name: String::new(),
        multicast: message.header.flags.contains(LinkFlags::Multicast),
        promiscuity: 0,
        all_multicast: 0,
    };
    for attribute in message.attributes {
        if let LinkAttribute::IfName(name) = attribute {
            reception.name = name;
        } else if let LinkAttribute::Promiscuity(count) = attribute {
            reception.promiscuity = count;
        } else if let LinkAttribute::AllMulticast(count) = attribute {
            reception.all_multicast = count;
        }
    }
    Ok(reception)
}

/// One call of ethtool about the interface of that name: `question` begins with its command, and is answered in place.
fn ethtool<T>(name: &str, question: &mut T) -> io::Result<()> {
    // Any socket of this network namespace will do.
    let socket = Socket::new(Domain::UNIX, Type::DGRAM.cloexec(), None)?;
    // SAFETY: all zeroes is a value of ifreq: an empty name and no data.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays zero: names are shorter.
    let room = request.ifr_name.len() - 1;
    for (to, from) in request.ifr_name.iter_mut().take(room).zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_data = std::ptr::from_mut(question).cast();
    // SAFETY: the request is an ifreq with a name and a pointer to one of the two structures above, each as large as
    // the kernel takes it to be by its command; it writes only there, and before the call returns.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

const _: () = assert!(size_of::<DriverInfo>() == 196, "as linux/ethtool.h has it");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tests::lab::joined;

    const ETHTOOL_SFLAGS: u32 = 0x26;

    fn strip(name: &str, strips: bool) {
        // As linux/ethtool.h has it.
        let data = if strips { 0x100 } else { 0 };
        ethtool(name, &mut Value { command: ETHTOOL_SFLAGS, data }).unwrap();
    }

    #[test]
    fn a_device_strips_tags_when_it_was_told_to() {
        joined(|_pair| {
            strip("port0", true);
            assert!(strips_vlan_tags("port0").unwrap());
            strip("port0", false);
            assert!(!strips_vlan_tags("port0").unwrap());
        });
    }

    #[test]
    fn a_device_without_a_driver_or_none_at_all_is_an_error() {
        joined(|_pair| {
            assert!(driver("port9").is_err());
            assert!(reception(9_999).unwrap_err().to_string().contains("interface 9999"));
        });
    }
}
