//! Rules about `bfd_instance`: names, addresses, and numbers that belong together.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use regent_common::Family;

use super::{
    addresses::family,
    model::{Bfd, Model, Required, Spanned},
};
use crate::config::{
    diagnostic::{Diagnostic, Diagnostics, code},
    keyword,
    plan::BfdPlan,
    source::Span,
};

/// keepalived's.
const MOST_NAME: usize = 31;
const ACTIVE: Duration = Duration::from_millis(10);
const IDLE: Duration = Duration::from_secs(1);
const MULTIPLIER: u8 = 5;
/// Looking for a slip compares with no more names than these.
const MAX_COMPARED: usize = 500;

/// The sessions that can be tracked and checked, in the order of the config.
#[derive(Default)]
pub(super) struct Sessions {
    list: Vec<BfdPlan>,
    by_name: BTreeMap<String, usize>,
    /// Every block, also one that cannot be run.
    blocks: BTreeMap<String, Span>,
}

/// Who names a session.
#[derive(Clone, Copy, Debug)]
pub(super) enum User {
    /// `BFD_CHECK`.
    Check,
    /// `track_bfd`.
    Instance,
}

/// Why a session cannot be named.
pub(super) struct Fault {
    what: &'static str,
    remark: &'static str,
    block: Option<Span>,
}

impl Sessions {
    /// Checks all `bfd_instance` blocks.
    pub(super) fn of(model: &Model, diagnostics: &mut Diagnostics) -> Self {
        let mut sessions = Self::default();
        let mut neighbors: BTreeMap<(IpAddr, Option<IpAddr>), Span> = BTreeMap::new();
        for bfd in &model.bfd_instances {
            let name = &bfd.name;
            if let Some(first) = sessions.blocks.get(&name.value).copied() {
                diagnostics.push(
                    Diagnostic::error(
                        code::DUPLICATE_NAME,
                        format!("two BFD sessions are named `{}`", name.value),
                    )
                    .primary(name.span, "this one is left out")
                    .secondary(first, "named here first"),
                );
                continue;
            }
            sessions.blocks.insert(name.value.clone(), name.span);
            let Some(plan) = plan(bfd, diagnostics) else { continue };
            let first = *neighbors.entry((plan.neighbor, plan.source)).or_insert(name.span);
            if first != name.span {
                let message = format!("two BFD sessions have the neighbour {}", plan.neighbor);
                diagnostics.push(
                    Diagnostic::error(code::BFD_INCOMPLETE, message)
                        .primary(name.span, "this one is left out")
                        .secondary(first, "this one has it already")
                        .help("packets could not be told apart: give each its own `source_ip`"),
                );
                continue;
            }
            sessions.by_name.insert(name.value.clone(), sessions.list.len());
            sessions.list.push(plan);
        }
        sessions
    }

    /// The session of that name that can be run.
    pub(super) fn get(&self, name: &str) -> Option<&BfdPlan> {
        self.by_name.get(name).and_then(|index| self.list.get(*index))
    }

    /// "did you mean `X`?", or nothing.
    pub(super) fn quoted_nearest(&self, name: &str) -> String {
        keyword::quoted_nearest(name, self.blocks.keys().take(MAX_COMPARED).map(String::as_str))
    }

    /// What is wrong with the name of a session, where anything is: what to say, a remark, and the block.
    pub(super) fn fault(&self, name: &str, user: User) -> Option<Fault> {
        let block = self.blocks.get(name).copied();
        let (what, remark) = match (self.get(name), block, user) {
            (Some(session), _, User::Check) if session.for_checkers => return None,
            (Some(session), _, User::Instance) if session.for_vrrp => return None,
            (Some(_), _, User::Check) => {
                ("is for instances alone", "its block says `vrrp` and not `checker`")
            }
            (Some(_), _, User::Instance) => {
                ("is for checks alone", "its block says `checker` and not `vrrp`")
            }
            (None, Some(_), _) => ("cannot be run", "its block is at fault"),
            (None, None, _) => ("does not exist", "no `bfd_instance` has this name"),
        };
        Some(Fault { what, remark, block })
    }

    /// That a name cannot be used.
    pub(super) fn diagnostic(
        &self,
        name: &Spanned<String>,
        fault: &Fault,
        diagnostics: &Diagnostics,
    ) -> Diagnostic {
        let search = fault.block.is_none() && !diagnostics.is_full();
        let nearest = if search { self.quoted_nearest(&name.value) } else { String::new() };
        let message = format!("BFD session `{}` {}", name.value, fault.what);
        let diagnostic =
            Diagnostic::error(code::UNKNOWN_SESSION, message).primary(name.span, fault.remark).help(nearest);
        match fault.block {
            Some(block) => diagnostic.secondary(block, "this block"),
            None => diagnostic,
        }
    }

