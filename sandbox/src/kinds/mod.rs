//! The kinds an API server serves, as data.
//!
//! The built-in ones are derived from the OpenAPI and discovery documents of one Kubernetes version
//! (`examples/derive_kinds.rs` writes `sandbox/kinds/`); custom resources are added while the server runs.
//! What Kubernetes keeps in code per kind (`rules`, `defaults`, `convert`) is small tables and pure functions here.

pub mod catalog;
pub mod defaults;
pub mod quantity;
pub mod resources;
mod rules;
pub mod schema;
pub mod zeros;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;
use smol_str::SmolStr;

pub use rules::{Field, Generation, StatusOnCreate};
pub use schema::{ListKind, Property, Schema, Shape, Strategy, Struct, Text};
pub use zeros::{Go, Zero};

/// The Kubernetes version that the built-in kinds are taken from.
pub const KUBERNETES_VERSION: &str = "v1.36.2";

/// One kind in one API version.
#[derive(Debug, Clone, Deserialize)]
pub struct Kind {
    /// API group; empty for the core group.
    pub group: SmolStr,
    /// API version, such as `v1`.
    pub version: SmolStr,
    /// Name of the kind, such as `Pod`.
    pub kind: SmolStr,
    /// Name in paths, such as `pods`.
    pub plural: SmolStr,
    /// Name of one, such as `pod`.
    pub singular: SmolStr,
    /// Objects live in namespaces.
    pub namespaced: bool,
    /// What may be done with it, as discovery says.
    pub verbs: Vec<SmolStr>,
    /// Abbreviations, such as `po`.
    #[serde(default)]
    pub short_names: Vec<SmolStr>,
    /// Groups of kinds, such as `all`.
    #[serde(default)]
    pub categories: Vec<SmolStr>,
    /// `storageVersionHash` of discovery, where there is one.
    #[serde(default)]
    pub storage_version_hash: Option<SmolStr>,
    /// Subresources, such as `status` and `scale`.
    #[serde(default)]
    pub subresources: Vec<Subresource>,
    /// The structure of its objects.
    pub schema: KindSchema,
    /// What only custom resources have.
    #[serde(skip)]
    pub custom: Option<Arc<Custom>>,
}

/// A subresource.
#[derive(Debug, Clone, Deserialize)]
pub struct Subresource {
    /// Name in paths, such as `status`.
    pub name: SmolStr,
    /// The kind it speaks.
    pub kind: SmolStr,
    /// Group of that kind; None: that of the resource itself.
    #[serde(default)]
    pub group: Option<SmolStr>,
    /// Version of that kind; None: that of the resource itself.
    #[serde(default)]
    pub version: Option<SmolStr>,
    /// What may be done with it.
    pub verbs: Vec<SmolStr>,
}

/// Where the structure of a kind's objects is found.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum KindSchema {
    /// In the built-in catalog, by OpenAPI name.
    BuiltIn(SmolStr),
    /// With the kind.
    #[serde(skip)]
    Own(Arc<Schema>),
}

/// What a custom resource definition says beyond its structure.
#[derive(Debug, Clone, Default)]
pub struct Custom {
    /// Fields that field selectors may name, as JSON paths such as `.spec.color`.
    pub selectable_fields: Vec<SmolStr>,
    /// `additionalPrinterColumns`.
    pub columns: Vec<CustomColumn>,
}

/// One `additionalPrinterColumns` entry.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomColumn {
    /// Title.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where the value is found.
    pub json_path: String,
    /// Above 0: only in wide output.
    #[serde(default)]
    pub priority: i64,
    /// OpenAPI format.
    #[serde(default)]
    pub format: String,
    /// What the column says.
    #[serde(default)]
    pub description: String,
}

