//! `vrrp_script`: runs a program again and again and reports when its verdict changes.
//!
//! One task for each script. A run that takes longer than the interval makes the next ones wait, so that never two
//! run at once. A script that cannot be run counts as failed: keepalived ignores it and lets the instance become
//! master, which hides exactly the mistake that the script was written against.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::mpsc,
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep},
};

use super::Judge;
use crate::child::{Credentials, Outcome, Program, StartError};

/// The shortest interval: what a timer of the runtime can tell apart.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

/// A script to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptSpec {
    /// Its name in the config.
    pub name: Arc<str>,
    /// What to run.
    pub program: Program,
    /// From the start of one run to the start of the next.
    pub interval: Duration,
    /// When a run is given up and counts as failed.
    pub timeout: Duration,
    /// Successes in a row until it is good.
    pub rise: u32,
    /// Failures in a row until it is bad.
    pub fall: u32,
    /// Bad until it has succeeded.
    pub starts_failed: bool,
}

/// What is thought of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its name.
    pub script: Arc<str>,
    /// It is good.
    pub good: bool,
    /// The result that decided it: `exit status 1: connection refused`.
    pub detail: String,
}

/// Runs one script until it is dropped; what runs then is killed.
#[derive(Debug)]
pub struct ScriptTracker {
    task: JoinHandle<()>,
    running: Arc<AtomicBool>,
}

impl ScriptTracker {
    /// Starts on `runtime` (the control runtime). The first run begins at once; `verdicts` gets the first verdict
    /// and then each that differs from the one before. A full queue makes the script wait.
    pub fn start(runtime: &Handle, script: ScriptSpec, verdicts: mpsc::Sender<Verdict>) -> Self {
        let running = Arc::new(AtomicBool::new(false));
        let task = runtime.spawn(watch(script, verdicts, Arc::clone(&running)));
        Self { task, running }
    }

    /// True while it runs; for whoever shows it.
    pub fn running(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.running)
    }
}

impl Drop for ScriptTracker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(script: ScriptSpec, verdicts: mpsc::Sender<Verdict>, running: Arc<AtomicBool>) {
    let mut judge = Judge::new(script.rise, script.fall, script.starts_failed);
    let mut credentials = None;
    let verdict = |good, detail| Verdict { script: Arc::clone(&script.name), good, detail };
    if judge.told() == Some(false) {
        let first = verdict(false, "assumed failed until it succeeds (init_fail)".to_owned());
        if verdicts.send(first).await.is_err() {
            return;
        }
    }
    let mut ticks = interval(script.interval.max(SHORTEST_INTERVAL));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        running.store(true, Ordering::Relaxed);
        let result = run(&script, &mut credentials).await;
        running.store(false, Ordering::Relaxed);
        let success = matches!(&result, Ok(run) if run.outcome.is_success());
        if let Some(good) = judge.result(success)
            && verdicts.send(verdict(good, describe(&script, result))).await.is_err()
        {
            return;
        }
    }
}

struct Run {
    outcome: Outcome,
    last_line: Option<String>,
}

async fn run(script: &ScriptSpec, credentials: &mut Option<Credentials>) -> Result<Run, StartError> {
    if credentials.is_none() {
        *credentials = script.program.credentials().await?;
    }
    let finished = script.program.start(*credentials)?.finish(sleep(script.timeout)).await;
    Ok(Run { outcome: finished.outcome, last_line: finished.last_line })
}

