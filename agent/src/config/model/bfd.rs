//! `bfd_instance`.

use std::{net::IpAddr, time::Duration};

use super::{
    Reader, Required, Spanned, Weight,
    reader::{Damage, Entry},
};
use crate::config::{
    expand::Block,
    keyword::{BfdTerm, RootTerm},
    source::Span,
};

const DEFAULT: &str = "the default is used";

/// `bfd_instance`.
#[derive(Clone, Debug)]
pub(in super::super) struct Bfd {
    pub name: Spanned<String>,
    pub neighbor: Required<IpAddr>,
    pub source: Required<IpAddr>,
    pub min_rx: Option<Duration>,
    pub min_tx: Option<Spanned<Duration>>,
    pub idle_tx: Option<Duration>,
    pub multiplier: Option<u8>,
    pub passive: bool,
    pub ttl: Option<u8>,
    /// −1..=255.
    pub max_hops: Option<Spanned<i64>>,
    pub multihop: Option<Span>,
    pub weight: Option<Weight>,
    pub vrrp: bool,
    pub checker: bool,
    /// Part of it could not be read.
    pub damaged: bool,
}

pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_, RootTerm>, block: &Block) -> Option<Bfd> {
    let name = entry.value()?;
    let mut bfd = Bfd {
        name: Spanned { value: name.value.clone(), span: name.span },
        neighbor: Required::Absent,
        source: Required::Absent,
        min_rx: None,
        min_tx: None,
        idle_tx: None,
        multiplier: None,
        passive: false,
        ttl: None,
        max_hops: None,
        multihop: None,
        weight: None,
        vrrp: false,
        checker: false,
        damaged: false,
    };
    let mut damage = Damage::default();
    for entry in reader.entries::<BfdTerm>("bfd_instance", &block.statements, &mut damage) {
        line(reader, &entry, &mut bfd);
    }
    bfd.damaged = !block.closed || damage.torn;
    Some(bfd)
}

fn line(reader: &mut Reader<'_>, entry: &Entry<'_, BfdTerm>, bfd: &mut Bfd) {
    let left_out = format!("session `{}` is left out", bfd.name.value);
    let host = |reader: &mut Reader<'_>, whose| {
        let host = entry.value().and_then(|word| reader.host(word, whose, &left_out));
        host.map_or(Required::Bad, Required::Good)
    };
    match entry.term {
        BfdTerm::Neighbor => bfd.neighbor = host(reader, "of the neighbour"),
        BfdTerm::Source => bfd.source = host(reader, "that packets come from"),
        BfdTerm::LeastReceive => bfd.min_rx = reader.duration(entry, DEFAULT),
        BfdTerm::LeastTransmit => {
            let time = reader.duration(entry, DEFAULT);
            bfd.min_tx = time.map(|value| Spanned { value, span: entry.head });
        }
        BfdTerm::IdleTransmit => bfd.idle_tx = reader.duration(entry, DEFAULT),
        BfdTerm::Multiplier => bfd.multiplier = reader.byte(entry, DEFAULT),
        BfdTerm::Passive => bfd.passive = true,
        BfdTerm::Ttl => bfd.ttl = reader.byte(entry, DEFAULT),
        BfdTerm::MaxHops => {
            let hops = reader.number(entry, DEFAULT);
            bfd.max_hops = hops.map(|value| Spanned { value, span: entry.head });
        }
        BfdTerm::Multihop => bfd.multihop = Some(entry.head),
        BfdTerm::Weight => bfd.weight = reader.weight(entry.values(), "weight 0 is used: down means FAULT"),
        BfdTerm::Vrrp => bfd.vrrp = true,
        BfdTerm::Checker => bfd.checker = true,
    }
}
