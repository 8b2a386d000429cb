//! Tunnels into virtual clusters, on the embedded host with nodes and nested control planes; `life-node` has real nodes.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use v9s::cluster::{Cluster, ConnectOptions, KubeconfigSource, open};
use v9s::connect::tunnel::{Health, Route, Tunnel, TunnelOptions, TunnelState};
use v9s::connect::{self, Asked, Reached};
use v9s::operation::Operation;
use v9s::target::find;
use v9s_sandbox::node::{Behaviour, Container, ControlPlane, Images, Machines, Port, Ports, Work};
use v9s_sandbox::{Options, Sandbox, controllers};
use v9s_testkit::kubeconfig;
use v9s_testkit::objects;
use v9s_testkit::proxy::{Proxy, Wire};

/// Only a failing test waits that long.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A host with a node, on which images called `vcluster` are API servers; others answer HTTP, but not on port 9.
pub async fn host() -> Result<Sandbox> {
    let ports = Ports::by(|port| if port == 9 { Port::Closed } else { Port::Http("ok\n".to_owned()) });
    let plane = |_: &Container<'_>| Work::ControlPlane(ControlPlane::default());
    let images = Images::default()
        .run("*/vcluster*", |_| Behaviour::default(), plane)
        .on("*/web*", move |container| Behaviour { ports: ports.clone(), ..Behaviour::unknown(container) });
    let machines = Machines { count: 1, ..Machines::default() };
    let controllers = controllers::Options { machines, images, ..controllers::Options::default() };
    Ok(Sandbox::start(Options { controllers: Some(controllers), ..Options::default() }).await?)
}

async fn create(kubeconfig: &str, all: &[Value]) -> Result<()> {
    let client = kubeconfig::client(kubeconfig).await?;
    for object in all {
        objects::create(&client, object).await?;
    }
    Ok(())
}

fn workload(kind: &str, name: &str, image: &str, replicas: u32) -> Value {
    let labels = json!({"app": "vcluster", "release": name});
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "default", "labels": labels},
        "spec": {"replicas": replicas, "serviceName": name, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels}, "spec": {"containers": [{"name": "syncer", "image": image}],
                "volumes": [{"name": "data", "hostPath": {"path": "/data"}}]}}}})
}

async fn cluster(kubeconfig: &str) -> Result<Cluster> {
    let options = ConnectOptions { request_timeout: Duration::from_secs(5), ..ConnectOptions::default() };
    Ok(open(&KubeconfigSource::Text(kubeconfig.into()), None, &options).await?)
}

async fn tunnel(kubeconfig: &str, name: &str, port: u16) -> Result<Tunnel> {
    let route = Route { port, ..Route::to_vcluster("default", name) };
    Ok(Tunnel::open(cluster(kubeconfig).await?, route, TunnelOptions::default()).await?)
}

/// One request through a tunnel, to the end of the connection.
async fn exchange(tunnel: &Tunnel) -> Result<String> {
    let mut stream = TcpStream::connect(tunnel.local).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: it\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.context("no end")??;
    Ok(answer)
}

async fn until(tunnel: &Tunnel, what: &str, like: impl FnMut(&TunnelState) -> bool) -> Result<TunnelState> {
    let mut state = tunnel.state();
    let waited = tokio::time::timeout(PATIENCE, state.wait_for(like)).await;
    Ok(waited.with_context(|| format!("never: {what}: {:?}", tunnel.state().borrow()))??.clone())
}

