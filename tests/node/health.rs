//! Probes.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use serde_json::json;
use v9s_testkit::pods::condition;

use crate::containers::end;
use crate::seat::on_nodes;

on_nodes! {
    async fn a_container_that_fails_its_liveness_probe_is_started_anew(seat: Seat) -> Result<()> {
        let probe = json!({"livenessProbe": {
            "exec": {"command": ["test", "-e", "/tmp/alive"]}, "periodSeconds": 1, "failureThreshold": 1,
        }});
        seat.script("heart", "touch /tmp/alive; echo beating; sleep 100000", json!({}), probe).await?;
        seat.ready("heart").await?;
        seat.sh("heart", "rm /tmp/alive").await?;
        let restarts = |pod: &Pod| {
            let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
            statuses.and_then(|statuses| statuses.first()).map_or(0, |status| status.restart_count)
        };
        let pod = seat.pod("heart", "restarted", |pod| restarts(pod) == 1 && condition(pod, "Ready")).await?;
        assert_eq!(end(&pod).context("no end")?.exit_code, 137);
        assert_eq!(seat.log("heart", true).await?, "beating\n");
        let fields = ListParams::default().fields("involvedObject.name=heart,reason=Unhealthy");
        let events = seat.api::<Event>().list(&fields).await?;
        let message = events.items.first().and_then(|event| event.message.clone()).context("no event")?;
        assert!(message.starts_with("Liveness probe failed"), "{message}");
        Ok(())
    }

    async fn a_pod_that_is_not_ready_gets_no_traffic(seat: Seat) -> Result<()> {
        let probe = json!({"readinessProbe": {
            "exec": {"command": ["test", "-e", "/tmp/open"]}, "periodSeconds": 1, "failureThreshold": 1,
        }});
        seat.script("shop", "sleep 100000", json!({}), probe).await?;
        seat.create(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"},
            "spec": {"selector": {"app": "shop"}, "ports": [{"port": 80}]},
        }))
        .await?;
        seat.pod("shop", "running and not ready", |pod| {
            condition(pod, "Initialized") && pod.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Running")
        })
        .await?;
        let slices = seat.api::<EndpointSlice>();
        let of_shop = ListParams::default().labels("kubernetes.io/service-name=shop");
        // Traffic follows the slices, which follow the condition.
        for (script, ready) in [("touch /tmp/open", true), ("rm /tmp/open", false)] {
            seat.sh("shop", script).await?;
            seat.pod("shop", "as its probe says", |pod| condition(pod, "Ready") == ready).await?;
            let slice = slices.list(&of_shop).await?.items.pop().context("no slice")?;
            let name = slice.metadata.name.context("no name")?;
            let says = |slice: Option<&EndpointSlice>| {
                let endpoints = slice.into_iter().flat_map(|slice| slice.endpoints.iter().flatten());
                endpoints.into_iter().any(|one| one.conditions.as_ref().and_then(|c| c.ready) == Some(ready))
            };
            seat.wait(&name, "as the pod is", says).await?;
        }
        Ok(())
    }
}
