//! A picture of the agent, the plans behind it and the host's interfaces: put together to what keepalived's dumps say.

mod globals;
mod routing;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use regent_common::advert::Authentication;
use regent_vrrp::{Announcements, Preemption};

use super::{gathered::GatheredInstance, status::Picture};
use crate::{
    config::plan::{self, AddressPlan, InstancePlan, NotifyPlan, Plan, ScriptPlan},
    net::inventory::Inventory,
    observe::{
        dump::{
            Address, Command, Dump, Fixed, Garp, Instance, Link, Notify, PaceGroup, Script, Stats, SyncGroup,
            TrackFile, TrackProcess, Tracked, Transport,
        },
        snapshot::{InstanceStatus, Snapshot},
    },
};

/// Puts it together. `plan` is asked for what holds for all instances alone.
pub fn dump(picture: Picture, plan: &Plan, namespace: Option<String>, inventory: &Inventory) -> Dump {
    let Picture { mut snapshot, gathered } = picture;
    let statuses = std::mem::take(&mut snapshot.instances);
    let scripts = plan.scripts.iter().map(|one| script(one, &statuses, &gathered.instances)).collect();
    let track_files = plan.track_files.iter().map(|one| track_file(one, &gathered.instances)).collect();
    let track_processes =
        plan.track_processes.iter().map(|one| track_process(one, &gathered.instances)).collect();
    let sync_groups = plan.sync_groups.iter().map(|one| sync_group(one, &statuses)).collect();
    let pace_groups = pace_groups(plan, &gathered.instances);
    let links = links(inventory, &gathered.instances, &pace_groups);
    let instances = statuses.into_iter().zip(&gathered.instances);
    let instances = instances.map(|(status, behind)| {
        let deadline = behind.deadline.map(|deadline| deadline.since(gathered.now));
        instance(status, behind, deadline, &snapshot)
    });
    Dump {
        unix_ms: crate::net::clock::unix_milliseconds(),
        json_version: plan.globals.files.json_version.unwrap_or(1),
        globals: globals::globals(plan, namespace),
        pace_groups,
        fixed: fixed(&plan.fixed, inventory),
        instances: instances
            .map(|instance| Instance { sync_group: group_of(plan, &instance.status.name), ..instance })
            .collect(),
        sync_groups,
        scripts,
        track_files,
        track_processes,
        links,
    }
}

/// The name of this host up to its first dot.
fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// The groups, and then each interface of an instance or its addresses that none of them names, if there is a pace for those. Only
/// interfaces that share theirs have a number.
fn pace_groups(plan: &Plan, behind: &[GatheredInstance]) -> Vec<PaceGroup> {
    let grouped = plan.pace_groups.iter().flat_map(|group| &group.interfaces);
    let grouped: BTreeSet<&str> = grouped.map(String::as_str).collect();
    let mut seen = BTreeSet::new();
    let rest = behind.iter().flat_map(|one| {
        let addresses = one.plan.addresses.iter().chain(&one.plan.excluded);
        let devices = addresses.filter_map(|address| address.device.as_deref());
        std::iter::once(one.plan.interface.as_str()).chain(devices)
    });
    let rest = rest.filter(|name| !grouped.contains(name) && seen.insert(*name)).map(|name| PaceGroup {
        number: 0,
        arp: plan.pace.arp,
        neighbor: plan.pace.neighbor,
        interfaces: vec![name.to_owned()],
    });
    let mut shared = 0;
    let said = plan.pace_groups.iter().map(|group| {
        let alone = group.interfaces.len() == 1;
        shared += usize::from(!alone);
        PaceGroup {
            number: if alone { 0 } else { shared },
            arp: group.pace.arp,
            neighbor: group.pace.neighbor,
            interfaces: group.interfaces.clone(),
        }
    });
    let paced = plan.pace != plan::Pace::default();
    said.chain(rest.take(if paced { usize::MAX } else { 0 })).collect()
}

/// What stays whoever is master, and whether it is there.
fn fixed(plan: &plan::FixedPlan, inventory: &Inventory) -> Fixed {
    let is_there = |planned: &AddressPlan| {
        let link = inventory.links.iter().find(|link| Some(&link.name) == planned.device.as_ref());
        link.is_some_and(|link| {
            inventory.addresses_of(link.index).any(|assigned| assigned.address == planned.address)
        })
    };
    let line = |planned: &AddressPlan| {
        let device = planned.device.clone().unwrap_or_default();
        address(planned, device, is_there(planned)).to_string()
    };
    Fixed {
        addresses: plan.addresses.iter().map(|fixed| line(&fixed.what)).collect(),
        routes: plan.routes.iter().map(|fixed| routing::route(&fixed.what)).collect(),
        rules: plan.rules.iter().map(|fixed| routing::rule(&fixed.what)).collect(),
        groups: plan.groups.iter().map(|group| (group.name.clone(), group.instances.clone())).collect(),
    }
}

