//! Lines of `virtual_routes` and `static_routes`: where to, through what, and all that `ip route` knows besides.
//!
//! A line with a fault is no route: half of it could send packets elsewhere.

mod encapsulation;
mod hop;
mod metric;

use std::time::Duration;

use regent_common::Family;

use super::{
    Grouped, Reader, Spanned,
    line::{Line, Next, Said, Sort},
    reader::Damage,
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Statement,
    keyword::{self, RouteTerm},
    plan::{
        MAIN_TABLE, NextHop, Placement, Prefix, Realms, RouteKind, RouteMetrics, RoutePlan, RouteTable,
        RouterPreference,
    },
    source::Span,
};

const OTHERWISE: &str = "the route is left out";
const VIRTUAL: Sort = Sort { words: keyword::Line::Route, place: "in a route", otherwise: OTHERWISE };
const STATIC: Sort = Sort { words: keyword::Line::StaticRoute, place: "in a route", otherwise: OTHERWISE };

/// The routes of an instance.
pub(super) fn read(
    reader: &mut Reader<'_>,
    statements: &[Statement],
    damage: &mut Damage,
    routes: &mut Vec<Spanned<RoutePlan>>,
) {
    for statement in reader.lines(statements, damage) {
        routes.extend(route(reader, VIRTUAL, statement).map(|route| route.what));
    }
}

/// The routes of `static_routes`.
pub(super) fn read_static(
    reader: &mut Reader<'_>,
    statements: &[Statement],
    routes: &mut Vec<Grouped<RoutePlan>>,
) {
    for statement in reader.lines(statements, &mut Damage::default()) {
        routes.extend(route(reader, STATIC, statement));
    }
}

/// What a line has said so far.
#[derive(Default)]
struct Draft {
    kind: Option<Spanned<RouteKind>>,
    destination: Option<Spanned<Option<Prefix>>>,
    from: Option<Spanned<Prefix>>,
    source: Option<std::net::IpAddr>,
    table: Option<Spanned<RouteTable>>,
    scope: Option<u8>,
    protocol: Option<u8>,
    tos: u8,
    metric: Option<u32>,
    /// The one next hop of a line without `nexthop`.
    hop: NextHop,
    /// The first word about it.
    hop_said: Option<Span>,
    /// `nexthop` and `or`.
    more: Vec<NextHop>,
    /// The first `nexthop`.
    listed: Option<Span>,
    metrics: RouteMetrics,
    realms: Option<Spanned<Realms>>,
    preference: Option<Spanned<RouterPreference>>,
    expires: Option<Spanned<Duration>>,
    propagates_ttl: Option<bool>,
    placement: Placement,
    untracked: bool,
    group: Option<Spanned<String>>,
    /// What tells the family, with what it is.
    families: Vec<(Family, Span)>,
}

fn route(reader: &mut Reader<'_>, sort: Sort, statement: &Statement) -> Option<Grouped<RoutePlan>> {
    let whole = statement.span()?;
    let mut line = Line::new(reader, sort, &statement.words);
    let mut draft = Draft::default();
    while let Some(next) = line.next::<RouteTerm>() {
        match next {
            Next::Said(said) => draft.word(&mut line, &said),
            Next::Other(word) => {
                // What looks like a network is meant as one, also when it is none.
                let is_destination = matches!(word.value.as_str(), "default" | "any" | "all")
                    || word.value.contains(':')
                    || (word.value.contains(['.', '/'])
                        && word.value.starts_with(|first: char| first.is_ascii_digit()));
                if is_destination {
                    let destination = line.prefix(word);
                    draft.set_destination(&mut line, destination);
                } else {
                    line.unknown(word, "one route per line");
                }
            }
        }
    }
    draft.finish(&mut line, whole)
}

/// The family of an address.
fn family(address: std::net::IpAddr) -> Family {
    if address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }
}

