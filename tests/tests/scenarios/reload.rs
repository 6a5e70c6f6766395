//! Another config for a running agent: what differs acts at once, what does not is not touched, and the peer, the clients
//! and whoever asks the agent notice nothing of it.

mod addresses;
mod instances;
pub mod outside;
pub mod scale;
mod surroundings;

use std::{fs, net::IpAddr, process::Output, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{self, Agent, Options},
    clock::{Moment, Span},
    frame::Frame,
    group::Group,
    node::{INTERFACE, Node},
    speaker::{Make, Speaker},
};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use super::{
    leftovers::nothing_is_left,
    rig::{Rig, START, STRONG, TENTH, WEAK},
    trial::{Need, Reasons},
};

/// All of them.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, needs: &[Need], scenario: fn() -> Result<()>| {
        trials.push(reasons.trial(format!("reload::{name}"), needs, scenario));
    };
    let agent: &[Need] = &[Need::Agent];
    let both: &[Need] = &[Need::Agent, Need::Keepalived];
    add("fifty_in_a_row_leave_no_gap_between_adverts", both, fifty_in_a_row);
    add("a_config_with_errors_leaves_everything_running_and_is_said", agent, a_broken_file);
    add("a_dry_run_shows_the_difference_and_changes_nothing", agent, a_dry_run);
    add("a_changed_priority_acts_at_once", both, instances::a_changed_priority);
    add("a_password_is_changed_on_both_without_a_takeover", both, instances::a_changed_password);
    add("addresses_come_go_and_move_and_only_what_is_new_is_announced", agent, addresses::addresses_move);
    add("an_address_moves_to_an_instance_that_is_backup", agent, addresses::an_address_moves_to_a_backup);
    add("a_renamed_instance_stays_master", agent, instances::a_renamed_instance);
    add("an_instance_that_is_removed_resigns_once_and_leaves_nothing", both, instances::a_removed_instance);
    add("an_instance_that_is_added_begins_as_backup", agent, instances::an_added_instance);
    add("another_way_of_adverts_is_another_instance", agent, instances::another_way);
    add("another_interface_is_opened_and_left_again", agent, instances::another_interface);
    add("a_changed_script_is_run_in_place_of_the_old_one", agent, surroundings::a_changed_script);
    add("a_script_that_is_new_does_not_unseat_a_master", agent, surroundings::a_new_script);
    add("defaults_that_stand_below_the_instances_outlast_a_reload", agent, surroundings::defaults_below);
    add("words_of_the_data_plane_take_effect", agent, surroundings::words_of_the_data_plane);
    add("a_storm_of_signals_is_answered_and_the_last_config_counts", agent, a_storm);
    add("the_service_manager_is_told", agent, surroundings::the_service_manager_is_told);
    add("an_agent_without_a_config_says_so", agent, no_config);
    trials
}

/// Those that have the machine to themselves, since they ask how long something takes.
pub fn trials_alone(reasons: &Reasons) -> Vec<Trial> {
    vec![reasons.alone(
        "reload::two_hundred_instances_and_two_thousand_addresses_delay_no_advert",
        &[Need::Agent],
        many,
    )]
}

/// Whole or not at all, as a careful administrator does: an agent may read it at any time.
fn write(node: &Node, text: &str) -> Result<()> {
    let new = node.write("regent.new", text)?;
    Ok(fs::rename(new, node.directory().join("regent.conf"))?)
}

fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// Writes the config and has it read; what the verb printed. It must be applied.
fn reload(agent: &Agent, node: &Node, text: &str) -> Result<String> {
    write(node, text)?;
    let output = agent.reload(&[])?;
    ensure!(output.status.success(), "{}{}", said(&output), agent.process.log_tail());
    Ok(said(&output))
}

fn address(last: u8) -> IpAddr {
    [10, 0, 0, last].into()
}

fn named(name: &str, vrid: u32, addresses: &[u8]) -> Group {
    Group {
        name: name.into(),
        vrid,
        addresses: addresses.iter().map(|last| address(*last)).collect(),
        ..Group::fast(STRONG, TENTH)
    }
}

fn texts(groups: &[&Group]) -> String {
    groups.iter().map(|group| group.text()).collect()
}

