//! `v9s backup --schedule` and `--unschedule`.

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use serde::Serialize;
use smol_str::{SmolStr, ToSmolStr as _};
use v9s::backup::destination::Place;
use v9s::backup::schedule::{self, Installed, Means, Wish};
use v9s::backup::set::{Aim, aim_at};
use v9s::cluster::Cluster;
use v9s::cronjob::{CronJob, CronLine, Zone};
use v9s::target::Target;

use super::super::ask::{note, somebody_is_there, yes};
use super::super::cron::yaml;
use super::super::host::{block_on, clusters, may_change, namespace, the_one};
use super::super::{Outcome, ResultFormat};
use super::{BackupArgs, Of};
use crate::cli::{Exit, print};
use crate::settings::Settings;

/// Flags of `v9s backup --schedule`; documented in docs/backup.md.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Schedule")]
pub struct ScheduleArgs {
    /// Have it taken again and again by a CronJob in the host, such as "0 3 * * *"
    #[arg(long, value_name = "CRON")]
    pub schedule: Option<CronLine>,
    /// The time zone of the schedule, such as Europe/Berlin [default: that of the host's controller manager]
    #[arg(long, value_name = "ZONE", requires = "schedule")]
    pub time_zone: Option<Zone>,
    /// An image that has the program `v9s`
    #[arg(long, value_name = "IMAGE", requires = "schedule", value_parser = crate::cli::args::non_empty)]
    pub image: Option<SmolStr>,
    /// A Secret beside the CronJob with the credentials of the storage, such as AWS_ACCESS_KEY_ID
    #[arg(long, value_name = "NAME", requires = "schedule", value_parser = crate::cli::args::non_empty)]
    pub credentials_from_secret: Option<SmolStr>,
    /// A claim beside the CronJob that is the folder
    #[arg(long, value_name = "PVC", requires = "schedule", value_parser = crate::cli::args::non_empty)]
    pub claim: Option<SmolStr>,
    /// Print the objects as YAML, and change nothing
    #[arg(long, requires = "schedule", conflicts_with = "dry_run")]
    pub print: bool,
    /// Take the schedule of this virtual cluster, of this selector or of all away again
    #[arg(long, conflicts_with = "schedule")]
    pub unschedule: bool,
    /// Without a question, where nobody can be asked
    #[arg(long)]
    pub yes: bool,
}

/// One document; documented in docs/backup.md.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    verb: &'static str,
    context: &'a str,
    namespace: &'a str,
    name: &'a str,
    dry_run: bool,
    outcome: Outcome,
    objects: Vec<Entry>,
    notes: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    what: String,
    then: &'static str,
}

/// Where a schedule is, and of what.
struct Seat {
    cluster: Cluster,
    of: schedule::Of,
    /// The virtual cluster, where it is of one.
    target: Option<Target>,
}

/// Puts a schedule on the host, or prints it.
pub(super) fn run(
    settings: &Settings,
    args: &BackupArgs,
    of: Of<'_>,
    line: &CronLine,
) -> anyhow::Result<Exit> {
    if args.schedule.print {
        let job = schedule::job(&wish(args, line, unseen(settings, of)?)?)?;
        return print(yaml(&job)?.as_bytes());
    }
    let dry_run = args.take.dry_run;
    if !dry_run {
        may_change(settings)?;
    }
    block_on(async {
        let Seat { cluster, of, target } = seat(settings, of).await?;
        let job = schedule::job(&wish(args, line, of)?)?;
        if !dry_run && !is_meant(args, &job)? {
            bail!("nothing was changed: it was not confirmed");
        }
        let installed = schedule::install(&cluster, &job, dry_run).await?;
        let mut notes = Vec::new();
        if let (Some(target), Some(aim @ Aim::Within(_)), false) = (target, args.take.rpo, dry_run)
            && let Err(why) = aim_at(&cluster, &target, aim).await
        {
            notes.push(format!("how old its last backup may become was not noted: {why}"));
        }
        let then = |one: &Installed| match (dry_run, one.was_there) {
            (true, true) => "would be what it should be",
            (true, false) => "would be made",
            (false, true) => "is what it should be",
            (false, false) => "is made",
        };
        let objects = installed.iter().map(|one| Entry { what: one.what.clone(), then: then(one) }).collect();
        let document = Document {
            verb: "backup schedule",
            context: &cluster.context,
            namespace: job.reach.home(),
            name: &job.name,
            dry_run,
            outcome: if dry_run { Outcome::Planned } else { Outcome::Done },
            objects,
            notes,
        };
        document.print(args.take.output)
    })
}

