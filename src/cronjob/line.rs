//! When: the five fields of cron, or a name such as `@daily`, as Kubernetes takes them.

use std::fmt;
use std::str::FromStr;

use smol_str::SmolStr;
use thiserror::Error;

/// A line that makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronLine(SmolStr);

/// Why a line makes none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CronLineError {
    /// It has another number of fields.
    #[error(
        "{line:?} has {found} fields: a schedule has five (minute hour day month weekday), such as \"0 3 * * *\""
    )]
    Fields {
        /// The line.
        line: SmolStr,
        /// Its fields.
        found: usize,
    },
    /// A name that is not known.
    #[error(
        "{0:?} is not known: there are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually"
    )]
    Name(SmolStr),
    /// A zone in the line.
    #[error("{0:?} names a time zone: say it with --time-zone")]
    Zone(SmolStr),
    /// A field that makes no sense.
    #[error(
        "{field} {text:?}: it takes numbers from {least} to {most}, ranges such as {least}-{most}, steps such as */2, and lists of them"
    )]
    Field {
        /// Which.
        field: &'static str,
        /// What stands there.
        text: SmolStr,
        /// Smallest number.
        least: u8,
        /// Largest number.
        most: u8,
    },
    /// No month has that day.
    #[error("no month that is named has day {0}: it would never be due")]
    Never(u8),
}

struct Field {
    name: &'static str,
    least: u8,
    most: u8,
    /// Words for its numbers, from `least` on.
    words: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, words: &[] },
    Field { name: "hour", least: 0, most: 23, words: &[] },
    Field { name: "day", least: 1, most: 31, words: &[] },
    Field {
        name: "month",
        least: 1,
        most: 12,
        words: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    },
    Field { name: "weekday", least: 0, most: 6, words: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

const NAMES: [&str; 7] = ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"];
/// Days of the months, in a leap year.
const DAYS: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

impl FromStr for CronLine {
    type Err = CronLineError;

    fn from_str(text: &str) -> Result<Self, CronLineError> {
        let shown = || text.chars().take(80).collect::<SmolStr>();
        let line = text.trim();
        if line.contains("TZ=") {
            return Err(CronLineError::Zone(shown()));
        }
        if line.starts_with('@') {
            return match NAMES.contains(&line) {
                true => Ok(CronLine(line.into())),
                false => Err(CronLineError::Name(shown())),
            };
        }
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, _, day, month, weekday] = fields.as_slice() else {
            return Err(CronLineError::Fields { line: shown(), found: fields.len() });
        };
        for (field, text) in FIELDS.iter().zip(&fields) {
            field.read(text).ok_or_else(|| field.wrong(text))?;
        }
        // Either day will do where both are said.
        if !is_any(day) && is_any(weekday) {
            comes(&FIELDS[2], day, &FIELDS[3], month)?;
        }
        Ok(CronLine(fields.join(" ").into()))
    }
}

/// Whether one of the months has one of the days.
fn comes(days: &Field, day: &str, months: &Field, month: &str) -> Result<(), CronLineError> {
    let first = days.read(day).and_then(|numbers| numbers.into_iter().min()).unwrap_or(1);
    let longest = months.read(month).into_iter().flatten();
    let longest = longest.filter_map(|month| DAYS.get(usize::from(month) - 1)).max().copied().unwrap_or(31);
    if first <= longest { Ok(()) } else { Err(CronLineError::Never(first)) }
}

fn is_any(text: &str) -> bool {
    text.starts_with(['*', '?'])
}

impl Field {
    fn wrong(&self, text: &str) -> CronLineError {
        let text = text.chars().take(40).collect();
        CronLineError::Field { field: self.name, text, least: self.least, most: self.most }
    }

    /// The numbers that it stands for; none where it makes no sense.
    fn read(&self, text: &str) -> Option<Vec<u8>> {
        let mut numbers = Vec::new();
        for part in text.split(',') {
            let (span, step) = match part.split_once('/') {
                Some((span, step)) => (span, Some(number(step).filter(|step| *step > 0)?)),
                None => (part, None),
            };
            let (from, to) = match span.split_once('-') {
                _ if span == "*" || span == "?" => (self.least, self.most),
                Some((from, to)) => (self.number(from)?, self.number(to)?),
                // `5/10` is from five on.
                None if step.is_some() => (self.number(span)?, self.most),
                None => (self.number(span)?, self.number(span)?),
            };
            if from < self.least || to > self.most || from > to {
                return None;
            }
            numbers.extend((from..=to).step_by(usize::from(step.unwrap_or(1))));
        }
        Some(numbers)
    }

    fn number(&self, text: &str) -> Option<u8> {
        let word = self.words.iter().position(|word| word.eq_ignore_ascii_case(text));
        match word {
            Some(place) => u8::try_from(place).ok().map(|place| place + self.least),
            None => number(text),
        }
    }
}

fn number(text: &str) -> Option<u8> {
    text.parse().ok().filter(|_| text.bytes().all(|sign| sign.is_ascii_digit()))
}

impl fmt::Display for CronLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_takes_is_taken() {
        for (text, line) in [
            ("0 3 * * *", "0 3 * * *"),
            (" 0  3 * * * ", "0 3 * * *"),
            ("*/15 0-6,22 1,15 jan-MAR mon-fri", "*/15 0-6,22 1,15 jan-MAR mon-fri"),
            ("5/10 * ? * 0", "5/10 * ? * 0"),
            ("1-50/7 * * * *", "1-50/7 * * * *"),
            ("@daily", "@daily"),
            ("0 0 29 2 *", "0 0 29 2 *"),
            ("0 0 31 2 fri", "0 0 31 2 fri"),
        ] {
            assert_eq!(text.parse::<CronLine>().map(|line| line.to_string()), Ok(line.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_says_where() {
        for (text, word) in [
            ("", "0 fields"),
            ("0 3 * *", "4 fields"),
            ("0 0 3 * * *", "6 fields"),
            ("every day", "2 fields"),
            ("60 * * * *", "minute"),
            ("* 24 * * *", "hour"),
            ("* * 0 * *", "day"),
            ("* * * 13 *", "month"),
            ("* * * * 7", "weekday"),
            ("* * * * monday", "weekday"),
            ("5-1 * * * *", "minute"),
            ("*/0 * * * *", "minute"),
            ("*/x * * * *", "minute"),
            ("1,,2 * * * *", "minute"),
            ("+1 * * * *", "minute"),
            ("-1 * * * *", "minute"),
            ("1-2-3 * * * *", "minute"),
            ("300 * * * *", "minute"),
            ("@reboot", "@daily"),
            ("@every 1h", "@daily"),
            ("TZ=UTC 0 3 * * *", "--time-zone"),
            ("0 0 30 2 *", "never be due"),
            ("0 0 31 4,6,9 *", "never be due"),
        ] {
            let error = text.parse::<CronLine>().unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
