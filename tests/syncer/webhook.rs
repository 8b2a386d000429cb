//! The address that the host gives is the one that the tenant's Service is created with.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};
use v9s_syncer::resources::Settings;
use v9s_syncer::webhook::{self, Options};

use crate::pair::{Pair, both, create, delete, get, patch, send};

const SERVICES: &str = "/api/v1/namespaces/default/services";
const CONFIGURATION: &str =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/v9s-syncer-services";
const RESERVED: &str = "v9s.io/reserved";

/// Starts the webhook and waits until the tenant's API server asks it.
async fn asked(pair: &mut Pair) -> Result<()> {
    start(pair);
    for at in 0..300 {
        let probe = format!("probe-{at}");
        let v = create(&pair.tenant, SERVICES, &service(&probe, json!({"ports": [{"port": 80}]}))).await?;
        let h = get(&pair.host, &pair.on_host("services", "default", &probe)).await?;
        delete(&pair.tenant, &format!("{SERVICES}/{probe}")).await?;
        if !h.is_null() && h["spec"]["clusterIP"] == v["spec"]["clusterIP"] {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the virtual API server never asks: {:#}", get(&pair.tenant, CONFIGURATION).await?)
}

fn start(pair: &mut Pair) {
    pair.beside(|ctx, [tenant, host], engine, stop| {
        let usual = Options::new(([127, 0, 0, 1], 0).into(), None);
        let options = Options { check: Duration::from_millis(300), ..usual };
        webhook::run(options, ctx, tenant, host, engine, stop)
    });
}

fn service(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})
}

fn web() -> Value {
    service("web", json!({"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]}))
}

fn of_type(name: &str, kind: &str) -> Value {
    service(
        name,
        json!({"type": kind, "selector": {"app": "web"}, "ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}, {"port": 81, "protocol": "UDP", "name": "c"}]}),
    )
}

fn in_vain<T: std::fmt::Debug>(outcome: Result<T>) -> Result<String> {
    match outcome {
        Ok(done) => bail!("it was accepted: {done:#?}"),
        Err(error) => Ok(format!("{error:#}")),
    }
}

/// Makes the tenant's API server refuse every Service, after it has asked.
async fn no_more_services(pair: &Pair) -> Result<String> {
    let none = json!({"services": "0"});
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": "default"},
        "spec": {"hard": none}, "status": {"hard": none, "used": {"services": "0"}}});
    pair.tenant.seed(&[quota]).await?;
    let path = "/api/v1/namespaces/default/resourcequotas/none".to_owned();
    for at in 0..300 {
        // Its cache of quotas may be behind.
        let name = format!("still-{at}");
        if create(
            &pair.tenant,
            &format!("{SERVICES}?dryRun=All"),
            &service(&name, json!({"ports": [{"port": 80}]})),
        )
        .await
        .is_err()
        {
            return Ok(path);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the quota is never heeded")
}

both! {
    async fn addresses_and_ports_are_the_hosts_from_the_first_moment(pair: Pair) -> Result<()> {
        asked(&mut pair).await?;
        for kind in ["ClusterIP", "NodePort", "LoadBalancer"] {
            let name = kind.to_lowercase();
            let made = create(&pair.tenant, SERVICES, &of_type(&name, kind)).await?;
            let on_host = pair.on_host("services", "default", &name);
            let h = get(&pair.host, &on_host).await?;
            assert_eq!((&made["spec"]["clusterIP"], &made["spec"]["clusterIPs"]), (&h["spec"]["clusterIP"], &h["spec"]["clusterIPs"]), "{kind}");
            let h = pair.until(&pair.host, &on_host, |h| h["spec"]["type"] == kind && h["metadata"]["annotations"][RESERVED].is_null()).await?;
            assert_eq!(made["spec"]["ports"], h["spec"]["ports"], "{kind}");
            assert_eq!(h["metadata"]["annotations"]["vcluster.loft.sh/object-uid"], made["metadata"]["uid"]);
            assert_eq!(h["spec"]["selector"]["vcluster.loft.sh/namespace"], "default");
            pair.quiet().await?;
            let now = get(&pair.tenant, &format!("{SERVICES}/{name}")).await?;
            assert_eq!((&now["spec"], &now["metadata"]["uid"]), (&made["spec"], &made["metadata"]["uid"]), "nothing was exchanged");
        }
        let headless = create(&pair.tenant, SERVICES, &service("each", json!({"clusterIP": "None", "selector": {"app": "web"}}))).await?;
        assert_eq!(headless["spec"]["clusterIP"], "None");
        let mut generated = web();
        generated["metadata"] = json!({"generateName": "many-"});
        let made = create(&pair.tenant, SERVICES, &generated).await?;
        let name = made["metadata"]["name"].as_str().unwrap_or_default();
        ensure!(name.len() == "many-".len() + 5 && name.starts_with("many-"), "{name}");
        assert_eq!(get(&pair.host, &pair.on_host("services", "default", name)).await?["spec"]["clusterIP"], made["spec"]["clusterIP"]);
        Ok(())
    }

    async fn an_address_that_the_tenant_asks_for_is_had_or_refused_in_kubernetes_words(pair: Pair) -> Result<()> {
        asked(&mut pair).await?;
        let last = 20 + pair.namespace.len() as u32 + std::process::id() % 180;
        let address = format!("10.96.0.{last}");
        let asks = |name: &str| service(name, json!({"clusterIP": address, "ports": [{"port": 80}]}));
        let made = create(&pair.tenant, SERVICES, &asks("mine")).await?;
        assert_eq!(made["spec"]["clusterIP"], address.as_str());
        assert_eq!(get(&pair.host, &pair.on_host("services", "default", "mine")).await?["spec"]["clusterIP"], address.as_str());
        let foreign = format!("/api/v1/namespaces/{}/services", pair.namespace);
        let taken = create(&pair.host, &foreign, &service("foreign", json!({"ports": [{"port": 80}]}))).await?["spec"]["clusterIP"].clone();
        let refused = in_vain(create(&pair.tenant, SERVICES, &service("theirs", json!({"clusterIP": taken, "ports": [{"port": 80}]}))).await)?;
        for words in ["Service \"theirs\" is invalid", "spec.clusterIPs", "provided IP is already allocated"] {
            ensure!(refused.contains(words), "{refused}");
        }
        ensure!(!refused.contains(&pair.namespace) && !refused.contains("theirs-x-"), "no names of the host: {refused}");
        let outside = in_vain(create(&pair.tenant, SERVICES, &service("far", json!({"clusterIP": "192.0.2.7", "ports": [{"port": 80}]}))).await)?;
        ensure!(outside.contains("192.0.2.7"), "{outside}");
        for name in ["theirs", "far"] {
            assert_eq!(get(&pair.host, &pair.on_host("services", "default", name)).await?, Value::Null);
        }
        let invalid = in_vain(create(&pair.tenant, SERVICES, &service("bad", json!({"ports": [{"port": 0}]}))).await)?;
        ensure!(invalid.contains("spec.ports[0].port") && !invalid.contains("webhook"), "{invalid}");
        Ok(())
    }

    async fn the_quota_of_the_host_refuses_a_service_at_once_and_in_the_tenants_words(pair: Pair) -> Result<()> {
        asked(&mut pair).await?;
        let one = json!({"services.nodeports": "0"});
        pair.host.seed(&[json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "limits", "namespace": pair.namespace},
            "spec": {"hard": one}, "status": {"hard": one, "used": one}})]).await?;
        let mut refused = String::new();
        for at in 0..300 {
            // The cache of quotas may be behind.
            let name = format!("ported-{at}");
            match create(&pair.tenant, SERVICES, &of_type(&name, "NodePort")).await {
                Ok(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                Err(error) => {
                    refused = format!("{error:#}");
                    ensure!(refused.contains(&format!("services \"{name}\" is forbidden: exceeded quota")), "{refused}");
                    assert_eq!(get(&pair.host, &pair.on_host("services", "default", &name)).await?, Value::Null);
                    break;
                }
            }
        }
        ensure!(refused.contains("services.nodeports=3") && !refused.contains("-x-"), "{refused}");
        create(&pair.tenant, SERVICES, &web()).await?;
        Ok(())
    }

    async fn an_address_of_another_service_of_the_tenant_is_refused_as_by_any_server(pair: Pair) -> Result<()> {
        asked(&mut pair).await?;
        // This one is not mirrored: its address means nothing to the host.
        let mut apart = web();
        apart["metadata"] = json!({"name": "apart", "labels": {"vcluster.loft.sh/controlled-by": "somebody"}});
        let held = create(&pair.tenant, SERVICES, &apart).await?["spec"]["clusterIP"].clone();
        assert_eq!(get(&pair.host, &pair.on_host("services", "default", "apart")).await?, Value::Null);
        let refused = in_vain(create(&pair.tenant, SERVICES, &service("web", json!({"clusterIP": held, "ports": [{"port": 80}]}))).await)?;
        ensure!(refused.contains("provided IP is already allocated"), "{refused}");
        Ok(())
    }

    async fn an_external_name_that_becomes_a_service_gets_the_hosts_address_at_once(pair: Pair) -> Result<()> {
        asked(&mut pair).await?;
        let mine = format!("{SERVICES}/web");
        create(&pair.tenant, SERVICES, &service("web", json!({"type": "ExternalName", "externalName": "example.org"}))).await?;
        let on_host = pair.on_host("services", "default", "web");
        pair.until(&pair.host, &on_host, |h| h["spec"]["externalName"] == "example.org").await?;
        pair.quiet().await?;
        let turned = json!({"spec": {"type": "ClusterIP", "externalName": null, "ports": [{"port": 80}]}});
        let v = patch(&pair.tenant, &mine, &turned).await?;
        let h = get(&pair.host, &on_host).await?;
        assert_eq!((&h["spec"]["type"], &h["spec"]["clusterIP"]), (&json!("ClusterIP"), &v["spec"]["clusterIP"]));
        pair.until(&pair.host, &on_host, |h| h["metadata"]["annotations"][RESERVED].is_null()).await?;
        pair.quiet().await?;
        assert_eq!(get(&pair.tenant, &mine).await?["spec"], v["spec"]);
        Ok(())
    }

    async fn a_dry_run_leaves_nothing_on_the_host(pair: Pair) -> Result<()> {
        asked(&mut pair).await?;
        let dry = create(&pair.tenant, &format!("{SERVICES}?dryRun=All"), &web()).await?;
        ensure!(dry["spec"]["type"] == "ClusterIP", "{dry}");
        assert_eq!(get(&pair.host, &pair.on_host("services", "default", "web")).await?, Value::Null);
        let taken = get(&pair.host, &format!("/api/v1/namespaces/{}/services/t", pair.namespace)).await?["spec"]["clusterIP"].clone();
        let asks = service("web", json!({"clusterIP": taken, "ports": [{"port": 80}]}));
        // Whether an address is free no server says in a dry run.
        drop(create(&pair.tenant, &format!("{SERVICES}?dryRun=All"), &asks).await);
        create(&pair.tenant, SERVICES, &web()).await?;
        let on_host = pair.on_host("services", "default", "web");
        let h = pair.until(&pair.host, &on_host, |h| h["metadata"]["annotations"][RESERVED].is_null() && !h.is_null()).await?;
        let again = send(&pair.tenant, "PATCH", &format!("{SERVICES}/web?dryRun=All"), "application/merge-patch+json",
            &json!({"spec": {"ports": [{"name": "http", "port": 81}]}})).await?;
        assert_eq!(again["spec"]["clusterIP"], h["spec"]["clusterIP"]);
        assert_eq!(get(&pair.host, &on_host).await?["spec"], h["spec"]);
        Ok(())
    }

    async fn what_the_tenants_api_server_refuses_goes_in_the_end(pair: Pair) -> Result<()> {
        asked(&mut pair).await?;
        no_more_services(&pair).await?;
        let refused = in_vain(create(&pair.tenant, SERVICES, &web()).await)?;
        ensure!(refused.contains("exceeded quota"), "{refused}");
        let on_host = pair.on_host("services", "default", "web");
        let h = get(&pair.host, &on_host).await?;
        ensure!(h["metadata"]["annotations"][RESERVED].is_string(), "{h:#}");
        pair.quiet().await?;
        ensure!(!get(&pair.host, &on_host).await?.is_null(), "it is kept for a while");
        // As if some minutes had passed.
        let long_ago = json!({"metadata": {"annotations": {RESERVED: "2020-01-01T00:00:00Z"}}});
        patch(&pair.host, &on_host, &long_ago).await?;
        pair.until(&pair.host, &on_host, Value::is_null).await?;
        assert_eq!(get(&pair.tenant, &format!("{SERVICES}/web")).await?, Value::Null);
        Ok(())
    }

    async fn what_was_reserved_before_a_restart_is_taken_over(pair: Pair) -> Result<()> {
        asked(&mut pair).await?;
        let quota = no_more_services(&pair).await?;
        in_vain(create(&pair.tenant, SERVICES, &web()).await)?;
        let on_host = pair.on_host("services", "default", "web");
        let reserved = get(&pair.host, &on_host).await?;
        pair.kill();
        delete(&pair.tenant, &quota).await?;
        pair.start();
        asked(&mut pair).await?;
        let mut made = create(&pair.tenant, SERVICES, &web()).await;
        for _ in 0..100 {
            // The cache of quotas may be behind.
            if made.is_ok() { break }
            tokio::time::sleep(Duration::from_millis(100)).await;
            made = create(&pair.tenant, SERVICES, &web()).await;
        }
        assert_eq!(made?["spec"]["clusterIP"], reserved["spec"]["clusterIP"], "the same Service on the host");
        let h = pair.until(&pair.host, &on_host, |h| h["metadata"]["annotations"][RESERVED].is_null()).await?;
        assert_eq!(h["metadata"]["uid"], reserved["metadata"]["uid"]);
        Ok(())
    }

    async fn two_at_once_become_one_service(pair: Pair) -> Result<()> {
        asked(&mut pair).await?;
        for round in 0..5 {
            let name = format!("web-{round}");
            let object = service(&name, json!({"ports": [{"port": 80}]}));
            let (one, other) = tokio::join!(create(&pair.tenant, SERVICES, &object), create(&pair.tenant, SERVICES, &object));
            let made: Vec<Value> = [one, other].into_iter().filter_map(Result::ok).collect();
            let [made] = made.as_slice() else { bail!("{} of them were made", made.len()) };
            let on_host = pair.on_host("services", "default", &name);
            let h = pair.until(&pair.host, &on_host, |h| !h.is_null() && h["metadata"]["annotations"][RESERVED].is_null()).await?;
            pair.until(&pair.tenant, &format!("{SERVICES}/{name}"), |v| v["spec"]["clusterIP"] == h["spec"]["clusterIP"]).await?;
            assert_eq!(h["metadata"]["annotations"]["vcluster.loft.sh/object-uid"], made["metadata"]["uid"]);
            // A successor gets along with what its predecessor leaves.
            delete(&pair.tenant, &format!("{SERVICES}/{name}")).await?;
            let again = create(&pair.tenant, SERVICES, &object).await?;
            let h = pair.until(&pair.host, &on_host, |h| h["metadata"]["annotations"]["vcluster.loft.sh/object-uid"] == again["metadata"]["uid"]).await?;
            pair.until(&pair.tenant, &format!("{SERVICES}/{name}"), |v| v["spec"]["clusterIP"] == h["spec"]["clusterIP"]).await?;
        }
        Ok(())
    }

    async fn without_the_syncer_services_are_made_and_get_the_hosts_address_later(pair: Pair) -> Result<()> {
        asked(&mut pair).await?;
        pair.kill();
        ensure!(!get(&pair.tenant, CONFIGURATION).await?.is_null());
        let made = create(&pair.tenant, SERVICES, &web()).await?;
        assert_eq!(get(&pair.host, &pair.on_host("services", "default", "web")).await?, Value::Null);
        pair.start();
        let h = pair.until(&pair.host, &pair.on_host("services", "default", "web"), |h| h["spec"]["clusterIP"].is_string()).await?;
        let v = pair.until(&pair.tenant, &format!("{SERVICES}/web"), |v| v["spec"]["clusterIP"] == h["spec"]["clusterIP"]).await?;
        assert_eq!(v["metadata"]["uid"], made["metadata"]["uid"]);
        Ok(())
    }

    async fn the_configuration_is_kept_right_and_goes_when_services_are_not_mirrored(pair: Pair) -> Result<()> {
        start(&mut pair);
        let right = pair.until(&pair.tenant, CONFIGURATION, |found| !found.is_null()).await?;
        assert_eq!(right["webhooks"][0]["failurePolicy"], "Ignore");
        let secret = get(&pair.host, &format!("/api/v1/namespaces/{}/secrets/vc-webhook-t", pair.namespace)).await?;
        ensure!(secret["metadata"]["ownerReferences"][0]["name"] == "t", "it goes with the virtual cluster: {secret:#}");
        let mut broken = right["webhooks"].clone();
        (broken[0]["failurePolicy"], broken[0]["timeoutSeconds"]) = (json!("Fail"), json!(30));
        patch(&pair.tenant, CONFIGURATION, &json!({"webhooks": broken})).await?;
        pair.until(&pair.tenant, CONFIGURATION, |found| found["webhooks"] == right["webhooks"]).await?;
        delete(&pair.tenant, CONFIGURATION).await?;
        pair.until(&pair.tenant, CONFIGURATION, |found| found["webhooks"] == right["webhooks"]).await?;
        pair.restart_with(&Settings { services: false, ..Settings::default() }).await;
        start(&mut pair);
        pair.until(&pair.tenant, CONFIGURATION, Value::is_null).await?;
        Ok(())
    }
}
