//! Configs of our own through the whole pipeline: what plan they make, and what is said about them.
//!
//! Each `config/NAME.conf` has a `config/NAME.expected` with the rendered diagnostics and the plan. After a wanted
//! change, `REGENT_BLESS=1 cargo test -p regent-agent --test config` writes them anew; read the difference.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files stops")]

#[path = "config/adverts.rs"]
mod adverts;
#[path = "config/bad_input.rs"]
mod bad_input;
#[path = "config/dropped.rs"]
mod dropped;
#[path = "config/globals.rs"]
mod globals;
#[path = "config/lines.rs"]
mod lines;
#[path = "config/rules.rs"]
mod rules;
#[path = "config/servers.rs"]
mod servers;
#[path = "config/strict_mode.rs"]
mod strict_mode;
#[path = "config/traps.rs"]
mod traps;

use std::path::{Path, PathBuf};

use regent_agent::config::{self, Given, Loaded};

/// Compares a config with what is expected of it.
fn golden(name: &str, read: impl Fn(&Path) -> Loaded) {
    let path = PathBuf::from("tests/config").join(format!("{name}.conf"));
    let text = std::fs::read_to_string(&path).unwrap();
    let loaded = read(&path);
    assert_eq!(loaded.print(), text, "the tree of {name} does not print back");
    let actual = format!("{}\n{:#?}\n", loaded.render(false), loaded.plan);
    let expected = path.with_extension("expected");
    if std::env::var_os("REGENT_BLESS").is_some() {
        std::fs::write(&expected, &actual).unwrap();
    }
    let expected = std::fs::read_to_string(&expected).unwrap_or_default();
    assert!(actual == expected, "{name} has changed:\n{actual}");
}

/// Without the file system: what programs exist on this host does not matter.
fn by_text(path: &Path) -> Loaded {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    config::parse_with(&name, &std::fs::read_to_string(path).unwrap(), &host())
}

fn by_file(path: &Path) -> Loaded {
    config::load_with(path, &host()).unwrap()
}

/// Not the one that the tests run on.
fn host() -> Given {
    Given { config_id: Some("lb1".to_owned()), ..Given::default() }
}

#[test]
fn a_pair_of_load_balancers_is_read_without_a_word() {
    golden("pair_master", by_text);
    golden("pair_backup", by_text);
}

#[test]
fn the_example_of_a_distribution_runs_and_says_what_has_no_effect() {
    golden("distribution", by_text);
}

#[test]
fn every_word_that_acts_reaches_the_plan_whatever_the_order_of_blocks() {
    golden("words", by_text);
}

#[test]
fn slips_are_underlined_and_the_agent_runs() {
    golden("slips", by_text);
}

#[test]
fn instances_that_cannot_be_run_are_left_out_by_name() {
    golden("left_out", by_text);
}

#[test]
fn words_that_do_not_go_together_mean_what_keepalived_makes_of_them() {
    golden("traps", by_text);
}

#[test]
fn what_happens_otherwise_than_one_thinks_is_said() {
    golden("quiet_traps", by_text);
}

#[test]
fn a_line_that_keepalived_drops_is_read_and_told_of() {
    golden("long_line", by_text);
}

#[test]
fn a_password_is_hidden_also_where_its_word_is_wrong_or_missing() {
    golden("secrets", by_text);
    let loaded = by_text(Path::new("tests/config/secrets.conf"));
    let lines: String = loaded.lines().collect();
    assert!(!loaded.render(true).contains("hide") && !lines.contains("hide"), "{lines}");
    for shown in ["`auth_tpye`", "`prioritty`", "`advert_int`"] {
        assert!(lines.contains(shown), "{shown} is not shown\n{lines}");
    }
}

#[test]
fn strings_end_where_keepalived_ends_them_or_it_is_said() {
    golden("quotes", by_text);
}

#[test]
fn variables_hold_values_lines_and_blocks() {
    golden("variables", by_text);
}

#[test]
fn lines_and_blocks_are_meant_for_one_host_or_for_all_others() {
    golden("conditions", by_text);
}

#[test]
fn sequences_write_one_line_many_times() {
    golden("sequences", by_text);
}

#[test]
fn a_value_that_is_wrong_is_shown_where_it_is_written_and_where_it_is_used() {
    golden("expansion", by_text);
    let shown = by_text(Path::new("tests/config/expansion.conf"));
    assert!(!shown.render(false).contains("hunter2") && !shown.lines().any(|line| line.contains("hunter2")));
}

