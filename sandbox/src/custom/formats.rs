//! Formats of text that schemas may ask for. Unknown ones hold for every text, as on the real server.

use chrono::{DateTime, NaiveDate};
use regex::Regex;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

/// Whether a text is of a format.
pub(super) fn holds(format: &str, text: &str) -> bool {
    // `date-time` and `datetime` are one.
    match format.replace('-', "").as_str() {
        "datetime" => DateTime::parse_from_rfc3339(text).is_ok(),
        "date" => NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok() && text.len() == 10,
        "duration" => matches(&DURATION, text) || matches(&WORDY_DURATION, text),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => is_cidr(text),
        "byte" => base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).is_ok(),
        "uuid" | "uuid3" | "uuid4" | "uuid5" => is_uuid(text, format.chars().last()),
        "uri" => matches(&URI, text),
        "email" => matches(&EMAIL, text),
        "hostname" => text.len() < 256 && matches(&HOSTNAME, text),
        "mac" => matches(&MAC, text),
        "hexcolor" => matches(&HEX_COLOUR, text),
        "rgbcolor" => matches(&RGB_COLOUR, text),
        "bsonobjectid" => text.len() == 24 && text.bytes().all(|b| b.is_ascii_hexdigit()),
        "ssn" => matches(&SSN, text),
        "isbn10" => is_isbn10(text),
        "isbn13" => is_isbn13(text),
        "isbn" => is_isbn10(text) || is_isbn13(text),
        "creditcard" => is_card(text),
        _ => true,
    }
}

type Pattern = LazyLock<Option<Regex>>;

static DURATION: Pattern =
    LazyLock::new(|| Regex::new(r"^[+-]?((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$|^[+-]?0$").ok());
static WORDY_DURATION: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)^\d+\s*(ns|nanos?|nanoseconds?|us|µs|micros?|microseconds?|ms|millis?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?)$").ok()
});
static URI: Pattern = LazyLock::new(|| Regex::new(r"^([A-Za-z][A-Za-z0-9+.-]*:\S+|/\S*)$").ok());
static EMAIL: Pattern = LazyLock::new(|| Regex::new(r"^[^@\s<>]+@[^@\s<>]+$").ok());
static HOSTNAME: Pattern = LazyLock::new(|| {
    Regex::new(r"^([a-zA-Z0-9\p{L}]([-a-zA-Z0-9\p{L}]{0,61}[a-zA-Z0-9\p{L}])?)(\.[a-zA-Z0-9\p{L}]([-a-zA-Z0-9\p{L}]{0,61}[a-zA-Z0-9\p{L}])?)*\.?$").ok()
});
static MAC: Pattern = LazyLock::new(|| {
    Regex::new(r"^([0-9A-Fa-f]{2}[:-]){5}([0-9A-Fa-f]{2}[:-]){0,2}[0-9A-Fa-f]{2}$|^([0-9A-Fa-f]{4}\.){2,3}[0-9A-Fa-f]{4}$").ok()
});
static HEX_COLOUR: Pattern = LazyLock::new(|| Regex::new(r"^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$").ok());
static RGB_COLOUR: Pattern = LazyLock::new(|| {
    Regex::new(r"^rgb\(\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*\)$").ok()
});
static SSN: Pattern = LazyLock::new(|| Regex::new(r"^\d{3}[- ]?\d{2}[- ]?\d{4}$").ok());

fn matches(pattern: &Pattern, text: &str) -> bool {
    // A test holds that every pattern compiles.
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let most = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    length.parse::<u8>().is_ok_and(|length| length <= most)
}

/// Hyphens may be left out; `version` is the digit that formats such as `uuid4` ask for.
fn is_uuid(text: &str, version: Option<char>) -> bool {
    let bare: String = text.chars().filter(|c| *c != '-').collect();
    let form =
        matches!(text.len(), 32..=36) && bare.len() == 32 && bare.bytes().all(|b| b.is_ascii_hexdigit());
    let wanted = version.filter(char::is_ascii_digit);
    form && wanted.is_none_or(|wanted| bare.chars().nth(12) == Some(wanted))
}

fn digits(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '-' | ' ')).collect()
}

fn is_isbn10(text: &str) -> bool {
    let text = digits(text);
    let mut sum = 0;
    for (at, c) in text.chars().enumerate() {
        let value = match c {
            'X' if at == 9 => 10,
            c => match c.to_digit(10) {
                Some(digit) => digit,
                None => return false,
            },
        };
        sum += value * (u32::try_from(at).unwrap_or(0) + 1);
    }
    text.len() == 10 && sum % 11 == 0
}

fn is_isbn13(text: &str) -> bool {
    let text = digits(text);
    let weighted =
        text.chars().enumerate().map(|(at, c)| c.to_digit(10).map(|d| if at % 2 == 0 { d } else { 3 * d }));
    let sum: Option<u32> = weighted.sum();
    text.len() == 13 && sum.is_some_and(|sum| sum % 10 == 0)
}

fn is_card(text: &str) -> bool {
    let text = digits(text);
    let doubled = |(at, c): (usize, char)| {
        let digit = c.to_digit(10)?;
        Some(if at % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 })
    };
    let sum: Option<u32> = text.chars().rev().enumerate().map(doubled).sum();
    (13..=19).contains(&text.len()) && sum.is_some_and(|sum| sum % 10 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        let all = [&DURATION, &WORDY_DURATION, &URI, &EMAIL, &HOSTNAME, &MAC, &HEX_COLOUR, &RGB_COLOUR, &SSN];
        assert!(all.iter().all(|pattern| pattern.is_some()));
    }

    #[test]
    fn texts_are_told_from_others_by_format() {
        let cases = [
            ("date-time", "2026-01-01T00:00:00Z", "2026-01-01"),
            ("date", "2026-01-31", "2026-13-01"),
            ("duration", "1h30m", "soon"),
            ("ipv4", "10.0.0.1", "10.0.0.256"),
            ("ipv6", "::1", "10.0.0.1"),
            ("cidr", "10.0.0.0/8", "10.0.0.0/33"),
            ("byte", "aGk=", "!"),
            ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567"),
            ("uuid4", "123e4567-e89b-42d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
            ("uri", "https://a.example/b", "no uri"),
            ("email", "a@b.example", "a"),
            ("hostname", "a.example", "-a"),
            ("mac", "00:11:22:33:44:55", "00:11"),
            ("hexcolor", "#fff", "#ff"),
            ("rgbcolor", "rgb(0,0,255)", "rgb(0,0,256)"),
            ("isbn", "978-3-16-148410-0", "978-3-16-148410-1"),
            ("creditcard", "4111 1111 1111 1111", "4111 1111 1111 1112"),
        ];
        for (format, good, bad) in cases {
            assert!(holds(format, good), "{format} {good}");
            assert!(!holds(format, bad), "{format} {bad}");
        }
        assert!(holds("no-such-format", "anything"));
    }
}
