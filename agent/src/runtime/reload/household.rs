//! What belongs to the plan outside of the VRRP thread: claims, the journal, scripts, notify programs, refused addresses. They
//! change with it: what is new before the VRRP thread hears of it, what is gone after it has let go.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::sync::watch;

use super::preparing::Prepared;
use crate::{
    config::plan::{InstancePlan, Plan},
    net::{inventory, vrid_claim::VridClaim, xdp::Capacity},
    runtime::{
        contenders,
        journal::{Entry, RunDir},
        leftovers,
        surroundings::{Notifiers, Refusal, Scripts},
    },
};

/// What belongs to the plan outside of the VRRP thread, and changes with it.
#[derive(Debug)]
pub struct Household {
    /// The plan that runs.
    pub plan: Arc<Plan>,
    /// The same, for whoever shows it.
    pub shown: watch::Sender<Arc<Plan>>,
    /// What the program has room for; `None` without XDP.
    pub room: Option<Capacity>,
    /// The groups, for this agent alone.
    pub claims: Vec<VridClaim>,
    /// What the journal names.
    pub intentions: Vec<Entry>,
    /// Scripts that are watched.
    pub scripts: Scripts,
    /// Notify programs.
    pub notifiers: Notifiers,
    /// Addresses that take no packets.
    pub refusal: Refusal,
}

impl Household {
    /// Does what can fail, and undoes it then: claims what is new, writes into the journal what may become ours. Then what
    /// cannot: scripts and programs of the new plan, beside those of the old. Returns why addresses that are to be refused
    /// are not.
    ///
    /// # Errors
    /// When something is in the way: everything is as it was.
    pub async fn make_ready(
        &mut self,
        prepared: &Prepared,
        run_dir: &RunDir,
    ) -> anyhow::Result<Option<String>> {
        let (plan, diff) = (&prepared.plan, &prepared.diff);
        let held: BTreeSet<String> = self.plan.instances.iter().map(contenders::name_of).collect();
        let new: Vec<&InstancePlan> = diff
            .added()
            .map(|plan| &**plan)
            .filter(|plan| !held.contains(&contenders::name_of(plan)))
            .collect();
        if !new.is_empty() {
            contenders::nobody_else(&new, None)?;
        }
        let claims = contenders::claimed(new, &mut BTreeMap::new())?;
        let mut inventory = inventory::inventory().await?;
        let intentions = leftovers::intentions_beside(plan, self.intentions.clone(), &mut inventory);
        run_dir.write(intentions.clone()).map_err(|error| {
            anyhow::anyhow!("cannot write the journal in {}: {error}", run_dir.path().display())
        })?;
        self.intentions = intentions;
        self.claims.extend(claims);
        // Before the first address can appear.
        let unrefused = self.refusal.set(&[&self.plan, plan]).err();
        self.scripts.reload(plan);
        self.notifiers.reload(plan);
        Ok(unrefused)
    }

    /// The plan is this one: what only the old one needed is let go of.
    pub fn settle(&mut self, plan: Arc<Plan>, is_settled: bool, run_dir: &RunDir) {
        self.shown.send_replace(Arc::clone(&plan));
        self.plan = plan;
        let wanted: BTreeSet<String> = self.plan.instances.iter().map(contenders::name_of).collect();
        self.claims.retain(|claim| wanted.contains(claim.name()));
        // What refuses more than it should, until the next reload, was said when it could not refuse at all.
        drop(self.refusal.set(&[&self.plan]));
        tokio::spawn(self.notifiers.clone().forget());
        if is_settled {
            leftovers::retain_named(&self.plan, &mut self.intentions);
            if let Err(error) = run_dir.write(self.intentions.clone()) {
                tracing::warn!("the journal names addresses that are not ours any more: {error}");
            }
        }
    }
}
