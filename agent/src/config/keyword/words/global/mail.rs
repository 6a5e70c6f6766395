//! The words of `global_defs` about mail.

use super::GlobalTerm;
use crate::config::keyword::{
    Kind, Line, Word,
    words::{NO_MAIL, word},
};

/// About mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum MailTerm {
    Recipients,
    Sender,
    Server,
    Helo,
    ConnectTimeout,
    Alert,
    AlertVrrp,
    AlertChecker,
    NoFaults,
    NoCheckers,
}

const SERVER: Kind = Kind::Form { what: "HOST [PORT]", least: 1, most: Some(2) };
/// What the milliseconds of 32 bits hold.
const CONNECT: Kind = Kind::Number { least: 1, most: 4294 };

const fn mail(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    example: &'static str,
    term: MailTerm,
) -> Word<GlobalTerm> {
    word(name, kind, help, example, GlobalTerm::Mail(term)).not_yet(NO_MAIL)
}

pub(super) const WORDS: &[Word<GlobalTerm>] = &[
    mail(
        "notification_email",
        Kind::Lines(Line::Mail),
        "who gets the mails",
        "notification_email { root@example.net }",
        MailTerm::Recipients,
    )
    .everyday(),
    mail(
        "notification_email_from",
        Kind::Text,
        "who the mails are from",
        "notification_email_from lb1@example.net",
        MailTerm::Sender,
    )
    .default("keepalived@HOST")
    .everyday(),
    mail(
        "smtp_server",
        SERVER,
        "the mail server, by address or name",
        "smtp_server 192.0.2.25 25",
        MailTerm::Server,
    )
    .default("127.0.0.1 25")
    .everyday(),
    mail(
        "smtp_helo_name",
        Kind::MaybeText,
        "what the mail server is told as this host's name",
        "smtp_helo_name lb1.example.net",
        MailTerm::Helo,
    )
    .default("the host's name"),
    mail(
        "smtp_connect_timeout",
        CONNECT,
        "seconds that the mail server has to answer",
        "smtp_connect_timeout 30",
        MailTerm::ConnectTimeout,
    )
    .default("30")
    .everyday(),
    mail(
        "smtp_alert",
        Kind::Switch,
        "mails about everything that does not say otherwise",
        "smtp_alert",
        MailTerm::Alert,
    )
    .default("off, and on for real servers"),
    mail(
        "smtp_alert_vrrp",
        Kind::Switch,
        "mails about instances and sync groups that do not say otherwise",
        "smtp_alert_vrrp",
        MailTerm::AlertVrrp,
    )
    .default("smtp_alert"),
    mail(
        "smtp_alert_checker",
        Kind::Switch,
        "mails about virtual and real servers that do not say otherwise",
        "smtp_alert_checker",
        MailTerm::AlertChecker,
    )
    .default("smtp_alert"),
    mail("no_email_faults", Kind::Flag, "no mails about FAULT", "no_email_faults", MailTerm::NoFaults),
    mail(
        "no_checker_emails",
        Kind::Flag,
        "of real servers only mails that one is added or removed, none about each check",
        "no_checker_emails",
        MailTerm::NoCheckers,
    ),
];
