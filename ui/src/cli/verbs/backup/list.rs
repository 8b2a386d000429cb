//! `v9s backup list`.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use v9s::backup::set::{Card, Shelf, Slot, browse};

use super::super::ResultFormat;
use super::super::host::block_on;
use crate::cli::{Exit, print};
use crate::settings::Settings;
use crate::text;

/// Flags of `v9s backup list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ListArgs {
    /// Where they are [default: backups in the state folder]
    #[arg(value_name = "URL")]
    pub url: Option<String>,
    /// How it is printed
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ResultFormat,
}

#[derive(Serialize)]
struct Listed<'a> {
    at: String,
    good: Vec<&'a Card>,
    unproven: Vec<Unproven<'a>>,
    bereft: &'a [smol_str::SmolStr],
}

#[derive(Serialize)]
struct Unproven<'a> {
    file: &'a str,
    length: u64,
    why: &'a str,
}

/// Lists what lies at a destination. [`Exit::Partial`] when something there is not known to be good.
pub(super) fn run(settings: &Settings, args: &ListArgs) -> anyhow::Result<Exit> {
    let at = super::destination(settings, args.url.as_deref())?;
    block_on(async {
        let shelf = browse(&at).await?;
        let unproven: Vec<Unproven<'_>> = shelf.slots.iter().filter_map(unproven).collect();
        let whole = unproven.is_empty();
        let text = match args.output {
            ResultFormat::Text => lines(&shelf, Utc::now(), settings.config.ascii),
            ResultFormat::Json => {
                let good = shelf.good().collect();
                let listed = Listed { at: at.place().to_string(), good, unproven, bereft: &shelf.bereft };
                serde_json::to_string_pretty(&listed)? + "\n"
            }
        };
        print(text.as_bytes())?;
        Ok(if whole { Exit::Ok } else { Exit::Partial })
    })
}

fn unproven(slot: &Slot) -> Option<Unproven<'_>> {
    match slot {
        Slot::Good(_) => None,
        Slot::Unproven { stored, why } => Some(Unproven { file: &stored.name, length: stored.length, why }),
    }
}

fn lines(shelf: &Shelf, now: DateTime<Utc>, ascii: bool) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    for slot in &shelf.slots {
        let _ = match slot {
            Slot::Good(card) => writeln!(
                text,
                "{}  {} ago  {} keys at {}  {} bytes  {}",
                text::clean(&card.file),
                crate::format::age(card.header.began, now),
                card.keys,
                card.contents.store.revision,
                card.length,
                card.contents.coverage.sentence(ascii)
            ),
            Slot::Unproven { stored, why } => writeln!(
                text,
                "{}  not known to be good: {}; `v9s verify` can tell",
                text::clean(&stored.name),
                text::clean(why)
            ),
        };
    }
    for card in &shelf.bereft {
        let _ = writeln!(text, "{}  its archive is gone", text::clean(card));
    }
    if text.is_empty() {
        text.push_str("no backups\n");
    }
    text
}
