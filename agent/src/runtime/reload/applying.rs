//! On the VRRP thread: instances become what the new plan says, a few steps in each turn.
//!
//! Order of the whole: every address goes to its new owner first, so that one that moves between two Actives never
//! leaves; then instances that go give up, before others with their VRID begin; then those that stay are changed; then what
//! nobody has is let go of; new ones begin last.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use regent_common::map::PeerKey;
use regent_vrrp::{Event, StateName};

use super::{Application, Applied, Change, Gathering, PATIENCE, STEP, Task, placing::relists};
use crate::{
    config::plan::{InstancePlan, diff::Fate},
    net::{clock, link::Link},
    observe::sentence,
    runtime::{
        announce::Paces,
        engine::{Engine, group_key},
        instance::{Standing, parameters},
        trackers::Kind,
        wire::Advertised,
    },
};

/// What one turn may take for it: less than any advert is late anyway.
const SLICE: Duration = Duration::from_micros(500);

impl Engine {
    /// Whether another plan is being applied.
    pub fn is_reloading(&self) -> bool {
        self.application.is_some()
    }

    /// Whether something of it can be done without waiting for anybody.
    pub(in crate::runtime) fn has_changes_left(&self) -> bool {
        self.application
            .as_ref()
            .is_some_and(|application| !application.tasks.is_empty() && application.can_go_on())
    }

    /// A port of it is being opened: what comes after waits.
    pub(in crate::runtime) fn begin_opening(&mut self, number: u64) {
        if let Some(application) = self.application.as_mut() {
            application.opening.insert(number);
        }
    }

    /// It is open.
    pub(in crate::runtime) fn end_opening(&mut self, number: u64) {
        if let Some(application) = self.application.as_mut() {
            application.opening.remove(&number);
        }
    }

    /// Whether any is being opened.
    pub(in crate::runtime) fn is_opening(&self) -> bool {
        self.application.as_ref().is_some_and(|application| !application.opening.is_empty())
    }

    /// Begins to apply another plan. One at a time: the next is ordered when this one is answered.
    pub(in crate::runtime) fn begin_change(&mut self, change: Change) {
        self.apply_the_rest();
        let Change { instances, removed, pace, pace_groups, router_id, unrefused, answer } = change;
        Arc::make_mut(&mut self.settings).router_id = router_id;
        self.paces = Paces::new(pace, pace_groups);
        let application = Application {
            tasks: VecDeque::new(),
            ports: BTreeSet::new(),
            opening: BTreeSet::new(),
            unrefused,
            answer,
            begun: self.now,
            done: None,
        };
        self.application = Some(application);
        let before = std::mem::take(&mut self.order);
        let old = |position: usize| before.get(position).copied();
        let (mut gather, mut other, mut start) = (Vec::new(), Vec::new(), Vec::new());
        for fate in instances {
            let (at, plan, is_new) = match fate {
                Fate::Kept { before } => (old(before), None, false),
                Fate::Changed { before, plan } => (old(before), Some(plan), false),
                Fate::Added { plan } => (Some(self.make_room(&plan)), Some(plan), true),
            };
            let Some(at) = at else { continue };
            self.order.push(at);
            let Some(plan) = plan else { continue };
            self.use_way(self.instances[at].port, &plan);
            if is_new {
                start.push(Task::Start(at));
            }
            let relists = is_new || relists(&self.instances[at].plan, &plan);
            let gathering = Gathering { at, plan, is_new, relists, positions: Vec::new(), new: Vec::new() };
            if relists {
                gather.push(Task::Gather(gathering));
            } else {
                other.push(Task::Become(gathering));
            }
        }
        let resign: Vec<Task> = removed.into_iter().filter_map(old).map(Task::Resign).collect();
        let Some(application) = self.application.as_mut() else { return };
        // Ports that must be opened are in front. A gathering goes on to become behind those that resign.
        for tasks in [gather, resign, other] {
            application.tasks.extend(tasks);
        }
        application.tasks.push_back(Task::Ports);
        application.tasks.extend(start);
    }

