//! Stores that somebody else runs: PostgreSQL through kine, and etcd.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Api;
use serde_json::json;
use v9s_testkit::kubeconfig;
use v9s_testkit::node::postgres::Postgres;
use v9s_testkit::pods::Room;

use crate::made::{Made, carry_out, config, host, makes};

/// What a tenant does with one, and that its pods come back with what is stored.
async fn used(made: &Made) -> Result<()> {
    eprintln!("the API answered after {:.1} s", made.took.as_secs_f32());
    let pods = made.pods().await?;
    let kinds: Vec<String> = pods
        .iter()
        .flat_map(|pod| pod.metadata.owner_references.iter().flatten())
        .map(|owner| owner.kind.clone())
        .collect();
    ensure!(kinds == ["ReplicaSet"], "nothing is stored in it: {kinds:?}");
    let room = Room::take(made.inside().await?, "shop").await?;
    room.idle("web", json!({}), json!({})).await?;
    // The Service of its node is as new as the pod, and the host's nodes learn of it in their own time.
    room.sh_until("web", "hostname", |said| said == "web").await?;
    // A new pod of the control plane finds what the one before has stored.
    let outside = Api::<Pod>::namespaced(made.outside.clone(), &made.request.namespace);
    let before = pods.first().and_then(|pod| pod.metadata.name.clone()).context("no pod")?;
    outside.delete(&before, &Default::default()).await?;
    carry_out(&made.host, &made.request).await?;
    let inside = made.inside().await?;
    let web = Api::<Pod>::namespaced(inside, "shop").get_opt("web").await?;
    ensure!(web.is_some(), "it is stored outside of the pod");
    Ok(())
}

makes! {
    async fn with_a_postgresql_of_somebody_else_its_tenant_runs_pods_and_loses_nothing() -> Result<()> {
        let cluster = tokio::task::spawn_blocking(host).await??;
        let address = kubeconfig::authority(&cluster.kubeconfig())?;
        let address = address.rsplit_once(':').context("no port")?.0.parse()?;
        let database = tokio::task::spawn_blocking(move || Postgres::start(address)).await??;
        let store = format!("  backingStore: {{database: {{external: {{enabled: true, dataSource: '{}'}}}}}}\n", database.url("shop"));
        let made = Made::make("database", &config(&store)?).await?;
        used(&made).await
    }

    async fn with_an_etcd_of_somebody_else_its_tenant_runs_pods_and_loses_nothing() -> Result<()> {
        let cluster = tokio::task::spawn_blocking(host).await??;
        let outside = kubeconfig::client(&cluster.kubeconfig()).await?;
        let theirs = Room::take(outside, "their-etcd").await?;
        theirs.create(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "etcd", "labels": {"app": "etcd"}},
            "spec": {"terminationGracePeriodSeconds": 1, "containers": [{
                "name": "etcd", "image": "registry.k8s.io/etcd:3.6.8-0",
                "command": ["etcd", "--data-dir=/data", "--listen-client-urls=http://0.0.0.0:2379", "--advertise-client-urls=http://0.0.0.0:2379"],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }], "volumes": [{"name": "data", "emptyDir": {}}]},
        }))
        .await?;
        theirs.create(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "etcd"},
            "spec": {"selector": {"app": "etcd"}, "ports": [{"port": 2379}]},
        }))
        .await?;
        let address = theirs.api::<Service>().get("etcd").await?.spec.and_then(|spec| spec.cluster_ip).context("no address")?;
        let store = format!("  backingStore: {{etcd: {{external: {{enabled: true, endpoint: 'http://{address}:2379'}}}}}}\n");
        let made = Made::make("foreign", &config(&store)?).await?;
        used(&made).await
    }
}
