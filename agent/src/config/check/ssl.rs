//! Rules about `SSL`.

use super::model::Model;
use crate::config::{
    diagnostic::{Diagnostic, Diagnostics, code},
    plan::SslPlan,
};

/// The last block counts.
pub(super) fn of(model: &Model, diagnostics: &mut Diagnostics) -> Option<SslPlan> {
    for pair in model.ssl.windows(2) {
        if let [earlier, later] = pair {
            diagnostics.push(
                Diagnostic::warning(code::SSL_INCOMPLETE, "`SSL` is said twice")
                    .primary(later.span, "replaces all of the one before, as in keepalived")
                    .secondary(earlier.span, "said before"),
            );
        }
    }
    let ssl = model.ssl.last()?;
    let lone = match (&ssl.certificate, &ssl.key) {
        (Some(certificate), None) => Some((certificate.span, "a certificate without its key", "key FILE")),
        (None, Some(key)) => Some((key.span, "a key without its certificate", "certificate FILE")),
        (Some(_), Some(_)) | (None, None) => None,
    };
    if let Some((span, message, missing)) = lone {
        diagnostics.push(
            Diagnostic::warning(code::SSL_INCOMPLETE, message)
                .primary(span, "says nothing alone")
                .help(format!("say `{missing}` too")),
        );
    }
    Some(SslPlan {
        password: ssl.password.clone(),
        authorities: ssl.authorities.clone(),
        certificate: ssl.certificate.as_ref().map(|file| file.value.clone()),
        key: ssl.key.as_ref().map(|file| file.value.clone()),
    })
}
