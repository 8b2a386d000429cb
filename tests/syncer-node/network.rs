//! Services and policies.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::DeleteParams;
use serde_json::json;
use v9s_testkit::pods::address;

use crate::tenancy::gone;
use crate::tenant::tenants;

/// A script that says which addresses a name has.
fn addresses_of(name: &str) -> String {
    format!(
        "nslookup -type=a {name} | awk '/^Name:/ {{ found = 1 }} found && /^Address/ {{ print $NF }}' | sort"
    )
}

tenants! {
    async fn a_service_leads_to_its_pods_by_address_and_by_name(tenant: Tenant) -> Result<()> {
        tenant.server("web", json!({})).await?;
        let port = json!({"port": 80, "targetPort": 8080});
        tenant.create(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [port]}})).await?;
        let outside = tenant.outside.wait(&tenant.outside_name("web"), "there", |found: Option<&Service>| found.is_some()).await?;
        let address = outside.and_then(|service| service.spec?.cluster_ip).context("it has no address")?;
        // Both sides call it by the same address.
        let same = |found: Option<&Service>| found.and_then(|web| web.spec.as_ref()?.cluster_ip.as_ref()) == Some(&address);
        tenant.wait("web", "at the host's address", same).await?;
        tenant.idle("client", json!({}), json!({})).await?;
        tenant.sh_until("client", &format!("wget -q -O - http://{address}"), |said| said == "web").await?;
        // Variables come with the pods that are started after the Service.
        assert_eq!(tenant.sh("client", "echo $WEB_SERVICE_HOST:$WEB_SERVICE_PORT").await?, format!("{address}:80"));

        let full = format!("web.{}.svc.cluster.local", tenant.namespace);
        tenant.sh_until("client", &addresses_of(&full), |said| said == address).await?;
        for name in ["web".to_owned(), format!("web.{}", tenant.namespace), full] {
            tenant.sh_until("client", &format!("wget -q -O - http://{name}"), |said| said == "web").await?;
        }
        let api = tenant.sh("client", &addresses_of("kubernetes.default.svc.cluster.local")).await?;
        assert_eq!(api, tenant.sh("client", "echo $KUBERNETES_SERVICE_HOST").await?);
        Ok(())
    }

    async fn a_headless_service_has_its_pods_addresses(tenant: Tenant) -> Result<()> {
        let pod = tenant.server("web", json!({})).await?;
        tenant.create(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "each"},
            "spec": {"clusterIP": "None", "selector": {"app": "web"}, "ports": [{"port": 8080}]}})).await?;
        tenant.idle("client", json!({}), json!({})).await?;
        let full = format!("each.{}.svc.cluster.local", tenant.namespace);
        tenant.sh_until("client", &addresses_of(&full), |said| said == address(&pod)).await
    }

    async fn a_service_is_created_with_the_hosts_address(tenant: Tenant) -> Result<()> {
        // Until the virtual API server knows the webhook, Services get their address later.
        for attempt in 0..300 {
            let name = format!("web-{attempt}");
            let made = tenant.create(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}})).await?;
            let outside = tenant.outside.wait(&tenant.outside_name(&name), "there", |found: Option<&Service>| found.is_some()).await?;
            let given = outside.and_then(|service| service.spec?.cluster_ip).context("it has no address")?;
            if made.data["spec"]["clusterIP"] == given.as_str() {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        anyhow::bail!("Services never get the host's address from the start")
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
