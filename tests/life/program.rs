//! The program with virtual clusters whose API servers answer, on the embedded host.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kube::Api;
use serde_json::{Value, json};
use tokio::process::Command;
use v9s_sandbox::Sandbox;
use v9s_testkit::kubeconfig;

use crate::tunnels::{PATIENCE, host, vcluster};

/// The program with a home of its own.
struct Seat {
    home: tempfile::TempDir,
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Seat {
    fn at(host: &Sandbox) -> Result<Self> {
        let home = tempfile::tempdir()?;
        std::fs::write(home.path().join("kubeconfig"), host.kubeconfig())?;
        Ok(Seat { home })
    }

    fn own_file(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.home.path().join("kubeconfig"))?)
    }

    fn command(&self, arguments: &[&str]) -> Command {
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
        command
    }

    async fn v9s(&self, arguments: &[&str]) -> Result<Said> {
        let output = tokio::time::timeout(PATIENCE * 2, self.command(arguments).output()).await??;
        Ok(Said {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// What is left of sessions.
    fn folders(&self) -> Result<Vec<String>> {
        let all = std::fs::read_dir(self.home.path())?;
        let names = all.map(|one| Ok(one?.file_name().to_string_lossy().into_owned()));
        let names: Result<Vec<String>> = names.collect();
        Ok(names?.into_iter().filter(|name| name.starts_with("v9s-")).collect())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_inside_and_its_exit_code_is_passed_on() -> Result<()> {
    let host = host().await?;
    vcluster(&host).await?;
    let seat = Seat::at(&host)?;
    let before = seat.own_file()?;
    // v9s itself is a client that uses the kubeconfig: what it lists is inside.
    let script = "test \"$V9S_VCLUSTER\" = default/shop || exit 9; test -f \"$KUBECONFIG\" || exit 8; cat \"$KUBECONFIG\"; exit 42";
    let said = seat.v9s(&["connect", "shop", "--tunnel", "--", "sh", "-c", script]).await?;
    assert_eq!(said.code, Some(42), "{}", said.err);
    assert!(said.out.contains("current-context: vcluster_shop_default_"), "{}", said.out);
    assert_eq!(seat.own_file()?, before, "the person's own file is as it was");
    assert_eq!(seat.folders()?, Vec::<String>::new(), "the session leaves nothing");
    let missing = seat.v9s(&["connect", "shop", "--tunnel", "--", "/no/such/program"]).await?;
    assert_eq!(missing.code, Some(127), "{}", missing.err);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_written_kubeconfig_leads_inside_while_the_tunnel_is_kept() -> Result<()> {
    let host = host().await?;
    vcluster(&host).await?;
    let seat = Seat::at(&host)?;
    let file = seat.home.path().join("inner.yaml");
    let path = file.display().to_string();
    let mut child = seat
        .command(&["connect", "shop", "--tunnel", "--write-kubeconfig", &path])
        .stderr(Stdio::null())
        .spawn()?;
    let answered = async {
        loop {
            if let Ok(text) = std::fs::read_to_string(&file) {
                let inside = kubeconfig::client(&text).await?;
                let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(inside);
                return anyhow::Ok(namespaces.get_opt("inner").await?.is_some());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, answered).await??);
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    let pid =
        rustix::process::Pid::from_raw(i32::try_from(child.id().context("it runs")?)?).context("a pid")?;
    rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
    assert_eq!(tokio::time::timeout(PATIENCE, child.wait()).await??.code(), Some(0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merged_context_is_taken_out_when_its_tunnel_ends() -> Result<()> {
    let host = host().await?;
    vcluster(&host).await?;
    let seat = Seat::at(&host)?;
    let before: Value = yaml(&seat.own_file()?)?;
    let mut child =
        seat.command(&["connect", "shop", "--tunnel", "--merge"]).stderr(Stdio::null()).spawn()?;
    let merged = async {
        while !seat.own_file()?.contains("vcluster_shop_default_") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, merged).await??;
    let pid =
        rustix::process::Pid::from_raw(i32::try_from(child.id().context("it runs")?)?).context("a pid")?;
    rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
    assert_eq!(tokio::time::timeout(PATIENCE, child.wait()).await??.code(), Some(0));
    let after: Value = yaml(&seat.own_file()?)?;
    assert_eq!(after, before);
    Ok(())
}

fn yaml(text: &str) -> Result<Value> {
    Ok(serde_saphyr::from_str(text)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_one_is_not_woken_without_being_asked_to() -> Result<()> {
    let host = host().await?;
    vcluster(&host).await?;
    let seat = Seat::at(&host)?;
    let paused = seat.v9s(&["pause", "shop", "-o", "json"]).await?;
    assert_eq!(paused.code, Some(0), "{}", paused.err);
    let report: Value = serde_json::from_str(&paused.out)?;
    assert_eq!((&report["outcome"], &report["verb"]), (&json!("done"), &json!("pause")), "{report}");
    let refused = seat.v9s(&["connect", "shop", "--", "true"]).await?;
    assert_eq!(refused.code, Some(4), "{}", refused.err);
    assert!(refused.err.contains("is paused since") && refused.err.contains("say --wake"), "{}", refused.err);
    let again = seat.v9s(&["pause", "shop"]).await?;
    assert_eq!((again.code, again.out.as_str()), (Some(0), "default/shop is paused already\n"));
    let plan = seat.v9s(&["resume", "shop", "--dry-run"]).await?;
    assert_eq!(
        (plan.code, plan.out.as_str()),
        (Some(0), "start StatefulSet default/shop (1 replicas)\ndefault/shop would be resumed\n")
    );
    let resumed = seat.v9s(&["resume", "shop"]).await?;
    assert_eq!(
        (resumed.code, resumed.out.as_str()),
        (Some(0), "default/shop is running\n"),
        "{}",
        resumed.err
    );
    let audit = std::fs::read_to_string(seat.home.path().join(".local/state/v9s/audit.jsonl"))?;
    let actions: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(actions.iter().map(|record| &record["action"]).collect::<Vec<_>>(), ["pause", "resume"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_asks_for_the_name_and_reading_only_forbids_it() -> Result<()> {
    let host = host().await?;
    vcluster(&host).await?;
    let seat = Seat::at(&host)?;
    let unasked = seat.v9s(&["delete", "shop"]).await?;
    assert_eq!(unasked.code, Some(1));
    assert!(unasked.err.contains("say --confirm shop"), "{}", unasked.err);
    let wrong = seat.v9s(&["delete", "shop", "--confirm", "shops"]).await?;
    assert_eq!(wrong.code, Some(4), "{}", wrong.out);
    let forbidden = seat.v9s(&["delete", "shop", "--confirm", "shop", "--read-only"]).await?;
    assert!(forbidden.err.contains("read-only"), "{}", forbidden.err);
    assert_eq!(seat.v9s(&["protect", "shop"]).await?.out, "default/shop is protected\n");
    let guarded = seat.v9s(&["delete", "shop", "--confirm", "shop", "--anyway"]).await?;
    assert_eq!(guarded.code, Some(4));
    assert!(guarded.out.contains("v9s protect shop -n default --off"), "{}", guarded.out);
    assert_eq!(seat.v9s(&["protect", "shop", "--off"]).await?.out, "default/shop is no longer protected\n");
    let plan = seat.v9s(&["delete", "shop", "--dry-run"]).await?;
    assert!(
        plan.out.contains("stops: StatefulSet shop\n") && plan.out.contains("made for it: Secret vc-shop\n"),
        "{}",
        plan.out
    );
    assert!(
        plan.out.contains("Namespace default: stays, it was there before the virtual cluster"),
        "{}",
        plan.out
    );
    let deleted = seat.v9s(&["delete", "shop", "--confirm", "shop"]).await?;
    assert_eq!(deleted.code, Some(0), "{}{}", deleted.out, deleted.err);
    let none = seat.v9s(&["delete", "shop", "--confirm", "shop"]).await?;
    assert!(none.err.contains("no virtual cluster shop, and nothing that one has left"), "{}", none.err);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_contexts_are_listed_and_cleaned() -> Result<()> {
    let host = host().await?;
    vcluster(&host).await?;
    let seat = Seat::at(&host)?;
    let mut own: Value = yaml(&seat.own_file()?)?;
    let context = own["current-context"].as_str().context("a name")?.to_owned();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let add = |own: &mut Value, name: &str, server: &str| {
        let push = |list: &mut Value, item: Value| list.as_array_mut().unwrap().push(item);
        push(&mut own["clusters"], json!({"name": name, "cluster": {"server": server}}));
        push(&mut own["users"], json!({"name": name, "user": {}}));
        push(&mut own["contexts"], json!({"name": name, "context": {"cluster": name, "user": name}}));
    };
    let names = |stem: &str| format!("vcluster_{stem}_default_{context}");
    add(&mut own, &names("shop"), "https://shop.example");
    add(&mut own, &names("ended"), &format!("https://{nobody}"));
    add(&mut own, &names("deleted"), "https://deleted.example");
    add(&mut own, "vcluster_lost_default_gone", "https://lost.example");
    own["current-context"] = json!(names("shop"));
    std::fs::write(seat.home.path().join("kubeconfig"), own.to_string())?;

    let said = seat.v9s(&["disconnect", "--dry-run"]).await?;
    assert_eq!(said.code, Some(0), "{}", said.err);
    for line in [
        format!("from {} back to {context}", names("shop")),
        format!("stale: {} (nobody listens at {nobody}: the tunnel has ended)", names("ended")),
        format!("stale: {} (its host has no such virtual cluster any more)", names("deleted")),
        "stale: vcluster_lost_default_gone (the context gone of its host is gone)".to_owned(),
    ] {
        assert!(said.out.lines().any(|other| other == line), "{line}\n{}", said.out);
    }
    assert_eq!(seat.own_file()?, own.to_string(), "a dry run changes nothing");
    let said = seat.v9s(&["disconnect", "--clean"]).await?;
    assert_eq!(said.code, Some(0), "{}", said.err);
    let after = yaml(&seat.own_file()?)?;
    assert_eq!(after["current-context"], json!(context));
    let left: Vec<&str> =
        after["contexts"].as_array().context("a list")?.iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(left, [context.as_str(), &names("shop")], "{}", said.out);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_asked_is_not_known_and_its_space_is_left_alone() -> Result<()> {
    let host = host().await?;
    vcluster(&host).await?;
    let config = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "vc-config-shop", "namespace": "default", "labels": {"app": "vcluster", "release": "shop"}},
        "stringData": {"config.yaml": "controlPlane: {}\n"}});
    v9s_testkit::objects::create(&kubeconfig::client(&host.kubeconfig()).await?, &config).await?;
    let seat = Seat::at(&host)?;
    // Its pod may still be on its way.
    let told = async {
        loop {
            let said = seat.v9s(&["store", "shop", "-o", "json"]).await?;
            assert_eq!(said.code, Some(3), "{} {}", said.out, said.err);
            let document: Value = serde_json::from_str(&said.out).context(said.out)?;
            if document["unknown"].to_string().contains("socket") {
                return anyhow::Ok(document);
            }
        }
    };
    let document = tokio::time::timeout(PATIENCE, told).await??;
    assert_eq!((&document["store"], &document["engine"]), (&json!("embedded-database"), &Value::Null));
    assert_eq!(document["health"], Value::Null, "unknown is never green: {document}");

    let refused = seat.v9s(&["store", "shop", "--recover-space", "--yes"]).await?;
    assert_eq!(refused.code, Some(4), "{} {}", refused.out, refused.err);
    assert!(
        refused.out.contains("SQLite") && refused.out.contains("patch pvc data-shop-0"),
        "{}",
        refused.out
    );
    let asked = seat.v9s(&["store", "shop", "--recover-space", "--yes", "--read-only"]).await?;
    assert_eq!(asked.code, Some(1), "{} {}", asked.out, asked.err);
    assert!(asked.err.contains("read-only"), "{}", asked.err);
    Ok(())
}
