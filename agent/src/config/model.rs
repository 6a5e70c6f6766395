//! Document → model: what each block says, word by word, with the place of each value.
//!
//! Values are typed and in range here, but nothing is defaulted and no block knows another: that is `check`. What
//! cannot be read is diagnosed and left absent, so the model of any text exists.

mod address;
mod bfd;
mod checker;
mod command;
mod form;
mod garp_group;
mod global;
mod hmac;
mod instance;
mod line;
mod link;
mod linkbeat;
mod names;
mod peer;
mod place;
mod reader;
mod route;
mod rule;
mod script;
mod server;
mod ssl;
mod sync_group;
mod track;
mod track_file;
mod track_group;
mod track_process;
mod value;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    time::Duration,
};

use regent_common::Version;

use super::{
    diagnostic::Diagnostics,
    expand::Statement,
    keyword::RootTerm,
    plan::{
        AddressPlan, Command, Gate, GlobalPlan, InitialValue, Pace, ParameterMatch, RoutePlan, RulePlan,
        RunAs, XdpChoice,
    },
    source::{Sources, Span},
};
pub(super) use bfd::Bfd;
pub(super) use checker::{Checked, Checker, Common, Dial, Http, Udp, Url};
pub(super) use global::is_link_local_group;
pub(super) use hmac::Hmac;
pub(super) use instance::{AuthenticationType, Instance, OldChecksum, State, Travel};
pub(super) use link::{Ipvlan, Link, Vmac};
pub(super) use reader::Reader;
use reader::{Damage, Entry};
pub(super) use server::{Flag, Granularity, RealServer, ServerGroup, Shared, Timing, VirtualServer};
pub(super) use ssl::Ssl;
pub(super) use track::{Tracker, Weight, WideTracker, WideWeight};

/// A value and where it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its words.
    pub span: Span,
}

/// A value that must be there.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) enum Required<T> {
    /// Not said.
    #[default]
    Absent,
    /// Said, and diagnosed.
    Bad,
    /// Said.
    Good(Spanned<T>),
}

/// A whole config.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    /// `global_defs`, however many.
    pub globals: Globals,
    /// In order.
    pub scripts: Vec<Script>,
    /// In order.
    pub instances: Vec<Instance>,
    /// In order.
    pub garp_groups: Vec<GarpGroup>,
    /// In order.
    pub sync_groups: Vec<SyncGroup>,
    /// In order.
    pub track_files: Vec<TrackFile>,
    /// In order.
    pub track_processes: Vec<TrackProcess>,
    /// In order.
    pub virtual_servers: Vec<VirtualServer>,
    /// In order.
    pub server_groups: Vec<ServerGroup>,
    /// In order.
    pub bfd_instances: Vec<Bfd>,
    /// In order; the last one counts.
    pub ssl: Vec<Ssl>,
    /// `static_*`, however many of each.
    pub fixed: Fixed,
    /// In order.
    pub track_groups: Vec<TrackGroup>,
    /// Wherever it stands.
    pub named: Named,
}

/// `static_ipaddress`, `static_routes`, `static_rules`.
#[derive(Clone, Debug, Default)]
pub(super) struct Fixed {
    pub addresses: Vec<Grouped<AddressPlan>>,
    pub routes: Vec<Grouped<RoutePlan>>,
    pub rules: Vec<Grouped<RulePlan>>,
}

/// What a line sets, and the `track_group` that it names.
#[derive(Clone, Debug)]
pub(super) struct Grouped<T> {
    pub what: Spanned<T>,
    pub group: Option<Spanned<String>>,
}

/// `track_group`.
#[derive(Clone, Debug)]
pub(super) struct TrackGroup {
    pub name: Spanned<String>,
    pub instances: Vec<Spanned<String>>,
}

/// What a config names that only a host has: in the order of the text, whatever becomes of the lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    pub interfaces: Vec<Spanned<String>>,
    /// Without the users that other lines give them.
    pub programs: Vec<Spanned<Command>>,
    pub users: Vec<Spanned<RunAs>>,
}

