//! The checks of a real server.
//!
//! Three kinds of words: what every repeated check has, what every check over the network has besides, and its own. The
//! first two are read in one place each, whatever block they stand in.

mod http;
mod local;
mod network;

use std::{
    net::IpAddr,
    num::{NonZeroU16, NonZeroU32},
    time::Duration,
};

pub(super) use http::read as http;
pub(super) use local::{bfd, file, misc};
pub(super) use network::{dns, ping, smtp, tcp, udp};

use super::{
    Reader, Required, Spanned, Timing, WideWeight,
    reader::{Damage, Entry},
};
use crate::config::{
    expand::Statement,
    keyword::{CheckTerm, ConnectionTerm, Either, Terms},
    plan::{BytePattern, Command, HttpVersion, RecordType, RunAs, StatusCodes},
    source::Span,
};

const DEFAULT: &str = "the default is used";

/// A check.
#[derive(Clone, Debug)]
pub(in super::super) struct Checker {
    /// Its keyword.
    pub span: Span,
    pub common: Common,
    pub dial: Dial,
    pub check: Checked,
}

/// What every check that is repeated has. Of `BFD_CHECK` and `FILE_CHECK` at most `alpha`.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Common {
    pub timing: Timing,
    pub log_all_failures: Option<bool>,
}

/// What every check over the network has; of others nothing is said.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Dial {
    pub address: Option<Spanned<IpAddr>>,
    pub port: Option<NonZeroU16>,
    pub source: Option<Spanned<IpAddr>>,
    pub source_port: Option<NonZeroU16>,
    pub interface: Option<Spanned<String>>,
    pub timeout: Option<Duration>,
    pub mark: Option<NonZeroU32>,
}

/// What is checked.
#[derive(Clone, Debug)]
pub(in super::super) enum Checked {
    Tcp,
    Ping,
    Http(Http),
    Smtp { helo_name: Option<String>, hosts: Vec<Host> },
    Dns { kind: RecordType, name: Option<Spanned<String>> },
    Udp(Udp),
    Misc { command: Required<Command>, timeout: Option<u32>, dynamic: bool, user: Option<RunAs> },
    Bfd { name: Option<Spanned<String>> },
    File { track_file: Option<Spanned<String>>, weight: Option<WideWeight> },
}

/// `HTTP_GET`, `SSL_GET`.
#[derive(Clone, Debug)]
pub(in super::super) struct Http {
    /// `SSL_GET`.
    pub tls: bool,
    pub virtual_host: Option<String>,
    pub version: HttpVersion,
    /// `enable_sni` unless off.
    pub sni: Option<Span>,
    pub sni_name: Option<Spanned<String>>,
    pub fast_recovery: bool,
    pub tls_compliant: Option<Spanned<bool>>,
    pub urls: Vec<Url>,
}

/// `url`.
#[derive(Clone, Debug)]
pub(in super::super) struct Url {
    /// The word `url`.
    pub span: Span,
    pub path: Option<Spanned<String>>,
    pub digest: Option<[u8; 16]>,
    pub status_codes: Vec<StatusCodes>,
    pub virtual_host: Option<String>,
    pub regex: Option<String>,
    pub negated: bool,
    pub options: Vec<&'static str>,
    pub least_offset: Option<Spanned<u32>>,
    pub most_offset: Option<Spanned<u32>>,
    pub stack: Option<Spanned<(u32, u32)>>,
    /// A word about the regular expression.
    pub about_regex: Option<Span>,
    pub tls_compliant: Option<Spanned<bool>>,
}

/// `host` of `SMTP_CHECK`.
#[derive(Clone, Debug)]
pub(in super::super) struct Host {
    pub common: Common,
    pub dial: Dial,
}

/// `UDP_CHECK`.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Udp {
    pub payload: Option<Vec<u8>>,
    pub reply: Option<BytePattern>,
    pub least: Option<Spanned<u16>>,
    pub most: Option<Spanned<u16>>,
}

/// A line of every check over the network.
type NetworkTerm<T> = Either<CheckTerm, Either<ConnectionTerm, T>>;

/// No words of its own.
#[derive(Clone, Copy, Debug)]
enum Nothing {}

impl Terms for Nothing {
    fn of(_term: crate::config::keyword::Term) -> Option<Self> {
        None
    }
}

/// The lines of a block.
fn block<'d, T>(entry: &Entry<'d, T>) -> &'d [Statement] {
    entry.statement.block.as_ref().map(|block| block.statements.as_slice()).unwrap_or_default()
}

/// Reads a check over the network: what it has in common with others here, what is its own by `own`.
fn network<T: Terms>(
    reader: &mut Reader<'_>,
    parent: &'static str,
    statements: &[Statement],
    damage: &mut Damage,
    mut own: impl FnMut(&mut Reader<'_>, &Entry<'_, NetworkTerm<T>>, T, &mut Common, &mut Damage),
) -> (Common, Dial) {
    let (mut common, mut dial) = (Common::default(), Dial::default());
    for entry in reader.entries::<NetworkTerm<T>>(parent, statements, damage) {
        match entry.term {
            Either::Shared(term) => common_line(reader, &entry, term, &mut common),
            Either::Own(Either::Shared(term)) => dial_line(reader, &entry, term, &mut dial),
            Either::Own(Either::Own(term)) => own(reader, &entry, term, &mut common, damage),
        }
    }
    (common, dial)
}

fn common_line<T>(reader: &mut Reader<'_>, entry: &Entry<'_, T>, term: CheckTerm, common: &mut Common) {
    let timing = &mut common.timing;
    match term {
        CheckTerm::DelayLoop => timing.delay_loop = reader.duration(entry, DEFAULT),
        CheckTerm::Retry => timing.retry = reader.unsigned(entry, DEFAULT),
        CheckTerm::DelayBeforeRetry => timing.delay_before_retry = reader.duration(entry, DEFAULT),
        CheckTerm::Warmup => timing.warmup = reader.duration(entry, DEFAULT),
        CheckTerm::Alpha => timing.alpha = reader.switch(entry).or(timing.alpha),
        CheckTerm::LogAllFailures => {
            common.log_all_failures = reader.switch(entry).or(common.log_all_failures)
        }
    }
}

fn dial_line<T>(reader: &mut Reader<'_>, entry: &Entry<'_, T>, term: ConnectionTerm, dial: &mut Dial) {
    match term {
        ConnectionTerm::Address => dial.address = reader.address(entry, "the real server's is used"),
        ConnectionTerm::Port => dial.port = reader.port_of(entry, "the real server's is used"),
        ConnectionTerm::Source => dial.source = reader.address(entry, "the kernel chooses one"),
        ConnectionTerm::SourcePort => dial.source_port = reader.port_of(entry, "the kernel chooses one"),
        ConnectionTerm::Interface => {
            dial.interface = entry.value().and_then(|word| reader.interface(word, "the kernel chooses one"));
        }
        ConnectionTerm::Timeout => dial.timeout = reader.duration(entry, DEFAULT),
        ConnectionTerm::Mark => {
            dial.mark = reader.unsigned(entry, "packets have no mark").and_then(NonZeroU32::new);
        }
    }
}
