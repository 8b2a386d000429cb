//! `v9s list`: the fleet for scripts and for people who read one table.

mod backup;
pub mod record;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use v9s::fleet::model::{Fleet, Link, Vcluster};

use self::record::List;
use super::{Exit, ListArgs, OutputFormat};
use crate::columns::{self, fleet::COLUMNS};
use crate::filter::{Filter, Selector, fleet::LANGUAGE};
use crate::text;

/// What is printed, and how the subcommand ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// For standard output.
    pub rows: String,
    /// For standard error, one line each.
    pub notes: Vec<String>,
    /// How it ends.
    pub exit: Exit,
}

/// Renders a fleet.
pub fn answer(
    fleet: &Fleet,
    args: &ListArgs,
    selector: Option<&Selector>,
    now: DateTime<Utc>,
) -> anyhow::Result<Answer> {
    let rows = choose(fleet, args, selector, now)?;
    let many_hosts = fleet.hosts.len() > 1;
    let printed = match args.output {
        OutputFormat::Table => table::render(&rows, &table::short(many_hosts), !args.no_headers, now),
        OutputFormat::Wide => table::render(&rows, &table::wide(), !args.no_headers, now),
        OutputFormat::Name => rows.iter().map(|v| name_of(v, many_hosts)).collect(),
        OutputFormat::Json => serde_json::to_string_pretty(&List::new(fleet, &rows, now))? + "\n",
        OutputFormat::Yaml => serde_saphyr::to_string(&List::new(fleet, &rows, now))?,
    };
    let mut notes = notes(fleet);
    let missing = missing(&rows, many_hosts);
    let exit = exit(fleet, !missing.is_empty());
    notes.extend(missing);
    if rows.is_empty() && exit == Exit::Ok {
        let chosen = if fleet.vclusters.is_empty() { "no vclusters found" } else { "no vclusters match" };
        notes.push(chosen.to_owned());
    }
    Ok(Answer { rows: printed, notes, exit })
}

fn choose<'a>(
    fleet: &'a Fleet,
    args: &ListArgs,
    selector: Option<&Selector>,
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<&'a Vcluster>> {
    let selected = |v: &&Vcluster| selector.is_none_or(|selector| selector.matches(&v.labels));
    let mut rows: Vec<&Vcluster> = fleet.vclusters.iter().map(Arc::as_ref).filter(selected).collect();
    if let Some(terms) = &args.filter {
        let filter = Filter::parse(&LANGUAGE, terms)?;
        rows = filter
            .select(rows.iter().copied(), now)
            .iter()
            .filter_map(|f| rows.get(f.index).copied())
            .collect();
    }
    if let Some(within) = args.expiring {
        let until = TimeDelta::from_std(within).ok().and_then(|within| now.checked_add_signed(within));
        rows.retain(|v| v.expires.get().is_some_and(|ends| until.is_none_or(|until| *ends <= until)));
        rows.sort_by_key(|v| v.expires.get().copied());
    }
    if let Some(column) = args.sort_by.and_then(|id| columns::find(COLUMNS, id)) {
        rows.sort_by(|a, b| column.order(a, b, column.first));
    }
    Ok(rows)
}

/// `NAMESPACE/NAME`, behind the context where there are several: context names may hold any character.
pub(super) fn name_of(v: &Vcluster, many_hosts: bool) -> String {
    let context = if many_hosts { format!("{}\t", text::clean(&v.key.host)) } else { String::new() };
    format!("{context}{}/{}\n", text::clean(&v.key.namespace), text::clean(&v.key.name))
}

/// What a person must know about hosts, one line each.
pub(super) fn notes(fleet: &Fleet) -> Vec<String> {
    let mut notes = Vec::new();
    for host in &fleet.hosts {
        let context = text::clean(&host.context);
        match &host.link {
            Link::Live { .. } => {}
            Link::Loading { pending, .. } => {
                let pending = pending.join(", ");
                notes.push(format!(
                    "{context}: not listed whole in time, still waiting for {}",
                    text::clean(&pending)
                ));
            }
            Link::Stale { error, .. } | Link::Unreachable { error, .. } => {
                notes.push(format!("{context}: {}", text::clean(error)));
            }
        }
        notes.extend(host.notes.iter().map(|note| format!("{context}: {}", text::clean(note))));
    }
    notes
}

/// Which rows lack facts and why; a reason that many rows share is told once.
pub(super) fn missing(rows: &[&Vcluster], many_hosts: bool) -> Vec<String> {
    let mut by_reason: BTreeMap<&str, (usize, &Vcluster)> = BTreeMap::new();
    for v in rows {
        if let Some(why) = columns::fleet::failed_lookup(v) {
            by_reason.entry(why).or_insert((0, v)).0 += 1;
        }
    }
    let line = |(why, (count, first)): (&str, (usize, &Vcluster))| {
        let name = name_of(first, many_hosts).trim_end().replace('\t', " ");
        let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
        format!("{name}{more}: {}", text::clean(why))
    };
    by_reason.into_iter().map(line).collect()
}

pub(super) fn exit(fleet: &Fleet, missing: bool) -> Exit {
    let live = fleet.hosts.iter().filter(|host| matches!(host.link, Link::Live { .. })).count();
    match live {
        0 if fleet.vclusters.is_empty() && !fleet.hosts.is_empty() => Exit::Error,
        live if live < fleet.hosts.len() || missing => Exit::Partial,
        _ => Exit::Ok,
    }
}
