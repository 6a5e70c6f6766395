//! `~SEQ(VAR, [START, [STEP,]] END) LINE`, `~SEQx` (hexadecimal), `~LST(VAR, A, B…) LINE`, `~LST({V, W}, {A, B}…) LINE`:
//! one line for each value.

use std::{ops::Range, sync::Arc};

use super::{Expander, Line, variable};
use crate::config::{
    block::Item,
    diagnostic::{Diagnostic, code},
    lexer::SEQUENCES,
    source::Span,
};

/// What a sequence runs through.
enum Sequence {
    Numbers { variable: String, start: i64, step: i64, end: i64, hexadecimal: bool },
    Values { variables: Vec<String>, tuples: Vec<Vec<Line>> },
}

/// A text that starts with a sequence.
pub(super) fn is_head(text: &str) -> bool {
    head(text).is_some()
}

/// The word of a sequence at the start of a text, and where its parenthesis opens.
fn head(text: &str) -> Option<(&'static str, usize)> {
    let rest = text.strip_prefix('~')?;
    let word = SEQUENCES.into_iter().filter(|word| rest.starts_with(word)).max_by_key(|word| word.len())?;
    let after = rest.get(word.len()..)?;
    let blanks = after.len() - after.trim_start_matches([' ', '\t']).len();
    after.get(blanks..)?.starts_with('(').then_some((word, 1 + word.len() + blanks))
}

impl Expander<'_> {
    /// Carries out the sequence at `start` of a line.
    pub(super) fn sequence(&mut self, line: &Line, start: usize, glued: Option<Span>) {
        let text = line.text.get(start..).unwrap_or_default();
        let Some((word, open)) = head(text) else { return };
        let Some(close) = text.find(')') else {
            self.items.push(Item::Lost);
            return self.report_sequence(line, start..line.text.len(), "its `)` is missing");
        };
        let whole = start..start + close + 1;
        let Some(inner) = self.replaced(&line.part(start + open + 1..start + close)) else {
            return self.lose(&line.part(whole.end..line.text.len()));
        };
        let rest = line.part(whole.end..line.text.len());
        if rest.text.trim().is_empty() {
            if self.is_news(code::SEQUENCE, line, whole.clone()) {
                let place = self.place_in(line, whole);
                self.diagnostics.push(
                    Diagnostic::warning(code::SEQUENCE, "a sequence repeats nothing")
                        .primary(place, "the line to repeat is expected after it"),
                );
            }
            return;
        }
        let sequence = match word {
            "LST" => values(&inner),
            _ => numbers(&inner.text, word == "SEQx"),
        };
        match sequence {
            Ok(sequence) => self.run(&sequence, line, whole, &rest, glued),
            Err(reason) => {
                self.report_sequence(line, whole, reason);
                self.lose(&rest);
            }
        }
    }

    fn run(
        &mut self,
        sequence: &Sequence,
        line: &Line,
        head: Range<usize>,
        rest: &Line,
        glued: Option<Span>,
    ) {
        let Some((origin, _)) = line.place(head) else { return };
        match sequence {
            Sequence::Numbers { variable, start, step, end, hexadecimal } => {
                let name: Arc<str> = variable.as_str().into();
                let mut next = Some(*start);
                while let Some(number) = next.filter(|next| if *step > 0 { next <= end } else { next >= end })
                {
                    if !self.charge(1, 0, origin) {
                        return;
                    }
                    let text = if *hexadecimal { format!("{number:x}") } else { number.to_string() };
                    self.set(name.clone(), origin, vec![Line::computed(&text, origin)]);
                    self.line(rest.clone(), glued);
                    next = number.checked_add(*step);
                }
            }
            Sequence::Values { variables, tuples } => {
                let names: Vec<Arc<str>> = variables.iter().map(|name| name.as_str().into()).collect();
                for tuple in tuples {
                    if !self.charge(1, 0, origin) {
                        return;
                    }
                    for (name, value) in names.iter().zip(tuple) {
                        self.set(name.clone(), origin, vec![value.clone()]);
                    }
                    self.line(rest.clone(), glued);
                }
            }
        }
    }

    fn report_sequence(&mut self, line: &Line, range: Range<usize>, reason: &str) {
        if self.is_news(code::SEQUENCE, line, range.clone()) {
            let place = self.place_in(line, range);
            self.diagnostics.push(
                Diagnostic::error(code::SEQUENCE, format!("a sequence cannot be read: {reason}"))
                    .primary(place, "this line is skipped")
                    .help("`~SEQ(VARIABLE, [START, [STEP,]] END) LINE`, or `~LST(VARIABLE, VALUE, …) LINE`"),
            );
        }
    }
}

