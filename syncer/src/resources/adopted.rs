//! The way to the host and the way back (`v9s::lifecycle::adopt`): what a virtual cluster is made of again is what went there, and nothing
//! on the host is made anew, taken away, or has to change for it.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use proptest::prelude::*;
use proptest::sample::subsequence;
use serde_json::{Value, json};
use v9s::cluster::Resource;
use v9s::lifecycle::adopt::{Adoption, Carried, adopt};
use v9s::names::VirtualName;
use v9s::wire::{TOKENS_CONTROLLER, label};

use super::config_maps::ConfigMaps;
use super::fixture::{World, namespaced};
use super::life::HostDeletion;
use super::pods::{Pods, claims};
use super::secrets::Secrets;
use super::services::Services;
use super::volumes::Claims;
use crate::context::{Classes, HostsSettings};
use crate::engine::key::Side;
use crate::engine::mirror::Mirror;
use crate::engine::plan::{Absence, Write};

const KINDS: [&str; 7] =
    ["namespaces", "nodes", "services", "configmaps", "secrets", "persistentvolumeclaims", "pods"];
const LONG: &str = "a-name-that-is-much-too-long-for-a-host-because-of-what-comes-behind-it";

/// Each kind with its mirror.
fn mirrors(all: bool) -> Vec<(&'static str, Resource, Box<dyn Mirror>)> {
    let host_deletion = HostDeletion::Recreate;
    let claims = Claims { classes: Classes::Apart, limited: false, real_volumes: false, host_deletion };
    vec![
        ("services", Resource::SERVICES, Box::new(Services { host_deletion })),
        ("configmaps", Resource::CONFIG_MAPS, Box::new(ConfigMaps { all, host_deletion })),
        ("secrets", Resource::SECRETS, Box::new(Secrets { all, host_deletion })),
        ("persistentvolumeclaims", Resource::PERSISTENT_VOLUME_CLAIMS, Box::new(claims)),
        ("pods", Resource::PODS, Box::new(Pods)),
    ]
}

