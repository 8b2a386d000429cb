//! `v9s observe`: a companion beside a virtual cluster that somebody else's syncer runs.

use std::time::Duration;

use clap::Args;
use smol_str::SmolStr;
use v9s::cluster::Cluster;
use v9s::lifecycle::observe::{self, INSTALL_STEPS, REMOVE_STEPS, Wait, Wanted};
use v9s::lifecycle::{Decision, LifeError};
use v9s::operation::Operation;
use v9s::target::Target;

use super::host::{block_on, may_change, the_one};
use super::{Outcome, Report, ResultFormat};
use crate::cli::Exit;
use crate::cli::steps::follow;
use crate::settings::Settings;

/// Flags of `v9s observe`; documented in docs/life.md.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ObserveArgs {
    /// Name of the virtual cluster
    #[arg(value_name = "NAME", value_parser = crate::cli::args::non_empty)]
    pub name: SmolStr,
    /// Take the companion away, and everything that was made for it
    #[arg(long, conflicts_with_all = ["image", "no_wait"])]
    pub remove: bool,
    /// Its image [default: v9s-syncer of this version, from the registry that the virtual cluster's images come from]
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not wait until it tells something
    #[arg(long)]
    pub no_wait: bool,
    /// How long it may take to tell something, or to end
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = crate::cli::args::duration)]
    pub timeout: Duration,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ResultFormat,
}

/// Installs a companion that only measures, or takes it away.
pub fn run(settings: &Settings, args: &ObserveArgs) -> anyhow::Result<Exit> {
    block_on(async {
        if !args.dry_run {
            may_change(settings)?;
        }
        let (cluster, target) = the_one(settings, &args.name).await?;
        if args.remove {
            remove(settings, args, cluster, target).await
        } else {
            install(settings, args, cluster, target).await
        }
    })
}

async fn install(
    settings: &Settings,
    args: &ObserveArgs,
    cluster: Cluster,
    target: Target,
) -> anyhow::Result<Exit> {
    let report = Report::new("observe", &target);
    let found = observe::look(&cluster, &target).await?;
    let plan = match observe::plan(&target, &found, &Wanted { image: args.image.clone() }) {
        Decision::Refused(refusal) => return report.refused(&refusal).print(args.output),
        Decision::Nothing(why) => return report.ended(Outcome::Nothing, why).print(args.output),
        Decision::Do(plan) => plan,
    };
    let mut lines = plan.lines();
    lines.push(format!("run {}", plan.image));
    lines.extend(plan.beware.iter().cloned());
    let report = report.with_plan(lines);
    if args.dry_run {
        let would = format!("a companion would stand beside {target}");
        return report.ended(Outcome::Planned, would).print(args.output);
    }
    let wait = if args.no_wait { Wait::No } else { Wait::For(args.timeout) };
    let installed = format!("a companion stands beside {target}");
    let operation =
        Operation::start(format!("observe {target}"), INSTALL_STEPS, move |progress| async move {
            observe::install(&cluster, &target, &plan, wait, &progress).await
        });
    carried(settings, args, report, operation, installed, "not installed to the end").await
}

async fn remove(
    settings: &Settings,
    args: &ObserveArgs,
    cluster: Cluster,
    target: Target,
) -> anyhow::Result<Exit> {
    let report = Report::new("observe", &target);
    let plan = match observe::removal(&target, observe::made(&cluster, &target).await?) {
        Decision::Refused(refusal) => return report.refused(&refusal).print(args.output),
        Decision::Nothing(why) => return report.ended(Outcome::Nothing, why).print(args.output),
        Decision::Do(plan) => plan,
    };
    let report = report.with_plan(plan.lines());
    if args.dry_run {
        let would = format!("the companion beside {target} would be taken away");
        return report.ended(Outcome::Planned, would).print(args.output);
    }
    let (patience, removed) = (args.timeout, format!("nothing of a companion is left beside {target}"));
    let title = format!("observe {target} no longer");
    let operation = Operation::start(title, REMOVE_STEPS, move |progress| async move {
        observe::remove(&cluster, &target, &plan, patience, &progress).await
    });
    carried(settings, args, report, operation, removed, "not taken away to the end").await
}

/// Follows it to its end, and says what came of it.
async fn carried(
    settings: &Settings,
    args: &ObserveArgs,
    report: Report,
    operation: Operation<(), LifeError>,
    done: String,
    failed: &str,
) -> anyhow::Result<Exit> {
    let (ended, state) = follow(operation, args.output.shown(settings)).await;
    let report = report.with_steps(&state);
    match ended {
        Ok(()) => report.ended(Outcome::Done, done),
        Err(error) => report.ended(Outcome::Failed, format!("{failed}: {error}")),
    }
    .print(args.output)
}
