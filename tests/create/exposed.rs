//! Objects that settings ask for beside the control plane itself.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Pod, Secret, Service};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use v9s_testkit::both_hosts;

use crate::shell::{Shell, err, out};

async fn made(shell: &Shell, args: &[&str]) -> Result<String> {
    let made = shell.v9s(args).await?;
    assert_eq!(made.status.code(), Some(0), "{args:?}: {}", err(&made));
    Ok(err(&made))
}

both_hosts! {
    async fn an_ingress_and_a_budget_are_made_and_taken_by_the_host(host: Host) -> Result<()> {
        let shell = Shell::with(&host.kubeconfig)?;
        let (name, namespace) = (host.named("ingress"), host.named("team-ingress"));
        let create = [
            "create", &name, "-n", &namespace,
            "--set", "controlPlane.ingress={enabled: true, host: shop.example.org, spec: {ingressClassName: nginx}}",
            "--set", "controlPlane.advanced.podDisruptionBudget={enabled: true, maxUnavailable: 1}",
        ];
        made(&shell, &create).await?;
        let ingress = Api::<Ingress>::namespaced(host.client(), &namespace).get(&name).await?.spec.context("no spec")?;
        assert_eq!(ingress.ingress_class_name.as_deref(), Some("nginx"));
        let hosts: Vec<_> = ingress.rules.unwrap_or_default().into_iter().filter_map(|rule| rule.host).collect();
        assert_eq!(hosts, ["shop.example.org"]);
        let budget = Api::<PodDisruptionBudget>::namespaced(host.client(), &namespace).get(&name).await?;
        let selected = budget.spec.and_then(|spec| spec.selector?.match_labels).context("it selects nothing")?;
        assert_eq!((selected["app"].as_str(), selected["release"].as_str()), ("vcluster", name.as_str()));
        // Another run changes nothing, and what is turned off is not there for the next one.
        let dry: Vec<&str> = create.into_iter().chain(["--dry-run"]).collect();
        let dry = shell.v9s(&dry).await?;
        assert!(out(&dry).lines().all(|line| line.starts_with("keep ")), "{}", out(&dry));
        Ok(())
    }

    async fn the_certificate_holds_for_a_load_balancer_as_soon_as_it_has_an_address(host: Host) -> Result<()> {
        let shell = Shell::with(&host.kubeconfig)?;
        let (name, namespace) = (host.named("balanced"), host.named("team-balanced"));
        let create = ["create", &name, "-n", &namespace, "--set", "controlPlane.service.spec.type=LoadBalancer"];
        let told = made(&shell, &create).await?;
        assert!(told.contains("the load balancer has no address yet"), "{told}");
        let secrets = Api::<Secret>::namespaced(host.client(), &namespace);
        let certificate = async || -> Result<Vec<u8>> {
            let data = secrets.get(&format!("{name}-certs")).await?.data.unwrap_or_default();
            Ok(data["apiserver.crt"].0.clone())
        };
        let before = certificate().await?;
        let services = Api::<Service>::namespaced(host.client(), &namespace);
        let address = json!({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}, {"hostname": "lb.example.org"}]}}});
        services.patch_status(&name, &PatchParams::default(), &Patch::Merge(&address)).await?;
        let told = made(&shell, &create).await?;
        assert!(!told.contains("no address yet") && told.contains("192.0.2.7, lb.example.org"), "{told}");
        let now = certificate().await?;
        assert_ne!(before, now, "it is another certificate");
        made(&shell, &create).await?;
        assert_eq!(certificate().await?, now, "which is kept");
        Ok(())
    }

    async fn viewers_look_at_everything_but_secrets(host: Host) -> Result<()> {
        let shell = Shell::with(&host.kubeconfig)?;
        let (name, namespace, group) = (host.named("seen"), host.named("team-seen"), host.named("auditors"));
        let set = format!("v9s.access.viewers=[{group}]");
        made(&shell, &["create", &name, "-n", &namespace, "--set", &set]).await?;
        let mut config = kube::Config::from_custom_kubeconfig(
            kube::config::Kubeconfig::from_yaml(&host.kubeconfig)?, &Default::default()).await?;
        config.auth_info.impersonate = Some("jane".to_owned());
        config.auth_info.impersonate_groups = Some(vec![group]);
        let jane = kube::Client::try_from(config)?;
        Api::<Pod>::namespaced(jane.clone(), &namespace).list(&ListParams::default()).await?;
        Api::<Service>::namespaced(jane.clone(), &namespace).get(&name).await?;
        let secret = Api::<Secret>::namespaced(jane.clone(), &namespace).get(&format!("vc-{name}")).await.unwrap_err();
        assert!(matches!(&secret, kube::Error::Api(status) if status.code == 403), "{secret}");
        let elsewhere = Api::<Pod>::namespaced(jane, "default").list(&ListParams::default()).await.unwrap_err();
        assert!(matches!(&elsewhere, kube::Error::Api(status) if status.code == 403), "{elsewhere}");
        Ok(())
    }

    async fn stores_of_somebody_else_are_taken_with_their_password_in_a_secret(host: Host) -> Result<()> {
        let shell = Shell::with(&host.kubeconfig)?;
        let database = "controlPlane.backingStore.database.external={enabled: true, dataSource: 'postgres://shop:hidden@db:5432/shop'}";
        let etcd = "controlPlane.backingStore.etcd.external={enabled: true, endpoint: 'http://etcd.example.org:2379'}";
        for (stem, store, place) in
            [("db", database, "postgres://shop:hidden@db:5432/shop"), ("etcd", etcd, "http://etcd.example.org:2379")]
        {
            let (name, namespace) = (host.named(stem), host.named(&format!("team-{stem}")));
            let told = made(&shell, &["create", &name, "-n", &namespace, "--set", store]).await?;
            assert!(!told.contains("hidden"), "{told}");
            let secret = Api::<Secret>::namespaced(host.client(), &namespace).get(&format!("vc-store-{name}")).await?;
            assert_eq!(secret.data.unwrap_or_default()["endpoint"].0, place.as_bytes());
            let record = std::fs::read_to_string(shell.home.path().join(".local/state/v9s/audit.jsonl"))?;
            assert!(!record.contains("hidden"));
            let listed = shell.v9s(&["list", "-n", &namespace, "-o", "json"]).await?;
            let listed: serde_json::Value = serde_json::from_slice(&listed.stdout)?;
            let expected = if stem == "db" { "external-database" } else { "external-etcd" };
            assert_eq!(listed["items"][0]["store"], expected, "{listed}");
        }
        Ok(())
    }
}
