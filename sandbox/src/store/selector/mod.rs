//! Label and field selectors: reading their text and asking objects.

use super::Object;
use crate::kinds::{Field, Kind};
use crate::names;
use crate::status::Status;
use serde_json::Value;
use smol_str::SmolStr;
use std::sync::Arc;

/// Which objects are meant; empty means all.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<FieldTerm>,
    /// What the fields are those of; none without field terms.
    kind: Option<Arc<Kind>>,
}

/// One demand on the labels of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: SmolStr,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Exists,
    Absent,
    In(Vec<SmolStr>),
    NotIn(Vec<SmolStr>),
    Above(i64),
    Below(i64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldTerm {
    label: SmolStr,
    equal: bool,
    value: SmolStr,
}

impl Selector {
    /// Reads `labelSelector` and `fieldSelector` as they stand in a query.
    ///
    /// # Errors
    /// 400 when a selector cannot be read. Whether the kind offers the fields, [`Selector::check_fields`] tells.
    pub fn parse(kind: &Arc<Kind>, labels: &str, fields: &str) -> Result<Self, Status> {
        let labels = parse_labels(labels).map_err(Status::bad_request)?;
        let fields = parse_fields(fields).map_err(Status::bad_request)?;
        let kind = (!fields.is_empty()).then(|| Arc::clone(kind));
        Ok(Self { labels, fields, kind })
    }

    /// Refuses fields that the kind does not offer.
    ///
    /// # Errors
    /// 400 about the first of them.
    pub fn check_fields(&self) -> Result<(), Status> {
        let Some(kind) = &self.kind else { return Ok(()) };
        self.fields.iter().try_for_each(|term| supported(kind, &term.label)).map_err(Status::bad_request)
    }

    /// Reads a label selector alone.
    ///
    /// # Errors
    /// 400 when it cannot be read.
    pub fn labels(text: &str) -> Result<Self, Status> {
        Ok(Self { labels: parse_labels(text).map_err(Status::bad_request)?, ..Self::default() })
    }

    /// A `LabelSelector` object; none when it is null or cannot be read. An empty one means every object.
    pub fn of_label_selector(selector: &Value) -> Option<Self> {
        let values = |expression: &Value| -> Vec<SmolStr> {
            let list = expression["values"].as_array().into_iter().flatten();
            list.filter_map(|value| value.as_str().map(SmolStr::new)).collect()
        };
        let selector = selector.as_object()?;
        let mut labels = Vec::new();
        for (key, value) in selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten() {
            labels.push(Requirement { key: key.into(), test: Test::In(vec![value.as_str()?.into()]) });
        }
        let expressions = selector.get("matchExpressions").and_then(Value::as_array);
        for expression in expressions.into_iter().flatten() {
            let test = match expression["operator"].as_str()? {
                "In" => Test::In(values(expression)),
                "NotIn" => Test::NotIn(values(expression)),
                "Exists" => Test::Exists,
                "DoesNotExist" => Test::Absent,
                _ => return None,
            };
            labels.push(Requirement { key: expression["key"].as_str()?.into(), test });
        }
        Some(Self { labels, ..Self::default() })
    }

    /// Whether it means objects with these labels, given as a JSON object.
    pub fn matches_tree(&self, labels: &Value) -> bool {
        self.labels.iter().all(|requirement| requirement.matches(labels[requirement.key.as_str()].as_str()))
    }

    /// Whether it means every object.
    pub fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// The single name it asks for, if it does.
    pub fn exact_name(&self) -> Option<&str> {
        self.exact("metadata.name")
    }

    /// The single namespace it asks for, if it does.
    pub fn exact_namespace(&self) -> Option<&str> {
        self.exact("metadata.namespace")
    }

    fn exact(&self, label: &str) -> Option<&str> {
        self.fields.iter().find(|t| t.equal && t.label == label).map(|t| t.value.as_str())
    }

    /// Whether labels are meant; fields are not looked at.
    pub(crate) fn means(&self, labels: &[(SmolStr, SmolStr)]) -> bool {
        let value =
            |key: &str| labels.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str());
        self.labels.iter().all(|r| r.matches(value(&r.key)))
    }

    /// Whether an object is meant.
    pub fn matches(&self, object: &Object) -> bool {
        self.means(object.labels())
            && self.kind.as_deref().is_none_or(|kind| self.fields.iter().all(|t| t.matches(kind, object)))
    }
}

impl FieldTerm {
    fn matches(&self, kind: &Kind, object: &Object) -> bool {
        (object.selectable(kind, &self.label).as_ref() == Some(&self.value)) == self.equal
    }
}