/// `global_defs`.
#[derive(Clone, Debug, Default)]
pub(super) struct Globals {
    pub router_id: Option<String>,
    pub version: Option<Version>,
    pub checksum_as_v2: Option<bool>,
    pub down_timer_adverts: Option<u8>,
    pub garp: Garp,
    pub script_user: Option<RunAs>,
    pub default_interface: Option<Spanned<String>>,
    pub startup_delay: Option<Duration>,
    pub delay_after_boot: Option<Duration>,
    pub multicast_group4: Option<Ipv4Addr>,
    pub multicast_group6: Option<Ipv6Addr>,
    pub pace: Pace,
    /// `vrrp_min_garp`.
    pub minimal_garp: bool,
    pub contest: Contest,
    pub checks_source: Option<bool>,
    pub strict: Option<Spanned<bool>>,
    pub presence: Presence,
    pub xdp: Option<XdpChoice>,
    /// What needs nothing but its words, as the plan has it.
    pub kept: GlobalPlan,
    /// `startup_script_timeout`, in seconds.
    pub startup_seconds: Option<u16>,
    /// `shutdown_script_timeout`, in seconds.
    pub shutdown_seconds: Option<u16>,
    /// `inst` of `lvs_sync_daemon`.
    pub sync_daemon: Option<Spanned<String>>,
    /// Each word of `global_defs` or of the root that was said and could be read, and where last.
    pub said: BTreeMap<&'static str, Span>,
}

/// What an Active Router does about others.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Contest {
    /// Not `lower_prio_no_advert`.
    pub asserts: Option<bool>,
    /// `higher_prio_send_advert`.
    pub concedes: Option<bool>,
}

/// How an instance is seen on its network.
#[derive(Clone, Debug, Default)]
pub(super) struct Presence {
    pub gate: Option<Spanned<Gate>>,
    pub responder: Option<bool>,
    pub virtual_mac: Option<bool>,
}

/// `garp_group`.
#[derive(Clone, Debug)]
pub(super) struct GarpGroup {
    /// The word `garp_group`.
    pub span: Span,
    pub pace: Pace,
    pub interfaces: Vec<Spanned<String>>,
    /// Part of it could not be read.
    pub damaged: bool,
}

/// `garp_*`, or `vrrp_garp_*`.
#[derive(Clone, Debug, Default)]
pub(super) struct Garp {
    pub delay: Option<Duration>,
    pub repeat: Option<u8>,
    pub refresh: Option<Duration>,
    pub refresh_repeat: Option<u8>,
    pub lower_delay: Option<Duration>,
    pub lower_repeat: Option<u8>,
}

/// `vrrp_script`.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub name: Spanned<String>,
    pub command: Required<Command>,
    pub interval: Option<Duration>,
    pub timeout: Option<Duration>,
    pub weight: Option<Weight>,
    pub rise: Option<u32>,
    pub fall: Option<u32>,
    pub user: Option<RunAs>,
    pub starts_failed: bool,
    /// Part of it could not be read.
    pub damaged: bool,
}

/// `track_file`.
#[derive(Clone, Debug)]
pub(super) struct TrackFile {
    pub name: Spanned<String>,
    pub path: Required<PathBuf>,
    pub weight: Option<WideWeight>,
    pub initial: Option<InitialValue>,
    /// Part of it could not be read.
    pub damaged: bool,
}

/// `vrrp_track_process`.
#[derive(Clone, Debug)]
pub(super) struct TrackProcess {
    pub name: Spanned<String>,
    /// Program and parameters.
    pub command: Required<Vec<String>>,
    pub matching: Option<ParameterMatch>,
    pub full_command: bool,
    pub weight: Option<WideWeight>,
    pub quorum: Option<Spanned<u16>>,
    pub quorum_max: Option<Spanned<u16>>,
    pub fork_delay: Option<Duration>,
    pub terminate_delay: Option<Duration>,
    /// Part of it could not be read.
    pub damaged: bool,
}

/// `vrrp_sync_group`.
#[derive(Clone, Debug)]
pub(super) struct SyncGroup {
    pub name: Spanned<String>,
    /// In order, as they are written.
    pub members: Vec<Spanned<String>>,
    /// Lines that are no word of the block: names, most likely.
    pub loose: Vec<Span>,
    pub track_interfaces: Vec<Tracker>,
    pub track_scripts: Vec<Tracker>,
    pub track_files: Vec<WideTracker>,
    pub track_processes: Vec<WideTracker>,
    pub track_bfd: Vec<Tracker>,
    pub notify: Notify,
    /// `sync_group_tracking_weight` or `global_tracking`.
    pub keeps_weights: Option<Span>,
    /// Part of it could not be read.
    pub damaged: bool,
}

/// `notify*`.
#[derive(Clone, Debug, Default)]
pub(super) struct Notify {
    pub master: Option<Command>,
    pub backup: Option<Command>,
    pub fault: Option<Command>,
    pub stop: Option<Command>,
    pub any: Option<Command>,
    pub lower_priority: Option<Command>,
    pub deleted: Option<Command>,
    /// The word `notify_deleted`, with or without a command.
    pub says_deleted: bool,
    /// `smtp_alert`.
    pub mail: Option<bool>,
    /// `notify_priority_changes`.
    pub priorities: Option<bool>,
}

