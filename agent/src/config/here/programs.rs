//! Whether users exist, and whether programs exist, can be run, and can be changed by nobody but their user.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{Account, Host, Look, Program};
use crate::config::{
    Loaded,
    diagnostic::{Diagnostic, code},
    model::Required,
    plan::RunAs,
    source::Span,
};

/// More parts of a path than these are only counted.
const MAX_PARTS: usize = 4;

/// Every program; those of scripts that are tracked first, since an instance depends on them.
fn named(loaded: &Loaded) -> Vec<Named<'_>> {
    let model = &loaded.model;
    let default = model.globals.script_user.as_ref();
    let tracked: BTreeSet<&str> = loaded.plan.scripts.iter().map(|script| script.name.as_str()).collect();
    let mut of_scripts = BTreeMap::new();
    for script in &model.scripts {
        if let Required::Good(command) = &script.command {
            let user = script.user.as_ref().or(default);
            of_scripts.insert(command.span, (user, tracked.contains(script.name.value.as_str())));
        }
    }
    let mut named: Vec<Named<'_>> = model
        .named
        .programs
        .iter()
        .map(|program| {
            let usual = (program.value.user.as_ref().or(default), false);
            let (user, tracked) = of_scripts.get(&program.span).copied().unwrap_or(usual);
            Named { program: &program.value.program, span: program.span, user, tracked }
        })
        .collect();
    named.sort_by_key(|named| !named.tracked);
    named
}

/// Whether there is one that can be run.
pub(super) fn are_there(loaded: &Loaded, host: &dyn Host) -> bool {
    named(loaded).iter().any(|named| match account(named, host) {
        Ok(account @ Account::Known { .. }) => {
            matches!(host.program(named.program, account), Ok(Program::Fit(_)))
        }
        Ok(Account::NoUser | Account::NoGroup) | Err(_) => false,
    })
}

/// Who would run it.
fn account(named: &Named<'_>, host: &dyn Host) -> Result<Account, String> {
    match named.user {
        None => Ok(host.own_account()),
        Some(run_as) => host.account(&run_as.user, run_as.group.as_deref()),
    }
}

/// A program that the config names.
struct Named<'a> {
    program: &'a Path,
    span: Span,
    user: Option<&'a RunAs>,
    /// What an instance depends on.
    tracked: bool,
}

impl Look<'_> {
    pub(super) fn users(&mut self) {
        let mut said: BTreeSet<(&str, Option<&str>)> = BTreeSet::new();
        for named in &self.loaded.model.named.users {
            let (user, group) = (named.value.user.as_str(), named.value.group.as_deref());
            if !said.insert((user, group)) {
                continue;
            }
            let message = match self.host.account(user, group) {
                Ok(Account::Known { .. }) => continue,
                Ok(Account::NoUser) => format!("this host has no user `{user}`"),
                Ok(Account::NoGroup) => format!("this host has no group `{}`", group.unwrap_or_default()),
                Err(why) => {
                    self.unseen(&format!("user `{user}`"), &why);
                    continue;
                }
            };
            self.report(
                Diagnostic::error(code::NO_USER, message)
                    .primary(named.span, "what is to run as that user cannot be run")
                    .help("useradd --system --shell /usr/sbin/nologin NAME makes one"),
            );
        }
    }

    pub(super) fn programs(&mut self) {
        // Of one program with one user the first place is enough.
        let mut seen = BTreeSet::new();
        for named in named(self.loaded) {
            let user = named.user.map(|run_as| (run_as.user.as_str(), run_as.group.as_deref()));
            if seen.insert((named.program, user)) {
                self.program(&named);
            }
        }
    }

    fn program(&mut self, named: &Named<'_>) {
        let account = account(named, self.host);
        let program = named.program.display();
        // A user that is missing was said.
        let Ok(account @ Account::Known { user, .. }) = account else { return };
        let (code, message, remark) = match self.host.program(named.program, account) {
            Err(why) => {
                self.unseen(&format!("`{program}`"), &why);
                return;
            }
            Ok(Program::Fit(parts)) => {
                self.insecure(named, user, &parts);
                return;
            }
            Ok(Program::Missing) => (
                code::NO_SUCH_FILE,
                format!("`{program}` does not exist on this host"),
                "running it will fail",
            ),
            Ok(Program::Unfit(why)) => (code::NOT_EXECUTABLE, format!("`{program}` cannot be run"), why),
        };
        let diagnostic = if named.tracked {
            Diagnostic::error(code, message).help("it is tracked: whatever depends on it counts it as failed")
        } else {
            Diagnostic::warning(code, message)
        };
        self.report(diagnostic.primary(named.span, remark));
    }

    /// keepalived's script security: whoever may change a part of the path of what root runs is root.
    fn insecure(&mut self, named: &Named<'_>, user: u32, parts: &[(PathBuf, String)]) {
        if user != 0 || parts.is_empty() {
            return;
        }
        let program = named.program.display();
        let message = format!("others than root could change what runs as root: `{program}`");
        let shown = parts.iter().take(MAX_PARTS);
        let diagnostic = Diagnostic::warning(code::INSECURE_PROGRAM, message)
            .primary(named.span, "with `enable_script_security` keepalived does not run it");
        let diagnostic = shown.fold(diagnostic, |diagnostic, (part, how)| {
            diagnostic.help(format!("`{}` {how}", part.display()))
        });
        let more = parts.len().saturating_sub(MAX_PARTS);
        let diagnostic = if more > 0 {
            diagnostic.help(format!("the same in {more} more parts of its path"))
        } else {
            diagnostic
        };
        self.report(diagnostic.help("run it as another user, or let root alone write there"));
    }
}
