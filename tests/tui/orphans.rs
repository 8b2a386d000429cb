//! Leftovers in the demo, as a person on call meets them: found, looked at, planned, collected, gone.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::seat::{Seat, context, filter};

/// How long the demo may take on a busy machine: its virtual clusters are asked, and most of them do not answer.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn what_a_deleted_virtual_cluster_has_left_is_found_proven_and_collected_until_nothing_is_left() -> Result<()>
{
    let seat = Seat::with(&context("own", "http://127.0.0.1:1"))?;
    let terminal = seat.v9s(&["demo"]).size(160, 45).patience(PATIENCE).start()?;
    terminal.wait_for("a live fleet", |screen| {
        screen.contents().contains("live") && !screen.contents().contains("loading")
    })?;
    terminal.press(&["x"])?;
    terminal.wait_for_text("4 proven")?;
    // Two hosts tell, one after the other.
    let screen = terminal.wait_for("both hosts", |screen| {
        let text = screen.contents();
        text.contains("4 proven") && !text.contains("looking at")
    })?;
    assert!(screen.contents().contains("vcluster gone"), "{}", screen.contents());

    filter(&terminal, "is:proven worker")?;
    terminal.wait_for_text(" 3 of ")?;
    terminal.press(&["enter"])?;
    let screen = terminal.wait_for_text("by rule a (vcluster-gone)")?;
    for words in ["billing-old", "of which nothing is on the host", "object-name=worker", "CPU"] {
        assert!(screen.contents().contains(words), "{words} in\n{}", screen.contents());
    }
    terminal.press(&["esc"])?;
    terminal.wait_until_gone("by rule a")?;
    terminal.press(&["esc"])?;
    terminal.wait_until_gone("is:proven worker")?;

    terminal.press(&["a"])?;
    terminal.wait_for_text("4 marked")?;
    terminal.press(&["x"])?;
    let screen = terminal.wait_for_text("press y to go on")?;
    for words in ["collect 4 leftovers on eu-west-1", "4 Pod in 1 namespace", "frees", "that is gone"] {
        assert!(screen.contents().contains(words), "{words} in\n{}", screen.contents());
    }
    terminal.press(&["enter"])?;
    terminal.wait_for_text("cancelled, nothing was changed")?;
    terminal.press(&["x"])?;
    terminal.wait_for_text("press y to go on")?;
    terminal.press(&["y"])?;
    terminal.wait_for_text("4 deleted")?;
    terminal.press(&["esc"])?;
    terminal.wait_for("a clean host", |screen| {
        let text = screen.contents();
        text.contains("nothing proven") && !text.contains("4 deleted")
    })?;

    let audit = std::fs::read_to_string(seat.file(".local/state/v9s/audit.jsonl"))?;
    let records = audit.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    let collected: Vec<&str> = records
        .iter()
        .filter(|record| record["action"] == "gc" && record["outcome"] == "done")
        .map(|record| record["name"].as_str().context("a name"))
        .collect::<Result<_>>()?;
    assert_eq!(collected.len(), 4, "{audit}");
    assert!(collected.iter().all(|name| name.ends_with("-x-billing-old")), "{collected:?}");
    Ok(())
}
