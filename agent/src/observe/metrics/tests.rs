//! The text of the sample snapshot, whole.

use super::{super::sample, encode};

#[test]
fn the_text_of_the_sample_is_as_recorded() {
    let text = encode(sample::snapshot()).unwrap();
    let golden = include_str!("golden.txt");
    for (number, (line, expected)) in text.lines().zip(golden.lines()).enumerate() {
        assert_eq!(line, expected, "line {}", number + 1);
    }
    assert_eq!(text.lines().count(), golden.lines().count());
}

#[test]
fn nothing_configured_has_no_series_of_instances_but_is_up() {
    let text = encode(sample::observing()).unwrap();
    assert!(text.contains("\nkeepalived_up 1\n"));
    assert!(text.contains("\nregent_observing 1\n"));
    assert!(!text.contains("iname"));
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_name_cannot_break_out_of_its_label() {
    let mut snapshot = sample::snapshot();
    snapshot.instances[0].name = "a\"} 1\nevil{b=\"\\".to_owned();
    let text = encode(snapshot).unwrap();
    assert!(
        text.contains(r#"regent_adverts_sent_total{iname="a\"} 1\nevil{b=\"\\",intf="ens33",vrid="50"} 126"#),
        "{text}"
    );
    assert!(!text.lines().any(|line| line.starts_with("evil")));
}

#[test]
fn an_excluded_address_has_the_exporters_other_name() {
    let mut snapshot = sample::snapshot();
    snapshot.instances[0].addresses[1].excluded = true;
    let text = encode(snapshot).unwrap();
    assert!(text.contains(
        "keepalived_vrrp_excluded_state{iname=\"VI_1\",intf=\"ens34\",vrid=\"50\",ip_address=\"10.0.0.4/24\"} 2\n"
    ));
}
