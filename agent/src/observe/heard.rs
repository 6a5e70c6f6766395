//! Observe mode on stdout: what is heard, as it changes. A terminal shows one table that is drawn anew; anything else
//! gets a line when a group is new, changes or goes.

use std::{collections::BTreeMap, io, net::IpAddr, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::{
    snapshot::{HeardStatus, Snapshot},
    source::SnapshotSource,
    table::{self, Look},
};
use crate::words;

/// How often the table is drawn anew.
pub const PERIOD: Duration = Duration::from_secs(1);
/// A group whose losses or rejections grow is told again at most this often, in milliseconds.
const AGAIN_MS: u64 = 60_000;
/// Groups shown on a terminal.
const SHOWN: usize = 16;

/// Prints what `source` says to `output` until nobody answers any more.
///
/// # Errors
/// The output cannot be written.
pub async fn watch(
    source: &SnapshotSource,
    mut view: View,
    output: &mut (dyn io::Write + Send),
) -> io::Result<()> {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let Some(snapshot) = source.snapshot().await else { return Ok(()) };
        let text = view.update(&snapshot);
        if !text.is_empty() {
            output.write_all(text.as_bytes())?;
            output.flush()?;
        }
    }
}

/// What was printed so far.
#[derive(Debug)]
pub enum View {
    /// One table, drawn over the one before.
    Terminal {
        /// How it is drawn.
        look: Look,
        /// The table that stands there.
        drawn: String,
    },
    /// A line for each change.
    Lines {
        /// What was told of each group.
        told: BTreeMap<Key, Told>,
        /// The first line was printed.
        begun: bool,
    },
}

/// Interface, VLAN, VRID and source.
type Key = (String, u16, u8, IpAddr);

/// What was told of a group.
#[derive(Clone, Debug)]
pub struct Told {
    identity: (u8, u8, u64, u8),
    reasons: Vec<String>,
    lost: u64,
    rejected: u64,
    at_ms: u64,
}

impl Told {
    fn of(heard: &HeardStatus, at_ms: u64) -> Self {
        let occurred = heard.rejected.iter().filter(|(_, count)| *count > 0);
        Self {
            identity: (heard.version, heard.priority, heard.interval_ms, heard.addresses),
            reasons: occurred.map(|(reason, _)| reason.to_string()).collect(),
            lost: heard.lost,
            rejected: heard.rejected.sum(),
            at_ms,
        }
    }

    /// Whether `newer` is worth a line.
    fn differs(&self, newer: &Self) -> bool {
        let changed = self.identity != newer.identity || self.reasons != newer.reasons;
        let grew = self.lost < newer.lost || self.rejected < newer.rejected;
        changed || (grew && newer.at_ms.saturating_sub(self.at_ms) >= AGAIN_MS)
    }
}

impl View {
    /// For a terminal, or for anything else.
    pub const fn new(terminal: Option<Look>) -> Self {
        match terminal {
            Some(look) => Self::Terminal { look, drawn: String::new() },
            None => Self::Lines { told: BTreeMap::new(), begun: false },
        }
    }

    /// What to print now; empty when nothing changed.
    pub fn update(&mut self, snapshot: &Snapshot) -> String {
        match self {
            Self::Terminal { look, drawn } => redraw(drawn, screen(&snapshot.heard, *look)),
            Self::Lines { told, begun } => {
                let mut text = String::new();
                if !std::mem::replace(begun, true) {
                    text.push_str(
                        "observing: nothing is sent, assigned or dropped; a line for each group heard\n",
                    );
                }
                changes(told, snapshot, &mut text);
                text
            }
        }
    }
}

/// A table that fits a terminal, since what has scrolled off cannot be drawn over.
fn screen(heard: &[HeardStatus], look: Look) -> String {
    let shown = heard.get(..SHOWN).unwrap_or(heard);
    let mut text = table::groups(shown, look);
    let rest = heard.len() - shown.len();
    if rest > 0 {
        text.push_str(&format!("and {rest} more: agent status --heard\n"));
    }
    text
}

/// Moves up over the old table, erases it and draws the new one.
fn redraw(drawn: &mut String, table: String) -> String {
    if *drawn == table {
        return String::new();
    }
    let up = match drawn.lines().count() {
        0 => String::new(),
        lines => format!("\x1b[{lines}A\x1b[J"),
    };
    let text = format!("{up}{table}");
    *drawn = table;
    text
}

