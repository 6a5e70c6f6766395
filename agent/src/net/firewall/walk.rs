//! An advert's way through the rules of a chain.

use serde_json::Value;

use super::{
    Base, Name, Packet, Passage, Ruleset,
    matching::{self, Truth},
};

/// The kernel allows 16 jumps within jumps.
const MAX_DEPTH: usize = 16;

/// What ends the way.
enum Verdict {
    Accept,
    /// By which rule.
    Drop(String),
}

struct Walk<'a> {
    ruleset: &'a Ruleset,
    packet: &'a Packet<'a>,
    table: (&'a str, &'a str),
    /// The first rule that lets it pass if what is not known is so.
    maybe: Option<String>,
}

/// What a base chain does with the packet. Something that may drop it before it is surely accepted, such as a limit or a
/// list of sources, is left out of account: that is meant for others.
pub(super) fn base_chain(ruleset: &Ruleset, name: &Name, base: &Base, packet: &Packet<'_>) -> Passage {
    let (family, table, chain) = name;
    let mut walk = Walk { ruleset, packet, table: (family, table), maybe: None };
    let dropped = match walk.chain(chain, 0) {
        Some(Verdict::Accept) => return Passage::Open,
        Some(Verdict::Drop(rule)) => rule,
        None if base.drops => format!("policy drop of chain {chain} in table {family} {table}"),
        None => return Passage::Open,
    };
    match walk.maybe {
        Some(rule) => Passage::Unclear(rule),
        None => Passage::Shut(dropped),
    }
}

impl Walk<'_> {
    /// `None`: nothing in the chain decides.
    fn chain(&mut self, name: &str, depth: usize) -> Option<Verdict> {
        let (family, table) = self.table;
        let ruleset = self.ruleset;
        let key = (family.to_owned(), table.to_owned(), name.to_owned());
        let chain = ruleset.chains.get(&key).filter(|_| depth <= MAX_DEPTH)?;
        for (number, parts) in &chain.rules {
            let label = || format!("rule {number} of chain {name} in table {family} {table}");
            match self.rule(parts, &label, depth) {
                Step::Next => {}
                Step::Return => return None,
                Step::Ends(verdict) => return verdict,
            }
        }
        None
    }

    fn rule(&mut self, parts: &[Value], label: &dyn Fn() -> String, depth: usize) -> Step {
        let mut truth = Truth::Yes;
        for part in parts {
            let Some((word, value)) = part.as_object().and_then(|object| object.iter().next()) else {
                continue;
            };
            let step = match word.as_str() {
                "match" => {
                    truth = truth.and(self.matches(value));
                    Step::Next
                }
                // They let all packets go on.
                "counter" | "log" | "mangle" | "notrack" | "ct helper" | "ct timeout" => Step::Next,
                "vmap" => self.map(value, truth, label, depth),
                "accept" | "drop" | "reject" | "jump" | "goto" | "return" => {
                    self.verdict(word, value, truth, label, depth)
                }
                _ => {
                    truth = truth.and(Truth::Maybe);
                    Step::Next
                }
            };
            match (truth, step) {
                (Truth::No, _) => return Step::Next,
                (Truth::Yes | Truth::Maybe, Step::Next) => {}
                (Truth::Yes | Truth::Maybe, step) => return step,
            }
        }
        Step::Next
    }

    fn matches(&self, value: &Value) -> Truth {
        matching::matches(value, self.packet, |name| {
            let (family, table) = self.table;
            self.ruleset.sets.get(&(family.to_owned(), table.to_owned(), name.to_owned()))
        })
    }

    /// A verdict for whatever of the rule before it is `truth`.
    fn verdict(
        &mut self,
        word: &str,
        value: &Value,
        truth: Truth,
        label: &dyn Fn() -> String,
        depth: usize,
    ) -> Step {
        let sure = truth == Truth::Yes;
        match word {
            "accept" if sure => Step::Ends(Some(Verdict::Accept)),
            "accept" => {
                self.maybe.get_or_insert_with(label);
                Step::Next
            }
            "drop" | "reject" if sure => Step::Ends(Some(Verdict::Drop(label()))),
            "return" if sure => Step::Return,
            "jump" | "goto" => {
                let target = value.get("target").and_then(Value::as_str).unwrap_or_default();
                match self.chain(target, depth + 1) {
                    // A rule in there that may be reached and would then decide.
                    Some(Verdict::Accept) if !sure => {
                        self.maybe.get_or_insert_with(label);
                        Step::Next
                    }
                    Some(Verdict::Drop(_)) if !sure => Step::Next,
                    Some(verdict) => Step::Ends(Some(verdict)),
                    // Behind a goto nothing more of this chain is looked at.
                    None if sure && word == "goto" => Step::Ends(None),
                    None => Step::Next,
                }
            }
            _ => Step::Next,
        }
    }

    /// A table from values to verdicts.
    fn map(&mut self, value: &Value, truth: Truth, label: &dyn Fn() -> String, depth: usize) -> Step {
        let Some(key) = value.get("key") else { return Step::Next };
        let entries = match value.get("data") {
            Some(Value::String(name)) => {
                let (family, table) = self.table;
                let name = name.trim_start_matches('@').to_owned();
                self.ruleset.sets.get(&(family.to_owned(), table.to_owned(), name)).cloned()
            }
            Some(data) => data.get("set").and_then(Value::as_array).cloned(),
            None => None,
        };
        for entry in entries.unwrap_or_default() {
            let (Some(wanted), Some(verdict)) = (entry.get(0), entry.get(1)) else { continue };
            let Some((word, value)) = verdict.as_object().and_then(|object| object.iter().next()) else {
                continue;
            };
            let one = matching::is_one_of(key, wanted, self.packet);
            if one == Truth::No {
                continue;
            }
            match self.verdict(word, value, truth.and(one), label, depth) {
                Step::Next if one == Truth::Yes => return Step::Next,
                Step::Next => {}
                step @ (Step::Return | Step::Ends(_)) => return step,
            }
        }
        Step::Next
    }
}

/// How a rule ends.
enum Step {
    /// The next part, or the next rule.
    Next,
    /// Back to where the chain was called.
    Return,
    /// The chain ends, maybe without a verdict.
    Ends(Option<Verdict>),
}
