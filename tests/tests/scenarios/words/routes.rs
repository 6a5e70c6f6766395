//! Where adverts come from and go to, over which versions, and with which checksum.

use std::net::IpAddr;

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Agent, Options, Rung, Status},
    clock::Moment,
    frame::Frame,
    group::Group,
    inject::{Flood, Forger, send_once},
};
use regent_common::{
    Reason, Version,
    advert::{ChecksumForm, note},
};

use super::{
    super::rig::{Rig, START, STRONG, TENTH, WEAK},
    Forged, Scenario, each_follows_the_other, is_by, is_good, silent,
};

pub(super) const SCENARIOS: &[Scenario] = &[
    ("vrrp_mcast_group4_is_where_both_speak_and_listen", true, || {
        other_group(Group::fast(0, TENTH), "224.0.0.99", [0x01, 0, 0x5e, 0, 0, 0x63], "vrrp_mcast_group4")
    }),
    ("vrrp_mcast_group6_is_where_both_speak_and_listen", true, || {
        other_group(Group::ipv6(0, TENTH), "ff02::99", [0x33, 0x33, 0, 0, 0, 0x99], "vrrp_mcast_group6")
    }),
    ("mcast_dst_ip_is_where_both_speak_and_listen", true, || {
        other_group(Group::fast(0, TENTH), "224.0.0.99", [0x01, 0, 0x5e, 0, 0, 0x63], "mcast_dst_ip")
    }),
    ("what_goes_to_224_0_0_18_is_rejected_in_another_group", false, || {
        usual_group_rejected(Group::fast(WEAK, TENTH), "vrrp_mcast_group4 224.0.0.99")
    }),
    ("what_goes_to_ff02_12_is_rejected_in_another_group", false, || {
        usual_group_rejected(Group::ipv6(WEAK, TENTH), "vrrp_mcast_group6 ff02::99")
    }),
    ("mcast_src_ip_is_where_adverts_of_both_come_from", true, other_source),
    ("track_src_ip_is_fault_while_the_address_is_missing", false, tracked_source),
    ("version_2_over_ipv6_is_spoken_with_keepalived", true, version_2_over_ipv6),
    ("unicast_ttl_is_on_the_wire_and_within_the_bounds_of_both", true, unicast_ttl),
    ("min_ttl_and_max_ttl_reject_what_is_out_of_bounds", false, ttl_bounds),
    ("check_unicast_src_rejects_who_is_no_peer", false, unknown_peer),
    ("without_check_unicast_src_anybody_is_heard", false, anybody),
    ("old_unicast_checksum_is_sent_and_followed_by_keepalived", true, old_checksum_sent),
    ("the_old_unicast_checksum_is_accepted_and_counted", false, || old_checksum_accepted("")),
    ("the_old_unicast_checksum_is_accepted_and_counted_even_after_never", false, || {
        old_checksum_accepted("old_unicast_checksum never")
    }),
    ("v3_checksum_as_v2_is_sent_and_both_forms_are_accepted", false, checksum_as_v2),
];

fn other_group(group: Group, destination: &str, mac: [u8; 6], word: &str) -> Result<()> {
    let group = if word.starts_with("vrrp_") {
        group.after(&format!("global_defs {{\n    {word} {destination}\n}}"))
    } else {
        group.with(&format!("{word} {destination}"))
    };
    let rig = Rig::of(&group)?;
    let wanted: IpAddr = destination.parse()?;
    each_follows_the_other(&rig, &group, &group, |frame| {
        is_good(frame) && frame.to == mac && frame.advert().is_some_and(|advert| advert.destination == wanted)
    })
}

/// A better router that speaks to the usual group is not of ours.
fn usual_group_rejected(group: Group, word: &str) -> Result<()> {
    let group = group.after(&format!("global_defs {{\n    {word}\n}}"));
    let rig = Rig::of(&group)?;
    let agent = rig.master(&rig.a, &group, Rung::Auto)?;
    let forger = Forger::new(&group, &rig.b, rig.b.source(group.family()), STRONG);
    let _better = Flood::start(&rig.b, vec![forger.good()?], group.timing().interval)?;
    std::thread::sleep(group.timing().interval * 5);
    let status = agent.status()?;
    ensure!(status.number("VI_1", "/rejected/destination") >= 3, "{}", status.instance("VI_1"));
    stays_master(&status)
}

fn stays_master(status: &Status) -> Result<()> {
    let shown = status.instance("VI_1");
    ensure!(status.state("VI_1") == "MASTER", "it is no longer master: {shown}");
    ensure!(status.number("VI_1", "/released_master") == 0, "it was not master all the time: {shown}");
    Ok(())
}

