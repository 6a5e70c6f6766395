//! What keepalived writes on signals, as exporters and scripts read it: [`stats`], [`data`] and [`json`], in the words, the
//! order and the indentation of keepalived 2.2.7.
//!
//! Owns the texts. A [`Dump`] holds what they say; the runtime makes it from a snapshot and the plan behind it. What the
//! agent has nothing of (processes, sockets' numbers, firewall tables) is written as keepalived writes it when idle.

mod address;
mod data;
mod json;
mod stats;
mod time;

use std::{net::IpAddr, path::PathBuf, time::Duration};

pub use address::Address;
pub use data::data;
pub use json::json;
pub use stats::{Stats, stats};

use super::snapshot::InstanceStatus;

/// Everything that the texts say.
#[derive(Clone, Debug)]
pub struct Dump {
    /// Now: Unix time in milliseconds.
    pub unix_ms: u64,
    /// What holds for all.
    pub globals: Globals,
    /// Interfaces that share a pace of announcements.
    pub pace_groups: Vec<PaceGroup>,
    /// In the order of the config.
    pub instances: Vec<Instance>,
    /// In the order of the config.
    pub scripts: Vec<Script>,
    /// By index.
    pub links: Vec<Link>,
}

/// What holds for all instances.
#[derive(Clone, Debug, Default)]
pub struct Globals {
    /// `router_id`.
    pub router_id: String,
    /// Network namespace of `-s`.
    pub namespace: Option<String>,
    /// Shortest time between two gratuitous ARPs on an interface.
    pub arp_pace: Duration,
    /// Shortest time between two unsolicited neighbour advertisements.
    pub neighbor_pace: Duration,
    /// Every instance waits that long after the start; zero: none.
    pub startup_delay: Duration,
}

/// Interfaces that share a pace of announcements.
#[derive(Clone, Debug)]
pub struct PaceGroup {
    /// Gratuitous ARP.
    pub arp: Duration,
    /// Unsolicited neighbour advertisements.
    pub neighbor: Duration,
    /// Names.
    pub interfaces: Vec<String>,
}

/// One instance: its status, and what the config says of it.
#[derive(Clone, Debug)]
pub struct Instance {
    /// As everywhere.
    pub status: InstanceStatus,
    /// What it counted, less what was counted when the counts were last cleared.
    pub stats: Stats,
    /// From now to its next deadline: the next advert of a master, the takeover of a backup.
    pub deadline: Option<Duration>,
    /// How long a backup of its priority waits for a silent master.
    pub down: Duration,
    /// The interval of the master; its own as long as there is none.
    pub active_interval: Duration,
    /// Its own.
    pub interval: Duration,
    /// How adverts travel.
    pub transport: Transport,
    /// The source is the config's.
    pub source_given: bool,
    /// Fault while its interface is down.
    pub tracks_interface: bool,
    /// Its interface is down or absent.
    pub is_down: bool,
    /// Index of its interface; 0 while absent.
    pub ifindex: u32,
    /// `garp_*`.
    pub garp: Garp,
    /// Adverts that must be missing until a master counts as gone.
    pub down_timer_adverts: u8,
    /// A losing advert is answered at once.
    pub asserts: bool,
    /// A master that loses sends one more advert.
    pub concedes: bool,
    /// Packets to the addresses are taken.
    pub accepts: bool,
    /// It takes over from a lower priority.
    pub preempts: bool,
    /// Only so long after it heard that one.
    pub preempt_delay: Duration,
    /// The password of version 2.
    pub password: Option<String>,
    /// Advertised.
    pub addresses: Vec<Address>,
    /// Not advertised.
    pub excluded: Vec<Address>,
    /// `track_interface`.
    pub interfaces: Vec<Tracked>,
    /// `track_script`.
    pub scripts: Vec<Tracked>,
    /// `notify_*`.
    pub notify: Notify,
}

impl Instance {
    /// The master that is heard, and its priority.
    fn heard_master(&self) -> Option<(IpAddr, u8)> {
        let active = self.status.active.as_ref().filter(|active| !active.local)?;
        Some((active.source, active.priority))
    }
}

/// How adverts travel.
#[derive(Clone, Debug)]
pub enum Transport {
    /// To a group.
    Multicast(IpAddr),
    /// To peers.
    Unicast {
        /// TTL of what is sent.
        ttl: u8,
        /// Others than the peers are rejected.
        checks_source: bool,
        /// Address, lowest and highest TTL.
        peers: Vec<(IpAddr, u8, u8)>,
    },
}

/// When addresses are announced.
#[derive(Clone, Copy, Debug, Default)]
pub struct Garp {
    /// In whole seconds.
    pub delay: u64,
    /// Times.
    pub repeat: u8,
    /// In whole seconds.
    pub refresh: u64,
    /// Times.
    pub refresh_repeat: u8,
    /// In whole seconds.
    pub lower_delay: u64,
    /// Times.
    pub lower_repeat: u8,
}

/// What an instance depends on.
#[derive(Clone, Debug)]
pub struct Tracked {
    /// Name.
    pub name: String,
    /// Weight.
    pub weight: i16,
    /// The sign applies to the other case.
    pub reverse: bool,
}

/// Programs that are told of transitions.
#[derive(Clone, Debug, Default)]
pub struct Notify {
    /// `notify_backup`.
    pub backup: Option<Command>,
    /// `notify_master`.
    pub master: Option<Command>,
    /// `notify_fault`.
    pub fault: Option<Command>,
    /// `notify_stop`.
    pub stop: Option<Command>,
    /// `notify`.
    pub any: Option<Command>,
}

/// A program, its arguments, and who runs it.
#[derive(Clone, Debug)]
pub struct Command {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// User and group.
    pub ids: (u32, u32),
}

impl Command {
    /// Each word in quotes.
    fn quoted(&self) -> String {
        let mut text = format!("'{}'", self.program.display());
        for argument in &self.arguments {
            text.push_str(&format!(" '{argument}'"));
        }
        text
    }
}

/// A script.
#[derive(Clone, Debug)]
pub struct Script {
    /// Name.
    pub name: String,
    /// What is run.
    pub command: Command,
    /// How often.
    pub interval: Duration,
    /// When it is given up; zero: the interval counts.
    pub timeout: Duration,
    /// The weight that its users have unless they say another.
    pub weight: Tracked,
    /// Successes in a row until good.
    pub rise: u32,
    /// Failures in a row until bad.
    pub fall: u32,
    /// Its verdict; absent until known.
    pub good: Option<bool>,
    /// It runs now.
    pub running: bool,
    /// Instances that depend on it, with their weights.
    pub instances: Vec<Tracked>,
}

/// An interface of the host.
#[derive(Clone, Debug)]
pub struct Link {
    /// Name.
    pub name: String,
    /// Index.
    pub index: u32,
    /// First address.
    pub ipv4: Option<IpAddr>,
    /// Link-local address.
    pub ipv6: Option<IpAddr>,
    /// MAC; zeroes without one.
    pub mac: [u8; 6],
    /// Switched on.
    pub up: bool,
    /// With carrier.
    pub running: bool,
    /// The loopback interface.
    pub loopback: bool,
    /// Does multicast.
    pub multicast: bool,
    /// In bytes.
    pub mtu: u32,
    /// Instances that depend on it, with their weights.
    pub instances: Vec<Tracked>,
}