/// Reads a document. `look` allows a look at the file system, to warn of programs that are not there.
pub(super) fn read(
    statements: &[Statement],
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
    look: bool,
) -> Model {
    let mut reader = Reader {
        sources,
        diagnostics,
        look,
        excused: false,
        named: Named::default(),
        effects: reader::Effects::default(),
        placeholders: Vec::new(),
        names: names::Names::default(),
        preferences: rule::Preferences::default(),
    };
    let mut model = Model::default();
    let mut damage = Damage::default();
    // For each entry, the instance it became.
    let mut became = Vec::new();
    for entry in reader.entries::<RootTerm>("", statements, &mut damage) {
        let before = model.instances.len();
        root(&mut reader, &entry, &mut model);
        became.push((model.instances.len() > before).then_some(before));
    }
    reader.report_effects();
    model.named = std::mem::take(&mut reader.named);
    // A line of an instance that stands at the root was torn off by a stray brace: the block before it is not whole.
    for entry in damage.misplaced {
        let instance = entry.checked_sub(1).and_then(|entry| became.get(entry)).copied().flatten();
        if let Some(instance) = instance.and_then(|index| model.instances.get_mut(index)) {
            instance.damaged = true;
        }
    }
    model
}

/// One entry of the root.
fn root(reader: &mut Reader<'_>, entry: &Entry<'_, RootTerm>, model: &mut Model) {
    let outer = reader.excuse(entry.keyword);
    match (entry.term, &entry.statement.block) {
        (RootTerm::GlobalDefs, Some(block)) => global::read(reader, block, &mut model.globals),
        (RootTerm::Script, Some(block)) => model.scripts.extend(script::read(reader, entry, block)),
        (RootTerm::Instance, Some(block)) => model.instances.extend(instance::read(reader, entry, block)),
        (RootTerm::GarpGroup, Some(block)) => model.garp_groups.push(garp_group::read(reader, entry, block)),
        (RootTerm::SyncGroup, Some(block)) => {
            model.sync_groups.extend(sync_group::read(reader, entry, block));
        }
        (RootTerm::TrackFile, Some(block)) => {
            model.track_files.extend(track_file::read(reader, entry, block));
        }
        (RootTerm::TrackProcess, Some(block)) => {
            model.track_processes.extend(track_process::read(reader, entry, block));
        }
        (RootTerm::LinkbeatInterfaces, Some(block)) => {
            linkbeat::interfaces(reader, block, &mut model.globals.kept.linkbeat);
        }
        (RootTerm::VirtualServer, Some(block)) => {
            model.virtual_servers.push(server::read(reader, entry, block));
        }
        (RootTerm::VirtualServerGroup, Some(block)) => {
            model.server_groups.extend(server::group(reader, entry, block));
        }
        (RootTerm::Bfd, Some(block)) => model.bfd_instances.extend(bfd::read(reader, entry, block)),
        (RootTerm::Ssl, Some(block)) => model.ssl.push(ssl::read(reader, entry, block)),
        (RootTerm::StaticAddresses, Some(block)) => {
            address::read_static(reader, &block.statements, &mut model.fixed.addresses);
        }
        (RootTerm::StaticRoutes, Some(block)) => {
            route::read_static(reader, &block.statements, &mut model.fixed.routes);
        }
        (RootTerm::StaticRules, Some(block)) => {
            rule::read_static(reader, &block.statements, &mut model.fixed.rules);
        }
        (RootTerm::TrackGroup, Some(block)) => {
            model.track_groups.extend(track_group::read(reader, entry, block));
        }
        (RootTerm::InterfaceDelays, Some(block)) => {
            linkbeat::delays(reader, block, &mut model.globals.kept.linkbeat);
        }
        (
            RootTerm::NetNamespace
            | RootTerm::IpvsNamespace
            | RootTerm::NamespaceWithIpsets
            | RootTerm::InstanceName
            | RootTerm::UsePidDirectory
            | RootTerm::LinkbeatPolling
            | RootTerm::ChildWaitTime,
            _,
        ) => place::line(reader, entry, &mut model.globals),
        // The form of these words has a block: without it they do not come here.
        (
            RootTerm::GlobalDefs
            | RootTerm::Script
            | RootTerm::Instance
            | RootTerm::GarpGroup
            | RootTerm::SyncGroup
            | RootTerm::TrackFile
            | RootTerm::TrackProcess
            | RootTerm::VirtualServer
            | RootTerm::VirtualServerGroup
            | RootTerm::Bfd
            | RootTerm::Ssl
            | RootTerm::StaticAddresses
            | RootTerm::StaticRoutes
            | RootTerm::StaticRules
            | RootTerm::TrackGroup
            | RootTerm::LinkbeatInterfaces
            | RootTerm::InterfaceDelays,
            None,
        ) => {}
    }
    reader.excused = outer;
}
