//! Neighbor Discovery for IPv6 over Ethernet (RFC 4861): solicitations and advertisements, as much of them as virtual
//! addresses need.
//!
//! Owns their receive checks (§7.1.1, §7.1.2) and what is sent for an address: its announcement and the question
//! whether anybody else has it. Other ICMPv6 is nobody's here, and so is a message that does not follow the IPv6
//! header directly, has more options than are usual, or is longer than [`MAX_LENGTH`]: the kernel sees it, we say
//! nothing about it.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute_mut};

use crate::{
    bytes::Bytes,
    checksum::{self, Sum},
    ethernet,
    ipv6::{self, Ipv6},
};

/// ICMPv6 type of a Neighbor Solicitation.
pub const SOLICITATION: u8 = 135;
/// ICMPv6 type of a Neighbor Advertisement.
pub const ADVERTISEMENT: u8 = 136;
/// Bytes of a message without options.
pub const LENGTH: usize = 24;
/// Where the checksum stands in a message.
pub const CHECKSUM_OFFSET: usize = 2;
/// Where the target stands in a message.
pub const TARGET_OFFSET: usize = 8;
/// Bytes of the longest message that is read.
pub const MAX_LENGTH: usize = 124;
/// Bytes of the option that names a link-layer address.
pub const OPTION_LENGTH: usize = 8;
/// Options that are looked at. Two are usual: a link-layer address and a nonce (RFC 7527).
const OPTIONS: usize = 4;
/// Bytes of the frame that [`probe`] makes.
pub const PROBE_LENGTH: usize = ethernet::HEADER_LENGTH + ipv6::HEADER_LENGTH + LENGTH;
/// Bytes of the frame that [`announcement`] makes.
pub const ANNOUNCEMENT_LENGTH: usize = PROBE_LENGTH + OPTION_LENGTH;

/// Bytes of the packet that [`write_answer`] writes.
pub const ANSWER_LENGTH: usize = ipv6::HEADER_LENGTH + LENGTH + OPTION_LENGTH;

/// An advertisement with its option, as it stands on the wire from the IPv6 header on.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Advertisement {
    begin: [u8; 8],
    source: [u8; 16],
    destination: [u8; 16],
    message: [u8; 8],
    target: [u8; 16],
    option: [u8; OPTION_LENGTH],
}

/// Bits of [`Neighbor::flags`].
pub mod flag {
    /// The sender is a router.
    pub const ROUTER: u8 = 0x80;
    /// Sent in answer to a solicitation.
    pub const SOLICITED: u8 = 0x40;
    /// Caches that hold another link-layer address take this one.
    pub const OVERRIDE: u8 = 0x20;
    /// All there are.
    pub const ALL: u8 = ROUTER | SOLICITED | OVERRIDE;
}

/// What the message does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Who has the target address?
    Solicitation,
    /// The target address is at this link-layer address.
    Advertisement,
}

impl Operation {
    /// The ICMPv6 type.
    const fn wire_type(self) -> u8 {
        match self {
            Self::Solicitation => SOLICITATION,
            Self::Advertisement => ADVERTISEMENT,
        }
    }

    /// Type of the option that names the link-layer address: the source's of who asks, the target's of who tells.
    #[inline(always)]
    pub const fn option_type(self) -> u8 {
        match self {
            Self::Solicitation => 1,
            Self::Advertisement => 2,
        }
    }

    /// From the ICMPv6 type.
    #[inline(always)]
    pub const fn from_wire(wire_type: u8) -> Option<Self> {
        match wire_type {
            SOLICITATION => Some(Self::Solicitation),
            ADVERTISEMENT => Some(Self::Advertisement),
            _ => None,
        }
    }
}

