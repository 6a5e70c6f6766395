//! What is asked of the kernel when lists become others, and what is not.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{super::*, *};
use crate::runtime::assigner::Change;

fn plan(last: u8) -> AddressPlan {
    AddressPlan::plain(IpAddr::from([10, 0, 0, last]), 32)
}

fn wish(plan: &AddressPlan, wanted: bool) -> Wish<'_> {
    Wish { plan, device: "ens33", ifindex: Some(2), owned: false, wanted }
}

/// Two instances, with the addresses 10.0.0.1 and 10.0.0.2, and 10.0.0.3.
fn two() -> Addressing {
    let mut addressing = Addressing::default();
    for (instance, last) in [(0, 1), (0, 2), (1, 3)] {
        addressing.insert(instance, plan(last), "ens33".into(), false);
    }
    addressing.device("ens33", Some(2));
    addressing
}

/// The kernel does as it is told, and what that was, in words.
fn carried_out(addressing: &mut Addressing) -> Vec<String> {
    let mut said = Vec::new();
    while let Some(request) = addressing.next() {
        let Request::Address(change) = request else { panic!("few addresses go without routes") };
        said.push(word(&change));
        answer(addressing, &change);
    }
    said
}

fn word(change: &Change) -> String {
    let sign = if change.operation == Operation::Add { '+' } else { '-' };
    let label = change.plan.label.as_deref().unwrap_or_default();
    format!("{sign}{}{label}", change.plan.address.to_string().trim_start_matches("10.0.0."))
}

fn answer(addressing: &mut Addressing, change: &Change) {
    addressing.answered(change, Ok(()));
    if change.operation == Operation::Remove {
        addressing.disappeared(change.ifindex, change.plan.address, change.plan.prefix_length);
    }
}

/// Gives each instance its list, as a reload does, and returns what the kernel was asked for.
fn rearrange(addressing: &mut Addressing, active: [bool; 2], lists: [&[u8]; 2]) -> Vec<String> {
    let mut gone = Vec::new();
    let placed = [0, 1].map(|instance| {
        lists[instance]
            .iter()
            .map(|last| addressing.place(instance, wish(&plan(*last), active[instance])).at)
            .collect::<Vec<_>>()
    });
    for (instance, positions) in placed.into_iter().enumerate() {
        let left = addressing.relist(instance, positions);
        gone.extend(left.into_iter().map(|at| (instance, at)));
        addressing.want(instance, active[instance]);
    }
    gone.into_iter().for_each(|(instance, at)| addressing.let_go(instance, at));
    let asked = carried_out(addressing);
    addressing.forget_gone(usize::MAX);
    asked
}

fn listed(addressing: &Addressing, instance: usize) -> Vec<String> {
    addressing
        .of(instance)
        .map(|address| address.plan.address.to_string().trim_start_matches("10.0.0.").to_owned())
        .collect()
}

#[test]
fn only_what_is_new_is_added_and_only_what_is_gone_is_removed() {
    let mut addressing = two();
    assert_eq!(rearrange(&mut addressing, [true, false], [&[1, 2], &[3]]), ["+1", "+2"]);
    assert_eq!(rearrange(&mut addressing, [true, false], [&[2, 4], &[3]]), ["+4", "-1"]);
    assert_eq!(listed(&addressing, 0), ["2", "4"]);
    assert!(addressing.is_settled() && !addressing.is_letting_go());
    // Its position is free, and is used again.
    assert_eq!(rearrange(&mut addressing, [true, false], [&[2, 4, 5], &[3]]), ["+5"]);
    assert_eq!(addressing.list(0).iter().copied().max(), Some(3));
}

#[test]
fn an_address_that_moves_between_two_actives_stays_where_it_is() {
    let mut addressing = two();
    rearrange(&mut addressing, [true, true], [&[1, 2], &[3]]);
    assert_eq!(rearrange(&mut addressing, [true, true], [&[1], &[2, 3]]), [""; 0]);
    assert_eq!(
        (listed(&addressing, 0), listed(&addressing, 1)),
        (vec!["1".into()], vec!["2".into(), "3".into()])
    );
    // From now on it goes with the other one.
    addressing.want(0, false);
    assert_eq!(carried_out(&mut addressing), ["-1"]);
    addressing.want(1, false);
    assert_eq!(carried_out(&mut addressing), ["-3", "-2"]);
    assert!(!addressing.is_held(0) && !addressing.is_held(1));
}

#[test]
fn an_address_that_moves_to_a_backup_goes_from_the_host() {
    let mut addressing = two();
    rearrange(&mut addressing, [true, false], [&[1, 2], &[3]]);
    let placed = addressing.place(1, wish(&plan(2), false));
    assert_eq!(placed.origin, Origin::Other(0));
    assert!(addressing.is_held(1), "it is there yet");
    assert_eq!(carried_out(&mut addressing), ["-2"]);
    assert!(!addressing.is_held(1));
}

