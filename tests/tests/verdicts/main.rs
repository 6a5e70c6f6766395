//! The XDP program before the kernel: what it makes of packets (BPF_PROG_TEST_RUN), that it makes the same of them as
//! the common checks, and how it sits on a port.
//!
//! Needs root and an agent built with the BPF object; without them each test is reported as ignored, with the reason.

mod arp;
mod bench;
mod differential;
mod port;
mod publishing;
mod table;

use libtest_mimic::{Arguments, Failed, Trial};
use regent_agent::net::xdp;

type Test = (&'static str, fn() -> Result<(), Failed>);

fn main() {
    let missing = missing();
    if let Some(reason) = &missing {
        eprintln!("ignored, all of these: {reason}");
    }
    let trials = [table::TESTS, publishing::TESTS, arp::TESTS, differential::TESTS, port::TESTS]
        .concat()
        .into_iter()
        .map(|(name, test)| {
            let trial = Trial::test(name, test).with_ignored_flag(missing.is_some());
            match &missing {
                Some(reason) => trial.with_kind(reason),
                None => trial,
            }
        })
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// What these tests cannot do without.
fn missing() -> Option<String> {
    if !xdp::embedded() {
        Some("no BPF object in this build: cargo xtask build-ebpf".to_owned())
    } else if !nix::unistd::geteuid().is_root() {
        Some("not root".to_owned())
    } else {
        lab::bpf_probe::reason()
    }
}
