//! The carrier ladder while running: a rung that is lost costs no takeover that should not be, and none that should.

use std::time::Duration;

use anyhow::{Result, ensure};
use lab::{agent::Rung, bpf_link, clock::Moment, group::Group, node::INTERFACE};
use libtest_mimic::Trial;

use super::{
    rig::{Rig, START, STRONG, TENTH, WEAK},
    trial::{Need, Reasons},
};

/// All of them.
pub fn trials(reasons: &Reasons) -> Vec<Trial> {
    let xdp: &[Need] = &[Need::Agent, Need::Object];
    let mut trials = vec![
        reasons.trial("ladder::the_rung_asked_for_is_the_rung_taken", xdp, the_rung_asked_for_is_taken),
        reasons.trial("ladder::without_the_right_to_load_programs_the_socket_does_it", xdp, without_cap_bpf),
    ];
    for rung in [Rung::Native, Rung::Generic] {
        trials.push(reasons.trial(
            format!("ladder::{}::a_lost_program_costs_no_false_takeover", rung.word()),
            xdp,
            move || a_lost_program_costs_no_false_takeover(rung),
        ));
    }
    for rung in [Rung::Native, Rung::Generic, Rung::Off] {
        let needs = if rung == Rung::Off { &[Need::Agent][..] } else { xdp };
        let mut add = |name: &str, scenario: fn(Rung) -> Result<()>| {
            trials.push(
                reasons.trial(format!("ladder::{}::{name}", rung.word()), needs, move || scenario(rung)),
            );
        };
        add("a_backups_interface_made_again_costs_no_false_takeover", a_backups_interface_made_again);
        add("a_backups_interface_down_and_up_costs_no_false_takeover", a_backups_interface_down_and_up);
        add("a_masters_interface_made_again_brings_the_master_back", a_masters_interface_made_again);
        add("a_masters_interface_down_and_up_brings_the_master_back", a_masters_interface_down_and_up);
    }
    trials
}

fn groups() -> (Group, Group) {
    (Group::fast(STRONG, TENTH), Group::fast(WEAK, TENTH))
}

fn the_rung_asked_for_is_taken() -> Result<()> {
    let rig = Rig::new()?;
    let (strong, _) = groups();
    for (rung, carrier) in
        [(Rung::Native, "native"), (Rung::Generic, "generic"), (Rung::Off, "socket"), (Rung::Auto, "native")]
    {
        let mut agent = rig.master(&rig.a, &strong, rung)?;
        let status = agent.status()?;
        ensure!(
            status.carrier(INTERFACE) == carrier,
            "--xdp {} gave {}",
            rung.word(),
            status.carrier(INTERFACE)
        );
        agent.stop()?;
    }
    Ok(())
}

/// No CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN: the next rung, and it says why.
fn without_cap_bpf() -> Result<()> {
    let rig = Rig::new()?;
    let (strong, weak) = groups();
    let _master = rig.master(&rig.a, &strong, Rung::Auto)?;
    let mut backup = super::unprivileged::start(&rig.b, &weak)?;
    let status = backup.wait_status("to be BACKUP", START, |status| status.state("VI_1") == "BACKUP")?;
    ensure!(status.carrier(INTERFACE) == "socket", "carrier {}", status.carrier(INTERFACE));
    let why = status.root["ports"][0]["carrier_reason"].as_str().unwrap_or_default();
    ensure!(!why.is_empty(), "no reason is given for the socket");
    rig.takeover(&rig.a, &rig.b, &weak)?;
    ensure!(backup.stop()?.success(), "it did not end well");
    Ok(())
}

