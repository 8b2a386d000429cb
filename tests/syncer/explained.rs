//! Why a tenant's pod is not on the host, or does not start there: explained by what both sides really say.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use chrono::Utc;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use smol_str::SmolStr;
use v9s::cluster::Cluster;
use v9s::companion::{self, DriftStatus, DriftedObject, SyncerStatus};
use v9s::explain::{ExplainError, Verdict, Wish, explain, gather};
use v9s::gc::{Inside, Place, Ways};
use v9s::target::refresh;

use crate::pair::{Pair, both, create, delete, patch};

const PODS: &str = "/api/v1/namespaces/default/pods";
/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(120);

/// Leads to the tenant's API server.
struct Straight(Option<Cluster>);

impl Ways for Straight {
    fn open<'a>(&'a self, _: &'a Cluster, _: &'a Place) -> BoxFuture<'a, Result<Inside, SmolStr>> {
        let inside = self.0.clone().ok_or_else(|| SmolStr::new_static("nobody answers"));
        Box::pin(async move { Ok(Inside { cluster: inside?, way: None }) })
    }
}

fn pod(name: &str, change: Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"dnsPolicy": "Default", "containers": [
        {"name": "main", "image": "i", "resources": {"requests": {"cpu": "10m", "memory": "8Mi"}, "limits": {"cpu": "10m", "memory": "8Mi"}}}]}});
    merge(&mut pod, change);
    pod
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            from.into_iter().for_each(|(key, value)| merge(into.entry(key).or_insert(Value::Null), value));
        }
        (into, from) => *into = from,
    }
}

/// One container that asks for this.
fn asks(resources: Value) -> Value {
    json!({"spec": {"containers": [{"name": "main", "image": "i", "resources": resources}]}})
}

/// What says that its control plane is meant to run, with so many replicas ready.
async fn control_plane(pair: &Pair, ready: u32) -> Result<()> {
    let labels = json!({"app": "vcluster", "release": "t"});
    pair.host
        .seed(&[json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "t", "namespace": pair.namespace, "labels": labels},
        "spec": {"replicas": 1, "serviceName": "t", "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels}, "spec": {"containers": [{"name": "syncer", "image": "v:1"}]}}},
        "status": {"replicas": 1, "readyReplicas": ready}})])
        .await?;
    Ok(())
}

/// Publishes what the engine waits for, as a companion does after a while.
async fn publish(pair: &Pair) -> Result<()> {
    let objects = pair.engine().pending().into_iter().map(|(kind, object, why)| DriftedObject {
        kind: kind.to_string().into(),
        namespace: object.namespace,
        name: object.name,
        since: Utc::now(),
        why: why.to_string().into(),
        quarantined: false,
    });
    let drift = DriftStatus { objects: objects.collect(), ..DriftStatus::default() };
    let status = SyncerStatus {
        version: companion::VERSION,
        time: Some(Utc::now()),
        drift: Some(drift),
        ..SyncerStatus::default()
    };
    let map = json!({"metadata": {"name": companion::config_map("t"), "namespace": pair.namespace},
        "data": {companion::KEY: serde_json::to_string(&status)?}});
    create(&pair.host, &format!("/api/v1/namespaces/{}/configmaps", pair.namespace), &map).await.map(|_| ())
}

async fn look(pair: &Pair, name: &str, reachable: bool) -> Result<Result<Verdict, ExplainError>> {
    let [tenant, host] = pair.clusters();
    let target = refresh(&host, &pair.namespace, "t").await?;
    let wish = Wish::Tenant { target, namespace: "default".into(), pod: name.into() };
    let ways = Straight(reachable.then_some(tenant));
    Ok(gather(&host, &ways, &wish).await.map(|facts| explain(&facts)))
}

