//! What the documents of `v9s list` say of backups.

use chrono::{DateTime, Utc};
use serde::Serialize;
use smol_str::SmolStr;
use v9s::health::Backups;
use v9s::target::Missed;

use super::record::{Facts, time};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BackupRecord {
    last_good: Option<GoodBackupRecord>,
    missed: Option<MissedBackupRecord>,
    objective_seconds: Option<u64>,
    due_at: Option<String>,
    late: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GoodBackupRecord {
    at: String,
    age_seconds: u64,
    revision: i64,
    file: SmolStr,
    to: SmolStr,
    who: SmolStr,
}

#[derive(Debug, Serialize)]
struct MissedBackupRecord {
    at: String,
    what: Missed,
    why: SmolStr,
    who: SmolStr,
}

impl BackupRecord {
    pub(super) fn new(facts: &mut Facts, backups: &Backups, now: DateTime<Utc>) -> Self {
        let good = facts.take("backup.lastGood", &backups.good, |good| {
            good.as_ref().map(|good| GoodBackupRecord {
                at: time(good.at),
                age_seconds: crate::format::elapsed(good.at, now).as_secs(),
                revision: good.revision,
                file: good.file.clone(),
                to: good.to.clone(),
                who: good.who.clone(),
            })
        });
        let missed = facts.take("backup.missed", &backups.missed, |missed| {
            missed.as_ref().map(|missed| MissedBackupRecord {
                at: time(missed.at),
                what: missed.what,
                why: missed.why.clone(),
                who: missed.who.clone(),
            })
        });
        let standing = facts.take("backup.late", &backups.standing, |standing| *standing);
        BackupRecord {
            last_good: good.flatten(),
            missed: missed.flatten(),
            objective_seconds: standing.map(|standing| standing.objective.age().as_secs()),
            due_at: standing.map(|standing| time(standing.until)),
            late: standing.map(|standing| standing.late),
        }
    }
}
