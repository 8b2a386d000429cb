//! What comes from the host.

use anyhow::Result;
use serde_json::{Value, json};
use v9s_syncer::resources::{Classes, FromHostLine, Mapping, Settings, ToHostLine};

use crate::pair::{Pair, both, create, delete, get, patch};

const CLASSES: &str = "/apis/storage.k8s.io/v1/storageclasses";
const SERVICES: &str = "/api/v1/namespaces/default/services";

fn class(name: &str, tier: &str) -> Value {
    json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name, "labels": {"tier": tier}},
        "provisioner": "example.org/p", "parameters": {"a": "1"}})
}

both! {
    async fn selected_classes_are_shown_others_refused_until_they_are_selected(pair: Pair) -> Result<()> {
        let tier = pair.namespace.clone();
        let (gold, tin) = (format!("gold-{tier}"), format!("tin-{tier}"));
        create(&pair.host, CLASSES, &class(&gold, &tier)).await?;
        create(&pair.host, CLASSES, &class(&tin, "other")).await?;
        let labels = Some(format!("tier={tier}"));
        pair.restart_with(&Settings { storage_classes: Classes::FromHost { labels }, ..Settings::default() }).await;
        let shown = format!("{CLASSES}/{gold}");
        pair.until(&pair.tenant, &shown, |v| v["provisioner"] == "example.org/p").await?;
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": tin, "resources": {"requests": {"storage": "1Gi"}}}});
        create(&pair.tenant, "/api/v1/namespaces/default/persistentvolumeclaims", &claim).await?;
        pair.until_pending("may be used here").await?;
        assert_eq!(get(&pair.tenant, &format!("{CLASSES}/{tin}")).await?, Value::Null);
        let on_host = pair.on_host("persistentvolumeclaims", "default", "data");
        assert_eq!(get(&pair.host, &on_host).await?, Value::Null);
        patch(&pair.host, &format!("{CLASSES}/{tin}"), &json!({"metadata": {"labels": {"tier": tier}}})).await?;
        pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        patch(&pair.tenant, &shown, &json!({"metadata": {"labels": {"tier": "mine"}}})).await?;
        pair.until(&pair.tenant, &shown, |v| v["metadata"]["labels"]["tier"] == tier.as_str()).await?;
        delete(&pair.host, &shown).await?;
        pair.until(&pair.tenant, &shown, Value::is_null).await?;
        Ok(())
    }

    async fn a_mapped_config_map_is_shown_mended_and_taken_away(pair: Pair) -> Result<()> {
        let mapping = Mapping { namespace: None, to_namespace: "shared".into(), name: Some(("banner".into(), "text".into())) };
        pair.restart_with(&Settings { config_maps_from_host: vec![mapping], ..Settings::default() }).await;
        let maps = format!("/api/v1/namespaces/{}/configmaps", pair.namespace);
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "banner"}, "data": {"a": "1"}});
        create(&pair.host, &maps, &map).await?;
        let shown = "/api/v1/namespaces/shared/configmaps/text";
        pair.until(&pair.tenant, shown, |v| v["data"] == json!({"a": "1"})).await?;
        patch(&pair.tenant, shown, &json!({"data": {"a": "2", "b": "3"}})).await?;
        pair.until(&pair.tenant, shown, |v| v["data"] == json!({"a": "1"})).await?;
        delete(&pair.host, &format!("{maps}/banner")).await?;
        pair.until(&pair.tenant, shown, Value::is_null).await?;
        Ok(())
    }

    async fn services_are_replicated_both_ways_and_go_with_their_line(pair: Pair) -> Result<()> {
        let from = FromHostLine { namespace: None, name: "db".into(), to_namespace: "shared".into(), to_name: "database".into() };
        let to = ToHostLine { namespace: "default".into(), name: "web".into(), to_name: "storefront".into() };
        let lines = Settings { services_from_host: vec![from], services_to_host: vec![to], ..Settings::default() };
        pair.restart_with(&lines).await;
        let host_services = format!("/api/v1/namespaces/{}/services", pair.namespace);
        let service = |name: &str| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": {"app": name}, "ports": [{"name": "tcp", "port": 5432}]}});
        let h = create(&pair.host, &host_services, &service("db")).await?;
        create(&pair.tenant, SERVICES, &service("web")).await?;
        let replica = "/api/v1/namespaces/shared/services/database";
        pair.until(&pair.tenant, replica, |v| v["spec"]["clusterIP"] == "None").await?;
        let slice = "/apis/discovery.k8s.io/v1/namespaces/shared/endpointslices/database-ipv4";
        pair.until(&pair.tenant, slice, |v| v["endpoints"][0]["addresses"][0] == h["spec"]["clusterIP"]).await?;
        let storefront = format!("{host_services}/storefront");
        let h = pair.until(&pair.host, &storefront, |h| !h.is_null()).await?;
        assert_eq!(h["spec"]["selector"], json!({"app": "web", "vcluster.loft.sh/namespace": "default", "vcluster.loft.sh/managed-by": "t"}));
        pair.quiet().await?;
        pair.restart_with(&lines).await;
        pair.quiet().await?;
        assert_eq!(pair.engine().counts().writes, [0, 0], "a restart changes nothing");
        pair.restart_with(&Settings::default()).await;
        pair.until(&pair.tenant, replica, Value::is_null).await?;
        pair.until(&pair.host, &storefront, Value::is_null).await?;
        Ok(())
    }

    async fn events_of_ours_are_told_in_the_tenants_words(pair: Pair) -> Result<()> {
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}});
        create(&pair.tenant, SERVICES, &service).await?;
        let h = pair.until(&pair.host, &pair.on_host("services", "default", "web"), |h| !h.is_null()).await?;
        let name = pair.host_name("default", "web");
        let event = |name: &str, uid: &Value, message: &str| json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": format!("{name}.1")},
            "involvedObject": {"apiVersion": "v1", "kind": "Service", "name": name, "namespace": pair.namespace, "uid": uid},
            "reason": "Allotted", "message": message, "type": "Normal", "count": 1});
        let events = format!("/api/v1/namespaces/{}/events", pair.namespace);
        create(&pair.host, &events, &event("somebody-elses", &json!("u"), "secret")).await?;
        create(&pair.host, &events, &event(&name, &h["metadata"]["uid"], &format!("{name} has an address"))).await?;
        let told = "/api/v1/namespaces/default/events/web.1";
        let v = pair.until(&pair.tenant, told, |v| !v.is_null()).await?;
        assert_eq!((&v["message"], &v["involvedObject"]["name"]), (&json!("web has an address"), &json!("web")));
        let all = get(&pair.tenant, "/api/v1/events").await?.to_string();
        assert!(!all.contains("somebody-elses") && !all.contains(&name), "{all}");
        patch(&pair.host, &format!("{events}/{name}.1"), &json!({"count": 2})).await?;
        pair.until(&pair.tenant, told, |v| v["count"] == 2).await?;
        Ok(())
    }
}
