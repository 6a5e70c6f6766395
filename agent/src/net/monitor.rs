//! Watches interfaces and addresses, and tells the VRRP thread what changed.
//!
//! Runs on the control runtime. It subscribes first, then lists, then follows: no change falls between. The kernel's
//! buffer and the channel are the only queues, and both are bounded: when either overflows, the events in it are worth
//! nothing any more, and a whole [`Inventory`] takes their place.

use std::{collections::HashMap, io, time::Duration};

use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::sys::socket::{setsockopt, sockopt};
use tokio::sync::mpsc;

use super::{
    failure::attempted,
    inventory::{Inventory, inventory},
    link::{AssignedAddress, Link, is_about_the_interface},
    readiness::Readiness,
};

/// Bytes that the kernel may hold for us, by its own accounting: about a thousand interface events.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// Longer than any link message without its statistics of virtual functions; a longer one is cut off and causes a listing.
const MESSAGE_BUFFER: usize = 64 * 1024;
/// Shortest time between two listings, so that a storm of changes costs a bounded share of a core.
const LISTING_PAUSE: Duration = Duration::from_millis(100);
/// Time until a listing that failed is tried again.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// What happened to the network of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetlinkEvent {
    /// Everything, first of all and whenever events were lost: what is not in it does not exist.
    Inventory(Inventory),
    /// A new interface, or a change of one.
    Link(Link),
    /// The interface of this index was deleted or left the namespace; its addresses went with it.
    LinkGone(u32),
    /// A new address, or a change of one.
    Address(AssignedAddress),
    /// The address was removed.
    AddressGone(AssignedAddress),
}

/// The task that follows the kernel's events.
#[derive(Debug)]
pub struct Monitor {
    socket: Socket,
    readiness: Readiness,
    events: mpsc::Sender<NetlinkEvent>,
    /// What was last told, so that messages about counters and the like are not passed on.
    told: HashMap<u32, Link>,
    listing_due: bool,
}

impl Monitor {
    /// Subscribes; from here on no change is missed. Must be called inside a tokio runtime with I/O enabled. Needs no
    /// privilege.
    ///
    /// # Errors
    /// When no netlink socket can be had.
    pub fn open(events: mpsc::Sender<NetlinkEvent>) -> io::Result<Self> {
        let socket = subscribe().map_err(|error| {
            attempted(
                error,
                "watch interfaces and addresses (netlink)",
                "raise the limit of open files or memory",
            )
        })?;
        let readiness = Readiness::watch(&socket)?;
        Ok(Self { socket, readiness, events, told: HashMap::new(), listing_due: true })
    }

    /// Lists, then follows until the receiver is dropped.
    ///
    /// A listing that fails (no descriptor left, for example) is reported and tried again.
    ///
    /// # Errors
    /// When the socket fails for good.
    pub async fn run(mut self) -> io::Result<()> {
        let mut buffer = vec![0; MESSAGE_BUFFER];
        while !self.events.is_closed() {
            if self.listing_due {
                self.list(&mut buffer).await?;
            } else {
                self.follow(&mut buffer).await?;
            }
        }
        Ok(())
    }

    /// Sends a whole inventory as soon as the channel has room for it.
    async fn list(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let Ok(room) = self.events.clone().reserve_owned().await else {
            return Ok(());
        };
        // What waits here is older than the listing that follows, and contained in it.
        while self.read(buffer)? != Reading::Empty {}
        let inventory = match inventory().await {
            Ok(inventory) => inventory,
            Err(error) => {
                tracing::warn!(%error, "interfaces are not watched until a listing succeeds; next try in a second");
                tokio::time::sleep(FAILURE_PAUSE).await;
                return Ok(());
            }
        };
        self.told = inventory.links.iter().map(|link| (link.index, link.clone())).collect();
        self.listing_due = false;
        room.send(NetlinkEvent::Inventory(inventory));
        Ok(())
    }

    /// Waits for messages and passes them on, until there is something else to do.
    async fn follow(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        tokio::select! {
            ready = self.readiness.wait() => ready?,
            () = self.events.closed() => return Ok(()),
        }
        loop {
            match self.read(buffer)? {
                Reading::Empty => return Ok(()),
                Reading::Lost => self.listing_due = true,
                Reading::Datagram(length) => self.pass_on(buffer.get(..length).unwrap_or_default()),
            }
            if self.listing_due {
                tokio::time::sleep(LISTING_PAUSE).await;
                return Ok(());
            }
        }
    }

    /// The next datagram, without waiting.
    fn read(&self, buffer: &mut [u8]) -> io::Result<Reading> {
        let size = buffer.len();
        let mut space = buffer;
        match self.socket.recv_from(&mut space, libc::MSG_TRUNC | libc::MSG_DONTWAIT) {
            // Only the kernel may tell of the kernel.
            Ok((_, sender)) if sender.port_number() != 0 => Ok(Reading::Datagram(0)),
            Ok((length, _)) if length > size => Ok(Reading::Lost),
            Ok((length, _)) => Ok(Reading::Datagram(length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Reading::Empty),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Reading::Datagram(0)),
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => Ok(Reading::Lost),
            Err(error) => Err(attempted(error, "read interface events (netlink)", "restart the agent")),
        }
    }

