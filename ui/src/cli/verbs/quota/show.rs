//! The quotas of a virtual cluster as lines and as a document. Of the document fields may be added, but are neither renamed nor given another
//! meaning.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::Serialize;
use v9s::fleet::quota::QuotaEntry;
use v9s::health::Thresholds;
use v9s::health::quota::{Blocked, Demand, Whose};
use v9s::known::Known;
use v9s::lifecycle::quota::Found;
use v9s::target::Target;

use super::super::ResultFormat;
use crate::cli::{Exit, print};
use crate::format::{percent, quantity};
use crate::text::{Align, clean, pad, width};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    taken_at: DateTime<Utc>,
    vcluster: Which<'a>,
    quotas: Vec<One<'a>>,
    demand: Option<&'a Demand>,
    blocked: Option<&'a [Blocked]>,
    unknown: Vec<String>,
}

#[derive(Serialize)]
struct Which<'a> {
    context: &'a str,
    namespace: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One<'a> {
    name: &'a str,
    /// Whether it counts some pods only.
    scoped: bool,
    keys: Vec<Key>,
}

#[derive(Serialize)]
struct Key {
    key: String,
    used: Option<String>,
    hard: String,
    share: Option<f64>,
}

/// Prints it; how full it is is the exit code.
pub(super) fn show(
    target: &Target,
    found: &Found,
    thresholds: &Thresholds,
    format: ResultFormat,
) -> anyhow::Result<Exit> {
    let text = match format {
        ResultFormat::Json => serde_json::to_string_pretty(&document(target, found, Utc::now()))? + "\n",
        ResultFormat::Text => lines(found),
    };
    print(text.as_bytes())?;
    Ok(exit(found, thresholds))
}

/// By the fullest key; that pods wait for room is worth a look in any case.
fn exit(found: &Found, thresholds: &Thresholds) -> Exit {
    let all = entries(found).into_iter().flat_map(|(_, entries)| entries);
    let fullest = all.filter_map(|entry| entry.ratio).fold(0.0, f64::max);
    let waits = found.blocked.get().is_some_and(|blocked| !blocked.is_empty());
    if fullest > thresholds.quota_critical {
        Exit::Critical
    } else if waits || fullest > thresholds.quota_warning {
        Exit::Warning
    } else if found.demand.why().is_some() {
        Exit::Partial
    } else {
        Exit::Ok
    }
}

/// Each quota with its keys.
fn entries(found: &Found) -> Vec<(&str, Vec<QuotaEntry>)> {
    let of = |quota: &v9s::lifecycle::quota::Quota| {
        let entry = |(key, hard): (&smol_str::SmolStr, &smol_str::SmolStr)| {
            let used = quota.used.get(key).cloned().unwrap_or_default();
            QuotaEntry::new(quota.name.clone(), key.clone(), used, hard.clone())
        };
        quota.hard.iter().map(entry).collect()
    };
    found.quotas.iter().map(|quota| (quota.name.as_str(), of(quota))).collect()
}

fn document<'a>(target: &'a Target, found: &'a Found, now: DateTime<Utc>) -> Document<'a> {
    let key = |entry: QuotaEntry| Key {
        key: entry.resource.to_string(),
        used: Some(entry.used.to_string()).filter(|used| !used.is_empty()),
        hard: entry.hard.to_string(),
        share: entry.ratio,
    };
    let quotas = entries(found).into_iter().zip(&found.quotas).map(|((name, entries), quota)| One {
        name,
        scoped: quota.scoped,
        keys: entries.into_iter().map(key).collect(),
    });
    let why = [("demand", found.demand.why()), ("blocked", found.blocked.why())];
    Document {
        api_version: "v9s/v1",
        kind: "Quota",
        taken_at: now,
        vcluster: Which { context: &target.host, namespace: &target.namespace, name: &target.name },
        quotas: quotas.collect(),
        demand: found.demand.get(),
        blocked: found.blocked.get().map(Vec::as_slice),
        unknown: why.into_iter().filter_map(|(what, why)| Some(format!("{what}: {}", why?))).collect(),
    }
}

fn lines(found: &Found) -> String {
    let mut text = String::new();
    if found.quotas.is_empty() {
        return "its namespace has no ResourceQuota: nothing limits what it takes\n".to_owned();
    }
    let mut rows = vec![["QUOTA", "KEY", "USED", "HARD", "SHARE"].map(str::to_owned)];
    for (name, entries) in entries(found) {
        rows.extend(entries.into_iter().map(|entry| {
            let share = entry.ratio.map_or_else(|| "?".to_owned(), percent);
            let [used, hard] = [&entry.used, &entry.hard].map(|it| amount(&entry.resource, it));
            [clean(name).into_owned(), clean(&entry.resource).into_owned(), used, hard, share]
        }));
    }
    table(&mut text, &rows);
    if let Known::Yes(demand) = &found.demand {
        demanded(&mut text, demand);
    }
    for pod in found.blocked.get().into_iter().flatten() {
        let _ = writeln!(text, "waits for room: {} ({})", clean(&pod.title()), clean(&pod.words()));
    }
    for (what, why) in
        [("what takes it", found.demand.why()), ("which pods wait for room", found.blocked.why())]
    {
        if let Some(why) = why {
            let _ = writeln!(text, "{what} is not known: {}", clean(why));
        }
    }
    text
}

