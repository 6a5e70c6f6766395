//! The program itself: what it prints where, and what it exits with.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::process::{Command, Output};

fn agent(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_agent")).args(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_and_version_go_to_stdout_and_are_good() {
    for words in [["--help"].as_slice(), &["--version"], &["status", "--help"]] {
        let output = agent(words);
        assert_eq!(output.status.code(), Some(0));
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{words:?}");
    }
}

#[test]
fn a_usage_error_goes_to_stderr_and_exits_with_2() {
    for words in [
        ["--frobnicate"].as_slice(),
        &["--iface", "a", "--vrid", "300", "--vip", "10.0.0.3"],
        &["--iface", "a", "--vrid", "0", "--vip", "10.0.0.3"],
        &["--iface", "a", "--vip", "10.0.0.3"],
        &["--iface", "a", "--vrid", "5", "--vip", "10.0.0.3", "--config", "x"],
    ] {
        let output = agent(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(output.stdout.is_empty(), "{words:?}");
        assert!(text(&output.stderr).starts_with("error: "), "{words:?}");
    }
}

#[test]
fn status_without_an_agent_exits_with_3() {
    let directory = tempfile::tempdir().unwrap();
    let output = agent(&["status", "--run-dir", directory.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout.is_empty());
    assert!(text(&output.stderr).starts_with("error: no agent answers on "));
}
