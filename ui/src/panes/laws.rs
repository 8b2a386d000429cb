//! What holds for every pane, whatever a cluster sends and however small the screen is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::sample::select;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;
use v9s::companion::{
    ApiStatus, CanaryStatus, DriftStatus, DriftedObject, KindLag, LagStatus, SyncerStatus, WriteStatus,
};
use v9s::fleet::model::{
    Finding, Phase, PodCounts, PodRow, Replicas, Restarts, Severity, Store, StoreHealth, SyncLag, Vcluster,
};
use v9s::fleet::quota::{Quota, QuotaEntry};
use v9s::fleet::state::State;
use v9s::health::{Companion, Thresholds};
use v9s::known::Known;

use super::Move;
use super::events::{self, Event, Events};
use super::logs::{Limits, LogsPane, Mark, Source};
use super::overview::{Overview, Remedy};
use super::pods::{self, Pods};
use super::quota::{QuotaPane, View as QuotaView};
use super::sync::SyncPane;
use super::testing::{NOW, ascii, painted, plain, pod, table};
use super::text::{Highlight, TextPane};
use crate::fixture::vcluster;
use crate::text::clean;
use crate::theme::Theme;

/// What clusters and tenants can send.
fn nasty() -> impl Strategy<Value = String> {
    let pieces = vec![
        "",
        "team-alpha",
        "日本語クラスタ",
        "👩\u{200d}🚀",
        "🇩🇪",
        "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
        "\x1b[2J",
        "\x1b]52;c;Y2F0\x07",
        "\u{9b}31m",
        "\u{202e}txt",
        "\u{200b}",
        "\t",
        "\r\n",
        "\n",
        "\0",
        "key: value",
        "- \"a\": 1 # x",
        "run: |",
        "   ",
        "\u{300}",
    ];
    let long = prop_oneof![Just("x".repeat(3_000)), Just("語".repeat(2_000)), Just("word ".repeat(600))];
    prop_oneof![
        8 => prop::collection::vec(select(pieces), 0..6).prop_map(|pieces| pieces.concat()),
        3 => any::<String>(),
        3 => "[a-z0-9.-]{1,40}",
        1 => long,
    ]
}

fn word() -> impl Strategy<Value = SmolStr> {
    nasty().prop_map(SmolStr::from)
}

fn moment() -> impl Strategy<Value = Option<DateTime<Utc>>> {
    prop::option::of((-100_000_000i64..1_000_000_000).prop_map(|ago| NOW - TimeDelta::seconds(ago)))
}

fn known<T: std::fmt::Debug + Clone + 'static>(
    fact: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Known<T>> {
    prop_oneof![3 => fact.prop_map(Known::Yes), 1 => word().prop_map(Known::No), 1 => Just(Known::NotApplicable)]
}

fn steps() -> impl Strategy<Value = Vec<Move>> {
    use Move::{Bottom, Down, Left, PageDown, PageUp, Right, Top, Up};
    prop::collection::vec(select(vec![Up, Down, PageUp, PageDown, Top, Bottom, Left, Right]), 0..8)
}

fn size() -> impl Strategy<Value = (u16, u16)> {
    prop_oneof![Just((1, 1)), Just((0, 0)), (0u16..24, 0u16..8), (0u16..210, 0u16..55)]
}

fn any_pod() -> impl Strategy<Value = PodRow> {
    let names =
        (word(), prop::option::of(word()), prop::option::of(word()), word(), prop::option::of(word()));
    let phase = select(vec![Phase::Pending, Phase::Running, Phase::Succeeded, Phase::Failed, Phase::Unknown]);
    (names, phase, any::<(u16, u16, u32)>(), moment()).prop_map(
        |(
            (name, virtual_name, virtual_namespace, status, node),
            phase,
            (ready, containers, restarts),
            created,
        )| {
            PodRow {
                name,
                virtual_name,
                virtual_namespace,
                status,
                node,
                phase,
                ready,
                containers,
                restarts,
                created,
                ..pod("any")
            }
        },
    )
}

fn any_quota() -> impl Strategy<Value = Arc<Quota>> {
    let entry = (word(), word(), word(), word(), prop::option::of(any::<f64>()))
        .prop_map(|(quota, resource, used, hard, ratio)| QuotaEntry { quota, resource, used, hard, ratio });
    prop::collection::vec(entry, 0..6).prop_map(|entries| Arc::new(Quota { entries }))
}