fn demanded(text: &mut String, demand: &Demand) {
    if demand.keys.is_empty() {
        return;
    }
    let mut rows = vec![["KEY", "WORKLOAD", "CONTROL PLANE", "OTHERS", ""].map(str::to_owned)];
    rows.extend(demand.keys.iter().map(|it| {
        let [tenant, plane, other] =
            [&it.tenant, &it.control_plane, &it.other].map(|part| amount(&it.key, &part.amount));
        [clean(&it.key).into_owned(), tenant, plane, other, String::new()]
    }));
    text.push('\n');
    table(text, &rows);
    if demand.consumers.is_empty() {
        return;
    }
    let mut rows = vec![["POD", "", "KEY", "ASKS FOR", "SHARE"].map(str::to_owned)];
    rows.extend(demand.consumers.iter().map(|it| {
        let whose = match it.whose {
            Whose::Tenant => "",
            Whose::ControlPlane => "control plane",
            Whose::Other => "somebody else's",
        };
        let name = match &it.namespace {
            Some(namespace) => format!("{namespace}/{}", it.name),
            None => it.name.to_string(),
        };
        let key = clean(&it.key).into_owned();
        [clean(&name).into_owned(), whose.to_owned(), key, amount(&it.key, &it.amount), percent(it.share)]
    }));
    text.push('\n');
    table(text, &rows);
}

fn amount(key: &str, written: &str) -> String {
    if written.is_empty() { "?".to_owned() } else { quantity(key, written) }
}

/// Columns as wide as what is in them.
fn table(text: &mut String, rows: &[[String; 5]]) {
    let mut widths = [0; 5];
    for row in rows {
        for (column, cell) in widths.iter_mut().zip(row) {
            *column = width(cell).max(*column);
        }
    }
    for row in rows {
        let cells: Vec<_> =
            row.iter().zip(widths).map(|(cell, columns)| pad(cell, columns, Align::Left)).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use smol_str::SmolStr;
    use v9s::health::quota::Lack;
    use v9s::lifecycle::quota::Quota;
    use v9s::target::{Claims, Manager};

    use super::*;

    fn found(used: &str) -> Found {
        let amounts = |all: &[(&str, &str)]| -> BTreeMap<SmolStr, SmolStr> {
            all.iter().map(|(key, amount)| ((*key).into(), (*amount).into())).collect()
        };
        let quota = Quota {
            name: "vc-shop".into(),
            namespace: "team".into(),
            uid: "u".into(),
            resource_version: "1".into(),
            release: Some("shop".into()),
            claims: Claims::default(),
            scoped: false,
            hard: amounts(&[("requests.cpu", "10"), ("requests.memory", "20Gi"), ("secrets", "5")]),
            used: amounts(&[("requests.cpu", used), ("requests.memory", "512Mi")]),
        };
        Found { quotas: vec![quota], demand: Known::Yes(Demand::default()), blocked: Known::Yes(Vec::new()) }
    }

    fn waiting() -> Blocked {
        let lack = Lack { key: "pods".into(), asked: "1".into(), used: "20".into(), limited: "20".into() };
        Blocked {
            namespace: Some("web".into()),
            name: "cart-0".into(),
            quota: "vc-shop".into(),
            lacks: vec![lack],
            since: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn how_full_it_is_is_the_exit_code() {
        let limits = Thresholds::default();
        let waits = Found { blocked: Known::Yes(vec![waiting()]), ..found("1") };
        let unread = Found { demand: Known::unknown("forbidden"), ..found("1") };
        let unmeasured = Found { blocked: Known::unknown("no companion"), ..found("1") };
        let none = Found { quotas: Vec::new(), ..found("1") };
        for (found, expected) in [
            (found("8"), Exit::Ok),
            (found("8.1"), Exit::Warning),
            (found("9.1"), Exit::Critical),
            (waits, Exit::Warning),
            (unread, Exit::Partial),
            (unmeasured, Exit::Ok),
            (none, Exit::Ok),
        ] {
            assert_eq!(exit(&found, &limits), expected, "{found:?}");
        }
    }

    #[test]
    fn a_person_reads_a_table_and_a_script_a_document() {
        let found = Found { blocked: Known::Yes(vec![waiting()]), ..found("8300m") };
        insta::assert_snapshot!("lines", lines(&found));
        let target = Target {
            host: "eu-west-1".into(),
            namespace: "team".into(),
            name: "shop".into(),
            parts: Vec::new(),
            manager: Known::Yes(Manager::Nobody),
            sleep_type: Known::Yes(None),
        };
        let document = document(&target, &found, DateTime::UNIX_EPOCH);
        insta::assert_snapshot!("document", serde_json::to_string_pretty(&document).unwrap());
    }
}
