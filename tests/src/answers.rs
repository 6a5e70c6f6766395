//! Who answers for an address: what `arping` from a third host would show, for both families.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use anyhow::Result;
use regent_common::{arp::Arp, ndp};

use crate::{capture::Capture, clock::Moment, inject::send_once, node::Node, question};

/// Questions of one [`who_has`].
const QUESTIONS: usize = 5;
/// Time between them.
const PACE: Duration = Duration::from_millis(20);
/// How long after the last one an answer may come.
const PATIENCE: Duration = Duration::from_millis(150);

/// The MACs that answer for `address` when `node` asks a few times; `capture` is on its interface.
///
/// # Errors
/// Without CAP_NET_RAW.
pub fn who_has(node: &Node, capture: &Capture, address: impl Into<IpAddr>) -> Result<BTreeSet<[u8; 6]>> {
    let (address, began) = (address.into(), Moment::now());
    for _ in 0..QUESTIONS {
        question::ask(node, address)?;
        std::thread::sleep(PACE);
    }
    std::thread::sleep(PATIENCE);
    let frames = capture.frames();
    let replies = frames.iter().filter(|frame| frame.at > began && frame.is_reply_for(address));
    Ok(replies.filter_map(|frame| frame.speaker_for(address)).collect())
}

/// Asks from `node` whether anybody has `address`, as one does who would like to have it: an ARP probe (RFC 5227 §2.1.1),
/// or a solicitation from the unspecified address (RFC 4862 §5.4.2).
///
/// # Errors
/// Without CAP_NET_RAW.
pub fn probe(node: &Node, address: impl Into<IpAddr>) -> Result<()> {
    match address.into() {
        IpAddr::V4(address) => send_once(node, &Arp::probe(node.mac(), address.octets()).broadcast_frame()),
        IpAddr::V6(address) => send_once(node, &ndp::probe(node.mac(), address.octets())),
    }
}
