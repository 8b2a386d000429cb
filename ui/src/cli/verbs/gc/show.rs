//! The same for people.

use super::super::Outcome;
use super::document::{CollectedReport, HostReport, ObjectReport, ReclaimsReport, WhyReport};
use crate::{format, text};

/// Lines of each sort that are told.
const TOLD: usize = 10;

/// What came of it on one host.
pub(super) fn host(report: &HostReport) -> String {
    let mut lines = Vec::new();
    if matches!(report.outcome, Outcome::Planned | Outcome::Partial | Outcome::Nothing)
        && report.collected.is_none()
    {
        lines.extend(plan(report));
    }
    if let Some(collected) = &report.collected {
        lines.extend(done(collected));
    }
    lines.push(format!("{}: {}", report.context, report.message));
    lines.iter().map(|line| text::clean(line).into_owned() + "\n").collect()
}

/// What goes, what it frees, and what stays.
pub(super) fn plan(report: &HostReport) -> Vec<String> {
    let mut lines = Vec::new();
    for ((vcluster, kind), objects) in report.goes() {
        lines.push(format!("deletes  {} {kind} of {vcluster}", objects.len()));
        lines.extend(some(&objects, |object| line(object, report)));
    }
    if report.reclaims.is_some() {
        lines.push(format!("frees    {}", amount(&report.reclaims)));
    }
    let stays: Vec<&ObjectReport> = report.orphans.iter().filter(|one| one.fate == "stays").collect();
    if !stays.is_empty() {
        lines.push(format!(
            "keeps    {} leftovers that go only when their kind is named with --kinds",
            stays.len()
        ));
        lines.extend(some(&stays, |object| line(object, report)));
    }
    let suspects: Vec<&ObjectReport> = report.suspects.iter().collect();
    if !suspects.is_empty() {
        lines.push(format!("keeps    {} suspects", suspects.len()));
        lines.extend(some(&suspects, |object| line(object, report)));
    }
    let unknown = report
        .unknown
        .iter()
        .map(|it| format!("unknown  {} objects of {}: {}", it.objects, it.vcluster, it.why));
    lines.extend(unknown);
    lines.extend(report.unseen.iter().map(|it| format!("unseen   {}: {}", it.what, it.why)));
    let forbidden = report.forbidden.iter();
    lines.extend(forbidden.map(|right| format!("forbidden: needs {right}; what it is about stays")));
    for stuck in &report.stuck {
        let for_long = format::age(stuck.since, report.time);
        lines.push(format!("stuck    {}, going for {for_long}: {}", stuck.object, stuck.because.join("; ")));
        lines.extend(stuck.fixes.iter().enumerate().flat_map(|(index, fix)| {
            let risk = if fix.risk.is_empty() { String::new() } else { format!(" (risk: {})", fix.risk) };
            let what = format!("           {} {}{risk}", index + 1, fix.what);
            let command = fix.command.as_ref().map(|command| format!("             {command}"));
            [what].into_iter().chain(command)
        }));
    }
    let ghosts: Vec<_> = report.ghosts.iter().collect();
    if !ghosts.is_empty() {
        lines.push(format!("inside   {} objects have nothing on the host", ghosts.len()));
        lines.extend(some(&ghosts, |ghost| format!("{} {} of {}", ghost.kind, ghost.name, ghost.vcluster)));
    }
    lines.extend(report.brakes.iter().map(|brake| format!("MANY     {brake}")));
    lines
}

fn line(object: &ObjectReport, report: &HostReport) -> String {
    let name =
        object.namespace.as_ref().map_or_else(|| object.name.clone(), |it| format!("{it}/{}", object.name));
    let was = object.origin.as_ref().map(|origin| format!(" (was {origin})")).unwrap_or_default();
    let age = object
        .created
        .map(|created| format!(", {} old", format::age(created, report.time)))
        .unwrap_or_default();
    let node = object.node.as_ref().map(|node| format!(", on {node}")).unwrap_or_default();
    let at = object.answered.map(|at| format!("virtual API {}: ", at.format("%H:%M:%S"))).unwrap_or_default();
    let holds =
        if object.holds.is_some() { format!(", holds {}", amount(&object.holds)) } else { String::new() };
    format!("{name}{was}: {at}{}{age}{node}{holds}", object.proof)
}

impl ReclaimsReport {
    fn is_some(&self) -> bool {
        self.cpu_millis > 0 || self.memory_bytes > 0 || self.storage_bytes > 0
    }
}

fn amount(reclaims: &ReclaimsReport) -> String {
    let mut parts = Vec::new();
    if reclaims.cpu_millis > 0 {
        parts.push(match reclaims.cpu_millis {
            millis if millis % 1000 == 0 => format!("{} CPU", millis / 1000),
            millis if millis < 1000 => format!("{millis}m CPU"),
            millis => format!("{:.1} CPU", millis as f64 / 1000.0),
        });
    }
    if reclaims.memory_bytes > 0 {
        parts.push(format!("{} memory", format::bytes(reclaims.memory_bytes as f64)));
    }
    if reclaims.storage_bytes > 0 {
        parts.push(format!("{} storage", format::bytes(reclaims.storage_bytes as f64)));
    }
    parts.join(", ")
}

fn some<T>(all: &[T], words: impl Fn(&T) -> String) -> Vec<String> {
    let mut lines: Vec<String> =
        all.iter().take(TOLD).map(|one| format!("           {}", words(one))).collect();
    if all.len() > TOLD {
        lines.push(format!("           and {} more", all.len() - TOLD));
    }
    lines
}

fn done(collected: &CollectedReport) -> Vec<String> {
    let mut lines = Vec::new();
    for (word, all) in
        [("spared", &collected.spared), ("failed", &collected.failed), ("going", &collected.going)]
    {
        lines.extend(some(all, |WhyReport { what, why }| format!("{word}: {what}: {why}")));
    }
    if collected.reclaimed.is_some() {
        lines.push(format!("freed    {}", amount(&collected.reclaimed)));
    }
    lines
}