impl Requirement {
    fn matches(&self, value: Option<&str>) -> bool {
        match (&self.test, value) {
            (Test::Exists, value) => value.is_some(),
            (Test::Absent, value) => value.is_none(),
            (Test::In(values), Some(value)) => values.iter().any(|v| v == value),
            (Test::NotIn(values), Some(value)) => !values.iter().any(|v| v == value),
            (Test::NotIn(_), None) => true,
            (Test::Above(bound), Some(value)) => value.parse::<i64>().is_ok_and(|n| n > *bound),
            (Test::Below(bound), Some(value)) => value.parse::<i64>().is_ok_and(|n| n < *bound),
            (Test::In(_) | Test::Above(_) | Test::Below(_), None) => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Symbol(&'static str),
    End,
}

impl<'a> Token<'a> {
    fn text(&self) -> &'a str {
        match self {
            Self::Word(word) => word,
            Self::Symbol(symbol) => symbol,
            Self::End => "",
        }
    }
}

const SYMBOLS: [&str; 9] = ["!=", "==", "=", "!", "(", ")", ",", ">", "<"];

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        if rest.is_empty() {
            return out;
        }
        if let Some(symbol) = SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
            out.push(Token::Symbol(symbol));
            rest = rest.get(symbol.len()..).unwrap_or_default();
            continue;
        }
        let end = rest.find([' ', '\t', '\r', '\n', '!', '=', '(', ')', ',', '>', '<']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        out.push(Token::Word(word));
        rest = after;
    }
}

struct Reader<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Token<'a> {
        self.tokens.get(self.at).cloned().unwrap_or(Token::End)
    }

    fn next(&mut self) -> Token<'a> {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let absent = self.peek() == Token::Symbol("!");
        if absent {
            self.at += 1;
        }
        let key = match self.next() {
            Token::Word(word) => word,
            other => return Err(format!("found '{}', expected: identifier", other.text())),
        };
        if let Some(why) = names::label_key(key) {
            return Err(format!("<nil>: Invalid value: {key:?}: {why}"));
        }
        if matches!(self.peek(), Token::End | Token::Symbol(",")) {
            let test = if absent { Test::Absent } else { Test::Exists };
            return Ok(Requirement { key: key.into(), test });
        }
        if absent {
            return Ok(Requirement { key: key.into(), test: Test::Absent });
        }
        let test = self.test()?;
        if let Test::In(values) | Test::NotIn(values) = &test {
            for (index, value) in values.iter().enumerate() {
                if let Some(why) = names::label_value(value) {
                    return Err(format!("values[{index}][{key}]: Invalid value: {value:?}: {why}"));
                }
            }
        }
        Ok(Requirement { key: key.into(), test })
    }

    fn test(&mut self) -> Result<Test, String> {
        match self.next() {
            Token::Word("in") => Ok(Test::In(self.set()?)),
            Token::Word("notin") => Ok(Test::NotIn(self.set()?)),
            Token::Symbol("=" | "==") => Ok(Test::In(vec![self.value()?])),
            Token::Symbol("!=") => Ok(Test::NotIn(vec![self.value()?])),
            Token::Symbol(">") => Ok(Test::Above(self.number()?)),
            Token::Symbol("<") => Ok(Test::Below(self.number()?)),
            other => Err(format!("found '{}', expected: in, notin, =, ==, !=, gt, lt", other.text())),
        }
    }

    /// The single value after an operator; nothing is the empty value.
    fn value(&mut self) -> Result<SmolStr, String> {
        match self.peek() {
            Token::End | Token::Symbol(",") => Ok(SmolStr::default()),
            Token::Word(word) => {
                self.at += 1;
                Ok(word.into())
            }
            other => Err(format!("found '{}', expected: identifier", other.text())),
        }
    }

    fn number(&mut self) -> Result<i64, String> {
        let value = self.value()?;
        value.parse().map_err(|_| {
            format!(
                "values[0]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer"
            )
        })
    }

    /// `(a, b,,c)`; an empty place is the empty value.
    fn set(&mut self) -> Result<Vec<SmolStr>, String> {
        match self.next() {
            Token::Symbol("(") => {}
            other => return Err(format!("found '{}' expected: '('", other.text())),
        }
        let mut values: Vec<SmolStr> = Vec::new();
        let mut pending = SmolStr::default();
        loop {
            match self.next() {
                Token::Word(word) if pending.is_empty() => pending = word.into(),
                Token::Symbol(symbol @ ("," | ")")) => {
                    if !values.contains(&pending) {
                        values.push(std::mem::take(&mut pending));
                    }
                    pending = SmolStr::default();
                    if symbol == ")" {
                        values.sort_unstable();
                        return Ok(values);
                    }
                }
                other => return Err(format!("found '{}', expected: ',' or ')'", other.text())),
            }
        }
    }
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>, String> {
    let mut reader = Reader { tokens: tokens(text), at: 0 };
    let mut out = Vec::new();
    loop {
        match reader.peek() {
            Token::End if out.is_empty() => return Ok(out),
            Token::Word(_) | Token::Symbol("!") => {}
            other if out.is_empty() => {
                return Err(format!("found '{}', expected: !, identifier, or 'end of string'", other.text()));
            }
            other => return Err(format!("found '{}', expected: identifier after ','", other.text())),
        }
        let requirement = reader.requirement().map_err(|e| format!("unable to parse requirement: {e}"))?;
        out.push(requirement);
        match reader.next() {
            Token::End => return Ok(out),
            Token::Symbol(",") => {}
            other => return Err(format!("found '{}', expected: ',' or 'end of string'", other.text())),
        }
    }
}

fn parse_fields(text: &str) -> Result<Vec<FieldTerm>, String> {
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

fn supported(kind: &Kind, label: &str) -> Result<(), String> {
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

#[cfg(test)]
mod tests;
