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

#[test]
fn explain_tells_words_and_codes_and_fails_on_others() {
    for words in [
        ["explain"].as_slice(),
        &["explain", "priority"],
        &["explain", "vrrp_script", "rise"],
        &["explain", "rg0403"],
    ] {
        let output = agent(words);
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{words:?}");
    }
    let output = agent(&["explain", "prioirty"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let said = text(&output.stderr);
    assert!(said.starts_with("error: ") && said.ends_with("did you mean `priority`?\n"), "{said}");
    assert_eq!(said.lines().count(), 1);
}

#[test]
fn manual_pages_are_printed_or_written_and_completions_printed() {
    assert!(text(&agent(&["man", "regent.conf"]).stdout).contains(".TH REGENT.CONF 5"));
    assert!(text(&agent(&["man"]).stdout).contains(".TH AGENT 8"));
    assert_eq!(agent(&["man", "keepalived.conf"]).status.code(), Some(1));
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man");
    let output = agent(&["man", "--dir", pages.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    for file in ["agent.8", "agent-explain.8", "regent.conf.5"] {
        assert!(pages.join(file).is_file(), "{file}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(text(&agent(&["completion", shell]).stdout).contains("virtual_router_id"), "{shell}");
    }
    assert_eq!(agent(&["completion", "tcsh"]).status.code(), Some(2));
}
