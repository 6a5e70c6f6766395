//! What keepalived writes on signals and what the agent writes, of one config on one host, held against each other.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use lab::{clock::Moment, keepalived as real, lab::Lab, node::Node, process::Process};
use serde_json::Value;

use super::{apart, start};

/// Until all are master, of which the slowest takes four seconds.
const MASTERS: Duration = Duration::from_secs(15);
/// What is written on a signal is there by then.
const DUMP: Duration = Duration::from_secs(3);

/// One of each, on `ens33` and `spare0`. All are master soon.
const CONFIG: &str = r#"
global_defs {
    notification_email {
        ops@example.com
    }
    notification_email_from lb1@example.com
    smtp_server 192.0.2.25
    smtp_helo_name lb1
    router_id lb1
    script_user root
    enable_script_security
    vrrp_higher_prio_send_advert
    vrrp_skip_check_adv_addr
    vrrp_garp_lower_prio_delay 3
    vrrp_notify_priority_changes
    vrrp_mcast_group4 224.0.0.18
    checker_log_all_failures
    lvs_flush
    lvs_flush_on_stop VS
    rs_init_notifies
    checker_priority -3
    bfd_no_swap
    max_auto_priority 10
    log_unknown_vrids
    dynamic_interfaces
}
static_routes {
    203.0.113.0/24 via 10.0.0.250 dev ens33 metric 10
}
static_rules {
    from 198.51.100.0/24 table 77 priority 100
}
vrrp_script good {
    script "/bin/true"
    interval 1
    rise 2
    fall 3
}
vrrp_script bad {
    script "/bin/false -x"
    interval 1
    timeout 3
    weight -5
    user nobody
}
vrrp_instance VI_1 {
    state MASTER
    interface ens33
    virtual_router_id 51
    priority 150
    higher_prio_send_advert
    authentication {
        auth_type PASS
        auth_pass secret12
    }
    virtual_ipaddress {
        10.0.0.100/24 dev ens33 label ens33:1
        10.0.0.101
        10.0.0.102/24 brd 10.0.0.255
    }
    virtual_ipaddress_excluded {
        10.1.0.1/32 dev spare0
    }
    track_interface {
        spare0
    }
    track_script {
        good
        bad
    }
    notify_master "/bin/true a b"
    notify "/bin/true"
}
vrrp_instance VI_6 {
    interface ens33
    virtual_router_id 52
    priority 90
    version 3
    advert_int 0.5
    nopreempt
    higher_prio_send_advert
    garp_master_refresh 60
    garp_lower_prio_repeat 2
    virtual_ipaddress {
        fe80::1234
        2001:db8::100/64
    }
}
vrrp_instance VI_U {
    interface ens33
    virtual_router_id 53
    higher_prio_send_advert
    lower_prio_no_advert
    unicast_src_ip 10.0.0.1
    unicast_peer {
        10.0.0.2
    }
    virtual_ipaddress {
        10.0.0.110
    }
    preempt_delay 5
    dont_track_primary
}
vrrp_instance VI_S1 {
    interface ens33
    virtual_router_id 61
    virtual_ipaddress {
        10.0.0.130
    }
    virtual_routes {
        203.0.113.64/26 via 10.0.0.251 dev ens33
        blackhole 203.0.113.128/26 no_track
    }
    virtual_rules {
        from 10.0.0.130 table 78 priority 101
    }
    smtp_alert
    notify_deleted
}
vrrp_instance VI_S2 {
    interface ens33
    virtual_router_id 62
    kernel_rx_buf_size 8000
    debug 1
    notify_stop "/bin/true"
    virtual_ipaddress {
        10.0.0.131
    }
}
vrrp_sync_group VG_1 {
    group {
        VI_S1
        VI_S2
    }
    smtp_alert
    notify_master "/bin/true"
}
vrrp_instance VI_F {
    interface spare1
    virtual_router_id 54
    higher_prio_send_advert
    virtual_ipaddress {
        10.0.0.120
    }
}
"#;

/// How many of them become master.
const COUNT: usize = 5;

struct Dumps {
    data: String,
    stats: String,
    json: Value,
}

