//! regent.conf(5): the language, and every word of it block by block, from the table.

use roff::{Inline, Roff, bold, italic, roman};

use super::{MANUAL, NO_DATE, SOURCE};
use crate::config::{
    diagnostic::code,
    keyword::{self, Keyword, Kind},
};

/// What the page says before its words: heading, paragraphs.
const BEFORE: &[(&str, &[&str])] = &[
    (
        "DESCRIPTION",
        &[
            "The agent is told by a config which virtual addresses to keep alive, with whom and how. Its language is that of \
             keepalived.conf(5): a file that runs keepalived runs the agent. Without --config it is read from \
             /etc/regent/regent.conf, else from /etc/keepalived/keepalived.conf.",
            "A line starts with a word of the language; its values follow. A block in braces holds further lines. Words and values \
             are separated by blanks; double quotes hold blanks together, and \\\" is a quote within them. # and ! start a comment \
             anywhere in a line, unless they are quoted or follow a backslash.",
            "include FILE reads another file at its place; the name may be a pattern, and a relative one starts at the directory of \
             the file that includes.",
            "Some forms of it make an error of what include only warns of: that a file cannot be read (includer), that there is none of \
             that name (includem), that a part with a wildcard matches nothing (includew), that an alternative in braces matches \
             nothing (includeb), or each of these (includea).",
            "$NAME=VALUE defines a variable, and $NAME or ${NAME} anywhere after it stands for its value; a value goes on in the next \
             line after a backslash at the end of one, and then may hold whole lines and other variables. ${_ENV X} is the environment's \
             X, ${_PWD} the directory of the file, ${_INSTANCE} the id that -i says, ${_HASH} and ${_BANG} the two signs of comments, \
             ${_RANDOM MIN MAX} a number.",
            "~SEQ(NAME, FIRST, STEP, LAST) before a line repeats the line with $NAME counting (STEP, or FIRST and STEP, may be left \
             out); ~SEQx counts in hexadecimal; \
             ~LST(NAME, A, B, C) goes through a list, and ~LST({N, M}, {A, B}, {C, D}) sets several at once.",
            "A line that begins with @ID counts only where -i says ID, and one with @^ID only where it does not.",
            "Switches take on, true, yes, off, false or no, and are on without any. Times are seconds with up to six decimals.",
            "agent explain WORD tells the same of a word as this page, and agent explain CODE what a diagnostic is about.",
        ],
    ),
    (
        "WORDS",
        &[
            "The blocks follow, each with its words. Where the agent does not do what a word says, that is told: a word may be \
             accepted without effect, because nothing is missing without it; or have no effect yet; or be refused.",
        ],
    ),
];

/// One side of a pair.
pub(super) const EXAMPLE: &str = "\
vrrp_script check {
    script \"/usr/bin/pgrep -x haproxy\"
    interval 2
}

vrrp_instance VI_1 {
    state BACKUP
    interface eth0
    virtual_router_id 50
    priority 150
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    virtual_ipaddress {
        192.0.2.3/24
    }
    track_script {
        check
    }
}";

/// The page.
pub(super) fn page(name: &str, section: u8) -> String {
    let mut page = Roff::new();
    page.control("TH", [name.to_uppercase().as_str(), &section.to_string(), NO_DATE, SOURCE, MANUAL]);
    page.control("SH", ["NAME"]);
    page.text([roman(format!("{name} - what Regent's agent is to do"))]);
    for (heading, paragraphs) in BEFORE {
        page.control("SH", [*heading]);
        for (index, paragraph) in paragraphs.iter().enumerate() {
            if index > 0 {
                page.control("PP", []);
            }
            page.text([roman(*paragraph)]);
        }
    }
    for block in keyword::blocks() {
        let words: Vec<&Keyword> = keyword::all_words().filter(|word| word.parent == block).collect();
        let heading = match (block, words.iter().any(|word| word.is_of_lines())) {
            ("", _) => "Outside all blocks".to_owned(),
            (_, true) => format!("Lines of {block}"),
            (_, false) => block.to_owned(),
        };
        page.control("SS", [heading.as_str()]);
        for word in words {
            self::word(&mut page, word);
        }
    }
    page.control("SH", ["EXAMPLE"]);
    page.text([roman("One of two routers; the other has another priority, and all else alike.")]);
    page.control("PP", []);
    page.control("EX", []);
    for line in EXAMPLE.lines() {
        page.text([roman(line)]);
    }
    page.control("EE", []);
    page.control("SH", ["DIAGNOSTICS"]);
    page.text([roman("Each has a code; agent explain CODE tells what it is about, with examples.")]);
    for (code, meaning) in code::ALL {
        page.control("TP", []);
        page.text([bold(*code)]);
        page.text([roman(*meaning)]);
    }
    page.control("SH", ["FILES"]);
    page.text([italic("/etc/regent/regent.conf"), roman(", "), italic("/etc/keepalived/keepalived.conf")]);
    page.control("SH", ["SEE ALSO"]);
    page.text([bold("agent"), roman("(8), "), bold("agent-explain"), roman("(8)")]);
    page.render()
}

fn word(page: &mut Roff, word: &Keyword) {
    page.control("TP", []);
    let mut head = vec![bold(word.name)];
    head.extend(word.takes().map(|takes| roman(format!(" {takes}"))));
    page.text(head);
    let mut text: Vec<Inline> = vec![roman(sentence(word.help))];
    if let Kind::Lines(line) = word.kind {
        text.push(roman(format!(" Each line: {}.", line.form())));
    }
    if !word.default.is_empty() {
        text.push(roman(format!(" Default: {}.", word.default)));
    }
    if !word.since.is_empty() {
        text.push(roman(format!(" Since keepalived {}.", word.since)));
    }
    let synonyms = word.synonyms();
    if !synonyms.is_empty() {
        text.push(roman(format!(" Also: {}.", synonyms.join(", "))));
    }
    let effect = word.effect.in_words();
    if effect != "acts" {
        text.push(roman(format!(" {}", sentence(&effect))));
    }
    page.text(text);
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
