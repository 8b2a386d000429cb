//! What companions publish beside virtual clusters, as the fleet shows it.

use anyhow::Result;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;
use v9s::companion::{self, ApiStatus, CanaryStatus, DriftStatus, DriftedObject, SyncerStatus, WriteStatus};
use v9s::fleet::model::Vcluster;
use v9s::fleet::state::State;
use v9s::fleet::{Fleet, FleetOptions};
use v9s::health::quota;
use v9s::health::sync::{NO_COMPANION, code};
use v9s_testkit::both_hosts;
use v9s_testkit::host::Host;
use v9s_ui::demo::spec::{Course, Manager, Standing};

use crate::watching::{live_and_whole, put, row, tenant, until, watch};

async fn publish(host: &Host, name: &str, status: &SyncerStatus) -> Result<()> {
    let maps: Api<ConfigMap> = Api::namespaced(host.client(), name);
    let patch = json!({ "data": { companion::KEY: serde_json::to_string(status)? } });
    maps.patch(&companion::config_map(name), &PatchParams::default(), &Patch::Merge(&patch)).await?;
    Ok(())
}

fn has(row: &Vcluster, code: &str) -> bool {
    row.findings.iter().any(|finding| finding.code == code)
}

fn one(kind: &str) -> Option<DriftStatus> {
    let since = chrono::Utc::now() - chrono::Duration::minutes(5);
    let object = DriftedObject {
        kind: kind.into(),
        name: "web".into(),
        since,
        why: "quota".into(),
        ..DriftedObject::default()
    };
    Some(DriftStatus { counts: [(kind.into(), 1)].into(), quarantined: 0, objects: vec![object] })
}

/// The same, of which a quota refuses the pod.
fn without_room() -> Option<DriftStatus> {
    let mut drift = one("pods")?;
    drift.objects[0].why =
        "pods \"web\" is forbidden: exceeded quota: vc-a, requested: pods=1, used: pods=20, limited: pods=20"
            .into();
    Some(drift)
}

type Change = fn(&mut SyncerStatus);

both_hosts! {
    async fn each_trouble_that_a_companion_tells_is_raised_and_cleared(host: Host) -> Result<()> {
        let name = host.named("measured");
        let measured = |course| {
            let mut tenant = tenant(&host, "measured");
            (tenant.companion, tenant.manager) = (Some(course), Manager::V9s);
            tenant
        };
        put(&host, &[measured(Course::Well)]).await?;
        let live = watch(&host.kubeconfig, FleetOptions::default())?;
        let fleet = until(&live, "it is live, and its lag is known", |fleet| {
            live_and_whole(fleet) && row(fleet, &name).is_some_and(|row| row.lag.is_known())
        }).await?;
        let seen = row(&fleet, &name).expect("seen");
        assert_eq!((seen.state, seen.lag.get().map(|lag| lag.history.len())), (State::Running, Some(1)), "{}", seen.reason);
        let well = (*seen.companion.get().expect("its companion").status).clone();
        let cases: [(Change, &str, State); 10] = [
            (|s| s.to_host.p99_millis = Some(12_400), code::LAG, State::Lagging),
            (|s| s.synced = false, code::TROUBLE, State::Degraded),
            (|s| s.canary = Some(CanaryStatus { trouble: Some("is away".into()), ..CanaryStatus::default() }), code::CANARY, State::Degraded),
            (|s| s.apis = Some([ApiStatus { answered_millis: None, trouble: Some("503".into()) }, ApiStatus::default()]), code::API, State::Degraded),
            (|s| s.apis = Some([ApiStatus { answered_millis: Some(1_500), trouble: None }, ApiStatus::default()]), code::API_SLOW, State::Running),
            (|s| s.writes = Some([WriteStatus::default(), WriteStatus { answered: 10, throttled: 5, ..WriteStatus::default() }]), code::THROTTLED, State::Running),
            (|s| s.drift = one("pods"), code::DRIFT, State::Running),
            (|s| s.drift = without_room(), quota::code::BLOCKS, State::Running),
            (|s| s.drift = one("pods").map(|drift| DriftStatus { quarantined: 1, ..drift }), code::QUARANTINED, State::Running),
            (|s| s.orphans = one("pods"), code::ORPHANS, State::Running),
        ];
        for (change, code, state) in cases {
            let now = Some(chrono::Utc::now());
            let mut sick = SyncerStatus { time: now, ..well.clone() };
            change(&mut sick);
            publish(&host, &name, &sick).await?;
            let raised = |fleet: &Fleet| row(fleet, &name).is_some_and(|row| has(row, code) && row.state == state);
            until(&live, &format!("{code} is raised"), raised).await?;
            publish(&host, &name, &SyncerStatus { time: now, ..well.clone() }).await?;
            let cleared = |fleet: &Fleet| row(fleet, &name).is_some_and(|row| !has(row, code) && row.state == State::Running);
            until(&live, &format!("{code} is cleared"), cleared).await?;
        }
        let maps: Api<ConfigMap> = Api::namespaced(host.client(), &name);
        maps.delete(&companion::config_map(&name), &DeleteParams::default()).await?;
        let lost = |fleet: &Fleet| row(fleet, &name).is_some_and(|row| row.lag.why() == Some(NO_COMPANION));
        until(&live, "without a companion nothing is claimed", lost).await?;
        Ok(())
    }

    async fn who_lies_down_has_no_lag_and_who_has_no_companion_is_told_the_remedy(host: Host) -> Result<()> {
        let mut paused = tenant(&host, "paused");
        paused.companion = Some(Course::Well);
        paused.standing = Standing::Paused { since: chrono::Utc::now() };
        put(&host, &[paused, tenant(&host, "unmeasured")]).await?;
        let live = watch(&host.kubeconfig, FleetOptions::default())?;
        let fleet = until(&live, "it is live", live_and_whole).await?;
        let resting = row(&fleet, &host.named("paused")).expect("seen");
        assert!(!resting.unknown.contains_key("lag") && !resting.unknown.contains_key("orphans"), "{:?}", resting.unknown);
        assert!(!resting.findings.iter().any(|finding| finding.code.starts_with("companion")), "{:?}", resting.findings);
        let unmeasured = row(&fleet, &host.named("unmeasured")).expect("seen");
        assert_eq!((unmeasured.state, unmeasured.lag.why(), unmeasured.orphans.get()), (State::Running, Some(NO_COMPANION), None));
        Ok(())
    }

    async fn a_namespace_without_a_policy_is_told_and_one_clears_it(host: Host) -> Result<()> {
        let name = host.named("open");
        put(&host, &[tenant(&host, "open")]).await?;
        let live = watch(&host.kubeconfig, FleetOptions::default())?;
        let open = |wanted: bool| {
            let name = name.clone();
            move |fleet: &Fleet| row(fleet, &name).is_some_and(|row| row.policies.is_known() && has(row, "no-network-policy") == wanted)
        };
        until(&live, "it is told", open(true)).await?;
        let policies: Api<NetworkPolicy> = Api::namespaced(host.client(), &name);
        let policy = serde_json::from_value(json!({
            "metadata": { "name": "isolation" },
            "spec": { "podSelector": {}, "policyTypes": ["Ingress"] },
        }))?;
        policies.create(&PostParams::default(), &policy).await?;
        until(&live, "it is cleared", open(false)).await?;
        policies.delete("isolation", &DeleteParams::default()).await?;
        until(&live, "it is told again", open(true)).await?;
        Ok(())
    }
}
