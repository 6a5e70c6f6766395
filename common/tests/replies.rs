//! What answers a question for a virtual address (RFC 826, RFC 4861 §7.2.4), from which MAC (RFC 9568 §7.3), and whether
//! it is answered at all.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test that cannot read its own frames stops"
)]

use proptest::prelude::*;
use regent_common::{
    Family, Vrid,
    arp::{self, Arp},
    checksum, ethernet, ipv6,
    map::{Gate, Stance, gate_flag, mode},
    ndp::{self, Checked, Neighbor, Operation, flag},
};

const MAC: [u8; 6] = [0, 0, 0x5e, 0, 2, 5];
const VIP: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 1];
const HOST: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

#[test]
fn an_arp_reply_says_who_has_the_address() {
    let request = Arp {
        operation: arp::Operation::Request,
        sender_mac: [2, 0, 0, 0, 0, 9],
        sender: [10, 0, 0, 9],
        target_mac: [0; 6],
        target: [10, 0, 0, 3],
    };
    let mut packet = [0xa5; arp::LENGTH];
    request.reply(MAC).write(&mut packet);
    #[rustfmt::skip]
    let due = [
        0, 1, 8, 0, 6, 4, 0, 2,
        0, 0, 0x5e, 0, 2, 5, 10, 0, 0, 3,
        2, 0, 0, 0, 0, 9, 10, 0, 0, 9,
    ];
    assert_eq!(packet, due);
    // RFC 5227 §2.1.1: whoever probes is told as well.
    let probe = Arp::probe([2, 0, 0, 0, 0, 9], [10, 0, 0, 3]).reply(MAC);
    assert_eq!((probe.sender, probe.sender_mac), ([10, 0, 0, 3], MAC));
    assert_eq!((probe.target, probe.target_mac), ([0; 4], [2, 0, 0, 0, 0, 9]));
}

/// The answer to who asks for the address from `source`, read by the receive checks.
fn answer(source: [u8; 16]) -> Neighbor {
    let mut packet = [0xa5; ndp::ANSWER_LENGTH];
    ndp::write_answer(source, VIP, MAC, &mut packet);
    Neighbor::read(&&packet[..], 0).unwrap()
}

#[test]
fn an_advertisement_answers_who_asked() {
    let answered = Neighbor {
        operation: Operation::Advertisement,
        source: VIP,
        destination: HOST,
        target: VIP,
        flags: flag::ROUTER | flag::SOLICITED | flag::OVERRIDE,
        link_layer: Some(MAC),
    };
    assert_eq!(answer(HOST), answered);
    // "multicast the advertisement to the all-nodes address" and "the Solicited flag to zero".
    let told = Neighbor { destination: ipv6::ALL_NODES, flags: flag::ROUTER | flag::OVERRIDE, ..answered };
    assert_eq!(answer([0; 16]), told);
}

#[test]
fn a_virtual_router_has_the_mac_of_its_family() {
    let vrid = |number| Vrid::new(number).unwrap();
    for (family, number, mac) in
        [(Family::Ipv4, 1, [0, 0, 0x5e, 0, 1, 1]), (Family::Ipv6, 255, [0, 0, 0x5e, 0, 2, 255])]
    {
        assert_eq!(vrid(number).virtual_mac(family), mac);
        assert_eq!(Vrid::of_virtual_mac(mac), Some((family, vrid(number))));
    }
    for mac in [[0, 0, 0x5e, 0, 1, 0], [0, 0, 0x5e, 0, 3, 1], [2, 0, 0x5e, 0, 1, 1], [0xff; 6]] {
        assert_eq!(Vrid::of_virtual_mac(mac), None, "{mac:x?}");
    }
}

