//! Flags for one instance: the same job as a config of one `vrrp_instance`, checked as strictly.

use std::{net::IpAddr, num::NonZero};

use clap::Args;
use regent_common::{
    AdvertInterval, Family, LocalPriority, Version, Vrid,
    advert::{AUTHENTICATION_LENGTH, Authentication, ChecksumForm},
};
use regent_vrrp::{Announcements, Preemption};

use crate::config::plan::{
    self, AddressPlan, Gate, InstancePlan, LinkPlan, NotifyPlan, PeerPlan, Transport, TuningPlan, Unicast,
};

/// The name of the instance that flags make.
pub const NAME: &str = "VI_1";

/// RFC 9568 §6.1 and RFC 3768 §6.2: what no flag changes.
const DOWN_TIMER_ADVERTS: u8 = 3;

/// The flags as they are typed.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "One instance without a config")]
pub struct InstanceArguments {
    /// Virtual router ID, 1 to 255: the same on all routers of the group
    #[arg(long, value_name = "N", value_parser = vrid)]
    vrid: Option<Vrid>,
    /// Priority, 1 to 255: the highest becomes master; 255 owns the addresses [default: 100]
    #[arg(long, value_name = "N", value_parser = priority)]
    priority: Option<LocalPriority>,
    /// Virtual address; may be given several times, or separated by commas
    #[arg(long = "vip", value_name = "IP[/LENGTH]", value_delimiter = ',', value_parser = vip)]
    vips: Vec<(IpAddr, u8)>,
    /// Password of version 2, at most 8 bytes: the same on all routers of the group
    #[arg(long, value_name = "PASSWORD", value_parser = password)]
    auth_pass: Option<[u8; AUTHENTICATION_LENGTH]>,
    /// Seconds between adverts, such as 1 or 0.1 (below 1 or with a fraction: version 3 only) [default: 1]
    #[arg(long, value_name = "SECONDS", value_parser = interval)]
    advert_int: Option<AdvertInterval>,
    /// 2 (RFC 3768) or 3 (RFC 9568) [default: 2 for IPv4, 3 for IPv6]
    #[arg(long, value_name = "2|3", value_parser = version)]
    vrrp_version: Option<Version>,
    /// Leave a live master of lower priority alone
    #[arg(long)]
    nopreempt: bool,
    /// Another router of the group, to speak to without multicast; may be given several times
    #[arg(long = "unicast-peer", value_name = "IP", value_delimiter = ',', value_parser = host)]
    unicast_peers: Vec<IpAddr>,
    /// Address that adverts come from [default: the interface's first]
    #[arg(long, value_name = "IP", value_parser = host)]
    source: Option<IpAddr>,
    /// Fall silent when no advert was attempted for so many intervals, 1 to 3; `off`: never [default: 3]
    #[arg(long, value_name = "N|off", value_parser = gate)]
    gate: Option<Gate>,
    /// Who answers ARP and neighbour solicitations for the addresses: XDP, or (off) the kernel [default: on]
    #[arg(long, value_name = "on|off", value_parser = switch)]
    responder: Option<bool>,
    /// Speak from the MAC of the virtual router, 00-00-5E-00-01-VRID, without an interface of its own
    #[arg(long)]
    virtual_mac: bool,
}

/// One instance, complete and consistent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceFlags {
    /// The one `--iface`.
    pub interface: String,
    /// `--vrid`.
    pub vrid: Vrid,
    /// Of all `--vip`.
    pub family: Family,
    /// `--vrrp-version`.
    pub version: Version,
    /// `--priority`.
    pub priority: LocalPriority,
    /// `--advert-int`.
    pub interval: AdvertInterval,
    /// `--nopreempt`.
    pub preemption: Preemption,
    /// `--auth-pass`.
    pub authentication: Authentication,
    /// `--vip`, with their prefix lengths; of IPv6 a link-local one first, if there is one.
    pub addresses: Vec<(IpAddr, u8)>,
    /// `--unicast-peer`, each once; empty: multicast.
    pub unicast_peers: Vec<IpAddr>,
    /// `--source`.
    pub source: Option<IpAddr>,
    /// `--gate`.
    pub gate: Gate,
    /// `--responder`.
    pub responder: bool,
    /// `--virtual-mac`.
    pub virtual_mac: bool,
}

