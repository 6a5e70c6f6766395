//! `-t`: the config is read, and its exit code says what is wrong with it.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use super::{super::check::host::ThisHost, Exit, options::Options, print};
use crate::config::{
    self, Given, Loaded,
    diagnostic::{Diagnostic, Severity, code},
};

/// Reads the config and says what is wrong with it on stderr, or in `log`.
pub fn run(options: &Options, log: Option<&Path>) -> Exit {
    let mut text = String::new();
    let exit = tested(options, &mut text);
    let written = match log {
        Some(path) => File::create(path).and_then(|mut file| file.write_all(text.as_bytes())),
        None => {
            print(&mut io::stderr(), &text);
            Ok(())
        }
    };
    match (log, written) {
        (Some(path), Err(error)) => {
            print(&mut io::stderr(), &format!("{text}cannot write {}: {error}\n", path.display()));
            Exit::Failed
        }
        (Some(_) | None, _) => exit,
    }
}

fn tested(options: &Options, text: &mut String) -> Exit {
    // Programs are looked for with the rest of the host.
    let given = Given { config_id: options.config_id.clone(), elsewhere: true };
    let mut loaded = match config::load_with(&options.config, &given) {
        Ok(loaded) => loaded,
        Err(error) => {
            text.push_str(&format!("{error}\n"));
            return Exit::Unable;
        }
    };
    if let Some(name) = &options.namespace {
        // What the command line says counts, as with keepalived.
        loaded.plan.globals.place.net_namespace = Some(name.clone());
    }
    let mut exposed = false;
    match ThisHost::ask(&loaded.plan) {
        Ok(host) => {
            let here = loaded.here(&host).into_iter().filter(|diagnostic| HERE.contains(&diagnostic.code));
            loaded.diagnostics.extend(here);
            exposed = !loaded.plan.globals.programs.security && loaded.runs_programs(&host);
        }
        Err(error) => text.push_str(&format!("{error:#}\n")),
    }
    for line in lines(&loaded) {
        text.push_str(&line);
        text.push('\n');
    }
    let file = options.config.display();
    if !loaded.left_out.is_empty() && loaded.plan.instances.is_empty() {
        let out = loaded.left_out.join(", ");
        text.push_str(&format!("({file}) it would not start: {out} cannot be run as configured\n"));
        return Exit::Unable;
    }
    if lacks_what_it_includes(&loaded) {
        text.push_str(&format!("({file}) it would not start: a file is not there that it says must be\n"));
        return Exit::NoConfig;
    }
    if exposed {
        text.push_str(&format!("({file}) programs are run, and `enable_script_security` is not said\n"));
        return Exit::NoConfig;
    }
    if loaded.left_out.is_empty() && !loaded.diagnostics.iter().any(is_error) {
        Exit::Good
    } else {
        Exit::Errors
    }
}

/// Whether an include matches nothing of which the config says that it must: keepalived does not start then.
pub fn lacks_what_it_includes(loaded: &Loaded) -> bool {
    let lacks = |diagnostic: &Diagnostic| {
        diagnostic.code == code::INCLUDE_NOTHING && diagnostic.severity == Severity::Error
    };
    loaded.diagnostics.iter().any(lacks)
}

/// What keepalived looks at on the host it tests a config on.
const HERE: &[&str] =
    &[code::INSECURE_PROGRAM, code::NO_INTERFACE, code::NO_SUCH_FILE, code::NO_USER, code::NOT_EXECUTABLE];

/// What is wrong with a config, as keepalived would say where.
pub fn lines(loaded: &Loaded) -> impl Iterator<Item = String> {
    let told = loaded.diagnostics.iter().filter(|diagnostic| diagnostic.severity > Severity::Note);
    told.map(|diagnostic| line(diagnostic, loaded))
}

/// `(FILE: Line N) what is wrong: remark; help`.
fn line(diagnostic: &Diagnostic, loaded: &Loaded) -> String {
    let place = diagnostic.span().map_or_else(String::new, |span| {
        let line = loaded.sources.position(span).line;
        format!("({}: Line {line}) ", loaded.sources.name(span))
    });
    format!("{place}{}[{}]: {}", diagnostic.severity.word(), diagnostic.code, diagnostic.sentence())
}

/// Whether keepalived counts it as an error too. Automation goes by the exit code: a warning that is only ours must not
/// hold up a config that runs today.
fn is_error(diagnostic: &Diagnostic) -> bool {
    match diagnostic.severity {
        Severity::Error => true,
        // What strict mode takes back is its remark; what it would do and does not here is none.
        Severity::Warning if diagnostic.code == code::STRICT => diagnostic.remark().is_some(),
        Severity::Warning => COUNTED.contains(&diagnostic.code),
        Severity::Note => false,
    }
}

/// Warnings about what keepalived counts as an error.
const COUNTED: &[&str] = &[
    code::AUTHENTICATION,
    code::DUPLICATE_TRACKER,
    code::INSECURE_PROGRAM,
    code::MULTICAST_GROUP,
    code::NO_PREFERENCE,
    code::NO_SUCH_FILE,
    code::NO_UNICAST_PEER,
    code::NOT_EXECUTABLE,
    code::OUT_OF_RANGE,
    code::OWNER_WEIGHT,
    code::PASSWORD_CUT,
    code::PREEMPTION,
    code::QUORUM,
    code::QUOTE_WITHIN,
    code::SERVER_DEFAULT,
    code::SERVER_PORT,
    code::SERVER_PROTOCOL,
    code::STATE_MASTER,
    code::SYNC_GROUP,
    code::TRACKS_OWN_INTERFACE,
];
