//! Reloads of very many instances and addresses: the adverts of those that do not change keep their time, whatever the
//! direction of the change.

use std::{fs, net::IpAddr, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{
    agent::{Agent, Options, Rung, Status},
    clock::{Moment, Span},
    ear::{Ear, Heard},
    group::Group,
    node::INTERFACE,
};
use libtest_mimic::Trial;

use crate::scenarios::{
    rig::{Rig, STRONG, TENTH},
    trial::{Need, Reasons},
};

/// VRID of the router whose adverts are watched.
const WATCHED: u8 = 251;
/// VRID of one that speaks ten times as often.
const HASTY: u8 = 252;
/// Interfaces beside the first.
const SPARES: [&str; 3] = ["spare1", "spare2", "spare3"];
/// Routers on each interface, at most.
const EACH: u16 = 250;
/// How many routers there are beside those that are watched.
const ROUTERS: u16 = 998;
/// How many addresses.
const ADDRESSES: u16 = 5_000;
/// How many addresses are in the adverts of a router with many.
const ADVERTISED: usize = 200;
/// What a reload of all this may take here.
const PATIENCE: Duration = Duration::from_secs(30);

/// All of them: each has the machine to itself, since it asks how long something takes.
pub fn trials_alone(reasons: &Reasons) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, scenario: fn() -> Result<()>| {
        trials.push(reasons.alone(format!("reload::scale::{name}"), &[Need::Agent], scenario));
    };
    add("a_thousand_instances_that_change_come_and_go_delay_no_advert", instances);
    add("five_thousand_addresses_that_come_move_and_go_delay_no_advert", || addresses(Rung::Auto));
    add("five_thousand_addresses_over_sockets_delay_no_advert", || addresses(Rung::Off));
    trials
}

/// An agent on a stage with room for a thousand routers, and what is heard of those that are watched.
struct Stage {
    agent: Agent,
    ear: Ear,
    rig: Rig,
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
    fn new(text: &str, rung: Rung) -> Result<Self> {
        let rig = Rig::new()?;
        for (number, spare) in (1..).zip(SPARES) {
            rig.a.make_spare(spare)?;
            rig.a.ip(&["address", "add", &format!("10.7.{number}.1/24"), "dev", spare])?;
        }
        let ear = Ear::open(&rig.client)?;
        let options = Options { interfaces: Vec::new(), ..Options::config(text).on(rung) };
        let agent = Agent::start(&rig.a, &options)?;
        let stage = Self { agent, ear, rig };
        stage.wait("to lead", |status| status.state("VI_0") == "MASTER")?;
        std::thread::sleep(Duration::from_secs(2));
        Ok(stage)
    }

    fn wait(&self, what: &str, wanted: impl Fn(&Status) -> bool) -> Result<()> {
        self.agent.wait_status(what, PATIENCE, wanted).map(drop)
    }

