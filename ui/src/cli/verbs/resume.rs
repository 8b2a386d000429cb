//! `v9s resume`.

use std::time::Duration;

use clap::Args;
use v9s::lifecycle::Decision;
use v9s::lifecycle::resume::{self, ResumeOptions, ResumePlan};

use super::host::{block_on, may_change, the_one};
use super::{Outcome, Report, VerbArgs};
use crate::cli::Exit;
use crate::cli::steps::follow;
use crate::settings::Settings;

/// Flags of `v9s resume`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ResumeArgs {
    /// What all verbs have.
    #[command(flatten)]
    pub verb: VerbArgs,
    /// Replicas of the control plane [default: as many as it had]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=9))]
    pub replicas: Option<u32>,
    /// Do not wait until the control plane is ready
    #[arg(long)]
    pub no_wait: bool,
    /// How long it may take to be ready
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = crate::cli::args::duration)]
    pub timeout: Duration,
}

/// Starts a paused virtual cluster again.
pub fn run(settings: &Settings, args: &ResumeArgs) -> anyhow::Result<Exit> {
    let VerbArgs { name, dry_run, anyway, output } = &args.verb;
    let options = ResumeOptions {
        anyway: *anyway,
        replicas: args.replicas,
        wait: !args.no_wait,
        patience: args.timeout,
    };
    block_on(async {
        if !dry_run {
            may_change(settings)?;
        }
        let (cluster, target) = the_one(settings, name).await?;
        let report = Report::new("resume", &target);
        let plan = match resume::plan(&target, &options) {
            Decision::Refused(refusal) => return report.refused(&refusal).print(*output),
            Decision::Nothing(why) => return report.ended(Outcome::Nothing, why).print(*output),
            Decision::Do(plan) => plan,
        };
        let report = report.with_plan(lines(&plan));
        if *dry_run {
            return report.ended(Outcome::Planned, format!("{target} would be resumed")).print(*output);
        }
        let resumed = format!("{target} is {}", if options.wait { "running" } else { "starting" });
        let operation = resume::start(cluster, target, plan, options);
        let (done, state) = follow(operation, output.shown(settings)).await;
        let report = report.with_steps(&state);
        match done {
            Ok(()) => report.ended(Outcome::Done, resumed),
            Err(error) => report.ended(Outcome::Failed, format!("not resumed to the end: {error}")),
        }
        .print(*output)
    })
}

fn lines(plan: &ResumePlan) -> Vec<String> {
    let parts = plan.etcd.iter().chain(&plan.control_plane);
    parts.map(|(part, replicas)| format!("start {} ({replicas} replicas)", part.object())).collect()
}
