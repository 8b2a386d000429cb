//! `v9s backup prune`.

use std::time::Duration;

use anyhow::bail;
use chrono::Utc;
use clap::Args;
use serde::Serialize;
use v9s::backup::set::{Card, Keep, prune};

use super::super::ask::{note, somebody_is_there, word};
use super::super::host::{block_on, may_change};
use super::super::{Outcome, ResultFormat};
use crate::cli::{Exit, print};
use crate::settings::Settings;
use crate::text;

/// Flags of `v9s backup prune`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct PruneArgs {
    /// Where they are [default: backups in the state folder]
    #[arg(value_name = "URL")]
    pub url: Option<String>,
    /// Keep so many of each virtual cluster, the newest
    #[arg(long, value_name = "N", required_unless_present = "keep_within", value_parser = clap::value_parser!(u32).range(1..))]
    pub keep_last: Option<u32>,
    /// Keep those that are younger, such as 30d
    #[arg(long, value_name = "DURATION", value_parser = crate::cli::args::duration)]
    pub keep_within: Option<Duration>,
    /// Say what would go, and take nothing away
    #[arg(long)]
    pub dry_run: bool,
    /// Without a question, where nobody can be asked
    #[arg(long, conflicts_with = "dry_run")]
    pub yes: bool,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ResultFormat,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pruned<'a> {
    verb: &'static str,
    at: String,
    dry_run: bool,
    outcome: Outcome,
    gone: &'a [Card],
}

/// Takes away backups that no rule keeps.
pub(super) fn run(settings: &Settings, args: &PruneArgs) -> anyhow::Result<Exit> {
    if !args.dry_run {
        may_change(settings)?;
    }
    let at = super::destination(settings, args.url.as_deref())?;
    let keep = Keep { last: args.keep_last.map(|last| last as usize), within: args.keep_within };
    block_on(async {
        let now = Utc::now();
        let would = prune(&at, keep, now, true).await?;
        if !args.dry_run && !would.is_empty() && !is_meant(args, &would)? {
            bail!("nothing was taken away: it was not confirmed");
        }
        // The same time gives the same ones, and never more.
        let gone = if args.dry_run { would } else { prune(&at, keep, now, false).await? };
        let outcome = match (args.dry_run, gone.is_empty()) {
            (true, _) => Outcome::Planned,
            (false, true) => Outcome::Nothing,
            (false, false) => Outcome::Done,
        };
        let text = match args.output {
            ResultFormat::Json => {
                let at = at.place().to_string();
                let pruned = Pruned { verb: "backup prune", at, dry_run: args.dry_run, outcome, gone: &gone };
                serde_json::to_string_pretty(&pruned)? + "\n"
            }
            ResultFormat::Text => lines(&gone, args.dry_run),
        };
        print(text.as_bytes())?;
        Ok(outcome.exit())
    })
}

fn lines(gone: &[Card], dry_run: bool) -> String {
    if gone.is_empty() {
        return "every backup is kept\n".to_owned();
    }
    let what = if dry_run { "would go" } else { "is gone" };
    gone.iter().map(|card| format!("{}  {what}\n", text::clean(&card.file))).collect()
}

fn is_meant(args: &PruneArgs, gone: &[Card]) -> anyhow::Result<bool> {
    if args.yes {
        return Ok(true);
    }
    if !somebody_is_there() {
        bail!("nobody can be asked: say --yes, and look at --dry-run first");
    }
    for card in gone {
        note(&text::clean(&card.file));
    }
    let count = gone.len().to_string();
    Ok(word(&format!("Type {count} to take these backups away for good: "), &count))
}
