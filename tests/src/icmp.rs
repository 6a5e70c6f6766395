//! Echo requests and replies of both families: what the lab's pings are made of, and how a capture tells them.

use std::net::IpAddr;

use regent_common::checksum;

/// Protocol number of ICMP.
pub const V4: u8 = 1;
/// Protocol number of ICMPv6.
pub const V6: u8 = 58;
/// Bytes of a request made here: eight before the data (RFC 792, RFC 4443 §4.1), and as much data.
pub const LENGTH: usize = 16;

/// A ping, or its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// The answer.
    pub reply: bool,
    /// Sender.
    pub source: IpAddr,
    /// Receiver.
    pub destination: IpAddr,
    /// Whose it is.
    pub identifier: u16,
    /// Which one.
    pub sequence: u16,
}

impl Echo {
    /// Reads a message of that protocol; `None` when it is anything else.
    pub fn read(protocol: u8, source: IpAddr, destination: IpAddr, message: &[u8]) -> Option<Self> {
        let &[kind, _, _, _, i1, i2, s1, s2, ..] = message else { return None };
        let reply = match (protocol, kind) {
            (V4, 8) | (V6, 128) => false,
            (V4, 0) | (V6, 129) => true,
            _ => return None,
        };
        let (identifier, sequence) = (u16::from_be_bytes([i1, i2]), u16::from_be_bytes([s1, s2]));
        Some(Self { reply, source, destination, identifier, sequence })
    }
}

/// An echo request to `address`. The checksum of ICMPv6 covers the IP addresses: the kernel fills it in (RFC 3542 §3.1).
pub fn request(address: IpAddr, identifier: u16, sequence: u16) -> [u8; LENGTH] {
    let mut message = [0; LENGTH];
    message[0] = if address.is_ipv4() { 8 } else { 128 };
    message[4..6].copy_from_slice(&identifier.to_be_bytes());
    message[6..8].copy_from_slice(&sequence.to_be_bytes());
    if address.is_ipv4()
        && let Some(sum) = checksum::sum(&&message[..], 0, LENGTH / 4)
    {
        message[2..4].copy_from_slice(&sum.checksum());
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_it_was_made() {
        for (protocol, text) in [(V4, "10.0.0.3"), (V6, "2001:db8::50")] {
            let address: IpAddr = text.parse().unwrap();
            let message = request(address, 7, 300);
            let echo = Echo::read(protocol, address, address, &message).unwrap();
            assert_eq!((echo.reply, echo.identifier, echo.sequence), (false, 7, 300));
        }
    }

    #[test]
    fn what_is_cut_off_or_something_else_is_none() {
        let address: IpAddr = "10.0.0.3".parse().unwrap();
        let message = request(address, 7, 300);
        assert_eq!(Echo::read(V4, address, address, &message[..7]), None);
        assert_eq!(Echo::read(V6, address, address, &message), None);
    }
}
