//! `linkbeat_interfaces` and `interface_up_down_delays`.

use std::{collections::BTreeSet, time::Duration};

use super::{Reader, reader::Damage, value::seconds_in};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::{Block, Word},
    plan::{InterfaceDelays, LinkbeatInterface, LinkbeatMethod, LinkbeatPlan},
};

const METHODS: [&str; 3] = ["MII", "ETHTOOL", "IOCTL"];
/// As in keepalived: 255 seconds.
const LONGEST_US: u64 = 255_000_000;

/// `INTERFACE [MII|ETHTOOL|IOCTL]` in each line.
pub(super) fn interfaces(reader: &mut Reader<'_>, block: &Block, plan: &mut LinkbeatPlan) {
    let mut known: BTreeSet<String> = plan.interfaces.iter().map(|known| known.name.clone()).collect();
    for statement in reader.lines(&block.statements, &mut Damage::default()) {
        let Some((name, options)) = statement.words.split_first() else { continue };
        let Some(interface) = reader.interface(name, "the line is skipped") else { continue };
        let (option, rest) = options.split_first().unzip();
        let method = option.and_then(|option| method(reader, option));
        reader.report_left_over(rest.unwrap_or_default(), "one interface per line");
        if !known.insert(interface.value.clone()) {
            reader.report_said_twice(name);
            continue;
        }
        plan.interfaces.push(LinkbeatInterface { name: interface.value, method });
    }
}

fn method(reader: &mut Reader<'_>, word: &Word) -> Option<LinkbeatMethod> {
    match word.value.as_str() {
        "MII" => Some(LinkbeatMethod::Mii),
        "ETHTOOL" => Some(LinkbeatMethod::Ethtool),
        "IOCTL" => Some(LinkbeatMethod::Ioctl),
        _ => {
            reader.report_option(word, "linkbeat_interfaces", METHODS.into_iter());
            None
        }
    }
}

/// `INTERFACE DOWN [UP]` in each line. Without UP there is none, as in keepalived, whatever its manual says.
pub(super) fn delays(reader: &mut Reader<'_>, block: &Block, plan: &mut LinkbeatPlan) {
    let mut known: BTreeSet<String> = plan.delays.iter().map(|known| known.name.clone()).collect();
    for statement in reader.lines(&block.statements, &mut Damage::default()) {
        let Some((name, values)) = statement.words.split_first() else { continue };
        let Some(interface) = reader.interface(name, "the line is skipped") else { continue };
        let Some((down, rest)) = values.split_first() else {
            reader.report(
                Diagnostic::warning(code::SAYS_NOTHING, format!("no delay follows `{}`", name.value))
                    .primary(name.span, "expected the seconds until it counts as down after this")
                    .help("the line is skipped"),
            );
            continue;
        };
        let (up, rest) = rest.split_first().unzip();
        let down = delay(reader, down);
        let up = up.map_or(Some(Duration::ZERO), |up| delay(reader, up));
        reader.report_left_over(rest.unwrap_or_default(), "at most two delays follow an interface");
        let (Some(down), Some(up)) = (down, up) else { continue };
        if !known.insert(interface.value.clone()) {
            reader.report_said_twice(name);
            continue;
        }
        plan.delays.push(InterfaceDelays { name: interface.value, down, up });
    }
}

fn delay(reader: &mut Reader<'_>, word: &Word) -> Option<Duration> {
    let delay = seconds_in(&word.value).filter(|delay| *delay <= LONGEST_US);
    if delay.is_none() {
        reader.report(
            Diagnostic::error(code::OUT_OF_RANGE, format!("`{}` is no delay of an interface", word.value))
                .primary(word.span, "expected seconds from 0 to 255")
                .help("the line is skipped"),
        );
    }
    delay.map(Duration::from_micros)
}

impl Reader<'_> {
    /// A line about an interface that an earlier line is about.
    fn report_said_twice(&mut self, name: &Word) {
        self.report(
            Diagnostic::warning(code::REPEATED, format!("`{}` is said twice in one block", name.value))
                .primary(name.span, "this line is skipped"),
        );
    }
}
