//! Storms of changes through a bad wire end in the picture that a fresh look gives.

use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::json;
use v9s::fleet::{Fleet, FleetOptions, Vcluster};
use v9s_testkit::both_hosts;
use v9s_testkit::host::Host;
use v9s_testkit::proxy::{Proxy, Wire};
use v9s_ui::demo::spec::Tenant;

use crate::watching::{live_and_whole, put, retry_until, tenant, until, watch};

const TENANTS: usize = 6;
const ROUNDS: usize = 60;

/// Numbers that look like chance and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// Changes one thing of a tenant. What is not there to be changed is not.
async fn change(host: &Host, name: &str, dice: &mut Dice) -> Result<()> {
    let client = host.client();
    let merge = PatchParams::default();
    let done = match dice.below(6) {
        0 => {
            let api: Api<StatefulSet> = Api::namespaced(client, name);
            let paused = if dice.below(2) == 0 { json!("true") } else { json!(null) };
            let patch = json!({"metadata": {"annotations": {"loft.sh/paused": paused}}});
            api.patch(name, &merge, &Patch::Merge(patch)).await.map(drop)
        }
        1 => {
            let api: Api<StatefulSet> = Api::namespaced(client, name);
            let patch = json!({"spec": {"replicas": dice.below(3)}});
            api.patch(name, &merge, &Patch::Merge(patch)).await.map(drop)
        }
        2 => {
            let api: Api<Secret> = Api::namespaced(client, name);
            let kind = if dice.below(2) == 0 { json!("inactivity") } else { json!(null) };
            let patch = json!({"metadata": {"annotations": {"sleepmode.loft.sh/sleep-type": kind}}});
            api.patch(&format!("vc-config-{name}"), &merge, &Patch::Merge(patch)).await.map(drop)
        }
        3 | 4 => {
            let api: Api<Pod> = Api::namespaced(client, name);
            let pods =
                api.list(&kube::api::ListParams::default().labels("vcluster.loft.sh/managed-by")).await?;
            let Some(pod) = pods.items.get(dice.below(pods.items.len().max(1))) else { return Ok(()) };
            let pod = pod.metadata.name.as_deref().unwrap_or_default();
            let phase = ["Pending", "Running", "Failed", "Succeeded"][dice.below(4)];
            let patch = json!({"status": {"phase": phase}});
            api.patch_status(pod, &merge, &Patch::Merge(patch)).await.map(drop)
        }
        _ => {
            let api: Api<Pod> = Api::namespaced(client, name);
            let pods =
                api.list(&kube::api::ListParams::default().labels("vcluster.loft.sh/managed-by")).await?;
            let Some(pod) = pods.items.get(dice.below(pods.items.len().max(1))) else { return Ok(()) };
            let pod = pod.metadata.name.as_deref().unwrap_or_default();
            api.delete(pod, &DeleteParams::default().grace_period(0)).await.map(drop)
        }
    };
    Ok(done?)
}

/// The rows of some tenants, without what only a long look can know: restarts that it has seen happen.
fn rows_of(fleet: &Fleet, names: &[String]) -> Vec<Vcluster> {
    let ours = fleet.vclusters.iter().filter(|row| names.contains(&row.key.namespace.to_string()));
    ours.map(|row| Vcluster { findings: Vec::new(), ..(**row).clone() }).collect()
}

both_hosts! {
    async fn storms_through_a_bad_wire_converge_to_a_fresh_look(host: Host) -> Result<()> {
        let tenants: Vec<Tenant> = (0..TENANTS).map(|number| tenant(&host, &format!("storm-{number}"))).collect();
        put(&host, &tenants).await?;
        let names: Vec<String> = tenants.iter().map(|tenant| tenant.name.clone()).collect();
        let (proxy, through) = Proxy::before(&host.kubeconfig).await?;
        let live = watch(&through, FleetOptions::default())?;
        until(&live, "it is live", live_and_whole).await?;
        let mut dice = Dice(42);
        for round in 0..ROUNDS {
            let wire = [Wire::Pass, Wire::Cut, Wire::Delay(Duration::from_millis(2)), Wire::Pass][dice.below(4)];
            proxy.set(wire);
            live.retry_now(None);
            change(&host, &names[dice.below(TENANTS)], &mut dice).await?;
            // Tenants come and go as well.
            if round % 20 == 10 {
                let late = tenant(&host, &format!("late-{round}"));
                put(&host, &[late]).await?;
            }
        }
        proxy.set(Wire::Pass);
        let mut names = names;
        names.extend((0..ROUNDS).map(|round| host.named(&format!("late-{round}"))));
        let fresh = watch(&host.kubeconfig, FleetOptions::default())?;
        let fresh = until(&fresh, "a fresh look is whole", live_and_whole).await?;
        let expected = rows_of(&fresh, &names);
        assert_eq!(expected.len(), TENANTS + ROUNDS / 20);
        let converged = retry_until(&live, |fleet| live_and_whole(fleet) && rows_of(fleet, &names) == expected).await;
        if let Err(error) = converged {
            let seen = live.subscribe().borrow().clone();
            assert_eq!(rows_of(&seen, &names), expected, "{error}");
        }
        Ok(())
    }
}
