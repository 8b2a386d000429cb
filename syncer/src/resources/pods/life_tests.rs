use serde_json::json;

use super::*;
use crate::context::PodSecurity;
use crate::resources::fixture::World;
use crate::resources::pods::Pods;

const KINDS: [&str; 5] = ["namespaces", "services", "configmaps", "nodes", "pods"];
const POD: &str = "shop/web";

type Change = fn(&mut World);

/// A virtual cluster with DNS, its namespace, and one node.
fn world() -> World {
    world_listing(&[])
}

fn world_listing(unfinished: &[&str]) -> World {
    let mut world = World::listing(&KINDS, unfinished);
    world.ctx.api_addresses = vec!["10.0.0.1".into()];
    world.put(Side::Virtual, "namespaces", "shop", json!({"metadata": {"labels": {"team": "x"}}}));
    world.put(
        Side::Host,
        "services",
        "kube-system/kube-dns",
        json!({"metadata": {}, "spec": {"clusterIP": "10.0.0.10"}}),
    );
    world.put(Side::Virtual, "nodes", "node-1", json!({"metadata": {}}));
    world
}

fn virtual_pod(world: &mut World, more: Value) -> Value {
    let mut pod = json!({"metadata": {"uid": "v1", "generation": 1, "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]}, "status": {"phase": "Pending"}});
    merge(&mut pod, more);
    world.put(Side::Virtual, "pods", POD, &pod);
    pod
}

/// The host's pod as it was created, with changes.
fn host_pod(world: &mut World, more: Value) -> Value {
    world.remove(Side::Host, "pods", POD);
    let plan = look(world, Absence::Missing);
    let mut pod = created(&plan).clone();
    pod["metadata"]["uid"] = json!("h1");
    pod["metadata"]["generation"] = json!(1);
    pod["status"] = json!({"phase": "Pending"});
    merge(&mut pod, more);
    world.put(Side::Host, "pods", POD, &pod);
    pod
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

fn look(world: &World, absence: Absence) -> Plan {
    world.plan_with(&Pods, "pods", POD, absence)
}

fn created(plan: &Plan) -> &Value {
    match plan.writes.as_slice() {
        [Write::Create { side: Side::Host, body, .. }] => body,
        other => panic!("{other:?} {:?}", plan.waits_for),
    }
}

/// Side, UID, grace.
fn deleted(plan: &Plan) -> (Side, &str, Option<u32>) {
    match &plan.writes[0] {
        Write::Delete { side, uid, revision: None, grace, .. } => (*side, uid, *grace),
        other => panic!("{other:?}"),
    }
}

const DYING: &str = "2026-01-01T00:00:00Z";

fn dying(seconds: u32) -> Value {
    json!({"metadata": {"deletionTimestamp": DYING, "deletionGracePeriodSeconds": seconds}})
}

#[test]
fn a_pod_is_created_on_the_host_with_all_that_marks_it() {
    let mut world = world();
    virtual_pod(&mut world, json!({}));
    let plan = look(&world, Absence::Missing);
    let meta = &created(&plan)["metadata"];
    assert_eq!((&meta["name"], &meta["namespace"]), (&json!("web-x-shop-x-t"), &json!("tenants")));
    assert_eq!(meta["labels"]["vcluster.loft.sh/managed-by"], "t");
    let of_namespace = world.ctx.names.namespace_label_key("team");
    assert_eq!(meta["labels"][of_namespace], "x");
    assert_eq!(meta["annotations"]["vcluster.loft.sh/object-kind"], "/v1, Kind=Pod");
    assert_eq!(meta["annotations"]["vcluster.loft.sh/uid"], "v1");
    assert_eq!(created(&plan)["spec"]["dnsConfig"]["nameservers"], json!(["10.0.0.10"]));
    assert_eq!(created(&plan).get("status"), None);
}

#[test]
fn once_created_both_sides_agree() {
    let mut world = world();
    virtual_pod(&mut world, json!({}));
    host_pod(&mut world, json!({}));
    assert_eq!(look(&world, Absence::Missing), Plan::nothing());
}

#[test]
fn what_a_pod_waits_for_is_told() {
    let cases: [(&str, Change); 4] = [
        ("kube-system/kube-dns", |world| world.remove(Side::Host, "services", "kube-system/kube-dns")),
        ("namespace", |world| world.remove(Side::Virtual, "namespaces", "shop")),
        ("own Service", |world| world.ctx.api_addresses.clear()),
        ("claims", |world| {
            virtual_pod(world, json!({"spec": {"resourceClaims": [{"name": "gpu"}]}}));
        }),
    ];
    for (why, spoil) in cases {
        let mut world = world();
        virtual_pod(&mut world, json!({}));
        spoil(&mut world);
        let plan = look(&world, Absence::Missing);
        assert_eq!(plan.writes, Vec::new(), "{why}");
        assert!(plan.waits_for.as_ref().is_some_and(|told| told.contains(why)), "{why}: {plan:?}");
    }
    let mut world = world_listing(&["services"]);
    virtual_pod(&mut world, json!({}));
    assert_eq!(look(&world, Absence::Missing).again, Some(Duration::from_millis(250)), "the list is awaited");
}

#[test]
fn a_pod_that_does_not_ask_the_dns_does_not_wait_for_it() {
    let mut world = world();
    virtual_pod(&mut world, json!({"spec": {"dnsPolicy": "Default"}}));
    world.remove(Side::Host, "services", "kube-system/kube-dns");
    created(&look(&world, Absence::Missing));
}

#[test]
fn a_pod_against_the_security_standard_is_refused_and_told_why() {
    let mut world = world();
    world.ctx.pods.security = PodSecurity::Baseline;
    virtual_pod(&mut world, json!({"spec": {"hostNetwork": true}}));
    let plan = look(&world, Absence::Missing);
    let note = plan.note.unwrap();
    assert_eq!((note.reason, plan.writes.len()), ("Forbidden", 0));
    assert_eq!(note.message, "violates PodSecurity \"baseline:latest\": hostNetwork must not be true");
}

#[test]
fn services_of_the_namespace_are_told_unless_the_pod_does_not_want_them() {
    let mut world = world();
    let service = json!({"metadata": {}, "spec": {"clusterIP": "10.9.9.9", "ports": [{"port": 80}]}});
    world.put(Side::Virtual, "services", "shop/db", &service);
    world.put(Side::Virtual, "services", "other/hidden", &service);
    world.put(Side::Host, "services", "shop/db", json!({"metadata": {}, "spec": {"clusterIP": "10.0.0.5"}}));
    world.put(Side::Virtual, "configmaps", "shop/settings", json!({"metadata": {}, "data": {"PORT": "x"}}));
    let from = json!([{"prefix": "DB_", "configMapRef": {"name": "settings"}}]);
    virtual_pod(&mut world, json!({"spec": {"containers": [{"name": "c", "envFrom": from}]}}));
    let names = |world: &World| -> Vec<String> {
        let plan = look(world, Absence::Missing);
        let env = created(&plan)["spec"]["containers"][0]["env"].clone();
        env.as_array()
            .unwrap()
            .iter()
            .map(|v| format!("{}={}", v["name"].as_str().unwrap(), v["value"].as_str().unwrap()))
            .collect()
    };
    let told = names(&world);
    assert!(told.contains(&"DB_SERVICE_HOST=10.0.0.5".to_owned()), "{told:?}");
    assert!(!told.iter().any(|name| name.starts_with("HIDDEN") || name.starts_with("DB_PORT=")), "{told:?}");
    assert!(told.is_sorted());
    virtual_pod(&mut world, json!({"spec": {"enableServiceLinks": false}}));
    assert!(names(&world).iter().all(|name| name.starts_with("KUBERNETES_")));
}

#[test]
fn a_pod_that_ran_is_never_created_again() {
    let mut world = world();
    virtual_pod(&mut world, json!({"status": {"startTime": DYING}}));
    assert_eq!(deleted(&look(&world, Absence::Missing)), (Side::Virtual, "v1", Some(0)));
    virtual_pod(&mut world, json!({}));
    assert_eq!(deleted(&look(&world, Absence::Seen)), (Side::Virtual, "v1", Some(0)));
    created(&look(&world, Absence::Missing));
}

#[test]
fn a_pod_that_is_deleted_before_it_came_to_the_host_goes_at_once() {
    let mut world = world();
    virtual_pod(&mut world, dying(30));
    assert_eq!(deleted(&look(&world, Absence::Missing)), (Side::Virtual, "v1", Some(0)));
    virtual_pod(&mut world, dying(0));
    assert_eq!(look(&world, Absence::Missing), Plan::nothing(), "finalizers hold it");
}

#[test]
fn deletions_go_over_with_the_time_they_leave() {
    // (tenant's, host's, what follows)
    let cases = [
        (Some(7), None, Some((Side::Host, "h1", Some(7)))),
        (Some(0), None, Some((Side::Host, "h1", Some(1)))),
        (None, Some(9), Some((Side::Virtual, "v1", Some(9)))),
        (Some(30), Some(30), None),
        (Some(5), Some(30), Some((Side::Host, "h1", Some(5)))),
        (Some(30), Some(5), Some((Side::Virtual, "v1", Some(5)))),
        (Some(1), Some(0), None),
    ];
    for (mine, theirs, expected) in cases {
        let mut world = world();
        virtual_pod(&mut world, json!({}));
        host_pod(&mut world, theirs.map_or(json!({}), dying));
        virtual_pod(&mut world, mine.map_or(json!({}), dying));
        let plan = look(&world, Absence::Missing);
        let found = (!plan.writes.is_empty()).then(|| deleted(&plan));
        assert_eq!(found, expected, "{mine:?} {theirs:?}");
    }
}

#[test]
fn how_a_pod_ended_is_told_before_it_goes() {
    let mut world = world();
    virtual_pod(&mut world, json!({}));
    let mut ended = dying(5);
    ended["status"] = json!({"phase": "Succeeded"});
    host_pod(&mut world, ended);
    let plan = look(&world, Absence::Missing);
    assert!(matches!(plan.writes.as_slice(),
        [Write::Patch { side: Side::Virtual, part: Part::Status, change, .. }] if change["status"]["phase"] == "Succeeded"));
    virtual_pod(&mut world, json!({"status": {"phase": "Succeeded"}}));
    assert_eq!(deleted(&look(&world, Absence::Missing)).0, Side::Virtual);
}

#[test]
fn the_pod_of_a_predecessor_makes_room() {
    let mut world = world();
    virtual_pod(&mut world, json!({}));
    host_pod(&mut world, json!({}));
    virtual_pod(&mut world, json!({"metadata": {"uid": "v2"}}));
    let plan = look(&world, Absence::Missing);
    assert_eq!(deleted(&plan), (Side::Host, "h1", None));
    assert!(matches!(plan.writes[0], Write::Delete { because: Absence::Replaced, .. }));
}

#[test]
fn an_orphan_is_removed_unless_it_is_marked_to_stay() {
    let mut world = world();
    virtual_pod(&mut world, json!({}));
    host_pod(&mut world, json!({}));
    world.remove(Side::Virtual, "pods", POD);
    assert_eq!(deleted(&look(&world, Absence::Missing)), (Side::Host, "h1", None));
    virtual_pod(&mut world, json!({}));
    host_pod(&mut world, json!({"metadata": {"annotations": {"vcluster.loft.sh/skip-backsync": "true"}}}));
    world.remove(Side::Virtual, "pods", POD);
    assert_eq!(look(&world, Absence::Missing), Plan::nothing());
}

#[test]
fn the_tenants_pod_is_bound_when_the_node_is_there() {
    let mut world = world();
    virtual_pod(&mut world, json!({}));
    host_pod(&mut world, json!({"spec": {"nodeName": "node-1"}, "status": {"phase": "Running"}}));
    let plan = look(&world, Absence::Missing);
    assert!(
        matches!(plan.writes.as_slice(), [Write::Bind { uid, node, .. }] if uid == "v1" && node == "node-1")
    );
    world.remove(Side::Virtual, "nodes", "node-1");
    let plan = look(&world, Absence::Missing);
    assert_eq!((plan.writes.len(), plan.waits_for.as_deref()), (0, Some("node node-1 is not there yet")));
}

#[test]
fn a_pod_that_is_on_another_node_than_the_tenant_believes_goes() {
    let mut world = world();
    virtual_pod(&mut world, json!({"spec": {"nodeName": "node-2"}}));
    host_pod(&mut world, json!({"spec": {"nodeName": "node-1"}}));
    assert_eq!(deleted(&look(&world, Absence::Missing)).0, Side::Virtual);
}

#[test]
fn changes_go_over_in_one_write_for_each_side() {
    let mut world = world();
    virtual_pod(&mut world, json!({}));
    host_pod(
        &mut world,
        json!({"status": {"phase": "Running"}, "metadata": {"labels": {"by": "webhook"}},
        "spec": {"containers": [{"name": "c", "image": "i"}, {"name": "injected", "image": "s"}]}}),
    );
    virtual_pod(
        &mut world,
        json!({"metadata": {"labels": {"new": "1"}}, "spec": {"containers": [{"name": "c", "image": "j"}]}}),
    );
    let plan = look(&world, Absence::Missing);
    let [
        Write::Patch { side: Side::Virtual, part: Part::Status, .. },
        Write::Patch { side: Side::Host, part: Part::Main, kind: PatchKind::Strategic, change, .. },
    ] = plan.writes.as_slice()
    else {
        panic!("{plan:?}")
    };
    assert_eq!(change["metadata"]["labels"]["new"], "1");
    assert_eq!(change["spec"], json!({"containers": [{"name": "c", "image": "j"}]}));
    virtual_pod(&mut world, json!({"status": {"phase": "Running"}}));
    let plan = look(&world, Absence::Missing);
    assert!(matches!(plan.writes.as_slice(),
        [Write::Patch { side: Side::Virtual, part: Part::Main, change, .. }, ..] if change["metadata"]["labels"]["by"] == "webhook"));
}

#[test]
fn containers_for_debugging_are_added_translated() {
    let mut world = world();
    world.ctx.pods.images = [("busybox".to_owned(), "mirror/busybox".to_owned())].into();
    virtual_pod(&mut world, json!({}));
    host_pod(&mut world, json!({}));
    let debug = json!([{"name": "debug", "image": "busybox", "envFrom": [{"secretRef": {"name": "keys"}}]}]);
    virtual_pod(&mut world, json!({"spec": {"ephemeralContainers": debug}}));
    let plan = look(&world, Absence::Missing);
    let [Write::Patch { part: Part::EphemeralContainers, change, .. }] = plan.writes.as_slice() else {
        panic!("{plan:?}")
    };
    let added = &change["spec"]["ephemeralContainers"][0];
    assert_eq!(
        (&added["image"], &added["envFrom"][0]["secretRef"]["name"]),
        (&json!("mirror/busybox"), &json!("keys-x-shop-x-t"))
    );
}

#[test]
fn a_pod_holds_what_it_refers_to_and_once_bound_nothing_that_only_creation_needs() {
    let mut world = world();
    virtual_pod(&mut world, json!({"spec": {"volumes": [{"name": "f", "configMap": {"name": "settings"}}]}}));
    world.uses(&Pods, "pods", POD);
    assert!(
        world.is_used("configmaps", "shop/settings") && world.is_used("services", "kube-system/kube-dns")
    );
    virtual_pod(
        &mut world,
        json!({"spec": {"nodeName": "n", "volumes": [{"name": "f", "configMap": {"name": "settings"}}]}}),
    );
    world.uses(&Pods, "pods", POD);
    assert!(
        world.is_used("configmaps", "shop/settings") && !world.is_used("services", "kube-system/kube-dns")
    );
}
