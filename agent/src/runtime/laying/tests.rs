//! Covers of IPv6 in a namespace: how long they stay.

use std::{net::Ipv6Addr, sync::Arc, thread};

use super::*;
use crate::{
    config::plan::AddressPlan,
    net::{
        addresses::{self, AddressRequest, AddressSocket},
        tests::lab::{ip, joined_ipv6, link, wait_for},
    },
};

const ID: CoverId = CoverId(1);

fn vip(last: u16) -> IpAddr {
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 1, last).into()
}

fn change(operation: Operation, ifindex: u32, last: u16) -> Change {
    Change { position: Some(0), operation, ifindex, plan: Arc::new(AddressPlan::plain(vip(last), 128)) }
}

/// Addresses 0 to 31 covered on `port0`.
fn covered() -> (u32, Laying) {
    let (ifindex, mut laying) = (link("port0").index, Laying::open().unwrap());
    let addresses = (0..32).map(vip).collect();
    let answers = laying.lay(vec![Asked { id: ID, ifindex, family: Family::Ipv6, addresses }]);
    assert!(matches!(answers[..], [Answer::Covered { id: ID, result: Ok(()) }]));
    (ifindex, laying)
}

fn is_there() -> bool {
    !ip("-6 route show table local proto 112").is_empty()
}

fn is_lifted(answers: &[Answer]) -> bool {
    matches!(answers, [Answer::Uncovered { id: ID, result: Ok(()) }])
}

#[test]
fn a_cover_stays_until_the_kernel_delivers_to_the_addresses_by_itself() {
    joined_ipv6(|_| {
        let (ifindex, mut laying) = covered();
        let changes: Vec<Change> = (0..32).map(|last| change(Operation::Add, ifindex, last)).collect();
        let requests: Vec<AddressRequest<'_>> = changes
            .iter()
            .map(|change| AddressRequest {
                operation: addresses::Operation::Add,
                ifindex,
                address: change.plan.address,
                prefix_length: 128,
                broadcast: None,
                scope: 0,
                label: None,
                detects_duplicates: false,
                preferred_lifetime: None,
                no_prefix_route: false,
            })
            .collect();
        let results = AddressSocket::open().unwrap().carry_out(&requests);
        assert!(results.iter().all(Result::is_ok));
        laying.after(changes.iter().zip(&results));
        assert!(laying.lift(vec![ID]).is_empty() && laying.is_waiting());
        let answers = wait_for("the cover is lifted", || {
            assert!(is_there());
            Some(laying.look()).filter(|answers| !answers.is_empty())
        });
        assert!(is_lifted(&answers) && !is_there() && !laying.is_waiting());
        let assigned = RouteSocket::open().unwrap().assigned(Family::Ipv6).unwrap();
        assert!((0..32).all(|last| assigned.contains(&(ifindex, vip(last)))));
    });
}

/// The kernel says that address 3 was added, and has not made its route.
fn unsettled() -> (u32, Laying) {
    let (ifindex, mut laying) = covered();
    let added = change(Operation::Add, ifindex, 3);
    laying.after([(&added, &Ok(()))].into_iter());
    assert!(laying.lift(vec![ID]).is_empty());
    (ifindex, laying)
}

#[test]
fn a_cover_that_waits_goes_before_an_address_under_it_is_removed() {
    joined_ipv6(|_| {
        let (ifindex, mut laying) = unsettled();
        assert!(laying.before(&[change(Operation::Remove, ifindex, 99)]).is_empty(), "not under it");
        assert!(laying.before(&[change(Operation::Remove, ifindex + 1, 3)]).is_empty(), "not there");
        assert!(is_lifted(&laying.before(&[change(Operation::Remove, ifindex, 3)])) && !is_there());
    });
}

#[test]
fn a_cover_does_not_wait_for_ever() {
    joined_ipv6(|_| {
        let (_, mut laying) = unsettled();
        let began = clock::now();
        let answers = wait_for("the cover is lifted", || {
            thread::sleep(LOOK_AGAIN);
            Some(laying.look()).filter(|answers| !answers.is_empty())
        });
        assert!(is_lifted(&answers) && !is_there());
        assert!(clock::now().since(began) >= PATIENCE);
    });
}
