//! The program itself: what it refuses, what it answers, how it ends, and that nothing is lost when it is killed.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::pair::{Pair, both, create, delete, get, patch};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// The running program; dropping it kills it.
pub struct Program {
    child: Child,
    address: String,
}

impl Program {
    pub fn start(pair: &Pair, folder: &Path, more: &[&str]) -> Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let child = command(pair, folder, "t")?
            .args(["--listen", &address])
            .args(more)
            .stderr(Stdio::null())
            .spawn()
            .context("starting v9s-syncer")?;
        Ok(Self { child, address })
    }

    pub async fn answer(&self, path: &str) -> Option<(u16, String)> {
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<bytes::Bytes>>();
        let answer = client.get(format!("http://{}{path}", self.address).parse().ok()?).await.ok()?;
        let code = answer.status().as_u16();
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        Some((code, String::from_utf8_lossy(&body).into_owned()))
    }

    pub async fn ready(&self) -> Result<()> {
        for _ in 0..600 {
            if matches!(self.answer("/readyz").await, Some((200, _))) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("it never becomes ready: {:?}", self.answer("/readyz").await)
    }

    /// Sends it a signal by its name, such as `STOP`.
    pub fn signal(&self, name: &str) -> Result<()> {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status()?;
        ensure!(sent.success(), "{name} was not sent");
        Ok(())
    }

    /// Waits until it has ended by itself.
    pub fn ended(mut self) -> Result<ExitStatus> {
        Ok(self.child.wait()?)
    }

    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(pair: &Pair, folder: &Path, name: &str) -> Result<Command> {
    let (tenant, host) = (folder.join("tenant.yaml"), folder.join("host.yaml"));
    std::fs::write(&tenant, &pair.tenant.kubeconfig)?;
    std::fs::write(&host, &pair.host.kubeconfig)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_v9s-syncer"));
    command.args(["--name", name, "--namespace", &pair.namespace]).arg("--virtual-kubeconfig").arg(tenant);
    command.arg("--host-kubeconfig").arg(host).args(["--webhook-listen", "127.0.0.1:0"]);
    command.args(["--kubelet-listen", "127.0.0.1:0"]);
    command.env_remove("V9S_LOG").stdin(Stdio::null());
    Ok(command)
}

fn forced(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data, "metadata": {"name": name,
        "annotations": {"vcluster.loft.sh/force-sync": "true"}}})
}

