//! Commands: a program and its arguments, taken apart as a shell takes apart simple quotes, and run without one.
//!
//! keepalived's way: the first word after the keyword is the whole command, which is why commands with arguments are
//! quoted; it is taken apart a second time at its blanks, where single quotes keep a blank inside an argument. After
//! it come the user and the group that run it.

use std::{iter::Peekable, path::PathBuf, str::Chars};

use super::{Reader, Required, Spanned, reader::Entry};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Word,
    plan::{Command, RunAs},
    source::Span,
};

/// A word and whether quotes held any of it together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Part {
    text: String,
    quoted: bool,
}

/// `script COMMAND…`.
pub(super) fn line<T>(reader: &mut Reader<'_>, entry: &Entry<'_, T>) -> Required<Command> {
    let Some((span, parts)) = parts(reader, entry) else { return Required::Bad };
    let Some((first, rest)) = parts.split_first() else { return Required::Bad };
    if let Some(file) = first.text.strip_prefix('<') {
        return readable(reader, span, file, rest);
    }
    if !rest.is_empty() {
        reader.report(
            Diagnostic::warning(code::BAD_COMMAND, "the command is not in quotes")
                .primary(span, "all of it is run; keepalived runs the first word alone")
                .help("put the whole command in double quotes, so that both run the same"),
        );
    }
    let rest = rest.iter().map(|part| part.text.clone()).collect();
    command(reader, span, first, rest, None)
        .map_or(Required::Bad, |value| Required::Good(Spanned { value, span }))
}

/// `script </FILE`: good while the file can be read, by the user of the script.
fn readable(reader: &mut Reader<'_>, span: Span, file: &str, rest: &[Part]) -> Required<Command> {
    let message = if !file.starts_with('/') {
        "`<` is not followed by a path from the root directory"
    } else if !rest.is_empty() || file.contains(char::is_whitespace) {
        "words follow `<FILE`"
    } else {
        let command = Command {
            program: PathBuf::from("test"),
            arguments: vec!["-r".to_owned(), file.to_owned()],
            user: None,
        };
        return Required::Good(Spanned { value: command, span });
    };
    reader.report(
        Diagnostic::error(code::BAD_COMMAND, message)
            .primary(span, "expected `</PATH`, which is good while that file can be read"),
    );
    Required::Bad
}

/// `notify… COMMAND [USER [GROUP]]`.
pub(super) fn notify<T>(reader: &mut Reader<'_>, entry: &Entry<'_, T>) -> Option<Command> {
    let (span, parts) = parts(reader, entry)?;
    let (first, rest) = parts.split_first()?;
    let users = rest.iter().all(|part| could_be_user(&part.text));
    if rest.is_empty() || (users && rest.len() <= 2) {
        let group = rest.get(1).map(|part| part.text.as_str());
        let user = rest.first().and_then(|user| reader.run_as(&user.text, group, span));
        return command(reader, span, first, Vec::new(), user);
    }
    let arguments: Vec<String> = rest.iter().map(|part| part.text.clone()).collect();
    reader.report(
        Diagnostic::warning(
            code::TAKEN_AS_USER,
            format!("the command of `{}` is not in quotes", entry.keyword.name),
        )
        .primary(span, "all of it is run; keepalived takes the second word for a user")
        .help("put the whole command in double quotes, so that both run the same"),
    );
    command(reader, span, first, arguments, None)
}

/// Lower-case letters, digits and what `useradd` allows besides; a colon asks for supplementary groups.
fn could_be_user(text: &str) -> bool {
    let name = text.strip_prefix(':').unwrap_or(text);
    let legal = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.' | b'$')
    };
    name.bytes().all(legal) && !name.starts_with('-')
}

/// The words after the keyword, and the span of them all.
fn parts<T>(reader: &mut Reader<'_>, entry: &Entry<'_, T>) -> Option<(Span, Vec<Part>)> {
    let (first, last) = (entry.values().first()?, entry.values().last()?);
    let span = first.span.to(last.span);
    let parts = split(&raw(reader, entry.values()));
    if parts.is_none() {
        reader.report(
            Diagnostic::error(code::BAD_COMMAND, "a quote in the command is never closed")
                .primary(span, "cannot be taken apart")
                .help("the command is not run"),
        );
    }
    parts.filter(|parts| !parts.is_empty()).map(|parts| (span, parts))
}

