//! Where the packets of a route go next.

use regent_common::Family;

use super::{Line, Said, encapsulation, family};
use crate::config::{
    diagnostic::{Diagnostic, code},
    keyword::RouteTerm,
    plan::NextHop,
    source::Span,
};

/// The words after `nexthop`, up to the first that is not about it.
pub(super) fn read(line: &mut Line<'_, '_, '_>, families: &mut Vec<(Family, Span)>) -> NextHop {
    let mut hop = NextHop::default();
    line.forget_said();
    let about_it = |term: RouteTerm| {
        matches!(
            term,
            RouteTerm::Via
                | RouteTerm::Device
                | RouteTerm::Weight
                | RouteTerm::OnLink
                | RouteTerm::Encapsulation
                | RouteTerm::Realms
        )
    };
    while let Some(said) = line.next_if::<RouteTerm>(about_it) {
        word(line, &said, &mut hop, families);
    }
    line.forget_said();
    hop
}

/// One word of a next hop.
pub(super) fn word<'d>(
    line: &mut Line<'_, '_, 'd>,
    said: &Said<'d, RouteTerm>,
    hop: &mut NextHop,
    families: &mut Vec<(Family, Span)>,
) {
    if said.term == RouteTerm::Via {
        let named = if line.take_if("inet6") {
            Some(Family::Ipv6)
        } else {
            line.take_if("inet").then_some(Family::Ipv4)
        };
        let Some((via, span)) = line.address(said) else { return };
        families.push((family(via), span));
        if let Some(named) = named.filter(|named| *named != family(via)) {
            let otherwise = line.otherwise();
            line.fault(
                Diagnostic::error(code::WRONG_FAMILY, format!("`{via}` is not an {named} address"))
                    .primary(span, otherwise),
            );
        }
        hop.via = Some(via);
    } else if said.term == RouteTerm::Device {
        hop.device = line.interface(said);
    } else if said.term == RouteTerm::Weight {
        hop.weight = line.small(said);
    } else if said.term == RouteTerm::OnLink {
        hop.on_link = true;
    } else if said.term == RouteTerm::Encapsulation {
        hop.encapsulation = encapsulation::read(line, said).map(Box::new);
    } else if said.term == RouteTerm::Realms {
        hop.realms = line.realms(said);
    }
}
