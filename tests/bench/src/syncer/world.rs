//! Two API servers of their own, and the companion between them as a process.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use http::Request;
use serde_json::{Value, json};
use tempfile::TempDir;
use v9s::cluster::Cluster;
use v9s_testkit::kubeconfig;
use v9s_testkit::real::{ControlPlane, Options};

/// The virtual cluster and its namespace on the host.
pub const NAME: &str = "bench";
const PATIENCE: Duration = Duration::from_secs(60);

/// One API server.
pub struct Server {
    plane: ControlPlane,
    pub cluster: Cluster,
}

impl Server {
    /// Starts one.
    pub async fn start(name: &str, tenant: bool) -> Result<Self> {
        let options = Options { controllers: tenant, virtual_cluster: tenant, ..Options::default() };
        let plane = tokio::task::spawn_blocking(move || ControlPlane::start(&options)).await??;
        let client = kubeconfig::client(&plane.kubeconfig()).await?;
        let cluster =
            Cluster::from_client(name, plane.url(), "default", client).with_request_timeout(PATIENCE);
        Ok(Self { plane, cluster })
    }

    /// Sends one request with a JSON body.
    pub async fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let content_type = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
        let request =
            Request::builder().method(method).uri(path).header("content-type", content_type).body(body)?;
        let answer = self.cluster.fetch(request).await;
        let answer = answer.map_err(|failure| anyhow::anyhow!("{method} {path}: {failure}"))?;
        Ok(serde_json::from_slice(&answer).unwrap_or(Value::Null))
    }

    /// Requests about objects that this server has answered so far, whoever sent them; watches, leases and events left out.
    pub async fn requests(&self) -> Result<Requests> {
        let request = Request::get("/metrics").body(Vec::new())?;
        let answer =
            self.cluster.fetch(request).await.map_err(|failure| anyhow::anyhow!("metrics: {failure}"))?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let mut requests = Requests::default();
        for line in text.lines().filter(|line| line.starts_with("apiserver_request_total{")) {
            let has = |what: &str| line.contains(what);
            // With its comma, so that `subresource` is not meant.
            if [",resource=\"\"", ",resource=\"leases\"", ",resource=\"events\""].into_iter().any(has) {
                continue;
            }
            let is_verb = |verb: &&str| has(&format!("verb=\"{verb}\""));
            let count = line.rsplit(' ').next().and_then(|count| count.parse::<f64>().ok()).unwrap_or(0.0);
            if WRITES.iter().any(is_verb) {
                requests.writes += count;
            } else if is_verb(&"GET") {
                requests.reads += count;
            }
        }
        Ok(requests)
    }
}

const WRITES: [&str; 5] = ["POST", "PUT", "PATCH", "DELETE", "APPLY"];

/// How many requests a server has answered.
#[derive(Debug, Clone, Copy, Default)]
pub struct Requests {
    /// Those that change something.
    pub writes: f64,
    /// Those that read one object.
    pub reads: f64,
}

impl Requests {
    /// Those of both kinds.
    pub fn all(self) -> f64 {
        self.writes + self.reads
    }
}

/// Both servers, and where the companion finds them.
pub struct World {
    pub tenant: Server,
    pub host: Server,
    folder: TempDir,
    program: PathBuf,
}

impl World {
    /// Starts both servers and makes what the companion expects on the host.
    pub async fn start(program: PathBuf) -> Result<Self> {
        ensure!(program.is_file(), "{} is not there: cargo build --release --workspace", program.display());
        let (tenant, host) = (Server::start("tenant", true).await?, Server::start("host", false).await?);
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAME}});
        host.ask("POST", "/api/v1/namespaces", &namespace).await?;
        tenant.ask("POST", "/api/v1/namespaces", &namespace).await?;
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME, "namespace": NAME},
            "spec": {"ports": [{"name": "https", "port": 443, "targetPort": 8443}]}});
        host.ask("POST", &format!("/api/v1/namespaces/{NAME}/services"), &service).await?;
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": format!("vc-workload-{NAME}")}});
        host.ask("POST", &format!("/api/v1/namespaces/{NAME}/serviceaccounts"), &account).await?;
        let dns = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kube-dns", "namespace": "kube-system"},
            "spec": {"selector": {"k8s-app": "kube-dns"}, "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}]}});
        tenant.ask("POST", "/api/v1/namespaces/kube-system/services", &dns).await?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("tenant.yaml"), tenant.plane.kubeconfig())?;
        std::fs::write(folder.path().join("host.yaml"), host.plane.kubeconfig())?;
        // All pods are the benchmark's own.
        let settings = "controlPlane: {coredns: {enabled: false}}\n";
        std::fs::write(folder.path().join("vcluster.yaml"), settings)?;
        let world = World { tenant, host, folder, program };
        let defaults = format!("/api/v1/namespaces/{NAME}/serviceaccounts/default");
        let began = Instant::now();
        // The controller manager makes the account that pods run under.
        while world.tenant.ask("GET", &defaults, &Value::Null).await.is_err() {
            ensure!(began.elapsed() < PATIENCE, "the tenant's controllers make no service account");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(world)
    }

    /// Starts the companion and waits until it is ready; answers how long that took.
    pub async fn companion(&self) -> Result<(Companion, Duration)> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let began = Instant::now();
        let child = Command::new(&self.program)
            .args(["--name", NAME, "--namespace", NAME, "--log", "warn", "--canary-interval", "0"])
            .arg("--virtual-kubeconfig")
            .arg(self.folder.path().join("tenant.yaml"))
            .arg("--host-kubeconfig")
            .arg(self.folder.path().join("host.yaml"))
            .arg("--config")
            .arg(self.folder.path().join("vcluster.yaml"))
            .args(["--listen", &format!("127.0.0.1:{port}"), "--kubelet-listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .spawn()
            .context("starting v9s-syncer")?;
        let mut companion = Companion { child, port };
        while !companion.is_ready().await {
            if began.elapsed() > PATIENCE || companion.child.try_wait()?.is_some() {
                bail!("v9s-syncer does not become ready");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok((companion, began.elapsed()))
    }
}

/// The running companion; dropping it kills it.
pub struct Companion {
    child: Child,
    port: u16,
}

impl Companion {
    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    async fn is_ready(&self) -> bool {
        self.answer("/readyz").await.is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    /// A number from its metrics: the sum of all series of this name; 0 when there are none.
    pub async fn metric(&self, name: &str) -> f64 {
        let answer = self.answer("/metrics").await.unwrap_or_default();
        let of = |line: &str| -> Option<f64> {
            let rest = line.strip_prefix(name).filter(|rest| rest.starts_with(['{', ' ']))?;
            rest.rsplit_once(' ')?.1.parse().ok()
        };
        answer.lines().filter_map(of).sum()
    }

    async fn answer(&self, path: &str) -> Option<String> {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: companion\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
