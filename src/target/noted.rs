//! What the workload of a control plane says of its backups (docs/backup.md, What is noted): where the last good one lies, what came of a
//! later run that took none, and how old the last good one may become.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use smol_str::{SmolStr, format_smolstr};

use crate::known::Known;
use crate::wire::annotation;

/// Longer than this is no note of v9s.
const LONGEST: usize = 8 * 1024;

/// A backup that was read back and found good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoodBackup {
    /// When it was begun: what was written later is not in it.
    pub at: DateTime<Utc>,
    /// Revision of the store.
    pub revision: i64,
    /// Name of the archive.
    pub file: SmolStr,
    /// Where it lies, without anything that opens it.
    pub to: SmolStr,
    /// Who took it.
    pub who: SmolStr,
}

/// A run that took no backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissedBackup {
    /// When.
    pub at: DateTime<Utc>,
    /// What came of it.
    pub what: Missed,
    /// Why.
    pub why: SmolStr,
    /// Who wanted it.
    pub who: SmolStr,
}

/// Why a run took no backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missed {
    /// It failed.
    Failed,
    /// The virtual cluster rests, and nothing was tried.
    PassedOver,
}

/// How old the last good backup may become: what may be lost at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Objective(Duration);

/// All that is noted of the backups of one virtual cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The last good one; none when none is noted.
    pub good: Known<Option<GoodBackup>>,
    /// The last run that took none, if no good one came after it.
    pub missed: Known<Option<MissedBackup>>,
    /// How old the last good one may become, if this one says so itself.
    pub objective: Known<Option<Objective>>,
}

impl Default for Noted {
    fn default() -> Self {
        Noted { good: Known::Yes(None), missed: Known::Yes(None), objective: Known::Yes(None) }
    }
}

/// The annotations as they are written.
#[derive(Debug, Clone, Copy, Default)]
pub struct NotedText<'a> {
    /// [`annotation::BACKUP`].
    pub good: Option<&'a str>,
    /// [`annotation::BACKUP_MISSED`].
    pub missed: Option<&'a str>,
    /// [`annotation::BACKUP_OBJECTIVE`].
    pub objective: Option<&'a str>,
}

impl Noted {
    /// Reads it. Anybody may have written it, or copied it from another virtual cluster: then it is not known.
    pub fn read(text: NotedText<'_>, namespace: &str, name: &str) -> Noted {
        let good = read::<GoodBackup>(annotation::BACKUP, text.good);
        Noted {
            good: match good {
                Known::Yes(Some(good)) if !is_of(&good.file, namespace, name) => Known::No(format_smolstr!(
                    "{} tells of the backup of another virtual cluster ({})",
                    annotation::BACKUP,
                    shown(&good.file)
                )),
                good => good,
            },
            missed: read(annotation::BACKUP_MISSED, text.missed),
            objective: match text.objective.map(str::trim).filter(|text| !text.is_empty()) {
                None => Known::Yes(None),
                Some(text) => match text.parse() {
                    Ok(objective) => Known::Yes(Some(objective)),
                    Err(why) => Known::No(format_smolstr!("{}: {why}", annotation::BACKUP_OBJECTIVE)),
                },
            },
        }
    }
}

/// An archive is called after the virtual cluster that it is of.
fn is_of(file: &str, namespace: &str, name: &str) -> bool {
    let rest = file.strip_prefix(namespace).and_then(|rest| rest.strip_prefix('.'));
    rest.and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with('.'))
}

fn read<T: DeserializeOwned>(key: &str, text: Option<&str>) -> Known<Option<T>> {
    match text.map(str::trim).filter(|text| !text.is_empty()) {
        None => Known::Yes(None),
        Some(text) if text.len() > LONGEST => Known::No(format_smolstr!("{key} is too long to be a note")),
        Some(text) => match serde_json::from_str(text) {
            Ok(note) => Known::Yes(Some(note)),
            Err(why) => Known::No(format_smolstr!("{key} cannot be read: {why}")),
        },
    }
}

fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

impl Objective {
    /// The shortest: nobody takes backups faster.
    const SHORTEST: Duration = Duration::from_secs(60);
    /// The longest, ten years.
    const LONGEST: Duration = Duration::from_secs(3650 * 86_400);

    /// None where it is shorter than a minute or longer than ten years.
    pub fn new(age: Duration) -> Option<Objective> {
        (Self::SHORTEST..=Self::LONGEST).contains(&age).then_some(Objective(age))
    }

    /// The age.
    pub fn age(self) -> Duration {
        self.0
    }
}

