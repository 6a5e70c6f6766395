//! What changes from one plan to another: which instances go on, as what, which are new, and which are gone.
//!
//! Pure, and total: any two plans have a difference, and applied to the first it makes the second. What a running agent
//! does about it is `runtime`'s business; [`Diff::lines`] says it to people.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use regent_common::{Family, Vrid};

use super::{InstancePlan, Plan, Transport};

mod peers;
mod words;

pub use words::{Line, Sign};

/// What names an instance for as long as it runs. As in keepalived its name is no part of it, so that a router that is
/// renamed goes on; and a router whose adverts take another way is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity<'a> {
    interface: &'a str,
    family: Family,
    vrid: Vrid,
    way: Way,
}

/// The way of adverts, as far as it names an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Way {
    Multicast,
    /// From `unicast_src_ip`, or from the interface's own address.
    Unicast(Option<IpAddr>),
}

impl InstancePlan {
    /// What names it, whatever its name.
    pub fn identity(&self) -> Identity<'_> {
        let way = match &self.transport {
            Transport::Multicast { .. } => Way::Multicast,
            Transport::Unicast(_) => Way::Unicast(self.source),
        };
        Identity { interface: &self.interface, family: self.family, vrid: self.vrid, way }
    }
}

/// What becomes of an instance of the new plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on as it is.
    Kept {
        /// Where it is in the old plan.
        before: usize,
    },
    /// It goes on as something else.
    Changed {
        /// Where it is in the old plan.
        before: usize,
        /// What it is to be.
        plan: Arc<InstancePlan>,
    },
    /// It is new.
    Added {
        /// What it is to be.
        plan: Arc<InstancePlan>,
    },
}

/// What makes one plan of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    /// The instances of the new plan, in its order.
    pub instances: Vec<Fate>,
    /// Where those are in the old plan that the new one does not have.
    pub removed: Vec<usize>,
    /// Whether the instances that go on come in another order.
    pub reordered: bool,
    /// All but the instances, when something of it is another.
    pub rest: Option<Box<Plan>>,
}

impl Diff {
    /// What makes `new` of `old`.
    pub fn between(old: &Plan, new: &Plan) -> Self {
        let mut left: HashMap<Identity<'_>, usize> = HashMap::with_capacity(old.instances.len());
        for (before, instance) in old.instances.iter().enumerate() {
            left.insert(instance.identity(), before);
        }
        let mut instances = Vec::with_capacity(new.instances.len());
        let mut goes_on = vec![false; old.instances.len()];
        let (mut reordered, mut latest) = (false, None);
        for plan in &new.instances {
            let Some(before) = left.remove(&plan.identity()) else {
                instances.push(Fate::Added { plan: Arc::new(plan.clone()) });
                continue;
            };
            reordered |= latest.is_some_and(|latest| before < latest);
            latest = Some(before);
            if let Some(goes_on) = goes_on.get_mut(before) {
                *goes_on = true;
            }
            let same = old.instances.get(before) == Some(plan);
            instances.push(match same {
                true => Fate::Kept { before },
                false => Fate::Changed { before, plan: Arc::new(plan.clone()) },
            });
        }
        let removed = goes_on.iter().enumerate().filter(|(_, goes_on)| !**goes_on).map(|(before, _)| before);
        let rest = without_instances(new);
        Self {
            instances,
            removed: removed.collect(),
            reordered,
            rest: (rest != without_instances(old)).then(|| Box::new(rest)),
        }
    }

    /// Whether both plans are the same.
    pub fn is_empty(&self) -> bool {
        let kept = |fate: &Fate| matches!(fate, Fate::Kept { .. });
        self.instances.iter().all(kept) && self.removed.is_empty() && !self.reordered && self.rest.is_none()
    }

    /// The plan that comes of `old`, which must be the one that this is the difference to.
    pub fn apply(&self, old: &Plan) -> Plan {
        let rest = self.rest.as_deref().cloned().unwrap_or_else(|| without_instances(old));
        let instances = self.instances.iter().filter_map(|fate| match fate {
            Fate::Kept { before } => old.instances.get(*before).cloned(),
            Fate::Changed { plan, .. } | Fate::Added { plan } => Some(InstancePlan::clone(plan)),
        });
        Plan { instances: instances.collect(), ..rest }
    }

    /// How many instances go on as they are.
    pub fn unchanged(&self) -> usize {
        self.instances.iter().filter(|fate| matches!(fate, Fate::Kept { .. })).count()
    }

    /// The instances that are new.
    pub fn added(&self) -> impl Iterator<Item = &Arc<InstancePlan>> {
        self.instances.iter().filter_map(|fate| match fate {
            Fate::Added { plan } => Some(plan),
            Fate::Kept { .. } | Fate::Changed { .. } => None,
        })
    }

    /// The instances that go on as something else, as that.
    pub fn changed(&self) -> impl Iterator<Item = &Arc<InstancePlan>> {
        self.instances.iter().filter_map(|fate| match fate {
            Fate::Changed { plan, .. } => Some(plan),
            Fate::Kept { .. } | Fate::Added { .. } => None,
        })
    }

    /// The difference for people. `old` must be the plan that this is the difference to. No password is in it.
    pub fn lines(&self, old: &Plan) -> Vec<Line> {
        words::lines(self, old)
    }

    /// What the other routers of an instance must know of it. `old` as in [`Self::lines`].
    pub fn notes(&self, old: &Plan) -> Vec<String> {
        peers::notes(self, old)
    }
}

fn without_instances(plan: &Plan) -> Plan {
    let mut rest = plan.clone();
    rest.instances = Vec::new();
    rest
}

#[cfg(test)]
mod tests;
