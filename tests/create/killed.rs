//! `v9s create` is killed after any write, as by the kernel: another run completes it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::process::Command;
use v9s::cluster::Cluster;
use v9s::provision::create::{Effect, Preset, Request, effects, look_and_plan};
use v9s_testkit::both_hosts;
use v9s_testkit::host::Host as Seeded;

use crate::shell::{Shell, err};

/// Writes that are on record.
fn writes(home: &Path) -> usize {
    let record = std::fs::read_to_string(home.join(".local/state/v9s/audit.jsonl")).unwrap_or_default();
    // The last line may be half written.
    record
        .lines()
        .filter(|line| serde_json::from_str::<Value>(line).is_ok_and(|it| it["action"] == "create"))
        .count()
}

/// Kills the program as soon as so many writes are on record, and runs it again; false when it had ended before.
async fn kill(host: &Seeded, after: usize) -> Result<bool> {
    let shell = Shell::with(&host.kubeconfig)?;
    let namespace = host.named(&format!("killed{after}"));
    let arguments = ["create", "half", "-n", &namespace, "--preset", "prod"];
    let mut running = Command::new(env!("CARGO_BIN_EXE_v9s"))
        .args(arguments)
        .env_clear()
        .env("HOME", shell.home.path())
        .env("KUBECONFIG", shell.home.path().join("kubeconfig"))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let killed = loop {
        if running.try_wait()?.is_some() {
            break false;
        }
        if writes(shell.home.path()) >= after {
            running.start_kill()?;
            break !running.wait().await?.success();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    let again = shell.v9s(&arguments).await?;
    ensure!(again.status.code() == Some(0), "killed after {after} writes: {}", err(&again));
    let whole = Cluster::from_client("host", host.url(), "default", host.client());
    let request = Request::new("half", &namespace, &config(&whole, &namespace).await?)?;
    let (_, planned) = look_and_plan(&whole, &request).await?;
    let left: Vec<_> = effects(&whole, &planned)
        .await?
        .into_iter()
        .filter(|(_, effect)| *effect != Effect::Nothing)
        .collect();
    ensure!(left.is_empty(), "killed after {after} writes: {left:?}");
    Ok(killed)
}

/// The configuration as the program has put it together.
async fn config(host: &Cluster, namespace: &str) -> Result<String> {
    let secrets = kube::Api::<k8s_openapi::api::core::v1::Secret>::namespaced(host.client(), namespace);
    let mut data = secrets.get("vc-config-half").await?.data.context("it is empty")?;
    Ok(String::from_utf8(data.remove("config.yaml").context("it has no configuration")?.0)?)
}

both_hosts! {
    async fn what_was_killed_after_any_write_is_completed_by_another_run(host: Host) -> Result<()> {
        ensure!(Preset::Prod.text().contains("etcd"), "many objects");
        let mut killed = 0;
        for after in 0..20 {
            killed += usize::from(kill(&host, after).await?);
        }
        // It may end by itself before it is seen that its last writes are on record.
        ensure!(killed >= 10, "{killed} of 20 were killed");
        Ok(())
    }
}
