//! From a config file to what would change: everything about a reload that changes nothing yet. Blocks, so it has a thread of
//! its own.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use super::reading::{self, limited_to};
use crate::{
    config::{
        Given,
        plan::{
            InstancePlan, NftablesPlan, Plan,
            diff::{Diff, Line},
        },
    },
    net::xdp::Capacity,
    observe::reload::{Outcome, Report},
};

/// Where the config is that can be read again.
#[derive(Clone, Debug)]
pub enum Source {
    /// The file that the agent was started with.
    File {
        /// The file.
        path: PathBuf,
        /// What its reading depends on besides its text.
        given: Given,
        /// What is wrong with it goes into the log, line by line.
        logs_lines: bool,
        /// `--iface`: only these interfaces.
        interfaces: Vec<String>,
        /// `--xdp` was said: the config's word does not count.
        is_xdp_fixed: bool,
    },
    /// There is none: why.
    Nowhere(&'static str),
}

/// A config that could be applied.
#[derive(Debug)]
pub struct Prepared {
    /// What the agent is to be.
    pub plan: Arc<Plan>,
    /// How that differs from what it is.
    pub diff: Diff,
    /// What there is to say of it.
    pub report: Report,
}

/// Reads and compares. Blocks.
///
/// # Errors
/// What is to be reported of a config that is none to run, or of one that a running agent cannot become.
pub fn prepare(source: &Source, old: &Plan, room: Option<Capacity>) -> Result<Box<Prepared>, Box<Report>> {
    let (path, given, logs_lines, interfaces, is_xdp_fixed) = match source {
        Source::File { path, given, logs_lines, interfaces, is_xdp_fixed } => {
            (path, given, logs_lines, interfaces, is_xdp_fixed)
        }
        Source::Nowhere(why) => return Err(refused(None, Outcome::Refused, (*why).to_owned())),
    };
    let mut report = Report {
        outcome: Outcome::WouldApply,
        config: Some(path.display().to_string()),
        problem: None,
        diagnostics: String::new(),
        changes: Vec::new(),
        unchanged: 0,
        notes: Vec::new(),
        took_us: 0,
    };
    let read = match reading::read_whole(path, given) {
        Ok(read) => read,
        Err(error) => return Err(refused(Some(report), Outcome::BadConfig, error.to_string())),
    };
    read.tell(*logs_lines);
    report.diagnostics.clone_from(&read.rendered);
    let bad = |report, problem: String| Err(refused(Some(report), Outcome::BadConfig, problem));
    if let Some(file) = &read.unfinished {
        let problem = format!("somebody is still writing {}: try again when it is whole", file.display());
        return bad(report, problem);
    }
    if !read.left_out.is_empty() {
        let problem = read.who_cannot_run();
        return bad(report, problem);
    }
    if read.has_errors {
        return bad(report, "it has errors".to_owned());
    }
    let misses_an_include = read.misses_an_include;
    let new = limited_to(read.plan, interfaces);
    if new.instances.is_empty() && !old.instances.is_empty() {
        let problem = "it has no vrrp_instance to run; an agent that is to give up everything is stopped";
        return bad(report, problem.to_owned());
    }
    let diff = Diff::between(old, &new);
    report.changes = diff.lines(old).iter().map(Line::text).collect();
    report.unchanged = diff.unchanged();
    if misses_an_include && !diff.is_empty() {
        // Whoever is in the middle of exchanging files does not mean to remove what stood in one of them.
        let problem = "a file that it includes is not there, and what stood in it would be gone: put it back, or take the line \
                       that includes it out";
        return bad(report, problem.to_owned());
    }
    report.notes = notes(old, &new);
    report.notes.extend(diff.notes(old));
    if let Some(problem) = fixed(old, &new, *is_xdp_fixed) {
        return Err(refused(Some(report), Outcome::Refused, problem));
    }
    if let Some(problem) = room.and_then(|room| without_room(&room, old, &diff)) {
        return Err(refused(Some(report), Outcome::Refused, problem));
    }
    Ok(Box::new(Prepared { plan: Arc::new(new), diff, report }))
}

/// The report of a reload that changes nothing.
pub fn refused(report: Option<Report>, outcome: Outcome, problem: String) -> Box<Report> {
    let problem = Some(problem);
    Box::new(match report {
        Some(report) => Report { outcome, problem, ..report },
        None => Report {
            outcome,
            config: None,
            problem,
            diagnostics: String::new(),
            changes: Vec::new(),
            unchanged: 0,
            notes: Vec::new(),
            took_us: 0,
        },
    })
}

/// What a running agent cannot become: where it works and by what names it is known, as in keepalived, and how packets come
/// in. Half of such a config would be none that anybody wrote.
fn fixed(old: &Plan, new: &Plan, is_xdp_fixed: bool) -> Option<String> {
    if old.xdp != new.xdp && !is_xdp_fixed {
        return Some(
            "`xdp` cannot change in a running agent: `agent handover` takes the new config over".to_owned(),
        );
    }
    let table = |table: &Option<NftablesPlan>| table.as_ref().map(|table| table.table.clone());
    let (before, after) = (&old.globals, &new.globals);
    let (here, there) = (&before.place, &after.place);
    let changed = [
        ("net_namespace", here.net_namespace != there.net_namespace),
        ("net_namespace_ipvs", here.ipvs_namespace != there.ipvs_namespace),
        ("instance", here.instance != there.instance),
        ("use_pid_dir", here.use_pid_directory != there.use_pid_directory),
        ("nftables", table(&before.firewall.nftables) != table(&after.firewall.nftables)),
        ("nftables_ipvs", table(&before.firewall.ipvs) != table(&after.firewall.ipvs)),
        ("tmp_config_directory", before.files.temporary_directory != after.files.temporary_directory),
        ("disable_local_igmp", before.disables_local_igmp != after.disables_local_igmp),
    ];
    let words: Vec<String> =
        changed.iter().filter(|(_, changed)| *changed).map(|(word, _)| format!("`{word}`")).collect();
    (!words.is_empty()).then(|| {
        format!(
            "{} cannot change in a running agent: stop it and start it with the new config",
            words.join(", ")
        )
    })
}

/// What counts later only: it is said, and the rest is applied.
fn notes(old: &Plan, new: &Plan) -> Vec<String> {
    let mut notes = Vec::new();
    let delays = |plan: &Plan| (plan.startup_delay, plan.delay_after_boot);
    if delays(old) != delays(new) {
        notes.push("`vrrp_startup_delay` and `vrrp_delay_after_boot` count from the next start".to_owned());
    }
    notes
}

/// The maps of a program cannot grow.
fn without_room(room: &Capacity, old: &Plan, diff: &Diff) -> Option<String> {
    let added = || diff.added().map(|plan| &**plan);
    let addresses = |plan: &InstancePlan| plan.address_count();
    let peers = |plan: &InstancePlan| plan.transport.peers().len();
    // All that is there, and all that may be new: what goes has its place until it is gone.
    let changed = || diff.changed().map(|plan| &**plan).chain(added());
    let sum = |of: fn(&InstancePlan) -> usize| {
        old.instances.iter().map(of).sum::<usize>() + changed().map(of).sum::<usize>()
    };
    let wants = [
        ("instances", old.instances.len() + added().count(), room.instances),
        ("virtual addresses", sum(addresses).min(union(old, changed())), room.vips),
        ("unicast peers", sum(peers), room.peers),
    ];
    wants.into_iter().find(|(_, wanted, room)| u32::try_from(*wanted).unwrap_or(u32::MAX) > *room).map(
        |(what, wanted, room)| {
            format!(
                "the XDP program of this agent was loaded with room for {room} {what}, and this change needs {wanted}: \
                 `agent handover` takes the new config over, with as much room as that needs"
            )
        },
    )
}

/// How many addresses there are before and after, each counted once.
fn union<'a>(old: &'a Plan, changed: impl Iterator<Item = &'a InstancePlan>) -> usize {
    let all = old.instances.iter().chain(changed).flat_map(|plan| {
        let own = plan.addresses.iter().chain(&plan.excluded);
        own.map(|address| {
            let device = address.device.as_deref().unwrap_or(&plan.interface);
            (address.address, address.prefix_length, device)
        })
    });
    all.collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTANCE: &str =
        "vrrp_instance A {\ninterface eth0\nvirtual_router_id 50\nvirtual_ipaddress { 10.0.0.3 }\n}\n";

