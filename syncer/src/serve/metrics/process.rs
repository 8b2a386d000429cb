//! Metrics of any companion: what it is, what it costs, and how the API servers answer.

use std::path::Path;

use super::{Families, flag, side};
use crate::engine::key::Side;
use crate::serve::probes::Probes;

/// Ticks in a second as Linux tells processor time; the same on all of its platforms that matter.
const TICKS: f64 = 100.0;

/// How both API servers answer, and how fresh the tenant's controllers are.
pub fn probes(families: &mut Families, probes: &Probes) {
    let answers: Vec<_> = [Side::Virtual, Side::Host]
        .into_iter()
        .filter_map(|of| probes.answer(of).map(|answer| (vec![side(of)], answer)))
        .collect();
    let up = answers.iter().map(|(labels, answer)| (labels.clone(), flag(answer.trouble.is_none())));
    families.gauges("v9s_syncer_api_up", "1 when the API server says that it is ready", up.collect());
    let took = answers.into_iter().map(|(labels, answer)| (labels, answer.took.as_secs_f64()));
    families.gauges("v9s_syncer_api_answer_seconds", "How long its last answer took", took.collect());
    if let Some(age) = probes.lease_age() {
        let help = "Since the tenant's controller manager renewed its Lease";
        families.gauge("v9s_syncer_controller_manager_lease_age_seconds", help, age.as_secs_f64());
    }
}

/// What runs, and what it costs; under the names that every exporter uses.
pub fn process(families: &mut Families, mode: &'static str) {
    let build = vec![("version", env!("CARGO_PKG_VERSION").to_owned()), ("mode", mode.to_owned())];
    families.gauges("v9s_syncer_build_info", "What this is; always 1", vec![(build, 1.0)]);
    let read = |file: &str| std::fs::read_to_string(Path::new("/proc").join(file)).unwrap_or_default();
    let (status, stat, system) = (read("self/status"), read("self/stat"), read("stat"));
    if let Some(seconds) = processor_seconds(&stat) {
        families.counter("process_cpu_seconds", "Processor time of this process", seconds);
    }
    if let Some(bytes) = kilobytes(&status, "VmRSS:").map(|kilobytes| kilobytes * 1024.0) {
        families.gauge("process_resident_memory_bytes", "Memory that it holds", bytes);
    }
    if let Some(started) = started(&stat, &system) {
        families.gauge("process_start_time_seconds", "When it began, in seconds since 1970", started);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        families.gauge("process_open_fds", "Files and sockets that it has open", open.count() as f64);
    }
}

/// Fields behind the program's name, which may have spaces and brackets in it.
fn fields(stat: &str) -> Vec<f64> {
    let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    behind.split_whitespace().map(|field| field.parse().unwrap_or_default()).collect()
}

/// User and system time: fields 14 and 15 of `/proc/PID/stat`, counted from 1; the third comes behind the name.
fn processor_seconds(stat: &str) -> Option<f64> {
    let fields = fields(stat);
    Some((fields.get(11)? + fields.get(12)?) / TICKS)
}

/// Field 22, in ticks since the system began.
fn started(stat: &str, system: &str) -> Option<f64> {
    let since_boot = fields(stat).get(19)? / TICKS;
    let boot: f64 = system.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(boot + since_boot)
}

fn kilobytes(status: &str, key: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_tells_of_a_process_is_read_whatever_its_name() {
        let stat = "12 (a) b) S 1 12 12 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 700 1000 20 1";
        assert_eq!(processor_seconds(stat), Some(3.0));
        assert_eq!(started(stat, "cpu 1 2\nbtime 1000\n"), Some(1007.0));
        assert_eq!(kilobytes("Name:\ta\nVmRSS:\t   2048 kB\n", "VmRSS:"), Some(2048.0));
        assert_eq!((processor_seconds(""), started("", ""), kilobytes("", "VmRSS:")), (None, None, None));
    }
}
