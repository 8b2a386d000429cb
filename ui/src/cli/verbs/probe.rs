//! `v9s probe`: whether the pods of one tenant reach those of another.

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Value, json};
use smol_str::SmolStr;
use v9s::cluster::Cluster;
use v9s::operation::Operation;
use v9s::probe::{self, Call, Heard, ProbeError, Probed, STEPS, Verdict, Wanted};
use v9s::target::Target;

use super::host::{block_on, clusters, look, may_change};
use super::{Outcome, Report, ResultFormat};
use crate::cli::Exit;
use crate::cli::steps::follow;
use crate::settings::Settings;

/// Flags of `v9s probe`; documented in docs/health.md.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ProbeArgs {
    /// Virtual cluster whose pods call: NAME or NAMESPACE/NAME
    #[arg(value_name = "FROM", value_parser = crate::cli::args::non_empty)]
    pub from: SmolStr,
    /// Virtual cluster whose pods are called: NAME or NAMESPACE/NAME
    #[arg(value_name = "TO", value_parser = crate::cli::args::non_empty)]
    pub to: SmolStr,
    /// Port that is called: policies may tell ports apart
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1024..))]
    pub port: u16,
    /// How long the call is tried
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = crate::cli::args::duration)]
    pub timeout: Duration,
    /// Image of the pods [default: that of the virtual cluster's own companion, else v9s-syncer of this version]
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Say what would be made, and make nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ResultFormat,
}

/// Makes pods that try it, and takes them away.
pub fn run(settings: &Settings, args: &ProbeArgs) -> anyhow::Result<Exit> {
    block_on(async {
        if !args.dry_run {
            may_change(settings)?;
        }
        let hosts = clusters(settings).await?;
        let (cluster, from) = the_one(&hosts, &args.from).await?;
        let (_, to) = the_one(&hosts, &args.to).await?;
        if from.host != to.host {
            bail!(
                "{from} is on {} and {to} on {}: pods of different hosts are not in one network",
                from.host,
                to.host
            );
        }
        let report = Report::new("probe", &to);
        let found = probe::look(&cluster, from, to).await?;
        let wanted =
            Wanted { port: args.port, timeout: args.timeout, image: args.image.clone(), ..Wanted::default() };
        let plan = match probe::plan(found, wanted) {
            Ok(plan) => plan,
            Err(why) => return report.ended(Outcome::Refused, why.to_string()).print(args.output),
        };
        let report = report.with_plan(plan.lines());
        if args.dry_run {
            return report
                .ended(Outcome::Planned, format!("it would be tried: {}", plan.title()))
                .print(args.output);
        }
        let (title, between) = (plan.title(), document(&plan));
        let operation = Operation::start(title, STEPS, move |progress| async move {
            probe::carry_out(&cluster, &plan, &progress).await
        });
        let (done, state): (Result<Probed, ProbeError>, _) =
            follow(operation, args.output.shown(settings)).await;
        let report = report.with_steps(&state);
        match done {
            Ok(probed) => told(report.with_result(between), &probed, args.output),
            Err(error) => report
                .ended(Outcome::Failed, format!("it was not tried to the end: {error}"))
                .print(args.output),
        }
    })
}

async fn the_one(hosts: &[Cluster], given: &SmolStr) -> anyhow::Result<(Cluster, Target)> {
    let (namespace, name) = match given.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, given.as_str()),
    };
    let found = look(hosts, namespace, name).await?;
    found.with_context(|| format!("no virtual cluster {given}; `v9s list` shows those there are"))
}

/// Between whom, for scripts.
fn document(plan: &probe::Plan) -> Value {
    let from = &plan.from.target;
    json!({"from": {"namespace": from.namespace, "name": from.name}, "port": plan.wanted.port})
}

/// The verdict, and the exit code that says it to scripts.
fn told(report: Report, probed: &Probed, output: ResultFormat) -> anyhow::Result<Exit> {
    let call = |call: &Option<Call>| {
        call.as_ref().map(|Call { heard, node }| match heard {
            Ok(heard) => json!({"heard": word(heard), "node": node}),
            Err(why) => json!({"why": why, "node": node}),
        })
    };
    let report = report
        .with_more_result("verdict", probed.verdict.word().into())
        .with_more_result("call", json!(call(&probed.call)))
        .with_more_result("control", json!(call(&probed.control)))
        .with_more_result("policies", json!(probed.beside));
    let mut said = probed.verdict.to_string();
    if let Some(beside) = probed.beside {
        said.push_str("; ");
        said.push_str(beside);
    }
    let mut report = report.ended(Outcome::Done, said);
    if let Some(left) = &probed.left {
        report = report.with_more_left("pods of the probe", left);
    }
    report.print(output)?;
    Ok(match probed.verdict {
        Verdict::Isolated { .. } => Exit::Ok,
        Verdict::Open => Exit::Warning,
        Verdict::Unknown { .. } => Exit::Partial,
    })
}

fn word(heard: &Heard) -> &'static str {
    match heard {
        Heard::Word => "word",
        Heard::Silence => "silence",
        Heard::Refused { .. } => "refused",
        Heard::Stranger => "stranger",
    }
}
