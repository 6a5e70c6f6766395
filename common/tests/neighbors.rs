//! RFC 4861 §7.1.1, §7.1.2: each check of Neighbor Discovery, the message that breaks it and nothing else; and what is
//! sent for an address, against frames that FRR and keepalived sent.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test that cannot read its own frames stops"
)]

use proptest::prelude::*;
use regent_common::{
    checksum, ethernet, ipv6,
    ndp::{self, Neighbor, Operation, flag},
};

const MAC: [u8; 6] = [0, 0, 0x5e, 0, 2, 5];
const VIP: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 1];
const HOST: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
/// Where the IPv6 header stands in an untagged frame, and what is in it.
const IP: usize = ethernet::HEADER_LENGTH;
const LENGTH: usize = IP + 4;
const HOP_LIMIT: usize = IP + 7;
const SOURCE: usize = IP + 8;
const DESTINATION: usize = IP + 24;
const MESSAGE: usize = IP + ipv6::HEADER_LENGTH;
const FLAGS: usize = MESSAGE + 4;
const TARGET: usize = MESSAGE + ndp::TARGET_OFFSET;
const OPTIONS: usize = MESSAGE + ndp::LENGTH;

/// As recorded: FRR 8.4.4 for its virtual link-local address.
const FRR: &str = "33330000000100005e00020586dd6000000000203afffe800000000000000000000000050001\
ff0200000000000000000000000000018800798ca0000000fe800000000000000000000000050001020100005e000205";
/// As recorded: keepalived 2.2.7, forwarding off.
const KEEPALIVED: &str = "333300000001be58c9029f5286dd6000000000203afffe800000000000000000000000000100\
ff020000000000000000000000000001880030f020000000fe8000000000000000000000000001000201be58c9029f52";

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn read(frame: &[u8]) -> Option<Neighbor> {
    Neighbor::read(&frame, IP)
}

fn solicitation() -> Neighbor {
    Neighbor {
        operation: Operation::Solicitation,
        source: HOST,
        destination: ipv6::solicited_node(VIP),
        target: VIP,
        flags: 0,
        link_layer: Some(MAC),
    }
}

fn advertisement() -> Neighbor {
    Neighbor {
        operation: Operation::Advertisement,
        source: VIP,
        destination: HOST,
        target: VIP,
        flags: flag::ALL,
        link_layer: Some(MAC),
    }
}

fn frame(neighbor: &Neighbor) -> Vec<u8> {
    let mut frame = vec![0xa5; neighbor.frame_length()];
    let written = neighbor.write(MAC, ipv6::multicast_mac(neighbor.destination), &mut frame);
    assert_eq!(written, Some(frame.len()));
    frame
}

/// The frame of a message after `spoil` had it, with its length and its checksum made right again.
fn spoilt(neighbor: &Neighbor, spoil: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut frame = frame(neighbor);
    spoil(&mut frame);
    let length = (frame.len() - MESSAGE) as u16;
    frame[LENGTH..LENGTH + 2].copy_from_slice(&length.to_be_bytes());
    resum(&mut frame);
    frame
}

fn resum(frame: &mut [u8]) {
    frame[MESSAGE + 2..MESSAGE + 4].fill(0);
    let length = (frame.len() - MESSAGE) as u16;
    let address = |at: usize| <[u8; 16]>::try_from(&frame[at..at + 16]).unwrap();
    let sum = checksum::sum(&&frame[..], MESSAGE, usize::from(length) / 4).unwrap().icmpv6_pseudo_header(
        &address(SOURCE),
        &address(DESTINATION),
        length,
    );
    frame[MESSAGE + 2..MESSAGE + 4].copy_from_slice(&sum.checksum());
}

/// What is read of a message after `spoil`.
fn read_spoilt(neighbor: &Neighbor, spoil: impl FnOnce(&mut Vec<u8>)) -> Option<Neighbor> {
    read(&spoilt(neighbor, spoil))
}

#[test]
fn an_announcement_is_what_frr_sends() {
    assert_eq!(ndp::announcement(MAC, VIP)[..], hex(FRR));
}

#[test]
fn announcements_of_the_peers_are_read() {
    let frr = read(&hex(FRR)).unwrap();
    assert_eq!((frr.operation, frr.target, frr.link_layer), (Operation::Advertisement, VIP, Some(MAC)));
    assert_eq!((frr.source, frr.destination), (VIP, ipv6::ALL_NODES));
    assert_eq!(frr.flags, flag::ROUTER | flag::OVERRIDE);
    let keepalived = read(&hex(KEEPALIVED)).unwrap();
    assert_eq!(keepalived.flags, flag::OVERRIDE);
    assert_eq!(keepalived.link_layer, Some([0xbe, 0x58, 0xc9, 0x02, 0x9f, 0x52]));
}

