//! `v9s backup`.

mod all;
mod list;
mod prune;
mod schedule;
mod schedules;
mod take;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, Subcommand};
use smol_str::SmolStr;
use v9s::backup::archive::{Identities, Recipients};
use v9s::backup::destination::{Destination, Environment, Place};
use v9s::backup::set::{Aim, Keep, Protection};
use v9s::target::Objective;

use super::ResultFormat;
use crate::cli::{Exit, GlobalArgs};
use crate::filter::Selector;
use crate::settings::Settings;

/// Flags of `v9s backup`; documented in docs/backup.md.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, flatten_help = true)]
pub struct BackupArgs {
    /// Taking one is what is done without.
    #[command(subcommand)]
    pub command: Option<BackupCommand>,
    /// Flags of taking one.
    #[command(flatten)]
    pub take: TakeArgs,
    /// Flags of having them taken again and again.
    #[command(flatten)]
    pub schedule: schedule::ScheduleArgs,
}

/// What can be done with backups besides taking them.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum BackupCommand {
    /// List the backups at a destination
    List(list::ListArgs),
    /// Take away backups that no rule keeps; the newest good one of each virtual cluster stays
    Prune(prune::PruneArgs),
    /// List the schedules by which backups are taken in the host clusters
    Schedules(schedules::SchedulesArgs),
}

/// Flags of taking a backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[group(id = "taking", multiple = true)]
pub struct TakeArgs {
    /// Name of the virtual cluster; with -A and without one, all of them
    #[arg(value_name = "NAME", value_parser = crate::cli::args::non_empty)]
    pub name: Option<SmolStr>,
    /// Where it goes: a folder, or s3://BUCKET/PREFIX?url=…&region=… [default: backups in the state folder]
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,
    /// Who can read it: a public key as `age-keygen` prints it (age1…); may be repeated
    #[arg(long, value_name = "KEY")]
    pub recipient: Vec<String>,
    /// Encrypt nothing and leave certificates and keys out: everybody who gets the file reads the tenant's Secrets
    #[arg(long, conflicts_with = "recipient")]
    pub unencrypted: bool,
    /// Leave etcd's own snapshot out; its keys are in the backup in any case
    #[arg(long)]
    pub no_native: bool,
    /// How old its last good backup may become, such as 24h; `none` for as old as it likes. It is noted on the virtual cluster, and the
    /// fleet warns beyond it
    #[arg(long, value_name = "AGE", value_parser = aim)]
    pub rpo: Option<Aim>,
    /// Wait for a random time before, no longer than this
    #[arg(long, value_name = "DURATION", value_parser = crate::cli::args::duration)]
    pub jitter: Option<Duration>,
    /// Afterwards keep so many of each virtual cluster whose backup was taken, the newest; what no rule keeps goes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub keep: Option<u32>,
    /// Afterwards keep those that are younger, such as 30d
    #[arg(long, value_name = "DURATION", value_parser = crate::cli::args::duration)]
    pub keep_for: Option<Duration>,
    /// With -A, how many are taken at a time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub at_once: u8,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ResultFormat,
}

/// Takes backups, lists them, or takes old ones away.
pub fn run(settings: &Settings, global: &GlobalArgs, args: &BackupArgs) -> anyhow::Result<Exit> {
    match &args.command {
        Some(BackupCommand::List(args)) => list::run(settings, args),
        Some(BackupCommand::Prune(args)) => prune::run(settings, args),
        Some(BackupCommand::Schedules(args)) => schedules::run(settings, args),
        None => {
            let of = Of::asked(global, args.take.name.as_ref())?;
            match (&args.schedule.schedule, args.schedule.unschedule) {
                (Some(line), _) => schedule::run(settings, args, of, line),
                (None, true) => schedule::undo(settings, args, of),
                (None, false) => match of {
                    Of::One(name) => take::run(settings, &args.take, name),
                    Of::Labelled(selector) => all::run(settings, &args.take, Some(selector)),
                    Of::All => all::run(settings, &args.take, None),
                },
            }
        }
    }
}

/// Of which virtual clusters.
#[derive(Debug, Clone, Copy)]
enum Of<'a> {
    One(&'a SmolStr),
    Labelled(&'a Selector),
    All,
}

impl<'a> Of<'a> {
    fn asked(global: &'a GlobalArgs, name: Option<&'a SmolStr>) -> anyhow::Result<Self> {
        match (name, &global.scope.selector) {
            (Some(_), Some(_)) => bail!("a NAME and --selector do not go together"),
            (Some(_), None) if global.scope.all_namespaces => bail!("a NAME and -A do not go together"),
            (Some(name), None) => Ok(Of::One(name)),
            (None, Some(selector)) => Ok(Of::Labelled(selector)),
            (None, None) if global.scope.all_namespaces => Ok(Of::All),
            (None, None) => bail!("say of which virtual cluster: a NAME, -l SELECTOR, or -A for all"),
        }
    }
}

/// What is kept of those whose backup was taken.
fn keep(args: &TakeArgs) -> Keep {
    Keep { last: args.keep.map(|last| last as usize), within: args.keep_for }
}

fn aim(text: &str) -> Result<Aim, String> {
    match text {
        "none" => Ok(Aim::Never),
        text => text.parse::<Objective>().map(Aim::Within).map_err(|why| why.to_string()),
    }
}

/// The destination of the command line.
pub(super) fn destination(settings: &Settings, url: Option<&str>) -> anyhow::Result<Destination> {
    let place = match url {
        Some(url) => Place::parse(url)?,
        None => Place::Folder(settings.dirs.backups()),
    };
    Ok(Destination::open(place, &Environment::of_process())?)
}

/// Who may read what is written.
fn protection(args: &TakeArgs) -> anyhow::Result<Protection> {
    let recipients = Recipients::parse(args.recipient.iter().map(String::as_str))?;
    Protection::choose(recipients, args.unencrypted).map_err(|why| anyhow!(why))
}

/// Who takes it, as this machine knows them.
pub(crate) fn who() -> SmolStr {
    let named = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).map_or_else(|| "unknown".into(), SmolStr::from)
}

/// The identities in files.
pub(crate) fn identities(files: &[PathBuf]) -> anyhow::Result<Identities> {
    let mut text = String::new();
    for file in files {
        let shown = file.display();
        let one =
            std::fs::read_to_string(file).with_context(|| format!("cannot read the identity {shown}"))?;
        Identities::parse(&one).with_context(|| shown.to_string())?;
        text.push_str(&one);
        text.push('\n');
    }
    Ok(if files.is_empty() { Identities::default() } else { Identities::parse(&text)? })
}
