//! Tests of `explain`: what people ask, and what they read.

use super::{ExplainOptions, run, subjects};
use crate::{cli::exit::Status, config::diagnostic::code, config::keyword};

fn explained(about: &str) -> Result<String, String> {
    let options = ExplainOptions { about: about.split_whitespace().map(str::to_owned).collect() };
    let mut output = Vec::new();
    match run(&options, &mut output) {
        Ok(status) => {
            assert_eq!(status, Status::Good);
            Ok(String::from_utf8(output).unwrap())
        }
        Err(error) => Err(format!("{error:#}")),
    }
}

#[test]
fn a_word_says_its_place_range_default_effect_and_use() {
    let text = explained("virtual_router_id").unwrap();
    assert_eq!(
        text,
        "virtual_router_id\n\
         \n\
         \x20 the same on all routers of the group, and of this group alone on its network\n\
         \n\
         \x20 Where      in vrrp_instance\n\
         \x20 Takes      a whole number from 1 to 255\n\
         \x20 Agent      acts\n\
         \x20 Use        nearly all configs say it\n\
         \n\
         \x20   virtual_router_id 50\n"
    );
    assert!(explained("priority").unwrap().contains("  Default    100, or 255 with state MASTER\n"));
    assert!(explained("xdp").unwrap().contains("the agent's own word"));
}

#[test]
fn every_place_of_a_word_is_told_and_what_is_the_same_only_once() {
    let interface = explained("interface").unwrap();
    assert!(interface.contains("  in vrrp_instance\n") && interface.contains("  in garp_group\n"));
    let timeout = explained("connect_timeout").unwrap();
    assert!(timeout.contains("real_server/TCP_CHECK") && timeout.contains("real_server/DNS_CHECK"));
    assert!(timeout.matches("  Agent ").count() < keyword::parents("connect_timeout").count());
}

#[test]
fn an_example_is_shown_as_one_would_write_it() {
    let text = explained("authentication").unwrap();
    assert!(
        text.contains("\n    authentication {\n        auth_type PASS\n        auth_pass 1111\n    }\n"),
        "{text}"
    );
    assert!(explained("unicast_peer").unwrap().contains("\n    unicast_peer { 192.0.2.2 min_ttl 255 }\n"));
}

#[test]
fn a_block_lists_its_words_and_what_does_not_act_is_marked() {
    let text = explained("vrrp_instance").unwrap();
    for word in keyword::words_of("vrrp_instance") {
        assert!(text.contains(&format!("\n  {word} ")), "{word}");
    }
    assert!(text.contains("(not yet)"));
    assert!(explained("vrrp_instance/authentication").unwrap().contains("\n  auth_pass  "));
}

#[test]
fn a_word_of_a_block_is_asked_for_with_a_slash_or_a_blank_and_with_as_much_of_the_way_as_it_takes() {
    let whole = explained("virtual_server/real_server/weight").unwrap();
    assert!(whole.contains("  Where      in virtual_server/real_server\n"));
    assert_eq!(explained("real_server/weight").unwrap(), whole);
    assert_eq!(explained("real_server weight").unwrap(), whole);
    assert!(explained("vrrp_script/priority").is_err());
    assert!(explained("virtual_server/weight").unwrap().contains("  Where      in virtual_server\n"));
}

#[test]
fn a_code_is_told_with_its_examples() {
    let text = explained("rg0403").unwrap();
    assert!(text.starts_with("RG0403: two instances hold one VRID on one interface\n\n"), "{text}");
    assert!(text.contains("\nWrong:\n\n    vrrp_instance WEB {\n        interface eth0\n"));
    assert!(text.contains("\nRight:\n\n    vrrp_instance WEB {\n"));
    for (code, _) in code::ALL {
        assert!(explained(code).is_ok(), "{code}");
    }
}

#[test]
fn an_unknown_word_fails_with_the_nearest_one() {
    assert_eq!(
        explained("prioirty").unwrap_err(),
        "`prioirty` is no word of the language and no code of a diagnostic; did you mean `priority`?"
    );
    assert_eq!(
        explained("vrrp_instance/prioirty").unwrap_err(),
        "`vrrp_instance/prioirty` is no word of the language and no code of a diagnostic; did you mean `priority`?"
    );
    assert!(explained("RG0999").is_err() && explained("xyzzy").unwrap_err().contains("lists the blocks"));
}

#[test]
fn a_word_of_the_lines_of_a_block_is_found_there() {
    let text = explained("label").unwrap();
    assert!(text.contains("  Where      in the lines of vrrp_instance/virtual_ipaddress"), "{text}");
    assert!(explained("-nodad").is_ok() && explained("min_ttl").is_ok());
    let block = explained("virtual_ipaddress_excluded").unwrap();
    assert!(block.contains("\n  preferred_lft "), "{block}");
}

#[test]
fn without_a_word_it_says_how_to_ask() {
    let text = explained("").unwrap();
    assert!(text.contains("agent explain RG0403") && text.contains("\n  vrrp_instance "));
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn no_page_is_wider_than_a_terminal_but_for_its_examples() {
    for (subject, _) in subjects() {
        let text = explained(subject).unwrap();
        let wide = text.lines().find(|line| line.chars().count() > 80 && !line.starts_with("    "));
        assert_eq!(wide, None, "{subject}");
    }
}