#[test]
fn a_probe_asks_without_saying_who() {
    let frame = ndp::probe(MAC, VIP);
    let probe = read(&frame).unwrap();
    assert_eq!((probe.operation, probe.source, probe.target), (Operation::Solicitation, [0; 16], VIP));
    assert_eq!((probe.destination, probe.link_layer), (ipv6::solicited_node(VIP), None));
    assert_eq!(frame[..12], [0x33, 0x33, 0xff, 5, 0, 1, 0, 0, 0x5e, 0, 2, 5]);
}

#[test]
fn groups_have_the_addresses_of_the_rfcs() {
    // RFC 4291 §2.7.1 has this example.
    let address = "4037::1:800:200e:8c6c".parse::<std::net::Ipv6Addr>().unwrap().octets();
    let group = "ff02::1:ff0e:8c6c".parse::<std::net::Ipv6Addr>().unwrap().octets();
    assert_eq!(ipv6::solicited_node(address), group);
    assert!(ipv6::is_solicited_node(&group));
    assert!(!ipv6::is_solicited_node(&ipv6::ALL_NODES));
    assert_eq!(ipv6::multicast_mac(group), [0x33, 0x33, 0xff, 0x0e, 0x8c, 0x6c]);
    assert_eq!(ethernet::VRRP_IPV6, [0x33, 0x33, 0, 0, 0, 0x12]);
}

#[test]
fn the_hop_limit_must_be_255() {
    for neighbor in [solicitation(), advertisement()] {
        for limit in [0, 1, 64, 254] {
            assert_eq!(read_spoilt(&neighbor, |frame| frame[HOP_LIMIT] = limit), None, "{limit}");
        }
    }
}

#[test]
fn the_checksum_must_hold() {
    for neighbor in [solicitation(), advertisement()] {
        let good = frame(&neighbor);
        // Every bit of the message, and of the addresses that the pseudo-header names.
        for bit in 8 * SOURCE..8 * good.len() {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&bad), None, "bit {bit}");
        }
    }
}

#[test]
fn the_code_must_be_0_and_the_type_one_of_two() {
    for neighbor in [solicitation(), advertisement()] {
        assert_eq!(read_spoilt(&neighbor, |frame| frame[MESSAGE + 1] = 1), None);
        for other in [1, 128, 133, 134, 137, 255] {
            assert_eq!(read_spoilt(&neighbor, |frame| frame[MESSAGE] = other), None, "type {other}");
        }
        assert_eq!(read_spoilt(&neighbor, |frame| frame[IP + 6] = 112), None);
    }
}

#[test]
fn the_message_must_be_24_bytes_or_more() {
    for neighbor in [solicitation(), advertisement()] {
        let bare = Neighbor { link_layer: None, ..neighbor };
        assert_eq!(read(&frame(&bare)), Some(bare));
        assert_eq!(read_spoilt(&bare, |frame| frame.truncate(frame.len() - 4)), None);
        assert_eq!(read_spoilt(&bare, |frame| frame.truncate(MESSAGE + 8)), None);
    }
}

#[test]
fn the_target_must_not_be_multicast() {
    for neighbor in [solicitation(), advertisement()] {
        assert_eq!(read_spoilt(&neighbor, |frame| frame[TARGET] = 0xff), None);
    }
}

