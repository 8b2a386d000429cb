//! `v9s restore`.

pub(crate) mod adopt;
mod copy;
mod only;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use smol_str::SmolStr;
use v9s::backup::archive::{Identities, Recipients, Tenant};
use v9s::backup::destination::{Destination, Environment, Place};
use v9s::backup::set::{self, Protection};
use v9s::cluster::Cluster;
use v9s::known::Known;
use v9s::lifecycle::Decision;
use v9s::lifecycle::reinstate::Wanted;
use v9s::lifecycle::restore::{self, Checked, Request, RestorePlan, Restored};
use v9s::target::Target;

use super::ask::{note, somebody_is_there, word};
use super::backup::{identities, who};
use super::host::{block_on, may_change, the_one};
use super::{Outcome, Report, VerbArgs};
use crate::cli::Exit;
use crate::cli::steps::follow;
use crate::settings::Settings;

/// Flags of `v9s restore`; documented in docs/restore.md.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct RestoreArgs {
    /// What all verbs have.
    #[command(flatten)]
    pub verb: VerbArgs,
    /// The backup: a file, or s3://BUCKET/PREFIX/NAME; of v9s, or of the official program
    #[arg(long, value_name = "URL", required_unless_present_any = ["undo", "adopt"], value_parser = crate::cli::args::non_empty)]
    pub from: Option<SmolStr>,
    /// File with the identity that opens it (AGE-SECRET-KEY-1…); may be repeated
    #[arg(long, value_name = "FILE")]
    pub identity: Vec<PathBuf>,
    /// Bring only this back, into the virtual cluster as it runs: ns=NAMESPACE, a kind, or ns=NAMESPACE,kind=KIND,name=NAME; may be repeated
    #[arg(long, value_name = "WHAT", conflicts_with_all = ["undo", "new", "safety_to", "recipient", "no_safety_backup"])]
    pub only: Vec<Wanted>,
    /// Whose backup it is, where it is not its own: everything of that one appears in this one
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = tenant)]
    pub of: Option<(SmolStr, SmolStr)>,
    /// Where the state of now is saved before anything stops: a folder, or s3://BUCKET/PREFIX [default: backups in the state folder]
    #[arg(long, value_name = "URL")]
    pub safety_to: Option<String>,
    /// Who can read that backup [default: whom the --identity belongs to]; may be repeated
    #[arg(long, value_name = "KEY")]
    pub recipient: Vec<String>,
    /// Do not save the state of now; the old store stays on its volume
    #[arg(long, conflicts_with_all = ["safety_to", "recipient"])]
    pub no_safety_backup: bool,
    /// Without a backup: make a store of what the host carries of it, for one whose store is lost
    #[arg(long, conflicts_with_all = ["from", "only", "of", "undo", "new"])]
    pub adopt: bool,
    /// Put the old store back that an unfinished restore has replaced, and do nothing else
    #[arg(long, conflicts_with_all = ["from", "of", "safety_to", "recipient", "no_safety_backup"])]
    pub undo: bool,
    /// Into another virtual cluster.
    #[command(flatten)]
    pub copy: copy::CopyArgs,
    /// It is known that the store is lost.
    #[arg(skip)]
    pub is_lost: bool,
    /// The name once more, where nobody can be asked for it
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
}

/// `NAMESPACE/NAME`.
fn tenant(text: &str) -> Result<(SmolStr, SmolStr), String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok((namespace.into(), name.into()))
        }
        _ => Err("say it as NAMESPACE/NAME, as `v9s verify` shows it".to_owned()),
    }
}

/// How it is known that it is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meant {
    /// Its name is given once more.
    ByName,
    /// It was made for this.
    AsNothingIsLost,
}

