//! The claims of the pods of a StatefulSet: made before them, kept or deleted with them.

use serde_json::{Value, json};

use super::super::workload::owner_reference;
use super::super::{About, Key, VOLUME_CLAIMS, World};
use super::SOURCE;
use crate::status::Status;
use crate::store::Object;

/// The names of the claims of a pod, with their templates.
fn named<'s>(set: &'s Value, pod: &str) -> Vec<(String, &'s Value)> {
    let templates = set["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten();
    let name =
        |template: &Value| format!("{}-{pod}", template["metadata"]["name"].as_str().unwrap_or_default());
    templates.map(|template| (name(template), template)).collect()
}

/// Creates the claims of a pod that do not exist yet.
pub(super) fn make(
    world: &mut World,
    about: &About,
    object: &Object,
    set: &Value,
    pod: &str,
) -> Result<(), Status> {
    for (name, template) in named(set, pod) {
        if world.find(&VOLUME_CLAIMS, &Key::new(object.namespace(), name.clone())).is_some() {
            continue;
        }
        match world.create(&VOLUME_CLAIMS, object.namespace(), claim(object, set, template, &name)) {
            Ok(_) => {
                let message =
                    format!("create Claim {name} Pod {pod} in StatefulSet {} success", object.name());
                world.recorder.normal(about, &SOURCE, "SuccessfulCreate", message);
            }
            Err(refusal) => {
                let why = &refusal.message;
                let message = format!(
                    "create Claim {name} for Pod {pod} in StatefulSet {} failed error: {why}",
                    object.name()
                );
                world.recorder.warning(about, &SOURCE, "FailedCreate", message);
                return Err(refusal);
            }
        }
    }
    Ok(())
}

fn claim(object: &Object, set: &Value, template: &Value, name: &str) -> Value {
    let mut labels = template["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    labels.extend(set["spec"]["selector"]["matchLabels"].as_object().cloned().unwrap_or_default());
    let mut metadata = json!({"name": name, "labels": labels});
    if let Some(annotations) = template["metadata"].get("annotations") {
        metadata["annotations"] = annotations.clone();
    }
    if deletes(set, "whenDeleted") {
        metadata["ownerReferences"] = json!([owner_reference("apps/v1", "StatefulSet", object)]);
    }
    json!({"metadata": metadata, "spec": template["spec"]})
}

fn deletes(set: &Value, when: &str) -> bool {
    set["spec"]["persistentVolumeClaimRetentionPolicy"][when] == "Delete"
}

/// Whom the claims of a pod follow when it goes: the pod when it is too many, the set when that goes, or nobody.
pub(super) fn follow(world: &World, object: &Object, set: &Value, pod: &Object, wanted: bool) {
    let owner = match (deletes(set, "whenScaled"), deletes(set, "whenDeleted")) {
        (true, _) if !wanted => Some(owner_reference("v1", "Pod", pod)),
        (_, true) => Some(owner_reference("apps/v1", "StatefulSet", object)),
        _ => None,
    };
    for (name, _) in named(set, pod.name()) {
        let key = Key::new(object.namespace(), name);
        let Some(claim) = world.find(&VOLUME_CLAIMS, &key) else { continue };
        let ours = |uid: &str| uid == object.uid() || uid == pod.uid();
        let owners = claim.meta().owner_references;
        let has = |owner: &Value| owners.iter().any(|has| owner["uid"] == has.uid.as_str() && has.controller);
        let right = owners.iter().filter(|has| ours(&has.uid)).count() == usize::from(owner.is_some())
            && owner.as_ref().is_none_or(has);
        if right || owners.iter().any(|has| has.controller && !ours(&has.uid)) {
            continue;
        }
        // Gone meanwhile: nobody follows.
        let _ = world.update(&VOLUME_CLAIMS, &key, "", |claim| {
            let mut owners = claim["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
            owners.retain(|owner| !ours(owner["uid"].as_str().unwrap_or_default()));
            owners.extend(owner.clone());
            claim["metadata"]["ownerReferences"] = Value::Array(owners);
        });
    }
}
