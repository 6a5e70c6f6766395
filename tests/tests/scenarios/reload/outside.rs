//! Reloads at odd moments and with odd files: somebody is still writing, the peer is changed a little later, the instance is
//! no master, the config asks for what a running agent cannot become.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Agent, Options, Rung},
    clock::{Moment, Span},
    group::Group,
    speaker::{Make, Speaker},
};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use regent_common::Version;

use super::{longest_gap, reload, said, write};
use crate::scenarios::{
    rig::{Rig, START, STRONG, TENTH, WEAK},
    trial::{Need, Reasons},
};

/// All of them.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, needs: &[Need], scenario: fn() -> Result<()>| {
        trials.push(reasons.trial(format!("reload::outside::{name}"), needs, scenario));
    };
    let agent: &[Need] = &[Need::Agent];
    let both: &[Need] = &[Need::Agent, Need::Keepalived];
    add("a_file_that_is_still_being_written_is_waited_for", agent, a_slow_writer);
    add("an_include_that_vanished_leaves_everything_running", agent, an_include_vanishes);
    add("what_a_running_agent_cannot_become_is_refused_whole", agent, words_that_stay);
    add("a_backup_that_is_raised_above_the_master_takes_over", both, a_raised_backup);
    add("a_preemption_that_is_put_off_is_not_put_off_again", both, while_preemption_waits);
    add("an_instance_whose_interface_is_missing_waits_and_the_others_go_on", agent, a_missing_interface);
    add("an_interval_is_changed_on_one_after_the_other", both, an_interval);
    add("a_version_is_changed_on_one_after_the_other", both, a_version);
    add("another_vrid_is_another_router", both, another_vrid);
    add("addresses_of_a_reload_are_announced_a_second_time", agent, a_second_batch);
    add("orders_at_the_same_time_are_carried_out_one_after_the_other", agent, at_the_same_time);
    trials
}

fn second(vrid: u32, last: u8) -> Group {
    let addresses = vec![[10, 0, 0, last].into()];
    Group { name: format!("VI_{vrid}"), vrid, addresses, ..Group::fast(STRONG, TENTH) }
}

fn no_gap(rig: &Rig, group: &Group, began: Moment) -> Result<()> {
    std::thread::sleep(group.timing().interval * 2);
    let longest = longest_gap(rig, &rig.a, group, began)?;
    ensure!(longest <= group.timing().interval * 6 / 5, "a gap of {}", Span(longest));
    Ok(())
}

fn became_master(agent: &Agent, name: &str) -> Result<u64> {
    Ok(agent.status()?.number(name, "/became_master"))
}

/// Half of the file is a good config: one without the second router.
fn a_slow_writer() -> Result<()> {
    let rig = Rig::new()?;
    let (one, two) = (Group::fast(STRONG, TENTH), second(51, 4));
    let agent = rig.master_by(&rig.a, &one, &Options::config(one.text() + &two.text()))?;
    agent.wait_status("to lead both", START, |status| status.state("VI_51") == "MASTER")?;
    let path = rig.a.directory().join("regent.conf");
    let began = Moment::now();
    let mut writer = OpenOptions::new().write(true).truncate(true).open(&path)?;
    writer.write_all(one.text().as_bytes())?;
    let rest = Group { priority: 160, ..two.clone() }.text();
    let slow = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(400));
        writer.write_all(rest.as_bytes())
    });
    let output = agent.reload(&[])?;
    slow.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
    ensure!(output.status.success(), "{}", said(&output));
    ensure!(said(&output).contains("priority 150 -> 160"), "{}", said(&output));
    let zeros = rig.capture.count_after(began, |frame| frame.is_advert_of(51, rig.a.address(), 0));
    ensure!(zeros == 0, "it gave up what was not written yet");
    let _writer = OpenOptions::new().append(true).open(&path)?;
    let output = agent.reload(&[])?;
    ensure!(output.status.code() == Some(4) && said(&output).contains("still writing"), "{}", said(&output));
    no_gap(&rig, &one, began)
}

