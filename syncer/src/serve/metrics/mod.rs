//! `/metrics`, by the conventions of Prometheus: base units, never a label with an object's name.

pub mod mirroring;
pub mod process;

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::engine::key::Side;
use crate::engine::lag::{BOUNDS, Spread};

/// Labels of one series.
pub type Labels = Vec<(&'static str, String)>;

#[derive(Debug)]
enum Values {
    Gauges(Vec<(Labels, f64)>),
    Counters(Vec<(Labels, f64)>),
    Times(Vec<(Labels, Spread)>),
}

#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    values: Values,
}

/// Metrics of one scrape, in the order in which they are told.
#[derive(Debug, Default)]
pub struct Families(Vec<Family>);

impl Families {
    /// What goes up and down.
    pub fn gauges(&mut self, name: &'static str, help: &'static str, values: Vec<(Labels, f64)>) {
        self.0.push(Family { name, help, unit: None, values: Values::Gauges(values) });
    }

    /// One that goes up and down.
    pub fn gauge(&mut self, name: &'static str, help: &'static str, value: f64) {
        self.gauges(name, help, vec![(Vec::new(), value)]);
    }

    /// What only goes up; `_total` is added to the name.
    pub fn counters(&mut self, name: &'static str, help: &'static str, values: Vec<(Labels, f64)>) {
        self.0.push(Family { name, help, unit: None, values: Values::Counters(values) });
    }

    /// One that only goes up.
    pub fn counter(&mut self, name: &'static str, help: &'static str, value: f64) {
        self.counters(name, help, vec![(Vec::new(), value)]);
    }

    /// Histograms of times; `_seconds` is added to the name.
    pub fn times(&mut self, name: &'static str, help: &'static str, values: Vec<(Labels, Spread)>) {
        self.0.push(Family { name, help, unit: Some(Unit::Seconds), values: Values::Times(values) });
    }

    /// As text.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn text(self) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for Family { name, help, unit, values } in &self.0 {
            let kind = match values {
                Values::Gauges(_) => MetricType::Gauge,
                Values::Counters(_) => MetricType::Counter,
                Values::Times(_) => MetricType::Histogram,
            };
            let mut family = encoder.encode_descriptor(name, help, unit.as_ref(), kind)?;
            match values {
                Values::Gauges(values) => {
                    for (labels, value) in values {
                        series(&mut family, labels, |of| of.encode_gauge(value))?;
                    }
                }
                Values::Counters(values) => {
                    for (labels, value) in values {
                        series(&mut family, labels, |of| {
                            of.encode_counter::<NoLabelSet, _, f64>(value, None)
                        })?;
                    }
                }
                Values::Times(values) => {
                    for (labels, Spread { counts, sum, .. }) in values {
                        let bounds = BOUNDS.iter().copied().chain([f64::INFINITY]);
                        let buckets: Vec<(f64, u64)> = bounds.zip(counts.iter().copied()).collect();
                        let count = counts.iter().sum();
                        series(&mut family, labels, |of| {
                            of.encode_histogram::<NoLabelSet>(*sum, count, &buckets, None)
                        })?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Writes one series; one without labels has no braces either.
fn series(
    family: &mut MetricEncoder<'_>,
    labels: &Labels,
    write: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    match labels.is_empty() {
        true => write(family),
        false => write(&mut family.encode_family(labels)?),
    }
}

/// The label of a side.
pub fn side(side: Side) -> (&'static str, String) {
    ("side", side.to_string())
}

/// The label of a kind.
pub fn kind(name: &str) -> (&'static str, String) {
    ("kind", name.to_owned())
}

/// 1 for true.
pub fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_family_says_what_it_is_and_its_names_end_in_their_units() {
        let mut spread = Spread::default();
        spread.add(Duration::from_millis(20));
        let mut families = Families::default();
        families.gauge("v9s_syncer_synced", "Whether", 1.0);
        families.counters("v9s_syncer_writes", "Writes", vec![(vec![kind("pods"), side(Side::Host)], 3.0)]);
        families.times("v9s_syncer_lag", "Lag", vec![(vec![kind("pods")], spread)]);
        let text = families.text().expect("text");
        for line in [
            "# HELP v9s_syncer_synced Whether",
            "# TYPE v9s_syncer_synced gauge",
            "v9s_syncer_synced 1.0",
            "# TYPE v9s_syncer_writes counter",
            "v9s_syncer_writes_total{kind=\"pods\",side=\"host\"} 3.0",
            "# TYPE v9s_syncer_lag_seconds histogram",
            "v9s_syncer_lag_seconds_bucket{le=\"0.025\",kind=\"pods\"} 1",
            "v9s_syncer_lag_seconds_bucket{le=\"+Inf\",kind=\"pods\"} 1",
            "v9s_syncer_lag_seconds_sum{kind=\"pods\"} 0.02",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is missing:\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
