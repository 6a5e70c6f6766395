//! Every fixture's verdict with its reason, and where a peer judges otherwise, why we do not follow it.
//!
//! What the peers did was measured: keepalived 2.2.7 and 2.4.3 and FRR 8.4.4 in a group with a router that sent the
//! packet, at priority 250. `accept` is "the peer stayed Backup", `reject` "it took over", `flaps` "it took the advert
//! and became Active at once". A peer's setting stands in brackets.
//!
//! That no rejected packet rings or touches a slot is the XDP program's side: `tests/tests/verdicts/table.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test that cannot read its fixtures stops"
)]

use std::collections::BTreeSet;

use regent_common::{
    Reason,
    advert::Addresses,
    check::{self, Preamble},
    ipv4, ipv6,
    map::Expected,
};
use serde_json::Value;

const FIXTURES: &str = include_str!("../../tests/fixtures/adverts.json");

const FRR: &str = "frr-8.4.4";
const KA227: &str = "keepalived-2.2.7";
const KA227_PASS: &str = "keepalived-2.2.7 (auth PASS s3cret)";
const KA243: &str = "keepalived-2.4.3";
const KA243_PASS: &str = "keepalived-2.4.3 (auth PASS s3cret)";
const KA243_V2SUM: &str = "keepalived-2.4.3 (v3_checksum_as_v2)";

/// A peer's own setting, not its judgement.
const OTHER_PASSWORD: &str = "its group has another authentication than ours";

/// One fixture, or several whose names begin alike.
struct Row {
    /// The name, or its beginning when it ends with `*`.
    name: &'static str,
    /// `None` is accepted.
    verdict: Option<Reason>,
    /// The rule.
    why: &'static str,
    /// Each peer that judged otherwise, and why we do not follow it.
    differs: &'static [(&'static str, &'static str)],
}

const fn row(
    name: &'static str,
    verdict: Option<Reason>,
    why: &'static str,
    differs: &'static [(&'static str, &'static str)],
) -> Row {
    Row { name, verdict, why, differs }
}

const COUNT_ZERO: &str =
    "it processes an advert without addresses; erratum 8299 has it ignored, and so does every other peer";
const FLAPS: &str =
    "a down interval of nothing makes it Active at once, again and again; erratum 8301 has 0 ignored";
const LIST_DECIDES: &str = "it rejects a list that is not its own, which makes two Active routers of a config that \
     differs by one address; RFC 9568 §7.1 says MAY check, SHOULD log, and go on";
const TIE: &str =
    "it took the packet and won the election: at equal priority the higher address stays (§6.4.3)";

