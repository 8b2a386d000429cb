//! `v9s create --connect`: made, waited for, and entered by one command.

use anyhow::Result;
use serde_json::Value;

use crate::embedded::host;
use crate::shell::{Shell, err, out};

#[tokio::test(flavor = "multi_thread")]
async fn one_command_makes_it_and_runs_something_in_it_and_its_exit_code_is_passed_on() -> Result<()> {
    let sandbox = host().await?;
    let shell = Shell::with(&sandbox.kubeconfig())?;
    let own: Value = serde_saphyr::from_str(&sandbox.kubeconfig())?;
    let outside = own["current-context"].as_str().unwrap_or_default();
    // What runs there sees the tenant's API server, and can look for virtual clusters in it.
    let inside = format!("'{}' list -o json; exit 7", env!("CARGO_BIN_EXE_v9s"));
    let create = ["create", "shop", "-n", "team", "--preset", "ci", "--timeout", "2m", "--connect", "--"];
    let create: Vec<&str> = create.into_iter().chain(["sh", "-c", &inside]).collect();
    for turn in ["made", "there already"] {
        let said = shell.v9s(&create).await?;
        assert_eq!(said.status.code(), Some(7), "{turn}: {}", err(&said));
        let listed: Value = serde_json::from_slice(&said.stdout)?;
        let host = &listed["hosts"][0];
        assert_eq!(host["context"], format!("vcluster_shop_team_{outside}"), "{turn}: {listed}");
        assert!(host["error"].is_null() && host["version"].is_string(), "{turn}: {listed}");
        assert_eq!(listed["items"], Value::Array(Vec::new()), "{turn}: nothing is in it");
    }
    let kept: Value =
        serde_saphyr::from_str(&std::fs::read_to_string(shell.home.path().join("kubeconfig"))?)?;
    assert_eq!(kept, own, "the person's own kubeconfig is as it was");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_and_without_a_command_nothing_is_made() -> Result<()> {
    let sandbox = host().await?;
    let shell = Shell::with(&sandbox.kubeconfig())?;
    let said = shell.v9s(&["create", "shop", "-n", "team", "--preset", "ci", "--connect"]).await?;
    assert_eq!(said.status.code(), Some(2), "{}", err(&said));
    assert!(err(&said).contains("give a command behind --"), "{}", err(&said));
    let listed = shell.v9s(&["list", "-n", "team", "-o", "name"]).await?;
    assert_eq!(out(&listed), "");
    Ok(())
}
