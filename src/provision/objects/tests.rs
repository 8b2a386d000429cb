use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::provision::create::Preset;
use crate::provision::values::read;

const ETCD: &str = "controlPlane: {backingStore: {etcd: {deploy: {enabled: true, statefulSet: {highAvailability: {replicas: 3}}}}}}";

fn with<T>(config: &str, look: impl FnOnce(&Blueprint) -> T) -> T {
    let settings = read(config).unwrap();
    let range = ServiceRange::parse("10.96.0.0/16").unwrap();
    look(&Blueprint { name: "shop", namespace: "team", settings: &settings, config, service_range: &range })
}

fn objects(config: &str) -> Objects {
    with(config, |plan| plan.objects())
}

fn find<'a>(objects: &'a Objects, kind: &str, name: &str) -> &'a Value {
    let found = objects.all().find(|object| object.at.resource.kind == kind && object.at.name == name);
    &found.unwrap_or_else(|| panic!("no {kind} {name}")).body
}

/// Without the version of this v9s, which changes with every release.
fn yaml(objects: &Objects) -> String {
    let documents: Vec<String> =
        objects.all().map(|object| serde_saphyr::to_string(&object.body).unwrap()).collect();
    documents.join("---\n").replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[test]
fn with_sqlite_it_is_a_stateful_set_with_a_claim() {
    insta::assert_snapshot!(yaml(&objects("")));
}

#[test]
fn with_etcd_it_is_a_deployment_beside_the_stateful_set_of_etcd() {
    insta::assert_snapshot!(yaml(&objects(ETCD)));
}

#[test]
fn every_preset_can_be_made() {
    for preset in Preset::ALL {
        let settings = read(preset.text()).unwrap();
        assert_eq!(unbuilt(&settings), [], "{}", preset.name());
        let stateful = preset == Preset::Dev;
        let kind = if stateful { "StatefulSet" } else { "Deployment" };
        find(&objects(preset.text()), kind, "shop");
    }
}

#[test]
fn the_production_preset_confines_the_namespace() {
    insta::assert_snapshot!(yaml(&Objects {
        store: Vec::new(),
        control_plane: Vec::new(),
        ..objects(Preset::Prod.text())
    }));
}

#[test]
fn the_official_tools_find_it() {
    let objects = objects("");
    let set = find(&objects, "StatefulSet", "shop");
    for labels in [&set["metadata"]["labels"], &set["spec"]["template"]["metadata"]["labels"]] {
        assert_eq!((&labels["app"], &labels["release"]), (&"vcluster".into(), &"shop".into()));
    }
    let containers = set["spec"]["template"]["spec"]["containers"].as_array().unwrap();
    assert_eq!(containers[0]["name"], "syncer");
    assert_eq!(containers[0]["image"], concat!("v9s-syncer:", env!("CARGO_PKG_VERSION")));
    let service = find(&objects, "Service", "shop");
    assert_eq!(service["metadata"]["labels"]["vcluster.loft.sh/service"], "true");
    assert_eq!(service["spec"]["ports"][0]["targetPort"], 8443);
    find(&objects, "Secret", "vc-config-shop");
}

#[test]
fn programs_may_do_as_little_as_possible() {
    for config in ["", ETCD] {
        let objects = objects(config);
        let workloads: Vec<&Value> =
            objects.store.iter().chain(&objects.control_plane).map(|object| &object.body).collect();
        for workload in workloads {
            let pod = &workload["spec"]["template"]["spec"];
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
            assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
            assert_eq!(pod["automountServiceAccountToken"], false);
            for container in pod["containers"].as_array().unwrap() {
                let security = &container["securityContext"];
                assert_eq!(security["readOnlyRootFilesystem"], true, "{}", container["name"]);
                assert_eq!(security["allowPrivilegeEscalation"], false, "{}", container["name"]);
                assert_eq!(security["capabilities"]["drop"][0], "ALL", "{}", container["name"]);
            }
        }
    }
}

#[test]
fn only_the_syncer_has_the_account_and_nobody_has_keys_of_others() {
    let objects = objects("");
    let pod = &find(&objects, "StatefulSet", "shop")["spec"]["template"]["spec"];
    for container in pod["containers"].as_array().unwrap() {
        let mounts: BTreeSet<&str> = container["volumeMounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|mount| mount["name"].as_str().unwrap())
            .collect();
        let is_syncer = container["name"] == "syncer";
        assert_eq!(mounts.contains("host-access"), is_syncer, "{}", container["name"]);
        assert_eq!(mounts.contains("kubeconfig"), is_syncer, "{}", container["name"]);
        assert!(!(is_syncer && mounts.contains("pki")), "the syncer signs nothing");
    }
    let pki = pod["volumes"].as_array().unwrap().iter().find(|volume| volume["name"] == "pki").unwrap();
    let keys: Vec<&str> =
        pki["secret"]["items"].as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap()).collect();
    for key in ["ca.key", "server-ca.key", "front-proxy-ca.key", "etcd-ca.key", "admin.conf"] {
        assert!(!keys.contains(&key), "{key}");
    }
}

#[test]
fn the_role_is_the_published_one_and_grows_with_the_settings() {
    let published = include_str!("../../../docs/syncer-deploy.yaml");
    let documents: Vec<Value> =
        published.split("\n---\n").map(|document| serde_saphyr::from_str(document).unwrap()).collect();
    let published = documents.iter().find(|document| document["kind"] == "Role").unwrap();
    let default = objects("");
    assert_eq!(find(&default, "Role", "vc-shop")["rules"], published["rules"]);
    assert!(!default.all().any(|object| object.at.resource.kind == "ClusterRole"), "nothing reaches further");
    let more = objects("sync: {toHost: {ingresses: {enabled: true}}, fromHost: {nodes: {enabled: true}}}");
    let rules = find(&more, "Role", "vc-shop")["rules"].to_string();
    assert!(rules.contains("ingresses"), "{rules}");
    let wide = find(&more, "ClusterRole", "vc-shop-v-team");
    assert_eq!(wide["rules"][0]["resources"][0], "nodes");
    assert!(wide["metadata"].get("namespace").is_none());
}

#[test]
fn what_is_not_made_yet_is_refused_by_its_path() {
    for (config, path) in [
        ("controlPlane: {serviceMonitor: {enabled: true}}", "controlPlane.serviceMonitor"),
        ("controlPlane: {proxy: {port: 9443}}", "controlPlane.proxy.port"),
        ("integrations: {metricsServer: {enabled: true}}", "integrations.metricsServer"),
        (
            "sync: {fromHost: {configMaps: {enabled: true, mappings: {byName: {'other/a': 'default/a'}}}}}",
            "sync.fromHost.configMaps",
        ),
    ] {
        let told = unbuilt(&read(config).unwrap());
        assert_eq!(told.iter().map(|it| it.path).collect::<Vec<_>>(), [path]);
    }
    assert_eq!(unbuilt(&Settings::default()), []);
}

/// A container of the control plane.
fn container<'a>(objects: &'a Objects, name: &str) -> &'a Value {
    let mut all = containers(objects).iter();
    all.find(|container| container["name"] == name).unwrap_or_else(|| panic!("no container {name}"))
}

