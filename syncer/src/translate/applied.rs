//! What was applied last, kept on the host's object: digests by which a restart knows who has changed something since.

use std::collections::BTreeMap;
use std::fmt;

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use smol_str::SmolStr;

/// Digests of groups of fields of the virtual object as they were when the host's was written last.
///
/// A group whose digest differs was changed by the tenant since; one whose digest is the same, while the host's object
/// differs, was changed on the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied(BTreeMap<SmolStr, SmolStr>);

impl Applied {
    /// What an annotation says; nothing of what cannot be read.
    pub fn parse(text: Option<&str>) -> Self {
        let groups = text.unwrap_or_default().split(';').filter_map(|group| group.split_once('='));
        Applied(groups.map(|(group, digest)| (group.into(), digest.into())).collect())
    }

    /// Takes note of a group.
    pub fn set(&mut self, group: &str, value: &impl serde::Serialize) {
        self.0.insert(group.into(), digest(value));
    }

    /// The same with a group.
    pub fn with(mut self, group: &str, value: &impl serde::Serialize) -> Self {
        self.set(group, value);
        self
    }

    /// Takes a group over from what was applied before, where it may have been missing.
    pub fn keep(&mut self, group: &str, before: &Applied) {
        match before.0.get(group) {
            Some(digest) => drop(self.0.insert(group.into(), digest.clone())),
            None => drop(self.0.remove(group)),
        }
    }

    /// Whether a group was applied.
    pub fn has(&self, group: &str) -> bool {
        self.0.contains_key(group)
    }

    /// Whether nothing is known to have been applied.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a group is another than the one that was applied; what was never applied has changed.
    pub fn changed(&self, group: &str, value: &impl serde::Serialize) -> bool {
        self.0.get(group) != Some(&digest(value))
    }
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (group, digest)) in self.0.iter().enumerate() {
            let between = if at == 0 { "" } else { ";" };
            write!(f, "{between}{group}={digest}")?;
        }
        Ok(())
    }
}

/// Sixteen hexadecimal digits of a value: enough to tell whether it is another.
pub fn digest(value: &impl serde::Serialize) -> SmolStr {
    // By way of a value, whose maps are sorted: the same content is the same digest, whoever wrote it.
    let sorted = serde_json::to_value(value).unwrap_or(Value::Null);
    let mut digits = HEXLOWER.encode(&Sha256::digest(sorted.to_string()));
    digits.truncate(16);
    digits.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_survives_the_way_through_an_annotation() {
        let applied =
            Applied::default().with("labels", &json!({"a": "1"})).with("spec", &json!({"x": [1, 2]}));
        let read = Applied::parse(Some(&applied.to_string()));
        assert_eq!(read, applied);
        assert!(!read.changed("labels", &json!({"a": "1"})));
        assert!(read.changed("labels", &json!({"a": "2"})));
        assert!(read.changed("status", &json!({})), "what was never applied has changed");
        assert!(Applied::parse(None).changed("labels", &json!({})));
        assert_eq!(Applied::parse(Some("nonsense")), Applied::default());
    }

    #[test]
    fn the_order_of_keys_makes_no_difference() {
        let one: Value = serde_json::from_str(r#"{"a": 1, "b": {"c": 2, "d": 3}}"#).unwrap();
        let other: Value = serde_json::from_str(r#"{"b": {"d": 3, "c": 2}, "a": 1}"#).unwrap();
        assert!(!Applied::default().with("x", &one).changed("x", &other));
    }
}
