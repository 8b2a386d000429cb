//! `v9s store`: how the store of a virtual cluster is, and its space recovered.

mod document;

use anyhow::bail;
use chrono::Utc;
use clap::Args;
use smol_str::SmolStr;
use v9s::cluster::Cluster;
use v9s::fleet::model::Severity;
use v9s::gc::ByConnect;
use v9s::health::store::{Reading, judge};
use v9s::known::Known;
use v9s::lifecycle::Decision;
use v9s::lifecycle::space::{self, Recovered, SpaceError, SpaceOptions, SpacePlan};
use v9s::operation::Operation;
use v9s::store;
use v9s::target::Target;

use super::ask::{note, somebody_is_there, yes};
use super::host::{block_on, may_change, the_one};
use super::{Outcome, Report, ResultFormat};
use crate::cli::steps::follow;
use crate::cli::{Exit, print};
use crate::panes::store::{StorePane, View};
use crate::settings::Settings;

/// Flags of `v9s store`; documented in docs/health.md.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct StoreArgs {
    /// Name of the virtual cluster
    #[arg(value_name = "NAME", value_parser = crate::cli::args::non_empty)]
    pub name: SmolStr,
    /// Compact it, have one member after the other rewrite its file, the leader last, and take alarms for want of space away
    #[arg(long)]
    pub recover_space: bool,
    /// Say what that would do, and do nothing
    #[arg(long, requires = "recover_space", conflicts_with = "yes")]
    pub dry_run: bool,
    /// Do it without asking
    #[arg(long, requires = "recover_space")]
    pub yes: bool,
    /// How it is printed
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ResultFormat,
}

/// Shows it, or recovers its space.
pub fn run(settings: &Settings, args: &StoreArgs) -> anyhow::Result<Exit> {
    block_on(async {
        if args.recover_space && !args.dry_run {
            may_change(settings)?;
        }
        let (cluster, target) = the_one(settings, &args.name).await?;
        let reading = store::read(&cluster, &target, &ByConnect::default()).await;
        if args.recover_space {
            recover(settings, args, cluster, target, &reading).await
        } else {
            show(settings, args, &target, &reading)
        }
    })
}

fn show(settings: &Settings, args: &StoreArgs, target: &Target, reading: &Reading) -> anyhow::Result<Exit> {
    let thresholds = &settings.config.thresholds;
    let text = match args.output {
        ResultFormat::Json => document::text(target, reading, thresholds)?,
        ResultFormat::Text => {
            let view = View { reading, before: None, first: None, thresholds };
            StorePane::text(view, Utc::now())
        }
    };
    print(text.as_bytes())?;
    let (health, _) = judge(reading, None, thresholds);
    Ok(match health {
        Known::Yes(health) => match health.severity {
            Severity::Ok | Severity::Info => Exit::Ok,
            Severity::Warning => Exit::Warning,
            Severity::Critical => Exit::Critical,
        },
        Known::No(_) | Known::NotApplicable => Exit::Partial,
    })
}

async fn recover(
    settings: &Settings,
    args: &StoreArgs,
    cluster: Cluster,
    target: Target,
    reading: &Reading,
) -> anyhow::Result<Exit> {
    let report = Report::new("recover-space", &target);
    let plan: SpacePlan = match space::plan(&target, reading) {
        Decision::Refused(refusal) => return report.refused(&refusal).print(args.output),
        Decision::Nothing(why) => return report.ended(Outcome::Nothing, why).print(args.output),
        Decision::Do(plan) => plan,
    };
    let report = report.with_plan(plan.lines());
    if args.dry_run {
        let would = format!("space would be recovered in the store of {target}");
        return report.ended(Outcome::Planned, would).print(args.output);
    }
    if !args.yes {
        if !somebody_is_there() {
            bail!("nobody can be asked: say --yes, and look at --dry-run first");
        }
        plan.lines().iter().for_each(|line| note(line));
        if !yes(&format!("Recover space in the store of {target}?")) {
            return report
                .ended(Outcome::Refused, "nothing was done: it was not confirmed")
                .print(args.output);
        }
    }
    let store = store::open(&cluster, &target).await?;
    let title = format!("recover space in the store of {target}");
    let operation = Operation::start(title, plan.steps(), move |progress| async move {
        space::carry_out(&cluster, &store, &plan, &SpaceOptions::default(), &progress).await
    });
    let (done, state): (Result<Recovered, SpaceError>, _) =
        follow(operation, args.output.shown(settings)).await;
    let report = report.with_steps(&state);
    match done {
        Ok(recovered) => report.ended(Outcome::Done, format!("the store of {target}: {}", recovered.words())),
        Err(error) => report.ended(Outcome::Failed, format!("space was not recovered to the end: {error}")),
    }
    .print(args.output)
}
