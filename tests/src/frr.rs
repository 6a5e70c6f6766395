//! The other real peer: FRR's zebra and vrrpd in a host, with files and sockets of their own.
//!
//! FRR brings up no address itself: it finds a macvlan by the virtual router's MAC, one per family, and holds it down
//! (`protodown`) for as long as it is not master. They are made here by hand, as its manual says, and they outlive the
//! daemons: after SIGKILL the address stays up and answers.

use std::{
    ffi::OsStr,
    net::IpAddr,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::unistd::User;
use regent_common::Family;
use serde_json::Value;

use crate::{
    clock::Moment,
    group::Group,
    node::{INTERFACE, Node, PREFIX_LENGTH, PREFIX_LENGTH_IPV6},
    process::Process,
    punctual,
};

/// Where Debian puts its daemons.
const DIRECTORY: &str = "/usr/lib/frr";
/// Where they keep directories of their own.
const LAST_WORDS: &str = "/var/tmp/frr";
/// Whom they run as.
const USER: &str = "frr";
/// How long zebra may take to listen, and vrrpd to stop.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it announces each address on becoming master.
pub const ANNOUNCEMENTS: u8 = 1;

/// Where the daemons are, if they are installed.
pub fn directory() -> Option<&'static Path> {
    let directory = Path::new(DIRECTORY);
    ["zebra", "vrrpd"].iter().all(|name| directory.join(name).exists()).then_some(directory)
}

/// A running FRR.
#[derive(Debug)]
pub struct Frr {
    /// The daemon that speaks VRRP.
    pub vrrpd: Process,
    /// The daemon that sets interfaces up and down for it.
    zebra: Process,
    files: PathBuf,
    family: Family,
    vrid: u8,
}

impl Frr {
    /// Makes the macvlan on `node` unless it is there, and starts the daemons with what FRR can say of `group`.
    ///
    /// # Errors
    /// When FRR is not installed or does not come up.
    pub fn start(node: &Node, group: &Group) -> Result<Self> {
        let programs = directory().context("FRR is not installed: apt install frr")?;
        make_macvlan(node, group)?;
        let files = node.directory().join("frr");
        let user = User::from_name(USER)?.with_context(|| format!("no user {USER}"))?;
        if !files.exists() {
            std::fs::create_dir(&files).with_context(|| format!("make {}", files.display()))?;
        }
        // The daemons drop their rights before they make their sockets.
        chown(&files, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        let daemon = |name: &str, text: &str| {
            let config = files.join(format!("{name}.conf"));
            std::fs::write(&config, text).with_context(|| format!("write {}", config.display()))?;
            let mut command = node.command(programs.join(name));
            command.args([OsStr::new("-f"), config.as_ref()]);
            command.args([OsStr::new("-i"), files.join(format!("{name}.pid")).as_ref()]);
            command.args([OsStr::new("-z"), files.join("zserv.api").as_ref()]);
            command.args([OsStr::new("--vty_socket"), files.as_ref()]);
            // No TCP for the terminal: labs would fight for the port.
            command.args(["-A", "127.0.0.1", "-P", "0"]);
            Process::spawn(name, node, &mut command, Duration::ZERO)
        };
        let socket = files.join("zserv.api");
        // A killed zebra leaves its socket.
        std::fs::remove_file(&socket).ok();
        let zebra = daemon("zebra", "log stdout\n")?;
        let began = Moment::now();
        // vrrpd would look again only after ten seconds.
        while !socket.exists() {
            if began.elapsed() > PATIENCE {
                bail!("zebra does not listen after {PATIENCE:?}{}", zebra.log_tail());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let vrrpd = daemon("vrrpd", &config(group))?;
        Ok(Self { vrrpd, zebra, files, family: group.family(), vrid: group.wire_vrid() })
    }

    /// What it says of the group: its state is Initialize, Backup or Master.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn status(&self, node: &Node) -> Result<Value> {
        let text = node.run(
            "vtysh",
            &["--vty_socket", &self.files.display().to_string(), "-d", "vrrpd", "-c", "show vrrp json"],
        )?;
        let shown: Value = serde_json::from_str(&text).context("read the JSON of vtysh")?;
        let groups = shown.as_array().context("no list of groups")?;
        let group = groups.iter().find(|group| group["vrid"] == self.vrid).context("no such group")?;
        Ok(group[self.word()].clone())
    }

    /// Neither daemon waits for a processor from now on.
    pub fn make_punctual(&self) {
        for daemon in [&self.zebra, &self.vrrpd] {
            punctual::process(daemon.pid());
        }
    }

    /// How often its log said that it entered `state`: MASTER or BACKUP.
    pub fn entered(&self, state: &str) -> usize {
        self.vrrpd.count(sentence(state))
    }

    /// Waits until its log has said so many times that it entered `state`: MASTER or BACKUP.
    ///
    /// # Errors
    /// When it does not within `timeout`.
    pub fn wait_entering(&mut self, state: &str, times: usize, timeout: Duration) -> Result<()> {
        self.vrrpd.wait_for_log(sentence(state), times, timeout)
    }

    const fn word(&self) -> &'static str {
        match self.family {
            Family::Ipv4 => "v4",
            Family::Ipv6 => "v6",
        }
    }

    /// The end of what vrrpd said, without what it says at every advert.
    pub fn log_tail(&self) -> String {
        let log = self.vrrpd.log();
        let lines: Vec<_> = log.iter().filter(|line| !line.contains("Adver_Timer expired")).collect();
        let mut text = "\n  the end of what vrrpd said:".to_owned();
        for line in lines.iter().skip(lines.len().saturating_sub(15)) {
            text.push_str("\n    ");
            text.push_str(line);
        }
        text
    }

    /// SIGTERM to vrrpd, which says priority 0 and has the macvlan set down, then to zebra; returns how vrrpd ended.
    ///
    /// # Errors
    /// When they do not end.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        let status = self.vrrpd.stop(PATIENCE)?;
        self.zebra.stop(PATIENCE)?;
        Ok(status)
    }

