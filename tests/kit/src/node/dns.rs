//! The objects of the cluster's name server.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

const NAMESPACE: &str = "kube-system";
/// Services find it by this label, which all clusters use.
const LABEL: &str = "kube-dns";
const NAME: &str = "coredns";

/// Names of the cluster's Services and pods; all others are refused at once, as nothing beyond can be reached.
const CONFIGURATION: &str = "\
.:53 {
    errors
    health {
        lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 5
    }
    prometheus :9153
    cache 5
    reload
    loadbalance
}
";

/// Its rights, its configuration, its Deployment and its Service, in the order to create them.
pub(super) fn objects(address: Ipv4Addr, image: &str) -> Vec<Value> {
    let rbac = "rbac.authorization.k8s.io";
    let role = format!("system:{NAME}");
    let metadata = json!({"name": NAME, "namespace": NAMESPACE, "labels": {"k8s-app": LABEL}});
    vec![
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole", "metadata": {"name": role},
            "rules": [
                {"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], "verbs": ["list", "watch"]},
                {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
            ],
        }),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRoleBinding", "metadata": {"name": role},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
        }),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"Corefile": CONFIGURATION}}),
        deployment(&metadata, image),
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": LABEL, "namespace": NAMESPACE, "labels": {"k8s-app": LABEL}},
            "spec": {
                "clusterIP": address.to_string(),
                "selector": {"k8s-app": LABEL},
                "ports": [
                    {"name": "dns", "port": 53, "protocol": "UDP"},
                    {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
                    {"name": "metrics", "port": 9153, "protocol": "TCP"},
                ],
            },
        }),
    ]
}

fn deployment(metadata: &Value, image: &str) -> Value {
    let probe = |path: &str, port: u16, every: u16| json!({"httpGet": {"path": path, "port": port}, "periodSeconds": every, "timeoutSeconds": 5});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"k8s-app": LABEL}},
            "template": {
                "metadata": {"labels": {"k8s-app": LABEL}},
                "spec": {
                    "serviceAccountName": NAME,
                    "priorityClassName": "system-cluster-critical",
                    "dnsPolicy": "Default",
                    "containers": [{
                        "name": NAME,
                        "image": image,
                        "args": ["-conf", "/etc/coredns/Corefile"],
                        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": true}],
                        "resources": {"requests": {"cpu": "10m", "memory": "30Mi"}, "limits": {"memory": "170Mi"}},
                        "readinessProbe": probe("/ready", 8181, 1),
                        "livenessProbe": probe("/health", 8080, 10),
                    }],
                    "volumes": [{"name": "config", "configMap": {"name": NAME}}],
                },
            },
        },
    })
}
