//! The virtual router's own MAC (RFC 9568 §7.3) without an interface of its own: what leaves in its name carries it, what is
//! sent to it arrives, and it moves from host to host under the same clients.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{IpAddr, TcpListener, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Agent, Options, Rung},
    answers,
    bpffs::Bpffs,
    cache_watch::CacheWatch,
    client::Pinger,
    clock::Moment,
    frame::Frame,
    group::Group,
    node::{INTERFACE, Node},
    speaker::{Make, Speaker},
    voice,
};
use libtest_mimic::Trial;

use super::{
    responder::{in_use, trusted},
    rig::{Rig, START, STRONG, TENTH, WEAK},
    trial::{Need, Reasons},
    victim::{End, ON_ITS_WAY, PACE, PERSISTENCE, Victim},
};

type Of = fn(u8, u32) -> Group;

/// How long everything that a master sends is watched.
const WATCHED: Duration = Duration::from_secs(1);
/// Where the service listens.
const SERVICE: u16 = 8080;

/// All of them.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let needs: &[Need] = &[Need::Agent, Need::Object];
    let mut trials = Vec::new();
    for (family, of) in [("ipv4", Group::fast as Of), ("ipv6", Group::ipv6)] {
        for rung in [Rung::Native, Rung::Generic] {
            trials.push(reasons.trial(
                format!("virtual_mac::{family}::{}::it_is_in_all_that_leaves", rung.word()),
                needs,
                move || it_is_in_all_that_leaves(rung, of, false),
            ));
        }
        let mut add = |name: &str, scenario: fn(Of) -> Result<()>| {
            let name = format!("virtual_mac::{family}::{name}");
            trials.push(reasons.trial(name, needs, move || scenario(of)));
        };
        add("it_is_in_all_that_leaves_to_unicast_peers", |of| {
            it_is_in_all_that_leaves(Rung::Native, of, true)
        });
        add("it_is_in_the_kernels_answers_too", the_kernels_answers);
        add("what_is_sent_to_it_arrives_and_the_card_is_told", what_is_sent_to_it_arrives);
        add("a_takeover_changes_no_clients_cache", |of| {
            a_takeover_changes_no_cache(of, Make::Agent(Rung::Auto))
        });
        add("a_killed_masters_host_does_not_call_it_back", a_killed_masters_host_does_not_call_it_back);
        let needs: &[Need] = &[Need::Agent, Need::Object, Need::Keepalived];
        trials.push(reasons.trial(
            format!(
                "virtual_mac::{family}::a_takeover_by_keepalived_with_a_macvlan_changes_no_clients_cache"
            ),
            needs,
            move || a_takeover_changes_no_cache(of, Make::Keepalived),
        ));
    }
    trials
}

fn with_virtual_mac(group: Group) -> Group {
    group.with("virtual_mac")
}

/// An advert of the group from that host, by whatever MAC.
fn is_advert(frame: &Frame, node: &Node, group: &Group) -> bool {
    frame.is_advert(group.wire_vrid(), node.source(group.family()))
}

/// Starts one that becomes master, and waits until it is and has its addresses.
fn master(rig: &Rig, node: &Node, group: &Group, options: &Options) -> Result<Agent> {
    let agent = Agent::start(node, options)?;
    agent.wait_status("to be MASTER", START, |status| status.state(&group.name) == "MASTER")?;
    for &address in &group.addresses {
        rig.wait_address(node, address, true, START)?;
    }
    Ok(agent)
}

fn it_is_in_all_that_leaves(rung: Rung, of: Of, unicast: bool) -> Result<()> {
    let mut group = with_virtual_mac(of(STRONG, TENTH));
    let rig = Rig::of(&group)?;
    if unicast {
        group = group.clone().unicast(rig.a.source(group.family()), rig.b.source(group.family()));
    }
    let mac = group.virtual_mac();
    let at_port = rig.a.capture_at_port()?;
    let began = Moment::now();
    let options = Options::config(group.text()).on(rung);
    let mut agent = master(&rig, &rig.a, &group, &options)?;
    let _in_use = in_use(&rig.client, &rig.a, &group)?;
    let status = trusted(&agent)?;
    let shown = status.instance(&group.name)["mac"].as_str().unwrap_or_default();
    ensure!(shown == text(mac), "the status shows {shown}");

    for &address in &group.addresses {
        at_port.wait_after(began, "an announcement", START, |frame| frame.is_announcement(address))?;
        let macs = answers::who_has(&rig.client, &rig.capture, address)?;
        ensure!(macs == BTreeSet::from([mac]), "{macs:02x?} answer for {address}");
        let (requests, replies) = agent.status()?.asked(&group.name, address);
        ensure!(requests >= 5 && requests == replies, "{requests} questions, {replies} answers");
    }
    voice::ask_from(&rig.a, group.address())?;
    at_port.wait_after(began, "the kernel's question", START, |frame| {
        speaks(frame, &group) && frame.to != rig.client.mac() && !frame.is_announcement(group.address())
    })?;
    std::thread::sleep(WATCHED);
    ensure!(agent.stop()?.success(), "it did not end well");
    at_port.wait_after(began, "priority 0", START, |frame| {
        is_advert(frame, &rig.a, &group) && frame.advert().is_some_and(|advert| advert.priority == 0)
    })?;

    let frames = at_port.frames();
    let adverts: Vec<_> = frames.iter().filter(|frame| is_advert(frame, &rig.a, &group)).collect();
    ensure!(adverts.len() >= 10, "only {} adverts", adverts.len());
    let wrong = adverts.iter().find(|frame| frame.mac != mac);
    ensure!(wrong.is_none(), "an advert has another MAC: {wrong:?}");
    let wrong = frames.iter().find(|frame| {
        group.addresses.iter().any(|&address| frame.speaker_for(address).is_some_and(|said| said != mac))
            || (speaks(frame, &group) && frame.mac != mac)
    });
    ensure!(wrong.is_none(), "something else leaves in its name: {wrong:?}");
    // What is not the virtual router's keeps the card's MAC.
    let own = frames.iter().any(|frame| frame.mac == rig.a.mac() && !speaks(frame, &group));
    ensure!(own, "nothing of the host's own left");
    Ok(())
}

