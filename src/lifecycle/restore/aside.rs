//! What the host carries of kinds that are not made again: it stays as it is, and so works on.
//!
//! To the companion such an object has lost its partner, and would go. It is marked to stay, and loses the UID of the partner: an object of
//! its name that the tenant makes again takes it over. The mark says which UID it had, for a restore that is undone.

use serde_json::{Value, json};
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

use super::run::Run;
use super::{ACTION, RestoreError};
use crate::cluster::{Cluster, FailureKind, ObjectRef, Resource};
use crate::lifecycle::adopt;
use crate::names::Translator;
use crate::target::Target;
use crate::wire::{annotation, label};

/// Groups of which nothing is stored, and which are silent where their server is gone.
const MEASURED: &str = "metrics.k8s.io";

/// An object on the host that stays, and of which nothing is inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    /// Which.
    pub object: ObjectRef,
    /// What it was inside.
    pub of: SmolStr,
}

/// Marks them all.
pub(super) async fn set(run: &Run<'_>) -> Result<Vec<Aside>, RestoreError> {
    let mut aside = Vec::new();
    for (object, meta) in all(run.cluster, run.target).await? {
        let says = |key: &str| meta["annotations"][key].as_str().filter(|said| !said.is_empty());
        // Slices that the host makes for a Service bear its labels, and are no copy of anything.
        if says(annotation::OBJECT_HOST_NAME) != Some(object.name.as_str()) {
            continue;
        }
        let Some(name) = says(annotation::OBJECT_NAME) else { continue };
        let of = match says(annotation::OBJECT_NAMESPACE) {
            Some(namespace) => format_smolstr!("{namespace}/{name}"),
            None => name.into(),
        };
        aside.push(Aside { object: object.clone(), of });
        if says(annotation::SKIP_BACKSYNC).is_some() {
            continue;
        }
        let had = json!({"restore": run.mark.id, "uid": says(annotation::OBJECT_UID)}).to_string();
        let annotations = json!({
            annotation::SKIP_BACKSYNC: "true", annotation::OBJECT_UID: null, annotation::ASIDE: had,
        });
        change(run, &object, &meta, annotations).await?;
    }
    Ok(aside)
}

/// Takes the marks of this restore away again.
pub(super) async fn unset(run: &Run<'_>) -> Result<(), RestoreError> {
    for (object, meta) in all(run.cluster, run.target).await? {
        let had = meta["annotations"][annotation::ASIDE].as_str();
        let had: Option<Value> = had.and_then(|had| serde_json::from_str(had).ok());
        let Some(had) = had.filter(|had| had["restore"] == json!(run.mark.id)) else { continue };
        let annotations = json!({
            annotation::SKIP_BACKSYNC: null, annotation::OBJECT_UID: had["uid"], annotation::ASIDE: null,
        });
        change(run, &object, &meta, annotations).await?;
    }
    Ok(())
}

async fn change(
    run: &Run<'_>,
    object: &ObjectRef,
    meta: &Value,
    annotations: Value,
) -> Result<(), RestoreError> {
    let body = json!({"metadata": {
        "uid": meta["uid"], "resourceVersion": meta["resourceVersion"], "annotations": annotations,
    }});
    run.cluster.merge::<Value>(ACTION, object, &body).await?;
    Ok(())
}

/// Looks whether all of it may be seen, before anything stops.
pub(super) async fn can_be_seen(cluster: &Cluster, target: &Target) -> Result<(), RestoreError> {
    all(cluster, target).await.map(drop)
}

/// What bears the label of the virtual cluster, of all kinds but those that are made again; all of it or an error. The companion would
/// take away what is not marked.
async fn all(cluster: &Cluster, target: &Target) -> Result<Vec<(ObjectRef, Value)>, RestoreError> {
    let names = Translator::new(target.name.clone(), target.namespace.clone());
    let (mut kinds, silent) =
        cluster.kinds().await.map_err(|failure| cluster.error("look which kinds there are", failure))?;
    if let Some((group, failure)) = silent.into_iter().find(|(group, _)| !group.ends_with(MEASURED)) {
        let what = format!("look which kinds there are of {group}, to mark what stays of {target}");
        return Err(cluster.error(what, failure).into());
    }
    kinds.push(Resource::ENDPOINTS);
    kinds.retain(|kind| !adopt::KINDS.contains(kind));
    let mut all = Vec::new();
    for resource in kinds {
        let (namespace, marker) = match resource.namespaced {
            true => (Some(target.namespace.as_str()), names.marker().to_owned()),
            false => (None, names.cluster_scoped_marker()),
        };
        let selector = format!("{}={marker}", label::MANAGED_BY);
        let listed = cluster.list_metadata::<Value>(&resource, namespace, Some(&selector)).await;
        let listed = match listed {
            // Its definition has gone meanwhile, and its objects with it.
            Err(failure) if failure.kind == FailureKind::NotFound => continue,
            listed => listed.map_err(|failure| {
                let what = format!("list the {}, to mark what stays of {target}", resource.spoken());
                cluster.error(what, failure)
            })?,
        };
        all.extend(listed.into_iter().map(|mut object| {
            let name = object["metadata"]["name"].as_str().unwrap_or_default().to_smolstr();
            let namespace = namespace.map(SmolStr::from);
            (ObjectRef { resource: resource.clone(), namespace, name }, object["metadata"].take())
        }));
    }
    Ok(all)
}
