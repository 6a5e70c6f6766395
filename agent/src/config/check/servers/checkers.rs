//! Rules about checks: what they cannot run without, what they inherit, and what would make them fail for ever.

mod http;

use std::{net::IpAddr, num::NonZeroU16, time::Duration};

use super::Servers;
use crate::config::{
    check::{addresses::family, bfd::User, tracked::Kind},
    diagnostic::{Diagnostic, code},
    model::{
        Checked, Checker, Common, Dial, RealServer, Required, Shared, Spanned, Timing, Udp, WideTracker,
        WideWeight,
    },
    plan::{
        Check, CheckerPlan, Command, Connection, DnsCheck, Endpoint, FileCheck, MiscCheck, ReplyPlan, RunAs,
        Schedule, SmtpCheck, UdpCheck,
    },
    source::Span,
};

/// What becomes of a real server that nothing would check: keepalived forgets the check, and takes it for up.
const LEFT_OUT: &str = "the real server is left out, since nothing would check it";
const INTERVAL: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(5);
/// keepalived's defaults of an answer's length.
const REPLY_LENGTH: (u16, u16) = (0, 255);
/// RFC 1035 §2.3.4, less the length bytes of the first label and the root.
const MOST_NAME: usize = 253;
const MOST_LABEL: usize = 63;
const SMTP: NonZeroU16 = NonZeroU16::new(25).unwrap();
const DNS: NonZeroU16 = NonZeroU16::new(53).unwrap();
const HTTP: NonZeroU16 = NonZeroU16::new(80).unwrap();
const HTTPS: NonZeroU16 = NonZeroU16::new(443).unwrap();

impl Timing {
    /// What is said here, else there.
    pub(super) fn or(self, outer: Self) -> Self {
        Self {
            delay_loop: self.delay_loop.or(outer.delay_loop),
            retry: self.retry.or(outer.retry),
            delay_before_retry: self.delay_before_retry.or(outer.delay_before_retry),
            warmup: self.warmup.or(outer.warmup),
            alpha: self.alpha.or(outer.alpha),
        }
    }
}

/// How a kind of check is repeated when nothing is said.
struct Defaults {
    retries: u32,
    /// `None`: as after a success.
    retry_delay: Option<Duration>,
}

const ONE_SECOND: Defaults = Defaults { retries: 1, retry_delay: Some(Duration::from_secs(1)) };
const OF_HTTP: Defaults = Defaults { retries: 1, retry_delay: Some(Duration::from_secs(3)) };
const OF_DNS: Defaults = Defaults { retries: 3, retry_delay: None };
const OF_MISC: Defaults = Defaults { retries: 0, retry_delay: Some(Duration::from_secs(1)) };

/// `common` with what it inherits; `logs`: what `global_defs` says of failures.
fn schedule(common: &Common, outer: Timing, logs: bool, defaults: &Defaults) -> Schedule {
    let timing = common.timing.or(outer);
    let interval = timing.delay_loop.unwrap_or(INTERVAL);
    Schedule {
        interval,
        retries: timing.retry.unwrap_or(defaults.retries),
        retry_delay: timing.delay_before_retry.or(defaults.retry_delay).unwrap_or(interval),
        warmup: timing.warmup.unwrap_or(interval),
        logs_all_failures: common.log_all_failures.unwrap_or(logs),
    }
}

/// Where a real server is, and what it says for its checks.
struct Target<'a> {
    endpoint: Endpoint,
    shared: &'a Shared,
}

