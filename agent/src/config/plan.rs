//! The plan: what a config asks for, typed, checked and immutable. Runtime code sees only this.
//!
//! `agent convert` prints it: every type in it is written as JSON by serde, in the way of `json`.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use regent_common::{
    AdvertInterval, Family, LocalPriority, Version, Vrid,
    advert::{AUTHENTICATION_LENGTH, Authentication, ChecksumForm},
};
use regent_vrrp::{Announcements, Preemption};
use serde::Serialize;

mod bfd;
mod checker;
mod defaults;
pub mod diff;
mod fifos;
mod files;
mod firewall;
mod fixed;
mod gate;
mod global;
mod hmac;
mod ipvs;
mod json;
mod link;
mod linkbeat;
mod mail;
mod place;
mod processes;
mod programs;
mod remote;
mod route;
mod rule;
mod sync_group;
mod track_file;
mod track_process;
mod virtual_server;
mod weight;

pub use bfd::BfdPlan;
pub use checker::{
    BytePattern, Check, CheckerPlan, Connection, DnsCheck, FileCheck, HttpCheck, HttpVersion, MiscCheck,
    RecordType, RegexPlan, ReplyPlan, Schedule, SmtpCheck, SslPlan, StatusCodes, UdpCheck, UrlPlan,
};
pub use defaults::DefaultsPlan;
pub use fifos::{FifoPlan, FifosPlan};
pub use files::{FilesPlan, IncludeCheck, IncludeCheckKind, ReloadMarker, ReloadPlan, VmacPlan};
pub use firewall::{FirewallPlan, IptablesPlan, NftablesPlan};
pub use fixed::{Fixed, FixedPlan, TrackGroup};
pub use gate::Gate;
pub use global::GlobalPlan;
pub use hmac::{AntiReplay, HmacKey, HmacMode, HmacPlan, HmacSecret, Secret};
pub use ipvs::{FlushOnStop, IpvsPlan, IpvsTimeouts, SyncDaemonPlan};
pub use link::{Ipvlan, IpvlanMode, LinkPlan, Mac, OwnInterface, Vmac};
pub use linkbeat::{InterfaceDelays, LinkbeatInterface, LinkbeatMethod, LinkbeatPlan};
pub use mail::{MailPlan, MailServer};
pub use place::{IpvsNamespace, PlacePlan};
pub use processes::{BufferPlan, BuffersPlan, ProcessPlan, ProcessesPlan, ReceivePolicy};
pub use programs::{ProgramOnce, ProgramsPlan};
pub use remote::{DbusPlan, SnmpPlan};
pub(super) use route::MAIN_TABLE;
pub use route::{
    CongestionControl, Encapsulation, NextHop, Placement, Prefix, Realms, RouteKind, RouteMetric,
    RouteMetrics, RoutePlan, RouteTable, RouteTime, RouterPreference, Tunnel,
};
pub use rule::{Between, Mark, RuleAction, RuleMatch, RulePlan};
pub use sync_group::SyncGroupPlan;
pub use track_file::{InitialValue, TrackFilePlan, Tracked};
pub use track_process::{ParameterMatch, TrackProcessPlan};
pub use virtual_server::{
    Endpoint, Forwarding, GroupEntry, Persistence, Protocol, RealServerPlan, Scheduler, SchedulerFlags,
    ServerGroupPlan, ServerTunnel, ServicePlan, SorryServerPlan, TunnelChecksum, VirtualServerPlan,
};
pub use weight::{TrackerKind, WeightPlan};

