//! Refuses packets to addresses that this host has but does not accept packets for: a virtual router that is not the
//! address owner and has Accept_Mode False (RFC 9568 §6.1), which is `no_accept`.
//!
//! The packets are dropped by the kernel, by a table of the packet filter that belongs to this process: nobody else can
//! change it, `nft flush ruleset` passes it by, and it vanishes with the process, however that ends. No program is run.
//! Packets that are forwarded are none of its business, nor is ARP.

use std::{collections::BTreeSet, io, net::IpAddr};

use netlink_packet_core::{NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL};

use super::{
    failure::attempted,
    nftables::{Batch, DATA_VALUE, Expression, Filters, LIST_ELEMENT},
};

use attribute::{chain, elements, rule, set, table};

/// NFT_TABLE_F_OWNER: the table lives as long as its socket. Since kernel 5.12.
const OWNED: u32 = 2;
/// Both families in one table.
const FAMILY: u8 = libc::NFPROTO_INET as u8;
const CHAIN: &str = "input";
/// Elements of one message: an attribute holds 64 KiB.
const ELEMENTS: usize = 1000;
/// Router solicitation to redirect, with neighbour solicitation and advertisement between them (RFC 4861 §4).
const FIRST_OF_DISCOVERY: u8 = 133;
const LAST_OF_DISCOVERY: u8 = 137;

/// Attributes as the kernel's `nf_tables.h` numbers them (NFTA_TABLE_NAME and so on).
mod attribute {
    pub mod table {
        pub const NAME: u16 = 1;
        pub const FLAGS: u16 = 2;
    }
    pub mod set {
        pub const TABLE: u16 = 1;
        pub const NAME: u16 = 2;
        pub const FLAGS: u16 = 3;
        pub const KEY_TYPE: u16 = 4;
        pub const KEY_LENGTH: u16 = 5;
        pub const ID: u16 = 10;
    }
    pub mod elements {
        pub const TABLE: u16 = 1;
        pub const SET: u16 = 2;
        pub const LIST: u16 = 3;
        pub const KEY: u16 = 1;
    }
    pub mod chain {
        pub const TABLE: u16 = 1;
        pub const NAME: u16 = 3;
        pub const HOOK: u16 = 4;
        pub const HOOK_NUMBER: u16 = 1;
        pub const HOOK_PRIORITY: u16 = 2;
        pub const POLICY: u16 = 5;
        pub const TYPE: u16 = 7;
    }
    pub mod rule {
        pub const TABLE: u16 = 1;
        pub const CHAIN: u16 = 2;
        pub const EXPRESSIONS: u16 = 4;
    }
}

/// The addresses of one family.
struct Set {
    name: &'static str,
    /// What the program `nft` calls the type of the addresses: 7 is ipv4_addr, 8 is ipv6_addr.
    kind: u32,
    /// Bytes of an address.
    length: u32,
    /// Where a packet's header has its destination.
    destination: u32,
    /// What the kernel calls the family of a packet.
    family: i32,
}

const IPV4: Set = Set { name: "ipv4", kind: 7, length: 4, destination: 16, family: libc::NFPROTO_IPV4 };
const IPV6: Set = Set { name: "ipv6", kind: 8, length: 16, destination: 24, family: libc::NFPROTO_IPV6 };

/// Holds addresses refused, in the network namespace of the thread that opened it, for as long as it lives.
///
/// A change takes some ten microseconds, a hundred addresses a tenth of a millisecond. But every call waits while another
/// program changes the packet filter of this network namespace, and dropping it waits for some ten milliseconds until the
/// kernel lets go of the table: not for the VRRP thread.
#[derive(Debug)]
pub struct Acceptance {
    filters: Filters,
    table: String,
    /// What the kernel has; `None` when that is not certain any more.
    refused: Option<BTreeSet<IpAddr>>,
}

