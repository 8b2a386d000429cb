//! Durations and lists as kubectl shows them.

use chrono::TimeDelta;

/// A duration in at most two units: `45s`, `3m20s`, `5h`, `3d4h`, `2y10d`.
pub fn human_duration(duration: TimeDelta) -> String {
    const YEAR: i64 = 365 * 24;
    let seconds = duration.num_seconds();
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    let seconds = seconds.max(0);
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let two = |big: i64, unit: char, small: i64, rest: char| match small {
        0 => format!("{big}{unit}"),
        _ => format!("{big}{unit}{small}{rest}"),
    };
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, 'm', seconds % 60, 's'),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, 'h', minutes % 60, 'm'),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 192 => two(hours / 24, 'd', hours % 24, 'h'),
        () if hours < 2 * YEAR => format!("{}d", hours / 24),
        () if hours < 8 * YEAR => two(hours / YEAR, 'y', hours / 24 % 365, 'd'),
        () => format!("{}y", hours / YEAR),
    }
}

/// The first `most` entries; how many more there are.
pub(super) fn some_of(list: &[String], most: usize) -> String {
    let shown = list.iter().take(most).map(String::as_str).collect::<Vec<_>>().join(",");
    match list.len().checked_sub(most) {
        Some(more) if more > 0 => format!("{shown} + {more} more..."),
        _ => shown,
    }
}

/// `<none>` for empty text.
pub(super) fn or_none(text: String) -> String {
    if text.is_empty() { "<none>".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_two_units_at_most() {
        const DAY: i64 = 86_400;
        let cases = [
            (-5, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (600, "10m"),
            (3 * 3600 - 1, "179m"),
            (3 * 3600, "3h"),
            (5 * 3600 + 60, "5h1m"),
            (47 * 3600, "47h"),
            (2 * DAY, "2d"),
            (3 * DAY + 4 * 3600, "3d4h"),
            (8 * DAY, "8d"),
            (700 * DAY, "700d"),
            (740 * DAY, "2y10d"),
            (9 * 365 * DAY, "9y"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(human_duration(TimeDelta::seconds(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn long_lists_say_how_much_is_left_out() {
        let list = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
        assert_eq!(some_of(&list(3), 3), "0,1,2");
        assert_eq!(some_of(&list(5), 3), "0,1,2 + 2 more...");
    }
}
