//! Interfaces and addresses as the kernel reports them, and which interface carries another's packets.

use std::net::IpAddr;

use netlink_packet_route::{
    AddressFamily,
    address::{AddressAttribute, AddressMessage, AddressScope},
    link::{InfoData, InfoKind, InfoVlan, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
};
use regent_common::{Family, Vrid};

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Interface index: names the interface until it is deleted; one made again under the same name has another.
    pub index: u32,
    /// Name.
    pub name: String,
    /// MAC; zeroes on an interface that has none or one of another length.
    pub mac: [u8; 6],
    /// MTU, bytes of IP packet.
    pub mtu: u32,
    /// Switched on (IFF_UP), whether or not its carrier is there.
    pub switched_on: bool,
    /// Able to send and receive: switched on, and its carrier is there (IFF_UP and IFF_RUNNING).
    pub up: bool,
    /// The loopback interface.
    pub loopback: bool,
    /// Does multicast: without it no group can be joined (tunnels, some point-to-point interfaces).
    pub multicast: bool,
    /// Index of the bridge, bond or VRF that this interface is a port of.
    pub controller: Option<u32>,
    /// What it is made of.
    pub kind: LinkKind,
}

/// How an interface gets its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// Hardware, veth, dummy and everything that stands for itself. Also a device whose parent is in another network
    /// namespace: nothing can be attached there.
    Plain,
    /// A VLAN of another interface.
    Vlan {
        /// Index of the interface below.
        parent: u32,
        /// VLAN identifier.
        id: u16,
    },
    /// A bridge.
    Bridge,
    /// A bond or team.
    Bond,
    /// A macvlan of another interface.
    Macvlan {
        /// Index of the interface below.
        parent: u32,
    },
    /// An ipvlan of another interface: it shares the MAC.
    Ipvlan {
        /// Index of the interface below.
        parent: u32,
    },
}

/// Where the frames of `link` first come in: the interface to attach to and the VLAN identifier that they carry there
/// (0: no tag). One step down; for stacked devices see [`carrier_through`].
pub const fn carrier_of(link: &Link) -> (u32, u16) {
    match link.kind {
        LinkKind::Vlan { parent, id } => (parent, id),
        LinkKind::Macvlan { parent } | LinkKind::Ipvlan { parent } => (parent, 0),
        LinkKind::Plain | LinkKind::Bridge | LinkKind::Bond => (link.index, 0),
    }
}

/// Where the frames of a device on a device first come in, and the VLAN identifiers that they carry there, outermost
/// first (0: no tag). `find` looks an interface up by its index. `None` when more than two tags are stacked, or when a
/// parent is missing.
pub fn carrier_through<'a>(
    link: &'a Link,
    find: impl Fn(u32) -> Option<&'a Link>,
) -> Option<(u32, [u16; 2])> {
    let mut tags = [0; 2];
    let mut link = link;
    // Each step leads to a device that existed before: eight are more than anybody stacks, and end a loop.
    for _ in 0..8 {
        let (parent, tag) = carrier_of(link);
        if parent == link.index {
            return Some((link.index, tags));
        }
        if tag != 0 {
            // The tag of the device below stands outside.
            let [outer, inner] = tags;
            if inner != 0 {
                return None;
            }
            tags = [tag, outer];
        }
        link = find(parent)?;
    }
    None
}

/// What names an address on an interface: the interface's index, the address, its prefix length.
pub type Assignment = (u32, IpAddr, u8);

/// An address on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignedAddress {
    /// Interface index.
    pub index: u32,
    /// The address (the local one where there is also a peer).
    pub address: IpAddr,
    /// Prefix length.
    pub prefix_length: u8,
    /// Who assigned it (IFA_PROTO): [`super::addresses::VRRP_ADDRESS_PROTOCOL`] is ours. `None` when nobody said so, or on
    /// a kernel before 5.18.
    pub protocol: Option<u8>,
    /// IFA_F_* flags.
    pub flags: u32,
    /// Scope as rtnetlink's number; 0 is global.
    pub scope: u8,
    /// Label (IPv4 only); the interface's name unless it was set.
    pub label: Option<String>,
}

