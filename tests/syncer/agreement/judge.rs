//! Whether both sides agree, judged without the syncer's own code: by names, marks and contents.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::deeds::{Kind, NAMESPACES};
use crate::pair::{Pair, get};

const MARKER: &str = "vcluster.loft.sh/managed-by";
const NAMESPACE: &str = "vcluster.loft.sh/namespace";

/// Judges every kind.
pub async fn agreement(pair: &Pair) -> Result<()> {
    let used = used_by_pods(pair).await?;
    let report = pair.engine().report();
    for kind in Kind::ALL {
        let inside = inside(pair, kind).await?;
        if kind == Kind::Pod {
            let seen = report.objects.iter().find(|(name, _)| name == "pods").map(|(_, counts)| counts[0]);
            ensure!(
                seen == Some(inside.len()),
                "{} pods inside, and {seen:?} are believed to be",
                inside.len()
            );
        }
        let wanted: BTreeSet<&(String, String)> = inside
            .iter()
            .filter(|(name, object)| is_wanted(kind, name, object, &used))
            .map(|(name, _)| name)
            .collect();
        let outside = outside(pair, kind).await?;
        let found: BTreeSet<&(String, String)> = outside.keys().collect();
        ensure!(
            wanted == found,
            "{kind:?}: inside {wanted:?}, on the host {found:?}; {:?}",
            pair.engine().pending()
        );
        for name in wanted {
            judge(pair, kind, name, &inside[name], &outside[name])?;
        }
    }
    Ok(())
}

fn judge(pair: &Pair, kind: Kind, name: &(String, String), v: &Value, h: &Value) -> Result<()> {
    let same = |what: &str, mine: Value, theirs: Value| {
        ensure!(
            mine == theirs,
            "{kind:?} {name:?}: {what} is {mine} inside and {theirs} on the host; {:?}",
            pair.engine().pending()
        );
        Ok(())
    };
    same(
        "its UID",
        v["metadata"]["uid"].clone(),
        h["metadata"]["annotations"]["vcluster.loft.sh/object-uid"].clone(),
    )?;
    same("its name", json!(pair.host_name(&name.0, &name.1)), h["metadata"]["name"].clone())?;
    same("its label", v["metadata"]["labels"]["color"].clone(), h["metadata"]["labels"]["color"].clone())?;
    match kind {
        Kind::ConfigMap | Kind::Secret => same("its data", v["data"].clone(), h["data"].clone()),
        Kind::Service => {
            same("its address", v["spec"]["clusterIP"].clone(), h["spec"]["clusterIP"].clone())?;
            same("its port", v["spec"]["ports"][0]["port"].clone(), h["spec"]["ports"][0]["port"].clone())
        }
        Kind::Pod => {
            let image = |pod: &Value| pod["spec"]["containers"][0]["image"].clone();
            same("its image", image(v), image(h))?;
            same("its phase", v["status"]["phase"].clone(), h["status"]["phase"].clone())
        }
        Kind::NetworkPolicy => {
            let selected = |policy: &Value| policy["spec"]["podSelector"]["matchLabels"]["number"].clone();
            same("its selector", selected(v), selected(h))
        }
        Kind::Ingress => {
            let host = |ingress: &Value| ingress["spec"]["rules"][0]["host"].clone();
            same("its rule", host(v), host(h))
        }
    }
}

/// The tenant's objects by namespace and name.
async fn inside(pair: &Pair, kind: Kind) -> Result<BTreeMap<(String, String), Value>> {
    let mut all = BTreeMap::new();
    for namespace in NAMESPACES {
        for object in items(get(&pair.tenant, &kind.collection(namespace)).await?) {
            all.insert((namespace.to_owned(), text(&object["metadata"]["name"])), object);
        }
    }
    Ok(all)
}

/// What is marked as this tenant's on the host, but for what the test has forged, by the name it has inside.
async fn outside(pair: &Pair, kind: Kind) -> Result<BTreeMap<(String, String), Value>> {
    let collection = format!("{}?labelSelector={MARKER}%3Dt,forged!%3Dyes", kind.collection(&pair.namespace));
    let mut all = BTreeMap::new();
    for object in items(get(&pair.host, &collection).await?) {
        let name = text(&object["metadata"]["annotations"]["vcluster.loft.sh/object-name"]);
        let before = all.insert((text(&object["metadata"]["labels"][NAMESPACE]), name), object);
        ensure!(before.is_none(), "{kind:?}: twice on the host: {before:?}");
    }
    Ok(all)
}

fn is_wanted(
    kind: Kind,
    name: &(String, String),
    object: &Value,
    used: &BTreeSet<(Referred, String, String)>,
) -> bool {
    let forced = object["metadata"]["annotations"]["vcluster.loft.sh/force-sync"] == "true";
    let of = |kind: Referred| used.contains(&(kind, name.0.clone(), name.1.clone()));
    match kind {
        Kind::ConfigMap => forced || of(Referred::ConfigMap),
        Kind::Secret => forced || of(Referred::Secret),
        _ => true,
    }
}

/// A kind that pods refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Referred {
    ConfigMap,
    Secret,
}

/// What pods refer to.
async fn used_by_pods(pair: &Pair) -> Result<BTreeSet<(Referred, String, String)>> {
    let mut used = BTreeSet::new();
    for ((namespace, _), pod) in inside(pair, Kind::Pod).await? {
        for volume in pod["spec"]["volumes"].as_array().into_iter().flatten() {
            let references = [
                (Referred::ConfigMap, &volume["configMap"]["name"]),
                (Referred::Secret, &volume["secret"]["secretName"]),
            ];
            for (kind, name) in references.into_iter().filter(|(_, name)| name.is_string()) {
                used.insert((kind, namespace.clone(), text(name)));
            }
        }
    }
    Ok(used)
}

fn items(list: Value) -> Vec<Value> {
    list["items"].as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