fn is_ready(state: &TunnelState) -> bool {
    matches!(state.health, Health::Ready { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_replaced_costs_no_more_than_its_connections() -> Result<()> {
    let host = host().await?;
    create(&host.kubeconfig(), &[workload("Deployment", "shop", "example.org/web:1", 1)]).await?;
    let tunnel = tunnel(&host.kubeconfig(), "shop", 8443).await?;
    let before = until(&tunnel, "it is ready", is_ready).await?.health;
    assert!(exchange(&tunnel).await?.ends_with("ok\n"));

    let Health::Ready { pod } = &before else { unreachable!() };
    let mut standing = TcpStream::connect(tunnel.local).await?;
    standing.write_all(b"GET / HTTP/1.1\r\nHost: it\r\n\r\n").await?;
    standing.read_exact(&mut [0; 15]).await?;
    let pods: Api<Pod> = Api::namespaced(kubeconfig::client(&host.kubeconfig()).await?, "default");
    pods.delete(pod, &kube::api::DeleteParams::default().grace_period(0)).await?;
    assert!(exchange(&tunnel).await?.ends_with("ok\n"), "the next connection finds the next pod");
    let after = until(&tunnel, "it is ready", is_ready).await?.health;
    assert_ne!(before, after);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_connections_go_at_once_and_are_counted() -> Result<()> {
    let host = host().await?;
    create(&host.kubeconfig(), &[workload("Deployment", "shop", "example.org/web:1", 1)]).await?;
    let tunnel = tunnel(&host.kubeconfig(), "shop", 8443).await?;
    let answers = futures::future::join_all((0..20).map(|_| exchange(&tunnel))).await;
    assert!(answers.into_iter().all(|answer| answer.is_ok_and(|answer| answer.ends_with("ok\n"))));
    let state = until(&tunnel, "all are closed", |state| state.open == 0).await?;
    assert_eq!((state.carried, state.last_failure), (20, None));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_host_is_told_and_found_again() -> Result<()> {
    let host = host().await?;
    create(&host.kubeconfig(), &[workload("Deployment", "shop", "example.org/web:1", 1)]).await?;
    let (proxy, through) = Proxy::before(&host.kubeconfig()).await?;
    let tunnel = tunnel(&through, "shop", 8443).await?;
    until(&tunnel, "it is ready", is_ready).await?;
    proxy.set(Wire::Cut);
    until(&tunnel, "it is lost", |state| matches!(state.health, Health::Lost { .. })).await?;
    // A connection of that time waits for the host.
    let waiting = async { exchange(&tunnel).await };
    let back = async {
        until(&tunnel, "it was tried again", |state| matches!(state.health, Health::Lost { .. })).await?;
        proxy.set(Wire::Pass);
        until(&tunnel, "it is ready", is_ready).await
    };
    let (answer, back) = tokio::join!(waiting, back);
    back?;
    assert!(answer?.ends_with("ok\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn why_nothing_gets_through_is_told() -> Result<()> {
    let host = host().await?;
    let route = Route::to_vcluster("default", "nobody");
    let options = TunnelOptions { patience: Duration::from_millis(200), ..TunnelOptions::default() };
    let empty = Tunnel::open(cluster(&host.kubeconfig()).await?, route, options).await?;
    assert_eq!(exchange(&empty).await.unwrap_or_default(), "", "closed without an answer");
    let state = until(&empty, "it says why", |state| state.last_failure.is_some()).await?;
    assert_eq!(state.last_failure.as_deref(), Some("waiting: it has no pods"));

    create(&host.kubeconfig(), &[workload("Deployment", "closed", "example.org/web:1", 1)]).await?;
    let closed = tunnel(&host.kubeconfig(), "closed", 9).await?;
    until(&closed, "it is ready", is_ready).await?;
    assert_eq!(exchange(&closed).await.unwrap_or_default(), "");
    let state = until(&closed, "it says why", |state| state.last_failure.is_some()).await?;
    assert!(state.last_failure.as_deref().is_some_and(|why| why.contains('9')), "{state:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named() -> Result<()> {
    let host = host().await?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let options = TunnelOptions { local_port: taken.local_addr()?.port(), ..TunnelOptions::default() };
    let refused =
        Tunnel::open(cluster(&host.kubeconfig()).await?, Route::to_vcluster("default", "x"), options).await;
    let error = refused.err().context("it was opened")?.to_string();
    assert!(
        error.starts_with(&format!("cannot listen on 127.0.0.1:{}: ", taken.local_addr()?.port())),
        "{error}"
    );
    Ok(())
}

/// A virtual cluster whose API server really answers, with the Secret that its syncer would write.
pub async fn vcluster(host: &Sandbox) -> Result<()> {
    create(&host.kubeconfig(), &[workload("StatefulSet", "shop", "ghcr.io/loft-sh/vcluster:0.30", 1)])
        .await?;
    let nested = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(nested) = host.nested("default", "shop-0") {
                return nested;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .context("it never came up")?;
    let inside = nested.kubeconfig().replace(nested.url(), "https://localhost:8443");
    create(
        &nested.kubeconfig(),
        &[json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "inner"}})],
    )
    .await?;
    create(
        &host.kubeconfig(),
        &[json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "vc-shop",
        "namespace": "default"}, "data": {"config": STANDARD.encode(inside)}})],
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_virtual_cluster_is_reached_through_its_tunnel() -> Result<()> {
    let host = host().await?;
    vcluster(&host).await?;
    let cluster = cluster(&host.kubeconfig()).await?;
    let target = find(&cluster, None, "shop").await?;
    let asked = Asked { straight: false, ..Asked::default() };
    let operation = Operation::start("connect", connect::STEPS, move |progress| async move {
        connect::connect(&cluster, &target, &asked, &progress).await
    });
    let connected = operation.result().await?;
    assert!(matches!(connected.reached, Reached::Tunnel(_)));
    let context = connected.entry.name.clone();
    ensure!(context.starts_with("vcluster_shop_default_"), "{context}");
    let inside = kubeconfig::client(&connected.entry.to_yaml()).await?;
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(inside);
    assert!(namespaces.get_opt("inner").await?.is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_given_is_the_only_one_that_is_tried() -> Result<()> {
    let host = host().await?;
    vcluster(&host).await?;
    let cluster = cluster(&host.kubeconfig()).await?;
    let target = find(&cluster, None, "shop").await?;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let asked = Asked { server: Some(format!("https://{nobody}")), ..Asked::default() };
    let operation = Operation::start("connect", connect::STEPS, move |progress| async move {
        connect::connect(&cluster, &target, &asked, &progress).await
    });
    let error = operation.result().await.err().context("it was reached")?.to_string();
    assert!(error.contains("given address") && error.contains("connection refused"), "{error}");
    Ok(())
}
