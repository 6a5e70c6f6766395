//! The XDP program before the kernel: what it makes of packets (BPF_PROG_TEST_RUN), that it makes the same of them as
//! the common checks, and how it sits on a port.
//!
//! Needs root and an agent built with the BPF object; without them each test is reported as ignored, with the reason.

mod answers;
mod arp;
mod bench;
mod differential;
mod household;
mod ipv6;
mod neighbors;
mod pins;
mod port;
mod probes;
mod publishing;
mod speech;
mod table;
mod unicast;

use libtest_mimic::{Arguments, Failed, Trial};
use regent_agent::net::xdp;

type Test = (&'static str, fn() -> Result<(), Failed>);

fn main() {
    let missing = missing();
    if let Some(reason) = &missing {
        eprintln!("ignored, all of these: {reason}");
    }
    let tests = [
        table::TESTS,
        ipv6::TESTS,
        unicast::TESTS,
        publishing::TESTS,
        arp::TESTS,
        neighbors::TESTS,
        answers::TESTS,
        probes::TESTS,
        speech::TESTS,
        differential::TESTS,
        port::TESTS,
        pins::TESTS,
    ];
    let trials = tests
        .concat()
        .into_iter()
        .map(|(name, test)| {
            let reason = missing.clone().or_else(|| missing_for(name));
            let trial = Trial::test(name, test).with_ignored_flag(reason.is_some());
            match reason {
                Some(reason) => trial.with_kind(reason),
                None => trial,
            }
        })
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// What this test alone cannot do without.
fn missing_for(name: &str) -> Option<String> {
    (name == port::WITHOUT_NATIVE_MODE_TEST).then(port::all_have_native_mode).flatten()
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
