//! What an instance depends on, which addresses it has beside those of its adverts, and what it takes of the host.

use std::{net::IpAddr, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Agent, Options, Rung},
    client::Pinger,
    clock::Moment,
    group::Group,
};

use super::{
    super::rig::{Rig, START, TENTH, WEAK},
    Scenario, each_follows_the_other, is_by, is_good,
};

pub(super) const SCENARIOS: &[Scenario] = &[
    ("its_own_link_down_is_fault", false, || own_link("", "FAULT")),
    ("its_own_link_down_is_no_fault_with_dont_track_primary", false, || {
        own_link("dont_track_primary", "MASTER")
    }),
    ("an_interface_of_an_address_down_is_fault_until_it_is_up", false, || other_link("", "FAULT")),
    ("an_interface_of_an_address_down_is_no_fault_with_no_track", false, || other_link("no_track", "MASTER")),
    ("virtual_ipaddress_excluded_of_both_families_is_there_and_not_advertised", true, excluded),
    ("twenty_instances_of_each_family_share_a_socket_of_each", false, shared_sockets),
    ("vrrp_strict_alone_leaves_addresses_reachable_and_says_so", true, strict),
];

/// A link that goes down sooner after its program was attached is taken for our own doing for a while.
const OWN_FLAP: Duration = Duration::from_millis(600);

fn own_link(word: &str, state: &str) -> Result<()> {
    let group = Group::fast(WEAK, TENTH).with(word);
    let rig = Rig::new()?;
    let agent = rig.master(&rig.a, &group, Rung::Auto)?;
    rig.wait_address(&rig.a, group.address(), true, START)?;
    std::thread::sleep(OWN_FLAP);
    rig.a.cut_cable()?;
    std::thread::sleep(group.timing().down_bound(WEAK));
    agent.wait_status(state, START, |status| status.state("VI_1") == state)?;
    rig.wait_address(&rig.a, group.address(), state == "MASTER", START)?;
    let back = Moment::now();
    rig.a.restore_cable()?;
    rig.advert(back, &rig.a, &group, group.timing().down_bound(WEAK) + START)?;
    let status = agent.wait_status("MASTER", START, |status| status.state("VI_1") == "MASTER")?;
    let times = status.number("VI_1", "/became_master");
    ensure!(times == if state == "MASTER" { 1 } else { 2 }, "became master {times} times");
    Ok(())
}

fn other_link(word: &str, state: &str) -> Result<()> {
    let group = Group::fast(WEAK, TENTH)
        .with(&format!("virtual_ipaddress_excluded {{\n        10.1.0.3/24 dev uplink {word}\n    }}"));
    let rig = Rig::new()?;
    rig.a.make_spare("uplink")?;
    let agent = rig.master(&rig.a, &group, Rung::Auto)?;
    rig.a.ip(&["link", "set", "uplink", "down"])?;
    std::thread::sleep(group.timing().down_bound(WEAK));
    let status = agent.wait_status(state, START, |status| status.state("VI_1") == state)?;
    if state == "FAULT" {
        let why = status.instance("VI_1")["why"].to_string();
        ensure!(why.contains("uplink"), "{why}");
        let resigned = rig.capture.frames().iter().any(|frame| is_by(frame, &rig.a, 0));
        ensure!(resigned, "it did not resign");
    }
    rig.wait_address(&rig.a, group.address(), state == "MASTER", START)?;
    let back = Moment::now();
    rig.a.ip(&["link", "set", "uplink", "up"])?;
    rig.advert(back, &rig.a, &group, group.timing().down_bound(WEAK) + START)?;
    let patience = group.timing().down_bound(WEAK) + START;
    agent.wait_status("MASTER", patience, |status| {
        status.state("VI_1") == "MASTER" && status.assigned("VI_1", [10, 1, 0, 3])
    })?;
    let times = agent.status()?.number("VI_1", "/became_master");
    ensure!(times == if state == "MASTER" { 1 } else { 2 }, "became master {times} times");
    Ok(())
}

