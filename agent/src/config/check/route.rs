//! Rules about the way of adverts: multicast or unicast, from which address, to whom, with which checksum.

use std::{collections::BTreeMap, net::IpAddr};

use regent_common::{Family, LocalPriority, Version, advert::ChecksumForm, ipv4, ipv6};

use super::{
    Checker, addresses, left_out,
    model::{self, Instance, OldChecksum, Spanned, Travel},
};
use crate::config::{
    diagnostic::{Diagnostic, Severity, code},
    plan::{PeerPlan, Transport, Unicast},
    source::Span,
};

/// TTL and hop limit of unicast adverts unless said otherwise; RFC 9568 §5.1.1.3 has 255 for multicast.
const UNICAST_TTL: u8 = 255;

/// The way of an instance's adverts.
pub(super) struct Route {
    pub transport: Transport,
    pub source: Option<IpAddr>,
    pub tracks_source: bool,
}

impl Checker<'_> {
    /// The way of an instance's adverts; `None` when it would miss one of its peers, who would then be master as well.
    pub(super) fn route(
        &mut self,
        instance: &Instance,
        family: Family,
        priority: LocalPriority,
    ) -> Option<Route> {
        let travel = &instance.travel;
        let unicast = !travel.peers.is_empty() || travel.lost_peer;
        let source = self.source(instance, family, unicast);
        let peers = self.peers(instance, family, source.as_ref())?;
        if peers.is_empty() && !self.falls_back(instance) {
            return None;
        }
        let unicast = !peers.is_empty();
        let tracks_source = self.tracks_source(travel, source.as_ref(), unicast);
        if let Some(source) = source.as_ref().filter(|_| priority != LocalPriority::Owner) {
            self.report_virtual_source(instance, source, tracks_source);
        }
        self.report_link_local(travel, source.as_ref(), family, unicast);
        let group = self.group(travel, family, unicast);
        let transport = if unicast {
            let bounded = peers.iter().any(|peer| peer.ttl_min > 0 || peer.ttl_max < u8::MAX);
            let said = travel.checks_source.as_ref().map(|said| said.value);
            Transport::Unicast(Unicast {
                peers,
                ttl: travel.ttl.as_ref().map_or(UNICAST_TTL, |ttl| ttl.value),
                // As keepalived: bounds belong to a peer, so whoever is none has to be told apart.
                checks_source: bounded || said.or(self.model.globals.checks_source).unwrap_or(false),
            })
        } else {
            Transport::Multicast { group }
        };
        Some(Route { transport, source: source.map(|source| source.value), tracks_source })
    }

    /// The address that adverts come from, when it is said: keepalived's two words for it do the same.
    fn source(&mut self, instance: &Instance, family: Family, unicast: bool) -> Option<Spanned<IpAddr>> {
        let mut usable = |said: &Option<Spanned<IpAddr>>| {
            let said = said.as_ref()?;
            let fits = addresses::family(said.value) == family;
            if !fits {
                let message = format!(
                    "`{}` is not an {family} address, as those of `{}` are",
                    said.value, instance.name.value
                );
                self.report(
                    Diagnostic::error(code::WRONG_FAMILY, message)
                        .primary(said.span, "the interface's own address is used"),
                );
            }
            fits.then(|| said.clone())
        };
        let (multicast, own) =
            (usable(&instance.travel.multicast_source), usable(&instance.travel.unicast_source));
        let (first, second, way) =
            if unicast { (own, multicast, "unicast") } else { (multicast, own, "multicast") };
        if let (Some(used), Some(unused)) = (&first, &second)
            && used.value != unused.value
        {
            let message = format!("`{}` names two addresses that adverts come from", instance.name.value);
            self.report(
                Diagnostic::warning(code::SOURCE, message)
                    .primary(unused.span, "has no effect")
                    .secondary(used.span, format!("is used, since adverts go by {way}")),
            );
        }
        first.or(second)
    }

    /// The peers, each once. `None` when one of them cannot be used.
    fn peers(
        &mut self,
        instance: &Instance,
        family: Family,
        source: Option<&Spanned<IpAddr>>,
    ) -> Option<Vec<PeerPlan>> {
        let mut lost = instance.travel.lost_peer;
        let mut own: BTreeMap<IpAddr, (Span, &str)> = instance
            .addresses
            .iter()
            .chain(&instance.excluded)
            .map(|address| (address.value.address, (address.span, "a virtual address")))
            .collect();
        own.extend(source.map(|source| (source.value, (source.span, "its adverts come from here"))));
        let mut seen: BTreeMap<IpAddr, Span> = BTreeMap::new();
        let mut peers = Vec::new();
        for Spanned { value: peer, span } in &instance.travel.peers {
            let (address, name) = (peer.address, &instance.name.value);
            if addresses::family(address) != family {
                lost = true;
                let message =
                    format!("peer `{address}` is not an {family} address, as those of `{name}` are");
                self.report(
                    Diagnostic::error(code::UNICAST_PEER, message).primary(*span, "no advert can reach it"),
                );
            } else if peer.ttl_min > peer.ttl_max {
                lost = true;
                let message = format!("`min_ttl {}` is above `max_ttl {}`", peer.ttl_min, peer.ttl_max);
                self.report(
                    Diagnostic::error(code::UNICAST_PEER, message)
                        .primary(*span, "every advert of this peer would be rejected"),
                );
            } else if let Some((place, what)) = own.get(&address) {
                self.report(
                    Diagnostic::warning(code::UNICAST_PEER, format!("`{name}` names itself as a peer"))
                        .primary(*span, "ignored")
                        .secondary(*place, *what),
                );
            } else if let Some(first) = seen.insert(address, *span) {
                self.report(
                    Diagnostic::warning(code::UNICAST_PEER, format!("peer `{address}` is named twice"))
                        .primary(*span, "ignored")
                        .secondary(first, "named here first"),
                );
            } else {
                peers.push(*peer);
            }
        }
        if lost {
            self.report(
                Diagnostic::note(code::UNICAST_PEER, left_out(instance))
                    .primary(instance.name.span, "without that peer there would be two masters"),
            );
        }
        (!lost).then_some(peers)
    }

    /// Without a unicast peer adverts go by multicast: says so where unicast was asked for. False when it must not be.
    fn falls_back(&mut self, instance: &Instance) -> bool {
        let travel = &instance.travel;
        let message = format!("instance `{}` has no unicast peer", instance.name.value);
        if let Some(fault) = travel.fault_without_peers {
            self.report(
                Diagnostic::error(code::NO_UNICAST_PEER, message)
                    .primary(fault, left_out(instance))
                    .help("name the other routers in `unicast_peer { … }`"),
            );
            return false;
        }
        let said = |word: &Option<Spanned<IpAddr>>| word.as_ref().map(|said| said.span);
        let words = [
            travel.unicast,
            said(&travel.unicast_source),
            travel.ttl.as_ref().map(|said| said.span),
            travel.checks_source.as_ref().filter(|said| said.value).map(|said| said.span),
            travel.old_checksum.as_ref().map(|said| said.span),
        ];
        let mut words = words.into_iter().flatten();
        if let Some(first) = words.next() {
            let diagnostic = Diagnostic::warning(code::NO_UNICAST_PEER, message)
                .primary(first, "adverts go by multicast, as in keepalived");
            let diagnostic = words
                .fold(diagnostic, |diagnostic, word| diagnostic.secondary(word, "asks for unicast as well"));
            self.report(diagnostic.help("name the other routers in `unicast_peer { … }`, or take this out"));
        }
        true
    }

    /// keepalived cannot open its unicast socket without the address, which means FAULT there as well.
    fn tracks_source(&mut self, travel: &Travel, source: Option<&Spanned<IpAddr>>, unicast: bool) -> bool {
        if let (Some(word), None) = (travel.tracks_source, source) {
            let help = if unicast { "unicast_src_ip" } else { "mcast_src_ip" };
            self.report(
                Diagnostic::warning(code::SOURCE, "`track_src_ip` has no address to track")
                    .primary(word, "has no effect")
                    .help(format!("say which one by `{help} ADDRESS`")),
            );
        }
        source.is_some() && (unicast || travel.tracks_source.is_some())
    }

    /// Only the owner has its virtual addresses before it is Active.
    fn report_virtual_source(&mut self, instance: &Instance, source: &Spanned<IpAddr>, tracked: bool) {
        let Some(place) = virtual_address(instance, source.value) else { return };
        let (severity, remark) = if tracked {
            (Severity::Error, "a backup does not have it: FAULT for ever")
        } else {
            (Severity::Warning, "a backup does not have it")
        };
        let message = format!("adverts come from `{}`, a virtual address", source.value);
        self.report(
            Diagnostic::new(severity, code::SOURCE, message)
                .primary(source.span, remark)
                .secondary(place, "named here")
                .help("name an address that this router always has"),
        );
    }

    /// IPv6 routers speak from their link-local address, unless they are told otherwise.
    fn report_link_local(
        &mut self,
        travel: &Travel,
        source: Option<&Spanned<IpAddr>>,
        family: Family,
        unicast: bool,
    ) {
        if family == Family::Ipv4 {
            return;
        }
        if let Some(source) = source.filter(|source| !unicast && !is_link_local(source.value)) {
            // RFC 9568 §5.1.2.1: "the source address MUST be the link-local address of the interface".
            let message = format!("adverts come from `{}`, which is not link-local", source.value);
            self.report(
                Diagnostic::warning(code::SOURCE, message)
                    .primary(source.span, "other routers than keepalived may reject them (RFC 9568 5.1.2.1)"),
            );
        }
        let far = travel.peers.iter().find(|peer| !is_link_local(peer.value.address));
        if let (None, Some(far)) = (source, far.filter(|_| unicast)) {
            let message =
                format!("adverts to `{}` come from the interface's link-local address", far.value.address);
            self.report(
                Diagnostic::warning(code::SOURCE, message)
                    .primary(far.span, "not link-local")
                    .help("say `unicast_src_ip ADDRESS` with the address that this peer knows"),
            );
        }
    }

    /// Where multicast adverts go.
    fn group(&mut self, travel: &Travel, family: Family, unicast: bool) -> IpAddr {
        let globals = &self.model.globals;
        let usual = match family {
            Family::Ipv4 => {
                globals.multicast_group4.map_or_else(|| IpAddr::from(ipv4::VRRP_GROUP), IpAddr::V4)
            }
            Family::Ipv6 => {
                globals.multicast_group6.map_or_else(|| IpAddr::from(ipv6::VRRP_GROUP), IpAddr::V6)
            }
        };
        let Some(said) = &travel.multicast_group else { return usual };
        let fits = match (said.value, family) {
            (IpAddr::V4(group), Family::Ipv4) => group.is_multicast(),
            // keepalived as well takes no other scope here.
            (IpAddr::V6(group), Family::Ipv6) => model::is_link_local_group(group),
            (IpAddr::V4(_), Family::Ipv6) | (IpAddr::V6(_), Family::Ipv4) => false,
        };
        if !fits {
            let expected = match family {
                Family::Ipv4 => "an IPv4 multicast address",
                Family::Ipv6 => "an IPv6 multicast address of the link (ff02::…)",
            };
            self.report(
                Diagnostic::error(
                    code::MULTICAST_GROUP,
                    format!("`mcast_dst_ip {}` cannot be used", said.value),
                )
                .primary(said.span, format!("expected {expected}"))
                .help(format!("adverts go to {usual}")),
            );
            return usual;
        }
        if unicast {
            self.report(
                Diagnostic::warning(code::MULTICAST_GROUP, "`mcast_dst_ip` does not go with unicast peers")
                    .primary(said.span, "has no effect"),
            );
        }
        said.value
    }

    /// Which checksum version 3 over IPv4 is sent with.
    pub(super) fn checksum(
        &mut self,
        instance: &Instance,
        version: Version,
        family: Family,
        transport: &Transport,
    ) -> ChecksumForm {
        let as_v2 = instance.checksum_as_v2.or(self.model.globals.checksum_as_v2).unwrap_or(false);
        let form = if as_v2 { ChecksumForm::MessageOnly } else { ChecksumForm::PseudoHeader };
        let Some(old) = &instance.travel.old_checksum else { return form };
        let Transport::Unicast(_) = transport else { return form };
        let refused = match (old.value, version, family, as_v2) {
            (OldChecksum::Sent, Version::V3, Family::Ipv4, false) => return ChecksumForm::OldUnicast,
            (OldChecksum::Sent, Version::V3, Family::Ipv4, true) => "`v3_checksum_as_v2` says otherwise",
            (OldChecksum::Sent, Version::V2, Family::Ipv4, _) => "it is about version 3",
            (OldChecksum::Sent, _, Family::Ipv6, _) => "it is about IPv4",
            (OldChecksum::Never, _, _, _) => {
                self.report(
                    Diagnostic::note(
                        code::CHECKSUM,
                        "adverts with the old checksum are accepted all the same",
                    )
                    .primary(old.span, "they are counted, so that they can be found"),
                );
                return form;
            }
        };
        self.report(
            Diagnostic::warning(code::CHECKSUM, "`old_unicast_checksum` has no effect")
                .primary(old.span, refused),
        );
        form
    }
}

fn virtual_address(instance: &Instance, address: IpAddr) -> Option<Span> {
    let mut all = instance.addresses.iter().chain(&instance.excluded);
    all.find(|other| other.value.address == address).map(|other| other.span)
}

const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}
