//! Files that cannot be read, and texts that are no config.

use std::path::Path;

use proptest::prelude::*;
use regent_agent::config::{self, LoadError, plan::Transport};
use regent_common::Family;

fn refusal(path: &Path) -> LoadError {
    config::load(path).map(|loaded| loaded.plan).unwrap_err()
}

#[test]
fn a_file_that_cannot_be_read_is_one_clear_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("latin1"), b"a b\nrouter_id caf\xe9\n").unwrap();
    std::fs::write(path("huge"), vec![b' '; (8 << 20) + 1]).unwrap();
    let message =
        |path: &Path| refusal(path).to_string().replace(&directory.path().display().to_string(), "D");
    assert_eq!(message(&path("none")), "cannot read config `D/none`: there is no such file; check the path");
    assert_eq!(message(directory.path()), "cannot read config `D`: it is a directory; name a file in it");
    assert_eq!(
        message(&path("latin1")),
        "cannot read config `D/latin1`: line 2 is not UTF-8 (byte 17); save the file as UTF-8"
    );
    assert_eq!(
        message(&path("huge")),
        "cannot read config `D/huge`: it is larger than 8 MiB; is it the right file?"
    );
    assert!(matches!(refusal(Path::new("/dev/zero")), LoadError::NotAFile { .. }));
    nix_fifo(&path("fifo"));
    assert_eq!(message(&path("fifo")), "cannot read config `D/fifo`: it is not a regular file; name one");
    // A file in the place of a directory is refused by the system, for root as well.
    assert!(matches!(refusal(&path("latin1").join("below")), LoadError::Unreadable { .. }));
}

/// A pipe that nobody ever writes to.
fn nix_fifo(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn an_include_of_what_cannot_be_read_is_one_error_each_and_the_rest_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("latin1"), b"caf\xe9\n").unwrap();
    std::fs::create_dir(path("directory")).unwrap();
    nix_fifo(&path("fifo"));
    std::fs::write(path("zeroes"), [0; 4096]).unwrap();
    let text = "include latin1\ninclude directory\ninclude fifo\ninclude /dev/zero\ninclude none\n\
                include none-*\ninclude c\ninclude zeroes\nglobal_defs {\n router_id x\n}\n";
    std::fs::write(path("c"), text).unwrap();
    let loaded = config::load(&path("c")).unwrap();
    let codes: Vec<(&str, &str)> =
        loaded.diagnostics.iter().map(|diagnostic| (diagnostic.severity.word(), diagnostic.code)).collect();
    let error = |code| ("error", code);
    assert_eq!(
        codes,
        [
            error("RG0102"),
            error("RG0102"),
            error("RG0102"),
            error("RG0102"),
            ("warning", "RG0101"),
            ("note", "RG0101"),
            error("RG0103"),
            error("RG0009"),
            ("note", "RG0007"),
        ]
    );
    assert_eq!(loaded.plan.router_id.as_deref(), Some("x"));
}

#[test]
fn an_executable_file_is_read_and_said_to_be_skipped_by_keepalived() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let (root, part) = (directory.path().join("c"), directory.path().join("part"));
    std::fs::write(&root, "include part\n").unwrap();
    std::fs::write(&part, "global_defs {\n router_id x\n}\n").unwrap();
    std::fs::set_permissions(&part, std::fs::Permissions::from_mode(0o755)).unwrap();
    let loaded = config::load(&root).unwrap();
    assert_eq!(loaded.plan.router_id.as_deref(), Some("x"));
    assert!(loaded.lines().all(|line| line.contains("warning[RG0116]")));
    assert_eq!(loaded.lines().count(), 1);
}

#[test]
fn a_line_of_a_megabyte_and_a_hundred_thousand_braces_are_read_in_time() {
    is_read_in_time("one line", &format!("global_defs {{\nrouter_id {}\n}}\n", "x".repeat(1 << 20)));
    is_read_in_time("one line of words", &"ab ".repeat(1 << 18));
    is_read_in_time("one line of variables", &("$A=1\n".to_owned() + &"$A ${A}".repeat(1 << 16)));
    is_read_in_time("braces", &("{".repeat(100_000) + &"}".repeat(100_000)));
    is_read_in_time("blocks", &("a {\n".repeat(100_000) + &"}\n".repeat(100_000)));
}

