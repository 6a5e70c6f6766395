//! `global_defs`: words that instances inherit here, the others by what they are about.

mod files;
mod firewall;
mod ipvs;
mod mail;
mod notify;
mod process;
mod remote;
mod run;

use std::net::{IpAddr, Ipv6Addr};

use regent_common::{Family, Version};

use super::{
    Globals, Reader, Spanned, instance,
    reader::{Damage, Entry},
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Block,
    keyword::GlobalTerm,
    plan::XdpChoice,
};

const DEFAULT: &str = "the default is used";
/// Of 15 bytes of a name, a dot and a VRID take four.
const MOST_PREFIX: usize = 11;

pub(super) fn read(reader: &mut Reader<'_>, block: &Block, globals: &mut Globals) {
    let entries = reader.entries::<GlobalTerm>("global_defs", &block.statements, &mut Damage::default());
    for entry in entries {
        globals.said.insert(entry.keyword.name, entry.head);
        let kept = &mut globals.kept;
        match entry.term {
            GlobalTerm::RouterId => globals.router_id = entry.value().map(|word| word.value.clone()),
            GlobalTerm::Version => globals.version = version(reader, &entry).or(globals.version),
            GlobalTerm::ChecksumAsV2 => {
                globals.checksum_as_v2 = reader.switch(&entry).or(globals.checksum_as_v2)
            }
            GlobalTerm::DownTimerAdverts => {
                globals.down_timer_adverts = reader.byte(&entry, DEFAULT).or(globals.down_timer_adverts);
            }
            GlobalTerm::GarpDelay => globals.garp.delay = reader.duration(&entry, DEFAULT),
            GlobalTerm::GarpRepeat => globals.garp.repeat = reader.repeat(&entry, DEFAULT),
            GlobalTerm::GarpRefresh => globals.garp.refresh = reader.duration(&entry, DEFAULT),
            GlobalTerm::GarpRefreshRepeat => globals.garp.refresh_repeat = reader.repeat(&entry, DEFAULT),
            GlobalTerm::GarpLowerDelay => globals.garp.lower_delay = reader.duration(&entry, DEFAULT),
            GlobalTerm::GarpLowerRepeat => globals.garp.lower_repeat = reader.byte(&entry, DEFAULT),
            GlobalTerm::DefaultInterface => {
                globals.default_interface =
                    entry.value().and_then(|word| reader.interface(word, "the line is skipped"));
            }
            GlobalTerm::StartupDelay => globals.startup_delay = reader.duration(&entry, "no delay is used"),
            GlobalTerm::DelayAfterBoot => {
                globals.delay_after_boot = reader.duration(&entry, "no delay is used")
            }
            GlobalTerm::MulticastGroup4 => {
                if let Some(IpAddr::V4(group)) = multicast_group(reader, &entry, Family::Ipv4) {
                    globals.multicast_group4 = Some(group);
                }
            }
            GlobalTerm::MulticastGroup6 => {
                if let Some(IpAddr::V6(group)) = multicast_group(reader, &entry, Family::Ipv6) {
                    globals.multicast_group6 = Some(group);
                }
            }
            GlobalTerm::GarpInterval => {
                globals.pace.arp = reader.duration(&entry, "no pace is used").unwrap_or_default();
            }
            GlobalTerm::GnaInterval => {
                globals.pace.neighbor = reader.duration(&entry, "no pace is used").unwrap_or_default();
            }
            GlobalTerm::MinimalGarp => {
                globals.minimal_garp = reader.switch(&entry).unwrap_or(globals.minimal_garp)
            }
            GlobalTerm::LowerNoAdvert => {
                globals.contest.asserts =
                    reader.switch(&entry).map(|silent| !silent).or(globals.contest.asserts);
            }
            GlobalTerm::HigherSendAdvert => {
                globals.contest.concedes = reader.switch(&entry).or(globals.contest.concedes);
            }
            GlobalTerm::CheckUnicastSource => {
                globals.checks_source = reader.switch(&entry).or(globals.checks_source)
            }
            GlobalTerm::Strict => {
                let strict = reader.switch(&entry).map(|value| Spanned { value, span: entry.head });
                globals.strict = strict.or(globals.strict.take());
            }
            GlobalTerm::SkipCheckAddresses => {
                let known = kept.defaults.skips_address_check;
                kept.defaults.skips_address_check = reader.switch(&entry).or(known);
            }
            GlobalTerm::DynamicInterfaces => {
                kept.defaults.dynamic_interfaces = Some(reader.maybe(&entry).is_some())
            }
            GlobalTerm::Gate => {
                globals.presence.gate = reader.gate(&entry, DEFAULT).or(globals.presence.gate.take());
            }
            GlobalTerm::Responder => {
                globals.presence.responder = reader.switch(&entry).or(globals.presence.responder);
            }
            GlobalTerm::VirtualMac => {
                globals.presence.virtual_mac = reader.switch(&entry).or(globals.presence.virtual_mac);
            }
            GlobalTerm::Xdp => globals.xdp = xdp(reader, &entry).or(globals.xdp),
            GlobalTerm::ExtraAnnouncements => {
                kept.extra_announcements =
                    instance::extra_announcements(reader, &entry).or(kept.extra_announcements);
            }
            GlobalTerm::OwnerIgnoresAdverts => {
                kept.owner_ignores_adverts = reader.switch(&entry).unwrap_or(kept.owner_ignores_adverts);
            }
            GlobalTerm::LogUnknownGroups => kept.logs_unknown_groups = true,
            GlobalTerm::DisableLocalIgmp => kept.disables_local_igmp = true,
            GlobalTerm::VmacPrefix => kept.vmac.prefix = prefix(reader, &entry),
            GlobalTerm::VmacAddressPrefix => kept.vmac.address_prefix = prefix(reader, &entry),
            GlobalTerm::Mail(term) => mail::line(reader, &entry, term, &mut kept.mail),
            GlobalTerm::Fifo(of, term) => notify::fifo(reader, &entry, of, term, &mut kept.fifos),
            GlobalTerm::PriorityChanges => {
                kept.fifos.priority_changes = reader.switch(&entry).unwrap_or(kept.fifos.priority_changes);
            }
            GlobalTerm::StatesOnReload => kept.fifos.states_on_reload = true,
            GlobalTerm::Run(term) => run::line(reader, &entry, term, globals),
            GlobalTerm::Process(part, term) => {
                process::line(reader, &entry, term, process::of(part, &mut kept.processes));
            }
            GlobalTerm::ProcessNames => kept.processes.default_names = true,
            GlobalTerm::MaxAutoPriority => process::max_auto_priority(reader, &entry, &mut kept.processes),
            GlobalTerm::MinAutoPriorityDelay => {
                let delay = reader.number(&entry, DEFAULT).and_then(|delay| u32::try_from(delay).ok());
                let known = kept.processes.min_auto_priority_delay_us;
                kept.processes.min_auto_priority_delay_us = delay.unwrap_or(known);
            }
            GlobalTerm::BufferSize(of) => {
                let bytes = reader.number(&entry, "the usual size is meant");
                let buffer = process::buffer(of, &mut kept.processes.buffers);
                buffer.bytes = bytes.and_then(|bytes| u32::try_from(bytes).ok());
            }
            GlobalTerm::BufferForce(of) => {
                let force = reader.switch(&entry);
                let buffer = process::buffer(of, &mut kept.processes.buffers);
                buffer.force = force.unwrap_or(buffer.force);
            }
            GlobalTerm::ReceivePolicy => {
                kept.processes.buffers.adverts = process::policy(reader, &entry);
            }
            GlobalTerm::ReceiveMultiplier => {
                let multiplier = reader.number(&entry, "3 is meant");
                kept.processes.buffers.multiplier =
                    multiplier.and_then(|multiplier| u32::try_from(multiplier).ok());
            }
            GlobalTerm::Firewall(term) => firewall::line(reader, &entry, term, &mut kept.firewall),
            GlobalTerm::Ipvs(term) => ipvs::line(reader, &entry, term, globals),
            GlobalTerm::Snmp(term) => remote::snmp(reader, &entry, term, &mut kept.snmp),
            GlobalTerm::Dbus(term) => remote::dbus(reader, &entry, term, &mut kept.dbus),
            GlobalTerm::Reload(term) => files::reload(reader, &entry, term, &mut kept.reload),
            GlobalTerm::Files(term) => files::line(reader, &entry, term, &mut kept.files),
        }
    }
}

