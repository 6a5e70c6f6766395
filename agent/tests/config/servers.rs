//! Virtual servers and BFD sessions, worked out by hand: what they inherit, and that each word is read in each block.

use std::time::Duration;

use regent_agent::{
    config::{
        self, Loaded,
        plan::{
            Check, Forwarding, Protocol, RealServerPlan, Schedule, ServerTunnel, TunnelChecksum,
            VirtualServerPlan,
        },
    },
    net::clock,
};

use super::rules::{address, codes};

/// A virtual server at `192.0.2.1 80` with these lines.
fn server(lines: &str) -> Loaded {
    let base = "protocol TCP\nlb_algo rr\nlb_kind NAT";
    config::parse("c", &format!("virtual_server 192.0.2.1 80 {{\n{base}\n{lines}\n}}\n"))
}

/// A real server at `192.0.2.20 80` of such a virtual server, with these lines.
fn real(lines: &str) -> Loaded {
    server(&format!("real_server 192.0.2.20 80 {{\n{lines}\n}}"))
}

fn only(loaded: &Loaded) -> &VirtualServerPlan {
    assert_eq!(loaded.plan.virtual_servers.len(), 1, "{}", loaded.render(false));
    &loaded.plan.virtual_servers[0]
}

fn first(loaded: &Loaded) -> &RealServerPlan {
    &only(loaded).real_servers[0]
}

fn schedule(check: &Check) -> Option<Schedule> {
    match check {
        Check::Tcp(schedule, _)
        | Check::Ping(schedule, _)
        | Check::Http(schedule, _, _)
        | Check::Smtp(schedule, _, _)
        | Check::Dns(schedule, _, _)
        | Check::Udp(schedule, _, _)
        | Check::Misc(schedule, _) => Some(*schedule),
        Check::Bfd(_) | Check::File(_) => None,
    }
}

#[test]
fn what_is_not_said_has_keepaliveds_defaults() {
    let loaded =
        config::parse("c", "virtual_server 192.0.2.1 80 { protocol TCP\nreal_server 192.0.2.20 80 { } }");
    let plan = only(&loaded);
    assert_eq!(codes(&loaded), ["RG0202", "RG0481"]);
    assert_eq!((plan.quorum, plan.hysteresis, plan.persistence), (1, 0, None));
    assert!(!plan.smtp_alert && !plan.omega && !plan.ha_suspend && !plan.one_packet);
    let real = &plan.real_servers[0];
    assert_eq!((real.weight, real.forwarding, real.inhibits), (1, Forwarding::Nat, false));
    assert!(real.smtp_alert, "unlike all others");
    assert!(real.checkers.is_empty());
}

#[test]
fn a_missing_protocol_is_udp_and_an_error() {
    let loaded = config::parse(
        "c",
        "virtual_server 192.0.2.1 80 { lb_algo rr\nlb_kind NAT\nreal_server 192.0.2.20 80 { } }",
    );
    assert_eq!(only(&loaded).protocol, Some(Protocol::Udp));
    assert_eq!(codes(&loaded), ["RG0202", "RG0480"]);
    assert!(loaded.has_errors());
}

/// In microseconds: interval, retries, delay before a retry, warmup.
fn numbers(check: &Check) -> (u128, u32, u128, u128) {
    let schedule = schedule(check).unwrap();
    let (retry_delay, warmup) = (schedule.retry_delay.as_micros(), schedule.warmup.as_micros());
    (schedule.interval.as_micros(), schedule.retries, retry_delay, warmup)
}

