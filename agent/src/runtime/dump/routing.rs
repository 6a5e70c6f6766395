//! Routes and rules of policy routing, each as keepalived 2.2.7 writes it in one line: its words in its order.

use std::{net::IpAddr, time::Duration};

use crate::config::plan::{
    Encapsulation, NextHop, Placement, Prefix, RouteKind, RouteMetric, RouteMetrics, RoutePlan, RouteTable,
    RouteTime, RouterPreference, RuleAction, RulePlan,
};

/// keepalived's number among those who set routes and rules. Without tracking it sets none.
const PROTOCOL: u8 = 18;
/// Linux: RT_TABLE_MAIN.
const MAIN_TABLE: u32 = 254;

/// `prepend 198.51.100.0/24 via inet 10.0.0.250 dev ens33 proto 18 metric 10`.
pub(super) fn route(route: &RoutePlan) -> String {
    let mut text = String::new();
    let mut say = |words: String| {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&words);
    };
    let placement = match route.placement {
        Placement::First if route.kind == RouteKind::Unicast => "prepend",
        Placement::First | Placement::Alone => "add",
        Placement::Last => "append",
    };
    say(placement.to_owned());
    if let Some(kind) = kind(route.kind) {
        say(kind.to_owned());
    }
    say(prefix(&route.destination));
    route.from.iter().for_each(|from| say(format!("from {}", prefix(from))));
    route.source.iter().for_each(|source| say(format!("src {source}")));
    if route.tos != 0 {
        say(format!("tos {}", route.tos));
    }
    let single = if route.hops.len() == 1 { route.hops.first() } else { None };
    single.iter().flat_map(|hop| way(hop)).for_each(&mut say);
    match &route.table {
        RouteTable::Number(MAIN_TABLE) => {}
        RouteTable::Number(table) => say(format!("table {table}")),
        RouteTable::Vrf(name) => say(format!("vrf {name}")),
    }
    if let Some(protocol) = route.protocol.or(route.tracks.then_some(PROTOCOL)) {
        say(format!("proto {protocol}"));
    }
    route.scope.iter().for_each(|scope| say(format!("scope {scope}")));
    route.metric.iter().for_each(|metric| say(format!("metric {metric}")));
    if let Some(realms) = route.realms {
        say(match realms.from {
            0 => format!("realm {}", realms.to),
            from => format!("realm {from}/{}", realms.to),
        });
    }
    metrics(&route.metrics).into_iter().for_each(&mut say);
    route.expires.iter().for_each(|expires| say(format!("expires {}sec", expires.as_secs())));
    if let Some(preference) = route.preference {
        let preference = match preference {
            RouterPreference::Low => "low",
            RouterPreference::Medium => "medium",
            RouterPreference::High => "high",
        };
        say(format!("pref {preference}"));
    }
    if single.is_none() {
        for hop in &route.hops {
            say("nexthop".to_owned());
            way(hop).into_iter().for_each(&mut say);
            hop.weight.iter().for_each(|weight| say(format!("weight {weight}")));
        }
    }
    // It tracks a route by its interface.
    if !route.tracks || single.is_none_or(|hop| hop.device.is_none()) {
        say("no_track".to_owned());
    }
    text
}

const fn kind(kind: RouteKind) -> Option<&'static str> {
    match kind {
        RouteKind::Unicast => None,
        RouteKind::Local => Some("local"),
        RouteKind::Broadcast => Some("broadcast"),
        RouteKind::Anycast => Some("anycast"),
        RouteKind::Multicast => Some("multicast"),
        RouteKind::Blackhole => Some("blackhole"),
        RouteKind::Unreachable => Some("unreachable"),
        RouteKind::Prohibit => Some("prohibit"),
        RouteKind::Throw => Some("throw"),
    }
}

fn prefix(prefix: &Prefix) -> String {
    let whole = if prefix.address.is_ipv4() { 32 } else { 128 };
    if prefix.length == whole { prefix.address.to_string() } else { prefix.to_string() }
}

