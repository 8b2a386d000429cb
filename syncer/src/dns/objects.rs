//! The objects of CoreDNS in the virtual cluster. Pure.

use serde_json::{Map, Value, json};
use v9s::provision::values::settings::{CoreDns, Image};

use super::corefile::{CUSTOM_FOLDER, FOLDER, PORT, corefile};

/// Where everything is.
const NAMESPACE: &str = "kube-system";
/// The Deployment, its account and its configuration.
const NAME: &str = "coredns";
/// The Service, by which name every cluster has it.
const SERVICE: &str = "kube-dns";
/// Name of the role; all other clusters call it so.
const ROLE: &str = "system:coredns";
/// Configuration that the tenant may add.
const CUSTOM: &str = "coredns-custom";
/// What the Service selects. Tools and policies written for virtual clusters know the pods by it.
const LABEL: (&str, &str) = ("k8s-app", "vcluster-kube-dns");
/// The version that goes with Kubernetes 1.36.
const TAG: &str = "v1.14.2";
/// User of the image.
const USER: u32 = 65532;

/// All objects, in the order in which they are needed. `registry` is `controlPlane.advanced.defaultImageRegistry`.
pub(super) fn objects(coredns: &CoreDns, domain: &str, registry: Option<&str>) -> Vec<Value> {
    let rbac = "rbac.authorization.k8s.io";
    let corefile = coredns.corefile.clone().unwrap_or_else(|| corefile(domain));
    vec![
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(NAME)}),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole", "metadata": {"name": ROLE},
            "rules": [
                {"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], "verbs": ["list", "watch"]},
                {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
            ],
        }),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRoleBinding", "metadata": {"name": ROLE},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": ROLE},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
        }),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(NAME), "data": {"Corefile": corefile}}),
        service(coredns),
        deployment(coredns, registry),
    ]
}

fn metadata(name: &str) -> Value {
    json!({"name": name, "namespace": NAMESPACE, "labels": {LABEL.0: LABEL.1}})
}

fn service(coredns: &CoreDns) -> Value {
    let port = |name: &str, port: u16, target: u16, protocol: &str| json!({"name": name, "port": port, "targetPort": target, "protocol": protocol});
    let mut spec = json!(coredns.service_spec);
    spec["selector"] = json!({LABEL.0: LABEL.1});
    spec["ports"] = json!([
        port("dns", 53, PORT, "UDP"),
        port("dns-tcp", 53, PORT, "TCP"),
        port("metrics", 9153, 9153, "TCP")
    ]);
    let mut metadata = metadata(SERVICE);
    metadata["labels"]["kubernetes.io/cluster-service"] = json!("true");
    metadata["labels"]["kubernetes.io/name"] = json!("CoreDNS");
    add(&mut metadata, "labels", json!(coredns.service.labels));
    add(&mut metadata, "annotations", json!(coredns.service.annotations));
    json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
}

fn deployment(coredns: &CoreDns, registry: Option<&str>) -> Value {
    let mut meta = metadata(NAME);
    meta["labels"]["kubernetes.io/name"] = json!("CoreDNS");
    add(&mut meta, "labels", json!(coredns.metadata.labels));
    add(&mut meta, "annotations", json!(coredns.metadata.annotations));
    let mut pod_meta = json!({});
    add(&mut pod_meta, "labels", json!(coredns.pods.labels));
    add(&mut pod_meta, "labels", json!({LABEL.0: LABEL.1}));
    add(&mut pod_meta, "annotations", json!(coredns.pods.annotations));
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta,
        "spec": {
            "replicas": coredns.replicas,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "selector": {"matchLabels": {LABEL.0: LABEL.1}},
            "template": {"metadata": pod_meta, "spec": pod(coredns, registry)},
        },
    })
}

