//! Custom resources: `additionalPrinterColumns`.

use serde_json::Value;

use super::{Column, Row, column};
use crate::kinds::CustomColumn;

pub(super) fn columns(custom: &[CustomColumn]) -> Vec<Column> {
    let mut columns = vec![column("=Name")];
    if custom.is_empty() {
        let mut age = column("Age");
        age.kind = "date".to_owned();
        columns.push(age);
    }
    columns.extend(custom.iter().map(|custom| Column {
        name: custom.name.clone(),
        kind: custom.kind.clone(),
        format: custom.format.clone(),
        description: custom.description.clone(),
        priority: custom.priority,
    }));
    columns
}

pub(super) fn cells(custom: &[CustomColumn], row: &Row<'_>) -> Vec<Value> {
    let mut cells = vec![row.name()];
    if custom.is_empty() {
        cells.push(row.age());
    }
    cells.extend(custom.iter().map(|column| {
        let found = find(row.object, &column.json_path);
        found.map_or(Value::Null, |value| cell(row, &column.kind, value))
    }));
    cells
}

fn cell(row: &Row<'_>, kind: &str, value: &Value) -> Value {
    match (kind, value) {
        (_, Value::Null) => Value::Null,
        ("string", Value::String(_)) => value.clone(),
        ("string", other) => other.to_string().into(),
        ("integer", Value::Number(number)) => {
            number.as_i64().or_else(|| number.as_f64().map(|float| float as i64)).into()
        }
        ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => value.clone(),
        ("date", Value::String(time)) => match row.ago(time).as_str() {
            "<unknown>" => "<invalid>".into(),
            age => age.into(),
        },
        _ => Value::Null,
    }
}

/// The first value at a JSON path of the simple form that definitions use: `.a.b`, `['a.b/c']`, `[0]`, and
/// `[?(@.type=="Ready")]`. None when nothing is there or the path is of another form.
fn find<'v>(object: &'v Value, path: &str) -> Option<&'v Value> {
    let mut value = object;
    let mut rest = path;
    while !rest.is_empty() {
        let (step, after) = next_step(rest)?;
        value = match step {
            Step::Field(name) => value.get(name.as_str())?,
            Step::Index(index) => value.get(index)?,
            Step::Where(field, wanted) => value
                .as_array()?
                .iter()
                .find(|item| find(item, &field).and_then(Value::as_str) == Some(&wanted))?,
        };
        rest = after;
    }
    Some(value)
}

enum Step {
    Field(String),
    Index(usize),
    Where(String, String),
}

fn next_step(path: &str) -> Option<(Step, &str)> {
    if let Some(inner) = path.strip_prefix("[?(@") {
        let (condition, after) = inner.split_once(")]")?;
        let (field, wanted) = condition.split_once("==")?;
        let wanted = wanted.trim().trim_matches(['"', '\'']);
        return Some((Step::Where(field.trim().to_owned(), wanted.to_owned()), after));
    }
    if let Some(inner) = path.strip_prefix("['") {
        let (name, after) = inner.split_once("']")?;
        return Some((Step::Field(name.to_owned()), after));
    }
    if let Some(inner) = path.strip_prefix('[') {
        let (index, after) = inner.split_once(']')?;
        return Some((Step::Index(index.parse().ok()?), after));
    }
    let inner = path.strip_prefix('.')?;
    // A backslash keeps a dot in a name.
    let mut name = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => name.extend(chars.next().map(|(_, char)| char)),
            '.' | '[' => return Some((Step::Field(name), inner.get(at..)?)),
            _ => name.push(char),
        }
    }
    Some((Step::Field(name), ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_of_definitions_find_their_value() {
        let object = json!({"spec": {"color": "blue", "ports": [{"port": 80}, {"port": 81}]},
            "metadata": {"labels": {"a.b/c": "d"}},
            "status": {"conditions": [{"type": "Synced", "status": "False"}, {"type": "Ready", "status": "True"}]}});
        let cases = [
            (".spec.color", Some(json!("blue"))),
            (".spec.ports[1].port", Some(json!(81))),
            (".status.conditions[?(@.type==\"Ready\")].status", Some(json!("True"))),
            (".status.conditions[?(@.type=='Synced')].status", Some(json!("False"))),
            (".metadata.labels['a.b/c']", Some(json!("d"))),
            (".metadata.labels.a\\.b/c", Some(json!("d"))),
            (".spec.size", None),
            ("spec.color", None),
        ];
        for (path, expected) in cases {
            assert_eq!(find(&object, path).cloned(), expected, "{path}");
        }
    }

    #[test]
    fn cells_follow_the_type_of_their_column() {
        let column = |kind: &str, path: &str| CustomColumn {
            name: "X".to_owned(),
            kind: kind.to_owned(),
            json_path: path.to_owned(),
            priority: 0,
            format: String::new(),
            description: String::new(),
        };
        let object =
            json!({"metadata": {"name": "w"}, "n": 3, "t": "2026-01-01T00:00:00Z", "o": {"a": 1}, "b": true});
        let now = "2026-01-01T00:01:00Z".parse().expect("a time");
        let row = Row { object: &object, now };
        let columns = [
            column("string", ".n"),
            column("integer", ".n"),
            column("date", ".t"),
            column("date", ".b"),
            column("string", ".o"),
            column("boolean", ".b"),
            column("integer", ".missing"),
        ];
        let expected = [
            json!("w"),
            json!("3"),
            json!(3),
            json!("60s"),
            Value::Null,
            json!("{\"a\":1}"),
            json!(true),
            Value::Null,
        ];
        assert_eq!(cells(&columns, &row), expected);
        assert_eq!(cells(&[], &row)[1], json!("<unknown>"));
    }
}
