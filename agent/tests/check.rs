//! `agent check` and `agent convert`, as a program: what they print in each format, and what they exit with.
//!
//! Each `check/NAME.conf` has `check/NAME.expected`, `.json` and `.sarif`. After a wanted change,
//! `REGENT_BLESS=1 cargo test -p regent-agent --test check` writes them anew; read the difference.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files stops")]

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use regent_agent::config::diagnostic::code;
use serde_json::Value;

/// Runs the agent where the configs are, so that they are named as they are here.
fn agent(words: &[&str]) -> Output {
    agent_with(words, "")
}

fn agent_with(words: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_agent"))
        .args(words)
        .current_dir("tests/check")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What `check` prints on stdout with these words, when it exits with `status` and has nothing to say on stderr.
fn checked(words: &[&str], status: i32) -> String {
    let words: Vec<&str> = ["check"].iter().chain(words).copied().collect();
    let output = agent(&words);
    assert_eq!(output.status.code(), Some(status), "{words:?}\n{}", text(&output.stdout));
    assert_eq!(text(&output.stderr), "", "{words:?}");
    text(&output.stdout)
}

fn golden(name: &str, actual: &str) {
    let path = Path::new("tests/check").join(name);
    if std::env::var_os("REGENT_BLESS").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(actual == expected, "{name} has changed:\n{actual}");
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A SARIF log without its rules, which grow with the language.
fn without_rules(text: &str) -> String {
    let mut log = json(text);
    let driver = log.pointer_mut("/runs/0/tool/driver").unwrap();
    let rules = driver.as_object_mut().unwrap().remove("rules").unwrap();
    assert_eq!(rules.as_array().unwrap().len(), code::ALL.len());
    for result in log.pointer_mut("/runs/0/results").unwrap().as_array_mut().unwrap() {
        let index = result.as_object_mut().unwrap().remove("ruleIndex").unwrap().as_u64().unwrap();
        assert_eq!(rules.get(usize::try_from(index).unwrap()).unwrap()["id"], result["ruleId"]);
    }
    format!("{log:#}\n")
}

#[test]
fn each_config_is_told_in_each_format() {
    for (name, files, status) in [
        ("clean", ["clean.conf"].as_slice(), 0),
        ("warned", &["warned.conf"], 0),
        ("wrong", &["wrong.conf"], 4),
        ("pair", &["left.conf", "right.conf"], 4),
        ("conduct", &["conduct_left.conf", "conduct_right.conf"], 4),
    ] {
        let with = |format: &str| {
            let words: Vec<&str> = files.iter().copied().chain(["-o", format]).collect();
            checked(&words, status)
        };
        golden(&format!("{name}.expected"), &with("human"));
        golden(&format!("{name}.json"), &with("json"));
        golden(&format!("{name}.sarif"), &without_rules(&with("sarif")));
        for format in ["human", "json", "sarif"] {
            let shown = with(format);
            for password in ["sesame", "left-one", "right-on", "the-same", "0123456789"] {
                assert!(!shown.contains(password), "{name} as {format} shows a password");
            }
            assert!(!shown.contains('\u{1b}'), "{name} as {format} is coloured without a terminal");
        }
    }
}

#[test]
fn warnings_count_under_strict_and_notes_never_do() {
    checked(&["warned.conf", "--strict"], 5);
    checked(&["clean.conf", "--strict"], 0);
    checked(&["wrong.conf", "--strict"], 4);
    let text = "vrrp_script S { script /bin/true }\n\
                vrrp_instance A { interface e\nvirtual_router_id 1\nvirtual_ipaddress { 192.0.2.1 } }\n";
    let output = agent_with(&["check", "--strict", "-"], text);
    assert_eq!(output.status.code(), Some(0));
    assert!(self::text(&output.stdout).ends_with("standard input: 1 note; 1 instance would run\n"));
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_in_each_format() {
    assert_eq!(
        checked(&["none.conf"], 4),
        "error[RG0102]: cannot read config `none.conf`: there is no such file; check the path\n\n\
         `agent explain RG0102` says more\nnone.conf: 1 error\n"
    );
    let report = json(&checked(&["none.conf", "-o", "json"], 4));
    assert_eq!(report["configs"][0]["read"], false);
    assert_eq!((&report["errors"], &report["diagnostics"][0]["file"]), (&1.into(), &"none.conf".into()));
    let log = json(&checked(&["none.conf", "-o", "sarif"], 4));
    let place = log.pointer("/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri");
    assert_eq!(place.unwrap(), "none.conf");
    // The other side of a pair is checked all the same.
    let pair = checked(&["none.conf", "wrong.conf"], 4);
    assert!(pair.contains("RG0102") && pair.contains("RG0403"), "{pair}");
    for path in [".", "/dev/null", "clean.conf/below"] {
        checked(&[path], 4);
    }
}

#[test]
fn standard_input_is_a_config_beside_the_working_directory() {
    let output = agent_with(&["check", "-"], "include clean.conf\n");
    assert_eq!(text(&output.stdout), "standard input: no problems; 1 instance would run\n");
    let clean = std::fs::read_to_string("tests/check/clean.conf").unwrap();
    let output = agent_with(&["check", "-", "clean.conf"], &clean);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("both sides of VRID 51 on `eth0` have priority 100"));
    let output = agent_with(&["check", "-"], "\u{0}");
    assert_ne!(output.status.code(), None);
}

#[test]
fn a_value_that_came_by_a_variable_is_shown_where_it_is_written_on_its_own_side() {
    let clean = std::fs::read_to_string("tests/check/clean.conf").unwrap();
    let other = format!("$INTERVAL=3\n{}", clean.replace("_id 51", "_id 51\nadvert_int $INTERVAL"));
    let report = json(&text(&agent_with(&["check", "clean.conf", "-", "-o", "json"], &other).stdout));
    let found = &report["diagnostics"][0];
    assert_eq!((&found["code"], &found["file"]), (&"RG0554".into(), &"clean.conf".into()));
    let label = &found["labels"][1];
    assert_eq!((&label["file"], &label["line"]), (&"standard input".into(), &1.into()), "{report:#}");
    // Before all others come those of the files themselves, and they have none.
    assert_eq!(report["diagnostics"].as_array().unwrap().len(), 2, "{report:#}");
}

#[test]
fn conditional_lines_are_those_of_the_id_that_is_given() {
    let clean = std::fs::read_to_string("tests/check/clean.conf").unwrap();
    let text = clean.replace("_id 51", "_id 51\n@backup priority 300");
    for (words, status) in [(["check", "-", "-i", "master"], 0), (["check", "-", "-i", "backup"], 4)] {
        assert_eq!(agent_with(&words, &text).status.code(), Some(status), "{words:?}");
    }
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    for words in [
        ["check", "-", "-"].as_slice(),
        &["check", "a", "b", "c"],
        &["check", "--here", "a", "b"],
        &["check", "-o", "xml", "a"],
        &["convert", "a", "b"],
        &["convert", "-o", "yaml", "a"],
    ] {
        let output = agent(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(output.stdout.is_empty(), "{words:?}");
    }
}

/// The members that SARIF 2.1.0 requires, and the types of those that are used.
#[test]
fn sarif_has_what_its_schema_requires() {
    let log = json(&checked(&["wrong.conf", "-o", "sarif"], 4));
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().ends_with("sarif-schema-2.1.0.json"));
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "regent");
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    for rule in run["tool"]["driver"]["rules"].as_array().unwrap() {
        assert!(rule["id"].as_str().unwrap().starts_with("RG"));
        assert!(!rule["shortDescription"]["text"].as_str().unwrap().is_empty());
    }
    let results = run["results"].as_array().unwrap();
    assert!(results.len() > 3);
    for result in results {
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let mut places = vec![&result["locations"][0]];
        places.extend(result.get("relatedLocations").and_then(Value::as_array).into_iter().flatten());
        for place in places {
            let place = &place["physicalLocation"];
            assert!(!place["artifactLocation"]["uri"].as_str().unwrap().contains([' ', '\\']));
            let at = |name: &str| place["region"][name].as_u64().unwrap();
            assert!(at("startLine") >= 1 && at("startColumn") >= 1);
            assert!((at("endLine"), at("endColumn")) >= (at("startLine"), at("startColumn")));
        }
    }
}

#[test]
fn columns_are_of_the_text_and_not_of_its_bytes() {
    let report = json(&checked(&["wrong.conf", "-o", "json"], 4));
    let diagnostics = report["diagnostics"].as_array().unwrap();
    let place = |code: &str| {
        let found = diagnostics.iter().find(|diagnostic| diagnostic["code"] == code).unwrap();
        let at = |value: &Value| (value["line"].as_u64().unwrap(), value["column"].as_u64().unwrap());
        (found["file"].as_str().unwrap().to_owned(), at(found), at(&found["end"]))
    };
    assert_eq!(place("RG0302"), ("wrong.d/mail.conf".to_owned(), (3, 23), (3, 26)));
    assert_eq!(place("RG0201"), ("wrong.conf".to_owned(), (6, 5), (6, 14)));
}

#[test]
fn what_is_off_this_host_is_looked_at_only_when_asked() {
    assert_eq!(checked(&["here.conf"], 0), "here.conf: no problems; 1 instance would run\n");
    let here = checked(&["here.conf", "--here"], 4);
    for said in [
        "error[RG0501]: this host has no interface `nonexistent0`",
        "error[RG0311]: `/nonexistent/chk` does not exist on this host",
        "error[RG0509]: this host has no user `nobodyhere`",
    ] {
        assert!(here.contains(said), "{here}");
    }
}

#[test]
fn a_password_is_in_no_output_unless_it_is_asked_for() {
    let from = "../config/secrets.conf";
    for words in
        [["check", from, "-o", "human"], ["check", from, "-o", "json"], ["check", from, "-o", "sarif"]]
    {
        let output = agent(&words);
        let all = text(&output.stdout) + &text(&output.stderr);
        assert!(!all.contains("hide-"), "{words:?}: {all}");
    }
    let output = agent(&["convert", from]);
    let all = text(&output.stdout) + &text(&output.stderr);
    assert!(!all.contains("hide-") && all.contains("\"***\""), "{all}");
    let output = agent(&["convert", from, "--secrets"]);
    assert!(text(&output.stdout).contains("hide-10"), "{}", text(&output.stdout));
    assert!(!text(&output.stderr).contains("hide-"), "{}", text(&output.stderr));
}

/// Every way to ask, with what each format says of it.
#[test]
fn the_exit_status_is_the_same_in_each_format() {
    let good = std::fs::read_to_string("tests/check/clean.conf").unwrap();
    let warned =
        "vrrp_instance A { interface e\nvirtual_router_id 1\nvirtual_ipaddress { 192.0.2.1\n192.0.2.1 } }\n";
    let wrong = "vrrp_instance A { }\n";
    for (files, input, plain, strict) in [
        (["clean.conf"].as_slice(), "", 0, 0),
        (&["-"], good.as_str(), 0, 0),
        (&["-"], warned, 0, 5),
        (&["-"], wrong, 4, 4),
        (&["-"], "", 0, 0),
        (&["none.conf"], "", 4, 4),
        (&["none.conf", "clean.conf"], "", 4, 4),
        (&["clean.conf", "none.conf"], "", 4, 4),
        (&["none.conf", "none.conf"], "", 4, 4),
        (&["clean.conf", "-"], wrong, 4, 4),
        // Two sides of one priority: whoever starts first is master.
        (&["clean.conf", "clean.conf"], "", 0, 5),
        (&["left.conf", "right.conf"], "", 4, 4),
    ] {
        for format in ["human", "json", "sarif"] {
            for (flag, status) in [(None, plain), (Some("--strict"), strict)] {
                let words: Vec<&str> =
                    ["check", "-o", format].into_iter().chain(flag).chain(files.iter().copied()).collect();
                let output = agent_with(&words, input);
                assert_eq!(output.status.code(), Some(status), "{words:?}\n{}", text(&output.stdout));
                assert_eq!(text(&output.stderr), "", "{words:?}");
                if format == "json" {
                    let report = json(&text(&output.stdout));
                    assert_eq!(report["errors"].as_u64().unwrap() > 0, status == 4, "{words:?}");
                    assert_eq!(report["configs"].as_array().unwrap().len(), files.len(), "{words:?}");
                }
            }
        }
    }
}

/// A place in an included file names that file, what led there is related, and what is not shown is counted.
#[test]
fn sarif_tells_files_uses_and_what_is_not_shown() {
    let log = json(&checked(&["wrong.conf", "-o", "sarif"], 4));
    let results = log["runs"][0]["results"].as_array().unwrap();
    let place =
        |result: &Value| result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].clone();
    let included = results.iter().find(|result| place(result) == "wrong.d/mail.conf").unwrap();
    let related = included["relatedLocations"].as_array().unwrap();
    let from = related.iter().find(|place| place["message"]["text"] == "included from here").unwrap();
    assert_eq!(from["physicalLocation"]["artifactLocation"]["uri"], "wrong.conf");
    // The value is the place, and its use is related.
    let used = "$P=x\nvrrp_instance A { interface e\nvirtual_router_id 1\npriority $P\nvirtual_ipaddress { 192.0.2.1 } }\n";
    let log = json(&text(&agent_with(&["check", "-", "-o", "sarif"], used).stdout));
    let result = &log["runs"][0]["results"][0];
    let line = |place: &Value| place["physicalLocation"]["region"]["startLine"].as_u64();
    assert_eq!(line(&result["locations"][0]), Some(1), "{result:#}");
    assert_eq!(line(&result["relatedLocations"][0]), Some(4), "{result:#}");
    let many: String = (0..600).map(|at| format!("word{at}\n")).collect();
    let log = json(&text(&agent_with(&["check", "-", "-o", "sarif"], &many).stdout));
    let results = log["runs"][0]["results"].as_array().unwrap();
    let last = results.last().unwrap();
    assert_eq!((results.len(), &last["ruleId"]), (501, &code::TOO_MANY.into()));
    assert!(last["message"]["text"].as_str().unwrap().starts_with("100 more problems"), "{last:#}");
}

