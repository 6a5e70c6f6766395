//! Patterns of `include`: `*`, `?`, `[a-z]`, `[[:digit:]]` and `{a,b}`, sorted and bounded. A backslash takes the
//! meaning from the character after it.
//!
//! As in the C library: a wildcard matches neither `/` nor a leading dot.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

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

/// Has `*`, `?` or `[` that no backslash takes the meaning from.
pub(super) fn has_wildcard(pattern: &str) -> bool {
    let mut escaped = false;
    pattern.chars().any(|character| {
        let wild = !escaped && matches!(character, '*' | '?' | '[');
        escaped = !escaped && character == '\\';
        wild
    })
}

/// A name without the backslashes that take a meaning away.
fn plain(component: &str) -> String {
    let mut name = String::with_capacity(component.len());
    let mut rest = component.chars();
    while let Some(character) = rest.next() {
        // One at the end stands for itself.
        name.push(if character == '\\' { rest.next().unwrap_or('\\') } else { character });
    }
    name
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
                next.push(path.join(plain(component)));
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
    // Nothing is where the process is: a path without a directory lies there.
    let place = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let Ok(entries) = std::fs::read_dir(place) else { return Vec::new() };
    let mut names: Vec<OsString> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.retain(|name| {
        let name = name.to_string_lossy();
        name.starts_with('.') == component.starts_with('.') && is_match(&pattern, &name)
    });
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
            (Some('\\'), Some(character)) if pattern.get(p + 1) == Some(character) => Some(2),
            // One at the end stands for itself.
            (Some('\\'), Some('\\')) if pattern.get(p + 1).is_none() => Some(1),
            (Some('\\'), _) => None,
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

/// A member of a set: a character, a range of them, or a class like `[:digit:]`; and its length.
fn member(members: &[char], character: char) -> Option<(bool, usize)> {
    let (first, rest) = members.split_first()?;
    if let ('[', Some((':', class))) = (*first, rest.split_first().map(|(colon, class)| (*colon, class)))
        && let Some(end) = class.windows(2).position(|end| end == [':', ']'])
    {
        let name: String = class.iter().take(end).collect();
        if let Some(holds) = class_holds(&name, character) {
            return Some((holds, end + 4));
        }
    }
    Some(match (rest.first(), rest.get(1)) {
        (Some('-'), Some(last)) if *last != ']' => ((*first..=*last).contains(&character), 3),
        (Some(_) | None, _) => (*first == character, 1),
    })
}

/// Whether a class of POSIX's holds a character; `None` for a class that there is not.
fn class_holds(name: &str, character: char) -> Option<bool> {
    Some(match name {
        "alpha" => character.is_alphabetic(),
        "digit" => character.is_ascii_digit(),
        "alnum" => character.is_alphabetic() || character.is_ascii_digit(),
        "upper" => character.is_uppercase(),
        "lower" => character.is_lowercase(),
        "space" => character.is_whitespace(),
        "blank" => matches!(character, ' ' | '\t'),
        "punct" => character.is_ascii_punctuation(),
        "xdigit" => character.is_ascii_hexdigit(),
        "cntrl" => character.is_control(),
        "graph" => !character.is_control() && !character.is_whitespace(),
        "print" => !character.is_control(),
        _ => return None,
    })
}

/// Length of the set at `start` when it holds `character`. A set that is not closed matches itself.
fn set(pattern: &[char], start: usize, character: char) -> Option<usize> {
    let body = pattern.get(start + 1..)?;
    let negated = matches!(body.first(), Some('!' | '^'));
    let body = if negated { body.get(1..)? } else { body };
    let (mut at, mut found) = (0, false);
    loop {
        let rest = body.get(at..).unwrap_or_default();
        match rest.first() {
            // The first one is a member.
            Some(']') if at > 0 => break,
            Some(_) => {
                let (holds, length) = member(rest, character)?;
                found |= holds;
                at += length;
            }
            None => return (character == '[').then_some(1),
        }
    }
    (found != negated).then_some(at + 2 + usize::from(negated))
}

#[cfg(test)]
mod tests;