/// Each has a second address on its interface.
fn other_source() -> Result<()> {
    let group = Group::fast(0, TENTH);
    let rig = Rig::new()?;
    for (node, address) in [(&rig.a, "10.0.0.71/24"), (&rig.b, "10.0.0.72/24")] {
        node.ip(&["addr", "add", address, "dev", "ens33"])?;
    }
    let (ours, theirs) = (group.clone().with("mcast_src_ip 10.0.0.71"), group.with("mcast_src_ip 10.0.0.72"));
    let (a, b) = (rig.a.mac(), rig.b.mac());
    let (of_a, of_b): (IpAddr, IpAddr) = ("10.0.0.71".parse()?, "10.0.0.72".parse()?);
    each_follows_the_other(&rig, &ours, &theirs, |frame| {
        is_good(frame)
            && frame.advert().is_some_and(|advert| {
                (frame.mac == a && advert.source == of_a) || (frame.mac == b && advert.source == of_b)
            })
    })
}

fn tracked_source() -> Result<()> {
    let group = Group::fast(WEAK, TENTH).with("mcast_src_ip 10.0.0.71\ntrack_src_ip");
    let rig = Rig::new()?;
    let agent = Agent::start(&rig.a, &Options::config(group.text()))?;
    let patience = group.timing().down_bound(WEAK) + START;
    agent.wait_status("to be FAULT", START, |status| status.state("VI_1") == "FAULT")?;
    std::thread::sleep(group.timing().down_bound(WEAK));
    silent(&rig.capture, &rig.a)?;
    for _ in 0..2 {
        let given = Moment::now();
        rig.a.ip(&["addr", "add", "10.0.0.71/24", "dev", "ens33"])?;
        let source: IpAddr = "10.0.0.71".parse()?;
        rig.capture.wait_after(given, "an advert from that address", patience, |frame| {
            is_by(frame, &rig.a, WEAK) && frame.advert().is_some_and(|advert| advert.source == source)
        })?;
        rig.wait_address(&rig.a, group.address(), true, START)?;
        rig.a.ip(&["addr", "del", "10.0.0.71/24", "dev", "ens33"])?;
        agent.wait_status("to be FAULT", START, |status| status.state("VI_1") == "FAULT")?;
        rig.wait_address(&rig.a, group.address(), false, START)?;
    }
    Ok(())
}

fn version_2_over_ipv6() -> Result<()> {
    let group = Group { version: Version::V2, ..Group::ipv6(0, 100) };
    let rig = Rig::of(&group)?;
    each_follows_the_other(&rig, &group, &group, |frame| {
        is_good(frame) && frame.advert().is_some_and(|advert| advert.version == 2 && advert.source.is_ipv6())
    })
}

/// Lines of a group whose adverts go from one host to another, with options behind the peer.
fn unicast(group: Group, own: impl Into<IpAddr>, peer: impl Into<IpAddr>, options: &str) -> Group {
    let (own, peer) = (own.into(), peer.into());
    group.with(&format!("unicast_src_ip {own}\nunicast_peer {{\n    {peer} {options}\n}}"))
}

fn unicast_ttl() -> Result<()> {
    let group = Group::fast(0, TENTH).with("unicast_ttl 64");
    let rig = Rig::new()?;
    let bounds = "min_ttl 64 max_ttl 64";
    let ours = unicast(group.clone(), rig.a.address(), rig.b.address(), bounds);
    let theirs = unicast(group, rig.b.address(), rig.a.address(), bounds);
    each_follows_the_other(&rig, &ours, &theirs, |frame| {
        frame.advert().is_some_and(|advert| advert.ttl == 64 && !advert.destination.is_multicast())
    })
}

/// An agent on a whose only peer is b, and which nobody disturbs yet.
fn alone_with_a_peer(more: &str, options: &str) -> Result<(Rig, Group, Agent)> {
    let rig = Rig::new()?;
    let group = Group::fast(WEAK, TENTH);
    let text = unicast(group.clone().with(more), rig.a.address(), rig.b.address(), options).text();
    let agent = Agent::start(&rig.a, &Options::config(text))?;
    let patience = group.timing().down_bound(WEAK) + START;
    agent.wait_status("to be MASTER", patience, |status| status.state("VI_1") == "MASTER")?;
    Ok((rig, group, agent))
}

/// The peer's better advert counts only with a TTL between the two.
fn ttl_bounds() -> Result<()> {
    let (rig, group, agent) = alone_with_a_peer("", "min_ttl 200 max_ttl 250")?;
    let forged = Forged::to_host(&rig.a, rig.b.address(), STRONG);
    for ttl in [199, 251] {
        send_once(&rig.b, &Forged { ttl, ..forged }.frame(&group, &rig.b)?)?;
    }
    let counted = |status: &Status| status.number("VI_1", "/rejected/ttl") == 2;
    agent.wait_status("two adverts rejected for their TTL", START, counted)?;
    std::thread::sleep(group.timing().interval * 2);
    stays_master(&agent.status()?)?;
    for ttl in [200, 250] {
        send_once(&rig.b, &Forged { ttl, ..forged }.frame(&group, &rig.b)?)?;
        agent.wait_status("to follow the peer", START, |status| status.state("VI_1") == "BACKUP")?;
        let patience = group.timing().down_bound(WEAK) + START;
        agent.wait_status("to be MASTER", patience, |status| status.state("VI_1") == "MASTER")?;
    }
    ensure!(counted(&agent.status()?), "what is on a bound was rejected");
    Ok(())
}

