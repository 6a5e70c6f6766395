//! `SSL`.

use std::path::PathBuf;

use super::{
    Reader, Spanned,
    reader::{Damage, Entry},
};
use crate::config::{
    expand::Block,
    keyword::{RootTerm, SslTerm},
    source::Span,
};

/// `SSL`.
#[derive(Clone, Debug)]
pub(in super::super) struct Ssl {
    /// The word `SSL`.
    pub span: Span,
    pub password: Option<String>,
    pub authorities: Option<PathBuf>,
    pub certificate: Option<Spanned<PathBuf>>,
    pub key: Option<Spanned<PathBuf>>,
}

pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_, RootTerm>, block: &Block) -> Ssl {
    let mut ssl = Ssl { span: entry.head, password: None, authorities: None, certificate: None, key: None };
    for entry in reader.entries::<SslTerm>("SSL", &block.statements, &mut Damage::default()) {
        let file = entry.value().map(|word| Spanned { value: PathBuf::from(&word.value), span: entry.head });
        match entry.term {
            SslTerm::Password => {
                for word in entry.values() {
                    reader.sources.keep_secret(word.span);
                }
                ssl.password = entry.value().map(|word| word.value.clone());
            }
            SslTerm::Authorities => ssl.authorities = file.map(|file| file.value),
            SslTerm::Certificate => ssl.certificate = file,
            SslTerm::Key => ssl.key = file,
        }
    }
    ssl
}
