//! Who asks for a virtual address is answered by the XDP program where what it sends arrives, and by the kernel elsewhere.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use anyhow::{Result, ensure};
use lab::{
    agent::{Agent, Rung, Status},
    answers,
    capture::Capture,
    client::Pinger,
    clock::Moment,
    frame::Content,
    group::Group,
    node::{INTERFACE, Node},
};
use libtest_mimic::Trial;

use super::{
    rig::{Rig, START, STRONG, TENTH, WEAK},
    trial::{Need, Reasons},
};

/// A scenario, of what family the group is: priority and interval make one.
type Scenario = fn(fn(u8, u32) -> Group) -> Result<()>;

/// How long a port may take to be trusted: the agent looks for neighbours once a second.
pub const TRUST: Duration = Duration::from_secs(5);
/// How long a port that answers may go on when what it sends does not arrive any more: it is asked every ten seconds, and
/// three times in a row then, 0.2 s each.
const DISTRUST: Duration = Duration::from_millis(10_600);

/// All of them.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let needs: &[Need] = &[Need::Agent, Need::Object];
    let mut trials = Vec::new();
    let families = [("ipv4", Group::fast as fn(u8, u32) -> Group), ("ipv6", Group::ipv6)];
    for (family, of) in families {
        for rung in [Rung::Native, Rung::Generic] {
            trials.push(reasons.trial(
                format!("responder::{family}::{}::the_program_answers_and_nobody_else", rung.word()),
                needs,
                move || the_program_answers(rung, of),
            ));
        }
        let mut add = |name: &str, scenario: Scenario| {
            let name = format!("responder::{family}::{name}");
            trials.push(reasons.trial(name, needs, move || scenario(of)));
        };
        add("who_would_like_to_have_the_address_is_told_who_has_it", addresses_are_defended);
        add("responder_off_leaves_the_answer_to_the_kernel", responder_off);
        add("a_port_whose_far_end_takes_nothing_back_is_not_trusted", a_deaf_port_is_not_trusted);
        add("trust_ends_when_the_far_end_takes_nothing_back_any_more", trust_ends);
    }
    trials
}

/// A host that answers a ping of its own address has a neighbour to ask, as every host in use has.
pub fn in_use(client: &Node, host: &Node, group: &Group) -> Result<Pinger> {
    let own: IpAddr = match group.address() {
        IpAddr::V4(_) => host.address().into(),
        IpAddr::V6(_) => host.address_ipv6().into(),
    };
    let pinger = Pinger::start(client, own, Duration::from_millis(100))?;
    pinger.wait_answer(Moment::ORIGIN, START)?;
    Ok(pinger)
}

/// Waits until the port is trusted.
pub fn trusted(agent: &Agent) -> Result<Status> {
    agent.wait_status("the program to answer", TRUST, |status| status.responder(INTERFACE) == "xdp")
}

/// How many questions for the address the stack of the host saw after `after`.
fn seen_by_kernel(capture: &Capture, after: Moment, host: &Node, address: IpAddr) -> usize {
    capture.count_after(after, |frame| frame.mac != host.mac() && frame.is_question_for(address))
}

fn only(node: &Node) -> BTreeSet<[u8; 6]> {
    BTreeSet::from([node.mac()])
}

/// Of two routers the master's program alone answers, for every address; counted, and unseen by the kernel.
fn the_program_answers(rung: Rung, of: fn(u8, u32) -> Group) -> Result<()> {
    let (strong, weak) = (of(STRONG, TENTH), of(WEAK, TENTH));
    let rig = Rig::of(&strong)?;
    let master = rig.master(&rig.a, &strong, rung)?;
    let backup = rig.backup(&rig.b, &weak, rung)?;
    let _in_use = (in_use(&rig.client, &rig.a, &strong)?, in_use(&rig.client, &rig.b, &strong)?);
    let status = trusted(&master)?;
    let way = if rung == Rung::Native { "redirect" } else { "transmit" };
    ensure!(
        status.port(INTERFACE)["responder"]["way"] == way,
        "it answers by {}",
        status.port(INTERFACE)["responder"]
    );
    trusted(&backup)?;

    // Behind generic XDP captures see what XDP saw.
    let kernel = (rung == Rung::Native).then(|| rig.a.capture()).transpose()?;
    let began = Moment::now();
    for &address in &strong.addresses {
        let before = master.status()?.asked("VI_1", address);
        let macs = answers::who_has(&rig.client, &rig.capture, address)?;
        ensure!(macs == only(&rig.a), "{macs:02x?} answer for {address}");
        let after = master.status()?.asked("VI_1", address);
        let asked = (after.0 - before.0, after.1 - before.1);
        ensure!(asked.0 >= 5 && asked.0 == asked.1, "{asked:?} questions and answers for {address}");
        let (_, replies) = backup.status()?.asked("VI_1", address);
        ensure!(replies == 0, "the backup's program answered {replies} times for {address}");
        if let Some(kernel) = &kernel {
            let seen = seen_by_kernel(kernel, began, &rig.a, address);
            ensure!(seen == 0, "the kernel saw {seen} questions for {address}");
        }
    }
    // A client that asked nobody else is served.
    let pinger = Pinger::start(&rig.client, strong.address(), Duration::from_millis(20))?;
    pinger.wait_answer(began, START)?;
    Ok(())
}