fn containers(objects: &Objects) -> &[Value] {
    objects.control_plane[0].body["spec"]["template"]["spec"]["containers"].as_array().unwrap()
}

#[test]
fn there_are_no_init_containers_but_those_that_are_asked_for() {
    let of = |config: &str| {
        objects(config).control_plane[0].body["spec"]["template"]["spec"]["initContainers"].clone()
    };
    for config in ["", ETCD, Preset::Prod.text()] {
        assert_eq!(of(config), Value::Null, "the official command line waits for any to end");
    }
    let own = of("controlPlane: {statefulSet: {initContainers: [{name: own, image: own:1}]}}");
    assert_eq!(own, serde_json::json!([{"name": "own", "image": "own:1"}]));
}

#[test]
fn a_database_of_somebody_else_is_reached_through_kine_by_a_secret() {
    let objects = objects(
        "policies: {networkPolicy: {enabled: true}}
controlPlane:
  backingStore: {database: {external: {enabled: true, dataSource: 'postgres://shop:hidden@db.example.org:5433/shop', caFile: /tls/ca.crt, extraArgs: [--x=y]}}}
  statefulSet: {persistence: {addVolumeMounts: [{name: tls, mountPath: /tls}], addVolumes: [{name: tls, secret: {secretName: tls}}]}}",
    );
    find(&objects, "Deployment", "shop");
    let kine = container(&objects, "kine");
    assert_eq!(
        kine["args"],
        serde_json::json!([
            "--ca-file=/tls/ca.crt",
            "--listen-address=127.0.0.1:2379",
            "--metrics-bind-address=0",
            "--x=y"
        ])
    );
    assert_eq!(kine["env"][0]["name"], "KINE_ENDPOINT");
    assert_eq!(kine["env"][0]["valueFrom"]["secretKeyRef"]["name"], "vc-store-shop");
    assert!(kine["volumeMounts"].to_string().contains("/tls"), "{kine}");
    find(&objects, "Secret", "vc-store-shop");
    let shown: String = objects
        .all()
        .filter(|object| object.at.resource.kind != "Secret")
        .map(|object| object.body.to_string())
        .collect();
    assert!(!shown.contains("hidden"), "the password is in Secrets alone");
    let policy = find(&objects, "NetworkPolicy", "vc-cp-shop")["spec"]["egress"].to_string();
    assert!(policy.contains("5433"), "{policy}");
}