fn describe(script: &ScriptSpec, result: Result<Run, StartError>) -> String {
    let run = match result {
        Ok(run) => run,
        Err(error) => return error.to_string(),
    };
    let outcome = match run.outcome {
        Outcome::GivenUp => format!("not done after {}, terminated", crate::words::lapse(script.timeout)),
        Outcome::Exited(_) | Outcome::Signalled(_) => run.outcome.to_string(),
    };
    match run.last_line {
        Some(line) => format!("{outcome}: {line}"),
        None => outcome,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use tokio::time::timeout;

    use super::*;

    fn spec(script: &str) -> ScriptSpec {
        ScriptSpec {
            name: "check".into(),
            program: Program {
                path: "/bin/sh".into(),
                arguments: vec!["-c".to_owned(), script.to_owned()],
                user: None,
            },
            interval: Duration::from_millis(50),
            timeout: Duration::from_secs(5),
            rise: 1,
            fall: 1,
            starts_failed: false,
        }
    }

    async fn next(verdicts: &mut mpsc::Receiver<Verdict>) -> (bool, String) {
        let verdict = timeout(Duration::from_secs(10), verdicts.recv()).await.unwrap().unwrap();
        assert_eq!(&*verdict.script, "check");
        (verdict.good, verdict.detail)
    }

    fn start(script: ScriptSpec) -> (ScriptTracker, mpsc::Receiver<Verdict>) {
        let (sender, receiver) = mpsc::channel(8);
        (ScriptTracker::start(&Handle::current(), script, sender), receiver)
    }

    fn runs_in(file: &Path) -> usize {
        fs::read_to_string(file).unwrap_or_default().lines().count()
    }

    #[tokio::test]
    async fn the_first_verdict_and_each_change_are_reported_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let flag = directory.path().join("flag");
        let runs = directory.path().join("runs");
        fs::write(&flag, "").unwrap();
        let (_tracker, mut verdicts) =
            start(spec(&format!("echo run >>{}; echo said; test -e {}", runs.display(), flag.display())));
        assert_eq!(next(&mut verdicts).await, (true, "exit status 0: said".to_owned()));
        sleep(Duration::from_millis(400)).await;
        assert!(runs_in(&runs) >= 3, "it ran {} times", runs_in(&runs));
        assert!(verdicts.try_recv().is_err(), "an unchanged verdict was reported");
        fs::remove_file(&flag).unwrap();
        assert_eq!(next(&mut verdicts).await, (false, "exit status 1: said".to_owned()));
    }

    #[tokio::test]
    async fn a_run_over_time_counts_as_failed() {
        let mut script = spec("exec sleep 30");
        script.timeout = Duration::from_millis(200);
        let (_tracker, mut verdicts) = start(script);
        assert_eq!(next(&mut verdicts).await, (false, "not done after 200.000 ms, terminated".to_owned()));
    }

    #[tokio::test]
    async fn two_runs_never_overlap() {
        let directory = tempfile::tempdir().unwrap();
        let lock = directory.path().join("lock");
        let runs = directory.path().join("runs");
        let mut script = spec(&format!(
            "mkdir {0} || exit 1; echo run >>{1}; sleep 0.3; rmdir {0}",
            lock.display(),
            runs.display()
        ));
        script.interval = Duration::from_millis(10);
        let (_tracker, mut verdicts) = start(script);
        assert!(next(&mut verdicts).await.0);
        sleep(Duration::from_millis(1000)).await;
        assert!(verdicts.try_recv().is_err(), "a second run found the first one's lock");
        assert!((2..=6).contains(&runs_in(&runs)), "{} runs", runs_in(&runs));
    }

    #[tokio::test]
    async fn runs_that_were_missed_are_not_made_up_for() {
        let directory = tempfile::tempdir().unwrap();
        let (once, runs) = (directory.path().join("once"), directory.path().join("runs"));
        let mut script = spec(&format!(
            "echo run >>{1}; test -e {0} && exit 0; touch {0}; sleep 2",
            once.display(),
            runs.display()
        ));
        script.interval = Duration::from_millis(250);
        let (_tracker, mut verdicts) = start(script);
        assert!(next(&mut verdicts).await.0);
        sleep(Duration::from_millis(400)).await;
        // The slow one and two or three after it; had they been made up for, eight at once.
        assert!((2..=5).contains(&runs_in(&runs)), "{} runs", runs_in(&runs));
    }

    #[tokio::test]
    async fn a_script_that_does_not_exist_is_reported_once_and_is_bad() {
        let mut script = spec("");
        script.program.path = "/nonexistent/check".into();
        script.fall = 3;
        let (_tracker, mut verdicts) = start(script);
        let (good, detail) = next(&mut verdicts).await;
        assert!(!good);
        assert!(detail.starts_with("cannot run /nonexistent/check: No such file or directory"), "{detail}");
        sleep(Duration::from_millis(300)).await;
        assert!(verdicts.try_recv().is_err(), "reported twice");
    }

    #[tokio::test]
    async fn init_fail_is_reported_before_the_first_run() {
        let mut script = spec("exit 0");
        script.starts_failed = true;
        script.rise = 2;
        let (_tracker, mut verdicts) = start(script);
        assert!(!next(&mut verdicts).await.0);
        assert!(next(&mut verdicts).await.0);
    }

    #[tokio::test]
    async fn dropping_the_tracker_kills_what_runs() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("process");
        let (tracker, _verdicts) = start(spec(&format!("echo $$ >{}; exec sleep 60", file.display())));
        let process = loop {
            match fs::read_to_string(&file).ok().and_then(|text| text.trim().parse::<i32>().ok()) {
                Some(process) => break process,
                None => sleep(Duration::from_millis(10)).await,
            }
        };
        assert!(tracker.running().load(Ordering::Relaxed));
        drop(tracker);
        for _ in 0..200 {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            if stat.is_empty() || stat.contains(") Z ") {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("process {process} survived its tracker");
    }
}
