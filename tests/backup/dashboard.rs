//! Backups from the dashboard, on both hosts: those that are marked, then one of them verified.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use v9s_testkit::pty::{Program, Terminal};

use crate::noted::{Tenant, codes};

/// The dashboard in the home of a person, looking at these namespaces.
fn dashboard(tenant: &Tenant, namespaces: &[&str]) -> Result<Terminal> {
    let mut words = vec!["--request-timeout", "2s"];
    for namespace in namespaces {
        words.extend(["-n", *namespace]);
    }
    Program::new(env!("CARGO_BIN_EXE_v9s"))
        .args(words)
        .env("HOME", tenant.home.path())
        .env("KUBECONFIG", tenant.home.path().join("kubeconfig"))
        .env("USER", "ada")
        .size(160, 45)
        .start()
}

/// Types into the line that is there, which is emptied before.
fn fill(terminal: &Terminal, typed: &str) -> Result<()> {
    terminal.press(&["ctrl-u"])?;
    terminal.send(typed)
}

v9s_testkit::both_hosts! {
    async fn those_that_are_marked_are_backed_up_and_one_is_verified(host: Host) -> Result<()> {
        let well = Tenant::on(host).await?;
        let paused = well.beside("rests").await?;
        let dead = well.beside("dead").await?.stop_store().await?;
        let marks = json!({"loft.sh/paused": "true", "loft.sh/paused-replicas": "1"});
        well.change_in(&paused.namespace, &json!({"metadata": {"annotations": marks}})).await?;
        let to = well.home.path().join("kept");
        let to = to.to_str().context("a path")?;

        let terminal = dashboard(&well, &[&well.namespace, &paused.namespace, &dead.namespace])?;
        for namespace in [&well.namespace, &paused.namespace, &dead.namespace] {
            terminal.wait_for_text(namespace)?;
        }
        terminal.press(&["space", "space", "space", "b"])?;
        terminal.wait_for_text("back up 3 virtual clusters")?;
        // The default is the state folder, until another place was said.
        terminal.wait_for_text(".local/state/v9s/backups")?;
        fill(&terminal, to)?;
        terminal.press(&["tab"])?;
        fill(&terminal, "unencrypted")?;
        terminal.press(&["enter"])?;
        let plan = terminal.wait_for_text("press y to go on")?.contents();
        ensure!(plan.contains("paused") && plan.contains("2 at a time"), "{plan}");
        terminal.press(&["y"])?;
        let report = terminal.wait_for_text("1 are done, 2 are not")?.contents();
        ensure!(report.contains("passed over"), "{report}");

        let found = [
            well.listed().await?,
            well.listed_in(&paused.namespace).await?,
            well.listed_in(&dead.namespace).await?,
        ];
        let said = found.each_ref().map(|of| (of["backup"]["lastGood"].is_object(), codes(of).join(" ")));
        assert_eq!(
            said,
            [
                (true, String::new()),
                (false, "backup-passed-over".to_owned()),
                (false, "backup-failed".to_owned())
            ]
        );
        assert_eq!(found[0]["backup"]["lastGood"]["to"], to);
        let audited = well.audited()?;
        for (namespace, done) in [(&well.namespace, true), (&paused.namespace, false), (&dead.namespace, false)] {
            ensure!(audited.contains(&("back-up".into(), namespace.clone(), done)), "{namespace}: {audited:?}");
        }

        // The answer is offered the next time, also by another run.
        drop(terminal);
        let terminal = dashboard(&well, &[&well.namespace])?;
        terminal.wait_for_text(&well.namespace)?;
        terminal.press(&["b"])?;
        terminal.wait_for_text(to)?;
        terminal.wait_for_text("unencrypted")?;
        terminal.press(&["esc"])?;
        terminal.wait_until_gone("readers")?;
        terminal.press(&[":"])?;
        terminal.send("verify")?;
        terminal.press(&["enter"])?;
        // The newest one, where it is noted that it lies.
        terminal.wait_for_text("1 keys")?;
        terminal.press(&["enter"])?;
        terminal.wait_for_text("whole: every byte was read")?;
        let file = found[0]["backup"]["lastGood"]["file"].as_str().context("a name")?;
        let path = std::path::Path::new(to).join(file);
        let mut bytes = std::fs::read(&path)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        std::fs::write(&path, bytes)?;
        terminal.press(&["esc"])?;
        terminal.wait_until_gone("SHA-256")?;
        terminal.press(&[":"])?;
        terminal.send("verify")?;
        terminal.press(&["enter"])?;
        terminal.wait_for_text("1 keys")?;
        terminal.press(&["enter"])?;
        terminal.wait_for_text("it is not whole")?;
        Ok(())
    }
}
