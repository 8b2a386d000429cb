//! What comes of what is noted of backups: how the last good one stands against its objective, and what is to be told. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::{SmolStr, format_smolstr};

use crate::fleet::model::{Finding, Severity};
use crate::known::Known;
use crate::target::{GoodBackup, Missed, MissedBackup, Noted, Objective};

/// Codes of findings.
pub mod code {
    /// The last good backup is older than it may be.
    pub const LATE: &str = "backup-late";
    /// The last run failed.
    pub const FAILED: &str = "backup-failed";
    /// The last run passed it over.
    pub const PASSED_OVER: &str = "backup-passed-over";
    /// What is noted cannot be believed.
    pub const UNKNOWN: &str = "backup-unknown";
}

/// Backups of one virtual cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backups {
    /// The last good one; none when none is noted.
    pub good: Known<Option<GoodBackup>>,
    /// The last run that took none, if no good one came after it.
    pub missed: Known<Option<MissedBackup>>,
    /// How the last good one stands; not applicable without an objective.
    pub standing: Known<Standing>,
}

/// How the last good backup stands against its objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How old it may become.
    pub objective: Objective,
    /// Until when that holds, or held.
    pub until: DateTime<Utc>,
    /// Whether that is over.
    pub late: bool,
}

impl Default for Backups {
    fn default() -> Self {
        Backups { good: Known::Yes(None), missed: Known::Yes(None), standing: Known::NotApplicable }
    }
}

/// Clocks may differ by so much; what is further ahead was written by one that is wrong.
const AHEAD: TimeDelta = TimeDelta::minutes(10);

/// What a virtual cluster without an objective of its own goes by, and since when there is something to lose.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    /// How old the last good backup may become unless the virtual cluster says so itself.
    pub objective: Option<Objective>,
    /// When the virtual cluster was made: before that there was nothing to be backed up.
    pub created: Option<DateTime<Utc>>,
}

/// How backups stand, and when time alone changes that.
pub fn judge(noted: &Noted, measure: Measure, now: DateTime<Utc>) -> (Backups, Option<DateTime<Utc>>) {
    let (good, believed) = match &noted.good {
        Known::Yes(Some(good)) if good.at > now + AHEAD => {
            let why = format_smolstr!(
                "it is noted for {}, which is still to come: a clock is wrong",
                minute(good.at)
            );
            (Known::No(why), Some(good.at - AHEAD))
        }
        good => (good.clone(), None),
    };
    let missed = match (&noted.missed, good.get()) {
        // Two runs at the same time may end in either order.
        (Known::Yes(Some(missed)), Some(Some(good))) if missed.at < good.at => Known::Yes(None),
        (missed, _) => missed.clone(),
    };
    let standing = standing(&good, noted, measure, now);
    let due = standing.get().filter(|standing| !standing.late).map(|standing| standing.until);
    (Backups { good, missed, standing }, believed.or(due))
}

fn standing(
    good: &Known<Option<GoodBackup>>,
    noted: &Noted,
    measure: Measure,
    now: DateTime<Utc>,
) -> Known<Standing> {
    let objective = match &noted.objective {
        Known::Yes(own) => own.or(measure.objective),
        Known::No(why) => return Known::No(why.clone()),
        Known::NotApplicable => measure.objective,
    };
    let Some(objective) = objective else { return Known::NotApplicable };
    let since = match good {
        Known::Yes(Some(good)) => good.at,
        Known::Yes(None) | Known::NotApplicable => measure.created.unwrap_or(DateTime::UNIX_EPOCH),
        Known::No(why) => return Known::No(why.clone()),
    };
    let age = TimeDelta::from_std(objective.age()).unwrap_or(TimeDelta::MAX);
    let until = since.checked_add_signed(age).unwrap_or(DateTime::<Utc>::MAX_UTC);
    Known::Yes(Standing { objective, until, late: until < now })
}

impl Backups {
    /// What is to be told of them.
    pub fn findings(&self) -> Vec<Finding> {
        [self.late(), self.miss(), self.unknown()].into_iter().flatten().collect()
    }

    fn late(&self) -> Option<Finding> {
        let standing = self.standing.get().filter(|standing| standing.late)?;
        let objective = standing.objective;
        let message = match self.good.get()? {
            Some(good) => format_smolstr!(
                "its last good backup is of {}, and none may be older than {objective}",
                minute(good.at)
            ),
            None => format_smolstr!("no good backup of it is known, and none may be older than {objective}"),
        };
        Some(Finding::new(Severity::Warning, code::LATE, message, Some(standing.until)))
    }

    fn miss(&self) -> Option<Finding> {
        let missed = self.missed.get()?.as_ref()?;
        let (severity, code, what) = match missed.what {
            Missed::Failed => (Severity::Warning, code::FAILED, "failed"),
            Missed::PassedOver => (Severity::Info, code::PASSED_OVER, "passed it over"),
        };
        let message = format_smolstr!("the backup of {} {what}: {}", minute(missed.at), missed.why);
        Some(Finding::new(severity, code, message, Some(missed.at)))
    }

