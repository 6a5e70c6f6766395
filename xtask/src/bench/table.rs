//! The one table that the bench prints: a row for each figure, two columns for each contestant.

use std::fmt;

/// Nothing was measured there.
const NONE: &str = "-";

/// A figure of one contestant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// The median, or the only value.
    pub median: String,
    /// The worst.
    pub worst: String,
}

impl Cell {
    /// Median and worst of values, each written by `write`; empty when there are none.
    pub fn of<T: Copy + Ord>(values: &[T], write: impl Fn(T) -> String) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        let at = |index: usize| sorted.get(index).copied().map_or_else(|| NONE.to_owned(), &write);
        Self { median: at(sorted.len() / 2), worst: at(sorted.len().saturating_sub(1)) }
    }

    /// A value that is not a median of anything.
    pub fn one(value: String) -> Self {
        Self { median: value, worst: String::new() }
    }
}

struct Row {
    figure: String,
    runs: u32,
    cells: Vec<Cell>,
}

/// The table.
pub struct Table {
    contestants: Vec<String>,
    rows: Vec<Row>,
}

impl Table {
    /// An empty table with those contestants.
    pub fn new(contestants: &[&str]) -> Self {
        Self { contestants: contestants.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row; missing cells at the end are shown as not measured.
    pub fn row(&mut self, figure: impl Into<String>, runs: u32, cells: Vec<Cell>) {
        self.rows.push(Row { figure: figure.into(), runs, cells });
    }

    fn lines(&self) -> Vec<Vec<String>> {
        let mut head = vec!["figure".to_owned(), "runs".to_owned()];
        for name in &self.contestants {
            head.extend([format!("{name} median"), format!("{name} worst")]);
        }
        let mut lines = vec![head];
        for row in &self.rows {
            let mut line = vec![row.figure.clone(), row.runs.to_string()];
            for index in 0..self.contestants.len() {
                let cell = row.cells.get(index).cloned().unwrap_or_else(|| Cell::one(NONE.to_owned()));
                line.extend([cell.median, cell.worst]);
            }
            lines.push(line);
        }
        lines
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines();
        let columns = 2 + 2 * self.contestants.len();
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
                } else {
                    text.push_str(&format!("  {cell:>width$}"));
                }
            }
            writeln!(f, "{}", text.trim_end())?;
            if number == 0 {
                writeln!(f, "{}", "-".repeat(widths.iter().sum::<usize>() + 2 * (columns - 1)))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_median_and_worst() {
        let cell = Cell::of(&[9_u32, 1, 3], |value| value.to_string());
        assert_eq!(cell, Cell { median: "3".to_owned(), worst: "9".to_owned() });
        assert_eq!(Cell::of(&[], |value: u32| value.to_string()).median, NONE);
    }

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["a", "b"]);
        table.row("long figure", 20, vec![Cell::one("1 us".to_owned())]);
        let text = table.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("figure       runs"), "{text}");
        assert!(lines[2].contains("1 us") && lines[2].ends_with('-'), "{text}");
    }
}
