//! The program on a port: a veth pair in a network namespace that lives as long as the test's thread.

#![expect(unsafe_code, reason = "an address of a packet socket has no safe constructor")]

use std::{
    io::{Read, Write},
    mem::size_of,
    os::fd::{AsRawFd, BorrowedFd},
    process::Command,
    thread::sleep,
    time::Duration,
};

use lab::{clock::Moment, frames};
use libtest_mimic::Failed;
use nix::{
    net::if_::if_nametoindex,
    sched::{CloneFlags, unshare},
    sys::socket::{LinkAddr, recvfrom},
};
use regent_agent::net::xdp::{AttachError, Capacity, Entry, Mode, Program};
use regent_common::{
    AdvertInterval, Counter, Family, Priority, Version, Vrid,
    advert::{Addresses, Advert, Authentication, ChecksumForm},
    ethernet, ipv4,
    map::{Expected, GroupKey, flag, gate_flag},
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::{Test, bench::ensure};

pub const TESTS: &[Test] = &[
    ("adverts_are_heard_in_native_mode", adverts_are_heard_in_native_mode),
    ("adverts_are_heard_in_generic_mode", adverts_are_heard_in_generic_mode),
    ("a_rejected_advert_is_not_delivered", a_rejected_advert_is_not_delivered),
    ("another_program_on_the_port_is_left_alone", another_program_on_the_port_is_left_alone),
    ("a_netlink_program_on_the_port_is_left_alone", a_netlink_program_on_the_port_is_left_alone),
    ("the_port_is_free_once_the_program_is_dropped", the_port_is_free_once_the_program_is_dropped),
    ("a_deleted_port_is_noticed", a_deleted_port_is_noticed),
    ("a_port_that_is_not_there_is_named", a_port_that_is_not_there_is_named),
    ("frames_to_the_virtual_mac_are_the_hosts", frames_to_the_virtual_mac_are_the_hosts),
    (WITHOUT_NATIVE_MODE_TEST, a_device_without_native_mode_says_so),
];

/// The one that [`all_have_native_mode`] is about.
pub const WITHOUT_NATIVE_MODE_TEST: &str = "a_device_without_native_mode_says_so";

pub const PORT: &str = "rg-port";
pub const PEER: &str = "rg-peer";
/// A device of one of the kinds below.
const BARE: &str = "rg-bare";
/// Kinds of devices that have no native XDP; not every kernel has each.
const WITHOUT_NATIVE_MODE: [&str; 3] = ["bridge", "dummy", "ifb"];
const SOURCE: [u8; 4] = [10, 0, 0, 1];
const VIPS: Addresses<'static> = Addresses::Ipv4(&[[10, 0, 0, 3]]);

/// The two ends of a veth pair. The namespace goes with the thread, and the pair with the namespace.
pub struct Pair {
    pub port: u32,
    pub peer: u32,
}

pub fn pair() -> Result<Pair, Failed> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    ip(&["link", "add", PORT, "type", "veth", "peer", "name", PEER])?;
    for name in [PORT, PEER] {
        ip(&["link", "set", name, "up"])?;
    }
    Ok(Pair { port: if_nametoindex(PORT)?, peer: if_nametoindex(PEER)? })
}

pub fn ip(arguments: &[&str]) -> Result<String, Failed> {
    let output = Command::new("ip").args(arguments).output()?;
    ensure(output.status.success(), || {
        format!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr))
    })?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What `ip` says about XDP on the port: "xdp" is native, "xdpgeneric" generic, nothing none.
pub fn mode_on_port() -> Result<Option<&'static str>, Failed> {
    let text = ip(&["-details", "link", "show", PORT])?;
    let has = |word: &str| text.split_whitespace().any(|found| found == word);
    Ok(["xdpgeneric", "xdp"].into_iter().find(|word| has(word)))
}

pub fn advert() -> Vec<u8> {
    let message = frames::message(&Advert {
        version: Version::V3,
        vrid: Vrid::new(50).unwrap_or_else(|| unreachable!()),
        priority: Priority::from_wire(150),
        interval: AdvertInterval::DEFAULT,
        authentication: Authentication::None,
        checksum: ChecksumForm::PseudoHeader,
        source: ipv4::widened(SOURCE),
        destination: ipv4::widened(ipv4::VRRP_GROUP),
        addresses: VIPS,
    });
    frames::ip_frame(&[], &frames::ipv4_packet(SOURCE, ipv4::VRRP_GROUP, 255, &message))
}

