//! Rules about virtual servers: what they serve, how they balance, and what their real servers inherit.
//!
//! A virtual server that cannot be read whole, and a real server that nothing would check, is left out: one that is
//! missing does less harm than one that takes connections whatever its state. Where keepalived puts a number right, so
//! does this, and says it.

mod checkers;
mod groups;
mod held;
mod quorum;
mod real;

use std::{num::NonZeroU16, time::Duration};

use regent_common::Family;

use super::{
    addresses::family,
    model::{Flag, Granularity, Model, Required, VirtualServer},
    tracked::Known,
};
use crate::config::{
    diagnostic::{Diagnostic, Diagnostics, code},
    plan::{
        Command, Persistence, Protocol, Scheduler, SchedulerFlags, ServerGroupPlan, ServicePlan,
        VirtualServerPlan,
    },
    source::Span,
};
use groups::{Group, Groups};
use held::Held;

/// Of a service without a port, which must be persistent.
const PERSISTENCE: Duration = Duration::from_secs(360);

/// Checks all virtual servers, and the groups that they name.
pub(super) fn of(
    model: &Model,
    tracked: &Known<'_>,
    diagnostics: &mut Diagnostics,
) -> (Vec<VirtualServerPlan>, Vec<ServerGroupPlan>) {
    let groups = Groups::of(model, diagnostics);
    let mut servers = Servers { model, groups: &groups, tracked, diagnostics, held: Held::default() };
    let plans: Vec<VirtualServerPlan> =
        model.virtual_servers.iter().filter_map(|server| servers.virtual_server(server)).collect();
    let named = groups.named_by(&plans);
    groups.report_unused(model, diagnostics);
    (plans, named)
}

struct Servers<'a> {
    model: &'a Model,
    groups: &'a Groups,
    tracked: &'a Known<'a>,
    diagnostics: &'a mut Diagnostics,
    held: Held,
}

/// What is known of a service before its real servers are looked at.
struct Service<'a> {
    /// As the config names it.
    label: String,
    plan: &'a ServicePlan,
    /// Its group, when it is one.
    group: Option<&'a Group>,
    /// Of its addresses; `None` when it has none.
    family: Option<Family>,
    /// It has addresses of both families: only tunnelled real servers fit.
    mixed: bool,
}

impl Service<'_> {
    /// Nothing but fwmarks.
    fn is_marks(&self) -> bool {
        match self.plan {
            ServicePlan::Endpoint(_) => false,
            ServicePlan::Fwmark(_) => true,
            ServicePlan::Group(_) => self.group.is_some_and(|group| !group.has_addresses),
        }
    }

    /// The port that a packet comes to when it comes to one alone.
    fn port(&self) -> Option<NonZeroU16> {
        match self.plan {
            ServicePlan::Endpoint(endpoint) => endpoint.port,
            ServicePlan::Fwmark(_) => None,
            ServicePlan::Group(_) => self.group.and_then(Group::only_port),
        }
    }

    /// Some of it takes packets to any port.
    fn has_all_ports(&self) -> bool {
        match self.plan {
            ServicePlan::Endpoint(endpoint) => endpoint.port.is_none(),
            ServicePlan::Fwmark(_) => false,
            ServicePlan::Group(_) => self.group.is_some_and(|group| group.ports.contains(&None)),
        }
    }
}

impl<'a> Servers<'a> {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn virtual_server(&mut self, server: &'a VirtualServer) -> Option<VirtualServerPlan> {
        let service = self.service(server);
        let known = service.as_ref();
        let family = self.family(server, known);
        let scheduler = self.scheduler(server);
        let protocol = self.protocol(server, known);
        let scheduler_flags = self.scheduler_flags(server, scheduler);
        let one_packet = self.one_packet(server, protocol);
        let persistence = self.persistence(server, known, family);
        let real_servers = self.real_servers(server, known, family);
        let sorry_server = self.sorry_server(server, known, family);
        let (quorum, hysteresis) = self.quorum(server, &real_servers);
        // All that is wrong with it has been said; now whether it can be.
        let service = service?;
        if !self.is_whole(server, &service, real_servers.is_empty())
            || !self.admit(&service, service_span(server), protocol)
        {
            return None;
        }
        Some(VirtualServerPlan {
            service: service.plan.clone(),
            family,
            protocol,
            scheduler,
            scheduler_flags,
            one_packet,
            persistence,
            quorum,
            hysteresis,
            quorum_up: self.command(server.quorum_up.as_ref()),
            quorum_down: self.command(server.quorum_down.as_ref()),
            sorry_server,
            ha_suspend: server.ha_suspend,
            omega: server.omega,
            smtp_alert: self.mails(server.shared.smtp_alert, false),
            snmp_name: server.shared.snmp_name.clone(),
            real_servers,
        })
    }

