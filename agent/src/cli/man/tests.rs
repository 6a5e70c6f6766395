//! Tests of `man`: the pages are whole, and a formatter has nothing to complain about.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use super::{Page, pages};
use crate::config::{self, diagnostic::code, keyword};

fn text(file: &str) -> String {
    let Page { text, .. } = pages().unwrap().into_iter().find(|page| page.file == file).unwrap();
    String::from_utf8(text).unwrap()
}

/// What groff makes of a page, and what it complains about; `None` where it is not installed.
fn formatted(page: &[u8]) -> Option<(String, String)> {
    let words = ["-man", "-Tutf8", "-ww", "-rLL=100n", "-P-c", "-P-b", "-P-u"];
    let mut groff = Command::new("groff");
    groff.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut groff = groff.spawn().ok()?;
    let mut input = groff.stdin.take().unwrap();
    // It prints while it reads.
    let page = page.to_owned();
    let writer = std::thread::spawn(move || input.write_all(&page).unwrap());
    let output = groff.wait_with_output().unwrap();
    writer.join().unwrap();
    Some((String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap()))
}

#[test]
fn the_page_of_the_language_has_every_block_word_and_code() {
    let page = text("regent.conf.5");
    for block in keyword::blocks() {
        let (plain, lines) = (format!(".SS {block}\n"), format!(".SS \"Lines of {block}\"\n"));
        assert!(block.is_empty() || page.contains(&plain) || page.contains(&lines), "{block}");
    }
    let plain = page.replace('\\', "");
    for word in keyword::all_words() {
        assert!(plain.contains(&format!("fB{}fR", word.name)), "{}", word.name);
    }
    for (code, _) in code::ALL {
        assert!(plain.contains(code), "{code}");
    }
}

#[test]
fn the_example_of_the_language_is_right() {
    let loaded = config::parse("example", super::language::EXAMPLE);
    assert!(loaded.diagnostics.is_empty(), "{}", loaded.render(false));
}

#[test]
fn what_is_not_ascii_is_named_by_its_number() {
    assert_eq!(super::escaped("a … b"), b"a \\[u2026] b");
    assert!(pages().unwrap().iter().all(|page| page.text.is_ascii()));
}

#[test]
fn there_is_a_page_for_each_verb() {
    let files: Vec<String> = pages().unwrap().into_iter().map(|page| page.file).collect();
    for file in ["agent.8", "agent-status.8", "agent-explain.8", "agent-man.8", "regent.conf.5"] {
        assert!(files.iter().any(|other| other == file), "{file} of {files:?}");
    }
    assert!(text("agent.8").contains("metrics"));
}

#[test]
fn groff_formats_every_page_without_a_warning() {
    for page in pages().unwrap() {
        let Some((shown, complaints)) = formatted(&page.text) else {
            eprintln!("skipped groff_formats_every_page_without_a_warning: no groff");
            return;
        };
        assert_eq!(complaints, "", "{}", page.file);
        assert!(shown.lines().count() > 10, "{}", page.file);
    }
}