#[test]
fn options_must_have_a_length_and_fit() {
    for neighbor in [solicitation(), advertisement()] {
        assert_eq!(read_spoilt(&neighbor, |frame| frame[OPTIONS + 1] = 0), None);
        assert_eq!(read_spoilt(&neighbor, |frame| frame[OPTIONS + 1] = 2), None);
        assert_eq!(read_spoilt(&neighbor, |frame| frame.extend([14, 0, 0, 0])), None);
        // A nonce before and after it, and an option that nobody knows.
        let nonce = [14, 1, 1, 2, 3, 4, 5, 6];
        let around = read_spoilt(&neighbor, |frame| {
            frame.splice(OPTIONS..OPTIONS, nonce);
            frame.extend(nonce);
            frame.extend([200, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        });
        assert_eq!(around, Some(neighbor));
        // Of two the first counts; one of another length is for another kind of link.
        let two = read_spoilt(&neighbor, |frame| {
            let kind = frame[OPTIONS];
            frame.extend([kind, 1, 9, 9, 9, 9, 9, 9]);
        });
        assert_eq!(two, Some(neighbor));
        let long = read_spoilt(&neighbor, |frame| {
            frame[OPTIONS + 1] = 2;
            frame.extend([0; 8]);
        });
        assert_eq!(long, Some(Neighbor { link_layer: None, ..neighbor }));
        // More than are looked at.
        assert_eq!(read_spoilt(&neighbor, |frame| frame.extend(nonce.repeat(4))), None);
        assert_eq!(read_spoilt(&neighbor, |frame| frame.extend([14, 13].iter().chain(&[0; 102]))), None);
    }
}

#[test]
fn who_asks_from_nowhere_must_ask_the_group_and_not_say_who() {
    let probe = Neighbor { source: [0; 16], link_layer: None, ..solicitation() };
    assert_eq!(read(&frame(&probe)), Some(probe));
    assert_eq!(read(&frame(&Neighbor { link_layer: Some(MAC), ..probe })), None);
    for destination in [VIP, ipv6::ALL_NODES] {
        assert_eq!(read(&frame(&Neighbor { destination, ..probe })), None, "{destination:?}");
        let named = Neighbor { destination, ..solicitation() };
        assert_eq!(read(&frame(&named)), Some(named));
    }
}

#[test]
fn an_answer_to_all_answers_nobody() {
    let to_all = Neighbor { destination: ipv6::ALL_NODES, ..advertisement() };
    assert_eq!(read(&frame(&to_all)), None);
    let unsolicited = Neighbor { flags: flag::ROUTER | flag::OVERRIDE, ..to_all };
    assert_eq!(read(&frame(&unsolicited)), Some(unsolicited));
    // Reserved bits are ignored.
    assert_eq!(read_spoilt(&unsolicited, |frame| frame[FLAGS] |= 0x1f), Some(unsolicited));
    assert_eq!(read_spoilt(&solicitation(), |frame| frame[FLAGS] = 0xff), Some(solicitation()));
}

fn addresses() -> impl Strategy<Value = [u8; 16]> {
    any::<[u8; 16]>().prop_filter("unicast", |address| address[0] != 0xff && *address != [0; 16])
}

proptest! {
    #[test]
    fn a_message_is_read_as_it_was_written(
        advertises: bool,
        source in addresses(),
        destination in addresses(),
        target in addresses(),
        flags: u8,
        link_layer: Option<[u8; 6]>,
        from: [u8; 6],
        to: [u8; 6],
    ) {
        let operation = if advertises { Operation::Advertisement } else { Operation::Solicitation };
        let flags = if advertises { flags & flag::ALL } else { 0 };
        let neighbor = Neighbor { operation, source, destination, target, flags, link_layer };
        // Nothing may be left as it was in the buffer.
        let mut buffer = [0xa5; 100];
        let length = neighbor.write(from, to, &mut buffer).unwrap();
        prop_assert_eq!(length, neighbor.frame_length());
        prop_assert!(buffer[length..].iter().all(|byte| *byte == 0xa5));
        let frame = &buffer[..length];
        let ethernet = ethernet::Ethernet::read(&frame).unwrap();
        prop_assert_eq!((ethernet.ether_type, ethernet.source), (ethernet::IPV6, from));
        prop_assert_eq!(Neighbor::read(&frame, ethernet.payload), Some(neighbor));
        for end in 0..length {
            prop_assert_eq!(Neighbor::read(&&frame[..end], IP), None);
            let mut short = buffer;
            prop_assert_eq!(neighbor.write(from, to, &mut short[..end]), None);
        }
        // Bytes behind the packet are not read.
        buffer[length..].fill(0xee);
        prop_assert_eq!(Neighbor::read(&&buffer[..], IP), Some(neighbor));
    }

    #[test]
    fn what_is_sent_for_an_address_is_valid(mac: [u8; 6], address in addresses()) {
        let announcement = read(&ndp::announcement(mac, address)).unwrap();
        prop_assert_eq!((announcement.source, announcement.target), (address, address));
        prop_assert_eq!(announcement.link_layer, Some(mac));
        prop_assert_eq!(announcement.flags, flag::ROUTER | flag::OVERRIDE);
        let probe = read(&ndp::probe(mac, address)).unwrap();
        prop_assert_eq!((probe.source, probe.target, probe.link_layer), ([0; 16], address, None));
    }

    #[test]
    fn no_bytes_make_a_reader_panic(
        advertises: bool,
        flips in prop::collection::vec((0..200usize, any::<u8>()), 0..12),
        length in 0..200usize,
        right: bool,
    ) {
        let neighbor = if advertises { advertisement() } else { solicitation() };
        let mut frame = frame(&neighbor);
        frame.resize(length.max(MESSAGE + 4), 1);
        for (at, byte) in flips {
            if let Some(slot) = frame.get_mut(at) {
                *slot = byte;
            }
        }
        if right {
            let said = (frame.len() - MESSAGE) as u16;
            frame[LENGTH..LENGTH + 2].copy_from_slice(&said.to_be_bytes());
            resum(&mut frame);
        }
        for at in [0, IP, IP + 1, frame.len(), usize::MAX - 64] {
            std::hint::black_box(Neighbor::read(&&frame[..], at));
        }
    }
}
