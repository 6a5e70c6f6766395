//! The main job: the Backup takes over within the RFC's time, the better router takes it back, and whoever stops says so.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, anyhow, ensure};
use lab::{
    agent::Rung,
    capture::Capture,
    clock::{Moment, Span},
    group::Group,
    lab::Lab,
    node::Node,
    speaker::{Make, Speaker},
};
use libtest_mimic::Trial;

use super::{
    rig::START,
    trial::{Need, Reasons},
};

const STRONG: u8 = 150;
const WEAK: u8 = 100;

/// Every pairing that matters: the agent on each side, and on each rung.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let agent = Make::Agent(Rung::Auto);
    let pairs = [
        (agent, agent),
        (agent, Make::Keepalived),
        (Make::Keepalived, agent),
        (Make::Agent(Rung::Native), Make::Agent(Rung::Native)),
        (Make::Agent(Rung::Generic), Make::Agent(Rung::Generic)),
        (Make::Agent(Rung::Off), Make::Agent(Rung::Off)),
        // Not ours, but it proves the lab and the bounds.
        (Make::Keepalived, Make::Keepalived),
    ];
    let mut trials = Vec::new();
    for (strong, weak) in pairs {
        for (version, of) in
            [("v2_pass", Group::classic as fn(u8) -> Group), ("v3", |priority| Group::fast(priority, 10))]
        {
            let needs = needs(&[strong, weak]);
            let mut add = |name: &str, scenario: fn(&mut Pair) -> Result<()>| {
                let name = format!("takeover::{version}::{strong}_over_{weak}::{name}");
                trials.push(reasons.trial(name, &needs, move || {
                    Pair::start(strong, of(STRONG), weak, of(WEAK))?.explained(scenario)
                }));
            };
            add("the_backup_takes_over_and_the_master_takes_it_back", a_cut_master_is_replaced_and_returns);
            add("a_stopping_master_hands_over_after_the_skew", a_stopping_master_hands_over);
            let name = format!(
                "takeover::{version}::{strong}_over_{weak}::without_preemption_the_returning_master_stays_backup"
            );
            trials.push(reasons.trial(name, &needs, move || {
                let of = |priority| of(priority).without_preemption();
                Pair::start(strong, of(STRONG), weak, of(WEAK))?.explained(the_returning_master_stays_backup)
            }));
        }
    }
    trials
}

fn needs(makes: &[Make]) -> Vec<Need> {
    let mut needs = vec![Need::Agent];
    for make in makes {
        match make {
            Make::Keepalived => needs.push(Need::Keepalived),
            Make::Frr => needs.push(Need::Frr),
            Make::Agent(Rung::Native | Rung::Generic) => needs.push(Need::Object),
            Make::Agent(Rung::Auto | Rung::Off) => {}
        }
    }
    if makes.iter().all(|make| *make == Make::Keepalived) {
        needs.retain(|need| *need != Need::Agent);
    }
    needs
}

/// Two routers and a client. Fields drop in order: daemons before hosts.
pub struct Pair {
    strong: Speaker,
    weak: Speaker,
    group: Group,
    capture: Capture,
    strong_host: Node,
    weak_host: Node,
    client: Node,
    _lab: Lab,
}

impl Pair {
    fn start(strong: Make, strong_group: Group, weak: Make, weak_group: Group) -> Result<Self> {
        let lab = Lab::new()?;
        let (strong_host, weak_host, client) = (lab.host("a", 1)?, lab.host("b", 2)?, lab.host("client", 9)?);
        let capture = client.capture()?;
        // One after the other: with `nopreempt` on both, whoever is first stays.
        let patience = strong_group.timing().down_bound(STRONG) + START;
        let mut strong = Speaker::start(strong, &strong_host, &strong_group)?;
        strong.wait_entering("MASTER", 1, patience)?;
        let mut weak = Speaker::start(weak, &weak_host, &weak_group)?;
        weak.wait_entering("BACKUP", 1, START)?;
        // It has to have heard the other, or its timer runs from its own start.
        std::thread::sleep(strong_group.timing().interval * 2);
        Ok(Self { strong, weak, group: strong_group, capture, strong_host, weak_host, client, _lab: lab })
    }

    /// With what both said, if it fails.
    fn explained(mut self, scenario: fn(&mut Self) -> Result<()>) -> Result<()> {
        scenario(&mut self)
            .map_err(|error| anyhow!("{error:#}{}{}", self.strong.log_tail(), self.weak.log_tail()))
    }

    fn last_advert_before(&self, moment: Moment, source: Ipv4Addr) -> Result<Moment> {
        self.capture
            .last_before(moment, |frame| frame.is_advert(self.group.wire_vrid(), source))
            .map(|frame| frame.at)
            .context("no advert of the old master")
    }
}

