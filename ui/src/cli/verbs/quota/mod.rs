//! `v9s quota`: how the quota of a virtual cluster stands and who takes it, and other limits for it.

mod show;

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use smol_str::SmolStr;
use v9s::cluster::Cluster;
use v9s::lifecycle::edit::{self, EditPlan};
use v9s::lifecycle::quota::{self, Found, KeyChange, Owner, QuotaPlan, Wish};
use v9s::lifecycle::{Decision, LifeError};
use v9s::provision::create::CreateError;
use v9s::target::Target;

use super::host::{block_on, may_change, the_one};
use super::{Outcome, Report, ResultFormat};
use crate::cli::Exit;
use crate::cli::steps::follow;
use crate::settings::Settings;
use crate::text;

/// Flags of `v9s quota`; documented in docs/quota.md.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct QuotaArgs {
    /// Name of the virtual cluster
    #[arg(value_name = "NAME", value_parser = crate::cli::args::non_empty)]
    pub name: SmolStr,
    /// Another limit, such as requests.cpu=20; without one after the sign there is none any more; may be repeated
    #[arg(long, value_name = "KEY=LIMIT", value_parser = limit)]
    pub set: Vec<(SmolStr, Option<SmolStr>)>,
    /// Which ResourceQuota, where the namespace has several that are meant
    #[arg(long, value_name = "NAME", requires = "set", value_parser = crate::cli::args::non_empty)]
    pub quota: Option<SmolStr>,
    /// Say what would come of it, and change nothing
    #[arg(long, requires = "set")]
    pub dry_run: bool,
    /// Also where somebody deploys it who may undo it, or its control plane may not start again
    #[arg(long, requires = "set")]
    pub anyway: bool,
    /// Do not wait until it can be used again, where vcluster.yaml is changed, too
    #[arg(long, requires = "set")]
    pub no_wait: bool,
    /// How long at most to wait for each of API and mirror
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = crate::cli::args::duration)]
    pub timeout: Duration,
    /// How it is printed
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ResultFormat,
}

/// `requests.cpu=20`, or `requests.cpu=` for no limit.
fn limit(typed: &str) -> Result<(SmolStr, Option<SmolStr>), String> {
    let (key, limit) = typed.split_once('=').ok_or("it is KEY=LIMIT, such as requests.cpu=20")?;
    let limit = match limit.trim() {
        "" => None,
        limit => Some(quota::amount(limit)?),
    };
    Ok((crate::cli::args::non_empty(key)?, limit))
}

/// Shows it, or changes its limits.
pub fn run(settings: &Settings, args: &QuotaArgs) -> anyhow::Result<Exit> {
    block_on(async {
        if !args.set.is_empty() && !args.dry_run {
            may_change(settings)?;
        }
        let (cluster, target) = the_one(settings, &args.name).await?;
        let found = look(&cluster, &target).await?;
        if args.set.is_empty() {
            return show::show(&target, &found, &settings.config.thresholds, args.output);
        }
        change(settings, args, cluster, target, &found).await
    })
}

async fn look(cluster: &Cluster, target: &Target) -> anyhow::Result<Found> {
    quota::look(cluster, target).await.map_err(|error| anyhow::anyhow!("{error}; {}", error.remedy()))
}