/// A solicitation or an advertisement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// Which of them.
    pub operation: Operation,
    /// Sender of the packet; the unspecified address of a probe.
    pub source: [u8; 16],
    /// Receiver of the packet.
    pub destination: [u8; 16],
    /// The address that it is about.
    pub target: [u8; 16],
    /// Bits of [`flag`]; 0 in a solicitation.
    pub flags: u8,
    /// The sender's link-layer address as its option says: source link-layer address of a solicitation, target
    /// link-layer address of an advertisement. An advertisement in answer to a unicast need not have it.
    pub link_layer: Option<[u8; 6]>,
}

/// What the checks of a message leave to say about it, as places and numbers: little enough for the XDP program to hand
/// from one function to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Which of them.
    pub operation: Operation,
    /// Bits of [`flag`]; 0 in a solicitation.
    pub flags: u8,
    /// Where the link-layer address of the sender stands, as in [`Neighbor::link_layer`]; 0 without one.
    pub link_layer: u16,
}

impl Checked {
    /// Checks the packet whose IPv6 header is at `at`; `None` when it is no such message, is cut off, or fails a check of
    /// RFC 4861 §7.1.1 or §7.1.2 ("MUST silently discard").
    #[inline(always)]
    pub fn read<B: Bytes>(bytes: &B, at: usize) -> Option<Self> {
        let header = Ipv6::read(bytes, at)?;
        let length = header.payload_length as usize;
        // "The IP Hop Limit field has a value of 255, i.e., the packet could not possibly have been forwarded by a
        // router"; "ICMP length (derived from the IP length) is 24 or more octets".
        if header.next_header != ipv6::ICMPV6
            || header.hop_limit != 255
            || !(LENGTH..=MAX_LENGTH).contains(&length)
        {
            return None;
        }
        let message = bytes.opaque(at + ipv6::HEADER_LENGTH);
        let [wire_type, code, _, _, flags, ..] = bytes.array::<8>(message)?;
        let operation = Operation::from_wire(wire_type)?;
        // "ICMP Code is 0"; "Target Address is not a multicast address".
        if code != 0 || ipv6::is_multicast(&bytes.array(message + TARGET_OFFSET)?) {
            return None;
        }
        // "ICMP Checksum is valid". Options come in units of eight bytes, so that no half word is left over.
        let sum = checksum::short_sum(bytes, message, length / 4)?;
        if !sum.icmpv6_pseudo_header(&header.source, &header.destination, header.payload_length).holds() {
            return None;
        }
        let option = option(bytes, message, length, operation.option_type())?;
        let named = option != NO_OPTION;
        let flags = match operation {
            // "If the IP source address is the unspecified address, the IP destination address is a solicited-node
            // multicast address" and "there is no source link-layer address option in the message".
            Operation::Solicitation
                if ipv6::is_unspecified(&header.source)
                    && (named || !ipv6::is_solicited_node(&header.destination)) =>
            {
                return None;
            }
            Operation::Solicitation => 0,
            // "If the IP Destination Address is a multicast address the Solicited flag is zero."
            Operation::Advertisement
                if ipv6::is_multicast(&header.destination) && flags & flag::SOLICITED != 0 =>
            {
                return None;
            }
            Operation::Advertisement => flags & flag::ALL,
        };
        Some(Self { operation, flags, link_layer: if named { option as u16 + 2 } else { 0 } })
    }
}

impl Checked {
    const GOOD: u32 = 1 << 31;
    const ADVERTISEMENT: u32 = 1 << 30;
    const FLAGS: u32 = 16;

    /// As one number, for a function of the XDP program to return; 0 for nothing.
    #[inline(always)]
    pub const fn number(checked: Option<Self>) -> u32 {
        match checked {
            Some(Self { operation, flags, link_layer }) => {
                let advertises = match operation {
                    Operation::Solicitation => 0,
                    Operation::Advertisement => Self::ADVERTISEMENT,
                };
                Self::GOOD | advertises | (flags as u32) << Self::FLAGS | link_layer as u32
            }
            None => 0,
        }
    }

