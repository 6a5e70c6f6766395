//! Adverts as bytes: written as the agent writes them, judged by the checks that the agent and its XDP program use, and
//! spoilt in ways that those checks must notice.

use regent_common::{
    LocalPriority, Priority, Reason, Vrid,
    advert::{Addresses, Advert, Authentication, ChecksumForm, Heard},
    check::{self, Preamble},
    checksum, ipv4,
    map::{Expected, flag},
};
use regent_vrrp::{Parameters, Router};
use zerocopy::FromZeros;

use crate::random::Random;

const VRID: u8 = 7;
const ADDRESSES: &[[u8; 4]] = &[[10, 0, 0, 250]];
const TTL: usize = 8;
/// Where the message begins, and some of its fields.
const MESSAGE: usize = ipv4::HEADER_LENGTH;
const PRIORITY: usize = MESSAGE + 2;
const INTERVAL: usize = MESSAGE + 4;
const CHECKSUM: usize = MESSAGE + 6;

/// The packet of an advert from its IP header on; `None` when the interval has no form in that version.
pub fn write(parameters: &Parameters, priority: Priority) -> Option<Vec<u8>> {
    let advert = Advert {
        version: parameters.version,
        vrid: Vrid::new(VRID)?,
        priority,
        interval: parameters.interval,
        authentication: Authentication::None,
        checksum: ChecksumForm::PseudoHeader,
        source: parameters.source,
        destination: ipv4::widened(ipv4::VRRP_GROUP),
        addresses: Addresses::Ipv4(ADDRESSES),
    };
    let length = advert.length();
    let [a, b, c, d, ..] = parameters.source;
    let header = ipv4::header([a, b, c, d], ipv4::VRRP_GROUP, 255, 0, u16::try_from(length).ok()?);
    let mut packet = header.to_vec();
    packet.resize(MESSAGE + length, 0);
    advert.encode(&mut packet[MESSAGE..]).ok()?;
    Some(packet)
}

/// What `router` is to think of a packet.
///
/// # Errors
/// The check that failed.
pub fn judge(packet: &[u8], router: &Router) -> Result<Heard, Reason> {
    let Ok(preamble) = Preamble::ipv4(&packet, 0) else { return Err(Reason::Length) };
    check::judge(&packet, &preamble, Some(&expected(router)), None)
}

fn expected(router: &Router) -> Expected {
    let parameters = router.parameters();
    let mut expected = Expected::new_zeroed();
    expected.own_source = parameters.source;
    expected.addresses = Addresses::Ipv4(ADDRESSES).fingerprint();
    expected.interval = parameters.interval.centiseconds();
    expected.count = u8::try_from(ADDRESSES.len()).unwrap_or(u8::MAX);
    expected.version = parameters.version as u8;
    expected.destination = ipv4::widened(ipv4::VRRP_GROUP);
    expected.flags = match router.effective_priority() {
        LocalPriority::Owner => flag::OWNER,
        LocalPriority::Backup(_) => 0,
    };
    expected
}

/// Makes of a good packet one that no router may heed, and gives it a priority that would do most harm if one did.
pub fn spoil(packet: &mut Vec<u8>, random: &mut Random) {
    packet[PRIORITY] = random.pick(&[0, 255, packet[PRIORITY]]);
    let version = packet[MESSAGE] >> 4;
    match random.below(6) {
        0 => packet[TTL] = 254,
        1 => packet[MESSAGE] = packet[MESSAGE] & 0xf0 | 2,
        2 => packet[MESSAGE] = if version == 2 { 0x31 } else { 0x21 },
        3 => {
            packet[INTERVAL + 1] = 0;
            if version == 3 {
                packet[INTERVAL] = 0;
            }
        }
        4 => packet.truncate(packet.len() - 4),
        _ => {
            sign(packet);
            // Any other byte but the checksum's own: one byte alone never leaves the sum as it was.
            let at = MESSAGE + 8 + random.index(packet.len() - MESSAGE - 8);
            packet[at] ^= 1 << random.below(8);
            return;
        }
    }
    sign(packet);
}

/// Writes length and checksum anew, the latter as RFC 9568 §5.2.8 has it: that form is accepted whatever else is sent.
fn sign(packet: &mut [u8]) {
    let length = packet.len();
    packet[2..4].copy_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
    packet[CHECKSUM..CHECKSUM + 2].fill(0);
    let sum = checksum::sum(&&packet[..], MESSAGE, (length - MESSAGE) / 4).unwrap_or_default();
    packet[CHECKSUM..CHECKSUM + 2].copy_from_slice(&sum.checksum());
}