pub fn expected() -> Expected {
    Expected {
        index: 0,
        generation: 1,
        own_source: ipv4::widened([10, 0, 0, 2]),
        active_source: [0; 16],
        destination: ipv4::widened(ipv4::VRRP_GROUP),
        auth_data: [0; 8],
        addresses: VIPS.fingerprint(),
        interval: 100,
        count: 1,
        version: 3,
        auth_type: 0,
        flags: flag::RING_ALWAYS,
        own_mac: [0x02, 0, 0, 0, 0, 0x02],
    }
}

/// A packet socket on an interface, for whole frames of any kind.
pub fn wire(ifindex: u32) -> Result<Socket, Failed> {
    packet_socket(ifindex, libc::ETH_P_ALL as u16)
}

/// A packet socket on an interface, for whole frames of that EtherType. But for that of all, it is served after the tc
/// programs.
fn packet_socket(ifindex: u32, ether_type: u16) -> Result<Socket, Failed> {
    let protocol = Protocol::from(i32::from(ether_type.to_be()));
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
    let mut address = socket2::SockAddrStorage::zeroed();
    // SAFETY: the storage is larger than, and aligned for, every socket address.
    let link: &mut libc::sockaddr_ll = unsafe { address.view_as() };
    link.sll_family = libc::AF_PACKET as u16;
    link.sll_protocol = ether_type.to_be();
    link.sll_ifindex = ifindex as i32;
    // SAFETY: the storage holds a link-layer address of this length.
    let address = unsafe { socket2::SockAddr::new(address, size_of::<libc::sockaddr_ll>() as u32) };
    socket.bind(&address)?;
    socket.set_read_timeout(Some(Duration::from_millis(20)))?;
    Ok(socket)
}

/// Waits until `done`, for two seconds at most.
pub fn until(mut done: impl FnMut() -> bool) -> bool {
    (0..200).any(|_| {
        let done = done();
        if !done {
            sleep(Duration::from_millis(10));
        }
        done
    })
}

fn heard_in(mode: Mode, shown_as: &str) -> Result<(), Failed> {
    let pair = pair()?;
    let mut program = Program::load(Capacity::default())?;
    program.set_instance(GroupKey::new(pair.port, 0, Family::Ipv4 as u8, 50), &expected())?;
    program.attach(pair.port, mode)?;
    ensure(program.is_attached(pair.port), || "attached, and not there".into())?;
    let shown = mode_on_port()?;
    ensure(shown == Some(shown_as), || format!("ip shows {shown:?}"))?;
    (&wire(pair.peer)?).write_all(&advert())?;
    let mut records = Vec::new();
    let heard = until(|| program.drain(8, |record| records.push(record)) > 0);
    ensure(heard && records[0].heard.source == ipv4::widened(SOURCE), || format!("rang: {records:?}"))?;
    ensure(program.view().counters(0)[Counter::Accepted.slot() as usize] == 1, || "not counted".into())?;
    program.detach(pair.port);
    let shown = mode_on_port()?;
    ensure(!program.is_attached(pair.port) && shown.is_none(), || format!("detached, ip shows {shown:?}"))
}

fn adverts_are_heard_in_native_mode() -> Result<(), Failed> {
    heard_in(Mode::Native, "xdp")
}

fn adverts_are_heard_in_generic_mode() -> Result<(), Failed> {
    heard_in(Mode::Generic, "xdpgeneric")
}

fn a_rejected_advert_is_not_delivered() -> Result<(), Failed> {
    const PACKETS: usize = 64;
    let pair = pair()?;
    let mut program = Program::load(Capacity::default())?;
    program.set_instance(GroupKey::new(pair.port, 0, Family::Ipv4 as u8, 50), &expected())?;
    program.attach(pair.port, Mode::Native)?;
    let (mut receiver, mut sender) = (wire(pair.port)?, wire(pair.peer)?);
    let mut bad = advert();
    bad[22] = 64;
    for _ in 0..PACKETS {
        sender.write_all(&bad)?;
    }
    sender.write_all(&advert())?;
    let (mut good, mut shown) = (0, 0);
    let mut buffer = [0; 2048];
    let ended = until(|| {
        while let Ok(length) = receiver.read(&mut buffer) {
            good += usize::from(buffer[..length] == advert());
            shown += usize::from(buffer[..length] == bad);
        }
        good > 0
    });
    // Four for each CPU and second that the packets came in.
    ensure(ended && (4..PACKETS / 2).contains(&shown), || format!("{good} good, {shown} bad delivered"))
}

