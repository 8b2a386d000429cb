//! A CronJob that collects leftovers, with an account that may do no more than that takes.

use std::collections::BTreeMap;

use anyhow::bail;
use serde_json::{Value, json};
use smol_str::SmolStr;

use super::GcArgs;

/// Its name, and that of its account.
const NAME: &str = "v9s-gc";
/// Where it runs when its scope is everything.
const HOME: &str = "v9s";

/// Kinds that syncers put on a host, by group. What else there is has to be named.
const KINDS: [(&str, &str, bool); 13] = [
    ("", "pods", true),
    ("", "services", true),
    ("", "configmaps", true),
    ("", "secrets", true),
    ("", "serviceaccounts", true),
    ("networking.k8s.io", "ingresses", true),
    ("networking.k8s.io", "networkpolicies", true),
    ("policy", "poddisruptionbudgets", true),
    ("discovery.k8s.io", "endpointslices", true),
    ("", "persistentvolumeclaims", true),
    ("", "persistentvolumes", false),
    ("scheduling.k8s.io", "priorityclasses", false),
    ("storage.k8s.io", "storageclasses", false),
];

/// The objects, YAML.
pub(super) fn manifest(args: &GcArgs, namespaces: &[SmolStr]) -> anyhow::Result<String> {
    let image = args.image.as_deref().unwrap_or_default();
    if image.trim().is_empty() {
        bail!("--image is empty");
    }
    let only = match namespaces {
        [] => None,
        [one] => Some(one.as_str()),
        _ => bail!("name one namespace, or -A"),
    };
    let kinds = kinds(args, only.is_none())?;
    let home = only.unwrap_or(HOME);
    let mut objects = Vec::new();
    if only.is_none() {
        objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": home}}));
    }
    objects.push(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta(Some(home))}));
    objects.extend(rights(&kinds, only, home));
    objects.push(job(args, &kinds, only, home, image));
    let texts: Result<Vec<String>, _> = objects.iter().map(serde_saphyr::to_string).collect();
    Ok(texts?.join("---\n"))
}

fn kinds(args: &GcArgs, everywhere: bool) -> anyhow::Result<Vec<(&'static str, &'static str)>> {
    let wanted = v9s::gc::Kinds::named(&args.kinds);
    let is_wanted = |group: &str, plural: &str| {
        let name = |named: &SmolStr| named == plural || *named == format!("{plural}.{group}");
        match wanted.is_named() {
            true => wanted.names().iter().any(name),
            // They go only when they are named.
            false => !plural.starts_with("persistentvolume"),
        }
    };
    let found: Vec<(&str, &str)> = KINDS
        .into_iter()
        .filter(|(group, plural, namespaced)| (*namespaced || everywhere) && is_wanted(group, plural))
        .map(|(group, plural, _)| (group, plural))
        .collect();
    if found.is_empty() {
        bail!("none of these kinds is one that a CronJob is printed for; write its rights by hand");
    }
    Ok(found)
}

fn meta(namespace: Option<&str>) -> Value {
    let mut meta = json!({"name": NAME, "labels": {"app.kubernetes.io/name": NAME}});
    if let Some(namespace) = namespace {
        meta["namespace"] = json!(namespace);
    }
    meta
}

/// A Role where one namespace is looked at, otherwise a ClusterRole.
fn rights(kinds: &[(&str, &str)], only: Option<&str>, home: &str) -> [Value; 2] {
    let (role, binding) = match only {
        Some(_) => ("Role", "RoleBinding"),
        None => ("ClusterRole", "ClusterRoleBinding"),
    };
    let place = only.map(|_| home);
    let api = "rbac.authorization.k8s.io";
    [
        json!({"apiVersion": format!("{api}/v1"), "kind": role, "metadata": meta(place), "rules": rules(kinds, only.is_none())}),
        json!({"apiVersion": format!("{api}/v1"), "kind": binding, "metadata": meta(place),
            "roleRef": {"apiGroup": api, "kind": role, "name": NAME},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": home}]}),
    ]
}

fn rules(kinds: &[(&str, &str)], everywhere: bool) -> Vec<Value> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (group, plural) in kinds {
        groups.entry(group).or_default().push(plural);
    }
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
    // What is collected.
    let mut rules: Vec<Value> =
        groups.iter().map(|(group, plurals)| rule(group, plurals, &["get", "list", "delete"])).collect();
    // Which virtual clusters there are.
    rules.push(rule("apps", &["statefulsets", "deployments"], &["get", "list"]));
    rules.push(rule("", &["services", "secrets"], &["get", "list"]));
    // The way in: their credentials, and a tunnel.
    rules.push(rule("networking.k8s.io", &["ingresses"], &["get"]));
    rules.push(rule("", &["pods"], &["get", "list", "watch"]));
    rules.push(rule("", &["pods/portforward"], &["get", "create"]));
    if everywhere {
        rules.push(rule("", &["namespaces", "nodes"], &["get", "list"]));
    }
    rules
}

fn job(args: &GcArgs, kinds: &[(&str, &str)], only: Option<&str>, home: &str, image: &str) -> Value {
    let plurals: Vec<&str> = kinds.iter().map(|(_, plural)| *plural).collect();
    let mut words = vec!["gc".to_owned()];
    words.extend(args.name.as_ref().map(ToString::to_string));
    words.extend(match only {
        Some(namespace) => vec!["-n".to_owned(), namespace.to_owned()],
        None => vec!["-A".to_owned()],
    });
    words.extend(["--yes".to_owned(), "--older-than".to_owned(), format!("{}s", args.older_than.as_secs())]);
    words.extend(["--kinds".to_owned(), plurals.join(","), "-o".to_owned(), "json".to_owned()]);
    if args.allow_mass {
        words.push("--allow-mass".to_owned());
    }
    if let Some(grace) = args.grace {
        words.extend(["--grace".to_owned(), grace.to_string()]);
    }
    json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta(Some(home)), "spec": {
        "schedule": args.schedule,
        // Two at a time would look over each other's shoulders.
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 300,
        "jobTemplate": {"spec": {
            // What was not collected is looked at anew by the next.
            "backoffLimit": 0,
            "activeDeadlineSeconds": 1800,
            "template": {"metadata": {"labels": {"app.kubernetes.io/name": NAME}}, "spec": {
                "serviceAccountName": NAME,
                "restartPolicy": "Never",
                "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
                    "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{
                    "name": "v9s",
                    "image": image,
                    "command": ["v9s"],
                    "args": words,
                    // For the audit log.
                    "env": [{"name": "HOME", "value": "/home/v9s"}],
                    "volumeMounts": [{"name": "home", "mountPath": "/home/v9s"}],
                    "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                        "capabilities": {"drop": ["ALL"]}},
                    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
                }],
                "volumes": [{"name": "home", "emptyDir": {}}],
            }},
        }},
    }})
}
