//! Prometheus metrics of a snapshot, in OpenMetrics text: our own names (`regent_*`), and beside them those of the
//! usual keepalived exporter, so that its dashboards and alerts go on working.
//!
//! Nothing is kept between scrapes: what is gone from the snapshot is gone from the metrics. Families and series come
//! in the order of the snapshot.

mod exporter;
mod regent;

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeGaugeValue, MetricEncoder, text},
    metrics::MetricType,
    registry::Registry,
};

use super::snapshot::{InstanceStatus, Snapshot};

/// The content type of [`encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of a snapshot.
///
/// # Errors
/// None that depends on the snapshot: writing to a string cannot fail.
pub fn encode(snapshot: Snapshot) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Exported(snapshot)));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Exported(Snapshot);

impl Collector for Exported {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = Families { encoder };
        regent::encode(&self.0, &mut families)?;
        exporter::encode(&self.0, &mut families)
    }
}

/// Labels of one series, in the order they are written.
type Labels = Vec<(&'static str, String)>;

/// Writes families of metrics.
struct Families<'a> {
    encoder: DescriptorEncoder<'a>,
}

impl Families<'_> {
    /// A counter; `_total` is appended to its name. Nothing is written when there are no series.
    fn counter(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels, u64)>,
    ) -> fmt::Result {
        let mut series = series.into_iter().peekable();
        if series.peek().is_none() {
            return Ok(());
        }
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in series {
            series_of(&mut family, &labels, |one| one.encode_counter::<Labels, u64, f64>(&value, None))?;
        }
        Ok(())
    }

    /// A gauge. Nothing is written when there are no series.
    fn gauge<V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels, V)>,
    ) -> fmt::Result {
        let mut series = series.into_iter().peekable();
        if series.peek().is_none() {
            return Ok(());
        }
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in series {
            series_of(&mut family, &labels, |one| one.encode_gauge(&value))?;
        }
        Ok(())
    }
}

/// Writes one series; without labels it has no braces either.
fn series_of(
    family: &mut MetricEncoder<'_>,
    labels: &Labels,
    write: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    if labels.is_empty() { write(family) } else { write(&mut family.encode_family(labels)?) }
}

/// The labels that the exporter has on every counter; ours have the same, so that both can be joined.
fn labels(instance: &InstanceStatus) -> Labels {
    vec![
        ("iname", instance.name.clone()),
        ("intf", instance.interface.clone()),
        ("vrid", instance.vrid.to_string()),
    ]
}

/// These labels and one more.
fn with(mut labels: Labels, name: &'static str, value: impl Into<String>) -> Labels {
    labels.push((name, value.into()));
    labels
}

/// An address as keepalived prints it: without the prefix length of a host.
fn plain_address(address: &str) -> &str {
    let host = if address.contains(':') { "/128" } else { "/32" };
    address.strip_suffix(host).unwrap_or(address)
}

#[cfg(test)]
mod tests;
