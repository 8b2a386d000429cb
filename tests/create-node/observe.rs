//! A companion beside a virtual cluster whose syncer is somebody else's: it gets in by the Secret that is there, with the rights that it was
//! given and no others, and tells how far the host lags behind.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;
use v9s::companion::{self, Mode, SyncerStatus};
use v9s::lifecycle::observe::{self, INSTALL_STEPS, REMOVE_STEPS, Wait, Wanted};
use v9s::lifecycle::{Decision, LifeError};
use v9s::operation::Operation;
use v9s::target::{Target, find};
use v9s_testkit::node::images::BUSYBOX;
use v9s_testkit::pods::Room;

use crate::made::{Made, config, makes, volume};

/// A machine that compiles beside it takes its time.
const PATIENCE: Duration = Duration::from_secs(300);

async fn target(made: &Made) -> Result<Target> {
    Ok(find(&made.host, Some(&made.request.namespace), &made.request.name).await?)
}

/// Takes v9s's own syncer out of it and says that the chart has made it: nobody mirrors it any more.
async fn given_away(made: &Made) -> Result<()> {
    let (namespace, name) = (&made.request.namespace, &made.request.name);
    let sets: Api<StatefulSet> = Api::namespaced(made.outside.clone(), namespace);
    let idle = json!({
        "name": "syncer", "image": BUSYBOX, "command": ["sleep", "1000000"], "args": null,
        "startupProbe": null, "readinessProbe": null, "livenessProbe": null,
    });
    let patch = json!({
        "metadata": {"labels": {"heritage": "Helm"}},
        "spec": {"template": {"spec": {"containers": [idle]}}},
    });
    sets.patch(name, &PatchParams::default(), &Patch::Strategic(patch)).await?;
    let there = Room { client: made.outside.clone(), namespace: namespace.to_string() };
    there
        .wait(name, "without its syncer", |set: Option<&StatefulSet>| {
            set.is_some_and(|set| {
                let generation = set.metadata.generation;
                set.status.as_ref().is_some_and(|status| {
                    status.observed_generation == generation
                        && status.updated_replicas == Some(1)
                        && status.ready_replicas == Some(1)
                })
            })
        })
        .await?;
    let maps: Api<ConfigMap> = Api::namespaced(made.outside.clone(), namespace);
    maps.delete(&companion::config_map(name), &DeleteParams::default()).await?;
    Ok(())
}

async fn install(made: &Made) -> Result<()> {
    let (host, target) = (made.host.clone(), target(made).await?);
    let found = observe::look(&host, &target).await?;
    let Decision::Do(plan) = observe::plan(&target, &found, &Wanted::default()) else {
        bail!("it cannot be installed")
    };
    let operation = Operation::start("observe", INSTALL_STEPS, move |progress| async move {
        observe::install(&host, &target, &plan, Wait::For(PATIENCE), &progress).await
    });
    let done: Result<(), LifeError> = operation.result().await;
    Ok(done?)
}

async fn remove(made: &Made) -> Result<()> {
    let (host, target) = (made.host.clone(), target(made).await?);
    let Decision::Do(plan) = observe::removal(&target, observe::made(&host, &target).await?) else {
        bail!("there is nothing to remove")
    };
    let operation = Operation::start("observe", REMOVE_STEPS, move |progress| async move {
        observe::remove(&host, &target, &plan, PATIENCE, &progress).await
    });
    let done: Result<(), LifeError> = operation.result().await;
    Ok(done?)
}

/// Waits until it tells what is wanted.
async fn tells(made: &Made, what: &str, like: impl Fn(&SyncerStatus) -> bool + Send) -> Result<()> {
    let there = Room { client: made.outside.clone(), namespace: made.request.namespace.to_string() };
    let told = |map: Option<&ConfigMap>| {
        let text = map.and_then(|map| map.data.as_ref()?.get(companion::KEY));
        text.and_then(|text| companion::read(text).ok()).is_some_and(|status| like(&status))
    };
    there.wait(&companion::config_map(&made.request.name), what, told).await?;
    Ok(())
}

makes! {
    async fn a_companion_stands_beside_another_syncer_and_goes_without_a_trace() -> Result<()> {
        volume("watched", ("team-watched", "data-watched-0")).await?;
        let made = Made::make("watched", &config("")?).await?;
        given_away(&made).await?;
        install(&made).await?;
        tells(&made, "it sees both sides", |status| status.mode == Mode::Observe && status.synced).await?;

        // Nobody takes this to the host.
        let room = Room::take(made.inside().await?, "shop").await?;
        room.create(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})).await?;
        tells(&made, "something waits", |status| status.pending.contains_key("services")).await?;

        let pods: Api<Pod> = Api::namespaced(made.outside.clone(), &made.request.namespace);
        let ours = ListParams::default().labels("v9s.io/observer-of=watched");
        let pod = pods.list(&ours).await?.items.pop().context("it has a pod")?;
        let log = pods.logs(pod.metadata.name.as_deref().context("a name")?, &Default::default()).await?;
        let forbidden: Vec<&str> = log.lines().filter(|line| line.to_lowercase().contains("forbidden")).collect();
        assert_eq!(forbidden, Vec::<&str>::new(), "its rights are enough");

        remove(&made).await?;
        assert!(pods.list(&ours).await?.items.is_empty());
        let maps: Api<ConfigMap> = Api::namespaced(made.outside.clone(), &made.request.namespace);
        assert_eq!(maps.get_opt("vc-status-watched").await?, None, "what it published is gone, and stays so");
        Ok(())
    }
}
