//! Leftovers of many tenants: how long a plan takes, how long collecting them, and what that costs beside a bare client.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::BoxFuture;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::Request;
use kube::Client;
use serde_json::{Value, json};
use smol_str::SmolStr;
use v9s::cluster::Cluster;
use v9s::gc::{
    COLLECT_STEPS, Care, CollectOptions, Inside, Place, SURVEY_STEPS, SurveyOptions, Ways, Wish, collect,
    plan, survey,
};
use v9s::operation::Operation;
use v9s_sandbox::Sandbox;
use v9s_testkit::real::{ControlPlane, Options};
use v9s_testkit::{kubeconfig, objects};

use crate::HostKind;
use crate::process::memory;
use crate::report::{Figure, Section, time};

/// Tenants, and leftovers of each.
const TENANTS: usize = 200;
const LEFT: usize = 50;
/// What a plan may take.
const PLAN_BAR: Duration = Duration::from_secs(5);
/// How much longer collecting may take than a bare client that looks twice and deletes.
const RATIO_BAR: f64 = 2.0;
/// How much memory may grow.
const MEMORY_BAR: f64 = 100.0;
/// Objects that the bare client deletes.
const BARE: usize = 2000;
/// Its requests at a time, and those of whoever fills the host.
const AT_ONCE: usize = 32;

/// Everybody's API server is the same: what is measured is the host and v9s.
struct OneForAll(Cluster);

impl Ways for OneForAll {
    fn open<'a>(&'a self, _: &'a Cluster, _: &'a Place) -> BoxFuture<'a, Result<Inside, SmolStr>> {
        Box::pin(async { Ok(Inside { cluster: self.0.clone(), way: None }) })
    }
}

/// A host, running for as long as it is kept.
enum Server {
    Real(Box<ControlPlane>),
    Embedded(Box<Sandbox>),
}

impl Server {
    async fn start(kind: HostKind) -> Result<Self> {
        Ok(match kind {
            HostKind::Real => {
                let start = || ControlPlane::start(&Options::default());
                Server::Real(Box::new(
                    tokio::task::spawn_blocking(start).await.context("starting the host")??,
                ))
            }
            HostKind::Embedded => {
                Server::Embedded(Box::new(Sandbox::start(v9s_sandbox::Options::default()).await?))
            }
        })
    }

    async fn cluster(&self, name: &'static str) -> Result<Cluster> {
        let (config, url) = match self {
            Server::Real(plane) => (plane.kubeconfig(), plane.url().to_owned()),
            Server::Embedded(sandbox) => (sandbox.kubeconfig(), sandbox.url().to_owned()),
        };
        Ok(Cluster::from_client(name, url, "default", kubeconfig::client(&config).await?))
    }
}

/// Measures it on one host.
pub async fn measure(kind: HostKind) -> Result<Section> {
    let (name, server) = match kind {
        HostKind::Real => ("etcd and kube-apiserver", Server::start(kind).await?),
        HostKind::Embedded => ("the embedded host", Server::start(kind).await?),
    };
    let tenant = Server::start(HostKind::Embedded).await?;
    let (host, inside) = (server.cluster("host").await?, tenant.cluster("inside").await?);
    fill(&host, &inside).await?;
    let bare = bare(&host.client()).await?;
    let (before, _) = memory(std::process::id())?;
    let ways = Arc::new(OneForAll(inside));
    let care = Care { older_than: Duration::ZERO, ..Care::default() };
    let options = SurveyOptions { care, at_once: 16, ..SurveyOptions::default() };
    let began = Instant::now();
    let (cluster, way) = (host.clone(), Arc::clone(&ways));
    let looking = Operation::start("look", SURVEY_STEPS, move |progress| async move {
        survey(&cluster, &*way, &options, &progress).await
    });
    let planned = plan(&looking.result().await?, &Wish::default());
    let plan_took = began.elapsed();
    ensure!(planned.goes.len() == TENANTS * LEFT, "{} were planned", planned.goes.len());
    let (after_plan, _) = memory(std::process::id())?;
    let options = CollectOptions { grace: Some(0), care, ..CollectOptions::default() };
    let began = Instant::now();
    let collecting = Operation::start("collect", COLLECT_STEPS, move |progress| async move {
        collect(&host, &*ways, &planned, &options, &progress).await
    });
    let collected = collecting.result().await?;
    let took = began.elapsed();
    ensure!(collected.deleted == TENANTS * LEFT, "{} were deleted", collected.deleted);
    let (after, _) = memory(std::process::id())?;
    Ok(section(name, &Took { plan: plan_took, collect: took, bare, memory: [before, after_plan, after] }))
}