/// Everything that one config asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// `router_id`: this host's name in messages.
    pub router_id: Option<String>,
    /// In the order of the config.
    pub instances: Vec<InstancePlan>,
    /// Scripts that at least one instance tracks, in the order of the config.
    pub scripts: Vec<ScriptPlan>,
    /// `vrrp_startup_delay`: every instance waits that long after the start; zero: none.
    #[serde(rename = "startup_delay_us", serialize_with = "json::us")]
    pub startup_delay: Duration,
    /// `vrrp_delay_after_boot`: every instance waits until the host has been up that long; zero: none.
    #[serde(rename = "delay_after_boot_us", serialize_with = "json::us")]
    pub delay_after_boot: Duration,
    /// `vrrp_garp_interval`, `vrrp_gna_interval`: the pace of announcements on each interface that no group names.
    pub pace: Pace,
    /// `garp_group`: interfaces that share a pace.
    pub pace_groups: Vec<PaceGroup>,
    /// `xdp`: which rungs of the ladder may be used, unless the command line says it.
    pub xdp: XdpChoice,
    /// `vrrp_sync_group`, in the order of the config.
    pub sync_groups: Vec<SyncGroupPlan>,
    /// `track_file`, in the order of the config.
    pub track_files: Vec<TrackFilePlan>,
    /// `vrrp_track_process`, in the order of the config.
    pub track_processes: Vec<TrackProcessPlan>,
    /// What is said for the agent as a whole.
    pub globals: GlobalPlan,
    /// In the order of the config. Nothing is balanced yet.
    pub virtual_servers: Vec<VirtualServerPlan>,
    /// Those that a virtual server names, in the order of the config.
    pub server_groups: Vec<ServerGroupPlan>,
    /// `SSL`; `None`: nothing is shown, and anyone trusted.
    pub ssl: Option<SslPlan>,
    /// In the order of the config. No session is run yet.
    pub bfd_instances: Vec<BfdPlan>,
    /// `static_*`: what stays, whoever is master.
    pub fixed: FixedPlan,
    /// Instances that are understood and do not run: the agent lacks what they ask for (`auth_hmac`), and must not run
    /// them without. In the order of the config; they hold neither VRID nor address.
    pub unable: Vec<InstancePlan>,
}

/// What stands for a password or key that is not shown.
const HIDDEN: &str = "***";

impl Plan {
    /// The plan with asterisks for each password and key, to be shown to whoever asks.
    pub fn without_secrets(&self) -> Self {
        let mut plan = self.clone();
        for instance in plan.instances.iter_mut().chain(&mut plan.unable) {
            if let Authentication::Password(password) = &mut instance.authentication {
                *password = [0; AUTHENTICATION_LENGTH];
                password.iter_mut().zip(HIDDEN.bytes()).for_each(|(to, from)| *to = from);
            }
            for key in instance.hmac.iter_mut().flat_map(|hmac| &mut hmac.keys) {
                if let HmacSecret::Bytes(secret) = &mut key.secret {
                    *secret = Secret::gone();
                }
            }
        }
        if let Some(ssl) = &mut plan.ssl {
            ssl.password = ssl.password.as_ref().map(|_| HIDDEN.to_owned());
        }
        plan
    }
}

/// Which rungs of the ladder may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum XdpChoice {
    /// Native, else generic, else the socket.
    #[default]
    Auto,
    /// Native, else the socket.
    Native,
    /// Generic, else the socket.
    Generic,
    /// The socket.
    Off,
}

/// The shortest time between two announcements on an interface; zero: back to back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pace {
    /// Gratuitous ARP.
    #[serde(rename = "arp_us", serialize_with = "json::us")]
    pub arp: Duration,
    /// Unsolicited neighbour advertisements.
    #[serde(rename = "neighbor_us", serialize_with = "json::us")]
    pub neighbor: Duration,
}

/// Interfaces whose announcements follow each other at one pace, as through one switch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PaceGroup {
    /// Names.
    pub interfaces: Vec<String>,
    /// The pace of all of them together.
    pub pace: Pace,
}

