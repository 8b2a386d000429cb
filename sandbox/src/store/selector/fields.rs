//! The language of field selectors.

use crate::kinds::{Field, Kind};
use crate::store::Object;
use serde_json::Value;
use smol_str::SmolStr;

/// One demand on a field of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldTerm {
    pub(super) label: SmolStr,
    pub(super) equal: bool,
    pub(super) value: SmolStr,
}

impl FieldTerm {
    pub(super) fn matches(&self, kind: &Kind, object: &Object) -> bool {
        (object.selectable(kind, &self.label).as_ref() == Some(&self.value)) == self.equal
    }
}

/// The demands of a selector.
///
/// # Errors
/// What cannot be read of it.
pub(super) fn parse(text: &str) -> Result<Vec<FieldTerm>, String> {
    split_terms(text)
        .into_iter()
        .filter(|term| !term.is_empty())
        .map(|term| {
            let Some((at, operator)) = term.char_indices().find_map(|(at, _)| {
                let rest = term.get(at..)?;
                ["!=", "==", "="].into_iter().find(|op| rest.starts_with(op)).map(|op| (at, op))
            }) else {
                return Err(format!("invalid selector: '{text}'; can't understand '{term}'"));
            };
            let label = term.get(..at).unwrap_or_default();
            let value = unescape(term.get(at + operator.len()..).unwrap_or_default())?;
            Ok(FieldTerm { label: label.into(), equal: operator != "!=", value })
        })
        .collect()
}

/// Whether a kind offers a field to select by; why not otherwise.
pub(super) fn supported(kind: &Kind, label: &str) -> Result<(), String> {
    let offers = |label: &str| kind.selectable_field(&Value::Null, label) != Field::Unsupported;
    if offers(label) {
        return Ok(());
    }
    // Kinds with fields of their own and kinds without are told apart by the sentence.
    const OWN: [&str; 6] =
        ["status.phase", "type", "spec.type", "reason", "spec.unschedulable", "status.successful"];
    Err(if kind.group == "batch" && kind.plural == "jobs" {
        format!("field label {label:?} not supported for Job")
    } else if OWN.into_iter().any(offers) || kind.is_custom() {
        format!("field label not supported: {label}")
    } else {
        format!("{label:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
    })
}

/// Splits at commas that no backslash precedes.
fn split_terms(text: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                terms.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(text.get(start..).unwrap_or_default());
    terms
}

/// Undoes `\,`, `\=` and `\\`.
fn unescape(text: &str) -> Result<SmolStr, String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c @ ('\\' | ',' | '=')) => out.push(c),
                other => {
                    let other = other.map(String::from).unwrap_or_default();
                    return Err(format!("invalid field selector: invalid escape sequence: \\{other}"));
                }
            },
            ',' | '=' => {
                return Err(format!("invalid field selector: unescaped character in value: {c}"));
            }
            c => out.push(c),
        }
    }
    Ok(out.into())
}
