//! Measures an embedded host with many pods: start, seeding, paged lists, a watch of everything, memory.
//!
//! `cargo run --release -p v9s-sandbox --example load -- 50000`

use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::io::Write as _;
use std::time::Instant;
use v9s_sandbox::access::User;
use v9s_sandbox::store::{Gr, Seed};
use v9s_sandbox::{Options, Sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: usize = std::env::args().nth(1).map_or(Ok(50_000), |n| n.parse())?;
    let mut out = std::io::stdout().lock();
    let begin = Instant::now();
    let sandbox = Sandbox::start(Options::default()).await?;
    writeln!(out, "start: {:?}", begin.elapsed())?;
    sandbox.tokens().insert("token", User::admin());

    let begin = Instant::now();
    let pods = (0..count).map(|n| Seed { resource: Gr::core("pods"), object: pod(n) });
    let stored = sandbox.store().seed(pods);
    writeln!(out, "seed {stored} pods: {:?}", begin.elapsed())?;
    writeln!(out, "memory: {} MB", resident() / 1024)?;

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
