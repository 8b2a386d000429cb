//! What a plain word of YAML means.
//!
//! Helm and the official programs read YAML 1.1, where `yes` and `on` are true: a file that works there means the same here.

use super::node::Content;

const TRUE: [&str; 11] = ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"];
const FALSE: [&str; 11] = ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"];
/// Up to here every whole number has a floating-point one of its own.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;
const NULL: [&str; 5] = ["", "~", "null", "Null", "NULL"];

/// A word without quotes.
pub(super) fn plain(text: &str) -> Content {
    if NULL.contains(&text) {
        Content::Null
    } else if TRUE.contains(&text) {
        Content::Bool(true)
    } else if FALSE.contains(&text) {
        Content::Bool(false)
    } else {
        number(text).unwrap_or_else(|| Content::Text(text.to_owned()))
    }
}

/// With a tag of YAML's own. None when the text is no such thing, or the tag is unknown.
pub(super) fn tagged(tag: &str, text: &str) -> Option<Content> {
    match (tag, plain(text)) {
        ("str", _) => Some(Content::Text(text.to_owned())),
        ("bool", content @ Content::Bool(_)) => Some(content),
        ("null", content @ Content::Null) => Some(content),
        ("int", content @ Content::Int(_)) => Some(content),
        ("float", Content::Int(value)) => Some(Content::Number(value.to_string())),
        ("float", content @ Content::Number(_)) => Some(content),
        _ => None,
    }
}

fn number(text: &str) -> Option<Content> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let negative = text.starts_with('-');
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let digits = unsigned.replace('_', "");
    for (prefix, radix) in [("0x", 16), ("0b", 2), ("0o", 8)] {
        if let Some(rest) = digits.strip_prefix(prefix) {
            return whole(rest, radix, negative);
        }
    }
    // A leading zero means octal in YAML 1.1.
    if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return whole(&digits, 8, negative);
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return whole(&digits, 10, negative).or_else(|| Some(Content::Number(signed(&digits, negative))));
    }
    // `parse` takes words such as `inf` too, but here there is a digit or a point in front.
    let float = digits.parse::<f64>().ok().filter(|_| digits.bytes().any(|byte| byte.is_ascii_digit()))?;
    // Helm writes a million as 1e+06.
    let is_whole = digits.contains(['e', 'E']) && float.fract() == 0.0 && float <= LARGEST_EXACT;
    Some(if is_whole {
        Content::Int(if negative { -(float as i64) } else { float as i64 })
    } else {
        Content::Number(signed(&digits, negative))
    })
}

fn whole(digits: &str, radix: u32, negative: bool) -> Option<Content> {
    i64::from_str_radix(&signed(digits, negative), radix).ok().map(Content::Int)
}

fn signed(digits: &str, negative: bool) -> String {
    format!("{}{digits}", if negative { "-" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_what_they_mean_to_helm() {
        let text = |text: &str| Content::Text(text.to_owned());
        let number = |text: &str| Content::Number(text.to_owned());
        let cases = [
            ("", Content::Null),
            ("~", Content::Null),
            ("null", Content::Null),
            ("nUll", text("nUll")),
            ("true", Content::Bool(true)),
            ("yes", Content::Bool(true)),
            ("On", Content::Bool(true)),
            ("n", Content::Bool(false)),
            ("auto", text("auto")),
            ("8443", Content::Int(8443)),
            ("-1", Content::Int(-1)),
            ("+7", Content::Int(7)),
            ("0x10", Content::Int(16)),
            ("0b11", Content::Int(3)),
            ("0o17", Content::Int(15)),
            ("017", Content::Int(15)),
            ("019", text("019")),
            ("1_000", Content::Int(1000)),
            ("0", Content::Int(0)),
            ("0.5", number("0.5")),
            ("1e3", Content::Int(1000)),
            ("1e+06", Content::Int(1_000_000)),
            ("-2.5e1", Content::Int(-25)),
            ("1e-1", number("1e-1")),
            ("1e300", number("1e300")),
            (".5", number(".5")),
            ("99999999999999999999", number("99999999999999999999")),
            ("20Gi", text("20Gi")),
            ("1.2.3", text("1.2.3")),
            ("10.0.0.0/8", text("10.0.0.0/8")),
            ("-", text("-")),
            (".", text(".")),
            (".inf", text(".inf")),
            ("v1.36.0", text("v1.36.0")),
        ];
        for (word, meaning) in cases {
            assert_eq!(plain(word), meaning, "{word:?}");
        }
    }

    #[test]
    fn a_tag_wins_over_the_look_of_a_word() {
        assert_eq!(tagged("str", "8443"), Some(Content::Text("8443".into())));
        assert_eq!(tagged("int", "8443"), Some(Content::Int(8443)));
        assert_eq!(tagged("int", "x"), None);
        assert_eq!(tagged("float", "1"), Some(Content::Number("1".into())));
        assert_eq!(tagged("binary", "aGk="), None);
    }
}
