//! Metrics of a companion that mirrors.

use super::{Families, Labels, flag, kind, side};
use crate::engine::gate::StoreIdentity;
use crate::engine::key::Side;
use crate::engine::report::Report;
use crate::resources::canary::Course;

const SIDES: [Side; 2] = [Side::Virtual, Side::Host];

/// What the engine does.
pub fn engine(families: &mut Families, report: &Report) {
    state(families, report);
    work(families, report);
    let lags = report
        .lags
        .iter()
        .map(|(name, written, lag)| (vec![kind(name), ("written", written.to_string())], lag.total));
    families.times("v9s_syncer_lag", "From a change on one side to its write on the other", lags.collect());
}

fn state(families: &mut Families, report: &Report) {
    let objects = report.objects.iter().flat_map(|(name, counts)| {
        SIDES.into_iter().zip(counts).map(|(of, count)| (vec![kind(name), side(of)], *count as f64))
    });
    families.gauges("v9s_syncer_objects", "Objects as they were last seen", objects.collect());
    let synced = report.partial.is_empty() && report.blind.is_empty();
    families.gauge(
        "v9s_syncer_synced",
        "1 when both sides were listed whole and can be watched",
        flag(synced),
    );
    let known = report.store == StoreIdentity::Known;
    families.gauge(
        "v9s_syncer_store_known",
        "1 when the virtual store is the one that belongs to the host's objects",
        flag(known),
    );
    families.gauge(
        "v9s_syncer_suspended",
        "1 while nothing is written at all",
        flag(report.suspended.is_some()),
    );
    let gates = report.gates.iter().map(|(name, open)| (vec![kind(name)], flag(*open)));
    families.gauges(
        "v9s_syncer_gate_open",
        "1 when what is gone on one side may be deleted on the other",
        gates.collect(),
    );
    let pending = report.pending.iter().map(|(name, count)| (vec![kind(name)], f64::from(*count)));
    families.gauges("v9s_syncer_pending", "Pairs that are not in agreement", pending.collect());
    let oldest = report.oldest_pending.map_or(0.0, |oldest| oldest.as_secs_f64());
    families.gauge("v9s_syncer_oldest_pending_seconds", "Age of the oldest of them", oldest);
    // While nothing is known of it, it is not told: zero would be a lie.
    if let Some(drift) = &report.drift {
        let drifted = drift.counts.iter().map(|(name, count)| (vec![kind(name)], f64::from(*count)));
        let all = f64::from(drift.counts.values().sum::<u32>());
        families.gauge("v9s_syncer_drifted", "Pairs that have disagreed for longer than a minute", all);
        families.gauges("v9s_syncer_drifted_by_kind", "The same by kind", drifted.collect());
        let quarantined = f64::from(drift.quarantined);
        families.gauge(
            "v9s_syncer_quarantined",
            "Pairs left alone because somebody keeps undoing what is written",
            quarantined,
        );
    }
}

fn work(families: &mut Families, report: &Report) {
    families.gauge("v9s_syncer_queue_depth", "Work items that wait for their turn", report.queued as f64);
    families.gauge("v9s_syncer_under_way", "Work items under way", report.under_way as f64);
    let limits = SIDES.into_iter().zip(report.budgets).map(|(of, limit)| (vec![side(of)], limit as f64));
    families.gauges("v9s_syncer_write_limit", "Writes that may be under way at once", limits.collect());
    let counts = report.counts;
    families.counter("v9s_syncer_plans", "Decisions made", counts.plans as f64);
    let writes = report.writes.iter().map(|(name, of, verb, outcome, count)| {
        let labels: Labels =
            vec![kind(name), side(*of), ("verb", verb.word().into()), ("result", outcome.word().into())];
        (labels, *count as f64)
    });
    families.counters(
        "v9s_syncer_writes",
        "Writes that were answered, by result; a conflict is a 409, busy a 429",
        writes.collect(),
    );
    families.counter("v9s_syncer_held_deletions", "Deletions that were held back", counts.held as f64);
    families.counter("v9s_syncer_quarantines", "Pairs that somebody kept undoing", counts.quarantines as f64);
    families.counter(
        "v9s_syncer_missed_differences",
        "Differences that only a sweep has found",
        counts.missed as f64,
    );
}

/// Whether this replica writes.
pub fn replica(families: &mut Families, leads: bool) {
    families.gauge("v9s_syncer_leader", "1 when this replica writes", flag(leads));
}

/// How the canary flies.
pub fn canary(families: &mut Families, course: &Course) {
    if course.every().is_none() {
        return;
    }
    let record = course.record();
    let trips = vec![(Vec::new(), record.round_trips)];
    families.times("v9s_syncer_canary_round_trip", "One turn of the canary through both API servers", trips);
    let leg = |of: Side| ("written", of.to_string());
    let legs = vec![(vec![leg(Side::Virtual)], record.to_virtual), (vec![leg(Side::Host)], record.to_host)];
    families.times("v9s_syncer_canary_leg", "Its legs, each until its write was answered", legs);
    let away = record.home.elapsed().as_secs_f64();
    families.gauge("v9s_syncer_canary_away_seconds", "Since the canary came home last", away);
}
