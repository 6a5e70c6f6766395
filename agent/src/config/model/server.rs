//! `virtual_server`.

mod forwarding;
mod group;
mod real;
mod service;

use std::time::Duration;

use regent_common::Family;

pub(super) use group::read as group;

use super::{
    Checker, Reader, Required, Spanned, command,
    reader::{Damage, Entry},
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Block,
    keyword::{Either, RootTerm, ServerTerm, VirtualServerTerm},
    plan::{Command, Endpoint, Forwarding, Protocol, Scheduler, ServicePlan},
    source::Span,
};

/// IPVS's own, of a bare `persistence_timeout`.
const PERSISTENCE: Duration = Duration::from_secs(360);
const DEFAULT: &str = "the default is used";
const SKIPPED: &str = "the line is skipped";

/// `virtual_server`.
#[derive(Clone, Debug)]
pub(in super::super) struct VirtualServer {
    /// The word `virtual_server`.
    pub span: Span,
    pub service: Required<ServicePlan>,
    pub family: Option<Spanned<Family>>,
    /// `fwmark` and `group` may have it, and it means nothing with the first.
    pub protocol: Required<Protocol>,
    pub scheduler: Required<Scheduler>,
    pub flags: Vec<Spanned<Flag>>,
    pub one_packet: Option<Span>,
    pub forwarding: Required<Forwarding>,
    pub sip: Option<Span>,
    pub persistence_timeout: Option<Duration>,
    pub granularity: Option<Spanned<Granularity>>,
    pub quorum: Option<Spanned<u32>>,
    pub hysteresis: Option<Spanned<u32>>,
    pub quorum_up: Option<Command>,
    pub quorum_down: Option<Command>,
    pub weight: Option<u32>,
    pub sorry_server: Option<Spanned<Endpoint>>,
    /// The word, or that of a `sorry_server` that could not be read.
    pub sorry_inhibit: Option<Span>,
    pub sorry_forwarding: Option<Spanned<Forwarding>>,
    pub lost_sorry_server: bool,
    pub ha_suspend: bool,
    pub omega: bool,
    pub shared: Shared,
    pub real_servers: Vec<RealServer>,
    /// A `real_server` that could not be read.
    pub lost_real_server: bool,
    /// Part of it could not be read.
    pub damaged: bool,
}

/// A flag of a scheduler, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Flag {
    First,
    Second,
    Third,
    SourcePort,
    SourceFallback,
    MaglevPort,
    MaglevFallback,
}

/// `persistence_granularity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Granularity {
    /// A netmask of so many bits.
    Mask(u8),
    /// A bare number.
    Length(u8),
}

/// What a virtual server says for its real servers, and they may say otherwise.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Shared {
    pub timing: Timing,
    pub connect_timeout: Option<Duration>,
    pub inhibits: Option<bool>,
    pub smtp_alert: Option<bool>,
    pub virtual_host: Option<String>,
    pub snmp_name: Option<String>,
}

/// When real servers are checked.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Timing {
    pub delay_loop: Option<Duration>,
    pub retry: Option<u32>,
    pub delay_before_retry: Option<Duration>,
    pub warmup: Option<Duration>,
    pub alpha: Option<bool>,
}

/// `real_server`.
#[derive(Clone, Debug)]
pub(in super::super) struct RealServer {
    pub endpoint: Spanned<Endpoint>,
    pub weight: Option<Spanned<u32>>,
    pub forwarding: Option<Spanned<Forwarding>>,
    pub upper_threshold: Option<u32>,
    pub lower_threshold: Option<Spanned<u32>>,
    pub notify_up: Option<Command>,
    pub notify_down: Option<Command>,
    pub shared: Shared,
    /// A block in it is no check that is known.
    pub lost_check: bool,
    pub checkers: Vec<Checker>,
}

/// `virtual_server_group`.
#[derive(Clone, Debug)]
pub(in super::super) struct ServerGroup {
    pub name: Spanned<String>,
    pub entries: Vec<Spanned<crate::config::plan::GroupEntry>>,
    /// Part of it could not be read.
    pub damaged: bool,
}

pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_, RootTerm>, block: &Block) -> VirtualServer {
    let service = service::service(reader, entry.values());
    let mut server = VirtualServer {
        span: entry.head,
        service: service.map_or(Required::Bad, Required::Good),
        family: None,
        protocol: Required::Absent,
        scheduler: Required::Absent,
        flags: Vec::new(),
        one_packet: None,
        forwarding: Required::Absent,
        sip: None,
        persistence_timeout: None,
        granularity: None,
        quorum: None,
        hysteresis: None,
        quorum_up: None,
        quorum_down: None,
        weight: None,
        sorry_server: None,
        sorry_inhibit: None,
        sorry_forwarding: None,
        lost_sorry_server: false,
        ha_suspend: false,
        omega: false,
        shared: Shared::default(),
        real_servers: Vec::new(),
        lost_real_server: false,
        damaged: false,
    };
    let mut damage = Damage::default();
    let entries = reader.entries::<Either<ServerTerm, VirtualServerTerm>>(
        "virtual_server",
        &block.statements,
        &mut damage,
    );
    for entry in entries {
        match entry.term {
            Either::Shared(term) => shared(reader, &entry, term, &mut server.shared),
            Either::Own(term) => line(reader, &entry, term, &mut server, &mut damage),
        }
    }
    server.damaged = !block.closed || damage.torn;
    server
}

fn line<T>(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, T>,
    term: VirtualServerTerm,
    server: &mut VirtualServer,
    damage: &mut Damage,
) {
    let mut flag = |value| server.flags.push(Spanned { value, span: entry.head });
    match term {
        VirtualServerTerm::Family => {
            let family = reader.choice(entry, SKIPPED).map(|word| match word {
                "inet6" => Family::Ipv6,
                _ => Family::Ipv4,
            });
            server.family = family.map(|value| Spanned { value, span: entry.head });
        }
        VirtualServerTerm::Scheduler => server.scheduler = scheduler(reader, entry),
        VirtualServerTerm::Hashed => {}
        VirtualServerTerm::OnePacket => server.one_packet = Some(entry.head),
        VirtualServerTerm::Flag1 => flag(Flag::First),
        VirtualServerTerm::Flag2 => flag(Flag::Second),
        VirtualServerTerm::Flag3 => flag(Flag::Third),
        VirtualServerTerm::SourcePort => flag(Flag::SourcePort),
        VirtualServerTerm::SourceFallback => flag(Flag::SourceFallback),
        VirtualServerTerm::MaglevPort => flag(Flag::MaglevPort),
        VirtualServerTerm::MaglevFallback => flag(Flag::MaglevFallback),
        VirtualServerTerm::Forwarding => {
            let forwarding = forwarding::read(reader, entry, "NAT is used");
            server.forwarding = forwarding.map_or(Required::Bad, Required::Good);
        }
        VirtualServerTerm::PersistenceEngine => {
            server.sip = reader.choice(entry, "clients are told apart by their address").map(|_| entry.head);
        }
        VirtualServerTerm::PersistenceTimeout => {
            let seconds = match entry.value() {
                None => Some(PERSISTENCE),
                Some(_) => {
                    reader.unsigned(entry, SKIPPED).map(|seconds| Duration::from_secs(u64::from(seconds)))
                }
            };
            server.persistence_timeout = seconds.or(server.persistence_timeout);
        }
        VirtualServerTerm::PersistenceGranularity => server.granularity = granularity(reader, entry),
        VirtualServerTerm::Protocol => server.protocol = protocol(reader, entry),
        VirtualServerTerm::HaSuspend => server.ha_suspend = true,
        VirtualServerTerm::Omega => server.omega = true,
        VirtualServerTerm::QuorumUp => server.quorum_up = command::notify(reader, entry),
        VirtualServerTerm::QuorumDown => server.quorum_down = command::notify(reader, entry),
        VirtualServerTerm::Quorum => server.quorum = spanned(reader, entry, "1 is used"),
        VirtualServerTerm::Hysteresis => server.hysteresis = spanned(reader, entry, "0 is used"),
        VirtualServerTerm::Weight => server.weight = reader.unsigned(entry, "1 is used"),
        VirtualServerTerm::SorryServer => {
            server.sorry_server = service::endpoint(reader, entry.values(), "of a host", "there is none");
            server.lost_sorry_server = server.sorry_server.is_none();
        }
        VirtualServerTerm::SorryServerInhibit => server.sorry_inhibit = Some(entry.head),
        VirtualServerTerm::SorryServerForwarding => {
            server.sorry_forwarding = forwarding::read(reader, entry, "that of the virtual server is used");
        }
        VirtualServerTerm::RealServer => match real::read(reader, entry, damage) {
            Some(real) => server.real_servers.push(real),
            None => server.lost_real_server = true,
        },
    }
}

