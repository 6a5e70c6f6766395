//! Addresses on another interface than the one that the adverts go by (`dev`): answered for there, with that interface's
//! MAC, and silent there when the agent dies.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use anyhow::{Result, ensure};
use lab::{
    agent::{Agent, Options},
    bpffs::Bpffs,
    capture::Capture,
    client::Pinger,
    clock::Moment,
    frame::Frame,
    group::Group,
    lab::Lab,
    node::{INTERFACE, Node},
    packet_socket::PacketSocket,
    voice,
};
use libtest_mimic::Trial;
use regent_common::{Family, arp::Arp, ndp};

use super::{
    responder::TRUST,
    rig::{Rig, START, STRONG, TENTH, WEAK},
    trial::{Need, Reasons},
    victim::{End, ON_ITS_WAY, PACE, PERSISTENCE},
};

/// The interface of the second network on every host.
const SECOND: &str = "ens34";

/// All of them.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let needs: &[Need] = &[Need::Agent, Need::Object];
    [Family::Ipv4, Family::Ipv6]
        .map(|family| {
            reasons.trial(
                format!(
                    "devices::{family}::addresses_on_another_interface_are_answered_for_and_silenced_there"
                ),
                needs,
                move || answered_and_silenced_there(family),
            )
        })
        .into()
}

/// A host's cable to the second network.
struct Leg {
    mac: [u8; 6],
    own: IpAddr,
    socket: PacketSocket,
    /// What the host sends there, seen from the switch.
    at_port: Capture,
}

impl Leg {
    /// Lays it: 10.1.0.NUMBER/24 and 2001:db8:1::NUMBER/64.
    fn lay(second: &Lab, node: &Node, family: Family) -> Result<Self> {
        let [.., number] = node.address().octets();
        let mac = [0x02, 0x52, 0x47, 0, 1, number];
        let (port, written) = (format!("q{number}"), format!("02:52:47:00:01:{number:02x}"));
        second.switch().connect(&port, node.namespace(), SECOND, &written, 1500)?;
        node.ip(&["link", "set", SECOND, "up"])?;
        let own = at(family, number);
        match own {
            IpAddr::V4(own) => node.ip(&["addr", "add", &format!("{own}/24"), "dev", SECOND])?,
            IpAddr::V6(own) => node.ip(&["addr", "add", &format!("{own}/64"), "dev", SECOND, "nodad"])?,
        };
        let socket = PacketSocket::open(node.namespace(), SECOND)?;
        let at_port = Capture::start(second.switch().namespace(), &port)?;
        Ok(Self { mac, own, socket, at_port })
    }

    /// Asks there who has `address`, as one who would like to have it.
    fn probe(&self, address: IpAddr) -> Result<()> {
        match address {
            IpAddr::V4(address) => {
                self.socket.send(&Arp::probe(self.mac, address.octets()).broadcast_frame())
            }
            IpAddr::V6(address) => self.socket.send(&ndp::probe(self.mac, address.octets())),
        }
    }
}

/// Host number `number` of the second network.
fn at(family: Family, number: u8) -> IpAddr {
    match family {
        Family::Ipv4 => Ipv4Addr::new(10, 1, 0, number).into(),
        Family::Ipv6 => Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, number.into()).into(),
    }
}

/// The config: the last address is on the other interface.
fn config(group: &Group) -> String {
    let Some(address) = group.addresses.last() else { return group.text() };
    group.text().replace(&format!("{address}\n"), &format!("{address} dev {SECOND}\n"))
}

fn answered_and_silenced_there(family: Family) -> Result<()> {
    let bpffs = Bpffs::mount()?;
    let vip = at(family, 50);
    let mut strong = match family {
        Family::Ipv4 => Group::fast(STRONG, TENTH),
        Family::Ipv6 => Group::ipv6(STRONG, TENTH),
    };
    strong.addresses.push(vip);
    let weak = strong.clone().of(WEAK);
    let rig = Rig::of(&strong)?;
    let second = Lab::new()?;
    let (a, b) = (Leg::lay(&second, &rig.a, family)?, Leg::lay(&second, &rig.b, family)?);
    let client = Leg::lay(&second, &rig.client, family)?;

    let mut options = Options::config(config(&strong)).pinned(&bpffs);
    options.interfaces.clear();
    let mut master = rig.master_by(&rig.a, &strong, &options)?;
    rig.wait_address(&rig.a, strong.address(), true, START)?;
    let _in_use = Pinger::start(&rig.client, a.own, PACE * 5)?;
    let status = master
        .wait_status("the program to answer there", TRUST, |status| status.responder(SECOND) == "xdp")?;
    for port in [INTERFACE, SECOND] {
        ensure!(status.dead_man(port) == "on", "dead-man of {port}: {}", status.port(port)["dead_man"]);
    }
    let kernel = Capture::start(rig.a.namespace(), SECOND)?;
    is_answered_by_the_program(&master, &strong, vip, &client, &a)?;
    let seen = kernel.count_after(Moment::ORIGIN, |frame| !frame.outgoing && frame.is_question_for(vip));
    ensure!(seen == 0, "the kernel saw {seen} questions");

    // What is tried below works now.
    let began = Moment::now();
    voice::ask_from(&rig.a, vip)?;
    a.at_port.wait_after(began, "a question in the name of the address", START, |frame| {
        !frame.outgoing && frame.speaker_for(vip).is_some() && !frame.is_announcement(vip)
    })?;

    let mut options = Options::config(config(&weak));
    options.interfaces.clear();
    let backup = Agent::start(&rig.b, &options)?;
    backup.wait_status("to be BACKUP", START, |status| status.state(&weak.name) == "BACKUP")?;
    let gate = Duration::from_millis(status.number(&strong.name, "/gate_ms"));
    let killed = Moment::now();
    End::Killed.befall(&mut master)?;
    let first = rig.advert(killed, &rig.b, &weak, weak.timing().down_bound(WEAK) + START)?;
    while first.at.elapsed() < PERSISTENCE {
        client.probe(vip)?;
        voice::ask_from(&rig.a, vip)?;
        voice::announce_by(&a.socket, a.mac, vip)?;
        std::thread::sleep(PACE);
    }
    let last = rig.last_advert(first.at, &rig.a, &strong)?;
    let shut = last.plus(gate).plus(ON_ITS_WAY);
    let speaks = |frame: &Frame| !frame.outgoing && frame.speaker_for(vip).is_some();
    let said = a.at_port.count_after(shut, speaks);
    ensure!(said == 0, "{said} frames left the dead host in the name of {vip}");
    let other =
        b.at_port.count_after(first.at, |frame| speaks(frame) && frame.speaker_for(vip) == Some(b.mac));
    ensure!(other > 10, "the heir answered {other} times");
    Ok(())
}

/// One question, one answer, with the MAC of that interface.
fn is_answered_by_the_program(
    agent: &Agent,
    group: &Group,
    vip: IpAddr,
    client: &Leg,
    host: &Leg,
) -> Result<()> {
    let (requests, replies) = agent.status()?.asked(&group.name, vip);
    let asked = Moment::now();
    client.probe(vip)?;
    host.at_port.wait_after(asked, "the answer there", START, |frame| {
        !frame.outgoing && frame.speaker_for(vip) == Some(host.mac)
    })?;
    let after = agent.status()?.asked(&group.name, vip);
    ensure!(after == (requests + 1, replies + 1), "{:?}, then {after:?}", (requests, replies));
    Ok(())
}
