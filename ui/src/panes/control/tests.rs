use std::time::Duration;

use chrono::TimeDelta;
use v9s::health::control::{Api, Check, Container, Controller, DnsPod, End, Lease, Part, Requests, Usage};
use v9s::known::Known;

use super::*;
use crate::panes::testing::{NOW, ascii, meanings, plain, shown};

fn container(name: &str, memory: f64) -> Container {
    Container {
        pod: "team-alpha-0".into(),
        name: name.into(),
        ready: true,
        waits: None,
        restarts: 0,
        ended: None,
        cpu: None,
        memory: Some(memory),
    }
}

fn used(container: &str, cpu: f64, memory: f64) -> Usage {
    Usage { pod: "team-alpha-0".into(), container: container.into(), cpu, memory }
}

const MIB: f64 = 1_048_576.0;

/// What an API server has counted after so many looks: of each thousand, ten took long, and some were put off.
fn requests(looks: u64, put_off: u64) -> Known<Requests> {
    let (all, busy) = (looks * 1_000, looks * put_off);
    let mut requests = Requests::default();
    for (code, count) in [("200", all - busy), ("429", busy)] {
        requests.take(&format!("apiserver_request_total{{code=\"{code}\",verb=\"GET\"}} {count}"));
    }
    for (le, count) in [("0.05", all - looks * 10), ("0.4", all), ("+Inf", all)] {
        let name = "apiserver_request_duration_seconds_bucket";
        requests.take(&format!("{name}{{verb=\"GET\",le=\"{le}\"}} {count}"));
    }
    Known::Yes(requests)
}

/// One whose store does not answer, whose API server was killed and whose name server waits.
pub(crate) fn unwell() -> Reading {
    let check = |name: &str, well: bool| Check {
        name: name.into(),
        well,
        says: if well { "ok" } else { "failed: reason withheld" }.into(),
    };
    let checks = vec![
        check("ping", true),
        check("log", true),
        check("etcd", false),
        check("informer-sync", true),
        check("poststarthook/start-apiextensions-informers", true),
        check("poststarthook/rbac/bootstrap-roles", true),
    ];
    let mut api = container("kube-apiserver", 1024.0 * MIB);
    api.restarts = 3;
    let at = Some(NOW - TimeDelta::minutes(5));
    api.ended = Some(End { reason: "OOMKilled".into(), exit: 137, at });
    let mut kine = container("kine", 256.0 * MIB);
    (kine.ready, kine.waits) = (false, Some("CrashLoopBackOff".into()));
    let lease = Lease {
        holder: "team-alpha-0_1f".into(),
        age: Some(Duration::from_secs(95)),
        term: Duration::from_secs(15),
    };
    Reading {
        taken: NOW - TimeDelta::seconds(4),
        api: Known::Yes(Api { took: Duration::from_millis(1_240), ready: false, checks }),
        requests: requests(10, 8),
        controllers: vec![
            Controller {
                name: "kube-controller-manager",
                part: Part::Elects,
                lease: Known::Yes(Some(lease)),
            },
            Controller { name: "kube-scheduler", part: Part::Absent, lease: Known::Yes(None) },
        ],
        dns: Known::Yes(vec![
            DnsPod { name: "coredns-64c4d9-abcde".into(), ready: true, restarts: 2, why: None },
            DnsPod {
                name: "coredns-64c4d9-fghij".into(),
                ready: false,
                restarts: 0,
                why: Some("ImagePullBackOff".into()),
            },
        ]),
        containers: Known::Yes(vec![kine, api, container("syncer", 256.0 * MIB)]),
        usage: Known::Yes(vec![used("kube-apiserver", 0.34, 960.0 * MIB), used("syncer", 0.02, 41.0 * MIB)]),
    }
}