pub fn are_those_of_keepalived() -> Result<()> {
    let mut lab = Lab::new()?;
    lab.enable_ipv6();
    let node = lab.host("a", 1)?;
    node.make_spare("spare0")?;
    node.make_spare("spare1")?;
    node.ip(&["link", "set", "spare1", "down"])?;
    let program = real::program().context("keepalived is not installed")?;
    let mut command = apart(&node, Path::new(program));
    command.arg("-f").arg(node.write("keepalived.conf", CONFIG)?);
    command.args(["-n", "-l", "-G", "-P", "-p"]).arg(node.directory().join("main.pid"));
    command.arg("-r").arg(node.directory().join("vrrp.pid"));
    let theirs = dumps(&node, Process::spawn("keepalived", &node, &mut command, MASTERS)?)?;
    let ours = dumps(&node, start(&node, CONFIG, &["-n", "-l", "-G", "-P"])?)?;

    let (expected, found) = (data(&theirs.data), data(&ours.data));
    let at = expected.iter().zip(&found).position(|(expected, found)| expected != found);
    let from = at.unwrap_or_else(|| expected.len().min(found.len())).saturating_sub(3);
    let some = |lines: &[String]| lines.iter().skip(from).take(12).cloned().collect::<Vec<_>>().join("\n");
    ensure!(
        expected == found,
        "keepalived.data differs:\n{}\n--- and not ---\n{}",
        some(&found),
        some(&expected)
    );
    let counts = |text: &str| text.replace(|letter: char| letter.is_ascii_digit(), "");
    ensure!(
        counts(&theirs.stats) == counts(&ours.stats),
        "{}\n--- and not ---\n{}",
        ours.stats,
        theirs.stats
    );
    json(&theirs.json, &ours.json)
}

/// Once all are master that will be: each kind of dump. Then it ends.
fn dumps(node: &Node, mut process: Process) -> Result<Dumps> {
    process.wait_for_log("Entering MASTER STATE", COUNT, MASTERS)?;
    // Counts of the second batch, and the scripts' second run.
    std::thread::sleep(Duration::from_secs(2));
    let pid = fs::read_to_string(node.directory().join("main.pid"))?.trim().to_owned();
    let dumped = |signal: &str, file: &str| -> Result<String> {
        let path = node.directory().join(file);
        fs::remove_file(&path).ok();
        lab::namespace::succeed(std::process::Command::new("kill").args(["-s", signal, &pid]))?;
        let began = Moment::now();
        // keepalived writes them line by line.
        let mut size = 0;
        loop {
            std::thread::sleep(Duration::from_millis(100));
            let now = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            if now > 0 && now == size {
                return Ok(fs::read_to_string(&path)?);
            }
            size = now;
            ensure!(began.elapsed() < DUMP, "no {file}");
        }
    };
    let dumps = Dumps {
        data: dumped("USR1", "keepalived.data")?,
        stats: dumped("USR2", "keepalived.stats")?,
        json: serde_json::from_str(&dumped("36", "keepalived.json")?)?,
    };
    for file in ["data", "stats", "json"] {
        fs::remove_file(node.directory().join(format!("keepalived.{file}")))?;
    }
    let status = process.stop(MASTERS)?;
    ensure!(status.success(), "{status}{}", process.log_tail());
    Ok(dumps)
}

/// Its lines without what no two runs share, and without what one of the two cannot know.
fn data(text: &str) -> Vec<String> {
    let known = |line: &&str| !UNKNOWN.iter().any(|begin| line.trim_start().starts_with(begin));
    text.lines().filter(known).map(masked).collect()
}

/// The version of a library; when a sysctl was last looked at; words of the config that only act on defaults.
const UNKNOWN: [&str; 2] = ["libnftnl version", "Not IPv6 forwarding"];

fn masked(line: &str) -> String {
    let key = line.split('=').next().unwrap_or_default();
    match key.trim() {
        "Last transition" | "Read timeout" => format!("{key}= TIME"),
        // Of a script, at that moment.
        "State" if line.ends_with("idle") || line.ends_with("running") => format!("{key}= idle or running"),
        _ if key.trim_start().starts_with("fd_in") => "FD".to_owned(),
        _ => line.to_owned(),
    }
}

/// The same keys in the same order, and the same values but for moments and counts.
fn json(theirs: &Value, ours: &Value) -> Result<()> {
    let (theirs, ours) = (theirs.as_array().context("no array")?, ours.as_array().context("no array")?);
    ensure!(theirs.len() == ours.len(), "{} and not {} instances", ours.len(), theirs.len());
    for (theirs, ours) in theirs.iter().zip(ours) {
        for part in ["data", "stats"] {
            let (Value::Object(theirs), Value::Object(ours)) = (&theirs[part], &ours[part]) else {
                bail!("{part} is no object");
            };
            let (expected, found): (Vec<_>, Vec<_>) = (theirs.keys().collect(), ours.keys().collect());
            ensure!(expected == found, "{part}: {found:?} and not {expected:?}");
            for (key, value) in theirs {
                let same = match key.as_str() {
                    "last_transition" | "advert_sent" => ours[key].is_number(),
                    _ => ours[key] == *value,
                };
                ensure!(same, "{part}: {key} is {} and not {value}", ours[key]);
            }
        }
    }
    Ok(())
}
