//! Packets that no honest router sends: one for each reason to reject, made from a good one.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Result, anyhow, bail};
use regent_common::{
    AdvertInterval, Family, Priority, Reason, Version, Vrid,
    advert::{self, Addresses, Advert, Authentication, ChecksumForm},
    checksum, ethernet, ipv4, ipv6,
};

use crate::{
    clock::Moment,
    frames,
    group::Group,
    node::{INTERFACE, Node},
    packet_socket::PacketSocket,
};

/// The fastest that anything is sent here.
const FASTEST: Duration = Duration::from_millis(1);
/// Destination of IPv6 adverts: the group ff02::12 (RFC 2464 §7).
const VRRP_IPV6: [u8; 6] = [0x33, 0x33, 0, 0, 0, 0x12];

/// An advert of `group`, as it would be sent by another router, whole frame, before anything is wrong with it.
#[derive(Clone, Debug)]
pub struct Forger {
    group: Group,
    mac: [u8; 6],
    /// Claimed sender.
    pub source: IpAddr,
    /// Claimed priority.
    pub priority: u8,
}

/// A message on its way.
struct Packet {
    source: IpAddr,
    destination: IpAddr,
    mac: [u8; 6],
    ttl: u8,
    message: Vec<u8>,
}

impl Forger {
    /// Forges adverts of `group` that seem to come from `source`, out of `node`.
    pub fn new(group: &Group, node: &Node, source: impl Into<IpAddr>, priority: u8) -> Self {
        Self { group: group.clone(), mac: node.mac(), source: source.into(), priority }
    }

    /// A good advert to the group.
    ///
    /// # Errors
    /// When the group has no form on the wire.
    pub fn good(&self) -> Result<Vec<u8>> {
        let mut packet = self.to_group()?;
        fix_checksum(&mut packet)?;
        Ok(self.frame(&packet))
    }

    /// A good advert to `target` alone, as to a unicast peer.
    ///
    /// # Errors
    /// When the group has no form on the wire.
    pub fn good_to(&self, target: &Node) -> Result<Vec<u8>> {
        let mut packet = self.to_host(target.source(self.group.family()), target.mac())?;
        fix_checksum(&mut packet)?;
        Ok(self.frame(&packet))
    }

    /// An advert that must be rejected for `reason` by the host `target`; `None` when the group's version has no
    /// such thing.
    ///
    /// # Errors
    /// When the group has no form on the wire.
    pub fn bad(&self, reason: Reason, target: &Node) -> Result<Option<Vec<u8>>> {
        self.bad_for(reason, target.source(self.group.family()), target.mac())
    }

    fn bad_for(&self, reason: Reason, target: IpAddr, mac: [u8; 6]) -> Result<Option<Vec<u8>>> {
        let (v2, unicast) = (self.group.version == Version::V2, !self.group.unicast.is_empty());
        let mut packet = if unicast { self.to_host(target, mac) } else { self.to_group() }?;
        let message = &mut packet.message;
        match reason {
            // Unicast may have come a long way: its bounds are the config's.
            Reason::Ttl if unicast => return Ok(None),
            Reason::Ttl => packet.ttl = 254,
            Reason::Version => {
                let other = match self.group.version {
                    Version::V2 => Group { version: Version::V3, password: None, ..self.group.clone() },
                    // Version 2 has no interval below a second: any will do, the version is looked at first.
                    Version::V3 => Group { version: Version::V2, centiseconds: 100, ..self.group.clone() },
                };
                packet.message = Self { group: other, ..self.clone() }.message()?;
            }
            Reason::Type => message[0] = message[0] & 0xf0 | 2,
            Reason::Length => message[3] = message[3].wrapping_add(1),
            Reason::Carp if v2 => {
                message.resize(36, 0);
                message[3] = 7;
            }
            Reason::AuthTrailer => message.extend([0x5a; advert::HMAC_TRAILER_LENGTH]),
            Reason::Checksum => {}
            Reason::UnknownGroup => message[1] ^= 0xff,
            Reason::CountZero => {
                let addresses = self.group.addresses.len() * self.group.family().address_length();
                message.drain(advert::FIXED_LENGTH..advert::FIXED_LENGTH + addresses);
                message[3] = 0;
            }
            Reason::IntervalZero => {
                message[5] = 0;
                message[4] &= if v2 { 0xff } else { 0xf0 };
            }
            Reason::AuthTypeInvalid if v2 => message[4] = 3,
            Reason::AuthTypeMismatch if v2 => message[4] ^= 1,
            Reason::AuthFailure if v2 => {
                if let Some(last) = message.last_mut() {
                    *last ^= 0x01;
                }
            }
            Reason::Interval if v2 => message[5] = message[5].wrapping_add(1),
            // What is wrong only in the eyes of one host goes to that host alone: to others it would be good.
            Reason::Destination if unicast => {
                packet.destination = group_of(self.group.family());
            }
            Reason::Destination => (packet.destination, packet.mac) = (target, mac),
            Reason::OwnSource => (packet.source, packet.mac) = (target, mac),
            Reason::UnknownPeer if unicast => packet.source = stranger(self.source),
            Reason::Carp
            | Reason::AuthTypeInvalid
            | Reason::AuthTypeMismatch
            | Reason::AuthFailure
            | Reason::Interval
            | Reason::UnknownPeer => return Ok(None),
        }
        fix_checksum(&mut packet)?;
        if reason == Reason::Checksum {
            packet.message[6] ^= 0xff;
        }
        Ok(Some(self.frame(&packet)))
    }