fn world() -> World {
    let mut world = World::new(&KINDS).with_server(|_, object| {
        if object["spec"]["ports"].is_array() && object["spec"]["clusterIP"].is_null() {
            let is_dns = object["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("kube-dns"));
            let address = if is_dns { "10.0.0.10" } else { "10.2.0.2" };
            object["spec"]["clusterIP"] = json!(address);
            object["spec"]["clusterIPs"] = json!([address]);
        }
    });
    world.ctx.api_addresses = vec!["10.0.0.1".into()];
    world.ctx.pods.hosts = Some(HostsSettings { image: "alpine".into(), resources: json!({}) });
    world.put(Side::Virtual, "namespaces", "shop", json!({"metadata": {"labels": {"team": "x"}}}));
    world.put(Side::Virtual, "nodes", "node-1", json!({"metadata": {}}));
    world
}

/// The tenant's objects beside its pod.
fn tenant(world: &mut World) {
    let mut put = |kind: &str, namespace: &str, name: &str, mut object: Value| {
        object["metadata"]["name"] = json!(name);
        object["metadata"]["namespace"] = json!(namespace);
        world.tenant(kind, object);
    };
    let dns = json!({"ports": [{"port": 53, "protocol": "UDP"}]});
    put("services", "kube-system", "kube-dns", json!({"spec": dns}));
    let db =
        json!({"selector": {"app": "db", "release": "r"}, "type": "ClusterIP", "ports": [{"port": 5432}]});
    put("services", "shop", "db", json!({"metadata": {"labels": {"app": "db"}}, "spec": db}));
    for name in ["settings", LONG, "alone"] {
        put(
            "configmaps",
            "shop",
            name,
            json!({"metadata": {"labels": {"release": "r"}}, "data": {"a": "b"}}),
        );
    }
    put("secrets", "shop", "keys", json!({"type": "Opaque", "data": {"k": "dg=="}, "immutable": true}));
    let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    put("persistentvolumeclaims", "shop", "data", json!({"spec": claim}));
}

/// Brings all of the tenant to the host.
fn mirrored(world: &mut World, pod: &Value) -> VirtualName {
    tenant(world);
    world.tenant("pods", pod.clone());
    let name = namespaced("shop", "web-0");
    for (kind, _, mirror) in mirrors(true) {
        for pair in pairs(kind) {
            let plan = world.plan_with(&*mirror, kind, &pair, Absence::Missing);
            for write in &plan.writes {
                world.carry_out(&*mirror, kind, &pair, write);
            }
            assert!(!world.host(kind, &pair).is_null(), "{kind} {pair}: {plan:?}");
        }
    }
    name
}

fn pairs(kind: &str) -> Vec<VirtualName> {
    let in_shop = |names: &[&str]| names.iter().map(|name| namespaced("shop", name)).collect();
    match kind {
        "services" => vec![namespaced("kube-system", "kube-dns"), namespaced("shop", "db")],
        "configmaps" => in_shop(&["settings", LONG, "alone"]),
        "secrets" => in_shop(&["keys"]),
        "persistentvolumeclaims" => in_shop(&["data"]),
        _ => in_shop(&["web-0"]),
    }
}

/// The Secret with the tokens of the pod, as the companion keeps it.
fn tokens(world: &World, pod: &Value) -> Value {
    let mut data = json!({});
    for claim in claims::of(&pod["spec"]) {
        let audiences = claim.audiences.first().map_or("https://issuer", |audience| audience.as_str());
        let said = json!({
            "iss": "https://issuer", "aud": [audiences], "iat": 1000, "exp": 1000 + claim.seconds,
            "kubernetes.io": {"namespace": "shop", "serviceaccount": {"name": "web", "uid": "account-uid"}},
        });
        let token = format!("head.{}.sign", BASE64URL_NOPAD.encode(said.to_string().as_bytes()));
        data[claim.key.as_str()] = json!(BASE64.encode(token.as_bytes()));
    }
    let name = claims::secret_name(&world.ctx, &namespaced("shop", "web-0"));
    json!({"metadata": {"name": name.as_str(), "namespace": "tenants", "labels": {
        label::MANAGED_BY: "t", label::CONTROLLED_BY: TOKENS_CONTROLLER}}, "data": data})
}

fn adopted(world: &World, pod: &Value) -> Adoption {
    let mut objects = vec![(Resource::SECRETS, tokens(world, pod))];
    for (kind, resource, _) in mirrors(true) {
        objects.extend(pairs(kind).iter().map(|pair| (resource.clone(), world.host(kind, pair))));
    }
    let at = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    adopt(&Carried { names: world.ctx.names.clone(), store: Some("system-uid".into()), objects, at })
}

fn body<'a>(adoption: &'a Adoption, plural: &str, pair: &VirtualName) -> &'a Value {
    let is = |it: &&v9s::lifecycle::adopt::Adopted| {
        it.object.resource.plural == plural
            && it.object.name == pair.name
            && it.object.namespace == pair.namespace
    };
    &adoption.objects.iter().find(is).unwrap_or_else(|| panic!("no {plural} {pair}")).body
}

/// What is declared not to come back: what servers fill in, and what only means something to a scheduler.
fn declared(mut pod: Value) -> Value {
    for field in ["status", "apiVersion", "kind"] {
        drop(pod.as_object_mut().map(|pod| pod.remove(field)));
    }
    for field in ["resourceVersion", "ownerReferences", "creationTimestamp"] {
        drop(pod["metadata"].as_object_mut().map(|meta| meta.remove(field)));
    }
    for field in ["nodeName", "enableServiceLinks", "priorityClassName", "topologySpreadConstraints"] {
        drop(pod["spec"].as_object_mut().map(|spec| spec.remove(field)));
    }
    pod
}

