//! What a host's neighbour cache says of an address, each change of it with its time.
//!
//! By the kernel's own reports (`ip monitor`), since what is there for a millisecond is seen by no one who looks now and
//! then.

use std::{net::IpAddr, time::Duration};

use anyhow::{Context, Result, ensure};

use crate::{
    clock::Moment,
    node::{INTERFACE, Node, parse_mac},
    process::Process,
};

/// How long the monitor may take until it listens.
const START: Duration = Duration::from_secs(3);
/// How often it is given something to hear until then.
const PACE: Duration = Duration::from_millis(50);
/// A neighbour that is nobody, for the monitor to hear of. Host number 250.
const NOBODY: &str = "10.0.0.250";

/// A watch over one host's neighbour cache; it ends on drop.
#[derive(Debug)]
pub struct CacheWatch {
    monitor: Process,
}

impl CacheWatch {
    /// Starts to watch; changes after this returns are seen. From now on the host believes every claim at once, and not
    /// only one in a second.
    ///
    /// # Errors
    /// Without `ip`, or when its monitor hears nothing.
    pub fn start(node: &Node) -> Result<Self> {
        node.namespace().enter(|| {
            let path = format!("/proc/sys/net/ipv4/neigh/{INTERFACE}/locktime");
            std::fs::write(&path, "0").with_context(|| format!("write {path}"))
        })?;
        let monitor = Process::spawn(
            "ip monitor",
            node,
            node.command("ip").args(["monitor", "neigh"]),
            Duration::ZERO,
        )?;
        let began = Moment::now();
        while monitor.count(NOBODY) == 0 {
            ensure!(began.elapsed() < START, "ip monitor hears nothing{}", monitor.log_tail());
            node.ip(&["neigh", "replace", NOBODY, "lladdr", "02:00:00:00:00:fa", "dev", INTERFACE])?;
            std::thread::sleep(PACE);
            node.ip(&["neigh", "del", NOBODY, "dev", INTERFACE])?;
        }
        Ok(Self { monitor })
    }

    /// The MACs that the cache had for `address`, one after the other, each with the moment since when.
    pub fn macs(&self, address: impl Into<IpAddr>) -> Vec<(Moment, [u8; 6])> {
        let name = address.into().to_string();
        let mut macs: Vec<(Moment, [u8; 6])> = Vec::new();
        for (at, line) in self.monitor.timed_log() {
            let mut words = line.split_whitespace();
            if words.next() != Some(&*name) {
                continue;
            }
            let mac = words.skip_while(|word| *word != "lladdr").nth(1).and_then(|mac| parse_mac(mac).ok());
            if let Some(mac) = mac
                && macs.last().is_none_or(|(_, last)| *last != mac)
            {
                macs.push((at, mac));
            }
        }
        macs
    }
}
