//! A virtual cluster on a host with a real node: its control plane runs on this machine, its companion in a pod.

use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams};
use kube::runtime::wait::await_condition;
use serde_json::json;
use v9s_testkit::node::{Cluster, Options as NodeOptions, images};
use v9s_testkit::pods::{Room, condition};
use v9s_testkit::real::{ControlPlane, Options};
use v9s_testkit::{kubeconfig, objects};

use crate::{published, recipe};

/// As docs/syncer-deploy.yaml calls it, with a name of its own.
const IMAGE: &str = "docker.io/library/v9s-syncer:0.1.0";

/// What is not so by default: the images are those that the node has.
fn config() -> Result<String> {
    Ok(format!(
        "
controlPlane:
  coredns:
    deployment:
      image: {}
sync:
  toHost:
    networkPolicies:
      enabled: true
    pods:
      rewriteHosts:
        initContainer:
          image: {{registry: docker.io, repository: library/busybox, tag: '1.35'}}
",
        images::coredns_name()?
    ))
}

/// A virtual cluster.
pub struct Tenancy {
    pub cluster: &'static Cluster,
    /// Its name; its namespace on the host is `team-NAME`.
    pub name: String,
    plane: ControlPlane,
}

impl Tenancy {
    /// The one that most tests share.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Tenancy, String>> = OnceLock::new();
        let started = SHARED.get_or_init(|| Self::start("shared").map_err(|error| format!("{error:#}")));
        started.as_ref().map_err(|error| anyhow!("the virtual cluster did not start: {error}"))
    }

    /// Starts one on the host that all share, and waits until its companion is ready. Blocks.
    pub fn start(name: &str) -> Result<Self> {
        let cluster = host()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let address = runtime.block_on(prepare(cluster, name))?;
        let plane = ControlPlane::start(&Options {
            controllers: true,
            virtual_cluster: true,
            hosts: vec![address, name.to_owned(), own_name(name)],
            // Who its address leads to is for the host to say.
            apiserver_args: vec!["--endpoint-reconciler-type=none".to_owned()],
            place: cluster.beside(),
            ..Options::default()
        })?;
        let tenancy = Self { cluster, name: name.to_owned(), plane };
        runtime.block_on(tenancy.deploy())?;
        Ok(tenancy)
    }

    /// Its namespace on the host, where its pods run.
    pub fn namespace(&self) -> String {
        namespace(&self.name)
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> String {
        self.plane.kubeconfig()
    }

    /// The authority of its API server, PEM.
    pub fn authority(&self) -> &str {
        self.plane.authority()
    }

    /// Its namespace on the host, for the administrator of the host.
    pub async fn outside(&self) -> Result<Room> {
        Ok(Room {
            client: kubeconfig::client(&self.cluster.kubeconfig()).await?,
            namespace: self.namespace(),
        })
    }

    /// The pod of its companion, once it is ready.
    pub async fn companion(&self) -> Result<Pod> {
        let outside = self.outside().await?;
        let pods = outside.api::<Pod>();
        let of_it = ListParams::default().labels("app=v9s-syncer");
        for _ in 0..1200 {
            let found = pods.list(&of_it).await?.items;
            let alive = found
                .into_iter()
                .find(|pod| pod.metadata.deletion_timestamp.is_none() && condition(pod, "Ready"));
            if let Some(pod) = alive {
                return Ok(pod);
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let now: Vec<_> = pods.list(&of_it).await?.items.into_iter().map(|pod| pod.status).collect();
        Err(anyhow!("the companion of {} is not ready: {now:#?}\n{}", self.name, self.last_words().await))
    }

    /// Kills the companion as running out of memory would, and has the host start another at once rather than after a
    /// pause that grows.
    pub async fn kill_companion(&self) -> Result<()> {
        let pod = self.companion().await?;
        let name = pod.metadata.name.context("it has a name")?;
        let statuses = pod.status.and_then(|status| status.container_statuses).unwrap_or_default();
        let id = statuses.into_iter().find_map(|one| one.container_id).context("it has no container")?;
        let node = self.cluster.nodes().first().context("there is no node")?;
        node.kill_container(&id)?;
        let pods = self.outside().await?.api::<Pod>();
        pods.delete(&name, &DeleteParams::default().grace_period(0)).await?;
        Ok(())
    }

    /// What the companion that runs now has said so far.
    pub async fn log(&self) -> Result<String> {
        let pod = self.companion().await?.metadata.name.context("it has a name")?;
        Ok(self.outside().await?.api::<Pod>().logs(&pod, &Default::default()).await?)
    }

    /// The same for whoever looks why something failed; why not, where it cannot be read.
    pub async fn last_words(&self) -> String {
        let log = async {
            let outside = self.outside().await?;
            let pods = outside.api::<Pod>();
            let pod = pods.list(&ListParams::default().labels("app=v9s-syncer")).await?.items.pop();
            let name = pod.and_then(|pod| pod.metadata.name).context("there is no pod")?;
            anyhow::Ok(pods.logs(&name, &Default::default()).await?)
        };
        log.await.unwrap_or_else(|error| format!("its log cannot be read: {error:#}"))
    }

    /// Everything that docs/syncer-deploy.yaml wants to be there before, and that itself.
    async fn deploy(&self) -> Result<()> {
        let (namespace, client) = (self.namespace(), kubeconfig::client(&self.cluster.kubeconfig()).await?);
        let (address, port) =
            self.plane.url().trim_start_matches("https://").split_once(':').context("no port")?;
        let by_name = kubeconfig::altered(
            &self.plane.kubeconfig(),
            None,
            Some(&format!("https://{}", own_name(&self.name))),
        )?;
        let secret = |name: String, key: &str, text: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "stringData": {key: text}});
        let more = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "more", "namespace": namespace},
            "rules": [{"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"],
                "verbs": ["get", "list", "watch", "create", "patch", "delete"]}],
        });
        let bound = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "more", "namespace": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "more"},
            "subjects": [{"kind": "ServiceAccount", "name": format!("vc-{}", self.name), "namespace": namespace}],
        });
        // What docs/kubelet.md wants where figures are wanted.
        let figures = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": format!("figures-{namespace}")},
            "rules": [{"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get"]}],
        });
        let figures_bound = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": format!("figures-{namespace}")},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": format!("figures-{namespace}")},
            "subjects": [{"kind": "ServiceAccount", "name": format!("vc-{}", self.name), "namespace": namespace}],
        });
        let endpoints = json!({
            "apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": self.name, "namespace": namespace},
            "subsets": [{"addresses": [{"ip": address}], "ports": [{"name": "https", "port": port.parse::<u16>()?}]}],
        });
        let before = [
            endpoints,
            secret(format!("vc-{}", self.name), "config", &by_name),
            secret(format!("vc-config-{}", self.name), "config.yaml", &config()?),
            more,
            bound,
            figures,
            figures_bound,
        ];
        for object in before.into_iter().chain(published::objects(&self.name)?) {
            objects::create(&client, &object).await?;
        }
        self.companion().await.map(drop)
    }
}

