//! The demo's host: virtual clusters that are made there come up, and what their tenants create runs.

use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::{DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};
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

/// The administrator's kubeconfig as its host keeps it, by namespace and name, for the address where the demo answers: that of the
/// pod with this namespace and name on the demo's own host.
pub async fn config_inside(
    sandbox: &Sandbox,
    outside: &Client,
    (namespace, name): (&str, &str),
    pod: (&str, &str),
) -> Result<String> {
    let nested = sandbox.nested(pod.0, pod.1).context("no API server answers in the pod")?;
    let secret = Api::<Secret>::namespaced(outside.clone(), namespace).get(&format!("vc-{name}")).await?;
    let mut data = secret.data.context("the Secret is empty")?;
    let config = String::from_utf8(data.remove("config").context("there is no kubeconfig")?.0)?;
    kubeconfig::altered(&config, None, Some(nested.url()))
}

/// A client of the administrator of one whose control plane is in this pod.
pub async fn inside(
    sandbox: &Sandbox,
    outside: &Client,
    namespace: &str,
    name: &str,
    pod: &str,
) -> Result<Client> {
    kubeconfig::client(&config_inside(sandbox, outside, (namespace, name), (namespace, pod)).await?).await
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

/// Objects for the inside: a definition comes after what it defines, and everything comes all the same.
const BEGINNING: &str = "
v9s: {access: {admins: [shoppers]}}
experimental:
  deploy:
    vcluster:
      manifests: |
        apiVersion: shop.example.org/v1
        kind: Basket
        metadata: {name: first, namespace: store}
        spec: {size: 3}
        ---
        apiVersion: v1
        kind: Namespace
        metadata: {name: store}
        ---
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: baskets.shop.example.org}
        spec:
          group: shop.example.org
          scope: Namespaced
          names: {plural: baskets, singular: basket, kind: Basket}
          versions:
          - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_begins_with_its_manifests_and_its_administrators() -> Result<()> {
    let sandbox = host().await?;
    let shell = Shell::with(&sandbox.kubeconfig())?;
    std::fs::write(shell.home.path().join("shop.yaml"), BEGINNING)?;
    let create =
        ["create", "shop", "-n", "team", "--preset", "ci", "-f", "shop.yaml", "--wait", "--timeout", "2m"];
    let made = shell.v9s(&create).await?;
    assert_eq!(made.status.code(), Some(0), "{}", err(&made));
    let outside = kubeconfig::client(&sandbox.kubeconfig()).await?;
    let pods = Api::<Pod>::namespaced(outside.clone(), "team")
        .list(&ListParams::default().labels("app=vcluster"))
        .await?;
    let pod = pods
        .items
        .into_iter()
        .next()
        .and_then(|pod| pod.metadata.name)
        .context("there is no control plane")?;
    let inside = inside(&sandbox, &outside, "team", "shop", &pod).await?;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("shop.example.org", "v1", "Basket"));
    let baskets: Api<DynamicObject> = Api::namespaced_with(inside.clone(), "store", &kind);
    let first = until("what comes last", async || Ok(baskets.get_opt("first").await?)).await?;
    assert_eq!(first.data["spec"]["size"], 3);
    let bindings: Api<ClusterRoleBinding> = Api::all(inside);
    let binding = bindings.get("v9s:admins").await?;
    let groups: Vec<_> =
        binding.subjects.unwrap_or_default().into_iter().map(|subject| subject.name).collect();
    assert_eq!((groups, binding.role_ref.name.as_str()), (vec!["shoppers".to_owned()], "cluster-admin"));
    // They are the tenant's from now on, and what is taken away stays away.
    baskets.delete("first", &Default::default()).await?;
    bindings.delete("v9s:admins", &Default::default()).await?;
    until("a status that was told after that", async || {
        let told = Api::<ConfigMap>::namespaced(outside.clone(), "team").get("vc-status-shop").await?;
        let status = told.data.and_then(|mut data| data.remove("status.json")).unwrap_or_default();
        let status: Value = serde_json::from_str(&status)?;
        Ok((status["canary"]["flights"].as_u64() > Some(0)).then_some(()))
    })
    .await?;
    assert!(baskets.get_opt("first").await?.is_none());
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