impl Servers<'_> {
    /// `None` when one cannot be run: a real server must not be up for want of a check.
    pub(super) fn checkers(
        &mut self,
        real: &RealServer,
        endpoint: Endpoint,
        shared: &Shared,
    ) -> Option<Vec<CheckerPlan>> {
        let target = Target { endpoint, shared };
        let mut plans = Some(Vec::new());
        for checker in &real.checkers {
            let checks = self.checks(checker, &target);
            let starts_failed = checker.common.timing.alpha.or(shared.timing.alpha).unwrap_or(false);
            let new = checks
                .map(|checks| checks.into_iter().map(move |check| CheckerPlan { starts_failed, check }));
            plans = plans.zip(new).map(|(mut plans, new)| {
                plans.extend(new);
                plans
            });
        }
        plans
    }

    /// One check, or one for each `host` of `SMTP_CHECK`.
    fn checks(&mut self, checker: &Checker, target: &Target<'_>) -> Option<Vec<Check>> {
        let outer = target.shared.timing;
        let (common, dial) = (&checker.common, &checker.dial);
        let logs = self.model.globals.kept.ipvs.logs_all_failures;
        let check = match &checker.check {
            Checked::Tcp => {
                let connection = self.connection(dial, target, None, Some((checker.span, "TCP_CHECK")))?;
                Check::Tcp(schedule(common, outer, logs, &ONE_SECOND), connection)
            }
            Checked::Ping => {
                let connection = self.connection(dial, target, None, None)?;
                Check::Ping(
                    schedule(common, outer, logs, &ONE_SECOND),
                    Connection { port: None, ..connection },
                )
            }
            Checked::Http(http) => {
                let otherwise = if http.tls { HTTPS } else { HTTP };
                let connection = self.connection(dial, target, Some(otherwise), None)?;
                let http = self.http(http, checker.span, target.shared)?;
                Check::Http(schedule(common, outer, logs, &OF_HTTP), connection, http)
            }
            Checked::Smtp { helo_name, hosts } => {
                let smtp = SmtpCheck { helo_name: helo_name.clone() };
                if hosts.is_empty() {
                    let connection = self.connection(dial, target, Some(SMTP), None)?;
                    return Some(vec![Check::Smtp(
                        schedule(common, outer, logs, &ONE_SECOND),
                        connection,
                        smtp,
                    )]);
                }
                let outer = common.timing.or(outer);
                return hosts
                    .iter()
                    .map(|host| {
                        let dial = host.dial.clone().or(dial);
                        let own = host.common.log_all_failures.or(common.log_all_failures);
                        let common = Common { log_all_failures: own, ..host.common };
                        let connection = self.connection(&dial, target, Some(SMTP), None)?;
                        let schedule = schedule(&common, outer, logs, &ONE_SECOND);
                        Some(Check::Smtp(schedule, connection, smtp.clone()))
                    })
                    .collect();
            }
            Checked::Dns { kind, name } => {
                let connection = self.connection(dial, target, Some(DNS), None)?;
                let name = self.dns_name(name.as_ref());
                Check::Dns(schedule(common, outer, logs, &OF_DNS), connection, DnsCheck { kind: *kind, name })
            }
            Checked::Udp(udp) => {
                let connection = self.connection(dial, target, None, Some((checker.span, "UDP_CHECK")))?;
                let reply = self.reply(udp);
                let udp = UdpCheck { payload: udp.payload.clone(), reply };
                Check::Udp(schedule(common, outer, logs, &ONE_SECOND), connection, udp)
            }
            Checked::Misc { command, timeout, dynamic, user } => {
                let schedule = schedule(common, outer, logs, &OF_MISC);
                let command = self.misc_command(checker.span, command, user.as_ref())?;
                let seconds = timeout.filter(|seconds| *seconds > 0);
                let timeout =
                    seconds.map_or(schedule.interval, |seconds| Duration::from_secs(seconds.into()));
                Check::Misc(schedule, MiscCheck { command, timeout, dynamic: *dynamic })
            }
            Checked::Bfd { name } => Check::Bfd(self.session(checker.span, name.as_ref())?),
            Checked::File { track_file, weight } => {
                Check::File(self.file(checker.span, track_file.as_ref(), *weight)?)
            }
        };
        Some(vec![check])
    }

    fn incomplete(&mut self, span: Span, message: String, expected: &str) {
        self.report(
            Diagnostic::error(code::CHECK_INCOMPLETE, message).primary(span, expected).help(LEFT_OUT),
        );
    }

    /// `otherwise`: the port of the protocol; `needs`: the check that cannot be without one.
    fn connection(
        &mut self,
        dial: &Dial,
        target: &Target<'_>,
        otherwise: Option<NonZeroU16>,
        needs: Option<(Span, &str)>,
    ) -> Option<Connection> {
        let address = dial.address.as_ref().map_or(target.endpoint.address, |address| address.value);
        let port = dial.port.or(target.endpoint.port).or(otherwise);
        let source = dial.source.as_ref().filter(|source| self.fits(source, address));
        if let (Some((span, name)), None) = (needs, port) {
            let message = format!("`{name}` has no port to connect to");
            self.incomplete(span, message, "neither the real server nor `connect_port` names one");
            return None;
        }
        if dial.interface.is_none()
            && let Some(local) =
                dial.address.iter().chain(source).find(|address| is_link_local(address.value))
        {
            self.report(
                Diagnostic::error(
                    code::CHECK_CONNECTION,
                    format!("`{}` is another address on each interface", local.value),
                )
                .primary(local.span, "the check would always fail")
                .help("say which: `bind_if INTERFACE`"),
            );
        }
        Some(Connection {
            address,
            port,
            source: source.map(|source| source.value),
            source_port: dial.source_port,
            interface: dial.interface.as_ref().map(|interface| interface.value.clone()),
            mark: dial.mark,
            timeout: dial.timeout.or(target.shared.connect_timeout).unwrap_or(TIMEOUT),
        })
    }

    /// Whether a source has the family of the address.
    fn fits(&mut self, source: &Spanned<IpAddr>, address: IpAddr) -> bool {
        let fits = family(source.value) == family(address);
        if !fits {
            let message = format!("`bindto {}` is not of {}, as {address} is", source.value, family(address));
            self.report(
                Diagnostic::error(code::CHECK_CONNECTION, message)
                    .primary(source.span, "ignored, as in keepalived"),
            );
        }
        fits
    }

    fn misc_command(
        &mut self,
        span: Span,
        command: &Required<Command>,
        user: Option<&RunAs>,
    ) -> Option<Command> {
        match command {
            Required::Good(command) => {
                let user = user.or(self.model.globals.script_user.as_ref()).cloned();
                Some(Command { user, ..command.value.clone() })
            }
            Required::Bad => {
                self.report(
                    Diagnostic::note(code::CHECK_INCOMPLETE, "`MISC_CHECK` has no command that can be run")
                        .primary(span, LEFT_OUT),
                );
                None
            }
            Required::Absent => {
                self.incomplete(span, "`MISC_CHECK` has no command".into(), "expected `misc_path COMMAND`");
                None
            }
        }
    }

    /// The name of a session that checks may name.
    fn session(&mut self, span: Span, name: Option<&Spanned<String>>) -> Option<String> {
        let Some(name) = name else {
            self.incomplete(span, "`BFD_CHECK` names no session".into(), "expected `name BFD_INSTANCE`");
            return None;
        };
        let Some(fault) = self.tracked.sessions.fault(&name.value, User::Check) else {
            return Some(name.value.clone());
        };
        let diagnostic = self.tracked.sessions.diagnostic(name, &fault, self.diagnostics);
        self.report(diagnostic.help(LEFT_OUT));
        None
    }

    fn file(
        &mut self,
        span: Span,
        name: Option<&Spanned<String>>,
        weight: Option<WideWeight>,
    ) -> Option<FileCheck> {
        let Some(name) = name else {
            self.incomplete(span, "`FILE_CHECK` names no file".into(), "expected `track_file NAME`");
            return None;
        };
        let tracker = WideTracker { name: name.clone(), weight };
        let file = self.tracked.resolve(Kind::File, &tracker, self.diagnostics);
        if file.is_none() {
            self.report(
                Diagnostic::note(code::CHECK_INCOMPLETE, "`FILE_CHECK` has no file that can be read")
                    .primary(span, LEFT_OUT),
            );
        }
        file.map(|file| FileCheck { track_file: file.name, weight: file.weight, reverse: file.reverse })
    }

    fn reply(&mut self, udp: &Udp) -> Option<ReplyPlan> {
        let Some(pattern) = &udp.reply else {
            for length in udp.least.iter().chain(&udp.most) {
                self.report(
                    Diagnostic::warning(code::CHECK_USELESS, "no answer is asked for")
                        .primary(length.span, "has no effect")
                        .help("say `require_reply`"),
                );
            }
            return None;
        };
        let least = udp.least.as_ref().map_or(REPLY_LENGTH.0, |least| least.value);
        let most = udp.most.as_ref().map_or(REPLY_LENGTH.1, |most| most.value);
        if least > most
            && let Some(span) = udp.least.as_ref().or(udp.most.as_ref()).map(|length| length.span)
        {
            self.report(
                Diagnostic::error(
                    code::CHECK_USELESS,
                    format!("an answer of at least {least} and at most {most} bytes cannot be"),
                )
                .primary(span, "the check would always fail")
                .help(format!("answers of {least} bytes and more are taken")),
            );
        }
        Some(ReplyPlan { pattern: pattern.clone(), least, most: most.max(least) })
    }

    /// A name that can be asked for; the root else.
    fn dns_name(&mut self, name: Option<&Spanned<String>>) -> String {
        let root = || ".".to_owned();
        let Some(name) = name.filter(|name| name.value != ".") else { return root() };
        let text = name.value.strip_suffix('.').unwrap_or(&name.value);
        let wrong = if text.len() > MOST_NAME {
            Some(format!("more than {MOST_NAME} bytes"))
        } else if text.split('.').any(str::is_empty) {
            Some("an empty label".to_owned())
        } else if text.split('.').any(|label| label.len() > MOST_LABEL) {
            Some(format!("a label of more than {MOST_LABEL} bytes"))
        } else {
            None
        };
        let Some(wrong) = wrong else { return name.value.clone() };
        self.report(
            Diagnostic::error(code::NOT_A_NAME, format!("`{}` has {wrong}", name.value))
                .primary(name.span, "not a DNS name")
                .help("`.` is asked for"),
        );
        root()
    }
}

impl Dial {
    /// What is said here, else there.
    fn or(self, outer: &Self) -> Self {
        let outer = outer.clone();
        Self {
            address: self.address.or(outer.address),
            port: self.port.or(outer.port),
            source: self.source.or(outer.source),
            source_port: self.source_port.or(outer.source_port),
            interface: self.interface.or(outer.interface),
            timeout: self.timeout.or(outer.timeout),
            mark: self.mark.or(outer.mark),
        }
    }
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}
