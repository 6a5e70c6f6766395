//! What of a config does not fit the host it is for: interfaces, addresses, users, programs, permissions, firewall.
//!
//! Owns the questions and what their answers mean. Asks a [`Host`] and looks at nothing itself, so that each rule is
//! tested without one. What cannot be looked at is said in a note and counts as well.

mod files;
mod firewall;
mod interfaces;
mod programs;
mod sources;

use std::{
    collections::BTreeSet,
    net::IpAddr,
    path::{Path, PathBuf},
};

use regent_common::Family;

use super::{
    Loaded,
    diagnostic::{Diagnostic, Diagnostics, code},
};

/// What can be asked of a host. An `Err` says why it cannot be known.
pub trait Host {
    /// Whether there is a network namespace of that name.
    ///
    /// # Errors
    /// It cannot be known.
    fn has_namespace(&self, name: &str) -> Result<bool, String>;

    /// Every interface of the network namespace that the config is for.
    ///
    /// # Errors
    /// They cannot be listed.
    fn interfaces(&self) -> Result<Vec<Interface>, String>;

    /// A user, by name or number, with the group of that name or number, else its own; `None`: there is no such user.
    ///
    /// # Errors
    /// Users or groups cannot be looked up.
    fn account(&self, user: &str, group: Option<&str>) -> Result<Account, String>;

    /// Who runs programs without a user: the agent's own user. Root, unless it was told otherwise.
    fn own_account(&self) -> Account;

    /// A program as the account would run it; a name without a slash is looked for in PATH.
    ///
    /// # Errors
    /// It cannot be looked at.
    fn program(&self, path: &Path, account: Account) -> Result<Program, String>;

    /// The owner and permissions of a file.
    ///
    /// # Errors
    /// It cannot be looked at.
    fn mode(&self, path: &Path) -> Result<Mode, String>;

    /// What the packet filter does with adverts.
    ///
    /// # Errors
    /// It cannot be looked at.
    fn adverts(&self, way: &Way) -> Result<Passage, String>;
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Name.
    pub name: String,
    /// Switched on.
    pub switched_on: bool,
    /// Switched on, and its carrier is there.
    pub up: bool,
    /// Able to do multicast.
    pub multicast: bool,
    /// The loopback interface.
    pub loopback: bool,
    /// Bytes of an IP packet.
    pub mtu: u32,
    /// Its addresses.
    pub addresses: Vec<AssignedHere>,
    /// IPv6 is switched off on it (`disable_ipv6`).
    pub ipv6_off: bool,
}

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssignedHere {
    /// The address.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix_length: u8,
    /// A VRRP daemon may have put it there: this agent's mark is on it, or a daemon runs that leaves none.
    pub maybe_virtual: bool,
}

/// A user and a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// Both are there.
    Known {
        /// User id.
        user: u32,
        /// Group id.
        group: u32,
    },
    /// There is no such user.
    NoUser,
    /// There is no such group.
    NoGroup,
}

/// What there is to say about a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// There is none.
    Missing,
    /// It is there and cannot be run: because …
    Unfit(&'static str),
    /// It can be run; what of its path others than root could change, and how.
    Fit(Vec<(PathBuf, String)>),
}

/// Who owns a file and who else may do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Its user.
    pub user: u32,
    /// Its group.
    pub group: u32,
    /// Permission bits.
    pub bits: u32,
}

/// Adverts as the packet filter sees them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// In or out.
    pub direction: Direction,
    /// The interface.
    pub interface: String,
    /// Their family.
    pub family: Family,
    /// The group that they go to; `None`: they go from host to host.
    pub group: Option<IpAddr>,
}

/// In or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// To this host.
    In,
    /// From this host.
    Out,
}

/// What a packet filter does with adverts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passage {
    /// Lets them pass.
    Open,
    /// Drops them: which rule or policy.
    Shut(String),
    /// Depends on what cannot be told from here: on which rule.
    Unclear(String),
}

/// Asks the host whatever the config depends on.
pub(super) fn check(loaded: &Loaded, host: &dyn Host) -> Vec<Diagnostic> {
    let mut look = Look { loaded, host, diagnostics: Diagnostics::default(), said: BTreeSet::new() };
    if look.namespace() {
        match host.interfaces() {
            Ok(interfaces) => {
                look.interfaces(&interfaces);
                look.sources(&interfaces);
            }
            Err(why) => look.unseen("interfaces and addresses", &why),
        }
        look.firewall();
    }
    look.users();
    look.programs();
    look.files();
    look.diagnostics.finish(&loaded.sources)
}

/// Whether the config names a program that the host has, for whatever it may be run.
pub(super) fn runs_programs(loaded: &Loaded, host: &dyn Host) -> bool {
    programs::are_there(loaded, host)
}

struct Look<'a> {
    loaded: &'a Loaded,
    host: &'a dyn Host,
    diagnostics: Diagnostics,
    /// What was said already: many instances may share one trouble.
    said: BTreeSet<String>,
}

impl Look<'_> {
    /// Whether there may be a network namespace to look into.
    fn namespace(&mut self) -> bool {
        let Some(name) = &self.loaded.plan.globals.place.net_namespace else { return true };
        match self.host.has_namespace(name) {
            Ok(true) => true,
            Ok(false) => {
                let missing = Diagnostic::error(
                    code::NAMESPACE,
                    format!("this host has no network namespace `{name}`"),
                );
                let missing = match self.loaded.model.globals.said.get("net_namespace") {
                    Some(place) => missing.primary(*place, "the agent does not start until it is there"),
                    None => missing,
                };
                self.report(missing.help(format!("ip netns add {name}")));
                false
            }
            Err(why) => {
                self.unseen("network namespaces", &why);
                true
            }
        }
    }

    /// Says each thing once.
    fn report(&mut self, diagnostic: Diagnostic) {
        if self.said.insert(diagnostic.message.clone()) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// What was not looked at.
    fn unseen(&mut self, what: &str, why: &str) {
        self.report(Diagnostic::note(code::UNSEEN, format!("{what} could not be looked at: {why}")));
    }
}

#[cfg(test)]
mod tests;
