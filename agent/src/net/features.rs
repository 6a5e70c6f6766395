//! What this kernel and these ports can do for the agent, found out once, and what is lost where they cannot.
//!
//! A feature that is missing takes nothing away but itself. Nothing is tried on a port: what is there is asked, and never
//! changed. Asking waits for the kernel's lock for interfaces, so it is not for the VRRP thread.

use std::{fs, path::Path};

use super::{
    device,
    xdp::{NoPins, Pins, Program},
};

/// The oldest kernel that the XDP program can run on, for its atomics and global functions.
const FLOOR: (u32, u32) = (5, 12);
/// The first kernel whose addresses say who assigned them (IFA_PROTO).
const ADDRESS_PROTOCOL: (u32, u32) = (5, 18);

/// Whether a feature is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is.
    Present,
    /// It is not.
    Missing {
        /// What stands in its way, and what to do about it where something can be done.
        reason: String,
        /// What this agent does without.
        lost: &'static str,
    },
    /// Nobody says.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// One line of a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The feature.
    pub name: &'static str,
    /// "yes", or "no" or "unknown" with the reason.
    pub state: String,
    /// What is lost; empty when nothing is.
    pub consequence: &'static str,
}

/// What the host can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    /// As `uname -r` says.
    pub release: String,
    /// The kernel is new enough for the XDP program.
    pub kernel: State,
    /// The kernel tells its own types.
    pub btf: State,
    /// The XDP program is loaded.
    pub xdp: State,
    /// Programs can be put on what leaves, and on what comes in after XDP.
    pub tcx: State,
    /// Links outlive the process.
    pub pins: State,
    /// Addresses carry a mark of who assigned them.
    pub address_protocol: State,
}

/// What a port can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortFeatures {
    /// The port.
    pub ifindex: u32,
    /// Its name when it was asked.
    pub name: String,
    /// Its driver, where it has one.
    pub driver: Option<String>,
    /// VLAN tags are in the frame when XDP sees it.
    pub vlan_tags: State,
    /// Groups can be joined.
    pub multicast: State,
    /// Only multicast that was asked for comes in.
    pub multicast_filter: State,
    /// Only frames for this station come in.
    pub unicast_filter: State,
}

impl Features {
    /// Finds out. Both arguments are what came of loading the program and of opening the pins.
    pub fn of_host(program: Result<&Program, &str>, pins: Result<&Pins, &NoPins>) -> Self {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned();
        let version = version(&release);
        Self {
            kernel: since(
                version,
                FLOOR,
                "the XDP program does not load: adverts come by sockets, and the kernel answers for the addresses",
            ),
            btf: btf(Path::new("/sys/kernel/btf/vmlinux")),
            xdp: State::of(
                program.map(drop).map_err(ToOwned::to_owned),
                "adverts come by sockets, and the kernel answers for the addresses",
            ),
            tcx: State::of(
                match program {
                    Ok(program) => program.tc_trouble().map_or(Ok(()), |reason| Err(reason.to_owned())),
                    Err(reason) => Err(reason.to_owned()),
                },
                "a host whose agent hangs goes on asking in the name of its addresses, and a virtual MAC needs an \
                 interface of its own",
            ),
            pins: State::of(
                pins.map(drop).map_err(ToString::to_string),
                "dead-man: off; when the agent is killed, its host goes on answering for its addresses",
            ),
            address_protocol: since(
                version,
                ADDRESS_PROTOCOL,
                "which addresses are ours is known from the journal alone",
            ),
            release,
        }
    }

    /// Every feature with its state, for people.
    pub fn rows(&self) -> Vec<Row> {
        [
            ("kernel", &self.kernel),
            ("kernel BTF", &self.btf),
            ("XDP program", &self.xdp),
            ("tcx", &self.tcx),
            ("lasting pins", &self.pins),
            ("marks on addresses", &self.address_protocol),
        ]
        .map(|(name, state)| state.row(name))
        .to_vec()
    }
}

impl PortFeatures {
    /// Asks the interface of that index. What it does not say stays unknown.
    pub fn of(ifindex: u32) -> Self {
        let (reception, trouble) = match device::reception(ifindex) {
            Ok(reception) => (Some(reception), String::new()),
            Err(error) => (None, error.to_string()),
        };
        let said = |state: fn(&device::Reception) -> State| {
            reception.as_ref().map_or_else(|| State::Unknown { reason: trouble.clone() }, state)
        };
        let name = reception.as_ref().map(|reception| reception.name.clone()).unwrap_or_default();
        Self {
            ifindex,
            driver: device::driver(&name).ok(),
            vlan_tags: vlan_tags(&name),
            multicast: said(|reception| match reception.multicast {
                true => State::Present,
                false => State::Missing {
                    reason: "the interface does no multicast".to_owned(),
                    lost: "groups with unicast peers alone work here",
                },
            }),
            multicast_filter: said(|reception| match reception.all_multicast {
                0 => State::Present,
                count => State::Missing {
                    reason: format!("all multicast comes in (asked for {count} times)"),
                    lost: "multicast of others costs time of this host",
                },
            }),
            unicast_filter: said(|reception| match reception.promiscuity {
                0 => State::Present,
                count => State::Missing {
                    reason: format!(
                        "the interface is promiscuous (asked for {count} times): a capture, a bridge, or a MAC that it \
                         cannot filter"
                    ),
                    lost: "frames for other stations cost time of this host",
                },
            }),
            name,
        }
    }

