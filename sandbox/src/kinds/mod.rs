//! The kinds an API server serves, as data.
//!
//! The built-in ones are derived from the OpenAPI and discovery documents of one Kubernetes version
//! (`examples/derive_kinds.rs` writes `sandbox/kinds/`); custom resources are added while the server runs.
//! What Kubernetes keeps in code per kind (`rules`, `defaults`, `convert`) is small tables and pure functions here.

pub mod catalog;
mod convert;
mod custom;
pub mod defaults;
pub mod quantity;
pub mod resources;
mod rules;
pub mod schema;
mod served;
pub mod zeros;

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use smol_str::SmolStr;

pub use custom::{Custom, CustomColumn, ScalePaths};
pub use rules::{Field, Generation, StatusOnCreate};
pub use schema::{ListKind, Property, Schema, Shape, Strategy, Struct, Text};
pub use served::Kinds;
pub use zeros::{Go, Zero};

/// The Kubernetes version that the built-in kinds are taken from.
pub const KUBERNETES_VERSION: &str = "v1.36.2";

/// The annotation in which DaemonSets count the changes of their template, since before generations.
pub(crate) const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

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
        match &self.custom {
            Some(custom) if !custom.list_kind.is_empty() => custom.list_kind.clone(),
            _ => smol_str::format_smolstr!("{}List", self.kind),
        }
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

#[cfg(test)]
mod tests;
