//! What every pod gets: a service account with its token, tolerations for lost nodes, a priority.

use serde_json::{Value, json};

use crate::controllers::{PODS, SERVICE_ACCOUNTS};
use crate::status::Status;
use crate::store::{Gr, Review, Store};

const PRIORITY_CLASSES: Gr = Gr::new_static("scheduling.k8s.io", "priorityclasses");
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const MIRROR: &str = "kubernetes.io~1config.mirror";

pub(super) fn admit(
    store: &Store,
    review: &Review<'_>,
    pod: &mut Value,
    accounts: bool,
) -> Result<(), Status> {
    if pod.pointer(&format!("/metadata/annotations/{MIRROR}")).is_some() {
        return Ok(());
    }
    if accounts {
        account(store, review, pod)?;
    }
    tolerate(pod);
    prioritize(store, review, pod)
}

/// The account, its token and its pull secrets.
fn account(store: &Store, review: &Review<'_>, pod: &mut Value) -> Result<(), Status> {
    let name = match pod["spec"]["serviceAccountName"].as_str() {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => "default".to_owned(),
    };
    pod["spec"]["serviceAccountName"] = json!(name);
    pod["spec"]["serviceAccount"] = json!(name);
    let Some(account) = store.find(&SERVICE_ACCOUNTS, Some(review.namespace), &name) else {
        let why = format!(
            "error looking up service account {}/{name}: serviceaccount {name:?} not found",
            review.namespace
        );
        return Err(Status::forbidden(&PODS, review.name, why));
    };
    let account = account.value();
    let mounts = pod["spec"]["automountServiceAccountToken"].as_bool();
    if mounts.or_else(|| account["automountServiceAccountToken"].as_bool()).unwrap_or(true) {
        mount_token(store, &mut pod["spec"]);
    }
    let has_secrets = pod["spec"]["imagePullSecrets"].as_array().is_some_and(|secrets| !secrets.is_empty());
    if let Some(secrets) =
        account["imagePullSecrets"].as_array().filter(|secrets| !secrets.is_empty() && !has_secrets)
    {
        pod["spec"]["imagePullSecrets"] = json!(secrets);
    }
    Ok(())
}

/// Mounts the token of the account into every container that has nothing at its path.
fn mount_token(store: &Store, spec: &mut Value) {
    let volumes = spec["volumes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let present = volumes.iter().filter_map(|volume| volume["name"].as_str());
    let present = present.into_iter().find(|name| name.starts_with("kube-api-access-")).map(str::to_owned);
    let name = present.clone().unwrap_or_else(|| format!("kube-api-access-{}", store.chance().suffix(5)));
    let mount = json!({"name": name, "readOnly": true, "mountPath": TOKEN_PATH});
    let mut needed = false;
    for list in ["initContainers", "containers"] {
        for container in spec[list].as_array_mut().into_iter().flatten() {
            let mut mounts = container["volumeMounts"].as_array().cloned().unwrap_or_default();
            if !mounts.iter().any(|mount| mount["mountPath"] == TOKEN_PATH) {
                mounts.push(mount.clone());
                container["volumeMounts"] = Value::Array(mounts);
                needed = true;
            }
        }
    }
    if needed && present.is_none() {
        let volume = json!({"name": name, "projected": {"defaultMode": 420, "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace",
                "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
        ]}});
        match spec["volumes"].as_array_mut() {
            Some(volumes) => volumes.push(volume),
            None => spec["volumes"] = json!([volume]),
        }
    }
}

