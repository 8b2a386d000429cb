//! A virtual cluster inside of a virtual cluster, on the demo's host.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use serde_json::json;
use v9s::names::{Translator, VirtualName};
use v9s_testkit::kubeconfig;

use crate::embedded::{config_inside, host, until};
use crate::shell::{Shell, err};

#[tokio::test(flavor = "multi_thread")]
async fn a_virtual_cluster_is_made_inside_of_another_and_its_pods_run_on_the_host() -> Result<()> {
    let sandbox = host().await?;
    let shell = Shell::with(&sandbox.kubeconfig())?;
    let create = ["create", "outer", "-n", "team", "--preset", "ci", "--wait", "--timeout", "2m"];
    let made = shell.v9s(&create).await?;
    assert_eq!(made.status.code(), Some(0), "{}", err(&made));
    let host = kubeconfig::client(&sandbox.kubeconfig()).await?;
    let pods = Api::<Pod>::namespaced(host.clone(), "team");
    let control_plane = async |selector: &str| -> Result<String> {
        let found = pods.list(&ListParams::default().labels(selector)).await?.items;
        found.into_iter().next().and_then(|pod| pod.metadata.name).context("there is no control plane")
    };
    let outer = control_plane("app=vcluster,release=outer").await?;
    let outer = config_inside(&sandbox, &host, ("team", "outer"), ("team", &outer)).await?;

    // Its host is the outer one now, whose nodes are made up: whether there is room is not known, and said.
    let within = Shell::with(&outer)?;
    let made =
        within.v9s(&["create", "inner", "-n", "deep", "--preset", "ci", "--wait", "--timeout", "2m"]).await?;
    assert_eq!(made.status.code(), Some(0), "{}", err(&made));
    assert!(err(&made).contains("whether a node has room is not known"), "{}", err(&made));
    let tenant = kubeconfig::client(&outer).await?;
    let inner = Api::<Pod>::namespaced(tenant.clone(), "deep")
        .list(&ListParams::default().labels("release=inner"))
        .await?;
    let inner =
        inner.items.into_iter().next().and_then(|pod| pod.metadata.name).context("no inner control plane")?;
    let names = Translator::new("outer", "team");
    let on_host = names.host_name(&VirtualName::namespaced("deep", inner.as_str()));
    let inner = config_inside(&sandbox, &tenant, ("deep", "inner"), ("team", on_host.as_str())).await?;

    let deep: Api<Pod> = Api::default_namespaced(kubeconfig::client(&inner).await?);
    let web: Pod = serde_json::from_value(json!({
        "metadata": {"name": "web"}, "spec": {"containers": [{"name": "c", "image": "docker.io/library/nginx:1"}]},
    }))?;
    until("its service account", async || Ok(deep.create(&Default::default(), &web).await.ok())).await?;
    until("a running pod of the inner tenant", async || {
        let phase = deep.get("web").await?.status.and_then(|status| status.phase);
        Ok(phase.filter(|phase| phase == "Running"))
    })
    .await?;
    // It runs on the host, under the name that it got by two translations.
    let all = pods.list(&ListParams::default()).await?.items;
    let names: Vec<String> = all.into_iter().filter_map(|pod| pod.metadata.name).collect();
    assert!(names.iter().any(|name| name.starts_with("web-x-default-x-inner-x-deep-x-outer")), "{names:?}");
    Ok(())
}