/// The host with one node, and the image of the companion on it.
fn host() -> Result<&'static Cluster> {
    static HOST: OnceLock<Result<Cluster, String>> = OnceLock::new();
    let start = || {
        // First, as it is what can fail for reasons of our own.
        let image = recipe::image(IMAGE)?;
        let cluster = Cluster::start(&NodeOptions::default())?;
        cluster.import(&image)?;
        anyhow::Ok(cluster)
    };
    let started = HOST.get_or_init(|| start().map_err(|error| format!("{error:#}")));
    started.as_ref().map_err(|error| anyhow!("the host did not start: {error}"))
}

/// The namespace and the Service of a virtual cluster; its address.
async fn prepare(cluster: &Cluster, name: &str) -> Result<String> {
    let client: Client = kubeconfig::client(&cluster.kubeconfig()).await?;
    let namespace = namespace(name);
    objects::create(
        &client,
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
    )
    .await?;
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": "vcluster", "release": name}},
        "spec": {"ports": [{"name": "https", "port": 443, "targetPort": 8443}]},
    });
    let made = objects::create(&client, &service).await?;
    Ok(made.data["spec"]["clusterIP"].as_str().context("the Service has no address")?.to_owned())
}

fn namespace(name: &str) -> String {
    format!("team-{name}")
}

/// The name that pods of the host reach its API server by.
fn own_name(name: &str) -> String {
    format!("{name}.{}.svc", namespace(name))
}

/// Waits until an object is gone.
pub async fn gone<K>(api: Api<K>, name: &str) -> Result<()>
where
    K: kube::Resource + Clone + std::fmt::Debug + Send + serde::de::DeserializeOwned + 'static,
{
    let waiting = await_condition(api, name, |found: Option<&K>| found.is_none());
    tokio::time::timeout(std::time::Duration::from_secs(120), waiting)
        .await
        .with_context(|| format!("{name} stays"))??;
    Ok(())
}