    /// The difference between two configs, the second of which may include `extra.conf`, which there is not.
    fn prepared(old: &str, new: &str, is_xdp_fixed: bool) -> Result<Box<Prepared>, Box<Report>> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("regent.conf");
        std::fs::write(&path, format!("{new}{INSTANCE}")).unwrap();
        let source = Source::File {
            path,
            given: Given::default(),
            logs_lines: false,
            interfaces: Vec::new(),
            is_xdp_fixed,
        };
        let old = crate::config::parse("c", &format!("{old}{INSTANCE}")).plan;
        prepare(&source, &old, None)
    }

    #[test]
    fn what_a_running_agent_cannot_become_is_refused_with_its_words() {
        let globals = |lines: &str| format!("global_defs {{\n{lines}\n}}\n");
        for (new, words) in [
            ("instance other\n".to_owned(), "`instance` cannot change"),
            ("instance other\nuse_pid_dir\n".to_owned(), "`instance`, `use_pid_dir` cannot change"),
            ("net_namespace_ipvs other\n".to_owned(), "`net_namespace_ipvs` cannot change"),
            (globals("nftables other"), "`nftables` cannot change"),
            (globals("disable_local_igmp"), "`disable_local_igmp` cannot change"),
            (globals("tmp_config_directory /tmp"), "`tmp_config_directory` cannot change"),
            (globals("xdp off"), "`xdp` cannot change"),
        ] {
            let report = prepared("", &new, false).unwrap_err();
            let problem = report.problem.unwrap();
            assert_eq!(report.outcome, Outcome::Refused, "{problem}");
            assert!(problem.contains(words), "{problem}");
            assert!(prepared(&new, &new, false).is_ok(), "{new}");
        }
        assert!(prepared("", &globals("xdp off"), true).is_ok(), "the command line says it");
    }

    #[test]
    fn an_include_that_is_not_there_takes_nothing_away_with_it() {
        let gone = INSTANCE.replace("50", "51").replace("0.3", "0.4").replace(" A ", " B ");
        let report = prepared(&gone, "include extra.conf\n", false).unwrap_err();
        assert_eq!(report.outcome, Outcome::BadConfig);
        assert!(report.problem.unwrap().contains("includes is not there"));
        assert!(
            prepared("", "include extra.conf\n", false).is_ok(),
            "it was not there before, and nothing changes"
        );
        assert!(prepared(&gone, "include extra.d/*.conf\n", false).is_ok(), "a directory may be empty");
    }
}
