//! Objects of many kinds, most of them valid.

use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

/// A kind that scripts write.
#[derive(Debug)]
pub struct Kind {
    /// `v1`, `apps/v1`.
    pub api: &'static str,
    pub kind: &'static str,
    pub plural: &'static str,
    pub namespaced: bool,
    /// What is written to its objects' `status`; none where there is no such subresource.
    pub status: Option<fn() -> BoxedStrategy<Value>>,
    pub scales: bool,
    /// Everything but kind, version and metadata.
    pub content: fn() -> BoxedStrategy<Value>,
}

impl Kind {
    /// Path of the collection in the script's namespace.
    pub fn path(&self) -> String {
        let prefix = if self.api.contains('/') { "apis" } else { "api" };
        let namespace = if self.namespaced { "namespaces/$NS/" } else { "" };
        format!("/{prefix}/{}/{namespace}{}", self.api, self.plural)
    }

    /// Name of an object: cluster-wide ones begin with the script's own.
    pub fn name(&self, name: &str) -> String {
        if self.namespaced { name.to_owned() } else { format!("$NS-{name}") }
    }
}

const fn kind(
    api: &'static str,
    kind: &'static str,
    plural: &'static str,
    content: fn() -> BoxedStrategy<Value>,
) -> Kind {
    Kind { api, kind, plural, namespaced: true, status: None, scales: false, content }
}

const fn cluster(kind: Kind) -> Kind {
    Kind { namespaced: false, ..kind }
}

const fn with_status(kind: Kind, status: fn() -> BoxedStrategy<Value>) -> Kind {
    Kind { status: Some(status), ..kind }
}

const fn scaled(kind: Kind) -> Kind {
    Kind { scales: true, ..kind }
}

