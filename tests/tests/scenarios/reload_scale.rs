//! Reloads of very many instances and addresses: the adverts of those that do not change keep their time, whatever the
//! direction of the change.

use std::{fs, net::IpAddr, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Agent, Options, Rung},
    clock::{Moment, Span},
    ear::Ear,
    group::Group,
    node::{INTERFACE, Node},
};
use libtest_mimic::Trial;

use super::{
    rig::{Rig, START, STRONG, TENTH},
    trial::{Need, Reasons},
};

/// VRID of the router whose adverts are watched.
const WATCHED: u8 = 250;
/// VRID of one that speaks ten times as often.
const HASTY: u8 = 251;
/// Interfaces beside the first.
const SPARES: [&str; 3] = ["spare1", "spare2", "spare3"];
/// Routers on each interface, at most.
const EACH: u16 = 249;
/// How many addresses are in the adverts of a router with many.
const ADVERTISED: usize = 200;
/// What a reload of all this may take here.
const PATIENCE: Duration = Duration::from_secs(30);

/// All of them: each has the machine to itself, since it asks how long something takes.
pub fn trials_alone(reasons: &Reasons) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, scenario: fn() -> Result<()>| {
        trials.push(reasons.alone(format!("reload_scale::{name}"), &[Need::Agent], scenario));
    };
    add("a_thousand_instances_that_change_come_and_go_delay_no_advert", instances);
    add("five_thousand_addresses_that_come_move_and_go_delay_no_advert", addresses);
    trials
}

/// An agent on a stage with room for a thousand routers, and what is heard of those that are watched.
struct Stage {
    agent: Agent,
    ear: Ear,
    rig: Rig,
    worst: Vec<String>,
}

fn watched() -> [Group; 2] {
    let group = |name: &str, vrid: u8, centiseconds: u32| Group {
        name: name.to_owned(),
        vrid: vrid.into(),
        addresses: vec![[10, 0, 1, vrid].into()],
        ..Group::fast(STRONG, centiseconds)
    };
    [group("watched", WATCHED, TENTH), group("hasty", HASTY, 1)]
}

fn router(number: u16, priority: u8) -> Group {
    let (link, vrid) = (number / EACH, number % EACH + 1);
    let link = u8::try_from(link).unwrap_or(u8::MAX);
    let vrid = u8::try_from(vrid).unwrap_or(u8::MAX);
    let interface = link.checked_sub(1).and_then(|at| SPARES.get(usize::from(at))).unwrap_or(&INTERFACE);
    Group {
        name: format!("VI_{number}"),
        vrid: vrid.into(),
        addresses: vec![[10, 1, link, vrid].into()],
        interface: (*interface).to_owned(),
        ..Group::fast(priority, 100).with("garp_master_delay 1")
    }
}

fn text(groups: impl IntoIterator<Item = Group>) -> String {
    watched().into_iter().chain(groups).map(|group| group.text()).collect()
}

impl Stage {
    fn new(text: &str) -> Result<Self> {
        let rig = Rig::new()?;
        for (number, spare) in (1..).zip(SPARES) {
            rig.a.make_spare(spare)?;
            rig.a.ip(&["address", "add", &format!("10.7.{number}.1/24"), "dev", spare])?;
        }
        let ear = Ear::open(&rig.client)?;
        let options = Options { interfaces: Vec::new(), ..Options::config(text).on(Rung::Auto) };
        let agent = Agent::start(&rig.a, &options)?;
        let stage = Self { agent, ear, rig, worst: Vec::new() };
        stage.wait("VI_0")?;
        std::thread::sleep(Duration::from_secs(2));
        Ok(stage)
    }

    fn wait(&self, name: &str) -> Result<()> {
        let leads = |status: &lab::agent::Status| status.state(name) == "MASTER";
        self.agent.wait_status("to lead", PATIENCE, leads).map(drop)
    }

    fn write(node: &Node, text: &str) -> Result<()> {
        let new = node.write("regent.new", text)?;
        Ok(fs::rename(new, node.directory().join("regent.conf"))?)
    }

