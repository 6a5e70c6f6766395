//! Lines of `virtual_rules` and `static_rules`: which packets, and what is done with them.
//!
//! A line with a fault is no rule: half of it would be about other packets.

use regent_common::Family;

use super::{
    Grouped, Reader, Spanned,
    line::{Line, Next, Said, Sort},
    names::numeral,
    reader::Damage,
    route::service,
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Statement,
    keyword::{self, RuleTerm},
    plan::{Mark, Prefix, Realms, RuleAction, RuleMatch, RulePlan},
    source::Span,
};

const OTHERWISE: &str = "the rule is left out";
const VIRTUAL: Sort = Sort { words: keyword::Line::Rule, place: "in a rule", otherwise: OTHERWISE };
const STATIC: Sort = Sort { words: keyword::Line::StaticRule, place: "in a rule", otherwise: OTHERWISE };

/// keepalived's preference of the first rule of a family that says none; each further one has one less, so that a later
/// rule is asked before an earlier one.
const FIRST_PREFERENCE: u32 = 16_384;

/// Preferences for rules that say none, over the whole config.
#[derive(Debug)]
pub(super) struct Preferences {
    ipv4: u32,
    ipv6: u32,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { ipv4: FIRST_PREFERENCE, ipv6: FIRST_PREFERENCE }
    }
}

impl Preferences {
    fn next(&mut self, family: Family) -> u32 {
        let next = match family {
            Family::Ipv4 => &mut self.ipv4,
            Family::Ipv6 => &mut self.ipv6,
        };
        // Preference 0 is the kernel's own rule of the local table.
        let preference = *next;
        *next = next.saturating_sub(1).max(1);
        preference
    }
}

/// The rules of an instance.
pub(super) fn read(
    reader: &mut Reader<'_>,
    statements: &[Statement],
    damage: &mut Damage,
    rules: &mut Vec<Spanned<RulePlan>>,
) {
    for statement in reader.lines(statements, damage) {
        rules.extend(rule(reader, VIRTUAL, statement).map(|rule| rule.what));
    }
}

/// The rules of `static_rules`.
pub(super) fn read_static(
    reader: &mut Reader<'_>,
    statements: &[Statement],
    rules: &mut Vec<Grouped<RulePlan>>,
) {
    for statement in reader.lines(statements, &mut Damage::default()) {
        rules.extend(rule(reader, STATIC, statement));
    }
}

/// What a line has said so far.
#[derive(Default)]
struct Draft {
    matches: RuleMatch,
    action: Option<Spanned<RuleAction>>,
    preference: Option<Spanned<u32>>,
    inverted: bool,
    suppressed_length: Option<Spanned<u8>>,
    suppressed_group: Option<Spanned<u32>>,
    realms: Option<Spanned<Realms>>,
    protocol: Option<u8>,
    untracked: bool,
    group: Option<Spanned<String>>,
    /// What tells the family, with what it is.
    families: Vec<(Family, Span)>,
}

fn rule(reader: &mut Reader<'_>, sort: Sort, statement: &Statement) -> Option<Grouped<RulePlan>> {
    let whole = statement.span()?;
    let mut line = Line::new(reader, sort, &statement.words);
    let mut draft = Draft::default();
    while let Some(next) = line.next::<RuleTerm>() {
        match next {
            Next::Said(said) => draft.word(&mut line, &said),
            Next::Other(word) => line.unknown(word, "say `from` or `to` before an address"),
        }
    }
    draft.finish(&mut line, whole)
}

