//! Whether the interfaces are there and fit for adverts.

use std::collections::BTreeSet;

use regent_common::{Family, advert};

use super::{Interface, Look};
use crate::config::{
    diagnostic::{Diagnostic, Severity, code},
    keyword,
    model::{self, Required},
    plan::{InstancePlan, Transport},
    source::Span,
};

/// Looking for a slip compares with no more names than these.
const MAX_COMPARED: usize = 500;
/// More interfaces than these are not listed.
const MAX_LISTED: usize = 12;

impl Look<'_> {
    pub(super) fn interfaces(&mut self, there: &[Interface]) {
        let loaded = self.loaded;
        let mut needed = BTreeSet::new();
        for (plan, written) in loaded.instances() {
            let place = place_of_interface(written);
            match there.iter().find(|interface| interface.name == plan.interface) {
                Some(interface) => self.fitness(plan, interface, place),
                None => self.missing(Severity::Error, &plan.interface, place, there),
            }
            let tracked = plan.track_interfaces.iter().filter(|tracked| tracked.weight == 0);
            needed.extend(tracked.map(|tracked| tracked.name.as_str()));
            let addresses = plan.addresses.iter().chain(&plan.excluded).filter(|plan| plan.tracks_device);
            needed.extend(addresses.filter_map(|address| address.device.as_deref()));
        }
        for named in &loaded.model.named.interfaces {
            if !there.iter().any(|interface| interface.name == named.value) {
                let severity = match needed.contains(named.value.as_str()) {
                    true => Severity::Error,
                    false => Severity::Warning,
                };
                self.missing(severity, &named.value, named.span, there);
            }
        }
    }

    /// `dynamic_interfaces` says that some come later: one that is not there yet is as it was meant.
    fn missing(&mut self, severity: Severity, name: &str, place: Span, there: &[Interface]) {
        let expected = self.loaded.model.globals.said.get("dynamic_interfaces").copied();
        let consequence = match severity {
            Severity::Error => "who depends on it is in FAULT until it is there",
            Severity::Warning | Severity::Note => "has no effect until it is there",
        };
        let severity = if expected.is_some() { severity.min(Severity::Warning) } else { severity };
        let message = format!("this host has no interface `{name}`");
        if self.said.contains(&message) {
            return;
        }
        let names = there.iter().take(MAX_COMPARED).map(|interface| interface.name.as_str());
        let nearest = keyword::quoted_nearest(name, names.clone());
        let all = if nearest.is_empty() && there.len() <= MAX_LISTED {
            format!("there are {}", names.collect::<Vec<_>>().join(", "))
        } else {
            nearest
        };
        let diagnostic =
            Diagnostic::new(severity, code::NO_INTERFACE, message).primary(place, consequence).help(all);
        self.report(match expected {
            Some(expected) => diagnostic.secondary(expected, "interfaces may come later"),
            None => diagnostic,
        });
    }

    fn fitness(&mut self, plan: &InstancePlan, interface: &Interface, place: Span) {
        let name = &interface.name;
        if !interface.up && plan.tracks_interface {
            let why = if interface.switched_on { "has no carrier" } else { "is switched off" };
            self.report(
                Diagnostic::warning(code::INTERFACE_DOWN, format!("`{name}` {why}"))
                    .primary(place, "FAULT while that is so"),
            );
        }
        if interface.loopback {
            self.report(
                Diagnostic::warning(code::INTERFACE_UNFIT, format!("`{name}` is the loopback interface"))
                    .primary(place, "no other router hears the adverts"),
            );
        } else if !interface.multicast && matches!(plan.transport, Transport::Multicast { .. }) {
            self.report(
                Diagnostic::error(code::INTERFACE_UNFIT, format!("`{name}` does no multicast"))
                    .primary(place, "no advert can be sent to the group")
                    .help("name the other routers in `unicast_peer { … }`"),
            );
        }
        let header = match plan.family {
            Family::Ipv4 => 20,
            Family::Ipv6 => 40,
        };
        let bytes = header + advert::length(plan.version, plan.family, plan.addresses.len());
        if u32::try_from(bytes).is_ok_and(|bytes| bytes > interface.mtu) {
            let message = format!(
                "adverts of `{}` have {bytes} bytes, and `{name}` carries {}",
                plan.name, interface.mtu
            );
            self.report(
                Diagnostic::error(code::ADVERT_TOO_LARGE, message)
                    .primary(place, "they cannot be sent whole")
                    .help("move addresses to virtual_ipaddress_excluded, or raise the MTU"),
            );
        }
        let v6 = plan.family == Family::Ipv6
            || plan.addresses.iter().chain(&plan.excluded).any(|address| address.address.is_ipv6());
        if v6 && interface.ipv6_off {
            self.report(
                Diagnostic::error(code::IPV6_OFF, format!("IPv6 is switched off on `{name}`"))
                    .primary(place, "no IPv6 address can be assigned there")
                    .help(format!("sysctl net.ipv6.conf.{name}.disable_ipv6=0")),
            );
        }
    }
}

/// Where an instance names its interface.
pub(super) fn place_of_interface(written: &model::Instance) -> Span {
    match &written.interface {
        Required::Good(interface) => interface.span,
        Required::Absent | Required::Bad => written.name.span,
    }
}
