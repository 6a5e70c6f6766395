//! Words about mail.

use std::collections::BTreeSet;

use crate::config::{
    diagnostic::{Diagnostic, code},
    keyword::{GlobalTerm, MailTerm},
    model::{
        Reader,
        reader::{Damage, Entry},
    },
    plan::{MailPlan, MailServer},
};

pub(super) fn line(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, GlobalTerm>,
    term: MailTerm,
    mail: &mut MailPlan,
) {
    match term {
        MailTerm::Recipients => recipients(reader, entry, &mut mail.recipients),
        MailTerm::Sender => mail.sender = reader.filled(entry).or(mail.sender.take()),
        MailTerm::Server => {
            if let Some(server) = server(reader, entry) {
                mail.server = server;
            }
        }
        MailTerm::Helo => mail.helo = reader.filled(entry),
        MailTerm::ConnectTimeout => {
            let seconds = reader.number(entry, "30 seconds are meant");
            let seconds = seconds.and_then(|seconds| u16::try_from(seconds).ok());
            mail.connect_seconds = seconds.unwrap_or(mail.connect_seconds);
        }
        MailTerm::Alert => mail.alert = reader.switch(entry).or(mail.alert),
        MailTerm::AlertVrrp => mail.alert_vrrp = reader.switch(entry).or(mail.alert_vrrp),
        MailTerm::AlertChecker => mail.alert_checker = reader.switch(entry).or(mail.alert_checker),
        MailTerm::NoFaults => mail.no_faults = true,
        MailTerm::NoCheckers => mail.no_checkers = true,
    }
}

/// Addresses, one or more in each line; one with a name beside it is one word in quotes.
fn recipients(reader: &mut Reader<'_>, entry: &Entry<'_, GlobalTerm>, recipients: &mut Vec<String>) {
    let Some(block) = &entry.statement.block else { return };
    let mut known: BTreeSet<String> = recipients.iter().cloned().collect();
    for statement in reader.lines(&block.statements, &mut Damage::default()) {
        for word in statement.words.iter().filter(|word| !word.value.is_empty()) {
            if known.insert(word.value.clone()) {
                recipients.push(word.value.clone());
            }
        }
    }
    if block.statements.is_empty() {
        reader.report(
            Diagnostic::warning(code::EMPTY, "`notification_email` names nobody")
                .primary(block.open, "empty"),
        );
    }
}

/// `HOST [PORT]`.
fn server(reader: &mut Reader<'_>, entry: &Entry<'_, GlobalTerm>) -> Option<MailServer> {
    let host = reader.filled(entry)?;
    let server = MailServer::at(&host);
    let Some(port) = entry.values().get(1) else { return Some(server) };
    let port = reader.number_in(port, "port", 1, 65_535, "the line is skipped")?;
    Some(MailServer { port: u16::try_from(port).ok()?, ..server })
}
