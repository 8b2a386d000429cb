//! A virtual cluster from its form to its end, in the demo and through the dashboard only.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::ListParams;
use serde_json::Value;
use v9s_testkit::kubeconfig;
use v9s_testkit::pty::{Program, Terminal};

use crate::seat::{Seat, context, filter};

/// How long a control plane may take to come up on a busy machine before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(180);

/// The names of the namespaces that a kubeconfig leads to.
async fn namespaces(file: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let client = kubeconfig::client(&text).await?;
    let all = Api::<Namespace>::all(client).list(&ListParams::default()).await?;
    Ok(all.items.into_iter().filter_map(|namespace| namespace.metadata.name).collect())
}

/// The seat of a person whose shell is a plain one.
fn demo() -> Result<(Seat, Program)> {
    let seat = Seat::with(&context("own", "http://127.0.0.1:1"))?;
    let program = seat
        .v9s(&["demo", "--vclusters", "3", "--pods", "6"])
        .env("SHELL", "/bin/sh")
        .size(140, 45)
        .patience(PATIENCE);
    Ok((seat, program))
}

/// Closes what is on top. What follows an escape at once would be one key with it.
fn hide(terminal: &Terminal, shown: &str) -> Result<()> {
    terminal.press(&["esc"])?;
    terminal.wait_until_gone(shown)?;
    Ok(())
}

/// Makes `shop` through the form, with a store that outlives its pods, and waits until it can be used.
fn create(terminal: &Terminal) -> Result<()> {
    terminal.wait_for("a live fleet", |screen| {
        screen.contents().contains("live") && !screen.contents().contains("loading")
    })?;
    terminal.press(&["n"])?;
    terminal.wait_for_text("Create a virtual cluster")?;
    terminal.send("shop")?;
    terminal.press(&["ctrl-g"])?;
    terminal.wait_for("the plan", |screen| {
        let text = screen.contents();
        text.contains("press y to go on") && text.contains("StatefulSet shop")
    })?;
    terminal.press(&["y"])?;
    terminal.wait_for_text("it can be used")?;
    hide(terminal, "wait until it mirrors")?;
    filter(terminal, "shop")?;
    terminal.wait_for("a healthy row", |screen| {
        let text = screen.contents();
        text.contains("vcluster-shop") && text.contains("Running")
    })?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_made_entered_paused_resumed_and_deleted() -> Result<()> {
    let (seat, program) = demo()?;
    let terminal = program.start()?;
    create(&terminal)?;

    // A shell: who asks with its kubeconfig is inside.
    terminal.press(&["C", "s"])?;
    terminal.wait_for_text("(vcluster-shop/shop) $")?;
    terminal.send(&format!("cp \"$KUBECONFIG\" {0}/inside && echo co''pied\r", seat.file("").display()))?;
    terminal.wait_for_text("copied")?;
    let inside = namespaces(&seat.file("inside")).await?;
    assert!(
        inside.contains(&"kube-system".to_owned()) && !inside.contains(&"vcluster-shop".to_owned()),
        "{inside:?}"
    );
    terminal.send("exit\r")?;
    terminal.wait_for("the dashboard", |screen| {
        screen.alternate_screen() && screen.contents().contains("1 connection")
    })?;

    terminal.press(&["f"])?;
    terminal.wait_for_text("ready, to shop-")?;
    terminal.press(&["ctrl-d"])?;
    terminal.wait_for_text("none is open")?;
    assert!(namespaces(&seat.file("inside")).await.is_err(), "a closed tunnel leads nowhere");
    hide(&terminal, "none is open")?;

    terminal.press(&["z"])?;
    terminal.wait_for_text("press y to go on")?;
    terminal.press(&["y"])?;
    terminal.wait_for_text("✓ paused")?;
    hide(&terminal, "end what it runs")?;
    terminal.wait_for_text("‖ Paused")?;

    // Connecting asks before it is woken.
    terminal.press(&["C", "t"])?;
    terminal.wait_for_text("connecting wakes it")?;
    terminal.press(&["esc"])?;
    terminal.wait_for_text("cancelled, nothing was changed")?;

    terminal.press(&["z"])?;
    terminal.wait_for_text("press y to go on")?;
    terminal.press(&["y"])?;
    terminal.wait_for_text("✓ it runs")?;
    hide(&terminal, "start the control plane")?;
    terminal.wait_for_text("✓ Running")?;

    terminal.press(&["ctrl-d"])?;
    terminal.wait_for_text("type shop to go on")?;
    terminal.send("shop\r")?;
    terminal.wait_for_text("deleted, nothing is left")?;
    terminal.press(&["esc"])?;
    terminal.wait_for_text("nothing fits the filter")?;
    let audit = std::fs::read_to_string(seat.file(".local/state/v9s/audit.jsonl"))?;
    let records = audit.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    for action in ["create", "pause", "resume", "delete"] {
        assert!(records.iter().any(|record| record["action"] == action), "no record of {action}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_of_a_tunnel_is_in_the_own_kubeconfig_for_as_long_as_the_tunnel_is_there() -> Result<()> {
    let (seat, program) = demo()?;
    let mut terminal = program.start()?;
    let before = std::fs::read_to_string(seat.file("kubeconfig"))?;
    create(&terminal)?;
    terminal.press(&["C", "m"])?;
    terminal.wait_for_text("the current context of your kubeconfig is vcluster_shop_vcluster-shop_")?;
    let inside = namespaces(&seat.file("kubeconfig")).await?;
    assert!(inside.contains(&"kube-system".to_owned()), "{inside:?}");
    hide(&terminal, "read its credentials")?;
    terminal.press(&["ctrl-c"])?;
    terminal.wait_for_text("leave v9s?")?;
    terminal.press(&["ctrl-c"])?;
    terminal.wait_for_exit()?;
    let after: Value = serde_json::from_str(&before)?;
    let now = std::fs::read_to_string(seat.file("kubeconfig"))?;
    assert!(!now.contains("vcluster_shop"), "{now}");
    assert!(now.contains(after["current-context"].as_str().context("it had a context")?), "{now}");
    Ok(())
}

#[test]
fn a_text_that_cannot_be_is_marked_at_its_line_and_nothing_is_asked_of_the_host() -> Result<()> {
    let (_seat, program) = demo()?;
    let terminal = program.start()?;
    terminal.wait_for_text("live")?;
    terminal.press(&["n"])?;
    terminal.wait_for_text("Create a virtual cluster")?;
    terminal.send("shop")?;
    terminal.press(&["tab"])?;
    terminal.send("sync:\rtoHost:\rpodz: {}\r")?;
    terminal.wait_for_text("✗  3")?;
    terminal.wait_for_text("did you mean \"pods\"?")?;
    terminal.press(&["ctrl-g"])?;
    terminal
        .wait_for("the problem", |screen| screen.contents().contains("line 3, column 5: sync.toHost.podz"))?;
    Ok(())
}