/// The words of a next hop but for its weight.
fn way(hop: &NextHop) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(encapsulation) = &hop.encapsulation {
        words.push(match &**encapsulation {
            Encapsulation::Mpls { labels } => {
                let labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
                format!("encap mpls {}", labels.join("/"))
            }
            Encapsulation::Tunnel(tunnel) => {
                let ends = [("dst", tunnel.destination), ("src", tunnel.source)];
                let ends = ends.iter().filter_map(|(end, address)| Some(format!(" {end} {}", (*address)?)));
                format!("encap ip{}", ends.collect::<String>())
            }
            Encapsulation::Ila { locator } => format!("encap ila {locator:x}"),
        });
    }
    if let Some(via) = hop.via {
        let family = match via {
            IpAddr::V4(_) => "inet",
            IpAddr::V6(_) => "inet6",
        };
        words.push(format!("via {family} {via}"));
    }
    words.extend(hop.device.iter().map(|device| format!("dev {device}")));
    words.extend(hop.on_link.then(|| "onlink".to_owned()));
    words
}

fn metrics(metrics: &RouteMetrics) -> Vec<String> {
    let lock = |locked: bool| if locked { "lock " } else { "" };
    let number = |name: &str, it: Option<RouteMetric>| {
        it.map(|RouteMetric { value, locked }| format!("{name} {}{value}", lock(locked)))
    };
    let time = |name: &str, it: Option<RouteTime>| {
        it.map(|RouteTime { value, locked }| format!("{name} {}{}", lock(locked), milliseconds(value)))
    };
    let plain = |name: &str, it: Option<u32>| it.map(|value| format!("{name} {value}"));
    let congestion = metrics.congestion_control.as_ref();
    let quick = |it: Option<bool>| it.map(u32::from);
    [
        congestion.map(|control| format!("congctl {}{}", lock(control.locked), control.name)),
        time("rtt", metrics.round_trip),
        time("rttvar", metrics.round_trip_variance),
        time("rto_min", metrics.least_timeout),
        metrics.congestion_notification.then(|| "features ecn".to_owned()),
        number("mtu", metrics.mtu),
        plain("window", metrics.window),
        number("ssthresh", metrics.slow_start_threshold),
        number("cwnd", metrics.congestion_window),
        number("advmss", metrics.advertised_mss),
        number("reordering", metrics.reordering),
        plain("hoplimit", metrics.hop_limit),
        plain("initcwnd", metrics.first_congestion_window),
        plain("initrwnd", metrics.first_receive_window),
        plain("quickack", quick(metrics.quick_ack)),
        plain("fastopen_no_cookie", quick(metrics.fast_open_without_cookie)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn milliseconds(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}

/// `from 10.0.0.100 priority 101 tos 0x0 protocol 18 lookup 78`.
pub(super) fn rule(rule: &RulePlan) -> String {
    let matches = &rule.matches;
    let mut text = String::new();
    if rule.inverted {
        text.push_str("not ");
    }
    text.push_str("from ");
    text.push_str(&matches.from.as_ref().map_or_else(|| "all".to_owned(), prefix));
    let mut words = Vec::new();
    words.extend(matches.to.as_ref().map(|to| format!("to {}", prefix(to))));
    words.push(format!("priority {}", rule.preference));
    words.push(format!("tos 0x{:x}", matches.tos.unwrap_or_default()));
    words.extend(matches.mark.map(|mark| match mark.mask {
        u32::MAX => format!("fwmark 0x{:x}", mark.value),
        mask => format!("fwmark 0x{:x}/0x{mask:x}", mark.value),
    }));
    words.extend(matches.input.as_ref().map(|name| format!("iif {name}")));
    words.extend(matches.output.as_ref().map(|name| format!("oif {name}")));
    words.extend(rule.suppressed_length.map(|length| format!("suppress_prefixlen {length}")));
    words.extend(rule.suppressed_group.map(|group| format!("suppress_ifgroup {group}")));
    words.extend(matches.tunnel.map(|id| format!("tunnel-id {id}")));
    words.extend(matches.users.as_ref().map(|users| format!("uidrange {}-{}", users.least, users.most)));
    if rule.action == RuleAction::LookupVrf {
        words.push("l3mdev".to_owned());
    }
    if let Some(protocol) = rule.protocol.or(rule.tracks.then_some(PROTOCOL)) {
        words.push(format!("protocol {protocol}"));
    }
    words.extend(matches.ip_protocol.map(|protocol| format!("ipproto {protocol}")));
    for (name, ports) in [("sport", &matches.source_port), ("dport", &matches.destination_port)] {
        words.extend(ports.as_ref().map(|ports| format!("{name} {}-{}", ports.least, ports.most)));
    }
    words.extend(rule.realms.map(|realms| format!("realms {}/{}", realms.from, realms.to)));
    words.push(match rule.action {
        RuleAction::Lookup(table) => format!("lookup {table}"),
        RuleAction::LookupVrf => "lookup 0".to_owned(),
        RuleAction::Goto(preference) => format!("goto {preference}"),
        RuleAction::Nop => "type nop".to_owned(),
        RuleAction::Blackhole => "type blackhole".to_owned(),
        RuleAction::Unreachable => "type unreachable".to_owned(),
        RuleAction::Prohibit => "type prohibit".to_owned(),
    });
    if !rule.tracks {
        words.push("no_track".to_owned());
    }
    for word in words {
        text.push(' ');
        text.push_str(&word);
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::config;

    /// The right of each pair was written by keepalived 2.2.7 for the left.
    #[test]
    fn routes_are_written_as_keepalived_does() {
        for (written, said) in [
            (
                "203.0.113.64/26 via 10.0.0.251 dev ens33",
                "prepend 203.0.113.64/26 via inet 10.0.0.251 dev ens33 proto 18",
            ),
            (
                "198.51.100.0/24 via 10.0.0.250 dev ens33 src 10.0.0.1 table 100 metric 5 mtu 1400 scope link",
                "prepend 198.51.100.0/24 src 10.0.0.1 via inet 10.0.0.250 dev ens33 table 100 proto 18 scope 253 \
                 metric 5 mtu 1400",
            ),
            (
                "append 198.51.103.0/24 via 10.0.0.250 dev ens33 tos 4 advmss 1000 realms 5",
                "append 198.51.103.0/24 tos 4 via inet 10.0.0.250 dev ens33 proto 18 realm 5 advmss 1000",
            ),
            (
                "default nexthop via 10.0.0.250 dev ens33 weight 2 nexthop via 10.0.0.251 dev ens33 onlink",
                "prepend 0.0.0.0/0 proto 18 nexthop via inet 10.0.0.250 dev ens33 weight 2 nexthop via inet 10.0.0.251 dev \
                 ens33 onlink no_track",
            ),
            ("unreachable 198.51.101.0/24", "add unreachable 198.51.101.0/24 proto 18 no_track"),
            (
                "local 198.51.105.1/32 dev ens33 scope host",
                "add local 198.51.105.1 dev ens33 proto 18 scope 254",
            ),
            (
                "2001:db8:a::/64 dev ens33 expires 100 pref low metric 7",
                "prepend 2001:db8:a::/64 dev ens33 proto 18 metric 7 expires 100sec pref low",
            ),
        ] {
            let loaded = config::parse("c", &format!("static_routes {{\n{written}\n}}\n"));
            let route = loaded.plan.fixed.routes.first().map(|route| super::route(&route.what));
            assert_eq!(route.as_deref(), Some(said), "{written}");
        }
    }

    #[test]
    fn rules_are_written_as_keepalived_does() {
        for (written, said) in [
            (
                "from 10.0.0.0/24 to 198.51.100.0/24 table 100 priority 50",
                "from 10.0.0.0/24 to 198.51.100.0/24 priority 50 tos 0x0 protocol 18 lookup 100",
            ),
            (
                "to 198.51.100.0/24 blackhole preference 52",
                "from all to 198.51.100.0/24 priority 52 tos 0x0 protocol 18 type blackhole",
            ),
            (
                "not from 10.0.0.5 goto 200 preference 53",
                "not from 10.0.0.5 priority 53 tos 0x0 protocol 18 goto 200",
            ),
            (
                "from 2001:db8::/64 table main preference 54 no_track",
                "from 2001:db8::/64 priority 54 tos 0x0 lookup 254 no_track",
            ),
            (
                "from 10.0.0.9 uidrange 5-6 ipproto tcp dport 6-8 table 3 priority 60",
                "from 10.0.0.9 priority 60 tos 0x0 uidrange 5-6 protocol 18 ipproto 6 dport 6-8 lookup 3",
            ),
        ] {
            let loaded = config::parse("c", &format!("static_rules {{\n{written}\n}}\n"));
            let rule = loaded.plan.fixed.rules.first().map(|rule| super::rule(&rule.what));
            assert_eq!(rule.as_deref(), Some(said), "{written}");
        }
    }
}
