//! `agent man`: the manual pages, made from the command line itself and from the table of the language.

mod language;

use std::{io::Write, path::PathBuf};

use anyhow::Context;

use super::{exit::Status, options, print};

/// The page of the config language.
const LANGUAGE: (&str, u8) = ("regent.conf", 5);
/// Pages of one version are the same whenever they are made. Without a blank the field is left out, and the next takes its place.
const NO_DATE: &str = " ";
const SOURCE: &str = concat!("Regent ", env!("CARGO_PKG_VERSION"));
const MANUAL: &str = "Regent";

/// Which page, and where to.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct ManOptions {
    /// The page: agent, agent-VERB or regent.conf; look at it with `agent man regent.conf | man -l -`
    #[arg(default_value = "agent")]
    pub page: String,
    /// Write all pages into this directory instead
    #[arg(long, value_name = "DIR", conflicts_with = "page")]
    pub dir: Option<PathBuf>,
}

/// A manual page.
pub struct Page {
    /// `agent.8`.
    pub file: String,
    /// roff.
    pub text: Vec<u8>,
}

/// Prints a page, or writes all of them.
///
/// # Errors
/// There is no such page, or a file cannot be written.
pub fn run(options: &ManOptions, output: &mut dyn Write) -> anyhow::Result<Status> {
    let pages = pages()?;
    match &options.dir {
        Some(directory) => {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("cannot make {}", directory.display()))?;
            for page in &pages {
                let path = directory.join(&page.file);
                std::fs::write(&path, &page.text)
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
        None => {
            let name =
                |page: &&Page| page.file.rsplit_once('.').is_some_and(|(name, _)| name == options.page);
            let Some(page) = pages.iter().find(name) else {
                let names: Vec<&str> = pages
                    .iter()
                    .filter_map(|page| page.file.rsplit_once('.'))
                    .map(|(name, _)| name)
                    .collect();
                anyhow::bail!("there is no manual page `{}`; there are {}", options.page, names.join(", "));
            };
            print(output, &String::from_utf8_lossy(&page.text));
        }
    }
    Ok(Status::Good)
}

/// All pages: one for the agent, one for each of its verbs, one for the language.
///
/// # Errors
/// None that could be named: the pages are written into memory.
pub fn pages() -> anyhow::Result<Vec<Page>> {
    let mut command = options::command();
    command.build();
    let mut pages = vec![of_command(command.clone(), "agent".to_owned())?];
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help") {
        pages.push(of_command(verb.clone(), format!("agent-{}", verb.get_name()))?);
    }
    let (name, section) = LANGUAGE;
    pages.push(Page { file: format!("{name}.{section}"), text: escaped(&language::page(name, section)) });
    Ok(pages)
}

/// Daemons and their administration are section 8.
fn of_command(command: clap::Command, name: String) -> anyhow::Result<Page> {
    let mut text = Vec::new();
    let man = clap_mangen::Man::new(command.display_name(name.clone()))
        .title(name.to_uppercase())
        .section("8")
        .date(NO_DATE)
        .source(SOURCE)
        .manual(MANUAL);
    man.render(&mut text).context("cannot write a manual page")?;
    Ok(Page { file: format!("{name}.8"), text: escaped(&String::from_utf8_lossy(&text)) })
}

/// Formatters read bytes: what is not ASCII is named by its number, which all of them know.
fn escaped(text: &str) -> Vec<u8> {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            escaped.push_str(&format!("\\[u{:04X}]", u32::from(character)));
        }
    }
    escaped.into_bytes()
}

#[cfg(test)]
mod tests;