#[test]
fn a_long_line_is_shown_around_its_place_and_a_long_word_is_cut() {
    let before = "x".repeat(300);
    let text = format!(
        "global_defs {{ # \nrouter_id {before} ü {} priority\n}}\n{}\n",
        "é".repeat(500),
        "y".repeat(9_000)
    );
    let shown = config::parse("c", &text).render(false);
    assert!(shown.contains("--> c:2:312"), "{shown}");
    assert!(shown.contains("…xxxxx") && shown.contains("xxx ü éééé"), "{shown}");
    assert!(shown.contains("unknown word `yyyy") && shown.contains("yyyy … yyyy"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() < 500), "{shown}");
    // A password is hidden in a part of a line as well.
    let secret = format!("auth_pass {}{}\n", "hunter2".repeat(90), " x".repeat(90));
    let text = format!("vrrp_instance A {{\nauthentication {{\nauth_type PASS\n{secret}}}\n}}\n");
    assert!(!config::parse("c", &text).render(false).contains("hunter"));
}

#[test]
fn an_empty_file_is_an_empty_plan() {
    for text in ["", "\n", "# nothing\n", "\u{feff}"] {
        let loaded = config::parse("c", text);
        assert_eq!((loaded.plan, loaded.diagnostics.len()), (config::plan::Plan::default(), 0));
    }
}

#[test]
fn an_instance_whose_include_fails_is_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c");
    let instance = |name: &str, vrid: u8, include: &str| {
        format!(
            "vrrp_instance {name} {{ {include}\ninterface e\nvirtual_router_id {vrid}\nvirtual_ipaddress {{ 192.0.2.{vrid} }} }}\n"
        )
    };
    let text = instance("A", 1, "\nincludem none")
        + &instance("B", 2, "\ninclude none")
        + &instance("C", 3, "\ninclude c");
    std::fs::write(&path, text).unwrap();
    let names: Vec<String> =
        config::load(&path).unwrap().plan.instances.into_iter().map(|plan| plan.name).collect();
    assert_eq!(names, ["B"]);
}

#[test]
fn includes_end_however_files_include_each_other() {
    let directory = tempfile::tempdir().unwrap();
    // Each file includes all others: without limits there are more ways through them than time.
    for file in 0..30 {
        std::fs::write(directory.path().join(format!("{file}.conf")), "include *.conf\n").unwrap();
    }
    let loaded = config::load(&directory.path().join("0.conf")).unwrap();
    assert!(loaded.has_errors());
    assert!(loaded.sources.count() <= 1_001);
    assert!(loaded.diagnostics.len() <= 501);
}

#[test]
fn an_include_in_a_text_that_is_no_file_is_an_error() {
    let loaded = config::parse("c", "include /etc/passwd\n");
    assert_eq!(loaded.lines().count(), 1);
    assert!(loaded.lines().all(|line| line.contains("error[RG0105]")));
}

#[test]
fn rubbish_costs_a_bounded_number_of_diagnostics() {
    let loaded = config::parse("c", &"rubbish\n".repeat(100_000));
    assert_eq!(loaded.diagnostics.len(), 501);
    assert!(loaded.diagnostics[500].message.contains("99500 more problems"));
    assert!(loaded.has_errors());
}

/// Reads a text and shows what is wrong with it, in bounded time. Each of these takes well under a second in a debug
/// build; one pass of quadratic time would take hours.
#[expect(clippy::disallowed_methods, reason = "how long something takes is what is tested")]
fn is_read_in_time(name: &str, text: &str) {
    let start = std::time::Instant::now();
    let loaded = config::parse("c", text);
    let shown = loaded.render(false).len();
    assert_eq!(loaded.print(), text);
    let taken = start.elapsed();
    assert!(taken.as_secs() < 20, "{name} took {taken:?} for {shown} bytes of diagnostics");
}

