//! One step on the way to a field, as `managedFields` spells it (`fieldsV1`, Kubernetes API reference).

use std::fmt;

use serde_json::{Map, Value};
use smol_str::SmolStr;

/// One step: into a field, or to an item of a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A field of an object or a key of a map: `f:name`.
    Field(SmolStr),
    /// The item of a list with these key fields, as canonical JSON: `k:{"name":"web"}`.
    Key(SmolStr),
    /// The item of a set with this value, as JSON: `v:"kubernetes.io/pvc-protection"`.
    Value(SmolStr),
    /// The item at this position: `i:0`. Old clients wrote it; it is kept as it is.
    Index(usize),
}

impl Step {
    /// The item of a set.
    pub fn value(value: &Value) -> Step {
        Step::Value(value.to_string().into())
    }

    /// The item of a list by its key fields; serde_json sorts them as the API server does.
    pub fn key(fields: Map<String, Value>) -> Step {
        Step::Key(Value::Object(fields).to_string().into())
    }

    /// Reads a key of `fieldsV1`; none when it is no step.
    pub fn parse(text: &str) -> Option<Step> {
        let (sort, rest) = text.split_once(':')?;
        match sort {
            "f" => Some(Step::Field(rest.into())),
            "k" => match serde_json::from_str(rest).ok()? {
                Value::Object(fields) => Some(Step::key(fields)),
                _ => None,
            },
            "v" => serde_json::from_str::<Value>(rest).ok().map(|value| Step::value(&value)),
            "i" => rest.parse().ok().map(Step::Index),
            _ => None,
        }
    }

    /// The key in `fieldsV1`.
    pub fn to_wire(&self) -> String {
        match self {
            Step::Field(name) => format!("f:{name}"),
            Step::Key(fields) => format!("k:{fields}"),
            Step::Value(value) => format!("v:{value}"),
            Step::Index(at) => format!("i:{at}"),
        }
    }
}

/// As conflicts name it: `.spec.containers[name="web"].image`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Field(name) => write!(f, ".{name}"),
            Step::Key(fields) => {
                let fields: Map<String, Value> = serde_json::from_str(fields).unwrap_or_default();
                let pairs: Vec<String> = fields.iter().map(|(key, value)| format!("{key}={value}")).collect();
                write!(f, "[{}]", pairs.join(","))
            }
            Step::Value(value) => write!(f, "[={value}]"),
            Step::Index(at) => write!(f, "[{at}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_read_and_write_as_on_the_wire() {
        for (wire, shown) in [
            ("f:replicas", ".replicas"),
            ("f:app.kubernetes.io/name", ".app.kubernetes.io/name"),
            (r#"k:{"containerPort":80,"protocol":"TCP"}"#, r#"[containerPort=80,protocol="TCP"]"#),
            (r#"v:"foregroundDeletion""#, r#"[="foregroundDeletion"]"#),
            ("i:3", "[3]"),
        ] {
            let step = Step::parse(wire).expect(wire);
            assert_eq!(step.to_wire(), wire);
            assert_eq!(step.to_string(), shown);
        }
        for wrong in ["", ".", "x:1", "k:3", "k:{", "i:x", "v:{"] {
            assert_eq!(Step::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_order_of_key_fields_does_not_matter() {
        assert_eq!(
            Step::parse(r#"k:{"protocol":"TCP","containerPort":80}"#),
            Step::parse(r#"k:{"containerPort":80,"protocol":"TCP"}"#)
        );
    }
}
