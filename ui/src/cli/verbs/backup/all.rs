//! Takes backups of all virtual clusters, a few at a time.

use anyhow::bail;
use futures::{StreamExt as _, stream};
use serde::Serialize;
use smol_str::SmolStr;
use v9s::cluster::Cluster;
use v9s::target::{Part, Target, control_planes, refresh};

use super::super::ask::note;
use super::super::host::{block_on, clusters};
use super::super::{Outcome, Report, ResultFormat};
use super::TakeArgs;
use super::take::{Done, Wish, one, wait};
use crate::cli::{Exit, print};
use crate::filter::Selector;
use crate::settings::Settings;
use crate::text;

/// One document; documented in docs/backup.md.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Backups {
    verb: &'static str,
    dry_run: bool,
    notes: Vec<String>,
    items: Vec<Report>,
    /// Archives that no rule keeps.
    gone: Vec<SmolStr>,
}

/// Takes a backup of each that runs. Those that rest are passed over, and it is written down that they were.
pub(super) fn run(settings: &Settings, args: &TakeArgs, selector: Option<&Selector>) -> anyhow::Result<Exit> {
    let wish = Wish::new(settings, args)?;
    block_on(async {
        wait(args).await;
        let clusters = clusters(settings).await?;
        let (found, notes) = targets(settings, &clusters, selector).await;
        if found.is_empty() && !notes.is_empty() {
            bail!("{}", notes.join("\n"));
        }
        let mut done =
            Backups { verb: "backup", dry_run: args.dry_run, notes, items: Vec::new(), gone: Vec::new() };
        let mut reports = stream::iter(found)
            .map(|(cluster, target)| one(cluster, target, wish.clone(), None))
            .buffer_unordered(usize::from(args.at_once));
        let mut good = Vec::new();
        while let Some(Done { report, tenant }) = reports.next().await {
            good.extend(tenant);
            if args.output == ResultFormat::Text {
                print(report.text().as_bytes())?;
            }
            done.items.push(report);
        }
        drop(reports);
        match wish.retain(&good).await {
            Ok(gone) => done.gone = gone.into_iter().map(|card| card.file).collect(),
            Err(why) => done.notes.push(format!("what no rule keeps is left: {why}")),
        }
        finish(args, &done)
    })
}

/// All virtual clusters of the hosts, and what could not be looked at.
async fn targets(
    settings: &Settings,
    clusters: &[Cluster],
    selector: Option<&Selector>,
) -> (Vec<(Cluster, Target)>, Vec<String>) {
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
            let meant = |part: &Part| selector.is_none_or(|selector| selector.matches(&part.labels));
            for part in parts.into_iter().filter(meant) {
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
        done.gone.iter().for_each(|file| note(&format!("{} is gone", text::clean(file))));
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
