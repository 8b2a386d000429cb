//! `--mode observe` beside a syncer that mirrors: it sees how far the two sides are apart, and writes nothing.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use v9s::cluster::Cluster;
use v9s::companion::{Mode, SyncerStatus};
use v9s::provision::values;
use v9s_syncer::observe::Observer;
use v9s_syncer::serve::Told;
use v9s_testkit::host::Host;
use v9s_testkit::users::Grant;

use crate::pair::{Pair, both, create, delete, get, patch};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const SERVICES: &str = "/api/v1/namespaces/default/services";
const PATIENCE: Duration = Duration::from_secs(60);

fn observer(pair: &Pair, config: &str) -> Observer {
    let [tenant, host] = pair.clusters();
    let settings = values::read(config).expect("a configuration");
    let ctx = v9s_syncer::context::Context::new("t", pair.namespace.as_str());
    Observer::start(ctx, &settings.sync, &tenant, &host, "observer".into())
}

async fn until(
    observer: &Observer,
    what: &str,
    holds: impl Fn(&SyncerStatus) -> bool,
) -> Result<SyncerStatus> {
    let began = tokio::time::Instant::now();
    loop {
        let status = observer.status();
        if holds(&status) {
            return Ok(status);
        }
        anyhow::ensure!(began.elapsed() < PATIENCE, "it never came true that {what}: {status:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn forced(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}, "metadata": {"name": name,
        "annotations": {"vcluster.loft.sh/force-sync": "true"}}})
}

fn service(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}})
}

/// Revisions of everything in the namespaces that matter, on both sides.
async fn revisions(pair: &Pair) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for (at, namespace) in
        [(&pair.tenant, "default"), (&pair.tenant, "kube-system"), (&pair.host, pair.namespace.as_str())]
    {
        for plural in
            ["configmaps", "secrets", "services", "pods", "serviceaccounts", "persistentvolumeclaims"]
        {
            let list = get(at, &format!("/api/v1/namespaces/{namespace}/{plural}")).await?;
            for item in list["items"].as_array().context("a list")? {
                all.push(format!(
                    "{namespace}/{plural}/{} {}",
                    item["metadata"]["name"], item["metadata"]["resourceVersion"]
                ));
            }
        }
        let leases = get(at, &format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases")).await?;
        all.extend(
            leases["items"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|lease| lease["metadata"]["name"].to_string()),
        );
    }
    Ok(all)
}