fn severity() -> impl Strategy<Value = Severity> {
    select(vec![Severity::Ok, Severity::Info, Severity::Warning, Severity::Critical])
}

fn any_drift() -> impl Strategy<Value = Option<DriftStatus>> {
    let drifted = (word(), prop::option::of(word()), word(), word(), any::<bool>(), moment()).prop_map(
        |(kind, namespace, name, why, quarantined, since)| DriftedObject {
            kind,
            namespace,
            name,
            why,
            quarantined,
            since: since.unwrap_or(NOW),
        },
    );
    prop::option::of((prop::collection::vec(drifted, 0..6), word(), any::<u32>()).prop_map(
        |(objects, kind, count)| DriftStatus { counts: [(kind, count)].into(), quarantined: count, objects },
    ))
}

fn any_companion() -> impl Strategy<Value = Arc<Companion>> {
    let numbers = any::<[u64; 4]>();
    let words = prop::collection::vec(word(), 0..4);
    (
        words,
        numbers,
        (any_drift().boxed(), any_drift().boxed()),
        (moment(), any::<(bool, bool)>(), prop::option::of(word())),
    )
        .prop_map(|(words, [a, b, c, d], (drift, orphans), (time, (silent, synced), trouble))| {
            let lag = LagStatus { count: a, p50_millis: Some(b), p99_millis: Some(c), max_millis: Some(d) };
            let first = words.first().cloned().unwrap_or_default();
            let api = ApiStatus { answered_millis: trouble.is_none().then_some(b), trouble: trouble.clone() };
            let writes =
                WriteStatus { answered: a, throttled: b, conflicts: c, refused: d, failed: a, limit: 3 };
            let status = SyncerStatus {
                synced,
                time,
                pending: [(first.clone(), 3)].into(),
                oldest_pending_seconds: Some(d),
                to_host: lag,
                kinds: [(first, KindLag { to_host: lag, to_virtual: lag })].into(),
                canary: Some(CanaryStatus {
                    round_trip_millis: Some(c),
                    trouble: trouble.clone(),
                    ..CanaryStatus::default()
                }),
                apis: Some([api.clone(), api]),
                writes: Some([writes, writes]),
                identity: words.last().cloned().unwrap_or_default(),
                reasons: words.clone(),
                unknown: words,
                trouble,
                drift,
                orphans,
                ..SyncerStatus::default()
            };
            Arc::new(Companion { status: Arc::new(status), heard: time.unwrap_or(NOW), silent })
        })
}

fn any_vcluster() -> impl Strategy<Value = Vcluster> {
    let code = select(vec![
        "not-ready",
        "restarts",
        "out-of-memory",
        "quota-near-limit",
        "duplicate-workload",
        "new",
    ]);
    let finding = (severity(), code, word(), moment()).prop_map(|(severity, code, message, since)| Finding {
        severity,
        code,
        message,
        since,
    });
    let words = (word(), word(), known(word()), known(word()), known(word()));
    let health = (severity(), prop::option::of(any::<f64>()), word())
        .prop_map(|(severity, used, summary)| StoreHealth { severity, used, summary });
    let lag = (any::<u32>(), prop::collection::vec(any::<u32>(), 0..40))
        .prop_map(|(p99, history)| SyncLag { p99: Duration::from_millis(p99.into()), history });
    let restarts = (any::<u32>(), prop::option::of(word()), moment())
        .prop_map(|(count, last_reason, last_at)| Restarts { count, last_reason, last_at });
    let counts = any::<[u32; 6]>().prop_map(|[total, running, pending, succeeded, failed, unknown]| {
        PodCounts { total, running, pending, succeeded, failed, unknown }
    });
    let facts =
        (known(counts), known(any_quota()), known(lag), known(any::<u32>()), known(health), known(restarts));
    let rest = (
        select(State::ALL.to_vec()),
        prop::collection::vec(finding, 0..25),
        prop::collection::vec(any_pod(), 0..15),
        prop::collection::vec(any_pod(), 0..15),
        prop::collection::btree_map(word(), word(), 0..4),
        (moment(), moment(), any::<(u32, u32)>(), known(Just(Store::DeployedEtcd)), known(any_companion())),
    );
    // Boxed: one strategy of all parts is too large for the stack of a test.
    (words.boxed(), facts.boxed(), rest.boxed()).prop_map(|(words, facts, rest)| {
        let (name, reason, version, kubernetes, distro) = words;
        let (synced, quota, lag, orphans, store_health, restarts) = facts;
        let (state, findings, control_plane, pods, labels, last) = rest;
        let (created, stale_since, replicas, store, companion) = last;
        Vcluster {
            state,
            reason,
            version,
            kubernetes,
            distro,
            synced,
            quota,
            lag,
            orphans,
            store,
            store_health,
            restarts,
            findings,
            control_plane: control_plane.into(),
            pods: pods.into(),
            unknown: BTreeMap::clone(&labels),
            labels: Arc::new(labels),
            created,
            stale_since,
            replicas: Replicas { ready: replicas.0, desired: replicas.1 },
            companion,
            ..vcluster(&name, &name)
        }
    })
}