/// The sync group that an instance is a member of.
fn group_of(plan: &Plan, instance: &str) -> Option<String> {
    let group =
        plan.sync_groups.iter().find(|group| group.members.iter().any(|member| member == instance))?;
    Some(group.name.clone())
}

fn sync_group(group: &plan::SyncGroupPlan, statuses: &[InstanceStatus]) -> SyncGroup {
    let states: Vec<&str> = statuses
        .iter()
        .filter(|status| group.members.contains(&status.name))
        .map(|status| status.state.as_str())
        .collect();
    let count = |wanted: &str| states.iter().filter(|state| **state == wanted).count();
    let state = match (count("FAULT"), count("MASTER")) {
        (1.., _) => "FAULT",
        (0, masters) if masters == states.len() && masters > 0 => "MASTER",
        (0, _) => "BACKUP",
    };
    SyncGroup {
        name: group.name.clone(),
        state,
        faults: count("FAULT"),
        initial: count("INIT"),
        members: group.members.clone(),
        mails: group.notify.mail == Some(true),
        interfaces: group.track_interfaces.iter().map(tracked_interface).collect(),
        scripts: group.track_scripts.iter().map(tracked_script).collect(),
        notify: notify(&group.notify),
    }
}

/// Who depends on what is called so.
fn users(
    behind: &[GatheredInstance],
    name: &str,
    of: impl Fn(&InstancePlan) -> &[plan::Tracked],
) -> Vec<Tracked> {
    let of = &of;
    behind
        .iter()
        .flat_map(|one| of(&one.plan).iter().map(move |tracked| (one, tracked)))
        .filter(|(_, tracked)| tracked.name == name)
        .map(|(one, tracked)| Tracked { name: one.plan.name.clone(), ..tracked_value(tracked) })
        .collect()
}

fn track_file(plan: &plan::TrackFilePlan, behind: &[GatheredInstance]) -> TrackFile {
    TrackFile {
        name: plan.name.clone(),
        path: plan.path.clone(),
        value: None,
        weight: plan.weight,
        reverse: plan.reverse,
        instances: users(behind, &plan.name, |one| &one.track_files),
    }
}

fn track_process(plan: &plan::TrackProcessPlan, behind: &[GatheredInstance]) -> TrackProcess {
    TrackProcess {
        name: plan.name.clone(),
        program: plan.program.clone(),
        parameters: plan.parameters.join(" "),
        quorum: plan.quorum,
        quorum_max: plan.quorum_max,
        count: None,
        good: None,
        weight: plan.weight.into(),
        reverse: plan.reverse,
        fork_delay: plan.fork_delay,
        terminate_delay: plan.terminate_delay,
        full_command: plan.full_command,
        instances: users(behind, &plan.name, |one| &one.track_processes),
    }
}

fn instance(
    status: InstanceStatus,
    behind: &GatheredInstance,
    deadline: Option<Duration>,
    snapshot: &Snapshot,
) -> Instance {
    let plan = &behind.plan;
    let port = snapshot.ports.iter().find(|port| port.name == plan.interface);
    let (addresses, excluded) = addresses(plan, &status);
    let (preempts, preempt_delay) = match plan.preemption {
        Preemption::After(delay) => (true, delay),
        Preemption::Never => (false, Duration::ZERO),
    };
    Instance {
        stats: Stats::of(&status),
        deadline,
        down: behind.down,
        active_interval: behind.active_interval,
        interval: plan.interval.duration(),
        transport: transport(&plan.transport),
        source_given: plan.source.is_some(),
        tracks_interface: plan.tracks_interface,
        is_down: port.is_none_or(|port| !port.up),
        ifindex: port.map_or(0, |port| port.ifindex),
        garp: garp(&plan.announcements),
        down_timer_adverts: plan.down_timer_adverts,
        asserts: plan.asserts,
        concedes: plan.concedes,
        accepts: plan.accepts,
        preempts,
        preempt_delay,
        password: password(&plan.authentication),
        addresses,
        excluded,
        interfaces: plan.track_interfaces.iter().map(tracked_interface).collect(),
        scripts: plan.track_scripts.iter().map(tracked_script).collect(),
        files: plan.track_files.iter().map(tracked_value).collect(),
        processes: plan.track_processes.iter().map(tracked_value).collect(),
        notify: notify(&plan.notify),
        sync_group: None,
        skips_address_check: plan.tuning.skips_address_check == Some(true),
        strict: plan.tuning.strict,
        promotes_secondaries: plan.link.promotes_secondaries,
        receive_buffer: plan.tuning.receive_buffer,
        debug: plan.tuning.debug,
        routes: plan.routes.iter().map(routing::route).collect(),
        rules: plan.rules.iter().map(routing::rule).collect(),
        mails: plan.notify.mail == Some(true),
        says_deleted: plan.notify.says_deleted,
        says_priorities: plan.notify.priorities == Some(true),
        status,
    }
}

