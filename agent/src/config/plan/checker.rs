//! How a real server is checked. Nothing checks by it yet.

use std::{
    net::IpAddr,
    num::{NonZeroU16, NonZeroU32},
    path::PathBuf,
    time::Duration,
};

use serde::Serialize;

use super::{Command, json};

/// A check of a real server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckerPlan {
    /// `alpha`: failed until its first success.
    pub starts_failed: bool,
    /// What is checked, and when.
    pub check: Check,
}

/// What is checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// `TCP_CHECK`: the port takes connections.
    Tcp(Schedule, Connection),
    /// `HTTP_GET`, `SSL_GET`.
    Http(Schedule, Connection, HttpCheck),
    /// `SMTP_CHECK`, one for each `host`: the server greets.
    Smtp(Schedule, Connection, SmtpCheck),
    /// `DNS_CHECK`: the server answers over UDP.
    Dns(Schedule, Connection, DnsCheck),
    /// `UDP_CHECK`: the port is not refused, or answers.
    Udp(Schedule, Connection, UdpCheck),
    /// `PING_CHECK`: the host answers. The connection's port says nothing.
    Ping(Schedule, Connection),
    /// `MISC_CHECK`: the command exits with 0.
    Misc(Schedule, MiscCheck),
    /// `BFD_CHECK`: the session of the `bfd_instance` of that name, which exists, is up.
    Bfd(String),
    /// `FILE_CHECK`: the number in a file.
    File(FileCheck),
}

/// When a check runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Schedule {
    /// `delay_loop`: from one check to the next; not zero.
    #[serde(rename = "interval_us", serialize_with = "json::us")]
    pub interval: Duration,
    /// `retry`: failures after the first until it counts as failed. None while it has never succeeded.
    pub retries: u32,
    /// `delay_before_retry`: from a failure to the next try.
    #[serde(rename = "retry_delay_us", serialize_with = "json::us")]
    pub retry_delay: Duration,
    /// `warmup`: the first check waits a random time of at most that.
    #[serde(rename = "warmup_us", serialize_with = "json::us")]
    pub warmup: Duration,
    /// `log_all_failures`: each failure is logged.
    pub logs_all_failures: bool,
}

/// Where a check over the network goes, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// `connect_ip`, or the real server's.
    pub address: IpAddr,
    /// `connect_port`, or the real server's, or that of the protocol; only `PING_CHECK` is without one.
    pub port: Option<NonZeroU16>,
    /// `bindto`: of the same family.
    pub source: Option<IpAddr>,
    /// `bind_port`.
    pub source_port: Option<NonZeroU16>,
    /// `bind_if`.
    pub interface: Option<String>,
    /// `fwmark` of its packets.
    pub mark: Option<NonZeroU32>,
    /// `connect_timeout`: for an answer of any kind; not zero.
    #[serde(rename = "timeout_us", serialize_with = "json::us")]
    pub timeout: Duration,
}

/// `HTTP_GET`, `SSL_GET`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HttpCheck {
    /// Over TLS: `SSL_GET`.
    pub tls: bool,
    /// `http_protocol`.
    pub version: HttpVersion,
    /// `fast_recovery`: after a failure the pages follow each other at once.
    pub fast_recovery: bool,
    /// At least one; all must be good.
    pub urls: Vec<UrlPlan>,
}

/// `http_protocol`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpVersion {
    /// `1.0`.
    #[default]
    Http10,
    /// `1.0C`: 1.0 with `Connection: close`.
    Http10Close,
    /// `1.1`, which closes too.
    Http11,
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UrlPlan {
    /// What follows GET.
    pub path: String,
    /// The Host header; `None`: the address.
    pub virtual_host: Option<String>,
    /// `enable_sni`: the name in the TLS handshake.
    pub server_name: Option<String>,
    /// `tls_compliant`: a connection must end with TLS's close.
    pub tls_compliant: bool,
    /// Status codes that are good: at least one.
    pub status_codes: Vec<StatusCodes>,
    /// `digest`: MD5 of the body.
    #[serde(serialize_with = "json::maybe_hex")]
    pub digest: Option<[u8; 16]>,
    /// `regex`: on the body.
    pub regex: Option<RegexPlan>,
}

