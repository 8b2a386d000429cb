//! ConfigMaps and Secrets, which either side may change.

use anyhow::Result;
use serde_json::{Value, json};

use crate::pair::{Pair, both, create, delete, get, patch};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A ConfigMap that goes to the host although no pod refers to it.
fn forced(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data, "metadata": {"name": name,
        "labels": {"app": "shop", "release": "mine"}, "annotations": {"vcluster.loft.sh/force-sync": "true", "note": "n"}}})
}

both! {
    async fn a_config_map_goes_to_the_host_as_official_tools_expect_it(pair: Pair) -> Result<()> {
        let v = create(&pair.tenant, MAPS, &forced("settings", json!({"a": "1"}))).await?;
        let h = pair.until(&pair.host, &pair.on_host("configmaps", "default", "settings"), |h| !h.is_null()).await?;
        assert_eq!(h["data"], json!({"a": "1"}));
        let labels = &h["metadata"]["labels"];
        assert_eq!((&labels["vcluster.loft.sh/managed-by"], &labels["vcluster.loft.sh/namespace"]), (&json!("t"), &json!("default")));
        assert_eq!(labels["app"], "shop");
        assert!(labels["release"].is_null(), "the virtual cluster's own Service selects by it: {labels}");
        let notes = &h["metadata"]["annotations"];
        assert_eq!(notes["vcluster.loft.sh/object-name"], "settings");
        assert_eq!(notes["vcluster.loft.sh/object-namespace"], "default");
        assert_eq!(notes["vcluster.loft.sh/object-uid"], v["metadata"]["uid"]);
        assert_eq!(notes["vcluster.loft.sh/object-kind"], "/v1, Kind=ConfigMap");
        assert_eq!(notes["vcluster.loft.sh/managed-labels"], "app\nrelease");
        assert_eq!(notes["vcluster.loft.sh/managed-annotations"], "note");
        assert_eq!(notes["note"], "n");
        let owner = &h["metadata"]["ownerReferences"][0];
        assert_eq!((&owner["kind"], &owner["name"]), (&json!("Service"), &json!("t")));
        Ok(())
    }

    async fn what_nothing_refers_to_stays_inside(pair: Pair) -> Result<()> {
        let plain = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "plain"}, "data": {"a": "1"}});
        create(&pair.tenant, MAPS, &plain).await?;
        create(&pair.tenant, MAPS, &forced("asked", json!({}))).await?;
        pair.until(&pair.host, &pair.on_host("configmaps", "default", "asked"), |h| !h.is_null()).await?;
        pair.quiet().await?;
        assert_eq!(get(&pair.host, &pair.on_host("configmaps", "default", "plain")).await?, Value::Null);
        Ok(())
    }

    async fn either_side_may_change_it_and_agreement_needs_no_writes(pair: Pair) -> Result<()> {
        let path = format!("{MAPS}/settings");
        create(&pair.tenant, MAPS, &forced("settings", json!({"a": "1", "b": "2"}))).await?;
        let on_host = pair.on_host("configmaps", "default", "settings");
        pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        patch(&pair.tenant, &path, &json!({"data": {"a": "new", "b": null}, "metadata": {"labels": {"app": null, "x": "y"}}})).await?;
        let h = pair.until(&pair.host, &on_host, |h| h["data"] == json!({"a": "new"})).await?;
        assert_eq!((&h["metadata"]["labels"]["app"], &h["metadata"]["labels"]["x"]), (&Value::Null, &json!("y")));
        patch(&pair.host, &on_host, &json!({"data": {"from": "host"}, "metadata": {"labels": {"added": "outside", "x": null}}})).await?;
        let v = pair.until(&pair.tenant, &path, |v| v["data"]["from"] == "host").await?;
        assert_eq!((&v["data"]["a"], &v["metadata"]["labels"]["added"]), (&json!("new"), &json!("outside")));
        assert_eq!(v["metadata"]["labels"]["x"], Value::Null);
        pair.quiet().await?;
        let before = pair.engine().counts().writes;
        pair.engine().look_at_everything();
        pair.quiet().await?;
        assert_eq!(pair.engine().counts().writes, before, "both sides agree");
        Ok(())
    }

    async fn after_a_restart_it_is_known_who_has_changed_something(pair: Pair) -> Result<()> {
        let path = format!("{MAPS}/settings");
        create(&pair.tenant, MAPS, &forced("settings", json!({"a": "1"}))).await?;
        let on_host = pair.on_host("configmaps", "default", "settings");
        pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        pair.quiet().await?;
        pair.stop().await;
        patch(&pair.host, &on_host, &json!({"data": {"a": "changed on the host"}})).await?;
        pair.start();
        pair.until(&pair.tenant, &path, |v| v["data"]["a"] == "changed on the host").await?;
        pair.quiet().await?;
        pair.stop().await;
        patch(&pair.tenant, &path, &json!({"data": {"a": "changed by the tenant"}})).await?;
        pair.start();
        pair.until(&pair.host, &on_host, |h| h["data"]["a"] == "changed by the tenant").await?;
        Ok(())
    }

    async fn deletions_go_down_and_are_made_good_when_they_come_from_below(pair: Pair) -> Result<()> {
        let path = format!("{MAPS}/settings");
        create(&pair.tenant, MAPS, &forced("settings", json!({"a": "1"}))).await?;
        let on_host = pair.on_host("configmaps", "default", "settings");
        let first = pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        delete(&pair.host, &on_host).await?;
        let uid = first["metadata"]["uid"].clone();
        pair.until(&pair.host, &on_host, |h| !h.is_null() && h["metadata"]["uid"] != uid).await?;
        delete(&pair.tenant, &path).await?;
        pair.until(&pair.host, &on_host, Value::is_null).await?;
        Ok(())
    }

    async fn a_successor_of_the_same_name_replaces_the_old_object(pair: Pair) -> Result<()> {
        create(&pair.tenant, MAPS, &forced("settings", json!({"a": "1"}))).await?;
        let on_host = pair.on_host("configmaps", "default", "settings");
        pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        pair.quiet().await?;
        pair.kill();
        delete(&pair.tenant, &format!("{MAPS}/settings")).await?;
        let second = create(&pair.tenant, MAPS, &forced("settings", json!({"a": "2"}))).await?;
        pair.start();
        let uid = second["metadata"]["uid"].clone();
        pair.until(&pair.host, &on_host, |h| h["metadata"]["annotations"]["vcluster.loft.sh/object-uid"] == uid).await?;
        Ok(())
    }

    async fn secrets_keep_their_type_but_tokens_are_only_data(pair: Pair) -> Result<()> {
        let secrets = "/api/v1/namespaces/default/secrets";
        let force = json!({"vcluster.loft.sh/force-sync": "true"});
        create(&pair.tenant, secrets, &json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/basic-auth",
            "metadata": {"name": "login", "annotations": force}, "stringData": {"username": "u", "password": "p"}})).await?;
        create(&pair.tenant, "/api/v1/namespaces/default/serviceaccounts", &json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "robot"}})).await?;
        create(&pair.tenant, secrets, &json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "token", "annotations": {"vcluster.loft.sh/force-sync": "true", "kubernetes.io/service-account.name": "robot"}},
            "stringData": {"token": "abc"}})).await?;
        let login = pair.until(&pair.host, &pair.on_host("secrets", "default", "login"), |h| !h.is_null()).await?;
        assert_eq!((&login["type"], &login["data"]["username"]), (&json!("kubernetes.io/basic-auth"), &json!("dQ==")));
        let token = pair.until(&pair.host, &pair.on_host("secrets", "default", "token"), |h| !h.is_null()).await?;
        assert_eq!(token["type"], "Opaque");
        Ok(())
    }
}
