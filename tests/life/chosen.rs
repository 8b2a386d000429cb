//! `v9s restore --only` as a person runs it: through a tunnel, into a virtual cluster whose API server answers.

use std::process::{Output, Stdio};

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use v9s::backup::archive::Tenant;
use v9s_testkit::kubeconfig;

use crate::archived::archive;
use crate::tunnels::{PATIENCE, host, vcluster};

struct Seat {
    home: TempDir,
}

impl Seat {
    async fn v9s(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_v9s"));
        command
            .args(["restore", "shop", "--from"])
            .arg(self.home.path().join("backup"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("TMPDIR", self.home.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("KUBECONFIG", self.home.path().join("kubeconfig"))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Ok(tokio::time::timeout(PATIENCE * 2, command.output()).await??)
    }

    /// Exit code and document.
    async fn said(&self, arguments: &[&str]) -> Result<(Option<i32>, Value)> {
        let output = self.v9s(&[arguments, &["-o", "json"]].concat()).await?;
        let told = String::from_utf8_lossy(&output.stdout);
        let told = serde_json::from_str(&told)
            .with_context(|| format!("{told}{}", String::from_utf8_lossy(&output.stderr)))?;
        Ok((output.status.code(), told))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_chosen_is_shown_asked_for_and_put_back() -> Result<()> {
    let host = host().await?;
    vcluster(&host).await?;
    let nested = host.nested("default", "shop-0").context("it is gone")?;
    let inside: Api<ConfigMap> = Api::namespaced(kubeconfig::client(&nested.kubeconfig()).await?, "inner");
    let map = |name: &str, colour: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "inner"}, "data": {"colour": colour}});
    let made: ConfigMap = serde_json::from_value(map("changed", "blue"))?;
    inside.create(&PostParams::default(), &made).await?;
    let home = tempfile::tempdir()?;
    std::fs::write(home.path().join("kubeconfig"), host.kubeconfig())?;
    let stored = |name: &str| {
        (format!("/registry/configmaps/inner/{name}"), map(name, "red\u{9b}31m").to_string().into_bytes())
    };
    let tenant = Tenant { host: "https://host".into(), namespace: "default".into(), name: "shop".into() };
    let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "inner"}});
    let event = ("/registry/events/inner/e".to_owned(), event.to_string().into_bytes());
    std::fs::write(
        home.path().join("backup"),
        archive(tenant, vec![stored("changed"), stored("gone"), event])?,
    )?;
    let seat = Seat { home };

    let (code, told) = seat.said(&["--only", "ns=inner", "--dry-run"]).await?;
    assert_eq!((code, told["outcome"].as_str()), (Some(0), Some("planned")), "{told}");
    let plan = told["plan"].to_string();
    assert!(
        plan.contains("change ConfigMap inner/changed") && plan.contains("create ConfigMap inner/gone"),
        "{plan}"
    );
    assert!(plan.contains(r#"- data.colour: \"blue\""#) && !plan.contains('\u{9b}'), "{plan}");
    assert_eq!(told["result"]["objects"][0]["differences"][0]["path"], "data.colour", "{told}");
    assert_eq!(told["left"][0]["what"], "events inner/e", "{told}");
    assert!(inside.get_opt("gone").await?.is_none(), "a dry run leaves nothing");

    let (code, told) = seat.said(&["--only", "ns=inner", "--confirm", "shap"]).await?;
    assert!(code == Some(4) && inside.get_opt("gone").await?.is_none(), "{told}");
    let (code, told) = seat.said(&["--only", "ns=inner,kind=cm,name=gone", "--confirm", "shop"]).await?;
    assert_eq!((code, told["outcome"].as_str()), (Some(0), Some("done")), "{told}");
    let colour = |map: ConfigMap| map.data.and_then(|mut data| data.remove("colour"));
    assert_eq!(colour(inside.get("gone").await?).as_deref(), Some("red\u{9b}31m"));
    assert_eq!(
        colour(inside.get("changed").await?).as_deref(),
        Some("blue"),
        "what is not chosen is not touched"
    );
    let (code, told) = seat.said(&["--only", "ns=inner,kind=cm,name=gone", "--confirm", "shop"]).await?;
    assert_eq!((code, told["outcome"].as_str()), (Some(0), Some("nothing")), "{told}");

    let (code, told) = seat.said(&["--only", "kind=cm", "--only", "ns=outer", "--confirm", "shop"]).await?;
    assert!(
        code == Some(1)
            && told["message"].as_str().is_some_and(|it| it.contains("nothing that ns=outer chooses")),
        "{told}"
    );
    let odd = seat.v9s(&["--only", "label=web"]).await?;
    let said = String::from_utf8_lossy(&odd.stderr);
    assert!(odd.status.code() == Some(2) && said.contains("label= is not known"), "{said}");
    Ok(())
}
