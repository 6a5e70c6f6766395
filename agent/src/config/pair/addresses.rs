//! Whether both sides hold the same addresses.

use std::{collections::BTreeMap, net::IpAddr};

use super::{Member, Pair};
use crate::config::{
    diagnostic::{Diagnostic, Diagnostics, code},
    model::Spanned,
    plan::AddressPlan,
    source::Span,
};

/// More places than these are only counted.
const MAX_PLACES: usize = 8;

type Places = BTreeMap<IpAddr, (u8, Span)>;

/// The addresses of a list that count, with their prefix lengths and places.
fn places(member: &Member<'_>, plans: &[AddressPlan], written: &[Spanned<AddressPlan>]) -> Places {
    let lengths: BTreeMap<IpAddr, u8> = plans.iter().map(|plan| (plan.address, plan.prefix_length)).collect();
    // The first of two is the one that counts.
    written
        .iter()
        .rev()
        .filter_map(|said| {
            let length = lengths.get(&said.value.address)?;
            Some((said.value.address, (*length, member.at(said.span))))
        })
        .collect()
}

impl Pair<'_> {
    pub(super) fn addresses(&self, diagnostics: &mut Diagnostics) {
        let advertised =
            |member: &Member<'_>| places(member, &member.plan.addresses, &member.written.addresses);
        let (one, other) = (advertised(&self.one), advertised(&self.other));
        let differ = self.only_on_one_side(
            &one,
            &other,
            Diagnostic::error(
                code::PAIR_ADDRESSES,
                format!("{} has other virtual addresses on each side", self.group()),
            )
            .help("an address that one side lacks is nowhere while that side is master")
            .help("keepalived up to 2.3.2 rejects such adverts: both are master"),
            diagnostics,
        );
        self.lengths(&one, &other, diagnostics);
        if !differ {
            self.order(&one, &other, diagnostics);
        }
        let excluded = |member: &Member<'_>| {
            // What does not fit an advert counts among them.
            let written = [member.written.excluded.as_slice(), &member.written.addresses].concat();
            places(member, &member.plan.excluded, &written)
        };
        let (one, other) = (excluded(&self.one), excluded(&self.other));
        self.only_on_one_side(
            &one,
            &other,
            Diagnostic::warning(
                code::PAIR_EXCLUDED,
                format!("{} has other excluded addresses on each side", self.group()),
            )
            .help("an address that one side lacks is nowhere while that side is master"),
            diagnostics,
        );
        self.lengths(&one, &other, diagnostics);
    }

    /// Whether there is any.
    fn only_on_one_side(
        &self,
        one: &Places,
        other: &Places,
        diagnostic: Diagnostic,
        diagnostics: &mut Diagnostics,
    ) -> bool {
        let lacking = |here: &Places, there: &Places| -> Vec<(Span, String)> {
            let lacking = here.iter().filter(|(address, _)| !there.contains_key(*address));
            lacking.map(|(address, (_, span))| (*span, format!("`{address}` is only here"))).collect()
        };
        let mut all = lacking(one, other);
        all.extend(lacking(other, one));
        if all.is_empty() {
            return false;
        }
        let mut diagnostic = all
            .iter()
            .take(MAX_PLACES)
            .fold(diagnostic, |diagnostic, (span, text)| diagnostic.secondary(*span, text.clone()));
        if all.iter().take(MAX_PLACES).all(|(span, _)| one.values().any(|(_, own)| own == span)) {
            diagnostic = diagnostic.secondary(self.other.name(), "missing here");
        } else if all.iter().all(|(span, _)| other.values().any(|(_, own)| own == span)) {
            diagnostic = diagnostic.secondary(self.one.name(), "missing here");
        }
        if let Some(more @ 1..) = all.len().checked_sub(MAX_PLACES) {
            diagnostic = diagnostic.help(format!("{more} more are only on one side"));
        }
        diagnostics.push(diagnostic);
        true
    }

    fn lengths(&self, one: &Places, other: &Places, diagnostics: &mut Diagnostics) {
        let mut differing = one.iter().filter_map(|(address, (length, span))| {
            let (other_length, other_span) = other.get(address)?;
            (length != other_length).then_some((address, (*length, *span), (*other_length, *other_span)))
        });
        let Some((address, (length, span), (other_length, other_span))) = differing.next() else { return };
        let more = differing.count();
        let message = format!("`{address}` has another prefix length on each side");
        let diagnostic = self
            .places(
                Diagnostic::warning(code::PAIR_ADDRESSES, message),
                (span, format!("/{length} here")),
                (other_span, format!("/{other_length} here")),
            )
            .help("with another length its network is another: routes change with the master");
        diagnostics.push(match more {
            0 => diagnostic,
            more => diagnostic.help(format!("the same for {more} more")),
        });
    }

    /// RFC 9568 §5.2.9 lets receivers compare; this agent and keepalived compare sets, others lists.
    fn order(&self, one: &Places, other: &Places, diagnostics: &mut Diagnostics) {
        let (ones, others) = (&self.one.plan.addresses, &self.other.plan.addresses);
        let mut lists = ones.iter().zip(others);
        let Some((first, second)) = lists.find(|(one, other)| one.address != other.address) else { return };
        let (Some((_, span)), Some((_, other_span))) = (one.get(&first.address), other.get(&second.address))
        else {
            return;
        };
        let message = format!("{} names its addresses in another order on each side", self.group());
        diagnostics.push(
            self.places(
                Diagnostic::note(code::PAIR_ORDER, message),
                (*span, "differs from here on"),
                (*other_span, "differs from here on"),
            )
            .help("this agent and keepalived compare them in any order; some routers do not"),
        );
    }
}
