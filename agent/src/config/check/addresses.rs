//! Rules about the addresses of one instance: family, duplicates, and how many fit an advert.

use std::{collections::BTreeMap, net::IpAddr};

use regent_common::{Family, Version, advert};

use super::{Checker, model::Instance, strict::Strict};
use crate::config::{
    diagnostic::{Diagnostic, Severity, code},
    model::Spanned,
    plan::{self, AddressPlan},
};

/// The MTU that an advert must fit: that of Ethernet, since the interface is not known off-box.
const MTU: usize = 1_500;

/// What makes two addresses one: a link-local address is another one on each interface.
pub(super) type Identity = (IpAddr, Option<String>);

/// See [`Identity`].
pub(super) fn identity(address: &AddressPlan, interface: &str) -> Identity {
    let link_local = match address.address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let device = address.device.as_deref().unwrap_or(interface);
    (address.address, link_local.then(|| device.to_owned()))
}

/// The family of an address.
pub(super) const fn family(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::Ipv4,
        IpAddr::V6(_) => Family::Ipv6,
    }
}

/// The family of an instance: that of its first address, else of whatever else has one.
pub(super) fn family_of(instance: &Instance) -> Family {
    let travel = &instance.travel;
    let first = instance.addresses.first().map(|first| first.value.address);
    let source =
        travel.unicast_source.as_ref().or(travel.multicast_source.as_ref()).map(|source| source.value);
    let peer = travel.peers.first().map(|peer| peer.value.address);
    let otherwise = if instance.native_ipv6.is_some() { Family::Ipv6 } else { Family::Ipv4 };
    first.or(source).or(peer).map_or(otherwise, family)
}

/// The most addresses that fit an advert.
pub(super) const fn capacity(version: Version, family: Family) -> usize {
    let header = match family {
        Family::Ipv4 => 20,
        Family::Ipv6 => 40,
    };
    let fit = (MTU - header - advert::length(version, family, 0)) / family.address_length();
    if fit < advert::MAX_ADDRESSES { fit } else { advert::MAX_ADDRESSES }
}

/// Addresses named in adverts, and addresses that are not.
pub(super) struct Addresses {
    pub advertised: Vec<AddressPlan>,
    pub excluded: Vec<AddressPlan>,
}

impl Checker<'_> {
    /// Sorts the addresses of an instance out: those of the other family and repeated ones go, surplus ones are
    /// assigned and not named in adverts.
    pub(super) fn addresses(
        &mut self,
        instance: &Instance,
        interface: &str,
        version: Version,
        family: Family,
        strict: Option<Strict>,
    ) -> Addresses {
        let mut seen = BTreeMap::new();
        let mut fresh = |checker: &mut Self, address: &Spanned<AddressPlan>| {
            let first = *seen.entry(identity(&address.value, interface)).or_insert(address.span);
            if first != address.span {
                let message =
                    format!("`{}` is named twice in `{}`", address.value.address, instance.name.value);
                checker.report(
                    Diagnostic::warning(code::DUPLICATE_ADDRESS, message)
                        .primary(address.span, "ignored: the first one counts")
                        .secondary(first, "named here first"),
                );
            }
            first == address.span
        };
        let mut advertised = Vec::new();
        for address in &instance.addresses {
            if self::family(address.value.address) != family {
                self.report_family(address, family);
            } else if fresh(self, address) {
                advertised.push(address.clone());
            }
        }
        self.link_local_first(&mut advertised, strict);
        let surplus = advertised.split_off(advertised.len().min(capacity(version, family)));
        if let Some(first) = surplus.first() {
            let fit = advertised.len();
            let message = format!(
                "`{}` has {} addresses, and an advert has room for {fit}",
                instance.name.value,
                fit + surplus.len()
            );
            self.report(
                Diagnostic::error(code::TOO_MANY_ADDRESSES, message)
                    .primary(first.span, "from here on, addresses are assigned and not named in adverts")
                    .help("move them to virtual_ipaddress_excluded"),
            );
        }
        let mut excluded: Vec<AddressPlan> = surplus.into_iter().map(|address| address.value).collect();
        for address in &instance.excluded {
            if fresh(self, address) {
                excluded.push(address.value.clone());
            }
        }
        Addresses { advertised: advertised.into_iter().map(|address| address.value).collect(), excluded }
    }

    /// RFC 9568 §5.2.9: the first IPv6 address MUST be the link-local one.
    fn link_local_first(&mut self, advertised: &mut [Spanned<AddressPlan>], strict: Option<Strict>) {
        let Some((first, IpAddr::V6(address))) =
            advertised.first().map(|first| (first.span, first.value.address))
        else {
            return;
        };
        match plan::link_local_first(advertised, |address| address.value.address) {
            Some(0) => {}
            Some(_) => {
                let Some(moved) = advertised.first() else { return };
                let message = format!("`{}` comes first in the adverts", moved.value.address);
                self.report(
                    Diagnostic::note(code::NOT_LINK_LOCAL, message)
                        .primary(moved.span, "the first address must be link-local (RFC 9568 5.2.9)")
                        .secondary(first, "first in the config")
                        .help("keepalived sends the order of the config: write it first on all routers"),
                );
            }
            None => {
                let severity = if strict.is_some() { Severity::Error } else { Severity::Note };
                let message = format!("`{address}` is the first address and not link-local");
                self.report(
                    Diagnostic::new(severity, code::NOT_LINK_LOCAL, message)
                        .primary(first, "other routers than keepalived may reject the adverts")
                        .help("name the group's link-local address (fe80::…) first"),
                );
            }
        }
    }

    fn report_family(&mut self, address: &Spanned<AddressPlan>, family: Family) {
        let message = format!("`{}` is not an {family} address, as the first one is", address.value.address);
        self.report(
            Diagnostic::error(code::WRONG_FAMILY, message)
                .primary(address.span, "ignored")
                .help("move it to virtual_ipaddress_excluded, or to an instance of its own"),
        );
    }
}
