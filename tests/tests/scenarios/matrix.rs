//! The agent and each peer in one group, in every flavour that both speak: who is master, who takes over and how fast,
//! and what the client notices of it. One cell is one trial: `matrix::keepalived::v3_ipv4::they_die`.
//!
//! The wire judges: after the time that the formula allows exactly one of the two speaks, the client's frames go to that
//! one, and its pings fail for no longer than the formula and one interval. Two variables are for whoever runs it
//! longer: [`INTERVAL`] for other intervals, [`super::figures::VARIABLE`] for the times behind the verdicts.

mod situation;

use lab::{agent::Rung, group::Group, speaker::Make};
use libtest_mimic::Trial;

use self::situation::SITUATIONS;
use super::{
    pair::Pair,
    rig::TENTH,
    trial::{Need, Reasons},
};

/// Version 3's interval in centiseconds, instead of ten.
const INTERVAL: &str = "REGENT_MATRIX_INTERVAL";
/// Who plays our part instead of the agent: the lab and its bounds are then proved by peers alone.
const WE: &str = "REGENT_MATRIX_WE";

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flavour {
    /// Version 2, no authentication.
    V2None,
    /// Version 2, a password.
    V2Pass,
    /// Version 3 over IPv4.
    V3Ipv4,
    /// Version 3 over IPv6.
    V3Ipv6,
}

impl Flavour {
    const ALL: [Self; 4] = [Self::V2None, Self::V2Pass, Self::V3Ipv4, Self::V3Ipv6];

    const fn word(self) -> &'static str {
        match self {
            Self::V2None => "v2_none",
            Self::V2Pass => "v2_pass",
            Self::V3Ipv4 => "v3_ipv4",
            Self::V3Ipv6 => "v3_ipv6",
        }
    }

    /// The group. Version 2 knows whole seconds only.
    fn group(self) -> Group {
        let chosen = std::env::var(INTERVAL).ok().and_then(|text| text.parse().ok());
        let centiseconds = chosen.unwrap_or(TENTH);
        match self {
            Self::V2None => Group { password: None, ..Group::classic(0) },
            Self::V2Pass => Group::classic(0),
            Self::V3Ipv4 => Group::fast(0, centiseconds),
            Self::V3Ipv6 => Group::ipv6(0, centiseconds),
        }
    }
}

/// Every cell. The slow ones come first: they would otherwise be what everybody waits for at the end.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let we = we();
    let mut trials = Vec::new();
    for flavour in Flavour::ALL {
        for they in [Make::Agent(Rung::Auto), Make::Keepalived, Make::Frr] {
            let peer = match they {
                Make::Agent(_) => "agent",
                Make::Keepalived => "keepalived",
                Make::Frr => "frr",
            };
            for &(name, situation) in SITUATIONS {
                let name = format!("matrix::{peer}::{}::{name}", flavour.word());
                trials.push(if they == Make::Frr && flavour == Flavour::V2Pass {
                    Reasons::impossible(name, "FRR has no authentication")
                } else {
                    let cell = name.clone();
                    reasons.trial(name, &needs(we, they), move || {
                        situation(&mut Pair::new(&cell, we, they, flavour.group())?)
                    })
                });
            }
        }
    }
    trials
}

/// The agent, unless the lab is to be proved.
fn we() -> Make {
    match std::env::var(WE).as_deref() {
        Ok("keepalived") => Make::Keepalived,
        Ok("frr") => Make::Frr,
        Ok(_) | Err(_) => Make::Agent(Rung::Auto),
    }
}

fn needs(we: Make, they: Make) -> Vec<Need> {
    let mut needs = Vec::new();
    for make in [we, they] {
        match make {
            Make::Agent(_) => needs.push(Need::Agent),
            Make::Keepalived => needs.push(Need::Keepalived),
            Make::Frr => needs.push(Need::Frr),
        }
    }
    needs
}
