//! How the certificates of a virtual cluster stand: when the first of them ends, and what is to be told of that. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::{SmolStr, format_smolstr};

use super::Thresholds;
use crate::fleet::model::{Finding, Severity};
use crate::known::Known;
use crate::time;
use crate::wire::{HERITAGE, annotation, label};

/// Codes of findings.
pub mod code {
    /// The first certificate ends soon.
    pub const ENDING: &str = "certificates-ending";
    /// One has ended.
    pub const ENDED: &str = "certificates-ended";
}

/// Why they are not known of a virtual cluster whose workload says nothing.
pub const NOT_TOLD: &str = "its workload does not tell: the overview and `v9s certs` read them in its Secret";

/// Certificates of one virtual cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificates {
    /// When the first of them ends, or ended.
    pub end: DateTime<Utc>,
    /// How near that is.
    pub standing: Standing,
}

/// How near the end of the first certificate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Far away.
    Good,
    /// Near enough to do something about it.
    Soon,
    /// So near that it is urgent.
    Urgent,
    /// It is over.
    Ended,
}

impl Standing {
    /// How bad that is.
    pub fn severity(self) -> Severity {
        match self {
            Standing::Good => Severity::Ok,
            Standing::Soon => Severity::Warning,
            Standing::Urgent | Standing::Ended => Severity::Critical,
        }
    }
}

/// The end as the workload of a control plane tells it ([`annotation::CERTIFICATES_END`]). Anybody may have written it: what is no time
/// is not known.
pub fn told(text: Option<&str>) -> Known<DateTime<Utc>> {
    match text.map(str::trim).filter(|text| !text.is_empty()) {
        None => Known::unknown(NOT_TOLD),
        Some(text) => match time::parse(text) {
            Some(end) => Known::Yes(end),
            None => Known::No(format_smolstr!("{} is no time", annotation::CERTIFICATES_END)),
        },
    }
}

/// How this end stands, and when time alone changes that.
pub fn judge(
    end: DateTime<Utc>,
    thresholds: &Thresholds,
    now: DateTime<Utc>,
) -> (Certificates, Option<DateTime<Utc>>) {
    let before = |days: u32| end.checked_sub_signed(TimeDelta::days(days.into())).unwrap_or(end);
    let steps = [
        (before(thresholds.certificate_warning_days), Standing::Soon),
        (before(thresholds.certificate_critical_days), Standing::Urgent),
        (end, Standing::Ended),
    ];
    let standing = steps.iter().rev().find(|(at, _)| now > *at).map_or(Standing::Good, |(_, step)| *step);
    let next = steps.iter().map(|(at, _)| *at).find(|at| now <= *at);
    (Certificates { end, standing }, next)
}

/// Who makes new ones, and so what helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// v9s has made them.
    V9s,
    /// The official syncer, each time it starts and they end within 90 days.
    Syncer,
}

impl Maker {
    /// By the labels of the control plane's workload.
    pub fn of(labels: &BTreeMap<SmolStr, SmolStr>) -> Maker {
        let ours = labels.get(label::HERITAGE).is_some_and(|heritage| heritage == HERITAGE);
        if ours { Maker::V9s } else { Maker::Syncer }
    }
}

impl Certificates {
    /// What is to be told of them.
    pub fn finding(&self, maker: Maker) -> Option<Finding> {
        let (code, what, since) = match self.standing {
            Standing::Good => return None,
            Standing::Soon | Standing::Urgent => (code::ENDING, "ends", None),
            Standing::Ended => (code::ENDED, "has ended", Some(self.end)),
        };
        let help = match maker {
            Maker::V9s => "`v9s certs rotate` makes new ones",
            Maker::Syncer => "its syncer makes new ones when it is restarted",
        };
        let message = format_smolstr!("the first of its certificates {what} on {}: {help}", day(self.end));
        Some(Finding::new(self.standing.severity(), code, message, since))
    }
}

fn day(time: DateTime<Utc>) -> SmolStr {
    format_smolstr!("{}", time.format("%Y-%m-%d %H:%M UTC"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap()
    }

    #[test]
    fn the_nearer_the_end_the_louder_it_is_told() {
        let second = TimeDelta::seconds(1);
        let days = TimeDelta::days;
        for (left, standing, told) in [
            (days(364), Standing::Good, None),
            // Crossed, not touched.
            (days(30), Standing::Good, None),
            (days(30) - second, Standing::Soon, Some((Severity::Warning, code::ENDING))),
            (days(7), Standing::Soon, Some((Severity::Warning, code::ENDING))),
            (days(7) - second, Standing::Urgent, Some((Severity::Critical, code::ENDING))),
            (TimeDelta::zero(), Standing::Urgent, Some((Severity::Critical, code::ENDING))),
            (-second, Standing::Ended, Some((Severity::Critical, code::ENDED))),
            (days(-400), Standing::Ended, Some((Severity::Critical, code::ENDED))),
        ] {
            let (found, _) = judge(now() + left, &Thresholds::default(), now());
            assert_eq!(found.standing, standing, "{left} left");
            let finding = found.finding(Maker::V9s).map(|finding| (finding.severity, finding.code));
            assert_eq!(finding, told, "{left} left");
        }
    }

    #[test]
    fn time_alone_brings_the_next_step() {
        let thresholds = Thresholds {
            certificate_warning_days: 10,
            certificate_critical_days: 0,
            ..Thresholds::default()
        };
        let end = now() + TimeDelta::days(20);
        let (mut at, mut seen) = (now(), Vec::new());
        while let (found, Some(next)) = judge(end, &thresholds, at) {
            seen.push(found.standing);
            at = next + TimeDelta::seconds(1);
        }
        seen.push(judge(end, &thresholds, at).0.standing);
        assert_eq!(seen, [Standing::Good, Standing::Soon, Standing::Ended], "nothing is urgent with 0 days");
    }

    #[test]
    fn what_helps_depends_on_who_makes_them() {
        let (found, _) = judge(now() + TimeDelta::days(3), &Thresholds::default(), now());
        let message = |maker| found.finding(maker).unwrap().message;
        assert!(message(Maker::V9s).ends_with("`v9s certs rotate` makes new ones"));
        assert!(message(Maker::Syncer).ends_with("when it is restarted"));
    }

    #[test]
    fn what_is_not_told_or_no_time_is_not_known() {
        assert_eq!(told(Some(" 2026-09-21T14:13:20Z ")), Known::Yes(now()));
        assert_eq!(told(None).why(), Some(NOT_TOLD));
        assert_eq!(told(Some(" ")).why(), Some(NOT_TOLD));
        assert!(told(Some("never")).why().is_some_and(|why| why.contains("is no time")));
    }
}
