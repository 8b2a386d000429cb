//! What was measured as rows, beside the bars that it is held to.

use std::time::Duration;

use super::{STEADY_PODS, Taken};
use crate::dashboard::percentile;
use crate::report::{Figure, Section, time};

/// What is asked of a number of pods.
struct Bars {
    pods: usize,
    all: Duration,
    cpu: f64,
    memory: f64,
}

const BARS: [Bars; 3] = [
    Bars { pods: 500, all: Duration::from_secs(4), cpu: 1.5, memory: 40.0 },
    Bars { pods: 5_000, all: Duration::from_secs(35), cpu: 15.0, memory: 60.0 },
    Bars { pods: 20_000, all: Duration::from_secs(140), cpu: 60.0, memory: 150.0 },
];
/// Memory without pods, in MB.
const IDLE: f64 = 15.0;
/// What both sides of a pod may take, in kB.
const OF_A_POD: f64 = 6.0;
/// The share of the bare client's rate that is enough, however slow the machine.
const RATE: f64 = 0.6;
/// From creation to appearance, while pods are created evenly.
const LAG: Duration = Duration::from_millis(250);
/// Writes on the host that a pod takes: itself, and the Secret with its tokens. A little is for what is not a pod.
const HOST_WRITES: f64 = 2.05;
/// By how much a pod may cost more among many than among few.
const FLAT: f64 = 1.1;

impl Taken {
    /// What the process has grown by, for each pod that was created until then, in kB.
    fn grown(&self) -> f64 {
        (self.memory.0 - self.idle_memory) * 1000.0 / self.pods as f64
    }

    /// The same of the process that was started again, which found those that were created evenly, too.
    fn grown_anew(&self) -> f64 {
        (self.restarted - self.idle_memory) * 1000.0 / (self.pods + STEADY_PODS) as f64
    }

    /// Processor time for each pod, in milliseconds.
    fn cpu_of_a_pod(&self) -> f64 {
        self.cpu.as_secs_f64() * 1000.0 / self.pods as f64
    }
}

fn row(name: &'static str, bar: Option<String>, measured: String, met: Option<bool>) -> Figure {
    Figure { name, bar: bar.unwrap_or_else(|| "–".into()), measured, baseline: None, met }
}

/// A row of what has no bar.
fn told(name: &'static str, measured: String) -> Figure {
    row(name, None, measured, None)
}

fn seconds(cpu: Duration) -> String {
    format!("{:.2} s", cpu.as_secs_f64())
}

/// The figures of one number of pods.
pub(super) fn section(taken: &Taken) -> Section {
    let bars = BARS.iter().find(|bars| bars.pods == taken.pods);
    let mut figures = times(taken, bars);
    figures.extend(memory(taken, bars));
    figures.extend(requests(taken));
    figures.extend([
        told("restart to ready", time(taken.restart)),
        told("CPU, idle", format!("{:.2} %", taken.idle_cpu)),
        told("deletion of all, until both sides are empty", time(taken.deleted)),
    ]);
    Section {
        host: format!("{} pods", taken.pods),
        held: "Two API servers, each with an etcd of its own, on the machine that also runs the clients."
            .into(),
        figures,
        notes: Vec::new(),
    }
}

fn times(taken: &Taken, bars: Option<&Bars>) -> Vec<Figure> {
    let share = taken.bare.as_secs_f64() / taken.all.as_secs_f64();
    let ratio = taken.all.as_secs_f64() / taken.bare.as_secs_f64();
    let each = |share: f64| time(percentile(&taken.each, share));
    let steady = |share: f64| percentile(&taken.steady, share);
    vec![
        Figure {
            name: "first create to all on the host",
            bar: bars.map_or_else(
                || "–".into(),
                |bars| format!("{} or {:.0} % of the bare client's rate", time(bars.all), RATE * 100.0),
            ),
            measured: time(taken.all),
            baseline: Some((taken.bare, ratio)),
            met: bars.map(|bars| taken.all <= bars.all || share >= RATE),
        },
        told("per pod, p50", each(0.5)),
        told("per pod, p99", each(0.99)),
        row(
            "per pod at 50 a second, p99",
            Some(time(LAG)),
            format!("{} (p50 {})", time(steady(0.99)), time(steady(0.5))),
            Some(steady(0.99) <= LAG),
        ),
        told("processor time until all are on the host", seconds(taken.created_cpu)),
        told("first create to all seen running inside", time(taken.running)),
        row(
            "processor time until then",
            bars.map(|bars| format!("{} s", bars.cpu)),
            seconds(taken.cpu),
            bars.map(|bars| taken.cpu.as_secs_f64() <= bars.cpu),
        ),
        told("of it for each pod", format!("{:.2} ms", taken.cpu_of_a_pod())),
    ]
}

fn memory(taken: &Taken, bars: Option<&Bars>) -> [Figure; 4] {
    let (now, peak) = taken.memory;
    [
        row(
            "memory before",
            Some(format!("{IDLE} MB")),
            format!("{:.1} MB", taken.idle_memory),
            Some(taken.idle_memory <= IDLE),
        ),
        row(
            "memory with all (peak)",
            bars.map(|bars| format!("{} MB", bars.memory)),
            format!("{now:.1} MB ({peak:.1} MB)"),
            bars.map(|bars| now <= bars.memory),
        ),
        told("memory after a restart", format!("{:.1} MB", taken.restarted)),
        row(
            "of it for each pod, both sides (after a restart)",
            Some(format!("{OF_A_POD} kB")),
            format!("{:.1} kB ({:.1} kB)", taken.grown(), taken.grown_anew()),
            Some(taken.grown() <= OF_A_POD),
        ),
    ]
}

fn requests(taken: &Taken) -> [Figure; 3] {
    [
        row(
            "host writes for each pod but the kubelet's",
            Some("2".into()),
            format!("{:.2}", taken.host_writes),
            Some(taken.host_writes <= HOST_WRITES),
        ),
        told("requests for each pod, both sides", format!("{:.2}", taken.requests)),
        row(
            "writes after a restart, both sides",
            Some("0".into()),
            // A sum of nothing is a negative zero.
            format!("{:.0}", taken.restart_writes.abs()),
            Some(taken.restart_writes == 0.0),
        ),
    ]
}

/// Whether a pod costs as much among many as among few; none without two numbers of pods.
pub(super) fn flat(all: &[Taken]) -> Option<Section> {
    let few = all.iter().min_by_key(|taken| taken.pods)?;
    let many = all.iter().max_by_key(|taken| taken.pods).filter(|many| many.pods > few.pods)?;
    let ratio = |name, few: f64, many: f64, unit: &str| {
        let (measured, bar) = (many / few, format!("{FLAT} times"));
        let measured_text = format!("{measured:.2} times ({few:.2} {unit}, {many:.2} {unit})");
        row(name, Some(bar), measured_text, Some(measured <= FLAT))
    };
    let figures = vec![
        ratio("processor time for each pod", few.cpu_of_a_pod(), many.cpu_of_a_pod(), "ms"),
        ratio("requests for each pod", few.requests, many.requests, "of them"),
        ratio("memory for each pod", few.grown(), many.grown(), "kB"),
    ];
    Some(Section {
        host: format!("A pod among {} and among {}", few.pods, many.pods),
        held: "What one pod costs with many, compared with what it costs with few.".into(),
        figures,
        notes: Vec::new(),
    })
}
