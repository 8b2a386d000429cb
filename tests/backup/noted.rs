//! What the fleet knows of backups, by the notes that the program leaves on control planes, on both hosts.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use http::Request;
use serde_json::{Value, json};
use tokio::process::Command;
use v9s_testkit::host::Host;
use v9s_testkit::real::stores::{Etcd, put};
use v9s_testkit::users::Grant;

/// A virtual cluster whose etcd is somebody else's: it can be asked on any host, whether pods run there or not.
pub struct Tenant {
    pub host: Host,
    pub namespace: String,
    pub home: tempfile::TempDir,
    kubeconfig: PathBuf,
    etcd: Etcd,
}

/// What a run of the program came to.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Another one of the same name on the same host, in a namespace of its own.
pub struct Beside {
    pub namespace: String,
    etcd: Etcd,
}

impl Beside {
    /// Puts one there, with a store that answers.
    async fn on(host: &Host, stem: &str) -> Result<Self> {
        let etcd = tokio::task::spawn_blocking(|| Etcd::start(1, None)).await??;
        put(&etcd.addresses()[0], "/registry/pods/web/a", b"pod").await?;
        let namespace = host.namespace(stem).await?;
        let config = format!(
            "controlPlane:\n  backingStore:\n    etcd:\n      external:\n        enabled: true\n        endpoint: http://{}\n",
            etcd.addresses()[0]
        );
        for mut object in crate::looked::objects(&namespace, "shop", false) {
            if object["metadata"]["name"] == "vc-config-shop" {
                object["stringData"] = json!({"config.yaml": config});
            }
            v9s_testkit::objects::create(&host.client(), &object).await?;
        }
        Ok(Beside { namespace, etcd })
    }

    /// Its store answers no more.
    pub async fn stop_store(mut self) -> Result<Self> {
        let stopped = tokio::task::spawn_blocking(move || {
            self.etcd.kill(0);
            self
        });
        Ok(stopped.await?)
    }
}

impl Tenant {
    pub async fn on(host: Host) -> Result<Self> {
        let Beside { namespace, etcd } = Beside::on(&host, "team").await?;
        let home = tempfile::tempdir()?;
        let kubeconfig = home.path().join("kubeconfig");
        std::fs::write(&kubeconfig, &host.kubeconfig)?;
        Ok(Tenant { host, namespace, home, kubeconfig, etcd })
    }

    /// Runs the program as somebody, and waits for its end.
    pub async fn v9s_as(&self, kubeconfig: &Path, arguments: &[&str]) -> Result<Ran> {
        self.run(kubeconfig, &[], arguments).await
    }

    /// Runs it with more in its environment.
    pub async fn v9s_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Result<Ran> {
        self.run(&self.kubeconfig, variables, arguments).await
    }

