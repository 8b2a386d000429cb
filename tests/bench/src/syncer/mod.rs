//! The companion between two real API servers: pods are created by a fast client, set running as a kubelet does, and
//! deleted; from outside it is watched what that takes.

mod eyes;
mod table;
mod world;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use smol_str::{SmolStr, format_smolstr};
use v9s::names::{Translator, VirtualName};

use crate::process::{Spent, memory};
use crate::report::Section;
use eyes::Eyes;
use world::{Companion, NAME, Server, World};

/// Requests of the benchmark's own clients that are under way at once.
const CLIENTS: usize = 16;
/// Nobody waits that long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(900);
/// How long an idle companion is watched.
const IDLE: Duration = Duration::from_secs(30);

/// Pods that are created evenly, after all others, and how many a second.
const STEADY_PODS: usize = 500;
const STEADY: u32 = 50;

/// Measures with these numbers of pods.
pub async fn measure(program: PathBuf, pods: &[usize]) -> Result<Vec<Section>> {
    let mut all = Vec::new();
    for count in pods {
        let world = Arc::new(World::start(program.clone()).await?);
        all.push(one(&world, *count).await?);
    }
    Ok(all.iter().map(table::section).chain(table::flat(&all)).collect())
}

/// What one number of pods took.
struct Taken {
    pods: usize,
    bare: Duration,
    idle_memory: f64,
    /// Memory of a process that has found everything in agreement.
    restarted: f64,
    /// From creation to appearance, while pods are created evenly.
    steady: Vec<Duration>,
    all: Duration,
    each: Vec<Duration>,
    created_cpu: Duration,
    running: Duration,
    cpu: Duration,
    memory: (f64, f64),
    restart: Duration,
    restart_writes: f64,
    idle_cpu: f64,
    deleted: Duration,
    /// For each pod, without the scheduler's and the kubelet's.
    host_writes: f64,
    /// For each pod on both sides, with those that only read, and without what the benchmark's own clients ask.
    requests: f64,
}

async fn one(world: &Arc<World>, pods: usize) -> Result<Taken> {
    let bare = bare(world, pods).await?;
    let (companion, _) = world.companion().await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle_memory = memory(companion.pid())?.0;
    let before = Spent::now(companion.pid())?;
    let asked_before = (world.tenant.requests().await?, world.host.requests().await?);

    let (inside, outside) = (Eyes::open(&world.tenant.cluster), Eyes::open(&world.host.cluster));
    let began = Instant::now();
    let mut created = create(&world.tenant, pods, None, |at| format_smolstr!("pod-{at}")).await?;
    outside.until("all pods on the host", PATIENCE, |eyes| eyes.count() >= pods).await?;
    let all = began.elapsed();
    let each = lags(&created, &outside);
    let created_cpu = Spent::now(companion.pid())?.since(before);

    let kubelet = tokio::spawn(kubelet(Arc::clone(world)));
    inside.until("all pods running", PATIENCE, |eyes| eyes.running() >= pods).await?;
    let running = began.elapsed();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let cpu = Spent::now(companion.pid())?.since(before);
    let held = memory(companion.pid())?;
    let asked = (world.tenant.requests().await?, world.host.requests().await?);
    let for_each_pod = |before: f64, after: f64| (after - before) / pods as f64;
    // The kubelet binds each pod and writes its status once; a client creates it.
    let host_writes = for_each_pod(asked_before.1.writes, asked.1.writes) - 2.0;
    let requests =
        for_each_pod(asked_before.0.all() + asked_before.1.all(), asked.0.all() + asked.1.all()) - 3.0;

    let slow = create(&world.tenant, STEADY_PODS, Some(STEADY), |at| format_smolstr!("steady-{at}")).await?;
    let all_of_them = pods + STEADY_PODS;
    outside.until("steady pods on the host", PATIENCE, |eyes| eyes.count() >= all_of_them).await?;
    inside.until("steady pods running", PATIENCE, |eyes| eyes.running() >= all_of_them).await?;
    let steady = lags(&slow, &outside);
    created.extend(slow);

    drop(companion);
    let (companion, restart) = world.companion().await?;
    settled(&companion).await;
    let restart_writes = companion.metric("v9s_syncer_writes_total").await;
    let before = Spent::now(companion.pid())?;
    tokio::time::sleep(IDLE).await;
    let idle_cpu = Spent::now(companion.pid())?.percent_since(before);
    let restarted = memory(companion.pid())?.0;

    let began = Instant::now();
    delete(&world.tenant, created.keys(), &json!({})).await?;
    inside.until("all pods gone inside", PATIENCE, |eyes| eyes.count() == 0).await?;
    outside.until("all pods gone on the host", PATIENCE, |eyes| eyes.count() == 0).await?;
    let deleted = began.elapsed();
    kubelet.abort();
    let memory = (held.0, held.1.max(memory(companion.pid())?.1));
    Ok(Taken {
        bare,
        pods,
        idle_memory,
        restarted,
        steady,
        all,
        each,
        created_cpu,
        running,
        cpu,
        memory,
        restart,
        restart_writes,
        idle_cpu,
        deleted,
        host_writes,
        requests,
    })
}