fn pod(coredns: &CoreDns, registry: Option<&str>) -> Value {
    let scheduling = &coredns.scheduling;
    let mut node_selector = json!({"kubernetes.io/os": "linux"});
    extend(&mut node_selector, json!(scheduling.node_selector));
    let mut pod = json!({
        "serviceAccountName": NAME,
        // It is what others ask; it asks the resolver of its node.
        "dnsPolicy": "Default",
        "nodeSelector": node_selector,
        "containers": [container(coredns, registry)],
        "volumes": [
            {"name": "config", "configMap": {"name": NAME, "items": [{"key": "Corefile", "path": "Corefile"}]}},
            {"name": "custom", "configMap": {"name": CUSTOM, "optional": true}},
        ],
    });
    for (name, value) in [
        ("affinity", json!(scheduling.affinity)),
        ("tolerations", json!(scheduling.tolerations)),
        ("topologySpreadConstraints", json!(scheduling.topology_spread_constraints)),
        ("priorityClassName", json!(scheduling.priority_class_name)),
        ("securityContext", json!(coredns.security.pod)),
    ] {
        let nothing = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !nothing {
            pod[name] = value;
        }
    }
    pod
}

fn container(coredns: &CoreDns, registry: Option<&str>) -> Value {
    let port = |name: &str, port: u16, protocol: &str| json!({"name": name, "containerPort": port, "protocol": protocol});
    let probe = |path: &str, port: u16| json!({"httpGet": {"path": path, "port": port, "scheme": "HTTP"}, "timeoutSeconds": 5});
    let mut liveness = probe("/health", 8080);
    liveness["initialDelaySeconds"] = json!(60);
    liveness["failureThreshold"] = json!(5);
    json!({
        "name": NAME,
        "image": image(coredns, registry),
        "imagePullPolicy": "IfNotPresent",
        "args": ["-conf", format!("{FOLDER}/Corefile")],
        "ports": [port("dns", PORT, "UDP"), port("dns-tcp", PORT, "TCP"), port("metrics", 9153, "TCP")],
        "resources": coredns.resources,
        "livenessProbe": liveness,
        "readinessProbe": probe("/ready", 8181),
        "securityContext": coredns.security.container.as_ref().map_or_else(unprivileged, |given| json!(given)),
        "volumeMounts": [
            {"name": "config", "mountPath": FOLDER, "readOnly": true},
            {"name": "custom", "mountPath": CUSTOM_FOLDER, "readOnly": true},
        ],
    })
}

fn unprivileged() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "runAsNonRoot": true,
        "runAsUser": USER,
        "runAsGroup": USER,
        // The image's program is marked with it and would not start without.
        "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
    })
}

fn image(coredns: &CoreDns, registry: Option<&str>) -> String {
    let usual = Image {
        registry: Some("registry.k8s.io".into()),
        repository: "coredns/coredns".into(),
        tag: Some(TAG.into()),
    };
    coredns.image.clone().unwrap_or_else(|| usual.reference(registry, TAG))
}

/// Puts more keys into a map of an object; an empty map is not made.
fn add(object: &mut Value, name: &str, more: Value) {
    if more.as_object().is_some_and(|more| !more.is_empty()) {
        if object[name].is_null() {
            object[name] = json!({});
        }
        extend(&mut object[name], more);
    }
}

