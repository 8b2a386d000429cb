//! Time as clusters write it to time as v9s keeps it. The one place where `jiff` meets `chrono`.

use chrono::{DateTime, Utc};

/// Reads a time as Kubernetes writes it: RFC 3339, with or without a fraction. None when it is not one.
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

/// Turns the client library's time into ours. None outside of the years that chrono can hold.
pub fn from_jiff(time: jiff::Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.as_second(), time.subsec_nanosecond().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_precisions_of_kubernetes_are_read() {
        let second = parse("2026-11-20T10:00:00Z").unwrap();
        let micro = parse("2026-11-20T10:00:00.250000Z").unwrap();
        assert_eq!((micro - second).num_milliseconds(), 250);
        assert_eq!(parse("2026-11-20T11:00:00+01:00"), Some(second));
        for wrong in ["", "null", "yesterday", "2026-11-20"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn jiff_and_chrono_agree() {
        let text = "2026-11-20T10:00:00.25Z";
        assert_eq!(from_jiff(text.parse().unwrap()), parse(text));
    }
}