    /// All that can be run.
    pub(super) fn plans(self) -> Vec<BfdPlan> {
        self.list
    }
}

fn plan(bfd: &Bfd, diagnostics: &mut Diagnostics) -> Option<BfdPlan> {
    let name = &bfd.name;
    let mut refuse = |message: String, span: Span, remark: &str| {
        diagnostics.push(
            Diagnostic::error(code::BFD_INCOMPLETE, message)
                .primary(span, remark)
                .help(format!("session `{}` is left out", name.value)),
        );
    };
    if name.value.len() > MOST_NAME {
        refuse(
            format!("the name `{}` of a BFD session is longer than {MOST_NAME} bytes", name.value),
            name.span,
            "too long",
        );
        return None;
    }
    let neighbor = match &bfd.neighbor {
        Required::Good(neighbor) if !bfd.damaged => neighbor,
        Required::Absent if !bfd.damaged => {
            refuse(
                format!("BFD session `{}` has no neighbour", name.value),
                name.span,
                "expected `neighbor_ip ADDRESS` in this block",
            );
            return None;
        }
        // Diagnosed where it stands.
        Required::Good(_) | Required::Absent | Required::Bad => return None,
    };
    let source = match &bfd.source {
        Required::Good(source) if family(source.value) != family(neighbor.value) => {
            refuse(
                format!("`source_ip {}` is not of {}", source.value, family(neighbor.value)),
                source.span,
                "of another family than the neighbour",
            );
            return None;
        }
        Required::Good(source) => Some(source.value),
        Required::Absent => None,
        // Diagnosed where it stands.
        Required::Bad => return None,
    };
    let ttl = bfd.ttl.unwrap_or(match family(neighbor.value) {
        Family::Ipv4 => 255,
        Family::Ipv6 => 64,
    });
    let weight = bfd.weight.unwrap_or_default();
    let both = bfd.vrrp == bfd.checker;
    let idle_tx = bfd.idle_tx.unwrap_or(IDLE);
    Some(BfdPlan {
        name: name.value.clone(),
        neighbor: neighbor.value,
        source,
        min_rx: bfd.min_rx.unwrap_or(ACTIVE),
        min_tx: min_tx(bfd, idle_tx, diagnostics),
        idle_tx,
        multiplier: bfd.multiplier.unwrap_or(MULTIPLIER),
        passive: bfd.passive,
        ttl,
        max_hops: max_hops(bfd, neighbor, ttl, diagnostics),
        multihop: bfd.multihop.is_some(),
        weight: weight.value,
        reverse: weight.reverse,
        for_vrrp: bfd.vrrp || both,
        for_checkers: bfd.checker || both,
    })
}

/// RFC 5880 §6.8.3: while a session is not up, packets are sent no more often than once a second, so `idle_tx` is the
/// slower one.
fn min_tx(bfd: &Bfd, idle_tx: Duration, diagnostics: &mut Diagnostics) -> Duration {
    let Some(min_tx) = &bfd.min_tx else { return ACTIVE };
    if min_tx.value > idle_tx {
        diagnostics.push(
            Diagnostic::warning(
                code::BFD_TIMES,
                format!(
                    "BFD session `{}` sends more often while it is down than while it is up",
                    bfd.name.value
                ),
            )
            .primary(min_tx.span, "longer than idle_tx")
            .help("milliseconds: raise idle_tx, or lower min_tx"),
        );
    }
    min_tx.value
}

fn max_hops(bfd: &Bfd, neighbor: &Spanned<IpAddr>, ttl: u8, diagnostics: &mut Diagnostics) -> Option<u8> {
    let Some(said) = &bfd.max_hops else { return Some(0) };
    let hops = u8::try_from(said.value).ok().filter(|hops| *hops < u8::MAX)?;
    if hops <= ttl {
        return Some(hops);
    }
    diagnostics.push(
        Diagnostic::warning(
            code::BFD_TIMES,
            format!("`max_hops {hops}` is more than packets to {} can pass with TTL {ttl}", neighbor.value),
        )
        .primary(said.span, format!("{ttl} is used")),
    );
    Some(ttl)
}
