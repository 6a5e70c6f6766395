//! What this machine did meanwhile: how far the figures can be believed.

use std::{fmt, fs};

use anyhow::{Context, Result};

/// Places in the first line of /proc/stat, after its name.
const IDLE: [usize; 2] = [3, 4];
const STOLEN: usize = 7;
/// Further ones count again what is in the places before.
const PLACES: usize = 8;

/// Processor time of all cores since they started, in the kernel's ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ticks {
    all: u64,
    idle: u64,
    stolen: u64,
}

/// From a beginning on.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    began: Ticks,
}

/// What it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    cores: usize,
    /// Percent of all cores.
    busy: u64,
    /// Percent of all cores that the host gave to others.
    stolen: u64,
}

impl Machine {
    /// Begins.
    ///
    /// # Errors
    /// Without /proc.
    pub fn watch() -> Result<Self> {
        Ok(Self { began: ticks()? })
    }

    /// What it did since.
    ///
    /// # Errors
    /// Without /proc.
    pub fn report(self) -> Result<Report> {
        Ok(report(self.began, ticks()?, std::thread::available_parallelism()?.get()))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cores, busy, stolen } = self;
        write!(f, "machine: {cores} cores, {busy} % busy, {stolen} % more given to others by the host")
    }
}

fn ticks() -> Result<Ticks> {
    let text = fs::read_to_string("/proc/stat").context("read /proc/stat")?;
    Ok(read(&text))
}

fn read(text: &str) -> Ticks {
    let words = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let places: Vec<u64> = words.take(PLACES).filter_map(|word| word.parse().ok()).collect();
    let at = |place: usize| places.get(place).copied().unwrap_or(0);
    Ticks { all: places.iter().sum(), idle: IDLE.map(at).iter().sum(), stolen: at(STOLEN) }
}

fn report(before: Ticks, after: Ticks, cores: usize) -> Report {
    let all = after.all.saturating_sub(before.all).max(1);
    let (idle, stolen) = (after.idle.saturating_sub(before.idle), after.stolen.saturating_sub(before.stolen));
    let busy = all.saturating_sub(idle).saturating_sub(stolen);
    Report { cores, busy: busy * 100 / all, stolen: stolen * 100 / all }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_idle_and_stolen_are_told_apart() {
        let before = read("cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 2 3\n");
        assert_eq!(before, Ticks { all: 1000, idle: 800, stolen: 0 });
        let after = read("cpu  400 0 200 1100 200 0 0 100 90 0\n");
        assert_eq!(report(before, after, 2), Report { cores: 2, busy: 40, stolen: 10 });
    }
}
