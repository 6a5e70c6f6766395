//! Real programs, run and ended.

use std::{fs, future, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use tokio::time::{sleep, timeout};

use super::{LastLine, Outcome, Program, RunAs, StartError};

fn shell(script: &str) -> Program {
    Program { path: "/bin/sh".into(), arguments: vec!["-c".to_owned(), script.to_owned()], user: None }
}

/// Waits until `path` holds a number, and returns it.
async fn number_in(path: &Path) -> i32 {
    for _ in 0..200 {
        if let Some(number) = fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()) {
            return number;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("{} never held a number", path.display());
}

/// Whether the process runs: neither gone nor a zombie.
fn runs(process: i32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
}

async fn ends(process: i32) -> bool {
    for _ in 0..200 {
        if !runs(process) {
            return true;
        }
        sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test]
async fn exit_status_and_last_line_are_reported() {
    let program = shell("echo first; echo; printf 'the \\033[31mlast\\n' >&2; echo; exit 3");
    let finished = program.start(None).unwrap().finish(future::pending()).await;
    assert_eq!(finished.outcome, Outcome::Exited(3));
    assert_eq!(finished.last_line.as_deref(), Some("the  [31mlast"));
    // Nobody but programs that other tests are about to start can hold its output open.
    if let Some(output) = finished.leftover {
        timeout(Duration::from_secs(2), output.discard()).await.expect("its output ends with it");
    }
}

#[tokio::test]
async fn a_signal_is_named() {
    let finished = shell("kill -9 $$").start(None).unwrap().finish(future::pending()).await;
    assert_eq!(finished.outcome.to_string(), "killed by SIGKILL");
    assert!(!finished.outcome.is_success());
}

#[tokio::test]
async fn nothing_is_inherited_but_the_search_path() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("environment");
    let program = Program {
        path: "/bin/sh".into(),
        arguments: vec!["-c".into(), format!("tr '\\0' '\\n' </proc/self/environ >{}; pwd", file.display())],
        user: None,
    };
    let finished = program.start(None).unwrap().finish(future::pending()).await;
    let environment = fs::read_to_string(file).unwrap();
    let names: Vec<&str> = environment.lines().filter_map(|line| line.split('=').next()).collect();
    assert!(names.contains(&"PATH"), "{environment}");
    assert!(names.iter().all(|name| ["PATH", "PWD", "OLDPWD", "_", "SHLVL"].contains(name)), "{environment}");
    assert_eq!(finished.last_line.as_deref(), Some("/"));
}

#[tokio::test]
async fn a_megabyte_of_output_neither_blocks_nor_is_kept() {
    let program = shell("i=0; while [ $i -lt 4096 ]; do printf '%0256d' 7; i=$((i+1)); done; echo; echo end");
    let finished = timeout(Duration::from_secs(20), program.start(None).unwrap().finish(future::pending()))
        .await
        .unwrap();
    assert_eq!(finished.last_line.as_deref(), Some("end"));
}

#[tokio::test]
async fn giving_up_ends_the_whole_group_also_what_ignores_the_first_signal() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("grandchild");
    let program = shell(&format!(
        "sh -c 'trap \"\" TERM; echo $$ >{0}.new; mv {0}.new {0}; while :; do sleep 0.1; done' & wait",
        file.display()
    ));
    let running = program.start(None).unwrap();
    let grandchild = number_in(&file).await;
    assert!(runs(grandchild));
    let finished = timeout(Duration::from_secs(6), running.finish(future::ready(()))).await.unwrap();
    assert_eq!(finished.outcome, Outcome::GivenUp);
    assert!(ends(grandchild).await, "the grandchild survived");
}

#[tokio::test]
async fn a_leader_that_ignores_the_first_signal_is_killed_two_seconds_later() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("leader");
    let program = shell(&format!(
        "trap '' TERM; echo $$ >{0}.new; mv {0}.new {0}; while :; do sleep 0.1; done",
        file.display()
    ));
    let running = program.start(None).unwrap();
    let leader = number_in(&file).await;
    let mut finish = Box::pin(running.finish(future::ready(())));
    assert!(
        timeout(Duration::from_millis(1500), &mut finish).await.is_err(),
        "killed before its grace was over"
    );
    assert_eq!(timeout(Duration::from_secs(3), finish).await.unwrap().outcome, Outcome::GivenUp);
    assert!(ends(leader).await);
}

