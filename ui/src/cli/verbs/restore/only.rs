//! `v9s restore NAME --only WHAT`: some objects of a backup, back into a virtual cluster that runs.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use smol_str::SmolStr;
use v9s::backup::archive::Tenant;
use v9s::backup::destination::{Destination, Environment, Place};
use v9s::cluster::{Cluster, ObjectRef};
use v9s::gc::ByConnect;
use v9s::lifecycle::reinstate::{self, Difference, Done, Item, Plan, Request, Step, Told};
use v9s::target::Target;

use super::RestoreArgs;
use crate::cli::steps::follow;
use crate::cli::verbs::ask::{note, somebody_is_there, word};
use crate::cli::verbs::backup::identities;
use crate::cli::verbs::{Outcome, Report};
use crate::settings::Settings;
use crate::text::clean;

/// Lines of differences that a person is shown of one object.
const SHOWN: usize = 20;

/// Compares, asks, and puts back.
pub(super) async fn run(
    settings: &Settings,
    args: &RestoreArgs,
    from: &str,
    (cluster, target): (Cluster, Target),
) -> anyhow::Result<Report> {
    let report = Report::new("restore", &target);
    if let Some(refusal) = reinstate::refusal(&target) {
        return Ok(report.refused(&refusal));
    }
    let request = request(args, from, &cluster, &target)?;
    let from = clean(&request.at.place().of(&request.name)).into_owned();
    let look = reinstate::look(cluster, target.clone(), Arc::new(ByConnect::default()), request);
    let (plan, state) = follow(look, args.verb.output.shown(settings)).await;
    let report = report.with_steps(&state);
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => return Ok(report.ended(Outcome::Failed, format!("{target}: {error}"))),
    };
    let lines = lines(&plan);
    let report = report
        .with_left(left(&plan))
        .with_result(json!({"objects": plan.items.iter().map(planned).collect::<Vec<_>>()}))
        .with_plan(lines.clone());
    let (writes, name) = (plan.writes(), target.to_string());
    if args.verb.dry_run {
        return Ok(report
            .ended(Outcome::Planned, format!("{writes} objects of {name} would be put back from {from}")));
    }
    let stays = left(&plan);
    if writes == 0 {
        let stuck = stuck(&plan);
        let (outcome, message) = match stuck.len() {
            0 => (Outcome::Nothing, format!("nothing of {name} is to be put back from {from}")),
            count => {
                (Outcome::Failed, format!("nothing of {name} was put back: {count} objects cannot come back"))
            }
        };
        return Ok(report.with_left(stuck.into_iter().chain(stays)).ended(outcome, message));
    }
    if !is_meant(args, &target, writes, &lines)? {
        return Ok(
            report.ended(Outcome::Refused, format!("nothing of {name} was changed: its name was not given"))
        );
    }
    let (done, state) = follow(reinstate::start(plan), args.verb.output.shown(settings)).await;
    let report = report.with_steps(&state);
    Ok(match done {
        Ok(told) => ended(report, &name, &told, stays),
        Err(error) => report.ended(Outcome::Failed, format!("{name}: {error}")),
    })
}

fn request(args: &RestoreArgs, from: &str, cluster: &Cluster, target: &Target) -> anyhow::Result<Request> {
    let (place, name) = Place::parse_file(from)?;
    let own = (target.namespace.clone(), target.name.clone());
    let (namespace, tenant) = args.of.clone().unwrap_or(own);
    Ok(Request {
        at: Destination::open(place, &Environment::of_process()).context("the place of the backup")?,
        name,
        identities: identities(&args.identity)?,
        expected: Tenant { host: cluster.server.clone(), namespace, name: tenant },
        wanted: args.only.clone(),
    })
}

/// Only who gives its name once more means it.
fn is_meant(args: &RestoreArgs, target: &Target, writes: usize, lines: &[String]) -> anyhow::Result<bool> {
    let name = target.name.as_str();
    match &args.confirm {
        Some(confirmed) => Ok(confirmed == name),
        None if somebody_is_there() => {
            lines.iter().for_each(|line| note(&format!("  {line}")));
            let question = format!("put {writes} objects back into {target}, which runs on; type {name}: ");
            Ok(word(&question, name))
        }
        None => bail!("nobody can be asked here: give the name once more with --confirm {name}"),
    }
}

/// What cannot come back, and why.
fn stuck(plan: &Plan) -> Vec<(String, String)> {
    let stuck = |item: &Item| match &item.step {
        Step::Cannot { why } => Some((clean(&item.object.to_string()).into_owned(), clean(why).into_owned())),
        _ => None,
    };
    plan.items.iter().filter_map(stuck).collect()
}

