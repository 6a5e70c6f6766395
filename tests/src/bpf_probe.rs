//! Whether the kernel still takes BPF at all. Linux 6.18 can block for good in its allocator of translated programs when
//! about a thousand filters are freed at once; whoever attaches one from then on hangs and cannot be killed. So a process
//! of its own tries first, and is left alone if it does not come back.

#![expect(unsafe_code, reason = "fork, and what may be called between fork and exit")]

use std::{
    sync::OnceLock,
    thread::sleep,
    time::{Duration, Instant},
};

/// Set to a reason, it says that BPF hangs here; set to nothing, that it works. Spares every process its own attempt.
pub const VARIABLE: &str = "REGENT_BPF_HANGS";
/// How long attaching one filter may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why nothing that needs a filter or a program can run here.
pub fn reason() -> Option<String> {
    static REASON: OnceLock<Option<String>> = OnceLock::new();
    REASON
        .get_or_init(|| match std::env::var(VARIABLE) {
            Ok(known) if known.is_empty() => None,
            Ok(known) => Some(known),
            Err(_) => attempt(),
        })
        .clone()
}

fn attempt() -> Option<String> {
    // SAFETY: the child calls only what is safe after a fork, and ends by _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        attach_one();
    }
    if child < 0 {
        return None;
    }
    let begun = now();
    while now().duration_since(begun) < PATIENCE {
        let mut status = 0;
        // SAFETY: our own child, and a place for its status.
        if unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } != 0 {
            return None;
        }
        sleep(Duration::from_millis(5));
    }
    Some("this kernel hangs whoever attaches a socket filter or loads a BPF program: reboot it".to_owned())
}

/// The child: one socket, one filter that refuses everything.
fn attach_one() -> ! {
    // SAFETY: plain system calls on numbers and on values that live through them. All descriptors are closed first, so
    // that a child that hangs keeps nobody's pipe open.
    unsafe {
        libc::syscall(libc::SYS_close_range, 0_u32, u32::MAX, 0_u32);
        let socket = libc::socket(libc::AF_UNIX, libc::SOCK_DGRAM, 0);
        let mut refuse = libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: 0 };
        let program = libc::sock_fprog { len: 1, filter: &raw mut refuse };
        let size = size_of::<libc::sock_fprog>() as libc::socklen_t;
        libc::setsockopt(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, (&raw const program).cast(), size);
        libc::_exit(0)
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests' own clock, for patience only")]
fn now() -> Instant {
    Instant::now()
}
