use std::sync::Arc;

use chrono::TimeDelta;
use v9s::health::quota::demand::Part;
use v9s::health::quota::{Blocked, Consumer, Demand, KeyDemand, Lack, Whose};

use super::keys::free_of;
use super::*;
use crate::fixture::vcluster;
use crate::panes::testing::{NOW, ascii, meanings, plain, shown};

fn entry(quota: &str, resource: &str, used: &str, hard: &str, ratio: Option<f64>) -> QuotaEntry {
    QuotaEntry { quota: quota.into(), resource: resource.into(), used: used.into(), hard: hard.into(), ratio }
}

fn full() -> Vcluster {
    let quota = Quota {
        entries: vec![
            entry("vc-quota", "requests.storage", "200Gi", "200Gi", Some(1.0)),
            entry("vc-quota", "requests.cpu", "8300m", "10", Some(0.83)),
            entry("objects", "count/deployments.apps", "20", "50", Some(0.4)),
            entry("objects", "count/verylongnames.of.a.group.example.com.with.a.tail", "1", "5", Some(0.2)),
            entry("vc-quota", "pods", "12", "100", Some(0.12)),
            entry("vc-quota", "services.loadbalancers", "0", "1", Some(0.0)),
            entry("vc-quota", "limits.memory", "1Gi", "what\x1b[2J?", None),
        ],
    };
    Vcluster { quota: Known::Yes(Arc::new(quota)), ..vcluster("team-alpha", "team-alpha") }
}

fn draw(v: &Vcluster, columns: u16, rows: u16) -> String {
    shown(columns, rows, &plain(), |area, buf, theme| {
        QuotaPane::default().render(View::of(v), area, buf, theme, NOW)
    })
}

#[test]
fn quotas_at_80_columns() {
    insta::assert_snapshot!(shown(80, 24, &ascii(), |area, buf, theme| {
        QuotaPane::default().render(View::of(&full()), area, buf, theme, NOW);
    }));
}

#[test]
fn quotas_at_200_columns() {
    insta::assert_snapshot!(draw(&full(), 200, 50));
}

#[test]
fn fullness_is_more_than_colour() {
    insta::assert_snapshot!(meanings(80, 14, |area, buf, theme| {
        QuotaPane::default().render(View::of(&full()), area, buf, theme, NOW);
    }));
}

#[test]
fn no_quota_and_an_unknown_one_are_told_apart() {
    let with = |quota| Vcluster { quota, ..vcluster("team-a", "a") };
    let none = draw(&with(Known::NotApplicable), 100, 3);
    assert!(none.contains("i no ResourceQuota in namespace team-a: nothing limits"), "{none}");
    let unknown = draw(&with(Known::unknown("forbidden: needs list resourcequotas in team-a")), 80, 3);
    assert!(unknown.contains("? not known: forbidden: needs list resourcequotas in team-a"), "{unknown}");
    let empty = draw(&with(Known::Yes(Arc::default())), 80, 3);
    assert!(empty.contains("limit nothing yet"), "{empty}");
}

#[test]
fn what_is_free_is_what_still_fits() {
    for (resource, used, hard, expected) in [
        ("requests.cpu", "8300m", "10", "1.7"),
        ("requests.memory", "1536Mi", "2Gi", "512 MiB"),
        ("pods", "12", "1k", "988"),
        ("pods", "100", "100", "none"),
        ("pods", "130", "100", "none"),
        ("pods", "1", "many", "?"),
    ] {
        assert_eq!(free_of(&entry("q", resource, used, hard, None)), expected, "{used} of {hard} {resource}");
    }
}

#[test]
fn a_stale_quota_says_so() {
    let stale = Vcluster { stale_since: Some(NOW - chrono::TimeDelta::seconds(42)), ..full() };
    assert!(draw(&stale, 80, 24).contains("◌ as they last were, 42s ago"));
}

#[test]
fn the_text_has_every_key_and_nothing_harmful() {
    let v = full();
    let text = QuotaPane::text(v.quota.get().unwrap());
    assert_eq!(text.lines().count(), 7);
    assert!(text.contains("vc-quota\trequests.cpu\t8300m\t10\t83%\n") && !text.contains('\x1b'), "{text}");
}

