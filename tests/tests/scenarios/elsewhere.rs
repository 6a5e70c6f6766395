//! `net_namespace`: an agent that is started on one host and works on another, as a router of a container is.

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{self, Agent, Options},
    bpffs::Bpffs,
    clock::Moment,
    group::Group,
    namespace::succeed,
    node::Node,
};
use libtest_mimic::Trial;

use super::{
    leftovers::nothing_is_left,
    refusals::one_clear_error,
    rig::{Rig, START, STRONG, TENTH},
    trial::{Need, Reasons},
};

/// A refusal comes at once.
const BOUND: Duration = Duration::from_secs(10);
const CONFIG: i32 = 4;

/// All of them.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, scenario: fn() -> Result<()>| {
        trials.push(reasons.trial(format!("elsewhere::{name}"), &[Need::Agent], scenario));
    };
    add("an_agent_works_in_the_namespace_that_its_config_names", works_there);
    add("what_a_dead_one_left_there_is_cleared_away_from_here", is_cleared_away_from_here);
    add("without_that_namespace_it_does_not_start", does_not_start_without);
    trials
}

/// The config of a group that is to live on `node`.
fn living_on(node: &Node, group: &Group) -> String {
    format!("net_namespace {}\n{}", node.namespace().name(), group.text())
}

fn works_there() -> Result<()> {
    let (rig, pins, group) = (Rig::new()?, Bpffs::mount()?, Group::fast(STRONG, TENTH));
    let (before, here) = (rig.a.addresses()?, rig.b.addresses()?);
    let options =
        Options { interfaces: Vec::new(), ..Options::config(living_on(&rig.a, &group)) }.pinned(&pins);
    let mut agent = Agent::start(&rig.b, &options)?;
    rig.advert(Moment::now(), &rig.a, &group, group.timing().down_bound(STRONG) + START)?;
    rig.wait_address(&rig.a, group.address(), true, START)?;
    ensure!(rig.b.addresses()? == here, "the host that it was started on has {:?}", rig.b.addresses()?);
    let config = rig.b.directory().join("regent.conf").display().to_string();
    let found = succeed(rig.b.command(agent::program()?).args(["check", "--here", &config]))?;
    ensure!(!found.contains("error"), "check --here: {found}");
    // A successor is started there and goes nowhere.
    let handed = Moment::now();
    agent.hand_over(&[])?;
    rig.advert(handed, &rig.a, &group, START)?;
    let resigned =
        rig.capture.count_after(handed, |frame| frame.is_advert_of(group.wire_vrid(), rig.a.address(), 0));
    ensure!(resigned == 0, "priority 0 was sent by a hand-over");
    ensure!(agent.stop()?.success(), "it did not end well{}", agent.process.log_tail());
    nothing_is_left(&rig.a, &before)
}

fn is_cleared_away_from_here() -> Result<()> {
    let (rig, pins, group) = (Rig::new()?, Bpffs::mount()?, Group::fast(STRONG, TENTH));
    let before = rig.a.addresses()?;
    let options =
        Options { interfaces: Vec::new(), ..Options::config(living_on(&rig.a, &group)) }.pinned(&pins);
    let mut agent = Agent::start(&rig.b, &options)?;
    rig.wait_address(&rig.a, group.address(), true, START)?;
    agent.process.kill()?;
    let mut detach = rig.b.command(agent::program()?);
    detach.args(["detach", "--run-dir"]).arg(agent.run_directory());
    let said = succeed(detach.arg("--bpffs").arg(pins.path().join("regent")))?;
    ensure!(said.contains(&group.address().to_string()), "{said}");
    nothing_is_left(&rig.a, &before)
}

fn does_not_start_without() -> Result<()> {
    let (rig, group) = (Rig::new()?, Group::fast(STRONG, TENTH));
    let before = rig.b.addresses()?;
    let config = format!("net_namespace regent-none\n{}", group.text());
    let (ended, log) = agent::run(&rig.b, &Options::config(config), BOUND)?;
    ensure!(!ended.success(), "it ended with {ended}: {log:#?}");
    one_clear_error(&log, &["regent-none", "ip netns add regent-none"])?;
    nothing_is_left(&rig.b, &before)?;
    let file = rig.b.directory().join("regent.conf");
    ensure!(fs::exists(&file).context("look for the config")?, "no config was written");
    let mut check = rig.b.command(agent::program()?);
    let checked = rig.b.output(check.args(["check", "--here"]).arg(file))?;
    ensure!(checked.status.code() == Some(CONFIG), "check ended with {}", checked.status);
    let text = String::from_utf8_lossy(&checked.stdout).into_owned();
    ensure!(text.contains("RG0450"), "{text}");
    Ok(())
}
