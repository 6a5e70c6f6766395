//! Rules about files and processes that can be tracked.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    bfd::{Sessions, User},
    model::{
        Checked, Model, Required, Spanned, TrackFile, TrackProcess, Tracker, Weight, WideTracker, WideWeight,
    },
};
use crate::config::{
    diagnostic::{Diagnostic, Diagnostics, code},
    keyword,
    plan::{ParameterMatch, TrackFilePlan, TrackProcessPlan, Tracked},
    source::Span,
};

/// Looking for a slip compares with no more names than these.
const MAX_COMPARED: usize = 500;
/// From a product of so little, a file means Fault.
const FAULT: i32 = -254;
/// The largest weight in keepalived 2.2.
const MOST_BEFORE: u32 = 254;

/// Weights of what can be tracked, by name.
pub(super) type Weights = BTreeMap<String, WideWeight>;

/// All that can be tracked besides interfaces and scripts.
pub(super) struct Known<'a> {
    pub files: Weights,
    pub processes: Weights,
    pub sessions: &'a Sessions,
}

/// A kind of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Process,
    Session,
}

impl Kind {
    /// The word of its blocks.
    const fn word(self) -> &'static str {
        match self {
            Self::File => "track_file",
            Self::Process => "vrrp_track_process",
            Self::Session => "bfd_instance",
        }
    }
}

/// Trackers whose weights are small.
pub(super) fn wide(trackers: &[Tracker]) -> Vec<WideTracker> {
    let widen = |weight: Weight| WideWeight { value: weight.value.into(), reverse: weight.reverse };
    let widen =
        |tracker: &Tracker| WideTracker { name: tracker.name.clone(), weight: tracker.weight.map(widen) };
    trackers.iter().map(widen).collect()
}

impl Known<'_> {
    fn weight(&self, kind: Kind, name: &str) -> Option<WideWeight> {
        match kind {
            Kind::File => self.files.get(name).copied(),
            Kind::Process => self.processes.get(name).copied(),
            Kind::Session => self
                .sessions
                .get(name)
                .map(|session| WideWeight { value: session.weight.into(), reverse: session.reverse }),
        }
    }

    /// "did you mean `X`?", or nothing.
    fn quoted_nearest(&self, kind: Kind, name: &str) -> String {
        let nearest = |known: &Weights| {
            keyword::quoted_nearest(name, known.keys().take(MAX_COMPARED).map(String::as_str))
        };
        match kind {
            Kind::File => nearest(&self.files),
            Kind::Process => nearest(&self.processes),
            Kind::Session => self.sessions.quoted_nearest(name),
        }
    }

    /// A tracker with its weight resolved; one of which there is no block is diagnosed.
    pub(super) fn resolve(
        &self,
        kind: Kind,
        tracker: &WideTracker,
        diagnostics: &mut Diagnostics,
    ) -> Option<Tracked> {
        let name = &tracker.name.value;
        if let (Kind::Session, Some(fault)) = (kind, self.sessions.fault(name, User::Instance)) {
            let diagnostic = self.sessions.diagnostic(&tracker.name, &fault, diagnostics);
            diagnostics.push(diagnostic.help("nothing would guard the instance"));
            return None;
        }
        let Some(default) = self.weight(kind, name) else {
            let nearest = if diagnostics.is_full() { String::new() } else { self.quoted_nearest(kind, name) };
            diagnostics.push(
                Diagnostic::error(code::UNKNOWN_TRACKED, format!("`{name}` cannot be tracked"))
                    .primary(
                        tracker.name.span,
                        format!("no `{}` block of this name can be used", kind.word()),
                    )
                    .help(nearest),
            );
            return None;
        };
        let weight = tracker.weight.unwrap_or(default);
        Some(Tracked { name: name.clone(), weight: weight.value, reverse: weight.reverse })
    }
}

/// Names of blocks, of which the first counts.
struct Names {
    word: &'static str,
    seen: BTreeMap<String, Span>,
}

