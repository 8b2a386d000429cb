//! Where the store of a virtual cluster lies: which pods keep it, on which claims, and where these are mounted.

use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};

use crate::lifecycle::Refusal;
use crate::store::keeper::Kept;
use crate::target::{Kind, Part, Target};
use crate::wire::{App, SYNCER_CONTAINER};

/// File that kine keeps everything in.
const FILE: &str = "state.db";

/// Where a store lies.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub(super) kept: Kept,
    /// Whose pods keep it.
    pub(super) part: Part,
    /// The pods, each with its claim, in order.
    pub(super) members: Vec<Member>,
    /// Name of the volume in the template.
    pub(super) volume: SmolStr,
    /// Where it is mounted.
    pub(super) mount: String,
    /// What a claim is made of when it is missing.
    pub(super) claim_template: Value,
    /// The workload as the host has it.
    pub(super) workload: Value,
}

/// One pod of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) pod: SmolStr,
    pub(super) claim: SmolStr,
}

/// The workload that keeps the store: that of a deployed etcd, else the control plane.
pub(super) fn keeps(target: &Target) -> Option<&Part> {
    target.parts.iter().find(|part| part.app == App::Etcd).or_else(|| target.control_plane())
}

/// Where the store lies, or why v9s cannot put another in its place. `replicas` is how many pods it has when it runs.
pub(super) fn place(part: &Part, replicas: u32, workload: Value) -> Result<Place, Refusal> {
    let elsewhere = |why: String| Refusal::Elsewhere { why, instead: Vec::new() };
    let object = part.object();
    if part.kind != Kind::StatefulSet {
        return Err(elsewhere(format!("its store is not on a volume of its own: {object} makes no claims")));
    }
    let spec = &workload["spec"];
    let kept = match part.app {
        App::Etcd => Kept::Etcd,
        _ => Kept::Sqlite,
    };
    let name = kept.container();
    let Some(container) = named(&spec["template"]["spec"]["containers"], name) else {
        let why = format!(
            "{object} has no container {name}: its store is run by somebody else, or in a way that v9s does not know"
        );
        return Err(elsewhere(why));
    };
    let folder = match kept {
        Kept::Sqlite => words(container)
            .find_map(|word| word.strip_prefix("--endpoint=sqlite://"))
            .and_then(|endpoint| endpoint.split('?').next()?.strip_suffix(&format!("/{FILE}"))),
        Kept::Etcd => words(container).find_map(|word| word.strip_prefix("--data-dir=")),
    };
    let Some(folder) = folder else {
        return Err(elsewhere(format!(
            "it is not known where the container {name} of {object} keeps its data"
        )));
    };
    let mounted = list(&container["volumeMounts"]).find(|mount| {
        mount["mountPath"].as_str() == Some(folder) && mount["subPath"].as_str().is_none_or(str::is_empty)
    });
    let claims = |mount: &Value| named(&spec["volumeClaimTemplates"], mount["name"].as_str()?).cloned();
    let Some((mount, claim_template)) = mounted.and_then(|mount| Some((mount, claims(mount)?))) else {
        return Err(elsewhere(format!(
            "its store is on no volume: {folder} of {object} goes with its pod, and what is put there would, too"
        )));
    };
    let volume = SmolStr::new(mount["name"].as_str().unwrap_or_default());
    let members = (0..replicas)
        .map(|ordinal| {
            let pod = format_smolstr!("{}-{ordinal}", part.name);
            Member { claim: format_smolstr!("{volume}-{pod}"), pod }
        })
        .collect();
    let mount = folder.to_owned();
    Ok(Place { kept, part: part.clone(), members, volume, mount, claim_template, workload })
}

/// The image of the companion, which is the keeper's, too.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Image {
    pub(super) name: String,
    pub(super) policy: Value,
    pub(super) pull_secrets: Value,
}

/// The image by which the control plane runs its companion.
pub(super) fn image(control_plane: &Value) -> Option<Image> {
    let spec = &control_plane["spec"]["template"]["spec"];
    let companion = named(&spec["containers"], SYNCER_CONTAINER)?;
    Some(Image {
        name: companion["image"].as_str()?.to_owned(),
        policy: companion["imagePullPolicy"].clone(),
        pull_secrets: spec["imagePullSecrets"].clone(),
    })
}

/// Container of this name in a list of them; also other things that have one, in themselves or in their metadata.
pub(super) fn named<'a>(all: &'a Value, name: &str) -> Option<&'a Value> {
    list(all).find(|one| [&one["name"], &one["metadata"]["name"]].iter().any(|it| it.as_str() == Some(name)))
}