/// `vmac_prefix`, `vmac_addr_prefix`: what names of interfaces begin with.
fn prefix(reader: &mut Reader<'_>, entry: &Entry<'_, GlobalTerm>) -> Option<String> {
    let name = entry.value().and_then(|word| reader.interface_name(word, "the line is skipped"))?;
    if name.value.len() > MOST_PREFIX {
        let message = format!("`{}` leaves no room for what follows it", name.value);
        reader.report(
            Diagnostic::warning(code::NAME_TOO_LONG, message)
                .primary(name.span, format!("expected {MOST_PREFIX} bytes at most"))
                .help("a name of an interface has 15 bytes at most, and `.255` is to follow"),
        );
    }
    Some(name.value)
}

fn xdp(reader: &mut Reader<'_>, entry: &Entry<'_, GlobalTerm>) -> Option<XdpChoice> {
    match reader.choice(entry, "`auto` is used")? {
        "native" => Some(XdpChoice::Native),
        "generic" => Some(XdpChoice::Generic),
        "off" => Some(XdpChoice::Off),
        _ => Some(XdpChoice::Auto),
    }
}

/// `vrrp_mcast_group4`, `vrrp_mcast_group6`.
fn multicast_group(reader: &mut Reader<'_>, entry: &Entry<'_, GlobalTerm>, family: Family) -> Option<IpAddr> {
    const OTHERWISE: &str = "it is ignored";
    let group = reader.address(entry, OTHERWISE)?;
    if !group.value.is_multicast() || group.value.is_ipv4() != (family == Family::Ipv4) {
        let message = format!("`{} {}` cannot be used", entry.keyword.name, group.value);
        reader.report(
            Diagnostic::error(code::MULTICAST_GROUP, message)
                .primary(group.span, format!("expected an {family} multicast address"))
                .help(OTHERWISE),
        );
        return None;
    }
    // RFC 9568 §5.1.2.2: the group has link-local scope. keepalived complains, and uses another one all the same.
    if matches!(group.value, IpAddr::V6(group) if !is_link_local_group(group)) {
        reader.report(
            Diagnostic::warning(
                code::MULTICAST_GROUP,
                format!("`{}` is not a group of the link alone", group.value),
            )
            .primary(group.span, "expected ff02::…")
            .help("it is used; routers of other networks may hear the adverts"),
        );
    }
    Some(group.value)
}

/// ffX2::/16.
pub(in super::super) const fn is_link_local_group(group: Ipv6Addr) -> bool {
    group.segments()[0] & 0xff0f == 0xff02
}

pub(super) fn version<T>(reader: &mut Reader<'_>, entry: &Entry<'_, T>) -> Option<Version> {
    reader.byte(entry, DEFAULT).and_then(Version::from_wire)
}
