//! The configuration by which the virtual API server asks: kept as it should be, whoever changes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};
use v9s::cluster::{Cluster, Failure, FailureKind};
use v9s::wire::{annotation, label};

use super::certificate::Held;
use super::serve;
use crate::requests::{self, APPLY_PATCH, JSON, MANAGER};
use crate::translate::diff;

/// Name of the configuration.
const NAME: &str = "v9s-syncer-services";
/// Name of the webhook in it.
const WEBHOOK: &str = "services.v9s.io";
const COLLECTION: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
/// Seconds that the virtual API server waits for an answer.
pub(super) const PATIENCE: u32 = 5;

/// What is asked about, in the language of the API server: Services that are about to get an address.
fn conditions() -> Value {
    let condition = |name: &str, expression: String| json!({"name": name, "expression": expression});
    json!([
        condition("gets-an-address", "object.spec.type != 'ExternalName' && (!has(object.spec.clusterIP) || object.spec.clusterIP != 'None')".into()),
        condition("has-none-yet", "request.operation == 'CREATE' || oldObject.spec.type == 'ExternalName'".into()),
        condition("is-not-being-exchanged", format!(
            "request.operation == 'CREATE' || !has(oldObject.metadata.annotations) || !('{}' in oldObject.metadata.annotations)", annotation::REALIGNING)),
        condition("is-not-the-api", "request.namespace != 'default' || !has(object.metadata.name) || object.metadata.name != 'kubernetes'".into()),
    ])
}

fn webhook(place: &str, held: &Held) -> Value {
    json!({
        "name": WEBHOOK,
        "clientConfig": {"url": format!("https://{place}{}", serve::path(held)), "caBundle": STANDARD.encode(&held.trusted)},
        "rules": [{"operations": ["CREATE", "UPDATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["services"], "scope": "Namespaced"}],
        "objectSelector": {"matchExpressions": [{"key": label::CONTROLLED_BY, "operator": "DoesNotExist"}]},
        "matchConditions": conditions(),
        // Without an answer the Service gets its address later.
        "failurePolicy": "Ignore",
        "sideEffects": "NoneOnDryRun",
        "timeoutSeconds": PATIENCE,
        "admissionReviewVersions": ["v1"],
    })
}

/// Makes the configuration what it should be, unless it is.
pub(super) async fn keep(tenant: &Cluster, place: &str, held: &Held) -> Result<(), Failure> {
    let wanted = webhook(place, held);
    let path = format!("{COLLECTION}/{NAME}");
    match requests::get::<Value>(tenant, &path).await {
        Ok(found) if is_right(&found, &wanted) => return Ok(()),
        Ok(_) => {}
        Err(failure) if failure.kind == FailureKind::NotFound => {}
        Err(failure) => return Err(failure),
    }
    let body = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": NAME}, "webhooks": [wanted]});
    let path = format!("{path}?fieldManager={MANAGER}&force=true");
    requests::send(tenant, Method::PATCH, &path, APPLY_PATCH, &body).await?;
    tracing::info!("the virtual API server asks about Services from now on");
    Ok(())
}

/// Takes the configuration away, where there is one.
pub(super) async fn remove(tenant: &Cluster) -> Result<(), Failure> {
    let path = format!("{COLLECTION}/{NAME}");
    match requests::send(tenant, Method::DELETE, &path, JSON, &json!({})).await {
        Ok(_) => Ok(()),
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(()),
        Err(failure) => Err(failure),
    }
}

fn is_right(found: &Value, wanted: &Value) -> bool {
    let hooks = found["webhooks"].as_array().into_iter().flatten();
    let ours = hooks.into_iter().find(|hook| hook["name"] == WEBHOOK);
    ours.is_some_and(|ours| diff::to_reach(ours, wanted).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_fills_in_is_right_and_what_somebody_changes_is_not() {
        let held =
            Held { certificate: String::new(), key: String::new(), trusted: "CA".into(), path: "x".into() };
        let wanted = webhook("127.0.0.1:10260", &held);
        assert_eq!(wanted["clientConfig"]["url"], "https://127.0.0.1:10260/services/x");
        let mut found = json!({"webhooks": [{"name": "other"}, wanted.clone()]});
        found["webhooks"][1]["matchPolicy"] = json!("Equivalent");
        assert!(is_right(&found, &wanted));
        for (field, value) in [
            ("failurePolicy", json!("Fail")),
            ("timeoutSeconds", json!(30)),
            ("matchConditions", json!([])),
            ("clientConfig", json!({"url": "https://127.0.0.1:10260/services/y", "caBundle": "Q0E="})),
        ] {
            let mut changed = found.clone();
            changed["webhooks"][1][field] = value;
            assert!(!is_right(&changed, &wanted), "{field}");
        }
        assert!(!is_right(&json!({}), &wanted));
    }
}
