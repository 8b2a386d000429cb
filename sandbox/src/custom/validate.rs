//! Checking a value against an `openAPIV3Schema`, in the words of the real server.

use super::formats;
use super::prune::{below, field, flag};
use crate::status::FieldError;
use regex::Regex;
use serde_json::{Number, Value};

/// What is wrong at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Path such as `spec.parts[0].colour`; empty for the root.
    pub path: String,
    what: What,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Missing,
    Unsupported {
        value: Value,
        known: Vec<Value>,
    },
    TooLong {
        most: u64,
    },
    TooMany {
        found: usize,
        most: u64,
    },
    /// The value, and what is said of it after `PATH in body`.
    Wrong {
        value: Value,
        why: String,
    },
    WrongType {
        value: Value,
        wanted: String,
    },
    /// A sentence of its own.
    Other {
        value: Value,
        why: String,
    },
}

impl Problem {
    /// As the field error of a refusal.
    pub(crate) fn into_error(self) -> FieldError {
        let Self { path, what } = self;
        let shown_path = if path.is_empty() { "<nil>".to_owned() } else { path.clone() };
        let (reason, message) = match what {
            What::Missing => ("FieldValueRequired", "Required value".to_owned()),
            What::Unsupported { value, known } => {
                let known: Vec<String> = known.iter().map(shown).collect();
                let message =
                    format!("Unsupported value: {}: supported values: {}", shown(&value), known.join(", "));
                ("FieldValueNotSupported", message)
            }
            What::TooLong { most } => {
                ("FieldValueTooLong", format!("Too long: may not be more than {most} bytes"))
            }
            What::TooMany { found, most } => {
                let items = if most == 1 { "item" } else { "items" };
                ("FieldValueTooMany", format!("Too many: {found}: must have at most {most} {items}"))
            }
            What::Wrong { value, why } => {
                ("FieldValueInvalid", format!("Invalid value: {}: {path} in body {why}", shown(&value)))
            }
            What::WrongType { value, wanted } => {
                let name = format!("{:?}", type_name(&value));
                (
                    "FieldValueTypeInvalid",
                    format!("Invalid value: {name}: {path} in body must be of type {wanted}: {name}"),
                )
            }
            What::Other { value, why } => {
                ("FieldValueInvalid", format!("Invalid value: {}: {why}", shown(&value)))
            }
        };
        FieldError { reason, field: shown_path, message }
    }
}

/// A value as messages show it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if is_whole(number) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn is_whole(number: &Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|float| float.fract() == 0.0)
}

/// Everything that is wrong with a value. What `old` has in the same place counts as right: a schema may have become
/// stricter since it was written.
pub fn problems(schema: &Value, value: &Value, old: Option<&Value>) -> Vec<Problem> {
    let mut found = Vec::new();
    walk(schema, value, old, "", &mut found);
    found
}

fn walk(schema: &Value, value: &Value, old: Option<&Value>, path: &str, found: &mut Vec<Problem>) {
    if old == Some(value) {
        return;
    }
    if value.is_null() && flag(schema, "nullable") {
        return;
    }
    let mut tell = |what| found.push(Problem { path: path.to_owned(), what });
    if let Some(wanted) = wrong_type(schema, value) {
        return tell(What::WrongType { value: value.clone(), wanted });
    }
    if let Some(known) = schema["enum"].as_array().filter(|known| !known.contains(value)) {
        tell(What::Unsupported { value: value.clone(), known: known.clone() });
    }
    match value {
        Value::String(text) => check_text(schema, text, &mut tell),
        Value::Number(number) => check_number(schema, number, &mut tell),
        Value::Array(items) => {
            check_count(schema, items.len(), ["minItems", "maxItems"], "items", &mut tell);
            let Some(item_schema) = schema.get("items").filter(|items| items.is_object()) else { return };
            // Items are known again by their keys only.
            let known = |item: &Value| super::lists::counterpart(schema, item, old);
            for (index, item) in items.iter().enumerate() {
                walk(item_schema, item, known(item), &format!("{path}[{index}]"), found);
            }
        }
        Value::Object(fields) => {
            check_count(schema, fields.len(), ["minProperties", "maxProperties"], "properties", &mut tell);
            for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !fields.contains_key(name) {
                    found.push(Problem { path: below(path, name), what: What::Missing });
                }
            }
            for (name, value) in fields {
                if let Some(schema) = field(schema, name) {
                    walk(schema, value, old.and_then(|old| old.get(name)), &below(path, name), found);
                }
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
    check_junctors(schema, value, path, found);
}

/// The type that is wanted, where the value has another one.
fn wrong_type(schema: &Value, value: &Value) -> Option<String> {
    if flag(schema, "x-kubernetes-int-or-string") {
        let right = value.is_string() || value.as_i64().is_some() || value.as_u64().is_some();
        return (!right).then(|| "integer,string".to_owned());
    }
    let wanted = schema["type"].as_str().filter(|wanted| !wanted.is_empty())?;
    let right = match (wanted, value) {
        ("number", Value::Number(_)) => true,
        (wanted, value) => type_name(value) == wanted,
    };
    (!right).then(|| wanted.to_owned())
}

fn check_text(schema: &Value, text: &str, tell: &mut impl FnMut(What)) {
    let wrong = |why: String| What::Wrong { value: text.into(), why };
    let length = text.chars().count() as u64;
    if let Some(most) = schema["maxLength"].as_u64().filter(|most| length > *most) {
        tell(What::TooLong { most });
    }
    if let Some(least) = schema["minLength"].as_u64().filter(|least| length < *least) {
        tell(wrong(format!("should be at least {least} chars long")));
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        // A definition with a pattern that cannot be read is refused.
        if Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text)) {
            tell(wrong(format!("should match '{pattern}'")));
        }
    }
    if let Some(format) = schema["format"].as_str().filter(|format| !formats::holds(format, text)) {
        tell(wrong(format!("must be of type {format}: {text:?}")));
    }
}

