//! `vrrp_instance`.

use std::{net::IpAddr, time::Duration};

use regent_common::{LocalPriority, Version, Vrid};

use super::{
    Contest, Garp, Hmac, Link, Notify, Presence, Reader, Required, Spanned, Tracker, WideTracker, address,
    command, global, hmac, link, peer,
    reader::{Damage, Entry},
    route, rule, track,
    value::decimal,
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::{Block, Word},
    keyword::{self, AuthenticationTerm, InstanceTerm, RootTerm},
    plan::{AddressPlan, ExtraAnnouncements, PeerPlan, RoutePlan, RulePlan, TuningPlan},
    source::Span,
};

const DEFAULT: &str = "the default is used";
/// A day.
const MOST_EXTRA_US: u64 = 86_400_000_000;
/// `timer_expired_backup` without a number: any backup may have taken over.
const HIGHEST_OTHER: u8 = 254;

/// `vrrp_instance`.
#[derive(Clone, Debug)]
pub(in super::super) struct Instance {
    pub name: Spanned<String>,
    pub state: Option<Spanned<State>>,
    pub interface: Required<String>,
    pub vrid: Required<Vrid>,
    pub priority: Option<Spanned<LocalPriority>>,
    /// Microseconds.
    pub interval: Option<Spanned<u64>>,
    pub version: Option<Spanned<Version>>,
    pub authentication: Option<Authentication>,
    pub hmac: Option<Hmac>,
    pub link: Link,
    pub travel: Travel,
    pub addresses: Vec<Spanned<AddressPlan>>,
    /// `virtual_ipaddress` holds a line, whether it could be read or not.
    pub names_addresses: bool,
    pub excluded: Vec<Spanned<AddressPlan>>,
    pub track_scripts: Vec<Tracker>,
    pub track_interfaces: Vec<Tracker>,
    pub track_files: Vec<WideTracker>,
    pub track_processes: Vec<WideTracker>,
    pub track_bfds: Vec<Tracker>,
    pub routes: Vec<Spanned<RoutePlan>>,
    pub rules: Vec<Spanned<RulePlan>>,
    /// `nopreempt`, unless `preempt` came later.
    pub no_preempt: Option<Span>,
    pub preempt_delay: Option<Spanned<Duration>>,
    pub notify: Notify,
    pub garp: Garp,
    pub contest: Contest,
    /// `accept` or `no_accept`, whichever came last.
    pub accepts: Option<Spanned<bool>>,
    pub strict: Option<Spanned<bool>>,
    pub native_ipv6: Option<Span>,
    /// `dont_track_primary`.
    pub ignores_interface: bool,
    pub checksum_as_v2: Option<bool>,
    pub down_timer_adverts: Option<u8>,
    pub presence: Presence,
    pub extra_announcements: Option<ExtraAnnouncements>,
    /// `owner_ignore_adverts`.
    pub ignores_owners: bool,
    pub tuning: TuningPlan,
    /// Each word that was said and has its form, and where.
    pub said: Vec<(&'static str, Span)>,
    /// What it cannot run without and a line that was skipped was to say: a slip of the pen, not something forgotten.
    pub slipped: Vec<&'static str>,
    /// Part of it could not be read: running with the rest could do harm.
    pub damaged: bool,
}

impl Instance {
    /// Where the last of these words was said.
    pub fn place_of(&self, words: &[&str]) -> Option<Span> {
        self.said.iter().rev().find(|(word, _)| words.contains(word)).map(|(_, span)| *span)
    }
}

/// How the adverts of an instance travel.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Travel {
    pub multicast_source: Option<Spanned<IpAddr>>,
    pub unicast_source: Option<Spanned<IpAddr>>,
    /// `mcast_dst_ip`.
    pub multicast_group: Option<Spanned<IpAddr>>,
    pub tracks_source: Option<Span>,
    /// The word `unicast_peer`, also over an empty block.
    pub unicast: Option<Span>,
    pub peers: Vec<Spanned<PeerPlan>>,
    /// A line of `unicast_peer` that could not be read: a peer is missing.
    pub lost_peer: bool,
    pub ttl: Option<Spanned<u8>>,
    pub checks_source: Option<Spanned<bool>>,
    pub fault_without_peers: Option<Span>,
    pub old_checksum: Option<Spanned<OldChecksum>>,
}