fn another_program_on_the_port_is_left_alone() -> Result<(), Failed> {
    let pair = pair()?;
    let mut first = Program::load(Capacity::default())?;
    let mut second = Program::load(Capacity::default())?;
    first.attach(pair.port, Mode::Native)?;
    for mode in [Mode::Native, Mode::Generic] {
        let refused = second.attach(pair.port, mode);
        ensure(matches!(refused, Err(AttachError::Occupied { .. })), || format!("{mode:?}: {refused:?}"))?;
        ensure(!second.is_attached(pair.port), || format!("{mode:?}: refused and attached"))?;
        ensure(first.is_attached(pair.port), || format!("{mode:?}: the first program is gone"))?;
    }
    // Our own is no obstacle to changing its mode.
    first.attach(pair.port, Mode::Generic)?;
    let shown = mode_on_port()?;
    ensure(shown == Some("xdpgeneric"), || format!("ip shows {shown:?}"))
}

fn a_netlink_program_on_the_port_is_left_alone() -> Result<(), Failed> {
    let pair = pair()?;
    let mut other = Program::load(Capacity::default())?;
    other.load_entry(Entry::Empty)?;
    set_by_netlink(pair.port, other.entry_fd(Entry::Empty).ok_or("no program")?)?;
    let before = ip(&["-details", "link", "show", PORT])?;
    let mut program = Program::load(Capacity::default())?;
    for mode in [Mode::Native, Mode::Generic] {
        let refused = program.attach(pair.port, mode);
        ensure(matches!(refused, Err(AttachError::Occupied { .. })), || format!("{mode:?}: {refused:?}"))?;
    }
    let after = ip(&["-details", "link", "show", PORT])?;
    ensure(before.contains("prog/xdp") && before == after, || format!("before: {before}\nafter: {after}"))
}

/// Attaches as tools without BPF links do.
fn set_by_netlink(ifindex: u32, program: BorrowedFd<'_>) -> Result<(), Failed> {
    const NESTED: u16 = 1 << 15;
    const IFLA_XDP: u16 = 43;
    const IFLA_XDP_FD: u16 = 1;
    let mut message = Vec::new();
    message.extend_from_slice(&44u32.to_ne_bytes());
    message.extend_from_slice(&libc::RTM_SETLINK.to_ne_bytes());
    message.extend_from_slice(&((libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16).to_ne_bytes());
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(&[0; 4]);
    message.extend_from_slice(&ifindex.to_ne_bytes());
    message.extend_from_slice(&[0; 8]);
    for (length, kind) in [(12u16, IFLA_XDP | NESTED), (8, IFLA_XDP_FD)] {
        message.extend_from_slice(&length.to_ne_bytes());
        message.extend_from_slice(&kind.to_ne_bytes());
    }
    message.extend_from_slice(&program.as_raw_fd().to_ne_bytes());
    let mut socket =
        Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(Protocol::from(libc::NETLINK_ROUTE)))?;
    socket.write_all(&message)?;
    let mut answer = [0; 256];
    let length = socket.read(&mut answer)?;
    let error = answer.get(16..20).and_then(|code| code.try_into().ok()).map(i32::from_ne_bytes);
    ensure(length >= 20 && error == Some(0), || format!("netlink answers {error:?}"))
}

fn the_port_is_free_once_the_program_is_dropped() -> Result<(), Failed> {
    let pair = pair()?;
    let mut program = Program::load(Capacity::default())?;
    program.attach(pair.port, Mode::Native)?;
    ensure(mode_on_port()? == Some("xdp"), || "not attached".into())?;
    drop(program);
    // The kernel takes the link down after the descriptor, not with it.
    let mut shown = None;
    let free = until(|| {
        shown = mode_on_port().ok().flatten();
        shown.is_none()
    });
    ensure(free, || format!("ip still shows {shown:?}"))
}