#[test]
fn each_kind_of_check_has_its_defaults() {
    let minute = 60_000_000;
    for (check, retries, retry_delay) in [
        ("TCP_CHECK { }", 1, 1_000_000),
        ("PING_CHECK { }", 1, 1_000_000),
        ("UDP_CHECK { }", 1, 1_000_000),
        ("SMTP_CHECK { }", 1, 1_000_000),
        ("HTTP_GET { url { path / } }", 1, 3_000_000),
        ("SSL_GET { url { path / } }", 1, 3_000_000),
        ("DNS_CHECK { }", 3, minute),
        ("MISC_CHECK { misc_path /bin/true }", 0, 1_000_000),
    ] {
        let loaded = real(check);
        let checker = &first(&loaded).checkers[0];
        assert_eq!(numbers(&checker.check), (minute, retries, retry_delay, minute), "{check}");
        assert!(!checker.starts_failed);
    }
}

#[test]
fn a_check_inherits_from_its_real_server_and_that_from_its_virtual_server() {
    let outer = "delay_loop 10\nretry 2\ndelay_before_retry 3\nwarmup 4\nconnect_timeout 5\nalpha";
    let inner = "delay_loop 20\nretry 6\ndelay_before_retry 7\nwarmup 8\nconnect_timeout 9\nalpha off";
    let own = "delay_loop 30\nretry 0\ndelay_before_retry 11\nwarmup 0\nconnect_timeout 12\nalpha on";
    let read = |real: &str, check: &str| {
        let loaded =
            server(&format!("{outer}\nreal_server 192.0.2.20 80 {{\n{real}\nTCP_CHECK {{\n{check}\n}}\n}}"));
        let checker = first(&loaded).checkers[0].clone();
        let Check::Tcp(_, connection) = &checker.check else { panic!("{checker:?}") };
        (numbers(&checker.check), connection.timeout, checker.starts_failed)
    };
    let s = 1_000_000;
    let seconds = Duration::from_secs;
    assert_eq!(read("", ""), ((10 * s, 2, 3 * s, 4 * s), seconds(5), true));
    assert_eq!(read(inner, ""), ((20 * s, 6, 7 * s, 8 * s), seconds(9), false));
    assert_eq!(read(inner, own), ((30 * s, 0, 11 * s, 0), seconds(12), true));
    assert_eq!(read("", own), ((30 * s, 0, 11 * s, 0), seconds(12), true));
}

#[test]
fn a_delay_loop_is_the_warmup_and_the_dns_retry_of_what_does_not_say_them() {
    let loaded = real("delay_loop 7\nDNS_CHECK { }");
    assert_eq!(numbers(&first(&loaded).checkers[0].check), (7_000_000, 3, 7_000_000, 7_000_000));
}

#[test]
fn the_weight_and_mail_of_a_virtual_server_are_those_of_its_real_servers() {
    let loaded =
        server("weight 5\nsmtp_alert off\nreal_server 192.0.2.20 { }\nreal_server 192.0.2.21 { weight 0 }");
    let weights: Vec<u32> = only(&loaded).real_servers.iter().map(|real| real.weight).collect();
    assert_eq!(weights, [5, 0]);
    assert!(!first(&loaded).smtp_alert);
}

#[test]
fn tunnels_are_read_whole_or_not_at_all() {
    let port = std::num::NonZero::new(6080).unwrap();
    let gue = |checksum| Forwarding::Tun(ServerTunnel::Gue { port, checksum });
    for (said, read) in [
        ("NAT", Some(Forwarding::Nat)),
        ("DR", Some(Forwarding::Dr)),
        ("TUN", Some(Forwarding::Tun(ServerTunnel::Ipip))),
        ("TUN type ipip nocsum", Some(Forwarding::Tun(ServerTunnel::Ipip))),
        ("TUN type gue port 6080", Some(gue(TunnelChecksum::None))),
        ("TUN type gue port 6080 remcsum", Some(gue(TunnelChecksum::Remote))),
        ("TUN type gre", Some(Forwarding::Tun(ServerTunnel::Gre { checksum: TunnelChecksum::None }))),
        (
            "TUN type gre csum nocsum",
            Some(Forwarding::Tun(ServerTunnel::Gre { checksum: TunnelChecksum::None })),
        ),
        ("TUN type gre remcsum", None),
        ("TUN type ipip csum", None),
        ("TUN csum", None),
        ("TUN type gue", None),
        ("TUN type gue csum", None),
        ("TUN port 5", None),
        ("nat", None),
    ] {
        let loaded = server(&format!("real_server 192.0.2.20 {{ lvs_method {said}\n }}"));
        assert_eq!(first(&loaded).forwarding, read.unwrap_or_default(), "{said}");
        assert_eq!(codes(&loaded).contains(&"RG0331"), read.is_none(), "{said}");
    }
}