    /// Has the config read, and notes the longest silence of the watched meanwhile and `after` it.
    fn reload(&mut self, what: &str, text: &str, after: Duration) -> Result<()> {
        Self::write(&self.rig.a, text)?;
        self.ear.heard()?;
        let [slow, _] = watched();
        std::thread::sleep(slow.timing().interval * 2);
        let asked = Moment::now();
        let output = self.agent.reload(&[])?;
        let took = asked.elapsed();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "{what}: {said}{}{}", String::from_utf8_lossy(&output.stderr), self.agent.process.log_tail());
        std::thread::sleep(after.max(slow.timing().interval * 2));
        let heard = self.ear.heard()?;
        let mut line = format!("{what}: {} ({})", Span(took), said.lines().last().unwrap_or_default());
        for group in watched() {
            let mut last: Option<Moment> = None;
            let mut longest = Duration::ZERO;
            for heard in heard.iter().filter(|heard| heard.source == self.rig.a.address() && heard.vrid == group.wire_vrid()) {
                if let Some(last) = last {
                    longest = longest.max(heard.at.since(last));
                }
                last = Some(heard.at);
            }
            line.push_str(&format!("; {} {}", group.name, Span(longest)));
            let last = last.context("it is silent")?;
            ensure!(Moment::now().since(last) < PATIENCE, "{}", group.name);
        }
        eprintln!("{line}");
        self.worst.push(line);
        Ok(())
    }
}

fn instances() -> Result<()> {
    let all = |priority: u8| text((0..996).map(|number| router(number, priority)));
    let few = || text((0..8).map(|number| router(number, STRONG)));
    let mut stage = Stage::new(&all(STRONG))?;
    let second = Duration::from_secs(1);
    stage.reload("nothing changes", &format!("# a word\n{}", all(STRONG)), second)?;
    let one = text((0..996).map(|number| router(number, if number == 500 { 160 } else { STRONG })));
    stage.reload("one changes", &one, second)?;
    stage.reload("all change", &all(STRONG + 1), second)?;
    stage.reload("to ten", &few(), second)?;
    stage.reload("to a thousand", &all(STRONG), Duration::from_secs(6))?;
    stage.wait("VI_995")?;
    Ok(())
}

fn many(name: &str, vrid: u8, addresses: &[IpAddr]) -> Group {
    let (advertised, excluded) = addresses.split_at(addresses.len().min(ADVERTISED));
    let group = Group {
        name: name.to_owned(),
        vrid: vrid.into(),
        addresses: advertised.to_vec(),
        ..Group::fast(STRONG, 100).with("garp_master_delay 1")
    };
    if excluded.is_empty() {
        return group;
    }
    let lines: String = excluded.iter().map(|address| format!("    {address}\n")).collect();
    group.with(&format!("virtual_ipaddress_excluded {{\n{lines}}}"))
}

fn addresses() -> Result<()> {
    let address = |number: u16| {
        let [high, low] = number.to_be_bytes();
        IpAddr::from([10, 9, high, low])
    };
    let all: Vec<IpAddr> = (1..=5_000).map(address).collect();
    let config = |one: &[IpAddr], two: &[IpAddr]| text([many("VI_0", 1, one), many("VI_1", 2, two)]);
    let few = config(&all[..5], &all[4_999..]);
    let mut stage = Stage::new(&few)?;
    stage.reload("to five thousand", &config(&all[..4_999], &all[4_999..]), Duration::from_secs(5))?;
    stage.reload("nothing changes", &format!("# a word\n{}", config(&all[..4_999], &all[4_999..])), Duration::from_secs(1))?;
    stage.reload("a thousand move", &config(&all[..3_999], &all[3_999..]), Duration::from_secs(1))?;
    stage.reload("all move", &config(&all[4_999..], &all[..4_999]), Duration::from_secs(1))?;
    stage.reload("to five", &config(&all[..5], &all[4_999..]), Duration::from_secs(2))?;
    let _ = START;
    Ok(())
}
