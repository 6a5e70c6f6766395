//! Command-line flags → plan: the same rules and defaults as a config file, with no file.
//!
//! The flags become one `vrrp_instance`, whose words lie in a source named `command line`; a diagnostic underlines
//! the flag that is at fault.

use std::ops::Range;

use super::{
    Loaded, check,
    diagnostic::Diagnostics,
    expand::{Block, Statement, Word},
    model,
    source::{SourceId, Sources, Span},
};

/// The flags of one instance, as they were given. Values are words of the config language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceFlags {
    /// `--iface`.
    pub interface: String,
    /// `--vrid`, 1 to 255.
    pub vrid: String,
    /// `--priority`, 1 to 255; 100 when absent.
    pub priority: Option<String>,
    /// `--vip`, each `ADDRESS[/LENGTH]`, at least one.
    pub addresses: Vec<String>,
    /// `--auth-pass`: version 2 alone.
    pub password: Option<String>,
    /// `--advert-int`, seconds; 1 when absent.
    pub advert_interval: Option<String>,
    /// `--vrrp-version`, 2 or 3; 2 when absent, and always 3 for IPv6.
    pub version: Option<String>,
    /// `--nopreempt`.
    pub no_preempt: bool,
}

/// Name of the instance that flags make.
pub const INSTANCE_NAME: &str = "VI_1";

/// Flags that cannot be obeyed.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.lines().collect::<Vec<_>>().join("\n"))]
pub struct FlagsError(pub Box<Loaded>);

/// The plan that the flags ask for, with warnings if there are any.
///
/// # Errors
/// Some flag cannot be obeyed: the diagnostics say which and why. Nothing is half done: a router that is started by
/// hand does all that was asked, or does not start.
pub fn from_flags(flags: &InstanceFlags) -> Result<Loaded, FlagsError> {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let mut text = String::new();
    let pieces = pieces(flags, &mut text);
    let source = sources.add("command line".to_owned(), text.into(), None);
    let statements = statements(&pieces, source, &mut sources);
    let model = model::read(&statements, &mut sources, &mut diagnostics, false);
    let plan = check::check(&model, &mut diagnostics);
    let loaded = Loaded { plan, left_out: Vec::new(), diagnostics: diagnostics.finish(), sources, tree: None };
    if loaded.has_errors() { Err(FlagsError(Box::new(loaded))) } else { Ok(loaded) }
}

/// A flag, the word of the config language that it stands for, and where its value lies in the command line.
struct Piece {
    keyword: &'static str,
    flag: Range<usize>,
    value: Option<(String, Range<usize>)>,
}

/// Writes the command line into `text`, flag by flag.
fn pieces(flags: &InstanceFlags, text: &mut String) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut add = |flag: &str, keyword: &'static str, value: Option<&String>| {
        let mut place = |piece: &str| {
            text.push_str(if text.is_empty() { "" } else { " " });
            let start = text.len();
            text.push_str(piece);
            start..text.len()
        };
        let flag = place(flag);
        pieces.push(Piece { keyword, flag, value: value.map(|value| (value.clone(), place(value))) });
    };
    add("--iface", "interface", Some(&flags.interface));
    add("--vrid", "virtual_router_id", Some(&flags.vrid));
    let optional = [
        ("--priority", "priority", &flags.priority),
        ("--auth-pass", "auth_pass", &flags.password),
        ("--advert-int", "advert_int", &flags.advert_interval),
        ("--vrrp-version", "version", &flags.version),
    ];
    for (flag, keyword, value) in optional.into_iter().filter(|(_, _, value)| value.is_some()) {
        add(flag, keyword, value.as_ref());
    }
    for address in &flags.addresses {
        add("--vip", "virtual_ipaddress", Some(address));
    }
    if flags.no_preempt {
        add("--nopreempt", "nopreempt", None);
    }
    pieces
}

/// The statements of one `vrrp_instance` that say what the flags say.
fn statements(pieces: &[Piece], source: SourceId, sources: &mut Sources) -> Vec<Statement> {
    let at = |range: &Range<usize>| {
        let offset = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Span { source, start: offset(range.start), end: offset(range.end) }
    };
    let word = |value: &str, span| Word { value: value.to_owned(), span, quoted: true };
    let start = at(&(0..0));
    let mut lines = Vec::new();
    for piece in pieces {
        let head = word(piece.keyword, at(&piece.flag));
        let value = piece.value.as_ref().map(|(value, range)| word(value, at(range)));
        match piece.keyword {
            "virtual_ipaddress" => {
                let address = statement(value.into_iter().collect(), None);
                lines.push(statement(vec![head], Some(block(start, vec![address]))));
            }
            "auth_pass" => {
                value.iter().for_each(|value| sources.keep_secret(value.span));
                let kind = statement(vec![word("auth_type", head.span), word("PASS", head.span)], None);
                let authentication = word("authentication", head.span);
                let password = statement([head].into_iter().chain(value).collect(), None);
                lines.push(statement(vec![authentication], Some(block(start, vec![kind, password]))));
            }
            _ => lines.push(statement([head].into_iter().chain(value).collect(), None)),
        }
    }
    let head = vec![word("vrrp_instance", start), word(INSTANCE_NAME, start)];
    vec![statement(head, Some(block(start, lines)))]
}

fn statement(words: Vec<Word>, block: Option<Block>) -> Statement {
    Statement { words, block, obstacle: None, glued_comment: None }
}

fn block(open: Span, statements: Vec<Statement>) -> Block {
    Block { open, closed: true, statements }
}
