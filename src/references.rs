//! What a pod's spec refers to by name: the one list for the way to the host and for the way back. Pure.

use serde_json::Value;

/// All lists of containers.
pub const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// A kind that pods refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Referred {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
    /// A PersistentVolumeClaim.
    Claim,
    /// Endpoints.
    Endpoints,
}

impl Referred {
    /// Its name in the registry.
    pub fn kind(self) -> &'static str {
        match self {
            Referred::ConfigMap => "configmaps",
            Referred::Secret => "secrets",
            Referred::Claim => "persistentvolumeclaims",
            Referred::Endpoints => "endpoints",
        }
    }
}

/// Where volumes name something of the pod's namespace.
const IN_VOLUMES: [(Referred, &str); 13] = [
    (Referred::ConfigMap, "/configMap/name"),
    (Referred::Secret, "/secret/secretName"),
    (Referred::Claim, "/persistentVolumeClaim/claimName"),
    (Referred::Secret, "/iscsi/secretRef/name"),
    (Referred::Secret, "/rbd/secretRef/name"),
    (Referred::Secret, "/flexVolume/secretRef/name"),
    (Referred::Secret, "/cinder/secretRef/name"),
    (Referred::Secret, "/cephfs/secretRef/name"),
    (Referred::Secret, "/azureFile/secretName"),
    (Referred::Secret, "/scaleIO/secretRef/name"),
    (Referred::Secret, "/storageos/secretRef/name"),
    (Referred::Secret, "/csi/nodePublishSecretRef/name"),
    (Referred::Endpoints, "/glusterfs/endpoints"),
];

/// Shows every name in a spec, in place.
pub fn each(spec: &mut Value, visit: &mut dyn FnMut(Referred, &mut Value)) {
    for list in CONTAINERS {
        for container in items_mut(spec, list) {
            each_of_container(container, visit);
        }
    }
    for secret in items_mut(spec, "imagePullSecrets") {
        named(secret, "/name", Referred::Secret, visit);
    }
    for volume in items_mut(spec, "volumes") {
        for (kind, path) in IN_VOLUMES {
            named(volume, path, kind, visit);
        }
        for source in volume.get_mut("projected").map(|p| items_mut(p, "sources")).into_iter().flatten() {
            named(source, "/configMap/name", Referred::ConfigMap, visit);
            named(source, "/secret/name", Referred::Secret, visit);
        }
    }
}

/// Shows every name in a container, in place.
pub fn each_of_container(container: &mut Value, visit: &mut dyn FnMut(Referred, &mut Value)) {
    for variable in items_mut(container, "env") {
        named(variable, "/valueFrom/configMapKeyRef/name", Referred::ConfigMap, visit);
        named(variable, "/valueFrom/secretKeyRef/name", Referred::Secret, visit);
    }
    for source in items_mut(container, "envFrom") {
        named(source, "/configMapRef/name", Referred::ConfigMap, visit);
        named(source, "/secretRef/name", Referred::Secret, visit);
    }
}

/// The claim of a generic ephemeral volume: the virtual cluster's controller makes it.
pub fn ephemeral_claim(pod: &str, volume: &str) -> String {
    format!("{pod}-{volume}")
}

/// Names of the claims of generic ephemeral volumes.
pub fn ephemeral_claims(spec: &Value, pod: &str) -> Vec<String> {
    let volumes = spec["volumes"].as_array().into_iter().flatten();
    volumes
        .filter(|volume| volume.get("ephemeral").is_some_and(|source| !source.is_null()))
        .map(|volume| ephemeral_claim(pod, volume["name"].as_str().unwrap_or_default()))
        .collect()
}

fn named(of: &mut Value, path: &str, kind: Referred, visit: &mut dyn FnMut(Referred, &mut Value)) {
    if let Some(name) = of.pointer_mut(path).filter(|name| name.as_str().is_some_and(|name| !name.is_empty()))
    {
        visit(kind, name);
    }
}

/// The items of a list, none when there is no such list.
pub fn items_mut<'a>(of: &'a mut Value, list: &str) -> impl Iterator<Item = &'a mut Value> + use<'a> {
    of.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten()
}

/// The items of a list, none when there is no such list.
pub fn items<'a>(of: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    of.get(list).and_then(Value::as_array).into_iter().flatten()
}

/// The texts of a list.
pub fn texts<'a>(of: &'a Value, list: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    items(of, list).filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_place_that_names_something_is_found() {
        let mut spec = json!({
            "imagePullSecrets": [{"name": "pull"}, {}],
            "initContainers": [{"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "init", "key": "k"}}}]}],
            "ephemeralContainers": [{"envFrom": [{"secretRef": {"name": "debug"}}]}],
            "containers": [{
                "env": [{"name": "B", "valueFrom": {"configMapKeyRef": {"name": "env", "key": "k"}}}, {"name": "C", "value": "x"}],
                "envFrom": [{"configMapRef": {"name": "from"}}],
            }],
            "volumes": [
                {"configMap": {"name": "files"}}, {"secret": {"secretName": "keys"}},
                {"persistentVolumeClaim": {"claimName": "data"}},
                {"projected": {"sources": [{"configMap": {"name": "p1"}}, {"secret": {"name": "p2"}}]}},
                {"iscsi": {"secretRef": {"name": "s1"}}}, {"rbd": {"secretRef": {"name": "s2"}}},
                {"flexVolume": {"secretRef": {"name": "s3"}}}, {"cinder": {"secretRef": {"name": "s4"}}},
                {"cephfs": {"secretRef": {"name": "s5"}}}, {"azureFile": {"secretName": "s6"}},
                {"scaleIO": {"secretRef": {"name": "s7"}}}, {"storageos": {"secretRef": {"name": "s8"}}},
                {"csi": {"nodePublishSecretRef": {"name": "s9"}}}, {"glusterfs": {"endpoints": "gluster"}},
                {"emptyDir": {}}, {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}},
            ],
        });
        let mut found: Vec<(Referred, String)> = Vec::new();
        each(&mut spec, &mut |kind, name| found.push((kind, name.as_str().unwrap_or_default().into())));
        found.sort();
        let of = |wanted| {
            found
                .iter()
                .filter(|(kind, _)| *kind == wanted)
                .map(|(_, name)| name.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!(of(Referred::ConfigMap), ["env", "files", "from", "p1"]);
        assert_eq!(
            of(Referred::Secret),
            ["debug", "init", "keys", "p2", "pull", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"]
        );
        assert_eq!((of(Referred::Claim), of(Referred::Endpoints)), (vec!["data"], vec!["gluster"]));
        assert_eq!(ephemeral_claims(&spec, "web-0"), ["web-0-scratch"]);
    }
}
