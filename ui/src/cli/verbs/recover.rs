//! `v9s recover`: looks what is wrong with a store, and leads to what helps.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use smol_str::SmolStr;
use v9s::health::store::{Remedy, Trouble, remedy};
use v9s::lifecycle::restore::{Diagnosis, diagnose};
use v9s::target::Target;

use super::ask::note;
use super::host::{block_on, may_change, the_one};
use super::restore::{RestoreArgs, replace};
use super::{Outcome, Report, VerbArgs};
use crate::cli::Exit;
use crate::settings::Settings;
use crate::text::clean;

/// Flags of `v9s recover`; documented in docs/restore.md.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct RecoverArgs {
    /// What all verbs have.
    #[command(flatten)]
    pub verb: VerbArgs,
    /// Another backup than the last good one that is noted: a file, or s3://BUCKET/PREFIX/NAME
    #[arg(long, value_name = "URL", value_parser = crate::cli::args::non_empty)]
    pub from: Option<SmolStr>,
    /// File with the identity that opens it (AGE-SECRET-KEY-1…); may be repeated
    #[arg(long, value_name = "FILE")]
    pub identity: Vec<PathBuf>,
    /// Without a backup, also where there is one: make a store of what the host carries
    #[arg(long, conflicts_with = "from")]
    pub adopt: bool,
    /// The name once more, where nobody can be asked for it
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
}

/// Looks, says what is wrong, and puts another store in the place of a broken one.
pub fn run(settings: &Settings, args: &RecoverArgs) -> anyhow::Result<Exit> {
    let VerbArgs { name, dry_run, anyway, output } = &args.verb;
    block_on(async {
        if !dry_run {
            may_change(settings)?;
        }
        let (cluster, target) = the_one(settings, name).await?;
        let found = diagnose(&cluster, &target).await?;
        let lines = lines(&found);
        let report = Report::new("recover", &target).with_plan(lines.clone()).with_result(document(&found));
        let needed = remedy(found.said.iter().map(|said| said.trouble), found.answers);
        if let Some((outcome, message)) = instead(needed, &target, &found, *anyway) {
            return report.ended(outcome, message).print(*output);
        }
        if super::ResultFormat::Text == *output {
            lines.iter().for_each(|line| note(line));
        }
        let noted = found.good.get().and_then(Option::as_ref);
        let from = args.from.clone().or_else(|| {
            let good = noted.filter(|_| !args.adopt)?;
            Some(format!("{}/{}", good.to.trim_end_matches('/'), good.file).into())
        });
        let restore = RestoreArgs {
            verb: args.verb.clone(),
            identity: args.identity.clone(),
            adopt: from.is_none(),
            from,
            confirm: args.confirm.clone(),
            is_lost: true,
            ..RestoreArgs::default()
        };
        replace(settings, &restore, cluster, target).await?.print(*output)
    })
}

/// What is told instead of putting another store in place.
pub(crate) fn instead(
    needed: Remedy,
    target: &Target,
    found: &Diagnosis,
    anyway: bool,
) -> Option<(Outcome, String)> {
    let Target { namespace, name, .. } = target;
    // What a killed restore has left is gone on with.
    let anyway = anyway || found.unfinished;
    let message = match needed {
        Remedy::Replace => return None,
        Remedy::Nothing if anyway => return None,
        Remedy::Unclear if anyway => return None,
        Remedy::Nothing => {
            return Some((
                Outcome::Nothing,
                format!(
                    "the store of {target} answers, and says nothing of trouble: `v9s store {name} -n {namespace}` shows how it is"
                ),
            ));
        }
        Remedy::Mend(Trouble::Full) if found.room.is_empty() => format!(
            "the store of {target} has no room, and what it holds is whole: enlarge its volume, or see `v9s store {name} -n {namespace} --recover-space`"
        ),
        Remedy::Mend(Trouble::Full) => format!(
            "the store of {target} has no room, and what it holds is whole: {}",
            found.room.join("; or ")
        ),
        Remedy::Mend(_) => format!(
            "the volume of {target} cannot be used, and what is on it may be whole: see to the volume and its node first"
        ),
        Remedy::Unclear => format!(
            "the store of {target} does not answer, and does not say why: nothing shows that it is broken. Say --anyway to put another in its place"
        ),
    };
    Some((Outcome::Refused, message))
}

pub(crate) fn lines(found: &Diagnosis) -> Vec<String> {
    let mut lines = vec![match found.answers {
        true => "its store answers".to_owned(),
        false => "its store does not answer".to_owned(),
    }];
    lines.extend(found.unready.iter().map(|(pod, why)| format!("{pod}: {}", clean(why))));
    lines.extend(found.said.iter().map(|said| {
        let what = match said.trouble {
            Trouble::Corrupt => "it is broken",
            Trouble::Full => "there is no room",
            Trouble::Volume => "its volume cannot be used",
        };
        let line: String = said.line.chars().take(200).collect();
        format!("{} says that {what}: {}", said.pod, clean(&line))
    }));
    lines.push(match (found.good.get(), found.good.why()) {
        (Some(Some(good)), _) => format!(
            "its last good backup is {} of {}, in {}",
            clean(&good.file),
            good.at.format("%Y-%m-%d %H:%M UTC"),
            clean(&good.to)
        ),
        (_, Some(why)) => format!("what is noted of its backups is not known: {}", clean(why)),
        _ => "no backup of it is noted".to_owned(),
    });
    lines
}

fn document(found: &Diagnosis) -> serde_json::Value {
    let word = |trouble| match trouble {
        Trouble::Corrupt => "corrupt",
        Trouble::Full => "full",
        Trouble::Volume => "volume",
    };
    let said: Vec<_> = found
        .said
        .iter()
        .map(|said| json!({"pod": said.pod, "trouble": word(said.trouble), "line": clean(&said.line)}))
        .collect();
    json!({
        "answers": found.answers, "said": said, "unfinished": found.unfinished,
        "unready": found.unready.iter().map(|(pod, why)| json!({"pod": pod, "why": why})).collect::<Vec<_>>(),
        "backup": found.good.get().and_then(Option::as_ref).map(|good| json!({"at": good.at, "file": good.file, "to": good.to})),
    })
}