#[test]
fn an_address_in_another_form_is_removed_before_it_is_added() {
    let mut addressing = two();
    rearrange(&mut addressing, [true, true], [&[1, 2], &[3]]);
    let labelled = AddressPlan { label: Some(":x".into()), ..plan(1) };
    assert_eq!(addressing.place(0, wish(&labelled, true)).origin, Origin::Own);
    assert_eq!(carried_out(&mut addressing), ["-1", "+1:x"]);
    // What only the agent looks at is changed without a word.
    let untracked = AddressPlan { tracks_device: false, ..labelled };
    addressing.place(0, wish(&untracked, true));
    assert_eq!(carried_out(&mut addressing), [""; 0]);
    assert!(!addressing.of(0).next().unwrap().plan.tracks_device);
}

#[test]
fn an_address_that_comes_back_while_it_is_on_its_way_out_is_added_again() {
    let mut addressing = two();
    rearrange(&mut addressing, [true, false], [&[1, 2], &[3]]);
    let gone = addressing.relist(0, vec![1]);
    gone.into_iter().for_each(|at| addressing.let_go(0, at));
    let Some(Request::Address(removal)) = addressing.next() else { panic!("a removal") };
    assert_eq!((word(&removal), addressing.forget_gone(9)), ("-1".into(), vec![]));
    let back = addressing.place(0, wish(&plan(1), true)).at;
    addressing.relist(0, vec![back, 1]);
    assert!(!addressing.is_letting_go());
    answer(&mut addressing, &removal);
    assert_eq!(carried_out(&mut addressing), ["+1"]);
}

#[test]
fn an_address_is_known_until_the_kernel_has_reported_that_it_is_gone() {
    let mut addressing = two();
    rearrange(&mut addressing, [true, false], [&[1, 2], &[3]]);
    let gone = addressing.relist(0, vec![1]);
    gone.into_iter().for_each(|at| addressing.let_go(0, at));
    let Some(Request::Address(removal)) = addressing.next() else { panic!("a removal") };
    addressing.answered(&removal, Ok(()));
    assert_eq!(addressing.forget_gone(9), [0; 0]);
    addressing.disappeared(2, removal.plan.address, 32);
    assert_eq!(addressing.forget_gone(9), [0]);
    assert_eq!(addressing.named(removal.plan.address).count(), 0);
    assert_eq!(addressing.iter().count(), 2);
}

#[test]
fn what_somebody_else_put_there_is_let_go_of_and_stays() {
    let mut addressing = two();
    addressing.appeared(2, plan(1).address, 32, false);
    assert_eq!(rearrange(&mut addressing, [true, false], [&[2], &[3]]), ["+2"]);
    assert_eq!(addressing.named(plan(1).address).count(), 0);
}

#[test]
fn a_device_has_addresses_until_the_last_is_forgotten() {
    let mut addressing = two();
    assert!(addressing.has_on("ens33") && !addressing.has_on("eth1"));
    rearrange(&mut addressing, [false, false], [&[], &[]]);
    assert!(!addressing.has_on("ens33"));
    assert_eq!(addressing.iter().count(), 0);
}

proptest! {
    /// Whatever the lists and the states, one reload after the other: on the host is what the Actives have.
    #[test]
    fn every_rearrangement_ends_in_the_state_of_the_plan(
        steps in proptest::collection::vec(
            (any::<[bool; 2]>(), proptest::collection::btree_set(1..8_u8, 0..5), proptest::collection::btree_set(1..8_u8, 0..5)),
            1..8,
        ),
    ) {
        let mut addressing = two();
        let mut host: BTreeSet<String> = BTreeSet::new();
        for (active, first, second) in steps {
            // An address has one instance.
            let second: Vec<u8> = second.difference(&first).copied().collect();
            let first: Vec<u8> = first.into_iter().collect();
            for asked in rearrange(&mut addressing, active, [&first, &second]) {
                let (sign, address) = asked.split_at(1);
                let changed = if sign == "+" { host.insert(address.into()) } else { host.remove(address) };
                prop_assert!(changed, "{} of what is so already", asked);
            }
            let of = |list: &[u8], active: bool| {
                list.iter().filter(move |_| active).map(u8::to_string).collect::<Vec<_>>()
            };
            let expected: BTreeSet<String> =
                of(&first, active[0]).into_iter().chain(of(&second, active[1])).collect();
            prop_assert_eq!(&host, &expected);
            prop_assert_eq!(addressing.is_held(0), active[0] && !first.is_empty());
            prop_assert_eq!(addressing.is_held(1), active[1] && !second.is_empty());
            prop_assert!(addressing.is_deliverable(0) && addressing.is_deliverable(1));
            prop_assert!(addressing.is_settled() && !addressing.is_letting_go());
            prop_assert_eq!(addressing.iter().count(), first.len() + second.len());
        }
    }
}
