//! What is nobody's or another tenant's, in the same namespace of the host and under names that look like ours.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::deeds::Kind;
use crate::pair::{Pair, create, get};

/// Objects that nobody may touch, with the state they had at the beginning.
pub struct Strangers(Vec<(String, Value)>);

/// Puts them there.
pub async fn put(pair: &Pair) -> Result<Strangers> {
    let mut all = Vec::new();
    for kind in [Kind::ConfigMap, Kind::Secret, Kind::Service] {
        let collection = kind.collection(&pair.namespace);
        for (name, labels, annotations) in looks() {
            let metadata = json!({"name": name, "labels": labels, "annotations": annotations});
            let mut object = json!({"apiVersion": "v1", "kind": format!("{kind:?}"), "metadata": metadata});
            if kind == Kind::Service {
                object["spec"] = json!({"ports": [{"port": 80}]});
            }
            let there = create(&pair.host, &collection, &object).await?;
            all.push((format!("{collection}/{name}"), there));
        }
    }
    Ok(Strangers(all))
}

/// Names, labels and annotations of what is not ours.
fn looks() -> Vec<(&'static str, Value, Value)> {
    let marked = |by: &str| json!({"vcluster.loft.sh/managed-by": by, "vcluster.loft.sh/namespace": "red", "forged": "yes"});
    let origin = |host: &str| {
        json!({"vcluster.loft.sh/object-name": "gone", "vcluster.loft.sh/object-namespace": "red",
            "vcluster.loft.sh/object-uid": "0", "vcluster.loft.sh/object-host-name": host,
            "vcluster.loft.sh/object-host-namespace": "elsewhere"})
    };
    vec![
        ("nobodys", json!({}), json!({})),
        // Looks like ours, and has no mark.
        ("gone-x-red-x-t", json!({}), json!({})),
        // Another tenant's.
        ("gone-x-red-x-other", marked("other"), origin("gone-x-red-x-other")),
        // Marked as ours, and says nothing of where it comes from.
        ("unsaid", marked("t"), json!({})),
        // A copy of what would be ours.
        ("copy", marked("t"), origin("gone-x-red-x-t")),
    ]
}

impl Strangers {
    /// Whether each is the very object in the very state.
    pub async fn are_as_they_were(&self, pair: &Pair) -> Result<()> {
        for (path, before) in &self.0 {
            let now = get(&pair.host, path).await?;
            let state = |object: &Value| {
                (object["metadata"]["uid"].clone(), object["metadata"]["resourceVersion"].clone())
            };
            ensure!(state(&now) == state(before), "{path} was {before:#}\nand is {now:#}");
        }
        Ok(())
    }
}