/// One with a single replica that is well.
pub(crate) fn well() -> Reading {
    let mut reading = unwell();
    if let Known::Yes(api) = &mut reading.api {
        api.took = Duration::from_millis(12);
        api.ready = true;
        for check in &mut api.checks {
            (check.well, check.says) = (true, "ok".into());
        }
    }
    reading.requests = requests(10, 0);
    let alone = Part::Alone { ready: true };
    reading.controllers[0] =
        Controller { name: "kube-controller-manager", part: alone, lease: Known::Yes(None) };
    if let Known::Yes(pods) = &mut reading.dns {
        pods.truncate(1);
    }
    reading.containers =
        Known::Yes(vec![container("kube-apiserver", 1024.0 * MIB), container("syncer", 256.0 * MIB)]);
    reading.usage =
        Known::Yes(vec![used("kube-apiserver", 0.34, 310.0 * MIB), used("syncer", 0.02, 41.0 * MIB)]);
    reading
}

/// The official chart's, of which little can be told, behind a way that is closed.
fn closed() -> Reading {
    let why = || Known::unknown("team-alpha/team-alpha cannot be reached: no pod is ready");
    Reading {
        api: why(),
        requests: Known::unknown("team-alpha/team-alpha cannot be reached: no pod is ready"),
        controllers: vec![Controller {
            name: "kube-controller-manager",
            part: Part::Inside,
            lease: Known::unknown("team-alpha/team-alpha cannot be reached: no pod is ready"),
        }],
        dns: Known::unknown("team-alpha/team-alpha cannot be reached: no pod is ready"),
        usage: Known::unknown("the host serves no metrics.k8s.io"),
        ..well()
    }
}

fn kept(reading: &Reading) -> VecDeque<Arc<Reading>> {
    let grown = |at: u32| {
        let mut reading = reading.clone();
        if reading.requests.is_known() {
            reading.requests = requests(u64::from(at), 0);
        }
        if let Known::Yes(usage) = &mut reading.usage {
            for usage in usage {
                usage.cpu *= 0.5 + f64::from(at) / 20.0;
                usage.memory *= 0.6 + f64::from(at) / 25.0;
            }
        }
        Arc::new(reading)
    };
    (0..=10).map(grown).collect()
}

fn press(code: &str) -> Option<(String, &'static str)> {
    (code == "control-plane-container").then(|| ("p".to_owned(), "log before the restart"))
}

fn drawn(reading: &Reading, columns: u16, rows: u16) -> String {
    let (thresholds, kept) = (Thresholds::default(), kept(reading));
    let view = View { reading, kept: &kept, thresholds: &thresholds, press: &press };
    shown(columns, rows, &plain(), |area, buf, theme| {
        ControlPane::default().render(view, area, buf, theme, NOW);
    })
}

#[test]
fn one_in_trouble() {
    insta::assert_snapshot!(drawn(&unwell(), 120, 44));
}

#[test]
fn one_in_trouble_in_80_columns() {
    insta::assert_snapshot!(drawn(&unwell(), 80, 50));
}

#[test]
fn one_that_is_well() {
    insta::assert_snapshot!(drawn(&well(), 120, 30));
}

#[test]
fn one_that_cannot_be_reached() {
    insta::assert_snapshot!(drawn(&closed(), 120, 24));
}

#[test]
fn one_in_ascii() {
    let (reading, thresholds) = (unwell(), Thresholds::default());
    let kept = kept(&reading);
    let view = View { reading: &reading, kept: &kept, thresholds: &thresholds, press: &press };
    insta::assert_snapshot!(shown(100, 40, &ascii(), |area, buf, theme| {
        ControlPane::default().render(view, area, buf, theme, NOW);
    }));
}

#[test]
fn what_it_means_shows() {
    let (reading, thresholds) = (unwell(), Thresholds::default());
    let kept = kept(&reading);
    let view = View { reading: &reading, kept: &kept, thresholds: &thresholds, press: &press };
    insta::assert_snapshot!(meanings(120, 30, |area, buf, theme| {
        ControlPane::default().render(view, area, buf, theme, NOW);
    }));
}
