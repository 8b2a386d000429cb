//! Where a field is in an object: what is there is visited, or copied from another.

use std::str::FromStr;

use serde_json::Value;
use v9s::provision::values::settings::{FieldPath, FieldStep};

/// Where fields are, `spec.volumes[].secret.secretName`; `[]` stands for each item of a list, or each value of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(FieldPath);

/// What is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no path: write field names with dots between them, and [] behind the name of a list, as in spec.volumes[].name"
)]
pub struct NoPath(String);

impl FromStr for Path {
    type Err = NoPath;

    fn from_str(text: &str) -> Result<Self, NoPath> {
        FieldPath::parse(text).map(Path).ok_or_else(|| NoPath(text.to_owned()))
    }
}

impl From<FieldPath> for Path {
    fn from(path: FieldPath) -> Self {
        Path(path)
    }
}

impl Path {
    /// Visits each field of this path that is there.
    pub fn each(&self, object: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
        walk(self.0.steps(), object, visit);
    }

    /// Makes the field the same in `to` as it is in `from`; lists on the way are gone through side by side.
    pub fn copy(&self, from: &Value, to: &mut Value) {
        copy(self.0.steps(), from, to);
    }
}

fn walk(steps: &[FieldStep], value: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    match (steps.split_first(), value) {
        (None, value) => visit(value),
        (Some((FieldStep::Field(name), rest)), Value::Object(fields)) => {
            if let Some(value) = fields.get_mut(name.as_str()) {
                walk(rest, value, visit);
            }
        }
        (Some((FieldStep::Each, rest)), Value::Array(items)) => {
            items.iter_mut().for_each(|item| walk(rest, item, visit));
        }
        (Some((FieldStep::Each, rest)), Value::Object(fields)) => {
            fields.values_mut().for_each(|value| walk(rest, value, visit));
        }
        _ => {}
    }
}

fn copy(steps: &[FieldStep], from: &Value, to: &mut Value) {
    match (steps.split_first(), from, to) {
        (None, from, to) => *to = from.clone(),
        (Some((FieldStep::Field(name), rest)), Value::Object(from), Value::Object(to)) => {
            match from.get(name.as_str()) {
                Some(from) => {
                    let fresh =
                        if rest.is_empty() { Value::Null } else { Value::Object(serde_json::Map::new()) };
                    copy(rest, from, to.entry(name.as_str()).or_insert(fresh));
                }
                None if rest.is_empty() => drop(to.remove(name.as_str())),
                None => {}
            }
        }
        (Some((FieldStep::Each, rest)), Value::Array(from), Value::Array(to)) => {
            from.iter().zip(to).for_each(|(from, to)| copy(rest, from, to));
        }
        (Some((FieldStep::Each, rest)), Value::Object(from), Value::Object(to)) => {
            let both = to.iter_mut().filter_map(|(name, to)| Some((from.get(name)?, to)));
            both.for_each(|(from, to)| copy(rest, from, to));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_field_of_a_path_is_visited_and_none_besides() {
        let mut object = json!({"spec": {"volumes": [{"name": "a"}, {"other": 1}, {"name": "b"}], "map": {"x": {"name": "c"}}, "name": "d"}});
        let mut seen = |path: &str| {
            let mut found = Vec::new();
            path.parse::<Path>().unwrap().each(&mut object, &mut |value| found.push(value.clone()));
            Value::Array(found)
        };
        assert_eq!(seen("spec.volumes[].name"), json!(["a", "b"]));
        assert_eq!(seen("spec.map[].name"), json!(["c"]));
        assert_eq!(seen("spec.missing.name"), json!([]));
    }

    #[test]
    fn a_field_is_copied_where_its_surroundings_are() {
        let cases = [
            (
                "spec.a",
                json!({"spec": {"a": 1, "b": 2}}),
                json!({"spec": {"b": 3}}),
                json!({"spec": {"a": 1, "b": 3}}),
            ),
            ("spec.a", json!({"spec": {}}), json!({"spec": {"a": 3}}), json!({"spec": {}})),
            (
                "spec.l[].a",
                json!({"spec": {"l": [{"a": 1}]}}),
                json!({"spec": {"l": [{"b": 1}, {}]}}),
                json!({"spec": {"l": [{"a": 1, "b": 1}, {}]}}),
            ),
            ("spec.x.a", json!({}), json!({"spec": {"a": 3}}), json!({"spec": {"a": 3}})),
        ];
        for (path, from, mut to, expected) in cases {
            path.parse::<Path>().unwrap().copy(&from, &mut to);
            assert_eq!(to, expected, "{path}");
        }
    }
}
