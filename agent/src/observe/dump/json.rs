//! `keepalived.json`: an array with the data and the counts of each instance; by `json_version 2` it is one member of an
//! object.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use serde_json::Number;

use super::{Command, Dump, Instance, Stats, TrackProcess, time};
use crate::words;

/// The text of `keepalived.json`, one line.
///
/// # Errors
/// None that depends on the dump.
pub fn json(dump: &Dump) -> serde_json::Result<String> {
    let commands =
        dump.scripts.iter().map(|script| (script.name.as_str(), script.command.quoted())).collect();
    let one = |one: &Instance| One { data: Data::of(one, &commands), stats: one.stats };
    let all: Vec<One> = dump.instances.iter().map(one).collect();
    let text = match dump.json_version {
        2 => serde_json::to_string(&Second { vrrp: all, track_process: processes(dump) })?,
        _ => serde_json::to_string(&all)?,
    };
    Ok(text + "\n")
}

/// As `json_version 2` has it.
#[derive(Serialize)]
struct Second {
    vrrp: Vec<One>,
    track_process: Vec<Process>,
}

/// A process that is tracked.
#[derive(Serialize)]
struct Process {
    name: String,
    process: String,
    weight: i32,
    quorum: u16,
    full_command: bool,
}

fn processes(dump: &Dump) -> Vec<Process> {
    let process = |one: &TrackProcess| Process {
        name: one.name.clone(),
        process: one.program.clone(),
        weight: one.weight,
        quorum: one.quorum,
        full_command: one.full_command,
    };
    dump.track_processes.iter().map(process).collect()
}

#[derive(Serialize)]
struct One {
    data: Data,
    stats: Stats,
}

/// In the order and with the types that keepalived has: switches are numbers here and truth values there.
#[derive(Serialize)]
struct Data {
    iname: String,
    dont_track_primary: u8,
    skip_check_adv_addr: u8,
    strict_mode: u8,
    vmac_ifname: &'static str,
    ifp_ifname: String,
    master_priority: u8,
    last_transition: Number,
    garp_delay: u64,
    garp_refresh: u64,
    garp_rep: u8,
    garp_refresh_rep: u8,
    garp_lower_prio_delay: u64,
    garp_lower_prio_rep: u8,
    lower_prio_no_advert: u8,
    higher_prio_send_advert: u8,
    vrid: u8,
    base_priority: u8,
    effective_priority: u8,
    vipset: bool,
    promote_secondaries: bool,
    adver_int: Number,
    master_adver_int: Number,
    accept: u8,
    nopreempt: bool,
    preempt_delay: Number,
    state: u8,
    wantstate: u8,
    version: u8,
    smtp_alert: bool,
    notify_deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_backup: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_master: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_fault: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_stop: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vips: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evips: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vroutes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vrules: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_ifp: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_script: Vec<String>,
    auth_type: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_data: Option<String>,
}

impl Data {
    fn of(one: &Instance, commands: &BTreeMap<&str, String>) -> Self {
        let status = &one.status;
        let state = words::state_number_of(&status.state).unwrap_or_default();
        let script = |command: &Option<Command>| command.as_ref().map(Command::quoted);
        let tracked = one.scripts.iter().filter_map(|tracked| commands.get(tracked.name.as_str()).cloned());
        Self {
            iname: status.name.clone(),
            dont_track_primary: u8::from(!one.tracks_interface),
            skip_check_adv_addr: u8::from(one.skips_address_check),
            strict_mode: u8::from(one.strict),
            vmac_ifname: "",
            ifp_ifname: status.interface.clone(),
            master_priority: one.heard_master().map_or(0, |(_, priority)| priority),
            last_transition: fraction(&time::seconds(status.since_unix_ms.saturating_mul(1000))),
            garp_delay: one.garp.delay,
            garp_refresh: one.garp.refresh,
            garp_rep: one.garp.repeat,
            garp_refresh_rep: one.garp.refresh_repeat,
            garp_lower_prio_delay: one.garp.lower_delay,
            garp_lower_prio_rep: one.garp.lower_repeat,
            lower_prio_no_advert: u8::from(!one.asserts),
            higher_prio_send_advert: u8::from(one.concedes),
            vrid: status.vrid,
            base_priority: status.priority_base,
            effective_priority: status.priority_effective,
            vipset: one.addresses.iter().chain(&one.excluded).any(|address| address.set),
            promote_secondaries: one.promotes_secondaries,
            adver_int: seconds(one.interval),
            master_adver_int: seconds(one.active_interval),
            accept: u8::from(one.accepts),
            nopreempt: !one.preempts,
            preempt_delay: seconds(one.preempt_delay),
            state,
            wantstate: state,
            version: status.version,
            smtp_alert: one.mails,
            notify_deleted: one.says_deleted,
            script_backup: script(&one.notify.backup),
            script_master: script(&one.notify.master),
            script_fault: script(&one.notify.fault),
            script_stop: script(&one.notify.stop),
            script: script(&one.notify.any),
            vips: one.addresses.iter().map(ToString::to_string).collect(),
            evips: one.excluded.iter().map(ToString::to_string).collect(),
            vroutes: one.routes.clone(),
            vrules: one.rules.clone(),
            track_ifp: one.interfaces.iter().map(|tracked| tracked.name.clone()).collect(),
            track_script: tracked.collect(),
            auth_type: u8::from(one.password.is_some()),
            auth_data: one.password.clone(),
        }
    }
}

/// Whole seconds without a point, since some readers want an integer where there is one.
fn seconds(time: Duration) -> Number {
    if time.subsec_micros() == 0 {
        return Number::from(time.as_secs());
    }
    fraction(&format!("{}.{:06}", time.as_secs(), time.subsec_micros()))
}

/// A decimal as JSON writes it.
fn fraction(decimal: &str) -> Number {
    decimal.parse().ok().and_then(Number::from_f64).unwrap_or_else(|| Number::from(0_u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_a_point_only_where_they_are_not_whole() {
        assert_eq!(seconds(Duration::from_secs(5)).to_string(), "5");
        assert_eq!(seconds(Duration::from_millis(500)).to_string(), "0.5");
        assert_eq!(seconds(Duration::from_millis(250)).to_string(), "0.25");
        assert_eq!(fraction("1795279689.319575").to_string(), "1795279689.319575");
        assert_eq!(fraction("1795279685.848210").to_string(), "1795279685.84821");
    }
}
