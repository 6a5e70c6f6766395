//! Addresses that come, go and move between instances.

use std::{net::IpAddr, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Agent, Options, Rung},
    clock::{Moment, Span},
    group::Group,
    node::Node,
};

use super::{address, announced, masters, named, quiet, reload, texts};
use crate::scenarios::rig::{Rig, START, STRONG};

pub(super) fn addresses_move() -> Result<()> {
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
pub(super) fn an_address_moves_to_a_backup() -> Result<()> {
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