fn check_number(schema: &Value, number: &Number, tell: &mut impl FnMut(What)) {
    let wrong = |why: String| What::Wrong { value: Value::Number(number.clone()), why };
    let value = number.as_f64().unwrap_or_default();
    let bound = |key: &str| schema[key].as_f64().map(|bound| (bound, schema[key].to_string()));
    if let Some((most, text)) = bound("maximum") {
        if flag(schema, "exclusiveMaximum") && value >= most {
            tell(wrong(format!("should be less than {text}")));
        } else if value > most {
            tell(wrong(format!("should be less than or equal to {text}")));
        }
    }
    if let Some((least, text)) = bound("minimum") {
        if flag(schema, "exclusiveMinimum") && value <= least {
            tell(wrong(format!("should be greater than {text}")));
        } else if value < least {
            tell(wrong(format!("should be greater than or equal to {text}")));
        }
    }
    if let Some((factor, text)) = bound("multipleOf").filter(|(factor, _)| *factor > 0.0) {
        let times = value / factor;
        if (times - times.round()).abs() > 1e-9 {
            tell(wrong(format!("should be a multiple of {text}")));
        }
    }
}

fn check_count(schema: &Value, count: usize, keys: [&str; 2], what: &str, tell: &mut impl FnMut(What)) {
    let [least, most] = keys.map(|key| schema[key].as_u64());
    if let Some(least) = least.filter(|least| (count as u64) < *least) {
        let why = format!("should have at least {least} {what}");
        tell(What::Wrong { value: count.into(), why });
    }
    if let Some(most) = most.filter(|most| (count as u64) > *most) {
        tell(What::TooMany { found: count, most });
    }
}

/// `allOf`, `anyOf`, `oneOf`, `not`.
fn check_junctors(schema: &Value, value: &Value, path: &str, found: &mut Vec<Problem>) {
    let list = |key: &str| schema[key].as_array().filter(|list| !list.is_empty());
    let holds = |schema: &Value| problems(schema, value, None).is_empty();
    let place = if path.is_empty() { "<nil>" } else { path };
    let mut tell = |why: String| {
        let what = What::Other { value: "".into(), why };
        found.push(Problem { path: path.to_owned(), what });
    };
    if list("anyOf").is_some_and(|all| !all.iter().any(holds)) {
        tell(format!("{place:?} must validate at least one schema (anyOf)"));
    }
    if let Some(all) = list("oneOf") {
        match all.iter().filter(|schema| holds(schema)).count() {
            1 => {}
            0 => tell(format!("{place:?} must validate one and only one schema (oneOf). Found none valid")),
            n => tell(format!(
                "{place:?} must validate one and only one schema (oneOf). Found {n} valid alternatives"
            )),
        }
    }
    if schema.get("not").is_some_and(holds) {
        tell(format!("{place:?} must not validate the schema (not)"));
    }
    if let Some(all) = list("allOf") {
        let failed = all.iter().any(|schema| !holds(schema));
        if failed {
            tell(format!("{place:?} must validate all the schemas (allOf)"));
        }
        for schema in all {
            walk(schema, value, None, path, found);
        }
    }
}
