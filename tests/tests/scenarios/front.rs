//! The program under the name `keepalived`, started as keepalived is today.

mod dumps;
mod life;
mod signals;
mod verdicts;

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};
use lab::{agent, node::Node, process::Process};
use libtest_mimic::Trial;

use super::trial::{Need, Reasons};

/// How long it may take to stop on drop.
const STOP: Duration = Duration::from_secs(3);

/// All of them.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let (ours, theirs): (&[Need], &[Need]) = (&[Need::Agent], &[Need::Keepalived]);
    let both: &[Need] = &[Need::Agent, Need::Keepalived];
    let mut trials = Vec::new();
    let mut add = |name: &str, needs: &[Need], scenario: fn() -> Result<()>| {
        trials.push(reasons.trial(format!("front::{name}"), needs, scenario));
    };
    add("a_config_is_judged_as_the_table_says", ours, verdicts::ours);
    add("keepalived_judges_as_the_table_says", theirs, verdicts::theirs);
    add("programs_that_others_could_change_have_an_exit_code", ours, verdicts::changeable_programs);
    add("what_is_no_config_is_refused", ours, verdicts::no_config);
    add("dumps_are_those_of_keepalived", both, dumps::are_those_of_keepalived);
    add("a_container_that_starts_keepalived_starts_the_agent", ours, life::in_the_foreground);
    add("without_n_it_goes_into_the_background_and_says_how_that_ended", ours, life::in_the_background);
    add("a_start_that_cannot_be_ends_with_the_code_of_keepalived", ours, life::refused);
    add("its_files_are_where_keepalived_has_them", ours, life::default_files);
    add("a_reload_counts_or_changes_nothing", ours, signals::reloaded);
    add("a_storm_of_signals_delays_no_advert", ours, signals::a_storm);
    add("the_system_log_has_its_lines_and_holds_nothing_up", ours, signals::in_the_system_log);
    add("files_have_the_names_that_the_config_gives", ours, signals::names);
    add("what_cannot_be_run_takes_nothing_else_along", ours, signals::without_what_cannot_run);
    add("another_one_takes_over_with_its_files", ours, life::handed_over);
    trials
}

/// The agent by the other name.
fn keepalived(node: &Node) -> Result<PathBuf> {
    let link = node.directory().join("keepalived");
    if !link.exists() {
        symlink(agent::program()?, &link).with_context(|| format!("link {}", link.display()))?;
    }
    Ok(link)
}

/// A command that has the file system for itself where daemons keep their files: what is pinned goes with it, and other
/// hosts' files are not in its way.
fn apart(node: &Node, program: &Path) -> Command {
    let mut command = node.command("unshare");
    let mounts = "mount -t tmpfs run /run && mount -t tmpfs bpf /sys/fs/bpf && exec \"$0\" \"$@\"";
    command.args(["--mount", "--propagation", "private", "sh", "-c", mounts]);
    command.arg(program).env("TMPDIR", node.directory());
    command
}

/// Starts the agent by the other name with these options, and its files in the host's directory.
fn start(node: &Node, config: &str, options: &[&str]) -> Result<Process> {
    let mut command = apart(node, &keepalived(node)?);
    command.arg("-f").arg(node.write("keepalived.conf", config)?).args(options);
    for (option, file) in [("-p", "main.pid"), ("-r", "vrrp.pid")] {
        command.arg(option).arg(node.directory().join(file));
    }
    Process::spawn("keepalived (agent)", node, &mut command, STOP)
}