/// Columns count characters: one outside of the basic plane is one, and not two.
#[test]
fn columns_are_characters_also_of_rare_ones() {
    let text = "vrrp_instance \u{1f600} { prioritty 1 }\n";
    for (format, at) in [("json", "/diagnostics"), ("sarif", "/runs/0/results")] {
        let log = json(&self::text(&agent_with(&["check", "-", "-o", format], text).stdout));
        let found = log.pointer(at).unwrap().as_array().unwrap();
        let found = found.iter().find(|one| one.to_string().contains("RG0201")).unwrap();
        let column =
            found.pointer("/locations/0/physicalLocation/region/startColumn").or(found.get("column"));
        assert_eq!(column.and_then(Value::as_u64), Some(19), "{format}: {found:#}");
    }
}

#[test]
fn a_plan_is_written_whole() {
    let output = agent(&["convert", "warned.conf", "-o", "json"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("warning[RG0306]"));
    assert!(!text(&output.stderr).contains("sesame"));
    golden("warned.plan.json", &text(&output.stdout));
    let from_stdin =
        agent_with(&["convert", "-"], &std::fs::read_to_string("tests/check/warned.conf").unwrap());
    assert_eq!(from_stdin.stdout, output.stdout);
}

#[test]
fn the_plan_of_a_wrong_config_is_what_can_be_run_and_exits_with_4() {
    let output = agent(&["convert", "wrong.conf"]);
    assert_eq!(output.status.code(), Some(4));
    let plan = json(&text(&output.stdout));
    assert_eq!(plan["instances"].as_array().unwrap().len(), 1);
    assert_eq!(plan["instances"][0]["name"], "WEB");
    let output = agent(&["convert", "none.conf"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(4), 0));
}
