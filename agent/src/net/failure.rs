//! What an error of this module says: what was attempted on what, why it failed, and what to do about it.

use std::{fmt, io};

/// `error` with its context. The kind stays, so that a caller can still tell a missing right from a missing interface.
pub(super) fn attempted(error: io::Error, what: impl fmt::Display, advice: &str) -> io::Error {
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => RIGHTS,
        _ => advice,
    };
    let kind = error.kind();
    io::Error::new(kind, format!("cannot {what}: {error}; {advice}"))
}

const RIGHTS: &str = "run as root, or with CAP_NET_RAW and CAP_NET_ADMIN";
