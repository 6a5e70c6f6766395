//! Patterns of `include`: `*`, `?`, `[a-z]` and `{a,b}`, sorted and bounded.
//!
//! As in the C library: a wildcard matches neither `/` nor a leading dot.

use std::path::{Path, PathBuf};

/// More matches than this are not looked at.
pub(super) const MAX_MATCHES: usize = 1_000;
/// More alternatives than this are not looked at.
const MAX_ALTERNATIVES: usize = 256;

/// What a pattern matched.
#[derive(Debug)]
pub(super) struct Matches {
    /// One for each combination of `{a,b}`; a single one without braces.
    pub alternatives: Vec<Alternative>,
    /// There were more than the limits allow.
    pub cut: bool,
}

/// A pattern without braces, and the paths it matches in order.
#[derive(Debug)]
pub(super) struct Alternative {
    /// The pattern.
    pub pattern: String,
    /// Paths that exist.
    pub paths: Vec<PathBuf>,
}

impl Matches {
    /// Nothing matched.
    pub(super) fn is_empty(&self) -> bool {
        self.alternatives.iter().all(|alternative| alternative.paths.is_empty())
    }

    /// Every path once, alternatives in order.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut seen = std::collections::BTreeSet::new();
        let paths = self.alternatives.iter().flat_map(|alternative| &alternative.paths);
        paths.filter(|path| seen.insert(path.as_path())).cloned().collect()
    }
}

/// Has `*`, `?` or `[`.
pub(super) fn has_wildcard(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// All paths that `pattern` matches, relative ones below `directory`.
pub(super) fn matches(directory: &Path, pattern: &str) -> Matches {
    let (patterns, mut cut) = alternatives(pattern);
    let mut left = MAX_MATCHES;
    let alternatives = patterns
        .into_iter()
        .map(|pattern| {
            let mut paths = find(directory, &pattern, &mut cut);
            cut |= paths.len() > left;
            paths.truncate(left);
            left -= paths.len();
            Alternative { pattern, paths }
        })
        .collect();
    Matches { alternatives, cut }
}

/// The pattern with each choice of its braces, and whether there were too many.
fn alternatives(pattern: &str) -> (Vec<String>, bool) {
    let (mut done, mut open) = (Vec::new(), vec![pattern.to_owned()]);
    // Depth first, the leftmost brace first, so that the order is that of the choices.
    while let Some(pattern) = open.pop() {
        if done.len() + open.len() >= MAX_ALTERNATIVES {
            return (done, true);
        }
        match split_braces(&pattern) {
            Some((before, choices, after)) => {
                open.extend(choices.iter().rev().map(|choice| format!("{before}{choice}{after}")));
            }
            None => done.push(pattern),
        }
    }
    (done, false)
}

/// `a{b,c}d` → `a`, [`b`, `c`], `d`. `None` without a closed brace.
fn split_braces(pattern: &str) -> Option<(&str, Vec<&str>, &str)> {
    let open = pattern.find('{')?;
    let (mut depth, mut start, mut choices) = (0_usize, open + 1, Vec::new());
    for (at, character) in pattern.char_indices().skip_while(|(at, _)| *at < open) {
        match character {
            '{' => depth += 1,
            ',' if depth == 1 => {
                choices.push(pattern.get(start..at)?);
                start = at + 1;
            }
            '}' if depth == 1 => {
                choices.push(pattern.get(start..at)?);
                return Some((pattern.get(..open)?, choices, pattern.get(at + 1..)?));
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Paths that a pattern without braces matches, in order.
fn find(directory: &Path, pattern: &str, cut: &mut bool) -> Vec<PathBuf> {
    let root = if pattern.starts_with('/') { PathBuf::from("/") } else { directory.to_owned() };
    let mut paths = vec![root];
    for component in pattern.split('/').filter(|component| !component.is_empty()) {
        let mut next = Vec::new();
        for path in &paths {
            if has_wildcard(component) {
                next.extend(entries(path, component));
            } else {
                next.push(path.join(component));
            }
        }
        *cut |= next.len() > MAX_MATCHES;
        next.truncate(MAX_MATCHES);
        paths = next;
    }
    paths.retain(|path| path.exists());
    paths
}

fn entries(directory: &Path, component: &str) -> Vec<PathBuf> {
    let pattern: Vec<char> = component.chars().collect();
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| name.starts_with('.') == component.starts_with('.') && is_match(&pattern, name));
    names.sort();
    names.into_iter().map(|name| directory.join(name)).collect()
}

/// Goes back only to the last `*`, so the time is bounded by the product of the lengths.
fn is_match(pattern: &[char], name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        let step = match (pattern.get(p), name.get(n)) {
            (Some('*'), _) => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            (Some('?'), Some(_)) => Some(1),
            (Some('['), Some(character)) => set(pattern, p, *character),
            (Some(expected), Some(character)) if expected == character => Some(1),
            (Some(_) | None, _) => None,
        };
        match (step, star) {
            (Some(length), _) => (p, n) = (p + length, n + 1),
            (None, Some((star_p, star_n))) => {
                star = Some((star_p, star_n + 1));
                (p, n) = (star_p + 1, star_n + 1);
            }
            (None, None) => return false,
        }
    }
    pattern.iter().skip(p).all(|rest| *rest == '*')
}

/// Length of the set at `start` when it holds `character`. A set that is not closed matches itself.
fn set(pattern: &[char], start: usize, character: char) -> Option<usize> {
    let body = pattern.get(start + 1..)?;
    let negated = matches!(body.first(), Some('!' | '^'));
    let body = if negated { body.get(1..)? } else { body };
    let Some(end) = body.iter().skip(1).position(|end| *end == ']').map(|end| end + 1) else {
        return (character == '[').then_some(1);
    };
    let members = body.get(..end)?;
    let (mut at, mut found) = (0, false);
    while let Some(first) = members.get(at) {
        match (members.get(at + 1), members.get(at + 2)) {
            (Some('-'), Some(last)) => {
                found |= (*first..=*last).contains(&character);
                at += 3;
            }
            (Some(_) | None, _) => {
                found |= *first == character;
                at += 1;
            }
        }
    }
    (found != negated).then_some(end + 2 + usize::from(negated))
}

#[cfg(test)]
mod tests;
