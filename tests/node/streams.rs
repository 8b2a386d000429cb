//! exec, port-forward and ephemeral containers.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use v9s_testkit::node::images::BUSYBOX;
use v9s_testkit::pods::Done;

use crate::seat::on_nodes;

on_nodes! {
    async fn exec_carries_all_streams_and_the_exit_code(seat: Seat) -> Result<()> {
        seat.idle("box", json!({}), json!({})).await?;
        let script = ["sh", "-c", "tr a-z A-Z; echo warning >&2; exit 3"];
        let done = seat.exec("box", "main", &script, "hello\n").await?;
        assert_eq!(done, Done { code: 3, stdout: "HELLO\n".into(), stderr: "warning\n".into() });
        let done = seat.exec("box", "main", &["true"], "").await?;
        assert_eq!(done, Done { code: 0, stdout: String::new(), stderr: String::new() });
        Ok(())
    }

    async fn ports_are_forwarded(seat: Seat) -> Result<()> {
        seat.server("web", json!({})).await?;
        let mut forwarder = seat.api::<Pod>().portforward("web", &[8080]).await?;
        let mut stream = forwarder.take_stream(8080).context("no stream")?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        assert!(answer.starts_with("HTTP/1.0 200 OK") || answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nweb\n"), "{answer}");
        Ok(())
    }

    async fn an_ephemeral_container_sees_the_processes_of_its_target(seat: Seat) -> Result<()> {
        seat.idle("patient", json!({}), json!({})).await?;
        let patch = json!({"spec": {"ephemeralContainers": [{
            "name": "doctor", "image": BUSYBOX, "command": ["sleep", "5000"], "targetContainerName": "main",
        }]}});
        let pods = seat.api::<Pod>();
        pods.patch_ephemeral_containers("patient", &PatchParams::default(), &Patch::Strategic(patch)).await?;
        let runs = |pod: &Pod| {
            let statuses = pod.status.iter().flat_map(|status| status.ephemeral_container_statuses.iter().flatten());
            statuses.into_iter().any(|one| one.state.as_ref().is_some_and(|state| state.running.is_some()))
        };
        seat.pod("patient", "under treatment", runs).await?;
        let done = seat.exec("patient", "doctor", &["ps", "-o", "args"], "").await?;
        assert!(done.stdout.contains("sleep 100000") && done.stdout.contains("sleep 5000"), "{done:?}");
        Ok(())
    }
}
