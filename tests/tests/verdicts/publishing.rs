//! What leaves the program: slots, ring records and their budget, arrivals.

use std::{thread::sleep, time::Duration};

use lab::frames;
use libtest_mimic::Failed;
use regent_common::{
    AdvertInterval, Counter, Family, Priority, Version, Vrid,
    advert::{Addresses, Advert, Authentication, ChecksumForm},
    ipv4,
    map::{Expected, RING_BUDGET, SLOTS_PER_INSTANCE, flag},
};

use crate::{
    Test,
    bench::{Bench, ensure, group},
};

pub const TESTS: &[Test] = &[
    ("the_slot_holds_the_newest_advert", the_slot_holds_the_newest_advert),
    ("arrivals_are_counted_and_dated", arrivals_are_counted_and_dated),
    ("an_advert_rings_when_it_says_something_new", an_advert_rings_when_it_says_something_new),
    ("every_advert_rings_when_asked_for", every_advert_rings_when_asked_for),
    ("the_budget_keeps_a_flood_from_the_ring_and_not_from_the_slots", the_budget_keeps_a_flood_from_the_ring),
    ("a_full_ring_loses_no_advert", a_full_ring_loses_no_advert),
    ("a_flood_of_sources_never_evicts_the_active_one", a_flood_of_sources_never_evicts_the_active_one),
    ("a_cleared_row_begins_with_nothing", a_cleared_row_begins_with_nothing),
    ("a_rejected_advert_touches_no_slot", a_rejected_advert_touches_no_slot),
    ("the_maps_hold_what_was_asked_for", the_maps_hold_what_was_asked_for),
];

const VIPS: Addresses<'static> = Addresses::Ipv4(&[[10, 0, 0, 3]]);
const VRID: u8 = 50;

fn expected(flags: u8) -> Expected {
    Expected {
        index: 3,
        generation: 7,
        own_source: ipv4::widened([10, 0, 0, 2]),
        active_source: ipv4::widened(source(0)),
        destination: ipv4::widened(ipv4::VRRP_GROUP),
        auth_data: [0; 8],
        addresses: VIPS.fingerprint(),
        interval: 100,
        count: 1,
        version: 3,
        auth_type: 0,
        flags,
        own_mac: [0x02, 0, 0, 0, 0, 0x02],
    }
}

const fn source(number: u16) -> [u8; 4] {
    let [high, low] = number.to_be_bytes();
    [10, 1, high, low]
}

fn frame(from: u16, priority: u8, interval: u16) -> Vec<u8> {
    let message = frames::message(&Advert {
        version: Version::V3,
        vrid: Vrid::new(VRID).unwrap_or_else(|| unreachable!()),
        priority: Priority::from_wire(priority),
        interval: AdvertInterval::from_centiseconds(interval).unwrap_or(AdvertInterval::DEFAULT),
        authentication: Authentication::None,
        checksum: ChecksumForm::PseudoHeader,
        source: ipv4::widened(source(from)),
        destination: ipv4::widened(ipv4::VRRP_GROUP),
        addresses: VIPS,
    });
    frames::ip_frame(&[], &frames::ipv4_packet(source(from), ipv4::VRRP_GROUP, 255, &message))
}

fn bench(flags: u8) -> Result<Bench, Failed> {
    let mut bench = Bench::new()?;
    bench.expect(group(Family::Ipv4, VRID), expected(flags))?;
    Ok(bench)
}

fn counter(bench: &Bench, counter: Counter) -> u64 {
    bench.program.view().counters(3)[counter.slot() as usize]
}

fn the_slot_holds_the_newest_advert() -> Result<(), Failed> {
    let mut bench = bench(0)?;
    for priority in [100, 90, 80] {
        bench.run(&frame(0, priority, 100))?;
    }
    let slot = bench.slot(3, &ipv4::widened(source(0))).ok_or("no slot")?;
    ensure(slot.heard.priority == 80 && slot.sequence == 6, || format!("{slot:?}"))?;
    let used =
        bench.program.view().slots(3).ok_or("no row")?.slots.iter().filter(|slot| slot.sequence != 0).count();
    ensure(used == 1, || format!("{used} slots for one source"))?;
    ensure(bench.program.view().slots(100_000).is_none(), || "a row that is not there".into())
}

