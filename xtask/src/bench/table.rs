//! The one table that the bench prints: a line for each figure, with every contestant's median and worst, how ours
//! compares with the peer's of the same run, and whether the goal is reached.

use std::{fmt, time::Duration};

use lab::clock::Span;

/// Nothing was measured there.
const NONE: &str = "-";
/// Columns before those of the contestants.
const LEADING: usize = 2;
/// Columns after them.
const TRAILING: usize = 3;

/// What a value counts, and so how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds, written as a person would.
    Time,
    /// Nanoseconds, written as they are.
    Nanoseconds,
    /// Millionths of one core.
    Share,
    /// Bytes.
    Memory,
    /// Occurrences.
    Count,
    /// Occurrences in a second.
    Rate,
    /// Hundredths of a whole.
    Ratio,
}

impl Unit {
    fn written(self, value: u64) -> String {
        match self {
            Self::Time => Span(Duration::from_nanos(value)).to_string(),
            Self::Nanoseconds => format!("{value} ns"),
            Self::Share => format!("{}.{:03} %", value / 10_000, value / 10 % 1_000),
            Self::Memory => format!("{}.{} KiB", value / 1024, value % 1024 * 10 / 1024),
            Self::Count => value.to_string(),
            Self::Rate => format!("{}.{:03} M/s", value / 1_000_000, value / 1_000 % 1_000),
            Self::Ratio => format!("{}.{:02}", value / 100, value % 100),
        }
    }
}

/// What is asked of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Our median is not above the peer's of the same run.
    NotAbovePeer,
    /// Our median is at most the peer's of the same run divided by this.
    PartOfPeer(u64),
    /// Our median is at least that many hundredths of the peer's: more is better.
    TimesPeer(u64),
    /// Our median is at most this.
    Median(u64),
    /// Our worst is at most this.
    Worst(u64),
    /// Nothing: it explains other figures.
    Shown,
}

/// A figure of one contestant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// The median; absent when nothing was measured.
    pub median: Option<u64>,
    /// The worst.
    pub worst: Option<u64>,
}

impl Cell {
    /// Median and worst of values; of an even number the later of the two in the middle.
    pub fn of(values: impl IntoIterator<Item = u64>) -> Self {
        let mut sorted: Vec<u64> = values.into_iter().collect();
        sorted.sort_unstable();
        Self { median: sorted.get(sorted.len() / 2).copied(), worst: sorted.last().copied() }
    }

    /// The same of rates, where the least is the worst.
    pub fn rates(values: impl IntoIterator<Item = u64>) -> Self {
        let mut sorted: Vec<u64> = values.into_iter().collect();
        sorted.sort_unstable();
        Self { median: sorted.get(sorted.len() / 2).copied(), worst: sorted.first().copied() }
    }

    /// The same of times, for [`Unit::Time`].
    pub fn times(values: &[Duration]) -> Self {
        Self::of(values.iter().map(|value| u64::try_from(value.as_nanos()).unwrap_or(u64::MAX)))
    }
}

struct Row {
    figure: String,
    runs: u32,
    unit: Unit,
    goal: Goal,
    cells: Vec<Cell>,
}

impl Row {
    /// The cell of a contestant; ours is the first, the peer's the second.
    fn cell(&self, contestant: usize) -> Cell {
        self.cells.get(contestant).copied().unwrap_or_default()
    }

    /// Ours as a share of the peer's, medians and worst.
    fn ratio(&self) -> String {
        let (ours, peer) = (self.cell(0), self.cell(1));
        format!("{} / {}", hundredths(ours.median, peer.median), hundredths(ours.worst, peer.worst))
    }

    fn goal(&self) -> String {
        match self.goal {
            Goal::NotAbovePeer => "<= peer".to_owned(),
            Goal::PartOfPeer(part) => format!("<= peer / {part}"),
            Goal::TimesPeer(times) => format!(">= peer x {}", Unit::Ratio.written(times)),
            Goal::Median(most) | Goal::Worst(most) => format!("<= {}", self.unit.written(most)),
            Goal::Shown => String::new(),
        }
    }

