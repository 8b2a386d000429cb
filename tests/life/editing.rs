//! Another configuration, on both hosts: what is shown before, what comes of it, what is refused.

use anyhow::Result;
use k8s_openapi::api::core::v1::{ResourceQuota, Secret};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::Api;
use v9s_testkit::both_hosts;

use crate::faults::Room;
use crate::seat::{put, tenant};

both_hosts! {
    #![needs(controllers)]

    async fn an_edit_shows_what_it_would_do_does_it_and_takes_away_what_is_not_wanted(host: Host) -> Result<()> {
        let room = Room::make(&host, "edited").await?;
        let quotas = Api::<ResourceQuota>::namespaced(room.client.clone(), &room.namespace);
        let policies = Api::<NetworkPolicy>::namespaced(room.client.clone(), &room.namespace);
        let edit = ["edit", "NAME", "--no-wait", "--set", "policies.networkPolicy.enabled=false", "--set",
            "policies.resourceQuota.quota={requests.cpu: 3}"];
        let (code, plan) = room.said(&[&edit[..], &["--dry-run"]].concat()).await?;
        assert_eq!(code, Some(0), "{plan}");
        for line in [
            format!("delete  NetworkPolicy {}/vc-work-shop", room.namespace),
            format!("change  ResourceQuota {}/vc-shop: spec.hard.requests.cpu", room.namespace),
            format!("change  Secret {}/vc-config-shop: data.config.yaml", room.namespace),
            format!("restart Deployment {}/shop: its pods are replaced, one after the other", room.namespace),
        ] {
            assert!(plan.lines().any(|other| other == line), "{line}\n{plan}");
        }
        assert!(plan.lines().any(|line| line.starts_with('-') && line.contains("enabled: true")), "{plan}");
        assert!(policies.get_opt("vc-work-shop").await?.is_some(), "a plan changes nothing");

        room.v9s(&edit).await?;
        assert!(policies.get_opt("vc-work-shop").await?.is_none());
        let hard = quotas.get("vc-shop").await?.spec.and_then(|spec| spec.hard).unwrap_or_default();
        assert_eq!(hard["requests.cpu"].0, "3");
        let (code, again) = room.said(&edit).await?;
        assert_eq!(code, Some(0));
        assert!(again.contains("is so already"), "{again}");
        Ok(())
    }

    async fn what_may_not_change_and_what_makes_no_sense_is_refused(host: Host) -> Result<()> {
        let room = Room::make(&host, "fixed").await?;
        let secrets = Api::<Secret>::namespaced(room.client.clone(), &room.namespace);
        let before = secrets.get("vc-config-shop").await?.data;
        for (set, exit, told) in [
            ("controlPlane.backingStore.etcd.deploy.statefulSet.highAvailability.replicas=1", Some(4), "replicas may not change: members"),
            ("networking.serviceCIDR=10.97.0.0/16", Some(4), "networking.serviceCIDR may not change"),
            ("policies.resourceQuota.enabled=perhaps", Some(2), ""),
            ("policies.resourceQuotas=1", Some(2), ""),
        ] {
            let (code, said) = room.said(&["edit", "NAME", "--no-wait", "--set", set]).await?;
            assert_eq!(code, exit, "{set}: {said}");
            assert!(said.contains(told), "{set}: {said}");
        }
        assert_eq!(secrets.get("vc-config-shop").await?.data, before);
        Ok(())
    }

    async fn what_the_chart_made_is_changed_by_the_chart(host: Host) -> Result<()> {
        let room = Room::make(&host, "beside").await?;
        let chart = tenant(&host, "chart");
        put(&host, &chart).await?;
        let room = room.beside(&chart.name, &chart.namespace);
        let (code, said) = room.said(&["edit", "NAME"]).await?;
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains("was not made by v9s") && said.contains("helm upgrade "), "{said}");
        let (code, said) = room.said(&["certs", "rotate", "NAME"]).await?;
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains("vcluster certs rotate "), "{said}");
        Ok(())
    }
}
