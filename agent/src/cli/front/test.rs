//! `-t`: the config is read, and its exit code says what is wrong with it.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Write},
    path::Path,
};

use network_interface::{NetworkInterface, NetworkInterfaceConfig};

use super::{Exit, options::Options, print};
use crate::config::{
    self, Loaded,
    diagnostic::{Diagnostic, Severity, code},
    plan::Plan,
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
    let given = config::Given { config_id: options.config_id.clone(), ..config::Given::default() };
    let loaded = match config::load_with(&options.config, &given) {
        Ok(loaded) => loaded,
        Err(error) => {
            text.push_str(&format!("{error}\n"));
            return Exit::Unable;
        }
    };
    let mut say = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    lines(&loaded).for_each(&mut say);
    let absent = absent_interfaces(&loaded.plan);
    let file = options.config.display();
    absent.iter().for_each(|line| say(format!("({file}) {line}")));
    if !loaded.left_out.is_empty() {
        say(format!(
            "({file}) it would not start: {} cannot be run as configured",
            loaded.left_out.join(", ")
        ));
        return Exit::Unable;
    }
    if loaded.diagnostics.iter().any(is_error) || !absent.is_empty() { Exit::Errors } else { Exit::Good }
}

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
    let remark = diagnostic.labels.first().filter(|label| !label.text.is_empty());
    let remark = remark.map_or_else(String::new, |label| format!(": {}", label.text));
    let help: String = diagnostic.help.iter().map(|help| format!("; {help}")).collect();
    let word = diagnostic.severity.word();
    format!("{place}{word}[{}]: {}{remark}{help}", diagnostic.code, diagnostic.message)
}

/// Whether keepalived counts it as an error too. Automation goes by the exit code: a warning that is only ours must not
/// hold up a config that runs today.
fn is_error(diagnostic: &Diagnostic) -> bool {
    match diagnostic.severity {
        Severity::Error => true,
        Severity::Warning => COUNTED.contains(&diagnostic.code),
        Severity::Note => false,
    }
}

/// Warnings about what keepalived counts as an error.
const COUNTED: &[&str] = &[
    code::AUTHENTICATION,
    code::DUPLICATE_TRACKER,
    code::MULTICAST_GROUP,
    code::NO_SUCH_FILE,
    code::NO_UNICAST_PEER,
    code::OUT_OF_RANGE,
    code::OWNER_WEIGHT,
    code::PASSWORD_CUT,
    code::PREEMPTION,
    code::STATE_MASTER,
    code::UNICAST_PEER,
    code::WRONG_FAMILY,
];

/// Instances on interfaces that are not there: they would wait in Fault.
fn absent_interfaces(plan: &Plan) -> Vec<String> {
    let Ok(there) = NetworkInterface::show() else { return Vec::new() };
    let there: BTreeSet<String> = there.into_iter().map(|interface| interface.name).collect();
    let mut lines = Vec::new();
    for instance in &plan.instances {
        let own = [&instance.interface].into_iter();
        let tracked = instance.track_interfaces.iter().map(|tracked| &tracked.name);
        let addresses = instance.addresses.iter().chain(&instance.excluded);
        let devices = addresses.filter_map(|address| address.device.as_ref());
        let named: BTreeSet<&String> = own.chain(tracked).chain(devices).collect();
        for name in named.into_iter().filter(|name| !there.contains(*name)) {
            lines.push(format!("({}) interface {name} does not exist on this host", instance.name));
        }
    }
    lines
}