both! {
    async fn it_sees_lag_in_both_directions_of_what_another_syncer_writes(pair: Pair) -> Result<()> {
        let observer = observer(&pair, "");
        let seen = until(&observer, "both sides are listed", |status| status.synced).await?;
        assert_eq!((seen.mode, seen.to_host.count), (Mode::Observe, 0), "what was there before has no lag");
        create(&pair.tenant, SERVICES, &service("web")).await?;
        let on_host = pair.on_host("services", "default", "web");
        pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        until(&observer, "the Service has arrived", |status| status.kinds.get("services").is_some_and(|lag| lag.to_host.count > 0)).await?;
        pair.quiet().await?;
        create(&pair.tenant, MAPS, &forced("settings")).await?;
        let map_on_host = pair.on_host("configmaps", "default", "settings");
        pair.until(&pair.host, &map_on_host, |h| !h.is_null()).await?;
        pair.quiet().await?;
        patch(&pair.tenant, &format!("{MAPS}/settings"), &json!({"data": {"a": "2"}})).await?;
        until(&observer, "the change has arrived", |status| status.kinds.get("configmaps").is_some_and(|lag| lag.to_host.count > 0)).await?;
        pair.quiet().await?;
        patch(&pair.host, &map_on_host, &json!({"data": {"a": "3"}})).await?;
        let seen = until(&observer, "the host's change has arrived", |status| status.kinds.get("configmaps").is_some_and(|lag| lag.to_virtual.count > 0)).await?;
        assert!(seen.kinds["configmaps"].to_virtual.p99_millis.is_some_and(|p99| p99 < 30_000), "{seen:?}");
        delete(&pair.tenant, &format!("{SERVICES}/web")).await?;
        pair.until(&pair.host, &on_host, Value::is_null).await?;
        let seen = until(&observer, "nothing is apart", |status| status.pending.is_empty()).await?;
        assert_eq!(seen.drift.context("it is known")?.objects, []);
        Ok(())
    }

    async fn what_stands_still_is_told_as_apart_and_what_is_left_as_an_orphan(pair: Pair) -> Result<()> {
        create(&pair.tenant, SERVICES, &service("web")).await?;
        let on_host = pair.on_host("services", "default", "web");
        pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        pair.quiet().await?;
        pair.stop().await;
        let observer = observer(&pair, "");
        until(&observer, "both sides are listed", |status| status.synced && status.pending.is_empty()).await?;
        create(&pair.tenant, SERVICES, &service("late")).await?;
        until(&observer, "one is missing on the host", |status| status.pending.get("services") == Some(&1)).await?;
        delete(&pair.tenant, &format!("{SERVICES}/web")).await?;
        let seen = until(&observer, "one is left over", |status| status.pending.get("services") == Some(&2)).await?;
        assert!(seen.orphans.context("it is known")?.objects.is_empty(), "not before it has been so for a minute");
        pair.start();
        until(&observer, "all is well", |status| status.pending.is_empty()).await?;
        Ok(())
    }

    async fn it_writes_to_nothing_and_read_rights_are_enough(pair: Pair) -> Result<()> {
        create(&pair.tenant, MAPS, &forced("settings")).await?;
        create(&pair.tenant, SERVICES, &service("web")).await?;
        pair.until(&pair.host, &pair.on_host("services", "default", "web"), |h| !h.is_null()).await?;
        pair.until(&pair.host, &pair.on_host("configmaps", "default", "settings"), |h| !h.is_null()).await?;
        pair.quiet().await?;
        pair.stop().await;
        // There is plenty that a syncer would write.
        patch(&pair.tenant, &format!("{MAPS}/settings"), &json!({"data": {"a": "2"}})).await?;
        delete(&pair.host, &pair.on_host("services", "default", "web")).await?;
        let before = revisions(&pair).await?;
        let tenant = readers(&pair.tenant, Grant::everywhere()).await?;
        let host = readers(&pair.host, Grant::within(&pair.namespace)).await?;
        let settings = values::read("")?;
        let ctx = v9s_syncer::context::Context::new("t", pair.namespace.as_str());
        let observer = Observer::start(ctx, &settings.sync, &tenant, &host, "observer".into());
        let seen = until(&observer, "it sees what is apart", |status| status.synced && status.pending.len() == 2).await?;
        assert_eq!(seen.trouble, None, "{seen:?}");
        let stop = tokio_util::sync::CancellationToken::new();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let [_, admin] = pair.clusters();
        let running = tokio::spawn(v9s_syncer::observe::run(observer, admin, listener, stop.clone()));
        let status = format!("/api/v1/namespaces/{}/configmaps/vc-status-t", pair.namespace);
        pair.until(&pair.host, &status, |told| told["data"]["status.json"].as_str().is_some_and(|text| {
            v9s::companion::read(text).is_ok_and(|status| status.mode == Mode::Observe && status.synced)
        })).await?;
        stop.cancel();
        running.await?;
        let after: Vec<String> = revisions(&pair).await?.into_iter().filter(|line| !line.contains("vc-status-t")).collect();
        assert_eq!(after, before);
        Ok(())
    }
}

/// A cluster as one sees it who may only read what is compared.
async fn readers(host: &Host, grant: Grant) -> Result<Cluster> {
    let kinds =
        ["pods", "services", "configmaps", "secrets", "persistentvolumeclaims", "leases.coordination.k8s.io"];
    let kubeconfig = host.user("observer", &[grant.may(&["get", "list", "watch"], &kinds)]).await?;
    let client = v9s_testkit::kubeconfig::client(&kubeconfig).await?;
    Ok(Cluster::from_client(host.name, host.url(), "default", client))
}
