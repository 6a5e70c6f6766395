//! Tests of `completion`: the scripts do in a shell what they are for, where that shell is installed.

use std::process::{Command, Stdio};

use super::{Shell, script};

/// What a shell prints; `None` where it is not installed.
fn said(shell: &str, script: &str) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("script");
    std::fs::write(&path, script).unwrap();
    let output = Command::new(shell).arg(&path).stdin(Stdio::null()).output().ok()?;
    assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn bash_completes_verbs_words_and_codes() {
    let script = script(Shell::Bash);
    let complete = |words: &str| {
        let test = format!(
            "{script}\nCOMP_WORDS=({words})\nCOMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             _agent agent \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
        );
        said("bash", &test)
    };
    let Some(verbs) = complete("agent expl") else {
        eprintln!("skipped bash_completes_verbs_words_and_codes: no bash");
        return;
    };
    assert_eq!(verbs, "explain\n");
    assert_eq!(complete("agent explain virtual_router").unwrap(), "virtual_router_id\n");
    assert_eq!(complete("agent explain RG0403").unwrap(), "RG0403\n");
    assert_eq!(complete("agent completion b").unwrap(), "bash\n");
}

#[test]
fn the_scripts_of_the_other_shells_parse() {
    for (shell, kind, flag) in [("zsh", Shell::Zsh, "-n"), ("fish", Shell::Fish, "--no-execute")] {
        let text = script(kind);
        assert!(text.contains("virtual_router_id") && text.contains("RG0403"), "{shell}");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("script");
        std::fs::write(&path, text).unwrap();
        match Command::new(shell).arg(flag).arg(&path).output() {
            Ok(output) => assert!(output.status.success() && output.stderr.is_empty(), "{output:?}"),
            Err(_) => eprintln!("skipped the_scripts_of_the_other_shells_parse for {shell}: not installed"),
        }
    }
}
