//! Every interface and address of this network namespace at one moment, by rtnetlink.
//!
//! For the control runtime: a dump takes milliseconds on a large host and allocates, so it never runs on the VRRP thread.

use std::collections::HashSet;

use futures::StreamExt;
use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{RouteNetlinkMessage, address::AddressMessage, link::LinkMessage};
use rtnetlink::Handle;
use thiserror::Error;

use super::link::{AssignedAddress, Assignment, Link};

/// Log directives for the netlink crates: they print whole messages at level error or warn when a kernel newer than they
/// are says something unknown. What matters of that is reported by this module.
pub const LOG_DIRECTIVES: [&str; 3] =
    ["netlink_proto=off", "netlink_packet_route=error", "netlink_packet_core=error"];

/// How often a dump that was changed while it was read is read again before it is taken as it is: the changes themselves
/// arrive as events.
const ATTEMPTS: usize = 5;

/// All interfaces and addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// By index.
    pub links: Vec<Link>,
    /// IPv4 and IPv6.
    pub addresses: Vec<AssignedAddress>,
}

impl Inventory {
    /// The interface of that name.
    pub fn link_named(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The interface of that index.
    pub fn link(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// Which addresses there are, for many questions in a row.
    pub fn assignments(&self) -> HashSet<Assignment> {
        self.addresses.iter().map(AssignedAddress::assignment).collect()
    }

    /// The addresses of an interface, in the kernel's order.
    pub fn addresses_of(&self, index: u32) -> impl Iterator<Item = &AssignedAddress> {
        self.addresses.iter().filter(move |address| address.index == index)
    }
}

/// Why there is no inventory.
#[derive(Debug, Error)]
pub enum InventoryError {
    /// The socket failed.
    #[error("cannot open a netlink socket to list interfaces: {0}; raise the limit of open files or memory")]
    Open(#[from] std::io::Error),
    /// The connection ended before the answer.
    #[error("cannot list {what}: the netlink connection ended early; try again")]
    Cut {
        /// Interfaces or addresses.
        what: &'static str,
    },
    /// The kernel refused.
    #[error("cannot list {what}: the kernel says {error}")]
    Refused {
        /// Interfaces or addresses.
        what: &'static str,
        /// Its answer.
        error: std::io::Error,
    },
}

/// Lists everything now. Needs a tokio runtime with I/O enabled, and no privilege.
///
/// # Errors
/// When no netlink socket can be had, or the kernel refuses.
pub async fn inventory() -> Result<Inventory, InventoryError> {
    let (mut connection, mut handle, _unsolicited) = rtnetlink::new_connection()?;
    // The end of a dump says whether the dump was interrupted.
    connection.set_forward_done(true);
    let connection = tokio::spawn(connection);
    let inventory = list(&mut handle).await;
    connection.abort();
    inventory
}

async fn list(handle: &mut Handle) -> Result<Inventory, InventoryError> {
    let links = RouteNetlinkMessage::GetLink(LinkMessage::default());
    let mut links = dump(handle, "interfaces", links, |message| {
        if let RouteNetlinkMessage::NewLink(message) = message { Link::read(&message) } else { None }
    })
    .await?;
    links.sort_unstable_by_key(|link| link.index);
    let addresses = RouteNetlinkMessage::GetAddress(AddressMessage::default());
    let addresses = dump(handle, "addresses", addresses, |message| {
        if let RouteNetlinkMessage::NewAddress(message) = message {
            AssignedAddress::read(&message)
        } else {
            None
        }
    })
    .await?;
    Ok(Inventory { links, addresses })
}

async fn dump<T>(
    handle: &mut Handle,
    what: &'static str,
    request: RouteNetlinkMessage,
    read: impl Fn(RouteNetlinkMessage) -> Option<T>,
) -> Result<Vec<T>, InventoryError> {
    let mut items = Vec::new();
    for _ in 0..ATTEMPTS {
        items.clear();
        if dump_once(handle, what, request.clone(), &read, &mut items).await? == Consistency::Consistent {
            break;
        }
    }
    Ok(items)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Consistency {
    Consistent,
    /// Something changed between two parts of the dump: an item may be missing or twice.
    Interrupted,
}

async fn dump_once<T>(
    handle: &mut Handle,
    what: &'static str,
    request: RouteNetlinkMessage,
    read: impl Fn(RouteNetlinkMessage) -> Option<T>,
    items: &mut Vec<T>,
) -> Result<Consistency, InventoryError> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let request = NetlinkMessage::new(header, NetlinkPayload::from(request));
    let mut answers = handle.request(request).map_err(|_| InventoryError::Cut { what })?;
    let mut consistency = Consistency::Consistent;
    while let Some(answer) = answers.next().await {
        if answer.header.flags & NLM_F_DUMP_INTR != 0 {
            consistency = Consistency::Interrupted;
        }
        if let NetlinkPayload::InnerMessage(message) = answer.payload {
            items.extend(read(message));
        } else if let NetlinkPayload::Done(_) = answer.payload {
            return Ok(consistency);
        } else if let NetlinkPayload::Error(error) = answer.payload {
            return Err(InventoryError::Refused { what, error: error.to_io() });
        } else if let NetlinkPayload::Overrun(_) = answer.payload {
            consistency = Consistency::Interrupted;
        }
    }
    Err(InventoryError::Cut { what })
}
