//! One host, all figures.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::{NamedTempFile, TempDir};
use tokio::runtime::Runtime;
use v9s_testkit::kubeconfig;
use v9s_testkit::proxy::{Proxy, Wire};

use crate::dashboard::{self, Dashboard, Startup, percentile};
use crate::report::{Figure, Section, time};
use crate::subject::Subject;
use crate::{Args, baseline, events, library, lists};

/// Long enough for several ticks of whatever ticks.
const WATCHED: Duration = Duration::from_secs(30);
const EVENTS_PER_SECOND: u32 = 200;

/// A start of the bare client and of v9s, one after the other.
struct Round {
    bare_fleet: baseline::Read,
    bare_all: baseline::Read,
    alone: library::Took,
    startup: Startup,
    /// Keys that move the cursor, pressed while it loaded.
    cursor: Vec<Duration>,
    /// Keys that open and close the help, pressed while it loaded.
    help: Vec<Duration>,
    /// Keys for which a program painted as much that does nothing else, while the bare client read.
    painter: Vec<Duration>,
}

/// Measures everything on a filled host.
pub fn all(runtime: &Runtime, subject: &Subject, v9s: &Path, args: &Args) -> Result<Section> {
    let folder = TempDir::new()?;
    let path = folder.path().join("config");
    std::fs::write(&path, &subject.kubeconfig).context("writing a kubeconfig")?;
    let dashboard = Dashboard::new(v9s, &path);
    // Once for nothing: caches of the server and of the file system fill.
    round(runtime, subject, &dashboard)?;
    let rounds: Vec<Round> =
        (0..args.rounds.max(1)).map(|_| round(runtime, subject, &dashboard)).collect::<Result<_>>()?;
    let median = |of: &dyn Fn(&Round) -> Duration| {
        let mut all: Vec<Duration> = rounds.iter().map(of).collect();
        all.sort_unstable();
        percentile(&all, 0.5)
    };
    let bare_fleet = median(&|round| round.bare_fleet.took);
    let bare_all = median(&|round| round.bare_all.took);
    let fleet = median(&|round| round.startup.fleet);
    let live = median(&|round| round.startup.live);

    let (terminal, _) = dashboard.startup(subject.vclusters)?;
    let idle = dashboard::cost(&terminal, WATCHED)?;
    let mut keys = dashboard::cursor_latencies(&terminal, 400)?;
    let client = runtime.block_on(subject.client())?;
    let busy = runtime.spawn(async move { events::stream(&client, EVENTS_PER_SECOND, WATCHED).await });
    let busy_cost = dashboard::cost(&terminal, WATCHED)?;
    let rate = runtime.block_on(busy)??;
    drop(terminal);
    keys.sort_unstable();
    let pressed = |of: &dyn Fn(&Round) -> &[Duration]| {
        let mut all: Vec<Duration> = rounds.iter().flat_map(|round| of(round).iter().copied()).collect();
        all.sort_unstable();
        all
    };
    let cursor = pressed(&|round| &round.cursor);
    let help = pressed(&|round| &round.help);
    let painter = pressed(&|round| &round.painter);
    let dead = leave_dead_context(runtime, subject, v9s, args.rounds.max(1))?;

    let ratio = |took: Duration, bare: Duration| took.as_secs_f64() / bare.as_secs_f64();
    let within = |took: Duration, ms: u64| took <= Duration::from_millis(ms);
    let plain = |name, bar: &str, measured: String, met| Figure {
        name,
        bar: bar.into(),
        measured,
        baseline: None,
        met: Some(met),
    };
    let bare_keys = percentile(&painter, 0.99);
    let first_paint = median(&|round| round.startup.first_paint);
    let figures = vec![
        plain("first paint after process start", "50 ms", time(first_paint), within(first_paint, 50)),
        Figure {
            name: "full fleet table",
            bar: "500 ms or 1.3x".into(),
            measured: time(fleet),
            baseline: Some((bare_fleet, ratio(fleet, bare_fleet))),
            met: Some(within(fleet, 500) || ratio(fleet, bare_fleet) <= 1.3),
        },
        Figure {
            name: "all pods counted and attributed",
            bar: "1.3x, 3 s".into(),
            measured: time(live),
            baseline: Some((bare_all, ratio(live, bare_all))),
            met: Some(within(live, 3000) && ratio(live, bare_all) <= 1.3),
        },
        plain(
            "memory, steady (peak)",
            "80 MB",
            format!("{:.0} MB ({:.0} MB)", busy_cost.1, busy_cost.2),
            busy_cost.1 <= 80.0,
        ),
        plain("CPU, idle", "0.2 % of a core", format!("{:.2} %", idle.0), idle.0 <= 0.2),
        plain(
            "CPU at 200 pod events a second",
            "5 % of a core",
            format!("{:.1} % at {rate:.0}", busy_cost.0),
            // A host that cannot deliver the events proves nothing.
            busy_cost.0 <= 5.0 && rate >= 0.95 * f64::from(EVENTS_PER_SECOND),
        ),
        plain("key to paint, steady, p99", "16 ms", spread(&keys), within(percentile(&keys, 0.99), 16)),
        plain(
            "key to paint while loading, p99",
            "16 ms",
            spread(&cursor),
            within(percentile(&cursor, 0.99), 16),
        ),
        Figure {
            name: "the whole screen anew while loading, p99",
            bar: "16 ms".into(),
            measured: spread(&help),
            baseline: Some((bare_keys, ratio(percentile(&help, 0.99), bare_keys))),
            met: Some(within(percentile(&help, 0.99), 16)),
        },
        plain("leaving a dead context", "100 ms", time(dead), within(dead, 100)),
    ];
    let read = rounds.first().map(|round| round.bare_all).unwrap_or_default();
    let notes = vec![format!(
        "The bare client reads {:.0} MB in {} requests. The library alone has all rows after {} and all pods after {}.",
        read.bytes as f64 / 1e6,
        read.requests,
        time(median(&|round| round.alone.rows)),
        time(median(&|round| round.alone.pods)),
    )];
    Ok(Section {
        host: format!("{}, {}", subject.name, subject.version),
        held: format!(
            "{} virtual clusters, {} synced pods, {} objects in all. Median of {} starts; {} key presses, {} while loading.",
            subject.vclusters,
            subject.installed.synced_pods,
            subject.installed.objects,
            rounds.len(),
            keys.len(),
            cursor.len() + help.len()
        ),
        figures,
        notes,
    })
}

