//! Rules about `HTTP_GET` and `SSL_GET`.

use std::num::NonZeroU32;

use super::Servers;
use crate::config::{
    diagnostic::{Diagnostic, code},
    model::{Http, Shared, Spanned, Url},
    plan::{HttpCheck, RegexPlan, StatusCodes, UrlPlan},
    source::Span,
};

/// What is good when nothing is said.
const GOOD: StatusCodes = StatusCodes { first: 200, last: 299 };

impl Servers<'_> {
    /// `None` when there is nothing to fetch.
    pub(super) fn http(&mut self, http: &Http, span: Span, shared: &Shared) -> Option<HttpCheck> {
        let word = if http.tls { "SSL_GET" } else { "HTTP_GET" };
        if http.urls.is_empty() {
            self.incomplete(span, format!("`{word}` has nothing to fetch"), "expected `url { path PATH }`");
            return None;
        }
        self.report_without_tls(http);
        let urls: Vec<Option<UrlPlan>> = http.urls.iter().map(|url| self.url(http, url, shared)).collect();
        let urls = urls.into_iter().collect::<Option<Vec<UrlPlan>>>()?;
        let nameless = urls.iter().any(|url| url.server_name.is_none());
        if let (Some(span), true, true) = (http.sni, http.tls, nameless) {
            self.useless(span, "`enable_sni` has no name to send", "say `virtualhost` or `sni_name`");
        }
        Some(HttpCheck { tls: http.tls, version: http.version, fast_recovery: http.fast_recovery, urls })
    }

    fn useless(&mut self, span: Span, message: &str, help: &str) {
        self.report(
            Diagnostic::warning(code::CHECK_USELESS, message).primary(span, "has no effect").help(help),
        );
    }

    /// Words about TLS in a check without it, and a name that is never sent.
    fn report_without_tls(&mut self, http: &Http) {
        let compliant = http.tls_compliant.iter().map(|said| said.span);
        let of_urls = http.urls.iter().filter_map(|url| url.tls_compliant.as_ref()).map(|said| said.span);
        let name = http.sni_name.as_ref().map(|name| name.span);
        if !http.tls {
            let spans: Vec<Span> = http.sni.into_iter().chain(name).chain(compliant).chain(of_urls).collect();
            for span in spans {
                self.useless(span, "`HTTP_GET` does not use TLS", "`SSL_GET` does");
            }
        } else if let (Some(span), None) = (name, http.sni) {
            self.useless(span, "a name is sent with `enable_sni` alone", "say `enable_sni` too");
        }
    }

    fn url(&mut self, http: &Http, url: &Url, shared: &Shared) -> Option<UrlPlan> {
        let regex = self.regex(url);
        let Some(path) = &url.path else {
            self.incomplete(url.span, "a url has no path".into(), "expected `path PATH` in this block");
            return None;
        };
        if !path.value.starts_with('/') {
            self.report(
                Diagnostic::warning(
                    code::CHECK_USELESS,
                    format!("the path `{}` does not start with a slash", path.value),
                )
                .primary(path.span, "sent as it is, and most servers refuse it"),
            );
        }
        let hosts = [&url.virtual_host, &http.virtual_host, &shared.virtual_host];
        let virtual_host = hosts.into_iter().flatten().next().cloned();
        let server_name = http.sni_name.as_ref().map(|name| name.value.clone()).or(virtual_host.clone());
        let compliant = url.tls_compliant.as_ref().or(http.tls_compliant.as_ref());
        Some(UrlPlan {
            path: path.value.clone(),
            virtual_host,
            server_name: server_name.filter(|_| http.tls && http.sni.is_some()),
            tls_compliant: http.tls && compliant.is_some_and(|compliant| compliant.value),
            status_codes: if url.status_codes.is_empty() { vec![GOOD] } else { url.status_codes.clone() },
            digest: url.digest,
            regex,
        })
    }

    fn regex(&mut self, url: &Url) -> Option<RegexPlan> {
        let Some(pattern) = &url.regex else {
            if let Some(span) = url.about_regex {
                self.useless(span, "there is no regular expression", "say `regex PATTERN`");
            }
            return None;
        };
        let least = url.least_offset.as_ref().map_or(0, |least| least.value);
        let most = url.most_offset.as_ref().filter(|most| most.value > 0);
        if let Some(most) = most.filter(|most| most.value < least) {
            self.report_order(
                most,
                "no match could start between these offsets",
                "the check would always fail",
            );
        }
        if let Some(stack) = url.stack.as_ref().filter(|stack| stack.value.0 > stack.value.1) {
            self.report_order(stack, "the stack starts larger than it may grow", "START MAX, in this order");
        }
        Some(RegexPlan {
            pattern: pattern.clone(),
            negated: url.negated,
            options: url.options.clone(),
            least_offset: least,
            most_offset: most.and_then(|most| NonZeroU32::new(most.value)),
            stack: url.stack.as_ref().map(|stack| stack.value),
        })
    }

    fn report_order<T>(&mut self, said: &Spanned<T>, message: &str, remark: &str) {
        self.report(Diagnostic::warning(code::CHECK_USELESS, message).primary(said.span, remark));
    }
}