/// The advertised ones and the others, with what the status knows of each.
fn addresses(plan: &InstancePlan, status: &InstanceStatus) -> (Vec<Address>, Vec<Address>) {
    let all = plan.addresses.iter().chain(&plan.excluded).zip(&status.addresses);
    let mut advertised: Vec<Address> =
        all.map(|(planned, status)| address(planned, status.device.clone(), status.assigned)).collect();
    let excluded = advertised.split_off(plan.addresses.len().min(advertised.len()));
    (advertised, excluded)
}

fn address(planned: &AddressPlan, device: String, set: bool) -> Address {
    Address {
        address: planned.address,
        prefix_length: planned.prefix_length,
        device,
        broadcast: planned.broadcast,
        scope: planned.scope,
        label: planned.label.clone(),
        peer: planned.peer,
        home: planned.home,
        manages_temporary: planned.manages_temporary,
        joins: planned.joins,
        untracked: !planned.tracks_device,
        detects_duplicates: planned.detects_duplicates,
        preferred_lifetime: planned.preferred_lifetime,
        no_prefix_route: planned.no_prefix_route,
        set,
    }
}

fn transport(transport: &plan::Transport) -> Transport {
    match transport {
        plan::Transport::Multicast { group } => Transport::Multicast(*group),
        plan::Transport::Unicast(unicast) => Transport::Unicast {
            ttl: unicast.ttl,
            checks_source: unicast.checks_source,
            peers: unicast.peers.iter().map(|peer| (peer.address, peer.ttl_min, peer.ttl_max)).collect(),
        },
    }
}

const fn garp(announcements: &Announcements) -> Garp {
    Garp {
        delay: announcements.delay.as_secs(),
        repeat: announcements.repeat,
        refresh: announcements.refresh.as_secs(),
        refresh_repeat: announcements.refresh_repeat,
        lower_delay: announcements.lower_priority_delay.as_secs(),
        lower_repeat: announcements.lower_priority_repeat,
    }
}

fn password(authentication: &Authentication) -> Option<String> {
    match authentication {
        Authentication::None => None,
        Authentication::Password(bytes) => {
            let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
            Some(String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned())
        }
    }
}

fn tracked_interface(tracked: &plan::TrackedInterface) -> Tracked {
    Tracked { name: tracked.name.clone(), weight: tracked.weight.into(), reverse: tracked.reverse }
}

fn tracked_script(tracked: &plan::TrackedScript) -> Tracked {
    Tracked { name: tracked.name.clone(), weight: tracked.weight.into(), reverse: tracked.reverse }
}

fn tracked_value(tracked: &plan::Tracked) -> Tracked {
    Tracked { name: tracked.name.clone(), weight: tracked.weight, reverse: tracked.reverse }
}

fn notify(notify: &NotifyPlan) -> Notify {
    let command = |one: &Option<Box<plan::Command>>| one.as_deref().map(command);
    Notify {
        backup: command(&notify.backup),
        master: command(&notify.master),
        fault: command(&notify.fault),
        stop: command(&notify.stop),
        any: command(&notify.any),
        lower_priority: command(&notify.lower_priority),
    }
}

fn command(command: &plan::Command) -> Command {
    let program = &command.program;
    Command {
        // As keepalived names it: without symbolic links.
        program: program.canonicalize().unwrap_or_else(|_| program.clone()),
        arguments: command.arguments.clone(),
        ids: command.user.as_ref().map_or((0, 0), ids),
    }
}

/// User and group by number; those of nobody where there are no such names.
fn ids(run_as: &plan::RunAs) -> (u32, u32) {
    const NOBODY: u32 = 65_534;
    let user = nix::unistd::User::from_name(&run_as.user).ok().flatten();
    let named = run_as.group.as_ref().and_then(|name| nix::unistd::Group::from_name(name).ok().flatten());
    let group = named.map(|group| group.gid).or_else(|| user.as_ref().map(|user| user.gid));
    (user.map_or(NOBODY, |user| user.uid.as_raw()), group.map_or(NOBODY, |group| group.as_raw()))
}

