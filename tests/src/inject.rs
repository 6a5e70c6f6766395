//! Packets that no honest router sends: one for each reason to reject, made from a good one.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Result, anyhow, bail};
use regent_common::{
    AdvertInterval, Priority, Reason, Version, Vrid,
    advert::{self, Addresses, Advert, Authentication, ChecksumForm},
    checksum, ethernet, ipv4,
};

use crate::{
    clock::Moment,
    group::Group,
    node::{INTERFACE, Node},
    packet_socket::PacketSocket,
};

/// The fastest that anything is sent here.
const FASTEST: Duration = Duration::from_millis(1);

/// An advert of `group`, as it would be sent by another router, whole frame, before anything is wrong with it.
#[derive(Clone, Debug)]
pub struct Forger {
    group: Group,
    mac: [u8; 6],
    /// Claimed sender.
    pub source: Ipv4Addr,
    /// Claimed priority.
    pub priority: u8,
}

impl Forger {
    /// Forges adverts of `group` that seem to come from `source`, out of `node`.
    pub fn new(group: &Group, node: &Node, source: Ipv4Addr, priority: u8) -> Self {
        Self { group: group.clone(), mac: node.mac(), source, priority }
    }

    /// A good advert.
    ///
    /// # Errors
    /// When the group has no form on the wire.
    pub fn good(&self) -> Result<Vec<u8>> {
        self.frame(ipv4::VRRP_GROUP, 255, self.message()?)
    }

    /// An advert that must be rejected for `reason` by the host `target`; `None` when the group's version has no
    /// such thing.
    ///
    /// # Errors
    /// When the group has no form on the wire.
    pub fn bad(&self, reason: Reason, target: &Node) -> Result<Option<Vec<u8>>> {
        let frame = self.bad_for(reason, target.address())?;
        Ok(frame.map(|mut frame| {
            // What is wrong only in the eyes of one host goes to that host alone: to others it would be good.
            if matches!(reason, Reason::OwnSource | Reason::Destination) {
                frame[..6].copy_from_slice(&target.mac());
            }
            frame
        }))
    }

