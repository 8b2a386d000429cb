use serde_json::json;

use super::*;
use crate::kinds::{Kind, Kinds};

const NOW: &str = "2026-01-02T03:04:05Z";

fn kind(api_version: &str, kind: &str) -> &'static Kind {
    Kinds::builtin().by_object(api_version, kind).expect("a built-in kind")
}

fn deployment() -> &'static Schema {
    kind("apps/v1", "Deployment").schema()
}

fn manager(name: &str, operation: Operation) -> Manager {
    Manager { name: name.into(), operation, api_version: "apps/v1".into(), subresource: "".into() }
}

fn applier(name: &str) -> Manager {
    manager(name, Operation::Apply)
}

/// Applies without force and expects it to be carried out.
fn applied(live: Option<&Applied>, by: &str, object: Value) -> Applied {
    try_apply(live, by, object, false).expect("no conflict")
}

fn try_apply(live: Option<&Applied>, by: &str, object: Value, force: bool) -> Result<Applied, ApplyError> {
    let managers = live.map(|live| live.managers.clone()).unwrap_or_default();
    apply(live.map(|l| &l.object), &object, deployment(), managers, &applier(by), &["status"], force, NOW)
}

fn web(containers: Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"template": {"spec": {"containers": containers}}}
    })
}

#[test]
fn a_create_is_owned_as_the_real_server_writes_it() {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u", "labels": {"app": "web"}},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1", "resources": {},
                    "ports": [{"containerPort": 80, "protocol": "TCP"}]}]}
            }
        }
    });
    let by = manager("kubectl-create", Operation::Update);
    let managers = update(None, &object, deployment(), Managers::default(), &by, &["status"], NOW);
    assert_eq!(
        managers.to_wire(),
        json!([{
            "manager": "kubectl-create", "operation": "Update", "apiVersion": "apps/v1", "time": NOW,
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                "f:spec": {
                    "f:replicas": {}, "f:selector": {},
                    "f:strategy": {"f:rollingUpdate": {".": {}, "f:maxSurge": {}}, "f:type": {}},
                    "f:template": {
                        "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                        "f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {
                            ".": {}, "f:image": {}, "f:name": {}, "f:resources": {},
                            "f:ports": {".": {}, "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {
                                ".": {}, "f:containerPort": {}, "f:protocol": {}
                            }}
                        }}}
                    }
                }
            }
        }])
    );
}

#[test]
fn apply_owns_what_it_says_and_nothing_more() {
    let made = applied(None, "ops", web(json!([{"name": "web", "image": "web:1"}])));
    let owned = made.managers.fields(&applier("ops")).expect("owns something");
    assert_eq!(
        owned.to_wire(),
        json!({
            "f:metadata": {"f:labels": {"f:app": {}}},
            "f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {
                ".": {}, "f:image": {}, "f:name": {}
            }}}}}
        })
    );
}

#[test]
fn the_same_apply_again_changes_nothing() {
    let object = web(json!([{"name": "web", "image": "web:1"}]));
    let first = applied(None, "ops", object.clone());
    let again = applied(Some(&first), "ops", object);
    assert_eq!(again, first);
}

#[test]
fn what_is_not_applied_any_more_goes_unless_others_own_it() {
    let both = json!([{"name": "web", "image": "web:1"}, {"name": "proxy", "image": "proxy:1"}]);
    let first = applied(None, "ops", web(both.clone()));
    let shared = applied(Some(&first), "mesh", web(json!([{"name": "proxy", "image": "proxy:1"}])));
    let fewer = web(json!([{"name": "web", "image": "web:1"}]));

    let alone = applied(Some(&first), "ops", fewer.clone());
    let names =
        |made: &Applied| made.object["spec"]["template"]["spec"]["containers"].as_array().map(Vec::len);
    assert_eq!(names(&alone), Some(1), "nobody else owns the second container");

    let kept = applied(Some(&shared), "ops", fewer);
    assert_eq!(names(&kept), Some(2), "the mesh still owns it");
    assert_eq!(kept.object["spec"]["template"]["spec"]["containers"], both);
}

#[test]
fn fields_filled_in_by_the_server_go_with_the_item_they_belong_to() {
    let mut first =
        applied(None, "ops", web(json!([{"name": "web", "image": "a"}, {"name": "b", "image": "b"}])));
    for container in first.object["spec"]["template"]["spec"]["containers"].as_array_mut().expect("a list") {
        container["imagePullPolicy"] = json!("IfNotPresent");
    }
    let second = applied(Some(&first), "ops", web(json!([{"name": "web", "image": "a"}])));
    assert_eq!(
        second.object["spec"]["template"]["spec"]["containers"],
        json!([{"name": "web", "image": "a", "imagePullPolicy": "IfNotPresent"}])
    );
}

#[test]
fn another_owner_is_a_conflict_until_forced() {
    let first = applied(None, "ops", web(json!([{"name": "web", "image": "web:1"}])));
    let wish = web(json!([{"name": "web", "image": "web:2"}]));
    let refused = try_apply(Some(&first), "deployer", wish.clone(), false).expect_err("a conflict");
    assert_eq!(
        refused.to_string(),
        "Apply failed with 1 conflict: conflict with \"ops\": .spec.template.spec.containers[name=\"web\"].image"
    );
    let forced = try_apply(Some(&first), "deployer", wish, true).expect("forced");
    assert_eq!(forced.object["spec"]["template"]["spec"]["containers"][0]["image"], "web:2");
    let left = forced.managers.fields(&applier("ops")).expect("still owns the rest").paths();
    assert!(!left.iter().any(|path| path.ends_with(".image")), "{left:?}");
}

