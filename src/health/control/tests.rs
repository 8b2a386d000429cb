use chrono::TimeDelta;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::*;
use crate::fleet::model::Severity;
use crate::health::Thresholds;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn container(name: &str) -> Container {
    Container {
        pod: "shop-0".into(),
        name: name.into(),
        ready: true,
        waits: None,
        restarts: 0,
        ended: None,
        cpu: None,
        memory: Some(100.0),
    }
}

fn uses(memory: f64) -> Usage {
    Usage { pod: "shop-0".into(), container: "kube-apiserver".into(), cpu: 0.2, memory }
}

fn dns_pod(ready: bool) -> DnsPod {
    let why = (!ready).then(|| "ImagePullBackOff".into());
    DnsPod { name: "coredns-7d".into(), ready, restarts: 0, why }
}

fn controller(part: Part, lease: Option<u64>) -> Controller {
    let lease = lease.map(|age| Lease { holder: "a".into(), age: Some(seconds(age)), term: seconds(15) });
    Controller { name: "kube-controller-manager", part, lease: Known::Yes(lease) }
}

/// One that is well in everything.
fn well() -> Reading {
    let check = |name: &str| Check { name: name.into(), well: true, says: "ok".into() };
    Reading {
        taken: now(),
        api: Known::Yes(Api { took: seconds(0), ready: true, checks: vec![check("ping"), check("etcd")] }),
        requests: Known::Yes(Requests::default()),
        controllers: vec![controller(Part::Elects, Some(2))],
        dns: Known::Yes(vec![dns_pod(true)]),
        containers: Known::Yes(vec![container("kube-apiserver")]),
        usage: Known::Yes(vec![uses(50.0)]),
    }
}

fn found(reading: &Reading) -> Vec<(Severity, &'static str)> {
    let (_, found) = judge(reading, None, &Thresholds::default());
    found.into_iter().map(|finding| (finding.severity, finding.code)).collect()
}

fn message(reading: &Reading) -> String {
    let (_, found) = judge(reading, None, &Thresholds::default());
    found[0].message.to_string()
}

#[test]
fn one_that_is_well_in_everything_is_well() {
    assert_eq!(judge(&well(), None, &Thresholds::default()), (Known::Yes(Severity::Ok), Vec::new()));
}

#[test]
fn an_api_server_that_is_not_ready_says_why() {
    let of = |took, checks: &[(&str, bool)]| {
        let check = |(name, well): &(&str, bool)| Check {
            name: (*name).into(),
            well: *well,
            says: if *well { "ok".into() } else { "failed: reason withheld".into() },
        };
        let ready = checks.iter().all(|(_, well)| *well);
        let api = Api { took, ready, checks: checks.iter().map(check).collect() };
        Reading { api: Known::Yes(api), ..well() }
    };
    let unready = of(seconds(0), &[("ping", true), ("etcd", false)]);
    assert_eq!(found(&unready), [(Severity::Critical, code::NOT_READY)]);
    assert_eq!(message(&unready), "its API server is not ready: etcd failed: reason withheld");
    for (millis, severity) in [
        (1_000, None),
        (1_001, Some(Severity::Warning)),
        (2_000, Some(Severity::Warning)),
        (2_001, Some(Severity::Critical)),
    ] {
        let expected: Vec<_> = severity.map(|severity| (severity, code::SLOW)).into_iter().collect();
        assert_eq!(found(&of(Duration::from_millis(millis), &[("ping", true)])), expected, "{millis} ms");
    }
}

#[test]
fn who_elects_renews_its_lease_and_who_is_alone_needs_none() {
    let silent = |age: u64| Duty::Silent(Some(seconds(age)));
    for (now, before, expected) in [
        (controller(Part::Elects, Some(30)), None, Duty::Renews(seconds(30))),
        (controller(Part::Elects, Some(31)), None, silent(31)),
        (controller(Part::Elects, None), None, Duty::Never),
        (controller(Part::Alone { ready: true }, None), None, Duty::Alone(true)),
        // Left over from the time when there were several.
        (controller(Part::Alone { ready: false }, Some(9_000)), None, Duty::Alone(false)),
        (controller(Part::Inside, Some(3)), None, Duty::Renews(seconds(3))),
        (controller(Part::Absent, None), None, Duty::None),
        (controller(Part::Inside, Some(90)), Some(controller(Part::Inside, Some(2))), silent(90)),
        (controller(Part::Inside, None), Some(controller(Part::Inside, Some(2))), Duty::Silent(None)),
    ] {
        assert_eq!(duty(&now, before.as_ref()), expected, "{now:?} after {before:?}");
    }
    for unclear in [controller(Part::Inside, Some(90)), controller(Part::Inside, None)] {
        assert!(matches!(duty(&unclear, None), Duty::Unknown(_)), "{unclear:?}");
    }
}