/// One of each family beside the one that is advertised.
fn excluded() -> Result<()> {
    let others: [IpAddr; 2] = ["10.0.0.77".parse()?, "2001:db8::77".parse()?];
    let [four, six] = others;
    let group = Group::fast(0, TENTH)
        .with(&format!("virtual_ipaddress_excluded {{\n        {four}\n        {six}\n    }}"));
    // Of IPv6, for its hosts have both.
    let rig = Rig::of(&Group::ipv6(0, TENTH))?;
    let began = Moment::now();
    each_follows_the_other(&rig, &group, &group, |frame| {
        is_good(frame) && frame.advert().is_some_and(|advert| advert.addresses == 1)
    })?;
    for address in others {
        rig.capture.wait_after(began, &format!("an announcement of {address}"), START, |frame| {
            frame.mac == rig.a.mac() && frame.is_announcement(address)
        })?;
    }
    let group = group.of(WEAK);
    let agent = rig.master(&rig.a, &group, Rung::Auto)?;
    for address in others {
        rig.wait_address(&rig.a, address, true, START)?;
        ensure!(agent.status()?.assigned("VI_1", address), "status does not show {address}");
        let pinger = Pinger::start(&rig.client, address, Duration::from_millis(20))?;
        pinger.wait_answer(Moment::now(), START)?;
    }
    Ok(())
}

/// Raw sockets of VRRP that this host has, of IPv4 and of IPv6.
fn raw_sockets(agent: &Agent) -> Result<[usize; 2]> {
    let count = |table: &str| -> Result<usize> {
        let path = format!("/proc/{}/net/{table}", agent.process.pid());
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
        // Behind the colon of the local address stands the protocol: 112.
        let locals = text.lines().filter_map(|line| line.split_whitespace().nth(1));
        Ok(locals.filter(|local| local.ends_with(":0070")).count())
    };
    Ok([count("raw")?, count("raw6")?])
}

fn shared_sockets() -> Result<()> {
    let both = |number: u16| -> [Group; 2] {
        let (four, six) = (Group::fast(WEAK, 100), Group::ipv6(WEAK, 100));
        let last = number.to_be_bytes()[1];
        let vrid = u32::from(number);
        [
            Group { name: format!("FOUR_{number}"), vrid, addresses: vec![[10, 0, 1, last].into()], ..four },
            Group {
                name: format!("SIX_{number}"),
                vrid,
                addresses: vec![[0xfe80, 0, 0, 0, 0, 0, 0x51, number].into()],
                ..six
            },
        ]
    };
    let rig = Rig::of(&Group::ipv6(WEAK, 100))?;
    for instances in [1, 20] {
        let text: String = (1..=instances).flat_map(both).map(|group| group.text()).collect();
        let mut agent = Agent::start(&rig.a, &Options::config(text))?;
        let wanted = 2 * usize::from(instances);
        agent.wait_status("all to be MASTER", START * 3, |status| {
            let shown = status.root["instances"].as_array().into_iter().flatten();
            shown.filter(|instance| instance["state"] == "MASTER").count() == wanted
        })?;
        let sockets = raw_sockets(&agent)?;
        ensure!(sockets == [1, 1], "{instances} instances of each family have {sockets:?} sockets");
        agent.stop()?;
    }
    Ok(())
}

/// keepalived's own strict mode drops what goes to the addresses; ours does not, and the two are still one group.
fn strict() -> Result<()> {
    let group = Group::fast(0, TENTH).after("global_defs {\n    vrrp_strict\n}");
    let rig = Rig::new()?;
    each_follows_the_other(&rig, &group, &group, is_good)?;
    let group = group.of(WEAK);
    let mut agent = rig.master(&rig.a, &group, Rung::Auto)?;
    agent.process.wait_for_log("`vrrp_strict` does not make addresses unreachable here", 1, START)?;
    agent.process.wait_for_log("addresses take packets all the same", 1, START)?;
    let pinger = Pinger::start(&rig.client, group.address(), Duration::from_millis(20))?;
    pinger.wait_answer(Moment::now(), START)?;
    let advert = rig.advert(Moment::now(), &rig.a, &group, START)?;
    ensure!(advert.advert().is_some_and(|advert| advert.version == 3), "{advert:?}");
    Ok(())
}