#[rustfmt::skip]
const TABLE: &[Row] = &[
    row("frr-8.4.4-v2*", None, "RFC 3768 §7.1: all checks hold", &[]),
    row("frr-8.4.4-v3_ipv4*", None, "RFC 9568 §7.1; the checksum with RFC 5798's pseudo-header", &[]),
    row("frr-8.4.4-v3_ipv6*", None, "RFC 9568 §7.1; link-local address first (§5.2.9)", &[]),
    row("keepalived-2.2.7-v2-pass_ipv4*", None, "RFC 2338 §7.1: our type and password; another list is noted", &[]),
    row("keepalived-2.2.7-v2_ipv4*", None, "RFC 3768 §7.1: all checks hold", &[]),
    row("keepalived-2.2.7-v3-ipv6*", None, "RFC 9568 §7.1; link-local address first (§5.2.9)", &[]),
    row("keepalived-2.2.7-v3_ipv4*", None, "RFC 9568 §7.1; the checksum with RFC 5798's pseudo-header", &[]),
    row("keepalived-2.2.7-v2_ipv6*", None, "no RFC: version 2 over IPv6 as keepalived has it, without authentication data", &[]),
    row("keepalived-2.2.7-v2-pass_ipv6*", None, "no RFC: the type is ours, and over IPv6 no password is sent", &[]),
    row("keepalived-2.4.3-v3-hmac*", Some(Reason::AuthTrailer),
        "RFC 9568 §7.1: longer than its count says; the 28 bytes are keepalived's auth_hmac, which this group has not", &[]),

    row("crafted_ipv4_version_2_baseline_auth_0", None, "RFC 3768 §7.1: all checks hold",
        &[(KA227_PASS, OTHER_PASSWORD), (KA243_PASS, OTHER_PASSWORD)]),
    row("crafted_ipv4_version_2_auth_0_no_8-byte_trailer", Some(Reason::Length),
        "RFC 3768 §5.3: version 2 always ends with eight bytes of authentication data", &[]),
    row("crafted_ipv4_version_2_auth_1_s3cret_nul-padded", None, "RFC 2338 §5.3.6: a shorter password is padded with zeros",
        &[(FRR, "it has no authentication"), (KA227, OTHER_PASSWORD)]),
    row("crafted_ipv4_version_2_auth_2", Some(Reason::AuthTypeMismatch), "RFC 2338 §7.1: the type exists, and is not ours", &[]),
    row("crafted_ipv4_version_2_count_2", None, "RFC 3768 §7.1: MAY check the list; what follows is noted, not dropped",
        &[(KA227, LIST_DECIDES), (KA227_PASS, OTHER_PASSWORD), (KA243_PASS, OTHER_PASSWORD)]),
    row("crafted_ipv4_version_2_pseudo-header_sum_in_v2", Some(Reason::Checksum),
        "RFC 3768 §5.3.8: version 2 sums the message alone", &[]),
    row("crafted_ipv4_version_2_interval_0", Some(Reason::IntervalZero), "RFC 3768 §7.1 asks for our interval, which is never 0", &[]),
    row("crafted_ipv4_version_2_interval_2_s_ours_1", Some(Reason::Interval),
        "RFC 3768 §7.1: the same as the locally configured; version 2 does not learn", &[]),
    row("crafted_ipv4_version_2_ttl_1", Some(Reason::Ttl), "RFC 3768 §7.1: 255", &[]),

    row("crafted_ipv4_version_3_rfc9568_message-only_sum", None, "RFC 9568 §5.2.8: over IPv4 the checksum covers the message alone",
        &[(FRR, "it knows RFC 5798's form alone"), (KA227, "it knows RFC 5798's form alone"),
          (KA243, "it knows RFC 5798's form alone unless told otherwise, and then checks neither")]),
    row("crafted_ipv4_version_3_garbage_checksum", Some(Reason::Checksum), "RFC 9568 §7.1: wrong in every form",
        &[(KA243_V2SUM, "that setting switches its check off; a knob of ours only says what is sent")]),
    row("crafted_ipv4_version_3_ttl_254", Some(Reason::Ttl), "RFC 9568 §7.1: 255, so that no router forwarded it", &[]),
    row("crafted_ipv4_version_3_version_4", Some(Reason::Version), "RFC 9568 §7.1: 3", &[]),
    row("crafted_ipv4_version_3_type_2", Some(Reason::Type), "RFC 9568 §7.1: 1, ADVERTISEMENT", &[]),
    row("crafted_ipv4_version_3_count_0_no_addresses", Some(Reason::CountZero), "RFC 9568 §5.2.5, erratum 8299: ignored",
        &[(KA243, COUNT_ZERO), (KA243_V2SUM, COUNT_ZERO)]),
    row("crafted_ipv4_version_3_count_1_other_address", None, "RFC 9568 §7.1: MAY check the list, SHOULD log",
        &[(KA227, LIST_DECIDES)]),
    row("crafted_ipv4_version_3_count_2_carries_1", Some(Reason::Length), "RFC 9568 §7.1: the complete packet", &[]),
    row("crafted_ipv4_version_3_8-byte_v2_trailer_appended", Some(Reason::Length),
        "RFC 9568 §7.1: exact, so that no trailer goes unchecked", &[]),
    row("crafted_ipv4_version_3_interval_50_cs_ours_10", None, "RFC 9568 §6.4.2: learned, and noted", &[]),
    row("crafted_ipv4_version_3_interval_0", Some(Reason::IntervalZero), "RFC 9568 §5.2.7, erratum 8301: 1 to 4095",
        &[(FRR, FLAPS), (KA227, FLAPS), (KA243, FLAPS), (KA243_V2SUM, FLAPS)]),
    row("crafted_ipv4_version_3_reserved_bits_set", None, "RFC 9568 §5.2.6: ignored on reception", &[]),
    row("crafted_ipv4_version_3_source_mac_physical", None, "no check: RFC 9568 §7.2 binds the sender, and keepalived sends so", &[]),
    row("crafted_ipv4_version_3_ip_options_router_alert", None, "RFC 791 §3.1: the header says how long it is", &[]),
    row("crafted_ipv4_version_3_source_ip_off-subnet", None, "no check: the interface's primary address may be of another subnet", &[]),
    row("crafted_ipv4_version_3_source_is_our_own", Some(Reason::OwnSource),
        "RFC 1122 §3.2.1.3: nobody else sends from it; the kernel's own check drops it before a socket", &[]),
    row("crafted_ipv4_version_3_priority_100_is_tie*", None, "no check: the election decides ties (RFC 9568 §6.4.3)",
        &[(FRR, TIE), (KA227, TIE), (KA243, TIE), (KA243_V2SUM, TIE)]),
    row("crafted_ipv4_version_3_priority_255", None, "RFC 9568 §5.2.4: the owner; we are not, so nothing is noted", &[]),

    row("crafted_ipv6_version_3_baseline_link-local_first", None, "RFC 9568 §7.1: all checks hold", &[]),
    row("crafted_ipv6_version_3_order_swapped_global_first", None,
        "RFC 9568 §5.2.9, erratum 8300: first MUST be link-local; binds the sender, noted here", &[]),
    row("crafted_ipv6_version_3_global_address_only", None, "as above: groups without a link-local address work with every peer but one",
        &[(KA227, LIST_DECIDES)]),
    row("crafted_ipv6_version_3_hop_limit_64", Some(Reason::Ttl), "RFC 9568 §7.1: 255", &[]),
    row("crafted_ipv6_version_3_count_0", Some(Reason::CountZero), "RFC 9568 §5.2.5, erratum 8299: ignored", &[(KA243, COUNT_ZERO)]),
    row("crafted_ipv6_version_3_interval_0", Some(Reason::IntervalZero), "RFC 9568 §5.2.7, erratum 8301: 1 to 4095", &[]),
    row("crafted_ipv6_version_3_version_2_over_ipv6", Some(Reason::Version), "RFC 9568 §7.1: ours is 3", &[]),
    row("crafted_ipv6_version_3_without_pseudo-header", Some(Reason::Checksum), "RFC 9568 §5.2.8, RFC 8200 §8.1: over IPv6 always with it", &[]),
    row("crafted_ipv6_version_3_source_is_the_virtual_link-local_itself", None,
        "no check: FRR's routers may all send from it; the own-source rule is IPv4's", &[]),
    row("crafted_ipv6_version_2_baseline", None, "no RFC: version 2 over IPv6 as keepalived has it", &[]),
    row("crafted_ipv6_version_2_interval_2_s_ours_1", Some(Reason::Interval),
        "RFC 3768 §7.1: the same as the locally configured, whatever the family", &[]),
    row("crafted_ipv6_version_2_without_pseudo-header", Some(Reason::Checksum),
        "no RFC: the kernel checks keepalived's over IPv6, with the pseudo-header of RFC 8200 §8.1", &[]),
    row("crafted_ipv6_version_2_with_authentication_data", Some(Reason::Length),
        "no RFC: keepalived sends none over IPv6 and takes none", &[]),
];

