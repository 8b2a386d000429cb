//! `v9s extend`.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use smol_str::SmolStr;
use v9s::cluster::Cluster;
use v9s::lifecycle::Decision;
use v9s::lifecycle::term::{self, Ends, TermPlan, Wish};

use super::host::{block_on, may_change, the_one};
use super::{Outcome, Report, VerbArgs};
use crate::cli::Exit;
use crate::cli::steps::follow;
use crate::settings::Settings;

/// Flags of `v9s extend`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[group(id = "extension", multiple = true)]
pub struct ExtendArgs {
    /// What all verbs have.
    #[command(flatten)]
    pub verb: VerbArgs,
    /// How long it is to live from now on, such as 8h or 3d
    #[arg(long, value_name = "DURATION", value_parser = crate::cli::args::duration)]
    pub ttl: Option<Duration>,
    /// It does not end by itself any more
    #[arg(long, conflicts_with = "ttl")]
    pub forever: bool,
    /// Who answers for it; an empty word takes the name away
    #[arg(long, value_name = "WHO", required_unless_present_any = ["ttl", "forever"])]
    pub owner: Option<SmolStr>,
}

/// Writes down how long a virtual cluster is to live, and who answers for it.
pub fn run(settings: &Settings, args: &ExtendArgs) -> anyhow::Result<Exit> {
    let VerbArgs { name, dry_run, anyway, output } = &args.verb;
    block_on(async {
        if !dry_run {
            may_change(settings)?;
        }
        let (cluster, target) = the_one(settings, name).await?;
        let report = Report::new("extend", &target);
        let ends = match args.ttl {
            Some(ttl) => Some(Ends::At(end(&cluster, ttl).await?)),
            None => args.forever.then_some(Ends::Never),
        };
        let wish = Wish { ends, owner: args.owner.clone() };
        let plan = match term::plan(&target, &wish, *anyway) {
            Decision::Refused(refusal) => return report.refused(&refusal).print(*output),
            Decision::Nothing(why) => return report.ended(Outcome::Nothing, why).print(*output),
            Decision::Do(plan) => plan,
        };
        let report = report.with_plan(lines(&plan));
        if *dry_run {
            return report.ended(Outcome::Planned, format!("{target} would be changed")).print(*output);
        }
        let written = format!("{target}: {}", lines(&plan).join(", "));
        let (done, state) = follow(term::start(cluster, target, plan), output.shown(settings)).await;
        let report = report.with_steps(&state);
        match done {
            Ok(()) => report.ended(Outcome::Done, written),
            Err(error) => report.ended(Outcome::Failed, error.to_string()),
        }
        .print(*output)
    })
}

/// When something ends that lives for so long from now on, by the clock of the host.
pub(crate) async fn end(cluster: &Cluster, ttl: Duration) -> anyhow::Result<DateTime<Utc>> {
    let now = cluster.clock().await.map_err(|error| anyhow::anyhow!("{error}; {}", error.remedy()))?;
    let ends =
        TimeDelta::from_std(ttl).ok().and_then(|ttl| now.unwrap_or_else(Utc::now).checked_add_signed(ttl));
    ends.ok_or_else(|| anyhow::anyhow!("--ttl is longer than anything lives: leave it out"))
}

/// What would stand there, a sentence each.
pub(crate) fn lines(plan: &TermPlan) -> Vec<String> {
    let (now, then) = (&plan.part.term, &plan.then);
    let mut lines = Vec::new();
    if now.expires != then.expires {
        lines.push(match &then.expires {
            Some(ends) => format!("it ends at {ends}"),
            None => "it does not end by itself".to_owned(),
        });
    }
    if now.owner != then.owner {
        lines.push(match &then.owner {
            Some(owner) => format!("{owner} answers for it"),
            None => "nobody answers for it".to_owned(),
        });
    }
    lines
}
