use std::sync::Arc;

use chrono::TimeDelta;
use v9s::companion::{
    ApiStatus, CanaryStatus, DriftStatus, DriftedObject, KindLag, LagStatus, Mode, SyncerStatus, WriteStatus,
};
use v9s::fleet::state::State;
use v9s::health::{Companion, sync::NO_COMPANION};
use v9s::known::Known;

use super::*;
use crate::fixture::{lag, vcluster};
use crate::panes::testing::{NOW, ascii, meanings, plain, shown};

fn times(count: u64, p50: u64, p99: u64, max: u64) -> LagStatus {
    LagStatus { count, p50_millis: Some(p50), p99_millis: Some(p99), max_millis: Some(max) }
}

fn drifted(kind: &str, name: &str, minutes: i64, why: &str, quarantined: bool) -> DriftedObject {
    DriftedObject {
        kind: kind.into(),
        namespace: Some("shop".into()),
        name: name.into(),
        since: NOW - TimeDelta::minutes(minutes),
        why: why.into(),
        quarantined,
    }
}

/// Throttled, with objects that do not get through.
fn status() -> SyncerStatus {
    let pods = KindLag { to_host: times(1_240, 900, 12_400, 14_100), to_virtual: times(1_100, 20, 90, 130) };
    let services = KindLag { to_host: times(3, 22, 90, 91), ..KindLag::default() };
    SyncerStatus {
        version: 1,
        syncer: "0.1.0".into(),
        mode: Mode::Sync,
        identity: "team-gamma-0".into(),
        time: Some(NOW - TimeDelta::seconds(4)),
        synced: true,
        pending: [("pods".into(), 37)].into(),
        oldest_pending_seconds: Some(131),
        queued: 31,
        to_host: times(1_243, 900, 12_400, 14_100),
        to_virtual: times(1_100, 20, 90, 130),
        reasons: vec![
            "exceeded quota: vc-team-gamma, requested: requests.cpu=250m, used: 9900m, limited: 10".into(),
        ],
        unknown: vec!["controller-manager: there is no Lease".into()],
        kinds: [("pods".into(), pods), ("services".into(), services)].into(),
        leader: None,
        canary: Some(CanaryStatus {
            every_seconds: 10,
            round_trip_millis: Some(81),
            to_virtual_millis: Some(35),
            to_host_millis: Some(46),
            ..CanaryStatus::default()
        }),
        drift: Some(DriftStatus {
            counts: [("pods".into(), 25), ("ingresses.networking.k8s.io".into(), 1)].into(),
            quarantined: 1,
            objects: vec![
                drifted(
                    "ingresses.networking.k8s.io",
                    "a-name-that-is-rather-long-for-a-narrow-screen",
                    26,
                    "metadata.annotations on the host side",
                    true,
                ),
                drifted("pods", "web-7d9c", 12, "exceeded quota: vc-team-gamma", false),
            ],
        }),
        apis: Some([
            ApiStatus { answered_millis: Some(6), trouble: None },
            ApiStatus { answered_millis: Some(310), trouble: None },
        ]),
        writes: Some([
            WriteStatus { answered: 1_100, limit: 64, ..WriteStatus::default() },
            WriteStatus {
                answered: 1_800,
                throttled: 557,
                conflicts: 3,
                refused: 12,
                limit: 4,
                ..WriteStatus::default()
            },
        ]),
        ..SyncerStatus::default()
    }
}

fn of(status: SyncerStatus, silent: bool) -> Vcluster {
    let companion = Companion {
        status: Arc::new(status),
        heard: NOW - TimeDelta::seconds(if silent { 250 } else { 4 }),
        silent,
    };
    Vcluster {
        companion: Known::Yes(Arc::new(companion)),
        lag: if silent {
            Known::unknown("its companion is silent")
        } else {
            lag(12_400, &[90, 900, 4_000, 9_000, 12_400])
        },
        ..vcluster("team-gamma", "team-gamma")
    }
}

fn screen(v: &Vcluster, columns: u16, rows: u16, theme: &Theme) -> String {
    let mut pane = SyncPane::default();
    shown(columns, rows, theme, |area, buf, theme| {
        pane.render(v, &Thresholds::default(), area, buf, theme, NOW)
    })
}

#[test]
fn a_throttled_tenant_at_80_columns() {
    insta::assert_snapshot!(screen(&of(status(), false), 80, 40, &plain()));
}

#[test]
fn a_throttled_tenant_at_200_columns() {
    insta::assert_snapshot!(screen(&of(status(), false), 200, 36, &plain()));
}

#[test]
fn a_throttled_tenant_in_ascii() {
    let seen = screen(&of(status(), false), 80, 40, &ascii());
    assert!(seen.is_ascii(), "{seen}");
}

#[test]
fn an_observed_tenant_that_is_well() {
    let well = SyncerStatus {
        mode: Mode::Observe,
        writes: None,
        canary: None,
        queued: 0,
        pending: Default::default(),
        oldest_pending_seconds: None,
        reasons: Vec::new(),
        unknown: Vec::new(),
        to_host: times(9, 20, 61, 70),
        kinds: [("pods".into(), KindLag { to_host: times(9, 20, 61, 70), ..KindLag::default() })].into(),
        drift: Some(DriftStatus::default()),
        orphans: Some(DriftStatus {
            counts: [("pods".into(), 1)].into(),
            quarantined: 0,
            objects: vec![drifted("pods", "web-0", 200, "it is on the host alone", false)],
        }),
        ..status()
    };
    let v = Vcluster { lag: lag(61, &[61, 60]), ..of(well, false) };
    let seen = meanings(80, 24, |area, buf, theme| {
        SyncPane::default().render(&v, &Thresholds::default(), area, buf, theme, NOW);
    });
    insta::assert_snapshot!(seen);
}

#[test]
fn what_a_silent_companion_told_is_not_shown_as_if_it_were_so() {
    let seen = screen(&of(status(), true), 80, 24, &plain());
    insta::assert_snapshot!(seen);
    for word in ["12.4 s", "557", "web-7d9c"] {
        assert!(!seen.contains(word), "{word} is history:\n{seen}");
    }
}

#[test]
fn without_a_companion_one_is_told_how_to_get_one() {
    let v = Vcluster {
        companion: Known::unknown(NO_COMPANION),
        lag: Known::unknown(NO_COMPANION),
        ..vcluster("team-a", "team-a")
    };
    let seen = screen(&v, 80, 10, &plain());
    assert!(seen.contains("? not known") && seen.contains("v9s observe"), "{seen}");
    let paused = Vcluster {
        state: State::Paused,
        companion: Known::NotApplicable,
        lag: Known::NotApplicable,
        ..vcluster("team-a", "team-a")
    };
    let seen = screen(&paused, 80, 10, &plain());
    assert!(seen.contains("nothing is synced in this state"), "{seen}");
}

#[test]
fn all_of_it_can_be_copied() {
    let text = SyncPane::text(&of(status(), false), &Thresholds::default(), NOW);
    assert!(text.contains("web-7d9c") && text.is_ascii(), "{text}");
}
