//! How long a config of N instances takes to read, and how much memory: `cargo run --release --example parse -- 5000`.
//! Given a file instead of a number, reads that.

#![expect(clippy::disallowed_methods, reason = "how long something takes is what is measured")]

use std::{path::Path, time::Instant};

use regent_agent::config;

/// Instances as they stand in files: each with a script, a password, trackers and two addresses.
fn instances(count: usize) -> String {
    let mut text =
        String::from("global_defs {\n    router_id lb1\n}\nvrrp_script check {\n    script /bin/true\n}\n");
    for n in 0..count {
        let (high, low) = (n / 250, n % 250 + 1);
        text += &format!(
            "# Instance {n}\nvrrp_instance VI_{n} {{\n    state BACKUP\n    interface eth{high}\n    virtual_router_id {low}\n    \
             priority 150\n    advert_int 1\n    authentication {{\n        auth_type PASS\n        auth_pass s{n}\n    }}\n    \
             virtual_ipaddress {{\n        10.{high}.{low}.1/24 dev eth{high}\n        10.{high}.{low}.2/24 dev eth{high}\n    }}\n    \
             track_script {{\n        check\n    }}\n    notify \"/usr/local/bin/notify {n}\"\n}}\n"
        );
    }
    text
}

/// The same by one definition and a sequence.
fn expanded(count: usize) -> String {
    let mut text = instances(1).split("# Instance").next().unwrap_or_default().to_owned();
    text += "$VI= \\\nvrrp_instance VI_${H}_${L} { \\\n    state BACKUP \\\n    interface eth${H} \\\n    virtual_router_id ${L} \\\n    \
             priority 150 \\\n    advert_int 1 \\\n    authentication { \\\n        auth_type PASS \\\n        auth_pass s${L} \\\n    } \\\n    \
             virtual_ipaddress { \\\n        10.${H}.${L}.1/24 dev eth${H} \\\n        10.${H}.${L}.2/24 dev eth${H} \\\n    } \\\n    \
             track_script { \\\n        check \\\n    } \\\n    notify \"/usr/local/bin/notify ${L}\" \\\n}\n";
    text + &format!("~SEQ(H, 0, {}) ~SEQ(L, 1, 250) $VI\n", (count / 250).max(1) - 1)
}

fn measure(
    name: &str,
    read: impl Fn() -> Result<config::Loaded, config::LoadError>,
) -> Result<(), config::LoadError> {
    let start = Instant::now();
    let loaded = read()?;
    let took = start.elapsed();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().to_owned();
    println!(
        "{name}: {} instances, {} diagnostics, {took:?}, {}",
        loaded.plan.instances.len(),
        loaded.diagnostics.len(),
        peak.split_whitespace().collect::<Vec<_>>().join(" ")
    );
    Ok(())
}

fn main() -> Result<(), config::LoadError> {
    let argument = std::env::args().nth(1).unwrap_or_else(|| "5000".to_owned());
    if let Ok(count) = argument.parse() {
        let (plain, sequence) = (instances(count), expanded(count));
        measure("written out", || Ok(config::parse("written", &plain)))?;
        measure("by a sequence", || Ok(config::parse("sequence", &sequence)))?;
        return Ok(());
    }
    measure(&argument, || config::load(Path::new(&argument)))
}