/// Starts an agent with these groups, and waits until it is master of each and has its addresses.
fn masters(rig: &Rig, groups: &[&Group]) -> Result<Agent> {
    let began = Moment::now();
    let agent = Agent::start(&rig.a, &Options::config(texts(groups)))?;
    for group in groups {
        rig.advert(began, &rig.a, group, group.timing().down_bound(group.priority) + START)
            .with_context(|| agent.process.log_tail())?;
        for address in &group.addresses {
            rig.wait_address(&rig.a, *address, true, START)?;
        }
    }
    // Until all announcements of the takeover have left.
    std::thread::sleep(Duration::from_millis(500));
    Ok(agent)
}

/// One batch of announcements, and nothing after it.
fn quiet(group: Group) -> Group {
    group.with("garp_master_delay 0").with("garp_master_repeat 1")
}

/// The longest time between two adverts of a group after `began`.
fn longest_gap(rig: &Rig, node: &Node, group: &Group, began: Moment) -> Result<Duration> {
    let mut last = rig.last_advert(began, node, group)?;
    let mut longest = Duration::ZERO;
    for frame in rig.capture.frames() {
        if frame.at > began && frame.mac == node.mac() && frame.is_advert(group.wire_vrid(), node.address()) {
            longest = longest.max(frame.at.since(last));
            last = frame.at;
        }
    }
    Ok(longest)
}

fn transitions(agent: &Agent, name: &str) -> Result<(u64, u64)> {
    let status = agent.status()?;
    Ok((status.number(name, "/became_master"), status.number(name, "/released_master")))
}

/// What the agent announced of an address after `began`.
fn announced(rig: &Rig, began: Moment, last: u8) -> usize {
    rig.capture
        .count_after(began, |frame: &Frame| frame.mac == rig.a.mac() && frame.is_announcement(address(last)))
}

