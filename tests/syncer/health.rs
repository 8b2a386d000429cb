//! The companion as the fleet sees it: its word, its silence, its return; and the metrics that alerts are made of.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use v9s::fleet::state::State;
use v9s::fleet::{FleetOptions, HostTarget, LiveFleet, Vcluster};
use v9s::health::export::{dashboard, rule_group, rules};
use v9s::health::sync::code;
use v9s::health::{Place, Thresholds};
use v9s_syncer::observe::Observer;
use v9s_syncer::serve::Told;

use crate::pair::{Pair, both};
use crate::process::Program;

/// Longer than the time after which silence counts, many times.
const PATIENCE: Duration = Duration::from_secs(300);

/// The workload and the pod of a control plane that is up, as a chart leaves them.
async fn control_plane(pair: &Pair) -> Result<()> {
    let labels = json!({"app": "vcluster", "release": "t"});
    let container = json!({"name": "syncer", "image": "registry.test/v9s-syncer:0.1.0"});
    let meta = |name: &str| json!({"name": name, "namespace": pair.namespace, "labels": labels});
    let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta("t"),
        "spec": {"replicas": 1, "serviceName": "t", "updateStrategy": {"type": "OnDelete"}, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}},
        "status": {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "observedGeneration": 1}});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": meta("t-0"), "spec": {"containers": [container]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "syncer", "ready": true, "restartCount": 0, "image": "i", "imageID": "",
                "state": {"running": {}}}]}});
    pair.host.seed(&[set, pod]).await?;
    Ok(())
}

async fn until(live: &LiveFleet, what: &str, holds: impl Fn(&Vcluster) -> bool) -> Result<Arc<Vcluster>> {
    let mut fleets = live.subscribe();
    let waited =
        tokio::time::timeout(PATIENCE, fleets.wait_for(|fleet| fleet.vclusters.iter().any(|one| holds(one))))
            .await;
    if let Ok(Ok(fleet)) = waited {
        return fleet.vclusters.iter().find(|one| holds(one)).cloned().context("it was there");
    }
    bail!("it never came true that {what}: {:#?}", live.subscribe().borrow().vclusters)
}

fn silent(one: &Vcluster) -> bool {
    one.findings.iter().any(|finding| finding.code == code::SILENT)
}

both! {
    async fn a_companion_that_stands_still_is_silent_and_heard_again_when_it_goes_on(pair: Pair) -> Result<()> {
        pair.stop().await;
        control_plane(&pair).await?;
        let [_, host] = pair.clusters();
        // Longer than the time between two heartbeats.
        let thresholds = Thresholds { silent_seconds: 45, ..Thresholds::default() };
        let options = FleetOptions { namespaces: vec![pair.namespace.as_str().into()], thresholds: thresholds.clone(), ..FleetOptions::default() };
        let live = LiveFleet::start(vec![HostTarget::of_cluster(host)], options);
        until(&live, "it is seen, and nobody measures it", |one| one.state == State::Running && one.lag.why().is_some_and(|why| why.contains("no companion"))).await?;
        let folder = tempfile::tempdir()?;
        let program = Program::start(&pair, folder.path(), &[])?;
        program.ready().await?;
        let well = |one: &Vcluster| one.lag.is_known() && !silent(one) && one.state == State::Running;
        until(&live, "its lag is measured", well).await?;
        program.signal("STOP")?;
        let gone = until(&live, "it is silent", silent).await?;
        assert_eq!(gone.state, State::Degraded, "{}", gone.reason);
        assert!(gone.lag.why().is_some(), "what it told is history: {:?}", gone.lag);
        let place = v9s::health::where_is_the_lag(&v9s::health::Evidence {
            companion: &gone.companion,
            store: &gone.store_health,
            waiting: [0, 0],
            thresholds: &thresholds,
        });
        assert_eq!(place.place, Place::Companion);
        program.signal("CONT")?;
        until(&live, "it is heard again", well).await?;
        program.kill()?;
        until(&live, "it is silent for good", silent).await?;
        Ok(())
    }

    async fn alerts_and_dashboard_are_made_of_metrics_that_are_served(pair: Pair) -> Result<()> {
        pair.stop().await;
        let folder = tempfile::tempdir()?;
        let program = Program::start(&pair, folder.path(), &["--leader-elect"])?;
        program.ready().await?;
        let began = tokio::time::Instant::now();
        // What has drifted is told by who leads.
        let mirrors = loop {
            let (_, metrics) = program.answer("/metrics").await.context("no metrics")?;
            if metrics.contains("v9s_syncer_quarantined") {
                break metrics;
            }
            anyhow::ensure!(began.elapsed() < PATIENCE, "it never leads: {metrics}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let [tenant, host] = pair.clusters();
        let settings = v9s::provision::values::read("").expect("a configuration");
        let ctx = v9s_syncer::context::Context::new("t", pair.namespace.as_str());
        let observer = Observer::start(ctx, &settings.sync, &tenant, &host, "observer".into());
        let began = tokio::time::Instant::now();
        while !observer.status().synced {
            anyhow::ensure!(began.elapsed() < PATIENCE, "it never lists everything");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let served = served(&[mirrors, observer.metrics()?]);
        let limits = Thresholds::default();
        for text in [rule_group(&rules(&limits)).to_string(), dashboard(&limits).to_string()] {
            let named = named(&text);
            assert!(named.len() > 8, "{named:?}");
            for metric in named {
                // Tenants with a controller manager have a Lease; these have none.
                assert!(served.contains(metric) || metric == "v9s_syncer_controller_manager_lease_age_seconds", "{metric} is not served: {served:#?}");
            }
        }
        Ok(())
    }
}

/// Names of the series that such families have.
fn served(scrapes: &[String]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in scrapes.iter().flat_map(|text| text.lines()) {
        let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        match kind {
            "counter" => drop(names.insert(format!("{name}_total"))),
            "histogram" => names.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}"))),
            _ => drop(names.insert(name.to_owned())),
        }
    }
    names
}

/// Names of metrics in a text.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    words.filter(|word| word.starts_with("v9s_syncer_") || word.starts_with("process_")).collect()
}
