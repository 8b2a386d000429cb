//! Services and where they lead.

use anyhow::Result;
use serde_json::{Value, json};

use crate::pair::{Pair, both, create, delete, get, patch};

const SERVICES: &str = "/api/v1/namespaces/default/services";
const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";

fn service(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})
}

fn web(kind: &str) -> Value {
    service("web", json!({"type": kind, "selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]}))
}

both! {
    async fn address_and_ports_are_the_hosts_on_both_sides_and_agreement_needs_no_writes(pair: Pair) -> Result<()> {
        let made = create(&pair.tenant, SERVICES, &web("NodePort")).await?;
        let on_host = pair.on_host("services", "default", "web");
        let h = pair.until(&pair.host, &on_host, |h| h["spec"]["clusterIP"].is_string()).await?;
        let v = pair.until(&pair.tenant, &format!("{SERVICES}/web"), |v| {
            v["spec"]["clusterIP"] == h["spec"]["clusterIP"] && v["spec"]["ports"] == h["spec"]["ports"]
        }).await?;
        assert_eq!((&v["spec"]["type"], &v["metadata"]["uid"]), (&json!("NodePort"), &made["metadata"]["uid"]));
        assert_eq!(h["spec"]["selector"], json!({"app": "web", "vcluster.loft.sh/namespace": "default", "vcluster.loft.sh/managed-by": "t"}));
        pair.quiet().await?;
        let writes = pair.engine().counts().writes;
        pair.restart_with(&v9s_syncer::resources::Settings::default()).await;
        pair.quiet().await?;
        assert_eq!(pair.engine().counts().writes, [0, 0], "a restart changes nothing (before: {writes:?})");
        Ok(())
    }

    async fn edits_travel_both_ways_and_an_external_name_comes_and_goes(pair: Pair) -> Result<()> {
        create(&pair.tenant, SERVICES, &web("ClusterIP")).await?;
        let (mine, on_host) = (format!("{SERVICES}/web"), pair.on_host("services", "default", "web"));
        let h = pair.until(&pair.host, &on_host, |h| h["spec"]["clusterIP"].is_string()).await?;
        pair.until(&pair.tenant, &mine, |v| v["spec"]["clusterIP"] == h["spec"]["clusterIP"]).await?;
        patch(&pair.tenant, &mine, &json!({"spec": {"internalTrafficPolicy": "Local"}})).await?;
        pair.until(&pair.host, &on_host, |h| h["spec"]["internalTrafficPolicy"] == "Local").await?;
        pair.quiet().await?;
        patch(&pair.host, &on_host, &json!({"spec": {"sessionAffinity": "ClientIP", "selector": {"app": "stolen"}}})).await?;
        pair.until(&pair.tenant, &mine, |v| v["spec"]["sessionAffinity"] == "ClientIP").await?;
        pair.until(&pair.host, &on_host, |h| h["spec"]["selector"]["app"] == "web").await?;
        pair.quiet().await?;
        let external = json!({"spec": {"type": "ExternalName", "externalName": "example.org", "sessionAffinity": "None", "sessionAffinityConfig": null}});
        patch(&pair.tenant, &mine, &external).await?;
        pair.until(&pair.host, &on_host, |h| h["spec"]["externalName"] == "example.org").await?;
        pair.quiet().await?;
        patch(&pair.tenant, &mine, &json!({"spec": {"type": "ClusterIP", "externalName": null}})).await?;
        let h = pair.until(&pair.host, &on_host, |h| h["spec"]["clusterIP"].is_string()).await?;
        pair.until(&pair.tenant, &mine, |v| v["spec"]["clusterIP"] == h["spec"]["clusterIP"]).await?;
        Ok(())
    }

    async fn what_a_load_balancer_says_comes_back(pair: Pair) -> Result<()> {
        create(&pair.tenant, SERVICES, &web("LoadBalancer")).await?;
        let on_host = pair.on_host("services", "default", "web");
        pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}});
        patch(&pair.host, &format!("{on_host}/status"), &status).await?;
        pair.until(&pair.tenant, &format!("{SERVICES}/web"), |v| v["status"]["loadBalancer"]["ingress"][0]["ip"] == "192.0.2.7").await?;
        Ok(())
    }

    async fn the_api_service_and_its_endpoints_are_those_of_the_virtual_cluster(pair: Pair) -> Result<()> {
        let host = pair.namespace.clone();
        let service = get(&pair.host, &format!("/api/v1/namespaces/{host}/services/t")).await?;
        let subsets = json!([{"addresses": [{"ip": "10.77.0.1"}], "ports": [{"name": "https", "port": 8443, "protocol": "TCP"}]}]);
        let endpoints = json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "t"}, "subsets": subsets});
        create(&pair.host, &format!("/api/v1/namespaces/{host}/endpoints"), &endpoints).await?;
        let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "t-ab12c", "labels": {"kubernetes.io/service-name": "t"}},
            "endpoints": [{"addresses": ["10.77.0.1"]}], "ports": [{"name": "https", "port": 8443, "protocol": "TCP"}]});
        create(&pair.host, &format!("/apis/discovery.k8s.io/v1/namespaces/{host}/endpointslices"), &slice).await?;
        let v = pair.until(&pair.tenant, &format!("{SERVICES}/kubernetes"), |v| v["spec"]["clusterIP"] == service["spec"]["clusterIP"]).await?;
        assert_eq!((&v["spec"]["ports"][0]["port"], &v["spec"]["ports"][0]["targetPort"]), (&json!(443), &json!(8443)));
        pair.until(&pair.tenant, "/api/v1/namespaces/default/endpoints/kubernetes", |v| v["subsets"] == subsets).await?;
        pair.until(&pair.tenant, &format!("{SLICES}/kubernetes-ab12c"), |v| v["endpoints"][0]["addresses"] == json!(["10.77.0.1"])).await?;
        Ok(())
    }

    async fn slices_of_a_service_without_selector_are_copied_and_stale_copies_go(pair: Pair) -> Result<()> {
        create(&pair.tenant, SERVICES, &service("db", json!({"ports": [{"port": 5432}]}))).await?;
        let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "db-1", "labels": {"kubernetes.io/service-name": "db"}},
            "endpoints": [{"addresses": ["10.77.0.9"]}], "ports": [{"port": 5432, "protocol": "TCP"}]});
        create(&pair.tenant, SLICES, &slice).await?;
        let on_host = pair.on_host_of("discovery.k8s.io", "endpointslices", "default", "db-1");
        let h = pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        assert_eq!(h["metadata"]["labels"]["kubernetes.io/service-name"], pair.host_name("default", "db"));
        patch(&pair.tenant, &format!("{SERVICES}/db"), &json!({"spec": {"selector": {"app": "db"}}})).await?;
        pair.until(&pair.host, &on_host, Value::is_null).await?;
        Ok(())
    }

    async fn a_service_goes_with_the_tenants_and_is_made_again_when_only_the_hosts_goes(pair: Pair) -> Result<()> {
        create(&pair.tenant, SERVICES, &web("ClusterIP")).await?;
        let on_host = pair.on_host("services", "default", "web");
        let first = pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        pair.quiet().await?;
        delete(&pair.host, &on_host).await?;
        let second = pair.until(&pair.host, &on_host, |h| !h.is_null() && h["metadata"]["uid"] != first["metadata"]["uid"]).await?;
        pair.until(&pair.tenant, &format!("{SERVICES}/web"), |v| v["spec"]["clusterIP"] == second["spec"]["clusterIP"]).await?;
        delete(&pair.tenant, &format!("{SERVICES}/web")).await?;
        pair.until(&pair.host, &on_host, Value::is_null).await?;
        Ok(())
    }
}