fn changes(told: &mut BTreeMap<Key, Told>, snapshot: &Snapshot, text: &mut String) {
    let now = snapshot.uptime_ms;
    let mut gone = std::mem::take(told);
    for heard in &snapshot.heard {
        let key = (heard.interface.clone(), heard.vlan, heard.vrid, heard.source);
        let newer = Told::of(heard, now);
        let (word, keep) = match gone.remove(&key) {
            None => ("heard", newer),
            Some(older) if older.differs(&newer) => ("changed", newer),
            Some(older) => {
                told.insert(key, older);
                continue;
            }
        };
        text.push_str(&format!("{word}: {}\n", line(heard)));
        told.insert(key, keep);
    }
    // The list is bounded: one that went made room for another, or was silent for long.
    for (interface, _, vrid, source) in gone.into_keys() {
        text.push_str(&format!("forgotten: {interface} VRID {vrid} from {source}\n"));
    }
}

/// `ens33 VRID 51 from 10.0.0.7: version 3, priority 200, every 100 ms, 9000 received, 12 lost, rejected: checksum 4`.
fn line(heard: &HeardStatus) -> String {
    let every = match heard.interval_ms {
        0 => "no good advert yet".to_owned(),
        interval => format!("every {}", words::interval(interval)),
    };
    let rejected = match table::reasons(&heard.rejected) {
        none if none.is_empty() => String::new(),
        reasons => format!(", rejected: {reasons}"),
    };
    format!(
        "{} from {}: version {}, priority {}, {every}, {} received, {} lost{rejected}",
        table::group_name(heard),
        heard.source,
        heard.version,
        heard.priority,
        heard.received,
        heard.lost
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::sample;

    const BEGIN: &str = "observing: nothing is sent, assigned or dropped; a line for each group heard\n";

    fn observing(uptime_ms: u64, heard: Vec<HeardStatus>) -> Snapshot {
        Snapshot { uptime_ms, heard, ..sample::observing() }
    }

    #[test]
    fn a_group_is_told_when_it_is_new_when_it_changes_and_when_it_goes() {
        let mut view = View::new(None);
        assert_eq!(view.update(&observing(0, Vec::new())), BEGIN);
        let mut group = sample::heard();
        assert_eq!(
            view.update(&observing(1000, vec![group.clone()])),
            "heard: ens33 VRID 51 from 10.0.0.7: version 3, priority 200, every 100 ms, 9000 received, 12 lost, \
             rejected: checksum 4\n"
        );
        group.received += 10;
        group.age_ms = 5;
        assert_eq!(view.update(&observing(2000, vec![group.clone()])), "", "more of the same is no news");
        group.priority = 0;
        assert_eq!(
            view.update(&observing(3000, vec![group.clone()])),
            "changed: ens33 VRID 51 from 10.0.0.7: version 3, priority 0, every 100 ms, 9010 received, 12 lost, \
             rejected: checksum 4\n"
        );
        group.rejected.add(&[("ttl", 1)].into_iter().collect());
        assert!(view.update(&observing(4000, vec![group])).ends_with("rejected: checksum 4, ttl 1\n"));
        assert_eq!(view.update(&observing(5000, Vec::new())), "forgotten: ens33 VRID 51 from 10.0.0.7\n");
    }

    #[test]
    fn growing_losses_are_told_once_a_minute() {
        let mut view = View::new(None);
        let mut group = sample::heard();
        assert!(!view.update(&observing(0, vec![group.clone()])).is_empty());
        let mut lines = 0;
        for second in 1..=120 {
            group.lost += 1;
            lines += view.update(&observing(second * 1000, vec![group.clone()])).lines().count();
        }
        assert_eq!(lines, 2);
    }

    #[test]
    fn a_terminal_is_drawn_over_and_only_when_something_changed() {
        let mut view = View::new(Some(Look::PLAIN));
        let first = view.update(&observing(0, vec![sample::heard()]));
        assert!(first.starts_with("HEARD"), "{first:?}");
        assert_eq!(view.update(&observing(1000, vec![sample::heard()])), "");
        let none = view.update(&observing(2000, Vec::new()));
        assert_eq!(none, "\x1b[2A\x1b[JNo VRRP group is heard that is not configured here.\n");
    }

    #[test]
    fn a_terminal_shows_no_more_than_fits() {
        let heard = (0..100).map(|vrid| HeardStatus { vrid, ..sample::heard() }).collect();
        let text = View::new(Some(Look::PLAIN)).update(&observing(0, heard));
        assert_eq!(text.lines().count(), 18);
        assert!(text.ends_with("and 84 more: agent status --heard\n"), "{text}");
    }

    #[tokio::test]
    async fn watching_ends_with_the_loop() {
        let (source, mut requests) = SnapshotSource::new();
        let answers = tokio::spawn(async move {
            if let Some(answer) = requests.recv().await {
                drop(answer.send(sample::observing()));
            }
        });
        let mut output = Vec::new();
        watch(&source, View::new(None), &mut output).await.unwrap();
        answers.await.unwrap();
        assert_eq!(String::from_utf8(output).unwrap().lines().count(), 2);
    }
}