#[tokio::test]
async fn dropping_it_kills_the_whole_group() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("grandchild");
    let program = shell(&format!("sleep 60 & echo $! >{0}.new; mv {0}.new {0}; wait", file.display()));
    let running = program.start(None).unwrap();
    let grandchild = number_in(&file).await;
    drop(running);
    assert!(ends(grandchild).await, "the grandchild survived");
}

#[tokio::test]
async fn what_a_program_leaves_behind_lives_on() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("left");
    let program = shell(&format!(
        "sh -c 'echo $$ >{0}.new; mv {0}.new {0}; sleep 0.5; echo still here && exec sleep 60' & exit 0",
        file.display()
    ));
    let finished = program.start(None).unwrap().finish(future::pending()).await;
    assert!(finished.outcome.is_success());
    let left = number_in(&file).await;
    let reader = tokio::spawn(finished.leftover.expect("its output is held open").discard());
    sleep(Duration::from_millis(800)).await;
    assert!(runs(left), "it died when it printed");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(left), nix::sys::signal::Signal::SIGKILL).unwrap();
    timeout(Duration::from_secs(2), reader).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_program_that_cannot_run_says_why_and_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    let program = Program { path: missing.clone(), arguments: Vec::new(), user: None };
    let text = program.start(None).unwrap_err().to_string();
    let expected = format!(
        "cannot run {}: No such file or directory (os error 2); does it exist, and the interpreter in its first line?",
        missing.display()
    );
    assert_eq!(text, expected);

    let plain = directory.path().join("plain");
    // Not by ourselves: what another test is about to start could hold a copy of the descriptor, and a file that is open
    // for writing does not run.
    let write = format!("echo exit 0 >{}", plain.display());
    assert!(std::process::Command::new("sh").args(["-c", &write]).status().unwrap().success());
    let program = Program { path: plain.clone(), arguments: Vec::new(), user: None };
    let text = program.start(None).unwrap_err().to_string();
    assert!(
        text.ends_with("Permission denied (os error 13); is it executable for the user that runs it?"),
        "{text}"
    );

    fs::set_permissions(&plain, fs::Permissions::from_mode(0o755)).unwrap();
    let text = program.start(None).unwrap_err().to_string();
    assert!(text.ends_with("a script must begin with a line such as #!/bin/sh"), "{text}");
}

#[tokio::test]
async fn an_unknown_user_or_group_is_named() {
    let mut program = shell("exit 0");
    program.user = Some(RunAs { user: "rg-nobody-here".into(), group: None });
    let error = program.credentials().await.unwrap_err();
    assert!(matches!(error, StartError::NoUser { .. }));
    assert_eq!(error.to_string(), "cannot run /bin/sh as user rg-nobody-here: there is no such user");
    program.user = Some(RunAs { user: "root".into(), group: Some("rg-no-group".into()) });
    let text = program.credentials().await.unwrap_err().to_string();
    assert_eq!(text, "cannot run /bin/sh as group rg-no-group: there is no such group");
}

#[tokio::test]
async fn another_user_runs_it_without_the_groups_of_root() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root can change users");
        return;
    }
    let mut program = shell("echo $(id -u) $(id -g) $(id -G)");
    program.user = Some(RunAs { user: "nobody".into(), group: Some("daemon".into()) });
    let credentials = program.credentials().await.unwrap();
    let finished = program.start(credentials).unwrap().finish(future::pending()).await;
    assert_eq!(finished.last_line.as_deref(), Some("65534 1 1"));
}

#[test]
fn the_last_line_is_bounded_and_skips_blank_ones() {
    let mut line = LastLine::default();
    assert_eq!(line.last(), None);
    line.push(&[b'x'; 1000]);
    assert_eq!(line.last().unwrap().len(), 256);
    line.push(b"\nsecond\n \n");
    assert_eq!(line.last().as_deref(), Some("second"));
    line.push(b"third");
    assert_eq!(line.last().as_deref(), Some("third"));
}