    /// Every feature with its state, for people.
    pub fn rows(&self) -> Vec<Row> {
        [
            ("VLAN tags before XDP", &self.vlan_tags),
            ("multicast", &self.multicast),
            ("multicast filter", &self.multicast_filter),
            ("unicast filter", &self.unicast_filter),
        ]
        .map(|(name, state)| state.row(name))
        .to_vec()
    }
}

impl State {
    /// Whether it is there for certain.
    pub const fn is_present(&self) -> bool {
        match self {
            Self::Present => true,
            Self::Missing { .. } | Self::Unknown { .. } => false,
        }
    }

    fn of(result: Result<(), String>, lost: &'static str) -> Self {
        match result {
            Ok(()) => Self::Present,
            Err(reason) => Self::Missing { reason, lost },
        }
    }

    fn row(&self, name: &'static str) -> Row {
        let (state, consequence) = match self {
            Self::Present => ("yes".to_owned(), ""),
            Self::Missing { reason, lost } => (format!("no: {reason}"), *lost),
            Self::Unknown { reason } => (format!("unknown: {reason}"), ""),
        };
        Row { name, state, consequence }
    }
}

fn since(version: Option<(u32, u32)>, first: (u32, u32), lost: &'static str) -> State {
    let (major, minor) = first;
    match version {
        Some(version) if version >= first => State::Present,
        Some(_) => State::Missing { reason: format!("needs Linux {major}.{minor}"), lost },
        None => State::Unknown { reason: "the kernel's release is none that can be read".to_owned() },
    }
}

/// "6.1.0-18-amd64" is 6.1.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn btf(path: &Path) -> State {
    match path.try_exists() {
        Ok(true) => State::Present,
        Ok(false) => State::Missing {
            reason: format!("there is no {}: built without CONFIG_DEBUG_INFO_BTF", path.display()),
            lost: "nothing of this agent's, which brings the types of its programs; tools that show them need it",
        },
        Err(error) => State::Unknown { reason: format!("cannot look for {}: {error}", path.display()) },
    }
}

fn vlan_tags(name: &str) -> State {
    match device::strips_vlan_tags(name) {
        Ok(false) => State::Present,
        Ok(true) => State::Missing {
            reason: format!("the device takes them off: `ethtool -K {name} rxvlan off` leaves them"),
            lost: "in VLANs adverts come by sockets, and the kernel answers for the addresses",
        },
        Err(error) => State::Unknown { reason: format!("the driver does not say: {error}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tests::lab::{ip, joined, link};

    #[test]
    fn releases_of_distributions_are_versions() {
        for (release, expected) in [
            ("6.18.44-fc-v657", Some((6, 18))),
            ("5.4.0-1103-aws", Some((5, 4))),
            ("6.6-rc1", Some((6, 6))),
            ("6", None),
            ("", None),
        ] {
            assert_eq!(version(release), expected, "{release}");
        }
    }

    #[test]
    fn a_kernel_that_is_too_old_loses_what_needs_a_newer_one() {
        assert_eq!(since(Some((5, 18)), (5, 18), "all"), State::Present);
        assert_eq!(since(Some((6, 1)), (5, 18), "all"), State::Present);
        let missing = State::Missing { reason: "needs Linux 5.18".to_owned(), lost: "all" };
        assert_eq!(since(Some((5, 4)), (5, 18), "all"), missing);
        assert!(matches!(since(None, (5, 18), "all"), State::Unknown { .. }));
    }

    #[test]
    fn what_is_missing_says_why_and_what_is_lost() {
        let none = NoPins::because("no such file system");
        let features = Features::of_host(Err("off by choice"), Err(&none));
        let rows = features.rows();
        let row = |name| rows.iter().find(|row| row.name == name).unwrap();
        assert_eq!(row("XDP program").state, "no: off by choice");
        assert_eq!(row("lasting pins").state, "no: no such file system");
        assert!(row("lasting pins").consequence.contains("dead-man: off"));
        assert_eq!((row("kernel").state.as_str(), row("kernel").consequence), ("yes", ""));
        assert!(!features.release.is_empty());
    }

    #[test]
    fn a_port_says_what_its_driver_and_its_filters_do() {
        joined(|_pair| {
            let index = link("port0").index;
            let before = PortFeatures::of(index);
            assert_eq!((before.name.as_str(), before.driver.as_deref()), ("port0", Some("veth")));
            assert!(before.multicast.is_present() && before.multicast_filter.is_present());
            assert!(before.unicast_filter.is_present() && before.rows().len() == 4);
            ip("link set port0 promisc on");
            ip("link set port0 allmulticast on");
            ip("link set port0 multicast off");
            let after = PortFeatures::of(index);
            for state in [&after.multicast, &after.multicast_filter, &after.unicast_filter] {
                assert!(matches!(state, State::Missing { .. }), "{after:?}");
            }
        });
    }

    #[test]
    fn a_port_that_is_not_there_is_unknown_and_not_bad() {
        joined(|_pair| {
            let features = PortFeatures::of(9_999);
            assert!(matches!(features.multicast, State::Unknown { .. }), "{features:?}");
            assert!(matches!(features.vlan_tags, State::Unknown { .. }), "{features:?}");
        });
    }
}
