//! Takes one backup.

use smol_str::SmolStr;
use v9s::backup::set::{self, Request, Taken, plan};
use v9s::cluster::Cluster;
use v9s::lifecycle::Decision;
use v9s::target::Target;

use super::super::host::{block_on, the_one};
use super::super::{Outcome, Report};
use super::TakeArgs;
use crate::cli::Exit;
use crate::cli::steps::follow;
use crate::settings::Settings;

/// Takes a backup of one virtual cluster.
pub(super) fn run(settings: &Settings, args: &TakeArgs, name: &SmolStr) -> anyhow::Result<Exit> {
    let request = request(settings, args)?;
    block_on(async {
        let (cluster, target) = the_one(settings, name).await?;
        one(cluster, target, request, args, args.output.shown(settings)).await.print(args.output)
    })
}

/// What is wanted of each.
pub(super) fn request(settings: &Settings, args: &TakeArgs) -> anyhow::Result<Request> {
    Ok(Request {
        protection: super::protection(args)?,
        to: super::destination(settings, args.to.as_deref())?,
        native: !args.no_native,
        who: super::who(),
    })
}

/// Takes one; its steps are shown as they are taken, or not at all.
pub(super) async fn one(
    cluster: Cluster,
    target: Target,
    request: Request,
    args: &TakeArgs,
    shown: Option<bool>,
) -> Report {
    let report = Report::new("backup", &target);
    let plan = match plan(&target, &request.protection, &request.to.place().to_string()) {
        Decision::Refused(refusal) => {
            if !args.dry_run {
                set::passed_over(&cluster, &target, &refusal.to_string()).await;
            }
            return report.refused(&refusal);
        }
        Decision::Nothing(why) => return report.ended(Outcome::Nothing, why),
        Decision::Do(plan) => plan,
    };
    let report = report.with_plan(plan.lines);
    if args.dry_run {
        return report.ended(Outcome::Planned, format!("a backup of {target} would be taken"));
    }
    let name = target.to_string();
    let (done, state) = follow(set::start(cluster, target, request), shown).await;
    let report = report.with_steps(&state);
    match done {
        Ok(taken) => {
            let left = taken.unseen.iter().map(|kind| (kind.to_string(), "not seen".to_owned()));
            let report = report.with_left(left.collect::<Vec<_>>());
            let sentence = sentence(&name, &taken, shown == Some(true));
            report.with_result(result(&taken)).ended(Outcome::Done, sentence)
        }
        Err(error) => report.ended(Outcome::Failed, format!("no backup of {name} was taken: {error}")),
    }
}

fn sentence(name: &str, taken: &Taken, ascii: bool) -> String {
    let card = &taken.card;
    format!(
        "{name}: {} ({} keys at revision {}, {} bytes, {})\n{}",
        card.contents.coverage.sentence(ascii),
        card.keys,
        card.contents.store.revision,
        card.length,
        if card.recipients.is_empty() { "not encrypted" } else { "encrypted" },
        taken.at
    )
}

fn result(taken: &Taken) -> serde_json::Value {
    serde_json::json!({ "at": taken.at, "card": taken.card })
}
