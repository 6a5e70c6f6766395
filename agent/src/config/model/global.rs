//! `global_defs`.

use std::net::{IpAddr, Ipv6Addr};

use regent_common::{Family, Version};

use super::{
    Globals, Reader, Spanned,
    reader::{Damage, Entry},
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Block,
    keyword::GlobalTerm,
    plan::XdpChoice,
};

const DEFAULT: &str = "the default is used";

pub(super) fn read(reader: &mut Reader<'_>, block: &Block, globals: &mut Globals) {
    let entries = reader.entries::<GlobalTerm>("global_defs", &block.statements, &mut Damage::default());
    for entry in entries {
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
            GlobalTerm::ScriptUser => globals.script_user = reader.user(&entry),
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
                reader.switch(&entry);
            }
            GlobalTerm::DynamicInterfaces => {
                reader.maybe(&entry);
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
        }
    }
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
