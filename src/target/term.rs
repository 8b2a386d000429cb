//! How long a virtual cluster is to live, and who answers for it (docs/vclusters.md, Time to live).

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use smol_str::{SmolStr, format_smolstr};

use crate::known::Known;
use crate::wire::annotation;

/// What the workload of a control plane says of it, as it is written there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Term {
    /// When it ends, in RFC 3339; anybody may have written it.
    pub expires: Option<SmolStr>,
    /// Who answers for it.
    pub owner: Option<SmolStr>,
}

impl Term {
    /// What is to be written down.
    pub fn new(ends: Option<DateTime<Utc>>, owner: Option<SmolStr>) -> Self {
        Term { expires: ends.map(written), owner }
    }

    /// Reads it from annotations.
    pub fn of(annotations: &BTreeMap<SmolStr, SmolStr>) -> Self {
        let full = |key: &str| annotations.get(key).filter(|text| !text.trim().is_empty()).cloned();
        Term { expires: full(annotation::EXPIRES), owner: full(annotation::OWNER) }
    }

    /// When it ends; not applicable where nothing says that it does, and not known where what is said is no time.
    pub fn ends(&self) -> Known<DateTime<Utc>> {
        let Some(text) = &self.expires else { return Known::NotApplicable };
        match DateTime::parse_from_rfc3339(text.trim()) {
            Ok(time) => Known::Yes(time.to_utc()),
            Err(_) => {
                let shown: String = text.chars().take(40).collect();
                Known::No(format_smolstr!("{} is {shown:?}, which is no time", annotation::EXPIRES))
            }
        }
    }

    /// This, and what it leaves open from another.
    pub fn or(self, other: &Term) -> Term {
        Term {
            expires: self.expires.or_else(|| other.expires.clone()),
            owner: self.owner.or_else(|| other.owner.clone()),
        }
    }

    /// As annotations.
    pub fn annotations(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let pairs = [(annotation::EXPIRES, &self.expires), (annotation::OWNER, &self.owner)];
        pairs.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?)))
    }
}

/// A time as it is written down.
pub(crate) fn written(time: DateTime<Utc>) -> SmolStr {
    time.to_rfc3339_opts(SecondsFormat::Secs, true).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Term {
        Term::of(&pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect())
    }

    #[test]
    fn a_time_that_cannot_be_read_is_no_time_and_never_over() {
        assert_eq!(of(&[]).ends(), Known::NotApplicable);
        assert_eq!(of(&[(annotation::EXPIRES, " ")]).ends(), Known::NotApplicable);
        let written_by_hand = of(&[(annotation::EXPIRES, "2026-05-04T14:00:00+02:00")]);
        assert_eq!(
            written_by_hand.ends().get().map(|time| written(*time)),
            Some("2026-05-04T12:00:00Z".into())
        );
        for text in ["tomorrow", "8h", "2026-05-04", "1790000000"] {
            assert!(matches!(of(&[(annotation::EXPIRES, text)]).ends(), Known::No(_)), "{text}");
        }
    }

    #[test]
    fn what_is_left_open_is_taken_from_before() {
        let before = of(&[(annotation::EXPIRES, "2026-05-04T12:00:00Z"), (annotation::OWNER, "jane")]);
        let later = of(&[(annotation::EXPIRES, "2026-06-04T12:00:00Z")]);
        let both = later.or(&before);
        assert_eq!(
            both.annotations().collect::<Vec<_>>(),
            [(annotation::EXPIRES, "2026-06-04T12:00:00Z"), (annotation::OWNER, "jane")]
        );
    }
}
