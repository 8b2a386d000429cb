//! Containers run what they are told, and their logs and ends are reported.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{ContainerStateTerminated, Node, Pod};
use kube::Api;
use serde_json::json;
use v9s_testkit::pods::address;

use crate::seat::on_nodes;

/// How the container `main` ended, now or before its last restart.
pub fn end(pod: &Pod) -> Option<&ContainerStateTerminated> {
    let status = pod.status.as_ref()?.container_statuses.as_ref()?.first()?;
    [&status.state, &status.last_state].into_iter().flatten().find_map(|state| state.terminated.as_ref())
}

on_nodes! {
    async fn a_pod_runs_and_both_its_streams_are_logged(seat: Seat) -> Result<()> {
        seat.script("talker", "echo out; echo err >&2; sleep 100000", json!({}), json!({})).await?;
        let pod = seat.ready("talker").await?;
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).context("on no node")?;
        let address = address(&pod);
        let shown = seat.sh("talker", "ip -4 -o address show dev eth0 | awk '{print $4}'").await?;
        assert_eq!(shown.split('/').next(), Some(address.as_str()));
        let node = Api::<Node>::all(seat.client.clone()).get(&node).await?;
        let range = node.spec.and_then(|spec| spec.pod_cidr).context("the node has no range")?;
        assert_eq!(range.strip_suffix("0/24"), address.rsplit_once('.').map(|(start, _)| format!("{start}.")).as_deref());
        let mut lines: Vec<_> = seat.log("talker", false).await?.lines().map(str::to_owned).collect();
        lines.sort();
        assert_eq!(lines, ["err", "out"]);
        Ok(())
    }

    async fn an_end_is_reported_with_its_exit_code(seat: Seat) -> Result<()> {
        let never = json!({"restartPolicy": "Never"});
        seat.script("good", "true", never.clone(), json!({})).await?;
        seat.script("bad", "echo why; exit 7", never, json!({})).await?;
        let phase = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.clone());
        let ended = |pod: &Pod| matches!(phase(pod).as_deref(), Some("Succeeded" | "Failed"));
        let (good, bad) = (seat.pod("good", "over", ended).await?, seat.pod("bad", "over", ended).await?);
        assert_eq!((phase(&good).as_deref(), end(&good).map(|end| end.exit_code)), (Some("Succeeded"), Some(0)));
        assert_eq!((phase(&bad).as_deref(), end(&bad).map(|end| end.exit_code)), (Some("Failed"), Some(7)));
        assert_eq!(seat.log("bad", false).await?, "why\n");
        Ok(())
    }

    async fn what_needs_too_much_memory_is_killed_for_it(seat: Seat) -> Result<()> {
        let limit = json!({
            "command": ["tail", "/dev/zero"],
            "resources": {"limits": {"memory": "32Mi", "cpu": "500m"}},
        });
        seat.script("glutton", "", json!({}), limit).await?;
        let pod = seat.pod("glutton", "killed", |pod| end(pod).is_some()).await?;
        let end = end(&pod).context("it did not end")?;
        assert_eq!((end.reason.as_deref(), end.exit_code), (Some("OOMKilled"), 137));
        Ok(())
    }

    async fn deleting_a_pod_ends_its_processes(seat: Seat) -> Result<()> {
        // The node's processes, seen by a pod in the node's process namespace.
        let watch = json!({"hostPID": true, "nodeSelector": seat.on(0)["nodeSelector"]});
        seat.idle("watcher", watch, json!({})).await?;
        let own = json!({"command": ["sleep", "424242"]});
        seat.script("victim", "", seat.on(0), own).await?;
        seat.ready("victim").await?;
        let count = "ps -o args | grep -c '^sleep 42424[2]'; true";
        assert_eq!(seat.sh("watcher", count).await?, "1");
        seat.api::<Pod>().delete("victim", &Default::default()).await?;
        seat.wait("victim", "gone", |found: Option<&Pod>| found.is_none()).await?;
        assert_eq!(seat.sh("watcher", count).await?, "0");
        Ok(())
    }

    async fn a_pod_of_the_host_network_has_the_nodes_address_and_name(seat: Seat) -> Result<()> {
        for (number, node) in seat.cluster.nodes().iter().enumerate() {
            let name = format!("host-{number}");
            let spec = json!({"hostNetwork": true, "nodeSelector": seat.on(number)["nodeSelector"]});
            let pod = seat.idle(&name, spec, json!({})).await?;
            assert_eq!(address(&pod), node.address().to_string());
            assert_eq!(seat.sh(&name, "hostname").await?, node.name());
        }
        Ok(())
    }
}
