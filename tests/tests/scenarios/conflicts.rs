//! Others where we want to be: the address by hand on this host, on another host, the VRID in a keepalived here.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{self, Options, Rung},
    clock::Moment,
    group::Group,
    keepalived::Keepalived,
    node::INTERFACE,
};
use libtest_mimic::Trial;

use super::{
    refusals::one_clear_error,
    rig::{Rig, START, STRONG, TENTH, WEAK},
    trial::{Need, Reasons},
};

/// All of them.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let agent: &[Need] = &[Need::Agent];
    let both: &[Need] = &[Need::Agent, Need::Keepalived];
    vec![
        reasons.trial("conflicts::an_address_by_hand_is_said_and_left", agent, an_address_by_hand_is_left),
        reasons.trial(
            "conflicts::an_address_on_another_host_is_said",
            agent,
            an_address_on_another_host_is_said,
        ),
        reasons.trial(
            "conflicts::a_vrid_that_keepalived_holds_here_is_refused",
            both,
            a_vrid_held_here_is_refused,
        ),
        reasons.trial(
            "conflicts::a_vrid_that_another_agent_holds_here_is_refused",
            agent,
            a_vrid_of_another_agent,
        ),
    ]
}

fn an_address_by_hand_is_left() -> Result<()> {
    let rig = Rig::new()?;
    let group = Group::fast(STRONG, TENTH);
    rig.a.ip(&["addr", "add", "10.0.0.3/32", "dev", INTERFACE])?;
    let before = rig.a.addresses()?;
    let mut agent = rig.master(&rig.a, &group, Rung::Auto)?;
    let status = agent.wait_status("to say that the address is not ours", START, |status| {
        status.instance("VI_1")["addresses"][0]["foreign"] == true
    })?;
    ensure!(
        status.instance("VI_1")["troubles"].to_string().contains("10.0.0.3"),
        "no trouble names the address: {}",
        status.instance("VI_1")["troubles"]
    );
    ensure!(agent.stop()?.success(), "it did not end well");
    let after = rig.a.addresses()?;
    ensure!(after == before, "addresses were {before:?} and are {after:?}");
    Ok(())
}

fn an_address_on_another_host_is_said() -> Result<()> {
    let rig = Rig::new()?;
    let group = Group::fast(STRONG, TENTH);
    rig.client.ip(&["addr", "add", "10.0.0.3/32", "dev", INTERFACE])?;
    let agent = rig.master(&rig.a, &group, Rung::Auto)?;
    let status = agent.wait_status("a trouble", START, |status| {
        status.instance("VI_1")["troubles"].as_array().is_some_and(|troubles| !troubles.is_empty())
    })?;
    let troubles = status.instance("VI_1")["troubles"].to_string();
    ensure!(troubles.contains("10.0.0.3"), "no trouble names the address: {troubles}");
    ensure!(troubles.contains("02:52:47:00:00:09"), "no trouble names the other host: {troubles}");
    Ok(())
}

fn a_vrid_held_here_is_refused() -> Result<()> {
    let rig = Rig::new()?;
    let group = Group::fast(STRONG, TENTH);
    let began = Moment::now();
    let mut holder = Keepalived::start(&rig.a, &group.text())?;
    rig.advert(began, &rig.a, &group, group.timing().down_bound(STRONG) + START)?;
    let before = rig.a.addresses()?;
    let asked = Moment::now();
    let (status, log) = agent::run(&rig.a, &Options::config(group.text()), Duration::from_secs(10))?;
    ensure!(status.code() == Some(1), "it ended with {status}: {log:#?}");
    one_clear_error(&log, &["50", INTERFACE])?;
    ensure!(rig.a.addresses()? == before, "the holder's addresses were touched");
    rig.advert(asked, &rig.a, &group, group.timing().interval * 2).context("the holder fell silent")?;
    ensure!(holder.process.exited()?.is_none(), "the holder ended");
    Ok(())
}

fn a_vrid_of_another_agent() -> Result<()> {
    let rig = Rig::new()?;
    let group = Group::fast(STRONG, TENTH);
    let holder = rig.master(&rig.a, &group, Rung::Auto)?;
    let options = Options {
        run_directory: Some(rig.a.directory().join("elsewhere")),
        ..Options::config(Group::fast(WEAK, TENTH).text())
    };
    let (status, log) = agent::run(&rig.a, &options, Duration::from_secs(10))?;
    ensure!(status.code() == Some(1), "it ended with {status}: {log:#?}");
    one_clear_error(&log, &["50", INTERFACE])?;
    ensure!(holder.status()?.state("VI_1") == "MASTER", "the holder is no longer master");
    Ok(())
}
