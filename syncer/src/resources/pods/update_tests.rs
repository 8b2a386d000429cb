use std::collections::BTreeMap;

use super::*;

fn carried(was: Value, mine: Value, theirs: Value) -> Carried {
    carry(&Context::new("t", "host"), &applied(&was), &mine, &theirs)
}

#[test]
fn what_the_tenant_has_not_changed_is_left_as_the_host_has_made_it() {
    let mine =
        json!({"containers": [{"name": "c", "image": "i", "resources": {}}], "activeDeadlineSeconds": 5});
    let theirs = json!({"containers": [{"name": "c", "image": "registry.example/i", "resources": {"limits": {"cpu": "1"}}},
        {"name": "injected", "image": "s"}], "activeDeadlineSeconds": 9, "tolerations": [{"key": "x"}],
        "schedulingGates": [{"name": "example.com/quota"}]});
    let carried = carried(mine.clone(), mine.clone(), theirs);
    assert_eq!((carried.spec, carried.resize), (None, None));
    assert_eq!(carried.applied, applied(&mine));
}

#[test]
fn an_image_update_leaves_containers_alone_that_the_host_has_added() {
    let spec =
        |image: &str| json!({"containers": [{"name": "c", "image": image}, {"name": "d", "image": "kept"}]});
    let theirs = json!({"containers": [{"name": "injected", "image": "s"}, {"name": "c", "image": "one"},
        {"name": "d", "image": "mirror/kept"}]});
    let carried = carried(spec("one"), spec("two"), theirs);
    assert_eq!(carried.spec, Some(json!({"containers": [{"name": "c", "image": "two"}]})));
}

#[test]
fn images_are_replaced_as_configured() {
    let mut ctx = Context::new("t", "host");
    ctx.pods.images = BTreeMap::from([("two".to_owned(), "mirror/two".to_owned())]);
    let spec = |image: &str| json!({"initContainers": [{"name": "i", "image": image}]});
    let carried = carry(&ctx, &applied(&spec("one")), &spec("two"), &spec("one"));
    assert_eq!(carried.spec, Some(json!({"initContainers": [{"name": "i", "image": "mirror/two"}]})));
}

#[test]
fn tolerations_are_only_ever_added() {
    let one = json!({"key": "one", "operator": "Exists"});
    let two = json!({"key": "two", "operator": "Exists"});
    let hosts = json!({"key": "host", "operator": "Exists"});
    let was = json!({"tolerations": [one]});
    let now = json!({"tolerations": [one, two]});
    let carried_over = carried(was.clone(), now.clone(), json!({"tolerations": [hosts, one]}));
    assert_eq!(carried_over.spec, Some(json!({"tolerations": [hosts, one, two]})));
    let again = carry(
        &Context::new("t", "host"),
        &carried_over.applied,
        &now,
        &json!({"tolerations": [hosts, one, two]}),
    );
    assert_eq!(again.spec, None, "once");
    assert_eq!(carried(now.clone(), was, now).spec, None);
}

#[test]
fn gates_are_lifted_when_the_tenant_lifts_its_own() {
    let was = json!({"schedulingGates": [{"name": "a"}, {"name": "b"}]});
    let now = json!({"schedulingGates": [{"name": "b"}]});
    let theirs = json!({"schedulingGates": [{"name": "a"}, {"name": "b"}, {"name": "example.com/host"}]});
    let carried = carried(was, now, theirs);
    assert_eq!(carried.spec, Some(json!({"schedulingGates": [{"$patch": "delete", "name": "a"}]})));
}

#[test]
fn a_deadline_is_carried() {
    let carried = carried(json!({}), json!({"activeDeadlineSeconds": 30}), json!({}));
    assert_eq!(carried.spec, Some(json!({"activeDeadlineSeconds": 30})));
}

#[test]
fn a_resize_compares_what_is_in_effect_of_containers_init_containers_and_pod() {
    let spec = |cpu: &str| {
        json!({
            "resources": {"limits": {"cpu": cpu}},
            "containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}, {"name": "d", "resources": {}}],
            "initContainers": [{"name": "i", "resources": {"requests": {"cpu": cpu}}}],
        })
    };
    // The host's admission has added limits.
    let theirs = json!({
        "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
        "containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}},
            {"name": "d", "resources": {"limits": {"memory": "1Gi"}}}],
        "initContainers": [{"name": "i", "resources": {"requests": {"cpu": "1"}}}],
    });
    assert_eq!(carried(spec("1"), spec("1"), theirs.clone()).resize, None);
    let resized = carried(spec("1"), spec("2"), theirs);
    let requests = json!({"requests": {"cpu": "2"}});
    assert_eq!(
        resized.resize,
        Some(
            json!({"resources": {"limits": {"cpu": "2"}}, "containers": [{"name": "c", "resources": requests}],
            "initContainers": [{"name": "i", "resources": requests}]})
        )
    );
    assert!(resized.applied.changed(RESOURCES, &resources(&spec("2"))), "not applied before the host has it");
    let done = carried(spec("1"), spec("2"), spec("2"));
    assert_eq!(done.resize, None);
    assert!(!done.applied.changed(RESOURCES, &resources(&spec("2"))));
}

#[test]
fn a_pod_that_another_syncer_made_is_taken_over_as_it_is() {
    let mine = json!({"containers": [{"name": "c", "image": "i"}], "activeDeadlineSeconds": 5});
    let theirs = json!({"containers": [{"name": "c", "image": "mirror/i"}]});
    let taken = carry(&Context::new("t", "host"), &Applied::default(), &mine, &theirs);
    assert_eq!(taken, Carried { applied: applied(&mine), ..Carried::default() });
}
