//! Rules about one instance.

use regent_common::{AdvertInterval, Family, Version, advert::Authentication};

use super::{
    Checker, addresses, left_out,
    model::{Globals, Instance, Notify, Required},
    pace,
    strict::Strict,
    tracked::{Kind, wide},
};
use crate::config::{
    diagnostic::{Diagnostic, Severity, code},
    keyword::Seconds,
    plan::{Command, InstancePlan, NotifyPlan, TuningPlan},
};

/// RFC 9568 §6.1 and RFC 3768 §6.2: Master_Down_Interval is 3 × the interval plus the skew.
const DOWN_TIMER_ADVERTS: u8 = 3;

/// An instance as its words have it.
pub(super) struct Draft {
    pub plan: InstancePlan,
    /// Otherwise something of it is missing that its author asked for.
    pub runs: bool,
}

impl Checker<'_> {
    /// What an instance asks for, and whether that can be run; `None` when not even the group and its addresses are known.
    /// Why is diagnosed.
    pub(super) fn instance(&mut self, instance: &Instance) -> Option<Draft> {
        if instance.damaged {
            // Why is an error of its own, where the line or the brace is.
            self.report(
                Diagnostic::note(code::INSTANCE_DAMAGED, left_out(instance))
                    .primary(instance.name.span, "cannot be read whole"),
            );
            return None;
        }
        // Everything is checked before anything gives up, so that all that is wrong is said at once.
        let required = self.required(instance);
        let family = addresses::family_of(instance);
        let strict = self.strict(instance);
        let version = self.version(instance, family, strict);
        let has_addresses = self.has_addresses(instance);
        let priority = self.priority(instance);
        let preemption = self.preemption(instance, priority, strict);
        let interval = self.interval(instance, version);
        let authentication = self.authentication(instance, version, family, strict);
        let accepts = self.accepts(instance, priority);
        let route = self.route(instance, family, priority);
        let track_scripts = self.track_scripts(instance, priority);
        let track_interfaces = self.track_interfaces(instance, priority);
        let hmac = instance.hmac.as_ref().map(|hmac| self.hmac(instance, hmac, interval));
        if let Some(strict) = strict {
            self.note_strict(strict, instance, priority, version);
        }
        let (interface, vrid) = required?;
        let addresses = self.addresses(instance, &interface, version, family, strict);
        let route = route?;
        let checksum = self.checksum(instance, version, family, &route.transport);
        let globals = &self.model.globals;
        let track_files = self.tracked(Kind::File, &instance.track_files, priority);
        let track_processes = self.tracked(Kind::Process, &instance.track_processes, priority);
        let track_bfds = self.tracked(Kind::Session, &wide(&instance.track_bfds), priority);
        let (routes, rules) = (self.routes(&instance.routes), self.rules(&instance.rules));
        let runs = has_addresses && authentication.is_some() && track_scripts.is_some() && hmac != Some(None);
        let down_timer_adverts =
            instance.down_timer_adverts.or(globals.down_timer_adverts).unwrap_or(DOWN_TIMER_ADVERTS);
        let gate = self.gate(instance, down_timer_adverts);
        let link = self.link(instance, &interface, vrid, family, &route);
        let (own, default) = (&instance.presence, &globals.presence);
        let plan = InstancePlan {
            name: instance.name.value.clone(),
            interface,
            vrid,
            family,
            transport: route.transport,
            source: route.source,
            tracks_source: route.tracks_source,
            tracks_interface: !instance.ignores_interface,
            version,
            priority,
            interval,
            preemption,
            announcements: pace::announcements(&instance.garp, globals),
            asserts: self.asserts(instance, version, strict),
            concedes: self.concedes(instance),
            accepts,
            authentication: authentication.unwrap_or(Authentication::None),
            checksum,
            down_timer_adverts,
            gate,
            responder: own.responder.or(default.responder).unwrap_or(true),
            virtual_mac: own.virtual_mac.or(default.virtual_mac).unwrap_or(false),
            addresses: addresses.advertised,
            excluded: addresses.excluded,
            track_interfaces,
            track_scripts: track_scripts.unwrap_or_default(),
            track_files,
            track_processes,
            track_bfds,
            routes,
            rules,
            hmac: hmac.flatten().map(Box::new),
            link,
            extra_announcements: instance.extra_announcements.or(globals.kept.extra_announcements),
            ignores_owners: instance.ignores_owners || globals.kept.owner_ignores_adverts,
            tuning: TuningPlan {
                skips_address_check: (instance.tuning.skips_address_check)
                    .or(globals.kept.defaults.skips_address_check),
                strict: strict.is_some(),
                ..instance.tuning.clone()
            },
            notify: notify(&instance.notify, globals),
        };
        Some(Draft { plan, runs })
    }

    /// Interface and VRID; `None` without one of them.
    fn required(&mut self, instance: &Instance) -> Option<(String, regent_common::Vrid)> {
        let interface = match &instance.interface {
            Required::Good(interface) => Some(interface.value.clone()),
            Required::Bad => None,
            Required::Absent => self.default_interface(instance),
        };
        let vrid = match &instance.vrid {
            Required::Good(vrid) => Some(vrid.value),
            Required::Bad => None,
            Required::Absent => {
                self.report_missing(instance, "virtual_router_id");
                None
            }
        };
        interface.zip(vrid)
    }

    fn default_interface(&mut self, instance: &Instance) -> Option<String> {
        let default = self.model.globals.default_interface.clone();
        let Some(default) = default.filter(|_| !instance.slipped.contains(&"interface")) else {
            self.report_missing(instance, "interface");
            return None;
        };
        let message =
            format!("instance `{}` names no interface and takes `{}`", instance.name.value, default.value);
        self.report(
            Diagnostic::warning(code::DEFAULT_INTERFACE, message)
                .primary(instance.name.span, "expected `interface` in this block")
                .secondary(default.span, "the default"),
        );
        Some(default.value)
    }

    fn report_missing(&mut self, instance: &Instance, word: &str) {
        if instance.slipped.contains(&word) {
            // What is wrong with it was said at its line.
            self.report(
                Diagnostic::note(
                    code::INSTANCE_INCOMPLETE,
                    format!("instance `{}` is left out", instance.name.value),
                )
                .primary(instance.name.span, format!("its `{word}` cannot be read")),
            );
            return;
        }
        let message = format!("instance `{}` lacks `{word}`", instance.name.value);
        self.report(
            Diagnostic::error(code::INSTANCE_INCOMPLETE, message)
                .primary(instance.name.span, format!("expected `{word}` in this block"))
                .help(left_out(instance)),
        );
    }

    /// RFC 3768 knows IPv4 only. keepalived speaks version 2 over IPv6 where an instance says so and is not strict.
    fn version(&mut self, instance: &Instance, family: Family, strict: Option<Strict>) -> Version {
        let said = instance.version.as_ref();
        let Some(said) = said.filter(|said| family == Family::Ipv6 && said.value == Version::V2) else {
            return match family {
                Family::Ipv4 => {
                    said.map(|said| said.value).or(self.model.globals.version).unwrap_or(Version::V2)
                }
                Family::Ipv6 => Version::V3,
            };
        };
        let name = &instance.name.value;
        let because = strict.map(Strict::span).or(instance.native_ipv6);
        if let Some(because) = because {
            let severity = if strict.is_some() { Severity::Error } else { Severity::Warning };
            let message = format!("instance `{name}` has IPv6 addresses, which need version 3");
            self.report(
                Diagnostic::new(severity, code::VERSION_FORCED, message)
                    .primary(said.span, "version 3 is used")
                    .secondary(because, "because of this"),
            );
            return Version::V3;
        }
        self.report(
            Diagnostic::warning(
                code::VERSION_2_IPV6,
                format!("instance `{name}` speaks version 2 over IPv6, which is in no RFC"),
            )
            .primary(said.span, "only keepalived and this agent understand it")
            .help("say `version 3` on all routers of the group"),
        );
        Version::V2
    }

    /// RFC 9568 §5.2.5 demands one address at least. RFC 3768 does not, but adverts of both versions that name none are
    /// rejected: two such routers would both be master.
    fn has_addresses(&mut self, instance: &Instance) -> bool {
        if instance.addresses.is_empty() && instance.names_addresses {
            // What is wrong with them was said line by line.
            self.report(
                Diagnostic::note(code::NO_ADDRESS, format!("instance `{}` is left out", instance.name.value))
                    .primary(instance.name.span, "none of its virtual addresses can be read"),
            );
        } else if instance.addresses.is_empty() {
            let message = format!("instance `{}` has no virtual address", instance.name.value);
            let block = instance.place_of(&["virtual_ipaddress"]);
            self.report(
                Diagnostic::error(code::NO_ADDRESS, message)
                    .primary(
                        block.unwrap_or(instance.name.span),
                        match block {
                            Some(_) => "expected an address in this block",
                            None => "expected `virtual_ipaddress { … }` in this block",
                        },
                    )
                    .help(format!("{}: adverts that name no address are rejected", left_out(instance))),
            );
        }
        !instance.addresses.is_empty()
    }

    /// Whole seconds in version 2 (RFC 3768 §5.3.7), centiseconds up to 40.95 s in version 3 (RFC 9568 §5.2.7).
    fn interval(&mut self, instance: &Instance, version: Version) -> AdvertInterval {
        let Some(said) = &instance.interval else { return AdvertInterval::DEFAULT };
        let (unit_us, most) = match version {
            Version::V2 => (1_000_000, 255),
            Version::V3 => (10_000, u64::from(AdvertInterval::MAX_V3_CENTISECONDS)),
        };
        let units = said.value.saturating_add(unit_us / 2) / unit_us;
        let units = units.clamp(1, most);
        let used_us = units * unit_us;
        if used_us != said.value {
            let fits = match version {
                Version::V2 => "whole seconds from 1 to 255",
                Version::V3 => "hundredths of a second from 0.01 to 40.95",
            };
            let message = format!("`advert_int {}` does not fit version {version}", Seconds(said.value));
            self.report(
                Diagnostic::error(code::ROUNDED, message)
                    .primary(said.span, format!("{} is used", Seconds(used_us)))
                    .help(format!("version {version} takes {fits}, the same on all routers of the group")),
            );
        }
        u16::try_from(used_us / 10_000)
            .ok()
            .and_then(AdvertInterval::from_centiseconds)
            .unwrap_or(AdvertInterval::DEFAULT)
    }
}

/// Commands with who runs them, and what else is told when a state changes.
pub(super) fn notify(own: &Notify, globals: &Globals) -> NotifyPlan {
    let with_user = |command: &Option<Command>| {
        command.clone().map(|command| {
            let user = command.user.or_else(|| globals.script_user.clone());
            Box::new(Command { user, ..command })
        })
    };
    let mail = &globals.kept.mail;
    NotifyPlan {
        master: with_user(&own.master),
        backup: with_user(&own.backup),
        fault: with_user(&own.fault),
        stop: with_user(&own.stop),
        any: with_user(&own.any),
        lower_priority: with_user(&own.lower_priority),
        deleted: with_user(&own.deleted),
        says_deleted: own.says_deleted,
        mail: own.mail.or(mail.alert_vrrp).or(mail.alert),
        priorities: own.priorities.or(globals.kept.fifos.priority_changes.then_some(true)),
    }
}