fn env() -> Vec<Value> {
    let field =
        |name: &str, path: &str| json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}});
    vec![
        json!({"name": "DB_PORT", "value": "mine"}),
        json!({"name": "ALPHA", "value": "$(DB_SERVICE_HOST)/x"}),
        json!({"name": "ZULU", "value": "last"}),
        field("NAME", "metadata.name"),
        field("LABELS", "metadata.labels['release']"),
        field("ACCOUNT", "spec.serviceAccountName"),
        field("IP", "status.podIP"),
        json!({"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}}),
        json!({"name": "B", "valueFrom": {"configMapKeyRef": {"name": LONG, "key": "a"}}}),
        json!({"name": "C", "valueFrom": {"secretKeyRef": {"name": "absent", "key": "k", "optional": true}}}),
    ]
}

fn volumes() -> Vec<Value> {
    let token = |path: &str, audience: Value| {
        let mut token = json!({"path": path, "expirationSeconds": 3607});
        if !audience.is_null() {
            token["audience"] = audience;
        }
        json!({"serviceAccountToken": token})
    };
    let field = json!({"path": "n", "fieldRef": {"fieldPath": "metadata.namespace"}});
    vec![
        json!({"name": "files", "configMap": {"name": "settings"}}),
        json!({"name": "keys", "secret": {"secretName": "keys"}}),
        json!({"name": "data", "persistentVolumeClaim": {"claimName": "data"}}),
        json!({"name": "scratch", "emptyDir": {}}),
        json!({"name": "api", "projected": {"sources": [token("token", Value::Null), {"configMap": {"name": "settings"}}]}}),
        json!({"name": "vault", "projected": {"sources": [token("vault", json!("vault")), {"downwardAPI": {"items": [field]}}]}}),
        json!({"name": "told", "downwardAPI": {"items": [{"path": "u", "fieldRef": {"fieldPath": "metadata.uid"}}]}}),
    ]
}

fn shapes() -> Vec<Value> {
    vec![
        json!({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["9.9.9.9"], "searches": ["corp.example"]}}),
        json!({"dnsPolicy": "Default"}),
        json!({"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": true}),
        json!({"hostname": "other", "dnsConfig": {"nameservers": ["9.9.9.9"], "options": [{"name": "ndots", "value": "2"}]}}),
        json!({"subdomain": "peers"}),
        json!({"subdomain": "peers", "hostname": "first"}),
        json!({"hostAliases": [{"ip": "10.9.9.9", "hostnames": ["old"]}], "imagePullSecrets": [{"name": "keys"}]}),
        json!({"nodeSelector": {"disk": "fast"}, "priorityClassName": "high", "enableServiceLinks": false}),
    ]
}

