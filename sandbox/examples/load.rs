//! Measures an embedded host with many pods: start, seeding, paged lists, a watch of everything, memory.
//!
//! `cargo run --release -p v9s-sandbox --example load -- 50000` for the API server alone; with `live` after the number its
//! controllers and nodes run too, and every 50 pods there is a virtual cluster: a StatefulSet with a claim behind a Service.

use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::io::Write as _;
use std::time::Instant;
use v9s_sandbox::access::User;
use v9s_sandbox::controllers;
use v9s_sandbox::node::Machines;
use v9s_sandbox::store::{Gr, Seed};
use v9s_sandbox::{Options, Sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: usize = std::env::args().nth(1).map_or(Ok(50_000), |n| n.parse())?;
    let live = std::env::args().nth(2).is_some_and(|word| word == "live");
    let mut out = std::io::stdout().lock();
    let begin = Instant::now();
    let machines = Machines { count: 1 + count / 200, cpu: 64, memory: 256, ..Machines::default() };
    let controllers = live.then(|| controllers::Options { machines, ..controllers::Options::default() });
    let sandbox = Sandbox::start(Options { controllers, ..Options::default() }).await?;
    writeln!(out, "start: {:?}", begin.elapsed())?;
    sandbox.tokens().insert("token", User::admin());

    let begin = Instant::now();
    let pods = (0..count).map(|n| Seed { resource: Gr::core("pods"), object: pod(n) });
    let stored = sandbox.store().seed(pods);
    writeln!(out, "seed {stored} pods: {:?}", begin.elapsed())?;
    writeln!(out, "memory: {} MB", resident() / 1024)?;
    if let Some(controllers) = sandbox.controllers() {
        let begin = Instant::now();
        sandbox.store().seed(virtual_clusters(count / 50));
        controllers.settled().await;
        let pods = sandbox.store().count(&Gr::core("pods"));
        writeln!(out, "controllers at rest with {pods} pods: {:?}", begin.elapsed())?;
        writeln!(out, "memory: {} MB", resident() / 1024)?;
    }

    let begin = Instant::now();
    let (mut next, mut pages, mut bytes) = (String::new(), 0, 0);
    loop {
        let path = format!("/api/v1/pods?limit=500&continue={next}");
        let page = get(&sandbox, &path, "application/json").await?;
        (pages, bytes) = (pages + 1, bytes + page.len());
        match token(&page) {
            Some(token) => next = token,
            None => break,
        }
    }
    writeln!(out, "list in {pages} pages, {} MB: {:?}", bytes >> 20, begin.elapsed())?;

    for (name, accept) in [
        ("whole list", "application/json"),
        ("metadata alone", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"),
    ] {
        let begin = Instant::now();
        let size = get(&sandbox, "/api/v1/pods", accept).await?.len();
        writeln!(out, "{name}, {} MB: {:?}", size >> 20, begin.elapsed())?;
    }
    writeln!(out, "memory: {} MB", resident() / 1024)?;
    Ok(())
}

async fn get(sandbox: &Sandbox, path: &str, accept: &str) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let request = http::Request::get(path)
        .header("authorization", "Bearer token")
        .header("accept", accept)
        .body(http_body_util::Empty::<bytes::Bytes>::new())?;
    let body = sandbox.api().handle(request).await?.into_body();
    Ok(body.collect().await?.to_bytes().to_vec())
}

fn token(page: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(page.get(..400)?).into_owned();
    let (_, rest) = text.split_once("\"continue\":\"")?;
    rest.split_once('"').map(|(token, _)| token.to_owned())
}

/// Resident memory of this process in kB; 0 where the system does not tell.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// The namespace, Service and StatefulSet of each virtual cluster.
fn virtual_clusters(count: usize) -> impl Iterator<Item = Seed> {
    let class = json!({"metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "disks.example.org"});
    let class = Seed { resource: Gr::new("storage.k8s.io", "storageclasses"), object: class };
    let of_one = |n: usize| {
        let (name, labels) = (format!("tenant-{n}"), json!({"app": "vcluster"}));
        let namespace = json!({"metadata": {"name": name}});
        let service = json!({"metadata": {"name": name, "namespace": name}, "spec": {"selector": labels, "clusterIP": "None",
            "ports": [{"name": "https", "port": 443, "targetPort": 8443, "protocol": "TCP"}]}});
        let set = json!({"metadata": {"name": name, "namespace": name}, "spec": {"replicas": 1, "serviceName": name,
            "podManagementPolicy": "Parallel", "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "syncer", "image": "vcluster:1"}]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "5Gi"}}}}]}});
        [
            Seed { resource: Gr::core("namespaces"), object: namespace },
            Seed { resource: Gr::core("services"), object: service },
            Seed { resource: Gr::new("apps", "statefulsets"), object: set },
        ]
    };
    std::iter::once(class).chain((0..count).flat_map(of_one))
}

/// A pod as a syncer writes it, about 3 kB.
fn pod(n: usize) -> Value {
    let tenant = n / 50;
    let env: Vec<Value> = (0..12)
        .map(|e| json!({"name": format!("VARIABLE_{e}"), "value": format!("value {e} of pod {n}")}))
        .collect();
    json!({
        "metadata": {
            "name": format!("web-{n}-x-default-x-tenant-{tenant}"), "namespace": format!("tenant-{tenant}"),
            "labels": {"vcluster.loft.sh/managed-by": format!("tenant-{tenant}"), "app": "web",
                "vcluster.loft.sh/namespace": "default", "pod-template-hash": "5d8f7c9b6"},
            "annotations": {"vcluster.loft.sh/name": format!("web-{n}"), "vcluster.loft.sh/namespace": "default",
                "vcluster.loft.sh/uid": format!("00000000-0000-0000-0000-{n:012}")},
        },
        "spec": {"nodeName": format!("node-{}", n % 100), "serviceAccountName": "default", "restartPolicy": "Always",
            "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler", "containers": [{
                "name": "web", "image": "registry.example.org/team/web:1.2.3", "env": env,
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}},
                "terminationMessagePath": "/dev/termination-log", "imagePullPolicy": "IfNotPresent"}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "hostIP": "192.168.0.1", "qosClass": "Burstable",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
            "containerStatuses": [{"name": "web", "ready": true, "restartCount": 0, "image": "web",
                "imageID": "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]},
    })
}