/// The same after it was watched for half an hour, in which processors were taken by and by.
fn watched() -> (Vcluster, Watch) {
    let at = |minute: i64| NOW - TimeDelta::minutes(30 - minute);
    let with = |used: i64| {
        let of = |entry: &QuotaEntry| match entry.resource.as_str() {
            "requests.cpu" => QuotaEntry { used: format!("{}m", 6800 + 50 * used).into(), ..entry.clone() },
            "requests.storage" => QuotaEntry { hard: "400Gi".into(), ratio: Some(0.5), ..entry.clone() },
            _ => entry.clone(),
        };
        Arc::new(full().quota.get().unwrap().entries.iter().map(of).collect::<Quota>())
    };
    let mut watch = Watch::begin(&with(0), at(0));
    for minute in 1..=30 {
        watch.see(&with(minute), at(minute));
    }
    (Vcluster { quota: Known::Yes(with(30)), ..full() }, watch)
}

fn found() -> Found {
    let part = |amount: &str, share: f64| Part { amount: amount.into(), share: Some(share) };
    let key = |key: &str, tenant: Part, control_plane: Part| KeyDemand {
        key: key.into(),
        hard: "10".into(),
        control_plane,
        tenant,
        other: part("0", 0.0),
    };
    let consumer = |whose, namespace: Option<&str>, name: &str, share| Consumer {
        whose,
        namespace: namespace.map(Into::into),
        name: name.into(),
        key: "requests.cpu".into(),
        amount: "1500m".into(),
        share,
    };
    let lack =
        Lack { key: "requests.cpu".into(), asked: "4".into(), used: "8300m".into(), limited: "10".into() };
    Found {
        quotas: Vec::new(),
        demand: Known::Yes(Demand {
            keys: vec![
                key("pods", part("10", 0.1), part("2", 0.02)),
                key("requests.cpu", part("7100m", 0.71), part("1200m", 0.12)),
            ],
            consumers: vec![
                consumer(Whose::Tenant, Some("web"), "shop-\u{1b}[2Jfront-7d9c5-x2x4q", 0.15),
                consumer(Whose::ControlPlane, None, "team-alpha-0", 0.12),
                consumer(Whose::Other, None, "left-behind-x-web-x-gone", 0.05),
            ],
            pods: 12,
        }),
        blocked: Known::Yes(vec![Blocked {
            namespace: Some("web".into()),
            name: "cart-0".into(),
            quota: "vc-quota".into(),
            lacks: vec![lack],
            since: NOW - TimeDelta::minutes(7),
        }]),
    }
}

#[test]
fn where_it_goes_and_who_takes_it_at_both_sizes() {
    let ((v, watch), found) = (watched(), found());
    let view = View { watch: Some(&watch), found: Some(&found), press: Some("Q"), ..View::of(&v) };
    insta::assert_snapshot!(
        "all_of_it_at_80_columns",
        shown(80, 24, &ascii(), |area, buf, theme| {
            QuotaPane::default().render(view, area, buf, theme, NOW);
        })
    );
    insta::assert_snapshot!(
        "all_of_it_at_200_columns",
        shown(200, 50, &plain(), |area, buf, theme| {
            QuotaPane::default().render(view, area, buf, theme, NOW);
        })
    );
}

#[test]
fn what_is_not_known_is_said() {
    let v = full();
    let draw = |view: View<'_>| {
        shown(100, 40, &plain(), |area, buf, theme| QuotaPane::default().render(view, area, buf, theme, NOW))
    };
    let young = Watch::begin(v.quota.get().unwrap(), NOW);
    let told = draw(View { watch: Some(&young), ..View::of(&v) });
    assert!(told.contains("full now: requests.storage"), "{told}");
    let (v, _) = watched();
    let young = Watch::begin(v.quota.get().unwrap(), NOW);
    let told = draw(View { watch: Some(&young), ..View::of(&v) });
    assert!(told.contains("too early to say which limit is hit first: 10m more"), "{told}");
    let why = || Known::unknown("forbidden: needs list pods");
    let unknown = Found { demand: why(), blocked: Known::unknown("no companion measures it"), ..found() };
    let told = draw(View { found: Some(&unknown), ..View::of(&v) });
    assert!(told.contains("what takes it is not known: forbidden: needs list pods"), "{told}");
    assert!(told.contains("which pods wait for room is not known: no companion"), "{told}");
    let told = draw(View { failed: Some("it does not answer"), ..View::of(&v) });
    assert!(told.contains("what takes it is not known: it does not answer"), "{told}");
}
