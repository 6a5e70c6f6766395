//! `HTTP_GET` and `SSL_GET`, which have the same words.

use super::{Checked, Checker, DEFAULT, Http, Url, block, network};
use crate::config::{
    keyword::{HttpCheckTerm, UrlTerm},
    model::{
        Reader, Spanned,
        reader::{Damage, Entry},
    },
    plan::HttpVersion,
};

pub(in super::super) fn read<T>(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, T>,
    damage: &mut Damage,
    tls: bool,
) -> Checker {
    let mut http = Http {
        tls,
        virtual_host: None,
        version: HttpVersion::default(),
        sni: None,
        sni_name: None,
        fast_recovery: false,
        tls_compliant: None,
        urls: Vec::new(),
    };
    let (parent, url_parent) = if tls {
        ("virtual_server/real_server/SSL_GET", "virtual_server/real_server/SSL_GET/url")
    } else {
        ("virtual_server/real_server/HTTP_GET", "virtual_server/real_server/HTTP_GET/url")
    };
    let (common, dial) = network::<HttpCheckTerm>(
        reader,
        parent,
        block(entry),
        damage,
        |reader, entry, term, common, damage| match term {
            HttpCheckTerm::GetRetry => common.timing.retry = reader.unsigned(entry, DEFAULT),
            HttpCheckTerm::VirtualHost => http.virtual_host = reader.text(entry).map(|text| text.value),
            HttpCheckTerm::Protocol => http.version = version(reader, entry),
            HttpCheckTerm::EnableSni => {
                http.sni = reader.switch(entry).filter(|enabled| *enabled).map(|_| entry.head);
            }
            HttpCheckTerm::SniName => http.sni_name = reader.text(entry),
            HttpCheckTerm::FastRecovery => {
                http.fast_recovery = reader.switch(entry).unwrap_or(http.fast_recovery);
            }
            HttpCheckTerm::TlsCompliant => http.tls_compliant = switch(reader, entry),
            HttpCheckTerm::Url => http.urls.push(url(reader, entry, url_parent, damage)),
        },
    );
    Checker { span: entry.head, common, dial, check: Checked::Http(http) }
}

fn switch<T>(reader: &mut Reader<'_>, entry: &Entry<'_, T>) -> Option<Spanned<bool>> {
    reader.switch(entry).map(|value| Spanned { value, span: entry.head })
}

fn version<T>(reader: &mut Reader<'_>, entry: &Entry<'_, T>) -> HttpVersion {
    match reader.choice_of_any_case(entry, "1.0 is used") {
        Some("1.0C") => HttpVersion::Http10Close,
        Some("1.1") => HttpVersion::Http11,
        Some(_) | None => HttpVersion::Http10,
    }
}

fn url<T>(reader: &mut Reader<'_>, entry: &Entry<'_, T>, parent: &'static str, damage: &mut Damage) -> Url {
    let mut url = Url {
        span: entry.head,
        path: None,
        digest: None,
        status_codes: Vec::new(),
        virtual_host: None,
        regex: None,
        negated: false,
        options: Vec::new(),
        least_offset: None,
        most_offset: None,
        stack: None,
        about_regex: None,
        tls_compliant: None,
    };
    for entry in reader.entries::<UrlTerm>(parent, block(entry), damage) {
        let at_head = |value| Spanned { value, span: entry.head };
        match entry.term {
            UrlTerm::Path => url.path = reader.text(&entry),
            UrlTerm::Digest => url.digest = reader.digest(&entry, "the body is not compared"),
            UrlTerm::StatusCode => reader.ranges(&entry, &mut url.status_codes),
            UrlTerm::VirtualHost => url.virtual_host = reader.text(&entry).map(|text| text.value),
            UrlTerm::Regex => url.regex = reader.text(&entry).map(|text| text.value),
            UrlTerm::RegexNoMatch => {
                url.negated = true;
                url.about_regex = Some(entry.head);
            }
            UrlTerm::RegexOptions => {
                reader.words(&entry, &mut url.options);
                url.about_regex = Some(entry.head);
            }
            UrlTerm::RegexLeastOffset => {
                url.least_offset = reader.unsigned(&entry, DEFAULT).map(at_head);
                url.about_regex = Some(entry.head);
            }
            UrlTerm::RegexMostOffset => {
                url.most_offset = reader.unsigned(&entry, DEFAULT).map(at_head);
                url.about_regex = Some(entry.head);
            }
            UrlTerm::RegexStack => {
                let stack = reader.two_numbers(&entry, DEFAULT);
                url.stack = stack.map(|value| Spanned { value, span: entry.head });
                url.about_regex = Some(entry.head);
            }
            UrlTerm::TlsCompliant => url.tls_compliant = switch(reader, &entry),
        }
    }
    url
}