impl Acceptance {
    /// Makes the table, with nothing refused yet.
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_NET_ADMIN; `Unsupported` where the kernel has no nf_tables or is older than 5.12.
    pub fn open() -> io::Result<Self> {
        let explained = |error: io::Error| {
            attempted(
                error,
                "make a table of the packet filter that refuses packets (no_accept)",
                "it takes a kernel of 5.12 or later with nf_tables (module nf_tables, CONFIG_NF_TABLES_INET)",
            )
        };
        let filters = Filters::open().map_err(unsupported).map_err(explained)?;
        let table = format!("regent_{}", filters.port());
        filters.carry_out(table_of(&table)).map_err(unsupported).map_err(explained)?;
        Ok(Self { filters, table, refused: Some(BTreeSet::new()) })
    }

    /// Has exactly these addresses refused, from one moment to the next: packets to them are dropped, but for ICMPv6
    /// neighbour discovery. They need not be assigned; an address that is not is refused once it is. An IPv6 link-local
    /// address is refused on every interface that has it.
    ///
    /// # Errors
    /// When the kernel has no memory for so many; those refused before still are.
    pub fn set_refused(&mut self, addresses: &[IpAddr]) -> io::Result<()> {
        let wanted: BTreeSet<IpAddr> = addresses.iter().copied().collect();
        if self.refused.as_ref() == Some(&wanted) {
            return Ok(());
        }
        let mut batch = Batch::new();
        let known = self.refused.take();
        let nothing = BTreeSet::new();
        let before = known.as_ref().unwrap_or(&nothing);
        for set in [&IPV4, &IPV6] {
            if known.is_none() {
                // Without elements: all of them.
                self.about_set(&mut batch, libc::NFT_MSG_DELSETELEM, 0, set);
            }
            self.elements(&mut batch, libc::NFT_MSG_DELSETELEM, 0, set, before.difference(&wanted));
            self.elements(&mut batch, libc::NFT_MSG_NEWSETELEM, NLM_F_CREATE, set, wanted.difference(before));
        }
        self.filters.carry_out(batch).map_err(|error| {
            let what = format_args!("refuse packets to {} addresses (no_accept)", addresses.len());
            attempted(error, what, "those that were not refused before are accepted until it succeeds")
        })?;
        self.refused = Some(wanted);
        Ok(())
    }

    fn elements<'a>(
        &self,
        batch: &mut Batch,
        kind: i32,
        flags: u16,
        set: &Set,
        addresses: impl Iterator<Item = &'a IpAddr>,
    ) {
        let ours = |address: &&IpAddr| address.is_ipv4() == (set.length == 4);
        let mut addresses = addresses.filter(ours).peekable();
        while addresses.peek().is_some() {
            self.about_set(batch, kind, flags, set);
            batch.nest(elements::LIST, |batch| {
                for address in addresses.by_ref().take(ELEMENTS) {
                    batch.nest(LIST_ELEMENT, |batch| {
                        batch.nest(elements::KEY, |batch| match address {
                            IpAddr::V4(address) => batch.bytes(DATA_VALUE, &address.octets()),
                            IpAddr::V6(address) => batch.bytes(DATA_VALUE, &address.octets()),
                        });
                    });
                }
            });
        }
    }

    fn about_set(&self, batch: &mut Batch, kind: i32, flags: u16, set: &Set) {
        batch.message(kind, flags, FAMILY);
        batch.text(elements::TABLE, &self.table);
        batch.text(elements::SET, set.name);
    }
}

