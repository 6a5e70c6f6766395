//! Who else is on a link, as the kernel's neighbour table has it.
//!
//! For a thread that may wait: the table of a large host has thousands of entries. Changes nothing.

use std::{io, net::IpAddr};

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use super::failure::attempted;

/// Bytes of one answer of the kernel; it never sends longer ones to who reads with that much room.
const ROOM: usize = 32 * 1024;

/// At most `most` neighbours on interface `ifindex` whose MAC the kernel knows, those first that it heard from last.
///
/// # Errors
/// When no netlink socket can be had, or the kernel does not tell.
pub fn of(ifindex: u32, most: usize) -> io::Result<Vec<IpAddr>> {
    let failed = |error| attempted(error, "list the neighbours of an interface (netlink)", "try again");
    let mut socket = Socket::new(NETLINK_ROUTE).map_err(failed)?;
    socket.bind_auto().map_err(failed)?;
    socket.connect(&SocketAddr::new(0, 0)).map_err(failed)?;
    let (mut fresh, mut stale) = (Vec::new(), Vec::new());
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        ask(&socket, family, ifindex).map_err(failed)?;
        listen(&socket, |neighbor| {
            if neighbor.header.ifindex != ifindex {
                return;
            }
            let Some(address) = destination(&neighbor) else { return };
            let state = neighbor.header.state;
            if matches!(state, NeighbourState::Reachable | NeighbourState::Permanent) {
                fresh.push(address);
            } else if matches!(state, NeighbourState::Stale | NeighbourState::Delay | NeighbourState::Probe) {
                stale.push(address);
            }
        })
        .map_err(failed)?;
    }
    fresh.append(&mut stale);
    fresh.truncate(most);
    Ok(fresh)
}

fn ask(socket: &Socket, family: AddressFamily, ifindex: u32) -> io::Result<()> {
    let mut request = NeighbourMessage::default();
    request.header.family = family;
    request.header.ifindex = ifindex;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let request = RouteNetlinkMessage::GetNeighbour(request);
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(request));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0).map(drop)
}

/// Hands out the entries of one dump.
fn listen(socket: &Socket, mut each: impl FnMut(NeighbourMessage)) -> io::Result<()> {
    let mut buffer = vec![0; ROOM];
    loop {
        let mut space = &mut buffer[..];
        let length = socket.recv(&mut space, 0)?;
        let mut rest = buffer.get(..length).unwrap_or_default();
        while !rest.is_empty() {
            let message =
                NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest).map_err(io::Error::other)?;
            let taken = (message.header.length as usize).next_multiple_of(4);
            if let NetlinkPayload::Done(_) = message.payload {
                return Ok(());
            } else if let NetlinkPayload::Error(error) = message.payload {
                return Err(error.to_io());
            } else if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewNeighbour(neighbor)) =
                message.payload
            {
                each(neighbor);
            }
            rest = rest.get(taken.max(1)..).unwrap_or_default();
        }
    }
}

/// The address of a neighbour whose MAC is known.
fn destination(neighbor: &NeighbourMessage) -> Option<IpAddr> {
    let has_mac = neighbor.attributes.iter().any(|attribute| {
        matches!(attribute, NeighbourAttribute::LinkLayerAddress(mac) if mac.iter().any(|byte| *byte != 0) && mac[0] & 1 == 0)
    });
    let address = neighbor.attributes.iter().find_map(|attribute| {
        if let NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) = attribute {
            Some(IpAddr::V4(*address))
        } else if let NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) = attribute {
            Some(IpAddr::V6(*address))
        } else {
            None
        }
    })?;
    (has_mac && !address.is_multicast()).then_some(address)
}
