use super::*;
use crate::resources::fixture::{World, namespaced};

fn resource(namespaced: bool) -> Resource {
    Resource {
        group: "example.org".into(),
        version: "v1".into(),
        plural: "things".into(),
        kind: "Thing".into(),
        namespaced,
    }
}

fn reference(path: &str, to: Meaning) -> Reference {
    Reference { path: path.parse().unwrap(), to }
}

fn custom() -> Custom {
    Custom {
        resource: resource(true),
        how: ToHost {
            references: vec![
                reference("spec.secretName", Meaning::Name { kind: Some("secrets".into()) }),
                reference("spec.targets[].service", Meaning::Name { kind: None }),
                reference("spec.issuer", Meaning::Name { kind: None }),
                reference("spec.selector", Meaning::Selector),
                reference("spec.namespace", Meaning::Namespace),
                reference("spec.class", Meaning::ClusterScopedName),
            ],
            back: vec!["spec.address".parse().unwrap()],
            status: true,
            host_deletion: HostDeletion::Recreate,
        },
    }
}

#[test]
fn references_are_rewritten_and_what_the_host_decides_comes_back() {
    let mut world = World::new(&["things", "secrets"]);
    let thing = namespaced("shop", "a");
    world.tenant("things", json!({"metadata": {"name": "a", "namespace": "shop"}, "data": {"top": "level"}, "spec": {
        "secretName": "s", "targets": [{"service": "web"}, {"service": "db"}], "selector": {"matchLabels": {"app": "a"}},
        "namespace": "shop", "class": "fast", "size": 3, "issuer": {"name": "ca", "namespace": "pki"}}}));
    let mirror = custom();
    assert_eq!(world.settle(&mirror, "things", &thing).0, 1);
    let host = world.host("things", &thing);
    assert_eq!(host["spec"]["secretName"], "s-x-shop-x-t");
    assert_eq!(host["spec"]["targets"], json!([{"service": "web-x-shop-x-t"}, {"service": "db-x-shop-x-t"}]));
    assert_eq!(host["spec"]["issuer"], json!({"name": "ca-x-pki-x-t", "namespace": "tenants"}));
    assert_eq!(host["spec"]["selector"]["matchLabels"]["vcluster.loft.sh/namespace"], "shop");
    assert_eq!(
        (&host["spec"]["namespace"], &host["spec"]["class"]),
        (&json!("tenants"), &json!("vcluster-fast-x-tenants-x-t"))
    );
    assert_eq!((&host["spec"]["size"], &host["data"]["top"]), (&json!(3), &json!("level")));

    world.change(
        Side::Host,
        "things",
        &thing,
        &json!({"spec": {"address": "192.0.2.1"}, "status": {"ready": true}}),
    );
    world.settle(&mirror, "things", &thing);
    let mine = world.get(Side::Virtual, "things", &thing);
    assert_eq!((&mine["spec"]["address"], &mine["status"]), (&json!("192.0.2.1"), &json!({"ready": true})));
    assert_eq!(mine["spec"]["secretName"], "s");

    world.change(Side::Virtual, "things", &thing, &json!({"spec": {"size": null, "address": "10.0.0.1"}}));
    world.settle(&mirror, "things", &thing);
    let (mine, host) = (world.get(Side::Virtual, "things", &thing), world.host("things", &thing));
    assert_eq!(host["spec"].get("size"), None);
    assert_eq!(
        (&mine["spec"]["address"], &host["spec"]["address"]),
        (&json!("192.0.2.1"), &json!("192.0.2.1"))
    );
    world.change(Side::Host, "things", &thing, &json!({"spec": {"secretName": "other"}}));
    world.settle(&mirror, "things", &thing);
    assert_eq!(world.host("things", &thing)["spec"]["secretName"], "s-x-shop-x-t");
}

#[test]
fn the_hosts_are_shown_whole_and_nothing_besides() {
    let mut world = World::new(&["things"]);
    let thing = VirtualName::cluster_scoped("a");
    let mirror = CustomFromHost { resource: resource(false), labels: None, mapping: None };
    world.put(
        Side::Host,
        "things",
        &thing,
        json!({"metadata": {"name": "a"}, "spec": {"x": 1}, "status": {"ready": true}}),
    );
    world.settle(&mirror, "things", &thing);
    world.change(Side::Virtual, "things", &thing, &json!({"spec": {"y": 2}, "more": {"z": 1}}));
    assert_eq!(world.settle(&mirror, "things", &thing).0, 1);
    let shown = world.get(Side::Virtual, "things", &thing);
    assert_eq!(
        (&shown["spec"], shown.get("more"), &shown["status"]),
        (&json!({"x": 1}), None, &json!({"ready": true}))
    );
}

#[test]
fn a_definition_is_copied_without_webhook_and_never_taken_away() {
    let mut world = World::new(&["crd"]);
    let name = VirtualName::cluster_scoped("things.example.org");
    let mirror = Definition::of(&resource(true));
    world.put(
        Side::Host,
        "crd",
        &name,
        json!({"metadata": {"name": "things.example.org"}, "spec": {"group": "example.org",
        "conversion": {"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"]}}}}),
    );
    assert_eq!(world.settle(&mirror, "crd", &name).0, 1);
    let shown = world.get(Side::Virtual, "crd", &name);
    assert_eq!(shown["spec"], json!({"group": "example.org", "conversion": {"strategy": "None"}}));
    world.remove(Side::Host, "crd", &name);
    assert_eq!(world.settle(&mirror, "crd", &name).0, 0);
    assert!(!world.get(Side::Virtual, "crd", &name).is_null());
}
