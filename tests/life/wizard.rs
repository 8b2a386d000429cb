//! A backup chosen and restored from the dashboard, on both hosts: its name is asked for, and a broken one stops nothing.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use chrono::{TimeDelta, Utc};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use v9s::backup::archive::{Recipients, Tenant, Written};
use v9s::backup::set::{Card, archive_name, card_name};
use v9s_testkit::both_hosts;
use v9s_testkit::host::Host;
use v9s_testkit::pty::{Program, Terminal};

use crate::faults::Room;
use crate::restoring::written;
use crate::seat::object;

/// A good backup in a folder, taken so many days ago; the name of its archive.
fn shelved(folder: &Path, namespace: &str, days: i64) -> Result<String> {
    std::fs::create_dir_all(folder)?;
    let began = Utc::now() - TimeDelta::days(days);
    let tenant = Tenant { host: "https://host".into(), namespace: namespace.into(), name: "shop".into() };
    let name = archive_name(&tenant, began, false);
    let Written { sink, manifest } = written(namespace, began)?;
    let sum = HEXLOWER.encode(&Sha256::digest(&sink)).into();
    let card = Card::new(name.clone(), sink.len() as u64, sum, &Recipients::NONE, manifest);
    std::fs::write(folder.join(name.as_str()), sink)?;
    std::fs::write(folder.join(card_name(&name).as_str()), serde_json::to_vec(&card)?)?;
    Ok(name.into())
}

fn dashboard(room: &Room) -> Result<Terminal> {
    Program::new(env!("CARGO_BIN_EXE_v9s"))
        .args(["-n", &room.namespace])
        .env("HOME", room.home())
        .env("KUBECONFIG", room.home().join("kubeconfig"))
        .size(180, 50)
        .start()
}

fn command(terminal: &Terminal, line: &str) -> Result<()> {
    terminal.press(&[":"])?;
    terminal.send(line)?;
    terminal.press(&["enter"])
}

/// What a restore would change first.
async fn workloads(host: &Host, room: &Room) -> Result<Value> {
    let store =
        object(host, "apps", "StatefulSet", &room.namespace, "shop-etcd").await?.context("no store")?;
    let plane =
        object(host, "apps", "Deployment", &room.namespace, "shop").await?.context("no control plane")?;
    Ok(json!([store, plane].map(|it| json!([it["spec"], it["metadata"]["annotations"]]))))
}

both_hosts! {
    #![needs(controllers)]

    async fn a_backup_that_is_chosen_takes_the_name_and_a_broken_one_stops_nothing(host: Host) -> Result<()> {
        let room = Room::make(&host, "wizard").await?;
        let folder = room.home().join("kept");
        let newest = shelved(&folder, &room.namespace, 1)?;
        shelved(&folder, &room.namespace, 3)?;
        shelved(&folder, "elsewhere", 0)?;
        let before = workloads(&host, &room).await?;
        let terminal = dashboard(&room)?;
        terminal.wait_for_text("shop")?;
        command(&terminal, "restore")?;
        terminal.wait_for_text("restore a backup of")?;
        // The state folder has none of it: another place is named, and looked at before anything else.
        terminal.wait_for_text("no good backup of it lies there")?;
        terminal.press(&["ctrl-u"])?;
        terminal.send(folder.to_str().context("a path")?)?;
        terminal.press(&["enter"])?;
        let listed = terminal.wait_for_text("1 keys")?.contents();
        assert_eq!(listed.matches("1 keys").count(), 2, "its own, and nobody else's: {listed}");
        terminal.press(&["enter"])?;
        let plan = terminal.wait_for_text("type shop to go on")?.contents();
        ensure!(plan.contains("etcd") && plan.contains("save the state of now"), "{plan}");
        terminal.send("shap")?;
        terminal.press(&["enter"])?;
        terminal.wait_for_text("is not it")?;
        ensure!(workloads(&host, &room).await? == before, "its name was not given");

        // Broken since it was listed: that is found out before anything stops.
        let path = folder.join(&newest);
        let mut bytes = std::fs::read(&path)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        std::fs::write(&path, bytes)?;
        terminal.press(&["ctrl-u"])?;
        terminal.send("shop")?;
        terminal.press(&["enter"])?;
        terminal.wait_for_text("nothing was stopped")?;
        ensure!(workloads(&host, &room).await? == before, "a workload was touched");
        terminal.press(&["esc"])?;
        terminal.wait_until_gone("left out")?;

        // A store that does not answer and does not say why is not replaced.
        command(&terminal, "recover")?;
        terminal.wait_for_text("does not say why")?;
        ensure!(workloads(&host, &room).await? == before, "a workload was touched");
        Ok(())
    }
}
