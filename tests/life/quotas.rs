//! The quota of a virtual cluster, on both hosts: shown, changed where it is made, and left alone where somebody was faster.

use anyhow::{Context as _, Result, bail, ensure};
use k8s_openapi::api::core::v1::{ResourceQuota, Secret};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use v9s::lifecycle::quota::{self, Owner, QuotaPlan, Wish};
use v9s::lifecycle::{Decision, LifeError};
use v9s_testkit::both_hosts;
use v9s_testkit::gateway::{Gateway, Seen, Wrong};
use v9s_testkit::host::Host;
use v9s_ui::demo::spec::{QuotaSpec, Tenant};

use crate::faults::Room;
use crate::seat::{cluster, look, put, tenant, until};

fn document(told: &str) -> Value {
    serde_json::from_str(told).unwrap_or_else(|error| panic!("{error}: {told}"))
}

/// A limit as the host has it.
async fn limit(client: kube::Client, namespace: &str, name: &str, key: &str) -> Result<Option<String>> {
    let quota = Api::<ResourceQuota>::namespaced(client, namespace).get(name).await?;
    let hard = quota.spec.and_then(|spec| spec.hard).unwrap_or_default();
    Ok(hard.get(key).map(|amount| amount.0.clone()))
}

/// A virtual cluster that the chart made, with a quota.
async fn charted(host: &Host, stem: &str) -> Result<(Tenant, String)> {
    let mut tenant = tenant(host, stem);
    tenant.quota = Some(QuotaSpec::default());
    put(host, &tenant).await?;
    let name = v9s::wire::name::policy(&tenant.name);
    let quotas = Api::<ResourceQuota>::namespaced(host.client(), &tenant.namespace);
    until("its quota is counted", || async {
        let used = quotas.get(&name).await?.status.and_then(|status| status.used).unwrap_or_default();
        Ok(used.get("count/pods").is_some_and(|pods| pods.0 != "0"))
    })
    .await?;
    Ok((tenant, name))
}

fn done(decision: Decision<QuotaPlan>) -> Result<QuotaPlan> {
    match decision {
        Decision::Do(plan) => Ok(plan),
        other => bail!("{other:?}"),
    }
}