fn fixtures() -> Vec<Value> {
    serde_json::from_str(FIXTURES).unwrap()
}

impl Row {
    fn names(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == self.name,
        }
    }
}

/// The one row of a fixture.
fn row_of(name: &str) -> &'static Row {
    let mut rows = TABLE.iter().filter(|row| row.names(name));
    let row = rows.next().unwrap_or_else(|| panic!("{name} is not in the table"));
    assert!(rows.next().is_none(), "{name} is in the table twice");
    row
}

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn number<N: TryFrom<u64>>(value: &Value) -> N {
    N::try_from(value.as_u64().unwrap()).ok().unwrap()
}

/// What the fixture's group is configured for.
fn expected(group: &Value, six: bool) -> Expected {
    let (mut lists, mut count) = ((Vec::new(), Vec::new()), 0);
    for address in group["addresses"].as_array().unwrap() {
        count += 1;
        match address.as_str().unwrap().parse().unwrap() {
            std::net::IpAddr::V4(address) => lists.0.push(address.octets()),
            std::net::IpAddr::V6(address) => lists.1.push(address.octets()),
        }
    }
    let list = if six { Addresses::Ipv6(&lists.1) } else { Addresses::Ipv4(&lists.0) };
    Expected {
        index: 0,
        generation: 0,
        own_source: ipv4::widened([10, 55, 0, 250]),
        active_source: [0; 16],
        destination: if six { ipv6::VRRP_GROUP } else { ipv4::widened(ipv4::VRRP_GROUP) },
        auth_data: hex(&group["auth_data"]).try_into().unwrap(),
        addresses: list.fingerprint(),
        interval: number(&group["interval"]),
        count,
        version: number(&group["version"]),
        auth_type: number(&group["auth_type"]),
        flags: 0,
        own_mac: [0x02, 0, 0, 0, 0, 0x02],
    }
}

