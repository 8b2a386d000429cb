//! `v9s pause`.

use std::time::Duration;

use clap::Args;
use v9s::lifecycle::Decision;
use v9s::lifecycle::pause::{self, PauseOptions, PausePlan};

use super::host::{block_on, may_change, the_one};
use super::{Outcome, Report, VerbArgs};
use crate::cli::Exit;
use crate::cli::steps::follow;
use crate::settings::Settings;

/// Flags of `v9s pause`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct PauseArgs {
    /// What all verbs have.
    #[command(flatten)]
    pub verb: VerbArgs,
    /// Pause it also when everything in it is lost by that: it stores in its pods, without a volume
    #[arg(long)]
    pub lose_data: bool,
    /// How long pods may take to end, in each step
    #[arg(long, value_name = "DURATION", default_value = "3m", value_parser = crate::cli::args::duration)]
    pub timeout: Duration,
}

/// Stops a virtual cluster and what runs in it.
pub fn run(settings: &Settings, args: &PauseArgs) -> anyhow::Result<Exit> {
    let VerbArgs { name, dry_run, anyway, output } = &args.verb;
    let options = PauseOptions { anyway: *anyway, lose: args.lose_data, patience: args.timeout };
    block_on(async {
        if !dry_run {
            may_change(settings)?;
        }
        let (cluster, target) = the_one(settings, name).await?;
        let report = Report::new("pause", &target);
        let found = pause::look(&cluster, &target).await?;
        let plan = match pause::plan(&target, found, &options) {
            Decision::Refused(refusal) => return report.refused(&refusal).print(*output),
            Decision::Nothing(why) => return report.ended(Outcome::Nothing, why).print(*output),
            Decision::Do(plan) => plan,
        };
        let report = report.with_plan(lines(&plan));
        if *dry_run {
            return report.ended(Outcome::Planned, format!("{target} would be paused")).print(*output);
        }
        let paused =
            format!("{target} is paused; `v9s resume {name} -n {}` starts it again", target.namespace);
        let operation = pause::start(cluster, target, plan, options);
        let (done, state) = follow(operation, output.shown(settings)).await;
        let report = report.with_steps(&state);
        match done {
            Ok(()) => report.ended(Outcome::Done, paused),
            Err(error) => report.ended(Outcome::Failed, format!("not paused to the end: {error}")),
        }
        .print(*output)
    })
}

fn lines(plan: &PausePlan) -> Vec<String> {
    let parts = plan.control_plane.iter().chain(&plan.etcd);
    let mut lines: Vec<String> =
        parts.map(|part| format!("stop {} ({} replicas)", part.object(), part.replicas)).collect();
    if plan.synced > 0 {
        lines.push(format!("end {} pods of the tenant", plan.synced));
    }
    lines.extend(plan.loses.iter().map(|lost| format!("lose {lost}")));
    lines
}