struct Took {
    plan: Duration,
    collect: Duration,
    bare: Duration,
    memory: [f64; 3],
}

fn section(name: &str, took: &Took) -> Section {
    let ratio = took.collect.as_secs_f64() / took.bare.as_secs_f64();
    let [before, after_plan, after] = took.memory;
    let grown = after_plan.max(after) - before;
    Section {
        host: name.to_owned(),
        held: format!("{} leftovers over {TENANTS} tenants that are asked.", TENANTS * LEFT),
        figures: vec![
            Figure {
                name: "plan: everything listed, every tenant asked, every object judged",
                bar: time(PLAN_BAR),
                measured: time(took.plan),
                baseline: None,
                met: Some(took.plan <= PLAN_BAR),
            },
            Figure {
                name: "collected: each looked at again on both sides, deleted, seen to be gone",
                bar: format!("{RATIO_BAR:.1} times the bare client"),
                measured: time(took.collect),
                baseline: Some((took.bare, ratio)),
                met: Some(ratio <= RATIO_BAR),
            },
            Figure {
                name: "memory that it takes more",
                bar: format!("{MEMORY_BAR:.0} MB"),
                measured: format!("{grown:.0} MB"),
                baseline: None,
                met: Some(grown <= MEMORY_BAR),
            },
        ],
        notes: vec![format!(
            "The bare client reads and deletes {BARE} objects of the same kind, {AT_ONCE} at a time, scaled to as many."
        )],
    }
}

async fn fill(host: &Cluster, inside: &Cluster) -> Result<()> {
    let system = read(&inside.client(), "/api/v1/namespaces/kube-system").await?;
    let store = system["metadata"]["uid"].as_str().context("there is no kube-system")?.to_owned();
    let mut first = Vec::new();
    let mut then = Vec::new();
    for tenant in 0..TENANTS {
        let name = format!("t{tenant:03}");
        first.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
        then.extend(control_plane(&name, &store));
        then.extend((0..LEFT).map(|index| leftover(&name, &format!("n{index}"))));
    }
    first.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bare"}}));
    then.extend((0..BARE).map(|index| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("n{index}"), "namespace": "bare"}})
    }));
    for all in [first, then] {
        let client = host.client();
        stream::iter(all)
            .map(|object| {
                let client = client.clone();
                async move { objects::create(&client, &object).await.map(drop) }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
    }
    Ok(())
}

fn control_plane(name: &str, store: &str) -> [Value; 2] {
    let labels = json!({"app": "vcluster", "release": name});
    [
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": name, "labels": labels,
            "annotations": {"v9s.io/store": store}}, "spec": {"ports": [{"port": 443}]}}),
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name, "namespace": name, "labels": labels},
            "spec": {"replicas": 1, "serviceName": name, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels}, "spec": {"containers": [{"name": "syncer", "image": "v:1"}]}}}}),
    ]
}

fn leftover(tenant: &str, name: &str) -> Value {
    let host_name = format!("{name}-x-default-x-{tenant}");
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": host_name, "namespace": tenant,
        "labels": {"vcluster.loft.sh/managed-by": tenant, "vcluster.loft.sh/namespace": "default"},
        "annotations": {"vcluster.loft.sh/object-name": name, "vcluster.loft.sh/object-namespace": "default",
            "vcluster.loft.sh/object-uid": "00000000-0000-0000-0000-000000000000",
            "vcluster.loft.sh/object-kind": "/v1, Kind=Pod"}},
        "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "10m"}}}]}})
}

async fn read(client: &Client, path: &str) -> Result<Value> {
    Ok(client.request(Request::get(path).body(Vec::new())?).await?)
}

/// What a bare client takes for as many: a read and a deletion each.
async fn bare(client: &Client) -> Result<Duration> {
    let began = Instant::now();
    stream::iter(0..BARE)
        .map(|index| async move {
            let path = format!("/api/v1/namespaces/bare/configmaps/n{index}");
            read(client, &path).await?;
            let deletion = Request::delete(path.as_str()).body(Vec::new())?;
            client.request::<Value>(deletion).await?;
            anyhow::Ok(())
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    Ok(began.elapsed().mul_f64((TENANTS * LEFT) as f64 / BARE as f64))
}
