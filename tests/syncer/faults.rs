//! What must never happen, whatever goes wrong.

use anyhow::Result;
use serde_json::{Value, json};

use crate::pair::{Pair, both, create, delete, get, patch};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn forced(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}, "metadata": {"name": name,
        "annotations": {"vcluster.loft.sh/force-sync": "true"}}})
}

both! {
    async fn a_strangers_object_of_the_wanted_name_is_left_alone_and_the_tenant_told(pair: Pair) -> Result<()> {
        let name = pair.host_name("default", "settings");
        let theirs = format!("/api/v1/namespaces/{}/configmaps", pair.namespace);
        create(&pair.host, &theirs, &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"theirs": "yes"}})).await?;
        create(&pair.tenant, MAPS, &forced("settings")).await?;
        let events = pair.until(&pair.tenant, "/api/v1/namespaces/default/events", |events| {
            events["items"].as_array().is_some_and(|items| items.iter().any(|e| e["reason"] == "SyncError"))
        }).await?;
        let told = events.to_string();
        assert!(!told.contains(&pair.namespace), "host names are not told: {told}");
        let there = get(&pair.host, &format!("{theirs}/{name}")).await?;
        assert_eq!(there["data"], json!({"theirs": "yes"}));
        Ok(())
    }

    async fn forged_marks_of_a_tenant_lead_nowhere(pair: Pair) -> Result<()> {
        let other = format!("/api/v1/namespaces/{}/configmaps", pair.namespace);
        create(&pair.host, &other, &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "precious"}, "data": {"a": "1"}})).await?;
        let mut forged = forced("evil");
        forged["metadata"]["annotations"]["vcluster.loft.sh/object-name"] = json!("other");
        forged["metadata"]["annotations"]["vcluster.loft.sh/object-host-name"] = json!("precious");
        forged["metadata"]["annotations"]["v9s.io/applied"] = json!("data=0");
        forged["metadata"]["labels"] = json!({"vcluster.loft.sh/managed-by": "another", "vcluster.loft.sh/namespace": "kube-system"});
        create(&pair.tenant, MAPS, &forged).await?;
        let h = pair.until(&pair.host, &pair.on_host("configmaps", "default", "evil"), |h| !h.is_null()).await?;
        assert_eq!(h["metadata"]["labels"]["vcluster.loft.sh/managed-by"], "t");
        assert_eq!(h["metadata"]["labels"]["vcluster.loft.sh/namespace"], "default");
        assert_eq!(h["metadata"]["annotations"]["vcluster.loft.sh/object-name"], "evil");
        delete(&pair.tenant, &format!("{MAPS}/evil")).await?;
        pair.until(&pair.host, &pair.on_host("configmaps", "default", "evil"), Value::is_null).await?;
        assert_eq!(get(&pair.host, &format!("{other}/precious")).await?["data"], json!({"a": "1"}));
        Ok(())
    }

    async fn a_leftover_goes_and_a_copy_of_one_of_ours_stays(pair: Pair) -> Result<()> {
        create(&pair.tenant, MAPS, &forced("settings")).await?;
        let on_host = pair.on_host("configmaps", "default", "settings");
        let mut h = pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        pair.quiet().await?;
        h["metadata"] = json!({"name": "copy", "labels": h["metadata"]["labels"], "annotations": h["metadata"]["annotations"]});
        let maps = format!("/api/v1/namespaces/{}/configmaps", pair.namespace);
        create(&pair.host, &maps, &h).await?;
        pair.kill();
        delete(&pair.tenant, &format!("{MAPS}/settings")).await?;
        pair.start();
        pair.until(&pair.host, &on_host, Value::is_null).await?;
        pair.quiet().await?;
        assert!(!get(&pair.host, &format!("{maps}/copy")).await?.is_null());
        Ok(())
    }

    async fn a_store_that_is_not_the_known_one_costs_nothing_on_the_host(pair: Pair) -> Result<()> {
        create(&pair.tenant, MAPS, &forced("settings")).await?;
        let on_host = pair.on_host("configmaps", "default", "settings");
        pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        pair.quiet().await?;
        pair.stop().await;
        // As if this store had been made anew: what is remembered is the UID of another.
        let service = format!("/api/v1/namespaces/{}/services/t", pair.namespace);
        patch(&pair.host, &service, &json!({"metadata": {"annotations": {"v9s.io/store": "00000000-0000-0000-0000-000000000000"}}})).await?;
        delete(&pair.tenant, &format!("{MAPS}/settings")).await?;
        pair.start();
        pair.until_pending("another than before").await?;
        assert!(!get(&pair.host, &on_host).await?.is_null(), "it is kept until somebody decides");
        Ok(())
    }

    async fn the_brake_stops_a_mass_deletion_that_nobody_has_seen(pair: Pair) -> Result<()> {
        for at in 0..20 {
            create(&pair.tenant, MAPS, &forced(&format!("map-{at}"))).await?;
        }
        pair.until(&pair.host, &pair.on_host("configmaps", "default", "map-19"), |h| !h.is_null()).await?;
        pair.quiet().await?;
        pair.stop().await;
        for at in 0..20 {
            delete(&pair.tenant, &format!("{MAPS}/map-{at}")).await?;
        }
        pair.start();
        pair.until_pending("somebody has to allow it").await?;
        pair.quiet().await?;
        let left = get(&pair.host, &format!("/api/v1/namespaces/{}/configmaps?labelSelector=vcluster.loft.sh/managed-by=t", pair.namespace)).await?;
        assert_eq!(left["items"].as_array().map(Vec::len), Some(15));
        pair.engine().release_brakes(std::time::Duration::from_secs(60));
        pair.until(&pair.host, &format!("/api/v1/namespaces/{}/configmaps?labelSelector=vcluster.loft.sh/managed-by=t", pair.namespace),
            |left| left["items"].as_array().is_some_and(Vec::is_empty)).await?;
        Ok(())
    }

    async fn deletions_that_were_seen_are_not_braked(pair: Pair) -> Result<()> {
        for at in 0..20 {
            create(&pair.tenant, MAPS, &forced(&format!("map-{at}"))).await?;
        }
        pair.until(&pair.host, &pair.on_host("configmaps", "default", "map-19"), |h| !h.is_null()).await?;
        for at in 0..20 {
            delete(&pair.tenant, &format!("{MAPS}/map-{at}")).await?;
        }
        pair.until(&pair.host, &format!("/api/v1/namespaces/{}/configmaps?labelSelector=vcluster.loft.sh/managed-by=t", pair.namespace),
            |left| left["items"].as_array().is_some_and(Vec::is_empty)).await?;
        Ok(())
    }
}