#[test]
fn a_gate_is_open_while_adverts_are_attempted() {
    let gate = |mode, patience| Gate { attempted: 1_000, patience, mode, flags: 0 };
    for (gate, now, stance) in [
        (gate(mode::OFF, 10), 1_000, Stance::Off),
        (gate(mode::OFF, 10), 9_000, Stance::Off),
        (gate(mode::MUTE, 0), 1_000, Stance::Mute),
        (gate(mode::ANSWER, 10), 1_010, Stance::Answer),
        (gate(mode::ANSWER, 10), 1_011, Stance::Mute),
        // Newer than the clock that it is compared with.
        (gate(mode::ANSWER, 10), 0, Stance::Answer),
        // Without patience it never shuts by itself.
        (gate(mode::ANSWER, 0), u64::MAX, Stance::Answer),
        (gate(mode::ANSWER, u64::MAX), u64::MAX, Stance::Answer),
        (gate(3, 10), 1_000, Stance::Off),
    ] {
        assert_eq!(gate.stance(now), stance, "{gate:?} at {now}");
    }
    let flags = gate_flag::VIRTUAL_MAC;
    assert!(Gate { flags, ..gate(mode::ANSWER, 0) }.has_virtual_mac());
    assert!(!gate(mode::ANSWER, 0).has_virtual_mac());
}

proptest! {
    #[test]
    fn an_answer_is_what_the_writer_of_messages_writes(
        source: [u8; 16],
        target: [u8; 16],
        mac: [u8; 6],
        nobody: bool,
    ) {
        let source = if nobody { [0; 16] } else { source };
        let mut packet = [0xa5; ndp::ANSWER_LENGTH];
        ndp::write_answer(source, target, mac, &mut packet);
        let (destination, solicited) =
            if source == [0; 16] { (ipv6::ALL_NODES, 0) } else { (source, flag::SOLICITED) };
        let message = Neighbor {
            operation: Operation::Advertisement,
            source: target,
            destination,
            target,
            flags: flag::ROUTER | flag::OVERRIDE | solicited,
            link_layer: Some(mac),
        };
        let mut frame = [0; ndp::ANNOUNCEMENT_LENGTH];
        message.write(mac, mac, &mut frame).unwrap();
        prop_assert_eq!(&packet[..], &frame[ethernet::HEADER_LENGTH..]);
    }

    #[test]
    fn arp_is_read_as_it_was_written(
        replies: bool,
        sender_mac: [u8; 6],
        sender: [u8; 4],
        target_mac: [u8; 6],
        target: [u8; 4],
    ) {
        let operation = if replies { arp::Operation::Reply } else { arp::Operation::Request };
        let packet = Arp { operation, sender_mac, sender, target_mac, target };
        let mut bytes = [0xa5; arp::LENGTH];
        packet.write(&mut bytes);
        prop_assert_eq!(Arp::read(&&bytes[..], 0), Some(packet));
        prop_assert_eq!(Arp::read(&&bytes[..arp::LENGTH - 1], 0), None);
        // Of another kind of link or of protocol, of other lengths, neither question nor answer.
        for bit in 0..64 {
            let mut other = bytes;
            other[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Arp::read(&&other[..], 0), None, "bit {}", bit);
        }
    }

    #[test]
    fn eight_bytes_are_replaced_under_a_checksum(
        message in prop::collection::vec(any::<u8>(), 32),
        at in 1..4usize,
        after: [u8; 8],
    ) {
        let whole = |message: &[u8]| checksum::sum(&message, 0, message.len() / 4).unwrap().checksum();
        let before = message[8 * at..8 * at + 8].try_into().unwrap();
        let mut replaced = message.clone();
        replaced[8 * at..8 * at + 8].copy_from_slice(&after);
        // Of nothing but zeros there are two sums.
        prop_assume!(message.iter().any(|byte| *byte != 0) && replaced.iter().any(|byte| *byte != 0));
        prop_assert_eq!(checksum::replaced(whole(&message), before, after), whole(&replaced));
    }

    #[test]
    fn what_was_checked_survives_as_a_number(advertises: bool, flags: u8, link_layer in 0..2048u16) {
        let operation = if advertises { Operation::Advertisement } else { Operation::Solicitation };
        let checked = Checked { operation, flags: flags & flag::ALL, link_layer };
        prop_assert_eq!(Checked::from_number(Checked::number(Some(checked))), Some(checked));
        prop_assert_eq!(Checked::from_number(Checked::number(None)), None);
    }
}