    /// Where an objective is to be kept, it is worth a look that nobody knows whether it is.
    fn unknown(&self) -> Option<Finding> {
        let aims = self.standing != Known::NotApplicable;
        let severity = if aims { Severity::Warning } else { Severity::Info };
        let why = self.standing.why().or(self.good.why()).or(self.missed.why())?;
        let message = format_smolstr!("what is noted of its backups is not known: {why}");
        Some(Finding::new(severity, code::UNKNOWN, message, None))
    }
}

fn minute(time: DateTime<Utc>) -> SmolStr {
    format_smolstr!("{}", time.format("%Y-%m-%d %H:%M UTC"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap()
    }

    fn hours(hours: i64) -> DateTime<Utc> {
        now() - TimeDelta::hours(hours)
    }

    fn good(age: i64) -> Known<Option<GoodBackup>> {
        let (file, to, who) = ("team.shop.x".into(), "s3://b".into(), "ada".into());
        Known::Yes(Some(GoodBackup { at: hours(age), revision: 7, file, to, who }))
    }

    fn missed(age: i64, what: Missed) -> Known<Option<MissedBackup>> {
        Known::Yes(Some(MissedBackup { at: hours(age), what, why: "no room".into(), who: "ada".into() }))
    }

    fn objective(text: &str) -> Option<Objective> {
        (!text.is_empty()).then(|| text.parse().unwrap())
    }

    fn told(noted: &Noted, default: &str, created: i64) -> Vec<(Severity, &'static str)> {
        let measure = Measure { objective: objective(default), created: Some(hours(created)) };
        let found = judge(noted, measure, now()).0.findings();
        found.into_iter().map(|finding| (finding.severity, finding.code)).collect()
    }

    #[test]
    fn a_backup_is_late_by_the_objective_of_its_own_and_else_by_that_of_the_configuration() {
        let late = (Severity::Warning, code::LATE);
        for (age, own, default, expected) in [
            (90, "", "", vec![]),
            (23, "", "24h", vec![]),
            // Crossed, not touched.
            (24, "", "24h", vec![]),
            (25, "", "24h", vec![late]),
            (25, "48h", "24h", vec![]),
            (25, "12h", "", vec![late]),
            (25, "12h", "7d", vec![late]),
        ] {
            let noted = Noted { good: good(age), objective: Known::Yes(objective(own)), ..Noted::default() };
            assert_eq!(told(&noted, default, 900), expected, "{age} h, {own:?} before {default:?}");
        }
    }

    #[test]
    fn one_that_has_no_backup_yet_has_as_long_as_any_other() {
        assert_eq!(told(&Noted::default(), "24h", 23), []);
        assert_eq!(told(&Noted::default(), "24h", 25), [(Severity::Warning, code::LATE)]);
        assert_eq!(told(&Noted::default(), "", 2500), []);
        let age_unknown = Measure { objective: objective("24h"), created: None };
        assert!(judge(&Noted::default(), age_unknown, now()).0.standing.get().unwrap().late);
    }

    #[test]
    fn a_miss_is_told_until_a_good_one_comes_and_makes_nothing_late_by_itself() {
        let with = |what, age| Noted { good: good(5), missed: missed(age, what), ..Noted::default() };
        assert_eq!(told(&with(Missed::Failed, 1), "24h", 900), [(Severity::Warning, code::FAILED)]);
        assert_eq!(told(&with(Missed::PassedOver, 1), "24h", 900), [(Severity::Info, code::PASSED_OVER)]);
        assert_eq!(told(&with(Missed::Failed, 6), "24h", 900), [], "a good one came later");
        let never = Noted { missed: missed(1, Missed::PassedOver), ..Noted::default() };
        assert_eq!(
            told(&never, "24h", 900),
            [(Severity::Warning, code::LATE), (Severity::Info, code::PASSED_OVER)]
        );
    }

    #[test]
    fn what_cannot_be_believed_is_unknown_and_never_good() {
        let why = || Known::unknown("it cannot be read");
        let noted = Noted { good: why(), ..Noted::default() };
        assert_eq!(told(&noted, "", 1), [(Severity::Info, code::UNKNOWN)]);
        assert_eq!(told(&noted, "24h", 1), [(Severity::Warning, code::UNKNOWN)]);
        let noted = Noted { good: good(1), objective: Known::unknown("24 o'clock"), ..Noted::default() };
        assert_eq!(told(&noted, "24h", 1), [(Severity::Warning, code::UNKNOWN)]);
        let noted = Noted { good: good(-1), ..Noted::default() };
        let (backups, revisit) = judge(&noted, Measure { objective: None, created: None }, now());
        assert!(backups.good.why().is_some_and(|why| why.contains("a clock is wrong")), "{backups:?}");
        assert_eq!(revisit, Some(hours(-1) - AHEAD), "until its time has come");
    }

    #[test]
    fn time_alone_makes_a_backup_late() {
        let noted = Noted { good: good(20), objective: Known::Yes(objective("24h")), ..Noted::default() };
        let measure = Measure { objective: None, created: None };
        let (before, due) = judge(&noted, measure, now());
        assert!(!before.standing.get().unwrap().late);
        assert_eq!(due, Some(hours(-4)));
        let (after, due) = judge(&noted, measure, hours(-4) + TimeDelta::seconds(1));
        assert!(after.standing.get().unwrap().late);
        assert_eq!(due, None);
    }
}
