//! Rules of certificate signing requests: what is asked is fixed, approval is never taken back.

use crate::status::FieldError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What a certificate can be for.
const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

/// Seconds that a certificate is good for at least.
const SHORTEST: i64 = 600;

/// Conditions that stay.
const LASTING: [&str; 3] = ["Approved", "Denied", "Failed"];

/// What is wrong with a new request.
pub(super) fn create(new: &Value, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    if block(&spec["request"]).as_deref() != Some("CERTIFICATE REQUEST") {
        let detail = "PEM block type must be CERTIFICATE REQUEST";
        errors.push(FieldError::invalid("spec.request", &spec["request"], detail));
    }
    if spec["usages"].as_array().is_none_or(Vec::is_empty) {
        errors.push(FieldError::required("spec.usages", ""));
    }
    let usages: Vec<&str> =
        spec["usages"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (index, usage) in usages.iter().enumerate().filter(|(_, usage)| !USAGES.contains(usage)) {
        errors.push(FieldError::not_supported(format!("spec.usages[{index}]"), usage, &USAGES));
    }
    for (index, usage) in usages.iter().enumerate() {
        if usages.iter().take(index).any(|earlier| earlier == usage) {
            errors.push(FieldError::duplicate(format!("spec.usages[{index}]"), usage));
        }
    }
    match spec["signerName"].as_str().unwrap_or_default() {
        "" => errors.push(FieldError::required("spec.signerName", "")),
        name if !name.contains('/') => {
            let detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
            errors.push(FieldError::invalid("spec.signerName", format!("{name:?}"), detail));
        }
        _ => {}
    }
    if let Some(seconds) = spec["expirationSeconds"].as_i64().filter(|seconds| *seconds < SHORTEST) {
        let detail = "may not specify a duration less than 600 seconds (10 minutes)";
        errors.push(FieldError::invalid("spec.expirationSeconds", seconds, detail));
    }
}

/// What is wrong with a change.
pub(super) fn update(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    for kind in LASTING {
        if holds(old, kind) && !holds(new, kind) {
            let detail = format!("updates may not remove a condition of type {kind:?}");
            errors.push(FieldError::forbidden("status.conditions", &detail));
        }
    }
    if holds(new, "Approved") && holds(new, "Denied") {
        let detail = "Approved and Denied conditions are mutually exclusive";
        errors.push(FieldError::invalid("status.conditions", "\"Denied\"", detail));
    }
    let certificate = &new["status"]["certificate"];
    if *certificate != old["status"]["certificate"] && block(certificate).as_deref() != Some("CERTIFICATE") {
        let detail = "must contain at least one CERTIFICATE PEM block";
        errors.push(FieldError::invalid("status.certificate", "\"<certificate data>\"", detail));
    }
}

/// Gives new and changed conditions their times.
pub(super) fn stamp_conditions(new: &mut Value, old: &Value, now: &str) {
    for condition in new["status"]["conditions"].as_array_mut().into_iter().flatten() {
        let mut known = old["status"]["conditions"].as_array().into_iter().flatten();
        let before = known.find(|other| other["type"] == condition["type"]);
        let same = |key: &str| before.is_some_and(|before| before[key] == condition[key]);
        let (turned, changed) = (!same("status"), !["status", "reason", "message"].into_iter().all(same));
        if changed && condition["lastUpdateTime"].is_null() {
            condition["lastUpdateTime"] = json!(now);
        }
        if turned && condition["lastTransitionTime"].is_null() {
            condition["lastTransitionTime"] = json!(now);
        }
    }
}

fn holds(request: &Value, kind: &str) -> bool {
    request["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == kind)
}

/// What the first PEM block of a value in base64 says it is.
fn block(value: &Value) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(value.as_str()?).ok()?).ok()?;
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, _) = rest.split_once("-----")?;
    text.contains(&format!("-----END {label}-----")).then(|| label.to_owned())
}
