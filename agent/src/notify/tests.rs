//! What is run, in which order, and what happens when it does not end.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use regent_vrrp::{Cause, FaultCause, StateName, Transition};
use tokio::{
    runtime::Handle,
    time::{sleep, timeout},
};

use super::{DEPTH, Notification, Notifier, NotifyState, Programs, Report};
use crate::child::Program;

fn shell(script: &str) -> Option<Program> {
    // What is appended arrives as $1...; the word before them is $0.
    let arguments = vec!["-c".to_owned(), script.to_owned(), "notify".to_owned()];
    Some(Program { path: "/bin/sh".into(), arguments, user: None })
}

fn reports() -> (Report, Arc<Mutex<Vec<String>>>) {
    let texts = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&texts);
    (
        Arc::new(move |instance: &Arc<str>, text: String| {
            kept.lock().unwrap().push(format!("{instance}: {text}"))
        }),
        texts,
    )
}

fn start(programs: Programs) -> (Notifier, Arc<Mutex<Vec<String>>>) {
    let (report, texts) = reports();
    (Notifier::start(&Handle::current(), "VI_1".into(), programs, report), texts)
}

const fn told(state: NotifyState, priority: u8) -> Notification {
    Notification { state, priority }
}

fn lines(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_specific_program_comes_first_and_the_general_one_gets_keepalived_arguments() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("told");
    let write = |word: &str| shell(&format!("echo {word} $# \"$@\" >>{}", file.display()));
    let (notifier, texts) = start(Programs {
        master: write("master"),
        backup: write("backup"),
        fault: write("fault"),
        stop: write("stop"),
        any: write("any"),
    });
    notifier.notify(told(NotifyState::Backup, 150));
    notifier.notify(told(NotifyState::Master, 150));
    notifier.notify(told(NotifyState::Fault, 139));
    notifier.notify(told(NotifyState::Stop, 150));
    assert!(notifier.finish(Duration::from_secs(10)).await);
    assert_eq!(
        lines(&file),
        [
            "backup 0",
            "any 4 INSTANCE VI_1 BACKUP 150",
            "master 0",
            "any 4 INSTANCE VI_1 MASTER 150",
            "fault 0",
            "any 4 INSTANCE VI_1 FAULT 139",
            "stop 0",
            "any 4 INSTANCE VI_1 STOP 150",
        ]
    );
    assert!(texts.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_quick_one_never_overtakes_a_slow_one() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("told");
    let write = |word: &str, rest: &str| {
        shell(&format!("echo {word} begins >>{0}; {rest}; echo {word} ends >>{0}", file.display()))
    };
    let (notifier, _) = start(Programs {
        master: write("master", "sleep 0.4"),
        backup: write("backup", "true"),
        ..Programs::default()
    });
    notifier.notify(told(NotifyState::Master, 100));
    // While the first runs, not only before it starts.
    sleep(Duration::from_millis(100)).await;
    notifier.notify(told(NotifyState::Backup, 100));
    timeout(Duration::from_secs(5), async {
        while lines(&file).len() < 4 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(lines(&file), ["master begins", "master ends", "backup begins", "backup ends"]);
}

#[tokio::test]
async fn a_full_queue_drops_the_oldest_and_counts() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("told");
    let any = shell(&format!("echo $4 >>{}", file.display()));
    let (notifier, _) = start(Programs { any, ..Programs::default() });
    // The test's runtime has one thread: nothing is taken out before the first await.
    for priority in 0..=u8::try_from(DEPTH).unwrap() {
        notifier.notify(told(NotifyState::Backup, priority));
    }
    assert_eq!(notifier.dropped(), 1);
    assert!(notifier.finish(Duration::from_secs(20)).await);
    let told: Vec<u8> = lines(&file).iter().map(|line| line.parse().unwrap()).collect();
    assert_eq!(told, (1..=64).collect::<Vec<u8>>());
}

#[tokio::test]
async fn shutting_down_ends_a_program_that_holds_up_the_stop() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("told");
    let (notifier, texts) = start(Programs {
        master: shell("exec sleep 60"),
        stop: shell(&format!("echo stop >>{}", file.display())),
        ..Programs::default()
    });
    notifier.notify(told(NotifyState::Master, 100));
    sleep(Duration::from_millis(200)).await;
    notifier.notify(told(NotifyState::Stop, 100));
    assert!(timeout(Duration::from_secs(4), notifier.finish(Duration::from_secs(3))).await.unwrap());
    assert_eq!(lines(&file), ["stop"]);
    assert_eq!(
        *texts.lock().unwrap(),
        ["VI_1: notify program /bin/sh for MASTER did not end and held up the next one; terminated"]
    );
}

#[tokio::test]
async fn shutting_down_takes_no_longer_than_its_limit() {
    let (notifier, texts) = start(Programs { stop: shell("exec sleep 60"), ..Programs::default() });
    notifier.notify(told(NotifyState::Stop, 100));
    let finished =
        timeout(Duration::from_secs(2), notifier.finish(Duration::from_millis(300))).await.unwrap();
    assert!(!finished);
    assert_eq!(
        *texts.lock().unwrap(),
        ["VI_1: gave up its notify programs after 300.000 ms: one was still running, 0 notifications waited"]
    );
}

#[tokio::test]
async fn a_program_that_fails_or_is_missing_is_reported_and_the_next_one_runs() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("told");
    let (notifier, texts) = start(Programs {
        master: Some(Program { path: "/nonexistent/n".into(), arguments: Vec::new(), user: None }),
        any: shell(&format!("echo $3 >>{}; echo why; exit 4", file.display())),
        ..Programs::default()
    });
    notifier.notify(told(NotifyState::Master, 100));
    assert!(notifier.finish(Duration::from_secs(5)).await);
    assert_eq!(lines(&file), ["MASTER"]);
    let texts = texts.lock().unwrap();
    assert!(
        texts[0].starts_with("VI_1: could not be told of MASTER: cannot run /nonexistent/n: No such file"),
        "{texts:?}"
    );
    assert_eq!(texts[1], "VI_1: notify program /bin/sh for MASTER: exit status 4: why");
}

#[test]
fn programs_are_told_of_four_states() {
    let of = |to, cause| NotifyState::of(&Transition { from: StateName::Backup, to, cause });
    assert_eq!(of(StateName::Active, Cause::DownTimer), Some(NotifyState::Master));
    assert_eq!(of(StateName::Backup, Cause::Startup), Some(NotifyState::Backup));
    assert_eq!(of(StateName::Fault, Cause::Fault(FaultCause::Interface)), Some(NotifyState::Fault));
    assert_eq!(of(StateName::Initialize, Cause::Shutdown), Some(NotifyState::Stop));
    assert_eq!(of(StateName::Initialize, Cause::FaultCleared), None);
}
