//! A virtual cluster that v9s has made, of a test's own, on a host without kubelets.

use anyhow::{Context as _, Result, ensure};
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use serde_json::json;
use tokio::process::Child;
use tokio_util::task::AbortOnDropHandle;
use v9s::cluster::Cluster;
use v9s::operation::Operation;
use v9s::provision::create::{CreateError, Created, Request};
use v9s_testkit::host::Host;

use crate::seat;

/// With several of everything, and what the tenant has on the host.
const CONFIG: &str = "
controlPlane:
  backingStore: {etcd: {deploy: {enabled: true, statefulSet: {highAvailability: {replicas: 3}}}}}
  statefulSet: {highAvailability: {replicas: 2}}
networking: {serviceCIDR: 10.96.0.0/16}
policies: {resourceQuota: {enabled: true}, networkPolicy: {enabled: true}}
";
/// Pods of the tenant.
const PODS: usize = 2;

/// A virtual cluster.
pub struct Room {
    pub name: String,
    pub namespace: String,
    pub client: kube::Client,
    /// Of its host.
    pub kubeconfig: String,
    home: tempfile::TempDir,
    _kubelet: AbortOnDropHandle<()>,
}

impl Room {
    /// Makes it, waits for its pods, and gives it something of a tenant.
    pub async fn make(host: &Host, stem: &str) -> Result<Room> {
        let (name, namespace) = ("shop".to_owned(), host.named(stem));
        let cluster = Cluster::from_client("host", host.url(), "default", host.client());
        let request = Request::new(&name, &namespace, CONFIG)?;
        let operation = Operation::<Created, CreateError>::start("create", request.steps(), |progress| {
            request.carry_out(cluster, progress)
        });
        operation.result().await.context("making a virtual cluster")?;
        let kubelet = seat::kubelet(host, &namespace, &format!("release={name}"));
        let labels = json!({"vcluster.loft.sh/managed-by": name, "vcluster.loft.sh/namespace": "default"});
        let pod = |number: usize| {
            json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": format!("web-{number}-x-default-x-{name}"), "namespace": namespace, "labels": labels},
                "spec": {"serviceAccountName": format!("vc-workload-{name}"), "automountServiceAccountToken": false, "containers": [{"name": "c", "image": "web",
                    "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": "1m", "memory": "1Mi"}}}]}})
        };
        host.seed(&(0..PODS).map(pod).collect::<Vec<_>>()).await?;
        seat::until_pods(host, &namespace, &format!("release={name}"), 5).await?;
        let home = tempfile::tempdir()?;
        std::fs::write(home.path().join("kubeconfig"), &host.kubeconfig)?;
        let room = Room {
            name,
            namespace,
            client: host.client(),
            kubeconfig: host.kubeconfig.clone(),
            home,
            _kubelet: kubelet,
        };
        room.ready().await?;
        Ok(room)
    }

    async fn ready(&self) -> Result<()> {
        let cluster = Cluster::from_client("host", "https://host", "default", self.client.clone());
        seat::until(&format!("{} is ready", self.namespace), || async {
            let target = v9s::target::find(&cluster, Some(&self.namespace), &self.name).await?;
            Ok(target.parts.len() == 2 && target.parts.iter().all(|part| part.ready == part.replicas))
        })
        .await
    }

    /// Waits until its controllers have done what they are asked for. One that is gone has none.
    pub async fn settled(&self) -> Result<()> {
        let cluster = Cluster::from_client("host", "https://host", "default", self.client.clone());
        seat::until(&format!("the pods of {} are as they should be", self.namespace), || async {
            let target = v9s::target::refresh(&cluster, &self.namespace, &self.name).await?;
            let settled = |part: &v9s::target::Part| {
                let now = [part.running, part.ready, part.updated];
                part.observed && now.iter().all(|count| *count == part.replicas)
            };
            Ok(target.parts.iter().all(settled))
        })
        .await
    }

    /// Says of it that the official chart has made it.
    pub async fn of_somebody_else(&self) -> Result<()> {
        let cluster = Cluster::from_client("host", "https://host", "default", self.client.clone());
        let target = v9s::target::find(&cluster, Some(&self.namespace), &self.name).await?;
        let plane = target.control_plane().context("it has a control plane")?;
        let resource =
            ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", &plane.kind.resource().kind));
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
        let helm = Patch::Merge(json!({"metadata": {"labels": {"heritage": "Helm"}}}));
        api.patch(&plane.name, &PatchParams::default(), &helm).await?;
        Ok(())
    }

    /// The same seat before another virtual cluster.
    pub fn beside(self, name: &str, namespace: &str) -> Room {
        Room { name: name.to_owned(), namespace: namespace.to_owned(), ..self }
    }

    /// The home of whoever sits there; its kubeconfig is `kubeconfig`.
    pub fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    fn arguments(&self, command: &[&str]) -> Vec<String> {
        let word = |word: &&str| if *word == "NAME" { self.name.clone() } else { (*word).to_owned() };
        command.iter().map(word).chain(["-n".to_owned(), self.namespace.clone()]).collect()
    }

    /// Starts the program by way of another kubeconfig.
    pub fn program(&self, kubeconfig: &str, command: &[&str]) -> Result<Child> {
        let file = self.home.path().join("gateway");
        std::fs::write(&file, kubeconfig)?;
        Ok(super::program(self.home.path(), &file, &self.arguments(command)).spawn()?)
    }

    /// Runs the program to its end.
    pub async fn v9s(&self, command: &[&str]) -> Result<()> {
        let (done, told) = self.told(command).await?;
        ensure!(done, "{command:?}: {told}");
        Ok(())
    }

    /// Runs what was interrupted again, and returns what it says. That nothing is left to do is right, too.
    pub async fn again(&self, command: &[&str]) -> Result<String> {
        let (done, told) = self.told(command).await?;
        ensure!(done || told.contains("and nothing that one has left"), "again: {told}");
        Ok(told)
    }

    /// Exit code, and all that is said, of a run by way of another kubeconfig.
    pub async fn said_by(&self, kubeconfig: &str, command: &[&str]) -> Result<(Option<i32>, String)> {
        let said = self.program(kubeconfig, command)?.wait_with_output().await?;
        let told =
            String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
        Ok((said.status.code(), told))
    }

    /// The records of what was changed, as they are kept.
    pub fn records(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.home.path().join(".local/state/v9s/audit.jsonl"))?)
    }

    /// Exit code and standard output.
    pub async fn said(&self, command: &[&str]) -> Result<(Option<i32>, String)> {
        let file = self.home.path().join("kubeconfig");
        let said = super::program(self.home.path(), &file, &self.arguments(command)).output().await?;
        Ok((said.status.code(), String::from_utf8_lossy(&said.stdout).into_owned()))
    }

    async fn told(&self, command: &[&str]) -> Result<(bool, String)> {
        let file = self.home.path().join("kubeconfig");
        let said = super::program(self.home.path(), &file, &self.arguments(command)).output().await?;
        let told =
            String::from_utf8_lossy(&said.stderr).into_owned() + &String::from_utf8_lossy(&said.stdout);
        Ok((said.status.success(), told))
    }
}
