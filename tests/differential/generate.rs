//! Random scripts: a few requests about few objects of one or two kinds, so that they meet.

use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::broken::broken;
use crate::objects::{KINDS, Kind};
use crate::script::{Script, Step};

const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Scripts about one or two kinds.
pub fn script() -> impl Strategy<Value = Script> {
    let kinds = (select(KINDS.iter().collect::<Vec<_>>()), select(KINDS.iter().collect::<Vec<_>>()));
    kinds.prop_flat_map(|(often, seldom)| {
        let step = prop_oneof![4 => step(often), 1 => step(seldom)];
        // Most of what can be asked needs an object first.
        (create(often), prop::collection::vec(step, 1..9))
            .prop_map(|(first, rest)| Script(std::iter::once(first).chain(rest).collect()))
    })
}

fn step(kind: &'static Kind) -> BoxedStrategy<Step> {
    let mut all = vec![
        (5, create(kind)),
        (2, get(kind)),
        (3, list(kind)),
        (5, replace(kind)),
        (3, merge_patch(kind, MERGE)),
        (3, merge_patch(kind, STRATEGIC)),
        (3, json_patch(kind)),
        (6, apply(kind)),
        (5, delete(kind)),
        (1, delete_collection(kind)),
        (3, watch(kind)),
    ];
    if let Some(status) = kind.status {
        all.push((4, write_status(kind, status())));
    }
    if kind.scales {
        all.push((3, scale(kind)));
    }
    proptest::strategy::Union::new_weighted(all).boxed()
}

fn name() -> BoxedStrategy<&'static str> {
    prop_oneof![5 => Just("a"), 3 => Just("b")].boxed()
}

/// `path?query` of what is there of it.
fn with_query(path: String, parts: Vec<Option<&str>>) -> String {
    let query: Vec<&str> = parts.into_iter().flatten().collect();
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}

fn manager() -> BoxedStrategy<Option<&'static str>> {
    of(select(vec!["fieldManager=one", "fieldManager=two"])).boxed()
}

fn dry_run() -> BoxedStrategy<Option<&'static str>> {
    prop_oneof![9 => Just(None), 1 => Just(Some("dryRun=All"))].boxed()
}

fn validation() -> BoxedStrategy<Option<&'static str>> {
    prop_oneof![6 => Just(None), 1 => Just(Some("fieldValidation=Strict")), 1 => Just(Some("fieldValidation=Ignore"))].boxed()
}

