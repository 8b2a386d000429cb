//! Takes backups of all virtual clusters, a few at a time.

use anyhow::bail;
use futures::{StreamExt as _, stream};
use serde::Serialize;
use v9s::cluster::Cluster;
use v9s::target::{Target, control_planes, refresh};

use super::super::ask::note;
use super::super::host::{block_on, clusters};
use super::super::{Outcome, Report, ResultFormat};
use super::TakeArgs;
use super::take::{one, request};
use crate::cli::{Exit, print};
use crate::settings::Settings;

/// One document; documented in docs/backup.md.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Backups {
    verb: &'static str,
    dry_run: bool,
    notes: Vec<String>,
    items: Vec<Report>,
}

/// Takes a backup of each that runs. Those that rest are passed over, and it is written down that they were.
pub(super) fn run(settings: &Settings, args: &TakeArgs) -> anyhow::Result<Exit> {
    let request = request(settings, args)?;
    block_on(async {
        let clusters = clusters(settings).await?;
        let (found, notes) = targets(settings, &clusters).await;
        if found.is_empty() && !notes.is_empty() {
            bail!("{}", notes.join("\n"));
        }
        let mut done = Backups { verb: "backup", dry_run: args.dry_run, notes, items: Vec::new() };
        let mut reports = stream::iter(found)
            .map(|(cluster, target)| one(cluster, target, request.clone(), args, None))
            .buffer_unordered(usize::from(args.at_once));
        while let Some(report) = reports.next().await {
            if args.output == ResultFormat::Text {
                print(report.text().as_bytes())?;
            }
            done.items.push(report);
        }
        drop(reports);
        finish(args, &done)
    })
}

/// All virtual clusters of the hosts, and what could not be looked at.
async fn targets(settings: &Settings, clusters: &[Cluster]) -> (Vec<(Cluster, Target)>, Vec<String>) {
    let wanted: Vec<Option<&str>> = match settings.session.namespaces.as_slice() {
        [] => vec![None],
        some => some.iter().map(|namespace| Some(namespace.as_str())).collect(),
    };
    let (mut found, mut notes) = (Vec::new(), Vec::new());
    for cluster in clusters {
        for namespace in &wanted {
            let parts = match control_planes(cluster, *namespace).await {
                Ok(parts) => parts,
                Err(error) => {
                    notes.push(error.to_string());
                    continue;
                }
            };
            for part in parts {
                match refresh(cluster, &part.namespace, &part.release).await {
                    Ok(target) => found.push((cluster.clone(), target)),
                    Err(error) => notes.push(error.to_string()),
                }
            }
        }
    }
    (found, notes)
}

fn finish(args: &TakeArgs, done: &Backups) -> anyhow::Result<Exit> {
    if args.output == ResultFormat::Json {
        print((serde_json::to_string_pretty(done)? + "\n").as_bytes())?;
    } else {
        done.notes.iter().for_each(|line| note(line));
    }
    let good = done.items.iter().filter(|report| report.outcome().exit() == Exit::Ok).count();
    let failed = done.items.iter().filter(|report| report.outcome() == Outcome::Failed).count();
    Ok(match (good, failed) {
        _ if good == done.items.len() && done.notes.is_empty() => Exit::Ok,
        (0, failed) if failed > 0 => Exit::Error,
        _ => Exit::Partial,
    })
}
