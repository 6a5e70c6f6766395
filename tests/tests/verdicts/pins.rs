//! Programs that outlive their agent: what goes on without it, and who may take it over or away.

use std::{
    fs,
    io::Write,
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
    time::Duration,
};

use lab::{bpf_program, bpffs::Bpffs};
use libtest_mimic::Failed;
use regent_agent::net::xdp::{
    AttachError, Capacity, Hook, InheritedLink, Link, Mode, Pins, Program, detach_all,
};
use regent_common::{
    Counter, Family,
    map::{GroupKey, mode},
};
use tempfile::TempDir;

use crate::{
    Test,
    bench::ensure,
    port::{PEER, PORT, Pair, advert, expected, ip, mode_on_port, pair, until, wire},
};

pub const TESTS: &[Test] = &[
    ("a_dead_agents_program_goes_on_until_a_successor_takes_it_over", goes_on_until_taken_over),
    ("what_another_layout_left_is_taken_over_and_removed", what_another_layout_left_is_taken_over),
    ("a_living_agents_pins_are_nobody_elses", a_living_agents_pins_are_nobody_elses),
    ("a_successor_shares_the_lock_and_the_links", a_successor_shares_the_lock_and_the_links),
    ("a_dead_agent_with_another_run_directory_is_swept_from_our_ports", swept_from_our_ports),
    ("the_directory_of_a_namespace_that_is_gone_is_swept", a_namespace_that_is_gone_is_swept),
    ("without_an_agent_everything_dead_is_detached", without_an_agent_everything_dead_is_detached),
    ("a_link_that_does_not_fit_is_reported_and_left", a_link_that_does_not_fit_is_reported_and_left),
    ("a_pin_that_was_left_is_replaced", a_pin_that_was_left_is_replaced),
    ("an_agent_that_gives_up_leaves_nothing", an_agent_that_gives_up_leaves_nothing),
    ("the_tcx_programs_come_and_go_with_the_port", the_tcx_programs_come_and_go_with_the_port),
];

const SMALL: Capacity = Capacity { instances: 4, vips: 4, peers: 4 };

/// A BPF file system and run directories.
struct Places {
    bpffs: Bpffs,
    runs: TempDir,
}

impl Places {
    fn new() -> Result<Self, Failed> {
        Ok(Self { bpffs: Bpffs::mount()?, runs: TempDir::new()? })
    }

    /// Of all agents. Not the file system's own: the kernel may put files of its own there.
    fn root(&self) -> PathBuf {
        self.bpffs.path().join("regent")
    }

    fn pins(&self, run_dir: &str) -> Result<Pins, Failed> {
        Ok(Pins::open(&self.root(), &self.run_dir(run_dir)?)?)
    }