both! {
    async fn it_mirrors_answers_and_ends_in_order(pair: Pair) -> Result<()> {
        pair.stop().await;
        let folder = tempfile::tempdir()?;
        let mut program = Program::start(&pair, folder.path(), &["--leader-elect"])?;
        program.ready().await?;
        create(&pair.tenant, MAPS, &forced("settings", json!({"a": "1"}))).await?;
        pair.until(&pair.host, &pair.on_host("configmaps", "default", "settings"), |h| !h.is_null()).await?;
        // What the answer to a write said is counted a moment after it has happened.
        let mut metrics = String::new();
        for _ in 0..100 {
            let (code, text) = program.answer("/metrics").await.context("no metrics")?;
            ensure!(code == 200, "{text}");
            metrics = text;
            if metrics.contains("v9s_syncer_lag_seconds_count{kind=\"configmaps\"") { break }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for line in ["v9s_syncer_writes_total{kind=\"configmaps\",side=\"host\",verb=\"create\",result=\"ok\"} 1", "v9s_syncer_synced 1",
            "v9s_syncer_objects{kind=\"configmaps\",side=\"host\"} 1", "v9s_syncer_lag_seconds_count{kind=\"configmaps\",written=\"host\"} 1",
            "v9s_syncer_gate_open{kind=\"pods\"} 1", "v9s_syncer_leader 1", "v9s_syncer_drifted 0", "v9s_syncer_store_known 1",
            "v9s_syncer_write_limit{side=\"host\"} 3", "v9s_syncer_canary_leg_seconds_count{written=\"virtual\"}", "v9s_syncer_api_up{side=\"virtual\"} 1",
            "v9s_syncer_build_info{version=\"", "# TYPE process_cpu_seconds counter", "process_resident_memory_bytes "] {
            assert!(metrics.contains(line), "{line} is missing:\n{metrics}");
        }
        let documented = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/syncer.md"))?;
        for family in metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let name = family.split(' ').next().unwrap_or_default();
            assert!(documented.contains(&format!("`{name}")), "{name} is not in docs/syncer.md");
        }
        assert!(!metrics.contains("settings"), "no object's name is a label:\n{metrics}");
        let (_, ready) = program.answer("/readyz").await.context("no answer")?;
        for line in ["[+]virtual-api ok", "[+]host-api ok", "[?]controller-manager not known", "[+]lists ok", "[+]watches ok", "[+]store ok", "[+]canary ok"] {
            assert!(ready.contains(line), "{line} is missing:\n{ready}");
        }
        assert_eq!(program.answer("/healthz").await.map(|(code, _)| code), Some(200));
        assert_eq!(program.answer("/secrets").await.map(|(code, _)| code), Some(404));
        let status = format!("/api/v1/namespaces/{}/configmaps/vc-status-t", pair.namespace);
        let told = pair.until(&pair.host, &status, |told| {
            let status = told["data"]["status.json"].as_str().and_then(|text| v9s::companion::read(text).ok());
            status.is_some_and(|status| status.synced && status.to_host.count >= 1 && status.trouble.is_none()
                && status.leader == Some(true) && status.drift.is_some_and(|drift| drift.objects.is_empty())
                && status.canary.is_some_and(|canary| canary.trouble.is_none()) && status.kinds.contains_key("configmaps")
                && status.apis.is_some_and(|apis| apis.iter().all(|api| api.answered_millis.is_some())))
        }).await?;
        assert_eq!(told["metadata"]["labels"]["v9s.io/status-of"], "t");
        let lease = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases/vcluster-t-controller", pair.namespace);
        assert!(get(&pair.host, &lease).await?["spec"]["holderIdentity"].as_str().is_some_and(|holder| !holder.is_empty()));
        let ended = Command::new("kill").arg(program.child.id().to_string()).status()?;
        ensure!(ended.success());
        ensure!(program.child.wait()?.success(), "SIGTERM is no failure");
        assert_eq!(get(&pair.host, &lease).await?["spec"]["holderIdentity"], "", "the lease is given up");
        Ok(())
    }

    async fn killed_again_and_again_under_churn_it_loses_and_doubles_nothing(pair: Pair) -> Result<()> {
        pair.stop().await;
        let folder = tempfile::tempdir()?;
        for round in 0..8_u64 {
            let program = Program::start(&pair, folder.path(), &[])?;
            let changes = async {
                for at in 0..12 {
                    let name = format!("map-{at}");
                    let path = format!("{MAPS}/{name}");
                    match (round + at) % 3 {
                        0 if !get(&pair.tenant, &path).await?.is_null() => drop(delete(&pair.tenant, &path).await?),
                        _ if get(&pair.tenant, &path).await?.is_null() => {
                            create(&pair.tenant, MAPS, &forced(&name, json!({"round": round.to_string()}))).await?;
                        }
                        _ => drop(patch(&pair.tenant, &path, &json!({"data": {"round": round.to_string()}})).await?),
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                anyhow::Ok(())
            };
            // It is killed at another moment of its life in each round.
            let (changed, ()) = tokio::join!(changes, tokio::time::sleep(Duration::from_millis(150 * round)));
            changed?;
            program.kill()?;
        }
        pair.start();
        pair.quiet().await?;
        let of = |list: &Value| -> Vec<(String, Value)> {
            let items = list["items"].as_array().cloned().unwrap_or_default();
            let mut objects: Vec<_> = items.into_iter().filter(|o| o["metadata"]["name"].as_str().is_some_and(|n| n.starts_with("map-")))
                .map(|o| (o["metadata"]["name"].as_str().unwrap_or_default().to_owned(), o["data"].clone())).collect();
            objects.sort_by(|a, b| a.0.cmp(&b.0));
            objects
        };
        let inside = of(&get(&pair.tenant, MAPS).await?);
        let outside = of(&get(&pair.host, &format!("/api/v1/namespaces/{}/configmaps", pair.namespace)).await?);
        let expected: Vec<_> = inside.iter().map(|(name, data)| (pair.host_name("default", name), data.clone())).collect();
        assert_eq!(outside, expected);
        assert!(!inside.is_empty());
        Ok(())
    }
}

both! {
    async fn it_prints_what_the_virtual_api_server_is_started_with(pair: Pair) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let host = folder.path().join("host.yaml");
        std::fs::write(&host, &pair.host.kubeconfig)?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_v9s-syncer"));
        command.args(["--name", "t", "--namespace", &pair.namespace, "--print-service-range"]).arg("--host-kubeconfig").arg(host);
        let done = tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output()).await??;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(String::from_utf8_lossy(&done.stdout), "10.96.0.0/16\n");
        let service = get(&pair.host, &format!("/api/v1/namespaces/{}/services/t", pair.namespace)).await?;
        assert_eq!(service["metadata"]["annotations"]["vcluster.loft.sh/service-cidr"], "10.96.0.0/16");
        Ok(())
    }

    async fn a_virtual_range_of_addresses_without_the_hosts_makes_it_unready_with_what_to_do(pair: Pair) -> Result<()> {
        pair.stop().await;
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("vcluster.yaml");
        std::fs::write(&config, "networking: {serviceCIDR: 10.43.0.0/16}")?;
        let program = Program::start(&pair, folder.path(), &["--config", &config.display().to_string()])?;
        for _ in 0..600 {
            if let Some((503, said)) = program.answer("/readyz").await
                && said.contains("[+]store ok")
                && said.contains("[-]service range")
            {
                ensure!(said.contains("--service-cluster-ip-range=10.43.0.0/16"), "{said}");
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("it never says so: {:?}", program.answer("/readyz").await)
    }
}

/// What it says, and with which code it ends, when it cannot start.
async fn refusal(config: &str, name: &str) -> Result<String> {
    let pair = crate::pair::embedded().await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("vcluster.yaml");
    std::fs::write(&file, config)?;
    let mut command = command(&pair, folder.path(), name)?;
    command.args(["--listen", "127.0.0.1:0"]).arg("--config").arg(&file).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut said = String::new();
    BufReader::new(child.stderr.take().context("no stderr")?).read_to_string(&mut said)?;
    ensure!(!child.wait()?.success(), "it must not start: {said}");
    Ok(said)
}

#[test]
fn a_bad_configuration_is_refused_with_every_mistake_and_its_place() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let said = runtime.block_on(refusal(
        "sync:\n  toHost:\n    pods:\n      enabeld: true\n    secrets:\n      all: 7\n",
        "t",
    ))?;
    assert!(said.contains("vcluster.yaml cannot be used"), "{said}");
    assert!(said.contains("line 4") && said.contains("enabled"), "{said}");
    assert!(said.contains("line 6"), "all mistakes at once: {said}");
    Ok(())
}

#[test]
fn what_is_not_built_yet_is_refused_and_not_ignored() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let said = runtime.block_on(refusal("integrations:\n  metricsServer:\n    enabled: true\n", "t"))?;
    assert!(
        said.contains("integrations.metricsServer is on") && said.contains("install a metrics server"),
        "{said}"
    );
    Ok(())
}

#[test]
fn without_its_service_on_the_host_it_says_what_is_missing() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let said = runtime.block_on(refusal("", "nobody"))?;
    let last = said.as_bytes().lines().map_while(Result::ok).last().unwrap_or_default();
    assert!(last.contains("Service") && last.contains("nobody") && last.contains("--name"), "{said}");
    Ok(())
}
