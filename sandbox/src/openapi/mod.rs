//! OpenAPI documents of the kinds that are served: `/openapi/v3`, one document for each group version, and
//! `/openapi/v2`, one for all.
//!
//! Clients look things up in them before they act: `kubectl` which fields and parameters a kind has, how its lists
//! merge and which kind a path speaks. The documents hold structure and no prose.

mod custom;
mod operations;
mod parts;
mod render;
mod schemas;
pub mod v2;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

use crate::kinds::{KUBERNETES_VERSION, Kind, Kinds};

/// One document, as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What is sent: JSON, unless said otherwise.
    pub text: Bytes,
    /// SHA-512 of it in hexadecimal: the version of the document in URLs and `ETag`.
    pub hash: String,
}

impl Document {
    pub(crate) fn of(value: &Value) -> Self {
        let text = Bytes::from(value.to_string());
        Self { hash: hash(&text), text }
    }
}

fn hash(text: &[u8]) -> String {
    Sha512::digest(text).iter().map(|byte| format!("{byte:02X}")).collect()
}

/// `/openapi/v3`: where the document of each group version is, with the hash of what is there now.
pub fn index(kinds: &Kinds) -> Document {
    let mut paths = serde_json::Map::new();
    for (group, versions) in kinds.groups() {
        for version in versions {
            let Some(document) = document(kinds, &group, &version) else { continue };
            let path = path(&group, &version);
            let url = format!("/openapi/v3/{path}?hash={}", document.hash);
            paths.insert(path, json!({"serverRelativeURL": url}));
        }
    }
    Document::of(&json!({"paths": paths}))
}

/// Where a group version is found below `/openapi/v3/`, and below the root: `api/v1`, `apis/apps/v1`.
pub fn path(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// The document of one group version; none when it is not served.
pub fn document(kinds: &Kinds, group: &str, version: &str) -> Option<Arc<Document>> {
    let served = of_version(kinds, group, version);
    if served.is_empty() {
        return None;
    }
    let built_in = of_version(Kinds::builtin(), group, version);
    let unchanged =
        served.len() == built_in.len() && served.iter().zip(&built_in).all(|(a, b)| Arc::ptr_eq(a, b));
    match BUILT_IN.get(&path(group, version)).filter(|_| unchanged) {
        Some(document) => Some(Arc::clone(document)),
        None => Some(Arc::new(Document::of(&tree(group, version, &served)))),
    }
}

/// The documents of built-in kinds never change, and every host of a process has the same.
static BUILT_IN: LazyLock<BTreeMap<String, Arc<Document>>> = LazyLock::new(|| {
    let kinds = Kinds::builtin();
    let groups = kinds.groups().into_iter();
    let versions = groups.flat_map(|(group, versions)| versions.into_iter().map(move |v| (group.clone(), v)));
    versions
        .map(|(group, version)| {
            let document = Document::of(&tree(&group, &version, &of_version(kinds, &group, &version)));
            (path(&group, &version), Arc::new(document))
        })
        .collect()
});

/// `1.36`
fn release() -> &'static str {
    let version = KUBERNETES_VERSION.trim_start_matches('v');
    version.rsplit_once('.').map_or(version, |(release, _)| release)
}

fn of_version<'k>(kinds: &'k Kinds, group: &str, version: &str) -> Vec<&'k Arc<Kind>> {
    kinds.iter().filter(|kind| kind.group == group && kind.version == version).collect()
}

fn tree(group: &str, version: &str, kinds: &[&Arc<Kind>]) -> Value {
    let mut schemas = schemas::Schemas::new(group, version);
    let mut paths = serde_json::Map::new();
    for kind in kinds {
        operations::add(kind, &mut schemas, &mut paths);
    }
    operations::add_resource_list(group, version, &mut schemas, &mut paths);
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": release()},
        "paths": paths,
        "components": {
            "schemas": schemas.finish(),
            "securitySchemes": {"BearerToken": {"type": "apiKey", "in": "header", "name": "authorization"}},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(group: &str, version: &str) -> Value {
        let document = document(Kinds::builtin(), group, version).expect("served");
        serde_json::from_slice(&document.text).expect("JSON")
    }

    #[test]
    fn every_group_version_has_a_document_and_its_url_changes_with_it() {
        let index: Value = serde_json::from_slice(&index(Kinds::builtin()).text).unwrap();
        let url = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().unwrap();
        let hash = &document(Kinds::builtin(), "apps", "v1").unwrap().hash;
        assert_eq!(url, format!("/openapi/v3/apis/apps/v1?hash={hash}"));
        assert!(index["paths"].get("api/v1").is_some());
        let mut more = Kinds::builtin().clone();
        let mut other = (**more.by_word("deploy").unwrap()).clone();
        other.plural = "others".into();
        other.kind = "Other".into();
        more.insert(other);
        assert_ne!(&document(&more, "apps", "v1").unwrap().hash, hash);
        assert_eq!(document(&more, "apps", "v9"), None);
    }

    #[test]
    fn every_reference_leads_to_a_schema_of_the_same_document() {
        fn references<'v>(node: &'v Value, found: &mut Vec<&'v str>) {
            match node {
                Value::Object(fields) => {
                    found.extend(fields.get("$ref").and_then(Value::as_str));
                    fields.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        for (group, versions) in Kinds::builtin().groups() {
            for version in versions {
                let document = read(&group, &version);
                let mut found = Vec::new();
                references(&document, &mut found);
                for reference in found {
                    let name = reference.strip_prefix("#/components/schemas/").expect(reference);
                    assert!(
                        document["components"]["schemas"].get(name).is_some(),
                        "{group}/{version}: {name}"
                    );
                }
            }
        }
    }

    #[test]
    fn clients_find_the_kind_of_a_path_and_what_a_patch_may_say() {
        let apps = read("apps", "v1");
        let patch = &apps["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
        let kind = json!({"group": "apps", "version": "v1", "kind": "Deployment"});
        assert_eq!(patch["x-kubernetes-group-version-kind"], kind);
        let names: Vec<&str> =
            patch["parameters"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["dryRun", "fieldManager", "fieldValidation", "force"]);
        assert!(patch["requestBody"]["content"].get("application/strategic-merge-patch+json").is_some());
        let schema = &apps["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"];
        assert_eq!(schema["x-kubernetes-group-version-kind"], json!([kind]));
        let containers =
            &apps["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"];
        assert_eq!(containers["x-kubernetes-patch-merge-key"], "name");
        assert_eq!(
            containers["items"],
            json!({"allOf": [{"$ref": "#/components/schemas/io.k8s.api.core.v1.Container"}], "default": {}})
        );
    }
}
