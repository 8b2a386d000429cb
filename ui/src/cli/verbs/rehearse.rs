//! `v9s verify --restore-test`: a backup is restored somewhere, looked at, and taken away again.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use chrono::Utc;
use clap::Args;
use serde::Serialize;
use smol_str::{SmolStr, format_smolstr};
use v9s::gc::ByConnect;
use v9s::provision::{create, values};
use v9s::rehearse::{Rehearsed, Request, rehearse};

use super::backup::who;
use super::host::{may_change, the_host};
use crate::cli::Exit;
use crate::cli::create::given;
use crate::cli::steps::accompany;
use crate::settings::Settings;
use crate::text;

/// Flags of a rehearsal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct RehearseArgs {
    /// Also restore it into a virtual cluster of its own, without the tenant's pods, look at what that serves, and take it away again
    #[arg(long)]
    pub restore_test: bool,
    /// Namespace for that, which must not be there [default: v9s-restore-test-TIME]
    #[arg(long = "in", value_name = "NAMESPACE", requires = "restore_test")]
    pub place: Option<SmolStr>,
    /// vcluster.yaml over what is taken of the one in the backup, such as another class of storage; may be repeated
    #[arg(short, long, value_name = "FILE", requires = "restore_test")]
    pub file: Vec<PathBuf>,
    /// One setting of vcluster.yaml for that; may be repeated
    #[arg(long, value_name = "KEY=VALUE", requires = "restore_test")]
    pub set: Vec<String>,
}

/// What came of it; documented in docs/backup.md.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Objects that were served.
    objects: u64,
    /// Objects that have no UID to look for.
    unread: u64,
    left: Vec<Left>,
}

#[derive(Serialize)]
struct Left {
    what: SmolStr,
    why: SmolStr,
}

impl Told {
    /// A backup that cannot be restored is an error; that it could not be found out is not the same.
    pub(super) fn exit(&self) -> Exit {
        match self.outcome {
            "restorable" if self.left.is_empty() => Exit::Ok,
            "not restorable" => Exit::Error,
            _ => Exit::Partial,
        }
    }

    pub(super) fn lines(&self) -> String {
        let why = self.why.as_deref().map(text::clean);
        let mut said = match why {
            Some(why) => format!("restore test: {}: {why}\n", self.outcome),
            None => {
                format!("restore test: {}: {} objects are served as they were\n", self.outcome, self.objects)
            }
        };
        // Writing to a string does not fail.
        if self.unread > 0 {
            let _ = writeln!(said, "  {} more are encrypted, and were not looked for", self.unread);
        }
        for Left { what, why } in &self.left {
            let _ = writeln!(said, "  left behind: {what}: {why}");
        }
        said
    }
}

impl From<Rehearsed> for Told {
    fn from(Rehearsed { outcome, left }: Rehearsed) -> Self {
        let left = left.into_iter().map(|(what, why)| Left { what, why }).collect();
        match outcome {
            Ok(seen) => {
                let objects = seen.counts.values().sum();
                Told { outcome: "restorable", why: None, objects, unread: seen.unread, left }
            }
            Err(why) => {
                let outcome = if why.is_verdict() { "not restorable" } else { "unknown" };
                Told { outcome, why: Some(why.to_string()), objects: 0, unread: 0, left }
            }
        }
    }
}

/// The backup that is tried.
pub(super) struct Backup {
    pub(super) at: v9s::backup::destination::Destination,
    pub(super) name: SmolStr,
    pub(super) identities: v9s::backup::archive::Identities,
    pub(super) expected: Option<v9s::backup::archive::Tenant>,
}

/// Tries it on the host of the command line. Steps are shown on standard error, unless `ascii` is none.
pub(super) async fn run(
    settings: &Settings,
    args: &RehearseArgs,
    backup: Backup,
    ascii: Option<bool>,
) -> anyhow::Result<Told> {
    may_change(settings)?;
    let cluster = the_host(settings, "it is tried").await?;
    let namespace = args
        .place
        .clone()
        .unwrap_or_else(|| format_smolstr!("v9s-restore-test-{}", Utc::now().format("%Y%m%d%H%M%S")));
    create::check_name("namespace", &namespace)?;
    let scratch = settings.dirs.restores();
    fs::create_dir_all(&scratch).with_context(|| format!("cannot make the folder {}", scratch.display()))?;
    let Backup { at, name, identities, expected } = backup;
    let request = Request {
        at,
        name,
        identities,
        expected,
        namespace,
        over: values::layered(&given(&args.file, &args.set)?)?,
        scratch,
        who: who(),
        ways: Arc::new(ByConnect::default()),
    };
    let done = rehearse(&cluster, &request, |part, cancel| {
        tokio::spawn(accompany(part, cancel, ascii));
    });
    Ok(done.await.into())
}

#[cfg(test)]
mod tests {
    use v9s::rehearse::{RehearseError, Seen};

    use super::*;

    fn told(outcome: Result<Seen, RehearseError>, left: &[(&str, &str)]) -> Told {
        let left = left.iter().map(|(what, why)| ((*what).into(), (*why).into())).collect();
        Rehearsed { outcome, left }.into()
    }

    #[test]
    fn what_shows_something_is_told_apart_from_what_could_not_be_tried() {
        let seen = || Seen { counts: [("secrets".into(), 3)].into(), unread: 1, revision: 7 };
        let differs = || RehearseError::Differs("of 3 secrets 1 are not served".to_owned());
        let unfit = || RehearseError::Unfit("no room".to_owned());
        for (told, exit, outcome) in [
            (told(Ok(seen()), &[]), Exit::Ok, "restorable"),
            (told(Ok(seen()), &[("namespace x", "it is held")]), Exit::Partial, "restorable"),
            (told(Err(differs()), &[]), Exit::Error, "not restorable"),
            (told(Err(unfit()), &[]), Exit::Partial, "unknown"),
        ] {
            assert_eq!((told.exit(), told.outcome), (exit, outcome), "{}", told.lines());
        }
        let lines = told(Ok(seen()), &[("namespace x", "it is held")]).lines();
        insta::assert_snapshot!(lines, @r"
        restore test: restorable: 3 objects are served as they were
          1 more are encrypted, and were not looked for
          left behind: namespace x: it is held
        ");
    }
}
