//! Who of both sides is master, and what would change that.

use regent_common::LocalPriority;
use regent_vrrp::Preemption;

use super::{Member, Pair};
use crate::config::{
    check::place,
    diagnostic::{Diagnostic, Diagnostics, code},
    model::State,
    plan::WeightPlan,
    source::Span,
};

impl Pair<'_> {
    pub(super) fn election(&self, diagnostics: &mut Diagnostics) {
        self.states(diagnostics);
        let good = |member: &Member<'_>| member.plan.priority_when(|_| true).get();
        let (one, other) = (good(&self.one), good(&self.other));
        match one.cmp(&other) {
            std::cmp::Ordering::Equal => self.equal(one, diagnostics),
            std::cmp::Ordering::Greater => self.ranked(&self.one, &self.other, diagnostics),
            std::cmp::Ordering::Less => self.ranked(&self.other, &self.one, diagnostics),
        }
    }

    /// keepalived's MASTER waits like a BACKUP: the word alone makes nobody master.
    fn states(&self, diagnostics: &mut Diagnostics) {
        let master = |member: &Member<'_>| {
            member.written.state.as_ref().filter(|state| state.value == State::Master).map(|state| state.span)
        };
        let (Some(one), Some(other)) = (master(&self.one), master(&self.other)) else { return };
        let message = format!("both sides of {} say `state MASTER`", self.group());
        let diagnostic = Diagnostic::warning(code::PAIR_STATE, message);
        diagnostics.push(
            self.places(diagnostic, (self.one.at(one), "here"), (self.other.at(other), "and here")).help(
                "the priority decides; say `state BACKUP` on both sides and give one the higher priority",
            ),
        );
    }

    /// RFC 9568 §6.4.3: of two with one priority the higher address wins, and §6.4.2: nobody takes over from an equal.
    fn equal(&self, priority: u8, diagnostics: &mut Diagnostics) {
        let message = format!("both sides of {} have priority {priority}", self.group());
        let owners = self.one.plan.priority == LocalPriority::Owner;
        let (diagnostic, help) = if owners {
            (
                Diagnostic::error(code::PAIR_PRIORITY, message),
                "255 is for the one router that owns the addresses: both become master at once",
            )
        } else {
            (
                Diagnostic::warning(code::PAIR_PRIORITY, message),
                "whoever starts first is master; in a contest the higher address wins",
            )
        };
        diagnostics.push(
            self.places(diagnostic, (priority_of(&self.one), "here"), (priority_of(&self.other), "and here"))
                .help(help),
        );
    }

    /// `high` is master while everything is good.
    fn ranked(&self, high: &Member<'_>, low: &Member<'_>, diagnostics: &mut Diagnostics) {
        let never = low.plan.preemption == Preemption::Never;
        let moves = high.plan.weights().any(|weight| weight.bad < weight.good);
        // Where weights lower the other side it does have an effect, which is said of them.
        let idle = never && !moves && high.plan.preemption != Preemption::Never;
        if let Some(span) = low.written.no_preempt.filter(|_| idle) {
            let message = format!("`nopreempt` stands on the lower side of {} alone", self.group());
            diagnostics.push(
                Diagnostic::warning(code::PAIR_PREEMPTION, message)
                    .primary(low.at(span), "keeps nobody from taking over")
                    .secondary(priority_of(high), "takes over whenever it can")
                    .help("say `nopreempt` on the side with the higher priority"),
            );
        }
        self.weights(high, low, never, diagnostics);
    }

    /// RFC 9568 §6.4.2: a Backup takes over from one whose priority is lower than its own, and only if it preempts.
    fn weights(&self, high: &Member<'_>, low: &Member<'_>, never: bool, diagnostics: &mut Diagnostics) {
        let moving: Vec<_> = high.plan.weights().filter(|weight| weight.bad < weight.good).collect();
        let Some(first) = moving.first() else { return };
        let against = low.plan.priority_when(|_| true).get();
        let worst = high.plan.priority_when(|weight| !moving.contains(weight)).get();
        let tracker = |weight: &WeightPlan<'_>| high.place(place(high.written, weight.kind, weight.name));
        if never {
            let message = format!("weights do not move {} to the other side", self.group());
            let nopreempt = low.place(low.written.no_preempt);
            diagnostics.push(
                Diagnostic::warning(code::PAIR_WEIGHT, message)
                    .primary(tracker(first), "lowers the priority")
                    .secondary(nopreempt, "takes over from no living master, whatever its priority")
                    .help(
                        "leave the weight out, so that a failure means FAULT; or take `nopreempt` out there",
                    ),
            );
        } else if worst >= against && !high.plan.weighs_files() {
            let base = high.plan.priority_when(|_| true).get();
            let message = format!("weights do not move {} to the other side", self.group());
            let remark = format!("{base} becomes {worst} when everything fails");
            diagnostics.push(
                Diagnostic::warning(code::PAIR_WEIGHT, message)
                    .primary(tracker(first), remark)
                    .secondary(priority_of(low), format!("{against} is not above {worst}"))
                    .help(format!(
                        "a failure moves the addresses if it takes more than {}",
                        base.saturating_sub(against)
                    )),
            );
        } else {
            for weight in moving {
                let alone = high.plan.priority_when(|other| *other != weight).get();
                if alone >= against {
                    let message = format!("`{}` alone does not move {}", weight.name, self.group());
                    diagnostics.push(
                        Diagnostic::note(code::PAIR_WEIGHT, message)
                            .primary(tracker(&weight), format!("leaves {alone} when it fails"))
                            .secondary(priority_of(low), format!("{against} is not above that")),
                    );
                }
            }
        }
    }
}

fn priority_of(member: &Member<'_>) -> Span {
    member.place(member.written.priority.as_ref().map(|said| said.span))
}