fn arrivals_are_counted_and_dated() -> Result<(), Failed> {
    let mut bench = bench(0)?;
    let before = monotonic();
    // Three intervals of 10 ms apart: two lost, if the machine sleeps no longer than asked; never none.
    bench.run(&frame(0, 100, 1))?;
    sleep(Duration::from_millis(30));
    bench.run(&frame(0, 100, 1))?;
    let slot = bench.slot(3, &ipv4::widened(source(0))).ok_or("no slot")?;
    ensure(slot.arrivals.received == 2 && (2..=3).contains(&slot.arrivals.lost), || format!("{slot:?}"))?;
    ensure(slot.arrived == slot.arrivals.last, || format!("{slot:?}"))?;
    ensure((before..=monotonic()).contains(&slot.arrived), || format!("{slot:?}, before {before}"))?;
    bench.run(&frame(0, 0, 1))?;
    let slot = bench.slot(3, &ipv4::widened(source(0))).ok_or("no slot")?;
    ensure(slot.arrivals.last == 0 && slot.arrived != 0, || format!("after resigning {slot:?}"))
}

/// CLOCK_MONOTONIC in nanoseconds.
fn monotonic() -> u64 {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)
        .map(|time| Duration::from(time).as_nanos() as u64)
        .unwrap_or_default()
}

fn an_advert_rings_when_it_says_something_new() -> Result<(), Failed> {
    let mut bench = bench(0)?;
    let steps = [
        ("a new source", frame(0, 100, 100), true),
        ("the same again", frame(0, 100, 100), false),
        ("another priority", frame(0, 90, 100), true),
        ("the same again", frame(0, 90, 100), false),
        ("another interval", frame(0, 90, 200), true),
        ("priority 0", frame(0, 0, 200), true),
        ("priority 0 again", frame(0, 0, 200), true),
        ("another source", frame(1, 100, 100), true),
        ("the first source as before", frame(0, 0, 200), true),
        ("the first source is back", frame(0, 90, 200), true),
        ("the second source as before", frame(1, 100, 100), false),
    ];
    for (what, frame, rings) in steps {
        bench.run(&frame)?;
        let records = bench.records();
        ensure(records.len() == usize::from(rings), || format!("{what}: {} records", records.len()))?;
        for record in records {
            ensure(record.instance == 3 && record.generation == 7, || format!("{what}: {record:?}"))?;
            let slot = bench.slot(3, &record.heard.source).ok_or("no slot")?;
            ensure(slot.heard == record.heard && slot.arrived == record.arrived, || {
                format!("{what}: {record:?}")
            })?;
        }
    }
    Ok(())
}

fn every_advert_rings_when_asked_for() -> Result<(), Failed> {
    let mut bench = bench(flag::RING_ALWAYS)?;
    for _ in 0..RING_BUDGET / 2 {
        bench.run(&frame(0, 100, 100))?;
    }
    let rung = bench.records().len();
    ensure(rung == RING_BUDGET as usize / 2, || format!("{rung} records"))
}

fn the_budget_keeps_a_flood_from_the_ring() -> Result<(), Failed> {
    const FLOOD: u32 = 2_000;
    let mut bench = bench(flag::RING_ALWAYS)?;
    let packet = frame(0, 100, 100);
    let begun = monotonic();
    for _ in 0..FLOOD {
        bench.run(&packet)?;
    }
    let windows = (monotonic() - begun) / regent_common::map::RING_WINDOW_NANOSECONDS + 2;
    let rung = bench.records().len() as u64;
    ensure(rung >= u64::from(RING_BUDGET), || format!("{rung} records"))?;
    ensure(rung <= windows * u64::from(RING_BUDGET), || format!("{rung} records in {windows} windows"))?;
    let budgeted = counter(&bench, Counter::RingBudget);
    ensure(rung + budgeted == u64::from(FLOOD), || format!("{rung} rung, {budgeted} over budget"))?;
    let slot = bench.slot(3, &ipv4::widened(source(0))).ok_or("no slot")?;
    ensure(slot.arrivals.received == u64::from(FLOOD), || format!("{slot:?}"))
}