impl AssignedAddress {
    /// What names it.
    pub const fn assignment(&self) -> Assignment {
        (self.index, self.address, self.prefix_length)
    }

    /// IPv4: not the first of its prefix, and gone with that one unless `promote_secondaries` is set.
    pub const fn is_secondary(&self) -> bool {
        self.flags & libc::IFA_F_SECONDARY != 0
    }

    /// IPv6: not usable. Duplicate address detection is running, or found another ([`Self::is_duplicate`]).
    pub const fn is_tentative(&self) -> bool {
        self.flags & libc::IFA_F_TENTATIVE != 0
    }

    /// IPv6: another host has it, so it stays unusable until it is removed.
    pub const fn is_duplicate(&self) -> bool {
        self.flags & libc::IFA_F_DADFAILED != 0
    }

    /// Its preferred lifetime is over: no connection begins from it, but it is usable.
    pub const fn is_deprecated(&self) -> bool {
        self.flags & libc::IFA_F_DEPRECATED != 0
    }

    /// Reads rtnetlink's message; `None` when it names no address.
    pub(super) fn read(message: &AddressMessage) -> Option<Self> {
        let header = &message.header;
        let (mut address, mut local, mut label, mut protocol) = (None, None, None, None);
        let mut flags = u32::from(header.flags.bits());
        for attribute in &message.attributes {
            if let AddressAttribute::Address(value) = attribute {
                address = Some(*value);
            } else if let AddressAttribute::Local(value) = attribute {
                local = Some(*value);
            } else if let AddressAttribute::Label(value) = attribute {
                label = Some(value.clone());
            } else if let AddressAttribute::Flags(value) = attribute {
                flags = value.bits();
            } else if let AddressAttribute::Protocol(value) = attribute {
                protocol = Some(u8::from(*value));
            }
        }
        Some(Self {
            index: header.index,
            address: local.or(address)?,
            prefix_length: header.prefix_len,
            protocol: protocol.filter(|protocol| *protocol != 0),
            flags,
            scope: scope_number(header.scope),
            label,
        })
    }

    /// Whether both are the same address of the same interface, whatever else is said about it.
    pub fn is_same_assignment(&self, other: &Self) -> bool {
        (self.index, self.address, self.prefix_length) == (other.index, other.address, other.prefix_length)
    }
}

fn scope_number(scope: AddressScope) -> u8 {
    scope.into()
}

impl Link {
    /// The group whose virtual MAC this interface has: 00-00-5E-00-01-{VRID} for IPv4, 00-00-5E-00-02-{VRID} for IPv6
    /// (RFC 9568 §7.3). Whoever made it speaks for that group on this host; what it sends is not heard on its parent.
    pub fn virtual_router(&self) -> Option<(Family, Vrid)> {
        let [0x00, 0x00, 0x5e, 0x00, family, vrid] = self.mac else { return None };
        let family = match family {
            1 => Family::Ipv4,
            2 => Family::Ipv6,
            _ => return None,
        };
        Some((family, Vrid::new(vrid)?))
    }

    /// Reads rtnetlink's message; `None` when it is about a bridge's port table, not about the interface itself.
    pub(super) fn read(message: &LinkMessage) -> Option<Self> {
        let header = &message.header;
        if !is_about_the_interface(message) {
            return None;
        }
        let mut link = Self {
            index: header.index,
            name: String::new(),
            mac: [0; 6],
            mtu: 0,
            switched_on: header.flags.contains(LinkFlags::Up),
            up: header.flags.contains(LinkFlags::Up | LinkFlags::Running),
            loopback: header.flags.contains(LinkFlags::Loopback),
            multicast: header.flags.contains(LinkFlags::Multicast),
            controller: None,
            kind: LinkKind::Plain,
        };
        let (mut parent, mut parent_is_elsewhere) = (None, false);
        let mut info: &[LinkInfo] = &[];
        for attribute in &message.attributes {
            if let LinkAttribute::IfName(name) = attribute {
                link.name.clone_from(name);
            } else if let LinkAttribute::Address(mac) = attribute {
                link.mac = mac.as_slice().try_into().unwrap_or_default();
            } else if let LinkAttribute::Mtu(mtu) = attribute {
                link.mtu = *mtu;
            } else if let LinkAttribute::Controller(index) = attribute {
                link.controller = Some(*index);
            } else if let LinkAttribute::Link(index) = attribute {
                parent = Some(*index);
            } else if let LinkAttribute::LinkNetNsId(_) = attribute {
                parent_is_elsewhere = true;
            } else if let LinkAttribute::LinkInfo(value) = attribute {
                info = value;
            }
        }
        link.kind = kind(info, parent.filter(|_| !parent_is_elsewhere));
        Some(link)
    }
}

