//! etcd in a StatefulSet of its own: the control plane is a Deployment.

use anyhow::Result;
use serde_json::json;
use v9s_testkit::pods::Room;

use crate::made::{Made, config, makes, volume};

const DEPLOYED: &str = "
  backingStore:
    etcd:
      deploy:
        enabled: true
        statefulSet:
          resources: {requests: {cpu: 10m, memory: 64Mi}}
";

makes! {
    async fn a_virtual_cluster_with_etcd_of_its_own_is_made_and_pods_of_its_tenant_run() -> Result<()> {
        volume("etcd", ("team-etcd", "data-etcd-etcd-0")).await?;
        let made = Made::make("etcd", &config(DEPLOYED)?).await?;
        eprintln!("the API answered after {:.1} s", made.took.as_secs_f32());
        let owners: Vec<String> = made
            .pods()
            .await?
            .iter()
            .flat_map(|pod| pod.metadata.owner_references.iter().flatten())
            .map(|owner| owner.kind.clone())
            .collect();
        assert!(owners.contains(&"StatefulSet".to_owned()) && owners.contains(&"ReplicaSet".to_owned()), "{owners:?}");
        let room = Room::take(made.inside().await?, "shop").await?;
        room.idle("web", json!({}), json!({})).await?;
        // The Service of its node is as new as the pod, and the host's nodes learn of it in their own time.
        room.sh_until("web", "hostname", |said| said == "web").await?;
        Ok(())
    }
}