impl Kind {
    /// `v1` or `apps/v1`.
    pub fn api_version(&self) -> SmolStr {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            smol_str::format_smolstr!("{}/{}", self.group, self.version)
        }
    }

    /// Name of the kind of lists, such as `PodList`.
    pub fn list_kind(&self) -> SmolStr {
        smol_str::format_smolstr!("{}List", self.kind)
    }

    /// `pods` or `deployments.apps`: how messages and kubectl name the resource.
    pub fn group_resource(&self) -> SmolStr {
        if self.group.is_empty() {
            self.plural.clone()
        } else {
            smol_str::format_smolstr!("{}.{}", self.plural, self.group)
        }
    }

    /// Whether discovery lists this verb.
    pub fn allows(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == verb)
    }

    /// The subresource of this name.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|subresource| subresource.name == name)
    }

    /// The structure of its objects.
    pub fn schema(&self) -> &Schema {
        match &self.schema {
            KindSchema::BuiltIn(name) => catalog::named(name).unwrap_or_else(|| catalog::anything()),
            KindSchema::Own(schema) => schema,
        }
    }

    /// Whether it was added by a custom resource definition.
    pub fn is_custom(&self) -> bool {
        self.custom.is_some()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, Kind={}", self.api_version(), self.kind)
    }
}

/// The kinds that are served.
#[derive(Debug, Clone, Default)]
pub struct Kinds {
    /// In the order of discovery.
    all: Vec<Arc<Kind>>,
    by_plural: HashMap<SmolStr, Vec<Arc<Kind>>>,
    by_kind: HashMap<SmolStr, Vec<Arc<Kind>>>,
}

