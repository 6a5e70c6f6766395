//! `quorum` and `hysteresis`: what weight of live real servers is enough.

use super::{Servers, service_span};
use crate::config::{
    diagnostic::{Diagnostic, code},
    model::VirtualServer,
    plan::RealServerPlan,
};

impl Servers<'_> {
    /// Both as keepalived puts them right: a quorum that all real servers together reach, and a hysteresis below it.
    pub(super) fn quorum(&mut self, server: &VirtualServer, servers: &[RealServerPlan]) -> (u32, u32) {
        let total: u64 = servers.iter().map(|server| u64::from(server.weight)).sum();
        let said = server.quorum.as_ref().map_or(1, |quorum| quorum.value);
        let quorum = if u64::from(said) > total && !servers.is_empty() {
            self.report_unreachable(server, said, total);
            u32::try_from(total).unwrap_or(u32::MAX)
        } else {
            said
        };
        let Some(hysteresis) = &server.hysteresis else { return (quorum, 0) };
        if hysteresis.value < quorum || hysteresis.value == 0 {
            return (quorum, hysteresis.value);
        }
        let used = quorum.saturating_sub(1);
        self.report(
            Diagnostic::warning(
                code::QUORUM,
                format!("`hysteresis {}` is not below the quorum of {quorum}", hysteresis.value),
            )
            .primary(hysteresis.span, format!("{used} is used"))
            .help("a quorum is lost below quorum minus hysteresis: this one would never be"),
        );
        (quorum, used)
    }

    fn report_unreachable(&mut self, server: &VirtualServer, said: u32, total: u64) {
        let diagnostic = match &server.quorum {
            Some(quorum) => Diagnostic::warning(
                code::QUORUM,
                format!("`quorum {said}` is more than the weight of all real servers, {total}"),
            )
            .primary(quorum.span, format!("{total} is used"))
            .help("it would never be reached, and the sorry server would serve for ever"),
            None => Diagnostic::warning(code::QUORUM, "all real servers of a virtual server have weight 0")
                .primary(service_span(server), "no new connection reaches any of them"),
        };
        self.report(diagnostic);
    }
}