impl Draft {
    /// One word of the line with its values. Those of a next hop and of what is known of the way are elsewhere.
    fn word<'d>(&mut self, line: &mut Line<'_, '_, 'd>, said: &Said<'d, RouteTerm>) {
        let span = said.word.span;
        match said.term {
            RouteTerm::Kind => self.kind = kind(said.keyword.name).map(|value| Spanned { value, span }),
            RouteTerm::To => {
                let destination = line.value(said).and_then(|word| line.prefix(word));
                self.set_destination(line, destination);
            }
            RouteTerm::From => {
                if let Some((Some(value), span)) = line.value(said).and_then(|word| line.prefix(word)) {
                    self.families.push((family(value.address), span));
                    self.from = Some(Spanned { value, span });
                }
            }
            RouteTerm::Source => {
                if let Some((address, span)) = line.address(said) {
                    self.families.push((family(address), span));
                    self.source = Some(address);
                }
            }
            RouteTerm::Via | RouteTerm::Device | RouteTerm::OnLink | RouteTerm::Encapsulation => {
                self.hop_said.get_or_insert(span);
                hop::word(line, said, &mut self.hop, &mut self.families);
            }
            RouteTerm::Or => {
                if let Some((address, span)) = line.address(said) {
                    self.families.push((family(address), span));
                    self.more.push(NextHop { via: Some(address), ..NextHop::default() });
                }
            }
            RouteTerm::NextHop => {
                self.listed.get_or_insert(span);
                self.more.push(hop::read(line, &mut self.families));
                self.stop_after_hops(line);
            }
            RouteTerm::Weight => {
                line.take();
                line.fault(
                    Diagnostic::error(code::ROUTE, "`weight` is about one of several next hops")
                        .primary(span, OTHERWISE)
                        .help("say `nexthop via ADDRESS weight N` for each of them"),
                );
            }
            RouteTerm::NewDestination => {
                line.take_if("to");
                line.value(said);
            }
            RouteTerm::Family => {
                let family = if said.keyword.name == "inet6" { Family::Ipv6 } else { Family::Ipv4 };
                self.families.push((family, span));
            }
            RouteTerm::Table => {
                let table = line.named(said).map(|number| match number {
                    // Linux: RT_TABLE_UNSPEC means the main table.
                    0 => RouteTable::Number(MAIN_TABLE),
                    number => RouteTable::Number(number),
                });
                self.set_table(line, table, span);
            }
            RouteTerm::Vrf => {
                let table = line.interface(said).map(RouteTable::Vrf);
                self.set_table(line, table, span);
            }
            RouteTerm::Scope => self.scope = byte(line.named(said)),
            RouteTerm::Protocol => self.protocol = byte(line.named(said)),
            RouteTerm::Service => self.tos = service(line, said).unwrap_or(0),
            RouteTerm::Metric => self.metric = line.small(said),
            RouteTerm::Realms => {
                self.realms = line.realms(said).map(|value| Spanned { value, span });
            }
            RouteTerm::Preference => {
                let value = line.choice(said).map(|word| match word {
                    "low" => RouterPreference::Low,
                    "high" => RouterPreference::High,
                    _ => RouterPreference::Medium,
                });
                self.preference = value.map(|value| Spanned { value, span });
            }
            RouteTerm::Expires => {
                let value = line.number(said).map(Duration::from_secs);
                self.expires = value.map(|value| Spanned { value, span });
            }
            RouteTerm::PropagateTtl => self.propagates_ttl = line.choice(said).map(|word| word == "enabled"),
            RouteTerm::Place => {
                self.placement = match said.keyword.name {
                    "add" => Placement::Alone,
                    "append" => Placement::Last,
                    _ => Placement::First,
                };
            }
            RouteTerm::NoTrack => self.untracked = true,
            RouteTerm::TrackGroup => {
                let name = line.value(said);
                self.group = name.map(|word| Spanned { value: word.value.clone(), span: word.span });
            }
            RouteTerm::Mtu
            | RouteTerm::HopLimit
            | RouteTerm::AdvertisedMss
            | RouteTerm::RoundTrip
            | RouteTerm::RoundTripVariance
            | RouteTerm::LeastTimeout
            | RouteTerm::Reordering
            | RouteTerm::Window
            | RouteTerm::CongestionWindow
            | RouteTerm::FirstCongestionWindow
            | RouteTerm::FirstReceiveWindow
            | RouteTerm::SlowStartThreshold
            | RouteTerm::QuickAck
            | RouteTerm::FastOpenWithoutCookie
            | RouteTerm::CongestionControl
            | RouteTerm::Features => metric::word(line, said, &mut self.metrics),
        }
    }

    fn set_destination(&mut self, line: &mut Line<'_, '_, '_>, destination: Option<(Option<Prefix>, Span)>) {
        let Some((value, span)) = destination else { return };
        if let Some(first) = &self.destination {
            line.fault(
                Diagnostic::error(code::ROUTE, "a route has one destination")
                    .primary(span, OTHERWISE)
                    .secondary(first.span, "named here first")
                    .help("one route per line"),
            );
        }
        self.destination = Some(Spanned { value, span });
    }

    fn set_table(&mut self, line: &mut Line<'_, '_, '_>, table: Option<RouteTable>, span: Span) {
        let is_vrf = |table: &RouteTable| matches!(table, RouteTable::Vrf(_));
        if let (Some(first), Some(second)) = (&self.table, &table)
            && is_vrf(&first.value) != is_vrf(second)
        {
            line.fault(
                Diagnostic::error(code::ROUTE, "`table` and `vrf` exclude each other")
                    .primary(span, OTHERWISE)
                    .secondary(first.span, "said here first"),
            );
        }
        self.table = table.map(|value| Spanned { value, span });
    }

    /// After its next hops a route has no more words, except for more of them: keepalived passes over the rest.
    fn stop_after_hops(&self, line: &mut Line<'_, '_, '_>) {
        let Some(word) = line.peek().filter(|word| word.value != "nexthop") else { return };
        let message = format!("`{}` stands after the next hops", word.value);
        line.fault(
            Diagnostic::error(code::ROUTE, message)
                .primary(word.span, OTHERWISE)
                .help("say it before the first `nexthop`; keepalived passes over it"),
        );
        while line.peek().is_some_and(|word| word.value != "nexthop") {
            line.take();
        }
    }

    /// The family of the destination, else of what else tells one; IPv4 when nothing does.
    fn family(&self, line: &mut Line<'_, '_, '_>) -> Family {
        let said = self.destination.as_ref();
        let by_destination = said.and_then(|said| Some((family(said.value?.address), said.span)));
        let Some((family, decides)) = by_destination.or(self.families.first().copied()) else {
            return Family::Ipv4;
        };
        if let Some((_, odd)) = self.families.iter().find(|(other, _)| *other != family) {
            line.fault(
                Diagnostic::error(
                    code::WRONG_FAMILY,
                    format!("a route of {family} with another family in it"),
                )
                .primary(*odd, OTHERWISE)
                .secondary(decides, format!("this is {family}")),
            );
        }
        family
    }

    /// Words that only one family has.
    fn check_family(&self, line: &mut Line<'_, '_, '_>, family: Family) {
        let of = |span: Option<Span>, word: &'static str, of: Family| span.map(|span| (span, word, of));
        let words = [
            of(self.from.as_ref().map(|said| said.span), "from", Family::Ipv6),
            of(self.preference.as_ref().map(|said| said.span), "pref", Family::Ipv6),
            of(self.expires.as_ref().map(|said| said.span), "expires", Family::Ipv6),
            of(self.realms.as_ref().map(|said| said.span), "realms", Family::Ipv4),
        ];
        for (span, word, of) in words.into_iter().flatten().filter(|(_, _, of)| *of != family) {
            line.other_family(span, format!("`{word}` is a word of {of}, and the route is one of {family}"));
        }
    }

    /// The next hops: those of the list, or the one that the line itself names and those after `or`.
    fn hops(&mut self, line: &mut Line<'_, '_, '_>, kind: RouteKind) -> Vec<NextHop> {
        if kind.is_dead_end() {
            if let Some(span) = self.hop_said.or(self.listed) {
                line.fault(
                    Diagnostic::error(code::ROUTE, "a route on which packets are dropped has no next hop")
                        .primary(span, OTHERWISE)
                        .help("the kernel refuses such a route"),
                );
            }
            return Vec::new();
        }
        let first = std::mem::take(&mut self.hop);
        let mut more = std::mem::take(&mut self.more);
        for hop in &mut more {
            hop.device = hop.device.take().or_else(|| first.device.clone());
        }
        if let (Some(listed), Some(_)) = (self.listed, &first.via) {
            line.fault(
                Diagnostic::error(code::ROUTE, "`via` and `nexthop` exclude each other")
                    .primary(listed, OTHERWISE)
                    .help("say `nexthop via ADDRESS` for each next hop"),
            );
        }
        if self.listed.is_none() {
            more.insert(0, first);
        }
        if more.iter().all(|hop| *hop == NextHop::default()) {
            return Vec::new();
        }
        more
    }

    fn finish(mut self, line: &mut Line<'_, '_, '_>, whole: Span) -> Option<Grouped<RoutePlan>> {
        let family = self.family(line);
        self.check_family(line, family);
        let kind = self.kind.as_ref().map_or(RouteKind::Unicast, |kind| kind.value);
        let hops = self.hops(line, kind);
        let Some(destination) = &self.destination else {
            if !line.bad {
                line.fault(
                    Diagnostic::error(code::ROUTE, "a route lacks its destination")
                        .primary(whole, OTHERWISE)
                        .help("say a network as 198.51.100.0/24, or `default`"),
                );
            }
            return None;
        };
        if kind == RouteKind::Unicast && hops.is_empty() && !line.bad {
            line.fault(
                Diagnostic::error(code::ROUTE, "a route goes nowhere")
                    .primary(destination.span, OTHERWISE)
                    .help("say `via ADDRESS`, `dev INTERFACE` or both; or `blackhole` before it"),
            );
        }
        let everything = match family {
            Family::Ipv4 => Prefix { address: std::net::Ipv4Addr::UNSPECIFIED.into(), length: 0 },
            Family::Ipv6 => Prefix { address: std::net::Ipv6Addr::UNSPECIFIED.into(), length: 0 },
        };
        let plan = RoutePlan {
            family,
            kind,
            destination: destination.value.unwrap_or(everything),
            from: self.from.map(|from| from.value),
            source: self.source,
            table: self.table.map(|table| table.value).unwrap_or_default(),
            scope: self.scope,
            protocol: self.protocol,
            tos: self.tos,
            metric: self.metric,
            hops,
            metrics: self.metrics,
            realms: self.realms.map(|realms| realms.value),
            preference: self.preference.map(|preference| preference.value),
            expires: self.expires.map(|expires| expires.value),
            propagates_ttl: self.propagates_ttl,
            placement: self.placement,
            tracks: !self.untracked,
        };
        (!line.bad).then_some(Grouped { what: Spanned { value: plan, span: whole }, group: self.group })
    }
}