#[test]
fn controllers_that_do_not_act_are_a_finding() {
    for (one, expected) in [
        (controller(Part::Alone { ready: true }, None), vec![]),
        (controller(Part::Alone { ready: false }, None), vec![(Severity::Critical, code::CONTROLLERS)]),
        (controller(Part::Elects, Some(300)), vec![(Severity::Critical, code::CONTROLLERS)]),
        (controller(Part::Elects, None), vec![(Severity::Critical, code::CONTROLLERS)]),
        (controller(Part::Absent, None), vec![]),
        (controller(Part::Inside, None), vec![]),
    ] {
        assert_eq!(found(&Reading { controllers: vec![one.clone()], ..well() }), expected, "{one:?}");
    }
}

#[test]
fn names_are_resolved_as_far_as_pods_are_ready() {
    for (ready, expected) in [
        (&[true, true][..], None),
        (&[true, false], Some(Severity::Warning)),
        (&[false, false], Some(Severity::Critical)),
        (&[], Some(Severity::Info)),
    ] {
        let reading =
            Reading { dns: Known::Yes(ready.iter().map(|ready| dns_pod(*ready)).collect()), ..well() };
        let expected: Vec<_> = expected.map(|severity| (severity, code::DNS)).into_iter().collect();
        assert_eq!(found(&reading), expected, "{ready:?}");
    }
    let reading = Reading { dns: Known::Yes(vec![dns_pod(false)]), ..well() };
    assert_eq!(message(&reading), "0 of 1 pods of CoreDNS are ready: coredns-7d: ImagePullBackOff");
}

#[test]
fn containers_tell_how_they_ended_and_how_full_they_are() {
    let with = |change: fn(&mut Container)| {
        let mut one = container("kube-apiserver");
        change(&mut one);
        Reading { containers: Known::Yes(vec![one]), ..well() }
    };
    let killed = with(|one| {
        one.restarts = 3;
        let at = Some(now() - TimeDelta::minutes(5));
        one.ended = Some(End { reason: "OOMKilled".into(), exit: 137, at });
    });
    assert_eq!(found(&killed), [(Severity::Warning, code::CONTAINER)]);
    assert!(message(&killed).ends_with("ended with OOMKilled (exit code 137), started anew 3 times in all"));
    let long_ago = with(|one| {
        let at = Some(now() - TimeDelta::minutes(61));
        one.ended = Some(End { reason: "Error".into(), exit: 1, at });
    });
    assert_eq!(found(&long_ago), []);
    let done = with(|one| one.ended = Some(End { reason: "Completed".into(), exit: 0, at: Some(now()) }));
    assert_eq!(found(&done), []);
    let loops = with(|one| one.waits = Some("CrashLoopBackOff".into()));
    assert_eq!(found(&loops), [(Severity::Critical, code::CONTAINER)]);
    assert_eq!(found(&with(|one| one.waits = Some("ContainerCreating".into()))), []);
    for (used, limit, expected) in
        [(90.0, Some(100.0), false), (91.0, Some(100.0), true), (91.0, None, false)]
    {
        let mut one = container("kube-apiserver");
        one.memory = limit;
        let reading =
            Reading { containers: Known::Yes(vec![one]), usage: Known::Yes(vec![uses(used)]), ..well() };
        let full = found(&reading) == [(Severity::Warning, code::MEMORY)];
        assert_eq!(full, expected, "{used} of {limit:?}");
    }
}

#[test]
fn what_could_not_be_looked_at_is_never_well() {
    let why = || "nobody answers";
    let state = |reading: &Reading| judge(reading, None, &Thresholds::default()).0;
    for reading in [
        Reading { api: Known::unknown(why()), ..well() },
        Reading { dns: Known::unknown(why()), ..well() },
        Reading { containers: Known::unknown(why()), ..well() },
        Reading { controllers: vec![controller(Part::Inside, None)], ..well() },
    ] {
        assert!(state(&reading).why().is_some(), "{reading:?}");
    }
    // Most hosts measure nothing; that makes nobody unwell.
    assert_eq!(state(&Reading { usage: Known::unknown("no metrics"), ..well() }), Known::Yes(Severity::Ok));
    let bad = Reading { api: Known::unknown(why()), dns: Known::Yes(vec![dns_pod(false)]), ..well() };
    assert_eq!(state(&bad), Known::Yes(Severity::Critical), "what is known to be bad is told");
}

#[test]
fn the_lines_of_an_api_server_are_read() {
    let text = "[+]ping ok\n[-]etcd failed: reason withheld\n[+]poststarthook/start-informers ok\nreadyz check failed\n";
    let told: Vec<_> = checks(text).into_iter().map(|check| (check.name, check.well, check.says)).collect();
    assert_eq!(
        told,
        [
            ("ping".into(), true, "ok".into()),
            ("etcd".into(), false, "failed: reason withheld".into()),
            ("poststarthook/start-informers".into(), true, "ok".into()),
        ]
    );
    assert_eq!(checks("ok"), []);
}

#[test]
fn a_lease_is_as_old_as_its_server_says() {
    let body = |renewed: &str| {
        json!({"spec": {"holderIdentity": "a_1", "leaseDurationSeconds": 15, "renewTime": renewed}})
            .to_string()
    };
    let age = |renewed: &str, at| lease(body(renewed).as_bytes(), at).unwrap().age;
    assert_eq!(age("2026-09-21T14:13:10.500000Z", Some(now())), Some(Duration::from_millis(9_500)));
    assert_eq!(age("2026-09-21T14:13:30Z", Some(now())), Some(Duration::ZERO), "clocks differ a little");
    assert_eq!(age("2026-09-21T14:13:10Z", None), None);
    assert_eq!(age("soon", Some(now())), None);
    assert_eq!(lease(b"{", Some(now())), None);
}

