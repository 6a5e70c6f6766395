//! Hears adverts of IPv4 and nothing else, on a socket of their own: under a flood of other packets it misses none, where a
//! capture would drown.

use std::{
    io::IoSliceMut,
    net::Ipv4Addr,
    os::fd::{AsRawFd, OwnedFd},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::{
    errno::Errno,
    sys::{
        socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt, sockopt},
        time::{TimeSpec, TimeVal, TimeValLike},
    },
};
use regent_common::{PROTOCOL, ipv4};
use socket2::{Domain, Protocol, Socket, Type};

use crate::{clock::Moment, node::Node};

/// How long one look waits.
const PATIENCE_MILLISECONDS: i64 = 20;
/// Room for adverts that nobody has read yet.
const BUFFER_BYTES: usize = 4 << 20;

/// A socket that hears.
#[derive(Debug)]
pub struct Ear {
    socket: OwnedFd,
}

/// An advert, believed as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// When it arrived, by the kernel.
    pub at: Moment,
    /// Its sender.
    pub source: Ipv4Addr,
    /// Its group.
    pub vrid: u8,
    /// Its priority.
    pub priority: u8,
}

impl Ear {
    /// Hears what `node` hears from now on.
    ///
    /// # Errors
    /// Without CAP_NET_RAW.
    pub fn open(node: &Node) -> Result<Self> {
        let (group, own) = (ipv4::VRRP_GROUP.into(), node.address());
        let open = || {
            let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(i32::from(PROTOCOL))))?;
            socket.join_multicast_v4(&group, &own)?;
            let socket = OwnedFd::from(socket);
            setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
            setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::milliseconds(PATIENCE_MILLISECONDS))?;
            // Beyond net.core.rmem_max, which needs CAP_NET_ADMIN; without it the default has to do.
            setsockopt(&socket, sockopt::RcvBufForce, &BUFFER_BYTES).ok();
            Ok(Self { socket })
        };
        node.namespace().enter(open).with_context(|| format!("hear adverts on {}", node.role()))
    }

    /// The next advert; `None` when none came for 20 ms.
    ///
    /// # Errors
    /// When the socket cannot be read.
    pub fn hear(&self) -> Result<Option<Heard>> {
        let mut bytes = [0; 64];
        let mut space = nix::cmsg_space!(TimeSpec);
        let mut slices = [IoSliceMut::new(&mut bytes)];
        let descriptor = self.socket.as_raw_fd();
        let received = recvmsg::<SockaddrIn>(descriptor, &mut slices, Some(&mut space), MsgFlags::empty());
        let message = match received {
            Ok(message) => message,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
            Err(error) => return Err(error).context("hear an advert"),
        };
        let stamp = message.cmsgs().ok().and_then(|mut messages| {
            messages.find_map(|message| {
                let ControlMessageOwned::ScmTimestampns(stamp) = message else { return None };
                Some(Duration::from(stamp))
            })
        });
        let at = stamp.map_or_else(Moment::now, Moment::of_realtime);
        Ok(read(&bytes, at))
    }

    /// Everything that has come so far, in order.
    ///
    /// # Errors
    /// When the socket cannot be read.
    pub fn heard(&self) -> Result<Vec<Heard>> {
        let until = Moment::now();
        let mut all = Vec::new();
        while let Some(heard) = self.hear()? {
            all.push(heard);
            // Adverts may come faster than one look waits.
            if heard.at > until {
                break;
            }
        }
        Ok(all)
    }

    /// The first advert from now on that `wanted` accepts; those before it are lost.
    ///
    /// # Errors
    /// When none comes within `timeout`; `what` says what was missed.
    pub fn wait(&self, what: &str, timeout: Duration, wanted: impl Fn(&Heard) -> bool) -> Result<Heard> {
        let began = Moment::now();
        loop {
            if let Some(heard) = self.hear()?.filter(|heard| heard.at >= began && wanted(heard)) {
                return Ok(heard);
            }
            if began.elapsed() > timeout {
                bail!("not heard within {timeout:?}: {what}");
            }
        }
    }
}

/// Reads an IPv4 packet with an advert in it; of anything shorter nothing is believed.
fn read(packet: &[u8], at: Moment) -> Option<Heard> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let source = packet.get(12..16)?.first_chunk::<4>()?;
    let &[_, vrid, priority] = packet.get(header..)?.first_chunk()?;
    Some(Heard { at, source: Ipv4Addr::from(*source), vrid, priority })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advert_is_read_behind_its_header() {
        let packet = crate::frames::ipv4_packet([10, 0, 0, 1], ipv4::VRRP_GROUP, 255, &[0x31, 50, 150, 1]);
        let at = Moment::now();
        let heard = Heard { at, source: Ipv4Addr::new(10, 0, 0, 1), vrid: 50, priority: 150 };
        assert_eq!(read(&packet, at), Some(heard));
        assert_eq!(read(&packet[..22], at), None);
    }
}
