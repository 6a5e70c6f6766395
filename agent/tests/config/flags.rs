//! Flags in place of a file.

use regent_agent::config::{self, InstanceFlags, from_flags};
use regent_common::{LocalPriority, Version};
use regent_vrrp::Preemption;

fn flags() -> InstanceFlags {
    InstanceFlags {
        interface: "ens33".into(),
        vrid: "50".into(),
        priority: Some("150".into()),
        addresses: vec!["10.0.0.3".into()],
        password: Some("1111".into()),
        ..InstanceFlags::default()
    }
}

#[test]
fn flags_and_the_file_that_says_the_same_make_one_plan() {
    let file = "vrrp_instance VI_1 {\ninterface ens33\nvirtual_router_id 50\npriority 150\nauthentication {\nauth_type PASS\n\
                auth_pass 1111\n}\nvirtual_ipaddress {\n10.0.0.3\n}\n}\n";
    let loaded = from_flags(&flags()).unwrap();
    assert_eq!(loaded.plan, config::parse("c", file).plan);
    assert!(loaded.diagnostics.is_empty());
}

#[test]
fn every_flag_reaches_the_plan() {
    let given = InstanceFlags {
        addresses: vec!["10.0.0.3/24".into(), "10.0.0.4".into()],
        password: None,
        advert_interval: Some("0.1".into()),
        version: Some("3".into()),
        no_preempt: true,
        ..flags()
    };
    let plan = from_flags(&given).unwrap().plan.instances.remove(0);
    assert_eq!(plan.priority, LocalPriority::new(150).unwrap());
    assert_eq!(plan.interval.centiseconds(), 10);
    assert_eq!(plan.version, Version::V3);
    assert_eq!(plan.preemption, Preemption::Never);
    assert_eq!(plan.addresses.iter().map(|address| address.prefix_length).collect::<Vec<_>>(), [24, 32]);
}

#[test]
fn a_flag_that_cannot_be_obeyed_is_underlined_and_nothing_is_half_done() {
    let error = from_flags(&InstanceFlags { vrid: "300".into(), ..flags() }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "command line:1:22: error[RG0302]: `virtual_router_id 300` is outside 1 to 255: expected a whole number from 1 to \
         255; instance `VI_1` is left out"
    );
    assert!(
        error
            .0
            .render(false)
            .contains("--iface ens33 --vrid 300 --priority 150 --auth-pass **** --vip 10.0.0.3")
    );
    for wrong in [
        InstanceFlags { interface: String::new(), ..flags() },
        InstanceFlags { interface: "a_name_that_is_too_long".into(), ..flags() },
        InstanceFlags { vrid: "0".into(), ..flags() },
        InstanceFlags { priority: Some("256".into()), ..flags() },
        InstanceFlags { addresses: vec!["10.0.0".into()], ..flags() },
        InstanceFlags { addresses: vec!["10.0.0.3".into(), "10.0.0.3".into()], ..flags() },
        InstanceFlags { addresses: vec!["10.0.0.3 dev eth0".into()], ..flags() },
        InstanceFlags { version: Some("4".into()), ..flags() },
        InstanceFlags { advert_interval: Some("1.5".into()), ..flags() },
    ] {
        assert!(from_flags(&wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_long_password_is_a_warning_that_does_not_show_it() {
    let loaded = from_flags(&InstanceFlags { password: Some("open sesame # x".into()), ..flags() }).unwrap();
    assert_eq!(loaded.diagnostics.len(), 1);
    assert!(!loaded.render(false).contains("sesame"));
}