fn a_lost_program_costs_no_false_takeover(rung: Rung) -> Result<()> {
    let rig = Rig::new()?;
    let (strong, weak) = groups();
    let _master = rig.master(&rig.a, &strong, rung)?;
    let backup = rig.backup(&rig.b, &weak, rung)?;
    let before = Moment::now();
    bpf_link::detach_xdp(backup.process.pid())?;
    std::thread::sleep(weak.timing().down_bound(WEAK) * 2);
    ensure!(rig.spoke(before, &rig.b, &weak) == 0, "the Backup spoke although the master was there");
    let status = backup.status()?;
    ensure!(status.state("VI_1") == "BACKUP", "state {}", status.state("VI_1"));
    ensure!(
        status.root["ports"][0]["carrier_losses"].as_u64().unwrap_or(0) >= 1,
        "the loss of the program was not noticed{}",
        backup.process.log_tail()
    );
    rig.takeover(&rig.a, &rig.b, &weak).map(drop)
}

fn a_backups_interface_made_again(rung: Rung) -> Result<()> {
    let rig = Rig::new()?;
    let (strong, weak) = groups();
    let _master = rig.master(&rig.a, &strong, rung)?;
    let backup = rig.backup(&rig.b, &weak, rung)?;
    let before = Moment::now();
    rig.b.delete_interface()?;
    backup.wait_status("to notice that its interface is gone", START, |status| {
        status.state("VI_1") == "FAULT"
    })?;
    rig.b.make_interface()?;
    backup.wait_status("to be BACKUP again", START, |status| status.state("VI_1") == "BACKUP")?;
    std::thread::sleep(weak.timing().down_bound(WEAK) * 2);
    ensure!(rig.spoke(before, &rig.b, &weak) == 0, "the Backup spoke although the master was there");
    rig.takeover(&rig.a, &rig.b, &weak).map(drop)
}

fn a_backups_interface_down_and_up(rung: Rung) -> Result<()> {
    let rig = Rig::new()?;
    let (strong, weak) = groups();
    let _master = rig.master(&rig.a, &strong, rung)?;
    let backup = rig.backup(&rig.b, &weak, rung)?;
    let before = Moment::now();
    rig.b.set_interface(false)?;
    backup.wait_status("to notice that its interface is down", START, |status| {
        status.state("VI_1") == "FAULT"
    })?;
    rig.b.set_interface(true)?;
    backup.wait_status("to be BACKUP again", START, |status| status.state("VI_1") == "BACKUP")?;
    std::thread::sleep(weak.timing().down_bound(WEAK) * 2);
    ensure!(rig.spoke(before, &rig.b, &weak) == 0, "the Backup spoke although the master was there");
    rig.takeover(&rig.a, &rig.b, &weak).map(drop)
}

fn a_masters_interface_made_again(rung: Rung) -> Result<()> {
    let (rig, strong, _agents) = with_a_new_master(rung, |rig| rig.a.delete_interface())?;
    rig.a.make_interface()?;
    the_master_is_back(&rig, &strong)
}

fn a_masters_interface_down_and_up(rung: Rung) -> Result<()> {
    let (rig, strong, _agents) = with_a_new_master(rung, |rig| rig.a.set_interface(false))?;
    rig.a.set_interface(true)?;
    the_master_is_back(&rig, &strong)
}

type Agents = (lab::agent::Agent, lab::agent::Agent);

/// The master's interface is taken away; the other takes over.
fn with_a_new_master(rung: Rung, take: impl Fn(&Rig) -> Result<()>) -> Result<(Rig, Group, Agents)> {
    let rig = Rig::new()?;
    let (strong, weak) = groups();
    let master = rig.master(&rig.a, &strong, rung)?;
    let backup = rig.backup(&rig.b, &weak, rung)?;
    take(&rig)?;
    let gone = Moment::now();
    rig.advert(gone, &rig.b, &weak, weak.timing().down_bound(WEAK))?;
    master.wait_status("to notice", START, |status| status.state("VI_1") == "FAULT")?;
    Ok((rig, strong, (master, backup)))
}

fn the_master_is_back(rig: &Rig, strong: &Group) -> Result<()> {
    let back = Moment::now();
    rig.advert(back, &rig.a, strong, strong.timing().down_bound(STRONG) + START)?;
    rig.wait_address(&rig.a, strong.address(), true, Duration::from_secs(1))?;
    rig.wait_address(&rig.b, strong.address(), false, Duration::from_secs(1))
}
