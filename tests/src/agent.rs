//! The agent under test: the real binary, started in a host.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Output},
    sync::OnceLock,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::{
    bpffs::Bpffs,
    clock::Moment,
    namespace::finish,
    node::{INTERFACE, Node},
    process::Process,
};

/// Names the binary to test.
pub const VARIABLE: &str = "REGENT_AGENT";
/// Tells a debug build where to die.
const DEATH: &str = "REGENT_CRASH_AT";
/// How long it may take to answer its first question.
const START: Duration = Duration::from_secs(10);
/// How long it may take to stop.
const STOP: Duration = Duration::from_secs(3);

/// Settles that [`program`] names the release build when the environment names none: whoever has just built it means it.
pub fn choose_release() {
    CHOSEN.get_or_init(|| target().join("release/agent"));
}

static CHOSEN: OnceLock<PathBuf> = OnceLock::new();

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

/// The binary: `REGENT_AGENT`, else the one that was chosen, else the newer one of the workspace's release and debug builds.
///
/// # Errors
/// When there is none; says how to build it.
pub fn program() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(VARIABLE) {
        let path = PathBuf::from(path);
        return if path.exists() { Ok(path) } else { Err(anyhow!("{VARIABLE}: no {}", path.display())) };
    }
    if let Some(path) = CHOSEN.get() {
        return Ok(path.clone());
    }
    let target = target();
    ["release/agent", "debug/agent"]
        .iter()
        .map(|path| target.join(path))
        .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)))
        .max()
        .map(|(_, path)| path)
        .ok_or_else(|| anyhow!("the agent is not built: cargo build --package regent-agent"))
}

/// The binary that dies where it is told to: a release build has no such points, so the debug build, whatever is tested
/// otherwise.
///
/// # Errors
/// When there is none; says how to build it.
pub fn mortal_program() -> Result<PathBuf> {
    let path = target().join("debug/agent");
    if path.exists() { Ok(path) } else { Err(anyhow!("no debug build: cargo build --package regent-agent")) }
}

/// The root of the workspace that this lab was built in.
pub fn workspace() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// Where adverts are to come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// The best that works.
    Auto,
    /// XDP in the driver.
    Native,
    /// XDP in the generic hook.
    Generic,
    /// The socket.
    Off,
}

impl Rung {
    /// The word for `--xdp`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Native => "native",
            Self::Generic => "generic",
            Self::Off => "off",
        }
    }
}

/// How to start it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Text of the config file; absent: none is named.
    pub config: Option<String>,
    /// The rung.
    pub rung: Rung,
    /// Values of `--iface`.
    pub interfaces: Vec<String>,
    /// Another run directory than the host's own.
    pub run_directory: Option<PathBuf>,
    /// Where it may pin; absent: nowhere, so that nothing of it outlives it.
    pub bpffs: Option<PathBuf>,
    /// More arguments.
    pub arguments: Vec<String>,
    /// Name of the point where it dies.
    pub death: Option<&'static str>,
}

impl Options {
    /// With a config, on the best rung.
    pub fn config(text: impl Into<String>) -> Self {
        Self { config: Some(text.into()), ..Self::flags(&[]) }
    }

    /// With arguments alone.
    pub fn flags(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let interfaces = vec![INTERFACE.to_owned()];
        Self {
            config: None,
            rung: Rung::Auto,
            interfaces,
            run_directory: None,
            bpffs: None,
            arguments,
            death: None,
        }
    }

    /// On that rung.
    #[must_use]
    pub const fn on(mut self, rung: Rung) -> Self {
        self.rung = rung;
        self
    }

    /// What it has on ports outlives it, as on a host with a BPF file system.
    #[must_use]
    pub fn pinned(mut self, bpffs: &Bpffs) -> Self {
        self.bpffs = Some(bpffs.path().join("regent"));
        self
    }

    /// With another run directory than the host's own.
    #[must_use]
    pub fn run_in(mut self, directory: PathBuf) -> Self {
        self.run_directory = Some(directory);
        self
    }

    /// It dies when it comes to that point.
    #[must_use]
    pub const fn dying_at(mut self, point: &'static str) -> Self {
        self.death = Some(point);
        self
    }

    fn program(&self) -> Result<PathBuf> {
        if self.death.is_some() { mortal_program() } else { program() }
    }

    /// With one more argument and its value.
    #[must_use]
    pub fn argument(mut self, name: &str, value: &str) -> Self {
        self.arguments.extend([name.to_owned(), value.to_owned()]);
        self
    }
}

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    /// Its process.
    pub process: Process,
    program: PathBuf,
    run_directory: PathBuf,
}

