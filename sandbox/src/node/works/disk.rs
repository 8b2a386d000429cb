//! Where the store of a nested control plane lives, and for how long.

use serde_json::Value;
use smol_str::SmolStr;

use crate::controllers::{Key, PERSISTENT_VOLUMES, VOLUME_CLAIMS};
use crate::store::Store;

/// What holds the data of a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Disk {
    /// The container itself: gone when it restarts.
    Container { uid: SmolStr, container: SmolStr, restarts: i64 },
    /// The pod: gone with it.
    Pod { uid: SmolStr, volume: SmolStr },
    /// A path of its node.
    Node { node: SmolStr, path: SmolStr },
    /// A claim to which nobody has given a volume that could outlive it.
    Claim { uid: SmolStr },
    /// A volume, by UID.
    Volume { uid: SmolStr },
}

/// The disk that a path of a container is on; of another container of the pod, where it has no such path itself: a store may
/// be a program of its own there.
pub(super) fn disk(store: &Store, pod: &Value, container: &Value, restarts: i64, path: &str) -> Disk {
    let text = |value: &Value| SmolStr::new(value.as_str().unwrap_or_default());
    let uid = text(&pod["metadata"]["uid"]);
    let own = || Disk::Container { uid: uid.clone(), container: text(&container["name"]), restarts };
    let beside = || containers(pod).find_map(|other| volume_at(pod, other, path));
    let Some(volume) = volume_at(pod, container, path).or_else(beside) else { return own() };
    if let Some(claim) = claim_of(pod, volume) {
        return claimed(store, &text(&pod["metadata"]["namespace"]), &claim).unwrap_or_else(own);
    }
    if let Some(path) = volume["hostPath"]["path"].as_str() {
        return Disk::Node { node: text(&pod["spec"]["nodeName"]), path: path.into() };
    }
    Disk::Pod { uid: uid.clone(), volume: text(&volume["name"]) }
}

/// All containers of a pod.
pub(super) fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let lists = [&pod["spec"]["initContainers"], &pod["spec"]["containers"]];
    lists.into_iter().filter_map(Value::as_array).flatten()
}

/// The volume of a pod that is mounted at a path of a container, or above it.
pub(super) fn volume_at<'p>(pod: &'p Value, container: &Value, path: &str) -> Option<&'p Value> {
    let covers = |mount: &&Value| {
        let at = mount["mountPath"].as_str().unwrap_or("/").trim_end_matches('/');
        path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mounts = container["volumeMounts"].as_array()?.iter().filter(covers);
    let mount = mounts.max_by_key(|mount| mount["mountPath"].as_str().map_or(0, str::len))?;
    pod["spec"]["volumes"].as_array()?.iter().find(|volume| volume["name"] == mount["name"])
}

/// Name of the claim behind a volume of a pod.
pub(super) fn claim_of(pod: &Value, volume: &Value) -> Option<String> {
    let named = volume["persistentVolumeClaim"]["claimName"].as_str().map(str::to_owned);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    named.or_else(|| {
        volume
            .get("ephemeral")
            .map(|_| format!("{}-{}", text(&pod["metadata"]["name"]), text(&volume["name"])))
    })
}

pub(super) fn claimed(store: &Store, namespace: &str, claim: &str) -> Option<Disk> {
    let key = Key::new(namespace, claim);
    let claim = store.find(&VOLUME_CLAIMS, key.namespace(), &key.name)?;
    let volume = claim.value()["spec"]["volumeName"].as_str().map(str::to_owned);
    let volume = volume.and_then(|name| store.find(&PERSISTENT_VOLUMES, None, &name));
    Some(match volume {
        Some(volume) => Disk::Volume { uid: volume.uid().into() },
        None => Disk::Claim { uid: claim.uid().into() },
    })
}

/// Whether a container mounts a claim.
pub(super) fn mounts(pod: &Value, container: &Value, claim: &str) -> bool {
    let named: Vec<&Value> = pod["spec"]["volumes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|volume| claim_of(pod, volume).as_deref() == Some(claim))
        .collect();
    let mut mounts = container["volumeMounts"].as_array().into_iter().flatten();
    mounts.any(|mount| named.iter().any(|volume| volume["name"] == mount["name"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::testing::host;
    use serde_json::{Value, json};

    #[test]
    fn data_lives_as_long_as_what_it_is_on() {
        let mut host = host();
        let spec = |mut spec: Value| {
            spec["accessModes"] = json!(["ReadWriteOnce"]);
            spec["resources"] = json!({"requests": {"storage": "1Gi"}});
            spec
        };
        let claim = json!({"metadata": {"name": "c"}, "spec": spec(json!({"storageClassName": "x"}))});
        let loose = host.create("pvc", claim.clone())["metadata"]["uid"].as_str().expect("a UID").to_owned();
        let volume = json!({"metadata": {"name": "v"}, "spec": {"storageClassName": "y", "hostPath": {"path": "/tmp/v"},
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}});
        let volume = host.create("pv", volume)["metadata"]["uid"].as_str().expect("a UID").to_owned();
        let bound = spec(json!({"storageClassName": "y", "volumeName": "v"}));
        host.create("pvc", json!({"metadata": {"name": "bound"}, "spec": bound}));
        host.settle();
        let pod = json!({"metadata": {"name": "p", "namespace": "default", "uid": "u"}, "spec": {"nodeName": "n1", "volumes": [
            {"name": "scratch", "emptyDir": {}},
            {"name": "loose", "persistentVolumeClaim": {"claimName": "c"}},
            {"name": "bound", "persistentVolumeClaim": {"claimName": "bound"}},
            {"name": "host", "hostPath": {"path": "/var/lib/x"}},
            {"name": "other", "emptyDir": {}},
        ]}});
        let own = Disk::Container { uid: "u".into(), container: "c".into(), restarts: 3 };
        let cases = [
            (json!([]), own.clone()),
            (json!([{"name": "other", "mountPath": "/database"}]), own.clone()),
            (json!([{"name": "ghost", "mountPath": "/data"}]), own),
            (
                json!([{"name": "scratch", "mountPath": "/data"}]),
                Disk::Pod { uid: "u".into(), volume: "scratch".into() },
            ),
            (
                json!([{"name": "scratch", "mountPath": "/data/"}]),
                Disk::Pod { uid: "u".into(), volume: "scratch".into() },
            ),
            (
                json!([{"name": "other", "mountPath": "/"}, {"name": "scratch", "mountPath": "/data"}]),
                Disk::Pod { uid: "u".into(), volume: "scratch".into() },
            ),
            (json!([{"name": "loose", "mountPath": "/data"}]), Disk::Claim { uid: loose.into() }),
            (json!([{"name": "bound", "mountPath": "/data"}]), Disk::Volume { uid: volume.into() }),
            (
                json!([{"name": "host", "mountPath": "/data"}]),
                Disk::Node { node: "n1".into(), path: "/var/lib/x".into() },
            ),
        ];
        for (mounts, expected) in cases {
            let container = json!({"name": "c", "volumeMounts": mounts});
            assert_eq!(disk(host.store(), &pod, &container, 3, "/data"), expected, "{mounts}");
        }
    }
}
