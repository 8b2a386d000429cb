//! Certificates that are made anew while the virtual cluster is in use, on the demo's host.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use k8s_openapi::ByteString;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenReview, TokenReviewSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, ServiceAccount};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use v9s_sandbox::Sandbox;
use v9s_testkit::{kubeconfig, objects, served};

use crate::embedded::{host, inside, until};
use crate::shell::{Shell, err, out};

async fn secret(outside: &Client, name: &str) -> Result<BTreeMap<String, ByteString>> {
    Api::<Secret>::namespaced(outside.clone(), "team").get(name).await?.data.context("the Secret is empty")
}

/// The pod of the control plane that is there now and serves.
async fn pod(sandbox: &Sandbox, outside: &Client) -> Result<String> {
    let pods = Api::<Pod>::namespaced(outside.clone(), "team");
    until("an API server", async || {
        let found = pods.list(&ListParams::default().labels("app=vcluster")).await?.items;
        let names = found.into_iter().filter_map(|pod| pod.metadata.name);
        Ok(names.into_iter().find(|name| sandbox.nested("team", name).is_some()))
    })
    .await
}

/// Whether the tenant's API server takes a token.
async fn takes(tenant: &Client, token: &str) -> Result<bool> {
    let review = TokenReview {
        spec: TokenReviewSpec { token: token.to_owned(), ..TokenReviewSpec::default() },
        ..TokenReview::default()
    };
    let answer = Api::<TokenReview>::all(tenant.clone()).create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.authenticated == Some(true)))
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_rotation_the_api_server_shows_the_new_certificate_and_everybody_goes_on() -> Result<()> {
    let sandbox = host().await?;
    let shell = Shell::with(&sandbox.kubeconfig())?;
    let outside = kubeconfig::client(&sandbox.kubeconfig()).await?;
    // What is stored outlives the pod that is replaced.
    let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "example.org/disk",
        "metadata": {"name": "disk", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}});
    objects::create(&outside, &class).await?;
    let made = shell.v9s(&["create", "shop", "-n", "team", "--wait", "--timeout", "2m"]).await?;
    assert_eq!(made.status.code(), Some(0), "{}", err(&made));
    let before = secret(&outside, "shop-certs").await?;
    let first = pod(&sandbox, &outside).await?;
    let old = inside(&sandbox, &outside, "team", "shop", &first).await?;
    let accounts: Api<ServiceAccount> = Api::default_namespaced(old.clone());
    let account = serde_json::from_value(json!({"metadata": {"name": "robot"}}))?;
    accounts.create(&PostParams::default(), &account).await?;
    let wanted: TokenRequest =
        serde_json::from_value(json!({"spec": {"audiences": [], "expirationSeconds": 3600}}))?;
    let token = accounts.create_token_request("robot", &PostParams::default(), &wanted).await?;
    let token = token.status.and_then(|status| status.token).context("no token")?;
    ensure!(takes(&old, &token).await?);

    let plan = shell.v9s(&["certs", "rotate", "shop", "-n", "team", "--dry-run"]).await?;
    assert_eq!(plan.status.code(), Some(0), "{}", err(&plan));
    assert!(
        out(&plan).contains("renew apiserver.crt (ends ") && !out(&plan).contains("ca.crt"),
        "{}",
        out(&plan)
    );
    assert!(out(&plan).contains("restart StatefulSet team/shop (1 pods"), "{}", out(&plan));
    assert_eq!(secret(&outside, "shop-certs").await?, before, "a plan changes nothing");

    let rotated = shell.v9s(&["certs", "rotate", "shop", "-n", "team", "--timeout", "2m"]).await?;
    assert_eq!(rotated.status.code(), Some(0), "{}", err(&rotated));
    let after = secret(&outside, "shop-certs").await?;
    for (file, bytes) in &before {
        let stays = file.contains("ca.") || file.starts_with("sa.");
        assert_eq!(after[file] == *bytes, stays, "{file}");
    }
    let second = pod(&sandbox, &outside).await?;
    let nested = sandbox.nested("team", &second).context("it serves")?;
    let address = nested.url().trim_start_matches("https://").to_owned();
    assert_eq!(served::certificate(&address).await?, served::der(&after["apiserver.crt"].0)?);
    assert_ne!(served::der(&before["apiserver.crt"].0)?, served::der(&after["apiserver.crt"].0)?);

    // The new kubeconfig gets in, and so does the old one; tokens stay good; the syncer goes on.
    let new = inside(&sandbox, &outside, "team", "shop", &second).await?;
    ensure!(takes(&new, &token).await?, "the token is no good any more");
    let admin = String::from_utf8(before["admin.conf"].0.clone())?;
    let old = kubeconfig::client(&kubeconfig::altered(&admin, None, Some(nested.url()))?).await?;
    ensure!(takes(&old, &token).await?);
    let map: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "late",
        "annotations": {"vcluster.loft.sh/force-sync": "true"}}, "data": {"a": "1"}}))?;
    Api::<ConfigMap>::default_namespaced(new).create(&PostParams::default(), &map).await?;
    let maps = Api::<ConfigMap>::namespaced(outside.clone(), "team");
    until("it is mirrored", async || Ok(maps.get_opt("late-x-default-x-shop").await?)).await?;

    let again = shell.v9s(&["create", "shop", "-n", "team", "--dry-run"]).await?;
    let changed: Vec<String> =
        out(&again).lines().filter(|line| !line.starts_with("keep ")).map(str::to_owned).collect();
    assert!(changed.is_empty(), "create has nothing to mend: {changed:?}");
    Ok(())
}