/// Paints with both sets of signs. Painting outside the area fails in [`painted`].
fn check(
    (columns, rows): (u16, u16),
    mut draw: impl FnMut(Rect, &mut Buffer, &Theme),
) -> Result<(), TestCaseError> {
    for theme in [plain(), ascii()] {
        let buf = painted(columns, rows, &theme, &mut draw);
        for cell in &buf.content {
            prop_assert_eq!(clean(cell.symbol()), cell.symbol(), "not clean");
        }
    }
    Ok(())
}

/// What a person can do with a text or a log.
#[derive(Debug, Clone)]
enum Deed {
    Go(Move),
    Search(String),
    Next,
    Previous,
    Wrap,
    Extra,
    Only(String),
    Push(String),
    Mark(String),
    Clear,
    Draw((u16, u16)),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let typed = prop_oneof![
        Just(String::new()),
        Just("e".to_owned()),
        Just("/[a-z]+/".to_owned()),
        Just("!x".to_owned()),
        nasty()
    ];
    let deed = prop_oneof![
        4 => steps().prop_map(|steps| Deed::Go(steps.first().copied().unwrap_or(Move::Down))),
        1 => typed.clone().prop_map(Deed::Search),
        2 => Just(Deed::Next),
        2 => Just(Deed::Previous),
        1 => Just(Deed::Wrap),
        1 => Just(Deed::Extra),
        1 => typed.prop_map(Deed::Only),
        6 => nasty().prop_map(Deed::Push),
        1 => nasty().prop_map(Deed::Mark),
        1 => Just(Deed::Clear),
        4 => size().prop_map(Deed::Draw),
    ];
    prop::collection::vec(deed, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_text_fits_any_screen(text in prop::collection::vec(nasty(), 0..12), deeds in deeds(), yaml in any::<bool>()) {
        let mut pane = TextPane::new(if yaml { Highlight::Yaml } else { Highlight::Plain });
        pane.set(&text.join("\n"), NOW);
        for deed in deeds {
            match deed {
                Deed::Go(step) => pane.go(step),
                Deed::Search(typed) | Deed::Only(typed) => drop(pane.search(&typed)),
                Deed::Next => pane.search_next(),
                Deed::Previous => pane.search_previous(),
                Deed::Wrap => pane.toggle_wrap(),
                Deed::Extra => pane.toggle_numbers(),
                Deed::Push(text) => pane.set(&text, NOW),
                Deed::Mark(why) => pane.fail(&why),
                Deed::Clear => pane.wait("it"),
                Deed::Draw(size) => check(size, |area, buf, theme| pane.render(area, buf, theme, NOW))?,
            }
        }
        prop_assert!(!pane.text().chars().any(|c| c.is_control() && c != '\n'));
    }

    #[test]
    fn any_log_fits_any_screen(deeds in deeds(), lines in 1usize..20, bytes in 1usize..20_000) {
        let mut pane = LogsPane::new(Limits { lines, bytes });
        pane.open(Source { pod: "p\x1b[2J".into(), container: "語".into(), place: (1, 3), ..Source::default() });
        for deed in deeds {
            match deed {
                Deed::Go(step) => pane.go(step),
                Deed::Search(typed) => drop(pane.search(&typed)),
                Deed::Only(typed) => drop(pane.only(&typed)),
                Deed::Next => pane.search_next(),
                Deed::Previous => pane.search_previous(),
                Deed::Wrap => pane.toggle_wrap(),
                Deed::Extra => pane.toggle_timestamps(),
                Deed::Push(line) => pane.push(Some(NOW), &line),
                Deed::Mark(why) => pane.mark(Mark::Lost(&why), NOW),
                Deed::Clear => pane.clear(),
                Deed::Draw(size) => check(size, |area, buf, theme| pane.render(area, buf, theme, NOW))?,
            }
            prop_assert!(pane.text().lines().count() <= lines);
        }
        prop_assert!(!pane.text().chars().any(|c| c.is_control() && c != '\n'));
    }

    #[test]
    fn a_log_that_follows_shows_its_newest_line(texts in prop::collection::vec("[a-z ]{1,90}", 1..30), wrap in any::<bool>()) {
        let mut pane = LogsPane::new(Limits::default());
        if wrap {
            pane.toggle_wrap();
        }
        for (n, text) in texts.iter().enumerate() {
            pane.push(None, &format!("{n}:{text}"));
            let screen = super::testing::shown(40, 8, &plain(), |area, buf, theme| pane.render(area, buf, theme, NOW));
            let newest = format!("{n}:{text}");
            let tail = if wrap { newest.get(newest.len() / 40 * 40..).unwrap_or_default() } else { newest.get(..30).unwrap_or(&newest) };
            prop_assert!(screen.contains(tail.trim_end()), "{tail:?} in\n{screen}");
        }
    }

    #[test]
    fn any_tenant_fits_any_page(v in any_vcluster(), steps in steps(), size in size()) {
        let keys = |remedy: Remedy| (remedy != Remedy::Yaml).then(|| "ctrl-x".to_owned());
        let (mut page, mut quota, mut sync) = (Overview::default(), QuotaPane::default(), SyncPane::default());
        let limits = Thresholds::default();
        check(size, |area, buf, theme| page.render(&v, &keys, area, buf, theme, NOW))?;
        check(size, |area, buf, theme| quota.render(QuotaView::of(&v), area, buf, theme, NOW))?;
        check(size, |area, buf, theme| sync.render(&v, &limits, area, buf, theme, NOW))?;
        for step in steps {
            page.go(step);
            quota.go(step);
            sync.go(step);
            check(size, |area, buf, theme| sync.render(&v, &limits, area, buf, theme, NOW))?;
            check(size, |area, buf, theme| page.render(&v, &keys, area, buf, theme, NOW))?;
            check(size, |area, buf, theme| quota.render(QuotaView::of(&v), area, buf, theme, NOW))?;
        }
        prop_assert!(!SyncPane::text(&v, &limits, NOW).chars().any(|c| c.is_control() && c != '\n'));
        prop_assert!(!Overview::text(&v, NOW).chars().any(|c| c.is_control() && c != '\n'));
    }

    #[test]
    fn any_pods_fit_any_table(v in any_vcluster(), size in size(), column in 0..pods::columns::COLUMNS.len()) {
        let mut all = Pods::default();
        all.update(&v);
        let sort = pods::columns::COLUMNS[column].id;
        check(size, |area, buf, theme| {
            pods::render_head(&v, Rect { height: area.height.min(1), ..area }, buf, theme, NOW);
            let body = Rect { y: area.y + area.height.min(1), height: area.height.saturating_sub(1), ..area };
            table(pods::columns::COLUMNS, &all.rows(), sort, pods::emptiness(&v), body, buf, theme);
        })?;
    }

    #[test]
    fn any_events_fit_any_table(
        rows in prop::collection::vec((word(), word(), word(), word(), any::<u32>(), moment(), moment()), 0..12),
        why in prop::option::of(nasty()),
        size in size(),
        column in 0..events::COLUMNS.len(),
    ) {
        let rows = rows.into_iter().enumerate().map(|(n, (reason, object, message, source, count, first, last))| Event {
            uid: n.to_string().into(),
            kind: if n.is_multiple_of(2) { events::Kind::Warning } else { events::Kind::Normal },
            reason, object, message, source, count, first, last,
        });
        let mut all = Events::default();
        all.set(rows.collect(), NOW);
        if let Some(why) = why {
            all.fail(&why);
        }
        let sort = events::COLUMNS[column].id;
        check(size, |area, buf, theme| {
            all.render_head(Rect { height: area.height.min(1), ..area }, buf, theme, NOW);
            let body = Rect { y: area.y + area.height.min(1), height: area.height.saturating_sub(1), ..area };
            table(events::COLUMNS, &all.rows().iter().collect::<Vec<_>>(), sort, all.emptiness(), body, buf, theme);
        })?;
        for event in all.rows() {
            prop_assert!(!events::text(event).chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}