/// Waits until a pod is explained by this cause.
async fn settles(pair: &Pair, name: &str, code: &str) -> Result<Verdict> {
    let began = tokio::time::Instant::now();
    let mut last = String::new();
    while began.elapsed() < PATIENCE {
        match look(pair, name, true).await {
            Ok(Ok(verdict)) if verdict.code == code => return Ok(verdict),
            Ok(Ok(verdict)) => last = format!("{verdict:#?}"),
            Ok(Err(error)) => last = error.to_string(),
            Err(error) => last = error.to_string(),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!(
        "{name} is never explained by {code}; at last it was {last}; pending: {:?}",
        pair.runs().then(|| pair.engine().pending())
    )
}

/// Each of these is explained so, with what shows it and what to do.
async fn all(pair: &Pair, cases: Vec<(&str, &str, Value, &str)>) -> Result<()> {
    for (name, _, change, _) in &cases {
        create(&pair.tenant, PODS, &pod(name, change.clone())).await?;
    }
    for (name, code, _, says) in cases {
        let verdict = settles(pair, name, code).await?;
        let Some(cause) = verdict.cause() else { bail!("{name}: {}", verdict.sentence) };
        ensure!(verdict.sentence.contains(says), "{name}: {}", verdict.sentence);
        ensure!(!cause.evidence.is_empty() && !cause.fixes.is_empty(), "{name}: {cause:?}");
        ensure!(verdict.unread.is_empty(), "{name}: {:?}", verdict.unread);
    }
    Ok(())
}

both! {
    async fn explained_why_the_host_refuses_a_pod(pair: Pair) -> Result<()> {
        control_plane(&pair, 1).await?;
        let ns = pair.namespace.clone();
        // Quotas count where their status says how much there is.
        let hard = json!({"limits.cpu": "1"});
        pair.host.seed(&[
            json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "narrow", "namespace": ns},
                "spec": {"hard": hard}, "status": {"hard": hard, "used": {"limits.cpu": "0"}}}),
            json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small", "namespace": ns},
                "spec": {"limits": [{"type": "Pod", "max": {"memory": "1Gi"}}]}}),
            json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
                "metadata": {"name": format!("{ns}-away")}, "webhooks": [{"name": "away.example.org", "sideEffects": "None",
                    "admissionReviewVersions": ["v1"], "timeoutSeconds": 2, "clientConfig": {"url": "https://127.0.0.1:1/review"},
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": ns}},
                    "objectSelector": {"matchLabels": {"asks": "hook"}},
                    "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]}]}),
        ]).await?;
        let limits = |cpu: &str, memory: &str| asks(json!({"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": cpu, "memory": memory}}));
        all(&pair, vec![
            ("full", "quota-exceeded", limits("2", "8Mi"), "the quota narrow has no room"),
            ("unsaid", "quota-needs-values", asks(json!({"requests": {"memory": "8Mi"}, "limits": {"memory": "8Mi"}})), "limits.cpu"),
            ("large", "limit-range", limits("10m", "2Gi"), "maximum memory usage per Pod is 1Gi"),
        ]).await?;
        // Of what may pass by itself a tenant is not told; the companion tells of it.
        create(&pair.tenant, PODS, &pod("asked", json!({"metadata": {"labels": {"asks": "hook"}}}))).await?;
        pair.until_pending("failed calling webhook").await?;
        publish(&pair).await?;
        let verdict = settles(&pair, "asked", "webhook-unreachable").await?;
        ensure!(verdict.sentence.contains("away.example.org"), "{}", verdict.sentence);
        Ok(())
    }

    async fn explained_what_a_pod_on_the_host_waits_for(pair: Pair) -> Result<()> {
        control_plane(&pair, 1).await?;
        // A host without nodes would be a cause of its own.
        let node = format!("{}-node", pair.namespace);
        pair.host.seed(&[json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}})]).await?;
        let claims = "/api/v1/namespaces/default/persistentvolumeclaims";
        create(&pair.tenant, claims, &json!({"metadata": {"name": "slow"}, "spec": {"accessModes": ["ReadWriteOnce"],
            "storageClassName": "no-such-class", "resources": {"requests": {"storage": "1Gi"}}}})).await?;
        let volume = |claim: &str| json!({"spec": {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]}});
        all(&pair, vec![
            ("gated", "scheduling-gated", json!({"spec": {"schedulingGates": [{"name": "example.com/wait"}]}}), "example.com/wait"),
            ("claimless", "claim-missing", volume("nothing"), "there is none"),
            ("classless", "storage-class-missing", volume("slow"), "no-such-class"),
            // No scheduler runs on this host.
            ("unseen", "scheduler-silent", json!({}), "no scheduler has looked at it"),
        ]).await?;
        // A node that is gone by now.
        let name = pair.host_name("default", "unseen");
        let on_host = pair.on_host("pods", "default", "unseen");
        create(&pair.host, &format!("{on_host}/binding"), &json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name},
            "target": {"apiVersion": "v1", "kind": "Node", "name": "ghost"}})).await?;
        let verdict = settles(&pair, "unseen", "node-gone").await?;
        ensure!(verdict.sentence.contains("its node ghost is gone"), "{}", verdict.sentence);
        // One that does not go.
        let on_host = pair.on_host("pods", "default", "gated");
        patch(&pair.host, &on_host, &json!({"metadata": {"finalizers": ["example.com/hold"]}})).await?;
        delete(&pair.tenant, &format!("{PODS}/gated")).await?;
        let verdict = settles(&pair, "gated", "finalizer").await?;
        ensure!(verdict.sentence.contains("example.com/hold"), "{}", verdict.sentence);
        patch(&pair.host, &on_host, &json!({"metadata": {"finalizers": null}})).await?;
        delete(&pair.host, &format!("/api/v1/nodes/{node}")).await?;
        Ok(())
    }

    async fn explained_when_nobody_mirrors(pair: Pair) -> Result<()> {
        control_plane(&pair, 1).await?;
        pair.stop().await;
        create(&pair.tenant, PODS, &pod("alone", json!({}))).await?;
        settles(&pair, "alone", "twin-missing").await?;
        let plane = format!("/apis/apps/v1/namespaces/{}/statefulsets/t", pair.namespace);
        patch(&pair.host, &format!("{plane}/status"), &json!({"status": {"readyReplicas": 0}})).await?;
        let verdict = settles(&pair, "alone", "syncer-down").await?;
        ensure!(verdict.sentence.contains("most likely"), "{}", verdict.sentence);

        // What cannot be asked is said, and is not taken for an answer.
        let verdict = look(&pair, "alone", false).await??;
        ensure!(verdict.code == "unknown", "{verdict:#?}");
        ensure!(verdict.unread.iter().any(|it| it.contains("nobody answers")), "{:?}", verdict.unread);
        let nobody = look(&pair, "nobody", true).await?;
        ensure!(matches!(nobody, Err(ExplainError::NoPod { .. })), "{nobody:?}");

        let marks = json!({"loft.sh/paused": "true", "loft.sh/paused-replicas": "1"});
        let paused = json!({"metadata": {"annotations": marks}, "spec": {"replicas": 0}});
        patch(&pair.host, &plane, &paused).await?;
        let verdict = settles(&pair, "alone", "vcluster-paused").await?;
        ensure!(verdict.sentence.contains("v9s resume t"), "{}", verdict.sentence);
        Ok(())
    }
}
