//! What is special about FRR as the other side: it speaks and answers by the virtual MAC, over IPv6 even from the virtual
//! address, while keepalived and the agent do so by the interface's own. Clients follow announcements, and nothing else.

use anyhow::{Context, Result, ensure};
use lab::{
    agent::Rung,
    clock::{Moment, Span},
    frr,
    group::Group,
    speaker::Make,
};
use libtest_mimic::Trial;
use regent_common::Family;

use super::{
    pair::{
        Pair,
        Side::{self, They, We},
    },
    rig::TENTH,
    trial::{Need, Reasons},
};

const STRONG: u8 = 150;
const WEAK: u8 = 100;
const STRONGEST: u8 = 200;

/// All of them.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (word, of) in
        [("ipv4", Group::fast as fn(u8, u32) -> Group), ("ipv6", Group::ipv6 as fn(u8, u32) -> Group)]
    {
        let needs = vec![Need::Agent, Need::Frr];
        let name = format!("frr::{word}::clients_follow_announcements_between_the_two_macs");
        let cell = name.clone();
        trials.push(reasons.trial(name, &needs, move || {
            let mut pair = Pair::new(&cell, Make::Agent(Rung::Auto), Make::Frr, of(0, TENTH))?;
            let result = clients_follow(&mut pair);
            pair.explain(result)
        }));
    }
    trials
}

fn clients_follow(pair: &mut Pair) -> Result<()> {
    let (virtual_mac, own_mac) = (pair.group().virtual_mac(), pair.node(We).mac());
    pair.master(They, STRONG)?;
    if pair.group().family() == Family::Ipv6 {
        let first = pair.first_advert(They, Moment::ORIGIN, pair.timing().interval)?;
        let source = first.advert().context("no advert")?.source;
        ensure!(
            pair.group().addresses.contains(&source),
            "FRR speaks from {source}, which is no virtual one"
        );
    }
    pair.backup(We, WEAK)?;
    let stopped = Moment::now();
    pair.stop(They)?;
    moved(pair, We, own_mac, stopped)?;

    let returned = Moment::now();
    pair.challenger(They, STRONGEST)?;
    moved(pair, They, virtual_mac, returned)?;
    let address = pair.group().address();
    let announced =
        pair.count_after(returned, |frame| frame.mac == virtual_mac && frame.is_announcement(address));
    ensure!(announced == usize::from(frr::ANNOUNCEMENTS), "FRR announced {address} {announced} times");
    pair.reigns(They)
}

/// The client turns to that MAC as soon as it is announced, and not before.
fn moved(pair: &Pair, side: Side, mac: [u8; 6], since: Moment) -> Result<()> {
    let (address, interval) = (pair.group().address(), pair.timing().interval);
    let announced =
        pair.see(since, "an announcement", |frame| frame.mac == mac && frame.is_announcement(address))?;
    let turned = pair.see(since, "a ping to the new MAC", |frame| {
        frame.outgoing && frame.is_ping_of(address) && frame.to == mac
    })?;
    ensure!(turned.at >= announced.at, "the client turned before it was told");
    let late = turned.at.since(announced.at);
    ensure!(late <= interval, "the client turned {} after the announcement", Span(late));
    pair.served_by(side, turned.at)?;
    let cached = pair.client().neighbour(address)?;
    ensure!(cached == Some(mac), "the client has {cached:02x?} for {address}");
    Ok(())
}
