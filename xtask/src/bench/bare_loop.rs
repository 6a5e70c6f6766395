//! A process that does nothing but wake at a steady beat, in the agent's scheduling class: what advert lateness is held
//! against. The bench starts it, as a hidden verb of this program.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::Args;
use lab::beat::{self, Lateness};

/// The verb.
pub const VERB: &str = "bare-loop";
/// The priority that the agent's loop has.
const PRIORITY: u8 = 10;

/// Options of the verb.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Milliseconds between two beats
    interval: u64,
    /// Milliseconds in all
    time: u64,
}

/// Late by so much, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    /// Half of the beats were not later.
    pub p50: u64,
    /// 99 of 100.
    pub p99: u64,
    /// 999 of 1,000.
    pub p999: u64,
    /// The latest.
    pub worst: u64,
}

impl Late {
    /// Of these beats.
    ///
    /// # Errors
    /// When there are none.
    pub fn of(lateness: &Lateness) -> Result<Self> {
        let nanoseconds = |late: Option<Duration>| -> Result<u64> {
            Ok(u64::try_from(late.context("nothing kept the beat")?.as_nanos())?)
        };
        Ok(Self {
            p50: nanoseconds(lateness.permille(500))?,
            p99: nanoseconds(lateness.permille(990))?,
            p999: nanoseconds(lateness.permille(999))?,
            worst: nanoseconds(lateness.worst())?,
        })
    }
}

/// The verb: four numbers on a line.
///
/// # Errors
/// Without a timer.
pub fn run(arguments: &Arguments) -> Result<()> {
    let interval = Duration::from_millis(arguments.interval);
    let beats = beat::keep(interval, Duration::from_millis(arguments.time), PRIORITY)?;
    let Late { p50, p99, p999, worst } = Late::of(&Lateness::of(&beats, interval))?;
    println!("{p50} {p99} {p999} {worst}");
    Ok(())
}

/// Runs it as a process of its own for `time`.
///
/// # Errors
/// When it fails.
pub fn measure(interval: Duration, time: Duration) -> Result<Late> {
    let program = std::env::current_exe().context("find this program")?;
    let mut command = Command::new(program);
    command.arg(VERB).args([interval, time].map(|time| time.as_millis().to_string()));
    let output = command.output().context("start the bare loop")?;
    ensure!(output.status.success(), "the bare loop: {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let &[p50, p99, p999, worst] = &numbers[..] else { anyhow::bail!("the bare loop said {text:?}") };
    Ok(Late { p50, p99, p999, worst })
}
