//! `v9s delete`.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use smol_str::SmolStr;
use v9s::cluster::Cluster;
use v9s::lifecycle::delete::{
    self, DeleteOptions, DeletePlan, Deleted, Home, Left, Role, Survey, Wish, decide, remains, survey,
};
use v9s::lifecycle::{Decision, LifeError};
use v9s::target::{Target, refresh};

use super::ask::{note, somebody_is_there, word};
use super::host::{block_on, clusters, look, may_change, namespace};
use super::{Outcome, Report, VerbArgs};
use crate::cli::Exit;
use crate::cli::steps::follow;
use crate::settings::Settings;

/// Flags of `v9s delete`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct DeleteArgs {
    /// What all verbs have.
    #[command(flatten)]
    pub verb: VerbArgs,
    /// The name once more, where nobody can be asked for it
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// Keep the volume claims of its store
    #[arg(long)]
    pub keep_data: bool,
    /// Keep its namespace even if it was made for it
    #[arg(long)]
    pub keep_namespace: bool,
    /// How long what is going may take, in each step
    #[arg(long, value_name = "DURATION", default_value = "3m", value_parser = crate::cli::args::duration)]
    pub timeout: Duration,
}

/// Deletes a virtual cluster with everything that was made for it.
pub fn run(settings: &Settings, args: &DeleteArgs) -> anyhow::Result<Exit> {
    let VerbArgs { name, dry_run, anyway, output } = &args.verb;
    let wish = Wish { keep_data: args.keep_data, keep_namespace: args.keep_namespace };
    let options = DeleteOptions { wish, patience: args.timeout };
    block_on(async {
        if !dry_run {
            may_change(settings)?;
        }
        let (cluster, target) = what_is_left_of(settings, name).await?;
        let report = Report::new("delete", &target);
        let found: Survey = survey(&cluster, &target.namespace, &target.name).await?;
        let plan = match decide(&target, found, wish, *anyway) {
            Decision::Refused(refusal) => return report.refused(&refusal).print(*output),
            Decision::Nothing(why) => return report.ended(Outcome::Nothing, why).print(*output),
            Decision::Do(plan) => plan,
        };
        let report = report.with_plan(lines(&plan)).with_left(left_of(&plan.left));
        if *dry_run {
            return report.ended(Outcome::Planned, format!("{target} would be deleted")).print(*output);
        }
        if !is_meant(&plan, args.confirm.as_deref())? {
            let message = format!("{target} was not deleted: its name was not given");
            return report.ended(Outcome::Refused, message).print(*output);
        }
        let operation = delete::start(cluster, plan, options);
        let (done, state) = follow(operation, output.shown(settings)).await;
        after(report.with_steps(&state), &target, done).print(*output)
    })
}

/// What came of it.
pub(super) fn after(report: Report, target: &Target, done: Result<Deleted, LifeError>) -> Report {
    match done {
        Ok(deleted) => {
            let stays = match &deleted.home {
                Home::Stays(why) => format!("; the namespace stays: {why}"),
                _ => String::new(),
            };
            let outcome = if deleted.left.is_empty() { Outcome::Done } else { Outcome::Partial };
            let message = format!("{target} was deleted{stays}");
            report.with_left(left_of(&deleted.left)).ended(outcome, message)
        }
        Err(error) => report
            .ended(Outcome::Failed, format!("not deleted to the end: {error}; delete it again to go on")),
    }
}

/// The virtual cluster, or what an earlier deletion or a crash has left of one.
async fn what_is_left_of(settings: &Settings, name: &SmolStr) -> anyhow::Result<(Cluster, Target)> {
    let clusters = clusters(settings).await?;
    let wanted = namespace(settings)?;
    if let Some(found) = look(&clusters, wanted.as_deref(), name).await? {
        return Ok(found);
    }
    let mut places = Vec::new();
    for cluster in &clusters {
        let namespaces = match &wanted {
            Some(namespace) => vec![namespace.clone()],
            None => remains(cluster, name).await.context("no control plane is there")?,
        };
        places.extend(namespaces.into_iter().map(|namespace| (cluster, namespace)));
    }
    match places.as_slice() {
        [] => bail!(
            "no virtual cluster {name}, and nothing that one has left; `v9s list` shows those there are"
        ),
        [(cluster, namespace)] => Ok(((*cluster).clone(), refresh(cluster, namespace, name).await?)),
        [(_, first), (_, second), ..] => {
            bail!("{name} has left something in {first} and {second}; say where with -n NAMESPACE")
        }
    }
}

fn is_meant(plan: &DeletePlan, confirmed: Option<&str>) -> anyhow::Result<bool> {
    let name = plan.name.as_str();
    match confirmed {
        Some(confirmed) => Ok(confirmed == name),
        None if somebody_is_there() => {
            lines(plan).iter().for_each(|line| note(line));
            for (what, why) in left_of(&plan.left) {
                note(&format!("would be left: {what}: {why}"));
            }
            Ok(word(&format!("Type {name} to delete it: "), name))
        }
        None => bail!("nobody can be asked: say --confirm {name}, and look at --dry-run first"),
    }
}

/// What goes, by what it is to the virtual cluster.
pub(super) fn lines(plan: &DeletePlan) -> Vec<String> {
    let mut lines = Vec::new();
    for (role, heading) in [
        (Role::Workload, "stops"),
        (Role::Synced, "from inside"),
        (Role::Own, "made for it"),
        (Role::Helm, "Helm's records"),
        (Role::Data, "STORED DATA"),
    ] {
        let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for victim in plan.of(&[role]) {
            let name = match &victim.object.namespace {
                Some(_) => victim.object.name.to_string(),
                None => format!("{} (cluster-wide)", victim.object.name),
            };
            kinds.entry(&victim.object.resource.kind).or_default().push(name);
        }
        lines.extend(kinds.into_iter().map(|(kind, names)| format!("{heading}: {kind} {}", some(&names))));
    }
    if plan.derived > 0 {
        lines.push(format!("with them: {} objects that belong to these", plan.derived));
    }
    lines.push(match &plan.home {
        Home::Goes { .. } => {
            format!("Namespace {}: goes, it was made for it and holds nothing else", plan.namespace)
        }
        Home::Stays(why) => format!("Namespace {}: stays, {why}", plan.namespace),
        Home::Gone => format!("Namespace {}: is not there, or may not be looked at", plan.namespace),
    });
    lines
}

fn some(names: &[String]) -> String {
    const NAMED: usize = 6;
    let more = names.len().saturating_sub(NAMED);
    let named = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

pub(super) fn left_of(all: &[Left]) -> Vec<(String, String)> {
    all.iter().map(|left| (left.what.to_string(), left.why.to_string())).collect()
}