/// `state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum State {
    Master,
    Backup,
}

/// `auth_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum AuthenticationType {
    Password,
    Header,
}

/// `authentication`.
#[derive(Clone, Debug)]
pub(in super::super) struct Authentication {
    /// The word `authentication`.
    pub span: Span,
    pub kind: Required<AuthenticationType>,
    pub password: Option<Spanned<String>>,
    /// A word of the block is not known: what is missing may be just that one.
    pub slipped: bool,
}

/// `old_unicast_checksum`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum OldChecksum {
    /// It is sent.
    Sent,
    /// It is not even accepted.
    Never,
}

impl Instance {
    /// An instance of which only the name is known.
    pub(in super::super) fn named(name: Spanned<String>) -> Self {
        Self {
            name,
            state: None,
            interface: Required::Absent,
            vrid: Required::Absent,
            priority: None,
            interval: None,
            version: None,
            authentication: None,
            hmac: None,
            link: Link::default(),
            travel: Travel::default(),
            addresses: Vec::new(),
            names_addresses: false,
            excluded: Vec::new(),
            track_scripts: Vec::new(),
            track_interfaces: Vec::new(),
            track_files: Vec::new(),
            track_processes: Vec::new(),
            track_bfds: Vec::new(),
            routes: Vec::new(),
            rules: Vec::new(),
            no_preempt: None,
            preempt_delay: None,
            notify: Notify::default(),
            garp: super::Garp::default(),
            contest: super::Contest::default(),
            accepts: None,
            strict: None,
            native_ipv6: None,
            ignores_interface: false,
            checksum_as_v2: None,
            down_timer_adverts: None,
            presence: super::Presence::default(),
            extra_announcements: None,
            ignores_owners: false,
            tuning: TuningPlan::default(),
            said: Vec::new(),
            slipped: Vec::new(),
            damaged: false,
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_, RootTerm>, block: &Block) -> Option<Instance> {
    let name = entry.value()?;
    let mut instance = Instance::named(Spanned { value: name.value.clone(), span: name.span });
    let mut damage = Damage::default();
    for entry in reader.entries::<InstanceTerm>("vrrp_instance", &block.statements, &mut damage) {
        let outer = reader.excuse(entry.keyword);
        instance.said.push((entry.keyword.name, entry.head));
        line(reader, &entry, &mut instance, &mut damage);
        reader.excused = outer;
    }
    instance.damaged = !block.closed || damage.torn;
    let absent = [
        ("interface", matches!(instance.interface, Required::Absent)),
        ("virtual_router_id", matches!(instance.vrid, Required::Absent)),
    ];
    let tried = |name: &str| {
        let mut first_words = block.statements.iter().filter_map(|line| line.words.first());
        first_words.any(|word| meant(word) == Some(name))
    };
    instance.slipped =
        absent.into_iter().filter(|(name, absent)| *absent && tried(name)).map(|(name, _)| name).collect();
    Some(instance)
}

/// The word of an instance that this is, or was meant to be: `virtual_routerid`, `interface=eth0`.
fn meant(word: &Word) -> Option<&str> {
    let name = word.value.split(['=', ':']).next().unwrap_or_default();
    let known = keyword::keyword("vrrp_instance", name).map(|known| known.name);
    known.or_else(|| keyword::nearest(name, keyword::words_of("vrrp_instance")))
}

fn line(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, InstanceTerm>,
    instance: &mut Instance,
    damage: &mut Damage,
) {
    let block = entry.statement.block.as_ref().map(|block| block.statements.as_slice()).unwrap_or_default();
    match entry.term {
        InstanceTerm::State => instance.state = state(reader, entry, instance.state.take()),
        InstanceTerm::Interface => instance.interface = interface(reader, entry, &instance.name.value),
        InstanceTerm::VirtualRouterId => instance.vrid = vrid(reader, entry, &instance.name.value),
        InstanceTerm::Priority => instance.priority = priority(reader, entry),
        InstanceTerm::AdvertInterval => instance.interval = reader.microseconds(entry, "1 second is used"),
        InstanceTerm::Version => {
            let version = global::version(reader, entry);
            instance.version = version.map(|value| Spanned { value, span: entry.head });
        }
        InstanceTerm::Authentication => instance.authentication = Some(authentication(reader, entry, damage)),
        InstanceTerm::VirtualAddresses => {
            instance.names_addresses |= !block.is_empty();
            address::read(reader, block, damage, &mut instance.addresses);
        }
        InstanceTerm::ExcludedAddresses => address::read(reader, block, damage, &mut instance.excluded),
        InstanceTerm::TrackScript => track::read(reader, block, damage, &mut instance.track_scripts),
        InstanceTerm::TrackInterface => {
            track::interfaces(reader, block, damage, &mut instance.track_interfaces)
        }
        InstanceTerm::NoPreempt => instance.no_preempt = Some(entry.head),
        InstanceTerm::Preempt => instance.no_preempt = None,
        InstanceTerm::PreemptDelay => {
            let delay = reader.duration(entry, "no delay is used");
            instance.preempt_delay = delay.map(|value| Spanned { value, span: entry.head });
        }
        InstanceTerm::NotifyMaster => instance.notify.master = command::notify(reader, entry),
        InstanceTerm::NotifyBackup => instance.notify.backup = command::notify(reader, entry),
        InstanceTerm::NotifyFault => instance.notify.fault = command::notify(reader, entry),
        InstanceTerm::NotifyStop => instance.notify.stop = command::notify(reader, entry),
        InstanceTerm::Notify => instance.notify.any = command::notify(reader, entry),
        InstanceTerm::GarpDelay => instance.garp.delay = reader.duration(entry, DEFAULT),
        InstanceTerm::GarpRepeat => instance.garp.repeat = reader.repeat(entry, DEFAULT),
        InstanceTerm::GarpRefresh => instance.garp.refresh = reader.duration(entry, DEFAULT),
        InstanceTerm::GarpRefreshRepeat => instance.garp.refresh_repeat = reader.repeat(entry, DEFAULT),
        InstanceTerm::GarpLowerDelay => instance.garp.lower_delay = reader.duration(entry, DEFAULT),
        InstanceTerm::GarpLowerRepeat => instance.garp.lower_repeat = reader.byte(entry, DEFAULT),
        InstanceTerm::ChecksumAsV2 => {
            instance.checksum_as_v2 = reader.switch(entry).or(instance.checksum_as_v2)
        }
        InstanceTerm::DownTimerAdverts => instance.down_timer_adverts = reader.byte(entry, DEFAULT),
        InstanceTerm::MulticastSource => {
            instance.travel.multicast_source = source(reader, entry);
        }
        InstanceTerm::UnicastSource => {
            instance.travel.unicast_source = source(reader, entry);
        }
        InstanceTerm::MulticastGroup => {
            instance.travel.multicast_group = reader.address(entry, "the usual group is used");
        }
        InstanceTerm::UnicastPeers => {
            instance.travel.unicast.get_or_insert(entry.head);
            peer::read(reader, block, damage, &mut instance.travel);
        }
        InstanceTerm::UnicastTtl => {
            let ttl = reader.byte(entry, "255 is used");
            instance.travel.ttl = ttl.map(|value| Spanned { value, span: entry.head });
        }
        InstanceTerm::CheckUnicastSource => {
            let checks = reader.switch(entry);
            instance.travel.checks_source = checks.map(|value| Spanned { value, span: entry.head });
        }
        InstanceTerm::FaultWithoutPeers => instance.travel.fault_without_peers = Some(entry.head),
        InstanceTerm::OldUnicastChecksum => {
            let value = match reader.maybe(entry) {
                Some(_) => OldChecksum::Never,
                None => OldChecksum::Sent,
            };
            instance.travel.old_checksum = Some(Spanned { value, span: entry.head });
        }
        InstanceTerm::TrackSource => instance.travel.tracks_source = Some(entry.head),
        InstanceTerm::DontTrackInterface => instance.ignores_interface = true,
        InstanceTerm::Accept => instance.accepts = Some(Spanned { value: true, span: entry.head }),
        InstanceTerm::NoAccept => instance.accepts = Some(Spanned { value: false, span: entry.head }),
        InstanceTerm::Strict => {
            let strict = reader.switch(entry).map(|value| Spanned { value, span: entry.head });
            instance.strict = strict.or(instance.strict.take());
        }
        InstanceTerm::LowerNoAdvert => {
            instance.contest.asserts =
                reader.switch(entry).map(|silent| !silent).or(instance.contest.asserts);
        }
        InstanceTerm::HigherSendAdvert => {
            instance.contest.concedes = reader.switch(entry).or(instance.contest.concedes);
        }
        InstanceTerm::SkipCheckAddresses => {
            let known = instance.tuning.skips_address_check;
            instance.tuning.skips_address_check = reader.switch(entry).or(known);
        }
        InstanceTerm::Hmac => instance.hmac = Some(hmac::read(reader, entry.head, block, damage)),
        InstanceTerm::UseVmac => instance.link.vmac = Some(link::vmac(reader, entry)),
        InstanceTerm::UseIpvlan => instance.link.ipvlan = Some(link::ipvlan(reader, entry)),
        InstanceTerm::UseVmacForAddresses => instance.link.own_for_addresses = Some(entry.head),
        InstanceTerm::AdvertsBelow => instance.link.adverts_below = Some(entry.head),
        InstanceTerm::Vrf => instance.link.vrf = other_interface(reader, entry),
        InstanceTerm::SyncInterface => instance.link.sync_interface = other_interface(reader, entry),
        InstanceTerm::PromoteSecondaries => instance.link.promotes_secondaries = true,
        InstanceTerm::PollLink => instance.link.polls = true,
        InstanceTerm::TrackFile => track::files(reader, block, damage, &mut instance.track_files),
        InstanceTerm::TrackProcess => track::processes(reader, block, damage, &mut instance.track_processes),
        InstanceTerm::TrackBfd => track::read(reader, block, damage, &mut instance.track_bfds),
        InstanceTerm::Routes => route::read(reader, block, damage, &mut instance.routes),
        InstanceTerm::Rules => rule::read(reader, block, damage, &mut instance.rules),
        InstanceTerm::NotifyDeleted => {
            instance.notify.says_deleted = true;
            instance.notify.deleted = command::notify(reader, entry);
        }
        InstanceTerm::NotifyLowerPriority => instance.notify.lower_priority = command::notify(reader, entry),
        InstanceTerm::Mail => instance.notify.mail = reader.switch(entry).or(instance.notify.mail),
        InstanceTerm::NotifyPriorities => {
            instance.notify.priorities = reader.switch(entry).or(instance.notify.priorities);
        }
        InstanceTerm::ExtraAnnouncements => {
            instance.extra_announcements = extra_announcements(reader, entry);
        }
        InstanceTerm::IgnoreOwners => instance.ignores_owners = true,
        InstanceTerm::Debug => instance.tuning.debug = reader.byte(entry, DEFAULT),
        InstanceTerm::ReceiveBuffer => {
            let bytes = reader.number(entry, DEFAULT).and_then(|bytes| u32::try_from(bytes).ok());
            instance.tuning.receive_buffer = bytes;
        }
        InstanceTerm::ExpiredBackup => {
            instance.tuning.backup_when_late = match entry.value() {
                Some(_) => reader.byte(entry, DEFAULT),
                None => Some(HIGHEST_OTHER),
            };
        }
        InstanceTerm::ExpiredTimer => {
            let words = entry.values().iter().map(|word| word.value.clone());
            instance.tuning.when_late = Some(words.collect());
        }
        // Refused by the table: never read.
        InstanceTerm::WithoutAddresses => {}
        InstanceTerm::NativeIpv6 => instance.native_ipv6 = Some(entry.head),
        InstanceTerm::Gate => instance.presence.gate = reader.gate(entry, DEFAULT),
        InstanceTerm::Responder => {
            instance.presence.responder = reader.switch(entry).or(instance.presence.responder);
        }
        InstanceTerm::VirtualMac => {
            instance.presence.virtual_mac = reader.switch(entry).or(instance.presence.virtual_mac);
        }
    }
}

/// `state`. As in keepalived a BACKUP after MASTER does not count.
fn state(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, InstanceTerm>,
    earlier: Option<Spanned<State>>,
) -> Option<Spanned<State>> {
    let value = match reader.choice(entry, "BACKUP is used") {
        Some("MASTER") => State::Master,
        Some(_) => State::Backup,
        None => return earlier,
    };
    let Some(earlier) = earlier else { return Some(Spanned { value, span: entry.head }) };
    let master_stays = earlier.value == State::Master;
    let remark = if master_stays { "MASTER stays, as in keepalived" } else { "the last one counts" };
    reader.report(
        Diagnostic::warning(code::REPEATED, "`state` is said twice in one block")
            .primary(entry.head, remark)
            .secondary(earlier.span, "said before"),
    );
    if master_stays { Some(earlier) } else { Some(Spanned { value, span: entry.head }) }
}

/// An interface that is not the instance's own.
fn other_interface(reader: &mut Reader<'_>, entry: &Entry<'_, InstanceTerm>) -> Option<Spanned<String>> {
    entry.value().and_then(|word| reader.interface(word, "the line is skipped"))
}

/// `[all] SECONDS`.
pub(super) fn extra_announcements<T>(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, T>,
) -> Option<ExtraAnnouncements> {
    let (all, seconds) = match entry.values() {
        [all, seconds, ..] if all.value == "all" => (true, seconds),
        [seconds, ..] => (false, seconds),
        [] => return None,
    };
    let read = decimal(&seconds.value).filter(|micros| *micros <= MOST_EXTRA_US);
    if read.is_none() {
        let message = format!("`{} {}` cannot be read", entry.keyword.name, seconds.value);
        reader.report(
            Diagnostic::error(code::OUT_OF_RANGE, message)
                .primary(seconds.span, format!("expected {}", entry.keyword.kind.expects()))
                .help("the line is skipped"),
        );
    }
    Some(ExtraAnnouncements { interval: Duration::from_micros(read?), all })
}

/// `mcast_src_ip`, `unicast_src_ip`.
fn source(reader: &mut Reader<'_>, entry: &Entry<'_, InstanceTerm>) -> Option<Spanned<IpAddr>> {
    entry
        .value()
        .and_then(|word| reader.host(word, "that adverts come from", "the interface's own address is used"))
}

fn left_out(name: &str) -> String {
    format!("instance `{name}` is left out")
}

fn interface(reader: &mut Reader<'_>, entry: &Entry<'_, InstanceTerm>, name: &str) -> Required<String> {
    let interface = entry.value().and_then(|word| reader.interface(word, &left_out(name)));
    interface.map_or(Required::Bad, Required::Good)
}

fn vrid(reader: &mut Reader<'_>, entry: &Entry<'_, InstanceTerm>, name: &str) -> Required<Vrid> {
    let vrid = reader.byte(entry, &left_out(name)).and_then(Vrid::new);
    match (vrid, entry.value()) {
        (Some(value), Some(word)) => Required::Good(Spanned { value, span: word.span }),
        (Some(_) | None, _) => Required::Bad,
    }
}

/// One that cannot be read counts as the default, not as absent: `state MASTER` must not make 255 of a slip.
fn priority(reader: &mut Reader<'_>, entry: &Entry<'_, InstanceTerm>) -> Option<Spanned<LocalPriority>> {
    let read = reader.byte(entry, "100 is used").and_then(LocalPriority::new);
    let value = read.unwrap_or(LocalPriority::Backup(regent_common::BackupPriority::DEFAULT));
    Some(Spanned { value, span: entry.head })
}

fn authentication(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, InstanceTerm>,
    damage: &mut Damage,
) -> Authentication {
    let mut authentication =
        Authentication { span: entry.head, kind: Required::Absent, password: None, slipped: false };
    let Some(block) = &entry.statement.block else { return authentication };
    let is_unknown = |word: &Word| keyword::keyword("vrrp_instance/authentication", &word.value).is_none();
    authentication.slipped = block.statements.iter().filter_map(|line| line.words.first()).any(is_unknown);
    for entry in
        reader.entries::<AuthenticationTerm>("vrrp_instance/authentication", &block.statements, damage)
    {
        match entry.term {
            AuthenticationTerm::Type => {
                let value = match reader.choice(&entry, "no authentication is used") {
                    Some("AH") => {
                        Required::Good(Spanned { value: AuthenticationType::Header, span: entry.head })
                    }
                    Some(_) => {
                        Required::Good(Spanned { value: AuthenticationType::Password, span: entry.head })
                    }
                    None => Required::Bad,
                };
                authentication.kind = value;
            }
            AuthenticationTerm::Password => {
                let password =
                    entry.value().map(|word| Spanned { value: word.value.clone(), span: word.span });
                authentication.password = password;
            }
        }
    }
    authentication
}
