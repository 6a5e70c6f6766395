#![allow(missing_docs, clippy::unwrap_used)]
use lab::{
    agent::{Agent, Options},
    group::Group,
    lab::Lab,
};
use std::time::Duration;
fn main() {
    let lab = Lab::new().unwrap();
    let (a, b, _client) =
        (lab.host("a", 1).unwrap(), lab.host("b", 2).unwrap(), lab.host("client", 9).unwrap());
    let mut dump = lab.switch().namespace().command("tcpdump").args(["-lnei", "p2", "arp"]).spawn().unwrap();
    let mut dump2 = b.command("tcpdump").args(["-lnei", "ens33", "arp"]).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let x = Agent::start(&a, &Options::config(Group::fast(150, 10).text())).unwrap();
    let y = Agent::start(&b, &Options::config(Group::fast(100, 10).text())).unwrap();
    for _ in 0..2 {
        std::thread::sleep(Duration::from_secs(3));
        println!("{} {}", x.status().unwrap().responder("ens33"), y.status().unwrap().responder("ens33"));
    }
    dump.kill().unwrap();
    dump2.kill().unwrap();
}
