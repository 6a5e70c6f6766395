//! The plan: what a config asks for, typed, checked and immutable. Runtime code sees only this.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use regent_common::{
    AdvertInterval, Family, LocalPriority, Version, Vrid,
    advert::{Authentication, ChecksumForm},
};
use regent_vrrp::{Announcements, Preemption};

/// Everything that one config asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// `router_id`: this host's name in messages.
    pub router_id: Option<String>,
    /// In the order of the config.
    pub instances: Vec<InstancePlan>,
    /// Scripts that at least one instance tracks, in the order of the config.
    pub scripts: Vec<ScriptPlan>,
}

/// One virtual router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstancePlan {
    /// Name of the block.
    pub name: String,
    /// Interface that adverts use.
    pub interface: String,
    /// The VRID.
    pub vrid: Vrid,
    /// Family of the advertised addresses.
    pub family: Family,
    /// Version spoken.
    pub version: Version,
    /// Priority before trackers.
    pub priority: LocalPriority,
    /// Advertisement interval.
    pub interval: AdvertInterval,
    /// `nopreempt`, `preempt_delay`.
    pub preemption: Preemption,
    /// `garp_*`.
    pub announcements: Announcements,
    /// Version 2 password.
    pub authentication: Authentication,
    /// Version 3 over IPv4: which checksum is sent.
    pub checksum: ChecksumForm,
    /// `down_timer_adverts`: adverts that must be missing until the Active Router counts as gone; 3 by the RFC.
    pub down_timer_adverts: u8,
    /// `virtual_ipaddress`: assigned while Active and named in adverts, in the order of the config.
    pub addresses: Vec<AddressPlan>,
    /// `virtual_ipaddress_excluded`: assigned while Active, not named in adverts; of either family.
    pub excluded: Vec<AddressPlan>,
    /// `track_interface`.
    pub track_interfaces: Vec<TrackedInterface>,
    /// `track_script`.
    pub track_scripts: Vec<TrackedScript>,
    /// `notify*`.
    pub notify: NotifyPlan,
}

/// An address to assign.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AddressPlan {
    /// The address.
    pub address: IpAddr,
    /// Prefix length: 32 or 128 unless the config says otherwise.
    pub prefix_length: u8,
    /// Interface, when it is not the instance's.
    pub device: Option<String>,
    /// `brd`: IPv4 only.
    pub broadcast: Option<Ipv4Addr>,
    /// `scope` as rtnetlink's number; 0 is global.
    pub scope: u8,
    /// `label`: IPv4 only, at most 15 bytes.
    pub label: Option<String>,
}

/// An interface that an instance depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackedInterface {
    /// Its name.
    pub name: String,
    /// Added while it is up (positive) or while it is down (negative); 0: Fault while it is down.
    pub weight: i16,
    /// `reverse`: the sign applies to the other case.
    pub reverse: bool,
}

/// A script that an instance depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackedScript {
    /// Name of the `vrrp_script` block.
    pub name: String,
    /// Added while it succeeds (positive) or while it fails (negative); 0: Fault while it fails.
    pub weight: i16,
    /// `reverse`: the sign applies to the other case.
    pub reverse: bool,
}

/// A `vrrp_script`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptPlan {
    /// Name of the block.
    pub name: String,
    /// What to run.
    pub command: Command,
    /// How often.
    pub interval: Duration,
    /// When a run is given up and counts as failed.
    pub timeout: Duration,
    /// Successes in a row until it counts as good.
    pub rise: u32,
    /// Failures in a row until it counts as bad.
    pub fall: u32,
    /// `init_fail`: bad until its first success.
    pub starts_failed: bool,
}

/// A program with its arguments, run without a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Who runs it; `None`: as the agent does.
    pub user: Option<RunAs>,
}

/// A user and maybe a group, by name as the config has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunAs {
    /// User name.
    pub user: String,
    /// Group name; the user's own when absent.
    pub group: Option<String>,
}

/// Programs to run on a transition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotifyPlan {
    /// `notify_master`.
    pub master: Option<Command>,
    /// `notify_backup`.
    pub backup: Option<Command>,
    /// `notify_fault`.
    pub fault: Option<Command>,
    /// `notify_stop`.
    pub stop: Option<Command>,
    /// `notify`: on each, with `INSTANCE NAME STATE PRIORITY` appended.
    pub any: Option<Command>,
}