/// The sort of route that a word stands for; `None` for those that are refused.
fn kind(word: &str) -> Option<RouteKind> {
    Some(match word {
        "unicast" => RouteKind::Unicast,
        "local" => RouteKind::Local,
        "broadcast" => RouteKind::Broadcast,
        "anycast" => RouteKind::Anycast,
        "multicast" => RouteKind::Multicast,
        "blackhole" => RouteKind::Blackhole,
        "unreachable" => RouteKind::Unreachable,
        "prohibit" => RouteKind::Prohibit,
        "throw" => RouteKind::Throw,
        _ => return None,
    })
}

fn byte(number: Option<u32>) -> Option<u8> {
    number.and_then(|number| u8::try_from(number).ok())
}

/// A type of service. The kernel refuses one whose two low bits are not zero: they are not part of it any more
/// (RFC 3168 §5).
pub(super) fn service<'d, T>(line: &mut Line<'_, '_, 'd>, said: &Said<'d, T>) -> Option<u8> {
    let value = line.peek();
    let tos = byte(line.named(said))?;
    if tos & 0b11 != 0 {
        let span = value.map_or(said.word.span, |word| word.span);
        let otherwise = line.otherwise();
        line.fault(
            Diagnostic::error(code::OUT_OF_RANGE, format!("type of service {tos:#04x} has low bits set"))
                .primary(span, "expected a multiple of 4: the kernel refuses all others")
                .help(otherwise),
        );
        return None;
    }
    Some(tos)
}