#[test]
fn etcd_of_somebody_else_is_reached_by_a_secret() {
    let objects = objects(
        "controlPlane:
  backingStore: {etcd: {external: {enabled: true, endpoint: 'https://a:2379,https://b:2379', tls: {caFile: /e/ca, certFile: /e/crt, keyFile: /e/key}}}}
  statefulSet: {persistence: {addVolumeMounts: [{name: e, mountPath: /e}]}}",
    );
    let server = container(&objects, "kube-apiserver");
    let flags: Vec<&str> = server["command"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for flag in [
        "--etcd-servers=$(ETCD_SERVERS)",
        "--etcd-cafile=/e/ca",
        "--etcd-certfile=/e/crt",
        "--etcd-keyfile=/e/key",
    ] {
        assert!(flags.contains(&flag), "{flag}: {flags:?}");
    }
    let secret = server["env"].as_array().unwrap().iter().find(|variable| variable["name"] == "ETCD_SERVERS");
    assert_eq!(secret.unwrap()["valueFrom"]["secretKeyRef"]["name"], "vc-store-shop");
    assert!(server["volumeMounts"].to_string().contains("\"/e\""), "{server}");
    assert!(
        containers(&objects).iter().all(|container| container["name"] != "kine"),
        "nothing speaks for it"
    );
}

#[test]
fn an_ingress_passes_tls_through_to_the_service() {
    let with = objects(
        "controlPlane: {ingress: {enabled: true, host: shop.example.org, spec: {ingressClassName: nginx}}}",
    );
    let ingress = find(&with, "Ingress", "shop");
    assert_eq!(ingress["spec"]["ingressClassName"], "nginx");
    let rule = &ingress["spec"]["rules"][0];
    assert_eq!(rule["host"], "shop.example.org");
    let backend = &rule["http"]["paths"][0]["backend"]["service"];
    assert_eq!((&backend["name"], &backend["port"]["name"]), (&"shop".into(), &"https".into()));
    assert_eq!(ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/ssl-passthrough"], "true");
    assert!(ingress["spec"].get("tls").is_none(), "the virtual API server has the certificate");
    assert!(objects("").ingress.is_empty());
}

#[test]
fn a_disruption_budget_is_about_the_pods_of_the_control_plane() {
    let budget = |inside: &str| {
        let config =
            format!("controlPlane: {{advanced: {{podDisruptionBudget: {{enabled: true, {inside}}}}}}}");
        find(&objects(&config), "PodDisruptionBudget", "shop")["spec"].clone()
    };
    let selector = serde_json::json!({"matchLabels": {"app": "vcluster", "release": "shop"}});
    assert_eq!(budget(""), serde_json::json!({"minAvailable": 1, "selector": selector}));
    assert_eq!(
        budget("maxUnavailable: 50%, unhealthyPodEvictionPolicy: AlwaysAllow"),
        serde_json::json!({"maxUnavailable": "50%", "selector": selector, "unhealthyPodEvictionPolicy": "AlwaysAllow"})
    );
}

#[test]
fn viewers_see_everything_but_secrets() {
    let objects = objects("v9s: {access: {viewers: [auditors]}}");
    let role = find(&objects, "Role", "vc-shop-viewer");
    let rules = role["rules"].as_array().unwrap();
    assert!(!role["rules"].to_string().contains("secrets"), "{role}");
    let verbs: BTreeSet<&str> =
        rules.iter().flat_map(|rule| rule["verbs"].as_array().unwrap()).filter_map(Value::as_str).collect();
    assert_eq!(verbs, ["get", "list", "watch"].into());
    let binding = find(&objects, "RoleBinding", "vc-shop-viewer");
    assert_eq!(
        (&binding["subjects"][0]["kind"], &binding["subjects"][0]["name"]),
        (&"Group".into(), &"auditors".into())
    );
}

#[test]
fn settings_reach_the_objects_that_they_are_about() {
    let cases = [
        (
            "controlPlane: {distro: {k8s: {version: v1.35.1}}}",
            "StatefulSet",
            "/spec/template/spec/containers/2/image",
            "registry.k8s.io/kube-apiserver:v1.35.1",
        ),
        (
            "controlPlane: {advanced: {defaultImageRegistry: reg.example.org/m}}",
            "StatefulSet",
            "/spec/template/spec/containers/0/image",
            concat!("reg.example.org/m/v9s-syncer:", env!("CARGO_PKG_VERSION")),
        ),
        (
            "controlPlane: {statefulSet: {scheduling: {nodeSelector: {pool: tenants}}}}",
            "StatefulSet",
            "/spec/template/spec/nodeSelector/pool",
            "tenants",
        ),
        (
            "controlPlane: {statefulSet: {persistence: {volumeClaim: {storageClass: fast}}}}",
            "StatefulSet",
            "/spec/volumeClaimTemplates/0/spec/storageClassName",
            "fast",
        ),
        ("controlPlane: {service: {spec: {type: LoadBalancer}}}", "Service", "/spec/type", "LoadBalancer"),
        (
            "controlPlane: {advanced: {serviceAccount: {name: mine}}}",
            "StatefulSet",
            "/spec/template/spec/serviceAccountName",
            "mine",
        ),
        (
            "controlPlane: {statefulSet: {persistence: {volumeClaim: {enabled: false}}}}",
            "Deployment",
            "/kind",
            "Deployment",
        ),
    ];
    for (config, kind, path, expected) in cases {
        let objects = objects(config);
        assert_eq!(find(&objects, kind, "shop").pointer(path), Some(&expected.into()), "{config}");
    }
    let extra = objects("controlPlane: {distro: {k8s: {apiServer: {extraArgs: [--v=4]}}}}");
    let command =
        find(&extra, "StatefulSet", "shop").pointer("/spec/template/spec/containers/2/command").unwrap();
    assert_eq!(command.as_array().unwrap().last().unwrap(), "--v=4");
}

#[test]
fn another_configuration_is_another_pod() {
    let hash = |config: &str| {
        objects(config).control_plane[0]
            .body
            .pointer("/spec/template/metadata/annotations/vClusterConfigHash")
            .cloned()
    };
    assert_eq!(hash(""), hash(""));
    assert_ne!(hash(""), hash("logging: {encoding: json}"));
}