fn an_include_vanishes() -> Result<()> {
    let rig = Rig::new()?;
    let (one, two) = (Group::fast(STRONG, TENTH), second(51, 4));
    let extra = rig.a.write("extra.conf", &two.text())?;
    let agent = rig.master_by(&rig.a, &one, &Options::config(one.text() + "include extra.conf\n"))?;
    agent.wait_status("to lead both", START, |status| status.state("VI_51") == "MASTER")?;
    let began = Moment::now();
    fs::remove_file(extra)?;
    let output = agent.reload(&[])?;
    ensure!(output.status.code() == Some(4), "{}: {}", output.status, said(&output));
    ensure!(said(&output).contains("extra.conf"), "{}", said(&output));
    ensure!(agent.status()?.state("VI_51") == "MASTER", "it gave up{}", agent.process.log_tail());
    no_gap(&rig, &one, began)
}

fn words_that_stay() -> Result<()> {
    let rig = Rig::new()?;
    let group = Group::fast(STRONG, TENTH);
    let command = Options { arguments: Vec::new(), ..Options::config(group.text()) };
    let agent = rig.master_by(&rig.a, &group, &command)?;
    let changed = Group { priority: 200, ..group.clone() }.text();
    for (line, word) in [
        ("instance other\n", "`instance` cannot change"),
        ("instance other\nuse_pid_dir\n", "`instance`, `use_pid_dir` cannot change"),
    ] {
        write(&rig.a, &format!("{line}{changed}"))?;
        for arguments in [&["--dry-run"][..], &[]] {
            let output = agent.reload(arguments)?;
            ensure!(output.status.code() == Some(1), "{}: {}", output.status, said(&output));
            ensure!(said(&output).contains(word), "{}", said(&output));
        }
        ensure!(agent.status()?.number("VI_1", "/priority_base") == u64::from(STRONG), "half of it counts");
    }
    let status = agent.status()?;
    ensure!(status.root["reload"]["last_outcome"] == "refused", "{}", status.root["reload"]);
    ensure!(agent.status_table()?.contains("refused"), "{}", agent.status_table()?);
    reload(&agent, &rig.a, &changed)?;
    let status = agent.status()?;
    ensure!(status.root["reload"]["last_outcome"] == "applied", "{}", status.root["reload"]);
    ensure!(status.root["reload"]["last_took_us"].as_u64() > Some(0), "{}", status.root["reload"]);
    Ok(())
}

fn a_raised_backup() -> Result<()> {
    let rig = Rig::new()?;
    let group = |priority| Group::fast(priority, TENTH);
    let mut peer = Speaker::start(Make::Keepalived, &rig.b, &group(STRONG))?;
    peer.make_punctual();
    peer.wait_entering("MASTER", 1, START)?;
    let agent = rig.backup(&rig.a, &group(WEAK), Rung::Auto)?;
    std::thread::sleep(Duration::from_millis(300));
    // Something else: it goes on as Backup.
    reload(&agent, &rig.a, &group(WEAK).with("garp_master_refresh 60").text())?;
    std::thread::sleep(Duration::from_millis(500));
    ensure!(became_master(&agent, "VI_1")? == 0, "a Backup that was not raised took over");
    let asked = Moment::now();
    reload(&agent, &rig.a, &group(200).text())?;
    let first = rig.advert(asked, &rig.a, &group(200), START)?;
    let took = first.at.since(asked);
    ensure!(
        took <= group(200).timing().down_bound(200) + Duration::from_millis(150),
        "only {} later",
        Span(took)
    );
    peer.wait_entering("BACKUP", 1, START)?;
    // And down again, while the other is Backup: the master stays until the other's timer says otherwise, and never both.
    reload(&agent, &rig.a, &group(WEAK).text())?;
    agent.wait_status("to be BACKUP", START, |status| status.state("VI_1") == "BACKUP").map(drop)
}

fn while_preemption_waits() -> Result<()> {
    let rig = Rig::new()?;
    let slow = Group::fast(STRONG, TENTH).with("preempt_delay 3");
    let weak = Group::fast(WEAK, TENTH);
    let mut peer = Speaker::start(Make::Keepalived, &rig.b, &weak)?;
    peer.make_punctual();
    peer.wait_entering("MASTER", 1, START)?;
    let began = Moment::now();
    let agent = rig.backup(&rig.a, &slow, Rung::Auto)?;
    // The first advert of the lower one has come, or comes within an interval.
    let heard = Moment::now();
    for round in 0..10 {
        std::thread::sleep(Duration::from_millis(200));
        reload(
            &agent,
            &rig.a,
            &format!(
                "# {round}\n{}",
                slow.clone().with(&format!("garp_master_refresh {}", 60 + round)).text()
            ),
        )?;
    }
    ensure!(became_master(&agent, "VI_1")? == 0, "it did not wait");
    let first = rig.advert(began, &rig.a, &slow, Duration::from_secs(5))?;
    let bound = Duration::from_secs(3) + slow.timing().down_bound(STRONG) + slow.timing().interval * 2;
    ensure!(
        first.at.since(began) >= Duration::from_secs(3),
        "{} after the start",
        Span(first.at.since(began))
    );
    ensure!(first.at.since(heard) <= bound, "{} after the first advert", Span(first.at.since(heard)));
    Ok(())
}