impl Names {
    /// Whether the name is new; an old one is diagnosed.
    fn take(&mut self, name: &Spanned<String>, diagnostics: &mut Diagnostics) -> bool {
        if let Some(first) = self.seen.get(&name.value) {
            diagnostics.push(
                Diagnostic::error(
                    code::DUPLICATE_NAME,
                    format!("two `{}` blocks are named `{}`", self.word, name.value),
                )
                .primary(name.span, "this one is ignored")
                .secondary(*first, "named here first"),
            );
            return false;
        }
        self.seen.insert(name.value.clone(), name.span);
        true
    }
}

/// `track_file`, in the order of the config.
pub(super) fn files(model: &Model, diagnostics: &mut Diagnostics) -> (Vec<TrackFilePlan>, Weights) {
    let mut names = Names { word: "track_file", seen: BTreeMap::new() };
    let mut plans = Vec::new();
    let mut known = BTreeMap::new();
    for file in &model.track_files {
        if !names.take(&file.name, diagnostics) {
            continue;
        }
        let Some(plan) = self::file(file, diagnostics) else { continue };
        known.insert(plan.name.clone(), WideWeight { value: plan.weight, reverse: plan.reverse });
        plans.push(plan);
    }
    (plans, known)
}

fn file(file: &TrackFile, diagnostics: &mut Diagnostics) -> Option<TrackFilePlan> {
    let name = &file.name;
    let path = match &file.path {
        _ if file.damaged => {
            diagnostics.push(unusable(code::TRACK_FILE, "track_file", name, "cannot be read whole"));
            return None;
        }
        Required::Good(path) => path.value.clone(),
        // Diagnosed where it stands.
        Required::Bad => return None,
        Required::Absent => {
            diagnostics.push(unusable(
                code::TRACK_FILE,
                "track_file",
                name,
                "expected `file PATH` in this block",
            ));
            return None;
        }
    };
    let weight = file.weight.unwrap_or(WideWeight { value: 1, reverse: false });
    let effective = if weight.reverse { weight.value.saturating_neg() } else { weight.value };
    let faults = match effective {
        ..=FAULT => Some("1 and all above"),
        254.. => Some("-1 and all below"),
        _ => None,
    };
    if let Some(numbers) = faults {
        let before = weight.value.unsigned_abs() > MOST_BEFORE;
        diagnostics.push(
            Diagnostic::note(
                code::FILE_WEIGHT,
                format!("by the weight of `{}`, the numbers {numbers} mean FAULT", name.value),
            )
            .primary(name.span, format!("its weight is {}", weight.value))
            .help("a product from -254 down is no priority any more")
            .help(if before { "keepalived 2.2 takes weights up to 254 only" } else { "" }),
        );
    }
    Some(TrackFilePlan {
        name: name.value.clone(),
        path,
        weight: weight.value,
        reverse: weight.reverse,
        initial: file.initial,
    })
}

/// `vrrp_track_process`, in the order of the config.
pub(super) fn processes(model: &Model, diagnostics: &mut Diagnostics) -> (Vec<TrackProcessPlan>, Weights) {
    let mut names = Names { word: "vrrp_track_process", seen: BTreeMap::new() };
    let mut plans = Vec::new();
    let mut known = BTreeMap::new();
    for process in &model.track_processes {
        if !names.take(&process.name, diagnostics) {
            continue;
        }
        let Some(plan) = self::process(process, diagnostics) else { continue };
        known.insert(plan.name.clone(), WideWeight { value: plan.weight.into(), reverse: plan.reverse });
        plans.push(plan);
    }
    (plans, known)
}

