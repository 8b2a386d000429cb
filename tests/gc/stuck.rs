//! What is going and does not go: why, and what is done about it first.

use std::time::Duration;

use anyhow::{Context as _, Result};
use http::Request;
use serde_json::{Value, json};
use v9s::gc::{Stuck, Survey, Wish, plan};

use crate::seat::{Seat, delete, get};

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(120);

fn of<'a>(found: &'a Survey, kind: &str) -> Option<&'a Stuck> {
    found.stuck.iter().find(|it| it.object.resource.kind == kind)
}

/// Asks for a deletion as `kubectl delete` does.
async fn end(seat: &Seat, path: &str, grace: u32) -> Result<()> {
    let body = json!({"gracePeriodSeconds": grace}).to_string().into_bytes();
    let mut request = Request::delete(path).body(body)?;
    request
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    seat.host.client().request::<Value>(request).await.with_context(|| format!("deleting {path}"))?;
    Ok(())
}

/// Sends the patch that a command of kubectl names, as kubectl sends it.
async fn by_hand(seat: &Seat, path: &str, command: &str) -> Result<()> {
    let (_, change) = command.split_once("--type=json -p '").context(command.to_owned())?;
    let change = change.strip_suffix('\'').context(command.to_owned())?;
    let mut request = Request::patch(path).body(change.as_bytes().to_vec())?;
    request
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json-patch+json"));
    seat.host
        .client()
        .request::<Value>(request)
        .await
        .with_context(|| format!("patching {path} by {change}"))?;
    Ok(())
}

v9s_testkit::both_hosts! {
    async fn a_dead_controller_is_named_and_the_last_step_takes_exactly_its_finalizer(host: Host) -> Result<()> {
        let seat = Seat::with_light_tenant(host).await?;
        let mut held = seat.synced("ConfigMap", "held", NOBODY);
        held["metadata"]["finalizers"] = json!(["example.com/hold", "example.com/other"]);
        seat.put(held).await?;
        let path = format!("/api/v1/namespaces/{}/configmaps/{}", seat.namespace, seat.host_name("held"));
        assert!(seat.look().await?.stuck.is_empty(), "nothing is going yet");
        // Collecting it is begun and does not end: that is told, too.
        let collected = seat.collect(&plan(&seat.look().await?, &Wish::default())).await?;
        assert_eq!((collected.deleted, collected.going.len()), (1, 1), "{collected:?}");
        assert!(collected.going[0].why.contains("example.com/hold"), "{collected:?}");

        let found = seat.look().await?;
        assert!(found.findings.is_empty(), "it is going already");
        let stuck = of(&found, "ConfigMap").context("it is not stuck")?;
        assert!(stuck.because[0].contains("example.com/hold: the controller that put it there"), "{stuck:?}");
        assert_eq!(stuck.place.as_ref().map(|place| place.name.as_str()), Some("t"));
        assert!(stuck.fixes[0].risk.is_empty(), "what is done first risks nothing: {stuck:?}");
        let last = stuck.fixes.last().context("there is no last step")?;
        assert!(!last.risk.is_empty());
        by_hand(&seat, &path, &last.command_on("here").context("a command")?).await?;
        assert_eq!(get(&seat.host, &path).await?["metadata"]["finalizers"], json!(["example.com/hold"]), "only that one went");

        // What was told before holds no more: the same command changes nothing now.
        assert!(by_hand(&seat, &path, &last.command_on("here").context("a command")?).await.is_err());
        let found = seat.look().await?;
        let last = of(&found, "ConfigMap").and_then(|it| it.fixes.last()).context("it is not stuck")?;
        by_hand(&seat, &path, &last.command_on("here").context("a command")?).await?;
        assert!(get(&seat.host, &path).await?.is_null());
        assert!(seat.look().await?.stuck.is_empty());
        Ok(())
    }

    async fn a_claim_in_use_names_the_pods_that_use_it(host: Host) -> Result<()> {
        let seat = Seat::with_light_tenant(host).await?;
        let mut claim = seat.synced("PersistentVolumeClaim", "disk", NOBODY);
        claim["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
        let claim_name = seat.host_name("disk");
        seat.put(claim).await?;
        let mut pod = seat.synced("Pod", "db", NOBODY);
        pod["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": claim_name}}]);
        seat.put(pod).await?;
        let path = format!("/api/v1/namespaces/{}/persistentvolumeclaims/{claim_name}", seat.namespace);
        end(&seat, &path, 0).await?;
        let found = seat.look().await?;
        let stuck = of(&found, "PersistentVolumeClaim").context("it is not stuck")?;
        let pod = seat.host_name("db");
        assert!(stuck.because[0].contains(&pod), "{stuck:?}");
        let first = stuck.fixes[0].command_on("here");
        assert_eq!(first, Some(format!("kubectl --context here delete pods {pod} -n {}", seat.namespace)));
        delete(&seat.host, &format!("/api/v1/namespaces/{}/pods/{pod}", seat.namespace)).await?;
        let found = seat.look().await?;
        let stuck = of(&found, "PersistentVolumeClaim").context("nobody lets go of it here")?;
        assert!(stuck.because[0].contains("no pod uses the claim"), "{stuck:?}");
        Ok(())
    }

    async fn a_pod_of_a_node_that_is_gone_is_ended_by_nobody(host: Host) -> Result<()> {
        let seat = Seat::with_light_tenant(host).await?;
        let mut pod = seat.synced("Pod", "web", NOBODY);
        pod["spec"]["nodeName"] = json!("switched-off-long-ago");
        seat.put(pod).await?;
        let path = format!("/api/v1/namespaces/{}/pods/{}", seat.namespace, seat.host_name("web"));
        end(&seat, &path, 1).await?;
        let stuck = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(stuck) = of(&seat.look().await?, "Pod") {
                    return Ok::<_, anyhow::Error>(stuck.clone());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
        .await??;
        assert!(stuck.because[0].contains("its node switched-off-long-ago is gone"), "{stuck:?}");
        let first = &stuck.fixes[0];
        assert!(first.risk.is_empty() && first.command.as_ref().is_some_and(|it| it.ends_with("--grace-period=0 --force")), "{stuck:?}");
        end(&seat, &path, 0).await?;
        assert!(get(&seat.host, &path).await?.is_null());
        Ok(())
    }
}

