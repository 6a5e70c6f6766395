//! `auth_hmac`: keys and what is made of them. A key is shown in no diagnostic.

use std::time::Duration;

use super::{
    Reader, Spanned,
    reader::{Damage, Entry},
    value::whole_number,
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::{Statement, Word},
    keyword::{self, HmacTerm},
    plan::{AntiReplay, HmacKey, HmacMode, HmacSecret, Secret},
    source::Span,
};

/// Bytes of a key.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 32..=64;
const LEFT_OUT: &str = "the key is left out";
/// Words of the block that no key follows.
const OPEN_WORDS: [&str; 4] = ["active_key", "anti_replay", "time_window", "mode"];

/// `auth_hmac`.
#[derive(Clone, Debug)]
pub(in super::super) struct Hmac {
    /// The word `auth_hmac`.
    pub span: Span,
    pub keys: Vec<Spanned<HmacKey>>,
    /// A key that could not be read.
    pub lost_key: bool,
    pub active: Option<Spanned<u8>>,
    pub anti_replay: Option<AntiReplay>,
    pub window: Option<Duration>,
    pub mode: Option<HmacMode>,
}

pub(super) fn read(
    reader: &mut Reader<'_>,
    span: Span,
    statements: &[Statement],
    damage: &mut Damage,
) -> Hmac {
    let mut hmac = Hmac {
        span,
        keys: Vec::new(),
        lost_key: false,
        active: None,
        anti_replay: None,
        window: None,
        mode: None,
    };
    statements.iter().for_each(|statement| hide(reader, statement));
    for entry in reader.entries::<HmacTerm>("vrrp_instance/auth_hmac", statements, damage) {
        match entry.term {
            HmacTerm::Key => match key(reader, &entry) {
                Some(key) => hmac.keys.push(key),
                None => hmac.lost_key = true,
            },
            HmacTerm::ActiveKey => {
                let id = reader.byte(&entry, "no key signs");
                hmac.active = id.map(|value| Spanned { value, span: entry.head });
            }
            HmacTerm::AntiReplay => {
                hmac.anti_replay = reader.choice(&entry, "`time` is used").map(|word| match word {
                    "monotonic" => AntiReplay::Monotonic,
                    _ => AntiReplay::Time,
                });
            }
            HmacTerm::TimeWindow => {
                hmac.window = reader.duration(&entry, "the default is used");
            }
            HmacTerm::Mode => {
                hmac.mode = reader.choice(&entry, "`enforce` is used").map(|word| match word {
                    "permissive" => HmacMode::Permissive,
                    "receive-only" => HmacMode::ReceiveOnly,
                    _ => HmacMode::Enforce,
                });
            }
        }
    }
    hmac
}

/// Hides all that may be a key: of a line that begins with no other word of the block every word but the first, and
/// that one too when it is no slip of `key`; with the comment that may be the rest of it.
fn hide(reader: &mut Reader<'_>, statement: &Statement) {
    let Some((first, rest)) = statement.words.split_first() else { return };
    if OPEN_WORDS.contains(&first.value.as_str()) {
        // A key in the place of its ID.
        if first.value == "active_key" {
            let keys = rest.iter().filter(|word| whole_number(&word.value).is_none());
            keys.for_each(|word| reader.sources.keep_secret(word.span));
        }
        return;
    }
    let is_key = keyword::nearest(&first.value, ["key"].into_iter()).is_some();
    let is_slip = keyword::nearest(&first.value, OPEN_WORDS.into_iter()).is_some();
    if !is_key && !is_slip {
        reader.sources.keep_secret(first.span);
    }
    // The ID of a key is no secret.
    let is_id = |word: &&Word| is_key && word.value.len() <= 3 && whole_number(&word.value).is_some();
    let id = rest.first().filter(is_id).is_some();
    for word in rest.iter().skip(usize::from(id)) {
        reader.sources.keep_secret(word.span);
    }
    if let Some(comment) = statement.glued_comment {
        let end = reader.sources.end_of_line(comment);
        reader.sources.keep_secret(Span { end, ..comment });
    }
    for inner in statement.block.iter().flat_map(|block| &block.statements) {
        hide(reader, inner);
    }
}

/// `key ID hex:DIGITS`, `key ID file:PATH`, `key ID TEXT`.
fn key(reader: &mut Reader<'_>, entry: &Entry<'_, HmacTerm>) -> Option<Spanned<HmacKey>> {
    let [id, secret, ..] = entry.values() else { return None };
    let read = whole_number(&id.value).and_then(|id| u8::try_from(id).ok());
    if read.is_none() {
        // It may be the key itself.
        reader.sources.keep_secret(id.span);
        reader.report(
            Diagnostic::error(code::OUT_OF_RANGE, "a key has no ID from 0 to 255")
                .primary(id.span, "expected its ID here, and the key after it")
                .help(LEFT_OUT),
        );
    }
    let secret = self::secret(reader, secret);
    let span = entry.head.to(id.span);
    Some(Spanned { value: HmacKey { id: read?, secret: secret? }, span })
}

fn secret(reader: &mut Reader<'_>, word: &Word) -> Option<HmacSecret> {
    let bad = |message: String, remark: &str| {
        Diagnostic::error(code::BAD_KEY, message).primary(word.span, remark.to_owned()).help(LEFT_OUT)
    };
    if let Some(path) = word.value.strip_prefix("file:") {
        let path = std::path::PathBuf::from(path);
        if !path.is_absolute() {
            reader.report(bad("the file of a key has no full path".into(), "expected `file:/…`"));
            return None;
        }
        if reader.look && !path.exists() {
            reader.report(
                Diagnostic::warning(code::NO_SUCH_FILE, "the file of a key does not exist on this host")
                    .primary(word.span, "there is no such file"),
            );
        }
        return Some(HmacSecret::File(path));
    }
    let bytes = match word.value.strip_prefix("hex:") {
        Some(digits) => {
            let Some(bytes) = bytes_of(digits) else {
                reader.report(bad(
                    "a key is not hexadecimal".into(),
                    "expected two digits 0-9 and a-f for each byte after `hex:`",
                ));
                return None;
            };
            bytes
        }
        None => word.value.as_bytes().to_vec(),
    };
    if !KEY_BYTES.contains(&bytes.len()) {
        let (least, most) = (KEY_BYTES.start(), KEY_BYTES.end());
        let message = format!("a key has {} bytes", bytes.len());
        reader.report(bad(message, &format!("expected {least} to {most} bytes")));
        return None;
    }
    Some(HmacSecret::Bytes(Secret::new(bytes)))
}

/// The bytes that pairs of hexadecimal digits stand for.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let nibbles: Vec<u32> = digits.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let byte = |pair: &[u32]| match pair {
        [high, low] => u8::try_from(high << 4 | low).ok(),
        _ => None,
    };
    nibbles.chunks(2).map(byte).collect()
}
