//! Definitions of custom resources as API servers store them, in the form in which they serve them. Pure.
//!
//! To this day a kube-apiserver stores `apiextensions.k8s.io/v1beta1`, which it serves no more: what all versions have in common stands
//! there once, beside them, and in `v1` with each of them (types of `k8s.io/apiextensions-apiserver`, v1beta1 and v1).

use serde_json::{Map, Value, json};

/// What is stored, and what is served.
pub(super) const STORED: &str = "apiextensions.k8s.io/v1beta1";
pub(super) const SERVED: &str = "apiextensions.k8s.io/v1";
/// The kind.
pub(super) const KIND: &str = "CustomResourceDefinition";

/// What stands beside the versions, and what it is called with each of them.
const COMMON: [(&str, &str); 3] = [
    ("validation", "schema"),
    ("subresources", "subresources"),
    ("additionalPrinterColumns", "additionalPrinterColumns"),
];

/// Brings a definition into the form that is served.
pub(super) fn serve(definition: &mut Map<String, Value>) {
    let Some(spec) = definition.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let first = spec.remove("version");
    let common: Vec<_> =
        COMMON.into_iter().filter_map(|(beside, with)| Some((with, spec.remove(beside)?))).collect();
    // From before there could be several.
    if spec.get("versions").is_none_or(|versions| versions.as_array().is_none_or(Vec::is_empty)) {
        spec.insert("versions".to_owned(), json!([{"name": first, "served": true, "storage": true}]));
    }
    let versions = spec.get_mut("versions").and_then(Value::as_array_mut).into_iter().flatten();
    for version in versions.filter_map(Value::as_object_mut) {
        for (with, value) in &common {
            version.entry(*with).or_insert_with(|| value.clone());
        }
        let columns = version.get_mut("additionalPrinterColumns").and_then(Value::as_array_mut);
        for column in columns.into_iter().flatten().filter_map(Value::as_object_mut) {
            rename(column, "JSONPath", "jsonPath");
        }
    }
    if let Some(conversion) = spec.get_mut("conversion").and_then(Value::as_object_mut) {
        let mut webhook = Map::new();
        for (beside, with) in [
            ("webhookClientConfig", "clientConfig"),
            ("conversionReviewVersions", "conversionReviewVersions"),
        ] {
            if let Some(value) = conversion.remove(beside) {
                webhook.insert(with.to_owned(), value);
            }
        }
        if conversion.get("strategy").is_some_and(|strategy| strategy == "Webhook") {
            conversion.insert("webhook".to_owned(), webhook.into());
        }
    }
}

fn rename(of: &mut Map<String, Value>, before: &str, after: &str) {
    if let Some(value) = of.remove(before) {
        of.insert(after.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(spec: Value) -> Value {
        let mut definition = Map::from_iter([("spec".to_owned(), spec)]);
        serve(&mut definition);
        definition.remove("spec").unwrap()
    }

    #[test]
    fn what_versions_have_in_common_goes_to_each_of_them() {
        let spec = served(json!({
            "group": "example.com", "scope": "Namespaced", "version": "v1",
            "validation": {"openAPIV3Schema": {"type": "object"}},
            "subresources": {"status": {}},
            "additionalPrinterColumns": [{"name": "Size", "type": "integer", "JSONPath": ".spec.size"}],
            "versions": [{"name": "v1", "served": true, "storage": true}, {"name": "v0", "served": false, "storage": false}],
            "conversion": {"strategy": "None"},
        }));
        let of = |name: &str, served: bool| {
            json!({
                "name": name, "served": served, "storage": served,
                "schema": {"openAPIV3Schema": {"type": "object"}},
                "subresources": {"status": {}},
                "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
            })
        };
        let expected = json!({
            "group": "example.com", "scope": "Namespaced",
            "versions": [of("v1", true), of("v0", false)],
            "conversion": {"strategy": "None"},
        });
        assert_eq!(spec, expected);
    }

    #[test]
    fn what_a_version_has_of_its_own_stays_and_webhooks_find_their_place() {
        let spec = served(json!({
            "version": "v1",
            "versions": [{"name": "v1", "schema": {"openAPIV3Schema": {}}, "additionalPrinterColumns": [{"JSONPath": ".a"}]}],
            "conversion": {
                "strategy": "Webhook", "webhookClientConfig": {"url": "https://x"}, "conversionReviewVersions": ["v1"],
            },
        }));
        let expected = json!({
            "versions": [{"name": "v1", "schema": {"openAPIV3Schema": {}}, "additionalPrinterColumns": [{"jsonPath": ".a"}]}],
            "conversion": {
                "strategy": "Webhook",
                "webhook": {"clientConfig": {"url": "https://x"}, "conversionReviewVersions": ["v1"]},
            },
        });
        assert_eq!(spec, expected);
        let before = served(json!({"version": "v1alpha1"}));
        assert_eq!(before["versions"], json!([{"name": "v1alpha1", "served": true, "storage": true}]));
        for odd in [json!(null), json!({"versions": [7], "conversion": "no"})] {
            served(odd);
        }
    }
}