    /// Decodes the messages of a datagram; a listing becomes due for what cannot be decoded or has no room.
    fn pass_on(&mut self, mut datagram: &[u8]) {
        while !datagram.is_empty() {
            let Some(message) = split_message(&mut datagram) else {
                self.listing_due = true;
                return;
            };
            match NetlinkMessage::<RouteNetlinkMessage>::deserialize(message) {
                Ok(message) => {
                    if let Some(event) = self.event(message.payload) {
                        self.send(event);
                    }
                }
                Err(_newer_than_we) => self.listing_due = true,
            }
            if self.listing_due {
                return;
            }
        }
    }

    fn event(&mut self, payload: NetlinkPayload<RouteNetlinkMessage>) -> Option<NetlinkEvent> {
        if let NetlinkPayload::Overrun(_) = payload {
            self.listing_due = true;
        }
        let NetlinkPayload::InnerMessage(message) = payload else {
            return None;
        };
        if let RouteNetlinkMessage::NewLink(message) = message {
            let link = Link::read(&message)?;
            if self.told.get(&link.index) == Some(&link) {
                return None;
            }
            self.told.insert(link.index, link.clone());
            Some(NetlinkEvent::Link(link))
        } else if let RouteNetlinkMessage::DelLink(message) = message {
            if !is_about_the_interface(&message) {
                return None;
            }
            self.told.remove(&message.header.index);
            Some(NetlinkEvent::LinkGone(message.header.index))
        } else if let RouteNetlinkMessage::NewAddress(message) = message {
            AssignedAddress::read(&message).map(NetlinkEvent::Address)
        } else if let RouteNetlinkMessage::DelAddress(message) = message {
            AssignedAddress::read(&message).map(NetlinkEvent::AddressGone)
        } else {
            None
        }
    }

    fn send(&mut self, event: NetlinkEvent) {
        if self.events.try_send(event).is_err() {
            self.listing_due = true;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// So many bytes; 0: nothing of interest, read on.
    Datagram(usize),
    /// The kernel dropped messages, or cut one off.
    Lost,
    /// Nothing waits.
    Empty,
}

fn subscribe() -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.set_non_blocking(true)?;
    if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
        socket.set_rx_buf_sz(RECEIVE_BUFFER as libc::c_int)?;
    }
    let groups = libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR;
    socket.bind(&SocketAddr::new(0, groups as u32))?;
    Ok(socket)
}

/// Cuts the first message off `datagram`; `None` when its length is impossible.
fn split_message<'a>(datagram: &mut &'a [u8]) -> Option<&'a [u8]> {
    const HEADER: usize = 16;
    let length = u32::from_ne_bytes(datagram.get(..4)?.try_into().ok()?) as usize;
    if length < HEADER {
        return None;
    }
    let message = datagram.get(..length)?;
    *datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tests::lab::{PATIENCE, alone, block_on, command};

    #[test]
    fn a_datagram_of_two_messages_is_split_at_their_padded_lengths() {
        let mut datagram = [0_u8; 40];
        datagram[0] = 18;
        datagram[20] = 20;
        let mut rest = &datagram[..];
        assert_eq!(split_message(&mut rest).map(<[u8]>::len), Some(18));
        assert_eq!(split_message(&mut rest).map(<[u8]>::len), Some(20));
        assert!(rest.is_empty());
    }

    #[test]
    fn a_message_with_an_impossible_length_ends_the_datagram() {
        for length in [0_u8, 15, 21] {
            let mut datagram = [0_u8; 20];
            datagram[0] = length;
            assert_eq!(split_message(&mut &datagram[..]), None, "{length}");
        }
        assert_eq!(split_message(&mut &[16_u8, 0][..]), None);
    }

    #[test]
    fn what_the_kernel_had_no_room_for_is_made_good_by_an_inventory() {
        alone(|| {
            command("ip", "link add port0 type veth peer name port1");
            let (sender, mut events) = mpsc::channel(4096);
            block_on(async {
                let monitor = Monitor::open(sender).unwrap();
                // The smallest buffer there is: a few messages.
                setsockopt(&monitor.socket, sockopt::RcvBuf, &1).unwrap();
                tokio::spawn(monitor.run());
                let next = async |events: &mut mpsc::Receiver<NetlinkEvent>| {
                    tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().unwrap()
                };
                assert!(matches!(next(&mut events).await, NetlinkEvent::Inventory(_)));
                // One thread: the monitor cannot read while these run.
                for last in 1..=60 {
                    command("ip", &format!("address add 10.9.0.{last}/32 dev port0"));
                }
                let mut told = 0;
                let inventory = loop {
                    match next(&mut events).await {
                        NetlinkEvent::Inventory(inventory) => break inventory,
                        NetlinkEvent::Address(_) => told += 1,
                        NetlinkEvent::Link(_) | NetlinkEvent::LinkGone(_) | NetlinkEvent::AddressGone(_) => {}
                    }
                };
                assert!(told < 60, "the buffer did not overflow");
                let index = inventory.link_named("port0").unwrap().index;
                assert_eq!(inventory.addresses_of(index).count(), 60);
            });
        });
    }
}
