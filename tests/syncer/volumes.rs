//! Claims and volumes.

use anyhow::Result;
use serde_json::{Value, json};

use crate::pair::{Pair, both, create, delete, get, patch};

const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";
const VOLUMES: &str = "/api/v1/persistentvolumes";

fn claim() -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}})
}

/// What the host's controllers do.
async fn bind(pair: &Pair, volume: &str) -> Result<()> {
    let on_host = pair.on_host("persistentvolumeclaims", "default", "data");
    pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
    let bound = json!({"spec": {"volumeName": volume}, "metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}}});
    patch(&pair.host, &on_host, &bound).await?;
    let status = json!({"status": {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}});
    patch(&pair.host, &format!("{on_host}/status"), &status).await.map(drop)
}

both! {
    async fn a_claim_is_bound_with_a_volume_to_look_at_and_both_go_with_it(pair: Pair) -> Result<()> {
        create(&pair.tenant, CLAIMS, &claim()).await?;
        let volume = format!("pv-of-{}", pair.namespace);
        bind(&pair, &volume).await?;
        let (mine, of_mine) = (format!("{CLAIMS}/data"), format!("{VOLUMES}/{volume}"));
        let v = pair.until(&pair.tenant, &mine, |v| v["status"]["phase"] == "Bound").await?;
        assert_eq!(v["spec"]["volumeName"], volume.as_str());
        let shown = pair.until(&pair.tenant, &of_mine, |v| v["status"]["phase"] == "Bound").await?;
        assert_eq!(shown["spec"]["claimRef"]["uid"], v["metadata"]["uid"]);
        pair.quiet().await?;

        delete(&pair.tenant, &mine).await?;
        let on_host = pair.on_host("persistentvolumeclaims", "default", "data");
        pair.until(&pair.host, &on_host, |h| h.is_null() || !h["metadata"]["deletionTimestamp"].is_null()).await?;
        // No controller runs that would see that nothing uses it any more.
        for (side, path) in [(&pair.host, &on_host), (&pair.tenant, &mine)] {
            if !get(side, path).await?.is_null() {
                patch(side, path, &json!({"metadata": {"finalizers": null}})).await?;
            }
        }
        pair.until(&pair.tenant, &of_mine, Value::is_null).await?;
        pair.until(&pair.host, &on_host, Value::is_null).await?;
        Ok(())
    }
}