#[test]
fn a_quorum_is_no_more_than_all_weights_and_a_hysteresis_less_than_the_quorum() {
    for (quorum, hysteresis, weights, expected, complaint) in [
        (1, 0, [1, 1], (1, 0), false),
        (2, 1, [1, 1], (2, 1), false),
        (3, 0, [1, 1], (2, 0), true),
        (3, 2, [1, 1], (2, 1), true),
        (3, 3, [4, 4], (3, 2), true),
        (1, 1, [4, 4], (1, 0), true),
        (5, 4, [0, 5], (5, 4), false),
        (1, 0, [0, 0], (0, 0), true),
        (4_294_967_295_u32, 0, [2_147_483_647, 2_147_483_647], (4_294_967_294, 0), true),
    ] {
        let loaded = server(&format!(
            "quorum {quorum}\nhysteresis {hysteresis}\nreal_server 192.0.2.20 {{ weight {} }}\n\
             real_server 192.0.2.21 {{ weight {} }}",
            weights[0], weights[1]
        ));
        let plan = only(&loaded);
        assert_eq!((plan.quorum, plan.hysteresis), expected, "{quorum} {hysteresis} {weights:?}");
        assert_eq!(codes(&loaded).contains(&"RG0487"), complaint, "{quorum} {hysteresis} {weights:?}");
    }
}

#[test]
fn an_address_is_served_once_for_each_port_and_protocol() {
    let server = |service: &str, protocol: &str| {
        format!(
            "virtual_server {service} {{\nprotocol {protocol}\nlb_algo rr\nlb_kind NAT\npersistence_timeout\n\
             real_server 192.0.2.20 8080 {{ }}\n}}\n"
        )
    };
    let group = "virtual_server_group g {\n192.0.2.5-9 80\n192.0.2.20 81\n}\n";
    for (second, kept) in [
        (server("192.0.2.4 80", "TCP"), 2),
        (server("192.0.2.5 80", "TCP"), 1),
        (server("192.0.2.7 80", "TCP"), 1),
        (server("192.0.2.9 80", "TCP"), 1),
        (server("192.0.2.10 80", "TCP"), 2),
        (server("192.0.2.7 80", "UDP"), 2),
        (server("192.0.2.7 81", "TCP"), 2),
        (server("192.0.2.7", "TCP"), 2),
        (server("192.0.2.20 81", "TCP"), 1),
        (server("group g", "TCP"), 1),
        (server("group g", "SCTP"), 2),
    ] {
        let text = format!("{group}{}{second}", server("group g", "TCP"));
        let loaded = config::parse("c", &text);
        assert_eq!(loaded.plan.virtual_servers.len(), kept, "{second}\n{}", loaded.render(false));
        assert_eq!(codes(&loaded).contains(&"RG0485"), kept == 1, "{second}");
    }
}

#[test]
fn what_is_left_out_serves_nothing() {
    // The group overlaps with itself: neither of its addresses is taken.
    let text = "virtual_server_group g {\n192.0.2.5 80\n192.0.2.5-9 80\n}\n\
                virtual_server group g {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\nreal_server 192.0.2.20 80 { }\n}\n\
                virtual_server 192.0.2.5 80 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\nreal_server 192.0.2.20 80 { }\n}\n";
    let loaded = config::parse("c", text);
    assert_eq!(loaded.plan.virtual_servers.len(), 1, "{}", loaded.render(false));
    assert_eq!(codes(&loaded).iter().filter(|code| **code == "RG0485").count(), 1);
}

