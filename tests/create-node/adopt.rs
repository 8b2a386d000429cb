//! A virtual cluster that really runs, its store lost and no backup of it: made again of what the host carries.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use serde_json::json;
use v9s::known::Known;
use v9s::lifecycle::Decision;
use v9s::lifecycle::adopt::adopt;
use v9s::lifecycle::restore::{self, Adopted, Adopting};
use v9s::target::find;

use crate::made::{Made, config, makes, volume};
use crate::precious::{Precious, ended, on_volume, seen_outside};

/// Pods of the tenant's namespace on the host, with their UIDs there. Of the name server another may have been made meanwhile.
fn tenants(outside: BTreeMap<String, String>) -> BTreeMap<String, String> {
    outside.into_iter().filter(|(name, _)| name.contains("-x-precious-x-")).collect()
}

/// The same pods inside, with theirs.
async fn inside(precious: &Precious<'_>) -> Result<BTreeMap<String, String>> {
    let pods = precious.room.api::<Pod>().list(&ListParams::default()).await?;
    Ok(pods.into_iter().filter_map(|pod| Some((pod.metadata.name?, pod.metadata.uid?))).collect())
}

async fn adopted(precious: &Precious<'_>) -> Result<Adopted> {
    let made = precious.made;
    let target = find(&made.host, Some(&made.request.namespace), &made.request.name).await?;
    let found = restore::look_lost(&made.host, &target).await?;
    let adoption = adopt(&restore::carried(&made.host, &target).await?);
    let plan = match restore::plan_adopt(&target, found, &adoption, None, true) {
        Decision::Do(plan) => plan,
        other => bail!("it is not done: {other:?}"),
    };
    let wish = Adopting { safety: None, scratch: precious.scratch.path().to_owned(), who: "ada".into() };
    let operation = restore::start_adopt(made.host.clone(), target, plan, wish);
    Ok(ended(operation).await?)
}

makes! {
    async fn what_was_lost_is_made_again_of_what_the_host_carries_and_pods_run_on() -> Result<()> {
        volume("adopted", ("team-adopted", "data-adopted-0")).await?;
        let made = Made::make("adopted", &config("")?).await?;
        let precious = Precious::fill(&made).await?;
        let (inner, outer) = (inside(&precious).await?, tenants(seen_outside(&made).await?));
        ensure!(inner.len() == 3 && outer.len() == 3, "{inner:?} {outer:?}");

        on_volume("adopted", "truncate -s 40000 state.db && rm -f state.db-wal state.db-shm").await?;
        let adopted = adopted(&precious).await?;
        ensure!(adopted.ended.is_empty(), "{:?}", adopted.ended);
        ensure!(adopted.checked.tokens != Known::Yes(false), "{:?}", adopted.checked);
        let left = format!("{:?}", adopted.adoption.left);
        ensure!(left.contains("Deployments") && left.contains("ReplicaSet"), "{left}");

        // The companion has seen both sides by then, and has had the time to take away what it does not know.
        precious.room.idle("fresh", json!({}), json!({})).await.context("nothing runs that is new")?;
        let now = inside(&precious).await?;
        ensure!(inner.iter().all(|(name, uid)| now.get(name) == Some(uid)), "{now:?}\nand not\n{inner:?}");
        let mut on_host = tenants(seen_outside(&made).await?);
        on_host.retain(|name, _| !name.starts_with("fresh-"));
        ensure!(on_host == outer, "{on_host:?}\nand not\n{outer:?}");

        // What came back is the tenant's again: its end is the end of the pod on the host.
        ensure!(precious.room.api::<Deployment>().list(&ListParams::default()).await?.items.is_empty());
        precious.room.api::<Pod>().delete("alone", &Default::default()).await?;
        for _ in 0..120 {
            if !tenants(seen_outside(&made).await?).keys().any(|name| name.starts_with("alone-")) {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        bail!("the pod on the host outlives the one inside")
    }
}
