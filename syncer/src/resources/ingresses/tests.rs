use super::*;
use crate::resources::fixture::{World, lean, namespaced};

fn world(annotations: Value) -> (World, VirtualName) {
    let mut world = World::new(&["ingresses", "secrets", ingress_classes::KIND]);
    world.tenant(
        "ingresses",
        json!({"metadata": {"name": "web", "namespace": "shop", "annotations": annotations}, "spec": {
        "defaultBackend": {"resource": {"apiGroup": "k8s.example.org", "kind": "Bucket", "name": "static"}},
        "tls": [{"hosts": ["shop.example.org"], "secretName": "cert"}],
        "rules": [{"host": "shop.example.org", "http": {"paths": [{"path": "/", "pathType": "Prefix",
            "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}}),
    );
    (world, namespaced("shop", "web"))
}

const ANY: Ingresses = Ingresses { limited: false, host_deletion: HostDeletion::Recreate };

#[test]
fn services_secrets_and_resources_are_named_as_on_the_host_and_the_status_returns() {
    let (mut world, web) = world(json!({}));
    assert_eq!(world.settle(&ANY, "ingresses", &web).0, 1);
    let spec = world.host("ingresses", &web)["spec"].clone();
    assert_eq!(spec["tls"][0]["secretName"], "cert-x-shop-x-t");
    assert_eq!(spec["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"], "web-x-shop-x-t");
    assert_eq!(spec["defaultBackend"]["resource"]["name"], "static-x-shop-x-t");
    let status = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}});
    world.change(Side::Host, "ingresses", &web, &json!({"status": status}));
    assert_eq!(world.settle(&ANY, "ingresses", &web).0, 1);
    assert_eq!(world.get(Side::Virtual, "ingresses", &web)["status"], status);
    world.change(Side::Virtual, "ingresses", &web, &json!({"spec": {"tls": null}}));
    assert_eq!(world.settle(&ANY, "ingresses", &web).0, 1);
    assert_eq!(world.host("ingresses", &web)["spec"].get("tls"), None);
}

#[test]
fn annotations_that_name_objects_are_translated_and_go_again() {
    let action = "alb.ingress.kubernetes.io/actions.web";
    let (mut world, web) = world(json!({
        "nginx.ingress.kubernetes.io/auth-secret": "users",
        "nginx.ingress.kubernetes.io/auth-tls-secret": "pki/ca",
        action: "{\"forwardConfig\":{\"targetGroups\":[{\"serviceName\":\"web\",\"weight\":1}]}}",
        "plain": "text",
    }));
    world.settle(&ANY, "ingresses", &web);
    let on_host = |world: &World| world.host("ingresses", &web)["metadata"]["annotations"].clone();
    let host = on_host(&world);
    assert_eq!(host["nginx.ingress.kubernetes.io/auth-secret"], "users-x-shop-x-t");
    assert_eq!(host["nginx.ingress.kubernetes.io/auth-tls-secret"], "tenants/ca-x-pki-x-t");
    assert_eq!(host["plain"], "text");
    assert_eq!(host.get(action), None);
    let translated = "alb.ingress.kubernetes.io/actions.web-x-shop-x-t";
    assert!(
        host[translated].as_str().is_some_and(|json| json.contains("\"serviceName\":\"web-x-shop-x-t\""))
    );

    let gone =
        json!({"metadata": {"annotations": {action: null, "nginx.ingress.kubernetes.io/auth-secret": null}}});
    world.change(Side::Virtual, "ingresses", &web, &gone);
    assert_eq!(world.settle(&ANY, "ingresses", &web).0, 1);
    let host = on_host(&world);
    assert_eq!((host.get(translated), host.get("nginx.ingress.kubernetes.io/auth-secret")), (None, None));
    let mine = world.get(Side::Virtual, "ingresses", &web)["metadata"]["annotations"].clone();
    assert_eq!(mine, json!({"nginx.ingress.kubernetes.io/auth-tls-secret": "pki/ca", "plain": "text"}));
}

#[test]
fn what_it_names_is_used() {
    let (world, web) = world(json!({"nginx.ingress.kubernetes.io/auth-tls-secret": "pki/ca"}));
    struct Known;
    impl Kinds for Known {
        fn id(&self, name: &str) -> Option<crate::engine::key::KindId> {
            (name == "secrets").then_some(crate::engine::key::KindId(1))
        }
    }
    let held = lean(&world.get(Side::Virtual, "ingresses", &web));
    let used: Vec<String> = ANY
        .uses(&world.ctx, &web, Side::Virtual, &held, &Known)
        .iter()
        .map(|key| key.object.to_string())
        .collect();
    assert_eq!(used, ["shop/cert", "pki/ca"]);
}

#[test]
fn a_class_is_refused_unless_it_is_shown_and_the_hosts_choice_is_told() {
    let (mut world, web) = world(json!({}));
    world.change(Side::Virtual, "ingresses", &web, &json!({"spec": {"ingressClassName": "internal"}}));
    let limited = Ingresses { limited: true, ..ANY };
    let (_, plan) = world.settle(&limited, "ingresses", &web);
    assert!(plan.waits_for.is_some());
    assert!(world.host("ingresses", &web).is_null());
    world.change(Side::Virtual, "ingresses", &web, &json!({"spec": {"ingressClassName": null}}));
    world.settle(&limited, "ingresses", &web);
    world.change(Side::Host, "ingresses", &web, &json!({"spec": {"ingressClassName": "nginx"}}));
    world.settle(&limited, "ingresses", &web);
    assert_eq!(world.get(Side::Virtual, "ingresses", &web)["spec"]["ingressClassName"], "nginx");
}
