//! `v9s restore NAME --adopt`: a store made of what the host carries, where there is no backup.

use serde_json::json;
use v9s::backup::archive::Identities;
use v9s::cluster::Cluster;
use v9s::lifecycle::Decision;
use v9s::lifecycle::adopt::{Adoption, adopt};
use v9s::lifecycle::restore::{self, Adopted, Adopting};
use v9s::target::Target;

use super::RestoreArgs;
use crate::cli::steps::follow;
use crate::cli::verbs::backup::{identities, who};
use crate::cli::verbs::{Outcome, Report};
use crate::settings::Settings;
use crate::text::clean;

/// Plans it, asks, and carries it out.
pub(super) async fn run(
    settings: &Settings,
    args: &RestoreArgs,
    cluster: Cluster,
    target: Target,
) -> anyhow::Result<Report> {
    let report = Report::new("adopt", &target);
    let found = match args.is_lost {
        true => restore::look(&cluster, &target).await?,
        false => restore::look_lost(&cluster, &target).await?,
    };
    let adoption = adopt(&restore::carried(&cluster, &target).await?);
    if adoption.is_empty() && found.mark().is_none() {
        let message = format!("the host carries nothing of {target}: there is nothing to make a store of");
        return Ok(report.ended(Outcome::Refused, message));
    }
    let opened: Identities = identities(&args.identity)?;
    let safety = super::safety(settings, args, &opened)?;
    let safe = safety.as_ref().map(|safety| safety.to.place().to_string());
    let plan = match restore::plan_adopt(&target, found, &adoption, safe.as_deref(), args.verb.anyway) {
        Decision::Refused(refusal) => return Ok(report.refused(&refusal)),
        Decision::Nothing(why) => return Ok(report.ended(Outcome::Nothing, why)),
        Decision::Do(plan) => plan,
    };
    let report =
        report.with_plan(plan.lines.clone()).with_left(left(&adoption)).with_result(counted(&adoption));
    if args.verb.dry_run {
        let message = format!("{target} would be made again of what the host carries");
        return Ok(report.ended(Outcome::Planned, message));
    }
    let question = format!("adopt {target}: what only lived inside is lost");
    if !super::is_meant(args, &target, &plan, &question)? {
        let message = format!("{target} was not adopted: its name was not given");
        return Ok(report.ended(Outcome::Refused, message));
    }
    let name = target.to_string();
    let wish = Adopting { safety, scratch: super::scratch(settings)?, who: who() };
    let operation = restore::start_adopt(cluster, target, plan, wish);
    let (done, state) = follow(operation, args.verb.output.shown(settings)).await;
    let report = report.with_steps(&state);
    Ok(match done {
        Ok(adopted) => told(report, &name, &adopted),
        Err(error) => report.ended(Outcome::Failed, format!("{name} was not adopted: {error}")),
    })
}

fn told(report: Report, name: &str, adopted: &Adopted) -> Report {
    let (message, all) = words(name, adopted);
    report.with_left(all).with_result(counted(&adopted.adoption)).ended(Outcome::Done, message)
}

/// What came of it in a sentence, and what is left to look at.
pub(crate) fn words(name: &str, adopted: &Adopted) -> (String, Vec<(String, String)>) {
    let counts: Vec<String> =
        adopted.adoption.counts().iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let mut message = format!("{name} was made again of what the host carries: {}", counts.join(", "));
    if let Some(saved) = &adopted.saved {
        message.push_str(&format!("\nthe state of before is in {saved}"));
    }
    let mut all = super::seen(&adopted.checked);
    all.extend(
        adopted.ended.iter().map(|uid| {
            (format!("pod with the UID {uid} inside"), "it ended on the host meanwhile".to_owned())
        }),
    );
    all.extend(adopted.aside.iter().map(|aside| {
        let why = format!(
            "it stays on the host as it is, and works on: who makes {} again inside takes it over",
            aside.of
        );
        (aside.object.to_string(), clean(&why).into_owned())
    }));
    all.extend(left(&adopted.adoption));
    all.push(("the old store".to_owned(), format!("it stays on the volume, in {}", adopted.kept)));
    (message, all)
}

/// What does not come back, and why.
pub(crate) fn left(adoption: &Adoption) -> Vec<(String, String)> {
    let line = |text: &str| clean(text).into_owned();
    adoption.left.iter().map(|left| (line(&left.what), line(&left.why))).collect()
}

fn counted(adoption: &Adoption) -> serde_json::Value {
    json!({"objects": adoption.counts()})
}
