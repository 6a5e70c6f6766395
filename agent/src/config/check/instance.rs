//! Rules about one instance.

use std::time::Duration;

use regent_common::{
    AdvertInterval, BackupPriority, Family, LocalPriority, Version,
    advert::{AUTHENTICATION_LENGTH, Authentication, ChecksumForm},
};
use regent_vrrp::{Announcements, Preemption};

use super::{
    Checker, addresses, left_out,
    model::{AuthenticationType, Garp, Instance, Required, Spanned, State, Tracker, Weight},
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    keyword::Seconds,
    plan::{Command, InstancePlan, NotifyPlan, TrackedInterface, TrackedScript, Transport},
};

/// RFC 9568 §6.1 and RFC 3768 §6.2: Master_Down_Interval is 3 × the interval plus the skew.
const DOWN_TIMER_ADVERTS: u8 = 3;

impl Checker<'_> {
    /// The plan of an instance; `None` when it cannot be run, which is then diagnosed.
    pub(super) fn instance(&mut self, instance: &Instance) -> Option<InstancePlan> {
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
        let family =
            instance.addresses.first().map_or(Family::Ipv4, |first| addresses::family(first.value.address));
        let version = self.version(instance, family);
        let has_addresses = self.has_addresses(instance, version);
        let priority = self.priority(instance);
        let preemption = self.preemption(instance, priority);
        let interval = self.interval(instance, version);
        let authentication = self.authentication(instance, version);
        let track_scripts = self.track_scripts(instance, priority);
        let track_interfaces = self.track_interfaces(instance, priority);
        let (interface, vrid) = required?;
        let addresses = self.addresses(instance, &interface, version, family);
        let globals = &self.model.globals;
        let as_v2 = instance.checksum_as_v2.or(globals.checksum_as_v2).unwrap_or(false);
        let plan = InstancePlan {
            name: instance.name.value.clone(),
            interface,
            vrid,
            family,
            transport: Transport::standard(family),
            source: None,
            tracks_source: false,
            tracks_interface: true,
            version,
            priority,
            interval,
            preemption,
            announcements: announcements(&instance.garp, &globals.garp),
            asserts: true,
            concedes: true,
            accepts: true,
            authentication: authentication?,
            checksum: if as_v2 { ChecksumForm::MessageOnly } else { ChecksumForm::PseudoHeader },
            down_timer_adverts: instance
                .down_timer_adverts
                .or(globals.down_timer_adverts)
                .unwrap_or(DOWN_TIMER_ADVERTS),
            addresses: addresses.advertised,
            excluded: addresses.excluded,
            track_interfaces,
            track_scripts: track_scripts?,
            notify: self.notify(instance),
        };
        has_addresses.then_some(plan)
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
        let Some(default) = self.model.globals.default_interface.clone() else {
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
        let message = format!("instance `{}` lacks `{word}`", instance.name.value);
        self.report(
            Diagnostic::error(code::INSTANCE_INCOMPLETE, message)
                .primary(instance.name.span, format!("expected `{word}` in this block"))
                .help(left_out(instance)),
        );
    }

    /// IPv6 is version 3 alone (RFC 9568 §1); RFC 3768 knows IPv4 only.
    fn version(&mut self, instance: &Instance, family: Family) -> Version {
        match (family, &instance.version) {
            (Family::Ipv4, Some(version)) => version.value,
            (Family::Ipv4, None) => self.model.globals.version.unwrap_or(Version::V2),
            (Family::Ipv6, Some(said)) if said.value == Version::V2 => {
                let message =
                    format!("instance `{}` has IPv6 addresses, which need version 3", instance.name.value);
                self.report(
                    Diagnostic::warning(code::VERSION_FORCED, message)
                        .primary(said.span, "version 3 is used"),
                );
                Version::V3
            }
            (Family::Ipv6, Some(_) | None) => Version::V3,
        }
    }

    /// RFC 9568 §5.2.5 demands one address at least; RFC 3768 does not.
    fn has_addresses(&mut self, instance: &Instance, version: Version) -> bool {
        if !instance.addresses.is_empty() {
            return true;
        }
        let message = format!("instance `{}` has no virtual address", instance.name.value);
        let (diagnostic, admitted) = match version {
            Version::V2 => {
                (Diagnostic::warning(code::NO_ADDRESS, message).help("its adverts name none"), true)
            }
            Version::V3 => {
                let help = format!("version 3 demands at least one: {}", left_out(instance));
                (Diagnostic::error(code::NO_ADDRESS, message).help(help), false)
            }
        };
        self.report(
            diagnostic.primary(instance.name.span, "expected `virtual_ipaddress { … }` in this block"),
        );
        admitted
    }

    fn priority(&mut self, instance: &Instance) -> LocalPriority {
        match (&instance.priority, &instance.state) {
            (Some(priority), _) => priority.value,
            (None, Some(Spanned { value: State::Master, span })) => {
                self.report(
                    Diagnostic::warning(
                        code::STATE_MASTER,
                        "`state MASTER` without priority means priority 255",
                    )
                    .primary(*span, "this instance counts as the owner of its addresses")
                    .help("say `priority N` if it is not"),
                );
                LocalPriority::Owner
            }
            (None, Some(_) | None) => LocalPriority::Backup(BackupPriority::DEFAULT),
        }
    }

    fn preemption(&mut self, instance: &Instance, priority: LocalPriority) -> Preemption {
        let master = instance.state.as_ref().filter(|state| state.value == State::Master);
        let mut never = instance.no_preempt;
        let mut delay = instance.preempt_delay.clone();
        if let Some(master) = master {
            let words = [
                never.take().map(|span| ("nopreempt", span)),
                delay.take().map(|said| ("preempt_delay", said.span)),
            ];
            for (word, span) in words.into_iter().flatten() {
                self.report(
                    Diagnostic::warning(
                        code::STATE_MASTER,
                        format!("`{word}` does not go with `state MASTER`"),
                    )
                    .primary(span, "has no effect")
                    .secondary(master.span, "because of this")
                    .help("say `state BACKUP` on all routers of the group"),
                );
            }
        }
        if let Some(span) = never.filter(|_| priority == LocalPriority::Owner) {
            // RFC 9568 §6.1: the owner preempts independently of Preempt_Mode.
            never = None;
            self.report(
                Diagnostic::warning(code::PREEMPTION, "`nopreempt` does not go with priority 255")
                    .primary(span, "has no effect: the owner of the addresses always takes over"),
            );
        }
        if let (Some(nopreempt), Some(said)) = (never, &delay) {
            self.report(
                Diagnostic::warning(code::PREEMPTION, "`preempt_delay` does not go with `nopreempt`")
                    .primary(said.span, "has no effect")
                    .secondary(nopreempt, "because of this"),
            );
        }
        match never {
            Some(_) => Preemption::Never,
            None => Preemption::After(delay.map_or(Duration::ZERO, |delay| delay.value)),
        }
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

    /// `None` when the instance must not run without what was asked for.
    fn authentication(&mut self, instance: &Instance, version: Version) -> Option<Authentication> {
        let Some(said) = &instance.authentication else { return Some(Authentication::None) };
        if version == Version::V3 {
            // RFC 9568 §5.2.6 and §9: version 3 has no authentication.
            self.report(
                Diagnostic::warning(code::AUTHENTICATION, "version 3 has no authentication").primary(
                    said.span,
                    format!("ignored: instance `{}` speaks version 3", instance.name.value),
                ),
            );
            return Some(Authentication::None);
        }
        match &said.kind {
            Required::Good(Spanned { value: AuthenticationType::Password, .. }) => {}
            Required::Good(Spanned { value: AuthenticationType::Header, span }) => {
                self.report(
                    Diagnostic::error(code::AUTHENTICATION, "`auth_type AH` is not supported yet")
                        .primary(*span, left_out(instance))
                        .help("without it this router and its peers would reject each other, and both be master"),
                );
                return None;
            }
            Required::Bad => return Some(Authentication::None),
            Required::Absent => {
                self.report(
                    Diagnostic::error(code::AUTHENTICATION, "`authentication` lacks `auth_type`")
                        .primary(said.span, "no authentication is used")
                        .help("say `auth_type PASS`"),
                );
                return Some(Authentication::None);
            }
        }
        let Some(password) = said.password.as_ref().filter(|password| !password.value.is_empty()) else {
            self.report(
                Diagnostic::error(code::AUTHENTICATION, "`auth_type PASS` lacks a password")
                    .primary(
                        said.password.as_ref().map_or(said.span, |password| password.span),
                        "no authentication is used",
                    )
                    .help("say `auth_pass PASSWORD`"),
            );
            return Some(Authentication::None);
        };
        Some(Authentication::Password(self.password(password)))
    }

    /// Eight bytes, padded with zeros.
    fn password(&mut self, password: &Spanned<String>) -> [u8; AUTHENTICATION_LENGTH] {
        if password.value.len() > AUTHENTICATION_LENGTH {
            self.report(
                Diagnostic::warning(code::PASSWORD_CUT, "`auth_pass` is longer than eight bytes")
                    .primary(password.span, "the first eight are used, as keepalived does"),
            );
        }
        let mut bytes = [0; AUTHENTICATION_LENGTH];
        for (to, from) in bytes.iter_mut().zip(password.value.bytes()) {
            *to = from;
        }
        bytes
    }

    /// Priority 255 never changes (RFC 9568 §6.1: the owner's MUST be 255), so weights on it mean nothing.
    fn keeps_weight(&mut self, tracker: &Tracker, weight: Weight, priority: LocalPriority) -> bool {
        let ignored = weight.value != 0 && priority == LocalPriority::Owner;
        if ignored {
            let message = format!("`{}` cannot change priority 255 by its weight", tracker.name.value);
            self.report(
                Diagnostic::warning(code::OWNER_WEIGHT, message)
                    .primary(tracker.name.span, "this tracker has no effect")
                    .help("give a lower priority, or leave the weight out: then its failure means FAULT"),
            );
        }
        !ignored
    }

    fn track_interfaces(&mut self, instance: &Instance, priority: LocalPriority) -> Vec<TrackedInterface> {
        let mut tracked = Vec::new();
        for tracker in &instance.track_interfaces {
            let weight = tracker.weight.unwrap_or_default();
            if self.keeps_weight(tracker, weight, priority) {
                let name = tracker.name.value.clone();
                tracked.push(TrackedInterface { name, weight: weight.value, reverse: weight.reverse });
            }
        }
        tracked
    }

    /// `None` when a script is missing: keepalived would forget it and become master whatever it was to guard.
    fn track_scripts(&mut self, instance: &Instance, priority: LocalPriority) -> Option<Vec<TrackedScript>> {
        let mut tracked = Some(Vec::new());
        for tracker in &instance.track_scripts {
            let Some(default) = self.scripts.weight(&tracker.name.value) else {
                self.report_unknown_script(instance, tracker);
                tracked = None;
                continue;
            };
            let weight = tracker.weight.unwrap_or(default);
            if self.keeps_weight(tracker, weight, priority) {
                let name = tracker.name.value.clone();
                let script = TrackedScript { name, weight: weight.value, reverse: weight.reverse };
                tracked.iter_mut().for_each(|list| list.push(script.clone()));
            }
        }
        tracked
    }

    fn report_unknown_script(&mut self, instance: &Instance, tracker: &Tracker) {
        let name = &tracker.name.value;
        let block = self.scripts.block(name);
        let (what, remark) = match block {
            Some(_) => ("cannot be run", "its block is at fault"),
            None => ("does not exist", "no `vrrp_script` block has this name"),
        };
        let search = block.is_none() && !self.diagnostics.is_full();
        let nearest = if search { self.scripts.quoted_nearest(name) } else { String::new() };
        let mut diagnostic =
            Diagnostic::error(code::UNKNOWN_SCRIPT, format!("tracked script `{name}` {what}"))
                .primary(tracker.name.span, remark)
                .help(nearest)
                .help(format!("{}, since nothing would guard it", left_out(instance)));
        if let Some(block) = block {
            diagnostic = diagnostic.secondary(block, "this block");
        }
        self.report(diagnostic);
    }

    fn notify(&self, instance: &Instance) -> NotifyPlan {
        let default = &self.model.globals.script_user;
        let with_user = |command: &Option<Command>| {
            command.clone().map(|command| {
                Box::new(Command { user: command.user.or_else(|| default.clone()), ..command })
            })
        };
        NotifyPlan {
            master: with_user(&instance.notify.master),
            backup: with_user(&instance.notify.backup),
            fault: with_user(&instance.notify.fault),
            stop: with_user(&instance.notify.stop),
            any: with_user(&instance.notify.any),
        }
    }
}

/// What the instance says, else what `global_defs` says, else keepalived's defaults; after a lower priority the same
/// as after becoming master, unless said otherwise.
fn announcements(own: &Garp, globals: &Garp) -> Announcements {
    let default = Announcements::default();
    let delay = own.delay.or(globals.delay).unwrap_or(default.delay);
    let repeat = own.repeat.or(globals.repeat).unwrap_or(default.repeat);
    Announcements {
        repeat,
        delay,
        refresh: own.refresh.or(globals.refresh).unwrap_or(default.refresh),
        refresh_repeat: own.refresh_repeat.or(globals.refresh_repeat).unwrap_or(default.refresh_repeat),
        lower_priority_repeat: own.lower_repeat.or(globals.lower_repeat).unwrap_or(repeat),
        lower_priority_delay: own.lower_delay.or(globals.lower_delay).unwrap_or(delay),
    }
}
