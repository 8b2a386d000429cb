//! What the embedded host costs: how fast it starts, and what it takes with a large fleet on it, with and without life.

use std::time::Duration;

use anyhow::Result;

use crate::dashboard::percentile;
use crate::hold::{Holder, Life};
use crate::process::{Spent, memory};
use crate::report::{Figure, Section, time};

/// After everything is settled, before it is watched: what just started calms down.
const CALM: Duration = Duration::from_secs(60);
/// Several heartbeats of all nodes.
const WATCHED: Duration = Duration::from_secs(120);
const MEMORY_BAR: f64 = 1000.0;
const IDLE_BAR: f64 = 2.0;

/// What a host with a fleet on it takes.
struct Cost {
    filled: Duration,
    cpu: f64,
    memory: f64,
    peak: f64,
}

/// Measures everything.
pub fn measure(vclusters: usize, pods: usize, rounds: usize) -> Result<Section> {
    let alone = start(Life::None, rounds)?;
    let live = start(Life::Rest, rounds)?;
    let start = |name, took: Duration| Figure {
        name,
        bar: "100 ms".into(),
        measured: time(took),
        baseline: None,
        met: Some(took <= Duration::from_millis(100)),
    };
    let mut figures = vec![
        start("process start to answers, API server alone", alone),
        start("process start to answers, with controllers and nodes", live),
    ];
    for (life, names) in [
        (Life::None, ["API server alone: filled after", "memory (peak)", "CPU"]),
        (Life::Rest, ["controllers and nodes at rest: settled after", "memory (peak)", "CPU"]),
        (Life::Demo, ["with the life of the demo: settled after", "memory (peak)", "CPU"]),
    ] {
        figures.extend(rows(life, names, &cost(life, vclusters, pods)?));
    }
    Ok(Section {
        host: "the embedded host".into(),
        held: format!(
            "{vclusters} virtual clusters, {pods} synced pods. Median of {rounds} starts; memory and CPU over {} seconds, \
             {} seconds after everything was settled.",
            WATCHED.as_secs(),
            CALM.as_secs(),
        ),
        figures,
        notes: Vec::new(),
    })
}

fn start(life: Life, rounds: usize) -> Result<Duration> {
    let mut all: Vec<Duration> =
        (0..rounds).map(|_| Ok(Holder::start(life, 0, 0)?.start)).collect::<Result<_>>()?;
    all.sort_unstable();
    Ok(percentile(&all, 0.5))
}

fn cost(life: Life, vclusters: usize, pods: usize) -> Result<Cost> {
    let mut holder = Holder::start(life, vclusters, pods)?;
    let filled = holder.settled()?;
    std::thread::sleep(CALM);
    let before = Spent::now(holder.pid())?;
    std::thread::sleep(WATCHED);
    let cpu = Spent::now(holder.pid())?.percent_since(before);
    let (memory, peak) = memory(holder.pid())?;
    eprintln!("{life:?}: {} {cpu:.1} % {memory:.0} MB ({peak:.0} MB)", time(filled));
    Ok(Cost { filled, cpu, memory, peak })
}

fn rows(life: Life, names: [&'static str; 3], cost: &Cost) -> [Figure; 3] {
    let row = |name, bar: String, measured, met| Figure { name, bar, measured, baseline: None, met };
    let idle = (life != Life::Demo).then_some(cost.cpu <= IDLE_BAR);
    let idle_bar = idle.map_or_else(|| "–".into(), |_| format!("{IDLE_BAR:.0} % of a core"));
    [
        row(names[0], "–".into(), time(cost.filled), None),
        row(
            names[1],
            "1 GB".into(),
            format!("{:.0} MB ({:.0} MB)", cost.memory, cost.peak),
            Some(cost.memory <= MEMORY_BAR),
        ),
        row(names[2], idle_bar, format!("{:.2} %", cost.cpu), idle),
    ]
}