    fn run_dir(&self, name: &str) -> Result<PathBuf, Failed> {
        let path = self.runs.path().join(name);
        fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// An agent of that run directory on a port, with a group and its gate.
    fn agent(&self, run_dir: &str, pair: &Pair) -> Result<Program, Failed> {
        let mut program = Program::load(SMALL)?;
        program.keep_in(self.pins(run_dir)?);
        program.set_instance(group(pair), &expected())?;
        program.attach(pair.port, Mode::Native)?;
        ensure(program.pin_trouble().is_none(), || format!("{:?}", program.pin_trouble()))?;
        Ok(program)
    }

    fn directories(&self) -> usize {
        fs::read_dir(self.root()).map_or(0, Iterator::count)
    }
}

/// Ends an agent without a word, as a signal does. Another test may be about to start a program, which holds a copy of
/// every descriptor until it runs: the agent counts as alive that long.
fn die(agent: Program) -> Result<(), Failed> {
    let directory = agent.pins().ok_or("no pins")?.directory().to_owned();
    drop(agent);
    let free = || fs::File::open(&directory).is_ok_and(|directory| directory.try_lock().is_ok());
    ensure(until(free), || format!("{} stays locked", directory.display()))
}

fn group(pair: &Pair) -> GroupKey {
    GroupKey::new(pair.port, 0, Family::Ipv4 as u8, 50)
}

/// The kernel's number of the program behind an XDP link.
fn program_of(program: &Program, ifindex: u32) -> Result<u32, Failed> {
    let handle = program.handle(ifindex).ok_or("no link")?;
    Ok(handle.link().attachment()?.program)
}

/// The programs on the port without anybody to ask but `ip`.
fn program_on_port() -> Result<Option<u32>, Failed> {
    let text = ip(&["-details", "link", "show", PORT])?;
    let mut words = text.split_whitespace().skip_while(|word| *word != "prog/xdp");
    Ok(words.find_map(|word| word.parse().ok()))
}

fn freed() -> bool {
    until(|| matches!(mode_on_port(), Ok(None)))
}

fn inherited(links: Vec<(Hook, u32, BorrowedFd<'_>)>) -> Result<Vec<InheritedLink>, Failed> {
    let mut inherited = Vec::new();
    for (hook, ifindex, fd) in links {
        inherited.push(InheritedLink { hook, ifindex, fd: fd.try_clone_to_owned()? });
    }
    Ok(inherited)
}

fn goes_on_until_taken_over() -> Result<(), Failed> {
    let (pair, places) = (pair()?, Places::new()?);
    let agent = places.agent("a", &pair)?;
    agent.gates().answer(0, Duration::from_secs(3), 0);
    agent.gates().attempt(0, 4711);
    let first = program_of(&agent, pair.port)?;
    // It dies: nothing is taken back.
    die(agent)?;
    ensure(program_on_port()? == Some(first), || "the program went with its agent".into())?;

    let pins = places.pins("a")?;
    let leftovers = pins.leftovers();
    let [link] = leftovers.links.as_slice() else {
        return Err(format!("links: {leftovers:?}").into());
    };
    ensure((link.hook, link.ifindex) == (Hook::Xdp(Mode::Native), pair.port), || format!("{link:?}"))?;
    let [(key, left, gate)] = leftovers.groups.as_slice() else {
        return Err(format!("groups: {leftovers:?}").into());
    };
    ensure(*key == group(&pair) && *left == expected(), || format!("{leftovers:?}"))?;
    let gate = (gate.mode, gate.attempted, gate.patience);
    ensure(gate == (mode::ANSWER, 4711, 3_000_000_000), || format!("{gate:?}"))?;

    let mut successor = Program::load(SMALL)?;
    successor.set_instance(group(&pair), &expected())?;
    let failed = successor.take_over(leftovers.links);
    ensure(failed.is_empty(), || format!("{failed:?}"))?;
    successor.keep_in(pins);
    ensure(successor.pin_trouble().is_none(), || format!("{:?}", successor.pin_trouble()))?;
    let second = program_of(&successor, pair.port)?;
    ensure(second != first && program_on_port()? == Some(second), || format!("{first}, then {second}"))?;
    ensure(successor.mode(pair.port) == Some(Mode::Native), || "in no mode".into())?;
    // Its maps are the ones that count.
    wire(pair.peer)?.write_all(&advert())?;
    let heard = until(|| successor.view().counters(0)[Counter::Accepted.slot() as usize] == 1);
    ensure(heard, || "the successor hears nothing".into())?;
    successor.detach(pair.port);
    ensure(program_on_port()?.is_none(), || "detached, and still there".into())
}

fn what_another_layout_left_is_taken_over() -> Result<(), Failed> {
    let (pair, places) = (pair()?, Places::new()?);
    let agent = places.agent("a", &pair)?;
    let ours = agent.pins().ok_or("no pins")?.directory().to_owned();
    die(agent)?;
    let name = ours.file_name().and_then(|name| name.to_str()).ok_or("no name")?;
    let (rest, _layout) = name.rsplit_once("-v").ok_or("no layout")?;
    let theirs = ours.with_file_name(format!("{rest}-v999"));
    fs::rename(&ours, &theirs)?;

    let pins = places.pins("a")?;
    ensure(pins.sweep_dead(&[pair.port]).swept.is_empty(), || "swept what can be taken over".into())?;
    let leftovers = pins.leftovers();
    // Maps of another layout are not read.
    ensure(leftovers.links.len() == 1 && leftovers.groups.is_empty(), || format!("{leftovers:?}"))?;
    let mut successor = Program::load(SMALL)?;
    let failed = successor.take_over(leftovers.links);
    let trouble = pins.remove_other_layouts();
    successor.keep_in(pins);
    ensure(failed.is_empty() && trouble.is_empty() && !theirs.exists(), || format!("{trouble:?}"))?;
    let ours = program_of(&successor, pair.port)?;
    drop(successor);
    ensure(program_on_port()? == Some(ours), || "it is not pinned in our own directory".into())
}

fn a_living_agents_pins_are_nobody_elses() -> Result<(), Failed> {
    let (pair, places) = (pair()?, Places::new()?);
    let agent = places.agent("a", &pair)?;
    let refused = Pins::open(&places.root(), &places.run_dir("a")?);
    let said = refused.err().map(|error| error.to_string()).unwrap_or_default();
    ensure(said.contains("lives already"), || format!("opened: {said}"))?;
    let swept = places.pins("b")?.sweep_dead(&[pair.port]);
    let alive = vec![agent.pins().ok_or("no pins")?.directory().to_owned()];
    ensure(swept.swept.is_empty() && swept.alive == alive, || format!("{swept:?}"))?;
    let done = detach_all(&places.root(), None)?;
    ensure(done.swept.is_empty() && done.alive == alive, || format!("{done:?}"))?;
    ensure(agent.is_attached(pair.port) && alive[0].join("GATES").exists(), || "it lost something".into())
}

fn a_successor_shares_the_lock_and_the_links() -> Result<(), Failed> {
    let (pair, places) = (pair()?, Places::new()?);
    let agent = places.agent("a", &pair)?;
    let lock = agent.pins().ok_or("no pins")?.lock().try_clone_to_owned()?;
    let mut successor = Program::load(SMALL)?;
    let failed = successor.take_over(inherited(agent.links())?);
    ensure(failed.is_empty(), || format!("{failed:?}"))?;
    successor.keep_in(Pins::succeed(&places.root(), &places.run_dir("a")?, lock)?);
    drop(agent);
    ensure(successor.is_attached(pair.port), || "the program went with the predecessor".into())?;
    let second = Pins::open(&places.root(), &places.run_dir("a")?);
    ensure(second.is_err(), || "the lock went with the predecessor".into())?;
    let shown = program_on_port()?;
    ensure(shown == Some(program_of(&successor, pair.port)?), || format!("program {shown:?}"))?;
    // Its maps are the pinned ones now.
    successor.set_instance(group(&pair), &expected())?;
    die(successor)?;
    let groups = places.pins("a")?.leftovers().groups;
    ensure(groups.len() == 1, || format!("{groups:?}"))
}

fn swept_from_our_ports() -> Result<(), Failed> {
    let (pair, places) = (pair()?, Places::new()?);
    die(places.agent("a", &pair)?)?;
    let pins = places.pins("b")?;
    let mut program = Program::load(SMALL)?;
    let refused = program.attach(pair.port, Mode::Native);
    ensure(matches!(refused, Err(AttachError::Occupied { .. })), || format!("{refused:?}"))?;
    // Another port is no reason to touch it.
    let swept = pins.sweep_dead(&[pair.peer]);
    ensure(swept.swept.is_empty() && mode_on_port()? == Some("xdp"), || format!("{swept:?}"))?;
    let swept = pins.sweep_dead(&[pair.port]);
    ensure(swept.swept.len() == 1 && swept.trouble.is_empty(), || format!("{swept:?}"))?;
    ensure(places.directories() == 1, || "the dead agent's directory is still there".into())?;
    program.attach(pair.port, Mode::Native)?;
    Ok(())
}

fn a_namespace_that_is_gone_is_swept() -> Result<(), Failed> {
    let places = Places::new()?;
    // The namespace goes with its thread.
    let left = std::thread::scope(|scope| {
        let dead = || -> Result<(), String> {
            let text = |error: Failed| error.message().unwrap_or_default().to_owned();
            let pair = pair().map_err(text)?;
            places.agent("a", &pair).and_then(die).map_err(text)?;
            ip(&["link", "del", PORT]).map(drop).map_err(text)
        };
        scope.spawn(dead).join().unwrap_or_else(|_| Err("panicked".into()))
    });
    left?;
    let _elsewhere = pair()?;
    let pins = places.pins("a")?;
    ensure(places.directories() == 2, || "one run directory, one namespace".into())?;
    let swept = pins.sweep_dead(&[]);
    ensure(swept.trouble.is_empty() && places.directories() == 1, || format!("{swept:?}"))
}

fn without_an_agent_everything_dead_is_detached() -> Result<(), Failed> {
    let (pair, places) = (pair()?, Places::new()?);
    let nothing = detach_all(&places.root(), None)?;
    ensure(nothing == Default::default(), || format!("{nothing:?}"))?;
    die(places.agent("a", &pair)?)?;
    let other = detach_all(&places.root(), Some(&places.run_dir("b")?))?;
    ensure(other == Default::default() && mode_on_port()? == Some("xdp"), || format!("{other:?}"))?;
    let done = detach_all(&places.root(), Some(&places.run_dir("a")?))?;
    let said = done.swept.first().map(ToString::to_string).unwrap_or_default();
    ensure(said.starts_with("native XDP of interface"), || format!("{done:?}"))?;
    ensure(mode_on_port()?.is_none() && places.directories() == 0, || "something stays".into())
}

fn a_link_that_does_not_fit_is_reported_and_left() -> Result<(), Failed> {
    let (pair, places) = (pair()?, Places::new()?);
    let agent = places.agent("a", &pair)?;
    let mut successor = Program::load(SMALL)?;
    let link = |hook, ifindex| -> Result<Vec<InheritedLink>, Failed> {
        let fd = agent.handle(pair.port).ok_or("no link")?.as_fd().try_clone_to_owned()?;
        Ok(vec![InheritedLink { hook, ifindex, fd }])
    };
    for wrong in [link(Hook::Egress, pair.port)?, link(Hook::Xdp(Mode::Native), pair.peer)?] {
        let failed = successor.take_over(wrong);
        ensure(failed.len() == 1 && agent.is_attached(pair.port), || format!("{failed:?}"))?;
    }
    // A map instead of a link.
    let map = successor.ring().try_clone_to_owned()?;
    let failed = successor.take_over(vec![InheritedLink { hook: Hook::Egress, ifindex: 1, fd: map }]);
    ensure(failed.len() == 1, || "a map became a link".into())?;
    // The same link twice, and one of a port that is gone: nothing to complain about.
    let twice = [link(Hook::Xdp(Mode::Native), pair.port)?, link(Hook::Xdp(Mode::Native), pair.port)?];
    let failed = successor.take_over(twice.into_iter().flatten().collect());
    ensure(failed.is_empty() && successor.links().len() == 1, || format!("{failed:?}"))?;
    let gone = link(Hook::Xdp(Mode::Native), pair.port)?;
    ip(&["link", "del", PORT])?;
    let failed = Program::load(SMALL)?.take_over(gone);
    ensure(failed.is_empty(), || format!("{failed:?}"))
}

fn a_pin_that_was_left_is_replaced() -> Result<(), Failed> {
    let (pair, places) = (pair()?, Places::new()?);
    die(places.agent("a", &pair)?)?;
    ip(&["link", "del", PORT])?;
    ip(&["link", "add", PORT, "index", &pair.port.to_string(), "type", "veth", "peer", "name", PEER])?;
    // The pin of a link to a port that is gone has the name that the new link needs.
    let agent = places.agent("a", &pair)?;
    let directory = agent.pins().ok_or("no pins")?.directory().to_owned();
    let pinned = Link::from_pin(&directory.join(format!("xdp-native-{}", pair.port)))?;
    let (named, ours) = (pinned.attachment()?.program, program_of(&agent, pair.port)?);
    ensure(named == ours, || format!("the pin is of program {named}, not of {ours}"))?;
    ensure(!names(&directory)?.iter().any(|name| name.starts_with("new-")), || "half a pin".into())
}

fn names(directory: &Path) -> Result<Vec<String>, Failed> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

fn an_agent_that_gives_up_leaves_nothing() -> Result<(), Failed> {
    let (pair, places) = (pair()?, Places::new()?);
    let mut agent = places.agent("a", &pair)?;
    agent.detach(pair.port);
    let directory = agent.pins().ok_or("no pins")?.directory().to_owned();
    let left = names(&directory)?;
    ensure(left.iter().all(|name| !name.starts_with("xdp")), || format!("{left:?}"))?;
    agent.attach(pair.port, Mode::Generic)?;
    agent.detach_all();
    ensure(agent.pin_trouble().is_none(), || format!("{:?}", agent.pin_trouble()))?;
    ensure(places.directories() == 0 && freed(), || "something stays".into())
}

fn the_tcx_programs_come_and_go_with_the_port() -> Result<(), Failed> {
    let (pair, places) = (pair()?, Places::new()?);
    let foreign = Link::create(bpf_program::tc(-1)?.as_fd(), pair.port, Hook::Egress)?;
    let mut agent = places.agent("a", &pair)?;
    if let Some(reason) = agent.tc_trouble().map(ToOwned::to_owned) {
        let refused = agent.attach_tc(pair.port).err().map(|error| error.to_string()).unwrap_or_default();
        ensure(refused.contains(&reason) && agent.is_attached(pair.port), || refused)?;
        // Before Linux 6.6; everywhere else our programs must be taken.
        return ensure(reason.starts_with("this kernel has no tcx"), || reason);
    }
    agent.attach_tc(pair.port)?;
    let mut hooks: Vec<Hook> = agent.hooks(pair.port).collect();
    hooks.sort_unstable();
    ensure(hooks == [Hook::Xdp(Mode::Native), Hook::Ingress, Hook::Egress], || format!("{hooks:?}"))?;
    // Again changes nothing, and neither does another rung of XDP.
    agent.attach_tc(pair.port)?;
    agent.attach(pair.port, Mode::Generic)?;
    ensure(agent.links().len() == 3, || "twice on a hook".into())?;
    die(agent)?;
    let pins = places.pins("a")?;
    let links = pins.leftovers().links;
    ensure(links.len() == 3, || format!("{links:?}"))?;
    let mut successor = Program::load(SMALL)?;
    let failed = successor.take_over(links);
    ensure(failed.is_empty() && successor.tc_handles(pair.port).len() == 2, || format!("{failed:?}"))?;
    successor.keep_in(pins);
    let handles = successor.tc_handles(pair.port);
    successor.detach(pair.port);
    ensure(handles.iter().all(|handle| !handle.is_on(pair.port)), || "detached, and still there".into())?;
    ensure(foreign.attachment()?.ifindex == Some(pair.port), || "the other program is gone".into())
}
