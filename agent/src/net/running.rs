//! Whether an interface can send and receive at this very moment, asked of the kernel by one cheap system call: reports by
//! netlink may still be on their way.

#![expect(unsafe_code, reason = "SIOCGIFFLAGS has no safe interface")]

use std::os::fd::AsRawFd;

use socket2::{Domain, Socket, Type};

/// Whether the interface of that name is switched on and has its carrier. `true` when the kernel cannot be asked: then its
/// reports alone decide.
pub fn is_running(name: &str) -> bool {
    // Any socket of this network namespace will do.
    let Ok(socket) = Socket::new(Domain::UNIX, Type::DGRAM.cloexec(), None) else { return true };
    // SAFETY: all zeroes is a value of ifreq: an empty name and no flags.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays zero: names are shorter.
    let room = request.ifr_name.len() - 1;
    for (to, from) in request.ifr_name.iter_mut().take(room).zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    // SAFETY: the request is an ifreq, which this call reads and fills in; the descriptor is open.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request) };
    if result != 0 {
        // No such interface.
        return false;
    }
    // SAFETY: the call succeeded, so the flags are what the kernel filled in.
    let flags = i32::from(unsafe { request.ifr_ifru.ifru_flags });
    flags & libc::IFF_UP != 0 && flags & libc::IFF_RUNNING != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tests::lab::{alone, command, wait_until};

    #[test]
    fn an_interface_runs_while_it_is_up_and_its_cable_is_in() {
        alone(|| {
            command("ip", "link add port0 type veth peer name port1");
            assert!(!is_running("port0"));
            command("ip", "link set port0 up");
            assert!(!is_running("port0"), "the other end is down");
            command("ip", "link set port1 up");
            // The kernel tells of a carrier a moment later.
            wait_until("port0 runs", || is_running("port0"));
            assert!(!is_running("port2"), "there is no such interface");
        });
    }
}
