//! What the official command line looks for, one fact each: our virtual clusters have all of it. That it works with them is tried
//! with the program itself, in `tests/create-node`.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, Secret, Service};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use v9s_testkit::both_hosts;
use v9s_testkit::host::Host as Seeded;

use crate::shell::{Shell, err};

/// One that was made, by name and namespace.
struct Made {
    shell: Shell,
    name: String,
    namespace: String,
    set: StatefulSet,
}

impl Made {
    async fn on(host: &Seeded, stem: &str) -> Result<Made> {
        let shell = Shell::with(&host.kubeconfig)?;
        let (name, namespace) = (host.named(stem), host.named(&format!("team-{stem}")));
        let made = shell.v9s(&["create", &name, "-n", &namespace]).await?;
        assert_eq!(made.status.code(), Some(0), "{}", err(&made));
        let set = Api::<StatefulSet>::namespaced(host.client(), &namespace).get(&name).await?;
        Ok(Made { shell, name, namespace, set })
    }

    fn container(&self, name: &str) -> Result<&Container> {
        let pod = self.set.spec.as_ref().and_then(|spec| spec.template.spec.as_ref()).context("no pod")?;
        let mut all = pod.containers.iter().chain(pod.init_containers.iter().flatten());
        all.find(|container| container.name == name).context("no such container")
    }
}

fn labels(of: Option<&BTreeMap<String, String>>) -> BTreeMap<&str, &str> {
    of.into_iter().flatten().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

both_hosts! {
    async fn it_is_listed_by_the_label_app_and_named_by_the_label_release(host: Host) -> Result<()> {
        let made = Made::on(&host, "listed").await?;
        let all = Api::<StatefulSet>::all(host.client()).list(&ListParams::default().labels("app=vcluster")).await?;
        let own = all.items.iter().find(|set| set.metadata.namespace.as_ref() == Some(&made.namespace));
        let own = labels(own.context("it is not listed")?.metadata.labels.as_ref());
        assert_eq!(own.get("release"), Some(&made.name.as_str()));
        Ok(())
    }

    async fn its_pods_carry_app_and_release(host: Host) -> Result<()> {
        let made = Made::on(&host, "pods").await?;
        let template = &made.set.spec.as_ref().context("no spec")?.template;
        let metadata = template.metadata.as_ref().context("no metadata")?;
        let expected = [("app", "vcluster"), ("release", made.name.as_str())];
        assert_eq!(labels(metadata.labels.as_ref()), expected.into());
        Ok(())
    }

    async fn its_version_is_the_tag_of_the_image_of_the_container_syncer(host: Host) -> Result<()> {
        let made = Made::on(&host, "version").await?;
        let image = made.container("syncer")?.image.clone().context("no image")?;
        // It takes the tag only where there is one colon.
        let parts: Vec<&str> = image.split(':').collect();
        assert_eq!(parts, ["v9s-syncer", env!("CARGO_PKG_VERSION")]);
        Ok(())
    }

    async fn its_configuration_is_the_whole_vcluster_yaml(host: Host) -> Result<()> {
        let made = Made::on(&host, "config").await?;
        let secret = Api::<Secret>::namespaced(host.client(), &made.namespace).get(&format!("vc-config-{}", made.name)).await?;
        let config = String::from_utf8(secret.data.unwrap_or_default()["config.yaml"].0.clone())?;
        v9s::provision::values::read(&config).map_err(|problems| anyhow::anyhow!("{problems}"))?;
        Ok(())
    }

    async fn its_kubeconfig_is_in_a_secret_under_the_key_config(host: Host) -> Result<()> {
        let made = Made::on(&host, "kubeconfig").await?;
        let secret = Api::<Secret>::namespaced(host.client(), &made.namespace).get(&format!("vc-{}", made.name)).await?;
        let data = secret.data.unwrap_or_default();
        for key in ["config", "certificate-authority", "client-certificate", "client-key"] {
            assert!(data.contains_key(key), "{key}");
        }
        let config: Value = serde_saphyr::from_str(std::str::from_utf8(&data["config"].0)?)?;
        // It puts the local end of a port-forward in place of this.
        assert_eq!(config["clusters"][0]["cluster"]["server"], "https://localhost:8443");
        assert!(config["users"][0]["user"]["client-certificate-data"].is_string());
        let owner = secret.metadata.owner_references.unwrap_or_default();
        assert_eq!(owner.first().map(|owner| (owner.kind.as_str(), &owner.name)), Some(("Service", &made.name)));
        Ok(())
    }

    async fn its_api_answers_on_the_port_of_the_pod_that_is_forwarded_to(host: Host) -> Result<()> {
        let made = Made::on(&host, "port").await?;
        let ports: Vec<i32> =
            made.container("kube-apiserver")?.ports.iter().flatten().map(|port| port.container_port).collect();
        assert_eq!(ports, [8443]);
        let service = Api::<Service>::namespaced(host.client(), &made.namespace).get(&made.name).await?;
        assert_eq!(labels(service.metadata.labels.as_ref()).get("vcluster.loft.sh/service"), Some(&"true"));
        let ports = service.spec.and_then(|spec| spec.ports).unwrap_or_default();
        let https = ports.iter().find(|port| port.name.as_deref() == Some("https")).context("no port https")?;
        assert_eq!((https.port, https.target_port.as_ref().map(|port| json!(port))), (443, Some(json!(8443))));
        Ok(())
    }

    async fn what_it_pauses_is_paused_for_v9s_too(host: Host) -> Result<()> {
        let made = Made::on(&host, "paused").await?;
        // As it does: marks, and no replicas.
        let pause = json!({
            "metadata": {"annotations": {"loft.sh/paused": "true", "loft.sh/paused-replicas": "1", "loft.sh/paused-date": "2026-05-04T12:00:00.000Z"}},
            "spec": {"replicas": 0},
        });
        let sets = Api::<StatefulSet>::namespaced(host.client(), &made.namespace);
        sets.patch(&made.name, &PatchParams::default(), &Patch::Merge(&pause)).await?;
        let listed = made.shell.v9s(&["list", "-n", &made.namespace, "-o", "json"]).await?;
        let listed: Value = serde_json::from_slice(&listed.stdout)?;
        assert_eq!(listed["items"][0]["state"], "Paused", "{listed}");
        let again = made.shell.v9s(&["create", &made.name, "-n", &made.namespace]).await?;
        assert!(err(&again).contains("is paused; resume it first"), "{}", err(&again));
        let resumed = made.shell.v9s(&["resume", &made.name, "-n", &made.namespace, "--no-wait"]).await?;
        assert_eq!(resumed.status.code(), Some(0), "{}", err(&resumed));
        let set = sets.get(&made.name).await?;
        assert_eq!(set.spec.and_then(|spec| spec.replicas), Some(1));
        assert!(!labels(set.metadata.annotations.as_ref()).contains_key("loft.sh/paused"));
        Ok(())
    }
}
