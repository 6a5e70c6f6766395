//! What an instance depends on beside its own words: scripts, defaults, the data plane, the service manager.

use std::{fs, os::unix::net::UnixDatagram, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{self, Agent, Options, Rung},
    clock::{Moment, Span},
    frame::Frame,
    group::Group,
    node::Node,
};
use nix::sys::signal::Signal;

use super::{announced, masters, quiet, reload, transitions, write};
use crate::scenarios::rig::{Rig, START, STRONG, TENTH, WEAK};

fn script(node: &Node, file: &str, weight: &str) -> String {
    format!(
        "vrrp_script check {{\n    script \"/usr/bin/test -e {}\"\n    interval 1\n    timeout 1\n    {weight}\n    user \
         root\n}}",
        node.directory().join(file).display()
    )
}

const TRACKS: &str = "track_script {\n        check\n    }";

pub(super) fn a_changed_script() -> Result<()> {
    let rig = Rig::new()?;
    rig.a.write("first", "")?;
    let group = Group::fast(STRONG, TENTH).with(TRACKS);
    let with = |file: &str| group.clone().after(&script(&rig.a, file, "weight -40"));
    let agent = rig.master(&rig.a, &with("first"), Rung::Auto)?;
    let began = Moment::now();
    // The old verdict counts until the first of the new one.
    reload(&agent, &rig.a, &with("second").text())?;
    let lowered = Group { priority: STRONG - 40, ..group.clone() };
    rig.advert(began, &rig.a, &lowered, START).with_context(|| agent.process.log_tail())?;
    rig.a.write("second", "")?;
    rig.advert(Moment::now(), &rig.a, &group, START)?;
    // Its weight alone.
    let heavier = group.clone().after(&script(&rig.a, "second", "weight 50"));
    let began = Moment::now();
    reload(&agent, &rig.a, &heavier.text())?;
    let raised = Group { priority: STRONG + 50, ..group.clone() };
    let first = rig.advert(began, &rig.a, &raised, START)?;
    ensure!(
        first.at.since(began) <= Duration::from_millis(700),
        "only {} later",
        Span(first.at.since(began))
    );
    ensure!(transitions(&agent, "VI_1")? == (1, 0), "it gave up{}", agent.process.log_tail());
    Ok(())
}

pub(super) fn a_new_script() -> Result<()> {
    let rig = Rig::new()?;
    rig.a.write("there", "")?;
    let group = quiet(Group::fast(STRONG, TENTH));
    let agent = masters(&rig, &[&group])?;
    let began = Moment::now();
    let guarded = group.clone().after(&script(&rig.a, "there", "")).with(TRACKS);
    reload(&agent, &rig.a, &guarded.text())?;
    agent.wait_status("to know its verdict", START, |status| {
        status.instance("VI_1")["trackers"][0]["good"] == true
    })?;
    ensure!(transitions(&agent, "VI_1")? == (1, 0), "it gave up{}", agent.process.log_tail());
    ensure!(announced(&rig, began, 3) == 0, "it announced");
    // One that is bad counts as soon as that is known.
    fs::remove_file(rig.a.directory().join("there"))?;
    agent.wait_status("to give up", START, |status| status.state("VI_1") == "FAULT")?;
    reload(&agent, &rig.a, &group.text())?;
    agent.wait_status("to be back", START, |status| status.state("VI_1") == "MASTER").map(drop)
}

pub(super) fn defaults_below() -> Result<()> {
    let rig = Rig::new()?;
    let group = Group::fast(STRONG, TENTH);
    let with = |group: &Group| group.text() + "global_defs {\n    vrrp_garp_master_delay 7\n}\n";
    let agent = rig.master_by(&rig.a, &group, &Options::config(with(&group)))?;
    let delay = || Ok::<_, anyhow::Error>(agent.status()?.number("VI_1", "/announce_delay_ms"));
    ensure!(delay()? == 7_000, "the default is lost at the start");
    let said = reload(&agent, &rig.a, &with(&Group { priority: WEAK, ..group }))?;
    ensure!(delay()? == 7_000 && !said.contains("announcements"), "the default is lost on reload: {said}");
    Ok(())
}

pub(super) fn words_of_the_data_plane() -> Result<()> {
    let rig = Rig::new()?;
    let group = quiet(Group::fast(STRONG, TENTH));
    let agent = masters(&rig, &[&group])?;
    let pinged = |wanted: bool| -> Result<()> {
        let address = group.address().to_string();
        let answer = rig.client.command("ping").args(["-c", "1", "-W", "1", &address]).output()?;
        ensure!(answer.status.success() == wanted, "ping: {}", String::from_utf8_lossy(&answer.stdout));
        Ok(())
    };
    pinged(true)?;
    reload(&agent, &rig.a, &group.clone().with("no_accept").text())?;
    pinged(false)?;
    reload(&agent, &rig.a, &group.clone().with("gate off").with("responder off").text())?;
    pinged(true)?;
    let status = agent.status()?;
    ensure!(status.number("VI_1", "/gate_ms") == 0, "the gate shuts");
    let began = Moment::now();
    let virtual_mac = group.clone().with("virtual_mac");
    reload(&agent, &rig.a, &virtual_mac.text())?;
    let status = agent.status()?;
    if status.instance("VI_1")["mac"] == "00:00:5e:00:01:32" {
        let heard =
            |frame: &Frame| frame.is_announcement(group.address()) && frame.mac == group.virtual_mac();
        rig.capture.wait_after(began, "the address announced with the new MAC", START, heard)?;
        let began = Moment::now();
        reload(&agent, &rig.a, &group.text())?;
        let heard = |frame: &Frame| frame.is_announcement(group.address()) && frame.mac == rig.a.mac();
        rig.capture.wait_after(began, "the address announced with the old MAC", START, heard)?;
    }
    pinged(true)?;
    ensure!(transitions(&agent, "VI_1")? == (1, 0), "it gave up{}", agent.process.log_tail());
    Ok(())
}

pub(super) fn the_service_manager_is_told() -> Result<()> {
    let rig = Rig::new()?;
    let path = rig.a.directory().join("notify");
    let socket = UnixDatagram::bind(&path)?;
    socket.set_read_timeout(Some(START))?;
    let next = || -> Result<String> {
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).context("a word for the service manager")?;
        Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
    };
    let group = Group::fast(STRONG, TENTH);
    let mut command = agent::command(&rig.a, &Options::config(group.text()))?;
    command.env("NOTIFY_SOCKET", &path);
    let mut agent = Agent::start_command(&rig.a, &mut command)?;
    ensure!(next()?.starts_with("READY=1"), "not ready");
    agent.process.signal(Signal::SIGHUP)?;
    let (first, second) = (next()?, next()?);
    ensure!(first.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{first:?}");
    ensure!(second.starts_with("READY=1\nSTATUS=running"), "{second:?}");
    write(&rig.a, "nonsense")?;
    agent.process.signal(Signal::SIGHUP)?;
    ensure!(next()?.starts_with("RELOADING=1"), "it does not reload");
    let last = next()?;
    ensure!(last.starts_with("READY=1\nSTATUS=running with the config of before"), "{last:?}");
    Ok(())
}
