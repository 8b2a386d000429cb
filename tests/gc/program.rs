//! `v9s gc` as a person and a CronJob run it: into a virtual cluster by its own credentials, through a tunnel.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};
use tokio::process::Command;
use v9s_sandbox::node::{Behaviour, Container, ControlPlane, Images, Machines, Work};
use v9s_sandbox::{Options, Sandbox, controllers};
use v9s_testkit::{kubeconfig, objects};

/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A host on which `shop` runs in `default`, with its API server in its pod.
async fn host() -> Result<Sandbox> {
    let plane = |_: &Container<'_>| Work::ControlPlane(ControlPlane::default());
    let images = Images::default().run("*/vcluster*", |_| Behaviour::default(), plane);
    let machines = Machines { count: 1, ..Machines::default() };
    let controllers = controllers::Options { machines, images, ..controllers::Options::default() };
    let host = Sandbox::start(Options { controllers: Some(controllers), ..Options::default() }).await?;
    let labels = json!({"app": "vcluster", "release": "shop"});
    create(
        &host.kubeconfig(),
        &[json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "shop", "namespace": "default", "labels": labels},
        "spec": {"replicas": 1, "serviceName": "shop", "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "syncer", "image": "ghcr.io/loft-sh/vcluster:0.30"}]}}}})],
    )
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
    let config = nested.kubeconfig().replace(nested.url(), "https://localhost:8443");
    create(&host.kubeconfig(), &[json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "vc-shop", "namespace": "default"}, "data": {"config": STANDARD.encode(config)}})]).await?;
    // One that lives, one that has ended while nobody mirrored it.
    let inside: Api<ConfigMap> = Api::namespaced(kubeconfig::client(&nested.kubeconfig()).await?, "default");
    for name in ["lives", "ended"] {
        let map = serde_json::from_value(json!({"metadata": {"name": name}}))?;
        let uid = inside.create(&PostParams::default(), &map).await?.metadata.uid.context("no UID")?;
        let host_name = format!("{name}-x-default-x-shop");
        create(&host.kubeconfig(), &[json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": host_name, "namespace": "default",
                "labels": {"vcluster.loft.sh/managed-by": "shop", "vcluster.loft.sh/namespace": "default"},
                "annotations": {"vcluster.loft.sh/object-name": name, "vcluster.loft.sh/object-namespace": "default",
                    "vcluster.loft.sh/object-uid": uid}}})]).await?;
    }
    inside.delete("ended", &DeleteParams::default()).await?;
    Ok(host)
}