    /// SIGKILL to both. The address stays up and answers: to be dead for the network, the host must be cut off.
    ///
    /// # Errors
    /// When they have ended before.
    pub fn kill(&mut self) -> Result<()> {
        self.vrrpd.kill()?;
        self.zebra.kill()
    }
}

impl Drop for Frr {
    /// Each daemon keeps a directory for its last words, and leaves it behind.
    fn drop(&mut self) {
        for (name, daemon) in [("vrrpd", &mut self.vrrpd), ("zebra", &mut self.zebra)] {
            if matches!(daemon.exited(), Ok(None)) {
                daemon.kill().ok();
            }
            std::fs::remove_dir_all(Path::new(LAST_WORDS).join(format!("{name}.{}", daemon.pid()))).ok();
        }
    }
}

/// How its log says that it entered a state.
fn sentence(state: &str) -> &'static str {
    if state == "MASTER" { "-> Master" } else { "-> Backup" }
}

/// What FRR's language can say of the group; a password it cannot.
fn config(group: &Group) -> String {
    let vrid = group.vrid;
    let mut lines = vec![
        "log stdout".to_owned(),
        "debug vrrp protocol".to_owned(),
        format!("interface {}", group.interface),
        format!(" vrrp {vrid} version {}", group.version),
        format!(" vrrp {vrid} priority {}", group.priority),
        format!(" vrrp {vrid} advertisement-interval {}", group.centiseconds * 10),
    ];
    if !group.preempts {
        lines.push(format!(" no vrrp {vrid} preempt"));
    }
    let word = match group.family() {
        Family::Ipv4 => "ip",
        Family::Ipv6 => "ipv6",
    };
    lines.extend(group.addresses.iter().map(|address| format!(" vrrp {vrid} {word} {address}")));
    lines.push(String::new());
    lines.join("\n")
}

/// The name of the macvlan of a group.
fn macvlan_name(group: &Group) -> String {
    match group.family() {
        Family::Ipv4 => format!("vrrp4-{}", group.vrid),
        Family::Ipv6 => format!("vrrp6-{}", group.vrid),
    }
}

/// Whether the macvlan of the group is up on `node`, and with it the address.
///
/// # Errors
/// When it is not there.
pub fn is_up(node: &Node, group: &Group) -> Result<bool> {
    let text = node.ip(&["-o", "link", "show", "dev", &macvlan_name(group)])?;
    Ok(text.contains("LOWER_UP") && !text.contains("NO-CARRIER"))
}

/// The macvlan with the virtual MAC and the virtual addresses, as FRR's manual has it, and without the kernel's habits
/// that would answer for a Backup.
fn make_macvlan(node: &Node, group: &Group) -> Result<()> {
    let name = macvlan_name(group);
    let [a, b, c, d, e, f] = group.virtual_mac();
    let mac = format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
    if node.ip(&["link", "show", "dev", &name]).is_err() {
        node.ip(&["link", "add", &name, "link", &group.interface, "type", "macvlan", "mode", "bridge"])?;
        // Its link-local address would be the same on every router of the group. In a step of its own: with `link add`
        // the kernel refuses it.
        node.ip(&["link", "set", &name, "addrgenmode", "none"])?;
        node.ip(&["link", "set", &name, "address", &mac])?;
    }
    let namespace = node.namespace();
    // ARP for an address on another interface is not answered, or the parent would speak for a macvlan that is down;
    // and the parent, by which answers leave, does not ask in the name of the virtual address.
    for scope in ["all", INTERFACE, &name] {
        namespace.set("ipv4", scope, "arp_ignore", "1")?;
        namespace.set("ipv4", scope, "arp_announce", "2")?;
        namespace.set("ipv4", scope, "rp_filter", "0")?;
    }
    for family in ["ipv4", "ipv6"] {
        namespace.set(family, "all", "ignore_routes_with_linkdown", "1")?;
    }
    for address in &group.addresses {
        let text = match address {
            IpAddr::V4(address) => format!("{address}/{PREFIX_LENGTH}"),
            IpAddr::V6(address) => format!("{address}/{PREFIX_LENGTH_IPV6}"),
        };
        node.ip(&["addr", "replace", &text, "dev", &name, "nodad"])?;
    }
    node.ip(&["link", "set", &name, "up"]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_in_its_language() {
        let text = config(&Group::ipv6(150, 10).without_preemption());
        for line in [
            "interface ens33\n",
            " vrrp 50 version 3\n",
            " vrrp 50 priority 150\n",
            " vrrp 50 advertisement-interval 100\n",
            " no vrrp 50 preempt\n",
            " vrrp 50 ipv6 fe80::50:1\n vrrp 50 ipv6 2001:db8::50\n",
        ] {
            assert!(text.contains(line), "{line:?} is not in\n{text}");
        }
    }
}
