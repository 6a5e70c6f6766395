//! ARP for IPv4 over Ethernet (RFC 826).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute_mut, transmute_ref};

use crate::{bytes::Bytes, ethernet};

/// Bytes of the packet after the Ethernet header.
pub const LENGTH: usize = 28;
/// Bytes of a whole frame.
pub const FRAME_LENGTH: usize = ethernet::HEADER_LENGTH + LENGTH;

/// Where the sender's MAC stands in the packet.
pub const SENDER_MAC_OFFSET: usize = 8;

/// How a request begins, as a number in the machine's order: Ethernet and IPv4, the lengths of their addresses, 1.
const REQUEST: u64 = u64::from_ne_bytes([0, 1, 0x08, 0x00, 6, 4, 0, 1]);
/// How a reply begins.
const REPLY: u64 = u64::from_ne_bytes([0, 1, 0x08, 0x00, 6, 4, 0, 2]);

/// The packet as it stands on the wire.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Packet {
    begin: [u8; 8],
    sender_mac: [u8; 6],
    sender: [u8; 4],
    target_mac: [u8; 6],
    target: [u8; 4],
}

/// What the packet does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Who has the target address?
    Request,
    /// The sender has the sender's address.
    Reply,
}

/// An ARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// Request or reply.
    pub operation: Operation,
    /// Sender's MAC.
    pub sender_mac: [u8; 6],
    /// Sender's address.
    pub sender: [u8; 4],
    /// Target's MAC.
    pub target_mac: [u8; 6],
    /// Target's address.
    pub target: [u8; 4],
}

impl Arp {
    /// Reads the packet at `at`; `None` when it is cut off, not Ethernet and IPv4, or neither request nor reply.
    #[inline(always)]
    pub fn read<B: Bytes>(bytes: &B, at: usize) -> Option<Self> {
        let (begin, packet) = bytes.look(at, |bytes: &[u8; LENGTH]| {
            let packet: &Packet = transmute_ref!(bytes);
            (packet.begin, (packet.sender_mac, packet.sender, packet.target_mac, packet.target))
        })?;
        let operation = match u64::from_ne_bytes(begin) {
            REQUEST => Operation::Request,
            REPLY => Operation::Reply,
            _ => return None,
        };
        let (sender_mac, sender, target_mac, target) = packet;
        Some(Self { operation, sender_mac, sender, target_mac, target })
    }

    /// The announcement of `address`: a gratuitous request, as keepalived and FRR send it. The target's MAC is all ones
    /// (RFC 9568 §6.4.1 with erratum 7947 leaves it open; switches and old stacks know this form).
    pub const fn announcement(mac: [u8; 6], address: [u8; 4]) -> Self {
        Self {
            operation: Operation::Request,
            sender_mac: mac,
            sender: address,
            target_mac: ethernet::BROADCAST,
            target: address,
        }
    }

    /// The question whether anybody else has `address` (RFC 5227 §2.1.1): sent from 0.0.0.0, so that no cache changes.
    pub const fn probe(mac: [u8; 6], address: [u8; 4]) -> Self {
        Self {
            operation: Operation::Request,
            sender_mac: mac,
            sender: [0; 4],
            target_mac: [0; 6],
            target: address,
        }
    }

    /// The reply to this request: `mac` has the address that was asked for. "Swap hardware and protocol fields, putting
    /// the local hardware and protocol addresses in the sender fields" (RFC 826). A probe from 0.0.0.0 is told as much,
    /// which defends the address (RFC 5227 §2.1.1).
    #[inline(always)]
    pub const fn reply(&self, mac: [u8; 6]) -> Self {
        Self {
            operation: Operation::Reply,
            sender_mac: mac,
            sender: self.target,
            target_mac: self.sender_mac,
            target: self.sender,
        }
    }

    /// Writes it as it stands on the wire.
    #[inline(always)]
    pub fn write(&self, packet: &mut [u8; LENGTH]) {
        let packet: &mut Packet = transmute_mut!(packet);
        packet.begin = match self.operation {
            Operation::Request => REQUEST,
            Operation::Reply => REPLY,
        }
        .to_ne_bytes();
        packet.sender_mac = self.sender_mac;
        packet.sender = self.sender;
        packet.target_mac = self.target_mac;
        packet.target = self.target;
    }

    /// As a broadcast frame from the sender.
    pub fn broadcast_frame(&self) -> [u8; FRAME_LENGTH] {
        let mut frame = [0; FRAME_LENGTH];
        let (header, packet) = frame.split_at_mut(ethernet::HEADER_LENGTH);
        header.copy_from_slice(&ethernet::header(ethernet::BROADCAST, self.sender_mac, ethernet::ARP));
        if let Some(packet) = packet.first_chunk_mut() {
            self.write(packet);
        }
        frame
    }
}
