use super::*;
use crate::kinds::Kinds;
use serde_json::json;

fn pod() -> &'static Schema {
    catalog::named("io.k8s.api.core.v1.Pod").expect("pods are built in")
}

#[test]
fn every_built_in_schema_parses_and_every_reference_leads_somewhere() {
    for kind in Kinds::builtin().iter() {
        assert!(matches!(kind.schema().shape, Shape::Struct(_)), "{}", kind.plural);
    }
    for (name, text) in catalog::texts() {
        let node: Value = serde_json::from_str(text).expect(name);
        references(&node, &mut |to| assert!(catalog::index_of(to).is_some(), "{name} -> {to}"));
    }
}

fn references(node: &Value, visit: &mut impl FnMut(&str)) {
    if let Some(fields) = node.as_object() {
        if let Some(name) = fields.get("$ref").and_then(Value::as_str) {
            visit(name);
        }
        fields.values().for_each(|value| references(value, visit));
    }
}

#[test]
fn lists_know_how_they_merge() {
    let keys = |path: &[&str]| -> Vec<String> {
        let list = pod().at(path.iter().copied()).expect("known field").schema();
        list.list_keys().iter().map(ToString::to_string).collect()
    };
    assert_eq!(keys(&["spec", "containers"]), ["name"]);
    assert_eq!(keys(&["spec", "containers", "ports"]), ["containerPort", "protocol"]);
    assert_eq!(keys(&["spec", "topologySpreadConstraints"]), ["topologyKey", "whenUnsatisfiable"]);
    assert_eq!(pod().at(["spec", "tolerations"]).map(|list| list.schema().is_atomic()), Some(true));
    let finalizers = pod().at(["metadata", "finalizers"]).expect("known field");
    assert_eq!(finalizers.schema().list_kind(), Some(&ListKind::Set));
    assert!(finalizers.strategy.merge && finalizers.strategy.merge_key.is_none());
    let ports = pod().at(["spec", "containers", "ports"]).expect("known field");
    assert_eq!(ports.strategy.merge_key.as_deref(), Some("containerPort"));
    let protocol = pod().at(["spec", "containers", "ports", "protocol"]).expect("known field");
    assert_eq!(protocol.default, Some(json!("TCP")));
}

#[test]
fn marks_at_a_reference_belong_to_the_place() {
    let deployment = catalog::named("io.k8s.api.apps.v1.Deployment").expect("built in");
    let strategy = deployment.at(["spec", "strategy"]).expect("known field");
    assert!(strategy.strategy.retain_keys);
    let selector = deployment.at(["spec", "selector"]).expect("known field");
    assert!(selector.schema().is_atomic());
}

#[test]
fn scalars_know_their_format() {
    let shape = |path: &[&str]| pod().at(path.iter().copied()).map(|p| p.schema().shape.clone());
    assert!(matches!(shape(&["metadata", "creationTimestamp"]), Some(Shape::Text(Text::Time))));
    assert!(matches!(shape(&["spec", "containers", "resources", "limits", "cpu"]), Some(Shape::Quantity)));
    assert!(matches!(
        shape(&["spec", "containers", "livenessProbe", "httpGet", "port"]),
        Some(Shape::IntOrString)
    ));
    let secret = catalog::named("io.k8s.api.core.v1.Secret").expect("built in");
    let data = secret.at(["data", "any.key"]).map(|p| p.schema().shape.clone());
    assert!(matches!(data, Some(Shape::Text(Text::Bytes))));
    assert!(pod().at(["spec", "conatiners"]).is_none());
}

#[test]
fn custom_resources_get_the_fields_of_every_object() {
    let schema = Schema::of_custom_resource(&json!({"type": "object", "properties": {
        "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {
            "size": {"type": "integer", "default": 3},
            "at": {"x-kubernetes-int-or-string": true},
            "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"}
        }}
    }}));
    assert_eq!(schema.at(["spec", "size"]).and_then(|p| p.default.clone()), Some(json!(3)));
    assert!(matches!(schema.at(["spec"]).map(|p| &p.schema().shape), Some(Shape::Struct(s)) if s.open));
    assert!(schema.at(["metadata", "ownerReferences", "uid"]).is_some());
    let bare =
        Schema::of_custom_resource(&json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}));
    assert!(matches!(&bare.shape, Shape::Struct(s) if s.open && s.fields.contains_key("metadata")));
}