/// Adverts stop; the Backup's first advert comes within `3 * interval + skew`, plus one interval; then the GARP; then the better router is back.
fn a_cut_master_is_replaced_and_returns(pair: &mut Pair) -> Result<()> {
    let timing = pair.group.timing();
    let vrid = pair.group.wire_vrid();
    let (old, new) = (pair.strong_host.address(), pair.weak_host.address());

    pair.strong_host.cut_cable()?;
    let cut = Moment::now();
    let first = pair.capture.wait_after(
        cut,
        "the weak router's first advert",
        timing.down_bound(WEAK) + START,
        |frame| frame.is_advert_of(vrid, new, WEAK),
    )?;
    let silence = first.at.since(pair.last_advert_before(first.at, old)?);
    ensure!(
        silence >= timing.down(WEAK) && silence <= timing.down_bound(WEAK),
        "took over {} after the last advert; the formula says {}, at most one interval more",
        Span(silence),
        Span(timing.down(WEAK)),
    );
    let announced = pair.capture.wait_after(cut, "the announcement", START, |frame| {
        frame.is_announcement(pair.group.address()) && frame.mac == pair.weak_host.mac()
    })?;
    ensure!(
        announced.at.since(first.at) <= timing.interval,
        "announced {} after the first advert",
        Span(announced.at.since(first.at))
    );
    pair.weak.wait_entering("MASTER", 1, START)?;
    ensure!(pair.weak_host.has_address(pair.group.address())?, "the new master has no address");

    // The master hears a lower priority and waits out its own timer: RFC 9568 §6.4.2.
    pair.strong_host.restore_cable()?;
    let back = Moment::now();
    let bound = timing.down_bound(STRONG) + START;
    let preempted = pair.capture.wait_after(back, "the strong router's return", bound, |frame| {
        frame.is_advert_of(vrid, old, STRONG)
    })?;
    std::thread::sleep(timing.interval * 2);
    let late =
        pair.capture.count_after(preempted.at.plus(timing.interval), |frame| frame.is_advert(vrid, new));
    ensure!(late == 0, "{late} adverts of the weak router after the strong one was back");
    ensure!(pair.strong_host.has_address(pair.group.address())?, "the returned master has no address");
    ensure!(!pair.weak_host.has_address(pair.group.address())?, "the weak router kept the address");
    Ok(())
}

/// RFC 9568 §6.4.3: priority 0, and the Backup waits only its skew.
fn a_stopping_master_hands_over(pair: &mut Pair) -> Result<()> {
    let timing = pair.group.timing();
    let vrid = pair.group.wire_vrid();
    let (old, new) = (pair.strong_host.address(), pair.weak_host.address());
    let asked = Moment::now();
    let status = pair.strong.stop()?;
    ensure!(status.success(), "it ended with {status}");
    let resigned =
        pair.capture.wait_after(asked, "priority 0", START, |frame| frame.is_advert_of(vrid, old, 0))?;
    let first = pair.capture.wait_after(
        resigned.at,
        "the weak router's first advert",
        timing.skew_bound(WEAK) + START,
        |frame| frame.is_advert_of(vrid, new, WEAK),
    )?;
    let wait = first.at.since(resigned.at);
    ensure!(
        wait >= timing.skew(WEAK) && wait <= timing.skew_bound(WEAK),
        "took over {} after priority 0; the skew is {}, at most one interval more",
        Span(wait),
        Span(timing.skew(WEAK)),
    );
    ensure!(!pair.strong_host.has_address(pair.group.address())?, "the stopped master kept the address");
    Ok(())
}

/// Preempt_Mode false (RFC 9568 §6.1): who comes back is Backup for as long as the other is Active.
fn the_returning_master_stays_backup(pair: &mut Pair) -> Result<()> {
    let timing = pair.group.timing();
    let vrid = pair.group.wire_vrid();
    let (old, new) = (pair.strong_host.address(), pair.weak_host.address());
    pair.strong_host.cut_cable()?;
    let cut = Moment::now();
    pair.capture.wait_after(
        cut,
        "the weak router's first advert",
        timing.down_bound(WEAK) + START,
        |frame| frame.is_advert_of(vrid, new, WEAK),
    )?;
    pair.strong_host.restore_cable()?;
    let back = Moment::now();
    std::thread::sleep(timing.down_bound(STRONG) + timing.interval);
    let stolen = pair.capture.count_after(back, |frame| frame.is_advert(vrid, old));
    ensure!(stolen == 0, "{stolen} adverts of the returned router although it must not preempt");
    let kept = pair.capture.count_after(back, |frame| frame.is_advert_of(vrid, new, WEAK));
    ensure!(kept >= 3, "only {kept} adverts of the router that should have stayed master");
    ensure!(pair.client.ip(&["neigh", "show"]).is_ok(), "the client is gone");
    Ok(())
}
