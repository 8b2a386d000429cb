//! Names: the tenant's own DNS, whose pod runs on the host like all others.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Service;
use serde_json::json;
use v9s_testkit::pods::address;

use crate::tenant::tenants;

/// What a name resolves to in a pod, one address a line.
fn addresses(name: &str) -> String {
    format!(
        "nslookup -type=a {name} | awk '/^Name:/ {{ found = 1 }} found && /^Address/ {{ print $NF }}' | sort"
    )
}

tenants! {
    async fn names_of_services_are_resolved_in_the_tenants_pods(tenant: Tenant) -> Result<()> {
        let pod = tenant.server("web", json!({})).await?;
        for (name, spec) in [
            ("shop", json!({"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]})),
            ("each", json!({"clusterIP": "None", "selector": {"app": "web"}, "ports": [{"port": 8080}]})),
        ] {
            tenant.create(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})).await?;
        }
        let outside = tenant.outside.wait(&tenant.outside_name("shop"), "there", |found: Option<&Service>| found.is_some()).await?;
        let shop = outside.and_then(|service| service.spec?.cluster_ip).context("it has no address")?;
        tenant.idle("client", json!({}), json!({})).await?;
        let full = |name: &str| addresses(&format!("{name}.{}.svc.cluster.local", tenant.namespace));
        tenant.sh_until("client", &full("shop"), |said| said == shop).await?;
        tenant.sh_until("client", &full("each"), |said| said == address(&pod)).await?;
        let api = tenant.sh("client", "echo $KUBERNETES_SERVICE_HOST").await?;
        tenant.sh_until("client", &addresses("kubernetes.default.svc.cluster.local"), |said| said == api).await?;
        // The short name goes by the search path that the pod was given.
        tenant.sh_until("client", "wget -q -O - http://shop", |said| said == "web").await?;
        Ok(())
    }
}
