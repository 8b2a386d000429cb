//! `v9s check`: what is wrong, worst first, for scripts (docs/health.md).

use std::sync::Arc;

use anyhow::bail;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use smol_str::SmolStr;
use v9s::fleet::model::{Finding, Fleet, Severity, Vcluster};
use v9s::fleet::state::State;

use super::list::record::{API_VERSION, severity};
use super::list::{Answer, exit, missing, name_of, notes};
use super::verbs::ResultFormat;
use super::{CheckArgs, Exit};
use crate::filter::Selector;
use crate::{format, text};

/// The whole answer. Its shape is a promise as that of `v9s list`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    api_version: &'static str,
    kind: &'static str,
    generated_at: String,
    /// How bad the worst finding is, `ok` without any.
    worst: &'static str,
    /// How many virtual clusters were looked at.
    checked: usize,
    items: Vec<Record>,
    /// What could not be looked at, in sentences.
    unknown: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    host: SmolStr,
    namespace: SmolStr,
    name: SmolStr,
    state: &'static str,
    severity: &'static str,
    code: &'static str,
    message: SmolStr,
    since: Option<String>,
}

/// Says what is wrong in a fleet.
///
/// # Errors
/// When the virtual cluster that was named is not there.
pub fn answer(
    fleet: &Fleet,
    args: &CheckArgs,
    selector: Option<&Selector>,
    now: DateTime<Utc>,
) -> anyhow::Result<Answer> {
    let wanted = |v: &&Vcluster| {
        selector.is_none_or(|selector| selector.matches(&v.labels))
            && args.name.as_ref().is_none_or(|name| *name == v.key.name)
    };
    let rows: Vec<&Vcluster> = fleet.vclusters.iter().map(Arc::as_ref).filter(wanted).collect();
    let many_hosts = fleet.hosts.len() > 1;
    let mut unknown = notes(fleet);
    if let (Some(name), []) = (&args.name, rows.as_slice()) {
        let why = if unknown.is_empty() { String::new() } else { format!("; {}", unknown.join("; ")) };
        bail!("there is no virtual cluster {name} among the {} that can be seen{why}", fleet.vclusters.len());
    }
    let missing = missing(&rows, many_hosts);
    let seen = exit(fleet, !missing.is_empty() || rows.iter().any(|v| v.state == State::Unknown));
    unknown.extend(missing);
    let mut found: Vec<(&Vcluster, &Finding)> =
        rows.iter().flat_map(|v| v.findings.iter().map(move |finding| (*v, finding))).collect();
    found.sort_by_key(|(_, finding)| std::cmp::Reverse(finding.severity));
    let worst = found.first().map_or(Severity::Ok, |(_, finding)| finding.severity);
    let printed = match args.output {
        ResultFormat::Text => found.iter().map(|(v, finding)| line(v, finding, many_hosts, now)).collect(),
        ResultFormat::Json => {
            let document = Document {
                api_version: API_VERSION,
                kind: "FindingList",
                generated_at: time(now),
                worst: severity(worst),
                checked: rows.len(),
                items: found.iter().map(|(v, finding)| record(v, finding)).collect(),
                unknown: unknown.clone(),
            };
            serde_json::to_string_pretty(&document)? + "\n"
        }
    };
    let exit = match (worst, seen) {
        (Severity::Critical, _) => Exit::Critical,
        (Severity::Warning, _) => Exit::Warning,
        (Severity::Ok | Severity::Info, seen) => seen,
    };
    Ok(Answer { rows: printed, notes: unknown, exit })
}

/// `critical  team-a/team-a  sync-lag  sync lag p99 is 41.0 s (goal 10 s), for 4m`
fn line(v: &Vcluster, finding: &Finding, many_hosts: bool, now: DateTime<Utc>) -> String {
    let since = finding.since.map(|since| format!(", for {}", format::age(since, now))).unwrap_or_default();
    format!(
        "{:<8}  {}  {}  {}{since}\n",
        severity(finding.severity),
        name_of(v, many_hosts).trim_end().replace('\t', " "),
        finding.code,
        text::clean(&finding.message)
    )
}

