//! Tells the audience what was seen: aligned, with times since the beginning, coloured only on a terminal.

use std::{
    io::{IsTerminal, Write, stdout},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Result, bail};
use lab::{clock::Moment, node::Node};

use super::Stage;

/// Who a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Router a.
    A,
    /// Router b.
    B,
    /// The client.
    Client,
    /// The hand that pulls cables.
    Hand,
}

impl Who {
    const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::Client => "client",
            Self::Hand => "cable",
        }
    }

    const fn colour(self) -> &'static str {
        match self {
            Self::A => "36",
            Self::B => "35",
            Self::Client => "32",
            Self::Hand => "33",
        }
    }
}

/// The one who speaks.
pub struct Narrator {
    start: Moment,
    terminal: bool,
    colours: bool,
    interrupted: Arc<AtomicBool>,
}

impl Narrator {
    /// Time begins now.
    pub fn new(interrupted: Arc<AtomicBool>) -> Self {
        let terminal = stdout().is_terminal();
        let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { start: Moment::now(), terminal, colours, interrupted }
    }

    /// Introduces the stage.
    pub fn opening(&self, stage: &Stage, first_is_agent: bool, peer_is_agent: bool) {
        let daemon = |is_agent| if is_agent { "regent" } else { "keepalived" };
        println!();
        println!("{}", self.paint("1", "  Two routers, one virtual address, one failover"));
        println!();
        let host = |node: &Node, about: String| {
            println!("    {:<8}{:<12}{about}", node.role(), node.address().to_string());
        };
        host(&stage.a, format!("router, priority 150, {}", daemon(first_is_agent)));
        host(&stage.b, format!("router, priority 100, {}", daemon(peer_is_agent)));
        host(&stage.client, "pings the virtual address fifty times a second".to_owned());
        println!();
        println!("    VRRP 2, VRID 50, auth_type PASS, auth_pass 1111, advert_int 1, interface ens33");
        println!("    virtual address 10.0.0.3");
        println!();
        println!("  All three are network namespaces on one bridge; nothing outside them is touched.");
        println!("  Every line below was seen on the wire, by a capture at the client.");
    }

    /// Begins an act.
    pub fn act(&self, title: &str) {
        println!();
        println!("  {}", self.paint("1", title));
        println!();
    }

    /// Tells what happened at `at`.
    pub fn tell(&self, at: Moment, who: Who, text: &str) {
        self.clear();
        let milliseconds = at.since(self.start).as_millis();
        let time = format!("{}.{:03} s", milliseconds / 1000, milliseconds % 1000);
        let name = self.paint(who.colour(), &format!("{:<6}", who.name()));
        println!("    {}  {name}  {text}", self.paint("2", &format!("{time:>9}")));
        // A closed pipe is no reason to leave the stage standing.
        stdout().flush().ok();
    }

    /// A further line on what was told last.
    pub fn more(&self, text: &str) {
        self.clear();
        println!("                       {text}");
    }

    /// Shows on a terminal that time passes; heeds Ctrl-C.
    ///
    /// # Errors
    /// After Ctrl-C.
    pub fn waiting(&self, since: Moment, what: &str) -> Result<()> {
        if self.interrupted.load(Ordering::Relaxed) {
            self.clear();
            bail!("interrupted; everything is removed");
        }
        if self.terminal {
            let milliseconds = since.elapsed().as_millis();
            let text = format!("waiting for {what}: {}.{} s", milliseconds / 1000, milliseconds / 100 % 10);
            print!("\r\x1b[2K               {}", self.paint("2", &text));
            stdout().flush().ok();
        }
        Ok(())
    }

    /// The end.
    pub fn closing(&self) {
        println!();
        let text = "  Every step was seen on the wire; namespaces, processes and files are gone.";
        println!("{}", self.paint("1", text));
        println!();
    }

    /// After `--keep`.
    pub fn how_to_look_inside(&self, stage: &Stage) {
        let program =
            lab::agent::program().map_or_else(|_| "agent".to_owned(), |path| path.display().to_string());
        let (a, b, client) =
            (stage.a.namespace().name(), stage.b.namespace().name(), stage.client.namespace().name());
        println!();
        println!("  {}", self.paint("1", "It goes on without me. To look inside:"));
        println!();
        let line = |about: &str, command: String| println!("    {about:<22}{command}");
        for (node, word) in [(&stage.a, "status of a"), (&stage.b, "status of b")] {
            line(word, format!("{program} status --run-dir {}", lab::agent::run_directory(node).display()));
        }
        line("addresses of b", format!("ip -n {b} addr show ens33"));
        line("adverts", format!("ip netns exec {client} tcpdump -ni ens33 vrrp or arp"));
        line("a client's ping", format!("ip netns exec {client} ping 10.0.0.3"));
        line("log of b", format!("tail -f {}/log", stage.b.directory().display()));
        line("cut b's cable", format!("ip -n {} link set {} down", stage.switch_name(), stage.b.port()));
        line("plug it in again", format!("ip -n {} link set {} up", stage.switch_name(), stage.b.port()));
        line("a shell on a", format!("ip netns exec {a} bash"));
        println!();
        line("to remove it all", "cargo xtask demo --clean".to_owned());
        println!();
    }

    fn clear(&self) {
        if self.terminal {
            print!("\r\x1b[2K");
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
