use super::*;
use serde_json::json;

fn told(schema: Value, value: Value) -> Vec<String> {
    let problems = problems(&schema, &value, None);
    problems.into_iter().map(|p| p.into_error()).map(|e| format!("{}: {}", e.field, e.message)).collect()
}

#[test]
fn values_are_checked_in_the_real_servers_words() {
    let of = |field: Value| json!({"type": "object", "properties": {"f": field}});
    let cases = [
        (
            json!({"type": "integer"}),
            json!("x"),
            "f: Invalid value: \"string\": f in body must be of type integer: \"string\"",
        ),
        (
            json!({"type": "string", "enum": ["a", "b"]}),
            json!("c"),
            "f: Unsupported value: \"c\": supported values: \"a\", \"b\"",
        ),
        (
            json!({"type": "integer", "maximum": 5}),
            json!(6),
            "f: Invalid value: 6: f in body should be less than or equal to 5",
        ),
        (
            json!({"type": "integer", "minimum": 5, "exclusiveMinimum": true}),
            json!(5),
            "f: Invalid value: 5: f in body should be greater than 5",
        ),
        (
            json!({"type": "string", "pattern": "^a"}),
            json!("b"),
            "f: Invalid value: \"b\": f in body should match '^a'",
        ),
        (json!({"type": "string", "maxLength": 1}), json!("bb"), "f: Too long: may not be more than 1 bytes"),
        (
            json!({"type": "string", "minLength": 1}),
            json!(""),
            "f: Invalid value: \"\": f in body should be at least 1 chars long",
        ),
        (
            json!({"type": "array", "items": {"type": "string"}, "maxItems": 1}),
            json!(["a", "b"]),
            "f: Too many: 2: must have at most 1 item",
        ),
        (
            json!({"type": "array", "items": {"type": "string"}}),
            json!([1]),
            "f[0]: Invalid value: \"integer\": f[0] in body must be of type string: \"integer\"",
        ),
        (json!({"type": "object", "required": ["g"]}), json!({}), "f.g: Required value"),
        (
            json!({"type": "string", "format": "date-time"}),
            json!("x"),
            "f: Invalid value: \"x\": f in body must be of type date-time: \"x\"",
        ),
    ];
    for (field, value, expected) in cases {
        assert_eq!(told(of(field), json!({"f": value})), [expected]);
    }
}

#[test]
fn right_values_are_let_through() {
    let cases = [
        (json!({"type": "integer"}), json!(1.0)),
        (json!({"type": "number"}), json!(1)),
        (json!({"type": "string", "nullable": true}), json!(null)),
        (json!({"x-kubernetes-int-or-string": true}), json!("25%")),
        (json!({"x-kubernetes-int-or-string": true}), json!(1)),
        (json!({"type": "object", "additionalProperties": {"type": "integer"}}), json!({"a": 1})),
        (json!({"type": "string", "oneOf": [{"pattern": "^a"}, {"pattern": "^b"}]}), json!("a")),
    ];
    for (schema, value) in cases {
        assert_eq!(told(schema.clone(), value), Vec::<String>::new(), "{schema}");
    }
}

#[test]
fn what_was_wrong_before_and_is_untouched_is_let_through() {
    let schema = json!({"type": "object", "properties": {
        "size": {"type": "integer", "maximum": 5}, "colour": {"type": "string"}}});
    let old = json!({"size": 9, "colour": "red"});
    assert!(problems(&schema, &json!({"size": 9, "colour": "blue"}), Some(&old)).is_empty());
    assert_eq!(problems(&schema, &json!({"size": 8, "colour": "red"}), Some(&old)).len(), 1);
}

#[test]
fn unknown_fields_go_and_marked_places_keep_them() {
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {"size": {"type": "integer"},
            "parts": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}}}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
            "properties": {"known": {"type": "object"}}},
        "inner": {"type": "object", "x-kubernetes-embedded-resource": true, "properties": {"spec": {"type": "object"}}}}});
    let mut object = json!({"kind": "Widget", "metadata": {"name": "a"}, "x": 1,
        "spec": {"size": 1, "y": 2, "parts": [{"a": "b", "z": 3}]},
        "free": {"any": {"thing": 1}, "known": {"not": 1}},
        "inner": {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}, "spec": {"c": 1}, "data": 1}});
    let mut removed = prune(&schema, &mut object);
    removed.sort();
    assert_eq!(removed, ["free.known.not", "inner.data", "inner.spec.c", "spec.parts[0].z", "spec.y", "x"]);
    assert_eq!(object["free"], json!({"any": {"thing": 1}, "known": {}}));
    assert_eq!(object["inner"]["metadata"], json!({"name": "p"}));
}

#[test]
fn defaults_fill_what_is_absent_and_what_may_not_be_null() {
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "default": {}, "properties": {
            "size": {"type": "integer", "default": 3},
            "note": {"type": "string", "nullable": true, "default": "n"},
            "gone": {"type": "string"},
            "parts": {"type": "array", "items": {"type": "object", "properties": {"on": {"type": "boolean", "default": true}}}}}}}});
    let mut empty = json!({});
    fill_in(&schema, &mut empty);
    assert_eq!(empty, json!({"spec": {"size": 3, "note": "n"}}));
    let mut nulls = json!({"spec": {"size": null, "note": null, "gone": null, "parts": [{}]}});
    fill_in(&schema, &mut nulls);
    assert_eq!(nulls, json!({"spec": {"size": 3, "note": null, "parts": [{"on": true}]}}));
}