fn a_missing_interface() -> Result<()> {
    let rig = Rig::new()?;
    let (one, two) = (Group::fast(STRONG, TENTH), Group { interface: "nowhere0".into(), ..second(51, 4) });
    let options = Options { interfaces: Vec::new(), ..Options::config(one.text()) };
    let agent = rig.master_by(&rig.a, &one, &options)?;
    let began = Moment::now();
    reload(&agent, &rig.a, &(one.text() + &two.text()))?;
    agent.wait_status("to wait in Fault", START, |status| status.state("VI_51") == "FAULT")?;
    // Changed while in Fault.
    let raised = Group { priority: 170, ..two.clone() };
    reload(&agent, &rig.a, &(one.text() + &raised.text()))?;
    rig.a.make_spare("nowhere0")?;
    rig.a.ip(&["address", "add", "10.7.0.1/24", "dev", "nowhere0"])?;
    let status = agent.wait_status("to lead there", START, |status| status.state("VI_51") == "MASTER")?;
    ensure!(status.number("VI_51", "/priority_effective") == 170, "{}", status.instance("VI_51"));
    ensure!(became_master(&agent, "VI_1")? == 1, "the other gave up");
    let longest = longest_gap(&rig, &rig.a, &one, began)?;
    // An interface that comes while running is opened by whoever speaks: only reloads are judged here.
    ensure!(longest <= one.timing().interval * 2, "a gap of {}", Span(longest));
    Ok(())
}

/// Version 3: the Backup follows.
fn an_interval() -> Result<()> {
    let rig = Rig::new()?;
    let group = |priority, centiseconds| Group::fast(priority, centiseconds);
    let agent = rig.master(&rig.a, &group(STRONG, TENTH), Rung::Auto)?;
    let mut peer = Speaker::start(Make::Keepalived, &rig.b, &group(WEAK, TENTH))?;
    peer.make_punctual();
    peer.wait_entering("BACKUP", 1, START)?;
    let began = Moment::now();
    for centiseconds in [30, 5, 20] {
        let output = reload(&agent, &rig.a, &group(STRONG, centiseconds).text())?;
        ensure!(!output.contains("discard"), "{output}");
        std::thread::sleep(Duration::from_millis(700));
        rig.b.write("keepalived.conf", &group(WEAK, centiseconds).text())?;
        peer.process().signal(Signal::SIGHUP)?;
        std::thread::sleep(Duration::from_millis(700));
    }
    let theirs = rig.spoke(began, &rig.b, &group(WEAK, 20));
    ensure!(theirs == 0, "the peer spoke {theirs} times{}", agent.process.log_tail());
    ensure!(became_master(&agent, "VI_1")? == 1, "it became master again");
    Ok(())
}

/// Whoever has the old version does not hear: that is said, and it is over as soon as both have the new one.
fn a_version() -> Result<()> {
    let rig = Rig::new()?;
    let group = |priority, version| Group { version, ..Group::fast(priority, 100) };
    let agent = rig.master(&rig.a, &group(STRONG, Version::V2), Rung::Auto)?;
    let mut peer = Speaker::start(Make::Keepalived, &rig.b, &group(WEAK, Version::V2))?;
    peer.make_punctual();
    peer.wait_entering("BACKUP", 1, START)?;
    std::thread::sleep(Duration::from_secs(1));
    let began = Moment::now();
    let output = reload(&agent, &rig.a, &group(STRONG, Version::V3).text())?;
    ensure!(output.contains("discard each other's adverts") && output.contains("within 3 s"), "{output}");
    std::thread::sleep(Duration::from_secs(1));
    rig.b.write("keepalived.conf", &group(WEAK, Version::V3).text())?;
    peer.process().signal(Signal::SIGHUP)?;
    std::thread::sleep(Duration::from_secs(5));
    let theirs = rig.spoke(began, &rig.b, &group(WEAK, Version::V3));
    ensure!(theirs == 0, "the peer spoke {theirs} times{}", agent.process.log_tail());
    ensure!(became_master(&agent, "VI_1")? == 1, "it became master again");
    Ok(())
}