    fn verdict(&self) -> Verdict {
        let (ours, peer) = (self.cell(0), self.cell(1));
        let reached = |reached: bool| if reached { Verdict::Reached } else { Verdict::Missed };
        match (self.goal, ours.median, ours.worst) {
            (Goal::Shown, _, _) => Verdict::None,
            (
                Goal::NotAbovePeer
                | Goal::PartOfPeer(_)
                | Goal::TimesPeer(_)
                | Goal::Median(_)
                | Goal::Worst(_),
                None,
                _,
            )
            | (Goal::Worst(_), _, None) => Verdict::NotMeasured,
            (Goal::TimesPeer(times), Some(median), _) => match peer.median {
                None => Verdict::NoPeer,
                Some(of_peer) => reached(median.saturating_mul(100) >= of_peer.saturating_mul(times)),
            },
            (Goal::PartOfPeer(part), Some(median), _) => match peer.median {
                None => Verdict::NoPeer,
                Some(of_peer) => reached(median.saturating_mul(part) <= of_peer),
            },
            (Goal::Median(most), Some(median), _) => reached(median <= most),
            (Goal::Worst(most), _, Some(worst)) => reached(worst <= most),
            (Goal::NotAbovePeer, Some(median), _) => match peer.median {
                None => Verdict::NoPeer,
                Some(of_peer) if median > of_peer => Verdict::Missed,
                Some(_) if ours.worst > peer.worst => Verdict::WorstAbove,
                Some(_) => Verdict::Reached,
            },
        }
    }
}

/// What became of a goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Reached,
    /// By the median; the worst of ours is above the worst of the peer.
    WorstAbove,
    Missed,
    NoPeer,
    NotMeasured,
    None,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::WorstAbove => "reached, worst above",
            Self::Missed => "MISSED",
            Self::NoPeer => "no peer",
            Self::NotMeasured => "not measured",
            Self::None => "",
        }
    }
}

