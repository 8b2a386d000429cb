//! The kinds that a definition makes, one per version.

use super::cel::Rules;
use super::definition::{Definition, Names, Version};
use crate::kinds::{Custom, Kind, KindSchema, Schema, Subresource};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use smol_str::{SmolStr, format_smolstr};
use std::sync::Arc;

/// What a definition makes.
pub(super) struct Made {
    /// The version in which objects are stored, served or not.
    pub(super) storage: Arc<Kind>,
    /// The served versions, the preferred one first.
    pub(super) served: Vec<Arc<Kind>>,
}

/// The verbs of every custom resource.
const VERBS: [&str; 8] = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
/// The verbs of its subresources.
const PART_VERBS: [&str; 3] = ["get", "patch", "update"];

/// Makes the kinds under the accepted names; none when no version is the storage version.
pub(super) fn kinds(object: &Value, accepted: &Names) -> Option<Made> {
    let definition = Definition::read(object);
    let mut versions: Vec<&Version> = definition.versions.iter().collect();
    versions.sort_by(|a, b| super::by_priority(&a.name, &b.name));
    let metadata = &object["metadata"];
    let stamp =
        format_smolstr!("{}/{}", metadata["uid"].as_str().unwrap_or_default(), metadata["generation"]);
    let terminating = !metadata["deletionTimestamp"].is_null();
    let (mut storage, mut served) = (None, Vec::new());
    for version in versions {
        let kind = Arc::new(kind(&definition, version, accepted, &stamp, terminating));
        if version.served {
            served.push(Arc::clone(&kind));
        }
        if version.storage {
            storage = Some(kind);
        }
    }
    Some(Made { storage: storage?, served })
}

fn kind(
    definition: &Definition,
    version: &Version,
    names: &Names,
    stamp: &SmolStr,
    terminating: bool,
) -> Kind {
    let schema = Arc::new(version.schema());
    let subresources = version.subresources.clone().unwrap_or_default();
    let words = |words: &[&'static str]| words.iter().copied().map(SmolStr::new_static).collect::<Vec<_>>();
    let mut parts = Vec::new();
    if subresources.status.is_some() {
        let verbs = words(&PART_VERBS);
        parts.push(Subresource {
            name: "status".into(),
            kind: names.kind.clone(),
            group: None,
            version: None,
            verbs,
        });
    }
    if subresources.scale.is_some() {
        parts.push(Subresource {
            name: "scale".into(),
            kind: "Scale".into(),
            group: Some("autoscaling".into()),
            version: Some("v1".into()),
            verbs: words(&PART_VERBS),
        });
    }
    let storage = definition.storage().map(|version| version.name.as_str()).unwrap_or_default();
    Kind {
        group: definition.group.clone(),
        version: version.name.clone(),
        kind: names.kind.clone(),
        plural: names.plural.clone(),
        singular: names.singular.clone(),
        namespaced: definition.scope == "Namespaced",
        verbs: words(&VERBS),
        short_names: names.short_names.clone(),
        categories: names.categories.clone(),
        storage_version_hash: Some(storage_hash(&definition.group, storage, &names.kind)),
        subresources: parts,
        schema: KindSchema::Own(Arc::new(Schema::of_custom_resource(&schema))),
        custom: Some(Arc::new(Custom {
            rules: Rules::compile(&schema).map(Arc::new),
            schema,
            list_kind: names.list_kind.clone(),
            stamp: stamp.clone(),
            storage: version.storage,
            scale: subresources.scale,
            selectable_fields: version
                .selectable_fields
                .iter()
                .map(|field| field.json_path.clone())
                .collect(),
            columns: version.additional_printer_columns.clone(),
            deprecation: deprecation(definition, version, names),
            terminating,
        })),
    }
}

fn deprecation(definition: &Definition, version: &Version, names: &Names) -> Option<String> {
    let usual = || {
        let mut better: Vec<&Version> =
            definition.versions.iter().filter(|other| other.served && !other.deprecated).collect();
        better.sort_by(|a, b| super::by_priority(&a.name, &b.name));
        let better = better.first().filter(|other| super::by_priority(&other.name, &version.name).is_lt());
        let (group, kind) = (&definition.group, &names.kind);
        let advice = better.map(|other| format!("; use {group}/{} {kind}", other.name)).unwrap_or_default();
        format!("{group}/{} {kind} is deprecated{advice}", version.name)
    };
    version.deprecated.then(|| version.deprecation_warning.clone().unwrap_or_else(usual))
}

/// Tells clients of discovery whether the storage version changed.
fn storage_hash(group: &str, version: &str, kind: &str) -> SmolStr {
    let digest = Sha256::digest(format!("{group}/{version}/{kind}"));
    STANDARD.encode(digest.get(..8).unwrap_or_default()).into()
}
