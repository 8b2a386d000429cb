//! Numbers and times as people read them: units always there, nothing more precise than it is useful.

use std::time::Duration;

use chrono::{DateTime, Utc};
use v9s::fleet::quantity::Quantity;

use crate::text::clean;
use crate::theme::Symbols;

/// How long ago something was, as short as `kubectl` says it: `45s`, `3m20s`, `54m`, `5h10m`, `26h`, `3d4h`, `91d`, `2y40d`.
/// A moment that lies ahead (clocks differ) is `0s`.
pub fn age(since: DateTime<Utc>, now: DateTime<Utc>) -> String {
    short(elapsed(since, now))
}

/// Time passed between two moments; none if `since` lies ahead.
pub fn elapsed(since: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (now - since).to_std().unwrap_or(Duration::ZERO)
}

/// A duration in at most two units without a space, by the thresholds that users of `kubectl` know.
pub fn short(duration: Duration) -> String {
    let s = duration.as_secs();
    let (m, h, d, y) = (s / 60, s / 3_600, s / 86_400, s / (365 * 86_400));
    let pair = |big: u64, unit: &str, rest: u64, small: &str| {
        if rest == 0 { format!("{big}{unit}") } else { format!("{big}{unit}{rest}{small}") }
    };
    match s {
        0..120 => format!("{s}s"),
        120..600 => pair(m, "m", s % 60, "s"),
        600..10_800 => format!("{m}m"),
        10_800..28_800 => pair(h, "h", m % 60, "m"),
        28_800..172_800 => format!("{h}h"),
        172_800..691_200 => pair(d, "d", h % 24, "h"),
        _ if y < 2 => format!("{d}d"),
        _ if y < 8 => pair(y, "y", d % 365, "d"),
        _ => format!("{y}y"),
    }
}

/// A measured duration with its unit, three digits at most: `84 ms`, `3.1 s`, `12.4 s`, `4m 10s`, `2h 05m`, `3d 4h`.
pub fn measured(duration: Duration) -> String {
    let (s, ms) = (duration.as_secs(), duration.as_millis());
    match ms {
        0 if duration.is_zero() => "0 ms".to_owned(),
        0 => "<1 ms".to_owned(),
        1..1_000 => format!("{ms} ms"),
        // In tenths, rounded down: a limit of 10 s is never shown as reached before it is.
        1_000..100_000 => format!("{}.{} s", s, ms % 1_000 / 100),
        100_000..3_600_000 => format!("{}m {:02}s", s / 60, s % 60),
        3_600_000..172_800_000 => format!("{}h {:02}m", s / 3_600, s / 60 % 60),
        _ => format!("{}d {}h", s / 86_400, s / 3_600 % 24),
    }
}

/// A count with its thousands apart: `1,903`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A share of one as a whole percentage. It never says full before it is full, nor nothing while there is
/// something: `0%`, `<1%`, `83%`, `99%`, `100%`, `130%`. `?` for what is no number.
pub fn percent(ratio: f64) -> String {
    match ratio {
        r if r.is_nan() => "?".to_owned(),
        r if r <= 0.0 => "0%".to_owned(),
        r if r < 0.01 => "<1%".to_owned(),
        r if r < 1.0 => format!("{}%", (r * 100.0).round().min(99.0)),
        r if r >= 10.0 => ">999%".to_owned(),
        // More than full is more than 100 %, however little.
        r => format!("{}%", (r * 100.0).ceil()),
    }
}

