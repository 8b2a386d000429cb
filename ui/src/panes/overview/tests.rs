use std::sync::Arc;

use chrono::TimeDelta;
use v9s::fleet::model::{Finding, PodCounts, Restarts, Severity, StoreHealth};
use v9s::fleet::quota::{Quota, QuotaEntry};
use v9s::fleet::state::State;
use v9s::known::Known;

use super::*;
use crate::fixture::{fleet, lag, vcluster};
use crate::panes::testing::{NOW, ascii, control_pod, meanings, plain, shown};

fn finding(severity: Severity, code: &'static str, message: &str, minutes: i64) -> Finding {
    Finding { severity, code, message: message.into(), since: Some(NOW - TimeDelta::minutes(minutes)) }
}

fn entry(resource: &str, used: &str, hard: &str, ratio: Option<f64>) -> QuotaEntry {
    QuotaEntry {
        quota: "vc-quota".into(),
        resource: resource.into(),
        used: used.into(),
        hard: hard.into(),
        ratio,
    }
}

/// In about every trouble there is.
fn sick() -> Vcluster {
    let mut second = control_pod("team-alpha-1");
    (second.status, second.ready, second.restarts) = ("CrashLoopBackOff".into(), 0, 17);
    Vcluster {
        state: State::Degraded,
        reason: "1 of 2 replicas is ready; team-alpha-1: CrashLoopBackOff".into(),
        replicas: v9s::fleet::model::Replicas { ready: 1, desired: 2 },
        findings: vec![
            finding(
                Severity::Warning,
                "quota-near-limit",
                "quota requests.cpu is 83 % used: 8300m of 10 (vc-quota)",
                40,
            ),
            finding(
                Severity::Critical,
                "not-ready",
                "control plane is degraded: 1 of 2 replicas is ready; team-alpha-1 waits for etcd, which refuses writes since its NOSPACE alarm",
                8,
            ),
            finding(Severity::Warning, "out-of-memory", "team-alpha-1 was killed for want of memory", 3),
        ],
        restarts: Known::Yes(Restarts {
            count: 17,
            last_reason: Some("OOMKilled".into()),
            last_at: Some(NOW - TimeDelta::minutes(3)),
        }),
        synced: Known::Yes(PodCounts {
            total: 1_412,
            running: 1_400,
            pending: 3,
            succeeded: 7,
            failed: 2,
            unknown: 0,
        }),
        quota: Known::Yes(Arc::new(Quota {
            entries: vec![
                entry("requests.cpu", "8300m", "10", Some(0.83)),
                entry("count/deployments.apps", "20", "50", Some(0.4)),
                entry("pods", "12", "100", Some(0.12)),
                entry("limits.memory", "1Gi", "what?", None),
            ],
        })),
        lag: lag(12_400, &[200, 300, 400, 1_900, 3_140, 12_400]),
        orphans: Known::Yes(2),
        store_health: Known::Yes(StoreHealth {
            severity: Severity::Critical,
            used: Some(1.0),
            summary: "NOSPACE alarm\x1b[2J".into(),
        }),
        control_plane: Arc::from([control_pod("team-alpha-0"), second]),
        created: Some(NOW - TimeDelta::days(91)),
        ..vcluster("team-alpha", "team-alpha")
    }
}

fn keys(remedy: Remedy) -> Option<String> {
    Some(match remedy {
        Remedy::Logs => "l".to_owned(),
        Remedy::PreviousLogs => "p".to_owned(),
        Remedy::Sync => "8".to_owned(),
        Remedy::Store => "0".to_owned(),
        Remedy::Quota => "3".to_owned(),
        Remedy::Events => "4".to_owned(),
        Remedy::Certificates => "K".to_owned(),
        Remedy::Control => "i".to_owned(),
        Remedy::Pods | Remedy::Yaml => return None,
    })
}

fn draw(vcluster: &Vcluster, columns: u16, rows: u16) -> String {
    shown(columns, rows, &plain(), |area, buf, theme| {
        Overview::default().render(vcluster, &keys, area, buf, theme, NOW);
    })
}

#[test]
fn a_sick_tenant_at_80_columns() {
    insta::assert_snapshot!(draw(&sick(), 80, 24));
}

#[test]
fn a_sick_tenant_at_80_columns_to_the_end_in_ascii() {
    let mut page = Overview::default();
    shown(80, 24, &ascii(), |area, buf, theme| page.render(&sick(), &keys, area, buf, theme, NOW));
    page.go(Move::Bottom);
    insta::assert_snapshot!(shown(80, 24, &ascii(), |area, buf, theme| {
        page.render(&sick(), &keys, area, buf, theme, NOW);
    }));
}

#[test]
fn a_sick_tenant_at_200_columns() {
    insta::assert_snapshot!(draw(&sick(), 200, 50));
}

#[test]
fn what_everything_means() {
    insta::assert_snapshot!(meanings(124, 20, |area, buf, theme| {
        Overview::default().render(&sick(), &keys, area, buf, theme, NOW);
    }));
}

#[test]
fn a_tenant_of_which_little_is_known_says_why() {
    let fleet = fleet();
    let edge = fleet.iter().find(|v| v.key.name == "edge-03").unwrap();
    insta::assert_snapshot!(draw(edge, 80, 34));
}

#[test]
fn a_paused_tenant_has_nothing_unknown() {
    let fleet = fleet();
    let paused = fleet.iter().find(|v| v.state == State::Paused).unwrap();
    insta::assert_snapshot!(draw(paused, 80, 30));
}

#[test]
fn what_is_wrong_and_what_to_press_is_in_the_first_rows() {
    for columns in [80, 120, 200] {
        let screen = draw(&sick(), columns, 24);
        let first: Vec<&str> = screen.lines().take(5).collect();
        let first = first.join("\n");
        for part in ["✗ Degraded", "[l] logs", "✗ critical", "NOSPACE"] {
            assert!(first.contains(part), "{part} at {columns}:\n{screen}");
        }
    }
}

#[test]
fn a_stale_row_says_since_when() {
    let stale = Vcluster { stale_since: Some(NOW - TimeDelta::seconds(42)), ..vcluster("a", "a") };
    assert!(draw(&stale, 80, 24).contains("◌ as it last was, 42s ago"));
}

#[test]
fn the_page_can_be_copied() {
    let text = Overview::text(&sick(), NOW);
    assert!(text.is_ascii() && text.contains("x critical") && !text.contains('\x1b'), "{text}");
}

#[test]
fn every_row_of_the_page_can_be_reached() {
    let mut page = Overview::default();
    let screen = |page: &mut Overview| {
        shown(80, 10, &plain(), |area, buf, theme| page.render(&sick(), &keys, area, buf, theme, NOW))
    };
    let whole = draw(&sick(), 80, 60);
    let last = whole.trim_end().lines().last().unwrap().to_owned();
    screen(&mut page);
    for _ in 0..60 {
        page.go(Move::Down);
    }
    assert!(screen(&mut page).contains(&last));
    page.go(Move::Top);
    assert_eq!(screen(&mut page).lines().next(), whole.lines().next());
}