    fn to_group(&self) -> Result<Packet> {
        let family = self.group.family();
        let mac = match family {
            Family::Ipv4 => ethernet::VRRP_IPV4,
            Family::Ipv6 => VRRP_IPV6,
        };
        self.to_host(group_of(family), mac)
    }

    fn to_host(&self, destination: IpAddr, mac: [u8; 6]) -> Result<Packet> {
        Ok(Packet { source: self.source, destination, mac, ttl: 255, message: self.message()? })
    }

    /// The message, whose checksum is not yet right for where it goes.
    fn message(&self) -> Result<Vec<u8>> {
        let group = &self.group;
        let (mut ipv4, mut ipv6) = (Vec::new(), Vec::new());
        for address in &group.addresses {
            match address {
                IpAddr::V4(address) => ipv4.push(address.octets()),
                IpAddr::V6(address) => ipv6.push(address.octets()),
            }
        }
        let interval = u16::try_from(group.centiseconds).ok().and_then(AdvertInterval::from_centiseconds);
        let advert = Advert {
            version: group.version,
            vrid: Vrid::new(group.wire_vrid()).ok_or_else(|| anyhow!("VRID {}", group.vrid))?,
            priority: Priority::from_wire(self.priority),
            interval: interval.ok_or_else(|| anyhow!("interval {} cs", group.centiseconds))?,
            authentication: authentication(group.password.as_deref()),
            checksum: ChecksumForm::PseudoHeader,
            source: wide(self.source),
            destination: wide(group_of(group.family())),
            addresses: match group.family() {
                Family::Ipv4 => Addresses::Ipv4(&ipv4),
                Family::Ipv6 => Addresses::Ipv6(&ipv6),
            },
        };
        let mut message = vec![0; advert.length()];
        advert.encode(&mut message).map_err(|error| anyhow!("encode an advert: {error:?}"))?;
        Ok(message)
    }

    fn frame(&self, packet: &Packet) -> Vec<u8> {
        let (ether_type, body) = match (packet.source, packet.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => (
                ethernet::IPV4,
                frames::ipv4_packet(source.octets(), destination.octets(), packet.ttl, &packet.message),
            ),
            (source, destination) => (
                ethernet::IPV6,
                frames::ipv6_packet(wide(source), wide(destination), packet.ttl, &packet.message),
            ),
        };
        let mut frame = ethernet::header(packet.mac, self.mac, ether_type).to_vec();
        frame.extend(body);
        frame
    }
}

/// Makes the checksum right for where the packet goes, so that nothing but the reason is wrong.
fn fix_checksum(packet: &mut Packet) -> Result<()> {
    let message = &mut packet.message;
    message[6..8].fill(0);
    let mut sum = checksum::sum(&&message[..], 0, message.len() / 4)
        .ok_or_else(|| anyhow!("a message of {} bytes is too long", message.len()))?;
    if message[0] >> 4 == 3 || packet.source.is_ipv6() {
        let length = u16::try_from(message.len())?;
        sum = sum.pseudo_header(&wide(packet.source), &wide(packet.destination), length);
    }
    message[6..8].copy_from_slice(&sum.checksum());
    Ok(())
}

/// Where a family's adverts go.
fn group_of(family: Family) -> IpAddr {
    match family {
        Family::Ipv4 => ipv4::VRRP_GROUP.into(),
        Family::Ipv6 => ipv6::VRRP_GROUP.into(),
    }
}

/// Another address on the same network.
fn stranger(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => (address.to_bits() ^ 0x20).to_be_bytes().into(),
        IpAddr::V6(address) => (address.to_bits() ^ 0x20).to_be_bytes().into(),
    }
}

fn authentication(password: Option<&str>) -> Authentication {
    password.map_or(Authentication::None, |password| {
        let mut data = [0; advert::AUTHENTICATION_LENGTH];
        for (byte, character) in data.iter_mut().zip(password.bytes()) {
            *byte = character;
        }
        Authentication::Password(data)
    })
}

