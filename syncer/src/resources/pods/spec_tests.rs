use serde_json::json;

use super::*;
use crate::context::PodSettings;

fn translated_with(ctx: &Context, spec: Value) -> Value {
    let pod = VirtualName::namespaced("shop", "web.front-0");
    let labels = Pairs::default();
    let around = Around {
        ctx,
        pod: &pod,
        labels: &labels,
        dns: vec!["10.0.0.10".into()],
        services: vec![Advertised::api_server("10.0.0.1")],
        matching: &|_| Vec::new(),
        taken: &|_| BTreeSet::new(),
        keep_hosts: false,
    };
    to_host(&around, spec).0
}

fn ctx() -> Context {
    let mut ctx = Context::new("t", "host");
    ctx.api_addresses = vec!["10.0.0.1".into(), "fd00::1".into()];
    ctx
}

fn translated(spec: Value) -> Value {
    translated_with(&ctx(), spec)
}

#[test]
fn a_pod_on_the_host_has_nothing_of_the_hosts_account_and_services() {
    let spec =
        translated(json!({"serviceAccountName": "web", "serviceAccount": "web", "enableServiceLinks": true,
        "automountServiceAccountToken": true, "containers": [{"name": "c"}]}));
    assert_eq!(spec["serviceAccountName"], "vc-workload-t");
    assert_eq!(spec.get("serviceAccount"), None);
    assert_eq!(
        (&spec["automountServiceAccountToken"], &spec["enableServiceLinks"]),
        (&json!(false), &json!(false))
    );
    let mut ctx = ctx();
    ctx.pods = PodSettings { own_accounts: true, ..PodSettings::default() };
    assert_eq!(
        translated_with(&ctx, json!({"serviceAccountName": "web"}))["serviceAccountName"],
        "web-x-shop-x-t"
    );
    assert_eq!(translated_with(&ctx, json!({}))["serviceAccountName"], "default-x-shop-x-t");
    ctx.pods = PodSettings { account: Some("given".into()), ..PodSettings::default() };
    assert_eq!(translated_with(&ctx, json!({}))["serviceAccountName"], "given");
}

#[test]
fn names_are_the_hosts_and_fields_of_newer_servers_survive() {
    let spec = translated(json!({
        "fieldOfTomorrow": {"a": [1]},
        "imagePullSecrets": [{"name": "pull"}],
        "containers": [{"name": "c", "image": "i", "env": [
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "k", "optional": true}}}]}],
        "volumes": [
            {"name": "files", "configMap": {"name": "files", "defaultMode": 420}},
            {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
            {"name": "info", "downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
            {"name": "all", "projected": {"sources": [
                {"configMap": {"name": "kube-root-ca.crt"}},
                {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
                {"serviceAccountToken": {"path": "token"}}]}},
            {"name": "host", "hostPath": {"path": "/x"}},
        ],
    }));
    assert_eq!(spec["fieldOfTomorrow"], json!({"a": [1]}));
    assert_eq!(spec["imagePullSecrets"], json!([{"name": "pull-x-shop-x-t"}]));
    let env = spec["containers"][0]["env"].as_array().unwrap();
    assert_eq!(
        env.last().unwrap()["valueFrom"]["secretKeyRef"],
        json!({"name": "keys-x-shop-x-t", "key": "k", "optional": true})
    );
    assert_eq!(env.iter().filter(|v| v["name"].as_str().unwrap().starts_with("KUBERNETES_")).count(), 8);
    assert_eq!(spec["volumes"][0]["configMap"], json!({"name": "files-x-shop-x-t", "defaultMode": 420}));
    assert_eq!(
        spec["volumes"][1],
        json!({"name": "scratch", "persistentVolumeClaim": {"claimName": "web.front-0-scratch-x-shop-x-t"}})
    );
    assert_eq!(
        spec["volumes"][2]["downwardAPI"]["items"][0]["fieldRef"]["fieldPath"],
        "metadata.annotations['vcluster.loft.sh/labels']"
    );
    let sources = &spec["volumes"][3]["projected"]["sources"];
    assert_eq!(sources[0]["configMap"]["name"], "kube-root-ca.crt-x-shop-x-t");
    assert_eq!(
        sources[1]["downwardAPI"]["items"][0]["fieldRef"]["fieldPath"],
        "metadata.annotations['vcluster.loft.sh/namespace']"
    );
    assert_eq!(
        sources[2],
        json!({"secret": {"name": "web.front-0-sa-token-x-shop-x-t", "items": [{"key": "token-0", "path": "token"}]}})
    );
    assert_eq!(spec["volumes"][4]["hostPath"]["path"], "/x");
}

