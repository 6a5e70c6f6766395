//! Whether the addresses are the same to their users whoever is master: who takes packets to them, with which MAC, and how
//! they are announced.

use regent_common::LocalPriority;

use super::{Member, Pair};
use crate::config::{
    diagnostic::{Diagnostic, Diagnostics, code},
    plan::{OwnInterface, Transport},
};

/// The words of [`regent_vrrp::Announcements`].
const ANNOUNCEMENTS: &[&str] = &[
    "garp_master_delay",
    "garp_master_repeat",
    "garp_master_refresh",
    "garp_master_refresh_repeat",
    "garp_lower_prio_delay",
    "garp_lower_prio_repeat",
];

impl Pair<'_> {
    pub(super) fn conduct(&self, diagnostics: &mut Diagnostics) {
        self.acceptance(diagnostics);
        self.mac(diagnostics);
        self.announcements(diagnostics);
        self.distance(&self.one, &self.other, diagnostics);
        self.distance(&self.other, &self.one, diagnostics);
    }

    /// RFC 9568 §6.1, Accept_Mode. The owner takes them in any case.
    fn acceptance(&self, diagnostics: &mut Diagnostics) {
        let (one, other) = (self.one.plan, self.other.plan);
        let owner = [one, other].iter().any(|plan| plan.priority == LocalPriority::Owner);
        if one.accepts == other.accepts || owner {
            return;
        }
        let place = |member: &Member<'_>| member.said(&["accept", "no_accept"]);
        let text = |member: &Member<'_>| match member.plan.accepts {
            true => "packets to the addresses are taken",
            false => "they are dropped",
        };
        let message = format!("{} takes packets to its addresses on one side alone", self.group());
        diagnostics.push(
            self.places(
                Diagnostic::warning(code::PAIR_ACCEPT, message),
                (place(&self.one), text(&self.one)),
                (place(&self.other), text(&self.other)),
            )
            .help(
                "the addresses answer or not, by who is master: say `accept`, or `no_accept`, on both sides",
            ),
        );
    }

    fn mac(&self, diagnostics: &mut Diagnostics) {
        let virtual_mac = |member: &Member<'_>| match member.plan.link.own.as_deref() {
            Some(OwnInterface::Vmac(vmac)) => Some(vmac.mac),
            Some(OwnInterface::Ipvlan(_)) | None => member.plan.virtual_mac.then_some(None),
        };
        let (one, other) = (virtual_mac(&self.one), virtual_mac(&self.other));
        if one == other {
            return;
        }
        let place = |member: &Member<'_>| member.said(&["use_vmac", "virtual_mac"]);
        let text = |mac| match mac {
            Some(Some(mac)) => format!("addresses have the MAC {mac}"),
            Some(None) => "addresses have the virtual MAC".to_owned(),
            None => "addresses have the MAC of the interface".to_owned(),
        };
        let message = format!("{} has another MAC on each side", self.group());
        diagnostics.push(
            self.places(
                Diagnostic::warning(code::PAIR_MAC, message),
                (place(&self.one), text(one)),
                (place(&self.other), text(other)),
            )
            .help("hosts that miss an announcement send to the old MAC after a takeover")
            .help("say `use_vmac`, or `virtual_mac`, on both sides or on neither"),
        );
    }

    fn announcements(&self, diagnostics: &mut Diagnostics) {
        let (one, other) = (&self.one.plan.announcements, &self.other.plan.announcements);
        if one == other {
            return;
        }
        let place = |member: &Member<'_>| member.said(ANNOUNCEMENTS);
        let message = format!("{} is announced otherwise on each side", self.group());
        let text = |member: &Member<'_>| {
            let said = &member.plan.announcements;
            let mut text = format!("{} times per address", said.repeat);
            if !said.delay.is_zero() {
                text.push_str(&format!(", again after {} s", said.delay.as_secs()));
            }
            if !said.refresh.is_zero() {
                text.push_str(&format!(", then every {} s", said.refresh.as_secs()));
            }
            text
        };
        diagnostics.push(
            self.places(
                Diagnostic::note(code::PAIR_ANNOUNCEMENTS, message),
                (place(&self.one), text(&self.one)),
                (place(&self.other), text(&self.other)),
            )
            .help("neighbours learn of a takeover more surely in one direction than in the other"),
        );
    }

    /// What leaves with a TTL cannot arrive with a higher one.
    fn distance(&self, sender: &Member<'_>, receiver: &Member<'_>, diagnostics: &mut Diagnostics) {
        let (Transport::Unicast(sent), Some(source)) = (&sender.plan.transport, sender.plan.source) else {
            return;
        };
        let peer = receiver.plan.transport.peers().iter().find(|peer| peer.address == source);
        let Some(peer) = peer.filter(|peer| sent.ttl < peer.ttl_min) else { return };
        let written = receiver.written.travel.peers.iter().find(|said| said.value.address == source);
        let message = format!("adverts of {} leave with TTL {} on one side", self.group(), sent.ttl);
        diagnostics.push(
            Diagnostic::error(code::PAIR_PEERS, message)
                .primary(sender.said(&["unicast_ttl"]), format!("TTL {} here", sent.ttl))
                .secondary(
                    receiver.place(written.map(|said| said.span)),
                    format!("at least {} is expected here", peer.ttl_min),
                )
                .help("this side rejects them, and both are master: lower `min_ttl`, or raise `unicast_ttl` there"),
        );
    }
}