    /// Does some of it: as much as a turn has time for.
    pub(in crate::runtime) fn change_some(&mut self) {
        if !self.has_changes_left() {
            self.end_change();
            return;
        }
        let began = clock::now();
        while self.has_changes_left() && self.change_one() {
            if clock::now().since(began) >= SLICE {
                break;
            }
        }
        self.end_change();
    }

    /// Does all that is left of it at once, for whoever cannot go on with half of it.
    pub(in crate::runtime) fn apply_the_rest(&mut self) {
        while self.application.as_ref().is_some_and(|application| !application.tasks.is_empty()) {
            if !self.change_one()
                && let Some(application) = self.application.as_mut()
            {
                // A port that nobody has time to open.
                application.tasks.pop_front();
            }
        }
        if let Some(application) = self.application.take() {
            let took = clock::now().since(application.begun);
            drop(application.answer.send(Applied { took, is_settled: false }));
        }
    }

    /// One step; `false` when there was none left.
    fn change_one(&mut self) -> bool {
        let Some(application) = self.application.as_mut() else { return false };
        let Some(task) = application.tasks.pop_front() else { return false };
        match task {
            Task::Open(port) => {
                if !self.ask_to_open(port) {
                    // When those before it are open.
                    self.next_task(Task::Open(port));
                    return false;
                }
            }
            Task::Gather(gathering) => self.gather_some(gathering),
            Task::Become(gathering) => self.become_planned(gathering),
            Task::Resign(at) => self.resign(at),
            Task::LetGo { instance, mut positions } => {
                for at in positions.split_off(positions.len().saturating_sub(STEP)) {
                    self.addressing.let_go(instance, at);
                }
                if !positions.is_empty() {
                    self.next_task(Task::LetGo { instance, positions });
                }
            }
            Task::Publish { instance, next, announces } => self.publish_some(instance, next, announces),
            Task::Start(at) => self.start_new(at),
            Task::Ports => self.fit_ports(),
            Task::Retire(port) => self.retire_port(port),
        }
        true
    }

    /// Before all others.
    pub(super) fn next_task(&mut self, task: Task) {
        if let Some(application) = self.application.as_mut() {
            application.tasks.push_front(task);
        }
    }

    /// When every task is done, and what went is gone or takes too long: says so.
    fn end_change(&mut self) {
        let now = clock::now();
        let settled = !self.addressing.is_letting_go() && self.leaving == 0;
        let Some(application) = self.application.as_mut().filter(|application| application.tasks.is_empty())
        else {
            return;
        };
        let done = *application.done.get_or_insert(now);
        if !settled && now.since(done) < PATIENCE {
            return;
        }
        if settled && let Some(port) = self.unused_port() {
            self.next_task(Task::Retire(port));
            return;
        }
        if let Some(Application { answer, begun, .. }) = self.application.take() {
            drop(answer.send(Applied { took: done.since(begun), is_settled: settled }));
        }
    }