fn metadatas() -> Vec<Value> {
    let owner = |controller: bool| json!({"ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "o", "controller": controller}]});
    vec![
        json!({"labels": {"release": "r", "app": "web"}, "annotations": {"note": "a\nb"}}),
        json!({"annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"}}),
        owner(true),
        owner(false),
    ]
}

prop_compose! {
    fn pods()(
        env in subsequence(env(), 0..=10),
        volumes in subsequence(volumes(), 0..=7),
        shape in prop::sample::select(shapes()),
        meta in prop::sample::select(metadatas()),
    ) -> Value {
        let mounts: Vec<Value> =
            volumes.iter().map(|volume| json!({"name": volume["name"], "mountPath": "/m"})).collect();
        let mut container = json!({"name": "c", "image": "i"});
        for (field, list) in [("env", env), ("volumeMounts", mounts)] {
            if !list.is_empty() {
                container[field] = json!(list);
            }
        }
        let mut spec = json!({"serviceAccountName": "web", "dnsPolicy": "ClusterFirst", "containers": [container]});
        if !volumes.is_empty() {
            spec["volumes"] = json!(volumes);
        }
        for (field, value) in shape.as_object().into_iter().flatten() {
            spec[field] = value.clone();
        }
        let mut metadata = meta;
        metadata["name"] = json!("web-0");
        metadata["namespace"] = json!("shop");
        metadata["uid"] = json!("pod-uid");
        json!({"metadata": metadata, "spec": spec, "status": {"phase": "Pending"}})
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_pod_that_went_to_the_host_comes_back_as_it_was(pod in pods()) {
        let mut world = world();
        let name = mirrored(&mut world, &pod);
        let adoption = adopted(&world, &pod);
        let back = declared(body(&adoption, "pods", &name).clone());
        prop_assert_eq!(back, declared(world.get(Side::Virtual, "pods", &name)));
    }

    #[test]
    fn nothing_on_the_host_is_made_anew_or_taken_away_for_what_was_adopted(pod in pods()) {
        let mut before = world();
        let name = mirrored(&mut before, &pod);
        let mut adoption = adopted(&before, &pod);
        let mut after = world();
        for (kind, _, mirror) in mirrors(false) {
            for pair in pairs(kind) {
                after.put(Side::Host, kind, &pair, before.host(kind, &pair));
                let object = adoption.objects.iter_mut().find(|it| {
                    it.object.resource.plural == kind && it.object.name == pair.name
                });
                after.put(Side::Virtual, kind, &pair, object.expect("it is adopted").body.take());
                after.uses(&*mirror, kind, &pair);
            }
        }
        for (kind, _, mirror) in mirrors(false) {
            for pair in pairs(kind) {
                let plan = after.plan_with(&*mirror, kind, &pair, Absence::Missing);
                for write in &plan.writes {
                    let told = format!("{kind} {pair}: {write:?}");
                    match write {
                        Write::Patch { side: Side::Host, change, .. } => {
                            prop_assert!(change.as_object().is_some_and(|it| it.keys().all(|key| key == "metadata")), "{}", told);
                        }
                        Write::Patch { .. } => {}
                        _ => return Err(TestCaseError::fail(told)),
                    }
                }
            }
        }
        prop_assert_eq!(&after.host("pods", &name)["metadata"]["uid"], &before.host("pods", &name)["metadata"]["uid"]);
    }
}

#[test]
fn what_is_only_there_so_that_others_have_a_place_is_made_with_what_is_known_of_it() {
    let token = json!({"serviceAccountToken": {"path": "t", "expirationSeconds": 3607}});
    let pod = json!({
        "metadata": {"name": "web-0", "namespace": "shop", "uid": "pod-uid"},
        "spec": {"serviceAccountName": "web", "dnsPolicy": "Default", "containers": [{"name": "c", "image": "i"}],
            "volumes": [{"name": "v", "projected": {"sources": [token]}}]},
    });
    let mut world = world();
    mirrored(&mut world, &pod);
    let adoption = adopted(&world, &pod);
    let uid = |plural: &str, pair: &VirtualName| body(&adoption, plural, pair)["metadata"]["uid"].clone();
    assert_eq!(uid("serviceaccounts", &namespaced("shop", "web")), "account-uid", "its tokens stay valid");
    assert_eq!(uid("namespaces", &VirtualName::cluster_scoped("kube-system")), "system-uid");
    let of_shop = uid("namespaces", &VirtualName::cluster_scoped("shop"));
    assert_eq!(of_shop.as_str().map(str::len), Some(36));
    let alone = &body(&adoption, "configmaps", &namespaced("shop", "alone"))["metadata"]["annotations"];
    assert_eq!(alone["vcluster.loft.sh/force-sync"], "true", "what no pod uses stays on the host");
    let service = body(&adoption, "services", &namespaced("shop", "db"));
    assert_eq!(service["spec"]["selector"], json!({"app": "db", "release": "r"}));
    assert_eq!(service["spec"]["clusterIP"], "10.2.0.2");
}