fn extend(map: &mut Value, more: Value) {
    if let (Some(map), Value::Object(more)) = (map.as_object_mut(), more) {
        map.extend::<Map<_, _>>(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use v9s::provision::values;

    fn all(text: &str) -> Vec<Value> {
        let settings = values::read(text).expect("settings");
        super::super::Dns::of(&settings).expect("DNS is on").objects
    }

    fn of<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
        objects.iter().find(|object| object["kind"] == kind).expect(kind)
    }

    #[test]
    fn by_default_it_is_what_every_cluster_has() {
        let objects = all("");
        let kinds: Vec<&str> = objects.iter().filter_map(|object| object["kind"].as_str()).collect();
        assert_eq!(
            kinds,
            ["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "ConfigMap", "Service", "Deployment"]
        );
        let service = of(&objects, "Service");
        assert_eq!(
            (&service["metadata"]["name"], &service["metadata"]["namespace"]),
            (&json!("kube-dns"), &json!("kube-system"))
        );
        assert_eq!(service["spec"]["type"], "ClusterIP");
        let pod = &of(&objects, "Deployment")["spec"]["template"]["spec"];
        assert_eq!(pod["containers"][0]["image"], "registry.k8s.io/coredns/coredns:v1.14.2");
        assert_eq!(pod["containers"][0]["resources"]["limits"]["memory"], "170Mi");
        assert_eq!(
            pod["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
            json!({"k8s-app": "vcluster-kube-dns"})
        );
        assert!(pod["priorityClassName"].is_null() && pod["affinity"].is_null());
    }

    #[test]
    fn every_setting_of_it_is_acted_on() {
        let objects = all("controlPlane:
  advanced: {defaultImageRegistry: mirror.example.org}
  coredns:
    priorityClassName: high
    overwriteConfig: '.:1053 { whoami }'
    security:
      podSecurityContext: {fsGroup: 7}
      containerSecurityContext: {runAsUser: 8}
    service:
      spec: {type: NodePort, sessionAffinity: ClientIP}
      annotations: {a: '1'}
      labels: {b: '2'}
    deployment:
      replicas: 3
      nodeSelector: {disk: ssd}
      affinity: {nodeAffinity: {}}
      tolerations: [{operator: Exists}]
      resources: {limits: {memory: 300Mi}}
      pods: {annotations: {c: '3'}, labels: {d: '4', k8s-app: stolen}}
      annotations: {e: '5'}
      labels: {f: '6'}
      topologySpreadConstraints: []
networking: {advanced: {clusterDomain: corp.example}}
");
        let (service, deployment) = (of(&objects, "Service"), of(&objects, "Deployment"));
        assert_eq!(
            (&service["spec"]["type"], &service["spec"]["sessionAffinity"]),
            (&json!("NodePort"), &json!("ClientIP"))
        );
        assert_eq!(service["spec"]["selector"], json!({"k8s-app": "vcluster-kube-dns"}));
        assert_eq!(
            (&service["metadata"]["annotations"]["a"], &service["metadata"]["labels"]["b"]),
            (&json!("1"), &json!("2"))
        );
        assert_eq!(
            (&deployment["metadata"]["annotations"]["e"], &deployment["metadata"]["labels"]["f"]),
            (&json!("5"), &json!("6"))
        );
        assert_eq!(deployment["spec"]["replicas"], 3);
        let template = &deployment["spec"]["template"];
        assert_eq!(
            template["metadata"],
            json!({"annotations": {"c": "3"}, "labels": {"d": "4", "k8s-app": "vcluster-kube-dns"}})
        );
        let pod = &template["spec"];
        assert_eq!(pod["nodeSelector"], json!({"disk": "ssd", "kubernetes.io/os": "linux"}));
        assert_eq!(
            (&pod["priorityClassName"], &pod["securityContext"]["fsGroup"]),
            (&json!("high"), &json!(7))
        );
        assert_eq!(
            (&pod["tolerations"][0]["operator"], &pod["affinity"]),
            (&json!("Exists"), &json!({"nodeAffinity": {}}))
        );
        assert!(pod["topologySpreadConstraints"].is_null());
        let container = &pod["containers"][0];
        assert_eq!(container["image"], "mirror.example.org/coredns/coredns:v1.14.2");
        assert_eq!(
            (&container["securityContext"], &container["resources"]["limits"]["memory"]),
            (&json!({"runAsUser": 8}), &json!("300Mi"))
        );
        assert_eq!(of(&objects, "ConfigMap")["data"]["Corefile"], ".:1053 { whoami }");
        let image = all("controlPlane: {coredns: {deployment: {image: 'example.org/dns:1'}}}");
        assert_eq!(
            of(&image, "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"],
            "example.org/dns:1"
        );
    }

    #[test]
    fn manifests_of_ones_own_replace_all_of_it_and_off_is_off() {
        let objects = all("controlPlane:
  coredns:
    overwriteManifests: |
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: mine, namespace: kube-system}
");
        assert_eq!(objects.len(), 1);
        assert_eq!(objects[0]["metadata"]["name"], "mine");
        let off = values::read("controlPlane: {coredns: {enabled: false}}").expect("settings");
        assert!(super::super::Dns::of(&off).is_none());
    }

    #[test]
    fn the_domain_is_the_clusters() {
        let objects = all("networking: {advanced: {clusterDomain: corp.example}}");
        let corefile = of(&objects, "ConfigMap")["data"]["Corefile"].as_str().expect("a text");
        assert!(
            corefile.contains("kubernetes corp.example in-addr.arpa") && !corefile.contains("cluster.local"),
            "{corefile}"
        );
    }
}
