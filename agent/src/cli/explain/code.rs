//! A code of a diagnostic, explained.

use super::page::Page;
use crate::config::diagnostic::explanations::{Example, explanation, named};

/// The page of a code; `None` when it is none.
pub(super) fn page(about: &str) -> Option<String> {
    let (code, meaning) = named(about)?;
    let mut page = Page::default();
    page.paragraph(&format!("{code}: {meaning}"));
    // Every code has one, or a test fails.
    if let Some(explanation) = explanation(code) {
        page.paragraph(explanation.why);
        match explanation.example {
            Example::Pair { wrong, right } => {
                page.paragraph("Wrong:");
                page.verbatim(wrong);
                page.paragraph("Right:");
                page.verbatim(right);
            }
            Example::None(because) => page.paragraph(&format!("No example: {because}")),
        }
        page.paragraph(explanation.then);
    }
    Some(page.finish())
}
