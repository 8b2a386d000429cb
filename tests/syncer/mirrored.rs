//! Kinds that go to the host whole.

use anyhow::Result;
use serde_json::{Value, json};
use v9s::cluster::Resource;
use v9s_syncer::resources::{CustomResource, Direction, HostDeletion, Meaning, Reference, Settings, ToHost};

use crate::pair::{Pair, both, create, delete, get, patch};

fn all() -> Settings {
    Settings {
        ingresses: true,
        network_policies: true,
        pod_disruption_budgets: true,
        service_accounts: true,
        ..Settings::default()
    }
}

fn thing() -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.syncer.example.org"},
        "spec": {"group": "syncer.example.org", "scope": "Namespaced", "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}}, "schema": {"openAPIV3Schema": schema}}]}})
}

both! {
    async fn a_network_policy_is_confined_and_goes_with_the_tenants(pair: Pair) -> Result<()> {
        pair.restart_with(&all()).await;
        let policies = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies";
        create(&pair.tenant, policies, &json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "web"},
            "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"],
                "ingress": [{"from": [{"namespaceSelector": {}}]}]}})).await?;
        let on_host = pair.on_host_of("networking.k8s.io", "networkpolicies", "default", "web");
        let h = pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        let (ours, here) = ("vcluster.loft.sh/managed-by", "vcluster.loft.sh/namespace");
        assert_eq!(h["spec"]["podSelector"]["matchLabels"], json!({"app": "web", ours: "t", here: "default"}));
        assert_eq!(h["spec"]["ingress"][0]["from"], json!([{"podSelector": {"matchLabels": {ours: "t"}}}]));
        delete(&pair.tenant, &format!("{policies}/web")).await?;
        pair.until(&pair.host, &on_host, Value::is_null).await?;
        Ok(())
    }

    async fn an_ingress_brings_its_secret_and_gets_its_status_back(pair: Pair) -> Result<()> {
        pair.restart_with(&all()).await;
        let ingresses = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "users"}, "stringData": {"auth": "x"}});
        create(&pair.tenant, "/api/v1/namespaces/default/secrets", &secret).await?;
        create(&pair.tenant, ingresses, &json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "web", "annotations": {"nginx.ingress.kubernetes.io/auth-secret": "users"}},
            "spec": {"rules": [{"host": "shop.example.org", "http": {"paths": [{"path": "/", "pathType": "Prefix",
                "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}})).await?;
        let on_host = pair.on_host_of("networking.k8s.io", "ingresses", "default", "web");
        let h = pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        assert_eq!(h["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"], pair.host_name("default", "web"));
        assert_eq!(h["metadata"]["annotations"]["nginx.ingress.kubernetes.io/auth-secret"], pair.host_name("default", "users"));
        pair.until(&pair.host, &pair.on_host("secrets", "default", "users"), |h| !h.is_null()).await?;
        let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}});
        patch(&pair.host, &format!("{on_host}/status"), &status).await?;
        let mine = format!("{ingresses}/web");
        let v = pair.until(&pair.tenant, &mine, |v| v["status"]["loadBalancer"]["ingress"][0]["ip"] == "192.0.2.7").await?;
        assert_eq!(v["metadata"]["annotations"], json!({"nginx.ingress.kubernetes.io/auth-secret": "users"}));
        delete(&pair.tenant, &mine).await?;
        pair.until(&pair.host, &pair.on_host("secrets", "default", "users"), Value::is_null).await?;
        Ok(())
    }

    async fn a_budget_is_confined_and_an_account_has_no_token(pair: Pair) -> Result<()> {
        pair.restart_with(&all()).await;
        create(&pair.tenant, "/apis/policy/v1/namespaces/default/poddisruptionbudgets", &json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": "db"}, "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "db"}}}})).await?;
        let on_host = pair.on_host_of("policy", "poddisruptionbudgets", "default", "db");
        let h = pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        assert_eq!(h["spec"]["selector"]["matchLabels"]["vcluster.loft.sh/namespace"], "default");
        create(&pair.tenant, "/api/v1/namespaces/default/serviceaccounts", &json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "robot", "annotations": {"example.org/role": "r"}}})).await?;
        let h = pair.until(&pair.host, &pair.on_host("serviceaccounts", "default", "robot"), |h| !h.is_null()).await?;
        assert_eq!((&h["automountServiceAccountToken"], &h["metadata"]["annotations"]["example.org/role"]), (&json!(false), &json!("r")));
        pair.quiet().await?;
        pair.restart_with(&all()).await;
        pair.quiet().await?;
        assert_eq!(pair.engine().counts().writes, [0, 0], "a restart changes nothing");
        Ok(())
    }

    async fn a_custom_resource_comes_with_its_definition_and_its_references(pair: Pair) -> Result<()> {
        let definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let named = format!("{definition}/things.syncer.example.org");
        if get(&pair.host, &named).await?.is_null() {
            create(&pair.host, definition, &thing()).await?;
        }
        let resource = Resource { group: "syncer.example.org".into(), version: "v1".into(), plural: "things".into(), kind: "Thing".into(), namespaced: true };
        let references = vec![Reference { path: "spec.secretName".parse()?, to: Meaning::Name { kind: Some("secrets".into()) } }];
        let how = ToHost { references, back: vec!["spec.address".parse()?], status: true, host_deletion: HostDeletion::Recreate };
        let direction = Direction::ToHost(Box::new(how));
        pair.restart_with(&Settings { custom_resources: vec![CustomResource { resource, direction }], ..Settings::default() }).await;
        let is_served = |v: &Value| v["status"]["conditions"].as_array().is_some_and(|all| {
            all.iter().any(|condition| condition["type"] == "Established" && condition["status"] == "True")
        });
        pair.until(&pair.tenant, &named, is_served).await?;
        let things = "/apis/syncer.example.org/v1/namespaces/default/things";
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "v"}});
        create(&pair.tenant, "/api/v1/namespaces/default/secrets", &secret).await?;
        let object = json!({"apiVersion": "syncer.example.org/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": {"secretName": "s", "size": 1}});
        create(&pair.tenant, things, &object).await?;
        let on_host = pair.on_host_of("syncer.example.org", "things", "default", "a");
        let h = pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        assert_eq!(h["spec"], json!({"secretName": pair.host_name("default", "s"), "size": 1}));
        pair.until(&pair.host, &pair.on_host("secrets", "default", "s"), |h| !h.is_null()).await?;
        patch(&pair.host, &on_host, &json!({"spec": {"address": "192.0.2.1"}})).await?;
        patch(&pair.host, &format!("{on_host}/status"), &json!({"status": {"ready": true}})).await?;
        let mine = format!("{things}/a");
        pair.until(&pair.tenant, &mine, |v| v["spec"]["address"] == "192.0.2.1" && v["status"]["ready"] == true).await?;
        Ok(())
    }
}
