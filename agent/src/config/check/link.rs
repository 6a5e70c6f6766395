//! Rules about the interfaces that an instance asks for beside its own.

use regent_common::{Family, Vrid};

use super::{
    Checker, addresses,
    model::{self, Instance, Required},
    route::Route,
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    plan::{Ipvlan, LinkPlan, Mac, OwnInterface, Transport, Vmac},
};

impl Checker<'_> {
    pub(super) fn link(
        &mut self,
        instance: &Instance,
        interface: &str,
        vrid: Vrid,
        family: Family,
        route: &Route,
    ) -> LinkPlan {
        let said = &instance.link;
        if let (Some(vmac), Some(ipvlan)) = (&said.vmac, &said.ipvlan) {
            self.report(
                Diagnostic::error(code::OWN_INTERFACE, "`use_vmac` and `use_ipvlan` exclude each other")
                    .primary(vmac.span, "has no effect")
                    .secondary(ipvlan.span, "because of this"),
            );
        }
        let own = match (&said.vmac, &said.ipvlan) {
            (_, Some(ipvlan)) => Some(OwnInterface::Ipvlan(self.ipvlan(ipvlan, family, route))),
            (Some(vmac), None) => Some(OwnInterface::Vmac(self.vmac(&vmac.value, interface, vrid))),
            (None, None) => None,
        };
        LinkPlan {
            adverts_below: own.is_some()
                && (said.adverts_below.is_some() || matches!(route.transport, Transport::Unicast(_))),
            own: own.map(Box::new),
            own_for_addresses: said.own_for_addresses.is_some(),
            vrf: self.vrf(instance),
            promotes_secondaries: said.promotes_secondaries,
            polls: said.polls,
            sync_interface: said.sync_interface.as_ref().map(|interface| interface.value.clone()),
        }
    }

    /// A VRF is for an instance that names no interface.
    fn vrf(&mut self, instance: &Instance) -> Option<String> {
        let said = instance.link.vrf.as_ref()?;
        if let Required::Good(interface) = &instance.interface {
            self.report(
                Diagnostic::warning(code::OWN_INTERFACE, "`vrf` does not go with `interface`")
                    .primary(said.span, "has no effect")
                    .secondary(interface.span, "because of this: the interface says the VRF"),
            );
            return None;
        }
        Some(said.value.clone())
    }

    fn vmac(&mut self, said: &model::Vmac, interface: &str, vrid: Vrid) -> Vmac {
        let mac = said.mac.as_ref().map(|mac| {
            let [a, b, c, d, e] = mac.value.begin;
            Mac([a, b, c, d, e, mac.value.end.unwrap_or(vrid.get())])
        });
        Vmac {
            name: self.own_name(said.name.as_ref(), interface),
            mac,
            notifies: said.notifies,
            group: said.group,
        }
    }

    fn own_name(&mut self, said: Option<&model::Spanned<String>>, interface: &str) -> Option<String> {
        let name = said?;
        if name.value == interface {
            let message = format!("`{interface}` is the interface that adverts use");
            self.report(
                Diagnostic::error(code::OWN_INTERFACE, message)
                    .primary(name.span, "another one of this name cannot be made")
                    .help("it is named `vrrp.` and the VRID"),
            );
            return None;
        }
        Some(name.value.clone())
    }

    fn ipvlan(&mut self, ipvlan: &model::Spanned<model::Ipvlan>, family: Family, route: &Route) -> Ipvlan {
        let said = &ipvlan.value;
        let fits = |address: &&model::Spanned<std::net::IpAddr>| addresses::family(address.value) == family;
        if let Some(odd) = said.address.as_ref().filter(|address| !fits(address)) {
            let message = format!("`{}` is not an {family} address, as the virtual ones are", odd.value);
            self.report(Diagnostic::error(code::WRONG_FAMILY, message).primary(odd.span, "ignored"));
        }
        let address = said.address.as_ref().filter(fits).map(|address| address.value);
        if address.is_none() && route.source.is_none() && family == Family::Ipv4 {
            self.report(
                Diagnostic::error(
                    code::OWN_INTERFACE,
                    "`use_ipvlan` lacks the address that adverts come from",
                )
                .primary(ipvlan.span, "an IPv4 instance needs one of its own there")
                .help("say `use_ipvlan ADDRESS`"),
            );
        }
        Ipvlan {
            name: said.name.as_ref().map(|name| name.value.clone()),
            address,
            mode: said.mode,
            group: said.group,
        }
    }
}
