//! Rules about real servers and the sorry server: family, port, and what they inherit.

use std::{collections::BTreeMap, num::NonZeroU32};

use regent_common::Family;

use super::{Servers, Service, service_span};
use crate::config::{
    check::addresses::family,
    diagnostic::{Diagnostic, code},
    model::{RealServer, Required, Shared, Spanned, VirtualServer},
    plan::{Endpoint, Forwarding, RealServerPlan, SorryServerPlan},
    source::Span,
};

/// How the real servers of a virtual server are reached when they do not say it.
fn forwarding_of(server: &VirtualServer) -> Forwarding {
    match &server.forwarding {
        Required::Good(forwarding) => forwarding.value,
        Required::Absent | Required::Bad => Forwarding::default(),
    }
}

/// The family of a service that has no addresses: that of its first server that is not tunnelled, else that of all of
/// them, else IPv4.
pub(super) fn family_of_servers(server: &VirtualServer) -> Family {
    let otherwise = forwarding_of(server);
    let real = server.real_servers.iter().map(|real| {
        let forwarding = real.forwarding.as_ref().map_or(otherwise, |forwarding| forwarding.value);
        (real.endpoint.value.address, forwarding)
    });
    let sorry = server.sorry_server.iter().map(|sorry| {
        let forwarding = server.sorry_forwarding.as_ref().map_or(otherwise, |forwarding| forwarding.value);
        (sorry.value.address, forwarding)
    });
    let servers: Vec<(Family, Forwarding)> =
        real.chain(sorry).map(|(address, forwarding)| (family(address), forwarding)).collect();
    let direct = servers.iter().find(|(_, forwarding)| !is_tunnel(*forwarding));
    let all_ipv6 = !servers.is_empty() && servers.iter().all(|(family, _)| *family == Family::Ipv6);
    let tunnelled = if all_ipv6 { Family::Ipv6 } else { Family::Ipv4 };
    direct.map_or(tunnelled, |(family, _)| *family)
}

const fn is_tunnel(forwarding: Forwarding) -> bool {
    match forwarding {
        Forwarding::Tun(_) => true,
        Forwarding::Nat | Forwarding::Dr => false,
    }
}

/// What a real server says, else what its virtual server says.
pub(super) fn inherited(own: &Shared, outer: &Shared) -> Shared {
    Shared {
        timing: own.timing.or(outer.timing),
        connect_timeout: own.connect_timeout.or(outer.connect_timeout),
        inhibits: own.inhibits.or(outer.inhibits),
        smtp_alert: own.smtp_alert.or(outer.smtp_alert),
        virtual_host: own.virtual_host.clone().or_else(|| outer.virtual_host.clone()),
        snmp_name: own.snmp_name.clone(),
    }
}

