//! The kubectl that is built with the control plane, on the cluster.

use std::process::{Command, Output};

use anyhow::Result;
use serde_json::json;
use v9s_testkit::real::assets::{Assets, Program};

use crate::seat::{Seat, on_nodes};

fn kubectl(seat: &Seat, args: &[&str]) -> Result<Output> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, seat.cluster.kubeconfig())?;
    let program = Assets::find()?.path(Program::Kubectl)?;
    let output = Command::new(program)
        .arg(format!("--kubeconfig={}", file.display()))
        .arg(format!("--namespace={}", seat.namespace))
        .args(args)
        .env("HOME", folder.path())
        .output()?;
    Ok(output)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

on_nodes! {
    async fn kubectl_runs_follows_and_looks_into_a_deployment(seat: Seat) -> Result<()> {
        let image = v9s_testkit::node::images::BUSYBOX;
        let created = kubectl(&seat, &["create", "deployment", "web", "--image", image, "--replicas=2", "--", "sh", "-c", "echo up; sleep 100000"])?;
        assert!(created.status.success(), "{created:?}");
        let rolled = kubectl(&seat, &["rollout", "status", "deployment/web", "--timeout=120s"])?;
        assert!(rolled.status.success(), "{rolled:?}");
        assert_eq!(said(&kubectl(&seat, &["logs", "deployment/web"])?), "up\n");
        let done = kubectl(&seat, &["exec", "deployment/web", "--", "sh", "-c", "echo inside; exit 5"])?;
        assert_eq!((said(&done).as_str(), done.status.code()), ("inside\n", Some(5)));
        Ok(())
    }

    async fn a_daemon_set_has_a_pod_on_every_node(seat: Seat) -> Result<()> {
        let container = json!({"name": "main", "image": v9s_testkit::node::images::BUSYBOX, "command": ["sleep", "100000"]});
        seat.create(json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "each"},
            "spec": {
                "selector": {"matchLabels": {"app": "each"}},
                "template": {"metadata": {"labels": {"app": "each"}}, "spec": {"containers": [container]}},
            },
        }))
        .await?;
        let rolled = kubectl(&seat, &["rollout", "status", "daemonset/each", "--timeout=120s"])?;
        assert!(rolled.status.success(), "{rolled:?}");
        let nodes = said(&kubectl(&seat, &["get", "pods", "-l", "app=each", "-o", "jsonpath={.items[*].spec.nodeName}"])?);
        let mut nodes: Vec<_> = nodes.split_whitespace().collect();
        nodes.sort_unstable();
        assert_eq!(nodes, ["node-1", "node-2"]);
        Ok(())
    }
}