    async fn run(&self, kubeconfig: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Result<Ran> {
        let output = Command::new(env!("CARGO_BIN_EXE_v9s"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("USER", "ada")
            .env("KUBECONFIG", kubeconfig)
            .envs(variables.iter().copied())
            .kill_on_drop(true)
            .output()
            .await?;
        let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        Ok(Ran { code: output.status.code(), out, err })
    }

    pub async fn v9s(&self, arguments: &[&str]) -> Result<Ran> {
        self.v9s_as(&self.kubeconfig, arguments).await
    }

    /// Takes a backup into a folder, with more flags.
    pub async fn backup(&self, more: &[&str]) -> Result<Ran> {
        let to = self.home.path().join("backups");
        let to = to.to_str().context("a path")?;
        let all = ["backup", "shop", "-n", &self.namespace, "--unencrypted", "--to", to];
        self.v9s(&[&all[..], more].concat()).await
    }

    /// Another one on the same host.
    pub async fn beside(&self, stem: &str) -> Result<Beside> {
        Beside::on(&self.host, stem).await
    }

    /// What `v9s list` says of it.
    pub async fn listed(&self) -> Result<Value> {
        self.listed_in(&self.namespace).await
    }

    /// What `v9s list` says of the one in a namespace.
    pub async fn listed_in(&self, namespace: &str) -> Result<Value> {
        let list = self.v9s(&["list", "-n", namespace, "-o", "json"]).await?;
        let all: Value = serde_json::from_str(&list.out).with_context(|| list.err.clone())?;
        Ok(all["items"][0].clone())
    }

    pub async fn workload(&self) -> Result<Value> {
        let path = format!("/apis/apps/v1/namespaces/{}/statefulsets/shop", self.namespace);
        Ok(self.host.client().request(Request::get(path).body(Vec::new())?).await?)
    }

    /// Changes the workload by a merge patch.
    pub async fn change(&self, patch: &Value) -> Result<()> {
        self.change_in(&self.namespace, patch).await
    }

    /// Changes the workload of the one in a namespace.
    pub async fn change_in(&self, namespace: &str, patch: &Value) -> Result<()> {
        let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/shop");
        let request = Request::patch(path)
            .header("content-type", "application/merge-patch+json")
            .body(serde_json::to_vec(patch)?)?;
        Ok(self.host.client().request::<Value>(request).await.map(drop)?)
    }

    pub async fn stop_store(mut self) -> Result<Self> {
        tokio::task::spawn_blocking(move || {
            self.etcd.kill(0);
            self
        })
        .await
        .map_err(Into::into)
    }

    /// What was done, as the audit log has it: action, namespace, and whether it came about.
    pub fn audited(&self) -> Result<Vec<(String, String, bool)>> {
        let log = std::fs::read_to_string(self.home.path().join(".local/state/v9s/audit.jsonl"))?;
        let line = |line: &str| -> Result<(String, String, bool)> {
            let record: v9s::audit::Record = serde_json::from_str(line)?;
            let done = !matches!(record.outcome, v9s::audit::Outcome::Failed(_));
            Ok((record.action.to_string(), record.namespace.to_string(), done))
        };
        log.lines().map(line).collect()
    }
}

pub fn codes(listed: &Value) -> Vec<&str> {
    let findings = listed["findings"].as_array().into_iter().flatten();
    findings
        .filter_map(|finding| finding["code"].as_str())
        .filter(|code| code.starts_with("backup"))
        .collect()
}

v9s_testkit::both_hosts! {
    async fn a_backup_makes_the_column_go_from_none_to_an_age(host: Host) -> Result<()> {
        let tenant = Tenant::on(host).await?;
        let before = tenant.listed().await?;
        assert_eq!(before["backup"]["lastGood"], Value::Null, "{before:#}");
        ensure!(before["unknown"].get("backup.lastGood").is_none(), "that there is none is known");
        let wide = tenant.v9s(&["list", "-n", &tenant.namespace, "-o", "wide"]).await?;
        ensure!(wide.out.contains("BACKUP") && wide.out.contains(" none "), "{}", wide.out);
        let made = tenant.workload().await?;

        let ran = tenant.backup(&["--rpo", "24h"]).await?;
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        let after = tenant.listed().await?;
        let good = &after["backup"]["lastGood"];
        ensure!(good["ageSeconds"].as_u64().is_some_and(|age| age < 600), "{after:#}");
        ensure!(good["revision"].as_i64().is_some_and(|revision| revision >= 2), "{after:#}");
        assert_eq!(good["who"], "ada");
        ensure!(good["to"].as_str().is_some_and(|to| to.ends_with("/backups")), "{good}");
        let file = tenant.home.path().join("backups").join(good["file"].as_str().context("a name")?);
        ensure!(file.exists(), "the archive is where the note says");
        assert_eq!((&after["backup"]["objectiveSeconds"], &after["backup"]["late"]), (&json!(86_400), &json!(false)));
        assert_eq!(codes(&after), [""; 0]);

        // Nothing that pods are made from was touched.
        let marked = tenant.workload().await?;
        assert_eq!(marked["spec"], made["spec"]);
        assert_eq!(marked["metadata"]["generation"], made["metadata"]["generation"]);
        let audit = std::fs::read_to_string(tenant.home.path().join(".local/state/v9s/audit.jsonl"))?;
        let actions: Vec<Value> = audit.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        assert_eq!(actions.iter().map(|it| &it["action"]).collect::<Vec<_>>(), ["back-up", "note-backup"]);
        Ok(())
    }

    async fn a_run_that_took_none_is_told_beside_the_last_good_one(host: Host) -> Result<()> {
        let tenant = Tenant::on(host).await?;
        assert_eq!(tenant.backup(&[]).await?.code, Some(0));
        let good = tenant.listed().await?["backup"]["lastGood"]["file"].clone();
        ensure!(good.is_string());

        let rests = json!({"metadata": {"annotations": {"loft.sh/paused": "true", "loft.sh/paused-replicas": "1"}}});
        tenant.change(&rests).await?;
        assert_eq!(tenant.backup(&[]).await?.code, Some(4));
        let passed = tenant.listed().await?;
        assert_eq!((&passed["backup"]["lastGood"]["file"], &passed["backup"]["missed"]["what"]), (&good, &json!("passed-over")));
        assert_eq!(codes(&passed), ["backup-passed-over"]);

        tenant.change(&json!({"metadata": {"annotations": {"loft.sh/paused": null}}})).await?;
        let again = tenant.backup(&[]).await?;
        assert_eq!(again.code, Some(0), "{}", again.err);
        let clean = tenant.listed().await?;
        assert_eq!(clean["backup"]["missed"], Value::Null, "a good one came later");
        ensure!(clean["backup"]["lastGood"]["file"] != good);

        let tenant = tenant.stop_store().await?;
        assert_eq!(tenant.backup(&["--request-timeout", "2s"]).await?.code, Some(1));
        let failed = tenant.listed().await?;
        assert_eq!(failed["backup"]["lastGood"], clean_but_older(&clean, &failed), "{failed:#}");
        assert_eq!(codes(&failed), ["backup-failed"]);
        Ok(())
    }

    async fn a_note_that_is_reverted_or_garbled_is_never_good(host: Host) -> Result<()> {
        let tenant = Tenant::on(host).await?;
        assert_eq!(tenant.backup(&["--rpo", "24h"]).await?.code, Some(0));
        tenant.change(&json!({"metadata": {"annotations": {"v9s.io/backup": "yes"}}})).await?;
        let garbled = tenant.listed().await?;
        assert_eq!((&garbled["backup"]["lastGood"], &garbled["backup"]["late"]), (&Value::Null, &Value::Null));
        ensure!(garbled["unknown"]["backup.lastGood"].is_string(), "{garbled:#}");
        assert_eq!(codes(&garbled), ["backup-unknown"]);
        // Not late before it is a day old.
        tenant.change(&json!({"metadata": {"annotations": {"v9s.io/backup": null, "v9s.io/backup-objective": "1m"}}})).await?;
        let none = tenant.listed().await?;
        assert_eq!((&none["backup"]["lastGood"], &none["backup"]["objectiveSeconds"]), (&Value::Null, &json!(60)));
        Ok(())
    }

    async fn who_may_not_note_it_has_a_backup_all_the_same(host: Host) -> Result<()> {
        let tenant = Tenant::on(host).await?;
        let grant = Grant::within(&tenant.namespace).may(
            &["get", "list"],
            &["statefulsets.apps", "deployments.apps", "secrets", "pods", "services", "configmaps"],
        );
        let reader = tenant.home.path().join("reader");
        std::fs::write(&reader, tenant.host.user("reader", &[grant]).await?)?;
        let to = tenant.home.path().join("backups");
        let words = ["backup", "shop", "-n", &tenant.namespace, "--unencrypted", "--to", to.to_str().context("a path")?];
        let ran = tenant.v9s_as(&reader, &words).await?;
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        ensure!(ran.out.contains("the note of it on its control plane") && ran.out.contains("patch"), "{}", ran.out);
        assert_eq!(tenant.listed().await?["backup"]["lastGood"], Value::Null);
        // Who is to change nothing notes nothing.
        let only = tenant.backup(&["--read-only"]).await?;
        assert_eq!(only.code, Some(0), "{}", only.err);
        assert_eq!(tenant.workload().await?["metadata"]["annotations"].get("v9s.io/backup"), None);
        let refused = tenant.backup(&["--read-only", "--rpo", "24h"]).await?;
        ensure!(refused.code == Some(1) && refused.err.contains("read-only"), "{}", refused.err);
        Ok(())
    }
}

/// The same backup, as old as it is by now.
fn clean_but_older(before: &Value, after: &Value) -> Value {
    let mut good = before["backup"]["lastGood"].clone();
    good["ageSeconds"] = after["backup"]["lastGood"]["ageSeconds"].clone();
    good
}
