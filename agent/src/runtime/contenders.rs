//! Others on this host that speak for the groups of a config: another agent, or keepalived. Two daemons of one group contend
//! with each other.

use std::{collections::BTreeMap, os::fd::OwnedFd};

use anyhow::bail;

use crate::{
    config::{self, plan::InstancePlan},
    net::{
        other_vrrp,
        vrid_claim::{ClaimError, VridClaim},
    },
};

/// Every group of these instances, for this agent alone: by what is `held` already, or anew.
///
/// # Errors
/// When another agent has one of them: which one.
pub fn claimed<'a>(
    instances: impl IntoIterator<Item = &'a InstancePlan>,
    held: &mut BTreeMap<String, OwnedFd>,
) -> anyhow::Result<Vec<VridClaim>> {
    let mut claims = Vec::new();
    for instance in instances {
        let (vrid, interface) = (instance.vrid, &instance.interface);
        let name = name_of(instance);
        if let Some(listener) = held.remove(&name) {
            claims.push(VridClaim::inherit(name, listener));
            continue;
        }
        match VridClaim::take(interface, instance.family, vrid) {
            Ok(claim) => claims.push(claim),
            Err(ClaimError::Held(pid)) => {
                let who = pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
                bail!(
                    "VRID {vrid} on {interface} is held by another agent on this host{who}: stop that one first"
                );
            }
            Err(ClaimError::System(error)) => {
                tracing::warn!(
                    "cannot make sure that no other agent holds VRID {vrid} on {interface}: {error}"
                );
            }
        }
    }
    Ok(claims)
}

/// What the claim of an instance's group is called.
pub fn name_of(instance: &InstancePlan) -> String {
    VridClaim::name_of(&instance.interface, instance.family, instance.vrid)
}

/// Looks for a keepalived on this host that speaks for a group of these instances. The process of a `predecessor` may go by
/// that name, and ends.
///
/// # Errors
/// When there is one: which, and what to do.
pub fn nobody_else(instances: &[&InstancePlan], predecessor: Option<u32>) -> anyhow::Result<()> {
    let mut others = other_vrrp::other_vrrp_speakers();
    others.retain(|other| Some(other.pid) != predecessor);
    for other in &others {
        // Its children have the same config.
        if others.iter().any(|parent| parent.pid == other.parent) {
            continue;
        }
        let Ok(theirs) = config::load(&other.configuration_here()) else {
            tracing::warn!(
                "keepalived (pid {}) runs on this host with {}, which cannot be read: make sure that it holds none of our \
                 VRIDs",
                other.pid,
                other.configuration.display()
            );
            continue;
        };
        for ours in instances {
            let held = theirs.plan.instances.iter().find(|held| {
                held.interface == ours.interface && held.vrid == ours.vrid && held.family == ours.family
            });
            if let Some(held) = held {
                bail!(
                    "VRID {} on {} is held by keepalived on this host (pid {}, vrrp_instance {} in {}): stop it first, for \
                     example with `systemctl stop keepalived`",
                    ours.vrid,
                    ours.interface,
                    other.pid,
                    held.name,
                    other.configuration.display()
                );
            }
        }
    }
    Ok(())
}
