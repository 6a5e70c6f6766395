//! A virtual address as keepalived writes it: `10.0.0.3/24 dev eth0 scope global label eth0:1 set`.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

/// A virtual address.
#[derive(Clone, Debug)]
pub struct Address {
    /// The address.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix_length: u8,
    /// Interface.
    pub device: String,
    /// Broadcast address.
    pub broadcast: Option<Ipv4Addr>,
    /// Scope, as rtnetlink's number.
    pub scope: u8,
    /// Label.
    pub label: Option<String>,
    /// The other end of a link between two hosts.
    pub peer: Option<IpAddr>,
    /// A home address.
    pub home: bool,
    /// The kernel makes temporary addresses from it.
    pub manages_temporary: bool,
    /// The kernel joins the group that it is.
    pub joins: bool,
    /// Its device may be down.
    pub untracked: bool,
    /// Duplicate address detection runs.
    pub detects_duplicates: bool,
    /// Seconds, `u32::MAX` for ever; `None` where the config does not say.
    pub preferred_lifetime: Option<u32>,
    /// No route to its prefix.
    pub no_prefix_route: bool,
    /// It is there.
    pub set: bool,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.address.is_ipv4() { 32 } else { 128 };
        let alone = self.prefix_length == whole;
        write!(f, "{}", self.address)?;
        if !alone {
            write!(f, "/{}", self.prefix_length)?;
        }
        if let Some(broadcast) = self.broadcast {
            write!(f, " brd {broadcast}")?;
        }
        write!(f, " dev {} scope ", self.device)?;
        match self.scope {
            0 => f.write_str("global")?,
            200 => f.write_str("site")?,
            253 => f.write_str("link")?,
            254 => f.write_str("host")?,
            255 => f.write_str("nowhere")?,
            other => write!(f, "{other}")?,
        }
        if let Some(label) = &self.label {
            write!(f, " label {label}")?;
        }
        if let Some(peer) = self.peer {
            write!(f, " peer {peer}/{whole}")?;
        }
        for (word, said) in [
            (" home", self.home),
            (" -nodad", self.detects_duplicates),
            (" mngtmpaddr", self.manages_temporary),
            (" noprefixroute", self.no_prefix_route && !alone),
            (" autojoin", self.joins),
            (" no_track", self.untracked),
        ] {
            if said {
                f.write_str(word)?;
            }
        }
        if self.address.is_ipv6() {
            match self.preferred_lifetime {
                Some(0) => f.write_str(" deprecated")?,
                None if alone => f.write_str(" deprecated")?,
                None | Some(u32::MAX) => f.write_str(" preferred_lft forever")?,
                Some(seconds) => write!(f, " preferred_lft {seconds}")?,
            }
        }
        if self.set { f.write_str(" set") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str, prefix_length: u8) -> Address {
        Address {
            address: text.parse().unwrap(),
            prefix_length,
            device: "v0".to_owned(),
            broadcast: None,
            scope: 0,
            label: None,
            peer: None,
            home: false,
            manages_temporary: false,
            joins: false,
            untracked: false,
            detects_duplicates: false,
            preferred_lifetime: None,
            no_prefix_route: false,
            set: false,
        }
    }

    /// Each line was written by keepalived 2.2.7.
    #[test]
    fn addresses_are_written_as_keepalived_does() {
        for (address, text) in [
            (
                Address {
                    label: Some("v0:1".to_owned()),
                    set: true,
                    device: "v0".to_owned(),
                    ..address("10.9.0.100", 24)
                },
                "10.9.0.100/24 dev v0 scope global label v0:1 set",
            ),
            (Address { set: true, ..address("10.9.0.101", 32) }, "10.9.0.101 dev v0 scope global set"),
            (
                Address {
                    broadcast: Some(Ipv4Addr::new(10, 9, 0, 255)),
                    scope: 253,
                    ..address("10.9.0.102", 24)
                },
                "10.9.0.102/24 brd 10.9.0.255 dev v0 scope link",
            ),
            (
                Address { preferred_lifetime: Some(100), ..address("10.9.0.105", 24) },
                "10.9.0.105/24 dev v0 scope global",
            ),
            (
                Address {
                    peer: Some("10.9.0.64".parse().unwrap()),
                    untracked: true,
                    ..address("10.9.0.63", 32)
                },
                "10.9.0.63 dev v0 scope global peer 10.9.0.64/32 no_track",
            ),
            (
                Address {
                    home: true,
                    detects_duplicates: true,
                    manages_temporary: true,
                    no_prefix_route: true,
                    joins: true,
                    untracked: true,
                    preferred_lifetime: Some(5),
                    ..address("2001:db8::7", 64)
                },
                "2001:db8::7/64 dev v0 scope global home -nodad mngtmpaddr noprefixroute autojoin no_track \
                 preferred_lft 5",
            ),
            (address("fe80::1234", 128), "fe80::1234 dev v0 scope global deprecated"),
            (
                Address { detects_duplicates: true, ..address("2001:db8::101", 64) },
                "2001:db8::101/64 dev v0 scope global -nodad preferred_lft forever",
            ),
            (
                Address {
                    preferred_lifetime: Some(0),
                    no_prefix_route: true,
                    ..address("2001:db8::102", 64)
                },
                "2001:db8::102/64 dev v0 scope global noprefixroute deprecated",
            ),
            (
                Address { preferred_lifetime: Some(200), ..address("2001:db8::100", 64) },
                "2001:db8::100/64 dev v0 scope global preferred_lft 200",
            ),
        ] {
            assert_eq!(address.to_string(), text);
        }
    }
}