impl Draft {
    fn word<'d>(&mut self, line: &mut Line<'_, '_, 'd>, said: &Said<'d, RuleTerm>) {
        let span = said.word.span;
        match said.term {
            RuleTerm::Not => self.inverted = true,
            RuleTerm::From => self.matches.from = self.prefix(line, said),
            RuleTerm::To => self.matches.to = self.prefix(line, said),
            RuleTerm::Input => self.matches.input = line.interface(said),
            RuleTerm::Output => self.matches.output = line.interface(said),
            RuleTerm::Service => self.matches.tos = service(line, said),
            RuleTerm::Mark => self.matches.mark = mark(line, said),
            RuleTerm::TunnelId => self.matches.tunnel = line.number(said),
            RuleTerm::Users => self.matches.users = line.between(said),
            RuleTerm::IpProtocol => self.matches.ip_protocol = ip_protocol(line, said),
            RuleTerm::SourcePort => self.matches.source_port = line.between(said),
            RuleTerm::DestinationPort => self.matches.destination_port = line.between(said),
            RuleTerm::Preference => {
                self.preference = line.small(said).map(|value| Spanned { value, span });
            }
            RuleTerm::Table => {
                let value = line.peek().map_or(span, |word| word.span);
                let table = line.named(said);
                if table == Some(0) {
                    line.fault(
                        Diagnostic::error(code::RULE, "a rule cannot look up table 0")
                            .primary(value, OTHERWISE)
                            .help("say another table, as `main`"),
                    );
                }
                self.act(line, table.map(RuleAction::Lookup), span);
            }
            RuleTerm::LookupVrf => self.act(line, Some(RuleAction::LookupVrf), span),
            RuleTerm::Goto => {
                let target = line.small(said).map(RuleAction::Goto);
                self.act(line, target, span);
            }
            RuleTerm::Type => {
                let action = line.choice(said).and_then(action);
                self.act(line, action, span);
            }
            RuleTerm::Action => self.act(line, action(said.keyword.name), span),
            RuleTerm::SuppressLength => {
                self.suppressed_length = line.small(said).map(|value| Spanned { value, span });
            }
            RuleTerm::SuppressGroup => {
                self.suppressed_group = line.named(said).map(|value| Spanned { value, span });
            }
            RuleTerm::Realms => self.realms = line.realms(said).map(|value| Spanned { value, span }),
            RuleTerm::Protocol => {
                self.protocol = line.named(said).and_then(|number| u8::try_from(number).ok());
            }
            RuleTerm::Family => {
                let family = if said.keyword.name == "inet6" { Family::Ipv6 } else { Family::Ipv4 };
                self.families.push((family, span));
            }
            RuleTerm::NoTrack => self.untracked = true,
            RuleTerm::TrackGroup => {
                let name = line.value(said);
                self.group = name.map(|word| Spanned { value: word.value.clone(), span: word.span });
            }
        }
    }

    /// A network; `None` for all addresses.
    fn prefix<'d>(&mut self, line: &mut Line<'_, '_, 'd>, said: &Said<'d, RuleTerm>) -> Option<Prefix> {
        let (prefix, span) = line.value(said).and_then(|word| line.prefix(word))?;
        let prefix = prefix?;
        let family = if prefix.address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
        self.families.push((family, span));
        Some(prefix)
    }

    /// A rule does one thing.
    fn act(&mut self, line: &mut Line<'_, '_, '_>, action: Option<RuleAction>, span: Span) {
        let Some(value) = action else { return };
        if let Some(first) = &self.action {
            line.fault(
                Diagnostic::error(code::RULE, "a rule does one thing with its packets")
                    .primary(span, OTHERWISE)
                    .secondary(first.span, "said here first")
                    .help("say one of table, l3mdev, goto, nop, blackhole, unreachable and prohibit"),
            );
        }
        self.action = Some(Spanned { value, span });
    }

    fn family(&self, line: &mut Line<'_, '_, '_>) -> Family {
        let Some((family, decides)) = self.families.first().copied() else { return Family::Ipv4 };
        if let Some((_, odd)) = self.families.iter().find(|(other, _)| *other != family) {
            line.fault(
                Diagnostic::error(
                    code::WRONG_FAMILY,
                    format!("a rule of {family} with another family in it"),
                )
                .primary(*odd, OTHERWISE)
                .secondary(decides, format!("this is {family}")),
            );
        }
        family
    }

    /// Rules across the words of a line.
    fn check(&self, line: &mut Line<'_, '_, '_>, family: Family, whole: Span) {
        if let Some(realms) = self.realms.as_ref().filter(|_| family == Family::Ipv6) {
            line.other_family(realms.span, "`realms` is a word of IPv4, and the rule is one of IPv6".into());
        }
        let most = match family {
            Family::Ipv4 => 32,
            Family::Ipv6 => 128,
        };
        if let Some(length) = self.suppressed_length.as_ref().filter(|length| length.value > most) {
            line.fault(
                Diagnostic::error(code::OUT_OF_RANGE, format!("no {family} network is longer than /{most}"))
                    .primary(length.span, OTHERWISE),
            );
        }
        let Some(action) = &self.action else {
            if !line.bad {
                line.fault(
                    Diagnostic::error(code::RULE, "a rule does nothing with its packets")
                        .primary(whole, OTHERWISE)
                        .help("say `table TABLE`, `goto N`, `nop`, `blackhole`, `unreachable` or `prohibit`"),
                );
            }
            return;
        };
        if let RuleAction::Goto(target) = action.value {
            let preference = self.preference.as_ref();
            if preference.is_none_or(|preference| preference.value >= target) {
                let message = format!("`goto {target}` leads nowhere");
                let diagnostic = Diagnostic::error(code::RULE, message).primary(action.span, OTHERWISE);
                let diagnostic = match preference {
                    Some(preference) => diagnostic.secondary(preference.span, "not before that preference"),
                    None => diagnostic,
                };
                line.fault(diagnostic.help(format!("say `preference N` with a number below {target}")));
            }
        }
    }

    fn finish(self, line: &mut Line<'_, '_, '_>, whole: Span) -> Option<Grouped<RulePlan>> {
        let family = self.family(line);
        self.check(line, family, whole);
        let action = self.action.as_ref().filter(|_| !line.bad)?.value;
        let preference = match &self.preference {
            Some(preference) => preference.value,
            None => {
                let preference = line.reader.preferences.next(family);
                line.reader.report(
                    Diagnostic::warning(code::NO_PREFERENCE, "a rule says no preference")
                        .primary(whole, format!("{preference} is used, as in keepalived"))
                        .help("say `preference N`: each further rule without one is asked before this one"),
                );
                preference
            }
        };
        let plan = RulePlan {
            family,
            preference,
            inverted: self.inverted,
            matches: self.matches,
            action,
            suppressed_length: self.suppressed_length.map(|said| said.value),
            suppressed_group: self.suppressed_group.map(|said| said.value),
            realms: self.realms.map(|said| said.value),
            protocol: self.protocol,
            tracks: !self.untracked,
        };
        Some(Grouped { what: Spanned { value: plan, span: whole }, group: self.group })
    }
}

