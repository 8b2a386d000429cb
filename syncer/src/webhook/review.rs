//! `AdmissionReview` as the API server sends it, and as it wants it back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

/// The version that is spoken.
const VERSION: &str = "admission.k8s.io/v1";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    api_version: String,
    request: Request,
}

/// What the API server asks about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Request {
    /// Of the question.
    pub(super) uid: String,
    pub(super) operation: String,
    pub(super) namespace: String,
    /// Empty for `generateName`.
    pub(super) name: String,
    pub(super) sub_resource: String,
    pub(super) dry_run: bool,
    pub(super) resource: Resource,
    pub(super) object: Value,
    pub(super) old_object: Value,
}

/// What kind of thing it is about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Resource {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) resource: String,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// With these changes (RFC 6902).
    Allowed(Vec<Value>),
    /// Unchanged, and with a word to whoever asked.
    Warned(String),
    /// As the API server itself would refuse it: code, reason, message.
    Refused { code: u16, reason: &'static str, message: String },
}

impl Verdict {
    /// Nothing is changed.
    pub(super) const UNCHANGED: Verdict = Verdict::Allowed(Vec::new());
}

/// Reads a question; none when it is none.
pub(super) fn read(body: &[u8]) -> Option<Request> {
    let review: Review = serde_json::from_slice(body).ok()?;
    (review.api_version == VERSION).then_some(review.request)
}

/// The answer to the question of this UID.
pub(super) fn answer(uid: &str, verdict: &Verdict) -> Value {
    let mut response = json!({"uid": uid, "allowed": true});
    match verdict {
        Verdict::Allowed(steps) if steps.is_empty() => {}
        Verdict::Allowed(steps) => {
            response["patchType"] = json!("JSONPatch");
            response["patch"] = json!(STANDARD.encode(Value::from(steps.clone()).to_string()));
        }
        Verdict::Warned(why) => response["warnings"] = json!([why]),
        Verdict::Refused { code, reason, message } => {
            response["allowed"] = json!(false);
            response["status"] = json!({"code": code, "reason": reason, "message": message});
        }
    }
    json!({"apiVersion": VERSION, "kind": "AdmissionReview", "response": response})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_what_an_api_server_reads() {
        let steps = vec![json!({"op": "add", "path": "/spec/clusterIP", "value": "10.0.0.1"})];
        let patched = answer("u", &Verdict::Allowed(steps));
        assert_eq!(
            (&patched["response"]["uid"], &patched["response"]["allowed"]),
            (&json!("u"), &json!(true))
        );
        assert_eq!(patched["response"]["patchType"], "JSONPatch");
        let patch = STANDARD.decode(patched["response"]["patch"].as_str().unwrap()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&patch).unwrap()[0]["value"], "10.0.0.1");
        assert_eq!(answer("u", &Verdict::UNCHANGED)["response"], json!({"uid": "u", "allowed": true}));
        let refused = answer("u", &Verdict::Refused { code: 422, reason: "Invalid", message: "no".into() });
        assert_eq!(refused["response"]["status"], json!({"code": 422, "reason": "Invalid", "message": "no"}));
    }

    #[test]
    fn what_is_no_question_is_not_read() {
        assert!(read(b"{}").is_none() && read(b"secret").is_none());
        assert!(read(br#"{"apiVersion": "admission.k8s.io/v1beta1", "request": {}}"#).is_none());
        let request =
            read(br#"{"apiVersion": "admission.k8s.io/v1", "request": {"uid": "u", "dryRun": true}}"#)
                .unwrap();
        assert!(request.dry_run && request.name.is_empty() && request.old_object.is_null());
    }
}