impl Agent {
    /// Starts it on `node` and waits until it answers `status`.
    ///
    /// # Errors
    /// When it is not built, or ends before it answers; with the end of its log.
    pub fn start(node: &Node, options: &Options) -> Result<Self> {
        let mut agent = Self::launch(node, options)?;
        agent.wait_ready()?;
        Ok(agent)
    }

    /// Starts it by that command, which ends in its command line on `node`, and waits until it answers.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_command(node: &Node, command: &mut Command) -> Result<Self> {
        let process = Process::spawn("agent", node, command, STOP)?;
        let mut agent = Self { process, program: program()?, run_directory: run_directory(node) };
        agent.wait_ready()?;
        Ok(agent)
    }

    /// Starts it and waits for nothing.
    ///
    /// # Errors
    /// When it is not built.
    pub fn launch(node: &Node, options: &Options) -> Result<Self> {
        let mut command = command(node, options)?;
        let process = Process::spawn("agent", node, &mut command, STOP)?;
        let run_directory = options.run_directory.clone().unwrap_or_else(|| run_directory(node));
        Ok(Self { process, program: options.program()?, run_directory })
    }

    fn wait_ready(&mut self) -> Result<()> {
        let start = Moment::now();
        loop {
            if let Some(status) = self.process.exited()? {
                bail!("the agent ended at its start ({status}){}", self.process.log_tail());
            }
            match self.status() {
                Ok(_) => return Ok(()),
                Err(error) if start.elapsed() > START => {
                    return Err(
                        error.context(format!("no answer within {START:?}{}", self.process.log_tail()))
                    );
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Where its socket and its journal are.
    pub fn run_directory(&self) -> &Path {
        &self.run_directory
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn status(&self) -> Result<Status> {
        let mut command = Command::new(&self.program);
        command.args(["status", "-o", "json", "--run-dir"]).arg(&self.run_directory);
        let output = finish(&mut command)?;
        if !output.status.success() {
            bail!("agent status: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
        }
        let root = serde_json::from_slice(&output.stdout).context("read the JSON of agent status")?;
        Ok(Status { root })
    }

    /// The table that `status` prints.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn status_table(&self) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(["status", "--run-dir"]).arg(&self.run_directory);
        crate::namespace::succeed(&mut command)
    }

    /// Waits until `wanted` holds of its status.
    ///
    /// # Errors
    /// When it does not within `timeout`; `what` says what was missed.
    pub fn wait_status(
        &self,
        what: &str,
        timeout: Duration,
        wanted: impl Fn(&Status) -> bool,
    ) -> Result<Status> {
        let start = Moment::now();
        loop {
            let status = self.status()?;
            if wanted(&status) {
                return Ok(status);
            }
            if start.elapsed() > timeout {
                let shown = serde_json::to_string_pretty(&status.root).unwrap_or_default();
                bail!("not within {timeout:?}: {what}; status: {shown}{}", self.process.log_tail());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Lets another process take over, with these arguments for `handover`, and returns what that printed.
    ///
    /// # Errors
    /// When it fails, with its own words; the old one goes on then.
    pub fn hand_over(&mut self, arguments: &[&str]) -> Result<String> {
        Process::adopt_orphans()?;
        let mut command = Command::new(&self.program);
        command.args(["handover", "--run-dir"]).arg(&self.run_directory).args(arguments);
        let said = crate::namespace::succeed(&mut command)?;
        let pid = said.split_once("-> pid ").and_then(|(_, rest)| rest.split(',').next()?.parse().ok());
        let pid = pid.with_context(|| format!("no process number in {said:?}"))?;
        let status = self.process.succeeded_by(pid, STOP)?;
        if !status.success() {
            bail!("the one that handed over ended with {status}{}", self.process.log_tail());
        }
        Ok(said)
    }

    /// Has it read its config again, with these arguments for `reload`; what that printed, and how it ended.
    ///
    /// # Errors
    /// When the verb cannot be run at all.
    pub fn reload(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.program);
        command.args(["reload", "--run-dir"]).arg(&self.run_directory).args(arguments);
        finish(&mut command)
    }

    /// SIGTERM; returns how it ended.
    ///
    /// # Errors
    /// When it does not end within three seconds.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.process.stop(STOP)
    }
}

/// Runs the agent on `node` to its end, which is expected within `timeout`.
///
/// # Errors
/// When it still runs then; it is killed.
pub fn run(node: &Node, options: &Options, timeout: Duration) -> Result<(ExitStatus, Vec<String>)> {
    let mut agent = Agent::launch(node, options)?;
    let status = agent.process.wait_exit(timeout)?;
    Ok((status, agent.process.log()))
}

/// Runs a verb of the agent that needs no host.
///
/// # Errors
/// When the agent is not built.
pub fn verb(arguments: &[&str]) -> Result<Output> {
    finish(Command::new(program()?).args(arguments))
}

/// The command line on `node`.
///
/// # Errors
/// When the agent is not built or its config cannot be written.
pub fn command(node: &Node, options: &Options) -> Result<Command> {
    let mut command = node.command(options.program()?);
    if let Some(point) = options.death {
        command.env(DEATH, point);
    }
    for interface in &options.interfaces {
        command.args(["--iface", interface]);
    }
    command.args(["--xdp", options.rung.word(), "--run-dir"]);
    command.arg(options.run_directory.clone().unwrap_or_else(|| run_directory(node)));
    // A directory that is in no BPF file system.
    command.arg("--bpffs").arg(options.bpffs.clone().unwrap_or_else(|| node.directory().join("no-bpffs")));
    command.env("NO_COLOR", "1");
    if let Some(text) = &options.config {
        command.arg("--config").arg(node.write("regent.conf", text)?);
    }
    command.args(&options.arguments);
    Ok(command)
}

/// The run directory of an agent on `node`.
pub fn run_directory(node: &Node) -> PathBuf {
    node.directory().join("run")
}

/// The answer to `status -o json`.
#[derive(Clone, Debug)]
pub struct Status {
    /// The whole of it.
    pub root: Value,
}

impl Status {
    /// The instance of that name; null when there is none.
    pub fn instance(&self, name: &str) -> &Value {
        self.root["instances"]
            .as_array()
            .and_then(|instances| instances.iter().find(|instance| instance["name"] == name))
            .unwrap_or(&Value::Null)
    }

    /// Its state: INIT, BACKUP, MASTER or FAULT; empty when there is no such instance.
    pub fn state(&self, name: &str) -> &str {
        self.instance(name)["state"].as_str().unwrap_or_default()
    }

    /// A number inside the instance, by JSON pointer; 0 when there is none.
    pub fn number(&self, name: &str, pointer: &str) -> u64 {
        self.instance(name).pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
    }

    /// The port of that name; null when there is none.
    pub fn port(&self, name: &str) -> &Value {
        self.root["ports"]
            .as_array()
            .and_then(|ports| ports.iter().find(|shown| shown["name"] == name))
            .unwrap_or(&Value::Null)
    }

    /// The carrier of a port: native, generic, socket or none; empty when there is no such port.
    pub fn carrier(&self, port: &str) -> &str {
        self.port(port)["carrier"].as_str().unwrap_or_default()
    }

    /// Who answers for virtual addresses on a port: xdp or kernel; empty when there is no such port.
    pub fn responder(&self, port: &str) -> &str {
        self.port(port)["responder"]["by"].as_str().unwrap_or_default()
    }

    /// What happens on a port when the agent dies: on, stuck or off; empty when there is no such port.
    pub fn dead_man(&self, port: &str) -> &str {
        self.port(port)["dead_man"]["state"].as_str().unwrap_or_default()
    }

    /// How often an address of an instance was asked for, and how often the program answered.
    pub fn asked(&self, name: &str, address: impl Into<IpAddr>) -> (u64, u64) {
        let prefix = format!("{}/", address.into());
        let addresses = self.instance(name)["addresses"].as_array();
        let shown = addresses.into_iter().flatten();
        let is_it = |shown: &&Value| shown["address"].as_str().is_some_and(|text| text.starts_with(&prefix));
        let number = |shown: &Value, name: &str| shown[name].as_u64().unwrap_or(0);
        shown.into_iter().find(is_it).map_or((0, 0), |it| (number(it, "requests"), number(it, "replies")))
    }

    /// Whether the instance says that it has that address.
    pub fn assigned(&self, name: &str, address: impl Into<IpAddr>) -> bool {
        let prefix = format!("{}/", address.into());
        self.instance(name)["addresses"].as_array().is_some_and(|addresses| {
            addresses.iter().any(|shown| {
                shown["assigned"] == true
                    && shown["address"].as_str().is_some_and(|text| text.starts_with(&prefix))
            })
        })
    }

    /// Groups heard that are not configured.
    pub fn heard(&self) -> &[Value] {
        self.root["heard"].as_array().map_or(&[], Vec::as_slice)
    }
}