/// Metadata beside the name.
fn metadata() -> BoxedStrategy<Value> {
    let labels = of(select(vec![json!({"l": "x"}), json!({"l": "y", "m": ""}), json!({})]));
    let annotations = of(select(vec![json!({"n": "1"}), json!({"x.y/z": "{}"})]));
    let finalizers = prop_oneof![6 => Just(None), 1 => Just(Some(json!(["x.y/z"]))), 1 => Just(Some(json!(["x.y/z", "x.y/w"])))];
    let owners = prop_oneof![12 => Just(None), 1 => Just(Some(json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u"}])))];
    (labels, annotations, finalizers, owners)
        .prop_map(|(labels, annotations, finalizers, owners)| {
            let mut metadata = json!({});
            for (key, value) in [
                ("labels", labels),
                ("annotations", annotations),
                ("finalizers", finalizers),
                ("ownerReferences", owners),
            ] {
                if let Some(value) = value {
                    metadata[key] = value;
                }
            }
            metadata
        })
        .boxed()
}

/// A whole object of a kind, without name.
fn object(kind: &'static Kind) -> BoxedStrategy<Value> {
    (metadata(), (kind.content)())
        .prop_map(move |(metadata, mut object)| {
            object["metadata"] = metadata;
            object["kind"] = json!(kind.kind);
            object["apiVersion"] = json!(kind.api);
            object
        })
        .boxed()
}

fn named(mut object: Value, name: &str) -> Value {
    object["metadata"]["name"] = json!(name);
    object
}

fn create(kind: &'static Kind) -> BoxedStrategy<Step> {
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

fn one(kind: &Kind, name: &str) -> String {
    format!("{}/{}", kind.path(), kind.name(name))
}

fn get(kind: &'static Kind) -> BoxedStrategy<Step> {
    let accept = select(vec!["", TABLE, METADATA]);
    let part = if kind.status.is_some() { select(vec!["", "", "/status"]) } else { select(vec![""]) };
    let query = prop_oneof![
        6 => Just(None), 1 => Just(Some("resourceVersion=0")), 1 => Just(Some("includeObject=Object")), 1 => Just(Some("includeObject=None")),
    ];
    (name(), accept, part, query)
        .prop_map(|(name, accept, part, query)| {
            Step::new("GET", with_query(one(kind, name) + part, vec![query])).accept(accept)
        })
        .boxed()
}

/// What a list or watch selects. A watch or list of a cluster-wide kind sees the objects of other scripts unless it
/// selects by name.
fn selector(kind: &'static Kind) -> BoxedStrategy<Option<String>> {
    let own = |name: &str| format!("fieldSelector=metadata.name%3D{}", kind.name(name));
    if !kind.namespaced {
        return select(vec![Some(own("a")), Some(own("b"))]).boxed();
    }
    let all = [
        "labelSelector=l",
        "labelSelector=l%3Dx",
        "labelSelector=l!%3Dx",
        "labelSelector=!l",
        "labelSelector=l+in+(x,y),m",
        "labelSelector=l+notin+(x)",
        "labelSelector=m%3D",
        "fieldSelector=metadata.name!%3Da",
        "fieldSelector=metadata.namespace%3D$NS",
        "fieldSelector=metadata.name%3Da,metadata.namespace%3D$NS",
        "fieldSelector=status.phase%3DRunning",
        "fieldSelector=spec.nodeName!%3D",
        "fieldSelector=type%3DOpaque",
        "fieldSelector=spec.type%3DClusterIP",
        "fieldSelector=reason%3DKilling",
        "labelSelector=l%3D%3D%3Dx",
        "labelSelector=l+in+()",
        "labelSelector=,",
        "fieldSelector=nothing%3Da",
        "labelSelector=-l",
        "fieldSelector=metadata.name",
        "labelSelector=l%3Dx,l%3Dy",
        "labelSelector=l%3E1",
    ];
    let odd = select(all.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>());
    prop_oneof![4 => Just(None), 1 => Just(Some(own("a"))), 4 => odd].boxed()
}

fn list(kind: &'static Kind) -> BoxedStrategy<Step> {
    let accept = select(vec!["", "", TABLE, METADATA_LIST]);
    let key = format!("{}/a", kind.plural);
    let version = select(vec![
        None,
        None,
        None,
        None,
        Some("resourceVersion=0".to_owned()),
        Some(format!("resourceVersion=$RV({key})&resourceVersionMatch=Exact")),
        Some(format!("resourceVersion=$OLD({key})&resourceVersionMatch=NotOlderThan")),
        Some(format!("resourceVersion=$OLD({key})")),
        Some("resourceVersionMatch=Exact".to_owned()),
        Some("resourceVersion=x".to_owned()),
        Some("resourceVersion=0&resourceVersionMatch=Exact".to_owned()),
    ]);
    let page = select(vec![
        None,
        None,
        None,
        Some("limit=1"),
        Some("limit=1&continue=$NEXT"),
        Some("limit=x"),
        Some("limit=-1"),
    ]);
    (selector(kind), version, page, accept)
        .prop_map(|(selector, version, page, accept)| {
            let parts = vec![selector.as_deref(), version.as_deref(), page];
            Step::new("GET", with_query(kind.path(), parts)).accept(accept)
        })
        .boxed()
}

fn watch(kind: &'static Kind) -> BoxedStrategy<Step> {
    let accept = select(vec!["", "", "", TABLE, METADATA]);
    let key = format!("{}/a", kind.plural);
    let initial = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let version = select(vec![
        String::new(),
        format!("&resourceVersion=$OLD({key})"),
        format!("&resourceVersion=$RV({key})"),
        format!("&{initial}"),
        format!("&{initial}&allowWatchBookmarks=true"),
        format!("&{initial}&allowWatchBookmarks=true&resourceVersion=$RV({key})"),
        "&resourceVersion=x".into(),
        "&sendInitialEvents=true".into(),
        "&resourceVersionMatch=NotOlderThan".into(),
    ]);
    (selector(kind), version, accept)
        .prop_map(|(selector, version, accept)| {
            let selector = selector.map(|s| format!("&{s}")).unwrap_or_default();
            Step::new("WATCH", format!("{}?watch=true{version}{selector}", kind.path())).accept(accept)
        })
        .boxed()
}

fn replace(kind: &'static Kind) -> BoxedStrategy<Step> {
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

/// A part of an object: the paths of it that an index chooses, with some values turned to null.
fn patch_body(kind: &'static Kind) -> BoxedStrategy<Value> {
    (object(kind), any::<[Index; 3]>(), 0..6_u8)
        .prop_map(|(object, [at, key, remove], how)| {
            let mut patch = object;
            for field in ["kind", "apiVersion"] {
                patch.as_object_mut().map(|fields| fields.remove(field));
            }
            // Deeper parts of what there is, or less of it.
            for (index, enough) in [(at, 1), (key, 2)] {
                if how >= enough {
                    thin(&mut patch, index);
                }
            }
            if how == 5 {
                nullify(&mut patch, remove);
            }
            patch
        })
        .boxed()
}

/// Leaves one field of an object with several.
fn thin(value: &mut Value, index: Index) {
    let Value::Object(fields) = value else { return };
    if fields.len() > 1 {
        let keep = fields.keys().nth(index.index(fields.len())).cloned().unwrap_or_default();
        fields.retain(|key, _| *key == keep);
    } else if let Some((_, inner)) = fields.iter_mut().next() {
        thin(inner, index);
    }
}

/// Turns a field to null.
fn nullify(value: &mut Value, index: Index) {
    let Value::Object(fields) = value else { return };
    let count = fields.len();
    if count == 0 {
        return;
    }
    let Some((_, inner)) = fields.iter_mut().nth(index.index(count)) else { return };
    match inner {
        Value::Object(fields) if !fields.is_empty() => nullify(inner, index),
        inner => *inner = Value::Null,
    }
}

fn merge_patch(kind: &'static Kind, content: &'static str) -> BoxedStrategy<Step> {
    let odd = select(vec![
        json!({}),
        json!({"metadata": {"labels": {"l": null}}}),
        json!({"metadata": {"finalizers": null}}),
        json!({"metadata": {"resourceVersion": format!("$OLD({}/a)", kind.plural)}}),
        json!({"metadata": {"name": "other"}}),
        json!({"metadata": {"uid": format!("$UID({}/b)", kind.plural)}}),
        json!([]),
        json!("nonsense"),
        json!({"metadata": null}),
        json!({"metadata": {"annotations": {"n": 1}}}),
        json!({"kind": "Nothing"}),
        json!({"unknown": {"field": 1}}),
        json!({"metadata": {"labels": {"l": "no good!"}}}),
        json!({"metadata": {"deletionTimestamp": "2001-01-01T00:00:00Z"}}),
        json!({"metadata": {"creationTimestamp": null, "generation": 7}}),
        json!({"metadata": {"managedFields": []}}),
        json!({"metadata": {"$patch": "replace", "labels": {"z": "z"}}}),
        json!({"metadata": {"labels": {"$patch": "delete"}}}),
        json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.y/z"]}}),
        json!({"metadata": {"finalizers": ["x.y/q"]}}),
    ]);
    let body = prop_oneof![5 => patch_body(kind), 2 => odd];
    let force = prop_oneof![12 => Just(None), 1 => Just(Some("force=true"))];
    (name(), body, manager(), dry_run(), validation(), force)
        .prop_map(move |(name, body, manager, dry, validation, force)| {
            let path = with_query(one(kind, name), vec![manager, dry, validation, force]);
            Step::new("PATCH", path).content(content).body(body)
        })
        .boxed()
}

fn json_patch(kind: &'static Kind) -> BoxedStrategy<Step> {
    let odd = select(vec![
        json!([{"op": "add", "path": "/metadata/labels", "value": {"l": "x"}}]),
        json!([{"op": "remove", "path": "/metadata/labels"}]),
        json!([{"op": "replace", "path": "/metadata/labels/l", "value": "z"}]),
        json!([{"op": "test", "path": "/metadata/name", "value": kind.name("a")}]),
        json!([{"op": "test", "path": "/metadata/labels/l", "value": "x"}, {"op": "remove", "path": "/metadata/labels/l"}]),
        json!([{"op": "add", "path": "/metadata/finalizers/-", "value": "x.y/new"}]),
        json!([{"op": "remove", "path": "/metadata/finalizers/0"}]),
        json!([{"op": "copy", "from": "/metadata/name", "path": "/metadata/labels/l"}]),
        json!([{"op": "move", "from": "/metadata/labels", "path": "/metadata/annotations"}]),
        json!([{"op": "nonsense", "path": "/metadata/name"}]),
        json!([{"op": "add", "path": "metadata", "value": 1}]),
        json!([]),
        json!({}),
        json!([{"op": "replace", "path": "/metadata/name", "value": "other"}]),
        json!([{"op": "add", "path": "/unknown", "value": {"a": 1}}]),
        json!([{"op": "add", "path": "/metadata/labels", "value": 7}]),
        json!([{"op": "add", "path": ""}]),
        json!([{"path": "/metadata/labels"}]),
        json!([{"op": "replace", "path": "/metadata/resourceVersion", "value": format!("$OLD({}/a)", kind.plural)}]),
    ]);
    let content = (kind.content)().prop_map(|content| {
        let add =
            |(key, value): (&String, &Value)| json!({"op": "add", "path": format!("/{key}"), "value": value});
        content.as_object().into_iter().flatten().map(add).collect()
    });
    let body = prop_oneof![3 => odd, 1 => content];
    (name(), body, manager(), dry_run())
        .prop_map(|(name, body, manager, dry)| {
            Step::new("PATCH", with_query(one(kind, name), vec![manager, dry])).content(JSON).body(body)
        })
        .boxed()
}

fn apply(kind: &'static Kind) -> BoxedStrategy<Step> {
    let whole = object(kind);
    let part = patch_body(kind).prop_map(|mut part| {
        part["kind"] = json!(kind.kind);
        part["apiVersion"] = json!(kind.api);
        part
    });
    let body = prop_oneof![3 => whole, 3 => part];
    let manager =
        select(vec![Some("fieldManager=one"), Some("fieldManager=two"), Some("fieldManager=three"), None]);
    let force = select(vec![None, Some("force=true")]);
    (name(), body, manager, force, dry_run())
        .prop_map(|(name, mut body, manager, force, dry)| {
            if !body["metadata"].is_object() {
                body["metadata"] = json!({});
            }
            let body = named(body, &kind.name(name));
            Step::new("PATCH", with_query(one(kind, name), vec![manager, force, dry]))
                .content(APPLY)
                .body(body)
        })
        .boxed()
}

fn write_status(kind: &'static Kind, status: BoxedStrategy<Value>) -> BoxedStrategy<Step> {
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

fn scale(kind: &'static Kind) -> BoxedStrategy<Step> {
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

/// Options of a delete, in the body or the query.
fn delete_options(kind: &'static Kind) -> BoxedStrategy<(Option<&'static str>, Option<Value>)> {
    let key = format!("{}/a", kind.plural);
    let bodies = vec![
        json!({"gracePeriodSeconds": 0}),
        json!({"gracePeriodSeconds": 7}),
        json!({"gracePeriodSeconds": -3}),
        json!({"propagationPolicy": "Foreground"}),
        json!({"propagationPolicy": "Orphan"}),
        json!({"propagationPolicy": "Background"}),
        json!({"orphanDependents": true}),
        json!({"propagationPolicy": "Nonsense"}),
        json!({"propagationPolicy": "Orphan", "orphanDependents": false}),
        json!({"preconditions": {"resourceVersion": format!("$OLD({key})")}}),
        json!({"preconditions": {"uid": format!("$UID({key})")}}),
        json!({"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}}),
        json!({"dryRun": ["All"]}),
        json!({"dryRun": ["Some"]}),
        json!({"kind": "DeleteOptions", "apiVersion": "v1"}),
        json!({"unknown": 1}),
        json!({"gracePeriodSeconds": "x"}),
        json!({}),
    ];
    let queries = vec![
        "gracePeriodSeconds=0",
        "gracePeriodSeconds=3",
        "propagationPolicy=Foreground",
        "propagationPolicy=Orphan",
        "dryRun=All",
        "orphanDependents=true",
        "propagationPolicy=Nonsense",
        "gracePeriodSeconds=x",
    ];
    prop_oneof![
        3 => Just((None, None)),
        3 => select(bodies).prop_map(|body| (None, Some(body))),
        2 => select(queries).prop_map(|query| (Some(query), None)),
    ]
    .boxed()
}

fn delete(kind: &'static Kind) -> BoxedStrategy<Step> {
    (name(), delete_options(kind))
        .prop_map(|(name, (query, body))| Step {
            body,
            ..Step::new("DELETE", with_query(one(kind, name), vec![query]))
        })
        .boxed()
}

fn delete_collection(kind: &'static Kind) -> BoxedStrategy<Step> {
    if !kind.namespaced {
        return delete(kind);
    }
    (selector(kind), delete_options(kind))
        .prop_map(|(selector, (query, body))| Step {
            body,
            ..Step::new("DELETE", with_query(kind.path(), vec![selector.as_deref(), query]))
        })
        .boxed()
}
