//! Backups of all virtual clusters of a host at once, on both hosts: one that is dead or rests keeps no other from its own.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use v9s_testkit::host::Host;

use crate::noted::{Beside, Tenant, codes};

/// Two that are well, one whose store is dead, and one that is paused.
struct Four {
    well: Tenant,
    also_well: Beside,
    dead: Beside,
    paused: Beside,
}

impl Four {
    async fn on(host: Host) -> Result<Self> {
        let well = Tenant::on(host).await?;
        let (also_well, paused) = (well.beside("well").await?, well.beside("rests").await?);
        let dead = well.beside("dead").await?.stop_store().await?;
        let marks = json!({"loft.sh/paused": "true", "loft.sh/paused-replicas": "1"});
        well.change_in(&paused.namespace, &json!({"metadata": {"annotations": marks}})).await?;
        Ok(Four { well, also_well, dead, paused })
    }

    /// The namespaces in this order: well, also well, dead, paused.
    fn namespaces(&self) -> [&str; 4] {
        [&self.well.namespace, &self.also_well.namespace, &self.dead.namespace, &self.paused.namespace]
    }

    async fn all(&self, more: &[&str]) -> Result<crate::noted::Ran> {
        let to = self.well.home.path().join("backups");
        let to = to.to_str().context("a path")?;
        let words = ["backup", "-A", "--unencrypted", "--to", to, "--request-timeout", "2s"];
        self.well.v9s(&[&words[..], more].concat()).await
    }
}

v9s_testkit::both_hosts! {
    #![needs(alone)]

    async fn one_that_is_dead_keeps_no_other_from_its_backup(host: Host) -> Result<()> {
        let four = Four::on(host).await?;
        let ran = four.all(&["-o", "json"]).await?;
        assert_eq!(ran.code, Some(3), "some were taken, and some were not: {}{}", ran.out, ran.err);
        let told: Value = serde_json::from_str(&ran.out)?;
        let items = told["items"].as_array().context("no items")?;
        let came: Vec<&str> = four
            .namespaces()
            .iter()
            .filter_map(|namespace| items.iter().find(|item| item["vcluster"]["namespace"] == **namespace))
            .filter_map(|item| item["outcome"].as_str())
            .collect();
        assert_eq!(came, ["done", "done", "failed", "refused"], "{told:#}");
        assert_eq!(items.len(), 4);
        let dead = items.iter().find(|item| item["outcome"] == "failed").context("none")?;
        ensure!(dead["message"].as_str().is_some_and(|why| why.contains("no backup of")), "{dead:#}");

        // What lies there is whole, and belongs to those that are well.
        let folder = four.well.home.path().join("backups");
        let listed = four.well.v9s(&["backup", "list", folder.to_str().context("a path")?, "-o", "json"]).await?;
        for namespace in four.namespaces().into_iter().take(2) {
            ensure!(listed.out.contains(&format!("{namespace}.shop.")), "{}", listed.out);
        }
        let archives = std::fs::read_dir(&folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut archives: Vec<String> = archives.collect();
        archives.sort();
        assert_eq!(archives.len(), 4, "two archives and their cards, and nothing half: {archives:?}");

        // Each says of itself what came of it.
        let mut said = Vec::new();
        for namespace in four.namespaces() {
            let of = four.well.listed_in(namespace).await?;
            said.push((of["backup"]["lastGood"].is_object(), codes(&of).join(" ")));
        }
        let none = String::new;
        assert_eq!(
            said,
            [(true, none()), (true, none()), (false, "backup-failed".into()), (false, "backup-passed-over".into())]
        );
        let audited = four.well.audited()?;
        let taken = |namespace: &str| {
            audited.iter().find(|(action, of, _)| action == "back-up" && of == namespace).map(|(.., done)| *done)
        };
        assert_eq!(four.namespaces().map(taken), [Some(true), Some(true), Some(false), Some(false)], "{audited:?}");
        Ok(())
    }

    async fn the_exit_code_says_whether_all_some_or_none_were_taken(host: Host) -> Result<()> {
        let four = Four::on(host).await?;
        for (namespace, code, says) in [
            (&four.well.namespace, Some(0), "keys at revision"),
            (&four.dead.namespace, Some(1), "no backup of"),
            (&four.paused.namespace, Some(3), "paused"),
        ] {
            let to = four.well.home.path().join("by-label");
            let words = ["backup", "-l", "release=shop", "-n", namespace, "--unencrypted", "--to"];
            let words = [&words[..], &[to.to_str().context("a path")?, "--request-timeout", "2s"][..]].concat();
            let ran = four.well.v9s(&words).await?;
            assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
            ensure!(ran.out.contains(says), "{}", ran.out);
        }
        let planned = four.all(&["--dry-run"]).await?;
        ensure!(planned.out.contains("would be taken"), "{}", planned.out);
        ensure!(!four.well.home.path().join("backups").exists(), "a dry run writes nothing");
        Ok(())
    }
}
