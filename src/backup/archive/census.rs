//! How many objects of each kind there are, by the keys of a store: values may be encrypted and are not looked into.

use std::collections::BTreeMap;

use smol_str::{SmolStr, format_smolstr};

/// Number of objects by kind, as [`kind_of`] names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    counts: BTreeMap<SmolStr, u64>,
}

impl Census {
    /// Counts a key.
    pub fn add(&mut self, key: &[u8]) {
        let kind = kind_of(key);
        // Without making a string for each of a million keys.
        if let Some(count) = self.counts.get_mut(kind.as_str()) {
            *count += 1;
        } else {
            let kind = if self.counts.len() < KINDS { kind } else { "others".into() };
            *self.counts.entry(kind).or_default() += 1;
        }
    }

    /// The counts.
    pub fn into_counts(self) -> BTreeMap<SmolStr, u64> {
        self.counts
    }
}

/// As many kinds are told apart: a store with more has no custom resources but noise.
const KINDS: usize = 10_000;

/// The kind of object that a key of a Kubernetes store holds: `pods`, `deployments`, `widgets.example.com`; `(other)` when the key is
/// not under `/registry`, `(mappings)` for what the official syncer remembers.
pub fn kind_of(key: &[u8]) -> SmolStr {
    let Ok(key) = std::str::from_utf8(key) else { return "(other)".into() };
    if key.starts_with("/vcluster/mappings/") {
        return "(mappings)".into();
    }
    let Some(rest) = key.strip_prefix("/registry/") else { return "(other)".into() };
    let mut segments = rest.split('/');
    let first = segments.next().unwrap_or_default();
    match first {
        // Kept under names from before the API had its own.
        "minions" => "nodes".into(),
        "controllers" => "replicationcontrollers".into(),
        "services" => match segments.next() {
            Some("endpoints") => "endpoints".into(),
            _ => "services".into(),
        },
        // A domain is the group of custom resources; their plural comes behind it.
        group if group.contains('.') => match segments.next() {
            Some(plural) if !plural.is_empty() => format_smolstr!("{plural}.{group}"),
            _ => group.into(),
        },
        plural => plural.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_counted_as_the_kinds_that_people_know() {
        for (key, kind) in [
            ("/registry/pods/team/web-0", "pods"),
            ("/registry/namespaces/team", "namespaces"),
            ("/registry/minions/node-1", "nodes"),
            ("/registry/controllers/team/old", "replicationcontrollers"),
            ("/registry/services/specs/default/kubernetes", "services"),
            ("/registry/services/endpoints/default/kubernetes", "endpoints"),
            ("/registry/example.com/widgets/team/one", "widgets.example.com"),
            (
                "/registry/apiextensions.k8s.io/customresourcedefinitions/widgets.example.com",
                "customresourcedefinitions.apiextensions.k8s.io",
            ),
            ("/vcluster/mappings/v1/Pod/a", "(mappings)"),
            ("compact_rev_key", "(other)"),
            ("/registry/", ""),
        ] {
            assert_eq!(kind_of(key.as_bytes()), kind, "{key}");
        }
        assert_eq!(kind_of(&[b'/', 0xff]), "(other)");
        let mut census = Census::default();
        for key in ["/registry/pods/a/b", "/registry/pods/a/c", "/registry/nodes/x"] {
            census.add(key.as_bytes());
        }
        assert_eq!(census.into_counts(), [("pods".into(), 2), ("nodes".into(), 1)].into());
    }
}
