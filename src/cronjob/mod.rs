//! A CronJob that runs v9s in a host cluster, with an account of its own that may do what the job does and no more. Pure.

mod line;
mod zone;

use serde_json::{Value, json};
use smol_str::SmolStr;

pub use line::{CronLine, CronLineError};
pub use zone::{Zone, ZoneError};

/// Where jobs run whose scope is the whole cluster.
pub const HOME: &str = "v9s";
/// Home of the person that the program runs as: state and audit log.
const PERSON: &str = "/home/v9s";
/// Who that is; nobody on any machine.
const NOBODY: u32 = 65_532;

/// What a job may look at and change.
#[derive(Debug, Clone, PartialEq)]
pub enum Reach {
    /// One namespace, in which it runs: a Role.
    Namespace(SmolStr),
    /// The whole cluster: a ClusterRole, and a namespace of its own to run in.
    Everywhere,
}

/// A job.
#[derive(Debug, Clone, PartialEq)]
pub struct CronJob {
    /// Name of all its objects; 52 characters at most.
    pub name: SmolStr,
    /// Labels of all its objects besides that with the name.
    pub labels: Vec<(&'static str, SmolStr)>,
    /// What it may reach.
    pub reach: Reach,
    /// Rules of its account, as RBAC has them.
    pub rules: Vec<Value>,
    /// When.
    pub schedule: SmolStr,
    /// In which time zone; without one, in that of the controller manager.
    pub zone: Option<Zone>,
    /// How late it may begin, in seconds.
    pub starting_deadline: u32,
    /// How long it may take, in seconds.
    pub deadline: u32,
    /// An image that has the program `v9s`.
    pub image: SmolStr,
    /// What the program is told.
    pub words: Vec<String>,
    /// A Secret beside it whose keys become its environment.
    pub credentials: Option<SmolStr>,
    /// A claim beside it, and the folder in which the program finds it.
    pub claim: Option<(SmolStr, SmolStr)>,
    /// The most memory it may take, as Kubernetes writes it.
    pub memory: &'static str,
}

impl Reach {
    /// The namespace in which such a job runs.
    pub fn home(&self) -> &str {
        match self {
            Reach::Namespace(namespace) => namespace,
            Reach::Everywhere => HOME,
        }
    }
}

impl CronJob {
    /// Its objects, in the order in which they are applied.
    pub fn objects(&self) -> Vec<Value> {
        let mut objects = Vec::new();
        if self.reach == Reach::Everywhere {
            objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}}));
        }
        let account = self.meta(Some(self.reach.home()));
        objects.push(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}));
        objects.extend(self.rights());
        objects.push(json!({
            "apiVersion": "batch/v1", "kind": "CronJob",
            "metadata": self.meta(Some(self.reach.home())), "spec": self.spec(),
        }));
        objects
    }

    fn labels(&self) -> Value {
        let mut labels = json!({"app.kubernetes.io/name": self.name});
        for (key, value) in &self.labels {
            labels[*key] = json!(value);
        }
        labels
    }

    fn meta(&self, namespace: Option<&str>) -> Value {
        let mut meta = json!({"name": self.name, "labels": self.labels()});
        if let Some(namespace) = namespace {
            meta["namespace"] = json!(namespace);
        }
        meta
    }

    /// A Role where one namespace is looked at, otherwise a ClusterRole.
    fn rights(&self) -> [Value; 2] {
        let (role, binding, place) = match &self.reach {
            Reach::Namespace(namespace) => ("Role", "RoleBinding", Some(namespace.as_str())),
            Reach::Everywhere => ("ClusterRole", "ClusterRoleBinding", None),
        };
        let api = "rbac.authorization.k8s.io";
        let version = format!("{api}/v1");
        [
            json!({"apiVersion": version, "kind": role, "metadata": self.meta(place), "rules": self.rules}),
            json!({"apiVersion": version, "kind": binding, "metadata": self.meta(place),
                "roleRef": {"apiGroup": api, "kind": role, "name": self.name},
                "subjects": [{"kind": "ServiceAccount", "name": self.name, "namespace": self.reach.home()}]}),
        ]
    }

    fn spec(&self) -> Value {
        let mut spec = json!({
            "schedule": self.schedule,
            // Two at a time would look over each other's shoulders.
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": self.starting_deadline,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"metadata": {"labels": self.labels()}, "spec": {
                // What was not done is done by the next.
                "backoffLimit": 0,
                "activeDeadlineSeconds": self.deadline,
                "template": {"metadata": {"labels": self.labels()}, "spec": self.pod()},
            }},
        });
        if let Some(zone) = &self.zone {
            spec["timeZone"] = json!(zone.name());
        }
        spec
    }

    /// Its pods, as the restricted standard of pod security wants them.
    fn pod(&self) -> Value {
        let mut volumes = vec![json!({"name": "home", "emptyDir": {}})];
        let mut mounts = vec![json!({"name": "home", "mountPath": PERSON})];
        if let Some((claim, folder)) = &self.claim {
            volumes.push(json!({"name": "backups", "persistentVolumeClaim": {"claimName": claim}}));
            mounts.push(json!({"name": "backups", "mountPath": folder}));
        }
        let mut container = json!({
            "name": "v9s",
            "image": self.image,
            "command": ["v9s"],
            "args": self.words,
            // The audit log is there, and whose word it is.
            "env": [{"name": "HOME", "value": PERSON}, {"name": "USER", "value": self.name}],
            "volumeMounts": mounts,
            "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]}},
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": self.memory}},
        });
        if let Some(secret) = &self.credentials {
            container["envFrom"] = json!([{"secretRef": {"name": secret}}]);
        }
        json!({
            "serviceAccountName": self.name,
            "restartPolicy": "Never",
            "securityContext": {"runAsNonRoot": true, "runAsUser": NOBODY, "runAsGroup": NOBODY, "fsGroup": NOBODY,
                "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
            "volumes": volumes,
        })
    }
}

/// One rule of a role.
pub fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}
