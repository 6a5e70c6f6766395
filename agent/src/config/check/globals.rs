//! Rules about what is said for the agent as a whole.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    model::{Garp, Globals, Model},
    pace,
};
use crate::config::{
    diagnostic::{Diagnostic, Diagnostics, code},
    keyword,
    plan::{Command, DefaultsPlan, FifoPlan, GlobalPlan, ProgramOnce},
    source::Span,
};

/// Looking for a slip compares with no more names than these.
const MAX_COMPARED: usize = 500;

/// Words that say nothing unless one of others is said as well: the word, the others, and how to mend it.
const NEEDS: &[(&str, &[&str], &str)] = &[
    ("notify_fifo_script", &["notify_fifo"], "say `notify_fifo PATH`"),
    ("vrrp_notify_fifo_script", &["vrrp_notify_fifo"], "say `vrrp_notify_fifo PATH`"),
    ("lvs_notify_fifo_script", &["lvs_notify_fifo"], "say `lvs_notify_fifo PATH`"),
    (
        "fifo_write_vrrp_states_on_reload",
        &["notify_fifo", "vrrp_notify_fifo"],
        "say `notify_fifo PATH` or `vrrp_notify_fifo PATH`",
    ),
    ("startup_script_timeout", &["startup_script"], "say `startup_script COMMAND`"),
    ("shutdown_script_timeout", &["shutdown_script"], "say `shutdown_script COMMAND`"),
    ("reload_repeat", &["reload_time_file"], "say `reload_time_file PATH`"),
    (
        "enable_traps",
        &[
            "enable_snmp_vrrp",
            "enable_snmp_keepalived",
            "enable_snmp_checker",
            "enable_snmp_rfc",
            "enable_snmp_rfcv2",
            "enable_snmp_rfcv3",
        ],
        "say whose: `enable_snmp_vrrp` or another",
    ),
    ("dbus_service_name", &["enable_dbus"], "say `enable_dbus`"),
    ("dbus_no_interface_name", &["enable_dbus"], "say `enable_dbus`"),
    ("vrrp_ipsets", &["vrrp_iptables"], "say `vrrp_iptables`"),
];

/// What `vrrp_min_garp` would change, were it not said.
const SPARED: [&str; 4] = [
    "vrrp_garp_master_repeat",
    "vrrp_garp_master_delay",
    "vrrp_garp_lower_prio_repeat",
    "vrrp_garp_lower_prio_delay",
];

/// The plan of all that, with what follows from other words filled in.
pub(super) fn plan(model: &Model, diagnostics: &mut Diagnostics) -> GlobalPlan {
    let globals = &model.globals;
    needs(&globals.said, diagnostics);
    pipes(globals, diagnostics);
    recipients(globals, diagnostics);
    minimal_garp(globals, diagnostics);
    sync_daemon(model, diagnostics);
    let mut plan = globals.kept.clone();
    plan.programs.user = globals.script_user.clone();
    let patience = |program: &mut Option<ProgramOnce>, seconds: Option<u16>| {
        if let Some(program) = program {
            run_by(&mut program.command, globals);
            program.timeout_seconds = seconds.unwrap_or(program.timeout_seconds);
        }
    };
    patience(&mut plan.programs.startup, globals.startup_seconds);
    patience(&mut plan.programs.shutdown, globals.shutdown_seconds);
    for fifo in [&mut plan.fifos.all, &mut plan.fifos.vrrp, &mut plan.fifos.ipvs] {
        if let Some(script) = &mut fifo.script {
            run_by(script, globals);
        }
    }
    plan.defaults = DefaultsPlan {
        version: globals.version.map(|version| version as u8),
        announcements: pace::announcements(&Garp::default(), globals),
        down_timer_adverts: globals.down_timer_adverts,
        multicast_group4: globals.multicast_group4,
        multicast_group6: globals.multicast_group6,
        asserts: globals.contest.asserts,
        concedes: globals.contest.concedes,
        checks_source: globals.checks_source,
        strict: globals.strict.as_ref().map(|strict| strict.value),
        interface: globals.default_interface.as_ref().map(|interface| interface.value.clone()),
        ..plan.defaults
    };
    plan.mail.alert_vrrp = plan.mail.alert_vrrp.or(plan.mail.alert);
    plan.mail.alert_checker = plan.mail.alert_checker.or(plan.mail.alert);
    plan
}

/// Who does not say its user is run by `script_user`.
fn run_by(command: &mut Command, globals: &Globals) {
    command.user = command.user.take().or_else(|| globals.script_user.clone());
}