fn record(v: &Vcluster, finding: &Finding) -> Record {
    Record {
        host: v.key.host.clone(),
        namespace: v.key.namespace.clone(),
        name: v.key.name.clone(),
        state: v.state.word(),
        severity: severity(finding.severity),
        code: finding.code,
        message: finding.message.clone(),
        since: finding.since.map(time),
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use v9s::fleet::model::{Host, Link, Scope};
    use v9s::known::Known;

    use crate::fixture;

    fn fleet(vclusters: Vec<Vcluster>, link: Link) -> Fleet {
        let host = Host {
            context: "eu-west-1".into(),
            server: "https://eu".into(),
            version: Known::Yes("v1.36.0".into()),
            link,
            scope: Scope::All,
            notes: Vec::new(),
        };
        Fleet {
            epoch: 1,
            hosts: vec![Arc::new(host)],
            vclusters: vclusters.into_iter().map(Arc::new).collect(),
        }
    }

    fn live() -> Link {
        Link::Live { last_seen: fixture::now() }
    }

    fn with(severity: Option<Severity>) -> Vcluster {
        let finding = |severity| Finding {
            severity,
            code: "drift",
            message: "apart".into(),
            since: Some(fixture::now()),
        };
        Vcluster {
            findings: severity.map(finding).into_iter().collect(),
            ..fixture::vcluster("team-a", "team-a")
        }
    }

    fn check(fleet: &Fleet, name: Option<&str>, output: ResultFormat) -> anyhow::Result<Answer> {
        answer(fleet, &CheckArgs { name: name.map(SmolStr::new), output }, None, fixture::now())
    }

    #[test]
    fn the_worst_decides_and_what_is_not_known_is_not_fine() {
        let blind = Vcluster { quota: Known::unknown("forbidden: needs list quotas"), ..with(None) };
        let unreachable = Link::Unreachable { next_try: fixture::now(), error: "no route".into() };
        let stale = Link::Stale { since: fixture::now(), next_try: fixture::now(), error: "no route".into() };
        let cases = [
            (fleet(vec![with(None)], live()), Exit::Ok),
            (fleet(vec![], live()), Exit::Ok),
            (fleet(vec![with(Some(Severity::Info))], live()), Exit::Ok),
            (fleet(vec![with(Some(Severity::Warning)), with(None)], live()), Exit::Warning),
            (
                fleet(vec![with(Some(Severity::Warning)), with(Some(Severity::Critical))], live()),
                Exit::Critical,
            ),
            (fleet(vec![blind.clone()], live()), Exit::Partial),
            (fleet(vec![blind, with(Some(Severity::Warning))], live()), Exit::Warning),
            (fleet(vec![Vcluster { state: State::Unknown, ..with(None) }], live()), Exit::Partial),
            (fleet(vec![with(None)], stale.clone()), Exit::Partial),
            (fleet(vec![with(Some(Severity::Critical))], stale), Exit::Critical),
            (fleet(vec![], unreachable), Exit::Error),
        ];
        for (fleet, expected) in cases {
            let told = check(&fleet, None, ResultFormat::Text).unwrap();
            assert_eq!(told.exit, expected, "{told:?}");
        }
    }

    #[test]
    fn a_line_for_each_finding_the_worst_first() {
        let fleet = fleet(vec![with(Some(Severity::Info)), with(Some(Severity::Critical))], live());
        let told = check(&fleet, None, ResultFormat::Text).unwrap();
        assert_eq!(
            told.rows,
            "critical  team-a/team-a  drift  apart, for 0s\ninfo      team-a/team-a  drift  apart, for 0s\n"
        );
        let document: serde_json::Value =
            serde_json::from_str(&check(&fleet, None, ResultFormat::Json).unwrap().rows).unwrap();
        assert_eq!(document["worst"], "critical");
        assert_eq!((&document["checked"], &document["items"][1]["severity"]), (&2.into(), &"info".into()));
    }

    #[test]
    fn who_is_named_has_to_be_there() {
        let fleet = fleet(vec![with(None)], live());
        assert_eq!(check(&fleet, Some("team-a"), ResultFormat::Text).unwrap().exit, Exit::Ok);
        let error = check(&fleet, Some("team-x"), ResultFormat::Text).unwrap_err();
        assert!(error.to_string().contains("no virtual cluster team-x"), "{error}");
    }
}
