//! The names of the usual keepalived exporter (port 9165), with its labels and its numbers for states.
//!
//! Left out: what only its own check script fills (`keepalived_exporter_*`).

use std::{collections::BTreeMap, fmt};

use regent_common::{Counter, Reason};

use super::{Families, Labels, labels, plain_address, regent::counter, with};
use crate::{
    observe::snapshot::{AddressStatus, InstanceStatus, Snapshot},
    words,
};

pub(super) fn encode(snapshot: &Snapshot, families: &mut Families<'_>) -> fmt::Result {
    families.gauge("keepalived_up", "Status", [(Labels::new(), 1_u32)])?;
    states(&snapshot.instances, families)?;
    counters(&snapshot.instances, families)?;
    scripts(&snapshot.instances, families)
}

/// One series for each virtual address, with the address's interface; one with an empty address when there is none.
fn states(instances: &[InstanceStatus], families: &mut Families<'_>) -> fmt::Result {
    let series = |instance: &InstanceStatus, address: Option<&AddressStatus>| {
        let device = address.map_or(&instance.interface, |address| &address.device);
        let ip_address = address.map_or("", |address| plain_address(&address.address));
        let labels = vec![
            ("iname", instance.name.clone()),
            ("intf", device.clone()),
            ("vrid", instance.vrid.to_string()),
            ("ip_address", ip_address.to_owned()),
        ];
        (labels, u32::from(words::state_number_of(&instance.state).unwrap_or_default()))
    };
    let all = instances.iter().flat_map(|instance| {
        let mut own: Vec<_> = instance
            .addresses
            .iter()
            .filter(|one| !one.excluded)
            .map(|one| series(instance, Some(one)))
            .collect();
        if own.is_empty() {
            own.push(series(instance, None));
        }
        own
    });
    families.gauge("keepalived_vrrp_state", "State of vrrp", all)?;
    let excluded = instances.iter().flat_map(|instance| {
        instance.addresses.iter().filter(|one| one.excluded).map(move |one| series(instance, Some(one)))
    });
    families.gauge("keepalived_vrrp_excluded_state", "State of vrrp with excluded VIP", excluded)
}

fn counters(instances: &[InstanceStatus], families: &mut Families<'_>) -> fmt::Result {
    type Value = fn(&InstanceStatus) -> u64;
    let all: [(&str, &str, Value); 15] = [
        // Not a count: the exporter shows the setting under this name.
        ("gratuitous_arp_delay", "Gratuitous ARP delay", |one| one.announce_delay_ms / 1000),
        ("advertisements_received", "Advertisements received", |one| counter(one, Counter::Accepted)),
        ("advertisements_sent", "Advertisements sent", |one| one.adverts_sent),
        ("become_master", "Became master", |one| one.became_master),
        ("release_master", "Released master", |one| one.released_master),
        ("packet_length_errors", "Packet length errors", |one| rejected(one, Reason::Length)),
        ("advertisements_interval_errors", "Advertisement interval errors", |one| {
            rejected(one, Reason::Interval)
        }),
        ("ip_ttl_errors", "TTL errors", |one| rejected(one, Reason::Ttl)),
        ("invalid_type_received", "Invalid type errors", |one| rejected(one, Reason::Type)),
        ("address_list_errors", "Address list errors", |one| counter(one, Counter::AddressListMismatch)),
        ("authentication_invalid", "Authentication invalid", |one| rejected(one, Reason::AuthTypeInvalid)),
        ("authentication_mismatch", "Authentication mismatch", |one| rejected(one, Reason::AuthTypeMismatch)),
        ("authentication_failure", "Authentication failure", |one| rejected(one, Reason::AuthFailure)),
        ("priority_zero_received", "Priority zero received", |one| counter(one, Counter::PriorityZero)),
        ("priority_zero_sent", "Priority zero sent", |one| one.priority_zero_sent),
    ];
    for (name, help, value) in all {
        let series = instances.iter().map(|instance| (labels(instance), value(instance)));
        families.counter(&format!("keepalived_{name}"), help, series)?;
    }
    Ok(())
}

fn rejected(instance: &InstanceStatus, reason: Reason) -> u64 {
    instance.rejected.get(reason.label()).unwrap_or_default()
}

/// A script that several instances track is one script.
fn scripts(instances: &[InstanceStatus], families: &mut Families<'_>) -> fmt::Result {
    let trackers = instances.iter().flat_map(|instance| &instance.trackers);
    let scripts: BTreeMap<&str, _> = trackers
        .filter(|tracker| tracker.kind == "script")
        .map(|tracker| (tracker.name.as_str(), tracker))
        .collect();
    let name = |name: &str| with(Labels::new(), "name", name);
    let status =
        scripts.iter().filter_map(|(script, tracker)| Some((name(script), u32::from(tracker.good?))));
    families.gauge("keepalived_script_status", "Tracker Script Status", status)?;
    let state = scripts.iter().map(|(script, tracker)| (name(script), u32::from(tracker.running)));
    families.gauge("keepalived_script_state", "Tracker Script State", state)
}
