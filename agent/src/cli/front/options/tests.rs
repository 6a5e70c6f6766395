use super::*;

fn words(line: &str) -> Vec<OsString> {
    std::iter::once("keepalived").chain(line.split_whitespace()).map(OsString::from).collect()
}

fn run(line: &str) -> Options {
    match parse(&words(line)) {
        Request::Run(options) => *options,
        Request::Print { text, .. } => panic!("{line}: {text}"),
    }
}

fn said(line: &str) -> (String, bool, u8) {
    match parse(&words(line)) {
        Request::Print { text, to_stdout, code } => (text, to_stdout, code),
        Request::Run(options) => panic!("{line}: {options:?}"),
    }
}

#[test]
fn a_line_without_options_runs_the_default_config_in_the_background() {
    let options = run("");
    assert_eq!(options.config, PathBuf::from("/etc/keepalived/keepalived.conf"));
    assert!(!options.foreground && !options.console && options.vrrp);
    assert_eq!(options.facility, Some(Facility::DAEMON));
}

#[test]
fn containers_and_units_are_understood() {
    let options = run("-n -l -D -f /c.conf -p /p -r /v -c /c -b /b --log-facility=local3 -i lb1 -R -P");
    assert_eq!(options.config, PathBuf::from("/c.conf"));
    assert!(options.foreground && options.console && options.details && options.vrrp);
    assert_eq!((options.pid, options.vrrp_pid), (Some("/p".into()), Some("/v".into())));
    assert_eq!(options.facility, "local3".parse().ok());
    assert_eq!(options.config_id.as_deref(), Some("lb1"));
    assert!(options.complaints.is_empty() && options.remarks.is_empty());
    assert_eq!(run("-nlDf/c.conf"), run("--dont-fork --log-console --log-detail --use-file=/c.conf"));
    assert_eq!(run("--use-file /c.conf").config, PathBuf::from("/c.conf"));
}

#[test]
fn a_log_of_the_test_is_only_what_is_glued_on() {
    assert_eq!(run("-t").test, Some(None));
    assert_eq!(run("-t -f /c").test, Some(None));
    assert_eq!(run("-t/log").test, Some(Some("/log".into())));
    assert_eq!(run("--config-test=/log").test, Some(Some("/log".into())));
    let options = run("-t /c.conf");
    assert_eq!((options.test, options.complaints.len()), (Some(None), 1));
    assert_eq!(run("-M -t").test, Some(None));
}

#[test]
fn names_may_be_cut_where_one_is_left() {
    assert!(run("--dont-f").foreground);
    assert_eq!(said("--sig DATA"), ("10\n".to_owned(), true, 0));
    assert_eq!(said("--dont"), ("Unknown option --dont\n".to_owned(), false, 1));
}

#[test]
fn signals_have_the_numbers_of_keepalived() {
    for (name, number) in
        [("STOP", 15), ("RELOAD", 1), ("DATA", 10), ("STATS", 12), ("STATS_CLEAR", 63), ("JSON", 36)]
    {
        assert_eq!(said(&format!("--signum={name}")), (format!("{number}\n"), true, 0));
    }
    assert_eq!(said("--signum=FOO"), ("Unknown sigfunc FOO\n".to_owned(), false, 1));
}

#[test]
fn what_is_no_option_ends_it() {
    assert_eq!(said("--bogus"), ("Unknown option --bogus\n".to_owned(), false, 1));
    assert_eq!(said("-Z"), ("Unknown option -Z\n".to_owned(), false, 1));
    assert_eq!(said("-f"), ("Missing parameter for option -f\n".to_owned(), false, 1));
    assert_eq!(said("-T").2, 1);
}

#[test]
fn what_makes_no_sense_is_complained_about_and_carried_out() {
    let options = run("-S 9 -u 999 extra -G");
    assert_eq!(
        options.complaints,
        ["Invalid log facility '9'", "Invalid --umask option 999", "Unexpected argument(s): extra"]
    );
    assert_eq!((options.facility, options.umask), (None, None));
    assert_eq!(run("-u 022").umask, Some(0o22));
    assert_eq!(run("-u 0x12").umask, Some(0o22));
    assert_eq!(run("-u 18").umask, Some(0o22));
}

#[test]
fn what_has_no_effect_is_said_where_something_is_missing() {
    assert_eq!(run("-B -I -R -X -a -A /s -c /c -b /b --all -e").remarks, Vec::<String>::new());
    let remarks = run("-V -x").remarks;
    assert_eq!(remarks.len(), 2);
    assert!(remarks[0].starts_with("-V has no effect: "), "{remarks:?}");
}

#[test]
fn health_checks_alone_run_no_instance() {
    assert!(!run("-C").vrrp);
    assert!(run("-C -P").vrrp);
}

#[test]
fn exporters_find_a_version_and_json() {
    let (text, to_stdout, code) = said("-v");
    assert!(text.starts_with("Keepalived v2.2.7 (") && text.contains("--enable-json"), "{text}");
    assert_eq!((to_stdout, code), (false, 0));
}

#[test]
fn the_help_names_every_option() {
    let (text, _, code) = said("-h");
    assert_eq!(code, 0);
    for row in ROWS {
        assert!(text.contains(&format!("--{}", row.name)), "{}", row.name);
    }
    assert_eq!(said("--help").0, text);
}
