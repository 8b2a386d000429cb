//! Verbs on real nodes, where pods really run and end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in tests a panic is the failure")]

use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use v9s::cluster::{Cluster, ConnectOptions, KubeconfigSource, open};
use v9s::connect::tunnel::{Health, Route, Tunnel, TunnelOptions, TunnelState};
use v9s::lifecycle::pause::{self, PauseOptions};
use v9s::lifecycle::restart::{self, What};
use v9s::lifecycle::resume::{self, ResumeOptions};
use v9s::lifecycle::{Decision, LifeError};
use v9s::operation::Operation;
use v9s::target::{Target, find};
use v9s_testkit::kubeconfig;
use v9s_testkit::node;
use v9s_testkit::node::images::BUSYBOX;
use v9s_testkit::pods::Room;
use v9s_testkit::proxy::{Proxy, Wire};

const PORT: u16 = 8080;
/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A namespace on the cluster that all tests share.
struct Seat {
    kubeconfig: String,
    room: Room,
    namespace: String,
}

impl Seat {
    async fn take(test: &str) -> Result<Self> {
        let cluster = tokio::task::spawn_blocking(node::shared).await??;
        let kubeconfig = cluster.kubeconfig();
        let client = kubeconfig::client(&kubeconfig).await?;
        Ok(Seat { kubeconfig, room: Room::take(client, test).await?, namespace: test.replace('_', "-") })
    }

    async fn cluster(&self, kubeconfig: &str) -> Result<Cluster> {
        let options =
            ConnectOptions { request_timeout: Duration::from_secs(10), ..ConnectOptions::default() };
        Ok(open(&KubeconfigSource::Text(kubeconfig.into()), None, &options).await?)
    }

    async fn target(&self) -> Result<(Cluster, Target)> {
        let cluster = self.cluster(&self.kubeconfig).await?;
        let target = find(&cluster, Some(&self.namespace), "shop").await?;
        Ok((cluster, target))
    }