#[test]
fn sets_and_maps_hold_nothing_twice() {
    let schema = json!({"type": "object", "properties": {
        "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"],
            "items": {"type": "object", "properties": {"port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}}}}}});
    let value = json!({"tags": ["a", "b", "a"], "ports": [{"port": 1}, {"port": 1, "protocol": "UDP"}, {"port": 1, "protocol": "TCP"}]});
    let errors: Vec<String> = lists::duplicates(&schema, &value, None)
        .into_iter()
        .map(|e| format!("{}: {}", e.field, e.message))
        .collect();
    assert_eq!(
        errors,
        ["ports[2]: Duplicate value: {\"port\":1,\"protocol\":\"TCP\"}", "tags[2]: Duplicate value: \"a\""]
    );
}

fn definition(group: &str, plural: &str, kind: &str) -> Value {
    let mut object = json!({
        "metadata": {"name": format!("{plural}.{group}"), "uid": "u", "generation": 1},
        "spec": {"group": group, "scope": "Namespaced", "names": {"plural": plural, "kind": kind}, "versions": [
            {"name": "v1beta1", "served": true, "storage": false, "schema": {"openAPIV3Schema": {"type": "object"}}},
            {"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}}}]},
    });
    set_defaults(&mut object);
    object
}

#[test]
fn a_sound_definition_is_let_through_and_others_are_told_why() {
    assert_eq!(check_definition(&definition("example.org", "widgets", "Widget"), None), Vec::new());
    let broken = |change: &dyn Fn(&mut Value)| {
        let mut object = definition("example.org", "widgets", "Widget");
        change(&mut object);
        check_definition(&object, None).into_iter().map(|e| e.field).collect::<Vec<_>>()
    };
    let schema = |schema: Value| {
        move |o: &mut Value| o["spec"]["versions"][1]["schema"]["openAPIV3Schema"] = schema.clone()
    };
    let root = "spec.versions[1].schema.openAPIV3Schema";
    assert_eq!(broken(&|o| o["metadata"]["name"] = json!("gadgets.example.org")), ["metadata.name"]);
    assert_eq!(broken(&|o| o["spec"]["scope"] = json!("World")), ["spec.scope"]);
    assert_eq!(broken(&|o| o["spec"]["versions"][0]["storage"] = json!(true)), ["spec.versions"]);
    assert_eq!(broken(&schema(json!({"type": "string"}))), [format!("{root}.type")]);
    assert_eq!(
        broken(&schema(json!({"type": "object", "properties": {"a": {}}}))),
        [format!("{root}.properties[a].type")]
    );
    assert_eq!(
        broken(&schema(json!({"type": "object", "properties": {"a": {"type": "integer", "default": "x"}}}))),
        [format!("{root}.properties[a].default")]
    );
    assert_eq!(
        broken(&schema(json!({"type": "object", "x-kubernetes-validations": [{"rule": "self.a +"}]}))),
        [format!("{root}.x-kubernetes-validations[0].rule")]
    );
}

#[test]
fn the_first_definition_gets_the_name() {
    let first = definition("example.org", "widgets", "Widget");
    let own = names::decide(&first, &[]);
    assert_eq!(own.conditions.len(), 2);
    let mut second = definition("example.org", "gadgets", "Widget");
    second["spec"]["names"]["singular"] = json!("gadget");
    let refused = names::decide(&second, std::slice::from_ref(&own.accepted));
    assert_eq!(refused.conditions[0]["reason"], "KindConflict");
    assert_eq!(refused.conditions[0]["message"], "\"Widget\" is already in use");
    assert_eq!(refused.accepted.kind, "");
    assert_eq!(refused.accepted.plural, "gadgets");
}

#[test]
fn a_definition_makes_one_kind_per_version() {
    let object = definition("example.org", "widgets", "Widget");
    let made = made::kinds(&object, &names::decide(&object, &[]).accepted).expect("a storage version");
    assert_eq!(made.storage.version, "v1");
    let served: Vec<&str> = made.served.iter().map(|kind| kind.version.as_str()).collect();
    assert_eq!(served, ["v1", "v1beta1"]);
    assert!(made.storage.subresource("status").is_some());
    assert_eq!(made.storage.list_kind(), "WidgetList");
}

#[test]
fn rules_of_a_schema_are_evaluated() {
    let mut object = definition("example.org", "widgets", "Widget");
    object["spec"]["versions"][1]["schema"]["openAPIV3Schema"] = json!({"type": "object", "properties": {"spec": {
        "type": "object", "properties": {"min": {"type": "integer"}, "max": {"type": "integer"}},
        "x-kubernetes-validations": [
            {"rule": "self.min <= self.max", "message": "min must not be above max"},
            {"rule": "self.max >= oldSelf.max", "message": "max may only grow"}]}}});
    let made = made::kinds(&object, &names::decide(&object, &[]).accepted).expect("a storage version");
    let told = |new: Value, old: Option<Value>| -> Vec<String> {
        let errors = check_object(&made.storage, &new, old.as_ref());
        errors.into_iter().map(|e| format!("{}: {}", e.field, e.message)).collect()
    };
    let of = |min: i64, max: i64| json!({"spec": {"min": min, "max": max}});
    assert_eq!(told(of(1, 2), None), Vec::<String>::new());
    assert_eq!(told(of(3, 2), None), ["spec: Invalid value: \"object\": min must not be above max"]);
    assert_eq!(told(of(1, 1), Some(of(1, 2))), ["spec: Invalid value: \"object\": max may only grow"]);
}
