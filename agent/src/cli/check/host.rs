//! This host, as `agent check --here` asks it.

use std::{path::Path, time::Duration};

use anyhow::Context;

use crate::{
    config::{Account, AssignedHere, Direction, Host, Interface, Mode, Passage, Program, Way, plan::Plan},
    net::{
        addresses::VRRP_ADDRESS_PROTOCOL,
        device,
        firewall::{self, Packet, Ruleset},
        inventory::{self, Inventory},
        link::{AssignedAddress, Link},
        namespace, other_vrrp,
    },
    permissions::{self, Standing},
};

/// The protocol number that keepalived marks its addresses with.
const KEEPALIVED_PROTOCOL: u8 = 18;
/// A host that takes longer to list its interfaces has other troubles.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was asked once; the rest is asked when it is needed.
pub(in crate::cli) struct ThisHost {
    inventory: Result<Inventory, String>,
    firewall: Result<Ruleset, String>,
    /// Another VRRP daemon runs: addresses without a mark may be its own.
    contested: bool,
}

impl ThisHost {
    /// Asks what can be asked before it is known what for, in the network namespace that the config is for: this process
    /// goes there, if it may.
    pub(in crate::cli) fn ask(plan: &Plan) -> anyhow::Result<Self> {
        if let Some(name) = &plan.globals.place.net_namespace
            && let Err(error) = namespace::enter(name)
        {
            let (inventory, firewall) = (Err(error.to_string()), Err(error.to_string()));
            return Ok(Self { inventory, firewall, contested: false });
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot set up a runtime to look at this host")?;
        let inventory = async {
            match tokio::time::timeout(PATIENCE, inventory::inventory()).await {
                Ok(inventory) => inventory.map_err(|error| error.to_string()),
                Err(_) => Err("the kernel does not answer".to_owned()),
            }
        };
        Ok(Self {
            inventory: runtime.block_on(inventory),
            firewall: runtime.block_on(firewall::ruleset()),
            contested: !other_vrrp::other_vrrp_speakers().is_empty(),
        })
    }

    fn interface(&self, link: &Link, inventory: &Inventory) -> Interface {
        let maybe_virtual = |assigned: &AssignedAddress| match assigned.protocol {
            Some(protocol) => [VRRP_ADDRESS_PROTOCOL, KEEPALIVED_PROTOCOL].contains(&protocol),
            None => self.contested,
        };
        let addresses = inventory.addresses_of(link.index).map(|assigned| AssignedHere {
            address: assigned.address,
            prefix_length: assigned.prefix_length,
            maybe_virtual: maybe_virtual(assigned),
        });
        Interface {
            name: link.name.clone(),
            switched_on: link.switched_on,
            up: link.up,
            multicast: link.multicast,
            loopback: link.loopback,
            mtu: link.mtu,
            addresses: addresses.collect(),
            ipv6_off: device::ipv6_is_off(&link.name),
        }
    }
}

impl Host for ThisHost {
    fn has_namespace(&self, name: &str) -> Result<bool, String> {
        namespace::is_there(name).map_err(|error| error.to_string())
    }

    fn interfaces(&self) -> Result<Vec<Interface>, String> {
        let inventory = self.inventory.as_ref().map_err(Clone::clone)?;
        Ok(inventory.links.iter().map(|link| self.interface(link, inventory)).collect())
    }

    fn account(&self, user: &str, group: Option<&str>) -> Result<Account, String> {
        match permissions::account(user, group) {
            Ok(permissions::Account::Known { user, group }) => Ok(Account::Known { user, group }),
            Ok(permissions::Account::NoUser) => Ok(Account::NoUser),
            Ok(permissions::Account::NoGroup) => Ok(Account::NoGroup),
            Err(error) => Err(error.to_string()),
        }
    }

    fn own_account(&self) -> Account {
        // Whoever checks is not who runs the agent: that is root.
        Account::Known { user: 0, group: 0 }
    }

    fn program(&self, path: &Path, account: Account) -> Result<Program, String> {
        let Account::Known { user, group } = account else { return Err("its user is not known".to_owned()) };
        match permissions::program(path, user, group) {
            Ok(Standing::Missing) => Ok(Program::Missing),
            Ok(Standing::Unfit(why)) => Ok(Program::Unfit(why)),
            Ok(Standing::Fit(changeable)) => Ok(Program::Fit(changeable)),
            Err(error) => Err(error.to_string()),
        }
    }

    fn mode(&self, path: &Path) -> Result<Mode, String> {
        use std::os::unix::fs::MetadataExt;
        let metadata = path.metadata().map_err(|error| error.to_string())?;
        Ok(Mode { user: metadata.uid(), group: metadata.gid(), bits: metadata.mode() })
    }

    fn adverts(&self, way: &Way) -> Result<Passage, String> {
        let ruleset = self.firewall.as_ref().map_err(Clone::clone)?;
        let packet = Packet {
            incoming: way.direction == Direction::In,
            interface: &way.interface,
            family: way.family,
            group: way.group,
        };
        Ok(match ruleset.passage(&packet) {
            firewall::Passage::Open => Passage::Open,
            firewall::Passage::Shut(rule) => Passage::Shut(rule),
            firewall::Passage::Unclear(rule) => Passage::Unclear(rule),
        })
    }
}