/// A few of each would do to show what a piece means; this many show what it costs.
const LENGTH: usize = 1 << 17;

const INSTANCE: &str = "vrrp_instance A {\ninterface e\nvirtual_router_id 1\n";

#[test]
fn time_grows_with_the_length_of_the_text_alone() {
    for piece in [
        "{",
        "}",
        "\"",
        "\\",
        "#",
        "$",
        "${",
        "~",
        "@",
        "a ",
        "a\n",
        "a{",
        "{}",
        "a{}\n",
        "a{\n",
        "$a=\\\n",
        "\\\n",
        "$A=1\n$A\n",
        "$A=$A \n$A\n",
        "$A=$A$A\\\n",
        "$A ",
        "${A}",
        "${_HASH}",
        "@x a {\n",
        "@x a {\n}\n",
        "@x\n",
        "@x ",
        "~SEQ(A,1,2)",
        "~SEQ(A,1,2) a {\n",
        "~LST(A,",
        "{,",
        "include x\n",
        "vrrp_instance\n",
        "vrrp_instance a {\n",
        "vrrp_instance a {}\n",
        "é",
        "\n",
        " ",
        "\t{",
        "a\"b\"",
        "auth_pass x\n",
        "vrrp_script s { script /bin/true\n}\n",
        "virtual_ipaddress { 192.0.2.1\n",
        "global_defs { router_id x\n}\n",
        "priority 1\n",
        "unicast_peer { 192.0.2.1\n",
        "strict_mode\npreempt_delay 1\n",
        "garp_group { garp_interval 1\ninterface a\n}\n",
    ] {
        for head in ["", &format!("{INSTANCE}virtual_ipaddress {{\n"), &format!("{INSTANCE}notify \"")] {
            is_read_in_time(
                &format!("{head:?} and {piece:?}"),
                &format!("{head}{}", piece.repeat(LENGTH / piece.len())),
            );
        }
    }
}

#[test]
fn time_grows_with_the_number_of_names_alone() {
    let numbered = |piece: fn(usize) -> String| (0..LENGTH / 16).map(piece).collect::<String>();
    let scripts = numbered(|n| format!("vrrp_script s{n} {{ script a\n}}\n"));
    let instances = numbered(|n| format!("vrrp_instance i{n} {{ interface e{n}\nvirtual_router_id 1\n}}\n"));
    let misplaced = "priority 1\n".repeat(LENGTH / 16);
    for (name, text) in [
        ("trackers", format!("{INSTANCE}track_interface {{\n{}}} }}", numbered(|n| format!("e{n}\n")))),
        (
            "unknown scripts",
            format!("{scripts}{INSTANCE}track_script {{\n{}}} }}", numbered(|n| format!("t{n}\n"))),
        ),
        ("misplaced words", misplaced + &instances),
        ("variables", numbered(|n| format!("$A{n}=1\n$A{n}\n"))),
        (
            "peers",
            format!(
                "{INSTANCE}virtual_ipaddress {{\n{0}}}\nunicast_peer {{\n{0}}} }}",
                numbered(|n| format!("10.{}.{}.1\n", n / 256, n % 256))
            ),
        ),
        ("interfaces", numbered(|n| format!("garp_group {{ garp_interval 1\ninterface e{}\n}}\n", n / 2))),
        (
            "strict instances",
            "global_defs { vrrp_strict\n}\n".to_owned()
                + &numbered(|n| format!("vrrp_instance i{n} {{ authentication {{ }}\n}}\n")),
        ),
        (
            "addresses",
            format!(
                "{INSTANCE}virtual_ipaddress {{\n{}}} }}",
                numbered(|n| format!("10.{}.{}.1\n", n / 256, n % 256))
            ),
        ),
    ] {
        is_read_in_time(name, &text);
    }
}

