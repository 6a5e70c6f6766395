//! The table of the language as a whole: nothing of keepalived's is missing, and the README says how much of it acts.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files stops")]

use std::{collections::BTreeSet, path::Path};

use regent_agent::config::keyword::{Effect, Keyword, Tally, Tier, keyword, keywords};

/// keepalived 2.4.1: block and word, `(root)` outside all blocks. `HTTP_GET` and `SSL_GET` share their 33 words there and
/// are two blocks here.
const POSITIONS: &str = include_str!("language/positions.tsv");

/// Words that some version or its manual names, and 2.4.1 does not have.
const ALSO: [(&str, &str); 1] = [("virtual_server/real_server/FILE_CHECK", "dynamic")];

fn positions() -> impl Iterator<Item = (&'static str, &'static str)> {
    POSITIONS.lines().map(|line| {
        let (block, word) = line.split_once('\t').unwrap();
        (if block == "(root)" { "" } else { block }, word)
    })
}

#[test]
fn every_position_of_keepalived_is_in_the_table() {
    assert_eq!(positions().collect::<BTreeSet<_>>().len(), 500 + 33);
    let missing: Vec<_> = positions().filter(|(block, word)| keyword(block, word).is_none()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_is_not_keepaliveds_is_marked_as_the_agents_own() {
    let known: BTreeSet<_> = positions().chain(ALSO).collect();
    for keyword in keywords() {
        let is_own = !known.contains(&(keyword.parent, keyword.name));
        assert_eq!(keyword.tier == Tier::Own, is_own, "{} in `{}`", keyword.name, keyword.parent);
    }
}

#[test]
fn what_is_said_of_a_word_is_one_line_without_a_full_stop() {
    for keyword in keywords() {
        let reason = match keyword.effect {
            Effect::Acts => "",
            Effect::WithoutEffect(reason) | Effect::Refused(reason) | Effect::NotYet(reason) => reason,
        };
        // The root of DNS is a dot.
        for text in [keyword.help, keyword.default, reason].into_iter().filter(|text| *text != ".") {
            assert!(!text.contains('\n') && !text.ends_with(['.', ' ']), "{}: {text}", keyword.name);
        }
        let starts_low = keyword.help.split(' ').next().is_some_and(|word| {
            word.chars().next().is_some_and(|first| !first.is_uppercase())
                || word.chars().nth(1).is_some_and(char::is_uppercase)
        });
        assert!(starts_low, "{}: {}", keyword.name, keyword.help);
    }
}

const BEGIN: &str =
    "<!-- words: `REGENT_BLESS=1 cargo test -p regent-agent --test language` writes this table -->\n";
const END: &str = "<!-- end of words -->\n";

/// A row of the README's table.
fn row(name: &str, tally: Tally) -> String {
    let Tally { acts, without_effect, not_yet, refused, own } = tally;
    let cell = |count: usize| if count == 0 { String::new() } else { count.to_string() };
    let cells = [tally.of_keepalived(), acts, without_effect, not_yet, refused, own].map(cell);
    format!("| {name} | {} |\n", cells.join(" | "))
}

/// The README's table: the words of a block with those of the blocks in it.
fn table() -> String {
    let outermost = |keyword: &Keyword| keyword.parent.split('/').next().unwrap_or_default();
    let mut blocks: Vec<&str> = Vec::new();
    for keyword in keywords() {
        if !blocks.contains(&outermost(keyword)) {
            blocks.push(outermost(keyword));
        }
    }
    blocks.sort_by_key(|block| block.to_ascii_lowercase());
    let mut table =
        "| | keepalived's words | act | accepted without effect | not yet | refused | our own |\n\
                     |---|--:|--:|--:|--:|--:|--:|\n"
            .to_owned();
    for block in blocks {
        let words = keywords().iter().filter(|keyword| outermost(keyword) == block);
        let name = if block.is_empty() { "outside all blocks".to_owned() } else { format!("`{block}`") };
        table.push_str(&row(&name, Tally::of(words)));
    }
    table.push_str(&row("**all**", Tally::of(keywords().iter())));
    table
}

#[test]
fn the_readme_says_how_much_of_the_language_acts() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (said, after) = rest.split_once(END).unwrap();
    let table = table();
    if std::env::var_os("REGENT_BLESS").is_some() && said != table {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(said, table, "REGENT_BLESS=1 cargo test -p regent-agent --test language");
}

#[test]
fn a_word_is_counted_once_whatever_it_does() {
    let all = Tally::of(keywords().iter());
    assert_eq!(all.of_keepalived() + all.own, keywords().len());
    assert_eq!(all.of_keepalived(), positions().chain(ALSO).count());
    let own = Tally::of(keyword("global_defs", "xdp").into_iter());
    assert_eq!(own, Tally { own: 1, ..Tally::default() });
    let acts = Tally::of(keyword("vrrp_instance", "priority").into_iter());
    assert_eq!(acts, Tally { acts: 1, ..Tally::default() });
    let not_yet = Tally::of(keyword("", "virtual_server").into_iter());
    assert_eq!(not_yet, Tally { not_yet: 1, ..Tally::default() });
}
