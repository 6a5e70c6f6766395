//! What of many diagnostics is kept: one mistake says itself once, and none hides another.

use std::fmt::Write as _;

use regent_agent::config::{self, diagnostic::code};

use super::rules::codes;

#[test]
fn what_many_instances_lack_alike_is_said_once_and_hides_no_error() {
    let mut text = String::new();
    for vrid in 1..=250 {
        for interface in ["a", "b", "c", "d"] {
            writeln!(
                text,
                "vrrp_instance V{vrid}{interface} {{\ninterface {interface}\nvirtual_router_id {vrid}\nsmtp_alert\n\
                 virtual_ipaddress {{ {}.0.0.{vrid} }}\ngarp_extra_if 5\n}}",
                interface.bytes().next().unwrap_or(0)
            )
            .unwrap();
        }
    }
    text.push_str("vrrp_instance last {\n}\n");
    let loaded = config::parse("c", &text);
    let codes = codes(&loaded);
    assert_eq!(codes.iter().filter(|found| **found == code::NOT_SUPPORTED_YET).count(), 2, "{codes:?}");
    assert!(codes.contains(&code::INSTANCE_INCOMPLETE), "{codes:?}");
    assert!(loaded.render(false).contains("the same in 984 more places"), "{}", loaded.render(false));
}

#[test]
fn one_place_that_is_used_a_thousand_times_is_one_mistake() {
    let mut text = "$WRONG=nopreempt off\n".to_owned();
    for vrid in 1..=250 {
        for interface in ["a", "b", "c", "d"] {
            writeln!(
                text,
                "vrrp_instance V{vrid}{interface} {{\ninterface {interface}\nvirtual_router_id {vrid}\n$WRONG\n\
                 virtual_ipaddress {{ {}.0.0.{vrid} }}\n}}",
                interface.bytes().next().unwrap_or(0)
            )
            .unwrap();
        }
    }
    let loaded = config::parse("c", &text);
    assert_eq!(codes(&loaded), [code::EXTRA_WORDS], "{}", loaded.render(false));
}

#[test]
fn errors_are_shown_before_hundreds_of_warnings() {
    let mut text = "vrrp_instance A {\ninterface e\nvirtual_router_id 1\nvirtual_ipaddress {\n".to_owned();
    for at in 0..800_u32 {
        writeln!(text, "192.0.2.1 # {at}").unwrap();
    }
    text.push_str("}\n}\nvrrp_instance last {\n}\n");
    let loaded = config::parse("c", &text);
    let codes = codes(&loaded);
    assert!(codes.contains(&code::INSTANCE_INCOMPLETE), "{codes:?}");
    assert_eq!((codes.len(), codes.last()), (501, Some(&code::TOO_MANY)));
}
