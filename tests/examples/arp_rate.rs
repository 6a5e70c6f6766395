//! How many ARP requests one processor answers in a second: the XDP program, and the kernel's own stack, as one JSON line
//! for each with every run's figure.
//!
//! Two namespaces and a native veth pair; sender and responder share the processor, so what is measured is the cost of a
//! question from its making to the count of its answer. Both rounds are run in turn. Needs root and the BPF objects.

use std::{error::Error, net::Ipv4Addr, time::Duration};

use lab::{
    flood::{Flood, Request},
    lab::{Lab, sweep_stale},
    node::Node,
    offload,
};
use nix::net::if_::if_nametoindex;
use regent_agent::net::xdp::{Capacity, Mode, Program};
use regent_common::{
    ipv4,
    map::{Port, Vip, VipKey, way},
};

/// Who asks, and out of which interface.
const ASKER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 9);
const ASKER_MAC: [u8; 6] = [0x02, 0x52, 0x47, 9, 0, 9];
const NEAR: &str = "near";
/// Where it is answered.
const FAR: &str = "far";
const FAR_MAC: [u8; 6] = [0x02, 0x52, 0x47, 9, 0, 2];
/// What is asked for.
const VIP: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 3);
/// All of it happens here.
const PROCESSOR: usize = 0;
const ROW: u32 = 1;

/// Who answers.
#[derive(Clone, Copy, Debug)]
enum Responder {
    Program,
    Kernel,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<u32> = std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let (runs, milliseconds) = match arguments[..] {
        [runs, milliseconds] => (runs, milliseconds),
        _ => (9, 400),
    };
    let time = Duration::from_millis(milliseconds.into());
    sweep_stale()?;
    for stations in [1, 200] {
        let responders = [Responder::Program, Responder::Kernel];
        let stages =
            responders.iter().map(|&responder| Stage::new(responder)).collect::<Result<Vec<_>, _>>()?;
        let mut floods = stages.iter().map(|stage| stage.flood(stations)).collect::<Result<Vec<_>, _>>()?;
        let mut rates = vec![Vec::new(); floods.len()];
        for _ in 0..runs {
            for ((flood, rates), responder) in floods.iter_mut().zip(&mut rates).zip(responders) {
                let tally = flood.run(PROCESSOR, time)?;
                if tally.lost() > 0 {
                    return Err(format!("{responder:?}: lost {} of {}", tally.lost(), tally.sent).into());
                }
                rates.push(tally.rate());
            }
        }
        for (responder, rates) in responders.iter().zip(rates) {
            println!("{{\"responder\":\"{responder:?}\",\"stations\":{stations},\"rates\":{rates:?}}}");
        }
    }
    Ok(())
}

/// Somebody who answers, and somebody who asks.
struct Stage {
    _program: Option<Program>,
    asker: Node,
    _host: Node,
    _lab: Lab,
}

impl Stage {
    fn new(responder: Responder) -> Result<Self, Box<dyn Error>> {
        let lab = Lab::new()?;
        let (asker, host) = (lab.host("asker", 9)?, lab.host("host", 2)?);
        lay(&asker, &host)?;
        let program = match responder {
            Responder::Program => Some(answer(&host)?),
            Responder::Kernel => {
                host.ip(&["addr", "add", &format!("{VIP}/32"), "dev", FAR])?;
                offload::on(host.namespace(), FAR)?;
                None
            }
        };
        Ok(Self { _program: program, asker, _host: host, _lab: lab })
    }

    fn flood(&self, stations: u32) -> Result<Flood<'_>, Box<dyn Error>> {
        let gap = Duration::ZERO;
        let request = Request { mac: ASKER_MAC, sender: ASKER, stations, target: VIP, targets: 1, gap };
        let mut flood = Flood::prepare(self.asker.namespace(), NEAR, &request)?;
        // The first frames find nothing in any cache.
        flood.run(PROCESSOR, Duration::from_millis(1))?;
        Ok(flood)
    }
}

/// A cable between the two that goes past the switch.
fn lay(asker: &Node, host: &Node) -> Result<(), Box<dyn Error>> {
    let text = |mac: [u8; 6]| mac.map(|byte| format!("{byte:02x}")).join(":");
    let (near, far, namespace) = (text(ASKER_MAC), text(FAR_MAC), host.namespace().name());
    asker.ip(&[
        "link", "add", NEAR, "address", &near, "type", "veth", "peer", "name", FAR, "address", &far, "netns",
        namespace,
    ])?;
    asker.ip(&["link", "set", NEAR, "up"])?;
    host.ip(&["addr", "add", "10.9.0.2/24", "dev", FAR])?;
    host.ip(&["link", "set", FAR, "up"])?;
    Ok(())
}

/// The agent's program on the port, its gate open for the one address.
fn answer(host: &Node) -> Result<Program, Box<dyn Error>> {
    let mut program = Program::load(Capacity::default())?;
    let ifindex = host.namespace().enter(|| Ok(if_nametoindex(FAR)?))?;
    let vip = Vip {
        claimed: 0,
        instance: ROW,
        port: ROW,
        counts: 0,
        claims: 0,
        claimant: [0; 6],
        own_mac: FAR_MAC,
        padding: [0; 4],
    };
    let address = ipv4::widened(VIP.octets());
    program.set_vip(VipKey { address, ifindex, vlans: 0, family: 4 }, &vip)?;
    program.set_port(ROW, Port { way: way::TRANSMIT, padding: [0; 4] })?;
    program.gates().answer(ROW, Duration::ZERO, 0);
    host.namespace().enter(|| Ok(program.attach(ifindex, Mode::Native)?))?;
    Ok(program)
}