    /// A web server in the place of a control plane: it tells its name, and takes a second to end.
    async fn server(&self, kind: &str, replicas: u32) -> Result<()> {
        let labels = json!({"app": "vcluster", "release": "shop"});
        let script = "trap 'sleep 1; exit 0' TERM; mkdir /www; hostname >/www/index.html; httpd -f -p 8080 -h /www & wait $!";
        self.room.create(json!({"apiVersion": "apps/v1", "kind": kind,
            "metadata": {"name": "shop", "namespace": self.namespace, "labels": labels},
            "spec": {"replicas": replicas, "serviceName": "shop", "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 10, "containers": [{
                    "name": "syncer", "image": BUSYBOX, "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c", script],
                    "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1}}]}}}})).await?;
        Ok(())
    }

    async fn tunnel(&self, kubeconfig: &str) -> Result<Tunnel> {
        let route = Route { port: PORT, ..Route::to_vcluster(self.namespace.as_str(), "shop") };
        Ok(Tunnel::open(self.cluster(kubeconfig).await?, route, TunnelOptions::default()).await?)
    }

    async fn pods(&self, labels: &str) -> Result<Vec<Pod>> {
        Ok(self.room.api::<Pod>().list(&ListParams::default().labels(labels)).await?.items)
    }
}

async fn until(tunnel: &Tunnel, what: &str, like: impl FnMut(&TunnelState) -> bool) -> Result<TunnelState> {
    let mut state = tunnel.state();
    let waited = tokio::time::timeout(PATIENCE, state.wait_for(like)).await;
    Ok(waited.with_context(|| format!("never: {what}: {:?}", tunnel.state().borrow()))??.clone())
}

async fn ready(tunnel: &Tunnel) -> Result<String> {
    let state = until(tunnel, "it is ready", |state| matches!(state.health, Health::Ready { .. })).await?;
    match state.health {
        Health::Ready { pod } => Ok(pod.to_string()),
        other => anyhow::bail!("{other}"),
    }
}

/// The name that the server behind a tunnel tells.
async fn ask(tunnel: &Tunnel) -> Result<String> {
    let mut stream = TcpStream::connect(tunnel.local).await?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.context("no end")??;
    Ok(answer.lines().next_back().unwrap_or_default().to_owned())
}

async fn run_pause(seat: &Seat) -> Result<()> {
    let (cluster, target) = seat.target().await?;
    let options = PauseOptions { anyway: false, lose: true, patience: PATIENCE };
    let found = pause::look(&cluster, &target).await?;
    let Decision::Do(plan) = pause::plan(&target, found, &options) else {
        panic!("there is something to do")
    };
    Ok(pause::start(cluster, target, plan, options).result().await?)
}

async fn run_resume(seat: &Seat) -> Result<()> {
    let (cluster, target) = seat.target().await?;
    let options = ResumeOptions { patience: PATIENCE, ..ResumeOptions::default() };
    let Decision::Do(plan) = resume::plan(&target, &options) else { panic!("there is something to do") };
    Ok(resume::start(cluster, target, plan, options).result().await?)
}

/// Tests on the shared cluster, each in a namespace that is named like it.
macro_rules! on_nodes {
    ($(async fn $name:ident($seat:ident: Seat) -> Result<()> $body:block)*) => {
        $(v9s_testkit::node_test! {
            fn $name() -> Result<()> {
                v9s_testkit::attempts::twice_named(stringify!($name), |name| {
                    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
                    runtime.block_on(async {
                        let $seat = Seat::take(name).await?;
                        $body
                    })
                })
            }
        })*
    };
}

on_nodes! {
    async fn a_tunnel_outlives_its_pod_and_its_host(seat: Seat) -> Result<()> {
        seat.server("Deployment", 1).await?;
        let (proxy, through) = Proxy::before(&seat.kubeconfig).await?;
        let tunnel = seat.tunnel(&through).await?;
        let first = ready(&tunnel).await?;
        assert_eq!(ask(&tunnel).await?, first);

        seat.room.api::<Pod>().delete(&first, &DeleteParams::default()).await?;
        until(&tunnel, "another is ready", |state| {
            matches!(&state.health, Health::Ready { pod } if *pod != first.as_str())
        }).await?;
        let second = ready(&tunnel).await?;
        assert_eq!(ask(&tunnel).await?, second);

        proxy.set(Wire::Cut);
        until(&tunnel, "it is lost", |state| matches!(state.health, Health::Lost { .. })).await?;
        proxy.set(Wire::Pass);
        assert_eq!(ask(&tunnel).await?, second, "a connection waits for the host");
        Ok(())
    }

    async fn pausing_ends_pods_in_their_own_time_and_resuming_waits_for_them(seat: Seat) -> Result<()> {
        seat.server("StatefulSet", 2).await?;
        let tenants: Value = json!({"labels": {"vcluster.loft.sh/managed-by": "shop"}});
        seat.room.idle("inner", json!({"terminationGracePeriodSeconds": 1}), json!({})).await?;
        let pods = seat.room.api::<Pod>();
        let patch = kube::api::Patch::Merge(json!({"metadata": tenants}));
        pods.patch("inner", &Default::default(), &patch).await?;
        run_pause(&seat).await?;
        assert!(seat.pods("release=shop").await?.is_empty());
        assert!(seat.pods("vcluster.loft.sh/managed-by=shop").await?.is_empty());
        let set = seat.room.api::<StatefulSet>().get("shop").await?;
        let marks = set.metadata.annotations.unwrap_or_default();
        assert_eq!((marks["loft.sh/paused"].as_str(), marks["loft.sh/paused-replicas"].as_str()), ("true", "2"));
        run_resume(&seat).await?;
        let set = seat.room.api::<StatefulSet>().get("shop").await?;
        assert_eq!(set.status.and_then(|status| status.ready_replicas), Some(2), "it was waited for");
        Ok(())
    }

    async fn a_restart_replaces_one_pod_after_the_other(seat: Seat) -> Result<()> {
        seat.server("Deployment", 2).await?;
        seat.room.wait::<Deployment>("shop", "ready", |found| {
            found.is_some_and(|it| it.status.as_ref().is_some_and(|status| status.ready_replicas == Some(2)))
        }).await?;
        let uids = |pods: Vec<Pod>| pods.into_iter().filter_map(|pod| pod.metadata.uid).collect::<Vec<_>>();
        let before = uids(seat.pods("release=shop").await?);
        let (cluster, target) = seat.target().await?;
        let found = restart::look(&cluster, &target, What::ControlPlane).await?;
        let Decision::Do(plan) = restart::plan(&target, found, true) else { panic!("there is something to do") };
        assert!(!plan.gap);
        let operation = Operation::start("restart", plan.steps(), move |progress| async move {
            restart::carry_out(&cluster, &target, &plan, PATIENCE, &progress).await
        });
        let done: Result<(), LifeError> = operation.result().await;
        done?;
        let after = uids(seat.pods("release=shop").await?);
        assert_eq!(after.len(), 2);
        assert!(after.iter().all(|uid| !before.contains(uid)), "{before:?} {after:?}");
        Ok(())
    }
}
