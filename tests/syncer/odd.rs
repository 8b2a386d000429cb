//! Odd input: names and contents as large as they may be, finalizers, a host namespace that is ending, other versions.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::pair::{Pair, both, create, delete, get, patch};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn forced(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}, "metadata": {"name": name,
        "annotations": {"vcluster.loft.sh/force-sync": "true"}}})
}

fn path(name: &str) -> String {
    format!("{MAPS}/{name}")
}

both! {
    async fn names_of_253_characters_that_differ_in_the_last_one_are_two_objects(pair: Pair) -> Result<()> {
        let names = ["a", "b"].map(|last| format!("{}.{last}", "n".repeat(251)));
        for name in &names {
            assert_eq!(name.len(), 253);
            let mut map = forced(name);
            map["data"]["name"] = json!(name);
            create(&pair.tenant, MAPS, &map).await?;
        }
        for name in &names {
            let on_host = pair.on_host("configmaps", "default", name);
            let h = pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
            assert!(h["metadata"]["name"].as_str().is_some_and(|name| name.len() <= 63));
            assert_eq!(h["metadata"]["annotations"]["vcluster.loft.sh/object-name"], name.as_str());
            assert_eq!(h["data"]["name"], name.as_str());
            patch(&pair.host, &on_host, &json!({"data": {"a": "2"}})).await?;
            pair.until(&pair.tenant, &path(name), |v| v["data"]["a"] == "2").await?;
        }
        delete(&pair.tenant, &path(&names[0])).await?;
        pair.until(&pair.host, &pair.on_host("configmaps", "default", &names[0]), Value::is_null).await?;
        assert!(!get(&pair.host, &pair.on_host("configmaps", "default", &names[1])).await?.is_null());
        Ok(())
    }

    async fn a_config_map_of_one_mebibyte_is_mirrored_whole_and_changed_both_ways(pair: Pair) -> Result<()> {
        let mut map = forced("large");
        // What a server takes at most: keys and values together are one MiB.
        map["data"] = json!({"a": "x".repeat((1 << 20) - 2), "b": ""});
        create(&pair.tenant, MAPS, &map).await?;
        let on_host = pair.on_host("configmaps", "default", "large");
        let length = |object: &Value| object["data"]["a"].as_str().map(str::len);
        pair.until(&pair.host, &on_host, |h| length(h) == Some((1 << 20) - 2)).await?;
        patch(&pair.tenant, &path("large"), &json!({"data": {"a": "y".repeat(1 << 19)}})).await?;
        pair.until(&pair.host, &on_host, |h| length(h) == Some(1 << 19)).await?;
        patch(&pair.host, &on_host, &json!({"data": {"b": "z".repeat(1 << 18)}})).await?;
        pair.until(&pair.tenant, &path("large"), |v| v["data"]["b"].as_str().map(str::len) == Some(1 << 18)).await?;
        pair.quiet().await
    }

    async fn a_finalizer_on_the_host_is_waited_for(pair: Pair) -> Result<()> {
        create(&pair.tenant, MAPS, &forced("settings")).await?;
        let on_host = pair.on_host("configmaps", "default", "settings");
        let first = pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        pair.quiet().await?;
        patch(&pair.host, &on_host, &json!({"metadata": {"finalizers": ["example.com/wait"]}})).await?;
        delete(&pair.tenant, &path("settings")).await?;
        pair.until(&pair.host, &on_host, |h| !h["metadata"]["deletionTimestamp"].is_null()).await?;
        // A new one of the same name has to wait for the old one to go.
        let mut again = forced("settings");
        again["data"]["a"] = json!("2");
        create(&pair.tenant, MAPS, &again).await?;
        pair.quiet().await?;
        assert_eq!(get(&pair.host, &on_host).await?["metadata"]["uid"], first["metadata"]["uid"]);
        patch(&pair.host, &on_host, &json!({"metadata": {"finalizers": null}})).await?;
        let h = pair.until(&pair.host, &on_host, |h| h["data"]["a"] == "2").await?;
        assert_ne!(h["metadata"]["uid"], first["metadata"]["uid"]);
        Ok(())
    }

    async fn a_finalizer_of_the_tenant_keeps_its_object_and_not_the_hosts(pair: Pair) -> Result<()> {
        let mut map = forced("settings");
        map["metadata"]["finalizers"] = json!(["example.com/wait"]);
        create(&pair.tenant, MAPS, &map).await?;
        let on_host = pair.on_host("configmaps", "default", "settings");
        let h = pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        assert_eq!(h["metadata"]["finalizers"], Value::Null, "who would take it away there?");
        delete(&pair.tenant, &path("settings")).await?;
        pair.until(&pair.host, &on_host, Value::is_null).await?;
        pair.quiet().await?;
        assert!(get(&pair.host, &on_host).await?.is_null(), "what is going is not made again");
        assert!(!get(&pair.tenant, &path("settings")).await?["metadata"]["deletionTimestamp"].is_null());
        patch(&pair.tenant, &path("settings"), &json!({"metadata": {"finalizers": null}})).await?;
        pair.until(&pair.tenant, &path("settings"), Value::is_null).await?;
        Ok(())
    }

    async fn a_host_namespace_that_is_ending_takes_nothing_and_the_tenant_is_told(pair: Pair) -> Result<()> {
        create(&pair.tenant, MAPS, &forced("before")).await?;
        pair.until(&pair.host, &pair.on_host("configmaps", "default", "before"), |h| !h.is_null()).await?;
        let namespace = format!("/api/v1/namespaces/{}", pair.namespace);
        delete(&pair.host, &namespace).await?;
        pair.until(&pair.host, &namespace, |ns| ns["status"]["phase"] == "Terminating").await?;
        create(&pair.tenant, MAPS, &forced("late")).await?;
        let events = pair.until(&pair.tenant, "/api/v1/namespaces/default/events", |events| {
            events["items"].as_array().into_iter().flatten().any(|e| e["reason"] == "SyncError" && e["involvedObject"]["name"] == "late")
        }).await?;
        assert!(!events.to_string().contains(&pair.namespace), "host names are not told: {events}");
        assert!(!get(&pair.tenant, &path("before")).await?.is_null(), "the tenant's objects stay");
        let pending = pair.engine().pending();
        assert!(pending.iter().any(|(_, object, _)| object.name == "late"), "{pending:?}");
        Ok(())
    }

    async fn a_host_older_than_its_tenant_is_sent_nothing_that_it_does_not_know(pair: Pair) -> Result<()> {
        pair.configure(|ctx| {
            ctx.minors.host = 33;
            ctx.pods.without_dns = true;
        });
        account(&pair).await?;
        let resources = json!({"limits": {"cpu": "1", "memory": "64Mi"}});
        create(&pair.tenant, "/api/v1/namespaces/default/pods", &pod("web", json!({"resources": resources}))).await?;
        let h = pair.until(&pair.host, &pair.on_host("pods", "default", "web"), |h| !h.is_null()).await?;
        assert_eq!(h["spec"]["resources"], Value::Null);
        pair.quiet().await?;
        let before = pair.engine().counts().writes;
        pair.engine().look_at_everything();
        pair.quiet().await?;
        assert_eq!(pair.engine().counts().writes, before, "what is left out is no difference");
        Ok(())
    }

    async fn a_host_newer_than_its_tenant_reports_nothing_that_the_tenant_does_not_know(pair: Pair) -> Result<()> {
        pair.configure(|ctx| {
            ctx.minors.virtual_side = 33;
            ctx.pods.without_dns = true;
        });
        account(&pair).await?;
        create(&pair.tenant, "/api/v1/namespaces/default/pods", &pod("web", json!({}))).await?;
        let on_host = pair.on_host("pods", "default", "web");
        pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        let ready = json!({"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:01Z", "observedGeneration": 1});
        patch(&pair.host, &format!("{on_host}/status"), &json!({"status": {"phase": "Running", "observedGeneration": 1, "conditions": [ready]}})).await?;
        let v = pair.until(&pair.tenant, "/api/v1/namespaces/default/pods/web", |v| v["status"]["phase"] == "Running").await?;
        let conditions = v["status"]["conditions"].as_array().context("conditions")?;
        let ready = conditions.iter().find(|condition| condition["type"] == "Ready").context("it is ready")?;
        assert_eq!((&ready["status"], &ready["observedGeneration"]), (&json!("True"), &Value::Null));
        assert_eq!(v["status"]["observedGeneration"], Value::Null);
        pair.quiet().await?;
        let before = pair.engine().counts().writes;
        pair.engine().look_at_everything();
        pair.quiet().await?;
        assert_eq!(pair.engine().counts().writes, before, "what is left out is no difference");
        Ok(())
    }
}

fn pod(name: &str, spec: Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"automountServiceAccountToken": false, "containers": [{"name": "c", "image": "registry.example/shop:1"}]}});
    for (field, value) in spec.as_object().into_iter().flatten() {
        pod["spec"][field] = value.clone();
    }
    pod
}

/// Accounts that no controller makes here.
async fn account(pair: &Pair) -> Result<()> {
    for (at, namespace, name) in
        [(&pair.tenant, "default", "default"), (&pair.host, pair.namespace.as_str(), "vc-workload-t")]
    {
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        if get(at, &format!("{accounts}/{name}")).await?.is_null() {
            let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
            create(at, &accounts, &account).await?;
        }
    }
    Ok(())
}