/// Texts made of the language's own pieces.
fn pieces() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "vrrp_instance",
        "vrrp_script",
        "global_defs",
        "interface",
        "virtual_router_id",
        "priority",
        "state",
        "MASTER",
        "BACKUP",
        "advert_int",
        "version",
        "authentication",
        "auth_type",
        "PASS",
        "AH",
        "auth_pass",
        "virtual_ipaddress",
        "track_script",
        "track_interface",
        "weight",
        "reverse",
        "nopreempt",
        "preempt_delay",
        "notify",
        "script",
        "interval",
        "dev",
        "brd",
        "label",
        "scope",
        "virtual_server",
        "vrrp_strict",
        "strict_mode",
        "accept",
        "no_accept",
        "mcast_src_ip",
        "mcast_dst_ip",
        "unicast_src_ip",
        "unicast_peer",
        "min_ttl",
        "unicast_fault_no_peer",
        "old_unicast_checksum",
        "native_ipv6",
        "garp_group",
        "garp_interval",
        "include",
        "A",
        "S",
        "eth0",
        "1",
        "2",
        "3",
        "255",
        "-7",
        "0.5",
        "192.0.2.1/24",
        "192.0.2.2",
        "fe80::1",
        "2001:db8::1",
        "224.0.0.9",
        "+",
        "\"a b\"",
        "'c d'",
        "$X=1",
        "$Y=$X $Y",
        "$X",
        "${Y}",
        "${_RANDOM 1 2}",
        "~SEQ(a)",
        "~SEQ(X,1,3)",
        "~LST({X,Y},{1,2},{3,4})",
        "@id",
        "@^id",
        "{",
        "}",
        "{",
        "}",
        "\n",
        "\n",
        "\n",
        "#",
        "!",
        "\\",
        "\"",
        "é",
    ]);
    prop::collection::vec((words, prop::sample::select(vec![" ", "", "\n"])), 0..200)
        .prop_map(|pieces| pieces.into_iter().flat_map(|(word, gap)| [word, gap]).collect())
}

proptest! {
    #[test]
    fn any_text_has_a_plan_and_prints_back(text in prop_oneof![pieces(), "\\PC{0,300}", "(?s).{0,300}"]) {
        let loaded = config::parse("c", &text);
        prop_assert_eq!(loaded.print(), text.as_str());
        loaded.render(false);
        prop_assert_eq!(loaded.lines().count(), loaded.diagnostics.len());
        // What is planned can be run.
        let mut groups = std::collections::BTreeSet::new();
        for instance in &loaded.plan.instances {
            prop_assert!(groups.insert((instance.interface.clone(), instance.vrid, instance.family)));
            if let Transport::Unicast(unicast) = &instance.transport {
                let peers: std::collections::BTreeSet<_> =
                    unicast.peers.iter().map(|peer| peer.address).collect();
                prop_assert_eq!(peers.len(), unicast.peers.len());
                prop_assert!(!peers.is_empty());
                prop_assert!(peers.iter().all(|peer| peer.is_ipv4() == (instance.family == Family::Ipv4)));
                prop_assert!(!instance.source.is_some_and(|source| peers.contains(&source)));
            }
            prop_assert!(!instance.addresses.is_empty());
            prop_assert!(!instance.tracks_source || instance.source.is_some());
            for tracked in &instance.track_scripts {
                prop_assert!(loaded.plan.scripts.iter().any(|script| script.name == tracked.name));
            }
        }
    }

    #[test]
    fn the_order_of_root_blocks_changes_no_instance(first in 0_usize..3, version in 2_u8..=3) {
        let mut blocks = [
            format!("global_defs {{ vrrp_version {version}\nscript_user x }}\n"),
            "vrrp_script S { script /bin/true }\n".to_owned(),
            "vrrp_instance A { interface e\nvirtual_router_id 1\ntrack_script { S }\nvirtual_ipaddress { 192.0.2.1 } }\n".to_owned(),
        ];
        let straight = config::parse("c", &blocks.concat()).plan;
        blocks.rotate_left(first);
        prop_assert_eq!(config::parse("c", &blocks.concat()).plan, straight);
    }
}
