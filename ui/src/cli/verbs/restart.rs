//! `v9s restart`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use v9s::lifecycle::restart::{self, RestartPlan, What};
use v9s::lifecycle::{Decision, LifeError};
use v9s::operation::Operation;

use super::host::{block_on, may_change, the_one};
use super::{Outcome, Report, VerbArgs};
use crate::cli::Exit;
use crate::cli::steps::follow;
use crate::settings::Settings;

/// Flags of `v9s restart`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct RestartArgs {
    /// What all verbs have.
    #[command(flatten)]
    pub verb: VerbArgs,
    /// What is restarted
    #[arg(long, value_enum, default_value_t)]
    pub part: PartArg,
    /// Restart it also when everything in it is lost by that: it stores in its pods, without a volume
    #[arg(long)]
    pub lose_data: bool,
    /// How long each pod may take to be replaced
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = crate::cli::args::duration)]
    pub timeout: Duration,
}

/// What is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum PartArg {
    /// The pods of the control plane, with the syncer in them
    #[default]
    ControlPlane,
    /// The syncer, which is a container of those pods and cannot be restarted without them
    Syncer,
    /// The pods of its deployed etcd
    Etcd,
}

/// Replaces pods of a virtual cluster, one after the other.
pub fn run(settings: &Settings, args: &RestartArgs) -> anyhow::Result<Exit> {
    let VerbArgs { name, dry_run, output, anyway: _ } = &args.verb;
    let what = match args.part {
        PartArg::ControlPlane | PartArg::Syncer => What::ControlPlane,
        PartArg::Etcd => What::Etcd,
    };
    let patience = args.timeout;
    block_on(async {
        if !dry_run {
            may_change(settings)?;
        }
        let (cluster, target) = the_one(settings, name).await?;
        let report = Report::new("restart", &target);
        let found = restart::look(&cluster, &target, what).await?;
        let plan = match restart::plan(&target, found, args.lose_data) {
            Decision::Refused(refusal) => return report.refused(&refusal).print(*output),
            Decision::Nothing(why) => return report.ended(Outcome::Nothing, why).print(*output),
            Decision::Do(plan) => plan,
        };
        let mut lines = lines(&plan);
        if args.part == PartArg::Syncer {
            lines.insert(0, "the syncer is a container of these pods: they are replaced whole".to_owned());
        }
        let report = report.with_plan(lines);
        if *dry_run {
            return report.ended(Outcome::Planned, format!("{target} would be restarted")).print(*output);
        }
        let restarted = format!("{target} was restarted");
        let steps = plan.steps();
        let operation = Operation::start(format!("restart {target}"), steps, move |progress| async move {
            restart::carry_out(&cluster, &target, &plan, patience, &progress).await
        });
        let (done, state): (Result<(), LifeError>, _) = follow(operation, output.shown(settings)).await;
        let report = report.with_steps(&state);
        match done {
            Ok(()) => report.ended(Outcome::Done, restarted),
            Err(error) => report.ended(Outcome::Failed, format!("not restarted to the end: {error}")),
        }
        .print(*output)
    })
}

fn lines(plan: &RestartPlan) -> Vec<String> {
    let mut lines: Vec<String> = plan.steps().iter().map(ToString::to_string).collect();
    if plan.gap {
        lines.push("nobody answers meanwhile: it has one replica".to_owned());
    }
    lines.extend(plan.loses.iter().map(|lost| format!("lose {lost}")));
    lines
}