    /// From that number.
    #[inline(always)]
    pub const fn from_number(number: u32) -> Option<Self> {
        if number & Self::GOOD == 0 {
            return None;
        }
        let operation = match number & Self::ADVERTISEMENT {
            0 => Operation::Solicitation,
            _ => Operation::Advertisement,
        };
        Some(Self { operation, flags: (number >> Self::FLAGS) as u8, link_layer: number as u16 })
    }
}

impl Neighbor {
    /// Reads the packet whose IPv6 header is at `at`; `None` when [`Checked::read`] has nothing to say about it.
    #[inline(always)]
    pub fn read<B: Bytes>(bytes: &B, at: usize) -> Option<Self> {
        let Checked { operation, flags, link_layer } = Checked::read(bytes, at)?;
        let header = Ipv6::read(bytes, at)?;
        Some(Self {
            operation,
            source: header.source,
            destination: header.destination,
            target: bytes.array(at + ipv6::HEADER_LENGTH + TARGET_OFFSET)?,
            flags,
            link_layer: match link_layer {
                0 => None,
                place => Some(bytes.array(place as usize)?),
            },
        })
    }

    /// Bytes of its frame.
    pub const fn frame_length(&self) -> usize {
        match self.link_layer {
            Some(_) => ANNOUNCEMENT_LENGTH,
            None => PROBE_LENGTH,
        }
    }

    /// Writes its Ethernet frame, from one station to another or to a group, to the front of `frame` and returns its
    /// length; `None` when `frame` is too short.
    pub fn write(&self, from: [u8; 6], to: [u8; 6], frame: &mut [u8]) -> Option<usize> {
        let frame = frame.get_mut(..self.frame_length())?;
        let length = (frame.len() - ethernet::HEADER_LENGTH - ipv6::HEADER_LENGTH) as u16;
        let (header, packet) = frame.split_at_mut(ethernet::HEADER_LENGTH);
        header.copy_from_slice(&ethernet::header(to, from, ethernet::IPV6));
        let (header, message) = packet.split_at_mut(ipv6::HEADER_LENGTH);
        header.copy_from_slice(&ipv6::icmpv6_header(self.source, self.destination, length));
        message.fill(0);
        message[0] = self.operation.wire_type();
        message[4] = self.flags & flag::ALL;
        message[TARGET_OFFSET..LENGTH].copy_from_slice(&self.target);
        if let Some(address) = self.link_layer {
            message[LENGTH] = self.operation.option_type();
            // In units of eight bytes.
            message[LENGTH + 1] = 1;
            message[LENGTH + 2..].copy_from_slice(&address);
        }
        let sum = checksum::short_sum(&&message[..], 0, usize::from(length) / 4)?;
        let sum = sum.icmpv6_pseudo_header(&self.source, &self.destination, length);
        message[2..4].copy_from_slice(&sum.checksum());
        Some(self.frame_length())
    }
}

/// Writes the advertisement that answers a solicitation of `target` by `source`, from the IPv6 header on: `mac` has the
/// address.
///
/// "If the source of the solicitation is the unspecified address, the node MUST set the Solicited flag to zero and
/// multicast the advertisement to the all-nodes address. Otherwise, the node MUST set the Solicited flag to one and
/// unicast the advertisement to the Source Address of the solicitation"; the option with the link-layer address goes
/// with both (RFC 4861 §7.2.4). Router and Override as in [`announcement`].
#[inline(always)]
pub fn write_answer(source: [u8; 16], target: [u8; 16], mac: [u8; 6], packet: &mut [u8; ANSWER_LENGTH]) {
    const PAYLOAD: u16 = (ANSWER_LENGTH - ipv6::HEADER_LENGTH) as u16;
    let (destination, solicited) =
        if ipv6::is_unspecified(&source) { (ipv6::ALL_NODES, 0) } else { (source, flag::SOLICITED) };
    let flags = flag::ROUTER | flag::OVERRIDE | solicited;
    let [a, b, c, d, e, f] = mac;
    let option = [2, 1, a, b, c, d, e, f];
    let sum = Sum::ZERO
        .word([ADVERTISEMENT, 0, 0, 0])
        .word([flags, 0, 0, 0])
        .address(&target)
        .pair(u64::from_ne_bytes(option))
        .icmpv6_pseudo_header(&target, &destination, PAYLOAD);
    let [high, low] = sum.checksum();
    let packet: &mut Advertisement = transmute_mut!(packet);
    packet.begin = [0x60, 0, 0, 0, 0, PAYLOAD as u8, ipv6::ICMPV6, 255];
    packet.source = target;
    packet.destination = destination;
    packet.message = [ADVERTISEMENT, 0, high, low, flags, 0, 0, 0];
    packet.target = target;
    packet.option = option;
}