/// Messages of the link group also tell of bridge ports: the end of one of those is not the end of the interface.
pub(super) fn is_about_the_interface(message: &LinkMessage) -> bool {
    message.header.interface_family == AddressFamily::Unspec
}

fn kind(info: &[LinkInfo], parent: Option<u32>) -> LinkKind {
    let device = info.iter().find_map(|item| if let LinkInfo::Kind(kind) = item { Some(kind) } else { None });
    match (device, parent) {
        (Some(InfoKind::Bridge), _) => LinkKind::Bridge,
        (Some(InfoKind::Bond | InfoKind::Team), _) => LinkKind::Bond,
        (Some(InfoKind::Vlan), Some(parent)) => {
            vlan_id(info).map_or(LinkKind::Plain, |id| LinkKind::Vlan { parent, id })
        }
        (Some(InfoKind::MacVlan | InfoKind::MacVtap), Some(parent)) => LinkKind::Macvlan { parent },
        (Some(InfoKind::IpVlan | InfoKind::IpVtap), Some(parent)) => LinkKind::Ipvlan { parent },
        _ => LinkKind::Plain,
    }
}

fn vlan_id(info: &[LinkInfo]) -> Option<u16> {
    let data = info
        .iter()
        .find_map(|item| if let LinkInfo::Data(InfoData::Vlan(data)) = item { Some(data) } else { None })?;
    data.iter().find_map(|item| if let InfoVlan::Id(id) = item { Some(*id) } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, kind: LinkKind) -> Link {
        Link {
            index,
            name: format!("port{index}"),
            mac: [2, 0, 0, 0, 0, 1],
            mtu: 1500,
            switched_on: true,
            up: true,
            loopback: false,
            multicast: true,
            controller: None,
            kind,
        }
    }

    /// A message as the kernel describes VLAN 300 on interface 2.
    fn vlan_message() -> LinkMessage {
        let mut message = LinkMessage::default();
        message.header.index = 7;
        message.header.flags = LinkFlags::Up | LinkFlags::Running | LinkFlags::Multicast;
        message.attributes = vec![
            LinkAttribute::IfName("port2.300".to_owned()),
            LinkAttribute::Address(vec![2, 0, 0, 0, 0, 1]),
            LinkAttribute::Mtu(1500),
            LinkAttribute::Link(2),
            LinkAttribute::LinkInfo(vec![
                LinkInfo::Kind(InfoKind::Vlan),
                LinkInfo::Data(InfoData::Vlan(vec![InfoVlan::Id(300)])),
            ]),
        ];
        message
    }

    #[test]
    fn a_vlan_is_read_with_its_parent_and_its_tag() {
        let expected =
            Link { name: "port2.300".to_owned(), ..link(7, LinkKind::Vlan { parent: 2, id: 300 }) };
        assert_eq!(Link::read(&vlan_message()), Some(expected));
    }

    #[test]
    fn a_vlan_whose_parent_is_in_another_namespace_stands_for_itself() {
        let mut message = vlan_message();
        message.attributes.push(LinkAttribute::LinkNetNsId(0));
        assert_eq!(Link::read(&message).map(|link| link.kind), Some(LinkKind::Plain));
    }

    #[test]
    fn up_means_switched_on_and_with_a_carrier() {
        for (flags, up) in [
            (LinkFlags::Up | LinkFlags::Running, true),
            (LinkFlags::Up, false),
            (LinkFlags::Running, false),
            (LinkFlags::empty(), false),
        ] {
            let mut message = vlan_message();
            message.header.flags = flags;
            assert_eq!(Link::read(&message).map(|link| link.up), Some(up), "{flags:?}");
        }
    }

    #[test]
    fn a_mac_of_another_length_is_none() {
        let mut message = vlan_message();
        message.attributes[1] = LinkAttribute::Address(vec![1; 20]);
        assert_eq!(Link::read(&message).map(|link| link.mac), Some([0; 6]));
    }

    #[test]
    fn an_interface_with_a_virtual_mac_belongs_to_a_group() {
        let vrid = |number| Vrid::new(number).unwrap();
        for (mac, group) in [
            ([0, 0, 0x5e, 0, 1, 50], Some((Family::Ipv4, vrid(50)))),
            ([0, 0, 0x5e, 0, 2, 255], Some((Family::Ipv6, vrid(255)))),
            ([0, 0, 0x5e, 0, 1, 0], None),
            ([0, 0, 0x5e, 0, 3, 50], None),
            ([2, 0, 0x5e, 0, 1, 50], None),
        ] {
            assert_eq!(Link { mac, ..link(7, LinkKind::Plain) }.virtual_router(), group, "{mac:x?}");
        }
    }

    #[test]
    fn what_is_said_about_a_bridge_port_is_not_about_the_interface() {
        let mut message = vlan_message();
        message.header.interface_family = AddressFamily::Bridge;
        assert_eq!(Link::read(&message), None);
    }

    #[test]
    fn the_local_end_of_a_point_to_point_address_is_the_address() {
        let [own, peer] = [[10, 9, 0, 1], [10, 9, 0, 2]].map(IpAddr::from);
        let mut message = AddressMessage::default();
        message.attributes = vec![AddressAttribute::Address(peer), AddressAttribute::Local(own)];
        assert_eq!(AssignedAddress::read(&message).map(|address| address.address), Some(own));
        message.attributes.pop();
        assert_eq!(AssignedAddress::read(&message).map(|address| address.address), Some(peer));
        message.attributes.pop();
        assert_eq!(AssignedAddress::read(&message), None);
    }

    fn through(links: &[Link], index: u32) -> Option<(u32, [u16; 2])> {
        let find = |index| links.iter().find(|link| link.index == index);
        carrier_through(find(index)?, find)
    }

    #[test]
    fn an_interface_that_stands_for_itself_carries_itself_without_a_tag() {
        for kind in [LinkKind::Plain, LinkKind::Bridge, LinkKind::Bond] {
            assert_eq!(carrier_of(&link(7, kind)), (7, 0));
            assert_eq!(through(&[link(7, kind)], 7), Some((7, [0, 0])));
        }
    }

    #[test]
    fn a_vlan_is_carried_by_its_parent_with_its_tag() {
        let links = [link(2, LinkKind::Plain), link(7, LinkKind::Vlan { parent: 2, id: 300 })];
        assert_eq!(carrier_of(&links[1]), (2, 300));
        assert_eq!(through(&links, 7), Some((2, [300, 0])));
    }

    #[test]
    fn a_vlan_in_a_vlan_has_the_lower_devices_tag_outside() {
        let links = [
            link(2, LinkKind::Bond),
            link(7, LinkKind::Vlan { parent: 2, id: 100 }),
            link(8, LinkKind::Vlan { parent: 7, id: 200 }),
            link(9, LinkKind::Macvlan { parent: 8 }),
        ];
        assert_eq!(through(&links, 8), Some((2, [100, 200])));
        assert_eq!(through(&links, 9), Some((2, [100, 200])));
    }

    #[test]
    fn three_tags_a_missing_parent_and_a_loop_have_no_carrier() {
        let three = [
            link(1, LinkKind::Plain),
            link(2, LinkKind::Vlan { parent: 1, id: 1 }),
            link(3, LinkKind::Vlan { parent: 2, id: 2 }),
            link(4, LinkKind::Vlan { parent: 3, id: 3 }),
        ];
        assert_eq!(through(&three, 4), None);
        assert_eq!(through(&[link(7, LinkKind::Vlan { parent: 2, id: 300 })], 7), None);
        let around = [link(1, LinkKind::Macvlan { parent: 2 }), link(2, LinkKind::Macvlan { parent: 1 })];
        assert_eq!(through(&around, 1), None);
    }
}