/// One virtual router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstancePlan {
    /// Name of the block.
    pub name: String,
    /// Interface that adverts use.
    pub interface: String,
    /// The VRID.
    #[serde(serialize_with = "json::vrid")]
    pub vrid: Vrid,
    /// Family of the advertised addresses.
    #[serde(serialize_with = "json::family")]
    pub family: Family,
    /// How adverts travel.
    pub transport: Transport,
    /// `mcast_src_ip`, `unicast_src_ip`: sent from this address and not from the interface's primary one.
    pub source: Option<IpAddr>,
    /// `track_src_ip`, and always with unicast: Fault while the interface does not have `source`.
    pub tracks_source: bool,
    /// Fault while the interface is down; `dont_track_primary` says no.
    pub tracks_interface: bool,
    /// Version spoken.
    #[serde(serialize_with = "json::version")]
    pub version: Version,
    /// Priority before trackers.
    #[serde(serialize_with = "json::priority")]
    pub priority: LocalPriority,
    /// Advertisement interval.
    #[serde(rename = "interval_us", serialize_with = "json::interval_us")]
    pub interval: AdvertInterval,
    /// `nopreempt`, `preempt_delay`.
    #[serde(serialize_with = "json::preemption")]
    pub preemption: Preemption,
    /// `garp_*`.
    #[serde(serialize_with = "json::announcements")]
    pub announcements: Announcements,
    /// An Active answers a losing advert with one of its own at once; `lower_prio_no_advert` says no.
    pub asserts: bool,
    /// An Active that loses sends one more advert before it steps down; `higher_prio_send_advert no` says no.
    pub concedes: bool,
    /// Packets to the addresses are taken although the instance does not own them (RFC 9568 §6.1, Accept_Mode);
    /// `no_accept` says no.
    pub accepts: bool,
    /// Version 2 password.
    #[serde(serialize_with = "json::authentication")]
    pub authentication: Authentication,
    /// Version 3 over IPv4: which checksum is sent.
    #[serde(serialize_with = "json::checksum")]
    pub checksum: ChecksumForm,
    /// `down_timer_adverts`: adverts that must be missing until the Active Router counts as gone; 3 by the RFC.
    pub down_timer_adverts: u8,
    /// `gate`: when this router falls silent for its addresses although it never gave them up.
    pub gate: Gate,
    /// The XDP program answers for the addresses; `responder off` leaves that to the kernel.
    pub responder: bool,
    /// `virtual_mac`: what leaves in the name of the virtual router carries its MAC (RFC 9568 §7.3), without an interface
    /// of its own.
    pub virtual_mac: bool,
    /// `virtual_ipaddress`: assigned while Active and named in adverts, in the order of the config.
    pub addresses: Vec<AddressPlan>,
    /// `virtual_ipaddress_excluded`: assigned while Active, not named in adverts; of either family.
    pub excluded: Vec<AddressPlan>,
    /// `track_interface`.
    pub track_interfaces: Vec<TrackedInterface>,
    /// `track_script`.
    pub track_scripts: Vec<TrackedScript>,
    /// `track_file`.
    pub track_files: Vec<Tracked>,
    /// `track_process`.
    pub track_processes: Vec<Tracked>,
    /// `track_bfd`.
    pub track_bfds: Vec<Tracked>,
    /// `virtual_routes`: set while Active.
    pub routes: Vec<RoutePlan>,
    /// `virtual_rules`: set while Active.
    pub rules: Vec<RulePlan>,
    /// `auth_hmac`: adverts are signed. Boxed: most instances have none.
    pub hmac: Option<Box<HmacPlan>>,
    /// Interfaces that it asks for beside its own.
    pub link: LinkPlan,
    /// `garp_extra_if`, `vmac_garp_intvl`.
    pub extra_announcements: Option<ExtraAnnouncements>,
    /// `owner_ignore_adverts`: with priority 255 no advert is heard.
    pub ignores_owners: bool,
    /// What only keepalived needs.
    pub tuning: TuningPlan,
    /// `notify*`.
    pub notify: NotifyPlan,
}

/// Announcements on interfaces other than the instance's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ExtraAnnouncements {
    /// How often; zero: never.
    #[serde(rename = "interval_us", serialize_with = "json::us")]
    pub interval: Duration,
    /// `all`: of each address there, and not of one.
    pub all: bool,
}

