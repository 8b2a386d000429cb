//! A person's own kubeconfig, and the way back out of the contexts of virtual clusters in it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use v9s_testkit::both_hosts;

use crate::seat::{Seat, command};

/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);
/// At which nobody listens.
const NOBODY: &str = "https://127.0.0.1:1";

/// A kubeconfig with the context of a tunnel that has ended, made the current one; and the name of its host's context.
fn left_behind(host: &str) -> Result<(Value, String)> {
    let mut config: Value = serde_saphyr::from_str(host)?;
    let host = config["current-context"].as_str().context("it has a context")?.to_owned();
    let gone = format!("vcluster_gone_team-gone_{host}");
    let user = config["users"][0]["user"].clone();
    for (section, entry) in [
        ("clusters", json!({"name": gone, "cluster": {"server": NOBODY}})),
        ("users", json!({"name": gone, "user": user})),
        ("contexts", json!({"name": gone, "context": {"cluster": gone, "user": gone}})),
    ] {
        config[section].as_array_mut().context("a list")?.push(entry);
    }
    config["current-context"] = gone.into();
    Ok((config, host))
}

fn read(seat: &Seat) -> Result<Value> {
    Ok(serde_saphyr::from_str(&std::fs::read_to_string(seat.file("kubeconfig"))?)?)
}

both_hosts! {
    async fn disconnecting_shows_what_it_does_returns_and_takes_stale_contexts_out(host: Host) -> Result<()> {
        let (config, own) = left_behind(&host.kubeconfig)?;
        let seat = Seat::with(&config.to_string())?;
        let namespace = host.namespace("left").await?;
        let terminal = seat.v9s(&["--context", &own, "-n", &namespace]).size(140, 40).start()?;
        terminal.wait_for_text("live")?;

        command(&terminal, "disconnect")?;
        terminal.wait_for("the plan", |screen| {
            let text = screen.contents();
            text.contains("press y to go on") && text.contains("nobody listens at 127.0.0.1:1") && text.contains(&format!(" to {own}"))
        })?;
        terminal.press(&["esc"])?;
        terminal.wait_for_text("cancelled, nothing was changed")?;
        assert_eq!(read(&seat)?, config, "a plan changes nothing");

        command(&terminal, "disconnect")?;
        terminal.wait_for_text("press y to go on")?;
        terminal.press(&["y"])?;
        let begun = Instant::now();
        while read(&seat)?["current-context"] != own.as_str() {
            ensure!(begun.elapsed() < PATIENCE, "it never returned: {}", read(&seat)?);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let now = read(&seat)?;
        assert!(!now.to_string().contains("vcluster_gone"), "{now}");
        assert_eq!(now["contexts"].as_array().map(Vec::len), Some(config["contexts"].as_array().unwrap().len() - 1));
        let before: Value = serde_saphyr::from_str(&std::fs::read_to_string(seat.file("kubeconfig.v9s-backup"))?)?;
        assert_eq!(before, config);

        command(&terminal, "disconnect")?;
        terminal.wait_for_text("needs no change")?;
        Ok(())
    }
}