    /// Makes an instance what its new plan says.
    fn become_planned(&mut self, gathering: Gathering) {
        let Gathering { at, plan, is_new, relists, positions, new } = gathering;
        // What arrived until now is judged by what was said until now.
        self.read_slots(at);
        let old = std::mem::replace(&mut self.instances[at].plan, Arc::clone(&plan));
        if relists {
            let gone = self.addressing.relist(at, positions);
            self.let_go_in_the_end(at, gone);
        }
        self.note_ports(&old);
        self.note_ports(&plan);
        if is_new {
            return;
        }
        let advertised = Advertised::of(&plan);
        let instance = &mut self.instances[at];
        let says_more = instance.advertised != advertised;
        instance.advertised = advertised;
        if *instance.name != *plan.name {
            instance.name = plan.name.as_str().into();
        }
        instance.trackers = instance.trackers.reloaded(&plan);
        if relists {
            // Found again where it is still so.
            instance.troubles.remove("foreign address");
        }
        self.judge_links_for(at);
        self.judge_scripts_for(at);
        self.change_peers(at, &old);
        self.change_virtual_mac(at, &old);
        let sent = self.instances[at].statistics.adverts_sent;
        self.choose_source(at);
        let source = self.instances[at].router.parameters().source;
        self.handle(at, Event::Reload(parameters(&plan, source)));
        let effective = self.instances[at].trackers.priority(plan.priority);
        let says_other = effective != self.instances[at].priority();
        self.handle(at, Event::Priority(effective));
        if says_other || says_more && self.instances[at].statistics.adverts_sent == sent {
            self.handle(at, Event::AdvertChanged);
        }
        self.sync_expected(at);
        self.change_data_plane(at, &old);
        self.serve_more(at, new);
        self.apply_faults(at);
    }

    /// The addresses that are new to an Active.
    fn serve_more(&mut self, at: usize, new: Vec<usize>) {
        let instance = &self.instances[at];
        if instance.state() != StateName::Active || new.is_empty() {
            return;
        }
        let (repeat, delay) = (instance.plan.announcements.repeat, instance.plan.announcements.delay);
        self.addressing.want(at, true);
        self.request_first();
        if repeat == 0 || self.instances[at].router.is_in_doubt(self.now) {
            return;
        }
        if !delay.is_zero() {
            // With those of a reload just before.
            let before = self.instances[at].again.take();
            let all = before.iter().flat_map(|(_, positions)| positions).copied().chain(new.iter().copied());
            let all: BTreeSet<usize> = all.collect();
            self.instances[at].again = before;
            self.plan_again(at, Some((self.now + delay, all.into_iter().collect())));
        }
        self.announce_some(at, new, repeat);
    }

    fn change_peers(&mut self, at: usize, old: &InstancePlan) {
        let row = self.instances[at].row;
        let (before, after) = (old.transport.peers(), self.instances[at].plan.transport.peers());
        if before == after {
            return;
        }
        let gone: Vec<[u8; 16]> = before
            .iter()
            .filter(|peer| !after.iter().any(|other| other.address == peer.address))
            .map(|peer| sentence::bytes(peer.address))
            .collect();
        if let Some(program) = self.program.as_mut() {
            // One that stays is not listened to: the next reload tries again.
            gone.into_iter().for_each(|source| drop(program.remove_peer(PeerKey::new(source, row))));
        }
        self.publish_peers(at);
    }

    fn change_virtual_mac(&mut self, at: usize, old: &InstancePlan) {
        let instance = &self.instances[at];
        if old.virtual_mac == instance.plan.virtual_mac {
            return;
        }
        if old.virtual_mac {
            self.instances[at].virtual_mac_works = false;
            self.unfilter_virtual_mac(at);
        } else {
            self.filter_again(instance.port);
        }
    }

    /// What the program does for an instance.
    fn change_data_plane(&mut self, at: usize, old: &InstancePlan) {
        let instance = &self.instances[at];
        let (plan, is_active) = (Arc::clone(&instance.plan), instance.state() == StateName::Active);
        if is_active && !instance.router.is_in_doubt(self.now) {
            self.open_gate(at);
        }
        let announces = old.virtual_mac != plan.virtual_mac;
        if announces || old.responder != plan.responder {
            self.next_task(Task::Publish { instance: at, next: 0, announces });
        }
    }

    fn publish_some(&mut self, instance: usize, next: usize, announces: bool) {
        let list = self.addressing.list(instance);
        for position in list.iter().skip(next).take(STEP) {
            let device = self.addressing.get(*position).map(|address| address.device.clone());
            let port = device.and_then(|device| self.ports.iter().position(|port| *port.name == device));
            if let Some(port) = port {
                self.publish_address(port, *position);
            }
        }
        if next + STEP < list.len() {
            self.next_task(Task::Publish { instance, next: next + STEP, announces });
        } else if announces {
            // Caches hold the old MAC.
            self.handle(instance, Event::AddressesChanged);
        }
    }

