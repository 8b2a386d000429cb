//! The Jobs of a probe as objects of the host. Pure.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};
use smol_str::{SmolStr, format_smolstr};

use super::{Side, Wanted};
use crate::cluster::{ObjectRef, Resource};
use crate::target::Part;
use crate::wire::{PROBE_CONTROLLER, annotation, label};

/// Whom the pods run as: nobody that has anything on the node.
const USER: i64 = 65532;

/// What a pod is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// It is called.
    Listener,
    /// It calls from the other tenant.
    Caller,
    /// It calls from beside the listener.
    Control,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Listener => "listener",
            Role::Caller => "caller",
            Role::Control => "control",
        })
    }
}

/// One probe: what tells its objects from those of another.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// Part of the names of its objects, and the value of their label.
    pub(super) id: SmolStr,
    /// What only its listener says.
    pub(super) word: SmolStr,
}

impl Run {
    /// Another one.
    pub(super) fn new() -> Run {
        use rand::RngExt as _;
        let mut rng = rand::rng();
        Run {
            id: format_smolstr!("{:010x}", rng.random::<u64>() >> 24),
            word: format_smolstr!("{:016x}", rng.random::<u64>()),
        }
    }

    /// Which object the Job of a role is.
    pub(super) fn job(&self, side: &Side, role: Role) -> ObjectRef {
        let name = format_smolstr!("v9s-probe-{}-{role}", self.id);
        ObjectRef::namespaced(Resource::JOBS, side.target.namespace.clone(), name)
    }

    /// Selects all of its pods.
    pub(super) fn selector(&self) -> String {
        format!("{}={}", label::PROBE, self.id)
    }

    /// The Job of a role. `to` is whom it calls; `near` are namespaces with a pod on whose node it is to be.
    pub(super) fn body(
        &self,
        side: &Side,
        role: Role,
        wanted: &Wanted,
        to: Option<IpAddr>,
        near: &[&SmolStr],
    ) -> Value {
        let object = self.job(side, role);
        let mut body = json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": object.name,
                "namespace": object.namespace,
                "labels": {"app.kubernetes.io/managed-by": "v9s", label::PROBE: self.id},
            },
            "spec": {
                // It is tried once: another pod would have another address.
                "backoffLimit": 0,
                "activeDeadlineSeconds": deadline(wanted).as_secs(),
                "ttlSecondsAfterFinished": wanted.linger.as_secs(),
                "template": {
                    "metadata": {
                        "labels": {
                            "app.kubernetes.io/managed-by": "v9s",
                            label::PROBE: self.id,
                            label::PROBE_ROLE: role.to_string(),
                            // Policies select it as they select the tenant's pods.
                            label::MANAGED_BY: side.target.name,
                            // Syncers, and whoever collects what they left, leave it alone.
                            label::CONTROLLED_BY: PROBE_CONTROLLER,
                        },
                        "annotations": {annotation::SKIP_BACKSYNC: "true"},
                    },
                    "spec": self.pod(side, role, wanted, to, near),
                },
            },
        });
        if let Some(Part { kind, name, uid, .. }) = side.target.control_plane() {
            let owner =
                json!({"apiVersion": "apps/v1", "kind": kind.resource().kind, "name": name, "uid": uid});
            body["metadata"]["ownerReferences"] = json!([owner]);
        }
        body
    }

    fn pod(&self, side: &Side, role: Role, wanted: &Wanted, to: Option<IpAddr>, near: &[&SmolStr]) -> Value {
        let mut spec = json!({
            "restartPolicy": "Never",
            // A listener has nothing to finish.
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [self.container(side, role, wanted, to)],
        });
        if !near.is_empty() {
            let term = json!({
                "labelSelector": {"matchLabels": {label::PROBE: self.id, label::PROBE_ROLE: Role::Caller.to_string()}},
                "namespaces": near, "topologyKey": "kubernetes.io/hostname",
            });
            let preferred = json!([{"weight": 100, "podAffinityTerm": term}]);
            spec["affinity"] =
                json!({"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}});
        }
        side.placement.write(&mut spec);
        spec
    }

    fn container(&self, side: &Side, role: Role, wanted: &Wanted, to: Option<IpAddr>) -> Value {
        let (port, word) = (wanted.port, &self.word);
        let call = |to: IpAddr, seconds: u64| {
            vec![
                "probe".to_owned(),
                "call".to_owned(),
                format!("--to={to}"),
                format!("--port={port}"),
                format!("--word={word}"),
                format!("--seconds={seconds}"),
            ]
        };
        let mut container = json!({
            "name": "probe",
            "image": wanted.image.clone().unwrap_or_else(|| side.image()),
            "command": ["/v9s-syncer"],
            // What it has to say, or why it could not even begin.
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": {
                "requests": {"cpu": "10m", "memory": "16Mi", "ephemeral-storage": "1Mi"},
                "limits": {"cpu": "100m", "memory": "32Mi", "ephemeral-storage": "16Mi"},
            },
            "securityContext": {
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
        });
        match (role, to) {
            (Role::Listener, _) | (_, None) => {
                container["args"] =
                    json!(["probe", "listen", format!("--port={port}"), format!("--word={word}")]);
                // From within: no policy is between a pod and itself.
                let itself = [vec!["/v9s-syncer".to_owned()], call(IpAddr::from([127, 0, 0, 1]), 1)].concat();
                container["readinessProbe"] =
                    json!({"exec": {"command": itself}, "periodSeconds": 1, "timeoutSeconds": 3});
            }
            (Role::Caller | Role::Control, Some(to)) => {
                let mut args = call(to, wanted.timeout.as_secs().max(1));
                args.push("--tell=/dev/termination-log".to_owned());
                container["args"] = json!(args);
            }
        }
        if let (None, Some((_, policy))) = (&wanted.image, &side.companion)
            && !policy.is_null()
        {
            container["imagePullPolicy"] = policy.clone();
        }
        container
    }
}

/// When a Job is given up by the host: after all that can be waited for.
fn deadline(wanted: &Wanted) -> Duration {
    wanted.start * 2 + wanted.timeout + Duration::from_secs(5)
}
