//! `keepalived.stats`: what each instance counted.

use std::fmt::{self, Write};

use regent_common::{Counter, Reason};

use super::Dump;
use crate::observe::snapshot::InstanceStatus;

/// Counts of an instance, as keepalived divides them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Stats {
    /// Good adverts.
    pub advert_rcvd: u64,
    /// Adverts sent.
    pub advert_sent: u64,
    /// Times it became master.
    pub become_master: u64,
    /// Times it ceased to be.
    pub release_master: u64,
    /// Of a wrong length.
    pub packet_len_err: u64,
    /// With another interval.
    pub advert_interval_err: u64,
    /// With another TTL.
    pub ip_ttl_err: u64,
    /// Of another type.
    pub invalid_type_rcvd: u64,
    /// With other addresses.
    pub addr_list_err: u64,
    /// With an authentication type that is none.
    pub invalid_authtype: u64,
    /// With another authentication type.
    pub authtype_mismatch: u64,
    /// With another password.
    pub auth_failure: u64,
    /// Of priority 0.
    pub pri_zero_rcvd: u64,
    /// Sent with priority 0.
    pub pri_zero_sent: u64,
}

impl Stats {
    /// What an instance counted since its start.
    pub fn of(status: &InstanceStatus) -> Self {
        let counter = |counter: Counter| status.counters.get(counter.label()).unwrap_or_default();
        let rejected = |reason: Reason| status.rejected.get(reason.label()).unwrap_or_default();
        Self {
            advert_rcvd: counter(Counter::Accepted),
            advert_sent: status.adverts_sent,
            become_master: status.became_master,
            release_master: status.released_master,
            packet_len_err: rejected(Reason::Length),
            advert_interval_err: rejected(Reason::Interval),
            ip_ttl_err: rejected(Reason::Ttl),
            invalid_type_rcvd: rejected(Reason::Type),
            addr_list_err: counter(Counter::AddressListMismatch),
            invalid_authtype: rejected(Reason::AuthTypeInvalid),
            authtype_mismatch: rejected(Reason::AuthTypeMismatch),
            auth_failure: rejected(Reason::AuthFailure),
            pri_zero_rcvd: counter(Counter::PriorityZero),
            pri_zero_sent: status.priority_zero_sent,
        }
    }

    /// What was counted since `before`. Counts of an agent that began anew count whole.
    #[must_use]
    pub const fn since(self, before: &Self) -> Self {
        const fn less(now: u64, before: u64) -> u64 {
            if now < before { now } else { now - before }
        }
        Self {
            advert_rcvd: less(self.advert_rcvd, before.advert_rcvd),
            advert_sent: less(self.advert_sent, before.advert_sent),
            become_master: less(self.become_master, before.become_master),
            release_master: less(self.release_master, before.release_master),
            packet_len_err: less(self.packet_len_err, before.packet_len_err),
            advert_interval_err: less(self.advert_interval_err, before.advert_interval_err),
            ip_ttl_err: less(self.ip_ttl_err, before.ip_ttl_err),
            invalid_type_rcvd: less(self.invalid_type_rcvd, before.invalid_type_rcvd),
            addr_list_err: less(self.addr_list_err, before.addr_list_err),
            invalid_authtype: less(self.invalid_authtype, before.invalid_authtype),
            authtype_mismatch: less(self.authtype_mismatch, before.authtype_mismatch),
            auth_failure: less(self.auth_failure, before.auth_failure),
            pri_zero_rcvd: less(self.pri_zero_rcvd, before.pri_zero_rcvd),
            pri_zero_sent: less(self.pri_zero_sent, before.pri_zero_sent),
        }
    }
}

/// The text of `keepalived.stats`.
///
/// # Errors
/// None that depends on the dump: writing to a string cannot fail.
pub fn stats(dump: &Dump) -> Result<String, fmt::Error> {
    let mut text = String::new();
    for instance in &dump.instances {
        write(&mut text, &instance.status.name, &instance.stats)?;
    }
    Ok(text)
}

fn write(text: &mut String, name: &str, stats: &Stats) -> fmt::Result {
    writeln!(text, "VRRP Instance: {name}")?;
    writeln!(text, "  Advertisements:")?;
    writeln!(text, "    Received: {}", stats.advert_rcvd)?;
    writeln!(text, "    Sent: {}", stats.advert_sent)?;
    writeln!(text, "  Became master: {}", stats.become_master)?;
    writeln!(text, "  Released master: {}", stats.release_master)?;
    writeln!(text, "  Packet Errors:")?;
    writeln!(text, "    Length: {}", stats.packet_len_err)?;
    writeln!(text, "    TTL: {}", stats.ip_ttl_err)?;
    writeln!(text, "    Invalid Type: {}", stats.invalid_type_rcvd)?;
    writeln!(text, "    Advertisement Interval: {}", stats.advert_interval_err)?;
    writeln!(text, "    Address List: {}", stats.addr_list_err)?;
    writeln!(text, "  Authentication Errors:")?;
    writeln!(text, "    Invalid Type: {}", stats.invalid_authtype)?;
    writeln!(text, "    Type Mismatch: {}", stats.authtype_mismatch)?;
    writeln!(text, "    Failure: {}", stats.auth_failure)?;
    writeln!(text, "  Priority Zero:")?;
    writeln!(text, "    Received: {}", stats.pri_zero_rcvd)?;
    writeln!(text, "    Sent: {}", stats.pri_zero_sent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::sample;

    #[test]
    fn counts_are_divided_as_keepalived_does() {
        let stats = Stats::of(&sample::snapshot().instances[0]);
        assert_eq!((stats.advert_rcvd, stats.advert_sent), (4711, 126));
        assert_eq!((stats.ip_ttl_err, stats.auth_failure, stats.pri_zero_sent), (5, 7, 1));
    }

    #[test]
    fn cleared_counts_begin_again() {
        let stats = Stats { advert_sent: 12, advert_rcvd: 3, ..Stats::default() };
        let before = Stats { advert_sent: 10, advert_rcvd: 7, ..Stats::default() };
        let since = stats.since(&before);
        assert_eq!((since.advert_sent, since.advert_rcvd), (2, 3));
    }
}
