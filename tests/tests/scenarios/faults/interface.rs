//! The interface and its addresses change under the agent: Fault where it cannot go on, and back without a restart.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lab::{
    clock::{Moment, Span},
    node::INTERFACE,
};
use regent_common::Family;

use super::{Fault, STRONG, WEAK};
use crate::scenarios::pair::{
    Pair,
    Side::{They, We},
};

pub const FAULTS: &[Fault] = &[
    ("our_address_is_deleted_by_hand", &[], address_deleted),
    ("our_interface_is_set_down_and_up", &[], |pair| {
        away_and_back(
            pair,
            |pair| pair.node(We).set_interface(false),
            |pair| pair.node(We).set_interface(true),
        )
    }),
    ("our_interface_is_deleted_and_made_again", &[], |pair| {
        away_and_back(pair, |pair| pair.node(We).delete_interface(), |pair| pair.node(We).make_interface())
    }),
    ("our_interface_is_renamed_and_named_back", &[], |pair| {
        away_and_back(
            pair,
            |pair| rename(pair, INTERFACE, AWAY),
            |pair| {
                rename(pair, AWAY, INTERFACE)?;
                pair.node(We).set_interface(true)
            },
        )
    }),
    ("our_own_address_is_taken_away_and_given_back", &[], own_address_taken),
    ("our_own_address_is_another_one", &[], own_address_changed),
    ("our_mac_is_another_one", &[], mac_changed),
];

const AWAY: &str = "ens99";
/// Right after the attachment of a program a link that goes down may be the attachment's own doing.
const OWN_FLAP: Duration = Duration::from_millis(600);

/// Put back, said, and hardly noticed by the client.
fn address_deleted(pair: &mut Pair) -> Result<()> {
    let timing = pair.timing();
    pair.master(We, STRONG)?;
    pair.backup(They, WEAK)?;
    let address = pair.group().address();
    let assigned = pair.node(We).addresses_of(pair.group().family())?;
    let prefix = format!("{address}/");
    let whole = assigned.into_iter().find(|have| have.starts_with(&prefix)).context("not assigned")?;
    let deleted = Moment::now();
    pair.node(We).ip(&["addr", "del", &whole, "dev", INTERFACE])?;
    while !pair.node(We).has_address(address)? {
        ensure!(deleted.elapsed() < timing.interval, "not put back after {}", Span(deleted.elapsed()));
        std::thread::sleep(Duration::from_millis(2));
    }
    pair.reigns(We)?;
    pair.says_in_log(We, &format!("{whole} was removed from {INTERFACE} by somebody else"))?;
    pair.gap_within(deleted, timing.interval)
}

/// The heir takes over in time; the master is in Fault until its interface is back, and then takes it back.
fn away_and_back(
    pair: &mut Pair,
    away: fn(&Pair) -> Result<()>,
    back: fn(&Pair) -> Result<()>,
) -> Result<()> {
    let timing = pair.timing();
    pair.master(We, STRONG)?;
    pair.backup(They, WEAK)?;
    std::thread::sleep(OWN_FLAP);
    let before = Moment::now();
    away(pair)?;
    let first = pair.first_advert(They, before, timing.down_bound(WEAK) * 2)?;
    let silence = first.at.since(pair.last_advert(We, first.at)?);
    // Who can still say priority 0 does.
    ensure!(
        silence <= timing.down_bound(WEAK),
        "took over {} after the last advert; at most {} is right",
        Span(silence),
        Span(timing.down_bound(WEAK))
    );
    pair.says(We, "FAULT")?;
    pair.served_by(They, first.at)?;
    pair.gap_within(before, timing.down_bound(WEAK))?;

    back(pair)?;
    let returned = Moment::now();
    pair.first_advert(We, returned, timing.down_bound(STRONG) * 3)?;
    pair.reigns(We)?;
    pair.says(We, "MASTER")?;
    pair.gap_within(returned, timing.interval)
}

fn rename(pair: &Pair, from: &str, to: &str) -> Result<()> {
    let node = pair.node(We);
    node.ip(&["link", "set", from, "down"])?;
    node.ip(&["link", "set", from, "name", to]).map(drop)
}

/// Without an address of its own it cannot send (RFC 9568 §5.1.1.1): over IPv6 that is the link-local one.
fn own_address_taken(pair: &mut Pair) -> Result<()> {
    let timing = pair.timing();
    pair.master(We, STRONG)?;
    pair.backup(They, WEAK)?;
    let own = own_address(pair);
    let taken = Moment::now();
    pair.node(We).ip(&["addr", "del", &own, "dev", INTERFACE])?;
    let first = pair.first_advert(They, taken, timing.down_bound(WEAK) * 2)?;
    let silence = first.at.since(pair.last_advert(We, first.at)?);
    ensure!(silence <= timing.down_bound(WEAK), "took over {} after the last advert", Span(silence));
    pair.says(We, "FAULT")?;
    pair.node(We).ip(&["addr", "add", &own, "dev", INTERFACE])?;
    pair.first_advert(We, Moment::now(), timing.down_bound(STRONG) * 3)?;
    pair.reigns(We)
}

fn own_address(pair: &Pair) -> String {
    match pair.group().family() {
        Family::Ipv4 => format!("{}/24", pair.node(We).address()),
        Family::Ipv6 => format!("{}/64", pair.node(We).link_local()),
    }
}

/// The adverts go on from the new one without a pause.
fn own_address_changed(pair: &mut Pair) -> Result<()> {
    let timing = pair.timing();
    pair.master(We, STRONG)?;
    let began = Moment::now();
    pair.backup(They, WEAK)?;
    // Or the kernel would take both: the second of a network is there by the first one's grace.
    pair.node(We).namespace().set("ipv4", "all", "promote_secondaries", "1")?;
    let (new, length) = match pair.group().family() {
        Family::Ipv4 => ("10.0.0.51", 24),
        Family::Ipv6 => ("fe80::51", 64),
    };
    pair.node(We).ip(&["addr", "add", &format!("{new}/{length}"), "dev", INTERFACE])?;
    pair.node(We).ip(&["addr", "del", &own_address(pair), "dev", INTERFACE])?;
    let changed = Moment::now();
    let source: std::net::IpAddr = new.parse()?;
    let first = pair.first_advert_from(source, changed, timing.down_bound(STRONG) * 3)?;
    std::thread::sleep(timing.down_bound(WEAK));
    let gone_on = pair.last_advert_from(source, Moment::now())?;
    ensure!(gone_on > first.at, "one advert and no more");
    pair.says(We, "MASTER")?;
    if first.at.since(changed) <= timing.interval * 2 {
        pair.silent(They, began, Moment::now())?;
    }
    pair.gap_within(began, timing.down_bound(WEAK))
}

/// Clients follow: they are told the new one.
fn mac_changed(pair: &mut Pair) -> Result<()> {
    let timing = pair.timing();
    pair.master(We, STRONG)?;
    pair.backup(They, WEAK)?;
    let changed = Moment::now();
    let node = pair.node(We);
    node.ip(&["link", "set", INTERFACE, "address", "02:52:47:00:00:51"])?;
    let mac = [0x02, 0x52, 0x47, 0, 0, 0x51];
    pair.served_at(mac, changed, timing.down_bound(STRONG) * 3)?;
    pair.says(We, "MASTER")?;
    pair.gap_within(changed, timing.down_bound(WEAK))
}
