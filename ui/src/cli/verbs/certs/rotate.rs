//! `v9s certs rotate`.

use std::time::Duration;

use chrono::Utc;
use clap::Args;
use v9s::lifecycle::certs::rotate::{self, RotateOptions, RotatePlan};
use v9s::lifecycle::certs::{CertificateInfo, look};
use v9s::lifecycle::{Decision, memory};

use crate::cli::Exit;
use crate::cli::steps::follow;
use crate::cli::verbs::host::{block_on, may_change, the_one};
use crate::cli::verbs::{Outcome, Report, VerbArgs};
use crate::settings::Settings;

/// Flags of `v9s certs rotate`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct RotateArgs {
    /// What all verbs have.
    #[command(flatten)]
    pub verb: VerbArgs,
    /// Rotate them also when everything in it is lost by that: it stores in its pods, without a volume
    #[arg(long)]
    pub lose_data: bool,
    /// How long the pods of each workload may take to be replaced
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = crate::cli::args::duration)]
    pub timeout: Duration,
}

/// Makes the certificates of a virtual cluster anew.
pub(super) fn run(settings: &Settings, args: &RotateArgs) -> anyhow::Result<Exit> {
    let VerbArgs { name, dry_run, anyway, output } = &args.verb;
    let options = RotateOptions { anyway: *anyway, lose: args.lose_data, patience: args.timeout };
    block_on(async {
        if !dry_run {
            may_change(settings)?;
        }
        let (cluster, target) = the_one(settings, name).await?;
        let report = Report::new("certs rotate", &target);
        if let Some(refusal) = rotate::refusal(&target, *anyway) {
            return report.refused(&refusal).print(*output);
        }
        let seen = look(&cluster, &target).await?;
        let plan = match rotate::plan(&target, &seen, memory(&cluster, &target).await, Utc::now(), &options) {
            Decision::Refused(refusal) => return report.refused(&refusal).print(*output),
            Decision::Nothing(why) => return report.ended(Outcome::Nothing, why).print(*output),
            Decision::Do(plan) => plan,
        };
        let report = report.with_plan(lines(&plan));
        if *dry_run {
            return report
                .ended(Outcome::Planned, format!("{target} would get new certificates"))
                .print(*output);
        }
        let rotated =
            format!("{target} has new certificates; what was handed out before is good until its own end");
        let operation = rotate::start(cluster, target, seen, plan, options);
        let (done, state) = follow(operation, output.shown(settings)).await;
        let report = report.with_steps(&state);
        match done {
            Ok(()) => report.ended(Outcome::Done, rotated),
            Err(error) => report
                .ended(Outcome::Failed, format!("not rotated to the end: {error}; the same again goes on")),
        }
        .print(*output)
    })
}

fn lines(plan: &RotatePlan) -> Vec<String> {
    let ends = |info: &CertificateInfo| match info.ends {
        Some(ends) => format!("{} (ends {})", info.file, ends.format("%Y-%m-%d")),
        None => format!("{} (cannot be read)", info.file),
    };
    let mut lines: Vec<String> = plan.renewed.iter().map(|info| format!("renew {}", ends(info))).collect();
    if lines.is_empty() {
        lines.push("renew nothing: an interrupted run has made new certificates".to_owned());
    }
    lines.extend(plan.short.iter().map(|info| {
        format!(
            "keep authority {}, which ends before what it signs now: a new one is needed soon",
            ends(info)
        )
    }));
    if plan.hand_out {
        lines.push("replace the administrator's kubeconfig".to_owned());
    }
    for part in plan.etcd.iter().chain(&plan.control_plane) {
        lines.push(match part.replicas {
            0 => format!("mark {}, which is stopped", part.object()),
            replicas => format!("restart {} ({replicas} pods, one after the other)", part.object()),
        });
    }
    if plan.gap {
        lines.push("nobody answers meanwhile: it has one replica".to_owned());
    }
    lines.extend(plan.loses.iter().map(|lost| format!("lose {lost}")));
    lines
}