mod with_controllers {
    use super::*;

    v9s_testkit::both_hosts! {
        #![needs(controllers)]
        async fn a_namespace_that_does_not_go_says_what_holds_it(host: Host) -> Result<()> {
            let seat = Seat::with_light_tenant(host).await?;
            let mut held = seat.synced("ConfigMap", "held", NOBODY);
            held["metadata"]["finalizers"] = json!(["example.com/hold"]);
            seat.put(held).await?;
            delete(&seat.host, &format!("/api/v1/namespaces/{}", seat.namespace)).await?;
            let stuck = tokio::time::timeout(PATIENCE, async {
                loop {
                    // Its controller says so after it has tried.
                    let found = seat.look().await?;
                    let says = |it: &&Stuck| it.because.iter().any(|because| because.contains("example.com/hold"));
                    if let Some(stuck) = of(&found, "Namespace").filter(says) {
                        return Ok::<_, anyhow::Error>(stuck.clone());
                    }
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            })
            .await??;
            assert_eq!(stuck.object.name, seat.namespace);
            assert!(stuck.fixes[0].risk.is_empty() && stuck.fixes[0].command.is_some(), "{stuck:?}");
            let found = seat.look().await?;
            let held = of(&found, "ConfigMap").context("what holds it is stuck by itself")?;
            let path = format!("/api/v1/namespaces/{}/configmaps/{}", seat.namespace, held.object.name);
            let command = held.fixes.last().and_then(|fix| fix.command_on("here")).context("a command")?;
            by_hand(&seat, &path, &command).await?;
            let gone = async {
                while !get(&seat.host, &format!("/api/v1/namespaces/{}", seat.namespace)).await?.is_null() {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Ok::<_, anyhow::Error>(())
            };
            tokio::time::timeout(PATIENCE, gone).await?
        }
    }
}
