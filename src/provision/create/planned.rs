//! What would be done, without doing it.

use serde_json::Value;
use smol_str::SmolStr;

use super::{CreateError, Found, Request, keys, marked, preflight};
use crate::cluster::{Cluster, FailureKind, ObjectRef};
use crate::provision::objects::{self, Object};
use crate::provision::pki::PkiError;

/// Everything that a virtual cluster consists of, in the order in which it is applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The objects.
    pub objects: Vec<Object>,
    /// What a person should know.
    pub notes: Vec<SmolStr>,
}

/// What applying an object would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// It is not there.
    Create,
    /// It is there and would be another.
    Change,
    /// It is there and as it should be.
    Nothing,
    /// The host would not take it, in its words.
    Refused(SmolStr),
}

/// Said where the certificate cannot hold for the address of the Service.
const NO_ADDRESS: &str = "the Service has no address yet, so the API server's certificate does not hold for it: apply the Services, then \
     print and apply the rest";

/// Plans from what the host says and from keys that are there; `files` are those.
///
/// # Errors
/// When keys cannot be made or used.
pub(super) fn plan(
    request: &Request,
    found: &Found,
    files: Option<keys::Files>,
) -> Result<Planned, PkiError> {
    let blueprint = request.blueprint(&found.service_range);
    let mut parts = request.objects(found);
    let (keys, _) = keys::kept_or_made(&blueprint, &found.addresses, files)?;
    marked::tell_end(&mut parts.control_plane, &keys);
    let owner = found.service_uid.as_deref();
    let mut all = Vec::new();
    if found.namespace.is_none() {
        all.push(blueprint.new_namespace());
    }
    all.extend(parts.rights);
    all.extend(parts.services);
    all.extend(parts.ingress);
    all.push(objects::certificates(&blueprint, &keys, owner));
    all.push(objects::kubeconfig(&blueprint, &keys, owner));
    all.extend(parts.confines);
    all.extend(parts.store);
    all.extend(parts.control_plane);
    let mut notes = found.notes(request);
    if found.addresses.is_empty() {
        notes.push(SmolStr::new_static(NO_ADDRESS));
    }
    Ok(Planned { objects: all, notes })
}

/// Looks at the host and plans. Nothing is changed.
///
/// # Errors
/// What the host says, or what stands in the way.
pub async fn look_and_plan(cluster: &Cluster, request: &Request) -> Result<(Found, Planned), CreateError> {
    let found = preflight::look_and_judge(cluster, request).await?;
    let files = keys::files(cluster, &request.blueprint(&found.service_range)).await?;
    let planned = plan(request, &found, files)?;
    Ok((found, planned))
}

/// Asks the host what would become of each object, by a dry run where its namespace is there.
///
/// # Errors
/// When the host cannot be asked.
pub async fn effects(cluster: &Cluster, planned: &Planned) -> Result<Vec<(ObjectRef, Effect)>, CreateError> {
    let mut effects = Vec::new();
    for object in &planned.objects {
        let effect = match cluster.get::<Value>(&object.at).await {
            Err(failure) if failure.kind == FailureKind::NotFound => Effect::Create,
            Err(failure) => return Err(cluster.error(format!("read {}", object.at), failure).into()),
            Ok(now) => match cluster.try_apply(&object.at, &object.body).await {
                Ok(then) if essence(&then) == essence(&now) => Effect::Nothing,
                Ok(_) => Effect::Change,
                Err(failure) => Effect::Refused(failure.message),
            },
        };
        effects.push((object.at.clone(), effect));
    }
    Ok(effects)
}

/// An object without what changes by itself.
fn essence(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
    }
    if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for key in ["managedFields", "resourceVersion", "generation"] {
            meta.remove(key);
        }
    }
    object
}