    fn bad_for(&self, reason: Reason, target: Ipv4Addr) -> Result<Option<Vec<u8>>> {
        let v2 = self.group.version == Version::V2;
        let mut message = self.message()?;
        let (mut destination, mut ttl, mut source) = (ipv4::VRRP_GROUP, 255, self.source);
        match reason {
            Reason::Ttl => ttl = 254,
            Reason::Version => {
                let other = match self.group.version {
                    Version::V2 => Group { version: Version::V3, password: None, ..self.group.clone() },
                    // Version 2 has no interval below a second: any will do, the version is looked at first.
                    Version::V3 => Group { version: Version::V2, centiseconds: 100, ..self.group.clone() },
                };
                message = Self { group: other, ..self.clone() }.message()?;
            }
            Reason::Type => message[0] = message[0] & 0xf0 | 2,
            Reason::Length => message[3] = message[3].wrapping_add(1),
            Reason::Carp if v2 => {
                message.resize(36, 0);
                message[3] = 7;
            }
            Reason::AuthTrailer => message.extend([0x5a; advert::HMAC_TRAILER_LENGTH]),
            Reason::Checksum => message[6] ^= 0xff,
            Reason::UnknownGroup => message[1] ^= 0xff,
            Reason::CountZero => {
                let addresses = self.group.addresses.len() * 4;
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
            Reason::Destination => destination = target.octets(),
            Reason::OwnSource => source = target,
            Reason::Carp
            | Reason::AuthTypeInvalid
            | Reason::AuthTypeMismatch
            | Reason::AuthFailure
            | Reason::Interval
            | Reason::UnknownPeer => return Ok(None),
        }
        if reason != Reason::Checksum {
            self.fix_checksum(&mut message, source, destination)?;
        }
        Self { source, ..self.clone() }.frame(destination, ttl, message).map(Some)
    }

    fn message(&self) -> Result<Vec<u8>> {
        let group = &self.group;
        let addresses: Vec<[u8; 4]> = group.addresses.iter().map(Ipv4Addr::octets).collect();
        let interval = u16::try_from(group.centiseconds).ok().and_then(AdvertInterval::from_centiseconds);
        let advert = Advert {
            version: group.version,
            vrid: Vrid::new(group.wire_vrid()).ok_or_else(|| anyhow!("VRID {}", group.vrid))?,
            priority: Priority::from_wire(self.priority),
            interval: interval.ok_or_else(|| anyhow!("interval {} cs", group.centiseconds))?,
            authentication: authentication(group.password.as_deref()),
            checksum: ChecksumForm::PseudoHeader,
            source: wide(self.source.octets()),
            destination: wide(ipv4::VRRP_GROUP),
            addresses: Addresses::Ipv4(&addresses),
        };
        let mut message = vec![0; advert.length()];
        advert.encode(&mut message).map_err(|error| anyhow!("encode an advert: {error:?}"))?;
        Ok(message)
    }

    /// Makes the checksum right again, so that nothing but the reason is wrong.
    fn fix_checksum(&self, message: &mut [u8], source: Ipv4Addr, destination: [u8; 4]) -> Result<()> {
        message[6..8].fill(0);
        let mut sum = checksum::sum(&&message[..], 0, message.len() / 4)
            .ok_or_else(|| anyhow!("a message of {} bytes is too long", message.len()))?;
        if message[0] >> 4 == 3 {
            let length = u16::try_from(message.len())?;
            sum = sum.pseudo_header(&wide(source.octets()), &wide(destination), length);
        }
        message[6..8].copy_from_slice(&sum.checksum());
        Ok(())
    }

    fn frame(&self, destination: [u8; 4], ttl: u8, message: Vec<u8>) -> Result<Vec<u8>> {
        // A unicast destination is for one host, whose MAC is filled in by whoever knows it.
        let mac = if destination == ipv4::VRRP_GROUP { ethernet::VRRP_IPV4 } else { ethernet::BROADCAST };
        let length = u16::try_from(message.len())?;
        let mut frame = ethernet::header(mac, self.mac, ethernet::IPV4).to_vec();
        frame.extend(ipv4::header(self.source.octets(), destination, ttl, 0, length));
        frame.extend(message);
        Ok(frame)
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

const fn wide([a, b, c, d]: [u8; 4]) -> [u8; 16] {
    [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
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

    fn forger(group: &Group) -> Forger {
        Forger {
            group: group.clone(),
            mac: [2, 0, 0, 0, 0, 7],
            source: Ipv4Addr::new(10, 0, 0, 7),
            priority: 255,
        }
    }

    #[test]
    fn a_good_advert_is_accepted() {
        for group in [Group::classic(100), Group::fast(100, 10)] {
            let bytes = forger(&group).good().unwrap();
            let frame = Frame::read(&bytes, Moment::now(), false);
            assert!(frame.is_advert_of(50, Ipv4Addr::new(10, 0, 0, 7), 255), "{frame:?}");
        }
    }

    /// What does not depend on the receiver's config is rejected for that very reason by the common checks.
    #[test]
    fn a_bad_advert_is_bad_for_its_reason() {
        let target = Ipv4Addr::new(10, 0, 0, 1);
        let own_merits = [
            Reason::Ttl,
            Reason::Type,
            Reason::Length,
            Reason::AuthTrailer,
            Reason::Checksum,
            Reason::CountZero,
            Reason::IntervalZero,
        ];
        for group in [Group::classic(100), Group::fast(100, 10)] {
            for reason in own_merits {
                let bytes = forger(&group).bad_for(reason, target).unwrap().unwrap();
                let preamble = Preamble::ipv4(&&bytes[..], 14).unwrap();
                assert_eq!(check::judge(&&bytes[..], &preamble, None, None).unwrap_err(), reason);
            }
        }
        let bytes = forger(&Group::classic(100)).bad_for(Reason::Carp, target).unwrap().unwrap();
        let preamble = Preamble::ipv4(&&bytes[..], 14).unwrap();
        assert_eq!(check::judge(&&bytes[..], &preamble, None, None).unwrap_err(), Reason::Carp);
    }
}
