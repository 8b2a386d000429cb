//! Services and policies.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::DeleteParams;
use serde_json::json;

use crate::tenancy::gone;
use crate::tenant::tenants;

tenants! {
    async fn a_service_of_the_tenant_leads_to_its_pods(tenant: Tenant) -> Result<()> {
        tenant.server("web", json!({})).await?;
        tenant.create(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}})).await?;
        let outside = tenant.outside.wait(&tenant.outside_name("web"), "there", |found: Option<&Service>| found.is_some()).await?;
        let address = outside.and_then(|service| service.spec?.cluster_ip).context("it has no address")?;
        // Both sides call it by the same address.
        let same = |found: Option<&Service>| found.and_then(|web| web.spec.as_ref()?.cluster_ip.as_ref()) == Some(&address);
        tenant.wait("web", "at the host's address", same).await?;
        tenant.idle("client", json!({}), json!({})).await?;
        tenant.sh_until("client", &format!("wget -q -O - http://{address}"), |said| said == "web").await?;
        // Variables come with the pods that are started after the Service.
        assert_eq!(tenant.sh("client", "echo $WEB_SERVICE_HOST:$WEB_SERVICE_PORT").await?, format!("{address}:80"));
        Ok(())
    }

    async fn a_network_policy_is_confined_to_the_tenants_own_pods(tenant: Tenant) -> Result<()> {
        tenant.create(json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "calm"},
            "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"],
                "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "client"}}}]}]}})).await?;
        let name = tenant.outside_name("calm");
        let there = tenant.outside.wait(&name, "there", |found: Option<&NetworkPolicy>| found.is_some()).await?;
        let spec = there.and_then(|policy| policy.spec).context("it has no spec")?;
        let labels = spec.pod_selector.and_then(|selector| selector.match_labels).unwrap_or_default();
        assert_eq!(labels.get("vcluster.loft.sh/managed-by"), Some(&tenant.tenancy.name));
        assert_eq!(labels.get("vcluster.loft.sh/namespace"), Some(&tenant.namespace));
        tenant.api::<NetworkPolicy>().delete("calm", &DeleteParams::default()).await?;
        gone(tenant.outside.api::<NetworkPolicy>(), &name).await
    }
}