/// A line that virtual and real servers have in common.
fn shared<T>(reader: &mut Reader<'_>, entry: &Entry<'_, T>, term: ServerTerm, shared: &mut Shared) {
    let timing = &mut shared.timing;
    match term {
        ServerTerm::DelayLoop => timing.delay_loop = reader.duration(entry, DEFAULT),
        ServerTerm::Retry => timing.retry = reader.unsigned(entry, DEFAULT),
        ServerTerm::DelayBeforeRetry => timing.delay_before_retry = reader.duration(entry, DEFAULT),
        ServerTerm::Warmup => timing.warmup = reader.duration(entry, DEFAULT),
        ServerTerm::ConnectTimeout => shared.connect_timeout = reader.duration(entry, DEFAULT),
        ServerTerm::Alpha => timing.alpha = reader.switch(entry).or(timing.alpha),
        ServerTerm::InhibitOnFailure => shared.inhibits = reader.switch(entry).or(shared.inhibits),
        ServerTerm::SmtpAlert => shared.smtp_alert = reader.switch(entry).or(shared.smtp_alert),
        ServerTerm::VirtualHost => shared.virtual_host = entry.value().map(|word| word.value.clone()),
        ServerTerm::SnmpName => shared.snmp_name = entry.value().map(|word| word.value.clone()),
    }
}

fn spanned<T>(reader: &mut Reader<'_>, entry: &Entry<'_, T>, otherwise: &str) -> Option<Spanned<u32>> {
    let span = entry.value().map_or(entry.head, |word| entry.head.to(word.span));
    reader.unsigned(entry, otherwise).map(|value| Spanned { value, span })
}

fn scheduler<T>(reader: &mut Reader<'_>, entry: &Entry<'_, T>) -> Required<Scheduler> {
    let value = match reader.choice(entry, "wlc is used") {
        Some("rr") => Scheduler::Rr,
        Some("wrr") => Scheduler::Wrr,
        Some("lc") => Scheduler::Lc,
        Some("wlc") => Scheduler::Wlc,
        Some("lblc") => Scheduler::Lblc,
        Some("lblcr") => Scheduler::Lblcr,
        Some("sh") => Scheduler::Sh,
        Some("mh") => Scheduler::Mh,
        Some("dh") => Scheduler::Dh,
        Some("fo") => Scheduler::Fo,
        Some("ovf") => Scheduler::Ovf,
        Some("sed") => Scheduler::Sed,
        Some("nq") => Scheduler::Nq,
        Some("twos") => Scheduler::Twos,
        Some(_) | None => return Required::Bad,
    };
    Required::Good(Spanned { value, span: entry.head })
}

fn protocol<T>(reader: &mut Reader<'_>, entry: &Entry<'_, T>) -> Required<Protocol> {
    let value = match reader.choice_of_any_case(entry, "UDP is used, as in keepalived") {
        Some("TCP") => Protocol::Tcp,
        Some("UDP") => Protocol::Udp,
        Some("SCTP") => Protocol::Sctp,
        Some(_) | None => return Required::Bad,
    };
    let span = entry.value().map_or(entry.head, |word| entry.head.to(word.span));
    Required::Good(Spanned { value, span })
}

/// A netmask, or a bare number: which of them is meant is said by the family of the service.
fn granularity<T>(reader: &mut Reader<'_>, entry: &Entry<'_, T>) -> Option<Spanned<Granularity>> {
    let word = entry.value()?;
    let value = if let Ok(mask) = word.value.parse::<std::net::Ipv4Addr>() {
        let bits = u32::from(mask);
        let contiguous = bits.leading_ones() + bits.trailing_zeros() == 32 && bits != 0;
        u8::try_from(bits.leading_ones()).ok().filter(|_| contiguous).map(Granularity::Mask)
    } else {
        let digits = !word.value.is_empty() && word.value.bytes().all(|byte| byte.is_ascii_digit());
        let length = word.value.parse::<u8>().ok().filter(|length| digits && (1..=128).contains(length));
        length.map(Granularity::Length)
    };
    if value.is_none() {
        reader.report(
            Diagnostic::error(code::GRANULARITY, format!("`{}` cannot be a granularity", word.value))
                .primary(word.span, "expected a netmask like 255.255.255.0, or from 1 to 128 bits of IPv6")
                .help("each client is one by itself"),
        );
    }
    value.map(|value| Spanned { value, span: word.span })
}