/// What keepalived lets one tune of an instance, and the agent does not need.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct TuningPlan {
    /// `debug`: 0..=4.
    pub debug: Option<u8>,
    /// `kernel_rx_buf_size`: bytes.
    pub receive_buffer: Option<u32>,
    /// `timer_expired_backup`: the highest priority of the others.
    pub backup_when_late: Option<u8>,
    /// `thread_timer_expired`, with its words as written.
    pub when_late: Option<Vec<String>>,
    /// `skip_check_adv_addr`, else what `global_defs` says; `None`: neither does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skips_address_check: Option<bool>,
    /// `strict_mode`, else `vrrp_strict`: what that changes stands in the rest of the plan.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
}

/// What need not be said of most instances is left out.
impl fmt::Debug for TuningPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { debug, receive_buffer, backup_when_late, when_late, skips_address_check, strict } = self;
        let mut shown = f.debug_struct("TuningPlan");
        shown.field("debug", debug).field("receive_buffer", receive_buffer);
        shown.field("backup_when_late", backup_when_late).field("when_late", when_late);
        if skips_address_check.is_some() {
            shown.field("skips_address_check", skips_address_check);
        }
        if *strict {
            shown.field("strict", strict);
        }
        shown.finish()
    }
}

impl InstancePlan {
    /// How old the newest attempted advert may be before the gate shuts; zero: it never does.
    pub fn patience(&self) -> Duration {
        self.gate.patience(self.interval, self.down_timer_adverts)
    }

    /// How many addresses it has, advertised or not.
    pub fn address_count(&self) -> usize {
        self.addresses.len() + self.excluded.len()
    }
}

/// How adverts travel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// To a group on the interface's network, with TTL 255 on both sides.
    Multicast {
        /// 224.0.0.18 or ff02::12, unless `vrrp_mcast_group4`, `vrrp_mcast_group6` or `mcast_dst_ip` names another.
        group: IpAddr,
    },
    /// To each peer.
    Unicast(Unicast),
}

/// `unicast_peer` and what goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unicast {
    /// At least one, each once, in the order of the config.
    pub peers: Vec<PeerPlan>,
    /// `unicast_ttl`: TTL or hop limit of what is sent.
    pub ttl: u8,
    /// `check_unicast_src`: adverts of others than the peers are rejected.
    pub checks_source: bool,
}

/// A unicast peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PeerPlan {
    /// Its address.
    pub address: IpAddr,
    /// `min_ttl`: lowest TTL accepted from it.
    pub ttl_min: u8,
    /// `max_ttl`: highest TTL accepted from it.
    pub ttl_max: u8,
}

impl Transport {
    /// The unicast peers; none with multicast.
    pub fn peers(&self) -> &[PeerPlan] {
        match self {
            Self::Multicast { .. } => &[],
            Self::Unicast(unicast) => &unicast.peers,
        }
    }

    /// Multicast to the group that the RFC names.
    pub fn standard(family: Family) -> Self {
        Self::Multicast {
            group: match family {
                Family::Ipv4 => IpAddr::from(regent_common::ipv4::VRRP_GROUP),
                Family::Ipv6 => IpAddr::from(regent_common::ipv6::VRRP_GROUP),
            },
        }
    }
}

/// An address to assign.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
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
    /// `-nodad`: IPv6 duplicate address detection runs, which leaves the address unusable for a second.
    pub detects_duplicates: bool,
    /// `preferred_lft`: seconds, `u32::MAX` for ever. `None`: for ever, but 0 for an IPv6 address alone in its prefix.
    pub preferred_lifetime: Option<u32>,
    /// `noprefixroute`, and always for an address alone in its prefix.
    pub no_prefix_route: bool,
    /// `peer`: the other end of a link between two hosts; of the same family.
    pub peer: Option<IpAddr>,
    /// `home`: IPv6 only.
    pub home: bool,
    /// `mngtmpaddr`: the kernel makes temporary addresses from it; IPv6 only.
    pub manages_temporary: bool,
    /// `autojoin`: the kernel joins the group that it is.
    pub joins: bool,
    /// `use_vmac`: its device gets an interface with the virtual MAC, which bears it.
    pub own_interface: bool,
    /// Fault while its device, when that is another than the instance's, is down; `no_track` says no.
    pub tracks_device: bool,
}

