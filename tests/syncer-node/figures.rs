//! What pods and nodes use: told by a metrics server that a tenant has deployed, as anybody would.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use http::Request;
use serde_json::{Value, json};
use v9s_testkit::node::images;
use v9s_testkit::objects;
use v9s_testkit::real::assets::{Assets, Program};

use crate::tenant::{Tenant, tenants};

const NAME: &str = "metrics-server";
const FIGURES: &str = "/apis/metrics.k8s.io/v1beta1";

/// Everything that a metrics server needs in a cluster.
async fn deploy(tenant: &Tenant) -> Result<()> {
    let namespace = tenant.namespace.as_str();
    let account = json!({"kind": "ServiceAccount", "name": NAME, "namespace": namespace});
    let rbac = "rbac.authorization.k8s.io";
    let bound = |kind: &str, name: &str, to_kind: &str, to: &str, place: Value| {
        let mut binding = json!({"apiVersion": format!("{rbac}/v1"), "kind": kind, "metadata": {"name": name},
            "roleRef": {"apiGroup": rbac, "kind": to_kind, "name": to}, "subjects": [account]});
        if !place.is_null() {
            binding["metadata"]["namespace"] = place;
        }
        binding
    };
    let labels = json!({"app": NAME});
    let all = [
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": namespace}}),
        json!({"apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole", "metadata": {"name": NAME}, "rules": [
            {"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]},
            {"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["get", "list", "watch"]}]}),
        bound("ClusterRoleBinding", NAME, "ClusterRole", NAME, Value::Null),
        bound(
            "ClusterRoleBinding",
            "metrics-server-reviews",
            "ClusterRole",
            "system:auth-delegator",
            Value::Null,
        ),
        bound("RoleBinding", NAME, "Role", "extension-apiserver-authentication-reader", json!("kube-system")),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME, "namespace": namespace},
            "spec": {"selector": labels, "ports": [{"port": 443, "targetPort": 10250}]}}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME, "namespace": namespace},
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
                "serviceAccountName": NAME,
                "containers": [{"name": NAME, "image": images::metrics_server_name()?, "args": [
                    "--secure-port=10250", "--cert-dir=/tmp", "--metric-resolution=10s", "--kubelet-request-timeout=5s",
                    "--kubelet-insecure-tls", "--kubelet-preferred-address-types=InternalIP"]}]}}}}),
        json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {"group": "metrics.k8s.io", "version": "v1beta1", "insecureSkipTLSVerify": true,
                "groupPriorityMinimum": 100, "versionPriority": 100, "service": {"name": NAME, "namespace": namespace}}}),
    ];
    for object in all {
        objects::create(&tenant.client, &object).await?;
    }
    Ok(())
}

/// Asks until the answer has what is wanted; the metrics server needs two rounds before it knows anything.
async fn figures(tenant: &Tenant, path: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    let mut last = String::new();
    for _ in 0..300 {
        match tenant
            .client
            .request::<Value>(Request::get(format!("{FIGURES}/{path}")).body(Vec::new())?)
            .await
        {
            Ok(answer) if wanted(&answer) => return Ok(answer),
            Ok(answer) => last = answer.to_string(),
            Err(error) => last = error.to_string(),
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    let deployment = format!("deployment/{NAME}");
    let log = kubectl(tenant, &["logs", &deployment, "--namespace", &tenant.namespace]);
    anyhow::bail!("{path}: {last}\n{}", log.unwrap_or_else(|error| format!("{error:#}")))
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().into_iter().flatten();
    items.filter_map(|item| item["metadata"]["name"].as_str()).collect()
}

/// What kubectl says, as the tenant's administrator.
fn kubectl(tenant: &Tenant, args: &[&str]) -> Result<String> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), tenant.tenancy.kubeconfig())?;
    let done = Command::new(Assets::find()?.path(Program::Kubectl)?)
        .arg("--kubeconfig")
        .arg(file.path())
        .args(args)
        .output()
        .context("running kubectl")?;
    ensure!(done.status.success(), "kubectl {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(String::from_utf8(done.stdout)?)
}

tenants! {
    async fn kubectl_top_shows_the_tenants_own_pods_and_nodes(tenant: Tenant) -> Result<()> {
        let image = images::metrics_server()?;
        let cluster = tenant.tenancy.cluster;
        tokio::task::spawn_blocking(move || cluster.import(&image)).await??;
        tenant.script("busy", "while :; do seq 20000 > /dev/null; sleep 0.2; done", json!({}), json!({})).await?;
        let node = tenant.ready("busy").await?.spec.and_then(|spec| spec.node_name).context("it has no node")?;
        deploy(&tenant).await?;

        let of_pod = format!("namespaces/{}/pods/busy", tenant.namespace);
        let busy = figures(&tenant, &of_pod, |pod| pod["containers"][0]["usage"]["cpu"].as_str().is_some_and(|cpu| cpu != "0")).await?;
        assert_eq!(busy["containers"][0]["name"], "main");
        assert_eq!(busy["containers"].as_array().map(Vec::len), Some(1));
        figures(&tenant, "nodes", |nodes| names(nodes) == [node.as_str()]).await?;
        // By the tenant's names, and nothing of the host's.
        let pods = figures(&tenant, "pods", |pods| !names(pods).is_empty()).await?;
        let of_host = tenant.tenancy.namespace();
        for pod in pods["items"].as_array().into_iter().flatten() {
            let [name, namespace] = ["name", "namespace"].map(|field| pod["metadata"][field].as_str().unwrap_or_default());
            assert!(!name.contains("-x-") && namespace != of_host, "{namespace}/{name}");
        }

        let top = kubectl(&tenant, &["top", "pod", "busy", "--namespace", &tenant.namespace, "--containers", "--no-headers"])?;
        assert_eq!(top.split_whitespace().take(2).collect::<Vec<_>>(), ["busy", "main"], "{top}");
        let top = kubectl(&tenant, &["top", "node", "--no-headers"])?;
        assert_eq!(top.split_whitespace().next(), Some(node.as_str()), "{top}");
        Ok(())
    }
}
