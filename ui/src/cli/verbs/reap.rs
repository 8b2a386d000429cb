//! `v9s reap`, for cron.

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;
use v9s::cluster::Cluster;
use v9s::lifecycle::delete::{self, DeleteOptions, Wish, decide, survey};
use v9s::lifecycle::reap::{self, Again, Mortal};
use v9s::lifecycle::{Decision, LifeError};
use v9s::target::Target;

use super::ask::{note, somebody_is_there, word};
use super::delete::{after, left_of, lines};
use super::host::{block_on, clusters, may_change};
use super::{Outcome, Report, ResultFormat};
use crate::cli::steps::follow;
use crate::cli::{Exit, print};
use crate::settings::Settings;

/// Flags of `v9s reap`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ReapArgs {
    /// Say what would be deleted, and delete nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Delete without a question, where nobody can be asked
    #[arg(long, conflicts_with = "dry_run")]
    pub yes: bool,
    /// Also those that Helm, Argo CD or Flux deploys
    #[arg(long)]
    pub anyway: bool,
    /// How long what is going may take, in each step of each
    #[arg(long, value_name = "DURATION", default_value = "3m", value_parser = crate::cli::args::duration)]
    pub timeout: Duration,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ResultFormat,
}

/// One document; documented in docs/life.md.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reaped {
    verb: &'static str,
    dry_run: bool,
    /// Those that end by themselves and have time left.
    left: usize,
    notes: Vec<String>,
    items: Vec<Report>,
}

/// Deletes the virtual clusters whose time is over.
pub fn run(settings: &Settings, args: &ReapArgs) -> anyhow::Result<Exit> {
    block_on(async {
        if !args.dry_run {
            may_change(settings)?;
        }
        let clusters = clusters(settings).await?;
        let mut reaped =
            Reaped { verb: "reap", dry_run: args.dry_run, left: 0, notes: Vec::new(), items: Vec::new() };
        let (over, seen) = look(settings, &clusters, &mut reaped).await;
        if seen == 0 {
            bail!("{}", reaped.notes.join("\n"));
        }
        if !args.dry_run && !over.is_empty() && !is_meant(args, &over)? {
            bail!("nothing was deleted: it was not confirmed");
        }
        for (cluster, mortal) in over {
            let report = one(settings, args, cluster.clone(), &mortal).await;
            if args.output == ResultFormat::Text {
                print(report.text().as_bytes())?;
            }
            reaped.items.push(report);
        }
        finish(args, &reaped)
    })
}

/// Those whose time is over on all hosts, and how many places could be looked at.
async fn look(
    settings: &Settings,
    clusters: &[Cluster],
    reaped: &mut Reaped,
) -> (Vec<(Cluster, Mortal)>, usize) {
    let wanted: Vec<Option<&str>> = match settings.session.namespaces.as_slice() {
        [] => vec![None],
        some => some.iter().map(|namespace| Some(namespace.as_str())).collect(),
    };
    let (mut over, mut seen) = (Vec::new(), 0);
    for cluster in clusters {
        for namespace in &wanted {
            match reap::look(cluster, *namespace).await {
                Ok(mortals) => {
                    seen += 1;
                    reaped.left += mortals.left;
                    let odd = mortals.unreadable.iter();
                    reaped.notes.extend(odd.map(|(which, why)| format!("{which} is left alone: {why}")));
                    over.extend(mortals.over.into_iter().map(|mortal| (cluster.clone(), mortal)));
                }
                Err(error) => reaped.notes.push(error.to_string()),
            }
        }
    }
    (over, seen)
}

fn is_meant(args: &ReapArgs, over: &[(Cluster, Mortal)]) -> anyhow::Result<bool> {
    if args.yes {
        return Ok(true);
    }
    if !somebody_is_there() {
        bail!("nobody can be asked: say --yes, and look at --dry-run first");
    }
    for (cluster, Mortal { part, ends }) in over {
        let owner = part.term.owner.as_ref().map(|owner| format!(", of {owner}")).unwrap_or_default();
        let line =
            format!("{} {}/{} has ended at {ends}{owner}", cluster.context, part.namespace, part.release);
        note(&crate::text::clean(&line));
    }
    let count = over.len().to_string();
    Ok(word(&format!("Type {count} to delete them with everything that was made for them: "), &count))
}

/// Deletes one, if its time is still over.
async fn one(settings: &Settings, args: &ReapArgs, cluster: Cluster, mortal: &Mortal) -> Report {
    let seen = Target {
        host: cluster.context.clone(),
        namespace: mortal.part.namespace.clone(),
        name: mortal.part.release.clone(),
        parts: vec![mortal.part.clone()],
        manager: v9s::known::Known::NotApplicable,
        sleep_type: v9s::known::Known::NotApplicable,
    };
    let report = Report::new("delete", &seen);
    match delete_it(settings, args, cluster, mortal, report.clone()).await {
        Ok(report) => report,
        Err(error) => report.ended(Outcome::Failed, format!("{seen} was not deleted: {error}")),
    }
}

async fn delete_it(
    settings: &Settings,
    args: &ReapArgs,
    cluster: Cluster,
    mortal: &Mortal,
    report: Report,
) -> Result<Report, LifeError> {
    let (namespace, name) = (&mortal.part.namespace, &mortal.part.release);
    let found = survey(&cluster, namespace, name).await?;
    // After the survey, which takes a while: what is decided here is a moment old.
    let target = match reap::again(&cluster, mortal).await? {
        Again::Spared(why) => return Ok(report.ended(Outcome::Nothing, why)),
        Again::Over(target) => target,
    };
    let plan = match decide(&target, found, Wish::default(), args.anyway) {
        Decision::Refused(refusal) => return Ok(report.refused(&refusal)),
        Decision::Nothing(why) => return Ok(report.ended(Outcome::Nothing, why)),
        Decision::Do(plan) => plan,
    };
    let report = report.with_plan(lines(&plan)).with_left(left_of(&plan.left));
    if args.dry_run {
        return Ok(report
            .ended(Outcome::Planned, format!("{target} would be deleted: it has ended at {}", mortal.ends)));
    }
    let options = DeleteOptions { wish: Wish::default(), patience: args.timeout };
    let operation = delete::start(cluster, plan, options);
    let (done, state) = follow(operation, args.output.shown(settings)).await;
    Ok(after(report.with_steps(&state), &target, done))
}

fn finish(args: &ReapArgs, reaped: &Reaped) -> anyhow::Result<Exit> {
    if args.output == ResultFormat::Json {
        let text = serde_json::to_string_pretty(reaped).context("the result is JSON")? + "\n";
        print(text.as_bytes())?;
    }
    reaped.notes.iter().for_each(|line| note(&crate::text::clean(line)));
    if args.output == ResultFormat::Text && reaped.items.is_empty() {
        print(format!("nothing has ended; {} have time left\n", reaped.left).as_bytes())?;
    }
    let fine =
        |report: &Report| matches!(report.outcome(), Outcome::Done | Outcome::Nothing | Outcome::Planned);
    Ok(if reaped.items.iter().all(fine) && reaped.notes.is_empty() { Exit::Ok } else { Exit::Partial })
}