#[test]
fn a_block_may_be_spread_over_files() {
    golden("parts", by_file);
    golden("half", by_file);
}

#[test]
fn unicast_goes_to_its_peers_or_says_why_not() {
    golden("unicast", by_text);
}

#[test]
fn adverts_come_from_and_go_where_they_are_told() {
    golden("source", by_text);
}

#[test]
fn ipv6_is_advertised_link_local_first_and_by_version_3_unless_told_otherwise() {
    golden("ipv6", by_text);
}

#[test]
fn strict_mode_says_once_what_it_changes() {
    golden("strict", by_text);
}

#[test]
fn announcements_have_a_size_a_pace_and_an_occasion() {
    golden("announcements", by_text);
}

#[test]
fn startup_waits_and_needless_words_are_accepted() {
    golden("startup", by_text);
}

#[test]
fn an_instance_says_how_it_is_seen_on_its_network() {
    golden("data_plane", by_text);
}

#[test]
fn what_is_said_for_the_agent_as_a_whole_is_kept_whole() {
    golden("mail_and_pipes", by_text);
    golden("processes", by_text);
    golden("host", by_text);
}

#[test]
fn what_is_wrong_there_is_said_line_by_line() {
    golden("mail_and_pipes_wrong", by_text);
    golden("processes_wrong", by_text);
    golden("host_wrong", by_text);
}

#[test]
fn addresses_of_another_namespace_do_not_appear_in_this_one() {
    golden("namespace", by_text);
}

#[test]
fn members_of_a_sync_group_track_what_it_tracks_and_have_no_weights_of_their_own() {
    golden("sync_groups", by_text);
    golden("sync_groups_wrong", by_text);
}

#[test]
fn files_processes_and_scripts_can_be_tracked() {
    golden("tracked", by_text);
    golden("tracked_wrong", by_text);
}

#[test]
fn virtual_servers_are_read_whole_although_nothing_is_balanced_yet() {
    golden("virtual_servers", by_text);
    golden("virtual_server_slips", by_text);
    golden("virtual_server_rules", by_text);
}

#[test]
fn checks_of_real_servers_are_read_with_all_that_they_inherit() {
    golden("checkers", by_text);
    golden("checker_slips", by_text);
}

#[test]
fn sessions_of_bfd_are_read_and_those_that_cannot_be_run_are_left_out() {
    golden("bfd", by_text);
}

#[test]
fn an_address_has_words_of_its_own() {
    golden("addresses", by_text);
}

#[test]
fn a_route_is_read_with_all_its_words_or_left_out() {
    golden("routes", by_text);
    golden("routes_wrong", by_text);
}

#[test]
fn a_rule_of_policy_routing_is_read_with_all_its_words_or_left_out() {
    golden("rules", by_text);
}

#[test]
fn what_is_static_stays_and_is_tracked_by_groups() {
    golden("static", by_text);
}

#[test]
fn an_instance_may_ask_for_interfaces_of_its_own() {
    golden("interfaces", by_text);
}

#[test]
fn signed_adverts_are_read_and_no_key_is_shown() {
    golden("signed", by_text);
    let expected = std::fs::read_to_string("tests/config/signed.expected").unwrap();
    assert!(!expected.contains("sesame") && !expected.contains("5e5000"), "a key is shown");
}

#[test]
fn words_that_do_not_act_reach_the_plan_all_the_same() {
    golden("remaining", by_text);
}

#[test]
fn braces_that_do_not_balance_cost_one_instance_and_one_error() {
    golden("missing_brace", by_text);
    golden("stray_brace", by_text);
}

#[test]
fn includes_are_read_beside_the_file_that_includes_them() {
    golden("include", by_file);
}

/// A directory of foreign configs to try: `REGENT_CORPUS=dir cargo test -p regent-agent --test config -- --ignored`.
#[test]
#[ignore = "needs foreign configs: REGENT_CORPUS names a directory of them"]
fn a_foreign_corpus_is_read_without_panic_and_prints_back() {
    let corpus = std::env::var_os("REGENT_CORPUS").expect("REGENT_CORPUS names a directory");
    let mut directories = vec![PathBuf::from(corpus)];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let loaded = config::load(&path).unwrap();
            assert_eq!(loaded.print(), std::fs::read_to_string(&path).unwrap(), "{}", path.display());
            assert!(loaded.render(true).len() >= loaded.diagnostics.len());
            for line in loaded.lines().filter(|line| line.contains("[RG0201]") || line.contains("[RG0203]")) {
                println!("{line}");
            }
        }
    }
}
