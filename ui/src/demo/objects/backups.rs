//! What is noted of backups on the control plane, as `v9s backup` writes it there (docs/backup.md, What is noted).

use chrono::SubsecRound as _;
use serde_json::{Value, json};
use smol_str::{SmolStr, format_smolstr};
use v9s::backup::archive::Tenant as Whose;
use v9s::backup::set::archive_name;
use v9s::target::{GoodBackup, MissedBackup};
use v9s::wire::annotation;

use crate::demo::spec::Tenant;

/// Where the company keeps them.
const TO: &str = "s3://acme-backups/vclusters?url=https://minio.acme.example&region=eu-west-1";
/// Who takes them: the schedule's job.
const WHO: &str = "v9s-backup";

/// The annotations of a tenant's control plane.
pub(super) fn notes(tenant: &Tenant) -> Vec<(String, Value)> {
    let backups = &tenant.backups;
    let good = backups.good.map(|at| GoodBackup {
        at: at.trunc_subsecs(0),
        revision: 20_000 + i64::from(tenant.seed.child("revision").below(400_000) as u32),
        file: archive_name(&whose(tenant), at, true),
        to: TO.into(),
        who: WHO.into(),
    });
    let missed = backups.missed.map(|(at, what, why)| MissedBackup {
        at: at.trunc_subsecs(0),
        what,
        why: why.into(),
        who: WHO.into(),
    });
    let objective = backups.objective_hours.map(|hours| format_smolstr!("{hours}h"));
    let said = [
        (annotation::BACKUP, good.and_then(|good| serde_json::to_string(&good).ok()).map(SmolStr::from)),
        (
            annotation::BACKUP_MISSED,
            missed.and_then(|missed| serde_json::to_string(&missed).ok()).map(SmolStr::from),
        ),
        (annotation::BACKUP_OBJECTIVE, objective),
    ];
    said.into_iter().filter_map(|(key, said)| Some((key.to_owned(), json!(said?.as_str())))).collect()
}

fn whose(tenant: &Tenant) -> Whose {
    Whose {
        host: SmolStr::default(),
        namespace: tenant.namespace.as_str().into(),
        name: tenant.name.as_str().into(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use v9s::health::backups::{Measure, judge};
    use v9s::known::Known;
    use v9s::target::{Missed, Noted, NotedText};

    use super::*;
    use crate::demo::seed::Seed;
    use crate::demo::spec::Backups;

    #[test]
    fn what_is_noted_is_read_as_that_of_a_real_one() {
        let now = DateTime::from_timestamp(1_794_000_000, 0).unwrap();
        let ago = |hours| now - TimeDelta::hours(hours);
        let stands = |backups: Backups| {
            let tenant = Tenant { backups, ..Tenant::new("shop", ago(2_400), Seed::new(1)) };
            let notes = notes(&tenant);
            let note =
                |key: &str| notes.iter().find(|(it, _)| it == key).and_then(|(_, value)| value.as_str());
            let text = NotedText {
                good: note(annotation::BACKUP),
                missed: note(annotation::BACKUP_MISSED),
                objective: note(annotation::BACKUP_OBJECTIVE),
            };
            let noted = Noted::read(text, "shop", "shop");
            judge(&noted, Measure { objective: None, created: None }, now).0
        };
        let fresh = Backups { good: Some(ago(5)), missed: None, objective_hours: Some(24) };
        let late = Backups {
            good: Some(ago(77)),
            missed: Some((ago(5), Missed::Failed, "refused")),
            ..fresh.clone()
        };
        assert!(stands(fresh).standing.get().is_some_and(|standing| !standing.late));
        let late = stands(late);
        assert!(late.standing.get().is_some_and(|standing| standing.late));
        assert!(matches!(&late.missed, Known::Yes(Some(missed)) if missed.why == "refused"));
        let never = stands(Backups::default());
        assert_eq!((never.good, never.standing), (Known::Yes(None), Known::NotApplicable));
    }
}