/// `VAR, [START, [STEP,]] END`.
fn numbers(text: &str, hexadecimal: bool) -> Result<Sequence, &'static str> {
    let mut parts = text.split(',').map(str::trim);
    let variable = parts.next().filter(|name| variable::is_name(name)).ok_or("its variable has no name")?;
    let numbers: Vec<i64> =
        parts.map(number).collect::<Option<_>>().ok_or("its bounds are not whole numbers")?;
    let (start, step, end) = match numbers.as_slice() {
        // keepalived's: down from -1, or from 1 to 0.
        [end] => (if *end < 0 { -1 } else { 1 }, if *end < 1 { -1 } else { 1 }, *end),
        [start, end] => (*start, if start <= end { 1 } else { -1 }, *end),
        [start, step, end] => (*start, *step, *end),
        [] => return Err("its end is missing"),
        _ => return Err("it has more than a start, a step and an end"),
    };
    if step == 0 || (start < end && step < 0) || (start > end && step > 0) {
        return Err("its steps never reach its end");
    }
    Ok(Sequence::Numbers { variable: variable.to_owned(), start, step, end, hexadecimal })
}

/// Decimal, `0x…` hexadecimal or `0…` octal, as C has it.
fn number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let value = match hexadecimal {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            i64::from_str_radix(digits, 16)
        }
        Some(_) => return None,
        None if digits.len() > 1 && digits.starts_with('0') => i64::from_str_radix(digits, 8),
        None => digits.parse(),
    };
    value.ok().map(|value| if negative { -value } else { value })
}

/// `VAR, A, B…` or `{V, W}, {A, B}, {C, D}…`.
fn values(inner: &Line) -> Result<Sequence, &'static str> {
    let mut parts = parts(inner)?;
    if parts.is_empty() {
        return Err("its variable has no name");
    }
    let (variables, tuples) = (parts.remove(0), parts);
    let text = |range: &Range<usize>| inner.text.get(range.clone()).unwrap_or_default().to_owned();
    let variables: Vec<String> = variables.iter().map(text).collect();
    if !variables.iter().all(|name| variable::is_name(name)) {
        return Err("its variable has no name");
    }
    if tuples.is_empty() {
        return Err("it has no values");
    }
    if tuples.iter().any(|tuple| tuple.len() != variables.len()) {
        return Err("it does not have as many values as variables everywhere");
    }
    if tuples.iter().flatten().any(|range| text(range).contains(char::is_whitespace)) {
        return Err("a value holds a blank");
    }
    let tuple = |tuple: Vec<Range<usize>>| tuple.into_iter().map(|range| inner.part(range)).collect();
    Ok(Sequence::Values { variables, tuples: tuples.into_iter().map(tuple).collect() })
}

/// What stands between commas, each a tuple: of one, or of those within braces.
fn parts(inner: &Line) -> Result<Vec<Vec<Range<usize>>>, &'static str> {
    let text = inner.text.as_str();
    let trimmed = |range: Range<usize>| {
        let part = text.get(range.clone()).unwrap_or_default();
        let start = range.start + part.len() - part.trim_start().len();
        start..start + part.trim().len()
    };
    let (mut parts, mut start, mut tuple) = (Vec::new(), 0, None::<Vec<Range<usize>>>);
    let mut closed = false;
    for (at, byte) in text.bytes().enumerate() {
        match (byte, &mut tuple) {
            (b'{', None) if trimmed(start..at).is_empty() && !closed => {
                tuple = Some(Vec::new());
                start = at + 1;
            }
            (b',', Some(inner)) => {
                inner.push(trimmed(start..at));
                start = at + 1;
            }
            (b'}', Some(inner)) => {
                inner.push(trimmed(start..at));
                parts.push(std::mem::take(inner));
                tuple = None;
                closed = true;
                start = at + 1;
            }
            (b',', None) if closed => {
                if !trimmed(start..at).is_empty() {
                    return Err("something follows a `}`");
                }
                closed = false;
                start = at + 1;
            }
            (b',', None) => {
                parts.push(vec![trimmed(start..at)]);
                start = at + 1;
            }
            (b'{' | b'}', _) => return Err("its braces do not match"),
            _ => {}
        }
    }
    match (tuple, closed) {
        (Some(_), _) => Err("its braces do not match"),
        (None, true) if trimmed(start..text.len()).is_empty() => Ok(parts),
        (None, true) => Err("something follows a `}`"),
        (None, false) => {
            parts.push(vec![trimmed(start..text.len())]);
            Ok(parts)
        }
    }
}
