//! Scenarios in network namespaces: real daemons, a real switch, and the wire as the witness.
//!
//! Several run at a time, since they mostly wait. Without root each is reported as ignored, with the reason in front.

mod scenarios {
    pub mod conflicts;
    pub mod conformance;
    pub mod dead_man;
    pub mod detach;
    pub mod devices;
    pub mod differential;
    pub mod elsewhere;
    pub mod faults;
    pub mod figures;
    pub mod front;
    pub mod frr;
    pub mod handover;
    pub mod ladder;
    pub mod leftovers;
    pub mod matrix;
    pub mod outside;
    pub mod pair;
    pub mod ports;
    pub mod refusals;
    pub mod rejected;
    pub mod reload;
    pub mod responder;
    pub mod rig;
    pub mod scale;
    pub mod takeover;
    pub mod trackers;
    pub mod trial;
    pub mod unprivileged;
    pub mod victim;
    pub mod virtual_mac;
    pub mod words;
}

use std::process::ExitCode;

use lab::{lab as labs, punctual, skip};
use libtest_mimic::Arguments;

/// At once, unless the command line says otherwise: two cores carry eight, which mostly sleep.
const AT_ONCE: usize = 8;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let reasons = scenarios::trial::Reasons::find();
    reasons.announce();
    if skip::lab_reason().is_none()
        && let Err(error) = labs::sweep_stale()
    {
        eprintln!("sweep what a killed run left: {error:#}");
    }
    punctual::watch_stalls();
    let topics = [
        scenarios::matrix::trials,
        scenarios::frr::trials,
        scenarios::faults::trials,
        scenarios::conformance::trials,
        scenarios::differential::trials,
        scenarios::takeover::trials,
        scenarios::ladder::trials,
        scenarios::responder::trials,
        scenarios::dead_man::trials,
        scenarios::detach::trials,
        scenarios::ports::trials,
        scenarios::devices::trials,
        scenarios::virtual_mac::trials,
        scenarios::rejected::trials,
        scenarios::trackers::trials,
        scenarios::leftovers::trials,
        scenarios::scale::trials,
        scenarios::handover::trials,
        scenarios::reload::trials,
        scenarios::reload::outside::trials,
        scenarios::conflicts::trials,
        scenarios::refusals::trials,
        scenarios::elsewhere::trials,
        scenarios::front::trials,
        scenarios::outside::trials,
        scenarios::words::trials,
        scenarios::faults::trials_alone,
        scenarios::reload::trials_alone,
        scenarios::reload::scale::trials_alone,
    ];
    let trials = topics.iter().flat_map(|trials| trials(&reasons)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
