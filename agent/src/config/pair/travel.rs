//! Whether the adverts of one side are heard and taken by the other.

use std::net::IpAddr;

use regent_common::{
    Family, Version,
    advert::{Authentication, ChecksumForm},
};

use super::{Member, Pair};
use crate::config::{
    diagnostic::{Diagnostic, Diagnostics, code},
    plan::{Transport, Unicast},
};

/// What follows when one side does not take the adverts of the other.
pub(super) const BOTH_MASTER: &str = "each side rejects the other's adverts, and both are master";

impl Pair<'_> {
    pub(super) fn travel(&self, diagnostics: &mut Diagnostics) {
        self.version(diagnostics);
        self.authentication(diagnostics);
        self.checksum(diagnostics);
        match (&self.one.plan.transport, &self.other.plan.transport) {
            (Transport::Multicast { group: one }, Transport::Multicast { group: other }) => {
                self.groups(*one, *other, diagnostics);
            }
            (Transport::Unicast(one), Transport::Unicast(other)) => self.peers(one, other, diagnostics),
            (Transport::Multicast { .. }, Transport::Unicast(_))
            | (Transport::Unicast(_), Transport::Multicast { .. }) => self.ways(diagnostics),
        }
    }

    fn version(&self, diagnostics: &mut Diagnostics) {
        let (one, other) = (self.one.plan.version, self.other.plan.version);
        if one == other {
            return;
        }
        let place = |member: &Member<'_>| member.place(member.written.version.as_ref().map(|said| said.span));
        let message =
            format!("{} speaks version {one} on one side and version {other} on the other", self.group());
        let diagnostic = Diagnostic::error(code::PAIR_VERSION, message);
        diagnostics.push(
            self.places(
                diagnostic,
                (place(&self.one), format!("version {one} here")),
                (place(&self.other), format!("version {other} here")),
            )
            .help(BOTH_MASTER),
        );
    }

    /// RFC 2338 §7.1: a packet whose authentication is another than configured must be discarded. Version 3 has none.
    fn authentication(&self, diagnostics: &mut Diagnostics) {
        let (one, other) = (self.one.plan, self.other.plan);
        if (one.version, other.version) != (Version::V2, Version::V2)
            || one.authentication == other.authentication
        {
            return;
        }
        let (message, remarks) = match (one.authentication, other.authentication) {
            (Authentication::None, _) => {
                ("has a password on one side alone", ["none here", "a password here"])
            }
            (_, Authentication::None) => {
                ("has a password on one side alone", ["a password here", "none here"])
            }
            (Authentication::Password(_), Authentication::Password(_)) => {
                ("has another password on each side", ["another one here", "the first eight bytes count"])
            }
        };
        let place = |member: &Member<'_>| {
            let written = member.written.authentication.as_ref();
            member
                .place(written.map(|said| said.password.as_ref().map_or(said.span, |password| password.span)))
        };
        let [first, second] = remarks;
        let diagnostic = Diagnostic::error(code::PAIR_AUTHENTICATION, format!("{} {message}", self.group()));
        diagnostics.push(
            self.places(diagnostic, (place(&self.one), first), (place(&self.other), second))
                .help(BOTH_MASTER),
        );
    }

    /// It is about version 3 over IPv4 alone.
    fn checksum(&self, diagnostics: &mut Diagnostics) {
        let (one, other) = (self.one.plan, self.other.plan);
        let concerned = |version, family| version == Version::V3 && family == Family::Ipv4;
        if one.checksum == other.checksum
            || !concerned(one.version, one.family)
            || !concerned(other.version, other.family)
        {
            return;
        }
        let name = |form| match form {
            ChecksumForm::PseudoHeader => "with the addresses of the packet",
            ChecksumForm::MessageOnly => "as in version 2",
            ChecksumForm::OldUnicast => "with the group's address in place of the peer's",
        };
        let message = format!("{} has another form of checksum on each side", self.group());
        let diagnostic = Diagnostic::warning(code::PAIR_CHECKSUM, message);
        diagnostics.push(
            self.places(
                diagnostic,
                (self.one.name(), name(one.checksum)),
                (self.other.name(), name(other.checksum)),
            )
            .help("this agent takes each form; keepalived and others reject what they do not send themselves")
            .help("say `v3_checksum_as_v2` on both sides or on neither"),
        );
    }

    fn groups(&self, one: IpAddr, other: IpAddr, diagnostics: &mut Diagnostics) {
        if one == other {
            return;
        }
        let place = |member: &Member<'_>| {
            member.place(member.written.travel.multicast_group.as_ref().map(|said| said.span))
        };
        let message = format!("{} goes to {one} on one side and to {other} on the other", self.group());
        let diagnostic = Diagnostic::error(code::PAIR_TRANSPORT, message);
        diagnostics.push(
            self.places(
                diagnostic,
                (place(&self.one), format!("{one} here")),
                (place(&self.other), format!("{other} here")),
            )
            .help("neither side hears the other, and both are master"),
        );
    }

    fn ways(&self, diagnostics: &mut Diagnostics) {
        let way = |member: &Member<'_>| match member.plan.transport {
            Transport::Multicast { .. } => "adverts go by multicast",
            Transport::Unicast(_) => "adverts go to `unicast_peer`s",
        };
        let place = |member: &Member<'_>| member.place(member.written.travel.unicast);
        let message = format!("{} goes by unicast on one side and by multicast on the other", self.group());
        let diagnostic = Diagnostic::error(code::PAIR_TRANSPORT, message);
        diagnostics.push(
            self.places(
                diagnostic,
                (place(&self.one), way(&self.one)),
                (place(&self.other), way(&self.other)),
            )
            .help(BOTH_MASTER),
        );
    }

    /// Each side must send to where the other one listens; an address that is not said is known to the other host alone.
    fn peers(&self, one: &Unicast, other: &Unicast, diagnostics: &mut Diagnostics) {
        self.named(&self.one, one, &self.other, diagnostics);
        self.named(&self.other, other, &self.one, diagnostics);
        let same = |unicast: &Unicast| match unicast.peers.as_slice() {
            [peer] => Some(peer.address),
            _ => None,
        };
        if let (Some(address), Some(same)) = (same(one), same(other))
            && address == same
            && (self.one.plan.source, self.other.plan.source) == (None, None)
        {
            let place =
                |member: &Member<'_>| member.place(member.written.travel.peers.first().map(|peer| peer.span));
            let message = format!("both sides of {} name `{address}` as their only peer", self.group());
            let diagnostic = Diagnostic::error(code::PAIR_PEERS, message);
            diagnostics.push(
                self.places(diagnostic, (place(&self.one), "here"), (place(&self.other), "and here"))
                    .help("one of them names itself: name the other router on each side"),
            );
        }
    }

    fn named(
        &self,
        sender: &Member<'_>,
        unicast: &Unicast,
        receiver: &Member<'_>,
        diagnostics: &mut Diagnostics,
    ) {
        let Some(source) = receiver.plan.source else { return };
        if unicast.peers.iter().any(|peer| peer.address == source) {
            return;
        }
        let travel = &receiver.written.travel;
        let said = [&travel.unicast_source, &travel.multicast_source];
        let said = said.into_iter().flatten().find(|said| said.value == source).map(|said| said.span);
        let message = format!("`{source}` is no peer on the other side of {}", self.group());
        diagnostics.push(
            Diagnostic::error(code::PAIR_PEERS, message)
                .primary(
                    sender.place(sender.written.travel.unicast),
                    format!("expected `{source}` in this block"),
                )
                .secondary(receiver.place(said), "adverts of this side come from here")
                .help("no advert goes there from the other side: both would be master"),
        );
    }
}
