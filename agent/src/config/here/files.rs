//! Who may read and change the files of the config.

use std::path::Path;

use super::{Look, Mode};
use crate::config::{
    STANDARD_INPUT,
    diagnostic::{Diagnostic, code},
};

const OTHERS_READ: u32 = 0o004;
const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITES: u32 = 0o020;

impl Look<'_> {
    pub(super) fn files(&mut self) {
        let loaded = self.loaded;
        for (place, source) in loaded.sources.whole() {
            if source.name == STANDARD_INPUT && source.included_from.is_none() {
                self.unseen("permissions of the config", "it comes from standard input");
                continue;
            }
            let mode = match self.host.mode(Path::new(&source.name)) {
                Ok(mode) => mode,
                Err(why) => {
                    self.unseen(&format!("permissions of `{}`", source.name), &why);
                    continue;
                }
            };
            if mode.bits & OTHERS_READ != 0
                && let Some(secret) = loaded.sources.secret_in(place.source)
            {
                self.report(
                    Diagnostic::warning(
                        code::READABLE_CONFIG,
                        format!("everybody on this host can read `{}`, and it holds a password", source.name),
                    )
                    .primary(secret, "this one")
                    .help(format!("chmod o-r {}", source.name)),
                );
            }
            if let Some(who) = writer(mode) {
                self.report(
                    Diagnostic::warning(
                        code::WRITABLE_CONFIG,
                        format!("{who} can change `{}`, and what it names is run as root", source.name),
                    )
                    .primary(place, "")
                    .help(format!("chown root:root {0}; chmod go-w {0}", source.name)),
                );
            }
        }
    }
}

/// Who but root may write.
fn writer(mode: Mode) -> Option<String> {
    if mode.bits & OTHERS_WRITE != 0 {
        return Some("everybody on this host".to_owned());
    }
    if mode.bits & GROUP_WRITES != 0 && mode.group != 0 {
        return Some(format!("group {}", mode.group));
    }
    (mode.user != 0).then(|| format!("user {}", mode.user))
}