async fn create(kubeconfig: &str, all: &[Value]) -> Result<()> {
    let client = kubeconfig::client(kubeconfig).await?;
    for object in all {
        objects::create(&client, object).await?;
    }
    Ok(())
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

struct Program {
    home: tempfile::TempDir,
}

impl Program {
    fn at(kubeconfig: &str) -> Result<Self> {
        let home = tempfile::tempdir()?;
        std::fs::write(home.path().join("kubeconfig"), kubeconfig)?;
        Ok(Program { home })
    }

    async fn v9s(&self, arguments: &[&str]) -> Result<Said> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_v9s"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("TMPDIR", self.home.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("KUBECONFIG", self.home.path().join("kubeconfig"))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output()).await??;
        Ok(Said {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    async fn json(&self, arguments: &[&str]) -> Result<(Option<i32>, Value)> {
        let said = self.v9s(arguments).await?;
        let document =
            serde_json::from_str(&said.out).with_context(|| format!("{}{}", said.out, said.err))?;
        Ok((said.code, document))
    }

    fn audit(&self) -> String {
        let mut found = String::new();
        let mut folders = vec![self.home.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    _ if entry.file_name() == "audit.jsonl" => {
                        found += &std::fs::read_to_string(entry.path()).unwrap_or_default();
                    }
                    _ => {}
                }
            }
        }
        found
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leftover_is_found_shown_and_collected_through_the_tunnel() -> Result<()> {
    let host = host().await?;
    let program = Program::at(&host.kubeconfig())?;
    let map = |name: &str| format!("{name}-x-default-x-shop");
    // It counts as old after a second.
    let document = loop {
        let (code, document) =
            program.json(&["gc", "shop", "--dry-run", "--older-than", "1s", "-o", "json"]).await?;
        let first = &document["hosts"][0];
        assert!(matches!(code, Some(0 | 3)), "{document:#}");
        if first["orphans"].as_array().is_some_and(|orphans| !orphans.is_empty()) {
            break document;
        }
    };
    let host_report = &document["hosts"][0];
    assert_eq!(document["outcome"], "planned", "{document:#}");
    let orphans = host_report["orphans"].as_array().context("a list")?;
    assert_eq!(orphans.len(), 1, "{document:#}");
    let orphan = &orphans[0];
    assert_eq!(
        (&orphan["name"], &orphan["rule"], &orphan["code"]),
        (&json!(map("ended")), &json!("b"), &json!("origin-gone"))
    );
    assert_eq!((&orphan["virtual"], &orphan["vcluster"]), (&json!("default/ended"), &json!("default/shop")));
    assert!(orphan["answered"].is_string(), "when the virtual API was asked: {orphan:#}");

    let read_only = program.v9s(&["gc", "shop", "--yes", "--older-than", "1s", "--read-only"]).await?;
    assert_eq!(read_only.code, Some(1));
    assert!(read_only.err.contains("read-only"), "{}", read_only.err);
    let unasked = program.v9s(&["gc", "shop", "--older-than", "1s"]).await?;
    assert_eq!(unasked.code, Some(1));
    assert!(unasked.err.contains("--yes"), "{}", unasked.err);
    assert_eq!(program.audit(), "", "nothing was changed so far");

    let (code, done) = program.json(&["gc", "-A", "--yes", "--older-than", "1s", "-o", "json"]).await?;
    assert_eq!((code, &done["outcome"]), (Some(0), &json!("done")), "{done:#}");
    assert_eq!(done["hosts"][0]["collected"]["deleted"], 1);
    assert!(program.audit().contains(&map("ended")) && !program.audit().contains(&map("lives")));
    let maps: Api<ConfigMap> = Api::namespaced(kubeconfig::client(&host.kubeconfig()).await?, "default");
    assert!(maps.get_opt(&map("ended")).await?.is_none() && maps.get_opt(&map("lives")).await?.is_some());

    let again = program.v9s(&["gc", "-A", "--yes", "--older-than", "1s"]).await?;
    assert_eq!(again.code, Some(0), "{}{}", again.out, again.err);
    assert!(again.out.contains("nothing is proven"), "{}", again.out);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_api_cannot_be_reached_is_told_and_exits_so_that_cron_notices() -> Result<()> {
    let host = host().await?;
    let secrets: Api<k8s_openapi::api::core::v1::Secret> =
        Api::namespaced(kubeconfig::client(&host.kubeconfig()).await?, "default");
    secrets.delete("vc-shop", &DeleteParams::default()).await?;
    let program = Program::at(&host.kubeconfig())?;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let (code, document) =
        program.json(&["gc", "shop", "--yes", "--older-than", "1s", "--kinds", "cm", "-o", "json"]).await?;
    assert_eq!((code, &document["outcome"]), (Some(3), &json!("partial")), "{document:#}");
    let unknown = &document["hosts"][0]["unknown"][0];
    assert_eq!(
        (&unknown["vcluster"], &unknown["objects"]),
        (&json!("default/shop"), &json!(2)),
        "{document:#}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_cronjob_is_taken_and_its_account_can_do_all_of_it() -> Result<()> {
    let host = host().await?;
    let program = Program::at(&host.kubeconfig())?;
    let printed = program
        .v9s(&["gc", "-A", "--print-cronjob", "--image", "registry.example/v9s:1", "--older-than", "1s"])
        .await?;
    assert_eq!(printed.code, Some(0), "{}", printed.err);
    let mut arguments = Vec::new();
    for text in printed.out.split("---\n") {
        let object: Value = serde_saphyr::from_str(text)?;
        if object["kind"] == "CronJob" {
            let words = &object["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"];
            arguments = words
                .as_array()
                .context("a list")?
                .iter()
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect();
        }
        create(&host.kubeconfig(), &[object]).await?;
    }
    // As its account: what it may not do would be told.
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.extend([
        "--as",
        "system:serviceaccount:v9s:v9s-gc",
        "--as-group",
        "system:serviceaccounts",
        "--as-group",
        "system:authenticated",
    ]);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let (code, document) = program.json(&arguments).await?;
    assert_eq!((code, &document["outcome"]), (Some(0), &json!("done")), "{document:#}");
    assert_eq!(document["hosts"][0]["unseen"], json!([]), "{document:#}");
    let stranger = program
        .v9s(&["delete", "shop", "--confirm", "shop", "--as", "system:serviceaccount:v9s:v9s-gc"])
        .await?;
    assert_ne!(stranger.code, Some(0), "it may do no more: {}", stranger.out);
    Ok(())
}
