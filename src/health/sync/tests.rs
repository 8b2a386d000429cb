use super::*;
use crate::companion::{CanaryStatus, DriftedObject, LagStatus, VERSION, WriteStatus};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

/// A companion that mirrors, with nothing to complain of; its clock is an hour behind ours.
fn well() -> SyncerStatus {
    SyncerStatus {
        version: VERSION,
        synced: true,
        time: Some(at(-3600)),
        to_host: LagStatus { count: 9, p99_millis: Some(61), ..LagStatus::default() },
        canary: Some(CanaryStatus {
            home: Some(at(-3605)),
            to_host_millis: Some(20),
            ..CanaryStatus::default()
        }),
        drift: Some(DriftStatus::default()),
        apis: Some([
            ApiStatus { answered_millis: Some(3), trouble: None },
            ApiStatus { answered_millis: Some(4), trouble: None },
        ]),
        writes: Some(<[WriteStatus; 2]>::default()),
        ..SyncerStatus::default()
    }
}

fn companion(change: impl FnOnce(&mut SyncerStatus)) -> Companion {
    let mut status = well();
    change(&mut status);
    Companion { status: Arc::new(status), heard: at(0), silent: false }
}

fn found(change: impl FnOnce(&mut SyncerStatus)) -> Vec<(Severity, &'static str)> {
    let findings = companion(change).findings(&Thresholds::default());
    findings.iter().map(|finding| (finding.severity, finding.code)).collect()
}

fn drifted(name: &str, age: i64, quarantined: bool) -> DriftedObject {
    DriftedObject {
        kind: "pods".into(),
        namespace: Some("shop".into()),
        name: name.into(),
        since: at(-3600 - age),
        why: "exceeded quota".into(),
        quarantined,
    }
}

fn drift(of: &[DriftedObject]) -> Option<DriftStatus> {
    let quarantined = of.iter().filter(|object| object.quarantined).count() as u32;
    Some(DriftStatus { counts: [("pods".into(), of.len() as u32)].into(), quarantined, objects: of.to_vec() })
}

use Severity::{Critical, Warning};

#[test]
fn one_that_is_well_has_a_lag_and_no_findings() {
    assert_eq!(found(|_| {}), []);
    assert_eq!(companion(|_| {}).p99(), Known::Yes(Duration::from_millis(61)));
    assert_eq!(state(&companion(|_| {}).findings(&Thresholds::default())), None);
}

#[test]
fn each_trouble_is_a_finding_and_its_end_clears_it() {
    let lag = |millis: u64| {
        found(move |s| {
            s.to_virtual = LagStatus { count: 1, p99_millis: Some(millis), ..LagStatus::default() }
        })
    };
    assert_eq!(lag(10_000), [], "thresholds are crossed, not touched");
    assert_eq!(lag(10_001), [(Warning, code::LAG)]);
    assert_eq!(lag(30_000), [(Warning, code::LAG)]);
    assert_eq!(lag(30_001), [(Critical, code::LAG)]);

    let apis = |at: usize, api: ApiStatus| {
        found(move |s| {
            if let Some(apis) = &mut s.apis {
                apis[at] = api;
            }
        })
    };
    let slow = |millis| ApiStatus { answered_millis: Some(millis), trouble: None };
    let sick = ApiStatus { answered_millis: None, trouble: Some("no answer".into()) };
    for side in [0, 1] {
        assert_eq!(apis(side, slow(1_000)), []);
        assert_eq!(apis(side, slow(1_001)), [(Warning, code::API_SLOW)]);
        assert_eq!(apis(side, slow(2_001)), [(Critical, code::API_SLOW)]);
        assert_eq!(apis(side, sick.clone()), [(Critical, code::API)]);
    }

    let writes = |answered, throttled| {
        let writes = WriteStatus { answered, throttled, ..WriteStatus::default() };
        found(move |s| s.writes = Some([WriteStatus::default(), writes]))
    };
    assert_eq!(writes(4, 2), [], "two are no throttling");
    assert_eq!(writes(100, 5), []);
    assert_eq!(writes(100, 6), [(Warning, code::THROTTLED)]);

    assert_eq!(found(|s| s.drift = drift(&[drifted("web", 60, false)])), []);
    assert_eq!(found(|s| s.drift = drift(&[drifted("web", 61, false)])), [(Warning, code::DRIFT)]);
    assert_eq!(found(|s| s.drift = drift(&[drifted("web", 5, true)])), [(Warning, code::QUARANTINED)]);
    let both = [drifted("web", 90, true), drifted("api", 70, false)];
    assert_eq!(found(|s| s.drift = drift(&both)), [(Warning, code::DRIFT), (Warning, code::QUARANTINED)]);
    assert_eq!(found(|s| s.drift = None), [], "what is not known is no finding");

    assert_eq!(found(|s| s.orphans = drift(&[drifted("web", 90, false)])), [(Warning, code::ORPHANS)]);
    assert_eq!(found(|s| s.orphans = Some(DriftStatus::default())), []);

    let astray = |s: &mut SyncerStatus| {
        s.trouble = Some("canary: has not come round for 31 s".into());
        if let Some(canary) = &mut s.canary {
            canary.trouble = Some("has not come round for 31 s".into());
        }
    };
    assert_eq!(found(astray), [(Critical, code::CANARY)], "told once");
    assert_eq!(found(|s| s.trouble = Some("store: another than before".into())), [(Critical, code::TROUBLE)]);
    assert_eq!(found(|s| s.synced = false), [(Critical, code::TROUBLE)]);
    let watcher = |s: &mut SyncerStatus| (s.mode, s.synced) = (Mode::Observe, false);
    assert_eq!(found(watcher), [(Warning, code::TROUBLE)], "an observer's trouble is not the tenant's");
}

