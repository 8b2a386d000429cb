//! Derives the roles that every cluster has from a Kubernetes source tree.
//!
//! `derive_policy <kubernetes>` reads what the RBAC bootstrap policy is held to by its own tests and writes
//! `sandbox/kinds/policy.jsonl`: the roles that people bind to, what they are put together from, and what
//! everybody may do. Roles of the control plane's own programs are left out.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

const FOLDER: &str = "plugin/pkg/auth/authorizer/rbac/bootstrappolicy/testdata";
/// The names that are taken, and beginnings of names.
const NAMES: [&str; 9] = [
    "admin",
    "cluster-admin",
    "edit",
    "view",
    "system:basic-user",
    "system:discovery",
    "system:monitoring",
    "system:public-info-viewer",
    "system:service-account-issuer-discovery",
];
const BEGINNING: &str = "system:aggregate-to-";

fn main() -> Result<()> {
    let Some(source) = env::args_os().nth(1).map(PathBuf::from) else {
        bail!("usage: derive_policy <kubernetes source>");
    };
    let mut lines = String::new();
    for (file, plural) in
        [("cluster-roles.yaml", "clusterroles"), ("cluster-role-bindings.yaml", "clusterrolebindings")]
    {
        let path = source.join(FOLDER).join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let list: Value = serde_saphyr::from_str(&text)?;
        let mut objects: Vec<Value> = list["items"].as_array().cloned().unwrap_or_default();
        if plural == "clusterroles" {
            aggregate(&mut objects);
        }
        for object in objects {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            if NAMES.contains(&name) || name.starts_with(BEGINNING) {
                lines += &format!("{plural}\t{}\n", stored(object.clone()));
            }
        }
    }
    fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("kinds/policy.jsonl"), lines)?;
    Ok(())
}

/// Roles that gather the rules of others get them, as the controller for it does: those of all roles with the label,
/// in the order of their names, each rule once. A role that is gathered may itself gather.
fn aggregate(roles: &mut [Value]) {
    roles.sort_by_key(|role| role["metadata"]["name"].as_str().unwrap_or_default().to_owned());
    for _ in 0..roles.len() {
        let before = roles.to_vec();
        for role in roles.iter_mut() {
            let selectors = role["aggregationRule"]["clusterRoleSelectors"].as_array().cloned();
            let mut rules: Vec<Value> = Vec::new();
            for selector in selectors.iter().flatten() {
                let wanted = selector["matchLabels"].as_object().cloned().unwrap_or_default();
                let labelled = |other: &&Value| {
                    wanted.iter().all(|(key, value)| other["metadata"]["labels"].get(key) == Some(value))
                };
                for other in before.iter().filter(labelled) {
                    for rule in other["rules"].as_array().into_iter().flatten() {
                        if !rules.contains(rule) {
                            rules.push(rule.clone());
                        }
                    }
                }
            }
            if selectors.is_some() {
                role["rules"] = Value::Array(rules);
            }
        }
        if before == roles {
            break;
        }
    }
}

/// Without what the server says itself.
fn stored(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("apiVersion");
        fields.remove("kind");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("creationTimestamp");
    }
    if object["rules"].is_null() && object.get("rules").is_some() {
        object["rules"] = json!([]);
    }
    object
}