both_hosts! {
    #![needs(controllers)]

    async fn other_limits_hold_at_once_and_stay_in_the_configuration(host: Host) -> Result<()> {
        let room = Room::make(&host, "limits").await?;
        let cpu = || limit(room.client.clone(), &room.namespace, "vc-shop", "requests.cpu");
        let before = cpu().await?;
        let (_, shown) = room.said(&["quota", "NAME", "-o", "json"]).await?;
        let shown = document(&shown);
        assert_eq!((&shown["kind"], &shown["quotas"][0]["name"]), (&json!("Quota"), &json!("vc-shop")), "{shown}");
        let keys = shown["demand"]["keys"].as_array().context("keys")?;
        let asked = keys.iter().find(|it| it["key"] == "requests.cpu").context("requests.cpu")?;
        assert_eq!(asked["tenant"]["amount"], "2m", "{asked}");
        ensure!(asked["controlPlane"]["share"].as_f64().is_some_and(|share| share > 0.0), "{asked}");

        let set = ["quota", "NAME", "--no-wait", "--set", "requests.cpu=30"];
        let (code, plan) = room.said(&[&set[..], &["--dry-run"]].concat()).await?;
        assert_eq!(code, Some(0), "{plan}");
        ensure!(plan.contains("vc-shop: requests.cpu: ") && plan.contains("vcluster.yaml is changed, too"), "{plan}");
        assert_eq!(cpu().await?, before, "a plan changes nothing");
        let (code, refused) = room.said(&["--read-only", "quota", "NAME", "--set", "requests.cpu=30"]).await?;
        assert_eq!((code, refused.as_str()), (Some(1), ""));

        let (code, said) = room.said(&[&set[..], &["-o", "json"]].concat()).await?;
        let said = document(&said);
        assert_eq!((code, &said["outcome"]), (Some(0), &json!("done")), "{said}");
        assert_eq!(said["result"]["changes"][0]["after"], "30", "{said}");
        assert_eq!(cpu().await?.as_deref(), Some("30"));
        let records = room.records()?;
        ensure!(records.lines().any(|line| line.contains("\"quota\"") && line.contains("vc-shop")), "{records}");
        // What changes something else keeps it.
        room.v9s(&["edit", "NAME", "--no-wait", "--set", "policies.networkPolicy.enabled=false"]).await?;
        assert_eq!(cpu().await?.as_deref(), Some("30"));
        let (code, again) = room.said(&set).await?;
        ensure!(code == Some(0) && again.contains("is so already"), "{again}");
        Ok(())
    }

    async fn what_would_keep_its_control_plane_out_is_refused(host: Host) -> Result<()> {
        let room = Room::make(&host, "below").await?;
        let secrets = Api::<Secret>::namespaced(room.client.clone(), &room.namespace);
        let before = secrets.get("vc-config-shop").await?.data;
        for (set, code, told) in [
            ("requests.cpu=1m", Some(4), "which would not start again"),
            ("requests.cpu=", Some(4), "the default holds"),
            ("requests.cpu=lots", Some(2), ""),
            ("no key=5", Some(4), "is no key of a quota"),
        ] {
            let (exit, said) = room.said(&["quota", "NAME", "--no-wait", "--set", set]).await?;
            assert_eq!(exit, code, "{set}: {said}");
            ensure!(said.contains(told), "{set}: {said}");
        }
        assert_eq!(secrets.get("vc-config-shop").await?.data, before);
        Ok(())
    }

    async fn what_the_chart_made_is_changed_on_the_object_and_faults_are_told(host: Host) -> Result<()> {
        let room = Room::make(&host, "beside-quota").await?;
        let (tenant, name) = charted(&host, "charted").await?;
        let room = room.beside(&tenant.name, &tenant.namespace);
        let pods = || limit(room.client.clone(), &room.namespace, &name, "count/pods");
        let before = pods().await?;
        let set = ["quota", "NAME", "--set", "count/pods=777"];
        for (seen, code, told) in [
            (Seen::Refusal(500), Some(1), "the gateway answers 500"),
            (Seen::Refusal(403), Some(1), "the gateway answers 403"),
            (Seen::Loss, Some(1), "gateway"),
        ] {
            let gateway = Gateway::before(&room.kubeconfig, Some(Wrong { write: 0, done: false, seen })).await?;
            let (exit, said) = room.said_by(&gateway.kubeconfig, &set).await?;
            assert_eq!(exit, code, "{seen:?}: {said}");
            ensure!(said.contains(told), "{seen:?}: {said}");
            assert_eq!(pods().await?, before, "{seen:?}");
        }
        // A conflict alone is looked at again: the host counts, and nobody has to say it twice.
        let wrong = Wrong { write: 0, done: false, seen: Seen::Refusal(409) };
        let gateway = Gateway::before(&room.kubeconfig, Some(wrong)).await?;
        let (exit, said) = room.said_by(&gateway.kubeconfig, &set).await?;
        assert_eq!(exit, Some(0), "{said}");
        assert_eq!((pods().await?.as_deref(), gateway.writes().len()), (Some("777"), 2));
        let (exit, said) = room.said(&["quota", "NAME", "--set", "count/pods=0", "--dry-run"]).await?;
        ensure!(exit == Some(0) && said.contains("nothing that runs is ended, and nothing new starts"), "{said}");
        Ok(())
    }

    async fn who_was_faster_is_not_written_over(host: Host) -> Result<()> {
        let (tenant, name) = charted(&host, "faster").await?;
        let cluster = cluster(&host.kubeconfig).await?;
        let target = look(&cluster, &tenant).await?;
        let found = quota::look(&cluster, &target).await?;
        let wish = Wish { quota: None, set: [("count/pods".into(), Some("777".into()))].into() };
        let plan = done(quota::plan(&target, &found, &wish, false))?;
        assert_eq!(plan.owner, Owner::Elsewhere);
        let quotas = Api::<ResourceQuota>::namespaced(host.client(), &tenant.namespace);
        let other = json!({"spec": {"hard": {"count/pods": "555"}}});
        quotas.patch(&name, &PatchParams::default(), &Patch::Merge(&other)).await?;
        let late = quota::start(cluster.clone(), &target, plan).result().await;
        let Err(LifeError::Changed(why)) = late else { bail!("{late:?}") };
        ensure!(why.contains("somebody set count/pods to 555 meanwhile"), "{why}");
        let pods = limit(host.client(), &tenant.namespace, &name, "count/pods").await?;
        assert_eq!(pods.as_deref(), Some("555"));

        // Looked at again, it is what is shown now that is changed.
        let found = quota::look(&cluster, &target).await?;
        let plan = done(quota::plan(&target, &found, &wish, false))?;
        assert_eq!(plan.changes[0].before.as_deref(), Some("555"));
        // Something else of the quota is no other limit.
        let label = json!({"metadata": {"labels": {"counted": "again"}}});
        quotas.patch(&name, &PatchParams::default(), &Patch::Merge(&label)).await?;
        quota::start(cluster, &target, plan).result().await?;
        let pods = limit(host.client(), &tenant.namespace, &name, "count/pods").await?;
        assert_eq!(pods.as_deref(), Some("777"));
        Ok(())
    }
}
