//! What a host shows of a virtual cluster goes into its backup, on both hosts.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use v9s::audit::{AuditLog, Outcome};
use v9s::backup::archive::Recipients;
use v9s::backup::set::{Protection, look, passed_over, plan};
use v9s::cluster::{Cluster, ConnectOptions, KubeconfigSource, open};
use v9s::lifecycle::{Decision, Refusal};
use v9s::target::find;
use v9s_testkit::host::Host;

async fn cluster(host: &Host) -> Result<Cluster> {
    Ok(open(&KubeconfigSource::Text(host.kubeconfig.as_str().into()), None, &ConnectOptions::default())
        .await?)
}

/// A virtual cluster as a host has it, with a little of everything.
pub fn objects(namespace: &str, name: &str, paused: bool) -> Vec<Value> {
    let labels = json!({"app": "vcluster", "release": name});
    let meta = |own: &str| json!({"name": own, "namespace": namespace, "labels": labels});
    let synced = |own: &str, inside: &str| {
        json!({
            "name": own, "namespace": namespace,
            "labels": {"vcluster.loft.sh/managed-by": name},
            "annotations": {"vcluster.loft.sh/object-name": inside, "vcluster.loft.sh/object-namespace": "web"},
        })
    };
    let mut plane = meta(name);
    if paused {
        plane["annotations"] = json!({"loft.sh/paused": "true", "loft.sh/paused-replicas": "1"});
    }
    let pod = json!({"containers": [{"name": "syncer", "image": "example.com/syncer:1"}]});
    vec![
        json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": plane,
            "spec": {
                "replicas": i32::from(!paused), "serviceName": name, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": meta(name),
            "spec": {"ports": [{"port": 443}], "selector": labels},
        }),
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": meta(&format!("vc-config-{name}")),
            "stringData": {"config.yaml": "controlPlane:\n  distro:\n    k8s:\n      version: v1.36.2\n"},
        }),
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": meta(&format!("{name}-certs")),
            "stringData": {"ca.key": "a key that nobody may see"},
        }),
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": synced("settings-x-web-x-shop", "settings"),
            "data": {"a": "b"},
        }),
        json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": synced("data-x-web-x-shop", "data"),
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }),
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "of-somebody", "namespace": namespace}, "data": {"c": "d"},
        }),
    ]
}

async fn put(host: &Host, paused: bool) -> Result<(String, Cluster)> {
    let namespace = host.namespace("team").await?;
    for object in objects(&namespace, "shop", paused) {
        v9s_testkit::objects::create(&host.client(), &object).await?;
    }
    Ok((namespace, cluster(host).await?))
}

v9s_testkit::both_hosts! {
    async fn its_own_objects_what_is_mirrored_and_volumes_are_found(host: Host) -> Result<()> {
        let (namespace, cluster) = put(&host, false).await?;
        let target = find(&cluster, Some(&namespace), "shop").await?;
        let found = look(&cluster, &target, true).await?;
        ensure!(found.config.contains("v1.36.2") && found.config_whole);
        assert_eq!(found.kubernetes.as_deref(), Some("v1.36.2"));
        let kinds = |all: &[Value]| -> Vec<String> {
            all.iter().filter_map(|object| Some(object["kind"].as_str()?.to_owned())).collect()
        };
        assert_eq!(kinds(&found.own), ["Service", "StatefulSet"], "{:?}", found.own);
        ensure!(found.own.iter().all(|object| object["metadata"].get("managedFields").is_none()));
        let mirrored: Vec<_> = found
            .mirrored
            .iter()
            .map(|one| (one.kind.as_str(), one.virtual_namespace.as_deref(), one.virtual_name.as_deref()))
            .collect();
        ensure!(mirrored.contains(&("ConfigMap", Some("web"), Some("settings"))), "{mirrored:?}");
        assert_eq!(mirrored.len(), 2, "{mirrored:?}");
        assert_eq!(found.volumes.len(), 1);
        assert_eq!(found.coverage(true).sentence(false), "state ✓ config ✓ keys ✓ volumes 0/1");

        let open = look(&cluster, &target, false).await?;
        ensure!(open.keys.is_empty(), "keys are not even read");
        let all = format!("{open:?}");
        ensure!(!all.contains("a key that nobody may see") && !all.contains("YSBrZXkgdGhhdCBub2JvZHkgbWF5IHNlZQ"));
        Ok(())
    }

    async fn one_that_rests_is_passed_over_with_a_record(host: Host) -> Result<()> {
        let (namespace, cluster) = put(&host, true).await?;
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("audit.jsonl");
        let cluster = cluster.with_audit(AuditLog::at(&path));
        let target = find(&cluster, Some(&namespace), "shop").await?;
        let to = Protection::choose(Recipients::NONE, true).map_err(anyhow::Error::msg)?;
        let Decision::Refused(refusal @ Refusal::Rests { .. }) = plan(&target, &to, "/backups") else {
            panic!("it is paused")
        };
        ensure!(refusal.to_string().contains(&format!("v9s resume shop -n {namespace}")), "{refusal}");
        passed_over(&cluster, &target, &refusal.to_string()).await;
        let text = std::fs::read_to_string(&path)?;
        let record: v9s::audit::Record = serde_json::from_str(text.lines().next().context("no record")?)?;
        assert_eq!((record.action.as_str(), record.name.as_str()), ("back-up", "shop"));
        ensure!(matches!(&record.outcome, Outcome::Failed(why) if why.contains("passed over")), "{record:?}");
        Ok(())
    }
}
