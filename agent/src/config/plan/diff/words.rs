//! A difference in words. It is found in what the plans look like as JSON, so that no word of the config can be forgotten
//! here; secrets are only said to have changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Diff, Fate};
use crate::{
    config::plan::{InstancePlan, Plan, Transport},
    words,
};

/// Characters of a value that are shown: who wants to see all of it looks into the config.
const MOST: usize = 100;
/// Elements that come to a list, or go from it, that are named; of more only the first and the last are, and how many.
const NAMED: usize = 8;

/// What becomes of the subject of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// It is new.
    Added,
    /// It goes.
    Removed,
    /// It goes on as something else.
    Changed,
}

/// One subject of a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What becomes of it.
    pub sign: Sign,
    /// What it is: `vrrp_instance VI_1`.
    pub subject: String,
    /// What changes in it, or where it is: `priority 100 -> 150`.
    pub details: Vec<String>,
}

impl Line {
    /// As one line of text: `~ vrrp_instance VI_1: addresses + 10.0.0.4/32; priority 100 -> 150`.
    pub fn text(&self) -> String {
        let sign = match self.sign {
            Sign::Added => '+',
            Sign::Removed => '-',
            Sign::Changed => '~',
        };
        if self.details.is_empty() {
            return format!("{sign} {}", self.subject);
        }
        format!("{sign} {}: {}", self.subject, self.details.join("; "))
    }
}

pub(super) fn lines(diff: &Diff, old: &Plan) -> Vec<Line> {
    let mut lines = Vec::new();
    for fate in &diff.instances {
        match fate {
            Fate::Kept { .. } => {}
            Fate::Changed { before, plan } => {
                let Some(old) = old.instances.get(*before) else { continue };
                lines.push(Line {
                    sign: Sign::Changed,
                    subject: subject(plan),
                    details: details(old, &**plan),
                });
            }
            Fate::Added { plan } => {
                lines.push(Line { sign: Sign::Added, subject: subject(plan), details: vec![place(plan)] });
            }
        }
    }
    for gone in diff.removed.iter().filter_map(|before| old.instances.get(*before)) {
        lines.push(Line { sign: Sign::Removed, subject: subject(gone), details: vec![place(gone)] });
    }
    if diff.reordered {
        lines.push(changed("the order of the instances", Vec::new()));
    }
    if let Some(rest) = &diff.rest {
        let old = super::without_instances(old);
        lines.push(changed("beside the instances", details(&old, &**rest)));
    }
    lines
}

fn changed(subject: &str, details: Vec<String>) -> Line {
    Line { sign: Sign::Changed, subject: subject.to_owned(), details }
}

fn subject(plan: &InstancePlan) -> String {
    format!("vrrp_instance {}", plan.name)
}

fn place(plan: &InstancePlan) -> String {
    let way = match &plan.transport {
        Transport::Multicast { .. } => "",
        Transport::Unicast(_) => ", unicast",
    };
    let count = plan.address_count();
    let addresses = if count == 1 { "address" } else { "addresses" };
    format!("{}, VRID {}, {}{way}, {count} {addresses}", plan.interface, plan.vrid, plan.family)
}

fn details(old: &impl Serialize, new: &impl Serialize) -> Vec<String> {
    let mut found = Vec::new();
    // A plan has nothing that JSON cannot say.
    let (Ok(old), Ok(new)) = (serde_json::to_value(old), serde_json::to_value(new)) else { return found };
    compare("", &old, &new, &mut found);
    found
}

fn compare(path: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    if old == new {
        return;
    }
    if is_secret(path) {
        found.push(format!("{path} (not shown)"));
        return;
    }
    match (old, new) {
        (Value::Object(old), Value::Object(new)) if old.keys().any(|key| new.contains_key(key)) => {
            let keys = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
            for key in keys {
                let (old, new) = (old.get(key).unwrap_or(&Value::Null), new.get(key).unwrap_or(&Value::Null));
                compare(&below(path, key), old, new, found);
            }
        }
        (Value::Array(old), Value::Array(new)) => compare_lists(path, old, new, found),
        (old, new) => {
            let (path, old, new) = match path.strip_suffix("_us") {
                Some(path) => (path, duration(old), duration(new)),
                None => (path, shown(old), shown(new)),
            };
            found.push(format!("{path} {old} -> {new}"));
        }
    }
}

fn compare_lists(path: &str, old: &[Value], new: &[Value], found: &mut Vec<String>) {
    let before = found.len();
    let (mut come, mut gone) = (Vec::new(), Vec::new());
    let mut left: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for value in old.iter().rev() {
        left.entry(key(value)).or_default().push(value);
    }
    for value in new {
        let key = key(value);
        match left.get_mut(&key).and_then(Vec::pop) {
            Some(old) => compare(&below(path, &key), old, value, found),
            None => come.push(key),
        }
    }
    for value in old.iter().rev() {
        let key = key(value);
        if left.get_mut(&key).and_then(Vec::pop).is_some() {
            gone.push(key);
        }
    }
    // In the order of the config, as those that are new.
    gone.reverse();
    let changed = found.split_off(before);
    found.extend(named(path, '-', &gone));
    found.extend(abridged(path, changed));
    found.extend(named(path, '+', &come));
    if found.len() == before {
        found.push(format!("{path} in another order"));
    }
}

/// Elements of a list that come or go, in words.
fn named(path: &str, sign: char, keys: &[String]) -> Vec<String> {
    match keys {
        [first, .., last] if keys.len() > NAMED => {
            vec![format!("{path} {sign} {} of them, from {first} to {last}", keys.len())]
        }
        _ => keys.iter().map(|key| format!("{path} {sign} {key}")).collect(),
    }
}

/// What changes in the elements of a list: of many the first, and how many more there are.
fn abridged(path: &str, mut changed: Vec<String>) -> Vec<String> {
    if changed.len() > NAMED {
        let more = changed.len() - NAMED;
        changed.truncate(NAMED);
        changed.push(format!("{path}: {more} more changes like these"));
    }
    changed
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path} {key}") }
}

/// What names an element of a list.
fn key(value: &Value) -> String {
    if let Some(address) = value.get("address").and_then(Value::as_str) {
        return match value.get("prefix_length").and_then(Value::as_u64) {
            Some(length) => format!("{address}/{length}"),
            None => address.to_owned(),
        };
    }
    match value.get("name").and_then(Value::as_str) {
        Some(name) => name.to_owned(),
        None => shown(value),
    }
}

/// Whatever a word of the config calls it: what an outsider must not know.
fn is_secret(path: &str) -> bool {
    ["auth", "password", "key", "secret", "hmac"].iter().any(|word| path.contains(word))
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => without_secrets(value).to_string(),
    };
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn without_secrets(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let shown = object.iter().filter(|(key, _)| !is_secret(key));
            Value::Object(shown.map(|(key, value)| (key.clone(), without_secrets(value))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(without_secrets).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn duration(value: &Value) -> String {
    match value.as_u64() {
        Some(0) => "0".to_owned(),
        Some(us) if us % 1000 == 0 => words::interval(us / 1000),
        Some(us) => format!("{us} us"),
        None => shown(value),
    }
}
