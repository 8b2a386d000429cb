//! Schedules of CronJobs as Kubernetes reads them: five fields, a name such as `@daily`, or `@every` so long. Pure.
//!
//! What is wrong with one is said in the words of the real server's parser, because people look for them.

use std::fmt::Write as _;

use chrono::TimeDelta;
use jiff::tz::TimeZone;

/// A schedule that makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// At certain times of the calendar: five fields, each `*` or a list of numbers.
    Calendar(String),
    /// Again and again after so long; a whole number of seconds, at least one.
    Every(TimeDelta),
}

/// A field: its bounds, and names for its numbers from `first` on.
struct Field {
    least: u32,
    most: u32,
    names: &'static [&'static str],
    first: u32,
}

const FIELDS: [Field; 5] = [
    Field { least: 0, most: 59, names: &[], first: 0 },
    Field { least: 0, most: 23, names: &[], first: 0 },
    Field { least: 1, most: 31, names: &[], first: 0 },
    Field {
        least: 1,
        most: 12,
        names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
        first: 1,
    },
    Field { least: 0, most: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"], first: 0 },
];

/// Reads a schedule.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Plan, String> {
    let text = without_zone(text)?;
    if text.starts_with('@') {
        return named(text);
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!(
            "expected exactly {} fields, found {}: [{}]",
            FIELDS.len(),
            fields.len(),
            fields.join(" ")
        ));
    }
    let read: Result<Vec<String>, String> =
        FIELDS.iter().zip(fields).map(|(field, text)| field.read(text)).collect();
    Ok(Plan::Calendar(read?.join(" ")))
}

/// Takes a time zone off the front: old schedules have one there.
fn without_zone(text: &str) -> Result<&str, String> {
    let Some(rest) = text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) else {
        return Ok(text);
    };
    let Some((zone, rest)) = rest.split_once(' ') else {
        return Err("invalid schedule format: runtime error: slice bounds out of range [:-1]".to_owned());
    };
    match zone.is_empty() || TimeZone::get(zone).is_ok() {
        true => Ok(rest.trim()),
        false => Err(format!("provided bad location {zone}: unknown time zone {zone}")),
    }
}

fn named(text: &str) -> Result<Plan, String> {
    let calendar = match text {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => {
            let Some(length) = text.strip_prefix("@every ") else {
                return Err(format!("unrecognized descriptor: {text}"));
            };
            let nanoseconds =
                duration(length).map_err(|why| format!("failed to parse duration {text}: {why}"))?;
            let seconds = i64::try_from(nanoseconds / 1_000_000_000).unwrap_or(i64::MAX).max(1);
            return Ok(Plan::Every(TimeDelta::try_seconds(seconds).unwrap_or(TimeDelta::MAX)));
        }
    };
    Ok(Plan::Calendar(calendar.to_owned()))
}

impl Field {
    /// `*`, or the numbers of a field.
    fn read(&self, text: &str) -> Result<String, String> {
        let mut numbers = vec![false; 60];
        let mut any = false;
        for part in text.split(',').filter(|part| !part.is_empty()) {
            any |= self.range(part, &mut numbers)?;
        }
        if any {
            return Ok("*".to_owned());
        }
        let mut list = String::new();
        for number in numbers.iter().enumerate().filter_map(|(number, on)| on.then_some(number)) {
            let comma = if list.is_empty() { "" } else { "," };
            let _ = write!(list, "{comma}{number}");
        }
        Ok(list)
    }

