//! Taking a backup, and writing down on the control plane that there is one: the fleet is told by the watch that it has already.
//!
//! A note is worth less than a backup. Where it cannot be written, the backup is as good, and whoever took it is told.

use chrono::{DateTime, SubsecRound as _, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

use super::card::Card;
use super::error::BackupError;
use super::take::{self, Request, Taken};
use crate::backup::destination::{BucketPlace, Place};
use crate::cluster::Cluster;
use crate::operation::{Operation, Progress};
use crate::target::{GoodBackup, Missed, MissedBackup, Objective, Target};
use crate::wire::annotation;

/// What it takes, in order.
pub const NOTED_STEPS: [&str; 5] =
    [take::STEPS[0], take::STEPS[1], take::STEPS[2], take::STEPS[3], "note it on the control plane"];

/// What is said of how old the last good backup may become.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Aim {
    /// Nothing: it stays as it is.
    #[default]
    AsItIs,
    /// So old.
    Within(Objective),
    /// As old as it likes.
    Never,
}

/// A backup that was taken.
#[derive(Debug, Clone)]
pub struct NotedBackup {
    /// It.
    pub taken: Taken,
    /// Why it was not noted, if it was not.
    pub unnoted: Option<SmolStr>,
}

/// Takes a backup, leaves a record, and notes it; also that it failed.
pub fn start_noted(
    cluster: Cluster,
    target: Target,
    request: Request,
    aim: Aim,
) -> Operation<NotedBackup, BackupError> {
    Operation::start(format_smolstr!("back up {target}"), NOTED_STEPS, move |progress| async move {
        carry_out(&cluster, &target, &request, aim, &progress).await
    })
}

/// Takes it as [`start_noted`] does. The steps are [`NOTED_STEPS`].
///
/// # Errors
/// Why none was taken; that is noted, too.
pub async fn carry_out(
    cluster: &Cluster,
    target: &Target,
    request: &Request,
    aim: Aim,
    progress: &Progress,
) -> Result<NotedBackup, BackupError> {
    match take::carry_out(cluster, target, request, progress).await {
        Ok(taken) => {
            let note = good(&taken.card, request.to.place());
            let noted = progress
                .to_the_end()
                .step(NOTED_STEPS.len() - 1, async {
                    let unnoted = write(cluster, target, Note::Good(&note), aim).await.err();
                    if let Some(why) = &unnoted {
                        progress.note(format_smolstr!("not noted: {why}"));
                    }
                    Ok::<_, BackupError>(unnoted)
                })
                .await?;
            Ok(NotedBackup { taken, unnoted: noted })
        }
        // Whoever gave it up knows.
        Err(error @ BackupError::Cancelled(_)) => Err(error),
        Err(error) => {
            let noted = missed(cluster, target, &request.who, Missed::Failed, &error.to_string(), aim).await;
            if let Err(why) = noted {
                tracing::warn!(%target, %why, "that a backup failed could not be noted");
            }
            Err(error)
        }
    }
}

/// Notes a run that took no backup, beside what is noted of the last good one.
///
/// # Errors
/// Why it could not be noted, as a sentence.
pub async fn missed(
    cluster: &Cluster,
    target: &Target,
    who: &str,
    what: Missed,
    why: &str,
    aim: Aim,
) -> Result<(), SmolStr> {
    let why = why.chars().take(LONGEST_REASON).collect::<String>().into();
    let note = MissedBackup { at: Utc::now().trunc_subsecs(0), what, why, who: who.into() };
    write(cluster, target, Note::Missed(&note), aim).await
}

/// Writes down how old the last good backup may become, and nothing else.
///
/// # Errors
/// Why it could not be written, as a sentence.
pub async fn aim_at(cluster: &Cluster, target: &Target, aim: Aim) -> Result<(), SmolStr> {
    write(cluster, target, Note::None, aim).await
}

/// Characters of a reason that are kept.
const LONGEST_REASON: usize = 400;
/// The word for the record.
const ACTION: &str = "note-backup";

