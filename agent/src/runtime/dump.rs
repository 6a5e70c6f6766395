//! A picture of the agent, the plans behind it and the host's interfaces: put together to what keepalived's dumps say.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::Path,
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
            Address, Command, Dump, Garp, Globals, Instance, Link, Notify, PaceGroup, Script, Stats, Tracked,
            Transport,
        },
        snapshot::{InstanceStatus, Snapshot},
    },
};

/// Puts it together. `plan` is asked for what holds for all instances alone.
pub fn dump(picture: Picture, plan: &Plan, namespace: Option<String>, inventory: &Inventory) -> Dump {
    let Picture { mut snapshot, gathered } = picture;
    let statuses = std::mem::take(&mut snapshot.instances);
    let scripts = plan.scripts.iter().map(|one| script(one, &statuses, &gathered.instances)).collect();
    let links = links(inventory, &gathered.instances);
    let instances = statuses.into_iter().zip(&gathered.instances);
    let instances = instances.map(|(status, behind)| {
        let deadline = behind.deadline.map(|deadline| deadline.since(gathered.now));
        instance(status, behind, deadline, &snapshot)
    });
    Dump {
        unix_ms: crate::net::clock::unix_milliseconds(),
        globals: Globals {
            router_id: plan.router_id.clone().unwrap_or_else(host_name),
            namespace,
            arp_pace: plan.pace.arp,
            neighbor_pace: plan.pace.neighbor,
            startup_delay: plan.startup_delay,
        },
        pace_groups: plan.pace_groups.iter().map(pace_group).collect(),
        instances: instances.collect(),
        scripts,
        links,
    }
}

/// The name of this host up to its first dot.
fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    name.split('.').next().unwrap_or_default().to_owned()
}

fn pace_group(group: &plan::PaceGroup) -> PaceGroup {
    PaceGroup { arp: group.pace.arp, neighbor: group.pace.neighbor, interfaces: group.interfaces.clone() }
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
        notify: notify(&plan.notify),
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
    Tracked { name: tracked.name.clone(), weight: tracked.weight, reverse: tracked.reverse }
}

fn tracked_script(tracked: &plan::TrackedScript) -> Tracked {
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
fn links(inventory: &Inventory, behind: &[GatheredInstance]) -> Vec<Link> {
    let mut users: BTreeMap<&str, Vec<Tracked>> = BTreeMap::new();
    for one in behind {
        let plan = &one.plan;
        let user = |weight, reverse| Tracked { name: plan.name.clone(), weight, reverse };
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
            instances: users.remove(link.name.as_str()).unwrap_or_default(),
        }
    });
    links.collect()
}

/// Where dumps go: `$TMPDIR`, else `/tmp`.
pub fn directory(variable: Option<&Path>) -> &Path {
    variable.filter(|path| path.is_absolute()).unwrap_or(Path::new("/tmp"))
}