fn pods(value: Value) -> Vec<Pod> {
    vec![serde_json::from_value(value).unwrap()]
}

#[test]
fn pods_tell_how_programs_are_run() {
    let with = |flag: &str, ready: bool| {
        pods(json!({"metadata": {"name": "shop-0"},
            "spec": {"containers": [{"name": "kube-apiserver"},
                {"name": "kube-controller-manager", "command": ["kube-controller-manager", flag]}]},
            "status": {"containerStatuses": [
                {"name": "kube-controller-manager", "ready": ready, "restartCount": 0, "image": "", "imageID": ""}]}}))
    };
    let manager = |pods: &[Pod]| part("kube-controller-manager", pods);
    assert_eq!(manager(&with("--leader-elect=false", true)), Part::Alone { ready: true });
    assert_eq!(manager(&with("--leader-elect=false", false)), Part::Alone { ready: false });
    assert_eq!(manager(&with("--leader-elect=true", true)), Part::Elects);
    assert_eq!(part("kube-scheduler", &with("", true)), Part::Absent);
    let official = pods(json!({"spec": {"containers": [{"name": "syncer"}]}}));
    assert_eq!(manager(&official), Part::Inside);
    assert_eq!(manager(&[]), Part::Inside);
}

#[test]
fn containers_and_what_they_use_are_read() {
    let all = containers(&pods(json!({"metadata": {"name": "shop-0"},
        "spec": {"containers": [{"name": "syncer", "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}}}]},
        "status": {"containerStatuses": [{"name": "syncer", "ready": false, "restartCount": 2, "image": "", "imageID": "",
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-09-21T14:13:20Z"}}}]}})));
    let end = End { reason: "OOMKilled".into(), exit: 137, at: Some(now()) };
    assert_eq!(
        all,
        [Container {
            pod: "shop-0".into(),
            name: "syncer".into(),
            ready: false,
            waits: Some("CrashLoopBackOff".into()),
            restarts: 2,
            ended: Some(end),
            cpu: Some(0.5),
            memory: Some(268_435_456.0),
        }]
    );
    let body = json!({"items": [{"metadata": {"name": "shop-0"},
        "containers": [{"name": "syncer", "usage": {"cpu": "250m", "memory": "128Mi"}}, {"name": "odd", "usage": {}}]}]});
    let used = usage(body.to_string().as_bytes()).unwrap();
    assert_eq!(
        used,
        [Usage { pod: "shop-0".into(), container: "syncer".into(), cpu: 0.25, memory: 134_217_728.0 }]
    );
    assert_eq!(usage(b"{}"), None);
}

/// So many requests: all, those of 429, those of 500, those that took longer than four seconds.
fn requests(all: u64, busy: u64, broken: u64, slow: u64) -> Known<Requests> {
    let mut requests = Requests::default();
    for (code, count) in [("200", all - busy - broken), ("429", busy), ("500", broken)] {
        requests.take(&format!("apiserver_request_total{{code=\"{code}\",verb=\"GET\"}} {count}"));
    }
    for (le, count) in [("0.1", all - slow), ("4", all - slow), ("8", all), ("+Inf", all)] {
        requests
            .take(&format!("apiserver_request_duration_seconds_bucket{{verb=\"GET\",le=\"{le}\"}} {count}"));
    }
    Known::Yes(requests)
}

#[test]
fn requests_count_between_two_looks_and_what_was_before_is_over() {
    let reading = |requests: Known<Requests>| Reading { requests, ..well() };
    let found = |now: &Reading, before: Option<&Reading>| {
        let (_, found) = judge(now, before, &Thresholds::default());
        found.into_iter().map(|finding| (finding.severity, finding.code)).collect::<Vec<_>>()
    };
    let before = reading(requests(1000, 300, 300, 300));
    assert_eq!(found(&before, None), [], "long ago, or just now: nobody knows");
    assert_eq!(found(&reading(requests(1100, 300, 300, 300)), Some(&before)), []);
    assert_eq!(
        found(&reading(requests(1100, 300, 300, 310)), Some(&before)),
        [(Severity::Critical, code::SLOW_REQUESTS)]
    );
    for busy_and_broken in [(306, 300), (300, 306)] {
        let now = reading(requests(1100, busy_and_broken.0, busy_and_broken.1, 300));
        assert_eq!(found(&now, Some(&before)), [(Severity::Warning, code::REQUESTS)], "{busy_and_broken:?}");
    }
    assert_eq!(found(&reading(requests(1100, 305, 305, 300)), Some(&before)), [], "crossed, not touched");
    assert_eq!(found(&reading(requests(1010, 310, 300, 310)), Some(&before)), [], "too few to say");
    assert_eq!(found(&reading(Known::unknown("forbidden")), Some(&before)), []);
}