    /// Adds the numbers of `7`, `1-5`, `*/2`, `3/10`, `1-9/2`; answers whether it is any number at all.
    fn range(&self, text: &str, numbers: &mut [bool]) -> Result<bool, String> {
        let mut parts = text.split('/');
        let span = parts.next().unwrap_or_default();
        let ends: Vec<&str> = span.split('-').collect();
        let all = matches!(ends.first(), Some(&("*" | "?")));
        let (start, mut end) = match ends.as_slice() {
            _ if all => (self.least, self.most),
            [one] => (self.number(one)?, self.number(one)?),
            [from, to] => (self.number(from)?, self.number(to)?),
            _ => return Err(format!("too many hyphens: {text}")),
        };
        let step = match (parts.next(), parts.next()) {
            (None, _) => 1,
            (Some(step), None) => {
                if ends.len() == 1 {
                    end = self.most;
                }
                integer(step)?
            }
            _ => return Err(format!("too many slashes: {text}")),
        };
        let (least, most) = (self.least, self.most);
        if start < least {
            return Err(format!("beginning of range ({start}) below minimum ({least}): {text}"));
        }
        if end > most {
            return Err(format!("end of range ({end}) above maximum ({most}): {text}"));
        }
        if start > end {
            return Err(format!("beginning of range ({start}) beyond end of range ({end}): {text}"));
        }
        if step == 0 {
            return Err(format!("step of range should be a positive number: {text}"));
        }
        for number in (start..=end).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            if let Some(on) = usize::try_from(number).ok().and_then(|number| numbers.get_mut(number)) {
                *on = true;
            }
        }
        Ok(all && step == 1)
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        match named.and_then(|index| u32::try_from(index).ok()) {
            Some(index) => Ok(self.first + index),
            None => integer(text),
        }
    }
}

fn integer(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let fails =
        |why: &str| Err(format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: {why}"));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return fails("invalid syntax");
    }
    match text.strip_prefix('+').unwrap_or(text).parse::<i64>() {
        Err(_) => fails("value out of range"),
        Ok(number) if number < 0 => Err(format!("negative number ({number}) not allowed: {text}")),
        // Whatever is larger is above every bound, too.
        Ok(number) => Ok(u32::try_from(number).unwrap_or(u32::MAX)),
    }
}

/// Nanoseconds of a length of time as Go writes it: `1h30m`, `1.5h`, `90s`.
fn duration(text: &str) -> Result<i128, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let amount_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (amount, after) = rest.split_at(amount_end);
        let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return Err(invalid());
        }
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let scale: i128 = match unit {
            "" => return Err(format!("time: missing unit in duration {text:?}")),
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(format!("time: unknown unit {unit:?} in duration {text:?}")),
        };
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        total = whole.checked_mul(scale).and_then(|part| total.checked_add(part)).ok_or_else(invalid)?;
        let mut part = scale;
        for digit in fraction.chars().filter_map(|digit| digit.to_digit(10)) {
            part /= 10;
            total += part * i128::from(digit);
        }
        if total > i128::from(i64::MAX) {
            return Err(invalid());
        }
        rest = after;
    }
    Ok(sign * total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_stars_and_lists() {
        let cases = [
            ("*/15 * * * *", "0,15,30,45 * * * *"),
            ("5/20 0 ? * *", "5,25,45 0 * * *"),
            ("0 9-17/4 1,15 JAN-mar Mon", "0 9,13,17 1,15 1,2,3 1"),
            ("0 0 */1 * *", "0 0 * * *"),
            ("TZ=Europe/Berlin 0 3 * * *", "0 3 * * *"),
            ("@weekly", "0 0 * * 0"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Ok(Plan::Calendar(expected.to_owned())), "{text}");
        }
    }

    #[test]
    fn lengths_are_whole_seconds() {
        for (text, seconds) in
            [("1h30m", 5400), ("1.5h", 5400), ("90s", 90), ("1500ms", 1), ("1ns", 1), ("-5m", 1), ("0", 1)]
        {
            assert_eq!(
                parse(&format!("@every {text}")),
                Ok(Plan::Every(TimeDelta::seconds(seconds))),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("every day", "expected exactly 5 fields, found 2: [every day]"),
            ("x * * * *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax"),
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("9-5 * * * *", "beginning of range (9) beyond end of range (5): 9-5"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("* * * * 7", "end of range (7) above maximum (6): 7"),
            ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
            ("1/2/3 * * * *", "too many slashes: 1/2/3"),
            ("*/-1 * * * *", "negative number (-1) not allowed: -1"),
            ("@often", "unrecognized descriptor: @often"),
            ("@every 1d", "failed to parse duration @every 1d: time: unknown unit \"d\" in duration \"1d\""),
            ("@every 5", "failed to parse duration @every 5: time: missing unit in duration \"5\""),
            ("@every x", "failed to parse duration @every x: time: invalid duration \"x\""),
            (
                "TZ=Nowhere/Land * * * * *",
                "provided bad location Nowhere/Land: unknown time zone Nowhere/Land",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Err(expected.to_owned()), "{text}");
        }
    }
}