fn process(process: &TrackProcess, diagnostics: &mut Diagnostics) -> Option<TrackProcessPlan> {
    let name = &process.name;
    let command = match &process.command {
        _ if process.damaged => {
            let remark = "cannot be read whole";
            diagnostics.push(unusable(code::TRACK_PROCESS, "vrrp_track_process", name, remark));
            return None;
        }
        Required::Good(command) => &command.value,
        // Diagnosed where it stands.
        Required::Bad => return None,
        Required::Absent => {
            let remark = "expected `process NAME` in this block";
            diagnostics.push(unusable(code::TRACK_PROCESS, "vrrp_track_process", name, remark));
            return None;
        }
    };
    let (program, parameters) = command.split_first()?;
    let (quorum, quorum_max) = bounds(process, diagnostics);
    // Without parameters the word asks for a process that has none.
    let matching = match process.matching {
        None if parameters.is_empty() => ParameterMatch::Any,
        Some(_) if parameters.is_empty() => ParameterMatch::Exact,
        None => ParameterMatch::Exact,
        Some(matching) => matching,
    };
    let weight = process.weight.unwrap_or(WideWeight { value: 0, reverse: false });
    Some(TrackProcessPlan {
        name: name.value.clone(),
        program: program.clone(),
        parameters: parameters.to_vec(),
        matching,
        full_command: process.full_command || matching != ParameterMatch::Any,
        weight: i16::try_from(weight.value).unwrap_or_default(),
        reverse: weight.reverse,
        quorum,
        quorum_max,
        fork_delay: process.fork_delay.unwrap_or(Duration::ZERO),
        terminate_delay: process.terminate_delay.unwrap_or(Duration::ZERO),
    })
}

/// At least and at most. `quorum_max 0` alone asks for none at all.
fn bounds(process: &TrackProcess, diagnostics: &mut Diagnostics) -> (u16, Option<u16>) {
    let most = process.quorum_max.as_ref();
    match (&process.quorum, most) {
        (Some(least), Some(most)) if most.value < least.value => {
            diagnostics.push(
                Diagnostic::error(code::TRACK_PROCESS, "`quorum_max` is less than `quorum`")
                    .primary(most.span, "ignored, as in keepalived")
                    .secondary(least.span, "processes at least"),
            );
            (least.value, None)
        }
        (Some(least), most) => (least.value, most.map(|most| most.value)),
        (None, most) => {
            let most = most.map(|most| most.value);
            (most.unwrap_or(1).min(1), most)
        }
    }
}

/// A note for each file and process that nothing in the config tracks.
pub(super) fn report_unused(model: &Model, diagnostics: &mut Diagnostics) {
    let (instances, groups) = (&model.instances, &model.sync_groups);
    let real_servers = model.virtual_servers.iter().flat_map(|server| &server.real_servers);
    let checked = real_servers.flat_map(|server| &server.checkers).filter_map(|checker| {
        let Checked::File { track_file, .. } = &checker.check else { return None };
        track_file.as_ref().map(|name| name.value.as_str())
    });
    let own = instances.iter().flat_map(|instance| &instance.track_files);
    let shared = groups.iter().flat_map(|group| &group.track_files);
    let files: BTreeSet<&str> =
        own.chain(shared).map(|tracker| tracker.name.value.as_str()).chain(checked).collect();
    let own = instances.iter().flat_map(|instance| &instance.track_processes);
    let shared = groups.iter().flat_map(|group| &group.track_processes);
    let processes: BTreeSet<&str> = own.chain(shared).map(|tracker| tracker.name.value.as_str()).collect();
    let mut report = |what: &str, name: &Spanned<String>, remark: &str| {
        let message = format!("nothing tracks {what} `{}`", name.value);
        diagnostics.push(Diagnostic::note(code::SCRIPT_UNUSED, message).primary(name.span, remark));
    };
    for file in model.track_files.iter().filter(|file| !files.contains(file.name.value.as_str())) {
        report("file", &file.name, "nothing depends on what it says");
    }
    for process in model.track_processes.iter().filter(|one| !processes.contains(one.name.value.as_str())) {
        report("process", &process.name, "nothing depends on it");
    }
}

fn unusable(code: &'static str, word: &str, name: &Spanned<String>, remark: &str) -> Diagnostic {
    Diagnostic::error(code, format!("{word} `{}` cannot be used", name.value)).primary(name.span, remark)
}
