//! What the VRRP thread asks of the scheduler and of memory: to run when its deadline comes, not when it is convenient.
//!
//! All of it is an improvement, none of it a condition: callers report an error and go on.

#![expect(unsafe_code, reason = "the scheduling class and locked memory have no safe interface")]

use std::{fs, io};

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CapabilitySet, capabilities},
};

use super::failure::explained;

/// Above every ordinary thread and below the kernel's own threads (50): the thread runs for microseconds at a time.
const PRIORITY: libc::c_int = 10;
/// What counts as a large block, in bytes: where the allocator begins by itself.
#[cfg(target_env = "gnu")]
const LARGE_BLOCK: libc::c_int = 128 << 10;
/// Of a thread that the VRRP thread hands work to: above every ordinary thread as well, and never before the VRRP thread.
const PRIORITY_OF_WORK: libc::c_int = PRIORITY - 1;
/// Inode of the first user namespace, in which capabilities mean what they say.
const FIRST_USER_NAMESPACE: &str = "user:[4026531837]";

/// Puts the calling thread into the real-time class SCHED_RR. Threads and processes that it starts are ordinary again, so
/// that no script inherits the priority.
///
/// # Errors
/// `PermissionDenied` without CAP_SYS_NICE or a sufficient RLIMIT_RTPRIO; the thread is as before then.
pub fn become_real_time() -> io::Result<()> {
    enter_class(PRIORITY).map_err(|error| {
        explained(
            error,
            "run the VRRP thread with real-time priority (SCHED_RR)",
            "give the process CAP_SYS_NICE or LimitRTPRIO=10; until then a busy host may delay adverts",
        )
    })
}

/// As [`become_real_time`], for a thread that the VRRP thread hands work to: it comes after that one.
///
/// # Errors
/// As there.
pub fn become_real_time_at_work() -> io::Result<()> {
    enter_class(PRIORITY_OF_WORK)
}

fn enter_class(priority: libc::c_int) -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: priority };
    // SAFETY: 0 is the calling thread, and the structure is only read, during the call.
    let result =
        unsafe { libc::sched_setscheduler(0, libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, &parameters) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Large blocks are mapped apart, and so go back to the system when they are freed, also once memory is locked. The
/// allocator would else take the first one as a reason to keep the next, which an answer of megabytes is too dear for.
pub fn map_large_blocks_apart() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes no memory of ours; it changes where later allocations come from.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BLOCK);
    }
}

/// Gives memory that is free inside the process back to the system: what reading a config took is not needed again. To be
/// called before [`lock_memory`], which keeps what is there.
pub fn return_free_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes no memory of ours; free memory only.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Locks the memory of the process, each page when it is first used, so that no deadline waits for a disk. Growth stays
/// possible: without the right to lock any amount nothing is locked at all, since allocations would fail later.
///
/// # Errors
/// `PermissionDenied` without CAP_IPC_LOCK or an unlimited RLIMIT_MEMLOCK.
pub fn lock_memory() -> io::Result<()> {
    let attempt = |error| {
        explained(
            error,
            "lock the agent in memory (mlockall)",
            "give the process CAP_IPC_LOCK or LimitMEMLOCK=infinity; until then swapping may delay adverts",
        )
    };
    if !may_lock_any_amount() {
        return Err(attempt(io::Error::from_raw_os_error(libc::EPERM)));
    }
    // SAFETY: takes no memory of ours; it changes how pages are kept, not what is in them.
    let result = unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT) };
    if result == 0 { Ok(()) } else { Err(attempt(io::Error::last_os_error())) }
}

fn may_lock_any_amount() -> bool {
    let unlimited = Rlimit { current: None, maximum: None };
    if getrlimit(Resource::Memlock).current.is_none() || setrlimit(Resource::Memlock, unlimited).is_ok() {
        return true;
    }
    let capable = capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK));
    // In a user namespace the capability is listed but does not lift the limit.
    capable && fs::read_link("/proc/self/ns/user").is_ok_and(|link| link.as_os_str() == FIRST_USER_NAMESPACE)
}
