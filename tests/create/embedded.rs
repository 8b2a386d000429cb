//! The demo's host: virtual clusters that are made there come up, and what their tenants create runs.

use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::{Value, json};
use v9s_sandbox::controllers;
use v9s_sandbox::node::Machines;
use v9s_sandbox::{Options, Sandbox};
use v9s_testkit::kubeconfig;
use v9s_ui::demo::works;

use crate::shell::{Shell, err};

pub async fn host() -> Result<Sandbox> {
    let machines = Machines { count: 1, ..Machines::default() };
    let images = works::images();
    let controllers = controllers::Options { machines, images, ..controllers::Options::default() };
    Ok(Sandbox::start(Options { controllers: Some(controllers), ..Options::default() }).await?)
}

/// The administrator's kubeconfig as it is kept on the host, for the address where the demo answers.
pub async fn inside(
    sandbox: &Sandbox,
    outside: &Client,
    namespace: &str,
    name: &str,
    pod: &str,
) -> Result<Client> {
    let nested = sandbox.nested(namespace, pod).context("no API server answers in the pod")?;
    let secret = Api::<Secret>::namespaced(outside.clone(), namespace).get(&format!("vc-{name}")).await?;
    let mut data = secret.data.context("the Secret is empty")?;
    let config = String::from_utf8(data.remove("config").context("there is no kubeconfig")?.0)?;
    kubeconfig::client(&kubeconfig::altered(&config, None, Some(nested.url()))?).await
}

pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    for _ in 0..600 {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("{what} never came to be")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_on_the_host_of_the_demo_comes_up_and_mirrors() -> Result<()> {
    let sandbox = host().await?;
    let shell = Shell::with(&sandbox.kubeconfig())?;
    let made =
        shell.v9s(&["create", "shop", "-n", "team", "--preset", "ci", "--wait", "--timeout", "2m"]).await?;
    assert_eq!(made.status.code(), Some(0), "{}", err(&made));
    let outside = kubeconfig::client(&sandbox.kubeconfig()).await?;
    let pods = Api::<Pod>::namespaced(outside.clone(), "team");
    let control_planes = pods.list(&ListParams::default().labels("app=vcluster")).await?.items;
    let pod = control_planes.into_iter().next().context("there is no control plane")?;
    let name = pod.metadata.name.context("it has no name")?;

    // The certificates that were made are those that it serves with and knows its administrator by.
    let inside = inside(&sandbox, &outside, "team", "shop", &name).await?;
    let tenant: Api<Pod> = Api::default_namespaced(inside);
    let web: Pod = serde_json::from_value(json!({
        "metadata": {"name": "web"}, "spec": {"containers": [{"name": "c", "image": "docker.io/library/nginx:1"}]},
    }))?;
    until("its service account", async || Ok(tenant.create(&Default::default(), &web).await.ok())).await?;
    until("a running pod of the tenant", async || {
        let phase = tenant.get("web").await?.status.and_then(|status| status.phase);
        Ok(phase.filter(|phase| phase == "Running"))
    })
    .await?;
    let mirror = pods.get("web-x-default-x-shop").await?;
    assert_eq!(mirror.metadata.labels.unwrap_or_default()["vcluster.loft.sh/managed-by"], "shop");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_nobody_is_the_administrator() -> Result<()> {
    let sandbox = host().await?;
    let shell = Shell::with(&sandbox.kubeconfig())?;
    let made =
        shell.v9s(&["create", "shop", "-n", "team", "--preset", "ci", "--wait", "--timeout", "2m"]).await?;
    assert_eq!(made.status.code(), Some(0), "{}", err(&made));
    let outside = kubeconfig::client(&sandbox.kubeconfig()).await?;
    let pods = Api::<Pod>::namespaced(outside.clone(), "team").list(&Default::default()).await?.items;
    let names = pods.into_iter().filter_map(|pod| pod.metadata.name);
    let nested =
        names.into_iter().find_map(|name| sandbox.nested("team", &name)).context("no API server answers")?;
    let secret = Api::<Secret>::namespaced(outside, "team").get("shop-certs").await?.data.unwrap_or_default();
    let authority = STANDARD.encode(&secret["server-ca.crt"].0);
    let stranger: Value = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": nested.url(), "certificate-authority-data": authority}}],
        "users": [{"name": "c", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    });
    let stranger = kubeconfig::client(&stranger.to_string()).await?;
    let refused =
        Api::<Secret>::namespaced(stranger, "kube-system").list(&Default::default()).await.unwrap_err();
    assert!(matches!(&refused, kube::Error::Api(status) if status.code == 403), "{refused}");
    Ok(())
}
