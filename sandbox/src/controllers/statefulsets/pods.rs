//! Pods of a StatefulSet, and the claims they mount.

use serde_json::{Value, json};

use super::super::revisions::{REVISION, Revision};
use super::super::workload::{owner_reference, pod_from};
use super::super::{About, Key, PODS, World};
use super::{SOURCE, claims};
use crate::status::Status;
use crate::store::{DeleteOptions, Object};

/// Creates a pod, and the claims it mounts.
pub(super) fn create(
    world: &mut World,
    about: &About,
    object: &Object,
    set: &Value,
    revision: &Revision,
    ordinal: i64,
) -> Result<(), Status> {
    let name = format!("{}-{ordinal}", object.name());
    let result = claims::make(world, about, object, set, &name)
        .and_then(|()| world.create(&PODS, object.namespace(), pod(object, set, revision, ordinal)));
    match result {
        Ok(_) => {
            let message = format!("create Pod {name} in StatefulSet {} successful", object.name());
            world.recorder.normal(about, &SOURCE, "SuccessfulCreate", message);
            Ok(())
        }
        Err(refusal) if refusal.is_already_exists() => Ok(()),
        Err(refusal) => {
            let why = &refusal.message;
            let message = format!("create Pod {name} in StatefulSet {} failed error: {why}", object.name());
            world.recorder.warning(about, &SOURCE, "FailedCreate", message);
            Err(refusal)
        }
    }
}

fn pod(object: &Object, set: &Value, revision: &Revision, ordinal: i64) -> Value {
    let name = format!("{}-{ordinal}", object.name());
    let metadata =
        json!({"name": name, "ownerReferences": [owner_reference("apps/v1", "StatefulSet", object)]});
    let mut pod = pod_from(&revision.template, metadata);
    let labels = &mut pod["metadata"]["labels"];
    labels[REVISION] = json!(revision.name);
    labels["statefulset.kubernetes.io/pod-name"] = json!(name);
    labels["apps.kubernetes.io/pod-index"] = json!(ordinal.to_string());
    pod["spec"]["hostname"] = json!(name);
    if let Some(service) = set["spec"]["serviceName"].as_str().filter(|service| !service.is_empty()) {
        pod["spec"]["subdomain"] = json!(service);
    }
    let templates = set["spec"]["volumeClaimTemplates"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named: Vec<&str> = templates.iter().filter_map(|claim| claim["metadata"]["name"].as_str()).collect();
    let mut volumes: Vec<Value> = named
        .iter()
        .map(
            |claim| json!({"name": claim, "persistentVolumeClaim": {"claimName": format!("{claim}-{name}")}}),
        )
        .collect();
    let others = pod["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    volumes.extend(others.into_iter().filter(|v| !named.contains(&v["name"].as_str().unwrap_or_default())));
    if !volumes.is_empty() {
        pod["spec"]["volumes"] = Value::Array(volumes);
    }
    pod
}

pub(super) fn delete(world: &mut World, about: &About, object: &Object, ordinal: i64) -> Result<(), Status> {
    let name = format!("{}-{ordinal}", object.name());
    let Some(pod) = world.find(&PODS, &Key::new(object.namespace(), name.clone())) else { return Ok(()) };
    let options = DeleteOptions::default().uid(pod.uid());
    match world.store.delete(&PODS, Some(object.namespace()), &name, &options) {
        Ok(_) => {
            let message = format!("delete Pod {name} in StatefulSet {} successful", object.name());
            world.recorder.normal(about, &SOURCE, "SuccessfulDelete", message);
            Ok(())
        }
        // Gone already, or another one by now: the next look tells.
        Err(refusal) if refusal.is_not_found() || refusal.is_conflict() => Ok(()),
        Err(refusal) => Err(refusal),
    }
}