fn round(runtime: &Runtime, subject: &Subject, dashboard: &Dashboard) -> Result<Round> {
    // A new client each time: v9s has no open connection either.
    let bare = |lists: Vec<baseline::List>| {
        runtime.block_on(async { baseline::read(&subject.client().await?, &lists, lists::PAGE).await })
    };
    let bare_fleet = bare(lists::fleet())?;
    let bare_all = bare([lists::fleet(), lists::pods()].concat())?;
    let alone = runtime.block_on(library::follow(subject))?;
    let painter = painter(runtime, subject)?;
    let (terminal, startup) = dashboard.startup(subject.vclusters)?;
    drop(terminal);
    // Keys cost the start something, so they are pressed in starts of their own.
    let cursor = dashboard::cursor_latencies_while_loading(&dashboard.start(&[])?)?;
    let help = dashboard::overlay_latencies_while_loading(&dashboard.start(&[])?)?;
    eprintln!(
        "{}: bare {} and {}, v9s {startup:?}",
        subject.name,
        time(bare_fleet.took),
        time(bare_all.took)
    );
    Ok(Round { bare_fleet, bare_all, alone, startup, cursor, help, painter })
}

/// Keys for which only a frame is painted while the bare client reads all lists.
fn painter(runtime: &Runtime, subject: &Subject) -> Result<Vec<Duration>> {
    let client = runtime.block_on(subject.client())?;
    let lists = [lists::fleet(), lists::pods()].concat();
    let reading = runtime.spawn(async move { baseline::read(&client, &lists, lists::PAGE).await });
    let painter = dashboard::painter_latencies(|| reading.is_finished())?;
    runtime.block_on(reading)??;
    Ok(painter)
}

/// From the key that chooses another context to its name in the header, while the current one accepts connections
/// and never answers.
fn leave_dead_context(runtime: &Runtime, subject: &Subject, v9s: &Path, times: usize) -> Result<Duration> {
    let (proxy, through) = runtime.block_on(Proxy::before(&subject.kubeconfig))?;
    proxy.set(Wire::Blackhole);
    let both = kubeconfig::joined(&[("dead", &through), ("alive", &subject.kubeconfig)])?;
    let mut file = NamedTempFile::new()?;
    file.write_all(both.as_bytes())?;
    let dashboard = Dashboard::new(v9s, file.path());
    let mut all = Vec::new();
    for _ in 0..times {
        let terminal = dashboard.start(&["--context", "dead"])?;
        terminal.wait_for_text(" dead")?;
        terminal.send(":ctx alive")?;
        terminal.wait_for_text("ctx alive")?;
        let pressed = std::time::Instant::now();
        terminal.send("\r")?;
        let at = dashboard::painted(&terminal, "the other context", |screen| {
            dashboard::header(screen).contains(" alive")
        })?;
        all.push(at.saturating_duration_since(pressed));
    }
    all.sort_unstable();
    Ok(percentile(&all, 0.5))
}

fn spread(sorted: &[Duration]) -> String {
    let of = |share| time(percentile(sorted, share));
    format!("{} (p50 {}, max {})", of(0.99), of(0.5), of(1.0))
}
