//! Rules about weights that one file alone shows to be without effect. Whether a weight moves the addresses to the other
//! side is seen with both sides at hand: `pair`.

use regent_common::LocalPriority;

use super::{
    Checker,
    model::{Instance, State, Tracker, WideTracker},
};
use crate::config::{
    diagnostic::{Diagnostic, code},
    plan::{InstancePlan, TrackerKind},
    source::Span,
};

/// RFC 9568 §5.2.4: 255 is the owner's, so no sum of weights leads there.
const MOST: i32 = 254;
/// RFC 9568 §5.2.4: 0 is for giving up.
const LEAST: i32 = 1;
/// A weight up to this one may be meant for a lesser difference than there is.
const SMALL: u8 = 9;

impl Checker<'_> {
    /// Weights of an instance that runs.
    pub(super) fn weights(&mut self, instance: &Instance, plan: &InstancePlan) {
        self.own_interface(instance, plan);
        let LocalPriority::Backup(base) = plan.priority else { return };
        let base = i32::from(base.get());
        let (mut least, mut most, mut named) = (base, base, Vec::new());
        for weight in plan.weights() {
            least = least.saturating_add(weight.good.min(weight.bad));
            most = most.saturating_add(weight.good.max(weight.bad));
            named.extend(place(instance, weight.kind, weight.name));
        }
        let Some((first, others)) = named.split_first() else { return };
        // What a file adds is known to the file alone.
        let end = match (least >= MOST, most <= LEAST) {
            (true, _) if !plan.weighs_files() => MOST,
            (false, true) if !plan.weighs_files() => LEAST,
            (true | false, true | false) => {
                self.cut(instance, base, most);
                self.small(instance, plan, *first);
                return;
            }
        };
        let message = format!("the weights of `{}` change nothing: priorities end at {end}", plan.name);
        let diagnostic = Diagnostic::warning(code::WEIGHT_WITHOUT_EFFECT, message)
            .primary(*first, format!("the priority is {end} with and without it"));
        let diagnostic =
            others.iter().fold(diagnostic, |diagnostic, other| diagnostic.secondary(*other, "the same"));
        self.report(diagnostic.help("choose a priority that leaves room for them"));
    }

    /// Some of what they add gets lost, so that a failure costs less than it says.
    fn cut(&mut self, instance: &Instance, base: i32, most: i32) {
        let Some(priority) = instance.priority.as_ref().filter(|_| most > MOST) else { return };
        let message =
            format!("the weights of `{}` lead to {most}, and priorities end at {MOST}", instance.name.value);
        self.report(
            Diagnostic::note(code::WEIGHT_CUT, message)
                .primary(priority.span, format!("there is room for {} more", MOST - base)),
        );
    }

    /// A weight moves the addresses only past the priority of another router, which one file does not tell.
    fn small(&mut self, instance: &Instance, plan: &InstancePlan, first: Span) {
        let is_master = instance.state.as_ref().is_some_and(|state| state.value == State::Master);
        let (best, worst) = (plan.priority_when(|_| true).get(), plan.priority_when(|_| false).get());
        let swing = best.saturating_sub(worst);
        if !is_master || plan.weighs_files() || !(1..=SMALL).contains(&swing) {
            return;
        }
        let message = format!("the weights of `{}` take {swing} from its priority at most", plan.name);
        let others = match best - worst {
            1 => "to no router: none is between them".to_owned(),
            2 => format!("to a router with priority {}", worst + 1),
            _ => format!("to a router with a priority from {} to {}", worst + 1, best - 1),
        };
        self.report(
            Diagnostic::note(code::SMALL_WEIGHT, message)
                .primary(first, format!("{best} becomes {worst} when all fails"))
                .help(format!("the addresses move only {others}"))
                .help("`agent check ONE.conf OTHER.conf` compares both sides"),
        );
    }

    /// While it is down the instance is in Fault, whatever a tracker makes of that.
    fn own_interface(&mut self, instance: &Instance, plan: &InstancePlan) {
        let own = instance.track_interfaces.iter().find(|tracker| tracker.name.value == plan.interface);
        let Some(own) = own.filter(|_| plan.tracks_interface) else { return };
        let tracked = plan.track_interfaces.iter().find(|tracked| tracked.name == plan.interface);
        let message = format!("`{}` is the interface of `{}` itself", plan.interface, instance.name.value);
        let diagnostic = match tracked.map(|tracked| tracked.weight) {
            Some(0) | None => Diagnostic::note(code::TRACKS_OWN_INTERFACE, message)
                .primary(own.name.span, "needs no tracker: while it is down the instance is in FAULT"),
            Some(_) => Diagnostic::warning(code::TRACKS_OWN_INTERFACE, message)
                .primary(own.name.span, "the weight never counts: while it is down the instance is in FAULT")
                .help("say `dont_track_primary` if the weight is to decide"),
        };
        self.report(diagnostic);
    }
}

/// Where an instance names what it tracks.
pub(in super::super) fn place(instance: &Instance, kind: TrackerKind, name: &str) -> Option<Span> {
    let find = |trackers: &[Tracker]| {
        trackers.iter().find(|tracker| tracker.name.value == name).map(|tracker| tracker.name.span)
    };
    let find_wide = |trackers: &[WideTracker]| {
        trackers.iter().find(|tracker| tracker.name.value == name).map(|tracker| tracker.name.span)
    };
    match kind {
        TrackerKind::Script => find(&instance.track_scripts),
        TrackerKind::Interface => find(&instance.track_interfaces),
        TrackerKind::File => find_wide(&instance.track_files),
        TrackerKind::Process => find_wide(&instance.track_processes),
        TrackerKind::Session => find(&instance.track_bfds),
    }
}
