//! What is known of the way of a route.

use std::time::Duration;

use super::{Line, Said};
use crate::config::{
    keyword::RouteTerm,
    plan::{CongestionControl, RouteMetric, RouteMetrics, RouteTime},
};

/// A word about the way; all others say nothing here.
pub(super) fn word<'d>(line: &mut Line<'_, '_, 'd>, said: &Said<'d, RouteTerm>, metrics: &mut RouteMetrics) {
    let lockable = [
        (RouteTerm::Mtu, &mut metrics.mtu),
        (RouteTerm::AdvertisedMss, &mut metrics.advertised_mss),
        (RouteTerm::Reordering, &mut metrics.reordering),
        (RouteTerm::CongestionWindow, &mut metrics.congestion_window),
        (RouteTerm::SlowStartThreshold, &mut metrics.slow_start_threshold),
    ];
    if let Some((_, place)) = lockable.into_iter().find(|(term, _)| *term == said.term) {
        let locked = line.lock();
        *place = line.small(said).map(|value| RouteMetric { value, locked });
        return;
    }
    let numbers = [
        (RouteTerm::HopLimit, &mut metrics.hop_limit),
        (RouteTerm::Window, &mut metrics.window),
        (RouteTerm::FirstCongestionWindow, &mut metrics.first_congestion_window),
        (RouteTerm::FirstReceiveWindow, &mut metrics.first_receive_window),
    ];
    if let Some((_, place)) = numbers.into_iter().find(|(term, _)| *term == said.term) {
        *place = line.small(said);
        return;
    }
    let switches = [
        (RouteTerm::QuickAck, &mut metrics.quick_ack),
        (RouteTerm::FastOpenWithoutCookie, &mut metrics.fast_open_without_cookie),
    ];
    if let Some((_, place)) = switches.into_iter().find(|(term, _)| *term == said.term) {
        *place = line.number(said).map(|number| number == 1);
        return;
    }
    let times = [
        (RouteTerm::RoundTrip, &mut metrics.round_trip),
        (RouteTerm::RoundTripVariance, &mut metrics.round_trip_variance),
        (RouteTerm::LeastTimeout, &mut metrics.least_timeout),
    ];
    if let Some((_, place)) = times.into_iter().find(|(term, _)| *term == said.term) {
        let locked = line.lock();
        let time = line.time(said).map(Duration::from_micros);
        *place = time.map(|value| RouteTime { value, locked });
        return;
    }
    if said.term == RouteTerm::CongestionControl {
        let locked = line.lock();
        let name = line.value(said).map(|word| word.value.clone());
        metrics.congestion_control = name.map(|name| CongestionControl { name, locked });
    } else if said.term == RouteTerm::Features {
        metrics.congestion_notification |= line.choice(said).is_some();
    }
}
