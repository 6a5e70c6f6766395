//! The other world: hosts in namespaces on a switch, real agents on them, and each fault done to the letter.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Agent, Options, Rung},
    clock::Moment,
    group::Group,
    lab::Lab,
    node::Node,
    switch::Loss,
};
use nix::sys::signal::Signal;
use regent_common::Family;
use regent_simulation::script::{Entered, Fault, Script};
use regent_vrrp::StateName;

use super::agreement::{Deed, Record};

/// How long an agent may take until it says its first state, on a host where many start at once.
const START: Duration = Duration::from_secs(10);
/// How long it may take to end.
const STOP: Duration = Duration::from_secs(3);
/// Hosts by router: 10.0.0.3 is the virtual address of version 3 over IPv4. Their addresses are in the routers' order.
const NUMBERS: [u8; 3] = [1, 2, 4];

/// What is between a host and the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Nothing.
    Clear,
    /// Its port is off the switch.
    Cut,
    /// Adverts are lost in one direction.
    Lossy,
}

/// A router's host, and every agent that ran on it.
struct Seat {
    /// The last one runs, or ran last.
    agents: Vec<Agent>,
    group: Group,
    way: Way,
    node: Node,
}

/// The hosts. Fields drop in order: agents before hosts.
pub struct Stage {
    seats: Vec<Seat>,
    rung: Rung,
    began: Moment,
    _lab: Lab,
}

impl Stage {
    /// A host for each router, by its config.
    pub fn set(groups: Vec<Group>, rung: Rung) -> Result<Self> {
        let mut lab = Lab::new()?;
        ensure!(groups.len() <= NUMBERS.len(), "no hosts for {} routers", groups.len());
        let mut seats = Vec::new();
        for (group, number) in groups.into_iter().zip(NUMBERS) {
            match group.family() {
                Family::Ipv4 => {}
                Family::Ipv6 => lab.enable_ipv6(),
            }
            let node = lab.host(&format!("router{}", seats.len()), number)?;
            seats.push(Seat { agents: Vec::new(), group, way: Way::Clear, node });
        }
        Ok(Self { seats, rung, began: Moment::now(), _lab: lab })
    }

    /// Does all of it, and says what it came to. A pause begins when the fault before it was done.
    pub fn play(&mut self, script: &Script) -> Result<Record> {
        let ends = script.steps.iter().skip(1).map(|step| step.at).chain([script.length]);
        let mut deeds = Vec::new();
        for (step, end) in script.steps.iter().zip(ends) {
            let deed = self.act(step.fault).with_context(|| step.fault.to_string())?;
            deeds.push(deed);
            let until = self.began.plus(deed.done + end.saturating_sub(step.at));
            std::thread::sleep(until.since(Moment::now()));
        }
        Ok(Record { deeds, entered: self.entered() })
    }

    /// The ends of what the agents said.
    pub fn said(&self) -> String {
        self.seats.iter().flat_map(|seat| &seat.agents).map(|agent| agent.process.log_tail()).collect()
    }

    fn act(&mut self, fault: Fault) -> Result<Deed> {
        let (mut begun, mut done) = (self.elapsed(), None);
        match fault {
            Fault::Start(router) => {
                // It is there for the others, and for itself, when it enters its first state.
                begun = self.start(router)?.since(self.began);
                done = Some(begun);
            }
            Fault::Stop(router) => {
                let agent = self.agent(router)?;
                agent.process.signal(Signal::SIGTERM)?;
                let told = Moment::now();
                let status = agent.process.wait_exit(STOP)?;
                ensure!(status.success(), "it ended with {status}{}", agent.process.log_tail());
                done = Some(told.since(self.began));
            }
            Fault::Kill(router) => self.agent(router)?.process.kill()?,
            Fault::Freeze(router, duration) => {
                let began = self.began;
                let process = &mut self.agent(router)?.process;
                process.signal_all(Signal::SIGSTOP)?;
                let stopped = Moment::now();
                std::thread::sleep(duration);
                process.signal_all(Signal::SIGCONT)?;
                done = Some(stopped.since(began));
            }
            Fault::Isolate(router) => {
                self.seats[router].node.cut_silently()?;
                self.seats[router].way = Way::Cut;
            }
            Fault::Deafen(router) => {
                self.lose(router, |this, other| other.lose_adverts_to(this, Loss::All))?;
            }
            Fault::Mute(router) => self.lose(router, |this, other| this.lose_adverts_to(other, Loss::All))?,
            Fault::Restore(router) => {
                let seat = &mut self.seats[router];
                match seat.way {
                    Way::Clear => {}
                    Way::Cut => seat.node.restore_silently()?,
                    Way::Lossy => seat.node.heal()?,
                }
                seat.way = Way::Clear;
            }
            Fault::LinkDown(router) => self.seats[router].node.cut_cable()?,
            Fault::LinkUp(router) => self.seats[router].node.restore_cable()?,
            Fault::Priority(router, priority) => self.seats[router].group.priority = priority.get(),
        }
        Ok(Deed { fault, begun, done: done.unwrap_or_else(|| self.elapsed()) })
    }

    fn elapsed(&self) -> Duration {
        Moment::now().since(self.began)
    }

    fn agent(&mut self, router: usize) -> Result<&mut Agent> {
        self.seats[router].agents.last_mut().context("it does not run")
    }

    /// Starts an agent; returns when it entered its first state.
    fn start(&mut self, router: usize) -> Result<Moment> {
        let seat = &mut self.seats[router];
        let mut agent = Agent::launch(&seat.node, &Options::config(seat.group.text()).on(self.rung))?;
        agent.process.wait_for_log(ENTERING, 1, START)?;
        let first =
            transitions(&agent).first().map(|(at, _)| *at).context("entered no state that is known")?;
        seat.agents.push(agent);
        Ok(first)
    }

    /// Loses adverts between that host and each of the others.
    fn lose(&mut self, router: usize, lose: impl Fn(&Node, &Node) -> Result<()>) -> Result<()> {
        let this = &self.seats[router].node;
        for (_, other) in self.seats.iter().enumerate().filter(|(number, _)| *number != router) {
            lose(this, &other.node)?;
        }
        self.seats[router].way = Way::Lossy;
        Ok(())
    }

    /// What the agents said of their states, by time.
    fn entered(&self) -> Vec<Entered> {
        let mut entered = Vec::new();
        for (router, seat) in self.seats.iter().enumerate() {
            for (at, state) in seat.agents.iter().flat_map(transitions) {
                entered.push(Entered { at: at.since(self.began), router, state });
            }
        }
        entered.sort_by_key(|entered| entered.at);
        entered
    }
}

/// How each line of a transition begins, behind the name of the instance.
const ENTERING: &str = "Entering ";

/// The states that an agent entered, and when it said so.
fn transitions(agent: &Agent) -> Vec<(Moment, StateName)> {
    let lines = agent.process.timed_log();
    lines.iter().filter_map(|(at, line)| Some((*at, state(line)?))).collect()
}

fn state(line: &str) -> Option<StateName> {
    let (_, after) = line.split_once(ENTERING)?;
    let (word, _) = after.split_once(" STATE")?;
    match word {
        "INIT" => Some(StateName::Initialize),
        "BACKUP" => Some(StateName::Backup),
        "MASTER" => Some(StateName::Active),
        "FAULT" => Some(StateName::Fault),
        _ => None,
    }
}