impl InstanceArguments {
    fn any(&self) -> bool {
        let Self {
            vrid,
            priority,
            vips,
            auth_pass,
            advert_int,
            vrrp_version,
            nopreempt,
            unicast_peers,
            source,
            gate,
            responder,
            virtual_mac,
        } = self;
        vrid.is_some()
            || priority.is_some()
            || !vips.is_empty()
            || auth_pass.is_some()
            || advert_int.is_some()
            || vrrp_version.is_some()
            || *nopreempt
            || !unicast_peers.is_empty()
            || source.is_some()
            || gate.is_some()
            || responder.is_some()
            || *virtual_mac
    }

    /// The instance; `None` when no flag of one was given.
    ///
    /// # Errors
    /// A flag is missing, or two do not go together: the sentence for the user.
    pub fn check(mut self, interfaces: &[String]) -> Result<Option<InstanceFlags>, String> {
        if !self.any() {
            return Ok(None);
        }
        let (Some(vrid), false, [interface]) = (self.vrid, self.vips.is_empty(), interfaces) else {
            return Err(self.what_is_missing(interfaces));
        };
        let family = family_of(&self.vips)?;
        let version = self.vrrp_version.unwrap_or(match family {
            Family::Ipv4 => Version::V2,
            Family::Ipv6 => Version::V3,
        });
        let interval = self.advert_int.unwrap_or(AdvertInterval::DEFAULT);
        check_version(version, family, interval, self.auth_pass.is_some())?;
        let priority = self.priority.unwrap_or(LocalPriority::Backup(regent_common::BackupPriority::DEFAULT));
        if self.nopreempt && priority == LocalPriority::Owner {
            return Err("--nopreempt cannot be kept with --priority 255: the owner of the addresses always \
                        preempts (RFC 9568 6.1); use a priority of 1 to 254"
                .to_owned());
        }
        if let Some(Gate::Intervals(intervals)) = self.gate
            && intervals.get() > DOWN_TIMER_ADVERTS
        {
            return Err(format!(
                "--gate {intervals} would shut after the backups have taken over, which wait for {DOWN_TIMER_ADVERTS} \
                 adverts: use {DOWN_TIMER_ADVERTS} or fewer, or `off`"
            ));
        }
        let unicast_peers = peers(family, &self.vips, self.source, self.unicast_peers)?;
        plan::link_local_first(&mut self.vips, |(address, _)| *address);
        Ok(Some(InstanceFlags {
            interface: interface.clone(),
            vrid,
            family,
            version,
            priority,
            interval,
            preemption: if self.nopreempt {
                Preemption::Never
            } else {
                Preemption::After(std::time::Duration::ZERO)
            },
            authentication: self.auth_pass.map_or(Authentication::None, Authentication::Password),
            addresses: self.vips,
            unicast_peers,
            source: self.source,
            gate: self.gate.unwrap_or_default(),
            responder: self.responder.unwrap_or(true),
            virtual_mac: self.virtual_mac,
        }))
    }

    fn what_is_missing(&self, interfaces: &[String]) -> String {
        let mut missing = Vec::new();
        if interfaces.is_empty() {
            missing.push("--iface INTERFACE");
        }
        if self.vrid.is_none() {
            missing.push("--vrid N");
        }
        if self.vips.is_empty() {
            missing.push("--vip IP[/LENGTH]");
        }
        if missing.is_empty() {
            return "flags for an instance need exactly one --iface; several instances need a --config"
                .to_owned();
        }
        let example = "agent --iface ens33 --vrid 50 --priority 150 --vip 10.0.0.3";
        format!("an instance by flags also needs {}; for example: {example}", missing.join(" and "))
    }
}

