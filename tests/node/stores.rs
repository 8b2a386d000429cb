//! What a control plane can keep its objects in, run as a pod.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use serde_json::json;
use v9s_testkit::node::images;
use v9s_testkit::pods::address;
use v9s_testkit::real::{ControlPlane, Options};
use v9s_testkit::{kubeconfig, objects};

use crate::seat::on_nodes;

on_nodes! {
    async fn an_api_server_finds_its_objects_again_in_kine(seat: Seat) -> Result<()> {
        let cluster = seat.cluster;
        let image = tokio::task::spawn_blocking(move || {
            let image = images::kine()?;
            cluster.import(&image)?;
            anyhow::Ok(image.name().to_owned())
        })
        .await??;
        seat.create(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "store"},
            "spec": {
                "containers": [{
                    "name": "main", "image": image,
                    "args": ["--endpoint=sqlite:///db/state.db?_journal=WAL&cache=shared&_busy_timeout=30000"],
                    "volumeMounts": [{"name": "data", "mountPath": "/db"}],
                    "readinessProbe": {"tcpSocket": {"port": 2379}, "periodSeconds": 1},
                }],
                "volumes": [{"name": "data", "emptyDir": {}}],
            },
        }))
        .await?;
        let store = format!("http://{}:2379", address(&seat.ready("store").await?));
        let start = || {
            let options = Options { store: Some(store.clone()), ..Options::default() };
            tokio::task::spawn_blocking(move || ControlPlane::start(&options))
        };

        let first = start().await??;
        let client = kubeconfig::client(&first.kubeconfig()).await?;
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept", "namespace": "default"},
            "data": {"from": "the first"},
        });
        objects::create(&client, &object).await?;
        tokio::task::spawn_blocking(move || drop(first)).await?;

        let second = start().await??;
        let client = kubeconfig::client(&second.kubeconfig()).await?;
        let kept = Api::<ConfigMap>::namespaced(client, "default").get("kept").await?;
        assert_eq!(kept.data.context("no data")?["from"], "the first");
        tokio::task::spawn_blocking(move || drop(second)).await?;
        Ok(())
    }
}