/// What [`option`] says when there is none: no option stands there.
const NO_OPTION: usize = 0;

/// Where the first option of that type and of a link-layer address's length stands; [`NO_OPTION`] without one. `None`
/// when the options are not what they should be: "All included options have a length that is greater than zero."
///
/// A place and not the address itself: the XDP program's compiler would carry six bytes through the loop.
#[inline(always)]
fn option<B: Bytes>(bytes: &B, message: usize, length: usize, wanted: u8) -> Option<usize> {
    let mut found = NO_OPTION;
    let (mut at, mut left) = (bytes.opaque(message + LENGTH), bytes.opaque(length - LENGTH));
    let mut options = 0;
    while left != 0 {
        if options == OPTIONS {
            return None;
        }
        options += 1;
        let [kind, eights] = bytes.array::<2>(at)?;
        let size = eights as usize * OPTION_LENGTH;
        if size == 0 || size > left {
            return None;
        }
        if kind == wanted && size == OPTION_LENGTH && found == NO_OPTION {
            found = at;
        }
        found = bytes.opaque(found);
        at = bytes.opaque(at + size);
        left = bytes.opaque(left - size);
    }
    Some(found)
}

/// The announcement of `address`, as a frame to all nodes: an unsolicited advertisement with the Router and Override
/// flags and the target's link-layer address (RFC 9568 §6.4.1, §6.4.2; RFC 4861 §7.2.6).
///
/// The router flag says that the address belongs to a router, which a virtual router is; without it hosts would drop it
/// from their default routers (RFC 4861 §7.2.5). Sent from the address itself, as keepalived does.
pub fn announcement(mac: [u8; 6], address: [u8; 16]) -> [u8; ANNOUNCEMENT_LENGTH] {
    let mut frame = [0; ANNOUNCEMENT_LENGTH];
    let advertisement = Neighbor {
        operation: Operation::Advertisement,
        source: address,
        destination: ipv6::ALL_NODES,
        target: address,
        flags: flag::ROUTER | flag::OVERRIDE,
        link_layer: Some(mac),
    };
    let written = advertisement.write(mac, ipv6::multicast_mac(ipv6::ALL_NODES), &mut frame);
    debug_assert!(written == Some(ANNOUNCEMENT_LENGTH));
    frame
}

/// The question whether anybody else has `address`, as a frame to its solicited-node group: sent from the unspecified
/// address, so that no cache changes (RFC 4862 §5.4.2).
pub fn probe(mac: [u8; 6], address: [u8; 16]) -> [u8; PROBE_LENGTH] {
    let mut frame = [0; PROBE_LENGTH];
    let group = ipv6::solicited_node(address);
    let solicitation = Neighbor {
        operation: Operation::Solicitation,
        source: [0; 16],
        destination: group,
        target: address,
        flags: 0,
        link_layer: None,
    };
    let written = solicitation.write(mac, ipv6::multicast_mac(group), &mut frame);
    debug_assert!(written == Some(PROBE_LENGTH));
    frame
}