#[test]
fn a_real_server_that_nothing_would_check_is_left_out() {
    for check in ["HTTP_GET { }", "MISC_CHECK { }", "BFD_CHECK { name x }", "FILE_CHECK { }"] {
        let loaded = server(&format!(
            "real_server 192.0.2.20 80 {{\nTCP_CHECK {{ }}\n{check}\n}}\nreal_server 192.0.2.21 80 {{ }}"
        ));
        assert_eq!(only(&loaded).real_servers.len(), 1, "{check}\n{}", loaded.render(false));
        assert_eq!(first(&loaded).endpoint.address, address("192.0.2.21"));
        assert!(loaded.has_errors(), "{check}");
    }
}

#[test]
fn bytes_are_read_as_keepalived_reads_them() {
    let loaded = real("UDP_CHECK {\npayload Ab12f 3 456 546443123\nrequire_reply Ab12x X 4xx\n}");
    let Check::Udp(_, _, udp) = &first(&loaded).checkers[0].check else { panic!() };
    let bytes = [0xab, 0x12, 0x0f, 0x03, 0x45, 0x06, 0x54, 0x64, 0x43, 0x12, 0x03];
    assert_eq!(udp.payload.as_deref(), Some(&bytes[..]));
    assert_eq!(udp.reply.as_ref().unwrap().pattern.to_string(), "ab120x0x4x0x");
}

#[test]
fn thousands_of_servers_in_one_group_are_checked_in_time() {
    let mut text = String::from("virtual_server_group g {\n");
    for number in 0..20_000_u32 {
        text += &format!("10.{}.{}.{} 80\n", number >> 16, number >> 8 & 255, number & 255);
    }
    text += "}\n";
    for protocol in ["TCP", "UDP", "TCP", "UDP", "TCP", "UDP"] {
        text += &format!("virtual_server group g {{\nprotocol {protocol}\nlb_algo rr\nlb_kind NAT\n");
        for number in 0..2_000_u32 {
            text += &format!("real_server 10.9.{}.{} 80 {{ TCP_CHECK {{ }} }}\n", number >> 8, number & 255);
        }
        text += "}\n";
    }
    let started = clock::now();
    let loaded = config::parse("c", &text);
    assert_eq!(loaded.plan.virtual_servers.len(), 2);
    // Far from tight: quadratic work would take minutes.
    assert!(clock::now().since(started) < Duration::from_secs(20));
}

#[test]
fn what_global_defs_say_of_servers_holds_where_they_do_not_say_it() {
    let read = |globals: &str, server: &str, real: &str| {
        let text = format!(
            "global_defs {{\n{globals}\n}}\nvirtual_server 192.0.2.1 80 {{\nprotocol TCP\nlb_algo rr\nlb_kind NAT\n\
             {server}\nreal_server 192.0.2.20 80 {{\n{real}\nTCP_CHECK {{ }}\n}}\n}}\n"
        );
        let loaded = config::parse("c", &text);
        let (plan, real) = (only(&loaded), first(&loaded));
        (plan.smtp_alert, real.smtp_alert, schedule(&real.checkers[0].check).unwrap().logs_all_failures)
    };
    assert_eq!(read("", "", ""), (false, true, false));
    assert_eq!(read("smtp_alert off", "", ""), (false, false, false));
    assert_eq!(read("smtp_alert", "", ""), (true, true, false));
    assert_eq!(read("smtp_alert\nsmtp_alert_checker off", "", ""), (false, false, false));
    assert_eq!(read("smtp_alert off", "smtp_alert", ""), (true, true, false));
    assert_eq!(read("smtp_alert", "", "smtp_alert off"), (true, false, false));
    assert_eq!(read("checker_log_all_failures", "", ""), (false, true, true));
}