impl AddressPlan {
    /// With all that is optional left out.
    pub const fn plain(address: IpAddr, prefix_length: u8) -> Self {
        Self {
            address,
            prefix_length,
            device: None,
            broadcast: None,
            scope: 0,
            label: None,
            detects_duplicates: false,
            preferred_lifetime: None,
            no_prefix_route: false,
            peer: None,
            home: false,
            manages_temporary: false,
            joins: false,
            own_interface: false,
            tracks_device: true,
        }
    }
}

/// RFC 9568 §5.2.9: the first IPv6 address MUST be the link-local one. Moves the first link-local address there, the
/// others keep their order; says where it was, `None` when there is none. Peers compare the list as a set.
pub fn link_local_first<T>(addresses: &mut [T], address: impl Fn(&T) -> IpAddr) -> Option<usize> {
    let is_link_local =
        |entry: &T| matches!(address(entry), IpAddr::V6(address) if address.is_unicast_link_local());
    let place = addresses.iter().position(is_link_local)?;
    if let Some(before) = addresses.get_mut(..=place) {
        before.rotate_right(1);
    }
    Some(place)
}

/// An interface that an instance depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrackedInterface {
    /// Its name.
    pub name: String,
    /// Added while it is up (positive) or while it is down (negative); 0: Fault while it is down.
    pub weight: i16,
    /// `reverse`: the sign applies to the other case.
    pub reverse: bool,
}

/// A script that an instance depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrackedScript {
    /// Name of the `vrrp_script` block.
    pub name: String,
    /// Added while it succeeds (positive) or while it fails (negative); 0: Fault while it fails.
    pub weight: i16,
    /// `reverse`: the sign applies to the other case.
    pub reverse: bool,
}

/// A `vrrp_script`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScriptPlan {
    /// Name of the block.
    pub name: String,
    /// What to run.
    pub command: Command,
    /// How often.
    #[serde(rename = "interval_us", serialize_with = "json::us")]
    pub interval: Duration,
    /// When a run is given up and counts as failed.
    #[serde(rename = "timeout_us", serialize_with = "json::us")]
    pub timeout: Duration,
    /// Successes in a row until it counts as good.
    pub rise: u32,
    /// Failures in a row until it counts as bad.
    pub fall: u32,
    /// `init_fail`: bad until its first success.
    pub starts_failed: bool,
}

/// A program with its arguments, run without a shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Command {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Who runs it; `None`: as the agent does.
    pub user: Option<RunAs>,
}

/// A user and maybe a group, by name as the config has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunAs {
    /// User name.
    pub user: String,
    /// Group name; the user's own when absent.
    pub group: Option<String>,
}

/// Programs to run on a transition. Boxed: most instances have none, and a command is large.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NotifyPlan {
    /// `notify_master`.
    pub master: Option<Box<Command>>,
    /// `notify_backup`.
    pub backup: Option<Box<Command>>,
    /// `notify_fault`.
    pub fault: Option<Box<Command>>,
    /// `notify_stop`.
    pub stop: Option<Box<Command>>,
    /// `notify`: on each, with `INSTANCE NAME STATE PRIORITY` appended.
    pub any: Option<Box<Command>>,
    /// `notify_master_rx_lower_pri`.
    pub lower_priority: Option<Box<Command>>,
    /// `notify_deleted`.
    pub deleted: Option<Box<Command>>,
    /// `notify_deleted`, with or without a command: DELETED is told and not FAULT when a reload takes the instance away.
    pub says_deleted: bool,
    /// `smtp_alert`, else what `global_defs` says; `None`: neither does.
    pub mail: Option<bool>,
    /// `notify_priority_changes`, else what `global_defs` says; `None`: neither does.
    pub priorities: Option<bool>,
}
