//! The hosts themselves: what every other suite relies on.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, ListParams};
use serde_json::{Value, json};
use v9s_testkit::both_hosts;
use v9s_testkit::kubeconfig;
use v9s_testkit::users::Grant;

fn pod(namespace: &str, name: &str, phase: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [{"name": "main", "image": "registry.example/app:1"}]},
        "status": {"phase": phase},
    })
}

both_hosts! {
    async fn it_tells_a_release_that_clients_understand(host: Host) -> Result<()> {
        let version = host.client().apiserver_version().await?;
        let minor: u32 = version.minor.trim_end_matches('+').parse().context("minor version")?;
        assert_eq!(version.major, "1");
        assert!(minor >= 34, "{version:?}");
        assert!(version.git_version.starts_with("v1."), "{version:?}");
        Ok(())
    }

    async fn a_seeded_status_is_what_is_read_back(host: Host) -> Result<()> {
        let namespace = host.namespace("seeded").await?;
        host.seed(&[pod(&namespace, "a", "Running"), pod(&namespace, "b", "Failed")]).await?;
        let pods = Api::<Pod>::namespaced(host.client(), &namespace).list(&ListParams::default()).await?;
        let phases: Vec<_> = pods.items.iter().filter_map(|pod| pod.status.as_ref()?.phase.as_deref()).collect();
        assert_eq!(phases, ["Running", "Failed"]);
        Ok(())
    }

    async fn a_user_may_do_what_was_granted_and_nothing_else(host: Host) -> Result<()> {
        let (ours, theirs) = (host.namespace("ours").await?, host.namespace("theirs").await?);
        host.seed(&[pod(&ours, "a", "Running")]).await?;
        let user = host.user("reader", &[Grant::within(&ours).may(&["get", "list"], &["pods"])]).await?;
        let client = kubeconfig::client(&user).await?;

        let pods = Api::<Pod>::namespaced(client.clone(), &ours).list(&ListParams::default()).await?;
        assert_eq!(pods.items.len(), 1);
        for refused in [
            Api::<Pod>::namespaced(client.clone(), &theirs).list(&ListParams::default()).await.err(),
            Api::<Pod>::all(client.clone()).list(&ListParams::default()).await.err(),
            Api::<Pod>::namespaced(client.clone(), &ours).delete("a", &Default::default()).await.err(),
        ] {
            let Some(kube::Error::Api(status)) = refused else { panic!("not refused: {refused:?}") };
            assert_eq!((status.code, status.reason.as_str()), (403, "Forbidden"));
        }
        Ok(())
    }
}

both_hosts! {
    #![needs(controllers, alone)]

    async fn controllers_carry_out_what_is_asked(host: Host) -> Result<()> {
        let namespace = host.namespace("going").await?;
        let namespaces = Api::<Namespace>::all(host.client());
        namespaces.delete(&namespace, &Default::default()).await?;
        let gone = kube::runtime::wait::await_condition(namespaces, &namespace, |found: Option<&Namespace>| found.is_none());
        tokio::time::timeout(std::time::Duration::from_secs(60), gone).await.context("the namespace stays")??;
        Ok(())
    }
}
