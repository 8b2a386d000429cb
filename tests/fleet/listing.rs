//! `v9s list` as a script runs it: rows, documents, exit codes.

use std::process::{Command, Output};

use anyhow::{Context, Result};
use chrono::Utc;
use serde_json::{Value, json};
use v9s_testkit::both_hosts;
use v9s_testkit::host::Host;
use v9s_testkit::users::Grant;
use v9s_ui::demo::spec::Standing;

use crate::watching::{put, tenant};

/// A home of its own with a kubeconfig in it.
struct Shell {
    home: tempfile::TempDir,
}

impl Shell {
    fn with(kubeconfig: &str) -> Result<Shell> {
        let home = tempfile::tempdir()?;
        std::fs::write(home.path().join("kubeconfig"), kubeconfig)?;
        Ok(Shell { home })
    }

    fn v9s(&self, args: &[&str]) -> Result<Output> {
        Command::new(env!("CARGO_BIN_EXE_v9s"))
            .args(args)
            .env_clear()
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.home.path().join("kubeconfig"))
            .output()
            .context("running v9s")
    }
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A running and a paused tenant; their namespaces.
async fn two_tenants(host: &Host) -> Result<[String; 2]> {
    let running = tenant(host, "running");
    let mut paused = tenant(host, "paused");
    paused.standing = Standing::Paused { since: Utc::now() - chrono::Duration::hours(5) };
    let namespaces = [running.namespace.clone(), paused.namespace.clone()];
    put(host, &[running, paused]).await?;
    Ok(namespaces)
}

both_hosts! {
    async fn a_script_gets_rows_and_a_clean_exit(host: Host) -> Result<()> {
        let [running, paused] = two_tenants(&host).await?;
        let shell = Shell::with(&host.kubeconfig)?;
        let names = shell.v9s(&["list", "-n", &running, "-n", &paused, "-o", "name"])?;
        assert_eq!((names.status.code(), err(&names).as_str()), (Some(0), ""));
        let expected = [&paused, &running].map(|namespace| {
            let name = if namespace == &paused { host.named("paused") } else { host.named("running") };
            format!("{namespace}/{name}\n")
        });
        assert_eq!(out(&names), expected.concat());

        let json = shell.v9s(&["list", "-n", &running, "-n", &paused, "-o", "json", "--filter", "state:paused"])?;
        let document: Value = serde_json::from_slice(&json.stdout)?;
        assert_eq!(document["apiVersion"], "v9s/v1");
        assert_eq!(document["items"].as_array().map(Vec::len), Some(1));
        let item = &document["items"][0];
        assert_eq!((&item["state"], &item["replicas"]["desired"]), (&json!("Paused"), &json!(0)));
        assert_eq!(item["lag"], Value::Null);
        assert!(item["notApplicable"].as_array().is_some_and(|names| names.contains(&json!("lag"))));

        let table = shell.v9s(&["list", "-n", &running, "-l", &format!("release={}", host.named("running"))])?;
        let rows = out(&table);
        assert!(rows.starts_with("NAME") && rows.contains("Running"), "{rows}");
        assert_eq!(rows.lines().count(), 2, "{rows}");
        Ok(())
    }

    async fn a_host_that_does_not_answer_is_told_and_counts(host: Host) -> Result<()> {
        let [running, _] = two_tenants(&host).await?;
        let mut config = serde_json::to_value(kube::config::Kubeconfig::from_yaml(&host.kubeconfig)?)?;
        let alive = config["current-context"].as_str().context("no current context")?.to_owned();
        let add = |list: &mut Value, entry: Value| list.as_array_mut().map(|list| list.push(entry));
        add(&mut config["clusters"], json!({"name": "dead", "cluster": {"server": "https://127.0.0.1:1"}}));
        let user = config["users"][0]["name"].clone();
        add(&mut config["contexts"], json!({"name": "dead", "context": {"cluster": "dead", "user": user}}));
        let shell = Shell::with(&config.to_string())?;

        let both = shell.v9s(&["list", "--all-contexts", "-n", &running, "-o", "name"])?;
        assert_eq!(both.status.code(), Some(3), "{}", err(&both));
        assert_eq!(out(&both), format!("{alive}\t{running}/{}\n", host.named("running")), "rows are printed all the same");
        assert!(err(&both).starts_with("dead: "), "{}", err(&both));

        let dead = shell.v9s(&["list", "--context", "dead"])?;
        assert_eq!((dead.status.code(), out(&dead).as_str()), (Some(1), ""), "{}", err(&dead));

        let unknown = shell.v9s(&["list", "--context", "nowhere"])?;
        assert_eq!(unknown.status.code(), Some(1), "{}", err(&unknown));
        assert!(err(&unknown).contains("nowhere"), "{}", err(&unknown));
        Ok(())
    }

    async fn a_lookup_that_is_forbidden_makes_the_answer_partial(host: Host) -> Result<()> {
        let [running, _] = two_tenants(&host).await?;
        let read = ["get", "list", "watch"];
        let grants = [Grant::within(&running).may(&read, &["statefulsets.apps", "deployments.apps", "pods"])];
        let shell = Shell::with(&host.user("reader", &grants).await?)?;
        let answer = shell.v9s(&["list", "-n", &running, "-o", "json"])?;
        assert_eq!(answer.status.code(), Some(3), "{}", err(&answer));
        let document: Value = serde_json::from_slice(&answer.stdout)?;
        let item = &document["items"][0];
        assert_eq!((&item["state"], &item["quota"]), (&json!("Running"), &Value::Null));
        assert!(item["unknown"]["quota"].as_str().is_some_and(|why| why.contains("resourcequotas")), "{item}");
        assert!(err(&answer).contains("resourcequotas"), "{}", err(&answer));
        Ok(())
    }
}

#[test]
fn nonsense_ends_with_the_code_for_usage_before_anything_is_asked() -> Result<()> {
    let shell = Shell::with("this is no kubeconfig: [")?;
    for args in [&["list", "-l", "a=b,,c"][..], &["list", "--filter", "lag>2"], &["list", "-o", "xml"]] {
        assert_eq!(shell.v9s(args)?.status.code(), Some(2), "{args:?}");
    }
    let no_config = shell.v9s(&["list"])?;
    assert_eq!(no_config.status.code(), Some(1), "{}", err(&no_config));
    assert!(err(&no_config).contains("kubeconfig"), "{}", err(&no_config));
    Ok(())
}