fn script(plan: &ScriptPlan, statuses: &[InstanceStatus], behind: &[GatheredInstance]) -> Script {
    let is_it = |kind: &str, name: &str| kind == "script" && name == plan.name;
    let trackers = statuses.iter().flat_map(|status| &status.trackers);
    let tracker = trackers.into_iter().find(|tracker| is_it(&tracker.kind, &tracker.name));
    let instances: Vec<Tracked> = behind
        .iter()
        .flat_map(|one| one.plan.track_scripts.iter().map(move |tracked| (one, tracked)))
        .filter(|(_, tracked)| tracked.name == plan.name)
        .map(|(one, tracked)| Tracked { name: one.plan.name.clone(), ..tracked_script(tracked) })
        .collect();
    Script {
        name: plan.name.clone(),
        command: command(&plan.command),
        interval: plan.interval,
        timeout: if plan.timeout == plan.interval { Duration::ZERO } else { plan.timeout },
        // The plan keeps what each user makes of it.
        weight: instances.first().cloned().unwrap_or(Tracked {
            name: String::new(),
            weight: 0,
            reverse: false,
        }),
        rise: plan.rise,
        fall: plan.fall,
        good: tracker.and_then(|tracker| tracker.good),
        running: tracker.is_some_and(|tracker| tracker.running),
        instances,
    }
}

/// The host's interfaces, with who depends on them.
fn links(inventory: &Inventory, behind: &[GatheredInstance], paces: &[PaceGroup]) -> Vec<Link> {
    let mut users: BTreeMap<&str, Vec<Tracked>> = BTreeMap::new();
    for one in behind {
        let plan = &one.plan;
        let user = |weight: i16, reverse| Tracked { name: plan.name.clone(), weight: weight.into(), reverse };
        // This number is keepalived's word for `dont_track_primary`.
        let own = if plan.tracks_interface { 0 } else { 255 };
        users.entry(&plan.interface).or_default().push(user(own, false));
        for tracked in &plan.track_interfaces {
            users.entry(&tracked.name).or_default().push(user(tracked.weight, tracked.reverse));
        }
    }
    let virtual_ones: BTreeSet<IpAddr> = behind
        .iter()
        .flat_map(|one| one.plan.addresses.iter().chain(&one.plan.excluded))
        .map(|address| address.address)
        .collect();
    let is_link_local = |address: &IpAddr| match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let links = inventory.links.iter().map(|link| {
        let addresses = inventory.addresses_of(link.index).map(|address| address.address);
        let own: Vec<IpAddr> = addresses.filter(|address| !virtual_ones.contains(address)).collect();
        let pace = paces.iter().find(|group| group.interfaces.contains(&link.name));
        let first = |wanted: &dyn Fn(&IpAddr) -> bool| own.iter().copied().find(|address| wanted(address));
        Link {
            name: link.name.clone(),
            index: link.index,
            ipv4: first(&IpAddr::is_ipv4),
            ipv6: first(&is_link_local),
            mac: link.mac,
            up: link.switched_on,
            running: link.up,
            loopback: link.loopback,
            multicast: link.multicast,
            mtu: link.mtu,
            arp_pace: pace.map_or(Duration::ZERO, |group| group.arp),
            neighbor_pace: pace.map_or(Duration::ZERO, |group| group.neighbor),
            instances: users.remove(link.name.as_str()).unwrap_or_default(),
        }
    });
    links.collect()
}

/// Where a dump goes: to the directory of `$TMPDIR`, else `/tmp`, unless the config says otherwise.
pub fn file(variable: Option<&Path>, plan: &plan::GlobalPlan, kind: Kind) -> PathBuf {
    let directory = variable.filter(|path| path.is_absolute()).unwrap_or(Path::new("/tmp"));
    let files = &plan.files;
    match kind {
        // keepalived 2.2.7 tells daemons apart in this name alone.
        Kind::Data => {
            globals::file(directory, files.state_dump.as_deref(), "keepalived.data", globals::tag(plan))
        }
        Kind::Stats => globals::file(directory, files.stats_dump.as_deref(), "keepalived.stats", None),
        Kind::Json => globals::file(directory, files.json_dump.as_deref(), "keepalived.json", None),
    }
}

/// A kind of dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The config and the state.
    Data,
    /// Counts.
    Stats,
    /// Both as JSON.
    Json,
}