fn needs(said: &BTreeMap<&'static str, Span>, diagnostics: &mut Diagnostics) {
    for (word, others, help) in NEEDS {
        let Some(place) = said.get(word) else { continue };
        if !others.iter().any(|other| said.contains_key(other)) {
            diagnostics.push(
                Diagnostic::warning(code::SAYS_NOTHING, format!("`{word}` says nothing by itself"))
                    .primary(*place, "what it is about is not there")
                    .help(*help),
            );
        }
    }
}

/// Two kinds of events in one pipe could not be told apart, and would come twice.
fn pipes(globals: &Globals, diagnostics: &mut Diagnostics) {
    let fifos = &globals.kept.fifos;
    let mut seen: BTreeMap<&PathBuf, &str> = BTreeMap::new();
    let named =
        [("notify_fifo", &fifos.all), ("vrrp_notify_fifo", &fifos.vrrp), ("lvs_notify_fifo", &fifos.ipvs)];
    for (name, FifoPlan { path, .. }) in named {
        let (Some(path), Some(place)) = (path, globals.said.get(name)) else { continue };
        let Some(other) = seen.insert(path, name) else { continue };
        let mut diagnostic = Diagnostic::error(
            code::FIFO,
            format!("`{other}` and `{name}` are the same pipe, `{}`", path.display()),
        )
        .primary(*place, "every event would be in it twice")
        .help("give each a path of its own");
        if let Some(place) = globals.said.get(other) {
            diagnostic = diagnostic.secondary(*place, "the other one");
        }
        diagnostics.push(diagnostic);
    }
}

fn recipients(globals: &Globals, diagnostics: &mut Diagnostics) {
    let mail = &globals.kept.mail;
    let wanted = [("smtp_alert", mail.alert), ("smtp_alert_vrrp", mail.alert_vrrp)];
    for (name, said) in wanted {
        let Some(place) = globals.said.get(name).filter(|_| said == Some(true)) else { continue };
        if mail.recipients.is_empty() {
            diagnostics.push(
                Diagnostic::warning(code::SAYS_NOTHING, format!("`{name}` would mail nobody"))
                    .primary(*place, "no recipient is named")
                    .help("say `notification_email { ADDRESS }`"),
            );
        }
    }
}

/// keepalived takes it for a default as well, so that the numbers that are said stay.
fn minimal_garp(globals: &Globals, diagnostics: &mut Diagnostics) {
    let Some(place) = globals.said.get("vrrp_min_garp").filter(|_| globals.minimal_garp) else { return };
    let spared: Vec<(&str, Span)> =
        SPARED.iter().filter_map(|name| Some((*name, *globals.said.get(name)?))).collect();
    if spared.is_empty() {
        return;
    }
    let mut diagnostic =
        Diagnostic::note(code::MINIMAL_GARP, "`vrrp_min_garp` changes only what no other word says")
            .primary(*place, "one announcement, no second batch");
    for (name, place) in spared {
        diagnostic = diagnostic.secondary(place, format!("`{name}` stays as it is"));
    }
    diagnostics.push(diagnostic);
}

fn sync_daemon(model: &Model, diagnostics: &mut Diagnostics) {
    let Some(named) = &model.globals.sync_daemon else { return };
    let names = || model.instances.iter().map(|instance| instance.name.value.as_str());
    if names().any(|name| name == named.value) {
        return;
    }
    diagnostics.push(
        Diagnostic::error(code::UNKNOWN_INSTANCE, format!("there is no instance `{}`", named.value))
            .primary(named.span, "named by `lvs_sync_daemon`")
            .help(keyword::quoted_nearest(&named.value, names().take(MAX_COMPARED))),
    );
}

/// How words begin that instances inherit when keepalived reads them.
const INHERITED: [&str; 4] =
    ["vrrp_garp_master_", "vrrp_garp_lower_prio_", "vrrp_lower_prio_", "vrrp_higher_prio_"];

/// keepalived applies defaults wherever they stand when it starts, and in the order of the file when it reloads.
pub(super) fn report_late(model: &Model, diagnostics: &mut Diagnostics) {
    let Some(first) = model.instances.first().map(|instance| instance.name.span) else { return };
    let behind = |place: &Span| place.source == first.source && place.start > first.start;
    let inherited = |word: &str| INHERITED.iter().any(|start| word.starts_with(start));
    let late = model.globals.said.iter().filter(|(word, place)| inherited(word) && behind(place));
    let Some((word, place)) = late.min_by_key(|(_, place)| place.start) else { return };
    diagnostics.push(
        Diagnostic::note(code::LATE_GLOBALS, format!("`{word}` stands behind instances that it is for"))
            .primary(*place, "counts for all of them, wherever it stands")
            .secondary(first, "the first one")
            .help("keepalived forgets such defaults at a reload: put global_defs first where it reads this file too"),
    );
}
