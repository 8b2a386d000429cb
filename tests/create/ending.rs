//! When certificates end, as the fleet tells it.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use v9s_testkit::host::Host;

use crate::shell::{Shell, err};

/// A virtual cluster that v9s has made.
struct Made {
    shell: Shell,
    host: Host,
    name: String,
    namespace: String,
}

impl Made {
    async fn on(host: Host, stem: &str) -> Result<Made> {
        let shell = Shell::with(&host.kubeconfig)?;
        let (name, namespace) = (host.named(stem), host.named(&format!("team-{stem}")));
        let made = Made { shell, host, name, namespace };
        made.done(&["create"], &[]).await?;
        Ok(made)
    }

    async fn done(&self, verb: &[&str], flags: &[&str]) -> Result<()> {
        let words = [verb, &[self.name.as_str(), "-n", self.namespace.as_str()], flags].concat();
        let ran = self.shell.v9s(&words).await?;
        ensure!(ran.status.code() == Some(0), "{verb:?}: {}", err(&ran));
        Ok(())
    }

    async fn listed(&self) -> Result<Value> {
        let listed = self.shell.v9s(&["list", "-n", &self.namespace, "-o", "json"]).await?;
        let listed: Value = serde_json::from_slice(&listed.stdout)?;
        listed["items"].get(0).cloned().with_context(|| format!("nothing is listed: {listed}"))
    }

    /// What its workload says of the end.
    async fn tells(&self, end: Option<String>) -> Result<()> {
        let api: Api<StatefulSet> = Api::namespaced(self.host.client(), &self.namespace);
        let note = json!({"metadata": {"annotations": {"v9s.io/certificates-end": end}}});
        api.patch(&self.name, &PatchParams::default(), &Patch::Merge(&note)).await?;
        Ok(())
    }
}

fn in_days(days: i64) -> Option<String> {
    let end = chrono::Utc::now() + chrono::TimeDelta::days(days) + chrono::TimeDelta::hours(1);
    Some(end.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}

fn finding(listed: &Value) -> Vec<(&str, &str)> {
    let of = |it: &Value| -> Option<()> { it["code"].as_str()?.starts_with("certificates").then_some(()) };
    let all = listed["findings"].as_array().into_iter().flatten().filter(|it| of(it).is_some());
    all.filter_map(|it| Some((it["code"].as_str()?, it["severity"].as_str()?))).collect()
}

v9s_testkit::both_hosts! {
    #![needs(controllers)]

    async fn an_end_that_comes_near_is_a_finding_until_a_rotation(host: Host) -> Result<()> {
        let made = Made::on(host, "ending").await?;
        let fresh = made.listed().await?;
        ensure!(fresh["certificates"]["daysLeft"].as_i64().is_some_and(|days| days > 300), "{fresh:#}");
        assert_eq!(finding(&fresh), []);
        // No pod of it gets ready here: what rests starts with the new ones.
        made.done(&["pause"], &[]).await?;
        for (days, code, severity) in [
            (12, "certificates-ending", "warning"),
            (3, "certificates-ending", "critical"),
            (-3, "certificates-ended", "critical"),
        ] {
            made.tells(in_days(days)).await?;
            let listed = made.listed().await?;
            assert_eq!(finding(&listed), [(code, severity)], "{days}");
            assert_eq!(listed["certificates"]["daysLeft"], json!(days), "{listed:#}");
        }
        made.done(&["certs", "rotate"], &[]).await?;
        let rotated = made.listed().await?;
        ensure!(rotated["certificates"]["daysLeft"].as_i64().is_some_and(|days| days > 300), "{rotated:#}");
        assert_eq!(finding(&rotated), []);
        Ok(())
    }

    async fn what_is_not_told_is_not_known_and_not_well(host: Host) -> Result<()> {
        let made = Made::on(host, "untold").await?;
        for (end, why) in [(None, "does not tell"), (Some("in a while".to_owned()), "is no time")] {
            made.tells(end).await?;
            let listed = made.listed().await?;
            assert_eq!(listed["certificates"], Value::Null);
            let told = listed["unknown"]["certificates"].as_str().unwrap_or_default();
            ensure!(told.contains(why), "{listed:#}");
        }
        // The same command again knows it.
        made.done(&["create"], &[]).await?;
        assert_eq!(made.listed().await?["certificates"]["severity"], "ok");
        Ok(())
    }
}
