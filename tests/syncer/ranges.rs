//! Where a cluster's Services get their addresses, found out by whoever may read it and by whoever may not.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use v9s::cluster::Cluster;
use v9s::provision::service_range::find;
use v9s_testkit::host::Host;
use v9s_testkit::users::Grant;

use crate::pair::{create, get};

/// A cluster as a user with these rights on Services sees it, and a namespace.
async fn few_rights(host: &Host, verbs: &[&str]) -> Result<(Cluster, String)> {
    let namespace = host.namespace("range").await?;
    let kubeconfig = host.user("few", &[Grant::within(&namespace).may(verbs, &["services"])]).await?;
    let client = v9s_testkit::kubeconfig::client(&kubeconfig).await?;
    Ok((Cluster::from_client(host.name, host.url(), "default", client), namespace))
}

async fn services(host: &Host, namespace: &str) -> Result<usize> {
    let list = get(host, &format!("/api/v1/namespaces/{namespace}/services")).await?;
    Ok(list["items"].as_array().map_or(0, Vec::len))
}

async fn found(cluster: &Cluster, namespace: &str) -> Result<String> {
    match find(cluster, namespace, &[], None).await {
        Ok(range) => Ok(range.to_string()),
        Err(failure) => anyhow::bail!("{failure}"),
    }
}

v9s_testkit::both_hosts! {
    async fn an_administrator_reads_it(host: Host) -> Result<()> {
        let cluster = Cluster::from_client(host.name, host.url(), "default", host.client());
        assert_eq!(found(&cluster, "default").await?, "10.96.0.0/16");
        Ok(())
    }

    async fn who_may_only_create_services_finds_it_without_creating_one(host: Host) -> Result<()> {
        let (cluster, namespace) = few_rights(&host, &["create"]).await?;
        assert_eq!(found(&cluster, &namespace).await?, "10.96.0.0/16");
        assert_eq!(services(&host, &namespace).await?, 0);
        Ok(())
    }

    async fn who_may_do_neither_learns_what_is_missing(host: Host) -> Result<()> {
        let (cluster, namespace) = few_rights(&host, &["get"]).await?;
        let error = found(&cluster, &namespace).await.err().context("it was found")?.to_string();
        assert!(error.contains("forbidden") && error.contains("services"), "{error}");
        Ok(())
    }
}

mod dual_stack {
    use super::*;

    v9s_testkit::both_hosts! {
        #![needs(dual_stack)]

        async fn both_families_are_found_the_primary_one_first(host: Host) -> Result<()> {
            let (cluster, namespace) = few_rights(&host, &["create"]).await?;
            assert_eq!(found(&cluster, &namespace).await?, "10.96.0.0/16,fd00:96::/112");
            assert_eq!(services(&host, &namespace).await?, 0);
            Ok(())
        }
    }
}

mod with_quota {
    use super::*;

    v9s_testkit::both_hosts! {
        #![needs(controllers)]

        async fn a_namespace_without_room_for_a_service_tells_it_too(host: Host) -> Result<()> {
            let (cluster, namespace) = few_rights(&host, &["create"]).await?;
            let service = json!({"metadata": {"name": "only"}, "spec": {"ports": [{"port": 80}]}});
            let made = create(&host, &format!("/api/v1/namespaces/{namespace}/services"), &service).await?;
            let quotas = format!("/api/v1/namespaces/{namespace}/resourcequotas");
            create(&host, &quotas, &json!({"metadata": {"name": "q"}, "spec": {"hard": {"count/services": "1", "services": "1"}}})).await?;
            for _ in 0..600 {
                if get(&host, &format!("{quotas}/q")).await?["status"]["used"]["services"] == "1" {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            let known: Vec<std::net::IpAddr> = made["spec"]["clusterIP"].as_str().and_then(|ip| ip.parse().ok()).into_iter().collect();
            let range = find(&cluster, &namespace, &known, None).await;
            assert_eq!(range.map(|range| range.to_string()).map_err(|failure| failure.to_string()), Ok("10.96.0.0/16".into()));
            let seen: Value = get(&host, &format!("{quotas}/q")).await?;
            assert_eq!(seen["status"]["used"]["services"], "1");
            Ok(())
        }
    }
}