/// As `24h`, `7d` or `1d12h`: numbers with the units s, m, h, d and w.
impl FromStr for Objective {
    type Err = SmolStr;

    fn from_str(text: &str) -> Result<Self, SmolStr> {
        let wrong =
            || format_smolstr!("{:?} is no age such as 24h or 7d, from a minute to ten years", shown(text));
        let (mut rest, mut seconds) = (text.trim(), 0_u64);
        while !rest.is_empty() {
            let digits = rest.find(|sign: char| !sign.is_ascii_digit()).ok_or_else(wrong)?;
            let (number, tail) = rest.split_at(digits);
            let mut signs = tail.chars();
            let unit = match signs.next() {
                Some('s') => 1,
                Some('m') => 60,
                Some('h') => 3_600,
                Some('d') => 86_400,
                Some('w') => 7 * 86_400,
                _ => return Err(wrong()),
            };
            let number: u64 = number.parse().map_err(|_| wrong())?;
            seconds =
                number.checked_mul(unit).and_then(|more| seconds.checked_add(more)).ok_or_else(wrong)?;
            rest = signs.as_str();
        }
        Objective::new(Duration::from_secs(seconds)).ok_or_else(wrong)
    }
}

/// In the largest units that say it whole: `36h`, `7d`, `90m`.
impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
        let whole = units.into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit));
        let (unit, sign) = whole.unwrap_or((1, 's'));
        write!(f, "{}{sign}", seconds / unit)
    }
}

impl<'de> Deserialize<'de> for Objective {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"at":"2026-05-04T03:00:00Z","revision":7,"file":"team.shop.20260504T030000000Z.tar.zst","to":"s3://b","who":"ada"}"#;

    fn good(text: &str) -> Known<Option<GoodBackup>> {
        Noted::read(NotedText { good: Some(text), ..NotedText::default() }, "team", "shop").good
    }

    #[test]
    fn nothing_noted_is_none_and_what_cannot_be_read_is_not_known() {
        assert_eq!(Noted::read(NotedText::default(), "team", "shop"), Noted::default());
        assert_eq!(good(" "), Known::Yes(None));
        assert!(matches!(good(GOOD), Known::Yes(Some(GoodBackup { revision: 7, .. }))));
        let more = GOOD.replace("\"who\"", "\"later\":1,\"who\"");
        assert!(matches!(good(&more), Known::Yes(Some(_))), "fields may be added");
        for text in ["good", "{}", "[]", &GOOD.replace("2026-05", "soon"), &GOOD.repeat(100)] {
            assert!(good(text).why().is_some_and(|why| why.contains(annotation::BACKUP)), "{text}");
        }
    }

    #[test]
    fn a_note_that_was_copied_tells_nothing() {
        for file in ["team.shop2.x.tar.zst", "team2.shop.x.tar.zst", "teamshop.x", "shop.team.x", ""] {
            let text = GOOD.replace("team.shop.20260504T030000000Z.tar.zst", file);
            assert!(good(&text).why().is_some_and(|why| why.contains("another virtual cluster")), "{file}");
        }
    }

    #[test]
    fn what_was_missed_is_read_beside_it() {
        let text = r#"{"at":"2026-05-04T03:00:00Z","what":"passed-over","why":"it is paused","who":"ada"}"#;
        let noted = Noted::read(
            NotedText { good: Some(GOOD), missed: Some(text), objective: Some("24h") },
            "team",
            "shop",
        );
        assert!(noted.good.is_known());
        assert_eq!(noted.missed.get().unwrap().as_ref().unwrap().what, Missed::PassedOver);
        assert_eq!(noted.objective, Known::Yes(Objective::new(Duration::from_secs(86_400))));
    }

    #[test]
    fn objectives_are_written_as_people_say_them() {
        for (text, seconds, again) in [
            ("24h", 86_400, "1d"),
            ("7d", 604_800, "7d"),
            ("1w", 604_800, "7d"),
            ("1d12h", 129_600, "36h"),
            ("90m", 5_400, "90m"),
            ("61s", 61, "61s"),
        ] {
            let objective: Objective = text.parse().unwrap();
            assert_eq!(
                (objective.age().as_secs(), objective.to_string().as_str()),
                (seconds, again),
                "{text}"
            );
            assert_eq!(again.parse(), Ok(objective));
        }
        let long = "9".repeat(30) + "w";
        for text in
            ["", "24", "h", "0h", "59s", "-1h", "1.5h", "1 h", "1y", "4000d", "99999999999999999w", &long]
        {
            assert!(text.parse::<Objective>().is_err(), "{text}");
        }
    }
}
