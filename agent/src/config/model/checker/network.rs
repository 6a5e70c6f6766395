//! `TCP_CHECK`, `PING_CHECK`, `SMTP_CHECK`, `DNS_CHECK` and `UDP_CHECK`.

use super::{Checked, Checker, Host, Nothing, Udp, block, network};
use crate::config::{
    keyword::{DnsCheckTerm, SmtpCheckTerm, UdpCheckTerm},
    model::{
        Reader, Spanned,
        reader::{Damage, Entry},
    },
    plan::RecordType,
};

pub(in super::super) fn tcp<T>(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, T>,
    damage: &mut Damage,
) -> Checker {
    plain(reader, entry, "virtual_server/real_server/TCP_CHECK", damage, Checked::Tcp)
}

pub(in super::super) fn ping<T>(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, T>,
    damage: &mut Damage,
) -> Checker {
    plain(reader, entry, "virtual_server/real_server/PING_CHECK", damage, Checked::Ping)
}

/// A check without words of its own.
fn plain<T>(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, T>,
    parent: &'static str,
    damage: &mut Damage,
    check: Checked,
) -> Checker {
    let (common, dial) =
        network::<Nothing>(reader, parent, block(entry), damage, |_, _, nothing, _, _| match nothing {});
    Checker { span: entry.head, common, dial, check }
}

pub(in super::super) fn smtp<T>(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, T>,
    damage: &mut Damage,
) -> Checker {
    let (mut helo_name, mut hosts) = (None, Vec::new());
    let (common, dial) = network::<SmtpCheckTerm>(
        reader,
        "virtual_server/real_server/SMTP_CHECK",
        block(entry),
        damage,
        |reader, entry, term, _, damage| match term {
            SmtpCheckTerm::HeloName => helo_name = reader.text(entry).map(|text| text.value),
            SmtpCheckTerm::Host => {
                let (common, dial) = network::<Nothing>(
                    reader,
                    "virtual_server/real_server/SMTP_CHECK/host",
                    block(entry),
                    damage,
                    |_, _, nothing, _, _| match nothing {},
                );
                hosts.push(Host { common, dial });
            }
        },
    );
    Checker { span: entry.head, common, dial, check: Checked::Smtp { helo_name, hosts } }
}

pub(in super::super) fn dns<T>(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, T>,
    damage: &mut Damage,
) -> Checker {
    let (mut kind, mut name) = (RecordType::default(), None);
    let (common, dial) = network::<DnsCheckTerm>(
        reader,
        "virtual_server/real_server/DNS_CHECK",
        block(entry),
        damage,
        |reader, entry, term, _, _| match term {
            DnsCheckTerm::Type => kind = record_type(reader, entry),
            DnsCheckTerm::Name => name = reader.text(entry),
        },
    );
    Checker { span: entry.head, common, dial, check: Checked::Dns { kind, name } }
}

fn record_type<T>(reader: &mut Reader<'_>, entry: &Entry<'_, T>) -> RecordType {
    match reader.choice_of_any_case(entry, "SOA is used") {
        Some("A") => RecordType::A,
        Some("NS") => RecordType::Ns,
        Some("CNAME") => RecordType::Cname,
        Some("MX") => RecordType::Mx,
        Some("TXT") => RecordType::Txt,
        Some("AAAA") => RecordType::Aaaa,
        Some("RRSIG") => RecordType::Rrsig,
        Some(_) | None => RecordType::Soa,
    }
}

pub(in super::super) fn udp<T>(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, T>,
    damage: &mut Damage,
) -> Checker {
    let mut udp = Udp::default();
    let length = |reader: &mut Reader<'_>, entry: &Entry<'_, _>, otherwise| {
        let value = reader.number(entry, otherwise).and_then(|value| u16::try_from(value).ok());
        value.map(|value| Spanned { value, span: entry.head })
    };
    let (common, dial) = network::<UdpCheckTerm>(
        reader,
        "virtual_server/real_server/UDP_CHECK",
        block(entry),
        damage,
        |reader, entry, term, _, _| match term {
            UdpCheckTerm::Payload => {
                let payload = reader.bytes(entry, false, "random bytes are sent");
                udp.payload = payload.map(|pattern| pattern.bytes);
            }
            UdpCheckTerm::RequireReply => {
                let reply = reader.bytes(entry, true, "any answer is good");
                udp.reply = Some(reply.unwrap_or_default());
            }
            UdpCheckTerm::LeastReply => udp.least = length(reader, entry, "0 is used"),
            UdpCheckTerm::MostReply => udp.most = length(reader, entry, "255 is used"),
        },
    );
    Checker { span: entry.head, common, dial, check: Checked::Udp(udp) }
}