fn another_vrid() -> Result<()> {
    let rig = Rig::new()?;
    let old = Group::fast(STRONG, TENTH);
    let new = Group { vrid: 60, ..old.clone() };
    let agent = rig.master(&rig.a, &old, Rung::Auto)?;
    let weak = Group { priority: WEAK, addresses: vec![[10, 0, 0, 9].into()], ..old.clone() };
    let peer = Speaker::start(Make::Keepalived, &rig.b, &weak)?;
    peer.make_punctual();
    std::thread::sleep(Duration::from_millis(500));
    let asked = Moment::now();
    let output = reload(&agent, &rig.a, &new.text())?;
    ensure!(output.contains("+ vrrp_instance VI_1") && output.contains("- vrrp_instance VI_1"), "{output}");
    rig.capture.wait_after(asked, "the old one resigns", START, |frame| {
        frame.is_advert_of(old.wire_vrid(), rig.a.address(), 0)
    })?;
    let first = rig.advert(asked, &rig.a, &new, new.timing().down_bound(STRONG) + START)?;
    ensure!(first.at.since(asked) >= new.timing().down(STRONG), "it did not listen first");
    rig.wait_address(&rig.a, new.address(), true, START).with_context(|| agent.process.log_tail())?;
    std::thread::sleep(Duration::from_millis(500));
    ensure!(rig.a.has_address(new.address())?, "the address of the old one took that of the new one away");
    Ok(())
}

fn a_second_batch() -> Result<()> {
    let rig = Rig::new()?;
    let group = Group::fast(STRONG, TENTH).with("garp_master_delay 1").with("garp_master_repeat 3");
    let agent = rig.master(&rig.a, &group, Rung::Auto)?;
    std::thread::sleep(Duration::from_secs(2));
    let began = Moment::now();
    let more = Group { addresses: vec![group.address(), [10, 0, 0, 7].into()], ..group.clone() };
    reload(&agent, &rig.a, &more.text())?;
    std::thread::sleep(Duration::from_secs(2));
    let count = |last: u8, from: Moment| {
        rig.capture.count_after(from, |frame| {
            frame.mac == rig.a.mac() && frame.is_announcement(std::net::IpAddr::from([10, 0, 0, last]))
        })
    };
    let later = began.plus(Duration::from_millis(900));
    ensure!((count(7, began), count(7, later)) == (6, 3), "{} and {}", count(7, began), count(7, later));
    ensure!(count(3, began) == 0, "one that was there is announced {} times", count(3, began));
    // An address that goes before is not announced.
    let began = Moment::now();
    let third = Group { addresses: vec![group.address(), [10, 0, 0, 8].into()], ..group.clone() };
    reload(&agent, &rig.a, &third.text())?;
    reload(&agent, &rig.a, &group.text())?;
    std::thread::sleep(Duration::from_secs(2));
    ensure!(count(8, began.plus(Duration::from_millis(900))) == 0, "an address that is gone is announced");
    Ok(())
}

/// A handover in the middle of reloads, and reloads in the middle of a handover: each is answered, and the last config counts.
fn at_the_same_time() -> Result<()> {
    let rig = Rig::new()?;
    let group = Group::fast(STRONG, TENTH);
    let mut agent = rig.master(&rig.a, &group, Rung::Auto)?;
    let began = Moment::now();
    for round in 0..3_u8 {
        write(&rig.a, &Group { priority: STRONG + round + 1, ..group.clone() }.text())?;
        for _ in 0..30 {
            agent.process.signal(Signal::SIGHUP)?;
        }
        agent.hand_over(&[]).with_context(|| agent.process.log_tail())?;
        for _ in 0..30 {
            agent.process.signal(Signal::SIGHUP)?;
        }
        let output = agent.reload(&[])?;
        ensure!(output.status.success(), "{}", said(&output));
        let status = agent.status()?;
        ensure!(status.number("VI_1", "/priority_base") == u64::from(STRONG + round + 1), "another config");
        ensure!(status.state("VI_1") == "MASTER", "it gave up");
    }
    no_gap(&rig, &group, began)?;
    let zeros = rig.capture.count_after(began, |frame| frame.is_advert_of(50, rig.a.address(), 0));
    ensure!(zeros == 0, "it resigned");
    Ok(())
}