enum Note<'a> {
    None,
    Good(&'a GoodBackup),
    Missed(&'a MissedBackup),
}

fn good(card: &Card, to: &Place) -> GoodBackup {
    GoodBackup {
        at: whole_second(card.header.began),
        revision: card.contents.store.revision,
        file: card.file.clone(),
        to: without_secrets(to).to_smolstr(),
        who: card.contents.by.who.clone(),
    }
}

/// The second before: a backup is never told younger than it is.
fn whole_second(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(0)
}

/// Where it lies, for everybody who may look at a workload. A URL has no credentials, and of what a storage is reached by only its address
/// is told.
fn without_secrets(place: &Place) -> Place {
    match place {
        Place::Folder(path) => Place::Folder(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
        Place::Bucket(at) => {
            let address = |url: &SmolStr| url.split(['?', '#']).next().unwrap_or_default().into();
            Place::Bucket(BucketPlace { url: at.url.as_ref().map(address), ..at.clone() })
        }
    }
}

/// The change of the workload. Its UID is a precondition; its pods, and what they are made from, stay as they are.
fn patch(uid: &str, note: &Note<'_>, aim: Aim) -> Result<Value, SmolStr> {
    let mut annotations = match note {
        Note::None => json!({}),
        Note::Good(good) => json!({annotation::BACKUP: text(good)?, annotation::BACKUP_MISSED: null}),
        Note::Missed(missed) => json!({annotation::BACKUP_MISSED: text(missed)?}),
    };
    match aim {
        Aim::AsItIs => {}
        Aim::Within(objective) => annotations[annotation::BACKUP_OBJECTIVE] = objective.to_string().into(),
        Aim::Never => annotations[annotation::BACKUP_OBJECTIVE] = Value::Null,
    }
    Ok(json!({"metadata": {"uid": uid, "annotations": annotations}}))
}

fn text(note: &impl Serialize) -> Result<String, SmolStr> {
    serde_json::to_string(note).map_err(|why| why.to_smolstr())
}

async fn write(cluster: &Cluster, target: &Target, note: Note<'_>, aim: Aim) -> Result<(), SmolStr> {
    let plane = target.control_plane().ok_or("it has no control plane on which it could be noted")?;
    let patch = patch(&plane.uid, &note, aim)?;
    let done = cluster.merge::<Value>(ACTION, &plane.object(), &patch).await;
    done.map(drop).map_err(|error| format_smolstr!("{error}; {}", error.remedy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note() -> GoodBackup {
        GoodBackup {
            at: DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
            revision: 7,
            file: "team.shop.x.tar.zst".into(),
            to: "s3://b".into(),
            who: "ada".into(),
        }
    }

    #[test]
    fn a_good_one_takes_the_place_of_a_miss_and_a_miss_leaves_the_good_one() {
        let good = patch("u", &Note::Good(&note()), Aim::AsItIs).unwrap();
        let marks = &good["metadata"]["annotations"];
        assert!(marks["v9s.io/backup-missed"].is_null() && marks.get("v9s.io/backup-missed").is_some());
        assert_eq!(
            serde_json::from_str::<GoodBackup>(marks["v9s.io/backup"].as_str().unwrap()).unwrap(),
            note()
        );
        assert!(marks.get("v9s.io/backup-objective").is_none(), "what nobody said stays as it is");

        let missed = MissedBackup { at: note().at, what: Missed::Failed, why: "x".into(), who: "ada".into() };
        let patch = patch("u", &Note::Missed(&missed), Aim::Never).unwrap();
        assert_eq!(patch["metadata"]["uid"], "u");
        let keys: Vec<&String> = patch["metadata"]["annotations"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["v9s.io/backup-missed", "v9s.io/backup-objective"]);
        assert_eq!(patch.as_object().unwrap().len(), 1, "nothing that pods are made from");
    }

    #[test]
    fn a_place_is_told_without_what_opens_it() {
        for (place, told) in [
            (
                "s3://b/eu?url=https://x.example/p?sig=abc&region=r",
                "s3://b/eu?url=https://x.example/p&region=r",
            ),
            ("s3://b", "s3://b"),
            ("/srv/backups", "/srv/backups"),
        ] {
            assert_eq!(without_secrets(&Place::parse(place).unwrap()).to_string(), told);
        }
        let relative = without_secrets(&Place::parse("backups").unwrap()).to_string();
        assert!(relative.starts_with('/') && relative.ends_with("/backups"), "{relative}");
    }
}
