//! DNS of the virtual cluster: deployed into it, kept there, and able to resolve.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use v9s::provision::values;
use v9s_syncer::dns::{self, Dns};

use crate::pair::{Pair, both, create, delete, patch};

const SERVICE: &str = "/api/v1/namespaces/kube-system/services/kube-dns";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/kube-system/deployments/coredns";
const CONFIG: &str = "/api/v1/namespaces/kube-system/configmaps/coredns";
const PODS: &str = "/api/v1/namespaces/kube-system/pods";

fn settings(text: &str) -> Result<Dns> {
    let settings = values::read(text).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let dns = Dns::of(&settings).context("DNS is off")?;
    Ok(Dns { check: Duration::from_millis(300), ..dns })
}

fn start(pair: &mut Pair, text: &str) -> Result<()> {
    let dns = settings(text)?;
    pair.beside(|_, [tenant, _], engine, stop| dns::run(dns, tenant, engine, stop));
    Ok(())
}

/// The pod that a controller would make of the Deployment.
async fn pod_of(pair: &Pair) -> Result<Value> {
    let deployment = pair.until(&pair.tenant, DEPLOYMENT, |found| !found.is_null()).await?;
    let template = &deployment["spec"]["template"];
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"]});
    pod["metadata"]["name"] = json!("coredns-1");
    create(&pair.tenant, PODS, &pod).await
}

both! {
    async fn it_is_deployed_and_its_pod_goes_to_the_host_with_all_that_it_needs(pair: Pair) -> Result<()> {
        start(&mut pair, "")?;
        pair.until(&pair.tenant, DEPLOYMENT, |found| found["spec"]["replicas"] == 1).await?;
        let on_host = pair.on_host("services", "kube-system", "kube-dns");
        let service = pair.until(&pair.host, &on_host, |h| h["spec"]["clusterIP"].is_string()).await?;
        assert_eq!(service["spec"]["ports"][0]["targetPort"], 1053);
        pair.until(&pair.tenant, SERVICE, |v| v["spec"]["clusterIP"] == service["spec"]["clusterIP"]).await?;
        for path in ["/api/v1/namespaces/kube-system/serviceaccounts/coredns", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:coredns",
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/system:coredns"] {
            pair.until(&pair.tenant, path, |found| !found.is_null()).await?;
        }
        pod_of(&pair).await?;
        let h = pair.until(&pair.host, &pair.on_host("pods", "kube-system", "coredns-1"), |h| !h.is_null()).await?;
        assert_eq!((&h["spec"]["dnsPolicy"], &h["spec"]["dnsConfig"]), (&json!("Default"), &Value::Null), "it asks the node's resolver");
        assert_eq!(h["metadata"]["labels"]["k8s-app"], "vcluster-kube-dns");
        let config = pair.until(&pair.host, &pair.on_host("configmaps", "kube-system", "coredns"), |h| !h.is_null()).await?;
        ensure!(config["data"]["Corefile"].as_str().is_some_and(|text| text.contains("kubernetes cluster.local")), "{config:#}");
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "client"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
        create(&pair.tenant, "/api/v1/namespaces/default/pods", &pod).await?;
        let client = pair.until(&pair.host, &pair.on_host("pods", "default", "client"), |h| !h.is_null()).await?;
        assert_eq!(client["spec"]["dnsConfig"]["nameservers"][0], service["spec"]["clusterIP"]);
        Ok(())
    }

    async fn what_is_missing_comes_back_and_what_the_owner_changed_stays(pair: Pair) -> Result<()> {
        start(&mut pair, "controlPlane: {coredns: {service: {labels: {a: '1'}}}}")?;
        let config = pair.until(&pair.tenant, CONFIG, |found| !found.is_null()).await?;
        let deployment = pair.until(&pair.tenant, DEPLOYMENT, |found| !found.is_null()).await?;
        patch(&pair.tenant, CONFIG, &json!({"data": {"Corefile": "mine", "other": "x"}})).await?;
        patch(&pair.tenant, DEPLOYMENT, &json!({"spec": {"replicas": 3}, "metadata": {"annotations": {"owner": "me"}}})).await?;
        delete(&pair.tenant, SERVICE).await?;
        let service = pair.until(&pair.tenant, SERVICE, |found| !found.is_null()).await?;
        assert_eq!(service["metadata"]["labels"]["a"], "1");
        // A change of the settings, and with it every object is applied again.
        pair.restart_with(&v9s_syncer::resources::Settings::default()).await;
        start(&mut pair, "controlPlane: {coredns: {deployment: {labels: {b: '2'}}}}")?;
        let changed = pair.until(&pair.tenant, DEPLOYMENT, |found| found["metadata"]["labels"]["b"] == "2").await?;
        assert_eq!((&changed["spec"]["replicas"], &changed["metadata"]["annotations"]["owner"]), (&json!(3), &json!("me")));
        assert_eq!(changed["spec"]["template"], deployment["spec"]["template"]);
        pair.until(&pair.tenant, SERVICE, |found| found["metadata"]["labels"]["a"].is_null()).await?;
        let kept = pair.until(&pair.tenant, CONFIG, |found| !found.is_null()).await?;
        assert_eq!(kept["data"], json!({"Corefile": "mine", "other": "x"}));
        delete(&pair.tenant, CONFIG).await?;
        let back = pair.until(&pair.tenant, CONFIG, |found| !found.is_null()).await?;
        assert_eq!(back["data"], config["data"]);
        Ok(())
    }
}
