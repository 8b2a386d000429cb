//! `AdmissionReview`: the question to a webhook and its answer.

use super::rules::operation_name;
use crate::kinds::Kind;
use crate::store::{Operation, Review};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

/// What a webhook is asked: `request` of a review. `shown` is the kind in whose version it sees the objects, `asked`
/// that of the request.
pub(super) fn request(review: &Review<'_>, uid: &str, asked: &Kind, shown: &Kind, object: &Value) -> Value {
    let kind = |kind: &Kind| json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
    let resource =
        |kind: &Kind| json!({"group": kind.group, "version": kind.version, "resource": kind.plural});
    let in_version = |stored: &Value| {
        let mut object = shown.show(stored.clone());
        object["kind"] = json!(shown.kind);
        object["apiVersion"] = json!(shown.api_version());
        object
    };
    let gone = review.operation == Operation::Delete;
    let mut request = json!({
        "uid": uid,
        "kind": kind(shown), "resource": resource(shown),
        "requestKind": kind(asked), "requestResource": resource(asked),
        "name": review.name,
        "operation": operation_name(review.operation),
        "userInfo": review.options.requester().info(),
        "object": if gone { Value::Null } else { in_version(object) },
        "oldObject": review.old.map(in_version).unwrap_or_default(),
        "dryRun": review.options.dry_run,
        "options": options(review),
    });
    if !review.subresource.is_empty() {
        request["subResource"] = json!(review.subresource);
        request["requestSubResource"] = json!(review.subresource);
    }
    if !review.namespace.is_empty() {
        request["namespace"] = json!(review.namespace);
    } else if super::rules::is_namespace(asked) {
        request["namespace"] = json!(review.name);
    }
    request
}

fn options(review: &Review<'_>) -> Value {
    let kind = match review.operation {
        Operation::Create => "CreateOptions",
        Operation::Update if review.options.applied => "PatchOptions",
        Operation::Update => "UpdateOptions",
        Operation::Delete => "DeleteOptions",
    };
    let mut options = json!({"kind": kind, "apiVersion": "meta.k8s.io/v1"});
    if review.options.dry_run {
        options["dryRun"] = json!(["All"]);
    }
    if !review.options.manager.is_empty() && review.operation != Operation::Delete {
        options["fieldManager"] = json!(review.options.manager);
    }
    options
}

/// What a webhook answered.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Response {
    uid: String,
    pub(super) allowed: bool,
    pub(super) status: Option<Refusal>,
    patch: Option<String>,
    patch_type: Option<String>,
    pub(super) warnings: Vec<String>,
}

/// `status` of a refusal.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) message: String,
    pub(super) reason: String,
}

impl Response {
    /// Reads the body of an answer to the question of this UID.
    ///
    /// # Errors
    /// What is wrong with it, in the real server's words.
    pub(super) fn read(body: &[u8], uid: &str) -> Result<Self, String> {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Answer {
            kind: String,
            api_version: String,
            response: Option<Response>,
        }
        let answer: Answer = serde_json::from_slice(body)
            .map_err(|error| format!("received invalid webhook response: {error}"))?;
        let invalid = |why: String| Err(format!("received invalid webhook response: {why}"));
        if (answer.kind.as_str(), answer.api_version.as_str()) != ("AdmissionReview", "admission.k8s.io/v1") {
            let (group, version) = answer.api_version.split_once('/').unwrap_or(("", &answer.api_version));
            return invalid(format!(
                "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got {group}/{version}, Kind={}",
                answer.kind
            ));
        }
        let Some(response) = answer.response else { return Err("webhook response was absent".into()) };
        if response.uid != uid {
            return invalid(format!("expected response.uid={uid:?}, got {:?}", response.uid));
        }
        match (&response.patch, response.patch_type.as_deref()) {
            (Some(_), None) => invalid("webhook returned response.patch but not response.patchType".into()),
            (None, Some(_)) => invalid("webhook returned response.patchType but not response.patch".into()),
            (Some(_), Some(other)) if other != "JSONPatch" => {
                invalid(format!("webhook returned invalid response.patchType of {other:?}"))
            }
            _ => Ok(response),
        }
    }

    /// The JSON patch that it wants to be applied.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(super) fn patch(&self) -> Result<Option<Value>, String> {
        let Some(patch) = self.patch.as_ref().filter(|patch| !patch.is_empty()) else { return Ok(None) };
        let bytes = STANDARD.decode(patch).map_err(|error| error.to_string())?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| error.to_string())
    }
}
