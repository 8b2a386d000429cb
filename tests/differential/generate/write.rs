//! Creating and replacing, and writes of a part of an object.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{
    APPLY, JSON, MERGE, STRATEGIC, dry_run, manager, metadata, name, named, object, one, validation,
    with_query,
};
use crate::broken::broken;
use crate::objects::Kind;
use crate::script::Step;

pub fn create(kind: &'static Kind) -> BoxedStrategy<Step> {
    let plain = (name(), object(kind)).prop_map(|(name, object)| named(object, &kind.name(name)));
    let generated = object(kind).prop_map(|mut object| {
        object["metadata"]["generateName"] = json!(kind.name("gen-"));
        object
    });
    let broken = broken(plain.clone().boxed()).prop_map(move |mut body| {
        // The allocator of addresses, which comes first, says something of its own about a Service without a name.
        if kind.plural == "services" && body["metadata"]["name"].as_str() == Some("") {
            body["metadata"]["name"] = json!("a");
        }
        body
    });
    let body = prop_oneof![24 => plain, 2 => generated, 3 => broken];
    (body, manager(), dry_run(), validation())
        .prop_map(|(body, manager, dry, validation)| {
            Step::new("POST", with_query(kind.path(), vec![manager, dry, validation])).body(body)
        })
        .boxed()
}

pub fn replace(kind: &'static Kind) -> BoxedStrategy<Step> {
    let whole = (name(), object(kind)).prop_map(|(name, object)| (name, named(object, &kind.name(name))));
    let whole = whole.boxed();
    let changed = (name(), metadata(), (kind.content)(), any::<bool>(), any::<bool>()).prop_map(
        |(name, metadata, content, meta, spec)| {
            let mut with = json!({});
            if meta {
                with["metadata"] = metadata;
            }
            if spec {
                with = merged(with, &content);
            }
            (name, json!({"$LAST": format!("{}/{}", kind.plural, kind.name(name)), "with": with}))
        },
    );
    let versioned = (whole.clone(), select(vec!["$RV", "$OLD"])).prop_map(|((name, mut object), place)| {
        object["metadata"]["resourceVersion"] =
            json!(format!("{place}({}/{})", kind.plural, kind.name(name)));
        (name, object)
    });
    let body = prop_oneof![3 => whole, 4 => changed, 3 => versioned];
    (body, manager(), dry_run(), validation())
        .prop_map(|((name, body), manager, dry, validation)| {
            Step::new("PUT", with_query(one(kind, name), vec![manager, dry, validation])).body(body)
        })
        .boxed()
}

fn merged(mut a: Value, b: &Value) -> Value {
    for (key, value) in b.as_object().into_iter().flatten() {
        a[key] = value.clone();
    }
    a
}

pub fn write_status(kind: &'static Kind, status: BoxedStrategy<Value>) -> BoxedStrategy<Step> {
    let how = select(vec!["put", MERGE, MERGE, STRATEGIC, APPLY]);
    (name(), status, how, metadata(), any::<bool>(), manager(), select(vec![None, Some("force=true")]))
        .prop_map(|(name, status, how, metadata, meta, manager, force)| {
            let mut with = json!({"status": status});
            if meta {
                with["metadata"] = metadata;
            }
            let path = format!("{}/status", one(kind, name));
            match how {
                "put" => {
                    let body = json!({"$LAST": format!("{}/{}", kind.plural, kind.name(name)), "with": with});
                    Step::new("PUT", with_query(path, vec![manager])).body(body)
                }
                APPLY => {
                    with["kind"] = json!(kind.kind);
                    with["apiVersion"] = json!(kind.api);
                    if !with["metadata"].is_object() {
                        with["metadata"] = json!({});
                    }
                    let body = named(with, &kind.name(name));
                    Step::new("PATCH", with_query(path, vec![manager, force])).content(APPLY).body(body)
                }
                content => Step::new("PATCH", with_query(path, vec![manager])).content(content).body(with),
            }
        })
        .boxed()
}

pub fn scale(kind: &'static Kind) -> BoxedStrategy<Step> {
    (name(), select(vec!["get", "put", "put", MERGE, JSON]), select(vec![0, 2, 5, -1]), manager())
        .prop_map(|(name, how, replicas, manager)| {
            let path = format!("{}/scale", one(kind, name));
            match how {
                "get" => Step::new("GET", path),
                "put" => Step::new("PUT", with_query(path, vec![manager])).body(
                    json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {"name": name, "namespace": "$NS"}, "spec": {"replicas": replicas}}),
                ),
                JSON => Step::new("PATCH", with_query(path, vec![manager]))
                    .content(JSON)
                    .body(json!([{"op": "replace", "path": "/spec/replicas", "value": replicas}])),
                content => Step::new("PATCH", with_query(path, vec![manager]))
                    .content(content)
                    .body(json!({"spec": {"replicas": replicas}})),
            }
        })
        .boxed()
}
