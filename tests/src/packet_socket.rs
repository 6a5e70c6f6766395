//! A packet socket on one interface of one namespace: whole frames out, whole frames in with the kernel's time of
//! arrival.
#![expect(unsafe_code, reason = "no crate builds a sockaddr_ll to bind to, or sets this option")]

use std::{
    io::IoSliceMut,
    mem::size_of,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    ptr::from_ref,
    time::Duration,
};

use anyhow::{Context, Result};
use nix::{
    errno::Errno,
    net::if_::if_nametoindex,
    sys::{
        socket::{
            AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockType, SockaddrLike, bind,
            recvmsg, send, setsockopt, socket, sockopt,
        },
        time::{TimeSpec, TimeVal, TimeValLike},
    },
};

use crate::{clock::Moment, namespace::Namespace};

/// How long [`PacketSocket::receive`] waits.
const PATIENCE_MILLISECONDS: i64 = 20;
/// Room for frames that nobody has read yet.
const BUFFER_BYTES: usize = 16 << 20;

/// A bound packet socket.
#[derive(Debug)]
pub struct PacketSocket {
    descriptor: OwnedFd,
}

/// What was received.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// Bytes of the frame in the buffer.
    pub length: usize,
    /// When it arrived, by the kernel.
    pub at: Moment,
    /// This side sent it.
    pub outgoing: bool,
}

impl PacketSocket {
    /// Opens a socket that sees all frames of `interface` in `namespace`.
    ///
    /// # Errors
    /// Without CAP_NET_RAW, or without the interface.
    pub fn open(namespace: &Namespace, interface: &str) -> Result<Self> {
        namespace
            .enter(|| open(interface))
            .with_context(|| format!("open a packet socket on {interface} in {}", namespace.name()))
    }

    /// As [`Self::open`], but sees only what comes in.
    ///
    /// # Errors
    /// As there.
    pub fn open_inwards(namespace: &Namespace, interface: &str) -> Result<Self> {
        let socket = Self::open(namespace, interface)?;
        ignore_outgoing(socket.descriptor.as_raw_fd()).context("ignore what goes out")?;
        Ok(socket)
    }

    /// Sends a whole frame.
    ///
    /// # Errors
    /// When the interface is down or gone.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        send(self.descriptor.as_raw_fd(), frame, MsgFlags::empty()).context("send a frame").map(drop)
    }

    /// Receives a frame; `None` when none came for 20 ms. A frame longer than the buffer is cut.
    ///
    /// # Errors
    /// When the interface is gone for good.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<Option<Received>> {
        let mut space = nix::cmsg_space!(TimeSpec);
        let mut slices = [IoSliceMut::new(buffer)];
        let received = recvmsg::<LinkAddr>(
            self.descriptor.as_raw_fd(),
            &mut slices,
            Some(&mut space),
            MsgFlags::empty(),
        );
        let message = match received {
            Ok(message) => message,
            // ENETDOWN is said once when the interface goes down; it may come back.
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ENETDOWN) => return Ok(None),
            Err(error) => return Err(error).context("receive a frame"),
        };
        let stamp = message.cmsgs().ok().and_then(|mut messages| {
            messages.find_map(|message| {
                let ControlMessageOwned::ScmTimestampns(stamp) = message else { return None };
                Some(Duration::from(stamp))
            })
        });
        let outgoing = message.address.is_some_and(|address| address.pkttype() == libc::PACKET_OUTGOING);
        let at = stamp.map_or_else(Moment::now, Moment::of_realtime);
        Ok(Some(Received { length: message.bytes, at, outgoing }))
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

fn ignore_outgoing(socket: RawFd) -> nix::Result<()> {
    /// From linux/if_packet.h.
    const PACKET_IGNORE_OUTGOING: libc::c_int = 23;
    let on: libc::c_int = 1;
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the pointer is to a live integer and the length is its size.
    let result = unsafe {
        libc::setsockopt(socket, libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, from_ref(&on).cast(), size)
    };
    Errno::result(result).map(drop)
}

fn open(interface: &str) -> Result<PacketSocket> {
    let index = if_nametoindex(interface).context("find the interface")?;
    let protocol = (libc::ETH_P_ALL as u16).to_be();
    // No protocol yet: nothing is received before the socket is bound to its interface.
    let descriptor = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&descriptor, sockopt::ReceiveTimestampns, &true)?;
    setsockopt(&descriptor, sockopt::ReceiveTimeout, &TimeVal::milliseconds(PATIENCE_MILLISECONDS))?;
    // Beyond net.core.rmem_max, which needs CAP_NET_ADMIN; without it the default has to do.
    setsockopt(&descriptor, sockopt::RcvBufForce, &BUFFER_BYTES).ok();
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: protocol,
        sll_ifindex: i32::try_from(index).context("interface index")?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: the pointer is to a live sockaddr_ll and the length is its size; `from_raw` copies it.
    let address = unsafe {
        LinkAddr::from_raw(
            from_ref(&address).cast::<libc::sockaddr>(),
            Some(size_of::<libc::sockaddr_ll>() as libc::socklen_t),
        )
    };
    bind(descriptor.as_raw_fd(), &address.context("build a link address")?)?;
    Ok(PacketSocket { descriptor })
}