impl Kinds {
    /// All stable kinds of [`KUBERNETES_VERSION`]. Cheap to clone where custom resources are to be added.
    pub fn builtin() -> &'static Kinds {
        static BUILT_IN: LazyLock<Kinds> = LazyLock::new(|| {
            let mut kinds = Kinds::default();
            // A test holds that every line parses.
            for kind in catalog::resources().filter_map(|line| serde_json::from_str(line).ok()) {
                kinds.insert(kind);
            }
            kinds
        });
        &BUILT_IN
    }

    /// Adds a kind, in place of one with the same group, version and plural.
    pub fn insert(&mut self, kind: Kind) {
        self.remove(&kind.group, &kind.version, &kind.plural);
        let kind = Arc::new(kind);
        self.by_plural.entry(kind.plural.clone()).or_default().push(kind.clone());
        self.by_kind.entry(kind.kind.clone()).or_default().push(kind.clone());
        self.all.push(kind);
    }

    /// Takes a kind away; does nothing when it is not there.
    pub fn remove(&mut self, group: &str, version: &str, plural: &str) {
        let other =
            |kind: &Arc<Kind>| !(kind.group == group && kind.version == version && kind.plural == plural);
        self.all.retain(other);
        for kinds in self.by_plural.values_mut().chain(self.by_kind.values_mut()) {
            kinds.retain(other);
        }
    }

    /// All, in the order of discovery.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.all.iter()
    }

    /// By the segments of a path.
    pub fn by_path(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Kind>> {
        let found = self.by_plural.get(plural)?;
        found.iter().find(|kind| kind.group == group && kind.version == version)
    }

    /// By what an object says of itself; `api_version` is `v1` or `apps/v1`.
    pub fn by_object(&self, api_version: &str, kind: &str) -> Option<&Arc<Kind>> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let found = self.by_kind.get(kind)?;
        found.iter().find(|kind| kind.group == group && kind.version == version)
    }

    /// By group and plural, in the version that discovery prefers.
    pub fn by_resource(&self, group: &str, plural: &str) -> Option<&Arc<Kind>> {
        self.by_plural.get(plural)?.iter().find(|kind| kind.group == group)
    }

    /// By what a person types: plural, singular, short name or kind, any case, with or without `.group` after it.
    /// The core group comes first, then the order of discovery.
    pub fn by_word(&self, word: &str) -> Option<&Arc<Kind>> {
        let word = word.to_ascii_lowercase();
        let (name, group) = match word.split_once('.') {
            Some((name, group)) => (name, Some(group)),
            None => (word.as_str(), None),
        };
        let in_group = |kind: &&Arc<Kind>| group.is_none_or(|group| kind.group == group);
        let called = |kind: &&Arc<Kind>| {
            kind.plural == name || kind.singular == name || kind.kind.eq_ignore_ascii_case(name)
        };
        let short = |kind: &&Arc<Kind>| kind.short_names.iter().any(|short| short == name);
        let find =
            |like: &dyn Fn(&&Arc<Kind>) -> bool| self.all.iter().filter(in_group).find(|kind| like(kind));
        find(&called).or_else(|| find(&short))
    }

    /// The groups in the order of discovery, each with its versions, the preferred one first.
    pub fn groups(&self) -> Vec<(SmolStr, Vec<SmolStr>)> {
        let mut groups: Vec<(SmolStr, Vec<SmolStr>)> = Vec::new();
        for kind in &self.all {
            match groups.iter_mut().find(|(group, _)| *group == kind.group) {
                Some((_, versions)) if versions.contains(&kind.version) => {}
                Some((_, versions)) => versions.push(kind.version.clone()),
                None => groups.push((kind.group.clone(), vec![kind.version.clone()])),
            }
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_a_kind() {
        assert_eq!(Kinds::builtin().iter().count(), catalog::resources().count());
    }

    #[test]
    fn kinds_are_found_by_path_object_and_word() {
        let kinds = Kinds::builtin();
        let named = |kind: Option<&Arc<Kind>>| kind.map(|kind| kind.group_resource().to_string());
        let cases = [
            (kinds.by_path("", "v1", "pods"), Some("pods")),
            (kinds.by_path("apps", "v1", "statefulsets"), Some("statefulsets.apps")),
            (kinds.by_path("apps", "v1beta1", "statefulsets"), None),
            (kinds.by_object("events.k8s.io/v1", "Event"), Some("events.events.k8s.io")),
            (kinds.by_object("v1", "Event"), Some("events")),
            (
                kinds.by_resource("autoscaling", "horizontalpodautoscalers"),
                Some("horizontalpodautoscalers.autoscaling"),
            ),
            (kinds.by_word("sts"), Some("statefulsets.apps")),
            (kinds.by_word("Deployment"), Some("deployments.apps")),
            (kinds.by_word("events"), Some("events")),
            (kinds.by_word("events.events.k8s.io"), Some("events.events.k8s.io")),
            (kinds.by_word("po"), Some("pods")),
            (kinds.by_word("quota"), Some("resourcequotas")),
            (kinds.by_word("nonsense"), None),
        ];
        for (found, expected) in cases {
            assert_eq!(named(found).as_deref(), expected);
        }
        let preferred = kinds.by_resource("autoscaling", "horizontalpodautoscalers");
        assert_eq!(preferred.map(|kind| kind.version.as_str()), Some("v2"));
    }

    #[test]
    fn subresources_say_what_they_speak() {
        let kinds = Kinds::builtin();
        let deployments = kinds.by_path("apps", "v1", "deployments").expect("built in");
        let scale = deployments.subresource("scale").expect("scale");
        assert_eq!((scale.group.as_deref(), scale.kind.as_str()), (Some("autoscaling"), "Scale"));
        assert!(deployments.subresource("log").is_none());
        assert!(deployments.allows("deletecollection"));
        assert!(!kinds.by_path("", "v1", "bindings").expect("built in").allows("list"));
    }

    #[test]
    fn only_stable_versions_are_served() {
        for kind in Kinds::builtin().iter() {
            assert!(!kind.version.contains("alpha") && !kind.version.contains("beta"), "{kind}");
        }
    }

    #[test]
    fn a_custom_kind_comes_and_goes() {
        let mut kinds = Kinds::builtin().clone();
        let mut widget = (**kinds.by_word("cm").expect("built in")).clone();
        widget.group = "example.org".into();
        widget.plural = "widgets".into();
        widget.kind = "Widget".into();
        kinds.insert(widget.clone());
        kinds.insert(widget);
        assert_eq!(kinds.by_object("example.org/v1", "Widget").map(|k| k.plural.as_str()), Some("widgets"));
        assert_eq!(kinds.iter().filter(|kind| kind.plural == "widgets").count(), 1);
        kinds.remove("example.org", "v1", "widgets");
        assert!(kinds.by_path("example.org", "v1", "widgets").is_none());
    }
}