#[test]
fn every_packet_gets_the_verdict_of_the_table() {
    for fixture in fixtures() {
        let name = fixture["name"].as_str().unwrap();
        let row = row_of(name);
        let packet = &hex(&fixture["packet"])[..];
        let six = packet[0] >> 4 == 6;
        let preamble =
            if six { Preamble::ipv6(&packet, 0) } else { Preamble::ipv4(&packet, 0) }.expect("VRRP");
        let verdict = check::judge(&packet, &preamble, Some(&expected(&fixture["group"], six)), None);
        assert_eq!(verdict.err(), row.verdict, "{name}: {}", row.why);
        // The XDP program is held against the word in the file.
        let word = row.verdict.map_or("accepted", Reason::label);
        assert_eq!(fixture["verdict"], word, "{name}");
    }
}

#[test]
fn every_row_has_a_packet_and_a_reason() {
    let fixtures = fixtures();
    for row in TABLE {
        assert!(fixtures.iter().any(|fixture| row.names(fixture["name"].as_str().unwrap())), "{}", row.name);
        assert!(row.why.contains("RFC") || row.why.contains("no check") || row.why.contains("as above"));
    }
}

#[test]
fn every_difference_from_a_peer_is_reasoned_and_no_other() {
    let mut compared = 0;
    for fixture in fixtures() {
        let name = fixture["name"].as_str().unwrap();
        let Some(peers) = fixture["peers"].as_object() else { continue };
        let row = row_of(name);
        let ours = if row.verdict.is_none() { "accept" } else { "reject" };
        let others = peers.iter().filter(|(_, theirs)| *theirs != ours).map(|(peer, _)| peer.as_str());
        let reasoned: Vec<&str> = row.differs.iter().map(|(peer, _)| *peer).collect();
        assert_eq!(others.collect::<BTreeSet<_>>(), reasoned.iter().copied().collect(), "{name}");
        assert!(row.differs.iter().all(|(_, why)| why.len() > 10), "{name}");
        compared += peers.len();
    }
    assert!(compared >= 100, "{compared} verdicts of peers");
}

#[test]
fn each_reason_that_the_checks_can_give_has_a_packet() {
    let given: BTreeSet<Reason> = TABLE.iter().filter_map(|row| row.verdict).collect();
    let elsewhere = [
        // The carrier's, before the checks.
        Reason::UnknownGroup,
        // Not VRRP at all, and groups that these packets are not of: `receive_checks.rs`.
        Reason::Carp,
        Reason::AuthTypeInvalid,
        Reason::AuthFailure,
        Reason::Destination,
        Reason::UnknownPeer,
    ];
    for reason in Reason::ALL {
        assert_ne!(given.contains(reason), elsewhere.contains(reason), "{reason:?}");
    }
}
