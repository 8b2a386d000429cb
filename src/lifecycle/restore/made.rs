//! The file of a store, made of objects that were thought of on this machine.

use std::path::Path;
use std::time::SystemTime;

use smol_str::SmolStr;

use super::RestoreError;
use super::prepare::{PREFIX, Prepared, clear, scratch, unseen};
use crate::backup::archive::{Census, Record, Visitor as _};
use crate::backup::rebuild::{Origin, Rebuild};
use crate::cluster::{ObjectRef, Resource};
use crate::lifecycle::adopt::Adoption;
use crate::store::keeper::Kept;

/// A store, and what it holds.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) adoption: Adoption,
    pub(super) prepared: Prepared,
}

/// Makes it. API servers read JSON of their own kinds, and write it anew in their own form when it changes.
pub(super) async fn store(adoption: Adoption, kept: Kept, folder: &Path) -> Result<Made, RestoreError> {
    clear(folder, SystemTime::now());
    let own = tempfile::Builder::new().prefix(PREFIX).tempdir_in(folder);
    let own = own.map_err(|why| scratch(folder, &why))?;
    let path = own.path().join(kept.sent());
    let mut rebuild =
        Rebuild::begin(kept.engine(), Origin::Kine, &path).map_err(|why| scratch(&path, &why))?;
    let mut census = Census::default();
    for adopted in &adoption.objects {
        let (key, value) = (key(&adopted.object), adopted.body.to_string());
        census.add(key.as_bytes());
        let (key, value) = (key.as_bytes(), value.as_bytes());
        let record = Record { key, value, created: 0, modified: 0, version: 0, lease: 0 };
        rebuild.record(record).map_err(|why| scratch(&path, &why))?;
    }
    let raise = unseen();
    let finished = tokio::task::spawn_blocking(move || rebuild.finish(raise)).await;
    let finished = finished.map_err(|broken| scratch(&path, &broken))?;
    let rebuilt = finished.map_err(|why| scratch(&path, &why))?;
    let prepared = Prepared {
        kubernetes: None,
        counts: census.into_counts(),
        signing_key: None,
        revision: raise,
        rebuilt,
        _folder: own,
    };
    Ok(Made { adoption, prepared })
}

/// Where API servers keep an object of one of the core kinds.
fn key(object: &ObjectRef) -> SmolStr {
    // Services share their place with endpoints.
    let is_service = object.resource == Resource::SERVICES;
    let kind = if is_service { "services/specs" } else { object.resource.plural.as_str() };
    let within = object.namespace.iter().map(|namespace| format!("{namespace}/")).collect::<String>();
    smol_str::format_smolstr!("/registry/{kind}/{within}{}", object.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_lie_where_an_api_server_looks_for_them() {
        let of = |resource, namespace: Option<&str>, name: &str| {
            key(&ObjectRef { resource, namespace: namespace.map(SmolStr::from), name: name.into() })
        };
        assert_eq!(of(Resource::PODS, Some("shop"), "web-0"), "/registry/pods/shop/web-0");
        assert_eq!(of(Resource::SERVICES, Some("shop"), "db"), "/registry/services/specs/shop/db");
        assert_eq!(of(Resource::NAMESPACES, None, "shop"), "/registry/namespaces/shop");
    }

    #[tokio::test]
    async fn both_kinds_of_store_are_made_and_count_on_from_what_nobody_has_seen() {
        let object = ObjectRef { resource: Resource::NAMESPACES, namespace: None, name: "shop".into() };
        let body = serde_json::json!({"apiVersion": "v1", "kind": "Namespace"});
        let adopted = crate::lifecycle::adopt::Adopted { object, body, host: None };
        for kept in [Kept::Sqlite, Kept::Etcd] {
            let folder = tempfile::tempdir().unwrap();
            let adoption = Adoption { objects: vec![adopted.clone()], ..Adoption::default() };
            let made = store(adoption, kept, folder.path()).await.unwrap();
            let Prepared { rebuilt, counts, revision, .. } = &made.prepared;
            assert_eq!((rebuilt.keys, counts.get("namespaces")), (1, Some(&1)), "{kept:?}");
            assert!(rebuilt.revision > *revision && *revision > 1_700_000_000_000, "{rebuilt:?}");
            drop(made);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it holds Secrets, and goes");
        }
    }
}
