//! Deleting objects and collections.

use super::Call;
use super::body::{self, Body};
use super::decode::read_value;
use super::encode::ListMeta;
use super::read::list_query;
use super::typing::wrong_type;
use crate::kinds::catalog;
use crate::status::{FieldError, Status};
use crate::store::{DeleteOptions, Object, Propagation};
use http::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use smol_str::SmolStr;
use std::sync::Arc;

const JOBS_LEAVE_PODS: &str = "child pods are preserved by default when jobs are deleted; set \
    propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning";

/// `DELETE` of one object.
pub(super) fn delete(call: &Call, body: &[u8]) -> Result<Response<Body>, Status> {
    let options = delete_options(call, body)?;
    warn_of_pods(call, &options);
    let deleted = call.store().delete(&call.gr, call.namespace(), call.name(), &options.delete)?;
    if !deleted.gone || answers_object(call) {
        // What was asked to take its dependents along the old way, and stays for now, is said to be on its way.
        let code = if !deleted.gone && options.orphan_dependents == Some(false) { 202 } else { 200 };
        return call.show(code, &deleted.object);
    }
    Ok(body::value(200, &gone(call, &deleted.object)))
}

/// Jobs leave their pods behind, which surprises those who did not say what they want.
fn warn_of_pods(call: &Call, options: &Asked) {
    let silent = options.delete.propagation.is_none() && options.orphan_dependents.is_none();
    if silent && call.gr.group == "batch" && call.gr.plural == "jobs" {
        call.warn(vec![JOBS_LEAVE_PODS.to_owned()]);
    }
}

/// The answer of kinds that do not show what they lost.
fn gone(call: &Call, object: &Arc<Object>) -> Value {
    let mut details = json!({"name": object.name(), "kind": call.gr.plural, "uid": object.uid()});
    if !call.gr.group.is_empty() {
        details["group"] = json!(call.gr.group);
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

/// Whether deleting an object of this kind answers the object. Source: `ReturnDeletedObject` in the registries of
/// Kubernetes 1.36.
fn answers_object(call: &Call) -> bool {
    match (call.gr.group.as_str(), call.gr.plural.as_str()) {
        ("", plural) => matches!(
            plural,
            "resourcequotas"
                | "persistentvolumes"
                | "serviceaccounts"
                | "persistentvolumeclaims"
                | "namespaces"
                | "pods"
                | "services"
                | "podtemplates"
        ),
        ("storage.k8s.io", plural) => plural != "csistoragecapacities",
        ("resource.k8s.io", _) => true,
        _ => false,
    }
}

/// `DELETE` of a collection.
pub(super) fn delete_collection(call: &Call, body: &[u8]) -> Result<Response<Body>, Status> {
    let query = list_query(call)?;
    let options = delete_options(call, body)?;
    warn_of_pods(call, &options);
    let page = call.store().delete_collection(&call.gr, &query, &options.delete)?;
    let meta = ListMeta { revision: page.revision, ..Default::default() };
    Ok(body::json(200, call.encoder()?.list(&page.items, &meta)))
}

/// How a delete was asked for.
pub(super) struct Asked {
    pub(super) delete: DeleteOptions,
    /// The older way to say what becomes of dependents.
    orphan_dependents: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DeleteBody {
    grace_period_seconds: Option<i64>,
    preconditions: Preconditions,
    propagation_policy: Option<String>,
    orphan_dependents: Option<bool>,
    dry_run: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Preconditions {
    uid: Option<SmolStr>,
    resource_version: Option<SmolStr>,
}

/// Options stand in the body or, without one, in the query.
fn delete_options(call: &Call, body: &[u8]) -> Result<Asked, Status> {
    if !body.is_empty() {
        return delete_options_of(call, read_value(call, body)?);
    }
    settle_delete(
        call,
        DeleteBody {
            grace_period_seconds: call.query.number("gracePeriodSeconds")?,
            propagation_policy: call.query.get("propagationPolicy").map(str::to_owned),
            orphan_dependents: call.query.switch("orphanDependents"),
            ..DeleteBody::default()
        },
    )
}

/// Options from a `DeleteOptions` object.
pub(super) fn delete_options_of(call: &Call, options: Value) -> Result<Asked, Status> {
    let schema = catalog::named("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions");
    if let Some(wrong) = schema.and_then(|schema| wrong_type(schema, &options, "DeleteOptions")) {
        return Err(Status::bad_request(wrong));
    }
    let given = serde_json::from_value(options).map_err(|error| Status::bad_request(error.to_string()))?;
    settle_delete(call, given)
}

fn settle_delete(call: &Call, given: DeleteBody) -> Result<Asked, Status> {
    let mut errors = Vec::new();
    if given.propagation_policy.is_some() && given.orphan_dependents.is_some() {
        let detail = "orphanDependents and deletionPropagation cannot be both set";
        errors.push(FieldError::invalid("propagationPolicy", json!(given.propagation_policy), detail));
    }
    let propagation = match (given.propagation_policy.as_deref(), given.orphan_dependents) {
        (Some("Orphan"), _) | (None, Some(true)) => Some(Propagation::Orphan),
        (Some("Foreground"), _) => Some(Propagation::Foreground),
        (Some("Background"), _) | (None, Some(false)) => Some(Propagation::Background),
        (None, None) => None,
        (Some(other), _) => {
            let known = ["Foreground", "Background", "Orphan", "nil"];
            errors.push(FieldError::not_supported("propagationPolicy", other, &known));
            None
        }
    };
    let dry = given.dry_run.unwrap_or_default();
    if dry.iter().any(|word| word != "All") {
        errors.push(FieldError::not_among("dryRun", json!(dry), &["All"]));
    }
    if !errors.is_empty() {
        return Err(Status::invalid("meta.k8s.io", "DeleteOptions", "", errors));
    }
    let delete = DeleteOptions {
        dry_run: !dry.is_empty() || call.query.dry_run("DeleteOptions")?,
        grace_period_seconds: given.grace_period_seconds,
        uid: given.preconditions.uid,
        resource_version: given.preconditions.resource_version,
        propagation,
        origin: Some(call.origin()),
        ..DeleteOptions::default()
    };
    Ok(Asked { delete, orphan_dependents: given.orphan_dependents })
}
