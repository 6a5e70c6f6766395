//! Whether the interfaces are there and fit for adverts.

use std::collections::BTreeSet;

use regent_common::{Family, advert};

use super::{Interface, Look};
use crate::config::{
    diagnostic::{Diagnostic, code},
    keyword,
    model::{self, Required},
    plan::{InstancePlan, Transport},
    source::Span,
};

/// Looking for a slip compares with no more names than these.
const MAX_COMPARED: usize = 500;

impl Look<'_> {
    pub(super) fn interfaces(&mut self, there: &[Interface]) {
        let loaded = self.loaded;
        let mut own = BTreeSet::new();
        for (plan, written) in loaded.instances() {
            let place = place_of_interface(written);
            own.insert(place);
            match there.iter().find(|interface| interface.name == plan.interface) {
                Some(interface) => self.fitness(plan, interface, place),
                None => {
                    let what = format!("instance `{}` is in FAULT until it is there", plan.name);
                    self.missing(&plan.interface, place, &what, there);
                }
            }
        }
        let mut said: BTreeSet<&str> = BTreeSet::new();
        for named in &loaded.model.named.interfaces {
            let known = there.iter().any(|interface| interface.name == named.value);
            if !known && !own.contains(&named.span) && said.insert(&named.value) {
                self.missing(&named.value, named.span, "it counts as down", there);
            }
        }
    }

    fn missing(&mut self, name: &str, place: Span, consequence: &str, there: &[Interface]) {
        let names = there.iter().take(MAX_COMPARED).map(|interface| interface.name.as_str());
        let nearest = keyword::quoted_nearest(name, names.clone());
        let all = if nearest.is_empty() && there.len() <= 12 {
            format!("there are {}", names.collect::<Vec<_>>().join(", "))
        } else {
            nearest
        };
        self.report(
            Diagnostic::error(code::NO_INTERFACE, format!("this host has no interface `{name}`"))
                .primary(place, consequence)
                .help(all),
        );
    }

    fn fitness(&mut self, plan: &InstancePlan, interface: &Interface, place: Span) {
        let name = &interface.name;
        if !interface.up && plan.tracks_interface {
            let why = if interface.switched_on { "has no carrier" } else { "is switched off" };
            self.report(
                Diagnostic::warning(code::INTERFACE_DOWN, format!("`{name}` {why}"))
                    .primary(place, format!("instance `{}` is in FAULT while that is so", plan.name)),
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
                    .primary(place, format!("the IPv6 addresses of `{}` cannot be assigned", plan.name))
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