fn a_full_ring_loses_no_advert() -> Result<(), Failed> {
    const FLOOD: u64 = 8_000;
    let mut bench = Bench::with_budget(u32::MAX)?;
    bench.expect(group(Family::Ipv4, VRID), expected(flag::RING_ALWAYS))?;
    let mut diagnostics = bench.program.take_diagnostics().ok_or("no diagnostics")?;
    let packet = frame(0, 100, 100);
    for _ in 0..FLOOD {
        bench.run(&packet)?;
    }
    let full = counter(&bench, Counter::RingFull);
    let rung = bench.records().len() as u64;
    ensure(full > 0 && rung + full == FLOOD, || format!("{rung} rung, {full} times full"))?;
    let slot = bench.slot(3, &ipv4::widened(source(0))).ok_or("no slot")?;
    ensure(slot.arrivals.received == FLOOD, || format!("{slot:?}"))?;
    // The message that the program left about it is well-formed.
    diagnostics.flush();
    bench.run(&packet)?;
    ensure(bench.records().len() == 1, || "an emptied ring takes no record".into())
}

fn a_flood_of_sources_never_evicts_the_active_one() -> Result<(), Failed> {
    const FLOOD: u16 = 500;
    let mut bench = bench(0)?;
    bench.run(&frame(0, 100, 100))?;
    for number in 1..=FLOOD {
        bench.run(&frame(number, 100, 100))?;
    }
    let evicted = counter(&bench, Counter::SlotEvicted);
    let due = u64::from(FLOOD) + 1 - SLOTS_PER_INSTANCE as u64;
    ensure(evicted == due, || format!("{evicted} evicted instead of {due}"))?;
    ensure(bench.slot(3, &ipv4::widened(source(0))).is_some(), || "the active source was evicted".into())?;
    // And the others are the newest ones.
    for number in FLOOD + 2 - SLOTS_PER_INSTANCE as u16..=FLOOD {
        let slot = bench.slot(3, &ipv4::widened(source(number)));
        ensure(slot.is_some(), || format!("source {number} was evicted before older ones"))?;
    }
    Ok(())
}

fn a_cleared_row_begins_with_nothing() -> Result<(), Failed> {
    let mut bench = bench(0)?;
    bench.run(&frame(0, 100, 100))?;
    bench.program.clear_row(3)?;
    let counters = bench.program.view().counters(3);
    ensure(counters.iter().all(|value| *value == 0), || format!("{counters:?}"))?;
    ensure(bench.slot(3, &ipv4::widened(source(0))).is_none(), || "the slot is still there".into())?;
    bench.records();
    bench.run(&frame(0, 100, 100))?;
    ensure(bench.records().len() == 1, || "the first advert in a cleared row does not ring".into())?;
    ensure(bench.program.clear_row(100_000).is_err(), || "a row that is not there was cleared".into())
}

fn a_rejected_advert_touches_no_slot() -> Result<(), Failed> {
    let mut bench = bench(flag::RING_ALWAYS)?;
    bench.run(&frame(0, 100, 100))?;
    bench.records();
    let before = bench.slot(3, &ipv4::widened(source(0))).ok_or("no slot")?;
    let mut bad = frame(0, 0, 100);
    let last = bad.len() - 1;
    bad[last] ^= 0x40;
    for _ in 0..100 {
        bench.run(&bad)?;
    }
    let after = bench.slot(3, &ipv4::widened(source(0))).ok_or("no slot")?;
    ensure(before == after, || format!("{before:?} became {after:?}"))?;
    let records = bench.records();
    ensure(records.is_empty(), || format!("{records:?}"))
}

fn the_maps_hold_what_was_asked_for() -> Result<(), Failed> {
    use regent_agent::net::xdp::{Capacity, Program};
    let mut program = Program::load(Capacity { instances: 2, vips: 1, peers: 1 })?;
    let key = |vrid| group(Family::Ipv4, vrid);
    program.set_instance(key(1), &expected(0))?;
    program.set_instance(key(2), &expected(0))?;
    program.set_instance(key(2), &expected(0))?;
    let full = program.set_instance(key(3), &expected(0));
    ensure(full.is_err_and(|error| error.kind() == std::io::ErrorKind::StorageFull), || "not full".into())?;
    ensure(program.view().slots(1).is_some() && program.view().slots(2).is_none(), || "not two rows".into())?;
    let large = Program::load(Capacity { instances: 5_000, vips: 50_000, peers: 5_000 })?;
    ensure(large.view().slots(4_999).is_some(), || "not five thousand rows".into())
}