    /// Has the config read, and hears of no silence of the watched meanwhile, and for so long after it.
    fn reload(&self, what: &str, text: &str, after: Duration) -> Result<()> {
        let [slow, hasty] = watched();
        self.ear.heard()?;
        // The first silence has a beginning, too.
        std::thread::sleep(slow.timing().interval * 2);
        let new = self.rig.a.write("regent.new", text)?;
        fs::rename(new, self.rig.a.directory().join("regent.conf"))?;
        let asked = Moment::now();
        let output = self.agent.reload(&[])?;
        let took = asked.elapsed();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let wrong = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "{what}: {said}{wrong}{}", self.agent.process.log_tail());
        std::thread::sleep(after + slow.timing().interval * 2);
        let heard = self.ear.heard()?;
        let (longest, hasty) = (self.longest(&heard, &slow)?, self.longest(&heard, &hasty)?);
        let last = said.lines().last().unwrap_or_default();
        eprintln!("{what}: {last}, in {} altogether; {} and {}", Span(took), Span(longest), Span(hasty));
        // What thousands come to is said in few words.
        ensure!(said.lines().all(|line| line.len() < 2_000), "{what}: a line of {} bytes", said.len());
        ensure!(
            longest <= slow.timing().interval * 6 / 5,
            "{what}: silent for {} at {}{}",
            Span(longest),
            Span(slow.timing().interval),
            self.agent.process.log_tail()
        );
        let status = self.agent.status()?;
        let again = status.number(&slow.name, "/became_master");
        ensure!(again == 1, "{what}: the watched one became master {again} times");
        Ok(())
    }

    fn longest(&self, heard: &[Heard], group: &Group) -> Result<Duration> {
        let is_it = |heard: &&Heard| heard.source == self.rig.a.address() && heard.vrid == group.wire_vrid();
        let times: Vec<Moment> = heard.iter().filter(is_it).map(|heard| heard.at).collect();
        let silences = times.iter().zip(times.iter().skip(1)).map(|(one, next)| next.since(*one));
        silences.max().with_context(|| format!("{} is silent", group.name))
    }
}

fn instances() -> Result<()> {
    let all = |priority: u8| text((0..ROUTERS).map(|number| router(number, priority)));
    let stage = Stage::new(&all(STRONG), Rung::Auto)?;
    let second = Duration::from_secs(1);
    stage.reload("nothing changes", &format!("# a word\n{}", all(STRONG)), Duration::ZERO)?;
    let one = |number| router(number, if number == ROUTERS / 2 { 160 } else { STRONG });
    stage.reload("one changes", &text((0..ROUTERS).map(one)), Duration::ZERO)?;
    stage.reload("all change", &all(STRONG + 1), second)?;
    stage.reload("to ten", &text((0..8).map(|number| router(number, STRONG))), second)?;
    stage.reload("to a thousand", &all(STRONG), Duration::from_secs(5))?;
    let last = format!("VI_{}", ROUTERS - 1);
    stage.wait("to lead all again", |status| status.state(&last) == "MASTER")
}

/// With as many of its addresses in its adverts as it may have there, and the rest beside them.
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

fn addresses(rung: Rung) -> Result<()> {
    let address = |number: u16| {
        let [high, low] = number.to_be_bytes();
        IpAddr::from([10, 9, high, low])
    };
    let all: Vec<IpAddr> = (1..=ADDRESSES).map(address).collect();
    let (rest, last) = all.split_at(all.len() - 1);
    let (most, thousand) = rest.split_at(rest.len() - 1_000);
    let config = |one: &[IpAddr], two: &[IpAddr]| text([many("VI_0", 1, one), many("VI_1", 2, two)]);
    let stage = Stage::new(&config(&all[..5], last), rung)?;
    let second = Duration::from_secs(1);
    let there = |stage: &Stage, name: &'static str, address: IpAddr| {
        stage.wait("to have the addresses", |status| status.assigned(name, address))
    };
    stage.reload("to five thousand", &config(rest, last), Duration::from_secs(3))?;
    there(&stage, "VI_0", rest[rest.len() - 1])?;
    stage.reload("nothing changes", &format!("# a word\n{}", config(rest, last)), Duration::ZERO)?;
    let other: Vec<IpAddr> = thousand.iter().chain(last).copied().collect();
    stage.reload("a thousand move", &config(most, &other), second)?;
    there(&stage, "VI_1", thousand[0])?;
    stage.reload("all move", &config(last, rest), second)?;
    there(&stage, "VI_1", rest[0])?;
    stage.reload("to five", &config(&all[..5], last), second)?;
    stage.wait("to have five", |status| status.assigned("VI_0", all[4]))?;
    let began = Moment::now();
    while stage.rig.a.addresses()?.len() > 9 {
        ensure!(began.elapsed() < PATIENCE, "addresses are left: {:?}", stage.rig.a.addresses()?.len());
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
