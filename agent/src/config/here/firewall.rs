//! Whether the packet filter lets adverts pass.

use std::collections::BTreeSet;

use regent_common::Family;

use super::{Direction, Look, Passage, Way, interfaces::place_of_interface};
use crate::config::{
    diagnostic::{Diagnostic, code},
    plan::Transport,
    source::Span,
};

impl Look<'_> {
    pub(super) fn firewall(&mut self) {
        let loaded = self.loaded;
        // One rule drops the adverts of many instances alike: it is said once.
        let mut said = BTreeSet::new();
        for (plan, written) in loaded.instances() {
            let group = match plan.transport {
                Transport::Multicast { group } => Some(group),
                Transport::Unicast(_) => None,
            };
            for direction in [Direction::In, Direction::Out] {
                let way = Way { direction, interface: plan.interface.clone(), family: plan.family, group };
                if !said.insert(way.clone()) {
                    continue;
                }
                let place = place_of_interface(written);
                match self.host.adverts(&way) {
                    Ok(Passage::Open) => {}
                    Ok(Passage::Shut(rule)) => self.report(shut(&way, &rule, place)),
                    Ok(Passage::Unclear(rule)) => {
                        let message = format!(
                            "whether the firewall lets adverts {} on `{}` depends on {rule}",
                            word(direction),
                            way.interface
                        );
                        self.report(
                            Diagnostic::note(code::FIREWALL, message)
                                .primary(place, "cannot be told from here"),
                        );
                    }
                    Err(why) => {
                        self.unseen("the firewall", &why);
                        return;
                    }
                }
            }
        }
    }
}

fn shut(way: &Way, rule: &str, place: Span) -> Diagnostic {
    let message =
        format!("the firewall drops adverts {} on `{}`: {rule}", word(way.direction), way.interface);
    let (match_word, set) = match way.family {
        Family::Ipv4 => ("ip protocol", "ip"),
        Family::Ipv6 => ("ip6 nexthdr", "ip6"),
    };
    let diagnostic = Diagnostic::warning(code::FIREWALL, message);
    let diagnostic = match way.direction {
        Direction::In => diagnostic
            .primary(place, "no socket hears the other routers, keepalived's neither")
            .help("the XDP program hears them all the same; where it does not run, both sides are master"),
        Direction::Out => diagnostic.primary(place, "no other router hears this one: both are master"),
    };
    let name = match way.direction {
        Direction::In => "iifname",
        Direction::Out => "oifname",
    };
    diagnostic.help(format!(
        "a rule such as `{name} \"{}\" {match_word} vrrp accept` before it lets them pass (table {set} or inet)",
        way.interface
    ))
}

const fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
    }
}
