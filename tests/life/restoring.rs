//! What a restore does to a host before a store is in place, and what it leaves when it is killed, on both hosts.

use std::path::Path;

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use v9s::backup::archive::{
    ArchiveWriter, By, Contents, Coverage, Header, Part, Recipients, Record, StoreFacts, Tenant, Volumes,
    Written,
};
use v9s_testkit::both_hosts;

use crate::faults::Room;
use crate::seat::{object, until};

/// A backup of a virtual cluster `shop`, as its bytes.
fn backup(namespace: &str) -> Result<Vec<u8>> {
    Ok(written(namespace, Utc::now())?.sink)
}

/// The same of a moment, with what it says of itself.
pub fn written(namespace: &str, began: DateTime<Utc>) -> Result<Written<Vec<u8>>> {
    let tenant = Tenant { host: "https://host".into(), namespace: namespace.into(), name: "shop".into() };
    let mut writer = ArchiveWriter::begin(Vec::new(), Header::new(tenant, began), &Recipients::NONE)?;
    writer.document(Part::Config, b"sync: {}\n")?;
    let (key, value) = (b"/registry/namespaces/default", b"a namespace");
    writer.record(Record { key, value, created: 1, modified: 9, version: 2, lease: 0 })?;
    let volumes = Volumes { claims: 0, covered: 0 };
    let contents = Contents {
        ended: began,
        by: By { who: "ada".into(), program: "v9s".into() },
        store: StoreFacts { kind: "deployed-etcd".into(), version: None, revision: 9 },
        kubernetes: None,
        coverage: Coverage { state: true, config: true, keys: false, volumes },
    };
    Ok(writer.finish(contents)?)
}

fn message(told: &str) -> String {
    let told: Value = serde_json::from_str(told).unwrap_or_else(|why| panic!("{why}: {told}"));
    told["message"].as_str().unwrap_or_default().to_owned()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<String> {
    let file = folder.join(name);
    std::fs::write(&file, bytes)?;
    Ok(file.to_str().context("a path")?.to_owned())
}

both_hosts! {
    #![needs(controllers)]

    async fn a_backup_that_is_not_whole_or_not_its_own_stops_nothing(host: Host) -> Result<()> {
        let room = Room::make(&host, "whole").await?;
        let stores = || object(&host, "apps", "StatefulSet", &room.namespace, "shop-etcd");
        let planes = || object(&host, "apps", "Deployment", &room.namespace, "shop");
        let before = (stores().await?, planes().await?);
        let folder = tempfile::tempdir()?;
        let good = backup(&room.namespace)?;
        let mut flipped = good.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0x10;
        for (how, bytes, says) in [
            ("cut", good[..good.len() - 40].to_vec(), "cannot be used"),
            ("flipped", flipped, "cannot be used"),
            ("anothers", backup("elsewhere")?, "elsewhere/shop"),
            ("nothing", Vec::new(), "cannot be used"),
        ] {
            let file = write(folder.path(), how, &bytes)?;
            let (code, told) = room
                .said(&["restore", "NAME", "--from", &file, "--confirm", "shop", "--no-safety-backup", "-o", "json"])
                .await?;
            let message = message(&told);
            assert_eq!(code, Some(1), "{how}: {told}");
            assert!(message.contains(says) && message.contains("nothing was stopped"), "{how}: {message}");
        }
        let file = write(folder.path(), "good", &good)?;
        let (code, told) = room.said(&["restore", "NAME", "--from", &file, "--confirm", "shap", "-o", "json"]).await?;
        assert!(code != Some(0) && message(&told).contains("its name was not given"), "{told}");
        let (code, told) = room.said(&["restore", "NAME", "--undo", "-o", "json"]).await?;
        assert!(code == Some(0) && message(&told).contains("unfinished"), "{told}");
        assert_eq!((stores().await?, planes().await?), before, "not even an annotation");
        Ok(())
    }

    /// Without kubelets no pod ever holds the volume: there it stands when it is killed.
    async fn a_restore_that_was_killed_is_seen_and_kept_from_others(host: Host) -> Result<()> {
        let room = Room::make(&host, "killed").await?;
        let folder = tempfile::tempdir()?;
        let file = write(folder.path(), "good", &backup(&room.namespace)?)?;
        let restore = ["restore", "NAME", "--from", &file, "--confirm", "shop", "--no-safety-backup"];
        let mut program = room.program(&room.kubeconfig, &restore)?;
        until("a pod to hold the volume of each member", || async {
            let mut there = 0;
            for member in 0..3 {
                let name = format!("shop-etcd-{member}-restore");
                there += usize::from(object(&host, "", "Pod", &room.namespace, &name).await?.is_some());
            }
            Ok(there == 3)
        })
        .await?;
        program.start_kill()?;
        program.wait().await?;

        let plane = object(&host, "apps", "Deployment", &room.namespace, "shop").await?.context("it is gone")?;
        let marks = &plane["metadata"]["annotations"];
        assert_eq!((&plane["spec"]["replicas"], &marks["loft.sh/restoring"]), (&json!(0), &json!("true")));
        let mark: Value = serde_json::from_str(marks["v9s.io/restore"].as_str().context("no mark")?)?;
        assert_eq!(mark["replicas"], json!({"shop": 2, "shop-etcd": 3}), "what it had is written down");
        for verb in ["pause", "resume"] {
            let (code, told) = room.said(&[verb, "NAME", "-o", "json"]).await?;
            assert!(code != Some(0) && message(&told).contains("being restored"), "{verb}: {told}");
        }
        let (_, listed) = room.said(&["list", "-o", "json"]).await?;
        let listed: Value = serde_json::from_str(&listed)?;
        assert_eq!(listed["items"][0]["state"], "Restoring", "{listed}");
        let (code, told) = room.said(&["restore", "NAME", "--undo", "--dry-run", "-o", "json"]).await?;
        let told: Value = serde_json::from_str(&told)?;
        assert_eq!(code, Some(0));
        assert!(told["plan"][0].as_str().is_some_and(|line| line.contains("undo the restore from")), "{told}");
        Ok(())
    }
}
