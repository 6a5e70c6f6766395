//! What each code is about, at length: why it matters, a wrong example and the right one, what the agent does.
//!
//! The texts are Markdown beside this file, one for each range of codes: a section for each code, with a fenced `wrong` and a
//! fenced `right` example in it, or with a paragraph that starts with "No example: it takes …". Owns that form. Tests hold
//! the sections against the codes, and the examples against the reader.

use super::code;

/// One text for each range of codes, in their order.
const TEXTS: [&str; 9] = [
    include_str!("explanations/text.md"),
    include_str!("explanations/files.md"),
    include_str!("explanations/words.md"),
    include_str!("explanations/values.md"),
    include_str!("explanations/server_values.md"),
    include_str!("explanations/rules.md"),
    include_str!("explanations/server_rules.md"),
    include_str!("explanations/here.md"),
    include_str!("explanations/pair.md"),
];

const SECTION: &str = "\n## ";
const FENCE: &str = "\n```";
const NO_EXAMPLE: &str = "\nNo example: ";

/// What a code is about, at length. Paragraphs are separated by empty lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// `RG0403`.
    pub code: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// How it looks.
    pub example: Example,
    /// What the agent does, and maybe what to do.
    pub then: &'static str,
}

/// How it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Example {
    /// A config with the trouble, and the same without.
    Pair {
        /// With it.
        wrong: &'static str,
        /// Without it.
        right: &'static str,
    },
    /// A small config cannot show it: it takes …, to the full stop.
    None(&'static str),
}

/// The explanation of a code, which is one of [`code::ALL`]; `None` when nobody has written it.
pub fn explanation(code: &str) -> Option<Explanation> {
    explanations().find(|explanation| explanation.code == code)
}

/// All of them, in order.
pub fn explanations() -> impl Iterator<Item = Explanation> {
    TEXTS.iter().flat_map(|text| text.split(SECTION).skip(1)).filter_map(section)
}

/// The code that is meant, with its meaning: `RG0403`, also as `rg0403` or `rg403`.
pub fn named(text: &str) -> Option<(&'static str, &'static str)> {
    let digits =
        text.get(..2).filter(|start| start.eq_ignore_ascii_case("RG")).and_then(|_| text.get(2..))?;
    let digits = Some(digits).filter(|digits| (1..=4).contains(&digits.len()))?;
    let code = format!("RG{digits:0>4}");
    code::ALL.iter().copied().find(|(known, _)| *known == code)
}

/// `None` when a part is missing.
fn section(text: &'static str) -> Option<Explanation> {
    let (code, body) = text.split_once('\n')?;
    let (why, example, then) = match body.split_once(NO_EXAMPLE) {
        Some((why, rest)) => {
            let (because, then) = rest.split_once("\n\n")?;
            (why, Example::None(because.trim()), then)
        }
        None => {
            let (why, rest) = body.split_once(FENCE)?;
            let (wrong, rest) = rest.strip_prefix("wrong\n")?.split_once(FENCE)?;
            let (_, rest) = rest.split_once(FENCE)?;
            let (right, then) = rest.strip_prefix("right\n")?.split_once(FENCE)?;
            (why, Example::Pair { wrong, right }, then)
        }
    };
    Some(Explanation { code: code.trim(), why: why.trim(), example, then: then.trim() })
}

#[cfg(test)]
mod tests;