/// What a bare word does.
fn action(word: &str) -> Option<RuleAction> {
    Some(match word {
        "nop" => RuleAction::Nop,
        "blackhole" => RuleAction::Blackhole,
        "unreachable" => RuleAction::Unreachable,
        "prohibit" => RuleAction::Prohibit,
        _ => return None,
    })
}

/// `VALUE[/MASK]`.
fn mark<'d>(line: &mut Line<'_, '_, 'd>, said: &Said<'d, RuleTerm>) -> Option<Mark> {
    let value = line.value(said)?;
    let (number, mask) = match value.value.split_once('/') {
        Some((number, mask)) => (numeral(number), numeral(mask)),
        None => (numeral(&value.value), Some(u32::MAX)),
    };
    let mark = number.zip(mask).map(|(value, mask)| Mark { value, mask });
    if mark.is_none() {
        line.wrong(code::NOT_A_NUMBER, said, value);
    }
    mark
}

/// Protocols over IP by the names that everybody knows (IANA, Assigned Internet Protocol Numbers).
const IP_PROTOCOLS: &[(&str, u8)] = &[
    ("icmp", 1),
    ("igmp", 2),
    ("ipip", 4),
    ("tcp", 6),
    ("udp", 17),
    ("dccp", 33),
    ("ipv6", 41),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ipv6-icmp", 58),
    ("ospf", 89),
    ("pim", 103),
    ("vrrp", 112),
    ("l2tp", 115),
    ("sctp", 132),
    ("udplite", 136),
];

fn ip_protocol<'d>(line: &mut Line<'_, '_, 'd>, said: &Said<'d, RuleTerm>) -> Option<u8> {
    let value = line.value(said)?;
    let lower = value.value.to_ascii_lowercase();
    let known = IP_PROTOCOLS.iter().find(|(name, _)| *name == lower).map(|(_, number)| *number);
    let protocol = known.or_else(|| numeral(&lower).and_then(|number| u8::try_from(number).ok()));
    if protocol.is_none() {
        line.wrong(code::UNKNOWN_NAME, said, value);
    }
    protocol
}