    /// The state of links that an instance has begun to track.
    fn judge_links_for(&mut self, at: usize) {
        for name in self.instances[at].trackers.unknown(Kind::Interface) {
            let up = self.links.values().any(|link| *link.name == *name && link.up);
            self.instances[at].trackers.judge(Kind::Interface, &name, up, None);
        }
    }

    /// The last verdicts of scripts that an instance has begun to track.
    fn judge_scripts_for(&mut self, at: usize) {
        for name in self.instances[at].trackers.unknown(Kind::Script) {
            if let Some(verdict) = self.verdicts.get(&name) {
                let (good, detail) = (verdict.good, Some(verdict.detail.as_str()));
                self.instances[at].trackers.judge(Kind::Script, &name, good, detail);
            }
        }
    }

    /// An instance that is not in the plan any more gives up.
    fn resign(&mut self, at: usize) {
        self.instances[at].started = false;
        self.handle(at, Event::Shutdown);
        self.announcing.cancel(at);
        self.plan_again(at, None);
        self.unfilter_virtual_mac(at);
        let instance = &mut self.instances[at];
        instance.standing = Standing::Leaving;
        instance.trackers = Default::default();
        instance.probe_at = None;
        let key = (instance.port, instance.plan.family, instance.plan.vrid);
        if self.groups.get(&key) == Some(&at) {
            self.groups.remove(&key);
        }
        let instance = &self.instances[at];
        if let Some(program) = self.program.as_mut() {
            if let Some(index) = self.ports[instance.port].ifindex() {
                drop(program.remove_instance(group_key(index, instance)));
            }
            for (source, _) in instance.peers() {
                drop(program.remove_peer(PeerKey::new(source, instance.row)));
            }
        }
        let plan = Arc::clone(&self.instances[at].plan);
        self.note_ports(&plan);
        self.leaving += 1;
        let gone = self.addressing.relist(at, Vec::new());
        self.let_go_in_the_end(at, gone);
    }

    fn let_go_in_the_end(&mut self, instance: usize, positions: Vec<usize>) {
        if !positions.is_empty()
            && let Some(application) = self.application.as_mut()
        {
            application.tasks.push_back(Task::LetGo { instance, positions });
        }
    }

    /// What is on these ports changes.
    fn note_ports(&mut self, plan: &InstancePlan) {
        let devices =
            plan.addresses.iter().chain(&plan.excluded).filter_map(|address| address.device.as_deref());
        let names: BTreeSet<&str> = devices.chain([plan.interface.as_str()]).collect();
        let ports = self.ports.iter().enumerate().filter(|(_, port)| names.contains(&*port.name));
        let ports: Vec<usize> = ports.map(|(at, _)| at).collect();
        if let Some(application) = self.application.as_mut() {
            application.ports.extend(ports);
        }
    }

    fn start_new(&mut self, at: usize) {
        let instance = &self.instances[at];
        let (port, key) = (instance.port, (instance.port, instance.plan.family, instance.plan.vrid));
        self.groups.insert(key, at);
        self.judge_links_for(at);
        self.judge_scripts_for(at);
        let rivals = |link: &&Link| link.virtual_router() == Some((key.1, key.2));
        for link in self.links.values().filter(rivals).cloned().collect::<Vec<_>>() {
            self.look_for_a_rival(&link);
        }
        self.choose_source(at);
        self.sync_expected(at);
        self.publish_peers(at);
        if self.instances[at].plan.virtual_mac {
            self.filter_again(port);
        }
        // Others wait as well; and whoever stops in the middle does not begin on a port that is not open.
        if self.start_at.is_none() && self.ports[port].opening.is_none() {
            self.start_instance(at);
        }
    }
}
