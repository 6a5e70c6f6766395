//! Neighbour discovery as a capture sees it (RFC 4861 §4.3, §4.4): who asks for an IPv6 address and who claims it.
//!
//! Read apart from the agent's own code: the lab judges it.

use std::net::{IpAddr, Ipv6Addr};

/// Types of ICMPv6.
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
/// Bytes before the options: type, code, checksum, flags, target.
const FIXED_LENGTH: usize = 24;
/// Options: the link-layer address of the source, and of the target.
const SOURCE_LINK_LAYER: u8 = 1;
const TARGET_LINK_LAYER: u8 = 2;

/// A solicitation or an advertisement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// An advertisement, and not a solicitation.
    pub advertisement: bool,
    /// Flag R: the sender is a router.
    pub router: bool,
    /// Flag S: somebody asked.
    pub solicited: bool,
    /// Flag O: caches are to be overwritten.
    pub replaces: bool,
    /// The address in question.
    pub target: Ipv6Addr,
    /// The MAC in its option, if there is one.
    pub mac: Option<[u8; 6]>,
    /// Where it came from.
    pub source: IpAddr,
    /// Where it went.
    pub destination: IpAddr,
}

impl Neighbor {
    /// Reads an ICMPv6 message; `None` when it is anything else.
    pub fn read(message: &[u8], source: IpAddr, destination: IpAddr) -> Option<Self> {
        let (fixed, options) = message.split_first_chunk::<FIXED_LENGTH>()?;
        let [kind, _, _, _, flags, _, _, _, target @ ..] = fixed;
        let (advertisement, wanted) = match *kind {
            SOLICITATION => (false, SOURCE_LINK_LAYER),
            ADVERTISEMENT => (true, TARGET_LINK_LAYER),
            _ => return None,
        };
        let flag = |bit: u8| advertisement && flags & bit != 0;
        Some(Self {
            advertisement,
            router: flag(0x80),
            solicited: flag(0x40),
            replaces: flag(0x20),
            target: Ipv6Addr::from(*target),
            mac: link_layer(options, wanted),
            source,
            destination,
        })
    }

    /// Nobody asked: sent to all nodes.
    pub fn is_announcement(&self) -> bool {
        self.advertisement && !self.solicited
    }

    /// Somebody asked.
    pub const fn is_reply(&self) -> bool {
        self.advertisement && self.solicited
    }
}

/// The MAC in the first option of that type (RFC 4861 §4.6.1).
fn link_layer(mut options: &[u8], wanted: u8) -> Option<[u8; 6]> {
    while let &[kind, length, ..] = options {
        let (option, rest) = options.split_at_checked(usize::from(length) * 8)?;
        if kind == wanted {
            return option.get(2..8)?.try_into().ok();
        }
        // A length of 0 would never end.
        if option.is_empty() {
            return None;
        }
        options = rest;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x50);
    const SENDER: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

    #[test]
    fn a_solicitation_claims_nothing() {
        let mut message = vec![SOLICITATION, 0, 0, 0, 0xe0, 0, 0, 0];
        message.extend(TARGET.octets());
        message.extend([SOURCE_LINK_LAYER, 1, 2, 0, 0, 0, 0, 1]);
        let neighbor = Neighbor::read(&message, SENDER, TARGET.into()).unwrap();
        assert_eq!((neighbor.target, neighbor.mac), (TARGET, Some([2, 0, 0, 0, 0, 1])));
        assert!(!neighbor.is_announcement() && !neighbor.is_reply() && !neighbor.router);
    }

    /// FRR 8.4.4's, from a recording: R and O set, S not, the target's link-layer address.
    #[test]
    fn an_unsolicited_advertisement_is_an_announcement() {
        let mut message = vec![ADVERTISEMENT, 0, 0, 0, 0xa0, 0, 0, 0];
        message.extend(TARGET.octets());
        message.extend([TARGET_LINK_LAYER, 1, 0, 0, 0x5e, 0, 2, 0x32]);
        let neighbor = Neighbor::read(&message, SENDER, TARGET.into()).unwrap();
        assert!(neighbor.is_announcement() && neighbor.router && neighbor.replaces);
        assert_eq!(neighbor.mac, Some([0, 0, 0x5e, 0, 2, 0x32]));
    }

    #[test]
    fn any_prefix_is_read_without_fault() {
        let mut message = vec![ADVERTISEMENT, 0, 0, 0, 0x60, 0, 0, 0];
        message.extend(TARGET.octets());
        message.extend([TARGET_LINK_LAYER, 1, 2, 0, 0, 0, 0, 1]);
        assert!(Neighbor::read(&message, SENDER, TARGET.into()).unwrap().is_reply());
        for end in 0..message.len() {
            let read = Neighbor::read(&message[..end], SENDER, TARGET.into());
            assert!(read.is_none_or(|neighbor| neighbor.mac.is_none()), "{end}");
        }
    }
}