/// From host a alone: the captures below see what others send as well.
fn speaks(frame: &Frame, group: &Group) -> bool {
    group.addresses.iter().any(|&address| frame.speaker_for(address).is_some())
}

/// Where the port does not answer itself, the program on the way out changes what the kernel says.
fn the_kernels_answers(of: Of) -> Result<()> {
    let group = with_virtual_mac(of(STRONG, TENTH)).with("responder off");
    let rig = Rig::of(&group)?;
    let agent = master(&rig, &rig.a, &group, &Options::config(group.text()))?;
    for &address in &group.addresses {
        let macs = answers::who_has(&rig.client, &rig.capture, address)?;
        ensure!(macs == BTreeSet::from([group.virtual_mac()]), "{macs:02x?} answer for {address}");
        let (_, replies) = agent.status()?.asked(&group.name, address);
        ensure!(replies == 0, "{replies} answers by the program");
    }
    // A neighbour that finds out by itself, and all its checksums: it gets through.
    let pinger = Pinger::start(&rig.client, group.address(), PACE)?;
    pinger.wait_answer(Moment::ORIGIN, START)?;
    let cached = rig.client.neighbour(group.address())?;
    ensure!(cached == Some(group.virtual_mac()), "the client has {cached:02x?}");
    Ok(())
}

/// Ping and TCP through the virtual MAC, to an address on the real interface; and nothing of it stays.
fn what_is_sent_to_it_arrives(of: Of) -> Result<()> {
    let group = with_virtual_mac(of(STRONG, TENTH));
    let rig = Rig::of(&group)?;
    let filter = |node: &Node| node.run("bridge", &["fdb", "show", "dev", INTERFACE]);
    let mac = text(group.virtual_mac());
    ensure!(!filter(&rig.a)?.contains(&mac), "the card knows it already");
    let mut agent = master(&rig, &rig.a, &group, &Options::config(group.text()))?;
    ensure!(filter(&rig.a)?.contains(&mac), "the card was not told: {}", filter(&rig.a)?);
    let status = agent.status()?;
    let port = status.port(INTERFACE);
    ensure!(port["virtual_macs"][0] == mac.as_str(), "the status shows {}", port["virtual_macs"]);
    ensure!(status.instance(&group.name)["troubles"].as_array().is_some_and(Vec::is_empty), "troubles");

    let pinger = Pinger::start(&rig.client, group.address(), PACE)?;
    pinger.wait_answer(Moment::ORIGIN, START)?;
    drop(pinger);
    let cached = rig.client.neighbour(group.address())?;
    ensure!(cached == Some(group.virtual_mac()), "the client has {cached:02x?}");
    serves(&rig.a, &rig.client, group.address())?;

    ensure!(agent.stop()?.success(), "it did not end well");
    let left = filter(&rig.a)?;
    ensure!(!left.contains(&mac), "it stays in the card's filter: {left}");
    let link = rig.a.ip(&["-d", "link", "show", "dev", INTERFACE])?;
    ensure!(link.contains("promiscuity 0"), "the interface stays promiscuous: {link}");
    Ok(())
}

/// A client talks to a service at the address, by TCP.
fn serves(host: &Node, client: &Node, address: IpAddr) -> Result<()> {
    let listener = host.namespace().enter(|| TcpListener::bind((address, SERVICE)).context("listen"))?;
    let server = std::thread::spawn(move || -> Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(START))?;
        let mut said = [0; 4];
        stream.read_exact(&mut said)?;
        stream.write_all(&said)?;
        Ok(())
    });
    let mut stream = client.namespace().enter(|| {
        TcpStream::connect_timeout(&(address, SERVICE).into(), START).context("connect to the address")
    })?;
    stream.set_read_timeout(Some(START))?;
    stream.write_all(b"ping")?;
    let mut said = [0; 4];
    stream.read_exact(&mut said).context("no answer by TCP")?;
    ensure!(&said == b"ping", "{said:?}");
    server.join().map_err(|_| anyhow::anyhow!("the service panicked"))?
}

