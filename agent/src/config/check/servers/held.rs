//! What earlier virtual servers serve: no two may take the same packets.

use std::{collections::BTreeMap, net::IpAddr, num::NonZeroU16};

use regent_common::Family;

use super::{Servers, Service};
use crate::config::{
    diagnostic::{Diagnostic, code},
    model::Spanned,
    plan::{Endpoint, GroupEntry, Protocol, ServicePlan},
    source::Span,
};

/// Addresses, a port and a protocol are one service; those of other ports or protocols are others.
type Place = (Option<Protocol>, Option<NonZeroU16>);
/// A mark is one service in each family; without family it may be either.
type Mark = (u32, Option<Family>);

/// What is served already.
#[derive(Default)]
pub(super) struct Held {
    /// By first address: the last, and where it is named. Ranges of one place never overlap.
    addresses: BTreeMap<Place, BTreeMap<IpAddr, (IpAddr, Span)>>,
    marks: BTreeMap<Mark, Span>,
}

impl Held {
    /// Where some of these addresses are served already.
    fn overlap(&self, place: Place, first: IpAddr, last: IpAddr) -> Option<Span> {
        // Of two families one is wholly lower: ranges never reach into the other.
        let ranges = self.addresses.get(&place)?;
        let (_, (end, span)) = ranges.range(..=last).next_back()?;
        (*end >= first).then_some(*span)
    }

    fn entry_of(&self, protocol: Option<Protocol>, entry: &GroupEntry) -> Option<Span> {
        match *entry {
            GroupEntry::Addresses { first, last, port } => self.overlap((protocol, port), first, last),
            GroupEntry::Fwmark { mark, family } => self.marks.get(&(mark, family)).copied(),
        }
    }

    fn take(&mut self, protocol: Option<Protocol>, entry: &GroupEntry, span: Span) {
        match *entry {
            GroupEntry::Addresses { first, last, port } => {
                self.addresses.entry((protocol, port)).or_default().insert(first, (last, span));
            }
            GroupEntry::Fwmark { mark, family } => {
                self.marks.insert((mark, family), span);
            }
        }
    }
}

impl Servers<'_> {
    /// Whether nothing of a service is served by an earlier one, nor twice by itself. What is left out serves nothing.
    pub(super) fn admit(&mut self, service: &Service<'_>, place: Span, protocol: Option<Protocol>) -> bool {
        let entries: Vec<Spanned<GroupEntry>> = match service.plan {
            ServicePlan::Endpoint(Endpoint { address, port }) => {
                let value = GroupEntry::Addresses { first: *address, last: *address, port: *port };
                vec![Spanned { value, span: place }]
            }
            ServicePlan::Fwmark(mark) => {
                vec![Spanned { value: GroupEntry::Fwmark { mark: *mark, family: None }, span: place }]
            }
            ServicePlan::Group(_) => service.group.map(|group| group.entries.clone()).unwrap_or_default(),
        };
        // Taken one by one, so that a group that names an address twice is found out too.
        for (taken, entry) in entries.iter().enumerate() {
            let Some(first) = self.held.entry_of(protocol, &entry.value) else {
                self.held.take(protocol, &entry.value, entry.span);
                continue;
            };
            self.report_twice(service, place, entry.span, first);
            for entry in entries.iter().take(taken) {
                self.held.give_back(protocol, &entry.value);
            }
            return false;
        }
        true
    }

    fn report_twice(&mut self, service: &Service<'_>, place: Span, entry: Span, first: Span) {
        let message = format!("virtual server `{}` serves what is served already", service.label);
        let mut diagnostic = Diagnostic::error(code::DUPLICATE_SERVER, message)
            .primary(place, "this virtual server is left out")
            .secondary(first, "served here first")
            .help("one virtual server for each address, port and protocol, and for each fwmark");
        if entry != place && entry != first {
            diagnostic = diagnostic.secondary(entry, "and here");
        }
        self.report(diagnostic);
    }
}

impl Held {
    fn give_back(&mut self, protocol: Option<Protocol>, entry: &GroupEntry) {
        match *entry {
            GroupEntry::Addresses { first, port, .. } => {
                if let Some(ranges) = self.addresses.get_mut(&(protocol, port)) {
                    ranges.remove(&first);
                }
            }
            GroupEntry::Fwmark { mark, family } => {
                self.marks.remove(&(mark, family));
            }
        }
    }
}
