//! A host with a real node and the images of a control plane, and virtual clusters made on it.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use k8s_openapi::api::core::v1::{Node, Pod, Secret, Service};
use kube::Client;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::json;
use tokio::runtime::Handle;
use v9s::cluster::{self, Cluster as Host, ConnectOptions, KubeconfigSource};
use v9s::operation::{Operation, StepState};
use v9s::provision::create::{CreateError, Created, Request};
use v9s_testkit::node::image::Image;
use v9s_testkit::node::{Cluster, Options, images};
use v9s_testkit::real::assets::Program;
use v9s_testkit::{kubeconfig, objects};

use crate::recipe;

/// As v9s calls it where nothing else is said.
const SYNCER: &str = "docker.io/library/v9s-syncer:0.1.0";
/// A machine that compiles beside it takes its time.
const PATIENCE: Duration = Duration::from_secs(300);

/// The host that all tests share, with every image that they need. Called on a blocking thread of a runtime.
pub fn host() -> Result<&'static Cluster> {
    static HOST: OnceLock<Result<Cluster, String>> = OnceLock::new();
    let start = || {
        // First, as these are what can fail for reasons of our own.
        let images: Vec<Image> = vec![
            recipe::image(SYNCER)?,
            images::kubernetes(Program::KubeApiserver)?,
            images::kubernetes(Program::KubeControllerManager)?,
            images::kine()?,
            images::etcd()?,
        ];
        // One for everybody, and one that is kept for whoever asks for it.
        let cluster = Cluster::start(&Options { nodes: 2, ..Options::default() })?;
        Handle::current().block_on(keep_one(&cluster))?;
        images.iter().try_for_each(|image| cluster.import(image))?;
        anyhow::Ok(cluster)
    };
    let started = HOST.get_or_init(|| start().map_err(|error| format!("{error:#}")));
    started.as_ref().map_err(|error| anyhow!("the host did not start: {error}"))
}

/// The label and the taint of the last node, from the first moment on.
pub const KEPT: (&str, &str) = ("pool", "kept");

async fn keep_one(cluster: &Cluster) -> Result<()> {
    let (key, value) = KEPT;
    let kept = json!({
        "metadata": {"labels": {key: value}},
        "spec": {"taints": [{"key": key, "value": value, "effect": "NoSchedule"}]},
    });
    let nodes = Api::<Node>::all(kubeconfig::client(&cluster.kubeconfig()).await?);
    let last = cluster.nodes().last().context("there is no node")?;
    nodes.patch(last.name(), &PatchParams::default(), &Patch::Strategic(&kept)).await?;
    Ok(())
}

/// What is not so by default: versions and images are those that the node has. `more` is laid over it.
pub fn config(more: &str) -> Result<String> {
    Ok(format!(
        "
controlPlane:
  distro: {{k8s: {{version: {}}}}}
  coredns: {{deployment: {{image: {}}}}}
  statefulSet:
    resources: {{requests: {{cpu: 50m, memory: 128Mi}}}}
{more}",
        images::kubernetes_version()?,
        images::coredns_name()?
    ))
}

/// A virtual cluster that was made.
pub struct Made {
    pub request: Request,
    pub host: Host,
    pub outside: Client,
    pub created: Created,
    /// From the first request until the tenant's API server said that it is ready.
    pub took: Duration,
}

impl Made {
    /// Makes one, and waits until it can be used.
    pub async fn make(name: &str, config: &str) -> Result<Made> {
        let cluster = tokio::task::spawn_blocking(host).await??;
        let outside = kubeconfig::client(&cluster.kubeconfig()).await?;
        let source = KubeconfigSource::Text(cluster.kubeconfig().into());
        let host = cluster::open(&source, None, &ConnectOptions::default()).await?;
        let request = Request::new(name, &format!("team-{name}"), config)?;
        let request = Request { patience: Some(PATIENCE), ..request };
        let begun = Instant::now();
        let (created, api) = carry_out(&host, &request).await?;
        let took = api.context("no step waited for the API")?.duration_since(begun);
        Ok(Made { request, host, outside, created, took })
    }

    /// A client of the tenant's API server, by the address of its Service and the kubeconfig that is kept on the host.
    pub async fn inside(&self) -> Result<Client> {
        let (namespace, name) = (&self.request.namespace, &self.request.name);
        let service = Api::<Service>::namespaced(self.outside.clone(), namespace).get(name).await?;
        let address = service.spec.and_then(|spec| spec.cluster_ip).context("the Service has no address")?;
        let secrets = Api::<Secret>::namespaced(self.outside.clone(), namespace);
        let mut data = secrets.get(&format!("vc-{name}")).await?.data.context("the Secret is empty")?;
        let config = String::from_utf8(data.remove("config").context("there is no kubeconfig")?.0)?;
        kubeconfig::client(&kubeconfig::altered(&config, None, Some(&format!("https://{address}")))?).await
    }

    /// Pods of the control plane.
    pub async fn pods(&self) -> Result<Vec<Pod>> {
        let pods = Api::<Pod>::namespaced(self.outside.clone(), &self.request.namespace);
        let ours = ListParams::default().labels(&format!("release={},app", self.request.name));
        Ok(pods.list(&ours).await?.items)
    }
}

/// Runs it to the end, telling its steps on standard error; when the step that waits for the API was done.
pub async fn carry_out(host: &Host, request: &Request) -> Result<(Created, Option<Instant>)> {
    let making = request.clone();
    let host = host.clone();
    let operation = Operation::<Created, CreateError>::start("create", request.steps(), |progress| {
        making.carry_out(host, progress)
    });
    let mut follow = operation.follow();
    let told = tokio::spawn(async move {
        let mut ready = None;
        loop {
            let now = follow.borrow_and_update().clone();
            let step = now.steps.get(8).map(|step| &step.state);
            if ready.is_none() && matches!(step, Some(StepState::Done { .. })) {
                ready = Some(Instant::now());
            }
            if let Some((place, step)) = now.running() {
                eprintln!("{:>6.1} s  {} {:?}", now.since.elapsed().as_secs_f32(), place + 1, step);
            }
            if follow.changed().await.is_err() {
                return ready;
            }
        }
    });
    let created = operation.result().await?;
    Ok((created, told.await?))
}

/// A volume for the claim of a pod: the node has nobody who makes them.
pub async fn volume(name: &str, claim: (&str, &str)) -> Result<()> {
    let cluster = tokio::task::spawn_blocking(host).await??;
    let node = cluster.nodes().first().context("there is no node")?;
    let folder = format!("/var/lib/v9s-volumes/{name}");
    let made = node.command("mkdir").args(["-p", &folder]).status()?;
    anyhow::ensure!(made.success(), "no folder {folder} on the node");
    let client = kubeconfig::client(&cluster.kubeconfig()).await?;
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "5Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "",
            "claimRef": {"namespace": claim.0, "name": claim.1},
            "local": {"path": folder},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                {"key": "kubernetes.io/hostname", "operator": "In", "values": [node.name()]},
            ]}]}},
        },
    });
    objects::create(&client, &volume).await?;
    Ok(())
}

/// Tests that make virtual clusters.
macro_rules! makes {
    ($($(#[$attribute:meta])* async fn $name:ident() -> Result<()> $body:block)*) => {
        $(v9s_testkit::node_test! {
            $(#[$attribute])*
            fn $name() -> Result<()> {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
                runtime.block_on(async { $body })
            }
        })*
    };
}
pub(crate) use makes;
