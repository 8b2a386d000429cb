//! Settings as text.

use super::Value;
use crate::provision::values::node::Content;
use crate::provision::values::scalar;

/// A value as it is written.
pub(super) fn written(value: Value<'_>) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || " ._/@+-".contains(c);
    match value {
        Value::Plain(text) => text.to_owned(),
        Value::Text(text) => {
            let safe = text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && !text.ends_with(' ')
                && text.chars().all(plain)
                && matches!(scalar::plain(text), Content::Text(_));
            if safe { text.to_owned() } else { quoted(text) }
        }
    }
}

fn key(key: &str) -> String {
    match written(Value::Text(key)) {
        key if key.starts_with('"') => key,
        key if key.contains(' ') => format!("{key:?}"),
        key => key,
    }
}

/// Keys below each other, the value behind the last one.
pub(super) fn block(path: &[&str], value: &str, indent: usize) -> String {
    let mut text = String::new();
    for (depth, part) in path.iter().enumerate() {
        let last = depth + 1 == path.len();
        let value = if last { format!(" {value}") } else { String::new() };
        text.push_str(&format!("{:width$}{}:{value}\n", "", key(part), width = indent + 2 * depth));
    }
    text
}

/// The same in one line.
pub(super) fn inline(path: &[&str], value: &str) -> String {
    match path {
        [] => value.to_owned(),
        [last] => format!("{}: {value}", key(last)),
        [first, rest @ ..] => format!("{}: {{{}}}", key(first), inline(rest, value)),
    }
}