/// What is not brought back on purpose, and why.
fn left(plan: &Plan) -> Vec<(String, String)> {
    let line = |left: &reinstate::Left| (clean(&left.what).into_owned(), clean(&left.why).into_owned());
    plan.left.iter().map(line).collect()
}

fn lines(plan: &Plan) -> Vec<String> {
    plan.items.iter().flat_map(item).collect()
}

fn item(item: &Item) -> Vec<String> {
    let object = &item.object;
    let none = &[][..];
    let (head, differences) = match &item.step {
        Step::Create { differences } => (format!("create {object}"), differences.as_deref().unwrap_or(none)),
        Step::Change { differences } => (format!("change {object}"), differences.as_slice()),
        Step::Same => (format!("same   {object}"), none),
        Step::Cannot { why } => (format!("cannot {object}: {why}"), none),
    };
    let notes = item.notes.iter().filter(|_| item.step != Step::Same).map(|note| format!("  ({note})"));
    let all = std::iter::once(head).chain(notes).chain(shown(differences));
    all.map(|line| clean(&line).into_owned()).collect()
}

/// The first of them, a line for what is there now and one for what was in the backup.
fn shown(differences: &[Difference]) -> Vec<String> {
    let mut lines = Vec::new();
    for Difference { path, now, then } in differences.iter().take(SHOWN) {
        lines.extend(now.as_ref().map(|now| format!("  - {path}: {now}")));
        lines.extend(then.as_ref().map(|then| format!("  + {path}: {then}")));
    }
    let more = differences.len().saturating_sub(SHOWN);
    if more > 0 {
        lines.push(format!("  … and {more} more; -o json has all"));
    }
    lines
}

/// How it ended, with what did not come back beside what stays on purpose.
fn ended(report: Report, name: &str, told: &[Told], stays: Vec<(String, String)>) -> Report {
    let count = |is: fn(&Done) -> bool| told.iter().filter(|told| is(&told.done)).count();
    let created = count(|done| matches!(done, Done::Created));
    let changed = count(|done| matches!(done, Done::Changed));
    let same = count(|done| matches!(done, Done::Same));
    let failed = told.len() - created - changed - same;
    let mut message = format!("{name}: {created} objects created, {changed} changed, {same} as they were");
    if failed > 0 {
        message.push_str(&format!(", {failed} not put back"));
    }
    let outcome = match (failed, created + changed + same) {
        (0, _) => Outcome::Done,
        (_, 0) => Outcome::Failed,
        _ => Outcome::Partial,
    };
    let why = |told: &Told| {
        let why = match &told.done {
            Done::Failed { why } => why.to_string(),
            Done::Meanwhile { differences } => {
                format!(
                    "somebody changed it meanwhile, and it was left alone; it differs now in\n{}",
                    shown(differences).join("\n")
                )
            }
            Done::Created | Done::Changed | Done::Same => return None,
        };
        let lines: Vec<String> = why.lines().map(|line| clean(line).into_owned()).collect();
        Some((clean(&told.object.to_string()).into_owned(), lines.join("\n  ")))
    };
    let left: Vec<_> = told.iter().filter_map(why).chain(stays).collect();
    let objects: Vec<Value> = told.iter().map(done).collect();
    report.with_left(left).with_result(json!({"objects": objects})).ended(outcome, message)
}

fn planned(item: &Item) -> Value {
    let (word, differences, why) = match &item.step {
        Step::Create { differences } => ("create", differences.as_deref(), None),
        Step::Change { differences } => ("change", Some(differences.as_slice()), None),
        Step::Same => ("same", None, None),
        Step::Cannot { why } => ("cannot", None, Some(why)),
    };
    object(&item.object, word, differences, why, &item.notes)
}

fn done(told: &Told) -> Value {
    let (word, differences, why) = match &told.done {
        Done::Created => ("created", None, None),
        Done::Changed => ("changed", None, None),
        Done::Same => ("same", None, None),
        Done::Meanwhile { differences } => ("meanwhile", Some(differences.as_slice()), None),
        Done::Failed { why } => ("failed", None, Some(why)),
    };
    object(&told.object, word, differences, why, &told.notes)
}

fn object(
    object: &ObjectRef,
    word: &str,
    differences: Option<&[Difference]>,
    why: Option<&SmolStr>,
    notes: &[SmolStr],
) -> Value {
    let one = |it: &Difference| json!({"path": it.path, "now": it.now, "then": it.then});
    json!({
        "kind": object.resource.spoken(), "namespace": object.namespace, "name": object.name, "what": word,
        "why": why, "notes": notes, "differences": differences.map(|all| all.iter().map(one).collect::<Vec<_>>()),
    })
}
