//! Changes of the kernel's packet filter: a batch of nf_tables messages is written, sent, and carried out whole or not at
//! all. What is filtered is decided by who writes the batch.

use std::io;

use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_NETFILTER};
use nix::sys::socket::{setsockopt, sockopt};

use super::answer::split_answer;

/// Bytes of one batch: room for some ten thousand addresses.
const SEND_BUFFER: usize = 4 * 1024 * 1024;
/// The header of netlink, and that of nfnetlink behind it.
const HEADERS: usize = 16 + 4;
const BATCH_BEGIN: u16 = libc::NFNL_MSG_BATCH_BEGIN as u16;
const BATCH_END: u16 = libc::NFNL_MSG_BATCH_END as u16;
const SUBSYSTEM: u16 = libc::NFNL_SUBSYS_NFTABLES as u16;
/// NLA_F_NESTED.
const NESTED: u16 = 1 << 15;
/// NFTA_LIST_ELEM: an element of any list.
pub(super) const LIST_ELEMENT: u16 = 1;
/// NFTA_DATA_VALUE and NFTA_DATA_VERDICT: what is compared, looked up, decided.
pub(super) const DATA_VALUE: u16 = 1;
const DATA_VERDICT: u16 = 2;

/// Messages that take effect at one moment.
#[derive(Debug)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// Where the newest message begins.
    newest: usize,
    messages: u32,
}

impl Batch {
    pub fn new() -> Self {
        let mut batch = Self { bytes: Vec::new(), newest: 0, messages: 0 };
        batch.append(BATCH_BEGIN, 0, libc::AF_UNSPEC as u8, SUBSYSTEM);
        batch
    }

    /// Begins a message of the kind `NFT_MSG_*` about the table family `NFPROTO_*`; attributes follow.
    pub fn message(&mut self, kind: i32, flags: u16, family: u8) {
        self.append(SUBSYSTEM << 8 | kind as u16, flags | NLM_F_ACK, family, 0);
    }

    /// An attribute with a zero-terminated text.
    pub fn text(&mut self, kind: u16, value: &str) {
        self.nest_as(kind, |batch| {
            batch.bytes.extend_from_slice(value.as_bytes());
            batch.bytes.push(0);
        });
    }

    /// An attribute with a number.
    pub fn number(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_be_bytes());
    }

    /// An attribute with bytes as they are.
    pub fn bytes(&mut self, kind: u16, value: &[u8]) {
        self.nest_as(kind, |batch| batch.bytes.extend_from_slice(value));
    }

    /// An attribute made of attributes; at most 64 KiB.
    pub fn nest(&mut self, kind: u16, content: impl FnOnce(&mut Self)) {
        self.nest_as(kind | NESTED, content);
    }

    fn nest_as(&mut self, kind: u16, content: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        content(self);
        let length = (self.bytes.len() - start) as u16;
        let [a, b] = length.to_ne_bytes();
        let [c, d] = kind.to_ne_bytes();
        self.overwrite(start, [a, b, c, d]);
        self.pad();
    }

    fn append(&mut self, kind: u16, flags: u16, family: u8, resource: u16) {
        self.close();
        self.messages += 1;
        self.newest = self.bytes.len();
        self.bytes.extend_from_slice(&(HEADERS as u32).to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(&(flags | NLM_F_REQUEST).to_ne_bytes());
        self.bytes.extend_from_slice(&self.messages.to_ne_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&[family, 0]);
        self.bytes.extend_from_slice(&resource.to_be_bytes());
    }

    /// Writes the length of the newest message into it.
    fn close(&mut self) {
        let length = self.bytes.len() - self.newest;
        if length > 0 {
            self.overwrite(self.newest, (length as u32).to_ne_bytes());
        }
    }

    fn overwrite(&mut self, at: usize, value: [u8; 4]) {
        if let Some(space) = self.bytes.get_mut(at..at + 4) {
            space.copy_from_slice(&value);
        }
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.append(BATCH_END, 0, libc::AF_UNSPEC as u8, SUBSYSTEM);
        self.close();
        self.bytes
    }
}