fn hundredths(ours: Option<u64>, peer: Option<u64>) -> String {
    let (Some(ours), Some(peer @ 1..)) = (ours, peer) else { return NONE.to_owned() };
    let hundredths = u128::from(ours) * 100 / u128::from(peer);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// The table.
pub struct Table {
    contestants: Vec<String>,
    rows: Vec<Row>,
}

impl Table {
    /// An empty table with those contestants: ours, then the peer if there is one.
    pub fn new(contestants: &[&str]) -> Self {
        Self { contestants: contestants.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row; missing cells at the end are shown as not measured.
    pub fn row(&mut self, figure: impl Into<String>, runs: u32, unit: Unit, goal: Goal, cells: Vec<Cell>) {
        self.rows.push(Row { figure: figure.into(), runs, unit, goal, cells });
    }

    fn lines(&self) -> Vec<Vec<String>> {
        let mut head = vec!["figure".to_owned(), "runs".to_owned()];
        for name in &self.contestants {
            head.extend([format!("{name} median"), "worst".to_owned()]);
        }
        head.extend(["ratio".to_owned(), "goal".to_owned(), "verdict".to_owned()]);
        let mut lines = vec![head];
        for row in &self.rows {
            let mut line = vec![row.figure.clone(), row.runs.to_string()];
            let written = |value: Option<u64>| value.map_or(NONE.to_owned(), |value| row.unit.written(value));
            for contestant in 0..self.contestants.len() {
                let cell = row.cell(contestant);
                line.extend([written(cell.median), written(cell.worst)]);
            }
            line.extend([row.ratio(), row.goal(), row.verdict().word().to_owned()]);
            lines.push(line);
        }
        lines
    }

    fn count(&self, verdicts: &[Verdict]) -> usize {
        self.rows.iter().filter(|row| verdicts.contains(&row.verdict())).count()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines();
        let columns = LEADING + 2 * self.contestants.len() + TRAILING;
        let width = |column: usize| {
            lines
                .iter()
                .filter_map(|line| line.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (number, line) in lines.iter().enumerate() {
            let mut text = String::new();
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                if column == 0 {
                    text.push_str(&format!("{cell:<width$}"));
                } else if column + 1 == columns {
                    text.push_str(&format!("  {cell}"));
                } else {
                    text.push_str(&format!("  {cell:>width$}"));
                }
            }
            writeln!(f, "{}", text.trim_end())?;
            if number == 0 {
                writeln!(f, "{}", "-".repeat(widths.iter().sum::<usize>() + 2 * (columns - 1)))?;
            }
        }
        let reached = self.count(&[Verdict::Reached, Verdict::WorstAbove]);
        let missed = self.count(&[Verdict::Missed]);
        write!(f, "goals: {reached} reached, {missed} missed; ratio: ours / the peer's, median / worst")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(goal: Goal, ours: &[u64], peer: &[u64]) -> Verdict {
        let cells = vec![Cell::of(ours.iter().copied()), Cell::of(peer.iter().copied())];
        Row { figure: String::new(), runs: 1, unit: Unit::Count, goal, cells }.verdict()
    }

    #[test]
    fn a_cell_is_median_and_worst() {
        assert_eq!(Cell::of([9, 1, 3]), Cell { median: Some(3), worst: Some(9) });
        assert_eq!(Cell::of([]), Cell::default());
        assert_eq!(Cell::times(&[Duration::from_micros(2)]).worst, Some(2_000));
    }

    #[test]
    fn values_are_written_in_their_unit() {
        assert_eq!(Unit::Time.written(1_250_000), "1.2 ms");
        assert_eq!(Unit::Share.written(13_900), "1.390 %");
        assert_eq!(Unit::Memory.written(4_300), "4.1 KiB");
    }

    #[test]
    fn the_peer_is_the_measure_by_its_median_and_the_worst_is_told() {
        assert_eq!(verdict(Goal::NotAbovePeer, &[1, 2, 3], &[2, 2, 4]), Verdict::Reached);
        assert_eq!(verdict(Goal::NotAbovePeer, &[1, 2, 5], &[2, 2, 4]), Verdict::WorstAbove);
        assert_eq!(verdict(Goal::NotAbovePeer, &[3, 3, 3], &[2, 2, 4]), Verdict::Missed);
        assert_eq!(verdict(Goal::NotAbovePeer, &[3], &[]), Verdict::NoPeer);
        assert_eq!(verdict(Goal::NotAbovePeer, &[], &[3]), Verdict::NotMeasured);
    }

    #[test]
    fn a_part_of_the_peers_is_asked_for() {
        assert_eq!(verdict(Goal::PartOfPeer(3), &[10], &[30]), Verdict::Reached);
        assert_eq!(verdict(Goal::PartOfPeer(3), &[11], &[32]), Verdict::Missed);
        assert_eq!(verdict(Goal::PartOfPeer(3), &[11], &[]), Verdict::NoPeer);
    }

    #[test]
    fn of_a_rate_more_is_better() {
        assert_eq!(Cell::rates([9, 1, 3]), Cell { median: Some(3), worst: Some(1) });
        assert_eq!(verdict(Goal::TimesPeer(350), &[35], &[10]), Verdict::Reached);
        assert_eq!(verdict(Goal::TimesPeer(350), &[34], &[10]), Verdict::Missed);
        assert_eq!(Unit::Rate.written(2_928_257), "2.928 M/s");
    }

    #[test]
    fn a_bound_is_kept_or_missed() {
        assert_eq!(verdict(Goal::Worst(0), &[0, 0], &[]), Verdict::Reached);
        assert_eq!(verdict(Goal::Worst(0), &[0, 1], &[]), Verdict::Missed);
        assert_eq!(verdict(Goal::Median(5), &[4, 5, 90], &[]), Verdict::Reached);
    }

    #[test]
    fn columns_are_aligned_and_goals_counted() {
        let mut table = Table::new(&["a", "b"]);
        table.row("long figure", 20, Unit::Count, Goal::NotAbovePeer, vec![Cell::of([5]), Cell::of([4])]);
        table.row("x", 1, Unit::Count, Goal::Worst(9), vec![Cell::of([5])]);
        let text = table.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert!(lines[0].starts_with("figure       runs"), "{text}");
        assert!(lines[2].contains("1.25 / 1.25") && lines[2].ends_with("MISSED"), "{text}");
        assert!(lines[3].contains("- / -") && lines[3].ends_with("<= 9  reached"), "{text}");
        assert!(lines[4].starts_with("goals: 1 reached, 1 missed"), "{text}");
    }
}