/// What `nft` would write so:
/// ```text
/// table inet NAME {
///     flags owner
///     set ipv4 { type ipv4_addr; }
///     set ipv6 { type ipv6_addr; }
///     chain input {
///         type filter hook input priority filter; policy accept;
///         ip daddr @ipv4 drop
///         ip6 daddr @ipv6 icmpv6 type 133-137 accept
///         ip6 daddr @ipv6 drop
///     }
/// }
/// ```
fn table_of(name: &str) -> Batch {
    let mut batch = Batch::new();
    let new = NLM_F_CREATE | NLM_F_EXCL;
    batch.message(libc::NFT_MSG_NEWTABLE, new, FAMILY);
    batch.text(table::NAME, name);
    batch.number(table::FLAGS, OWNED);
    for (id, of) in (1..).zip([&IPV4, &IPV6]) {
        batch.message(libc::NFT_MSG_NEWSET, new, FAMILY);
        batch.text(set::TABLE, name);
        batch.text(set::NAME, of.name);
        batch.number(set::FLAGS, 0);
        batch.number(set::KEY_TYPE, of.kind);
        batch.number(set::KEY_LENGTH, of.length);
        batch.number(set::ID, id);
    }
    batch.message(libc::NFT_MSG_NEWCHAIN, new, FAMILY);
    batch.text(chain::TABLE, name);
    batch.text(chain::NAME, CHAIN);
    batch.nest(chain::HOOK, |batch| {
        batch.number(chain::HOOK_NUMBER, libc::NF_INET_LOCAL_IN as u32);
        batch.number(chain::HOOK_PRIORITY, 0);
    });
    batch.number(chain::POLICY, libc::NF_ACCEPT as u32);
    batch.text(chain::TYPE, "filter");

    add_rule(&mut batch, name, &IPV4, &[Expression::Verdict(libc::NF_DROP)]);
    // RFC 9568 §6.1: "IPv6 Neighbor Solicitations and Neighbor Advertisements MUST NOT be dropped when Accept_Mode is
    // False." The rest of neighbour discovery goes with them.
    let discovery = [
        Expression::Meta(libc::NFT_META_L4PROTO),
        Expression::Compare(libc::NFT_CMP_EQ, &[libc::IPPROTO_ICMPV6 as u8]),
        Expression::Payload(libc::NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1),
        Expression::Compare(libc::NFT_CMP_GTE, &[FIRST_OF_DISCOVERY]),
        Expression::Compare(libc::NFT_CMP_LTE, &[LAST_OF_DISCOVERY]),
        Expression::Verdict(libc::NF_ACCEPT),
    ];
    add_rule(&mut batch, name, &IPV6, &discovery);
    add_rule(&mut batch, name, &IPV6, &[Expression::Verdict(libc::NF_DROP)]);
    batch
}

/// A rule for packets to an address of the set.
fn add_rule(batch: &mut Batch, table: &str, set: &Set, then: &[Expression<'_>]) {
    let to_the_set = [
        Expression::Meta(libc::NFT_META_NFPROTO),
        Expression::Compare(libc::NFT_CMP_EQ, &[set.family as u8]),
        Expression::Payload(libc::NFT_PAYLOAD_NETWORK_HEADER, set.destination, set.length),
        Expression::Lookup(set.name),
    ];
    batch.message(libc::NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, FAMILY);
    batch.text(rule::TABLE, table);
    batch.text(rule::CHAIN, CHAIN);
    batch.nest(rule::EXPRESSIONS, |batch| {
        for expression in to_the_set.iter().chain(then) {
            expression.write(batch);
        }
    });
}

/// The many ways in which a kernel says that it does not know what it is asked for.
fn unsupported(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT | libc::EOPNOTSUPP | libc::EINVAL | libc::ENOENT) => {
            io::Error::new(io::ErrorKind::Unsupported, error)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::net::tests::lab::{alone, command};

    #[test]
    fn what_the_kernel_has_is_replaced_as_a_whole_when_it_is_not_certain() {
        alone(|| {
            command("ip", "link set lo up");
            let [one, other] = [IpAddr::from([127, 0, 0, 8]), IpAddr::from([127, 0, 0, 9])];
            let heard = UdpSocket::bind("0.0.0.0:0").unwrap();
            heard.set_nonblocking(true).unwrap();
            let port = heard.local_addr().unwrap().port();
            // On the loopback interface it is there when it was sent, or never.
            let arrives = |address: IpAddr| {
                heard.send_to(b"hello", (address, port)).unwrap();
                heard.recv(&mut [0; 10]).is_ok()
            };
            let mut acceptance = Acceptance::open().unwrap();
            acceptance.set_refused(&[one]).unwrap();
            assert!(!arrives(one) && arrives(other));
            // Not what the kernel has: it refuses to take away what is not there, and nothing is changed.
            acceptance.refused = Some(BTreeSet::from([other]));
            acceptance.set_refused(&[]).unwrap_err();
            assert!(!arrives(one) && arrives(other));
            acceptance.set_refused(&[other]).unwrap();
            assert!(arrives(one) && !arrives(other));
        });
    }
}
