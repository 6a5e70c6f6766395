//! What one instance depends on: scripts and interfaces, their last verdicts and what follows from them.

use std::sync::Arc;

use regent_common::LocalPriority;
use regent_vrrp::{FaultCause, effective};

use crate::config::plan::InstancePlan;

/// Kind of a tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A `vrrp_script`.
    Script,
    /// An interface.
    Interface,
}

impl Kind {
    /// One word, as in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Interface => "interface",
        }
    }
}

/// One tracker of one instance.
#[derive(Clone, Debug)]
pub struct Tracker {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: Arc<str>,
    /// 0: Fault while bad.
    pub weight: i16,
    /// The sign applies to the other case.
    pub reverse: bool,
    /// Its last verdict; unknown before the first.
    pub good: Option<bool>,
    /// What was said with it.
    pub detail: Option<String>,
    /// It is new to an instance that takes part already, which does not give up before the first verdict is in.
    pub awaited: bool,
}

impl Tracker {
    /// Whether it alone keeps the instance from taking part. What is not known yet does.
    fn forbids(&self) -> bool {
        self.weight == 0 && self.good.map_or(!self.awaited, |good| good == self.reverse)
    }
}

/// All trackers of one instance.
#[derive(Clone, Debug, Default)]
pub struct Trackers {
    list: Vec<Tracker>,
}

impl Trackers {
    /// Trackers of a plan. Interfaces other than the instance's own, and scripts, are unknown until told.
    ///
    /// The device of a virtual address is tracked like an interface without weight: an Active that cannot bear its
    /// addresses is none.
    pub fn new(plan: &InstancePlan) -> Self {
        let scripts = plan.track_scripts.iter().map(|tracked| Tracker {
            kind: Kind::Script,
            name: tracked.name.as_str().into(),
            weight: tracked.weight,
            reverse: tracked.reverse,
            good: None,
            detail: None,
            awaited: false,
        });
        let interfaces = plan.track_interfaces.iter().map(|tracked| Tracker {
            kind: Kind::Interface,
            name: tracked.name.as_str().into(),
            weight: tracked.weight,
            reverse: tracked.reverse,
            good: None,
            detail: None,
            awaited: false,
        });
        let mut list: Vec<Tracker> = scripts.chain(interfaces).collect();
        for address in plan.addresses.iter().chain(&plan.excluded).filter(|address| address.tracks_device) {
            let Some(device) = address.device.as_deref().filter(|device| *device != plan.interface) else {
                continue;
            };
            if !list.iter().any(|known| known.kind == Kind::Interface && *known.name == *device) {
                list.push(Tracker {
                    kind: Kind::Interface,
                    name: device.into(),
                    weight: 0,
                    reverse: false,
                    good: None,
                    detail: None,
                    awaited: false,
                });
            }
        }
        Self { list }
    }

    /// Those of another plan of the same instance: what is known stays known, and what is new is waited for without giving
    /// up.
    #[must_use]
    pub fn reloaded(&self, plan: &InstancePlan) -> Self {
        let mut after = Self::new(plan);
        for tracker in &mut after.list {
            match self.known(tracker.kind, &tracker.name) {
                Some(known) => {
                    tracker.good = known.good;
                    tracker.detail.clone_from(&known.detail);
                    tracker.awaited = known.awaited;
                }
                None => tracker.awaited = true,
            }
        }
        after
    }

    fn known(&self, kind: Kind, name: &str) -> Option<&Tracker> {
        self.list.iter().find(|tracker| tracker.kind == kind && *tracker.name == *name)
    }

    /// Names of those of a kind that nothing is known of.
    pub fn unknown(&self, kind: Kind) -> Vec<Arc<str>> {
        let unknown = self.list.iter().filter(|tracker| tracker.kind == kind && tracker.good.is_none());
        unknown.map(|tracker| Arc::clone(&tracker.name)).collect()
    }

    /// Takes a verdict and returns whether it changed anything.
    pub fn judge(&mut self, kind: Kind, name: &str, good: bool, detail: Option<&str>) -> bool {
        let mut changed = false;
        for tracker in self.list.iter_mut().filter(|tracker| tracker.kind == kind && *tracker.name == *name) {
            changed |= tracker.good != Some(good);
            tracker.good = Some(good);
            tracker.detail = detail.map(str::to_owned);
        }
        changed
    }

    /// Whether a tracker without weight is bad. A script that has not run yet counts as bad: the instance waits for its
    /// first verdict, as keepalived's does.
    pub fn fault(&self, kind: Kind) -> Option<FaultCause> {
        let cause = match kind {
            Kind::Script => FaultCause::TrackedScript,
            Kind::Interface => FaultCause::TrackedInterface,
        };
        self.list.iter().any(|tracker| tracker.kind == kind && tracker.forbids()).then_some(cause)
    }

    /// The first tracker without weight that is bad, as a sentence.
    pub fn worst(&self, kind: Kind) -> Option<String> {
        let worst = self.list.iter().find(|tracker| tracker.kind == kind && tracker.forbids())?;
        Some(match (kind, worst.good) {
            (Kind::Script, None) => format!("script {} has not finished its first run yet", worst.name),
            (Kind::Script, Some(_)) => match &worst.detail {
                Some(detail) => format!("script {} failed: {detail}", worst.name),
                None => format!("script {} failed", worst.name),
            },
            (Kind::Interface, _) => format!("tracked interface {} is down or absent", worst.name),
        })
    }

    /// The priority after weights. A tracker whose verdict is not known yet does not weigh.
    pub fn priority(&self, base: LocalPriority) -> LocalPriority {
        let known = self.list.iter().filter_map(|tracker| {
            tracker.good.map(|good| regent_vrrp::Tracker {
                weight: tracker.weight,
                reverse: tracker.reverse,
                good,
            })
        });
        effective(base, known).0
    }

    /// For the status.
    pub fn iter(&self) -> impl Iterator<Item = &Tracker> {
        self.list.iter()
    }
}
