//! Probes between tenants whose pods really run: this host's network enforces no policies, so a way is open until a packet filter of its
//! node closes it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};
use v9s::cluster::{ConnectOptions, KubeconfigSource, open};
use v9s::operation::Operation;
use v9s::probe::{self, Heard, ProbeError, Probed, STEPS, Verdict, Wanted};
use v9s::target::find;
use v9s_testkit::kubeconfig;
use v9s_testkit::node::images::BUSYBOX;
use v9s_testkit::pods::Room;

use crate::made::{KEPT, host, makes};

/// A tenant by what makes it one on its host: a control plane, of which nothing runs.
async fn tenant(name: &str, placed: Value) -> Result<Room> {
    let cluster = tokio::task::spawn_blocking(host).await??;
    let room = Room::take(kubeconfig::client(&cluster.kubeconfig()).await?, name).await?;
    let labels = json!({"app": "vcluster", "release": name});
    let mut pod = json!({"containers": [{"name": "syncer", "image": BUSYBOX}]});
    for (field, value) in placed.as_object().into_iter().flatten() {
        pod[field] = value.clone();
    }
    room.create(
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name, "labels": labels},
        "spec": {"replicas": 0, "serviceName": name, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod}}}),
    )
    .await?;
    // The pods must be such as the strictest namespaces take.
    let strict = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(room.client.clone());
    namespaces.patch(name, &Default::default(), &kube::api::Patch::Merge(strict)).await?;
    Ok(room)
}

/// Calls from the last node, which is kept for those who ask for it.
fn kept() -> Value {
    let (key, value) = KEPT;
    json!({"nodeSelector": {key: value}, "tolerations": [{"key": key, "value": value, "effect": "NoSchedule"}]})
}

async fn probed(from: &str, to: &str, port: u16) -> Result<Probed> {
    let cluster = tokio::task::spawn_blocking(host).await??;
    let source = KubeconfigSource::Text(cluster.kubeconfig().into());
    let host = open(&source, None, &ConnectOptions::default()).await?;
    let (from, to) = (find(&host, Some(from), from).await?, find(&host, Some(to), to).await?);
    let found = probe::look(&host, from, to).await?;
    let plan = probe::plan(found, Wanted { port, start: Duration::from_secs(180), ..Wanted::default() })?;
    let operation = Operation::start("probe", STEPS, move |progress| async move {
        probe::carry_out(&host, &plan, &progress).await
    });
    let done: Result<Probed, ProbeError> = operation.result().await;
    Ok(done?)
}

async fn left(room: &Room) -> Result<usize> {
    let ours = ListParams::default().labels("v9s.io/probe");
    Ok(room.api::<Job>().list(&ours).await?.items.len() + room.api::<Pod>().list(&ours).await?.items.len())
}

/// What comes from other nodes for this port is dropped on the first one.
async fn filtered(port: u16, on: bool) -> Result<()> {
    let cluster = tokio::task::spawn_blocking(host).await??;
    let node = cluster.nodes().first().context("there is no node")?;
    let rule = ["FORWARD", "-i", "eth0", "-p", "tcp", "--dport", &port.to_string(), "-j", "DROP"];
    let done = node.command("iptables").arg(if on { "-I" } else { "-D" }).args(rule).output()?;
    ensure!(done.status.success(), "iptables: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

makes! {
    async fn a_way_is_open_until_something_closes_it_and_no_pod_stays() -> Result<()> {
        let (from, to) = (tenant("calls", kept()).await?, tenant("called", json!({})).await?);
        let open = probed("calls", "called", 18080).await?;
        assert_eq!(open.verdict, Verdict::Open, "{open:?}");
        let nodes = [&open.call, &open.control].map(|call| call.as_ref().and_then(|call| call.node.clone()));
        assert_ne!(nodes[0], nodes[1], "each is placed as its control plane is");

        // Said and not enforced: this network knows no policies.
        to.create(json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny"},
            "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}})).await?;
        let open = probed("calls", "called", 18080).await?;
        assert_eq!(open.verdict, Verdict::Open, "{open:?}");
        assert!(open.beside.is_some_and(|said| said.contains("does not enforce NetworkPolicies")), "{open:?}");

        filtered(18081, true).await?;
        let closed = probed("calls", "called", 18081).await;
        filtered(18081, false).await?;
        let closed = closed?;
        assert!(matches!(closed.verdict, Verdict::Isolated { .. }), "{closed:?}");
        assert_eq!(closed.call.map(|call| call.heard), Some(Ok(Heard::Silence)));

        for room in [&from, &to] {
            assert_eq!(left(room).await?, 0, "{}", room.namespace);
        }
        Ok(())
    }
}
