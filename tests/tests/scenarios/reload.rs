//! Another config for a running agent: what differs acts at once, what does not is not touched, and the peer, the clients
//! and whoever asks the agent notice nothing of it.

use std::{fs, net::IpAddr, os::unix::net::UnixDatagram, process::Output, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{self, Agent, Options, Rung},
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
    add("a_changed_priority_acts_at_once", both, a_changed_priority);
    add("a_password_is_changed_on_both_without_a_takeover", both, a_changed_password);
    add("addresses_come_go_and_move_and_only_what_is_new_is_announced", agent, addresses_move);
    add("an_address_moves_to_an_instance_that_is_backup", agent, an_address_moves_to_a_backup);
    add("a_renamed_instance_stays_master", agent, a_renamed_instance);
    add("an_instance_that_is_removed_resigns_once_and_leaves_nothing", both, a_removed_instance);
    add("an_instance_that_is_added_begins_as_backup", agent, an_added_instance);
    add("another_way_of_adverts_is_another_instance", agent, another_way);
    add("another_interface_is_opened_and_left_again", agent, another_interface);
    add("a_changed_script_is_run_in_place_of_the_old_one", agent, a_changed_script);
    add("a_script_that_is_new_does_not_unseat_a_master", agent, a_new_script);
    add("defaults_that_stand_below_the_instances_outlast_a_reload", agent, defaults_below);
    add("words_of_the_data_plane_take_effect", agent, words_of_the_data_plane);
    add("a_storm_of_signals_is_answered_and_the_last_config_counts", agent, a_storm);
    add("the_service_manager_is_told", agent, the_service_manager_is_told);
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

fn a_changed_priority() -> Result<()> {
    let rig = Rig::new()?;
    let middle = Group::fast(STRONG, TENTH);
    let agent = masters(&rig, &[&middle])?;
    let mut peer = Speaker::start(Make::Keepalived, &rig.b, &Group::fast(WEAK, TENTH))?;
    peer.make_punctual();
    peer.wait_entering("BACKUP", 1, START)?;
    for priority in [200, 120] {
        let changed = Group { priority, ..middle.clone() };
        write(&rig.a, &changed.text())?;
        let asked = Moment::now();
        let output = agent.reload(&[])?;
        let applied = Moment::now();
        ensure!(output.status.success(), "{}", said(&output));
        let first = rig.advert(asked, &rig.a, &changed, START)?;
        let before = rig.last_advert(first.at, &rig.a, &middle)?;
        // Not with the next regular one: it has left when the reload is over.
        ensure!(first.at <= applied, "only {} after it", Span(first.at.since(applied)));
        ensure!(first.at.since(before) <= middle.timing().interval * 6 / 5, "a gap");
    }
    // Below the peer's: it takes over by its timer, and never were there two or none for longer.
    let lowered = Group { priority: 50, ..middle.clone() };
    let asked = Moment::now();
    reload(&agent, &rig.a, &lowered.text())?;
    peer.wait_entering("MASTER", 1, middle.timing().down_bound(WEAK) + START)?;
    agent.wait_status("to be BACKUP", START, |status| status.state("VI_1") == "BACKUP")?;
    rig.wait_address(&rig.a, middle.address(), false, START)?;
    let raised = Moment::now();
    ensure!(raised.since(asked) < START + middle.timing().down_bound(WEAK), "too late");
    // And back.
    reload(&agent, &rig.a, &middle.text())?;
    rig.advert(raised, &rig.a, &middle, middle.timing().down_bound(STRONG) + START).map(drop)
}

fn a_changed_password() -> Result<()> {
    let rig = Rig::new()?;
    let with =
        |priority: u8, word: &str| Group { password: Some(word.to_owned()), ..Group::classic(priority) };
    let agent = masters(&rig, &[&with(STRONG, "first")])?;
    let mut peer = Speaker::start(Make::Keepalived, &rig.b, &with(WEAK, "first"))?;
    peer.make_punctual();
    peer.wait_entering("BACKUP", 1, START)?;
    std::thread::sleep(Duration::from_secs(2));
    let began = Moment::now();
    let text = reload(&agent, &rig.a, &with(STRONG, "second").text())?;
    ensure!(text.contains("authentication") && !text.contains("second"), "{text}");
    rig.b.write("keepalived.conf", &with(WEAK, "second").text())?;
    peer.process().signal(Signal::SIGHUP)?;
    std::thread::sleep(Duration::from_secs(6));
    let theirs = rig.spoke(began, &rig.b, &with(WEAK, "second"));
    ensure!(theirs == 0, "the peer spoke {theirs} times");
    ensure!(transitions(&agent, "VI_1")? == (1, 0), "a transition{}", agent.process.log_tail());
    Ok(())
}

/// What the agent announced of an address after `began`.
fn announced(rig: &Rig, began: Moment, last: u8) -> usize {
    rig.capture
        .count_after(began, |frame: &Frame| frame.mac == rig.a.mac() && frame.is_announcement(address(last)))
}

fn addresses_move() -> Result<()> {
    let rig = Rig::new()?;
    let (one, two) = (quiet(named("VI_1", 50, &[3, 4, 5])), quiet(named("VI_2", 51, &[6])));
    let agent = masters(&rig, &[&one, &two])?;
    let watch = AddressWatch::begin(&rig.a, address(4))?;
    let began = Moment::now();
    // 4 moves, 5 goes, 7 comes.
    let one = Group { addresses: vec![address(3), address(7)], ..one };
    let two = Group { addresses: vec![address(6), address(4)], ..two };
    reload(&agent, &rig.a, &texts(&[&one, &two]))?;
    let applied = Moment::now();
    for (last, wanted) in [(3, true), (4, true), (5, false), (6, true), (7, true)] {
        rig.wait_address(&rig.a, address(last), wanted, START).with_context(|| agent.process.log_tail())?;
    }
    let status = agent.status()?;
    for (name, last) in [("VI_1", 3), ("VI_1", 7), ("VI_2", 6), ("VI_2", 4)] {
        ensure!(status.assigned(name, address(last)), "{last} does not count as assigned to {name}");
    }
    std::thread::sleep(one.timing().interval * 3);
    let counts = [3, 4, 5, 6, 7].map(|last| announced(&rig, began, last));
    ensure!(counts == [0, 0, 0, 0, 1], "announced: {counts:?}{}", agent.process.log_tail());
    ensure!(watch.finish()?.is_empty(), "the address that moved was touched");
    for (group, count) in [(&one, 2), (&two, 2)] {
        // At once, and not with the next regular one.
        let said =
            rig.capture.wait_after(began, &format!("an advert with {count} addresses"), START, |frame| {
                frame.is_advert(group.wire_vrid(), rig.a.address())
                    && frame.advert().is_some_and(|advert| usize::from(advert.addresses) == count)
            })?;
        ensure!(said.at <= applied, "{count} addresses only {} later", Span(said.at.since(applied)));
    }
    // The one that moved goes with its new owner.
    reload(&agent, &rig.a, &texts(&[&one]))?;
    rig.wait_address(&rig.a, address(4), false, START)?;
    rig.wait_address(&rig.a, address(3), true, START)
}

/// What the kernel reports of one address.
struct AddressWatch {
    process: lab::process::Process,
    needle: String,
}

impl AddressWatch {
    fn begin(node: &Node, address: IpAddr) -> Result<Self> {
        let mut command = node.command("ip");
        command.args(["monitor", "address"]);
        let process = lab::process::Process::spawn("ip monitor", node, &mut command, Duration::ZERO)?;
        std::thread::sleep(Duration::from_millis(200));
        Ok(Self { process, needle: format!(" {address}/") })
    }

    fn finish(self) -> Result<Vec<String>> {
        std::thread::sleep(Duration::from_millis(100));
        Ok(self.process.log().into_iter().filter(|line| line.contains(&self.needle)).collect())
    }
}

/// The other router leads the second group: the address is its now.
fn an_address_moves_to_a_backup() -> Result<()> {
    let rig = Rig::new()?;
    let (one, two) = (quiet(named("VI_1", 50, &[3, 4])), quiet(named("VI_2", 51, &[6])));
    let better = Group { priority: 200, addresses: vec![address(6), address(4)], ..two.clone() };
    let _other = rig.master(&rig.b, &Group { addresses: vec![address(6)], ..better.clone() }, Rung::Auto)?;
    let began = Moment::now();
    let agent = Agent::start(&rig.a, &Options::config(texts(&[&one, &two])))?;
    rig.advert(began, &rig.a, &one, one.timing().down_bound(STRONG) + START)?;
    rig.wait_address(&rig.a, address(4), true, START)?;
    let began = Moment::now();
    let one = Group { addresses: vec![address(3)], ..one };
    let two = Group { addresses: vec![address(6), address(4)], ..two };
    reload(&agent, &rig.a, &texts(&[&one, &two]))?;
    rig.wait_address(&rig.a, address(4), false, START).with_context(|| agent.process.log_tail())?;
    ensure!(announced(&rig, began, 4) == 0, "a backup announced");
    let status = agent.status()?;
    ensure!(status.state("VI_1") == "MASTER" && status.state("VI_2") == "BACKUP", "another state");
    Ok(())
}

fn a_renamed_instance() -> Result<()> {
    let rig = Rig::new()?;
    let group = quiet(named("VI_1", 50, &[3]));
    let agent = masters(&rig, &[&group])?;
    let began = Moment::now();
    let renamed = Group { name: "web".into(), ..group.clone() };
    let text = reload(&agent, &rig.a, &renamed.text())?;
    ensure!(text.contains("name VI_1 -> web"), "{text}");
    std::thread::sleep(group.timing().interval * 3);
    let status = agent.status()?;
    ensure!(status.state("web") == "MASTER" && status.state("VI_1").is_empty(), "{:?}", status.root);
    ensure!(status.number("web", "/became_master") == 1, "it became master again");
    ensure!(announced(&rig, began, 3) == 0, "it announced");
    let longest = longest_gap(&rig, &rig.a, &group, began)?;
    ensure!(longest <= group.timing().interval * 6 / 5, "a gap of {}", Span(longest));
    Ok(())
}

fn a_removed_instance() -> Result<()> {
    let rig = Rig::new()?;
    let (kept, gone) = (quiet(named("VI_1", 50, &[3])), quiet(named("VI_2", 51, &[4, 5])));
    let mut agent = masters(&rig, &[&kept, &gone])?;
    let weak = Group { priority: WEAK, ..gone.clone() };
    let mut peer = Speaker::start(Make::Keepalived, &rig.b, &weak)?;
    peer.make_punctual();
    peer.wait_entering("BACKUP", 1, START)?;
    std::thread::sleep(gone.timing().interval * 3);
    let began = Moment::now();
    reload(&agent, &rig.a, &texts(&[&kept]))?;
    let resigned = rig
        .capture
        .wait_after(began, "priority 0", START, |frame| frame.is_advert_of(51, rig.a.address(), 0))?;
    let theirs = rig.advert(resigned.at, &rig.b, &weak, START)?;
    let took = theirs.at.since(resigned.at);
    ensure!(took <= gone.timing().skew_bound(WEAK), "the peer took over {} later", Span(took));
    for last in [4, 5] {
        rig.wait_address(&rig.a, address(last), false, START)?;
    }
    std::thread::sleep(gone.timing().interval * 5);
    let zeros = rig.capture.count_after(began, |frame| frame.is_advert_of(51, rig.a.address(), 0));
    let after = rig.spoke(resigned.at, &rig.a, &gone);
    ensure!((zeros, after) == (1, 0), "{zeros} resignations, {after} adverts after them");
    let status = agent.status()?;
    ensure!(status.state("VI_2").is_empty() && status.state("VI_1") == "MASTER", "{:?}", status.root);
    // It comes back as a backup that preempts.
    reload(&agent, &rig.a, &texts(&[&kept, &gone]))?;
    rig.advert(resigned.at.plus(took), &rig.a, &gone, gone.timing().down_bound(STRONG) + START)
        .with_context(|| agent.process.log_tail())?;
    rig.wait_address(&rig.a, address(4), true, START)?;
    ensure!(agent.stop()?.success(), "it did not end well{}", agent.process.log_tail());
    nothing_is_left(&rig.a, &["10.0.0.1/24".to_owned()])
}

fn an_added_instance() -> Result<()> {
    let rig = Rig::new()?;
    let (one, two) = (named("VI_1", 50, &[3]), named("VI_2", 51, &[4]));
    let agent = masters(&rig, &[&one])?;
    let before = rig.spoke(Moment::now().minus(Duration::from_secs(1)), &rig.a, &two);
    ensure!(before == 0, "it speaks for a group that it does not have");
    let asked = Moment::now();
    reload(&agent, &rig.a, &texts(&[&two, &one]))?;
    let first = rig.advert(asked, &rig.a, &two, two.timing().down_bound(STRONG) + START)?;
    ensure!(first.at.since(asked) >= two.timing().down(STRONG), "it did not listen first");
    rig.wait_address(&rig.a, address(4), true, START)?;
    let status = agent.status()?;
    let names: Vec<&str> = status.root["instances"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|instance| instance["name"].as_str())
        .collect();
    ensure!(names == ["VI_2", "VI_1"], "shown in another order: {names:?}");
    ensure!(status.number("VI_1", "/became_master") == 1, "it gave up");
    // It is heard, by whatever carrier: a better one is followed.
    let better = Group { priority: 200, ..two.clone() };
    let _other = rig.master(&rig.b, &better, Rung::Auto)?;
    agent.wait_status("to follow a better one", START, |status| status.state("VI_2") == "BACKUP").map(drop)
}

/// Multicast and unicast: the old one resigns, the new one listens first.
fn another_way() -> Result<()> {
    let rig = Rig::new()?;
    let group = quiet(named("VI_1", 50, &[3]));
    let agent = masters(&rig, &[&group])?;
    let unicast = group.clone().unicast(rig.a.address(), rig.b.address());
    let seen = rig.b.capture()?;
    let asked = Moment::now();
    reload(&agent, &rig.a, &unicast.text())?;
    rig.capture.wait_after(asked, "priority 0 to the group", START, |frame| {
        frame.is_advert_of(50, rig.a.address(), 0)
    })?;
    let first = seen.wait_after(
        asked,
        "an advert to the peer",
        unicast.timing().down_bound(STRONG) + START,
        |frame| {
            frame.is_advert_of(50, rig.a.address(), STRONG)
                && frame.advert().is_some_and(|advert| advert.destination == IpAddr::from(rig.b.address()))
        },
    )?;
    ensure!(first.at.since(asked) >= unicast.timing().down(STRONG), "it did not listen first");
    rig.wait_address(&rig.a, address(3), true, START)?;
    let status = agent.status()?;
    ensure!(status.number("VI_1", "/became_master") == 1, "its counts are those of the old one");
    // Peers may change without that.
    let peers = Group { unicast: vec![rig.a.address().into(), rig.client.address().into()], ..unicast };
    reload(&agent, &rig.a, &peers.text())?;
    ensure!(transitions(&agent, "VI_1")? == (1, 0), "it gave up for another peer");
    rig.capture.wait_after(asked, "an advert to the new peer", START, |frame| {
        frame.advert().is_some_and(|advert| advert.destination == IpAddr::from(rig.client.address()))
    })?;
    Ok(())
}

fn another_interface() -> Result<()> {
    let rig = Rig::new()?;
    rig.a.make_spare("spare0")?;
    rig.a.ip(&["link", "set", "spare0", "up"])?;
    rig.a.ip(&["address", "add", "10.7.0.1/24", "dev", "spare0"])?;
    let (one, two) = (named("VI_1", 50, &[3]), named("VI_2", 51, &[4]));
    let two = Group { interface: "spare0".into(), ..two };
    let options = Options { interfaces: Vec::new(), ..Options::config(one.text()) };
    let began = Moment::now();
    let mut agent = Agent::start(&rig.a, &options)?;
    rig.advert(began, &rig.a, &one, one.timing().down_bound(STRONG) + START)?;
    let began = Moment::now();
    reload(&agent, &rig.a, &texts(&[&one, &two]))?;
    let status = agent.wait_status("to lead on the new interface", START, |status| {
        status.state("VI_2") == "MASTER" && status.assigned("VI_2", address(4))
    })?;
    ensure!(status.instance("VI_2")["source"] == "10.7.0.1", "{}", status.instance("VI_2")["source"]);
    ensure!(
        !status.carrier("spare0").is_empty() && status.carrier("spare0") != "none",
        "{}",
        status.root["ports"]
    );
    let longest = longest_gap(&rig, &rig.a, &one, began)?;
    ensure!(longest <= one.timing().interval * 2, "a gap of {}", Span(longest));
    // An address of the first one there.
    let abroad = one.clone().with("virtual_ipaddress_excluded {\n 10.7.0.9 dev spare0\n}");
    reload(&agent, &rig.a, &texts(&[&abroad]))?;
    let began = Moment::now();
    while !rig.a.ip(&["address", "show", "dev", "spare0"])?.contains("10.7.0.9/32") {
        ensure!(began.elapsed() < START, "the address is not there{}", agent.process.log_tail());
        std::thread::sleep(Duration::from_millis(20));
    }
    reload(&agent, &rig.a, &texts(&[&one]))?;
    let status = agent.status()?;
    ensure!(status.port("spare0").is_null(), "the interface is shown yet: {}", status.root["ports"]);
    // Taken off by the thread that may wait.
    let began = Moment::now();
    while rig.a.ip(&["-d", "link", "show", "spare0"])?.contains("xdp") {
        ensure!(began.elapsed() < START, "a program is left{}", agent.process.log_tail());
        std::thread::sleep(Duration::from_millis(20));
    }
    let addresses = rig.a.ip(&["address", "show", "dev", "spare0"])?;
    ensure!(!addresses.contains("10.7.0.9") && !addresses.contains("10.0.0.4"), "{addresses}");
    ensure!(transitions(&agent, "VI_1")? == (1, 0), "it gave up{}", agent.process.log_tail());
    // And once more.
    reload(&agent, &rig.a, &texts(&[&one, &two]))?;
    agent.wait_status("to lead there again", START, |status| status.state("VI_2") == "MASTER")?;
    ensure!(agent.stop()?.success(), "it did not end well{}", agent.process.log_tail());
    Ok(())
}

fn script(node: &Node, file: &str, weight: &str) -> String {
    format!(
        "vrrp_script check {{\n    script \"/usr/bin/test -e {}\"\n    interval 1\n    timeout 1\n    {weight}\n    user \
         root\n}}",
        node.directory().join(file).display()
    )
}

const TRACKS: &str = "track_script {\n        check\n    }";

fn a_changed_script() -> Result<()> {
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

fn a_new_script() -> Result<()> {
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

fn defaults_below() -> Result<()> {
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

fn words_of_the_data_plane() -> Result<()> {
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

fn the_service_manager_is_told() -> Result<()> {
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
