//! Sees who else claims a virtual address, where no XDP program reads ARP.
//!
//! Looked at about once a second and never waited for: broadcast ARP on a large segment would otherwise wake the VRRP
//! thread all the time. What does not fit the small queue is dropped; a host that really has the address says so again.

use std::io;

use regent_common::{arp::Arp, ethernet};
use socket2::Socket;

use super::{failure::attempted, filter, packet_socket, reception::Reception};

/// Bytes that the kernel may hold for us, by its own accounting (some hundred packets).
const RECEIVE_BUFFER: usize = 128 * 1024;

/// A listener for ARP on one interface. Never blocks.
#[derive(Debug)]
pub struct ArpWatch {
    socket: Socket,
    reception: Reception,
}

impl ArpWatch {
    /// Listens on interface `ifindex`. What this host sends is not heard. `name` is for messages.
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_NET_RAW; otherwise when the interface is gone.
    pub fn open(ifindex: u32, name: &str) -> io::Result<Self> {
        Self::listening(ifindex).map_err(|error| {
            attempted(
                error,
                format_args!("listen for ARP on {name}, index {ifindex} (packet socket)"),
                "check that the interface still exists",
            )
        })
    }

    fn listening(ifindex: u32) -> io::Result<Self> {
        let filter = filter::received_arp(ifindex);
        let socket = packet_socket::listening(ifindex, ethernet::ARP, &filter, RECEIVE_BUFFER)?;
        let reception = Reception::of(&socket)?;
        Ok(Self { socket, reception })
    }

    /// Hands out the ARP packets that wait, at most `maximum` packets of any kind, and says how many were read: `maximum`
    /// means that there may be more. Packets that are no ARP for IPv4 over Ethernet are skipped.
    ///
    /// # Errors
    /// Those of the socket itself; a later call may succeed.
    pub fn drain(&self, maximum: usize, mut each: impl FnMut(&Arp)) -> io::Result<usize> {
        let mut buffer = [0; 64];
        for read in 0..maximum {
            let Some((length, _age)) = self.reception.receive(&self.socket, &mut buffer)? else {
                return Ok(read);
            };
            if let Some(arp) = buffer.get(..length).and_then(|bytes| Arp::read(&bytes, 0)) {
                each(&arp);
            }
        }
        Ok(maximum)
    }

    /// How many packets the kernel dropped because this socket's queue was full, as of the newest one read; wraps.
    pub fn dropped(&self) -> u32 {
        self.reception.dropped()
    }
}
