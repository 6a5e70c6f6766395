//! `agent explain`: what a word of the language or a code of a diagnostic is about, from the tables that the reader goes by.

mod code;
mod page;
mod word;

use std::io::Write;

use super::{exit::Status, print};
use crate::config::{
    diagnostic::{self, explanations},
    keyword::{self, Tally},
};
use page::Page;

/// What is to be explained.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct ExplainOptions {
    /// A word (`priority`), a block (`vrrp_instance`), a word of a block (`vrrp_instance/priority`), or a code (`RG0403`)
    #[arg(value_name = "WORD|CODE")]
    pub about: Vec<String>,
}

/// Explains.
///
/// # Errors
/// There is no such word and no such code: with the nearest that there is.
pub fn run(options: &ExplainOptions, output: &mut dyn Write) -> anyhow::Result<Status> {
    // `vrrp_instance priority` is said as easily as `vrrp_instance/priority`.
    let about = options.about.join("/");
    let about = about.trim().trim_end_matches('/');
    let text = match about {
        "" => Some(contents()),
        about => code::page(about).or_else(|| word::page(about)),
    };
    let Some(text) = text else {
        let nearest = keyword::quoted_nearest(last(about), candidates());
        let nearest = if nearest.is_empty() {
            "`agent explain` alone lists the blocks, `agent explain BLOCK` their words".to_owned()
        } else {
            nearest
        };
        anyhow::bail!("`{about}` is no word of the language and no code of a diagnostic; {nearest}");
    };
    print(output, &text);
    Ok(Status::Good)
}

/// What `explain` can be asked about: words and codes, each once.
pub fn subjects() -> Vec<(&'static str, &'static str)> {
    let mut subjects: Vec<(&str, &str)> = Vec::new();
    for word in keyword::all_words() {
        if !subjects.iter().any(|(name, _)| *name == word.name) {
            subjects.push((word.name, word.help));
        }
    }
    subjects.sort_unstable();
    subjects.extend(diagnostic::code::ALL);
    subjects
}

fn candidates() -> impl Iterator<Item = &'static str> {
    keyword::keywords()
        .iter()
        .map(|keyword| keyword.name)
        .chain(diagnostic::code::ALL.iter().map(|(code, _)| *code))
}

fn last(about: &str) -> &str {
    about.rsplit('/').next().unwrap_or(about)
}

/// How to ask, and about what.
fn contents() -> String {
    let mut page = Page::default();
    page.paragraph(
        "Ask about a word of the config, a block, a word of a block, or the code of a diagnostic:",
    );
    page.verbatim("agent explain priority\nagent explain vrrp_instance\nagent explain vrrp_instance/priority\nagent explain RG0403");
    page.paragraph("The blocks, and how many of their words act:");
    let blocks = keyword::blocks();
    let width = blocks.iter().map(|block| shown(block).len()).max().unwrap_or(0);
    for block in blocks {
        let tally = Tally::of(keyword::all_words().filter(|keyword| keyword.parent == block));
        let (all, act) = (tally.of_keepalived() + tally.own, tally.acts + tally.own);
        page.line(&format!("  {:width$}  {act} of {all}", shown(block)));
    }
    page.gap();
    let (first, last) = (diagnostic::code::ALL.first(), diagnostic::code::ALL.last());
    if let (Some((first, _)), Some((last, _))) = (first, last) {
        let written = explanations::explanations().count();
        page.paragraph(&format!("The codes are {written} from {first} to {last}."));
    }
    page.finish()
}

fn shown(block: &str) -> &str {
    if block.is_empty() { "(outside all blocks)" } else { block }
}

#[cfg(test)]
mod tests;