/// What is on a container's command line.
pub(super) fn words(container: &Value) -> impl Iterator<Item = &str> {
    [&container["command"], &container["args"]].into_iter().flat_map(list).filter_map(Value::as_str)
}

fn list(all: &Value) -> impl Iterator<Item = &Value> {
    all.as_array().into_iter().flatten()
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::lifecycle::tests::{etcd, plane};

    /// A control plane over SQLite as the host has it.
    pub(in crate::lifecycle::restore) fn sqlite() -> Value {
        json!({
            "metadata": {"name": "shop", "namespace": "team", "uid": "u"},
            "spec": {
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "5Gi"}}}}],
                "template": {"spec": {
                    "nodeSelector": {"pool": "tenants"},
                    "securityContext": {"runAsUser": 65532, "fsGroup": 65532},
                    "containers": [
                        {"name": "syncer", "image": "registry:5000/v9s-syncer:1", "imagePullPolicy": "Always"},
                        {"name": "kine", "image": "kine:1",
                         "args": ["--endpoint=sqlite:///data/state.db?_journal=WAL", "--listen-address=127.0.0.1:2379"],
                         "resources": {"requests": {"cpu": "20m"}},
                         "securityContext": {"allowPrivilegeEscalation": false},
                         "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"}]},
                    ],
                }},
            },
        })
    }

    /// A deployed etcd of three members as the host has it.
    pub(in crate::lifecycle::restore) fn three() -> Value {
        let domain = "shop-etcd-headless.team";
        json!({
            "metadata": {"name": "shop-etcd", "namespace": "team", "uid": "u"},
            "spec": {
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}],
                "template": {"spec": {"containers": [{
                    "name": "etcd", "image": "etcd:3",
                    "command": [
                        "etcd", "--name=$(NAME)", "--data-dir=/var/lib/etcd",
                        format!("--initial-cluster=shop-etcd-0=https://shop-etcd-0.{domain}:2380,shop-etcd-1=https://shop-etcd-1.{domain}:2380"),
                        "--initial-cluster-token=shop.team",
                        format!("--initial-advertise-peer-urls=https://$(NAME).{domain}:2380"),
                    ],
                    "volumeMounts": [{"name": "data", "mountPath": "/var/lib/etcd"}],
                }]}},
            },
        })
    }

    #[test]
    fn a_store_lies_where_its_program_is_told_to_keep_it() {
        let found = place(&plane(1), 1, sqlite()).unwrap();
        assert_eq!(
            (found.kept, found.mount.as_str(), found.volume.as_str()),
            (Kept::Sqlite, "/data", "data")
        );
        assert_eq!(found.members, [Member { pod: "shop-0".into(), claim: "data-shop-0".into() }]);
        let found = place(&etcd(), 3, three()).unwrap();
        let claims: Vec<&str> = found.members.iter().map(|member| member.claim.as_str()).collect();
        assert_eq!((found.kept, found.mount.as_str()), (Kept::Etcd, "/var/lib/etcd"));
        assert_eq!(claims, ["data-shop-etcd-0", "data-shop-etcd-1", "data-shop-etcd-2"]);
    }

    #[test]
    fn what_lies_elsewhere_is_refused_with_where() {
        let with = |path: &str, value: Value| {
            let mut changed = sqlite();
            *changed.pointer_mut(path).unwrap() = value;
            changed
        };
        let endpoint = "/spec/template/spec/containers/1/args/0";
        for (workload, says) in [
            (with(endpoint, json!("--endpoint=postgres://x")), "not known where"),
            (with("/spec/template/spec/containers/1/name", json!("other")), "no container kine"),
            (with("/spec/volumeClaimTemplates", json!([])), "on no volume"),
            (with(endpoint, json!("--endpoint=sqlite:///elsewhere/state.db")), "on no volume"),
        ] {
            let refusal = place(&plane(1), 1, workload).unwrap_err().to_string();
            assert!(refusal.contains(says), "{refusal}");
        }
        let deployment = Part { kind: Kind::Deployment, ..plane(1) };
        assert!(place(&deployment, 1, sqlite()).unwrap_err().to_string().contains("makes no claims"));
    }

    #[test]
    fn the_keeper_comes_from_the_companions_image() {
        let found = image(&sqlite()).unwrap();
        assert_eq!((found.name.as_str(), &found.policy), ("registry:5000/v9s-syncer:1", &json!("Always")));
        assert_eq!(image(&three()), None);
    }
}