/// Both hosts have the same one, so nothing changes for a client but the way that the switch knows.
fn a_takeover_changes_no_cache(of: Of, heir: Make) -> Result<()> {
    let strong = with_virtual_mac(of(STRONG, TENTH));
    let weak = match heir {
        Make::Agent(_) => with_virtual_mac(of(WEAK, TENTH)),
        Make::Keepalived | Make::Frr => of(WEAK, TENTH).with("use_vmac"),
    };
    let rig = Rig::of(&strong)?;
    let _master = master(&rig, &rig.a, &strong, &Options::config(strong.text()))?;
    // What everybody who uses a macvlan has to see to: its parent must neither answer for it nor ask in its name.
    for (name, value) in [("arp_ignore", "1"), ("arp_announce", "2")] {
        rig.b.namespace().set("ipv4", "all", name, value)?;
    }
    let mut backup = Speaker::start(heir, &rig.b, &weak)?;
    backup.wait_entering("BACKUP", 1, START)?;
    let watch = CacheWatch::start(&rig.client)?;
    let pinger = Pinger::start(&rig.client, strong.address(), PACE)?;
    pinger.wait_answer(Moment::ORIGIN, START)?;
    rig.a.cut_cable()?;
    let cut = Moment::now();
    let bound = weak.timing().down_bound(WEAK) + START;
    let first =
        rig.capture.wait_after(cut, "b's first advert", bound, |frame| is_advert(frame, &rig.b, &weak))?;
    ensure!(first.mac == weak.virtual_mac(), "its first advert is from {:02x?}", first.mac);
    pinger.wait_answer(first.at, START)?;

    rig.a.restore_cable()?;
    let back = Moment::now();
    let bound = strong.timing().down_bound(STRONG) + START;
    let back =
        rig.capture.wait_after(back, "a's return", bound, |frame| is_advert(frame, &rig.a, &strong))?;
    std::thread::sleep(WATCHED);
    pinger.wait_answer(back.at.plus(WATCHED / 2), START)?;
    let macs: BTreeSet<_> = watch.macs(strong.address()).into_iter().map(|(_, mac)| mac).collect();
    ensure!(macs == BTreeSet::from([strong.virtual_mac()]), "the client had {macs:02x?}");
    for &address in &strong.addresses {
        let macs = answers::who_has(&rig.client, &rig.capture, address)?;
        ensure!(macs == BTreeSet::from([strong.virtual_mac()]), "{macs:02x?} answer for {address}");
    }
    Ok(())
}

/// The switch knows one way to the virtual MAC: the dead host must not turn it back to itself.
fn a_killed_masters_host_does_not_call_it_back(of: Of) -> Result<()> {
    let (bpffs, strong) = (Bpffs::mount()?, with_virtual_mac(of(STRONG, TENTH)));
    let weak = with_virtual_mac(of(WEAK, TENTH));
    let rig = Rig::of(&strong)?;
    let mut victim = Victim::start(&rig, &strong, &Options::config(strong.text()).pinned(&bpffs))?;
    let _backup = rig.backup(&rig.b, &weak, Rung::Auto)?;
    let killed = Moment::now();
    End::Killed.befall(&mut victim.agent)?;
    let bound = weak.timing().down_bound(WEAK) + START;
    let first =
        rig.capture.wait_after(killed, "b's first advert", bound, |frame| is_advert(frame, &rig.b, &weak))?;
    Victim::provoke(&rig, &strong, || first.at.elapsed() > PERSISTENCE)?;
    victim.was_silent(&rig, &strong)?;
    let frames = victim.at_port.frames();
    let shut = first.at.plus(ON_ITS_WAY);
    let back =
        frames.iter().find(|frame| !frame.outgoing && frame.mac == strong.virtual_mac() && frame.at > shut);
    ensure!(back.is_none(), "it left the dead host: {back:?}");
    let macs: BTreeSet<_> = victim.watch.macs(strong.address()).into_iter().map(|(_, mac)| mac).collect();
    ensure!(macs == BTreeSet::from([strong.virtual_mac()]), "the client had {macs:02x?}");
    // By b: what a says goes to nobody who could tell.
    rig.b.cut_cable()?;
    let gone = Moment::now();
    std::thread::sleep(WATCHED);
    let answered = victim.newest_answer().is_some_and(|answer| answer > gone.plus(ON_ITS_WAY));
    ensure!(!answered, "the client is served by the dead host");
    Ok(())
}

fn text([a, b, c, d, e, f]: [u8; 6]) -> String {
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}
