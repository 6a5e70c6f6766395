//! `net::scheduling` against the kernel.

use std::{fs, io, thread};

use rustix::{
    process::{Resource, getrlimit},
    thread::{CapabilitySet, CapabilitySets, set_capabilities},
};

use super::lab::alone;
use crate::net::scheduling::{become_real_time, lock_memory};

/// Scheduling policy of the calling thread, field 41 of its stat file.
fn policy() -> u32 {
    let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
    let behind_name = stat.rsplit(')').next().unwrap();
    behind_name.split_whitespace().nth(38).unwrap().parse().unwrap()
}

#[test]
fn the_thread_becomes_real_time_and_what_it_starts_does_not() {
    alone(|| {
        const ROUND_ROBIN: u32 = 2;
        assert_eq!(policy(), 0);
        become_real_time().unwrap();
        assert_eq!(policy(), ROUND_ROBIN);
        assert_eq!(thread::spawn(policy).join().unwrap(), 0);
    });
}

#[test]
fn memory_is_locked_and_growth_stays_possible() {
    alone(|| {
        lock_memory().unwrap();
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
        assert!(!locked.trim().starts_with("0 "), "{locked}");
        // Beyond the usual limit of locked memory, 8 MiB.
        assert_eq!(
            std::hint::black_box(vec![1_u8; 64 * 1024 * 1024]).iter().filter(|byte| **byte != 1).count(),
            0
        );
    });
}

#[test]
fn without_the_rights_each_step_is_refused_and_says_what_to_grant() {
    alone(|| {
        // Rights belong to a thread; this one gives its own up.
        let none = CapabilitySets {
            effective: CapabilitySet::empty(),
            permitted: CapabilitySet::empty(),
            inheritable: CapabilitySet::empty(),
        };
        set_capabilities(None, none).unwrap();
        let error = become_real_time().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("CAP_SYS_NICE"), "{error}");
        let locked = lock_memory();
        // Another test may have lifted the limit of the process.
        if getrlimit(Resource::Memlock).current.is_some() {
            let error = locked.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
            assert!(error.to_string().contains("CAP_IPC_LOCK"), "{error}");
        }
    });
}
