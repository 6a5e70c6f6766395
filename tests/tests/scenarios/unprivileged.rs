//! An agent with fewer rights than root: by `setpriv`, which keeps the namespace.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{self, Agent, Options, Rung},
    clock::Moment,
    group::Group,
    node::Node,
    process::Process,
};

/// Starts the agent as root without the rights to load BPF programs, and waits until it answers.
pub fn start(node: &Node, group: &Group) -> Result<Agent> {
    let options = Options::config(group.text()).on(Rung::Auto);
    let plain = agent::command(node, &options)?;
    let mut command = node.command("setpriv");
    command.args(["--bounding-set", "-bpf,-perfmon,-sys_admin", "--"]);
    command.arg(plain.get_program()).args(plain.get_args());
    Agent::start_command(node, &mut command)
}

/// Runs the agent as nobody to its end; returns its status and what it said.
pub fn run_as_nobody(node: &Node, group: &Group) -> Result<(std::process::ExitStatus, Vec<String>)> {
    let plain = agent::command(node, &Options::config(group.text()))?;
    let program = readable_copy(node)?;
    let mut command: Command = node.command("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]);
    command.arg(program).args(plain.get_args());
    let mut process = Process::spawn("agent as nobody", node, &mut command, Duration::ZERO)?;
    let began = Moment::now();
    let status =
        process.wait_exit(Duration::from_secs(10)).with_context(|| format!("since {:?}", began.elapsed()))?;
    Ok((status, process.log()))
}

/// The binary where nobody may read it, in a directory where nobody may write.
fn readable_copy(node: &Node) -> Result<PathBuf> {
    let copy = node.directory().join("agent");
    // Not by ourselves: what another scenario is about to start could hold a copy of the descriptor, and a file that is
    // open for writing does not run.
    let copied = Command::new("install").args(["-m", "755"]).arg(agent::program()?).arg(&copy).status()?;
    ensure!(copied.success(), "cannot copy the agent");
    for directory in node.directory().ancestors().take(2) {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
    }
    Ok(copy)
}