/// The words as they stand in the text, blanks between them included: single quotes may hold them together.
fn raw(reader: &Reader<'_>, words: &[Word]) -> String {
    let mut raw = String::new();
    let mut end: Option<Span> = None;
    for word in words {
        if let Some(before) = end {
            let gap = Span { source: word.span.source, start: before.end, end: word.span.start };
            let gap = if before.source == gap.source { reader.sources.text(gap) } else { " " };
            // A continued line goes on after a blank.
            raw.push_str(if gap.contains('\n') { " " } else { gap });
        }
        raw.push_str(reader.sources.text(word.span));
        end = Some(word.span);
    }
    raw
}

fn command(
    reader: &mut Reader<'_>,
    span: Span,
    first: &Part,
    rest: Vec<String>,
    user: Option<RunAs>,
) -> Option<Command> {
    let parts = if first.quoted { split(&first.text) } else { Some(vec![first.clone()]) };
    let Some(parts) = parts else {
        reader.report(
            Diagnostic::error(code::BAD_COMMAND, "a quote within the command is never closed")
                .primary(span, "cannot be taken apart")
                .help("the command is not run"),
        );
        return None;
    };
    let mut words = parts.into_iter().map(|part| part.text);
    let Some(program) = words.next().filter(|program| !program.is_empty()) else {
        reader.report(
            Diagnostic::error(code::BAD_COMMAND, "the command is empty").primary(span, "nothing to run here"),
        );
        return None;
    };
    let arguments: Vec<String> = words.chain(rest).collect();
    if std::iter::once(&program).chain(&arguments).any(|word| word.contains('\0')) {
        reader.report(
            Diagnostic::error(code::BAD_COMMAND, "a word of the command holds a zero byte")
                .primary(span, "no program can be given one")
                .help("the command is not run; `\\0` is a zero byte, `\\\\0` a backslash and a digit"),
        );
        return None;
    }
    let program = PathBuf::from(program);
    if reader.look && program.is_absolute() && !program.exists() {
        reader.report(
            Diagnostic::warning(
                code::NO_SUCH_FILE,
                format!("`{}` does not exist on this host", program.display()),
            )
            .primary(span, "running it will fail"),
        );
    }
    let command = Command { program, arguments, user };
    reader.named.programs.push(Spanned { value: command.clone(), span });
    Some(command)
}

/// Words at blanks outside quotes; `None` when a quote is not closed.
fn split(text: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut part: Option<Part> = None;
    let mut quote: Option<char> = None;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match (character, quote) {
            (mark, Some(open)) if mark == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(character);
                part.get_or_insert_default().quoted = true;
            }
            // Single quotes keep a backslash.
            ('\\', None | Some('"')) => part.get_or_insert_default().text.extend(escape(&mut rest)),
            (blank, None) if blank.is_whitespace() => parts.extend(part.take()),
            (other, None | Some(_)) => part.get_or_insert_default().text.push(other),
        }
    }
    parts.extend(part);
    quote.is_none().then_some(parts)
}

/// What a backslash makes of the characters after it: C's escapes, as in keepalived; any other stands for itself.
fn escape(rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    let next = rest.next()?;
    match next {
        'a' => Some('\u{7}'),
        'b' => Some('\u{8}'),
        't' => Some('\t'),
        'n' => Some('\n'),
        'v' => Some('\u{b}'),
        'f' => Some('\u{c}'),
        'r' => Some('\r'),
        'E' => Some('\u{1b}'),
        'x' => digits(rest, 0, 16, 2),
        '0'..='7' => digits(rest, next.to_digit(8).unwrap_or(0), 8, 2),
        'c' => rest.next().map(|control| char::from(u8::try_from(control).unwrap_or(0) & 0x1f)),
        other => Some(other),
    }
}

/// The character of a number with at most `most` further digits.
fn digits(rest: &mut Peekable<Chars<'_>>, first: u32, radix: u32, most: usize) -> Option<char> {
    let mut value = first;
    for _ in 0..most {
        let Some(digit) = rest.peek().and_then(|next| next.to_digit(radix)) else { break };
        value = value * radix + digit;
        rest.next();
    }
    char::from_u32(value)
}

#[cfg(test)]
mod tests;
