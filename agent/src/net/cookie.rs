//! The kernel's name for a network namespace, which no other one ever has until the host is started anew.

#![expect(unsafe_code, reason = "SO_NETNS_COOKIE has no safe interface")]

use std::{io, os::fd::AsRawFd};

use socket2::{Domain, Socket, Type};

const SO_NETNS_COOKIE: libc::c_int = 71;

/// The cookie of the calling thread's network namespace.
///
/// # Errors
/// Before Linux 5.14 (ENOPROTOOPT), or without a descriptor left.
pub fn own_cookie() -> io::Result<u64> {
    let socket = Socket::new(Domain::UNIX, Type::DGRAM.cloexec(), None)?;
    let mut cookie = 0_u64;
    let mut length = size_of::<u64>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes, which is the size of the number.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    if result == 0 { Ok(cookie) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tests::lab::alone;

    #[test]
    fn every_namespace_has_another_cookie() {
        let here = own_cookie().unwrap();
        assert_eq!(own_cookie().unwrap(), here);
        alone(move || assert_ne!(own_cookie().unwrap(), here));
    }
}
