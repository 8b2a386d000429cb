//! `/metrics`, by the conventions of Prometheus: base units, never a label with an object's name.

use std::fmt;
use std::sync::{Arc, Weak};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::engine::key::Side;
use crate::engine::lag::{BOUNDS, Spread};
use crate::engine::{Engine, report::Report};

/// All metrics of an engine as text; what a scrape answers.
///
/// # Errors
/// When the text cannot be written.
pub fn text(engine: &Arc<Engine>) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("v9s_syncer");
    registry.register_collector(Box::new(OfEngine(Arc::downgrade(engine))));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}

struct OfEngine(Weak<Engine>);

impl fmt::Debug for OfEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OfEngine")
    }
}

impl Collector for OfEngine {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        match self.0.upgrade() {
            Some(engine) => encode(&engine.report(), encoder),
            None => Ok(()),
        }
    }
}

fn encode(report: &Report, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
    let side = |side: Side| if side == Side::Host { "host" } else { "virtual" };
    let mut gauges = |name: &str, help: &str, values: &[(Vec<(&str, &str)>, f64)]| -> fmt::Result {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            family.encode_family(labels)?.encode_gauge(value)?;
        }
        Ok(())
    };
    let objects: Vec<_> = report
        .objects
        .iter()
        .flat_map(|(kind, counts)| {
            [Side::Virtual, Side::Host]
                .into_iter()
                .zip(counts)
                .map(move |(of, count)| (vec![("kind", kind.as_str()), ("side", side(of))], *count as f64))
        })
        .collect();
    gauges("objects", "Objects as they were last seen", &objects)?;
    gauges("queue_depth", "Work items that wait for their turn", &[(vec![], report.queued as f64)])?;
    gauges("under_way", "Work items under way", &[(vec![], report.under_way as f64)])?;
    let pending: Vec<_> = report
        .pending
        .iter()
        .map(|(kind, count)| (vec![("kind", kind.as_str())], f64::from(*count)))
        .collect();
    gauges("pending", "Pairs that are not in agreement", &pending)?;
    let oldest = report.oldest_pending.map_or(0.0, |oldest| oldest.as_secs_f64());
    gauges("oldest_pending_seconds", "Age of the oldest of them", &[(vec![], oldest)])?;
    let budgets = [Side::Virtual, Side::Host].into_iter().zip(report.budgets);
    let budgets: Vec<_> = budgets.map(|(of, limit)| (vec![("side", side(of))], limit as f64)).collect();
    gauges("write_limit", "Writes that may be under way at once", &budgets)?;
    let synced = f64::from(u8::from(report.partial.is_empty() && report.blind.is_empty()));
    gauges("synced", "1 when both sides were listed whole and can be watched", &[(vec![], synced)])?;

    let counts = report.counts;
    let mut counters = |name: &str, help: &str, values: &[(Vec<(&str, &str)>, u64)]| -> fmt::Result {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            family.encode_family(labels)?.encode_counter::<NoLabelSet, _, u64>(value, None)?;
        }
        Ok(())
    };
    counters("plans", "Decisions made", &[(vec![], counts.plans)])?;
    let writes = [Side::Virtual, Side::Host].into_iter().zip(counts.writes);
    let writes: Vec<_> = writes.map(|(of, count)| (vec![("side", side(of))], count)).collect();
    counters("writes", "Writes that succeeded", &writes)?;
    counters("write_failures", "Writes that failed", &[(vec![], counts.failures)])?;
    counters("held_deletions", "Deletions that were held back", &[(vec![], counts.held)])?;
    counters("quarantines", "Pairs that somebody kept undoing", &[(vec![], counts.quarantines)])?;

    let help = "From a change on one side to its write on the other";
    let mut family = encoder.encode_descriptor("lag", help, Some(&Unit::Seconds), MetricType::Histogram)?;
    for (kind, written, lag) in &report.lags {
        let labels = [("kind", kind.as_str()), ("written", side(*written))];
        let Spread { counts, sum, .. } = &lag.total;
        let bounds = BOUNDS.iter().copied().chain([f64::MAX]);
        let buckets: Vec<(f64, u64)> = bounds.zip(counts.iter().copied()).collect();
        let count = counts.iter().sum();
        family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(*sum, count, &buckets, None)?;
    }
    Ok(())
}
