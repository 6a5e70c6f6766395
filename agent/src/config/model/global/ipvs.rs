//! Words about balancing.

use std::{net::IpAddr, slice::Iter};

use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Word,
    keyword::{GlobalTerm, IpvsTerm},
    model::{Globals, Reader, Spanned, form::spanned, reader::Entry, value::whole_number},
    plan::{FlushOnStop, IpvsTimeouts, SyncDaemonPlan},
};

/// 31 days, in seconds.
const MOST_TIMEOUT: i64 = 2_678_400;
/// What fits a UDP packet.
const MOST_LENGTH: i64 = 65_507;
const OPTIONS: [&str; 6] = ["inst", "id", "maxlen", "port", "ttl", "group"];

pub(super) fn line(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, GlobalTerm>,
    term: IpvsTerm,
    globals: &mut Globals,
) {
    let ipvs = &mut globals.kept.ipvs;
    match term {
        IpvsTerm::SyncDaemon => {
            if let Some((daemon, instance)) = sync_daemon(reader, entry) {
                ipvs.sync_daemon = Some(daemon);
                globals.sync_daemon = instance;
            }
        }
        IpvsTerm::Timeouts => timeouts(reader, entry, &mut ipvs.timeouts),
        IpvsTerm::Flush => ipvs.flush = true,
        IpvsTerm::FlushOnStop => {
            ipvs.flush_on_stop = Some(match reader.maybe(entry) {
                Some(_) => FlushOnStop::VirtualServers,
                None => FlushOnStop::Everything,
            });
        }
        IpvsTerm::LogAllFailures => {
            ipvs.logs_all_failures = reader.switch(entry).unwrap_or(ipvs.logs_all_failures);
        }
        IpvsTerm::InitialNotifies => ipvs.notifies_initially = true,
    }
}

/// `INTERFACE [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]`. A number alone after the instance is
/// its id, as in configs of old.
fn sync_daemon(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, GlobalTerm>,
) -> Option<(SyncDaemonPlan, Option<Spanned<String>>)> {
    let mut words = entry.values().iter();
    let interface = reader.interface(words.next()?, "the line is skipped")?;
    let mut instance = None;
    let mut daemon = SyncDaemonPlan {
        interface: interface.value,
        instance: None,
        id: None,
        longest: None,
        port: None,
        ttl: None,
        group: None,
    };
    let mut first = true;
    while let Some(word) = words.next() {
        match word.value.as_str() {
            "inst" => match words.next() {
                Some(name) => instance = Some(spanned(name)),
                None => reader.report_lacking(word, "the name of an instance"),
            },
            "id" => daemon.id = byte(reader, word, &mut words, 0),
            "ttl" => daemon.ttl = byte(reader, word, &mut words, 1),
            "maxlen" => daemon.longest = number(reader, word, &mut words, MOST_LENGTH),
            "port" => daemon.port = number(reader, word, &mut words, 65_535),
            "group" => daemon.group = group(reader, word, words.next()),
            _ if first => instance = Some(spanned(word)),
            _ if daemon.id.is_none() && whole_number(&word.value).is_some() => {
                reader.report(
                    Diagnostic::warning(code::OLD_WORD, "a number alone is an old form")
                        .primary(word.span, "taken for the id")
                        .help(format!("say `id {}`", word.value)),
                );
                let id = reader.number_in(word, "id", 0, 255, "the option is ignored");
                daemon.id = id.and_then(|id| u8::try_from(id).ok());
            }
            _ => reader.report_option(word, entry.keyword.name, OPTIONS.into_iter()),
        }
        first = false;
    }
    daemon.instance = instance.as_ref().map(|instance| instance.value.clone());
    Some((daemon, instance))
}

fn byte(reader: &mut Reader<'_>, option: &Word, words: &mut Iter<'_, Word>, least: i64) -> Option<u8> {
    reader.option(option, words.next(), least, 255).and_then(|number| u8::try_from(number).ok())
}

fn number(reader: &mut Reader<'_>, option: &Word, words: &mut Iter<'_, Word>, most: i64) -> Option<u16> {
    reader.option(option, words.next(), 1, most).and_then(|number| u16::try_from(number).ok())
}

fn group(reader: &mut Reader<'_>, option: &Word, value: Option<&Word>) -> Option<IpAddr> {
    let Some(value) = value else {
        reader.report_lacking(option, "a multicast address");
        return None;
    };
    let group = value.value.parse::<IpAddr>().ok().filter(IpAddr::is_multicast);
    if group.is_none() {
        reader.report(
            Diagnostic::error(code::NOT_AN_ADDRESS, format!("`{}` is no multicast address", value.value))
                .primary(value.span, "expected one such as 224.0.0.81")
                .help("the option is ignored"),
        );
    }
    group
}

/// `[tcp SECONDS] [tcpfin SECONDS] [udp SECONDS]`.
fn timeouts(reader: &mut Reader<'_>, entry: &Entry<'_, GlobalTerm>, timeouts: &mut IpvsTimeouts) {
    let mut words = entry.values().iter();
    while let Some(word) = words.next() {
        let timeout = match word.value.as_str() {
            "tcp" => &mut timeouts.tcp_seconds,
            "tcpfin" => &mut timeouts.tcpfin_seconds,
            "udp" => &mut timeouts.udp_seconds,
            _ => {
                reader.report_option(word, entry.keyword.name, ["tcp", "tcpfin", "udp"].into_iter());
                continue;
            }
        };
        let seconds = reader.option(word, words.next(), 0, MOST_TIMEOUT);
        *timeout = seconds.and_then(|seconds| u32::try_from(seconds).ok());
    }
}
