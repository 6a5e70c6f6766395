//! Further unicast MACs that an interface takes frames for, beside its own: virtual MACs without an interface of their own.
//!
//! Does what `bridge fdb add MAC dev NAME self` does. The kernel carries a request out inside the call, under its one lock
//! for interfaces (RTNL), which others may hold for hundreds of milliseconds: not for the VRRP thread. Frames to such a MAC
//! then reach the host, yet as somebody else's; the tc program makes them the host's. Entries outlive the process.

use std::{collections::BTreeSet, io};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    link::{LinkAttribute, LinkExtentMask, LinkMessage},
    neighbour::{NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use super::failure::attempted;

/// An interface with many properties describes itself in a few kilobytes.
const ANSWER_MAX: usize = 32 * 1024;

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Added {
    /// The interface takes every frame because of it: its driver has no filter for further addresses (veth), or none that
    /// the kernel knows of.
    ///
    /// Of an entry that was there before, by a process that ended, this is only known to be possible: it is true when the
    /// interface takes every frame, for whatever reason.
    pub promiscuous: bool,
}

/// The way to the filters of all interfaces of this network namespace. Every call waits for the kernel's lock.
#[derive(Debug)]
pub struct NicFilter {
    socket: Socket,
    sequence: u32,
    /// Interfaces that take every frame because of an entry made here.
    promiscuous: BTreeSet<u32>,
}

impl NicFilter {
    /// Opens the socket. Without CAP_NET_ADMIN it opens, but every change is refused with `PermissionDenied`.
    ///
    /// # Errors
    /// When no netlink socket can be had.
    pub fn open() -> io::Result<Self> {
        Self::connected().map_err(|error| {
            attempted(
                error,
                "open a netlink socket for address filters",
                "raise the limit of open files or memory",
            )
        })
    }

    fn connected() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self { socket, sequence: 0, promiscuous: BTreeSet::new() })
    }

    /// Has interface `ifindex` take frames to `mac`. Again: no change.
    ///
    /// While the interface is down nothing is promiscuous yet, and that is what is said.
    ///
    /// # Errors
    /// When the interface is gone or cannot have such an entry, or `mac` is no unicast address.
    pub fn add(&mut self, ifindex: u32, mac: [u8; 6]) -> io::Result<Added> {
        let attempt = |error| {
            let [a, b, c, d, e, f] = mac;
            attempted(
                error,
                format_args!(
                    "have the interface with index {ifindex} take frames to \
                     {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x} (as `bridge fdb add` does)"
                ),
                "check that it still exists and that its driver takes further addresses",
            )
        };
        if is_group(mac) {
            return Err(attempt(io::Error::new(io::ErrorKind::InvalidInput, "that is the MAC of a group")));
        }
        let before = self.promiscuity(ifindex).map_err(attempt)?;
        let flags = NLM_F_CREATE | NLM_F_EXCL;
        let made = match self.ask(RouteNetlinkMessage::NewNeighbour(entry(ifindex, mac)), NLM_F_ACK | flags) {
            Ok(_acknowledged) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(attempt(error)),
        };
        let after = self.promiscuity(ifindex).map_err(attempt)?;
        if made && after > before {
            self.promiscuous.insert(ifindex);
        }
        let possible = !made || self.promiscuous.contains(&ifindex);
        Ok(Added { promiscuous: possible && after > 0 })
    }

    /// Takes an entry back. Nothing happens where there is none, or no interface.
    ///
    /// # Errors
    /// When the kernel refuses for another reason: the entry stays.
    pub fn remove(&mut self, ifindex: u32, mac: [u8; 6]) -> io::Result<()> {
        let attempt = |error| {
            attempted(
                error,
                format_args!("take a virtual MAC out of the filter of the interface with index {ifindex}"),
                "look at `bridge fdb show` and remove it there",
            )
        };
        let gone = |error: &io::Error| matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENODEV));
        match self.ask(RouteNetlinkMessage::DelNeighbour(entry(ifindex, mac)), NLM_F_ACK) {
            Ok(_acknowledged) => {}
            Err(error) if gone(&error) => {}
            Err(error) => return Err(attempt(error)),
        }
        // Without further entries the interface takes only what is its own; with others nothing is learnt.
        if self.promiscuity(ifindex).unwrap_or(0) == 0 {
            self.promiscuous.remove(&ifindex);
        }
        Ok(())
    }

    /// How many reasons the interface has to take every frame.
    fn promiscuity(&mut self, ifindex: u32) -> io::Result<u32> {
        let mut message = LinkMessage::default();
        message.header.index = ifindex;
        // Counters of packets are long and make the kernel ask the driver.
        message.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
        match self.ask(RouteNetlinkMessage::GetLink(message), 0)? {
            Some(RouteNetlinkMessage::NewLink(link)) => {
                let found = link.attributes.iter().find_map(|attribute| {
                    let LinkAttribute::Promiscuity(reasons) = attribute else { return None };
                    Some(*reasons)
                });
                Ok(found.unwrap_or(0))
            }
            Some(_) | None => Err(io::Error::other("the kernel answered something else than the interface")),
        }
    }

    /// Asks and waits for the answer: a message, or an acknowledgement.
    fn ask(&mut self, question: RouteNetlinkMessage, flags: u16) -> io::Result<Option<RouteNetlinkMessage>> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(question));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes, 0)?;
        let mut answer = Vec::with_capacity(ANSWER_MAX);
        loop {
            answer.clear();
            match self.socket.recv(&mut answer, 0) {
                Ok(_length) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
            // The answer to a question that was interrupted.
            if message.header.sequence_number != self.sequence {
                continue;
            }
            return if let NetlinkPayload::InnerMessage(inner) = message.payload {
                Ok(Some(inner))
            } else if let NetlinkPayload::Error(error) = message.payload
                && error.code.is_some()
            {
                Err(error.to_io())
            } else {
                Ok(None)
            };
        }
    }
}

/// The entry for `mac` in the interface's own filter (`self`, which is NTF_SELF), for as long as nobody removes it.
fn entry(ifindex: u32, mac: [u8; 6]) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Bridge;
    message.header.ifindex = ifindex;
    message.header.state = NeighbourState::Permanent;
    message.header.flags = NeighbourFlags::Own;
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.to_vec()));
    message
}

/// The lowest bit of the first byte tells a group's MAC from a card's (IEEE 802.3, clause 3.2.3).
const fn is_group(mac: [u8; 6]) -> bool {
    mac[0] & 1 != 0
}