/// Comments and instances beside it change each time; then nothing; then its own announcements.
fn fifty_in_a_row() -> Result<()> {
    let rig = Rig::new()?;
    let strong = quiet(Group::fast(STRONG, TENTH));
    let other = quiet(named("VI_2", 51, &[5]));
    let agent = masters(&rig, &[&strong, &other])?;
    let mut peer = Speaker::start(Make::Keepalived, &rig.b, &Group::fast(WEAK, TENTH))?;
    peer.make_punctual();
    peer.wait_entering("BACKUP", 1, START)?;
    std::thread::sleep(strong.timing().interval * 3);
    let before = transitions(&agent, "VI_1")?;
    let began = Moment::now();
    for round in 0..50_u8 {
        let beside = Group { addresses: vec![address(5), address(100 + round)], ..other.clone() };
        let text = match round % 3 {
            0 => texts(&[&strong, &beside]),
            1 => format!("# {round}\n{}", texts(&[&beside, &strong])),
            _ => texts(&[&strong.clone().with("garp_master_refresh 60"), &other]),
        };
        reload(&agent, &rig.a, &text)?;
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(strong.timing().interval * 2);
    let longest = longest_gap(&rig, &rig.a, &strong, began)?;
    let bound = strong.timing().interval * 6 / 5;
    eprintln!("longest gap {} at {}", Span(longest), Span(strong.timing().interval));
    ensure!(longest <= bound, "a gap of {}{}", Span(longest), agent.process.log_tail());
    ensure!(transitions(&agent, "VI_1")? == before, "a transition{}", agent.process.log_tail());
    let theirs = rig.spoke(began, &rig.b, &strong);
    ensure!(theirs == 0, "the peer spoke {theirs} times");
    let announced = rig.capture.count_after(began, |frame| frame.is_announcement(strong.address()));
    ensure!(announced == 0, "{announced} announcements of an address that did not change");
    let status = agent.status()?;
    ensure!(status.root["reload"]["applied"] == 50, "{}", status.root["reload"]);
    Ok(())
}

fn a_broken_file() -> Result<()> {
    let rig = Rig::new()?;
    let group = quiet(Group::fast(STRONG, TENTH));
    let mut agent = masters(&rig, &[&group])?;
    let began = Moment::now();
    let good = group.text();
    let config = rig.a.directory().join("regent.conf");
    for (text, sentence) in [
        (good.replace("virtual_router_id 50", "virtual_router_id 500"), "cannot be run as configured: VI_1"),
        (good.replace("advert_int", "priority 999\nadvert_int"), "error"),
        (String::new(), "no vrrp_instance to run"),
    ] {
        write(&rig.a, &text)?;
        for arguments in [&[][..], &["--dry-run"]] {
            let output = agent.reload(arguments)?;
            ensure!(output.status.code() == Some(4), "{}: {}", output.status, said(&output));
            ensure!(said(&output).contains(sentence), "{:?} does not say {sentence:?}", said(&output));
            ensure!(said(&output).contains("everything is as it was"), "{}", said(&output));
        }
    }
    fs::remove_file(&config)?;
    let output = agent.reload(&[])?;
    ensure!(output.status.code() == Some(4) && said(&output).contains("no such file"), "{}", said(&output));
    agent.process.signal(Signal::SIGHUP)?;
    let status = agent.wait_status("to count each", START, |status| status.root["reload"]["failed"] == 5)?;
    ensure!(status.root["reload"]["last_good"] == false, "{}", status.root["reload"]);
    let problem = status.root["reload"]["problem"].as_str().unwrap_or_default();
    ensure!(problem.contains("no such file"), "{problem}");
    ensure!(agent.status_table()?.contains("no such file"), "{}", agent.status_table()?);
    ensure!(status.state("VI_1") == "MASTER" && status.number("VI_1", "/became_master") == 1, "it gave up");
    let longest = longest_gap(&rig, &rig.a, &group, began)?;
    ensure!(longest <= group.timing().interval * 6 / 5, "a gap of {}", Span(longest));
    // A good one goes through again.
    let text = reload(&agent, &rig.a, &good)?;
    ensure!(text.contains("says what the agent is already"), "{text}");
    ensure!(agent.status()?.root["reload"]["last_good"] == true, "it is not good again");
    ensure!(agent.stop()?.success(), "it did not end well");
    nothing_is_left(&rig.a, &["10.0.0.1/24".to_owned()])
}

fn a_dry_run() -> Result<()> {
    let rig = Rig::new()?;
    let (one, two) = (named("VI_1", 50, &[3]), named("VI_2", 51, &[4]));
    let agent = masters(&rig, &[&one, &two])?;
    let changed = Group { priority: 180, addresses: vec![address(3), address(7)], ..one.clone() };
    write(&rig.a, &texts(&[&changed, &named("VI_3", 52, &[5])]))?;
    let output = agent.reload(&["--dry-run"])?;
    let text = said(&output);
    ensure!(output.status.success(), "{text}");
    for line in [
        "~ vrrp_instance VI_1: addresses + 10.0.0.7/32; priority 150 -> 180",
        "+ vrrp_instance VI_3: ens33, VRID 52, IPv4, 1 address",
        "- vrrp_instance VI_2: ens33, VRID 51, IPv4, 1 address",
        "nothing has changed",
    ] {
        ensure!(text.contains(line), "{text:?} does not say {line:?}");
    }
    let status = agent.status()?;
    ensure!(status.number("VI_1", "/priority_base") == 150 && status.state("VI_2") == "MASTER", "it changed");
    ensure!(status.root["reload"]["applied"] == 0, "{}", status.root["reload"]);
    Ok(())
}

fn a_storm() -> Result<()> {
    let rig = Rig::new()?;
    let group = quiet(Group::fast(STRONG, TENTH));
    let mut agent = masters(&rig, &[&group])?;
    let began = Moment::now();
    for round in 0..200_u8 {
        if round % 20 == 0 {
            write(&rig.a, &Group { priority: STRONG + round / 20, ..group.clone() }.text())?;
        }
        agent.process.signal(Signal::SIGHUP)?;
        std::thread::sleep(Duration::from_millis(2));
    }
    let askers: Vec<_> = (0..3)
        .map(|_| {
            let (program, directory) = (agent::program()?, agent.run_directory().to_owned());
            Ok(std::thread::spawn(move || {
                std::process::Command::new(program).args(["reload", "--run-dir"]).arg(directory).output()
            }))
        })
        .collect::<Result<_>>()?;
    for asker in askers {
        let output = asker.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
        ensure!(output.status.success(), "{}", said(&output));
    }
    let last = Group { priority: STRONG + 9, ..group.clone() };
    rig.advert(began, &rig.a, &last, START)?;
    let status = agent.status()?;
    let reloads = &status.root["reload"];
    let count = reloads["applied"].as_u64().unwrap_or(0) + reloads["unchanged"].as_u64().unwrap_or(0);
    ensure!((4..=203).contains(&count) && reloads["failed"] == 0, "{reloads}");
    let longest = longest_gap(&rig, &rig.a, &group, began)?;
    ensure!(longest <= group.timing().interval * 6 / 5, "a gap of {}", Span(longest));
    // A handover right behind takes the config over too.
    agent.process.signal(Signal::SIGHUP)?;
    agent.hand_over(&[]).with_context(|| agent.process.log_tail())?;
    ensure!(agent.status()?.number("VI_1", "/priority_base") == u64::from(STRONG + 9), "another config");
    Ok(())
}

fn no_config() -> Result<()> {
    let rig = Rig::new()?;
    let flags = ["--vrid", "50", "--vip", "10.0.0.3", "--priority", "150"];
    let mut agent = Agent::start(&rig.a, &Options::flags(&flags))?;
    let output = agent.reload(&[])?;
    ensure!(output.status.code() == Some(1) && said(&output).contains("by flags"), "{}", said(&output));
    ensure!(agent.stop()?.success(), "it did not end well");
    let observer = Agent::start(&rig.a, &Options::flags(&[]))?;
    let output = observer.reload(&["--dry-run"])?;
    ensure!(output.status.code() == Some(1) && said(&output).contains("observes"), "{}", said(&output));
    let nobody = rig.b.directory().join("nobody");
    let output = agent::verb(&["reload", "--run-dir", nobody.to_str().context("a path")?])?;
    ensure!(output.status.code() == Some(3), "{}", said(&output));
    Ok(())
}

/// All of them are changed at once, and go, and come; the first is judged, and whoever is changed last.
fn many() -> Result<()> {
    const INSTANCES: u8 = 200;
    const EACH: u8 = 10;
    let rig = Rig::new()?;
    let group = |number: u8, priority: u8, third: u8| {
        let addresses = (0..EACH).map(|last| IpAddr::from([10, third, number, last])).collect();
        let group = Group { addresses, ..named(&format!("VI_{number}"), u32::from(number), &[]) };
        quiet(Group { priority, centiseconds: 100, ..group })
    };
    let text = |priority: u8, third: u8| -> String {
        (1..=INSTANCES).map(|number| group(number, priority, third).text()).collect()
    };
    let agent = Agent::start(&rig.a, &Options::config(text(STRONG, 1)))?;
    let all = |status: &agent::Status| {
        (1..=INSTANCES).all(|number| status.state(&format!("VI_{number}")) == "MASTER")
            && status.assigned("VI_200", IpAddr::from([10, 1, 200, EACH - 1]))
    };
    agent.wait_status("to lead all", Duration::from_secs(30), all)?;
    std::thread::sleep(Duration::from_secs(2));
    let began = Moment::now();
    for (priority, third) in [(STRONG + 1, 1), (STRONG + 1, 2), (STRONG, 1)] {
        let asked = Moment::now();
        let words = reload(&agent, &rig.a, &text(priority, third))?;
        eprintln!("{} in {}", words.lines().last().unwrap_or_default(), Span(Moment::now().since(asked)));
        std::thread::sleep(Duration::from_secs(2));
    }
    // Half of them go, and come back.
    let half: String = (1..=INSTANCES / 2).map(|number| group(number, STRONG, 1).text()).collect();
    reload(&agent, &rig.a, &half)?;
    reload(&agent, &rig.a, &text(STRONG, 1))?;
    agent.wait_status("to lead all again", Duration::from_secs(30), all)?;
    std::thread::sleep(Duration::from_secs(1));
    let interval = group(1, STRONG, 1).timing().interval;
    let mut worst = Duration::ZERO;
    for number in 1..=INSTANCES / 2 {
        worst = worst.max(longest_gap(&rig, &rig.a, &group(number, STRONG, 1), began)?);
    }
    let status = agent.status()?;
    let late = Duration::from_nanos(status.root["turn"]["worst_lateness_ns"].as_u64().unwrap_or(0));
    eprintln!("longest gap {} at {}; latest deadline {}", Span(worst), Span(interval), Span(late));
    ensure!(worst <= interval * 6 / 5, "a gap of {}{}", Span(worst), agent.process.log_tail());
    let again = (1..=INSTANCES / 2).map(|number| status.number(&format!("VI_{number}"), "/became_master"));
    ensure!(again.max() == Some(1), "one of those that stayed became master again");
    let theirs = rig.a.ip(&["address", "show", "dev", INTERFACE])?;
    ensure!(!theirs.contains("10.2."), "addresses of the second config are left");
    Ok(())
}