/// Bytes with a binary unit, three digits at most: `512 B`, `1.5 KiB`, `9.8 GiB`, `412 MiB`.
pub fn bytes(bytes: f64) -> String {
    scaled(bytes, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"])
}

/// An amount of a resource as people say it: memory and storage in binary units, CPU in cores (`250m`, `8.3`),
/// anything else as a count. What cannot be read is shown as it came, cleaned.
pub fn quantity(resource: &str, text: &str) -> String {
    let Some(value) = Quantity::parse(text).map(Quantity::to_f64) else { return clean(text).into_owned() };
    // Keys may name a class in front: `gold.storageclass.storage.k8s.io/requests.storage`.
    let key = resource.rsplit('/').next().unwrap_or(resource);
    let whole = value.fract() == 0.0 && (0.0..1e15).contains(&value);
    if key.ends_with("memory") || key.ends_with("storage") || key.starts_with("hugepages-") {
        bytes(value)
    } else if key.ends_with("cpu") && (0.0..1e6).contains(&value) {
        cores(value)
    } else if whole {
        count(value as u64)
    } else {
        clean(text).into_owned()
    }
}

/// Cores; parts of one in thousandths.
fn cores(value: f64) -> String {
    let thousandths = (value * 1_000.0).round();
    match value {
        0.0 => "0".to_owned(),
        v if v < 0.001 => "<1m".to_owned(),
        v if v < 1.0 && thousandths < 1_000.0 => format!("{thousandths}m"),
        v => three_digits(v),
    }
}

fn scaled(value: f64, step: f64, units: &[&str]) -> String {
    if !value.is_finite() {
        return "?".to_owned();
    }
    let mut value = value;
    let mut units = units.iter().peekable();
    let mut unit = "";
    while let Some(next) = units.next() {
        unit = next;
        // 999.95 would round to four digits.
        if value.abs() < 999.5 || units.peek().is_none() {
            break;
        }
        value /= step;
    }
    let number = three_digits(value);
    if unit.is_empty() { number } else { format!("{number} {unit}") }
}

/// One decimal below ten unless it is a whole number, none above.
fn three_digits(value: f64) -> String {
    let tenths = (value * 10.0).round() / 10.0;
    if tenths.abs() >= 10.0 || tenths.fract() == 0.0 {
        format!("{:.0}", value)
    } else {
        format!("{tenths:.1}")
    }
}

/// A bar of that many columns, in its used and its free part. Anything above nothing shows at least one column,
/// anything below full leaves at least one free (where there is room for both).
pub fn bar(ratio: f64, columns: usize, symbols: &Symbols) -> (String, String) {
    let used = if ratio.is_nan() || ratio <= 0.0 {
        0
    } else if ratio >= 1.0 {
        columns
    } else {
        let exact = (ratio * columns as f64).round() as usize;
        exact.min(columns.saturating_sub(1)).max(usize::from(columns > 1))
    };
    (symbols.bar.repeat(used), symbols.bar_rest.repeat(columns - used))
}

/// The newest values as columns of a chart from zero to `top` (or to the largest value, if that is more), so that
/// charts with the same top can be compared. Fewer values than columns leave the left side empty: time runs to
/// the right.
pub fn sparkline(values: &[u32], top: u32, columns: usize, symbols: &Symbols) -> String {
    let shown = &values[values.len().saturating_sub(columns)..];
    let top = shown.iter().copied().max().unwrap_or(0).max(top).max(1) as usize;
    let last = symbols.spark.len() - 1;
    let mut out = " ".repeat(columns - shown.len());
    for &value in shown {
        let height = (value as usize * last + top / 2) / top;
        out.push_str(symbols.spark[height.min(last)]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::width;
    use crate::theme::{ASCII, UNICODE};
    use proptest::prelude::*;

    const MINUTE: u64 = 60;
    const HOUR: u64 = 3_600;
    const DAY: u64 = 86_400;

    #[test]
    fn ages_read_as_kubectl_says_them() {
        let cases = [
            (0, "0s"),
            (119, "119s"),
            (2 * MINUTE, "2m"),
            (3 * MINUTE + 20, "3m20s"),
            (54 * MINUTE, "54m"),
            (5 * HOUR + 10 * MINUTE, "5h10m"),
            (26 * HOUR, "26h"),
            (3 * DAY + 4 * HOUR, "3d4h"),
            (91 * DAY, "91d"),
            (2 * 365 * DAY + 40 * DAY, "2y40d"),
            (9 * 365 * DAY, "9y"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(short(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn an_age_ahead_of_our_clock_is_none() {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        assert_eq!(age(now + chrono::TimeDelta::seconds(30), now), "0s");
    }

    #[test]
    fn measured_durations_carry_their_unit() {
        let cases = [
            (0.0, "0 ms"),
            (0.0002, "<1 ms"),
            (0.084, "84 ms"),
            (0.9999, "999 ms"),
            (1.0, "1.0 s"),
            (3.15, "3.1 s"),
            (9.99, "9.9 s"),
            (12.4, "12.4 s"),
            (99.99, "99.9 s"),
            (100.0, "1m 40s"),
            (250.0, "4m 10s"),
            (7_500.0, "2h 05m"),
            (3.0 * 86_400.0 + 4.0 * 3_600.0, "3d 4h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(measured(Duration::from_secs_f64(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn counts_and_bytes_are_readable() {
        for (n, expected) in
            [(0, "0"), (999, "999"), (1_903, "1,903"), (50_000, "50,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(count(n), expected);
        }
        let gib = 1024.0 * 1024.0 * 1024.0;
        for (n, expected) in [
            (0.0, "0 B"),
            (512.0, "512 B"),
            (1000.0, "1 KiB"),
            (1536.0, "1.5 KiB"),
            (9.8 * gib, "9.8 GiB"),
            (412.0 * 1024.0 * 1024.0, "412 MiB"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(bytes(n), expected);
        }
    }

    #[test]
    fn amounts_are_said_as_people_say_them() {
        for (resource, text, expected) in [
            ("requests.cpu", "8300m", "8.3"),
            ("limits.cpu", "250m", "250m"),
            ("cpu", "10", "10"),
            ("cpu", "0", "0"),
            ("cpu", "999999u", "1"),
            ("cpu", "5u", "<1m"),
            ("requests.memory", "5368709120", "5 GiB"),
            ("memory", "9.5Gi", "9.5 GiB"),
            ("requests.storage", "500Mi", "500 MiB"),
            ("gold.storageclass.storage.k8s.io/requests.storage", "1Ti", "1 TiB"),
            ("gold.storageclass.storage.k8s.io/persistentvolumeclaims", "12", "12"),
            ("hugepages-2Mi", "4Mi", "4 MiB"),
            ("pods", "1k", "1,000"),
            ("count/jobs.batch", "0", "0"),
            ("requests.nvidia.com/gpu", "1500m", "1500m"),
            ("pods", "many\x1b[2J", "many"),
        ] {
            assert_eq!(quantity(resource, text), expected, "{text} of {resource}");
        }
    }

    #[test]
    fn a_percentage_is_full_only_when_full_and_nothing_only_when_nothing() {
        for (ratio, expected) in [
            (0.0, "0%"),
            (0.004, "<1%"),
            (0.834, "83%"),
            (0.9999, "99%"),
            (1.0, "100%"),
            (1.001, "101%"),
            (1.3, "130%"),
            (40.0, ">999%"),
            (f64::INFINITY, ">999%"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(percent(ratio), expected, "{ratio}");
        }
    }

    #[test]
    fn a_bar_is_full_only_when_full_and_empty_only_when_empty() {
        for (ratio, expected) in [
            (0.0, "░░░░░░░░░░"),
            (0.001, "█░░░░░░░░░"),
            (0.44, "████░░░░░░"),
            (0.99, "█████████░"),
            (1.0, "██████████"),
            (7.0, "██████████"),
            (f64::NAN, "░░░░░░░░░░"),
        ] {
            let (used, free) = bar(ratio, 10, &UNICODE);
            assert_eq!(used + &free, expected, "{ratio}");
        }
        let (used, free) = bar(0.5, 4, &ASCII);
        assert_eq!(used + &free, "##..");
    }

    #[test]
    fn a_sparkline_stands_on_zero_and_runs_to_the_right() {
        assert_eq!(sparkline(&[0, 0, 0], 0, 3, &UNICODE), "▁▁▁");
        assert_eq!(sparkline(&[0, 50, 100], 0, 5, &UNICODE), "  ▁▅█");
        assert_eq!(sparkline(&[9, 9, 0, 50, 100], 0, 3, &UNICODE), "▁▅█", "the oldest values leave first");
        assert_eq!(sparkline(&[80, 81, 80], 0, 3, &UNICODE), "███", "a small change looks small");
        assert_eq!(sparkline(&[60, 80, 100], 1_000, 3, &UNICODE), "▁▂▂", "small against the top");
        assert_eq!(sparkline(&[], 0, 3, &ASCII), "   ");
    }

    proptest! {
        #[test]
        fn charts_are_exactly_as_wide_as_asked(
            values in proptest::collection::vec(any::<u32>(), 0..20),
            ratio in any::<f64>(),
            columns in 0usize..40,
        ) {
            for symbols in [&UNICODE, &ASCII] {
                prop_assert_eq!(width(&sparkline(&values, 0, columns, symbols)), columns);
                let (used, free) = bar(ratio, columns, symbols);
                prop_assert_eq!(width(&used) + width(&free), columns);
            }
        }

        #[test]
        fn any_amount_can_be_shown(key in "(cpu|requests.memory|pods)", text in "\\PC{0,20}|[0-9.]{1,26}[a-zA-Z]{0,2}") {
            let shown = quantity(&key, &text);
            prop_assert_eq!(clean(&shown), shown.as_str());
        }

        #[test]
        fn numbers_stay_short(ratio in any::<f64>(), n in any::<f64>(), ms in 0u64..u64::from(u32::MAX) * 100) {
            prop_assert!(percent(ratio).len() <= 5);
            prop_assert!(n.abs() > 1e20 || bytes(n.abs()).len() <= 9, "{}", bytes(n.abs()));
            prop_assert!(measured(Duration::from_millis(ms)).len() <= 9, "{}", measured(Duration::from_millis(ms)));
            prop_assert!(short(Duration::from_millis(ms)).len() <= 6, "{}", short(Duration::from_millis(ms)));
        }
    }
}