impl InstanceFlags {
    /// The plan of this instance, with the defaults that a config has.
    pub fn plan(&self) -> InstancePlan {
        let peer = |address: &IpAddr| PeerPlan { address: *address, ttl_min: 0, ttl_max: u8::MAX };
        let transport = if self.unicast_peers.is_empty() {
            Transport::standard(self.family)
        } else {
            let peers = self.unicast_peers.iter().map(peer).collect();
            Transport::Unicast(Unicast { peers, ttl: u8::MAX, checks_source: false })
        };
        InstancePlan {
            name: NAME.to_owned(),
            interface: self.interface.clone(),
            vrid: self.vrid,
            family: self.family,
            tracks_source: self.source.is_some() && matches!(transport, Transport::Unicast(_)),
            transport,
            source: self.source,
            tracks_interface: true,
            version: self.version,
            priority: self.priority,
            interval: self.interval,
            preemption: self.preemption,
            announcements: Announcements::default(),
            asserts: true,
            concedes: true,
            accepts: true,
            down_timer_adverts: DOWN_TIMER_ADVERTS,
            gate: self.gate,
            responder: self.responder,
            virtual_mac: self.virtual_mac,
            authentication: self.authentication,
            checksum: ChecksumForm::default(),
            addresses: self
                .addresses
                .iter()
                .map(|(address, length)| AddressPlan::plain(*address, *length))
                .collect(),
            excluded: Vec::new(),
            track_interfaces: Vec::new(),
            track_scripts: Vec::new(),
            track_files: Vec::new(),
            track_processes: Vec::new(),
            track_bfds: Vec::new(),
            routes: Vec::new(),
            rules: Vec::new(),
            hmac: None,
            link: LinkPlan::default(),
            extra_announcements: None,
            ignores_owners: false,
            tuning: TuningPlan::default(),
            notify: NotifyPlan::default(),
        }
    }
}

fn family_of(vips: &[(IpAddr, u8)]) -> Result<Family, String> {
    let ipv4 = vips.iter().filter(|(address, _)| address.is_ipv4()).count();
    match ipv4 {
        0 => Ok(Family::Ipv6),
        all if all == vips.len() => Ok(Family::Ipv4),
        _ => Err(
            "--vip of IPv4 and of IPv6 cannot share an instance (RFC 9568 5.2.9): use a --config with one \
                  vrrp_instance for each family"
                .to_owned(),
        ),
    }
}

/// The peers, each once, given that all addresses are of one family and that the router does not name itself.
fn peers(
    family: Family,
    vips: &[(IpAddr, u8)],
    source: Option<IpAddr>,
    unicast_peers: Vec<IpAddr>,
) -> Result<Vec<IpAddr>, String> {
    let of_family = |address: &IpAddr| address.is_ipv4() == (family == Family::Ipv4);
    if let Some(source) = source.filter(|source| !of_family(source)) {
        return Err(format!("--source {source} is not an {family} address, as --vip is"));
    }
    let mut peers = Vec::with_capacity(unicast_peers.len());
    for peer in unicast_peers {
        if !of_family(&peer) {
            return Err(format!("--unicast-peer {peer} is not an {family} address, as --vip is"));
        }
        if source == Some(peer) {
            return Err(format!(
                "--unicast-peer {peer} is this router's own --source: name the other routers of the group"
            ));
        }
        if vips.iter().any(|(vip, _)| *vip == peer) {
            return Err(format!(
                "--unicast-peer {peer} is a --vip: name the own addresses of the other routers"
            ));
        }
        if !peers.contains(&peer) {
            peers.push(peer);
        }
    }
    Ok(peers)
}