#[test]
fn applying_the_value_that_is_there_shares_the_field() {
    let first = applied(None, "ops", web(json!([{"name": "web", "image": "web:1"}])));
    let second = applied(Some(&first), "deployer", web(json!([{"name": "web", "image": "web:1"}])));
    for name in ["ops", "deployer"] {
        let paths = second.managers.fields(&applier(name)).expect(name).paths();
        assert!(paths.iter().any(|path| path.ends_with(".image")), "{name}: {paths:?}");
    }
}

#[test]
fn an_update_takes_fields_over_and_several_conflicts_are_listed_by_owner() {
    let first = applied(None, "ops", web(json!([{"name": "web", "image": "web:1"}])));
    let mut edited = first.object.clone();
    edited["spec"]["replicas"] = json!(5);
    edited["metadata"]["labels"]["app"] = json!("shop");
    let by = manager("kubectl-edit", Operation::Update);
    let managers = update(Some(&first.object), &edited, deployment(), first.managers, &by, &["status"], NOW);
    let edited = Applied { object: edited, managers };
    let mut wish = web(json!([{"name": "web", "image": "web:1"}]));
    wish["spec"]["replicas"] = json!(2);
    let refused = try_apply(Some(&edited), "ops", wish, false).expect_err("conflicts");
    assert_eq!(
        refused.to_string(),
        "Apply failed with 2 conflicts: conflicts with \"kubectl-edit\" using apps/v1:\n\
         - .metadata.labels.app\n- .spec.replicas"
    );
}

#[test]
fn live_items_stand_as_early_as_their_order_allows() {
    let list = |names: &[&str]| -> Value { names.iter().map(|n| json!({"name": n, "image": "i"})).collect() };
    for (live, wish, expected) in [
        (&["a", "b", "c"][..], &["b", "x"][..], &["a", "b", "c", "x"][..]),
        (&["a"], &["x", "y"], &["a", "x", "y"]),
        (&["a", "b"], &["b", "a"], &["b", "a"]),
        (&["s", "a", "b"], &["b", "a"], &["s", "b", "a"]),
    ] {
        let first = applied(None, "others", web(list(live)));
        let second = applied(Some(&first), "ops", web(list(wish)));
        assert_eq!(
            second.object["spec"]["template"]["spec"]["containers"],
            list(expected),
            "{live:?} {wish:?}"
        );
    }
}

#[test]
fn lists_that_cannot_be_told_apart_are_refused_with_their_place() {
    let twice = web(json!([{"name": "a"}, {"name": "a"}]));
    let reason = try_apply(None, "ops", twice, false).expect_err("refused").to_string();
    assert_eq!(reason, ".spec.template.spec.containers: duplicate entries for key k:{\"name\":\"a\"}");

    let schema = Schema::of_custom_resource(&json!({"type": "object", "properties": {"spec": {
        "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"],
        "items": {"type": "object", "properties": {"id": {"type": "string"}}}
    }}}));
    let nameless = json!({"spec": [{"id": "a"}, {}]});
    let refused = apply(None, &nameless, &schema, Managers::default(), &applier("ops"), &[], false, NOW);
    let reason = refused.expect_err("refused").to_string();
    assert!(reason.starts_with(".spec: element 1: associative list with keys"), "{reason}");
}

#[test]
fn a_key_field_with_a_default_may_be_left_out() {
    let live = applied(
        None,
        "ops",
        web(json!([{"name": "a", "ports": [{"containerPort": 80, "protocol": "TCP"}]}])),
    );
    let wish = web(json!([{"name": "a", "ports": [{"containerPort": 80, "name": "http"}]}]));
    let made = applied(Some(&live), "ops", wish);
    let ports = &made.object["spec"]["template"]["spec"]["containers"][0]["ports"];
    assert_eq!(
        ports,
        &json!([{"containerPort": 80, "name": "http"}]),
        "one port, and the protocol is given up"
    );
}

#[test]
fn what_was_there_before_ownership_was_tracked_keeps_an_owner() {
    let live = web(json!([{"name": "web", "image": "web:1"}]));
    let untracked = Applied { object: live, managers: Managers::default() };
    let refused = try_apply(Some(&untracked), "ops", web(json!([{"name": "web", "image": "web:2"}])), false);
    let text = refused.expect_err("a conflict").to_string();
    assert!(text.contains("conflict with \"before-first-apply\" using apps/v1"), "{text}");
}

#[test]
fn a_null_takes_a_field_away() {
    let mut with = web(json!([{"name": "web", "image": "web:1"}]));
    with["spec"]["replicas"] = json!(3);
    let first = applied(None, "ops", with.clone());
    with["spec"]["replicas"] = Value::Null;
    let second = applied(Some(&first), "ops", with);
    assert!(second.object["spec"].get("replicas").is_none());
}

#[test]
fn status_belongs_to_whoever_writes_status() {
    let mut object = web(json!([{"name": "web", "image": "web:1"}]));
    object["status"] = json!({"replicas": 1});
    let made = applied(None, "ops", object);
    let paths = made.managers.fields(&applier("ops")).expect("owns the spec").paths();
    assert!(!paths.iter().any(|path| path.starts_with(".status")), "{paths:?}");
}
