//! A namespace in which a test makes pods and waits for what becomes of them.

use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::api::{Api, AttachParams, DynamicObject, LogParams};
use kube::runtime::wait::await_condition;
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use crate::node::images::BUSYBOX;
use crate::objects;

/// Nothing here takes that long, but this machine may compile beside it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A namespace of a cluster whose pods run.
#[derive(Clone)]
pub struct Room {
    /// A client of the cluster.
    pub client: Client,
    /// The namespace.
    pub namespace: String,
}

/// What a command in a container did.
#[derive(Debug, PartialEq, Eq)]
pub struct Done {
    /// Its exit code.
    pub code: i32,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Room {
    /// Makes the namespace; pods can be created in it at once.
    ///
    /// # Errors
    /// When it cannot be made, or gets no service account in time.
    pub async fn take(client: Client, namespace: &str) -> Result<Self> {
        let room = Self { client, namespace: namespace.replace('_', "-") };
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": room.namespace}});
        objects::create(&room.client, &object).await?;
        room.wait("default", "its service account", |found: Option<&ServiceAccount>| found.is_some()).await?;
        Ok(room)
    }

    /// Its objects of a kind.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Creates an object in the namespace.
    ///
    /// # Errors
    /// What the server said.
    pub async fn create(&self, mut object: Value) -> Result<DynamicObject> {
        object["metadata"]["namespace"] = json!(self.namespace);
        objects::create(&self.client, &object).await
    }

    /// Creates a pod with one container called `main` that runs this shell script. `more` is merged into its spec, and
    /// `container` into the container.
    ///
    /// # Errors
    /// What the server said.
    pub async fn script(&self, name: &str, script: &str, more: Value, container: Value) -> Result<()> {
        let mut main = json!({
            "name": "main", "image": BUSYBOX, "command": ["sh", "-c", script],
        });
        merge(&mut main, container);
        let mut spec = json!({"containers": [main], "terminationGracePeriodSeconds": 1});
        merge(&mut spec, more);
        self.create(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec,
        }))
        .await?;
        Ok(())
    }

    /// Creates such a pod that only waits, and waits until it is ready.
    ///
    /// # Errors
    /// What the server said, or how the pod is when it does not become ready in time.
    pub async fn idle(&self, name: &str, more: Value, container: Value) -> Result<Pod> {
        self.script(name, "sleep 100000", more, container).await?;
        self.ready(name).await
    }

    /// Creates a pod that answers `GET /` on port 8080 with its name, and waits until it is ready.
    ///
    /// # Errors
    /// What the server said, or how the pod is when it does not become ready in time.
    pub async fn server(&self, name: &str, more: Value) -> Result<Pod> {
        let script = "mkdir /www; hostname >/www/index.html; exec httpd -f -p 8080 -h /www";
        let probe = json!({"readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1}});
        self.script(name, script, more, probe).await?;
        self.ready(name).await
    }

    /// Waits until a pod is ready.
    ///
    /// # Errors
    /// How it is when it does not become ready in time.
    pub async fn ready(&self, name: &str) -> Result<Pod> {
        self.pod(name, "ready", |pod| condition(pod, "Ready")).await
    }

    /// Waits for a state of a pod.
    ///
    /// # Errors
    /// How it is when that does not come true in time.
    pub async fn pod(&self, name: &str, what: &str, state: impl Fn(&Pod) -> bool) -> Result<Pod> {
        self.wait(name, what, |found| found.is_some_and(&state)).await?.context("it is gone")
    }

    /// Waits for a state of an object, or for its end.
    ///
    /// # Errors
    /// How it is when that does not come true in time.
    pub async fn wait<K>(
        &self,
        name: &str,
        what: &str,
        state: impl Fn(Option<&K>) -> bool,
    ) -> Result<Option<K>>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + Send
            + DeserializeOwned
            + 'static,
    {
        let waiting = await_condition(self.api::<K>(), name, |found: Option<&K>| state(found));
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(found) => Ok(found?),
            Err(_) => {
                let now = self.api::<K>().get_opt(name).await?;
                anyhow::bail!("{}/{name} is not {what}: {now:?}", self.namespace)
            }
        }
    }

    /// Runs a command in a container with this standard input.
    ///
    /// # Errors
    /// When it cannot be run; not when it fails.
    pub async fn exec(&self, pod: &str, container: &str, command: &[&str], input: &str) -> Result<Done> {
        let mut params = AttachParams::default().stdin(!input.is_empty()).stdout(true).stderr(true);
        params.container = Some(container.to_owned());
        let mut process = self.api::<Pod>().exec(pod, command.iter().copied(), &params).await?;
        if let Some(mut stdin) = process.stdin() {
            stdin.write_all(input.as_bytes()).await?;
            stdin.shutdown().await?;
        }
        let (stdout, stderr) = (process.stdout(), process.stderr());
        let status = process.take_status().context("it has no status")?;
        let (stdout, stderr) = tokio::join!(text(stdout), text(stderr));
        let status = status.await.context("it ended without a status")?;
        process.join().await?;
        let code = match status.status.as_deref() {
            Some("Success") => 0,
            _ => {
                let causes = status.details.iter().flat_map(|details| details.causes.iter().flatten());
                let code = causes.filter(|cause| cause.reason.as_deref() == Some("ExitCode"));
                let code = code.filter_map(|cause| cause.message.as_deref()).next();
                code.with_context(|| format!("no exit code in {status:?}"))?.parse()?
            }
        };
        Ok(Done { code, stdout: stdout?, stderr: stderr? })
    }

    /// Standard output of a shell script that must succeed, without white space around it.
    ///
    /// # Errors
    /// When it fails; with all that it said.
    pub async fn sh(&self, pod: &str, script: &str) -> Result<String> {
        let done = self.exec(pod, "main", &["sh", "-c", script], "").await?;
        anyhow::ensure!(done.code == 0, "`{script}` in {pod}: {done:?}");
        Ok(done.stdout.trim().to_owned())
    }

    /// Runs a script in a pod until it can be run, succeeds and says this.
    ///
    /// # Errors
    /// What it said last when that does not come true in time.
    pub async fn sh_until(&self, pod: &str, script: &str, wanted: impl Fn(&str) -> bool) -> Result<()> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let done = self.exec(pod, "main", &["sh", "-c", script], "").await;
            if done.as_ref().is_ok_and(|done| done.code == 0 && wanted(done.stdout.trim())) {
                return Ok(());
            }
            anyhow::ensure!(tokio::time::Instant::now() < deadline, "`{script}` in {pod}: {done:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Log of the container `main`, of the run before this one if asked for.
    ///
    /// # Errors
    /// What the server said.
    pub async fn log(&self, pod: &str, previous: bool) -> Result<String> {
        let params = LogParams { container: Some("main".into()), previous, ..LogParams::default() };
        Ok(self.api::<Pod>().logs(pod, &params).await?)
    }
}

async fn text(stream: Option<impl AsyncRead + Unpin>) -> Result<String> {
    let mut text = String::new();
    if let Some(mut stream) = stream {
        stream.read_to_string(&mut text).await?;
    }
    Ok(text)
}

fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
}

/// Whether a condition of a pod is true.
pub fn condition(pod: &Pod, name: &str) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == name && condition.status == "True")
}

/// A pod's address.
pub fn address(pod: &Pod) -> String {
    pod.status.as_ref().and_then(|status| status.pod_ip.clone()).unwrap_or_default()
}