/// As the sixteen bytes that hold either family's.
fn wide(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => ipv4::widened(address.octets()),
        IpAddr::V6(address) => address.octets(),
    }
}

/// Sends frames out of a host, round and round, at a steady and bounded rate; ends on drop.
#[derive(Debug)]
pub struct Flood {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    /// Starts to send `frames` from `node`, one every `every`.
    ///
    /// # Errors
    /// Without CAP_NET_RAW, or when asked for more than a thousand frames a second.
    pub fn start(node: &Node, frames: Vec<Vec<u8>>, every: Duration) -> Result<Self> {
        if every < FASTEST {
            bail!("a frame every {every:?} is faster than this lab sends");
        }
        let socket = PacketSocket::open(node.namespace(), INTERFACE)?;
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let thread = std::thread::Builder::new().name("flood".to_owned()).spawn({
            let (stop, sent) = (Arc::clone(&stop), Arc::clone(&sent));
            move || {
                let mut next = Moment::now();
                for frame in frames.iter().cycle() {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    if socket.send(frame).is_ok() {
                        sent.fetch_add(1, Ordering::Relaxed);
                    }
                    next = next.plus(every);
                    std::thread::sleep(next.since(Moment::now()));
                }
            }
        })?;
        Ok(Self { stop, sent, thread: Some(thread) })
    }

    /// Frames sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Stops and says how many were sent.
    pub fn finish(mut self) -> u64 {
        self.end();
        self.sent()
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.end();
    }
}

/// Sends one frame out of a host.
///
/// # Errors
/// Without CAP_NET_RAW.
pub fn send_once(node: &Node, frame: &[u8]) -> Result<()> {
    PacketSocket::open(node.namespace(), INTERFACE)?.send(frame)
}

#[cfg(test)]
mod tests {
    use regent_common::{check, check::Preamble};

    use super::*;
    use crate::frame::Frame;

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 7];

    fn forger(group: &Group) -> Forger {
        let source = match group.family() {
            Family::Ipv4 => "10.0.0.7",
            Family::Ipv6 => "fe80::7",
        };
        Forger { group: group.clone(), mac: MAC, source: source.parse().unwrap(), priority: 255 }
    }

    fn groups() -> [Group; 3] {
        [Group::classic(100), Group::fast(100, 10), Group::ipv6(100, 10)]
    }

    fn target(group: &Group) -> IpAddr {
        match group.family() {
            Family::Ipv4 => "10.0.0.1".parse().unwrap(),
            Family::Ipv6 => "fe80::1".parse().unwrap(),
        }
    }

    fn preamble(bytes: &[u8]) -> Preamble {
        Preamble::ipv4(&bytes, 14).or_else(|_| Preamble::ipv6(&bytes, 14)).unwrap()
    }

    #[test]
    fn a_good_advert_is_accepted() {
        for group in groups() {
            let forger = forger(&group);
            let frame = Frame::read(&forger.good().unwrap(), Moment::now(), false);
            assert!(frame.is_advert_of(50, forger.source, 255), "{frame:?}");
        }
    }

    #[test]
    fn a_unicast_advert_has_the_checksum_of_its_destination() {
        for group in groups() {
            let forger = forger(&group);
            let mut packet = forger.to_host(target(&group), MAC).unwrap();
            fix_checksum(&mut packet).unwrap();
            let frame = Frame::read(&forger.frame(&packet), Moment::now(), false);
            assert!(frame.is_advert_of(50, forger.source, 255), "{frame:?}");
            assert_eq!(frame.advert().unwrap().destination, target(&group));
        }
    }

    /// What does not depend on the receiver's config is rejected for that very reason by the common checks.
    #[test]
    fn a_bad_advert_is_bad_for_its_reason() {
        let own_merits = [
            Reason::Ttl,
            Reason::Type,
            Reason::Length,
            Reason::AuthTrailer,
            Reason::Checksum,
            Reason::CountZero,
            Reason::IntervalZero,
        ];
        for group in groups() {
            for reason in own_merits {
                let bytes = forger(&group).bad_for(reason, target(&group), MAC).unwrap().unwrap();
                let verdict = check::judge(&&bytes[..], &preamble(&bytes), None, None);
                assert_eq!(verdict.unwrap_err(), reason, "{:?}", group.family());
            }
        }
        let group = Group::classic(100);
        let bytes = forger(&group).bad_for(Reason::Carp, target(&group), MAC).unwrap().unwrap();
        let verdict = check::judge(&&bytes[..], &preamble(&bytes), None, None);
        assert_eq!(verdict.unwrap_err(), Reason::Carp);
    }
}