fn check_version(
    version: Version,
    family: Family,
    interval: AdvertInterval,
    authenticated: bool,
) -> Result<(), String> {
    match version {
        Version::V2 if family == Family::Ipv6 => {
            Err("--vrrp-version 2 cannot carry IPv6 addresses: use --vrrp-version 3".to_owned())
        }
        Version::V2 if interval.v2_wire().is_none() => Err(format!(
            "--advert-int of {interval} cannot be said in version 2, which has whole seconds from 1 to 255: \
             use --vrrp-version 3 on all routers of the group"
        )),
        Version::V3 if interval.v3_wire().is_none() => Err(format!(
            "--advert-int of {interval} cannot be said in version 3, which ends at 40.95 s: use a shorter one"
        )),
        Version::V3 if authenticated => {
            Err("--auth-pass needs version 2: version 3 has no authentication (RFC 9568 9); leave it out"
                .to_owned())
        }
        Version::V2 | Version::V3 => Ok(()),
    }
}

fn vrid(text: &str) -> Result<Vrid, String> {
    text.parse::<u8>().ok().and_then(Vrid::new).ok_or_else(|| "a VRID is 1 to 255".to_owned())
}

fn priority(text: &str) -> Result<LocalPriority, String> {
    let found = text.parse::<u8>().ok().and_then(LocalPriority::new);
    found.ok_or_else(|| "a priority is 1 to 255".to_owned())
}

fn version(text: &str) -> Result<Version, String> {
    text.parse::<u8>().ok().and_then(Version::from_wire).ok_or_else(|| "a version is 2 or 3".to_owned())
}

fn gate(text: &str) -> Result<Gate, String> {
    if text == "off" {
        return Ok(Gate::Off);
    }
    let intervals = text.parse::<u8>().ok().and_then(NonZero::new);
    intervals.map(Gate::Intervals).ok_or_else(|| "a gate is `off`, or 1 to 3 intervals".to_owned())
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("expected on or off".to_owned()),
    }
}

fn password(text: &str) -> Result<[u8; AUTHENTICATION_LENGTH], String> {
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return Err("a password has 1 to 8 bytes".to_owned());
    }
    let mut data = [0; AUTHENTICATION_LENGTH];
    match data.get_mut(..bytes.len()) {
        Some(room) => room.copy_from_slice(bytes),
        None => {
            return Err(
                "a password has 1 to 8 bytes; routers that accept a longer one send its first 8".to_owned()
            );
        }
    }
    Ok(data)
}

/// Decimal seconds, read straight into centiseconds.
fn interval(text: &str) -> Result<AdvertInterval, String> {
    let refused = || "an interval is 0.01 to 255 seconds in steps of 0.01, such as 1 or 0.1".to_owned();
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if seconds.is_empty() || seconds.len() > 3 || fraction.len() > 2 || !digits(seconds) || !digits(fraction)
    {
        return Err(refused());
    }
    let whole: u16 = seconds.parse().map_err(|_| refused())?;
    let hundredths: u16 = format!("{fraction:0<2}").parse().map_err(|_| refused())?;
    let centiseconds = whole.checked_mul(100).and_then(|value| value.checked_add(hundredths));
    centiseconds.and_then(AdvertInterval::from_centiseconds).ok_or_else(refused)
}

/// The own address of a router.
fn host(text: &str) -> Result<IpAddr, String> {
    let address: IpAddr = text.parse().map_err(|_| "expected an IP address, such as 10.0.0.1".to_owned())?;
    if address.is_unspecified() || address.is_multicast() || address.is_loopback() {
        return Err(UNREACHABLE.to_owned());
    }
    Ok(address)
}

const UNREACHABLE: &str = "not an address that a host can be reached at";

/// `ADDRESS` or `ADDRESS/LENGTH`.
fn vip(text: &str) -> Result<(IpAddr, u8), String> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr =
        address.parse().map_err(|_| "expected an IP address, such as 10.0.0.3".to_owned())?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => longest,
        Some(length) => match length.parse::<u8>() {
            Ok(length @ 1..) if length <= longest => length,
            Ok(_) | Err(_) => return Err(format!("a prefix length here is 1 to {longest}")),
        },
    };
    if address.is_unspecified() || address.is_multicast() || address.is_loopback() {
        return Err(UNREACHABLE.to_owned());
    }
    Ok((address, length))
}