impl Servers<'_> {
    /// The real servers that can be used.
    pub(super) fn real_servers(
        &mut self,
        server: &VirtualServer,
        service: Option<&Service<'_>>,
        family: Family,
    ) -> Vec<RealServerPlan> {
        let mut plans: Vec<RealServerPlan> = Vec::new();
        let mut seen: BTreeMap<Endpoint, Span> = BTreeMap::new();
        for real in &server.real_servers {
            let Some(plan) = self.real_server(server, service, family, real) else { continue };
            let first = *seen.entry(plan.endpoint).or_insert(real.endpoint.span);
            if first != real.endpoint.span {
                self.report(
                    Diagnostic::error(
                        code::DUPLICATE_SERVER,
                        format!("real server `{}` is named twice", plan.endpoint.address),
                    )
                    .primary(real.endpoint.span, "ignored")
                    .secondary(first, "named here first"),
                );
                continue;
            }
            plans.push(plan);
        }
        plans
    }

    fn real_server(
        &mut self,
        server: &VirtualServer,
        service: Option<&Service<'_>>,
        family: Family,
        real: &RealServer,
    ) -> Option<RealServerPlan> {
        let forwarding =
            real.forwarding.as_ref().map_or(forwarding_of(server), |forwarding| forwarding.value);
        let fits = self.fits_family(server, service, family, &real.endpoint, forwarding, "real server");
        let endpoint = self.port(service, &real.endpoint, forwarding, "real server");
        let shared = inherited(&real.shared, &server.shared);
        // Checks go where the real server was said to be, also where packets go elsewhere.
        let checked = Endpoint { port: real.endpoint.value.port.or(endpoint.port), ..endpoint };
        let checkers = self.checkers(real, checked, &shared);
        let (upper_threshold, lower_threshold) = self.thresholds(real);
        let checkers = checkers.filter(|_| fits && !real.lost_check)?;
        Some(RealServerPlan {
            endpoint,
            weight: real.weight.as_ref().map(|weight| weight.value).or(server.weight).unwrap_or(1),
            forwarding,
            upper_threshold,
            lower_threshold,
            inhibits: shared.inhibits.unwrap_or(false),
            notify_up: self.command(real.notify_up.as_ref()),
            notify_down: self.command(real.notify_down.as_ref()),
            smtp_alert: self.mails(shared.smtp_alert, true),
            snmp_name: shared.snmp_name,
            checkers,
        })
    }

    /// Without a tunnel a packet stays of its family.
    fn fits_family(
        &mut self,
        server: &VirtualServer,
        service: Option<&Service<'_>>,
        family: Family,
        endpoint: &Spanned<Endpoint>,
        forwarding: Forwarding,
        what: &str,
    ) -> bool {
        let Some(service) = service else { return true };
        let own = super::family(endpoint.value.address);
        if is_tunnel(forwarding) || (own == family && !service.mixed) {
            return true;
        }
        let message = if service.mixed {
            format!("`{}` serves both families, and a {what} that is not tunnelled cannot", service.label)
        } else {
            format!("{what} `{}` is not of {family}, as the service is", endpoint.value.address)
        };
        self.report(
            Diagnostic::error(code::SERVER_FAMILY, message)
                .primary(endpoint.span, format!("this {what} is left out, as in keepalived"))
                .secondary(service_span(server), "the service")
                .help("give each family a virtual server of its own, or tunnel: `lvs_method TUN`"),
        );
        false
    }

    /// Without NAT a packet keeps its port, so it is that of the service.
    fn port(
        &mut self,
        service: Option<&Service<'_>>,
        endpoint: &Spanned<Endpoint>,
        forwarding: Forwarding,
        what: &str,
    ) -> Endpoint {
        let said = endpoint.value;
        let Some(service) = service else { return said };
        let port = service.port();
        let (Forwarding::Dr | Forwarding::Tun(_), Some(own)) = (forwarding, said.port) else {
            return Endpoint { port: said.port.or(port), ..said };
        };
        let several = service.group.is_some_and(|group| group.ports.len() > 1 || group.has_marks);
        if port == Some(own) && !several {
            return said;
        }
        let remark = match port {
            Some(port) => format!("packets come with port {port}: that is used"),
            None => "packets come with the port of the service: this one is ignored".to_owned(),
        };
        self.report(
            Diagnostic::warning(
                code::SERVER_PORT,
                format!(
                    "port {own} of a {what} is not that of `{}`, and only NAT changes ports",
                    service.label
                ),
            )
            .primary(endpoint.span, remark)
            .help("leave the port out; say `connect_port` where checks need another"),
        );
        Endpoint { port, ..said }
    }

    pub(super) fn sorry_server(
        &mut self,
        server: &VirtualServer,
        service: Option<&Service<'_>>,
        family: Family,
    ) -> Option<SorryServerPlan> {
        let Some(sorry) = &server.sorry_server else {
            let about = [server.sorry_inhibit, server.sorry_forwarding.as_ref().map(|said| said.span)];
            for span in about.into_iter().flatten().filter(|_| !server.lost_sorry_server) {
                self.report(
                    Diagnostic::warning(code::SORRY_SERVER, "there is no sorry server")
                        .primary(span, "has no effect")
                        .help("name one: `sorry_server ADDRESS PORT`"),
                );
            }
            return None;
        };
        let forwarding =
            server.sorry_forwarding.as_ref().map_or(forwarding_of(server), |forwarding| forwarding.value);
        if !self.fits_family(server, service, family, sorry, forwarding, "sorry server") {
            return None;
        }
        let endpoint = self.port(service, sorry, forwarding, "sorry server");
        Some(SorryServerPlan { endpoint, forwarding, inhibits: server.sorry_inhibit.is_some() })
    }

    fn thresholds(&mut self, real: &RealServer) -> (Option<NonZeroU32>, Option<NonZeroU32>) {
        let upper = real.upper_threshold.and_then(NonZeroU32::new);
        let Some(said) = &real.lower_threshold else { return (upper, None) };
        let Some(lower) = NonZeroU32::new(said.value) else { return (upper, None) };
        let wrong = match upper {
            Some(upper) if lower >= upper => {
                format!("`lthreshold {lower}` is not below `uthreshold {upper}`")
            }
            Some(_) => return (upper, Some(lower)),
            None => "`lthreshold` says nothing without `uthreshold`".to_owned(),
        };
        self.report(Diagnostic::warning(code::THRESHOLD, wrong).primary(said.span, "ignored"));
        (upper, None)
    }
}