/// Five minutes on a node that is not heard of, unless the pod says something about that itself.
fn tolerate(pod: &mut Value) {
    let mut all = pod["spec"]["tolerations"].as_array().cloned().unwrap_or_default();
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let says = |toleration: &Value| {
            let text = |key: &str| toleration[key].as_str().unwrap_or_default();
            (text("key") == key || text("key").is_empty()) && matches!(text("effect"), "NoExecute" | "")
        };
        if !all.iter().any(says) {
            all.push(
                json!({"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300}),
            );
        }
    }
    pod["spec"]["tolerations"] = Value::Array(all);
}

fn prioritize(store: &Store, review: &Review<'_>, pod: &mut Value) -> Result<(), Status> {
    let name = pod["spec"]["priorityClassName"].as_str().unwrap_or_default().to_owned();
    let (value, policy) = match name.as_str() {
        "" => (0, Value::Null),
        "system-cluster-critical" => (2_000_000_000, Value::Null),
        "system-node-critical" => (2_000_001_000, Value::Null),
        _ => match store.find(&PRIORITY_CLASSES, None, &name) {
            Some(class) => {
                let class = class.value();
                (class["value"].as_i64().unwrap_or(0), class["preemptionPolicy"].clone())
            }
            None => {
                let why = format!("no PriorityClass with name {name} was found");
                return Err(Status::forbidden(&PODS, review.name, why));
            }
        },
    };
    pod["spec"]["priority"] = json!(value);
    pod["spec"]["preemptionPolicy"] = json!(policy.as_str().unwrap_or("PreemptLowerPriority"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::testing::host;

    fn pod(spec: Value) -> Value {
        let mut pod = json!({"metadata": {"name": "p"}, "spec": spec});
        pod["spec"]["containers"] = json!([{"name": "c", "image": "i:1"}]);
        pod
    }

    #[test]
    fn every_pod_gets_an_account_with_a_token() {
        let mut host = host();
        let pod = host.create("pods", pod(json!({})));
        assert_eq!(pod["spec"]["serviceAccountName"], "default");
        let volume = &pod["spec"]["volumes"][0];
        assert!(volume["name"].as_str().expect("a name").starts_with("kube-api-access-"));
        assert_eq!(volume["projected"]["sources"][0]["serviceAccountToken"]["expirationSeconds"], 3607);
        assert_eq!(pod["spec"]["containers"][0]["volumeMounts"][0]["mountPath"], TOKEN_PATH);
        assert_eq!(pod["spec"]["tolerations"].as_array().map(Vec::len), Some(2));
        assert_eq!(
            (&pod["spec"]["priority"], &pod["spec"]["preemptionPolicy"]),
            (&json!(0), &json!("PreemptLowerPriority"))
        );
    }

    #[test]
    fn what_a_pod_says_itself_stays() {
        let mut host = host();
        let pod = host.create(
            "pods",
            pod(json!({"automountServiceAccountToken": false,
            "tolerations": [{"operator": "Exists"}]})),
        );
        assert!(pod["spec"].get("volumes").is_none());
        assert_eq!(pod["spec"]["tolerations"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn an_account_or_class_that_does_not_exist_is_refused() {
        let mut host = host();
        let cases = [
            (
                json!({"serviceAccountName": "ghost"}),
                "pods \"p\" is forbidden: error looking up service account default/ghost: serviceaccount \"ghost\" not found",
            ),
            (
                json!({"priorityClassName": "ghost"}),
                "pods \"p\" is forbidden: no PriorityClass with name ghost was found",
            ),
        ];
        for (spec, expected) in cases {
            let refusal = host.try_create_in("default", "pods", pod(spec)).expect_err("refused");
            assert_eq!((refusal.code, refusal.message.as_str()), (403, expected));
        }
    }

    #[test]
    fn a_priority_class_gives_its_value() {
        let mut host = host();
        host.create(
            "priorityclasses",
            json!({"metadata": {"name": "high"}, "value": 7, "preemptionPolicy": "Never"}),
        );
        let pod = host.create("pods", pod(json!({"priorityClassName": "high"})));
        assert_eq!(
            (&pod["spec"]["priority"], &pod["spec"]["preemptionPolicy"]),
            (&json!(7), &json!("Never"))
        );
    }
}