/// A range of status codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StatusCodes {
    /// 100..=599.
    pub first: u16,
    /// Not lower.
    pub last: u16,
}

/// `regex` and what goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RegexPlan {
    /// In PCRE2's syntax, not compiled.
    pub pattern: String,
    /// `regex_no_match`: good when it does not match.
    pub negated: bool,
    /// `regex_options`: by keepalived's names, each once.
    pub options: Vec<&'static str>,
    /// `regex_min_offset`: bytes of the body before which no match starts.
    pub least_offset: u32,
    /// `regex_max_offset`: bytes of the body after which no match starts; `None`: anywhere.
    pub most_offset: Option<NonZeroU32>,
    /// `regex_stack`: bytes to start with, and at most.
    pub stack: Option<(u32, u32)>,
}

/// `SMTP_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SmtpCheck {
    /// `helo_name`; `None`: this host's name.
    pub helo_name: Option<String>,
}

/// `DNS_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DnsCheck {
    /// `type`.
    pub kind: RecordType,
    /// `name`: labels of at most 63 bytes, 253 together; `.` is the root.
    pub name: String,
}

/// A type of DNS record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordType {
    /// An IPv4 address.
    A,
    /// A name server.
    Ns,
    /// Another name.
    Cname,
    /// The start of a zone.
    #[default]
    Soa,
    /// A mail server.
    Mx,
    /// Text.
    Txt,
    /// An IPv6 address.
    Aaaa,
    /// A signature.
    Rrsig,
}

/// `UDP_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UdpCheck {
    /// `payload`; `None`: random bytes.
    #[serde(serialize_with = "json::maybe_hex")]
    pub payload: Option<Vec<u8>>,
    /// `require_reply`: an answer must come.
    pub reply: Option<ReplyPlan>,
}

/// What an answer must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplyPlan {
    /// What it must start with, up to the shorter of the two; empty: anything.
    pub pattern: BytePattern,
    /// `min_reply_length`: bytes.
    pub least: u16,
    /// `max_reply_length`: bytes, not less than `least`.
    pub most: u16,
}

/// Bytes of which some half bytes may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BytePattern {
    /// For each byte, what it must be where the mask has ones; zero elsewhere.
    pub bytes: Vec<u8>,
    /// For each byte, which bits count: 0x00, 0x0f, 0xf0 or 0xff.
    pub mask: Vec<u8>,
}

impl Serialize for BytePattern {
    /// As in the config: two digits for each byte, `x` for any digit.
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl std::fmt::Display for BytePattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (byte, mask) in self.bytes.iter().zip(&self.mask) {
            for shift in [4, 0] {
                match mask >> shift & 0xf {
                    0 => f.write_str("x")?,
                    _ => write!(f, "{:x}", byte >> shift & 0xf)?,
                }
            }
        }
        Ok(())
    }
}

/// `MISC_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MiscCheck {
    /// What to run.
    pub command: Command,
    /// `misc_timeout`: when a run is given up and counts as failed; not zero.
    #[serde(rename = "timeout_us", serialize_with = "json::us")]
    pub timeout: Duration,
    /// `misc_dynamic`: an exit status from 2 to 255 is good, and two less than it is the weight.
    pub dynamic: bool,
}

/// `FILE_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileCheck {
    /// Name of the `track_file` block, which exists.
    pub track_file: String,
    /// What the number is multiplied by before it is added to the weight; 0: any number but 0 is down.
    pub weight: i32,
    /// `reverse`: the sign applies to the other case.
    pub reverse: bool,
}

/// `SSL`: how `SSL_GET` presents itself, and whom it trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SslPlan {
    /// `password` of the key.
    pub password: Option<String>,
    /// `ca`: whom to trust; `None`: anyone, as keepalived does.
    pub authorities: Option<PathBuf>,
    /// `certificate`.
    pub certificate: Option<PathBuf>,
    /// `key` of the certificate.
    pub key: Option<PathBuf>,
}
