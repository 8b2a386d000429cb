use std::sync::Arc;

use chrono::DateTime;

use super::*;
use crate::companion::{ApiStatus, CanaryStatus, DriftStatus, DriftedObject, WriteStatus};

struct Case {
    change: fn(&mut SyncerStatus),
    silent: bool,
    store: Known<StoreHealth>,
    waiting: [u32; 2],
}

fn case(change: fn(&mut SyncerStatus)) -> Case {
    Case { change, silent: false, store: Known::unknown("not measured"), waiting: [0, 0] }
}

fn told(case: &Case) -> Verdict {
    let mut status = SyncerStatus {
        synced: true,
        to_host: LagStatus { count: 3, p99_millis: Some(40), ..LagStatus::default() },
        apis: Some([ready(3), ready(4)]),
        writes: Some(<[WriteStatus; 2]>::default()),
        ..SyncerStatus::default()
    };
    (case.change)(&mut status);
    let companion = Known::Yes(Arc::new(Companion {
        status: Arc::new(status),
        heard: DateTime::UNIX_EPOCH,
        silent: case.silent,
    }));
    where_is_the_lag(&Evidence {
        companion: &companion,
        store: &case.store,
        waiting: case.waiting,
        thresholds: &Thresholds::default(),
    })
}

fn ready(millis: u64) -> ApiStatus {
    ApiStatus { answered_millis: Some(millis), trouble: None }
}

fn sick(why: &str) -> ApiStatus {
    ApiStatus { answered_millis: None, trouble: Some(why.into()) }
}

fn slow(status: &mut SyncerStatus) {
    status.to_host.p99_millis = Some(12_000);
}

#[test]
fn the_first_thing_on_the_way_that_is_wrong_is_the_verdict() {
    let ill = || {
        Known::Yes(StoreHealth { severity: Severity::Critical, used: None, summary: "NOSPACE alarm".into() })
    };
    let throttled = |s: &mut SyncerStatus| {
        let busy = WriteStatus { answered: 100, throttled: 31, ..WriteStatus::default() };
        s.writes = Some([WriteStatus::default(), busy]);
    };
    let cases: Vec<(Case, Place, &str)> = vec![
        (case(|_| {}), Place::Nowhere, "within 40 ms"),
        (Case { silent: true, ..case(|_| {}) }, Place::Companion, "not told anything"),
        (case(|s| s.apis = Some([sick("no answer"), ready(4)])), Place::VirtualApi, "no answer"),
        (
            Case { store: ill(), ..case(|s| s.apis = Some([sick("no answer"), ready(4)])) },
            Place::Store,
            "NOSPACE",
        ),
        (case(|s| s.apis = Some([ready(3), sick("503")])), Place::HostApi, "503"),
        (case(|s| s.trouble = Some("store: another than before".into())), Place::Companion, "another"),
        (case(|s| s.synced = false), Place::Companion, "not listed"),
        (case(throttled), Place::Throttling, "31 of 100"),
        (case(|s| s.apis = Some([ready(1_700), ready(4)])), Place::VirtualApi, "1.7 s"),
        (Case { store: ill(), ..case(|s| s.apis = Some([ready(1_700), ready(4)])) }, Place::Store, "unwell"),
        (
            case(|s| {
                slow(s);
                s.canary = Some(CanaryStatus { to_host_millis: Some(9_000), ..CanaryStatus::default() });
            }),
            Place::HostApi,
            "9.0 s",
        ),
        (
            case(|s| {
                slow(s);
                s.queued = 900;
            }),
            Place::Queue,
            "900 items",
        ),
        (
            case(|s| {
                let object = DriftedObject { why: "exceeded quota".into(), ..DriftedObject::default() };
                s.drift = Some(DriftStatus {
                    counts: [("pods".into(), 2)].into(),
                    objects: vec![object],
                    ..DriftStatus::default()
                });
            }),
            Place::Objects,
            "2 objects do not get through, the others do: exceeded quota",
        ),
        (Case { waiting: [3, 1], ..case(|_| {}) }, Place::Scheduler, "3 pods"),
        (Case { waiting: [0, 1], ..case(|_| {}) }, Place::Kubelet, "1 pods"),
        (
            case(|s| {
                slow(s);
                s.kinds.insert("services".into(), Default::default());
                let lag = LagStatus { count: 1, p99_millis: Some(12_000), ..LagStatus::default() };
                s.kinds
                    .insert("pods".into(), crate::companion::KindLag { to_host: lag, ..Default::default() });
            }),
            Place::Unknown,
            "slowest are pods",
        ),
        (case(|s| s.to_host = LagStatus::default()), Place::Unknown, "no canary"),
    ];
    for (case, place, words) in cases {
        let told = told(&case);
        assert_eq!(told.place, place, "{told:#?}");
        assert!(told.sentence.contains(words), "{words}: {told:#?}");
    }
}

#[test]
fn without_a_companion_nothing_is_claimed() {
    let of = |companion: &Known<Arc<Companion>>| {
        let store = Known::unknown("not measured");
        let thresholds = Thresholds::default();
        where_is_the_lag(&Evidence { companion, store: &store, waiting: [9, 9], thresholds: &thresholds })
    };
    let told = of(&Known::unknown(NO_COMPANION));
    assert_eq!((told.place, told.sentence.as_str()), (Place::Unknown, NO_COMPANION));
    assert_eq!(of(&Known::NotApplicable).place, Place::Nowhere);
}

#[test]
fn the_evidence_names_every_place_that_was_looked_at() {
    let told = told(&case(|_| {}));
    let all = told.evidence.join("\n");
    for part in [
        "to the host: 3 written lately",
        "virtual API server: ready in 3 ms",
        "429",
        "queue: 0",
        "without a node",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
}
