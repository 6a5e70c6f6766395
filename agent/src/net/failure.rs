//! What an error of this module says: what was attempted on what, why it failed, and what to do about it.

use std::{fmt, io};

const RIGHTS: &str =
    "run as root, or grant the process CAP_NET_RAW (packets) and CAP_NET_ADMIN (addresses, large buffers)";

/// `error` with its context. The kind stays, so that a caller can still tell a missing right from a missing interface;
/// when it is a missing right, that is the advice.
pub(super) fn attempted(error: io::Error, what: impl fmt::Display, advice: &str) -> io::Error {
    let denied = error.kind() == io::ErrorKind::PermissionDenied;
    explained(error, what, if denied { RIGHTS } else { advice })
}

/// `error` with its context and this advice. The kind stays.
pub(super) fn explained(error: io::Error, what: impl fmt::Display, advice: &str) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {what}: {error}; {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_right_keeps_its_kind_and_says_which_capability_to_grant() {
        let error = attempted(io::Error::from_raw_os_error(libc::EPERM), "open a socket on port7", "wait");
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        let text = error.to_string();
        assert!(text.contains("port7") && text.contains("CAP_NET_RAW") && !text.contains("wait"), "{text}");
    }

    #[test]
    fn any_other_failure_keeps_its_kind_and_gives_the_callers_advice() {
        let error = attempted(io::Error::from_raw_os_error(libc::ENODEV), "bind", "look for it");
        assert!(error.to_string().ends_with("; look for it"), "{error}");
        assert_eq!(error.kind(), io::Error::from_raw_os_error(libc::ENODEV).kind());
    }
}