fn unknown_peer() -> Result<()> {
    let (rig, group, agent) = alone_with_a_peer("check_unicast_src", "")?;
    let forged = Forged::to_host(&rig.a, rig.client.address(), STRONG);
    let _stranger =
        Flood::start(&rig.client, vec![forged.frame(&group, &rig.client)?], group.timing().interval)?;
    agent.wait_status("strangers rejected", START, |status| {
        status.number("VI_1", "/rejected/unknown_peer") >= 5
    })?;
    stays_master(&agent.status()?)
}

/// The counterpart of [`unknown_peer`]: it is the word that rejects.
fn anybody() -> Result<()> {
    let (rig, group, agent) = alone_with_a_peer("", "")?;
    let forged = Forged::to_host(&rig.a, rig.client.address(), STRONG);
    let _stranger =
        Flood::start(&rig.client, vec![forged.frame(&group, &rig.client)?], group.timing().interval)?;
    agent.wait_status("to follow", START, |status| status.state("VI_1") == "BACKUP").map(drop)
}

fn old_checksum_sent() -> Result<()> {
    let group = Group::fast(0, TENTH).with("old_unicast_checksum");
    let rig = Rig::new()?;
    let ours = unicast(group.clone(), rig.a.address(), rig.b.address(), "");
    let theirs = unicast(group, rig.b.address(), rig.a.address(), "");
    each_follows_the_other(&rig, &ours, &theirs, |frame| {
        // Neither of the two forms that anybody may send: keepalived takes it, so that it can only be the third.
        frame.advert().is_some_and(|advert| advert.fault == Some(Reason::Checksum))
    })
}

/// The form of the checksum that `status` shows of a source.
fn form_of(status: &Status, source: impl Into<IpAddr>) -> Option<&str> {
    let source = source.into().to_string();
    let mut sources = status.instance("VI_1")["sources"].as_array()?.iter();
    sources.find(|shown| shown["source"] == source)?["checksum"].as_str()
}

/// A group of keepalived 1.3.6 and older must not split: its form is only counted, so that it can be found.
fn old_checksum_accepted(word: &str) -> Result<()> {
    let (rig, group, agent) = alone_with_a_peer(word, "")?;
    let form = ChecksumForm::OldUnicast;
    let forged = Forged { form, ..Forged::to_host(&rig.a, rig.b.address(), STRONG) };
    let _better = Flood::start(&rig.b, vec![forged.frame(&group, &rig.b)?], group.timing().interval)?;
    agent.wait_status("to follow", START, |status| {
        status.state("VI_1") == "BACKUP" && form_of(status, rig.b.address()) == Some("old_unicast")
    })?;
    let counted = |status: &Status| status.number("VI_1", "/counters/checksum_old_unicast") >= 3;
    agent.wait_status("the form counted", START, counted).map(drop)
}

/// Ours is without pseudo-header; two worse routers send one form each, and status tells them apart.
fn checksum_as_v2() -> Result<()> {
    let group = Group::fast(WEAK, TENTH).with("v3_checksum_as_v2");
    let rig = Rig::new()?;
    let agent = rig.master(&rig.a, &group, Rung::Auto)?;
    let mut floods = Vec::new();
    for (node, form) in [(&rig.b, ChecksumForm::MessageOnly), (&rig.client, ChecksumForm::PseudoHeader)] {
        let forged = Forged { form, ..Forged::to_group(node.address(), STRONG) };
        floods.push(Flood::start(node, vec![forged.frame(&group, node)?], group.timing().interval)?);
    }
    agent.wait_status("both forms told apart", START, |status| {
        status.state("VI_1") == "BACKUP"
            && form_of(status, rig.b.address()) == Some("rfc9568")
            && form_of(status, rig.client.address()) == Some("rfc5798")
    })?;
    let status = agent.status()?;
    ensure!(status.number("VI_1", "/rejected/checksum") == 0, "{}", status.instance("VI_1"));
    drop(floods);
    let is_ours = |frame: &&Frame| frame.mac == rig.a.mac() && frame.advert().is_some();
    let frames = rig.capture.frames();
    let sent: Vec<u16> =
        frames.iter().filter(is_ours).filter_map(|frame| Some(frame.advert()?.notes)).collect();
    sent.first().context("no advert of ours")?;
    ensure!(sent.iter().all(|&notes| notes == note::CHECKSUM_MESSAGE_ONLY), "other forms: {sent:?}");
    Ok(())
}