/// Puts the state of a backup in the place of what a virtual cluster has stored.
pub fn run(settings: &Settings, args: &RestoreArgs) -> anyhow::Result<Exit> {
    let VerbArgs { name, dry_run, .. } = &args.verb;
    block_on(async {
        if !dry_run {
            may_change(settings)?;
        }
        let report = match (&args.from, &args.copy.new) {
            (Some(from), Some(new)) => copy::run(settings, args, new, from).await?,
            (Some(from), None) if !args.only.is_empty() => {
                only::run(settings, args, from, the_one(settings, name).await?).await?
            }
            (Some(_), None) => {
                let (cluster, target) = the_one(settings, name).await?;
                replace(settings, args, cluster, target).await?
            }
            (None, _) if args.adopt => {
                let (cluster, target) = the_one(settings, name).await?;
                replace(settings, args, cluster, target).await?
            }
            (None, _) => {
                let (cluster, target) = the_one(settings, name).await?;
                undo(settings, args, cluster, target).await?
            }
        };
        report.print(args.verb.output)
    })
}

/// Puts another store in the place of the one that is there: that of a backup, or one of what the host carries.
pub(super) async fn replace(
    settings: &Settings,
    args: &RestoreArgs,
    cluster: Cluster,
    target: Target,
) -> anyhow::Result<Report> {
    let Some(from) = &args.from else { return adopt::run(settings, args, cluster, target).await };
    let request = request(settings, args, &cluster, (&target.namespace, &target.name), from)?;
    restore(settings, args, cluster, target, (request, Meant::ByName)).await
}

/// What is wanted.
fn request(
    settings: &Settings,
    args: &RestoreArgs,
    cluster: &Cluster,
    (namespace, vcluster): (&SmolStr, &SmolStr),
    from: &str,
) -> anyhow::Result<Request> {
    let (place, name) = Place::parse_file(from)?;
    let identities = identities(&args.identity)?;
    let scratch = scratch(settings)?;
    let own = (namespace.clone(), vcluster.clone());
    let (namespace, tenant) = args.of.clone().unwrap_or(own);
    Ok(Request {
        at: Destination::open(place, &Environment::of_process())?,
        name,
        safety: safety(settings, args, &identities)?,
        identities,
        expected: Tenant { host: cluster.server.clone(), namespace, name: tenant },
        scratch,
        who: who(),
        anyway: args.verb.anyway,
    })
}

/// The folder in which new stores are made.
fn scratch(settings: &Settings) -> anyhow::Result<PathBuf> {
    let scratch = settings.dirs.restores();
    fs::create_dir_all(&scratch).with_context(|| format!("cannot make the folder {}", scratch.display()))?;
    Ok(scratch)
}

/// The backup of now. It holds what the one that is restored holds, so the same people may read it.
fn safety(
    settings: &Settings,
    args: &RestoreArgs,
    identities: &Identities,
) -> anyhow::Result<Option<set::Request>> {
    if args.no_safety_backup {
        return Ok(None);
    }
    let named = Recipients::parse(args.recipient.iter().map(String::as_str))?;
    let recipients = if named.seal() { named } else { identities.recipients() };
    let protection = if recipients.seal() { Protection::Sealed(recipients) } else { Protection::Open };
    let to = super::backup::destination(settings, args.safety_to.as_deref())?;
    Ok(Some(set::Request { to, protection, native: true, who: who() }))
}

async fn restore(
    settings: &Settings,
    args: &RestoreArgs,
    cluster: Cluster,
    target: Target,
    (request, meant): (Request, Meant),
) -> anyhow::Result<Report> {
    let report = Report::new("restore", &target);
    let found = restore::look(&cluster, &target).await?;
    let from = request.at.place().of(&request.name);
    let safe = request.safety.as_ref().map(|safety| safety.to.place().to_string());
    let plan = match restore::plan(&target, found, &from, safe.as_deref(), request.anyway) {
        Decision::Refused(refusal) => return Ok(report.refused(&refusal)),
        Decision::Nothing(why) => return Ok(report.ended(Outcome::Nothing, why)),
        Decision::Do(plan) => plan,
    };
    let report = report.with_plan(plan.lines.clone());
    if args.verb.dry_run {
        return Ok(report.ended(Outcome::Planned, format!("{target} would be restored from {from}")));
    }
    let question = format!("restore {target}: what changed after the backup is lost inside");
    if meant == Meant::ByName && !is_meant(args, &target, &plan, &question)? {
        let message = format!("{target} was not restored: its name was not given");
        return Ok(report.ended(Outcome::Refused, message));
    }
    let name = target.to_string();
    let operation = restore::start(cluster, target, plan, request);
    let (done, state) = follow(operation, args.verb.output.shown(settings)).await;
    let report = report.with_steps(&state);
    Ok(match done {
        Ok(restored) => told(report, &name, &restored),
        Err(error) => report.ended(Outcome::Failed, format!("{name} was not restored: {error}")),
    })
}

