//! The XDP program under a flood of ARP requests: how many one processor answers in a second, beside the kernel's own stack
//! (`rate RUNS MILLISECONDS`), and whether any stays without an answer while the program is exchanged for another
//! (`swap TIMES GAP_NANOSECONDS`). Says so in JSON, a line for each kind.
//!
//! Two namespaces and a native veth pair; sender and responder share the processor, so what is measured is the cost of a
//! question from its making to the count of its answer. Needs root and the BPF objects.

use std::{
    error::Error,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use lab::{
    cable::{Cable, FAR},
    clock::Moment,
    flood::Flood,
    lab::sweep_stale,
    offload,
};
use nix::net::if_::if_nametoindex;
use regent_agent::net::xdp::{Capacity, InheritedLink, Mode, Program};
use regent_common::{
    ipv4,
    map::{Port, Vip, VipKey, way},
};

/// All of it happens here.
const PROCESSOR: usize = 0;
/// Row of the instance and of the port.
const ROW: u32 = 1;
/// Between two exchanges of the program.
const PAUSE: Duration = Duration::from_millis(50);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    sweep_stale()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["rate", runs, milliseconds] => rates(runs.parse()?, Duration::from_millis(milliseconds.parse()?)),
        ["swap", times, gap] => swaps(times.parse()?, Duration::from_nanos(gap.parse()?)),
        _ => Err("usage: flood rate RUNS MILLISECONDS | flood swap TIMES GAP_NANOSECONDS".into()),
    }
}

/// Both answer in turn, run by run.
fn rates(runs: u32, time: Duration) -> Result<(), Box<dyn Error>> {
    for stations in [1, 200] {
        let (ours, kernels) = (Cable::lay()?, Cable::lay()?);
        let _program = answer(&ours)?;
        kernels.host.ip(&["addr", "add", &format!("{}/32", Cable::VIP), "dev", FAR])?;
        offload::set(kernels.host.namespace(), FAR, true)?;
        let mut floods =
            [flood(&ours, stations, Duration::ZERO)?, flood(&kernels, stations, Duration::ZERO)?];
        let mut rates = [Vec::new(), Vec::new()];
        for _ in 0..runs {
            for (flood, rates) in floods.iter_mut().zip(&mut rates) {
                let tally = flood.run_for(PROCESSOR, time)?;
                if tally.lost() > 0 {
                    return Err(format!("{} of {} requests lost", tally.lost(), tally.sent).into());
                }
                rates.push(tally.rate());
            }
        }
        for (responder, rates) in ["program", "kernel"].into_iter().zip(rates) {
            println!("{{\"responder\":\"{responder}\",\"stations\":{stations},\"rates\":{rates:?}}}");
        }
    }
    Ok(())
}

/// The program gives way to another, with maps of its own, as often as wanted, while requests come at a steady rate.
fn swaps(times: u32, gap: Duration) -> Result<(), Box<dyn Error>> {
    let cable = Cable::lay()?;
    let mut program = answer(&cable)?;
    let mut flood = flood(&cable, 1, gap)?;
    let is_over = AtomicBool::new(false);
    let began = Moment::now();
    let (tally, swapped) = std::thread::scope(|scope| {
        let flooding = scope.spawn(|| flood.run(PROCESSOR, || is_over.load(Ordering::Relaxed)));
        let swapped = (0..times).try_for_each(|_| {
            std::thread::sleep(PAUSE);
            program = succeed(&cable, &program)?;
            Ok::<(), Box<dyn Error>>(())
        });
        is_over.store(true, Ordering::Relaxed);
        (flooding.join().map_err(|_| "the flood panicked"), swapped)
    });
    let took = began.elapsed();
    swapped?;
    let tally = tally??;
    println!(
        "{{\"swaps\":{times},\"sent\":{},\"lost\":{},\"milliseconds\":{}}}",
        tally.sent,
        tally.lost(),
        took.as_millis()
    );
    Ok(())
}

/// Another program takes over the links of `program`.
fn succeed(cable: &Cable, program: &Program) -> Result<Program, Box<dyn Error>> {
    let mut successor = prepare(cable)?;
    let mut links = Vec::new();
    for (hook, ifindex, link) in program.links() {
        links.push(InheritedLink { hook, ifindex, fd: link.try_clone_to_owned()? });
    }
    match successor.take_over(links).into_iter().next() {
        Some(failed) => Err(failed.into()),
        None => Ok(successor),
    }
}

fn flood(cable: &Cable, stations: u32, gap: Duration) -> Result<Flood<'_>, Box<dyn Error>> {
    let mut flood = cable.flood(stations, gap)?;
    // The first frames find nothing in any cache.
    flood.run_for(PROCESSOR, Duration::from_millis(1))?;
    Ok(flood)
}

/// The agent's program on the port, its gate open for the one address.
fn answer(cable: &Cable) -> Result<Program, Box<dyn Error>> {
    let mut program = prepare(cable)?;
    let ifindex = ifindex(cable)?;
    cable.host.namespace().enter(|| Ok(program.attach(ifindex, Mode::Native)?))?;
    Ok(program)
}

/// The same, on no port yet.
fn prepare(cable: &Cable) -> Result<Program, Box<dyn Error>> {
    let mut program = Program::load(Capacity::default())?;
    let vip = Vip {
        claimed: 0,
        instance: ROW,
        port: ROW,
        counts: 0,
        claims: 0,
        claimant: [0; 6],
        own_mac: Cable::FAR_MAC,
        padding: [0; 4],
    };
    let address = ipv4::widened(Cable::VIP.octets());
    program.set_vip(VipKey { address, ifindex: ifindex(cable)?, vlans: 0, family: 4 }, &vip)?;
    program.set_port(ROW, Port { way: way::TRANSMIT, padding: [0; 4] })?;
    program.gates().answer(ROW, Duration::ZERO, 0);
    Ok(program)
}

fn ifindex(cable: &Cable) -> Result<u32, Box<dyn Error>> {
    Ok(cable.host.namespace().enter(|| Ok(if_nametoindex(FAR)?))?)
}