/// A step of a rule. What is loaded goes to one register, which the next step looks at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expression<'a> {
    /// Loads a fact about the packet, `NFT_META_*`.
    Meta(i32),
    /// Loads bytes of the packet: header (`NFT_PAYLOAD_*`), offset, length.
    Payload(i32, u32, u32),
    /// Ends the rule unless the register compares as `NFT_CMP_*` with the value.
    Compare(i32, &'a [u8]),
    /// Ends the rule unless the register is in the set of that name.
    Lookup(&'a str),
    /// Decides about the packet, `NF_*`.
    Verdict(i32),
}

impl Expression<'_> {
    /// Writes the step as an element of a rule's list. The attributes' numbers are those of each expression in the
    /// kernel's `nf_tables.h`, in its order.
    pub fn write(&self, batch: &mut Batch) {
        const REGISTER: u32 = libc::NFT_REG_1 as u32;
        batch.nest(LIST_ELEMENT, |batch| match *self {
            Self::Meta(key) => expression(batch, "meta", |batch| {
                batch.number(1, REGISTER);
                batch.number(2, key as u32);
            }),
            Self::Payload(base, offset, length) => expression(batch, "payload", |batch| {
                batch.number(1, REGISTER);
                batch.number(2, base as u32);
                batch.number(3, offset);
                batch.number(4, length);
            }),
            Self::Compare(operation, value) => expression(batch, "cmp", |batch| {
                batch.number(1, REGISTER);
                batch.number(2, operation as u32);
                batch.nest(3, |batch| batch.bytes(DATA_VALUE, value));
            }),
            Self::Lookup(set) => expression(batch, "lookup", |batch| {
                batch.text(1, set);
                batch.number(2, REGISTER);
            }),
            Self::Verdict(code) => expression(batch, "immediate", |batch| {
                batch.number(1, libc::NFT_REG_VERDICT as u32);
                batch.nest(2, |batch| batch.nest(DATA_VERDICT, |batch| batch.number(1, code as u32)));
            }),
        });
    }
}

fn expression(batch: &mut Batch, name: &str, data: impl FnOnce(&mut Batch)) {
    batch.text(1, name);
    batch.nest(2, data);
}

/// A netlink socket for the packet filter of the network namespace that it was opened in.
#[derive(Debug)]
pub(super) struct Filters {
    socket: Socket,
    port: u32,
}

impl Filters {
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_NETFILTER)?;
        socket.set_cap_ack(true)?;
        // As much as it gets: a batch goes out whole.
        if setsockopt(&socket, sockopt::SndBufForce, &SEND_BUFFER).is_err() {
            setsockopt(&socket, sockopt::SndBuf, &SEND_BUFFER)?;
        }
        let port = socket.bind_auto()?.port_number();
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self { socket, port })
    }

    /// What the kernel knows this socket by: no other in this network namespace has the number.
    pub const fn port(&self) -> u32 {
        self.port
    }

    /// Has the kernel carry a batch out. When this returns it is done, all of it or nothing.
    ///
    /// # Errors
    /// What the kernel refused first, and nothing was changed; when its answer is lost (`Interrupted`) either may be the case.
    pub fn carry_out(&self, batch: Batch) -> io::Result<()> {
        let last = batch.messages;
        let bytes = batch.finish();
        loop {
            match self.socket.send(&bytes, libc::MSG_DONTWAIT) {
                Ok(_whole) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.verdict(last)
    }

    /// Takes the answers, which wait already; the first bad one is the reason for those that follow.
    fn verdict(&self, last: u32) -> io::Result<()> {
        let (mut buffer, mut done, mut refusal) = ([0; 8192], false, None);
        loop {
            let mut space = &mut buffer[..];
            match self.socket.recv(&mut space, libc::MSG_DONTWAIT) {
                Ok(length) => {
                    let mut rest = buffer.get(..length).unwrap_or_default();
                    while let Some((message, result)) = split_answer(&mut rest) {
                        done |= message == last;
                        if let Err(error) = result {
                            refusal.get_or_insert(error);
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // So many messages failed that there was no room for all the answers.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    refusal.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        match refusal {
            Some(refusal) => Err(refusal),
            None if done => Ok(()),
            None => Err(io::Error::new(io::ErrorKind::Interrupted, "the kernel did not answer")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_written_as_the_kernel_reads_it() {
        let mut batch = Batch::new();
        batch.message(libc::NFT_MSG_NEWTABLE, 0x400, 1);
        batch.text(1, "table");
        batch.nest(4, |batch| batch.number(2, 7));
        let bytes = batch.finish();
        let words: Vec<&[u8]> = bytes.chunks(20).collect();
        // Header: length, kind, flags, number, port; then family, version, subsystem.
        let header = |length: u8, kind: [u8; 2], flags: [u8; 2], number: u8, rest: [u8; 4]| {
            let [a, b, c, d] = rest;
            vec![
                length, 0, 0, 0, kind[0], kind[1], flags[0], flags[1], number, 0, 0, 0, 0, 0, 0, 0, a, b, c,
                d,
            ]
        };
        assert_eq!(words[0], header(20, [16, 0], [1, 0], 1, [0, 0, 0, 10]));
        assert_eq!(words[1], header(44, [0, 10], [5, 4], 2, [1, 0, 0, 0]));
        let text = [10, 0, 1, 0, b't', b'a', b'b', b'l', b'e', 0, 0, 0];
        let nest = [12, 0, 4, 0x80, 8, 0, 2, 0, 0, 0, 0, 7];
        assert_eq!(bytes[40..64], [text, nest].concat());
        assert_eq!(bytes[64..], header(20, [17, 0], [1, 0], 3, [0, 0, 0, 10]));
    }
}