    /// What it serves; `None` when that is unknown, which is diagnosed then.
    fn service(&mut self, server: &'a VirtualServer) -> Option<Service<'a>> {
        let Required::Good(service) = &server.service else { return None };
        let plan = &service.value;
        let service = match plan {
            ServicePlan::Endpoint(endpoint) => Service {
                label: match endpoint.port {
                    Some(port) => format!("{} {port}", endpoint.address),
                    None => endpoint.address.to_string(),
                },
                plan,
                group: None,
                family: Some(family(endpoint.address)),
                mixed: false,
            },
            ServicePlan::Fwmark(mark) => {
                Service { label: format!("fwmark {mark}"), plan, group: None, family: None, mixed: false }
            }
            ServicePlan::Group(name) => {
                let group = self.groups.find(name, service.span, self.diagnostics)?;
                Service {
                    label: format!("group {name}"),
                    plan,
                    group: Some(group),
                    family: group.families.first().copied(),
                    mixed: group.families.len() > 1,
                }
            }
        };
        Some(service)
    }

    /// Whether it can be in the plan: read whole, and with a real server.
    fn is_whole(&mut self, server: &VirtualServer, service: &Service<'_>, empty: bool) -> bool {
        let place = service_span(server);
        let label = &service.label;
        if server.damaged {
            self.report(
                Diagnostic::note(code::SERVER_DAMAGED, format!("virtual server `{label}` is left out"))
                    .primary(place, "cannot be read whole"),
            );
        } else if empty && server.real_servers.is_empty() && !server.lost_real_server {
            self.report(
                Diagnostic::error(
                    code::NO_REAL_SERVER,
                    format!("virtual server `{label}` has no real servers"),
                )
                .primary(place, "it is left out, as in keepalived")
                .help("a sorry server alone does not do: name a `real_server`"),
            );
        } else if empty {
            self.report(
                Diagnostic::note(code::NO_REAL_SERVER, format!("virtual server `{label}` is left out"))
                    .primary(place, "all its real servers are left out"),
            );
        }
        !server.damaged && !empty
    }

    /// The family of its addresses, else what it says, else that of its servers.
    fn family(&mut self, server: &VirtualServer, service: Option<&Service<'_>>) -> Family {
        let of_service = service.and_then(|service| service.family);
        if let (Some(said), Some(family)) = (&server.family, of_service)
            && said.value != family
        {
            self.report(
                Diagnostic::error(
                    code::SERVER_FAMILY,
                    format!("`ip_family` says {}, and the address is of {family}", said.value),
                )
                .primary(said.span, "ignored")
                .secondary(service_span(server), "the service"),
            );
        }
        let said = server.family.as_ref().map(|family| family.value);
        let by_granularity = server.granularity.as_ref().map(|granularity| match granularity.value {
            Granularity::Mask(_) => Family::Ipv4,
            Granularity::Length(_) => Family::Ipv6,
        });
        of_service.or(said).or(by_granularity).unwrap_or_else(|| real::family_of_servers(server))
    }

    fn scheduler(&mut self, server: &VirtualServer) -> Scheduler {
        let absent: Vec<&str> = [
            matches!(server.scheduler, Required::Absent).then_some("`lb_algo wlc`"),
            matches!(server.forwarding, Required::Absent).then_some("`lb_kind NAT`"),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !absent.is_empty() {
            let verb = if absent.len() == 1 { "is" } else { "are" };
            let remark = format!("{} {verb} used, as in keepalived", absent.join(" and "));
            self.report(
                Diagnostic::warning(code::SERVER_DEFAULT, "a virtual server does not say how it balances")
                    .primary(service_span(server), remark)
                    .help("say it: keepalived takes its absence for an error"),
            );
        }
        match &server.scheduler {
            Required::Good(scheduler) => scheduler.value,
            Required::Absent | Required::Bad => Scheduler::default(),
        }
    }

    /// keepalived's default is UDP, and hardly ever meant.
    fn protocol(&mut self, server: &VirtualServer, service: Option<&Service<'_>>) -> Option<Protocol> {
        let marks = service.is_some_and(Service::is_marks);
        match &server.protocol {
            Required::Good(protocol) if marks => {
                self.report(
                    Diagnostic::warning(code::SERVER_PROTOCOL, "a fwmark stands for packets of any protocol")
                        .primary(protocol.span, "ignored")
                        .help("let the rule that sets the mark match the protocol"),
                );
                None
            }
            Required::Absent | Required::Bad if marks => None,
            Required::Good(protocol) => Some(protocol.value),
            // Diagnosed.
            Required::Bad => Some(Protocol::Udp),
            Required::Absent => {
                // A service that is unknown may be a fwmark.
                if service.is_some() {
                    self.report(
                        Diagnostic::error(
                            code::SERVER_PROTOCOL,
                            "a virtual server does not say its protocol",
                        )
                        .primary(service_span(server), "UDP is used, as in keepalived")
                        .help("most services are TCP: say `protocol TCP`"),
                    );
                }
                Some(Protocol::Udp)
            }
        }
    }

    /// The flags that mean something to the scheduler.
    fn scheduler_flags(&mut self, server: &VirtualServer, scheduler: Scheduler) -> SchedulerFlags {
        let mut flags = SchedulerFlags::default();
        for flag in &server.flags {
            let (name, only) = match flag.value {
                Flag::First | Flag::Second | Flag::Third => ("", scheduler),
                Flag::SourcePort => ("sh-port", Scheduler::Sh),
                Flag::SourceFallback => ("sh-fallback", Scheduler::Sh),
                Flag::MaglevPort => ("mh-port", Scheduler::Mh),
                Flag::MaglevFallback => ("mh-fallback", Scheduler::Mh),
            };
            if scheduler != only {
                let needed = if only == Scheduler::Sh { "sh" } else { "mh" };
                self.report(
                    Diagnostic::warning(
                        code::SERVER_FLAG,
                        format!("`{name}` means something to scheduler {needed} alone"),
                    )
                    .primary(flag.span, "ignored")
                    .help(format!("say `lb_algo {needed}`, or leave the flag out")),
                );
                continue;
            }
            match flag.value {
                Flag::First | Flag::SourceFallback | Flag::MaglevFallback => flags.first = true,
                Flag::Second | Flag::SourcePort | Flag::MaglevPort => flags.second = true,
                Flag::Third => flags.third = true,
            }
        }
        flags
    }

    /// `ops` is for packets without connections.
    fn one_packet(&mut self, server: &VirtualServer, protocol: Option<Protocol>) -> bool {
        let Some(span) = server.one_packet else { return false };
        match protocol {
            None | Some(Protocol::Udp) => true,
            Some(Protocol::Tcp | Protocol::Sctp) => {
                self.report(
                    Diagnostic::warning(
                        code::SERVER_FLAG,
                        "one packet is scheduled by itself with UDP alone",
                    )
                    .primary(span, "ignored"),
                );
                false
            }
        }
    }

    fn persistence(
        &mut self,
        server: &VirtualServer,
        service: Option<&Service<'_>>,
        family: Family,
    ) -> Option<Persistence> {
        let prefix_length = self.prefix_length(server, family);
        let asked = server.persistence_timeout.or(server.granularity.as_ref().map(|_| PERSISTENCE));
        if let (Some(span), None) = (server.sip, asked) {
            self.report(
                Diagnostic::warning(code::SERVER_FLAG, "`persistence_engine` without persistence")
                    .primary(span, "has no effect")
                    .help("say `persistence_timeout` too"),
            );
        }
        let all_ports = service.is_some_and(Service::has_all_ports);
        if all_ports && asked.is_none() {
            self.report(
                Diagnostic::warning(
                    code::SERVER_PORT,
                    "a service without a port keeps its clients on their real servers",
                )
                .primary(service_span(server), "`persistence_timeout 360` is used, as in keepalived")
                .help("name a port, or say `persistence_timeout`"),
            );
        }
        let timeout = asked.or(all_ports.then_some(PERSISTENCE))?;
        Some(Persistence { timeout, prefix_length, sip: server.sip.is_some() })
    }

    /// `persistence_granularity` in the terms of the family.
    fn prefix_length(&mut self, server: &VirtualServer, family: Family) -> u8 {
        let whole = match family {
            Family::Ipv4 => 32,
            Family::Ipv6 => 128,
        };
        let Some(granularity) = &server.granularity else { return whole };
        match (granularity.value, family) {
            (Granularity::Mask(length), Family::Ipv4) | (Granularity::Length(length), Family::Ipv6) => length,
            (Granularity::Mask(_), Family::Ipv6) => {
                self.report(
                    Diagnostic::error(code::GRANULARITY, "a netmask is not a granularity of IPv6")
                        .primary(granularity.span, "each client is one by itself")
                        .help("write the length of a prefix, as 64"),
                );
                whole
            }
            (Granularity::Length(length), Family::Ipv4) => {
                let message = format!("`persistence_granularity {length}` is no netmask");
                let (remark, length) = if length <= whole {
                    (format!("/{length} is used"), length)
                } else {
                    ("each client is one by itself".to_owned(), whole)
                };
                self.report(
                    Diagnostic::warning(code::GRANULARITY, message)
                        .primary(granularity.span, remark)
                        .help("write a netmask, as 255.255.255.0: keepalived takes a number for 0.0.0.N"),
                );
                length
            }
        }
    }

    /// Whether mail is sent: what is said, else what `global_defs` says of all servers, else the default.
    fn mails(&self, said: Option<bool>, otherwise: bool) -> bool {
        let mail = &self.model.globals.kept.mail;
        said.or(mail.alert_checker).or(mail.alert).unwrap_or(otherwise)
    }

    /// A command, with the user of all scripts where it does not say its own.
    fn command(&self, command: Option<&Command>) -> Option<Box<Command>> {
        let command = command?;
        let user = command.user.clone().or_else(|| self.model.globals.script_user.clone());
        Some(Box::new(Command { user, ..command.clone() }))
    }
}

/// Where the service is named, else the word before it.
fn service_span(server: &VirtualServer) -> Span {
    match &server.service {
        Required::Good(service) => service.span,
        Required::Absent | Required::Bad => server.span,
    }
}
