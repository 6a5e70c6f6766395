//! Variables that are there without a definition: `${_PWD}`, `${_INSTANCE}`, `${_ENV NAME}`, `${_RANDOM [MIN [MAX]]}`,
//! `${_HASH}` and `${_BANG}`.

use std::path::Path;

use super::{Expander, Files};
use crate::config::{
    diagnostic::{Diagnostic, code},
    source::Span,
};

/// Their names, for "did you mean".
pub(super) const NAMES: [&str; 6] = ["_PWD", "_INSTANCE", "_ENV", "_RANDOM", "_HASH", "_BANG"];

/// As in keepalived.
const MOST_RANDOM: u64 = 32_767;

impl Expander<'_> {
    /// What a built-in variable stands for; `None` when there is none of that name. What is wrong with its arguments is
    /// said at `place`.
    pub(super) fn builtin(&mut self, name: &str, arguments: &str, place: Span) -> Option<String> {
        let takes_arguments = matches!(name, "_ENV" | "_RANDOM");
        if NAMES.contains(&name) && !takes_arguments && !arguments.trim().is_empty() {
            self.report_builtin(place, format!("`{name}` takes no arguments"), "they are ignored");
        }
        match name {
            "_PWD" => Some(self.directory()),
            "_INSTANCE" => Some(self.config_id.clone()),
            "_HASH" => Some("#".to_owned()),
            "_BANG" => Some("!".to_owned()),
            "_RANDOM" => Some(self.random(arguments, place).to_string()),
            "_ENV" => Some(self.environment(arguments.trim(), place)),
            _ => None,
        }
    }

    /// The directory of the file at hand.
    fn directory(&self) -> String {
        let Files::Beside(_) = self.files else { return ".".to_owned() };
        let path = self.chain.last().map(|(_, path)| path.as_path());
        let directory = path.and_then(Path::parent).filter(|directory| !directory.as_os_str().is_empty());
        let directory = directory.unwrap_or_else(|| Path::new("."));
        super::include::identity(directory).display().to_string()
    }

    fn environment(&mut self, name: &str, place: Span) -> String {
        if name.is_empty() {
            self.report_builtin(
                place,
                "`_ENV` lacks the name of a variable".to_owned(),
                "it stands for nothing",
            );
            return String::new();
        }
        std::env::var(name).unwrap_or_else(|_| {
            self.report_builtin(
                place,
                format!("the environment has no variable `{name}`"),
                "it stands for nothing",
            );
            String::new()
        })
    }

    /// A number that looks random, and is the same whenever this host reads this config: a reload is no reason to
    /// change what was drawn.
    fn random(&mut self, arguments: &str, place: Span) -> u64 {
        let mut bounds = arguments.split_whitespace().map(str::parse::<u64>);
        let (least, most) = (bounds.next().unwrap_or(Ok(0)), bounds.next().unwrap_or(Ok(MOST_RANDOM)));
        let (Ok(least), Ok(most), None) = (least, most, bounds.next()) else {
            self.report_builtin(
                place,
                "`_RANDOM` takes two numbers at most".to_owned(),
                "any number to 32767 is drawn",
            );
            return self.draw() % (MOST_RANDOM + 1);
        };
        if least > most {
            let message = format!("`_RANDOM` cannot be at least {least} and at most {most}");
            self.report_builtin(place, message, "the lower bound is used");
            return least;
        }
        match (most - least).checked_add(1) {
            Some(range) => least + self.draw() % range,
            None => self.draw(),
        }
    }

    /// SplitMix64, seeded by the name of the host.
    fn draw(&mut self) -> u64 {
        let seed = self.config_id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        self.random += 1;
        let mut bits = seed.wrapping_add(self.random.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn report_builtin(&mut self, place: Span, message: String, remark: &str) {
        if self.told.insert((code::BUILTIN, place)) {
            self.diagnostics.push(Diagnostic::warning(code::BUILTIN, message).primary(place, remark));
        }
    }
}
