//! What the kernel's packet filter (nf_tables, and iptables on top of it) does with adverts.
//!
//! Asks `nft` for the rules and follows an advert through them. What a rule matches is known for the interface, the family,
//! the protocol and the group; all else (sources, marks, rates, what iptables matches in ways of its own) is not. Where
//! that decides, the answer is that it cannot be told. Changes nothing: rules of our own are `nftables`'.

mod matching;
mod walk;

use std::{collections::BTreeMap, net::IpAddr, process::Stdio, time::Duration};

use regent_common::Family;
use serde_json::Value;
use tokio::{io::AsyncReadExt, process::Command, time::timeout};

/// nft takes milliseconds; with a hundred thousand rules some seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than this is not read.
const MAX_BYTES: u64 = 64 << 20;
/// nft is for administrators, and not in everybody's PATH.
const PLACES: [&str; 3] = ["nft", "/usr/sbin/nft", "/sbin/nft"];

/// An advert, as far as it is known before it is there.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// It comes to this host; else it leaves it.
    pub incoming: bool,
    /// The interface that it comes in or goes out by.
    pub interface: &'a str,
    /// Its family.
    pub family: Family,
    /// The group that it goes to; `None`: it goes from host to host.
    pub group: Option<IpAddr>,
}

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It passes.
    Open,
    /// It is dropped: by which rule or policy.
    Shut(String),
    /// It depends on what is not known: on which rule.
    Unclear(String),
}

/// All rules of this network namespace.
#[derive(Clone, Debug, Default)]
pub struct Ruleset {
    /// By family and name of their table, and their own name.
    chains: BTreeMap<Name, Chain>,
    sets: BTreeMap<Name, Vec<Value>>,
    /// There are rules of the older iptables, which nft does not show.
    legacy: bool,
}

/// Family and name of a table, and a name in it.
type Name = (String, String, String);

#[derive(Clone, Debug, Default)]
struct Chain {
    /// Where it begins, for one that packets come to by themselves.
    base: Option<Base>,
    /// The number of each rule, and what it consists of.
    rules: Vec<(u64, Vec<Value>)>,
}

#[derive(Clone, Debug)]
struct Base {
    kind: String,
    hook: String,
    drops: bool,
    /// `netdev` chains belong to devices.
    devices: Vec<String>,
}

/// Asks for all rules. Needs CAP_NET_ADMIN, and a tokio runtime with I/O and time enabled.
///
/// # Errors
/// nft is not there, may not ask, or says what cannot be understood: a sentence.
pub async fn ruleset() -> Result<Ruleset, String> {
    for place in PLACES {
        match timeout(PATIENCE, listed(place)).await {
            Err(_) => return Err("nft does not answer".to_owned()),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
            Ok(Err(error)) => return Err(format!("nft: {error}")),
            Ok(Ok(text)) => {
                let mut ruleset = Ruleset::read(&text)?;
                ruleset.legacy = has_legacy_rules();
                return Ok(ruleset);
            }
        }
    }
    Err("nft is not installed".to_owned())
}

async fn listed(program: &str) -> std::io::Result<String> {
    let mut child = Command::new(program)
        .args(["-j", "list", "ruleset"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (mut text, mut complaint) = (String::new(), String::new());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let reading = async {
        match stdout {
            Some(stdout) => stdout.take(MAX_BYTES).read_to_string(&mut text).await,
            None => Ok(0),
        }
    };
    let complaining = async {
        match stderr {
            Some(stderr) => stderr.take(4096).read_to_string(&mut complaint).await,
            None => Ok(0),
        }
    };
    let (read, _) = futures::join!(reading, complaining);
    read?;
    if child.wait().await?.success() {
        return Ok(text);
    }
    let line = complaint.lines().next().unwrap_or("no reason given");
    Err(std::io::Error::other(line.trim().to_owned()))
}

/// The tables of the older iptables; nobody but root may read their names, and who may not knows of none.
fn has_legacy_rules() -> bool {
    ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"]
        .iter()
        .any(|path| std::fs::read_to_string(path).is_ok_and(|names| !names.trim().is_empty()))
}

impl Ruleset {
    /// Reads what `nft -j list ruleset` prints.
    ///
    /// # Errors
    /// It is no such thing.
    fn read(text: &str) -> Result<Self, String> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| format!("nft's answer cannot be read: {error}"))?;
        let items = value.get("nftables").and_then(Value::as_array);
        let items = items.ok_or("nft's answer is no list of rules")?;
        let mut ruleset = Self::default();
        for item in items {
            if let Some(chain) = item.get("chain") {
                let entry = ruleset.chains.entry(name(chain, "name")).or_default();
                entry.base = base(chain);
            } else if let Some(set) = item.get("set").or_else(|| item.get("map")) {
                let elements = set.get("elem").and_then(Value::as_array).cloned();
                ruleset.sets.insert(name(set, "name"), elements.unwrap_or_default());
            } else if let Some(rule) = item.get("rule") {
                let number = rule.get("handle").and_then(Value::as_u64).unwrap_or(0);
                let parts = rule.get("expr").and_then(Value::as_array).cloned();
                let chain = ruleset.chains.entry(name(rule, "chain")).or_default();
                chain.rules.push((number, parts.unwrap_or_default()));
            }
        }
        Ok(ruleset)
    }

    /// What becomes of the packet on its whole way.
    pub fn passage(&self, packet: &Packet<'_>) -> Passage {
        let mut unclear = None;
        for (name, chain) in &self.chains {
            let Some(base) = chain.base.as_ref().filter(|base| base.sees(&name.0, packet)) else { continue };
            match walk::base_chain(self, name, base, packet) {
                Passage::Open => {}
                Passage::Shut(rule) => return Passage::Shut(rule),
                Passage::Unclear(rule) => unclear = unclear.or(Some(rule)),
            }
        }
        match unclear {
            Some(rule) => Passage::Unclear(rule),
            None if self.legacy => {
                Passage::Unclear("rules of iptables-legacy, which nft does not show".to_owned())
            }
            None => Passage::Open,
        }
    }
}

impl Base {
    /// Whether packets like this one come to it.
    fn sees(&self, family: &str, packet: &Packet<'_>) -> bool {
        let families: &[&str] = match packet.family {
            Family::Ipv4 => &["ip", "inet"],
            Family::Ipv6 => &["ip6", "inet"],
        };
        let hooks: &[&str] =
            if packet.incoming { &["prerouting", "input"] } else { &["output", "postrouting"] };
        // Addresses are translated elsewhere, and nothing is dropped there.
        let filters = self.kind == "filter" || self.kind == "route";
        let at_device = family == "netdev" && self.devices.iter().any(|device| device == packet.interface);
        let hook = self.hook.as_str();
        filters
            && ((families.contains(&family) && hooks.contains(&hook))
                || (at_device && hook == if packet.incoming { "ingress" } else { "egress" }))
    }
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn name(value: &Value, key: &str) -> Name {
    (text(value, "family"), text(value, "table"), text(value, key))
}

fn base(chain: &Value) -> Option<Base> {
    chain.get("hook")?;
    let devices = match chain.get("dev") {
        Some(Value::String(device)) => vec![device.clone()],
        Some(Value::Array(devices)) => devices.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(_) | None => Vec::new(),
    };
    Some(Base {
        kind: text(chain, "type"),
        hook: text(chain, "hook"),
        drops: text(chain, "policy") == "drop",
        devices,
    })
}

#[cfg(test)]
mod tests;