/// The kinds that scripts write.
pub static KINDS: &[Kind] = &[
    kind("v1", "ConfigMap", "configmaps", config_map),
    kind("v1", "Secret", "secrets", secret),
    kind("v1", "ServiceAccount", "serviceaccounts", service_account),
    with_status(kind("v1", "Pod", "pods", pod), pod_status),
    with_status(kind("v1", "Service", "services", service), service_status),
    with_status(kind("v1", "ResourceQuota", "resourcequotas", quota), quota_status),
    kind("v1", "LimitRange", "limitranges", limit_range),
    with_status(kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims", claim), claim_status),
    kind("v1", "Event", "events", event),
    kind("v1", "Endpoints", "endpoints", endpoints),
    with_status(cluster(kind("v1", "Namespace", "namespaces", nothing)), namespace_status),
    with_status(cluster(kind("v1", "PersistentVolume", "persistentvolumes", volume)), volume_status),
    scaled(with_status(kind("apps/v1", "Deployment", "deployments", deployment), workload_status)),
    scaled(with_status(kind("apps/v1", "StatefulSet", "statefulsets", stateful_set), workload_status)),
    scaled(with_status(kind("apps/v1", "ReplicaSet", "replicasets", replica_set), workload_status)),
    with_status(kind("apps/v1", "DaemonSet", "daemonsets", daemon_set), daemon_status),
    with_status(kind("batch/v1", "Job", "jobs", job), job_status),
    with_status(kind("batch/v1", "CronJob", "cronjobs", cron_job), cron_status),
    with_status(kind("networking.k8s.io/v1", "Ingress", "ingresses", ingress), service_status),
    kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", network_policy),
    with_status(kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", budget), budget_status),
    kind("rbac.authorization.k8s.io/v1", "Role", "roles", role),
    kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", role_binding),
    cluster(kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", role)),
    kind("coordination.k8s.io/v1", "Lease", "leases", lease),
    kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", endpoint_slice),
    with_status(
        kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", autoscaler),
        nothing,
    ),
    cluster(kind("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", priority_class)),
    cluster(kind("storage.k8s.io/v1", "StorageClass", "storageclasses", storage_class)),
    cluster(kind("networking.k8s.io/v1", "IngressClass", "ingressclasses", ingress_class)),
];

/// Fields that may be there or not, each with its own values.
fn fields(all: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let (names, values): (Vec<_>, Vec<_>) =
        all.into_iter().map(|(name, value)| (name, of(value).boxed())).unzip();
    values
        .prop_map(move |values| {
            let present = names.iter().zip(values).filter_map(|(n, v)| Some(((*n).to_owned(), v?)));
            Value::Object(present.collect::<Map<_, _>>())
        })
        .boxed()
}

/// Two objects in one.
fn and(a: BoxedStrategy<Value>, b: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    (a, b)
        .prop_map(|(mut a, b)| {
            if let (Value::Object(a), Value::Object(b)) = (&mut a, b) {
                a.extend(b);
            }
            a
        })
        .boxed()
}

/// One of these values.
fn one(values: Value) -> BoxedStrategy<Value> {
    select(values.as_array().cloned().unwrap_or_default()).boxed()
}

/// A field that is always there.
fn always(name: &'static str, value: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    value.prop_map(move |value| json!({name: value})).boxed()
}

/// Some of these items, in their order.
fn some(values: Value) -> BoxedStrategy<Value> {
    let values = values.as_array().cloned().unwrap_or_default();
    let most = values.len();
    subsequence(values, 0..=most).prop_map(Value::Array).boxed()
}

fn nothing() -> BoxedStrategy<Value> {
    Just(json!({})).boxed()
}

fn config_map() -> BoxedStrategy<Value> {
    fields(vec![
        ("data", one(json!([{}, {"a": "1"}, {"a": "2", "b": ""}, {"b": "x\ny", "c.d": "3"}]))),
        ("binaryData", one(json!([{"bin": "AAEC"}, {"a": "AA=="}]))),
        ("immutable", one(json!([true, false]))),
    ])
}

fn secret() -> BoxedStrategy<Value> {
    fields(vec![
        ("data", one(json!([{}, {"a": "MQ=="}, {"a": "Mg==", "b": ""}]))),
        ("stringData", one(json!([{"a": "plain"}, {"c": ""}]))),
        ("type", one(json!(["Opaque", "example.org/own", "kubernetes.io/basic-auth"]))),
        ("immutable", one(json!([true, false]))),
    ])
}

fn service_account() -> BoxedStrategy<Value> {
    fields(vec![
        ("automountServiceAccountToken", one(json!([true, false]))),
        ("imagePullSecrets", some(json!([{"name": "a"}, {"name": "b"}]))),
        ("secrets", some(json!([{"name": "a"}, {"name": "b"}]))),
    ])
}

fn container() -> BoxedStrategy<Value> {
    and(
        one(json!([{"name": "a", "image": "nginx"}, {"name": "b", "image": "r.example.org:5000/x:1"}])),
        fields(vec![
            ("command", one(json!([["sh", "-c", "true"]]))),
            (
                "env",
                some(json!([{"name": "A", "value": "1"}, {"name": "B"},
                {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "D", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}])),
            ),
            (
                "ports",
                some(
                    json!([{"containerPort": 80}, {"name": "web", "containerPort": 8080, "protocol": "TCP"},
                {"containerPort": 80, "protocol": "UDP"}]),
                ),
            ),
            (
                "resources",
                one(json!([{}, {"limits": {"cpu": "0.5"}}, {"requests": {"cpu": "1000m", "memory": "1Gi"}},
                {"requests": {"cpu": 1}, "limits": {"cpu": "2", "memory": "2048Mi"}}])),
            ),
            (
                "readinessProbe",
                one(json!([{"httpGet": {"port": 80}}, {"tcpSocket": {"port": "web"}, "periodSeconds": 3},
                {"exec": {"command": ["true"]}}])),
            ),
            ("imagePullPolicy", one(json!(["Always", "Never"]))),
            ("volumeMounts", some(json!([{"name": "v", "mountPath": "/v"}]))),
            ("securityContext", one(json!([{}, {"runAsUser": 0}, {"capabilities": {"drop": ["ALL"]}}]))),
            ("lifecycle", one(json!([{"preStop": {"exec": {"command": ["x"]}}}]))),
        ]),
    )
}

/// Containers with distinct names; volumes that they may mount are always there.
fn pod_spec() -> BoxedStrategy<Value> {
    let containers = prop::collection::vec(container(), 1..3).prop_map(|mut all| {
        all.dedup_by_key(|container| container["name"].clone());
        Value::Array(all)
    });
    and(
        and(
            always("containers", containers.boxed()),
            always(
                "volumes",
                one(json!([
                    [{"name": "v", "emptyDir": {}}], [{"name": "v"}], [{"name": "v", "configMap": {"name": "m"}}],
                    [{"name": "v", "secret": {"secretName": "s"}}, {"name": "w", "hostPath": {"path": "/x"}}],
                ])),
            ),
        ),
        fields(vec![
            ("nodeSelector", one(json!([{"a": "b"}]))),
            (
                "tolerations",
                some(json!([{"key": "a", "operator": "Exists"},
                {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}])),
            ),
            ("affinity", one(json!([{}, {"nodeAffinity": {}}]))),
            ("hostNetwork", one(json!([false]))),
            ("securityContext", one(json!([{}, {"fsGroup": 1}]))),
            ("dnsPolicy", one(json!(["Default", "ClusterFirst"]))),
            ("hostname", one(json!(["h"]))),
            ("enableServiceLinks", one(json!([true, false]))),
            ("priorityClassName", one(json!(["system-node-critical"]))),
        ]),
    )
}

fn pod() -> BoxedStrategy<Value> {
    let own = fields(vec![
        ("restartPolicy", one(json!(["Never", "OnFailure", "Always"]))),
        ("nodeName", one(json!(["n1"]))),
        ("terminationGracePeriodSeconds", one(json!([0, 5, 60]))),
        ("activeDeadlineSeconds", one(json!([10]))),
        ("automountServiceAccountToken", one(json!([true, false]))),
        ("serviceAccountName", one(json!(["default"]))),
    ]);
    always("spec", and(pod_spec(), own))
}

fn pod_status() -> BoxedStrategy<Value> {
    fields(vec![
        ("phase", one(json!(["Running", "Succeeded", "Failed", "Pending"]))),
        (
            "conditions",
            some(
                json!([{"type": "Ready", "status": "True"}, {"type": "Own", "status": "False", "reason": "R"}]),
            ),
        ),
        ("podIP", one(json!(["192.168.1.1"]))),
        ("message", one(json!(["m"]))),
        (
            "containerStatuses",
            one(json!([[{"name": "a", "image": "nginx", "imageID": "", "ready": true, "restartCount": 1,
            "state": {"running": {"startedAt": "2001-01-01T00:00:00Z"}}}]])),
        ),
    ])
}

fn service() -> BoxedStrategy<Value> {
    let ports = one(json!([
        [{"port": 80}], [{"name": "a", "port": 80}, {"name": "b", "port": 81, "targetPort": "web"}],
        [{"port": 53, "protocol": "UDP", "targetPort": 5353}],
    ]));
    let plain = and(
        always("ports", ports),
        fields(vec![
            ("type", one(json!(["ClusterIP", "NodePort", "LoadBalancer"]))),
            ("selector", one(json!([{"app": "a"}, {}]))),
            ("sessionAffinity", one(json!(["ClientIP", "None"]))),
            ("externalIPs", one(json!([["1.2.3.4"]]))),
            ("publishNotReadyAddresses", one(json!([true]))),
            ("ipFamilyPolicy", one(json!(["SingleStack", "PreferDualStack"]))),
            ("internalTrafficPolicy", one(json!(["Local"]))),
        ]),
    );
    let special = one(json!([
        {"clusterIP": "None", "selector": {"app": "a"}}, {"type": "ExternalName", "externalName": "x.example.org"},
        {"clusterIP": "None", "ports": [{"port": 1}]},
    ]));
    always("spec", prop_oneof![3 => plain, 1 => special].boxed())
}

fn service_status() -> BoxedStrategy<Value> {
    one(json!([{}, {"loadBalancer": {}}, {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}},
        {"loadBalancer": {"ingress": [{"hostname": "h.example.org"}]}}]))
}

fn quota() -> BoxedStrategy<Value> {
    always(
        "spec",
        one(json!([{"hard": {"pods": "10", "requests.cpu": "1000m"}}, {"hard": {"count/configmaps": 5}},
        {"hard": {"limits.memory": "1Gi"}, "scopes": ["NotTerminating"]}, {}])),
    )
}

fn quota_status() -> BoxedStrategy<Value> {
    one(
        json!([{}, {"hard": {"pods": "10"}, "used": {"pods": "0"}}, {"hard": {"count/configmaps": "5"}, "used": {"count/configmaps": "1"}}]),
    )
}

fn limit_range() -> BoxedStrategy<Value> {
    always(
        "spec",
        one(json!([{"limits": [{"type": "Container", "max": {"cpu": "2"}, "default": {"memory": "1Gi"}}]},
        {"limits": [{"type": "Pod", "max": {"cpu": "4"}}]}, {"limits": [{"type": "Container", "defaultRequest": {"cpu": "100m"}}]}])),
    )
}

fn claim() -> BoxedStrategy<Value> {
    let always_there = one(json!([
        {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        {"accessModes": ["ReadWriteMany", "ReadOnlyMany"], "resources": {"requests": {"storage": "2048Mi"}}},
    ]));
    always(
        "spec",
        and(
            always_there,
            fields(vec![
                ("storageClassName", one(json!(["", "fast"]))),
                ("volumeMode", one(json!(["Block", "Filesystem"]))),
                ("volumeName", one(json!(["v"]))),
            ]),
        ),
    )
}

fn claim_status() -> BoxedStrategy<Value> {
    one(
        json!([{"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}, {"phase": "Pending"}]),
    )
}

fn volume() -> BoxedStrategy<Value> {
    always(
        "spec",
        and(
            one(
                json!([{"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}]),
            ),
            fields(vec![
                ("persistentVolumeReclaimPolicy", one(json!(["Delete", "Retain"]))),
                ("storageClassName", one(json!(["fast"]))),
            ]),
        ),
    )
}

fn volume_status() -> BoxedStrategy<Value> {
    one(json!([{"phase": "Available"}, {"phase": "Bound", "message": "m"}]))
}

fn namespace_status() -> BoxedStrategy<Value> {
    one(json!([{"phase": "Active"}, {"conditions": [{"type": "X", "status": "True"}]}]))
}

fn event() -> BoxedStrategy<Value> {
    let about = always(
        "involvedObject",
        one(json!([
            {"kind": "Pod", "namespace": "$NS", "name": "a"}, {"kind": "Pod", "apiVersion": "v1", "namespace": "$NS", "name": "b", "uid": "u"},
        ])),
    );
    and(
        about,
        fields(vec![
            ("reason", one(json!(["Killing", "Started"]))),
            ("message", one(json!(["m"]))),
            ("type", one(json!(["Normal", "Warning"]))),
            ("count", one(json!([1, 2]))),
            ("source", one(json!([{"component": "kubelet", "host": "n1"}]))),
            ("firstTimestamp", one(json!(["2001-01-01T00:00:00Z"]))),
            ("lastTimestamp", one(json!(["2001-01-01T00:00:00Z"]))),
        ]),
    )
}

fn endpoints() -> BoxedStrategy<Value> {
    fields(vec![(
        "subsets",
        one(json!([[], [{"addresses": [{"ip": "192.168.1.1"}], "ports": [{"port": 80}]}],
        [{"notReadyAddresses": [{"ip": "192.168.1.2"}, {"ip": "192.168.1.1"}], "ports": [{"name": "a", "port": 80}]}]])),
    )])
}

fn endpoint_slice() -> BoxedStrategy<Value> {
    and(
        one(
            json!([{"addressType": "IPv4", "endpoints": []}, {"addressType": "IPv4", "endpoints": [{"addresses": ["192.168.1.1"]}]}]),
        ),
        fields(vec![(
            "ports",
            one(json!([[], [{"port": 80}], [{"name": "a", "port": 80, "protocol": "UDP"}]])),
        )]),
    )
}

fn labelled_template() -> BoxedStrategy<Value> {
    pod_spec().prop_map(|spec| json!({"metadata": {"labels": {"app": "a"}}, "spec": spec})).boxed()
}

fn workload(own: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let selector = one(
        json!([{"matchLabels": {"app": "a"}}, {"matchExpressions": [{"key": "app", "operator": "Exists"}]}]),
    );
    always(
        "spec",
        and(and(always("selector", selector), always("template", labelled_template())), fields(own)),
    )
}

fn replicas() -> BoxedStrategy<Value> {
    one(json!([0, 1, 3]))
}

fn deployment() -> BoxedStrategy<Value> {
    workload(vec![
        ("replicas", replicas()),
        ("strategy", one(json!([{"type": "Recreate"}, {}, {"rollingUpdate": {"maxSurge": 2}}]))),
        ("minReadySeconds", one(json!([5]))),
        ("paused", one(json!([true]))),
        ("revisionHistoryLimit", one(json!([0, 2]))),
    ])
}

fn stateful_set() -> BoxedStrategy<Value> {
    workload(vec![
        ("replicas", replicas()),
        ("serviceName", one(json!(["s"]))),
        ("podManagementPolicy", one(json!(["Parallel"]))),
        (
            "updateStrategy",
            one(json!([{"type": "OnDelete"}, {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}])),
        ),
        (
            "volumeClaimTemplates",
            one(json!([[{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}}}}]])),
        ),
    ])
}

fn replica_set() -> BoxedStrategy<Value> {
    workload(vec![("replicas", replicas()), ("minReadySeconds", one(json!([1])))])
}

fn daemon_set() -> BoxedStrategy<Value> {
    workload(vec![("updateStrategy", one(json!([{"type": "OnDelete"}, {"type": "RollingUpdate"}])))])
}

fn workload_status() -> BoxedStrategy<Value> {
    and(
        one(json!([{"replicas": 1}, {"replicas": 3, "readyReplicas": 2}])),
        fields(vec![("observedGeneration", one(json!([1, 2]))), ("availableReplicas", one(json!([1])))]),
    )
}

fn daemon_status() -> BoxedStrategy<Value> {
    one(
        json!([{"currentNumberScheduled": 1, "desiredNumberScheduled": 2, "numberMisscheduled": 0, "numberReady": 1}]),
    )
}

fn job() -> BoxedStrategy<Value> {
    let template = pod_spec().prop_map(|mut spec| {
        spec["restartPolicy"] = json!("Never");
        json!({"template": {"spec": spec}})
    });
    always(
        "spec",
        and(
            template.boxed(),
            fields(vec![
                ("parallelism", one(json!([1, 2]))),
                ("completions", one(json!([1, 3]))),
                ("backoffLimit", one(json!([0]))),
                ("suspend", one(json!([true, false]))),
                ("ttlSecondsAfterFinished", one(json!([100]))),
            ]),
        ),
    )
}

fn job_status() -> BoxedStrategy<Value> {
    one(json!([{"active": 1}, {"startTime": "2001-01-01T00:00:00Z"}]))
}

fn cron_job() -> BoxedStrategy<Value> {
    let always_there = job().prop_map(|job| json!({"schedule": "*/5 * * * *", "jobTemplate": job}));
    always(
        "spec",
        and(
            always_there.boxed(),
            fields(vec![
                ("suspend", one(json!([true]))),
                ("concurrencyPolicy", one(json!(["Forbid"]))),
                ("timeZone", one(json!(["Etc/UTC"]))),
            ]),
        ),
    )
}

fn cron_status() -> BoxedStrategy<Value> {
    one(json!([{}, {"lastScheduleTime": "2001-01-01T00:00:00Z"}]))
}

fn ingress() -> BoxedStrategy<Value> {
    let backend = json!({"service": {"name": "s", "port": {"number": 80}}});
    always(
        "spec",
        and(
            one(json!([{"defaultBackend": backend}, {"rules": [{"host": "a.example.org", "http": {"paths": [
            {"path": "/", "pathType": "Prefix", "backend": backend}]}}]}])),
            fields(vec![
                ("ingressClassName", one(json!(["nginx"]))),
                ("tls", one(json!([[{"hosts": ["a.example.org"], "secretName": "t"}]]))),
            ]),
        ),
    )
}

fn network_policy() -> BoxedStrategy<Value> {
    always(
        "spec",
        and(
            one(json!([{"podSelector": {}}, {"podSelector": {"matchLabels": {"app": "a"}}}])),
            fields(vec![
                (
                    "ingress",
                    one(json!([[], [{}], [{"from": [{"podSelector": {}}], "ports": [{"port": 80}]}]])),
                ),
                ("egress", one(json!([[], [{"to": [{"ipBlock": {"cidr": "192.168.0.0/16"}}]}]]))),
                ("policyTypes", one(json!([["Ingress"], ["Ingress", "Egress"]]))),
            ]),
        ),
    )
}

fn budget() -> BoxedStrategy<Value> {
    always(
        "spec",
        and(
            one(json!([{"minAvailable": 1}, {"maxUnavailable": "50%"}, {}])),
            always("selector", one(json!([{"matchLabels": {"app": "a"}}, {}]))),
        ),
    )
}

fn budget_status() -> BoxedStrategy<Value> {
    one(
        json!([{"disruptionsAllowed": 1, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1, "observedGeneration": 1}]),
    )
}

fn role() -> BoxedStrategy<Value> {
    fields(vec![(
        "rules",
        one(json!([[], [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
        [{"apiGroups": ["apps", ""], "resources": ["*"], "verbs": ["*"], "resourceNames": ["a"]}]])),
    )])
}

fn role_binding() -> BoxedStrategy<Value> {
    and(
        one(json!([{"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "a"}},
        {"roleRef": {"kind": "ClusterRole", "name": "view"}}])),
        fields(vec![(
            "subjects",
            some(
                json!([{"kind": "User", "name": "jane"}, {"kind": "ServiceAccount", "name": "default", "namespace": "$NS"},
            {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "g"}]),
            ),
        )]),
    )
}

fn lease() -> BoxedStrategy<Value> {
    fields(vec![(
        "spec",
        one(json!([{}, {"holderIdentity": "me", "leaseDurationSeconds": 15},
        {"renewTime": "2001-01-01T00:00:00.000000Z", "leaseTransitions": 1}])),
    )])
}

fn autoscaler() -> BoxedStrategy<Value> {
    always(
        "spec",
        and(
            one(
                json!([{"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}}]),
            ),
            fields(vec![
                ("minReplicas", one(json!([1, 2]))),
                (
                    "metrics",
                    one(
                        json!([[{"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1024Mi"}}}]]),
                    ),
                ),
                (
                    "behavior",
                    one(json!([{"scaleDown": {"stabilizationWindowSeconds": 60}}, {"scaleUp": {}}])),
                ),
            ]),
        ),
    )
}

fn priority_class() -> BoxedStrategy<Value> {
    and(
        one(json!([{"value": 10}, {"value": 0}])),
        fields(vec![
            ("description", one(json!(["d"]))),
            ("preemptionPolicy", one(json!(["Never"]))),
            ("globalDefault", one(json!([false]))),
        ]),
    )
}

fn storage_class() -> BoxedStrategy<Value> {
    and(
        one(json!([{"provisioner": "example.org/p"}])),
        fields(vec![
            ("reclaimPolicy", one(json!(["Retain"]))),
            ("volumeBindingMode", one(json!(["WaitForFirstConsumer"]))),
            ("allowVolumeExpansion", one(json!([true]))),
            ("parameters", one(json!([{"a": "b"}]))),
        ]),
    )
}

fn ingress_class() -> BoxedStrategy<Value> {
    one(json!([{"spec": {"controller": "example.org/c"}}, {"spec": {"controller": "example.org/c",
        "parameters": {"kind": "ConfigMap", "name": "a"}}}]))
}
