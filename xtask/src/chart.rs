//! `cargo xtask chart`: the README's chart of how long a takeover takes with how many virtual addresses, beside keepalived,
//! from a real run.
//!
//! The figures of the run go into a table beside the picture, so that it can be drawn anew without another run.

mod drawing;

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use lab::{agent::Rung, keepalived, lab::sweep_stale, skip, speaker::Make};

use crate::{
    bench::scale::{self, Layout, Measured, Scale},
    build_ebpf,
    process::workspace,
};

/// How many addresses.
const STEPS: [u32; 9] = [1, 10, 50, 200, 500, 1_000, 2_000, 5_000, 10_000];
const PICTURE: &str = "docs/takeover.svg";
const TABLE: &str = "docs/takeover.tsv";
/// First line of the table; times are medians in microseconds.
const HEAD: &str = "addresses\tregent ping\tregent ARP\tkeepalived ping\tkeepalived ARP";

/// Options of the verb.
#[derive(clap::Args)]
pub struct Arguments {
    /// Takeovers for each number of addresses and each question
    #[arg(long, default_value_t = 5)]
    runs: u32,
    /// Draw the figures that are there
    #[arg(long)]
    redraw: bool,
}

/// One line of the table: medians in microseconds, of regent's pings and ARP, then of keepalived's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    addresses: u32,
    times: [u64; 4],
}

impl Line {
    fn of(addresses: u32, measured: &[Measured]) -> Result<Self> {
        let [regent, keepalived] = measured else { bail!("two are compared") };
        let all = [&regent.echo, &regent.arp, &keepalived.echo, &keepalived.arp];
        let mut times = [0; 4];
        for (time, of) in times.iter_mut().zip(all) {
            *time = median(&of.all).context("nothing was measured")?;
        }
        Ok(Self { addresses, times })
    }

    fn read(text: &str) -> Result<Self> {
        let numbers = text.split('\t').map(str::parse::<u64>).collect::<Result<Vec<_>, _>>();
        let numbers = numbers.with_context(|| format!("read {text:?}"))?;
        let &[addresses, a, b, c, d] = &numbers[..] else { bail!("read {text:?}: five numbers are wanted") };
        Ok(Self { addresses: u32::try_from(addresses)?, times: [a, b, c, d] })
    }

    fn text(self) -> String {
        let [a, b, c, d] = self.times;
        format!("{}\t{a}\t{b}\t{c}\t{d}\n", self.addresses)
    }
}

/// The verb.
///
/// # Errors
/// When something cannot be built, measured or written.
pub fn run(arguments: &Arguments) -> Result<()> {
    let lines = if arguments.redraw { read()? } else { measure(arguments.runs)? };
    let picture = workspace().join(PICTURE);
    drawing::draw(&picture, &lines).with_context(|| format!("draw {}", picture.display()))?;
    eprintln!("chart: {}", picture.display());
    Ok(())
}

fn measure(runs: u32) -> Result<Vec<Line>> {
    ensure!(skip::is_root(), "takeovers are measured in network namespaces, which needs root");
    ensure!(
        keepalived::program().is_some(),
        "keepalived is not installed, so there is nothing to compare with"
    );
    build_ebpf::run(&build_ebpf::Arguments { route: None, object_only: false })?;
    sweep_stale()?;
    let contestants = [("regent", Make::Agent(Rung::Auto)), ("keepalived", Make::Keepalived)];
    let mut lines = Vec::new();
    for addresses in STEPS {
        let scale = Scale { addresses, layout: Layout::Contiguous, runs };
        lines.push(Line::of(addresses, &scale::one(&contestants, scale)?)?);
    }
    let path = table()?;
    let text: String = lines.iter().map(|line| line.text()).collect();
    fs::write(&path, format!("{HEAD}\n{text}")).with_context(|| format!("write {}", path.display()))?;
    eprintln!("chart: {}", path.display());
    Ok(lines)
}

fn read() -> Result<Vec<Line>> {
    let path = table()?;
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    text.lines().skip(1).map(Line::read).collect()
}

/// Where the figures are; makes the directory.
fn table() -> Result<PathBuf> {
    let path = workspace().join(TABLE);
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).with_context(|| format!("make {}", directory.display()))?;
    }
    Ok(path)
}

/// In microseconds; at least one, which a logarithm needs.
fn median(times: &[Duration]) -> Option<u64> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let median = sorted.get(sorted.len() / 2)?;
    Some(u64::try_from(median.as_micros()).unwrap_or(u64::MAX).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let line = Line { addresses: 2_000, times: [17_000, 9_500, 50_123, 97_000] };
        assert_eq!(Line::read(line.text().trim_end()).unwrap(), line);
        assert!(Line::read("1\t2\t3").is_err());
        assert!(Line::read("1\t2\t3\t4\tx").is_err());
    }

    #[test]
    fn the_median_is_in_microseconds_and_never_nothing() {
        let times = [9, 1, 5].map(Duration::from_micros);
        assert_eq!(median(&times), Some(5));
        assert_eq!(median(&[Duration::from_nanos(3)]), Some(1));
        assert_eq!(median(&[]), None);
    }
}