/// Takes a schedule away.
pub(super) fn undo(settings: &Settings, args: &BackupArgs, of: Of<'_>) -> anyhow::Result<Exit> {
    let dry_run = args.take.dry_run;
    if !dry_run {
        may_change(settings)?;
    }
    block_on(async {
        let cluster = only(clusters(settings).await?)?;
        let of = match of {
            // It may be gone by now.
            Of::One(name) if namespace(settings)?.is_none() => seat(settings, Of::One(name)).await?.of,
            of => unseen(settings, of)?,
        };
        let gone = schedule::remove(&cluster, &of, dry_run).await?;
        let outcome = match (dry_run, gone.is_empty()) {
            (_, true) => Outcome::Nothing,
            (true, false) => Outcome::Planned,
            (false, false) => Outcome::Done,
        };
        let then = if dry_run { "would go" } else { "is gone" };
        let (reach, name) = (schedule::reach(&of), schedule::name(&of));
        let document = Document {
            verb: "backup unschedule",
            context: &cluster.context,
            namespace: reach.home(),
            name: &name,
            dry_run,
            outcome,
            objects: gone.into_iter().map(|what| Entry { what, then }).collect(),
            notes: Vec::new(),
        };
        document.print(args.take.output)
    })
}

impl Document<'_> {
    fn print(&self, format: ResultFormat) -> anyhow::Result<Exit> {
        let text = match format {
            ResultFormat::Json => serde_json::to_string_pretty(self)? + "\n",
            ResultFormat::Text if self.objects.is_empty() => {
                format!("there is no schedule {}/{}\n", self.namespace, self.name)
            }
            ResultFormat::Text => {
                self.objects.iter().map(|one| format!("{} {}\n", one.what, one.then)).collect()
            }
        };
        print(text.as_bytes())?;
        if format == ResultFormat::Text {
            self.notes.iter().for_each(|line| note(line));
        }
        Ok(if self.notes.is_empty() { self.outcome.exit() } else { Exit::Partial })
    }
}

fn wish(args: &BackupArgs, line: &CronLine, of: schedule::Of) -> anyhow::Result<Wish> {
    let BackupArgs { take, schedule, .. } = args;
    let to = take.to.as_deref().context("say where they go (--to): a pod has no state folder that stays")?;
    let objective = match take.rpo {
        Some(Aim::Within(objective)) => Some(objective),
        Some(Aim::Never | Aim::AsItIs) | None => None,
    };
    Ok(Wish {
        of,
        line: line.clone(),
        zone: schedule.time_zone.clone(),
        jitter: take.jitter,
        keep: super::keep(take),
        to: Place::parse(to)?,
        protection: super::protection(take)?,
        native: !take.no_native,
        at_once: take.at_once,
        objective,
        means: Means {
            image: schedule.image.clone(),
            credentials: schedule.credentials_from_secret.clone(),
            claim: schedule.claim.clone(),
        },
    })
}

/// Of which, where no cluster is asked.
fn unseen(settings: &Settings, of: Of<'_>) -> anyhow::Result<schedule::Of> {
    let namespace = namespace(settings)?;
    Ok(match of {
        Of::One(name) => {
            let namespace = namespace.context("say in which namespace it is (-n): no cluster is asked")?;
            schedule::Of::One { namespace, name: name.clone(), workload: name.clone() }
        }
        Of::Labelled(selector) => schedule::Of::Labelled { selector: selector.to_smolstr(), namespace },
        Of::All => schedule::Of::All,
    })
}

async fn seat(settings: &Settings, of: Of<'_>) -> anyhow::Result<Seat> {
    let Of::One(name) = of else {
        let cluster = only(clusters(settings).await?)?;
        return Ok(Seat { cluster, of: unseen(settings, of)?, target: None });
    };
    let (cluster, target) = the_one(settings, name).await?;
    let plane = target.control_plane().ok_or_else(|| anyhow!("{target} has no control plane"))?;
    let of = schedule::Of::One {
        namespace: target.namespace.clone(),
        name: target.name.clone(),
        workload: plane.name.clone(),
    };
    Ok(Seat { cluster, of, target: Some(target) })
}

fn only(clusters: Vec<Cluster>) -> anyhow::Result<Cluster> {
    let mut clusters = clusters.into_iter();
    match (clusters.next(), clusters.next()) {
        (Some(one), None) => Ok(one),
        _ => bail!("a schedule is on one host: say which with --context"),
    }
}

/// An account that reads Secrets is nothing to be made in passing.
fn is_meant(args: &BackupArgs, job: &CronJob) -> anyhow::Result<bool> {
    if args.schedule.yes {
        return Ok(true);
    }
    if !somebody_is_there() {
        bail!("nobody can be asked: say --yes, and look at --print or --dry-run first");
    }
    let home = job.reach.home();
    note(&format!("v9s {}", job.words.join(" ")));
    note(&format!(
        "{} by a CronJob {home}/{}, whose account reads all Secrets {} and changes control planes to note it",
        job.schedule,
        job.name,
        if home == v9s::cronjob::HOME { "of the host" } else { "there" }
    ));
    Ok(yes("Put it on the host?"))
}