async fn change(
    settings: &Settings,
    args: &QuotaArgs,
    cluster: Cluster,
    target: Target,
    found: &Found,
) -> anyhow::Result<Exit> {
    let report = Report::new("quota", &target);
    let set: BTreeMap<_, _> = args.set.iter().cloned().collect();
    let wish = Wish { quota: args.quota.clone(), set };
    let plan = match quota::plan(&target, found, &wish, args.anyway) {
        Decision::Refused(refusal) => return report.refused(&refusal).print(args.output),
        Decision::Nothing(why) => return report.ended(Outcome::Nothing, why).print(args.output),
        Decision::Do(plan) => plan,
    };
    let mut report = report.with_plan(plan.lines()).with_result(result(&plan));
    let edit = match through(args, &cluster, &target, &plan).await? {
        Decision::Refused(refusal) => return report.refused(&refusal).print(args.output),
        Decision::Nothing(_) if plan.is_held() => {
            return report.ended(Outcome::Nothing, quota::so_already(&plan.object)).print(args.output);
        }
        Decision::Nothing(_) => None,
        Decision::Do(edit) => Some(edit),
    };
    if let Some((object, why)) = edit.iter().flat_map(EditPlan::refused).next() {
        let why = format!("the host would not take {object}: {}", text::clean(why));
        return report.ended(Outcome::Refused, why).print(args.output);
    }
    if args.dry_run {
        let would = format!("{} would be changed", plan.object);
        return report.ended(Outcome::Planned, would).print(args.output);
    }
    let shown = args.output.shown(settings);
    let object = plan.object.clone();
    let (done, state) = follow(quota::start(cluster.clone(), &target, plan), shown).await;
    report = report.with_steps(&state);
    match done {
        Ok(()) => {}
        Err(error @ LifeError::Changed(_)) => {
            return changed(args, &cluster, &target, &wish, report, &error).await;
        }
        Err(error) => return report.ended(Outcome::Failed, error.to_string()).print(args.output),
    }
    let Some(edit) = edit else {
        return report.ended(Outcome::Done, format!("{object} was changed")).print(args.output);
    };
    if let Some(removal) = edit::remove(&cluster, &target, &edit) {
        let (done, state) = follow(removal, shown).await;
        if let Err(error) = done {
            let why =
                format!("{object} was changed, vcluster.yaml not to the end: {error}; `v9s edit` goes on");
            return report.with_steps(&state).ended(Outcome::Failed, why).print(args.output);
        }
    }
    let (done, state) = follow(edit::apply(cluster, &target, edit), shown).await;
    let report = report.with_steps(&state);
    match done {
        Ok(_) => report.ended(Outcome::Done, format!("{object} and vcluster.yaml were changed")),
        Err(error @ CreateError::Late { .. }) => {
            let why = format!("{object} and vcluster.yaml were changed; {error}; {}", error.remedy());
            report.ended(Outcome::Partial, why)
        }
        Err(error) => {
            let remedy = error.remedy();
            let why = format!("{object} was changed, vcluster.yaml not to the end: {error}; {remedy}");
            report.ended(Outcome::Failed, why)
        }
    }
    .print(args.output)
}

/// The same in `vcluster.yaml`, for a quota that is made of it.
async fn through(
    args: &QuotaArgs,
    cluster: &Cluster,
    target: &Target,
    plan: &QuotaPlan,
) -> anyhow::Result<Decision<EditPlan>> {
    if plan.owner != Owner::Config {
        return Ok(Decision::Nothing(String::new()));
    }
    let patience = (!args.no_wait).then_some(args.timeout);
    Ok(quota::through(cluster, target, plan, patience, args.anyway).await?)
}

/// Somebody was faster: nothing was written, and it is shown what would come of it by now.
async fn changed(
    args: &QuotaArgs,
    cluster: &Cluster,
    target: &Target,
    wish: &Wish,
    report: Report,
    error: &LifeError,
) -> anyhow::Result<Exit> {
    let now = match quota::plan(target, &look(cluster, target).await?, wish, args.anyway) {
        Decision::Do(plan) => plan.lines(),
        Decision::Nothing(why) => vec![why],
        Decision::Refused(refusal) => vec![refusal.to_string()],
    };
    now.iter().for_each(|line| super::ask::note(&text::clean(&format!("now  {line}"))));
    let why = format!("nothing was changed: {error}");
    report.with_more_result("now", json!(now)).ended(Outcome::Refused, why).print(args.output)
}

/// What comes of it, for scripts.
fn result(plan: &QuotaPlan) -> serde_json::Value {
    let change = |change: &KeyChange| {
        let KeyChange { key, used, before, after } = change;
        json!({"key": key, "used": used, "before": before, "after": after, "belowUse": change.is_below()})
    };
    json!({
        "quota": plan.object.name,
        "changes": plan.changes.iter().map(change).collect::<Vec<_>>(),
        "starts": plan.admitted,
        "stillWait": plan.waiting,
        "changesConfig": plan.owner == Owner::Config,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_typed_with_their_key() {
        for (typed, expected) in [
            ("requests.cpu=20", Some(("requests.cpu", Some("20")))),
            ("pods=", Some(("pods", None))),
            ("pods", None),
            ("=5", None),
            ("pods=lots", None),
        ] {
            let read = limit(typed).ok();
            let read = read.as_ref().map(|(key, limit)| (key.as_str(), limit.as_deref()));
            assert_eq!(read, expected, "{typed}");
        }
    }
}