/// RFC 5227 §2.1.1, RFC 4862 §5.4.4: the answer goes out, and by the program.
fn addresses_are_defended(of: fn(u8, u32) -> Group) -> Result<()> {
    let group = of(STRONG, TENTH);
    let rig = Rig::of(&group)?;
    let master = rig.master(&rig.a, &group, Rung::Native)?;
    let _in_use = in_use(&rig.client, &rig.a, &group)?;
    trusted(&master)?;
    let kernel = rig.a.capture()?;
    for &address in &group.addresses {
        let before = master.status()?.asked("VI_1", address);
        let asked = Moment::now();
        answers::probe(&rig.client, address)?;
        rig.capture.wait_after(asked, "the defence", START, |frame| {
            let defends = match &frame.content {
                Content::Arp(arp) => arp.target == [0; 4],
                Content::Neighbor(neighbor) => {
                    !neighbor.solicited && neighbor.destination.to_string() == "ff02::1"
                }
                Content::Advert(_) | Content::Echo(_) | Content::Ip { .. } | Content::Other => false,
            };
            defends && frame.speaker_for(address) == Some(rig.a.mac())
        })?;
        let after = master.status()?.asked("VI_1", address);
        ensure!(after.1 == before.1 + 1, "{before:?} before, {after:?} after the question for {address}");
        let seen = seen_by_kernel(&kernel, asked, &rig.a, address);
        ensure!(seen == 0, "the kernel saw {seen} questions for {address}");
    }
    Ok(())
}

/// Asks for every address, and sees the kernel of `a` answer.
fn the_kernel_answers(rig: &Rig, agent: &Agent, group: &Group) -> Result<()> {
    let kernel = rig.a.capture()?;
    for &address in &group.addresses {
        let began = Moment::now();
        let (_, before) = agent.status()?.asked("VI_1", address);
        let macs = answers::who_has(&rig.client, &rig.capture, address)?;
        ensure!(macs == only(&rig.a), "{macs:02x?} answer for {address}");
        let (requests, replies) = agent.status()?.asked("VI_1", address);
        ensure!(requests >= 5 && replies == before, "{requests} questions, {replies} answers by the program");
        let seen = seen_by_kernel(&kernel, began, &rig.a, address);
        ensure!(seen >= 5, "the kernel saw {seen} questions for {address}");
    }
    Ok(())
}

fn responder_off(of: fn(u8, u32) -> Group) -> Result<()> {
    let group = of(STRONG, TENTH).with("responder off");
    let rig = Rig::of(&group)?;
    let master = rig.master(&rig.a, &group, Rung::Native)?;
    let _in_use = in_use(&rig.client, &rig.a, &group)?;
    // The port could, and the instance does not want it.
    trusted(&master)?;
    rig.wait_address(&rig.a, group.address(), true, START)?;
    the_kernel_answers(&rig, &master, &group)
}

fn a_deaf_port_is_not_trusted(of: fn(u8, u32) -> Group) -> Result<()> {
    let group = of(STRONG, TENTH);
    let rig = Rig::of(&group)?;
    rig.a.set_far_end_takes(false)?;
    let master = rig.master(&rig.a, &group, Rung::Native)?;
    let _in_use = in_use(&rig.client, &rig.a, &group)?;
    let status = master.wait_status("to have tried", TRUST, |status| why(status).contains("ethtool -K"))?;
    ensure!(status.responder(INTERFACE) == "kernel", "{} answers", status.responder(INTERFACE));
    let table = master.status_table()?;
    ensure!(table.contains("does not arrive"), "the table does not say why:\n{table}");
    rig.wait_address(&rig.a, group.address(), true, START)?;
    the_kernel_answers(&rig, &master, &group)
}

fn trust_ends(of: fn(u8, u32) -> Group) -> Result<()> {
    let group = of(STRONG, TENTH);
    let rig = Rig::of(&group)?;
    let master = rig.master(&rig.a, &group, Rung::Native)?;
    let _in_use = in_use(&rig.client, &rig.a, &group)?;
    trusted(&master)?;
    rig.a.set_far_end_takes(false)?;
    let status = master.wait_status("to trust no more", DISTRUST + START, |status| {
        status.responder(INTERFACE) == "kernel"
    })?;
    ensure!(why(&status).contains("any more"), "it says: {}", why(&status));
    the_kernel_answers(&rig, &master, &group)
}

fn why(status: &Status) -> &str {
    status.port(INTERFACE)["responder"]["reason"].as_str().unwrap_or_default()
}