#[test]
fn the_api_server_is_found_without_dns_in_both_families() {
    let spec = translated(json!({"hostAliases": [{"ip": "192.0.2.1", "hostnames": ["own"]}]}));
    let names = json!([
        "kubernetes.default.svc.cluster.local",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc"
    ]);
    assert_eq!(
        spec["hostAliases"],
        json!([{"ip": "192.0.2.1", "hostnames": ["own"]}, {"ip": "10.0.0.1", "hostnames": names}, {"ip": "fd00::1", "hostnames": names}])
    );
}

#[test]
fn a_pod_is_called_what_the_tenant_calls_it() {
    assert_eq!(translated(json!({}))["hostname"], "web-front-0");
    assert_eq!(translated(json!({"hostname": "own"}))["hostname"], "own");
    let long = format!("{}.{}", "a".repeat(62), "b".repeat(40));
    assert_eq!(pod_hostname(&long), "a".repeat(62));
}

#[test]
fn priorities_are_computed_by_the_host() {
    let spec = json!({"priorityClassName": "gold", "priority": 7, "preemptionPolicy": "Never", "overhead": {"cpu": "1"}});
    let class = |mirrored, default: Option<&str>, spec: Value| {
        let mut ctx = ctx();
        ctx.pods.priority_classes = mirrored;
        ctx.pods.priority_class = default.map(SmolStr::from);
        let spec = translated_with(&ctx, spec);
        for computed in ["priority", "preemptionPolicy", "overhead"] {
            assert_eq!(spec.get(computed), None);
        }
        spec["priorityClassName"].as_str().map(str::to_owned)
    };
    let system = json!({"priorityClassName": "system-cluster-critical"});
    let cases = [
        (Classes::Apart, None, spec.clone(), None),
        (Classes::Apart, Some("given"), spec.clone(), Some("given")),
        (Classes::ToHost, None, spec.clone(), Some("vcluster-gold-x-host-x-t")),
        (Classes::ToHost, None, system.clone(), None),
        (Classes::FromHost, Some("given"), spec, Some("gold")),
        (Classes::FromHost, None, system, Some("system-cluster-critical")),
        (Classes::FromHost, Some("given"), json!({}), Some("given")),
    ];
    for (mirrored, default, spec, expected) in cases {
        assert_eq!(class(mirrored, default, spec.clone()).as_deref(), expected, "{mirrored:?} {spec}");
    }
}

#[test]
fn what_is_configured_for_all_pods_is_applied() {
    let mut ctx = ctx();
    ctx.pods.images = BTreeMap::from([("nginx".to_owned(), "mirror.example/nginx".to_owned())]);
    ctx.pods.runtime_class = Some("gvisor".into());
    ctx.pods.tolerations =
        vec![json!({"key": "a", "operator": "Exists"}), json!({"key": "b", "operator": "Exists"})];
    ctx.nodes.shown = Nodes::Labelled(BTreeMap::from([("pool".to_owned(), "t".to_owned())]));
    let spec = json!({
        "containers": [{"name": "c", "image": "nginx"}, {"name": "d", "image": "nginx:1"}],
        "initContainers": [{"name": "i", "image": "nginx"}], "ephemeralContainers": [{"name": "e", "image": "nginx"}],
        "tolerations": [{"key": "a", "operator": "Exists"}], "nodeSelector": {"disk": "ssd", "pool": "forged"},
    });
    let on_host = translated_with(&ctx, spec.clone());
    let image = |list: &str, at: usize| on_host[list][at]["image"].as_str().unwrap().to_owned();
    assert_eq!(
        [image("containers", 0), image("initContainers", 0), image("ephemeralContainers", 0)],
        ["mirror.example/nginx"; 3]
    );
    assert_eq!(image("containers", 1), "nginx:1", "names are exact");
    assert_eq!(on_host["runtimeClassName"], "gvisor");
    assert_eq!(
        on_host["tolerations"],
        json!([{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists"}])
    );
    assert_eq!(on_host["nodeSelector"], json!({"disk": "ssd", "pool": "t"}));
}

#[test]
fn older_hosts_get_no_resources_of_the_whole_pod() {
    let spec = json!({"resources": {"limits": {"cpu": "1"}}});
    let mut ctx = ctx();
    assert_eq!(translated_with(&ctx, spec.clone())["resources"]["limits"]["cpu"], "1");
    ctx.minors.host = 33;
    assert_eq!(translated_with(&ctx, spec).get("resources"), None);
}
