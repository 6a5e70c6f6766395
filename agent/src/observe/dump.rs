//! What keepalived writes on signals, as exporters and scripts read it: [`stats`], [`data`] and [`json`], in the words, the
//! order and the indentation of keepalived 2.2.7.
//!
//! Owns the texts. A [`Dump`] holds what they say; the runtime makes it from a snapshot and the plan behind it. What the
//! config says stands there also where the agent does without it; what nobody says and the agent has nothing of (numbers of
//! sockets, sysctls) is written as keepalived writes it when idle.

mod address;
mod data;
mod globals;
mod json;
mod stats;
mod time;

use std::{net::IpAddr, path::PathBuf, time::Duration};

pub use address::Address;
pub use data::data;
pub use globals::{Fifo, Globals, Mail, Process};
pub use json::json;
pub use stats::{Stats, stats};

use super::snapshot::InstanceStatus;

/// Everything that the texts say.
#[derive(Clone, Debug)]
pub struct Dump {
    /// Now: Unix time in milliseconds.
    pub unix_ms: u64,
    /// `json_version`: 1 or 2.
    pub json_version: u8,
    /// What holds for all.
    pub globals: Globals,
    /// Interfaces that share a pace of announcements.
    pub pace_groups: Vec<PaceGroup>,
    /// What no instance moves.
    pub fixed: Fixed,
    /// In the order of the config.
    pub instances: Vec<Instance>,
    /// In the order of the config.
    pub sync_groups: Vec<SyncGroup>,
    /// In the order of the config.
    pub scripts: Vec<Script>,
    /// In the order of the config.
    pub track_files: Vec<TrackFile>,
    /// In the order of the config.
    pub track_processes: Vec<TrackProcess>,
    /// By index.
    pub links: Vec<Link>,
}

/// Interfaces that share a pace of announcements.
#[derive(Clone, Debug)]
pub struct PaceGroup {
    /// Of those that share one; 0: of one interface alone.
    pub number: usize,
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
    /// `track_file`.
    pub files: Vec<Tracked>,
    /// `track_process`.
    pub processes: Vec<Tracked>,
    /// `notify_*`.
    pub notify: Notify,
    /// Its sync group.
    pub sync_group: Option<String>,
    /// `skip_check_adv_addr`.
    pub skips_address_check: bool,
    /// `strict_mode`.
    pub strict: bool,
    /// `promote_secondaries`.
    pub promotes_secondaries: bool,
    /// `kernel_rx_buf_size`.
    pub receive_buffer: Option<u32>,
    /// `debug`.
    pub debug: Option<u8>,
    /// `virtual_routes`, as lines.
    pub routes: Vec<String>,
    /// `virtual_rules`, as lines.
    pub rules: Vec<String>,
    /// `smtp_alert`.
    pub mails: bool,
    /// `notify_deleted`.
    pub says_deleted: bool,
    /// `notify_priority_changes`.
    pub says_priorities: bool,
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
    pub weight: i32,
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
    /// `notify_master_rx_lower_pri`.
    pub lower_priority: Option<Command>,
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

/// What no instance moves, as lines.
#[derive(Clone, Debug, Default)]
pub struct Fixed {
    /// `static_ipaddress`.
    pub addresses: Vec<String>,
    /// `static_routes`.
    pub routes: Vec<String>,
    /// `static_rules`.
    pub rules: Vec<String>,
    /// `track_group`: names, each with its instances.
    pub groups: Vec<(String, Vec<String>)>,
}

/// Instances that go together.
#[derive(Clone, Debug)]
pub struct SyncGroup {
    /// Name.
    pub name: String,
    /// The state that all of them are in, or are kept from.
    pub state: &'static str,
    /// Instances in Fault.
    pub faults: usize,
    /// Instances that have no state yet.
    pub initial: usize,
    /// Names of its instances.
    pub members: Vec<String>,
    /// `smtp_alert`.
    pub mails: bool,
    /// `track_interface`.
    pub interfaces: Vec<Tracked>,
    /// `track_script`.
    pub scripts: Vec<Tracked>,
    /// `notify_*`.
    pub notify: Notify,
}

/// A file whose number priorities depend on.
#[derive(Clone, Debug)]
pub struct TrackFile {
    /// Name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The number in it; absent until known.
    pub value: Option<i64>,
    /// The weight that its users have unless they say another.
    pub weight: i32,
    /// The sign is turned round.
    pub reverse: bool,
    /// Instances that depend on it, with their weights.
    pub instances: Vec<Tracked>,
}

/// Processes that priorities depend on.
#[derive(Clone, Debug)]
pub struct TrackProcess {
    /// Name.
    pub name: String,
    /// Name of the program.
    pub program: String,
    /// Its parameters.
    pub parameters: String,
    /// So many at least.
    pub quorum: u16,
    /// So many at most.
    pub quorum_max: Option<u16>,
    /// How many there are; absent until known.
    pub count: Option<u32>,
    /// There are enough; absent until known.
    pub good: Option<bool>,
    /// The weight that its users have unless they say another.
    pub weight: i32,
    /// The sign applies to the other case.
    pub reverse: bool,
    /// Until enough of them count.
    pub fork_delay: Duration,
    /// Until too few of them count.
    pub terminate_delay: Duration,
    /// The command line is compared.
    pub full_command: bool,
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
    /// Shortest time between two gratuitous ARPs there.
    pub arp_pace: Duration,
    /// Shortest time between two unsolicited neighbour advertisements there.
    pub neighbor_pace: Duration,
    /// Instances that depend on it, with their weights.
    pub instances: Vec<Tracked>,
}
