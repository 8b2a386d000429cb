//! A companion that observes as objects of the host: settings → what is applied. Pure.

use serde_json::{Value, json};

use crate::cluster::{ObjectRef, Resource};
use crate::companion;
use crate::provision::objects::Object;
use crate::provision::values::settings::{Content, Settings, Sync};
use crate::target::{Part, Placement, Target};
use crate::wire::{CONFIG_KEY, OBSERVER_APP, label, name};

/// Whom it runs as: nobody that has anything on the node.
const USER: i64 = 65532;
/// Where its kubeconfig of the virtual cluster is mounted.
const KUBECONFIG: &str = "/run/vcluster";
/// Key of the kubeconfig in the Secret that the virtual cluster's syncer writes.
const KUBECONFIG_KEY: &str = "config";
const HEALTH_PORT: u16 = 9090;
/// For how long the virtual API server may take to answer before it is started anew.
const STARTUP_SECONDS: u32 = 1800;

/// A companion that is to be.
pub(super) struct Blueprint<'a> {
    pub(super) target: &'a Target,
    /// The workload that it goes with.
    pub(super) plane: &'a Part,
    pub(super) settings: &'a Settings,
    pub(super) image: &'a str,
    pub(super) place: &'a Placement,
}

/// What it consists of.
pub(super) struct Observer {
    /// What it may do, and the place where it publishes.
    pub(super) rights: Vec<Object>,
    /// What runs it.
    pub(super) workload: Object,
}

/// The kinds that an observer compares on the host, of those that a configuration mirrors. A test of the companion's holds both together.
pub fn watched(sync: &Sync) -> Vec<Resource> {
    let all = [
        (sync.pods.is_some(), Resource::PODS),
        (sync.services, Resource::SERVICES),
        (sync.config_maps != Content::Off, Resource::CONFIG_MAPS),
        (sync.secrets != Content::Off, Resource::SECRETS),
        (sync.persistent_volume_claims, Resource::PERSISTENT_VOLUME_CLAIMS),
        (sync.ingresses, Resource::INGRESSES),
        (sync.network_policies, Resource::NETWORK_POLICIES),
        (sync.pod_disruption_budgets, Resource::POD_DISRUPTION_BUDGETS),
        (sync.service_accounts, Resource::SERVICE_ACCOUNTS),
    ];
    all.into_iter().filter(|(on, _)| *on).map(|(_, resource)| resource).collect()
}

impl Blueprint<'_> {
    /// Everything, in the order in which it is applied.
    pub(super) fn objects(&self) -> Observer {
        let own = name::observer(&self.target.name);
        let account = self.object(Resource::SERVICE_ACCOUNTS, &own, json!({}));
        let role = self.object(Resource::ROLES, &own, json!({"rules": self.rules()}));
        let subject = json!({"kind": "ServiceAccount", "name": own, "namespace": self.target.namespace});
        let reference = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": own});
        let binding = json!({"roleRef": reference, "subjects": [subject]});
        let binding = self.object(Resource::ROLE_BINDINGS, &own, binding);
        // Of its content nothing is said: that is the companion's.
        let map = self.object(Resource::CONFIG_MAPS, &companion::config_map(&self.target.name), json!({}));
        let workload = self.object(Resource::DEPLOYMENTS, &own, json!({"spec": self.deployment(&own)}));
        Observer { rights: vec![account, role, binding, map], workload }
    }

    fn object(&self, resource: Resource, name: &str, mut body: Value) -> Object {
        let Part { kind, name: plane, uid, .. } = self.plane;
        body["apiVersion"] = resource.api_version().as_str().into();
        body["kind"] = resource.kind.as_str().into();
        body["metadata"] = json!({
            "name": name,
            "namespace": self.target.namespace,
            "labels": {"app.kubernetes.io/managed-by": "v9s", label::OBSERVER_OF: self.target.name},
            // It goes with the control plane, whoever deletes that.
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": kind.resource().kind, "name": plane, "uid": uid,
            }],
        });
        Object { at: ObjectRef::namespaced(resource, self.target.namespace.clone(), name), body }
    }

    /// Reading what is compared, and writing the one ConfigMap that it publishes, which is there already.
    fn rules(&self) -> Value {
        let vcluster = &self.target.name;
        let mut rules = vec![
            json!({"apiGroups": [""], "resources": ["services"], "resourceNames": [vcluster], "verbs": ["get"]}),
            json!({"apiGroups": [""], "resources": ["configmaps"],
                "resourceNames": [companion::config_map(vcluster)], "verbs": ["patch"]}),
        ];
        rules.extend(watched(&self.settings.sync).into_iter().map(|resource| {
            json!({"apiGroups": [resource.group], "resources": [resource.plural], "verbs": ["get", "list", "watch"]})
        }));
        rules.into()
    }

    fn deployment(&self, account: &str) -> Value {
        let Target { name: vcluster, .. } = self.target;
        let own = json!({label::APP: OBSERVER_APP, label::RELEASE: vcluster});
        let labels = json!({
            label::APP: OBSERVER_APP, label::RELEASE: vcluster,
            label::OBSERVER_OF: vcluster, "app.kubernetes.io/managed-by": "v9s",
        });
        json!({
            "replicas": 1,
            "revisionHistoryLimit": 1,
            // Two of them would publish in turns.
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": own},
            "template": {"metadata": {"labels": labels}, "spec": self.pod(account)},
        })
    }

    fn pod(&self, account: &str) -> Value {
        let Target { name: vcluster, .. } = self.target;
        let file = |volume: &str, secret: String, key: &str, optional: bool| {
            json!({"name": volume, "secret": {"secretName": secret, "optional": optional, "defaultMode": 0o440,
                "items": [{"key": key, "path": key}]}})
        };
        let mut spec = json!({
            "serviceAccountName": account,
            "automountServiceAccountToken": true,
            "enableServiceLinks": false,
            "terminationGracePeriodSeconds": 5,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [self.container()],
            "volumes": [
                file("kubeconfig", name::kubeconfig_secret(vcluster), KUBECONFIG_KEY, false),
                file("config", name::config_secret(vcluster), CONFIG_KEY, true),
            ],
        });
        self.place.write(&mut spec);
        spec
    }

    fn container(&self) -> Value {
        let Target { name: vcluster, namespace, .. } = self.target;
        let field =
            |name: &str, path: &str| json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}});
        let probe = |period: u32, failures: u32| {
            json!({"httpGet": {"path": "/healthz", "port": HEALTH_PORT}, "periodSeconds": period,
                "failureThreshold": failures, "timeoutSeconds": 3})
        };
        json!({
            "name": "observer",
            "image": self.image,
            "args": [
                "--mode=observe",
                format!("--name={vcluster}"),
                format!("--virtual-kubeconfig={KUBECONFIG}/{KUBECONFIG_KEY}"),
                // What the kubeconfig says is for people elsewhere; the certificate is good for this name.
                format!("--virtual-server=https://{vcluster}.{namespace}"),
            ],
            "env": [field("POD_NAME", "metadata.name"), field("POD_NAMESPACE", "metadata.namespace")],
            "ports": [{"name": "metrics", "containerPort": HEALTH_PORT, "protocol": "TCP"}],
            // It answers from the moment when both API servers have.
            "startupProbe": probe(2, STARTUP_SECONDS / 2),
            "readinessProbe": probe(2, 3),
            "livenessProbe": probe(10, 6),
            "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
            "securityContext": {
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [
                {"name": "kubeconfig", "mountPath": KUBECONFIG, "readOnly": true},
                {"name": "config", "mountPath": "/var/lib/vcluster", "readOnly": true},
            ],
        })
    }
}