/// Creates the same pods on the host alone, as fast as the same client can, and removes them.
async fn bare(world: &World, pods: usize) -> Result<Duration> {
    let eyes = Eyes::open(&world.host.cluster);
    let began = Instant::now();
    let created = create(&world.host, pods, None, |at| format_smolstr!("bare-{at}")).await?;
    let took = began.elapsed();
    delete(&world.host, created.keys(), &json!({"gracePeriodSeconds": 0})).await?;
    eyes.until("the bare client's pods gone", PATIENCE, |eyes| eyes.count() == 0).await?;
    Ok(took)
}

fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "bench", "tier": "web"}, "annotations": {"note": "made by a benchmark"}},
        "spec": {"containers": [{"name": "web", "image": "registry.example.org/web:1",
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}}}]}})
}

/// Creates pods, as fast as it goes or so many a second; answers when each was created.
async fn create(
    server: &Server,
    pods: usize,
    rate: Option<u32>,
    name: impl Fn(usize) -> SmolStr,
) -> Result<HashMap<SmolStr, Instant>> {
    let path = format!("/api/v1/namespaces/{NAME}/pods");
    let (path, name, began) = (&path, &name, Instant::now());
    let creating = stream::iter(0..pods).map(|at| async move {
        let name = name(at);
        if let Some(rate) = rate {
            let due = Duration::from_secs_f64(at as f64 / f64::from(rate));
            tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
        }
        server.ask("POST", path, &pod(&name)).await?;
        anyhow::Ok((name, Instant::now()))
    });
    creating.buffer_unordered(CLIENTS).collect::<Vec<_>>().await.into_iter().collect()
}

async fn delete(server: &Server, names: impl Iterator<Item = &SmolStr>, options: &Value) -> Result<()> {
    let deleting = stream::iter(names).map(|name| async move {
        let path = format!("/api/v1/namespaces/{NAME}/pods/{name}");
        server.ask("DELETE", &path, options).await.map(drop)
    });
    deleting.buffer_unordered(CLIENTS).collect::<Vec<_>>().await.into_iter().collect()
}

/// From each pod's creation to its appearance on the host.
fn lags(created: &HashMap<SmolStr, Instant>, outside: &Eyes) -> Vec<Duration> {
    let names = Translator::new(NAME, NAME);
    let seen = outside.all();
    let lag = |(name, at): (&SmolStr, &Instant)| {
        let host = names.host_name(&VirtualName::namespaced(NAME, name.clone()));
        Some(seen.get(host.as_str())?.first.saturating_duration_since(*at))
    };
    let mut lags: Vec<Duration> = created.iter().filter_map(lag).collect();
    lags.sort_unstable();
    lags
}

/// Does what scheduler and kubelet do, once for each pod: bind, report it running, and let it go when it is deleted.
async fn kubelet(world: Arc<World>) {
    let eyes = Eyes::open(&world.host.cluster);
    let mut known: HashMap<SmolStr, bool> = HashMap::new();
    loop {
        let news: Vec<_> = eyes.news();
        let work = news.into_iter().filter(|(name, sight)| {
            let done = known.get(name).copied();
            let new = done.is_none() || (sight.deleting && done == Some(false));
            if new {
                known.insert(name.clone(), sight.deleting);
            }
            new
        });
        let work: Vec<_> = work.collect();
        let host = &world.host;
        stream::iter(work)
            .for_each_concurrent(CLIENTS, |(name, sight)| async move {
                let path = format!("/api/v1/namespaces/{NAME}/pods/{name}");
                // A pod that is gone by now needs nothing.
                if sight.deleting {
                    let _ = host.ask("DELETE", &path, &json!({"gracePeriodSeconds": 0})).await;
                    return;
                }
                let bind = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name},
                    "target": {"apiVersion": "v1", "kind": "Node", "name": "node-1"}});
                let _ = host.ask("POST", &format!("{path}/binding"), &bind).await;
                let _ = host.ask("PATCH", &format!("{path}/status"), &running()).await;
            })
            .await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn running() -> Value {
    let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": now});
    json!({"status": {"phase": "Running", "podIP": "10.1.0.1", "podIPs": [{"ip": "10.1.0.1"}], "hostIP": "192.168.0.1", "startTime": now,
        "conditions": [condition("Initialized"), condition("Ready"), condition("ContainersReady"), condition("PodScheduled")],
        "containerStatuses": [{"name": "web", "ready": true, "started": true, "restartCount": 0, "image": "web",
            "imageID": "registry.example.org/web@sha256:0", "state": {"running": {"startedAt": now}}}]}})
}

/// Waits until nothing is queued, under way or pending.
async fn settled(companion: &Companion) {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let left =
            companion.metric("v9s_syncer_queue_depth").await + companion.metric("v9s_syncer_under_way").await;
        if left == 0.0 && companion.metric("v9s_syncer_synced").await == 1.0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