#[test]
fn who_is_silent_says_nothing_else() {
    let mut gone = companion(|s| s.orphans = drift(&[drifted("web", 90, false)]));
    gone.silent = true;
    let found = gone.findings(&Thresholds::default());
    assert_eq!(found.iter().map(|f| (f.severity, f.code)).collect::<Vec<_>>(), [(Critical, code::SILENT)]);
    assert_eq!(found[0].since, Some(at(0)));
    assert!(
        matches!(gone.p99(), Known::No(_)) && matches!(gone.orphans(), Known::No(_)),
        "never what it last was"
    );
    let mut watcher = companion(|s| s.mode = Mode::Observe);
    watcher.silent = true;
    assert_eq!(watcher.findings(&Thresholds::default())[0].severity, Warning);
}

#[test]
fn the_state_is_that_of_the_worst_which_the_tenant_feels() {
    let of = |change: fn(&mut SyncerStatus)| {
        state(&companion(change).findings(&Thresholds::default())).map(|(state, _)| state)
    };
    let slow: fn(&mut SyncerStatus) = |s| s.to_host.p99_millis = Some(12_400);
    assert_eq!(of(slow), Some(State::Lagging));
    assert_eq!(of(|s| (s.to_host.p99_millis, s.synced) = (Some(12_400), false)), Some(State::Degraded));
    assert_eq!(of(|s| (s.mode, s.synced) = (Mode::Observe, false)), None);
    assert_eq!(of(|s| s.drift = drift(&[drifted("web", 90, false)])), None);
}

#[test]
fn an_idle_one_is_measured_by_its_canary_and_without_one_not_at_all() {
    let idle = |s: &mut SyncerStatus| s.to_host = LagStatus::default();
    assert_eq!(companion(idle).p99(), Known::Yes(Duration::from_millis(20)));
    let astray = |s: &mut SyncerStatus| {
        idle(s);
        s.canary = Some(CanaryStatus {
            trouble: Some("is lost".into()),
            to_host_millis: Some(2),
            ..CanaryStatus::default()
        });
    };
    assert_eq!(companion(astray).p99(), Known::unknown("the canary is lost"));
    let without = |s: &mut SyncerStatus| {
        idle(s);
        s.canary = None;
    };
    assert!(companion(without).p99().why().is_some_and(|why| why.contains("no canary")));
}

#[test]
fn times_that_it_tells_are_read_by_its_own_clock() {
    let seen = companion(|s| s.drift = drift(&[drifted("web", 300, false)]));
    let since = seen.findings(&Thresholds::default())[0].since;
    assert_eq!(since, Some(at(-300)), "an hour of difference between the clocks does not count");
}