/// Only who gives its name once more means it.
fn is_meant(args: &RestoreArgs, target: &Target, plan: &RestorePlan, question: &str) -> anyhow::Result<bool> {
    let name = target.name.as_str();
    match &args.confirm {
        Some(confirmed) => Ok(confirmed == name),
        None if somebody_is_there() => {
            plan.lines.iter().for_each(|line| note(&format!("  {line}")));
            Ok(word(&format!("{question}; type {name}: "), name))
        }
        None => bail!("nobody can be asked here: give the name once more with --confirm {name}"),
    }
}

fn told(report: Report, name: &str, restored: &Restored) -> Report {
    let (message, left) = words(name, restored);
    report.with_left(left).ended(Outcome::Done, message)
}

/// What came of it in a sentence, and what is left to look at.
pub(crate) fn words(name: &str, restored: &Restored) -> (String, Vec<(String, String)>) {
    let checked = &restored.checked;
    let mut message = format!(
        "{name} was restored: {} keys at revision {}, of the backup that was begun at {}",
        checked.keys,
        checked.revision,
        restored.header.began.format("%Y-%m-%d %H:%M:%S UTC")
    );
    if let Some(saved) = &restored.saved {
        message.push_str(&format!("\nthe state of before is in {saved}"));
    }
    let mut left = seen(checked);
    match &checked.tokens {
        Known::Yes(false) => left.push((
            "tokens".to_owned(),
            "those of before the restore are signed by another key: restart the pods that talk to the API server".to_owned(),
        )),
        Known::No(why) => left.push(("tokens".to_owned(), format!("not compared: {why}"))),
        Known::Yes(true) | Known::NotApplicable => {}
    }
    left.extend(restored.kept.iter().map(|why| ("the old store".to_owned(), why.to_string())));
    (message, left)
}

/// What was seen afterwards that is not as it was.
fn seen(checked: &Checked) -> Vec<(String, String)> {
    let mut left: Vec<(String, String)> = checked
        .fewer
        .iter()
        .map(|(kind, then, now)| {
            (kind.to_string(), format!("{now} of {then}, as they come and go by themselves"))
        })
        .collect();
    left.extend(checked.stale.iter().map(|pod| {
        (format!("pod {pod}"), "was started with another address of its API server: restart it".to_owned())
    }));
    left
}

/// Puts the old store back.
async fn undo(
    settings: &Settings,
    args: &RestoreArgs,
    cluster: Cluster,
    target: Target,
) -> anyhow::Result<Report> {
    let report = Report::new("restore", &target);
    let found = restore::look(&cluster, &target).await?;
    let Some(mark) = found.mark().cloned() else {
        return Ok(report.ended(Outcome::Nothing, format!("no restore of {target} is unfinished")));
    };
    let plan = match restore::plan(&target, found, &mark.from, None, args.verb.anyway) {
        Decision::Refused(refusal) => return Ok(report.refused(&refusal)),
        Decision::Nothing(why) => return Ok(report.ended(Outcome::Nothing, why)),
        Decision::Do(plan) => plan,
    };
    let report = report.with_plan(plan.lines.iter().take(1).cloned().collect());
    if args.verb.dry_run {
        return Ok(report.ended(Outcome::Planned, format!("the old store of {target} would be put back")));
    }
    let name = target.to_string();
    let (done, state) =
        follow(restore::start_undo(cluster, target, plan), args.verb.output.shown(settings)).await;
    let report = report.with_steps(&state);
    Ok(match done {
        Ok(()) => report.ended(Outcome::Done, format!("{name} has its old store again, and was started")),
        Err(error) => report.ended(Outcome::Failed, format!("{name}: {error}; run it again")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_virtual_cluster_is_named_by_both_its_names() {
        assert_eq!(tenant("team/shop"), Ok(("team".into(), "shop".into())));
        for odd in ["shop", "/shop", "team/", "a/b/c", ""] {
            assert!(tenant(odd).is_err(), "{odd}");
        }
    }
}