fn a_deleted_port_is_noticed() -> Result<(), Failed> {
    let pair = pair()?;
    let mut program = Program::load(Capacity::default())?;
    program.attach(pair.port, Mode::Native)?;
    ip(&["link", "del", PORT])?;
    ensure(!program.is_attached(pair.port), || "attached to a port that is gone".into())?;
    ip(&["link", "add", PORT, "type", "veth", "peer", "name", PEER])?;
    let again = if_nametoindex(PORT)?;
    ensure(!program.is_attached(again), || "attached to a port that is new".into())?;
    program.attach(again, Mode::Native)?;
    ensure(program.is_attached(again), || "not attached to the new port".into())
}

fn a_port_that_is_not_there_is_named() -> Result<(), Failed> {
    pair()?;
    let mut program = Program::load(Capacity::default())?;
    let refused = program.attach(9_999, Mode::Native);
    ensure(matches!(refused, Err(AttachError::NoPort { ifindex: 9_999 })), || format!("{refused:?}"))
}

fn frames_to_the_virtual_mac_are_the_hosts() -> Result<(), Failed> {
    const ROW: u32 = 0;
    const GROUP: u8 = 50;
    let pair = pair()?;
    let mut program = Program::load(Capacity::default())?;
    program.attach_tc(pair.port)?;
    for family in Family::ALL {
        program.set_instance(GroupKey::new(pair.port, 0, family as u8, GROUP), &expected())?;
    }
    let (receiver, mut sender) = (packet_socket(pair.port, ethernet::IPV4)?, wire(pair.peer)?);
    let open = Duration::from_secs(3600);
    let mut frame = frames::ip_frame(&[], &frames::tcp_packet());
    let (four, six) = ([0, 0, 0x5e, 0, 1, GROUP], [0, 0, 0x5e, 0, 2, GROUP]);
    let another = [0, 0, 0x5e, 0, 1, GROUP + 1];
    let (ours, others) = (libc::PACKET_HOST, libc::PACKET_OTHERHOST);
    for (what, to, flags, patience, due) in [
        ("the group's", four, gate_flag::VIRTUAL_MAC, open, ours),
        ("the group's of the other family", six, gate_flag::VIRTUAL_MAC, open, ours),
        ("another group's", another, gate_flag::VIRTUAL_MAC, open, others),
        ("another station's", [2, 0, 0, 0, 0, 7], gate_flag::VIRTUAL_MAC, open, others),
        ("without a virtual MAC", four, 0, open, others),
        ("of a dead agent", four, gate_flag::VIRTUAL_MAC, Duration::from_nanos(1), others),
    ] {
        program.gates().attempt(ROW, Moment::now().nanoseconds());
        program.gates().answer(ROW, patience, flags);
        frame[..6].copy_from_slice(&to);
        sender.write_all(&frame)?;
        let mut seen = None;
        until(|| {
            let mut buffer = [0; 2048];
            let received = recvfrom::<LinkAddr>(receiver.as_raw_fd(), &mut buffer);
            if let Ok((length, from)) = received
                && buffer[..length] == frame[..]
            {
                seen = from.map(|from| from.pkttype());
            }
            seen.is_some()
        });
        ensure(seen == Some(due), || format!("{what}: {seen:?} instead of {due}"))?;
    }
    Ok(())
}

fn a_device_without_native_mode_says_so() -> Result<(), Failed> {
    pair()?;
    let kind = without_native_mode().ok_or("no such device")?;
    let device = if_nametoindex(BARE)?;
    let mut program = Program::load(Capacity::default())?;
    let refused = program.attach(device, Mode::Native);
    ensure(matches!(refused, Err(AttachError::Unsupported { .. })), || format!("{kind}: {refused:?}"))?;
    program.attach(device, Mode::Generic)?;
    ensure(program.is_attached(device), || format!("{kind}: not attached in generic mode"))
}

/// Why that cannot be tried here. In a thread of its own, for its namespace goes with it.
pub fn all_have_native_mode() -> Option<String> {
    let made = std::thread::spawn(|| pair().ok().and_then(|_| without_native_mode()));
    match made.join() {
        Ok(Some(_)) => None,
        Ok(None) | Err(_) => {
            Some(format!("this kernel makes no device of the kinds {WITHOUT_NATIVE_MODE:?}"))
        }
    }
}

/// Makes a device that has no native XDP, of the first kind that this kernel has, and says which.
fn without_native_mode() -> Option<&'static str> {
    let made = |kind: &&str| ip(&["link", "add", BARE, "type", kind]).is_ok();
    WITHOUT_NATIVE_MODE.into_iter().find(made)
}
