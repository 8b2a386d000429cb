//! etcd in a StatefulSet of its own: the control plane is a Deployment.

use anyhow::Result;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use serde_json::json;
use v9s::lifecycle::delete::{Deleted, Home};
use v9s_testkit::pods::Room;

use crate::backup::backed_up;
use crate::life::{deleted, paused, resumed, rotated};
use crate::made::{Made, config, makes, volume};
use crate::precious::{Precious, on_volume};
use crate::store::etcd_is_read_and_its_space_recovered;

pub const DEPLOYED: &str = "
  backingStore:
    etcd:
      deploy:
        enabled: true
        statefulSet:
          resources: {requests: {cpu: 10m, memory: 64Mi}}
";

/// Members and replicas that share one small machine.
const MANY: &str = "
    highAvailability: {replicas: 3}
  backingStore:
    etcd:
      deploy:
        enabled: true
        statefulSet:
          highAvailability: {replicas: 3}
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
        backed_up(&made, true).await?;
        let precious = Precious::fill(&made).await?;
        precious.go_on().await?;
        on_volume("etcd", "rm -rf member").await?;
        precious.comes_back("a member without its data").await?;
        Ok(())
    }

    async fn several_members_and_replicas_are_rotated_paused_resumed_and_deleted() -> Result<()> {
        for member in 0..3 {
            volume(&format!("many-{member}"), ("team-many", &format!("data-many-etcd-{member}"))).await?;
        }
        let made = Made::make("many", &config(MANY)?).await?;
        let room = Room::take(made.inside().await?, "shop").await?;
        room.create(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}})).await?;
        etcd_is_read_and_its_space_recovered(&made, 3).await?;
        let precious = Precious::fill(&made).await?;
        precious.go_on().await?;
        for member in ["many-0", "many-1"] {
            on_volume(member, "rm -rf member").await?;
        }
        precious.comes_back("two of three members without their data").await?;
        let uids = |pods: Vec<Pod>| pods.into_iter().filter_map(|pod| pod.metadata.uid).collect::<Vec<_>>();
        let before = uids(made.pods().await?);
        assert_eq!(before.len(), 6, "three members and three replicas");
        rotated(&made).await?;
        let after = uids(made.pods().await?);
        assert!(after.len() == 6 && after.iter().all(|uid| !before.contains(uid)), "{before:?} {after:?}");
        let room = Room { client: made.inside().await?, ..room };
        assert!(room.api::<ConfigMap>().get_opt("kept").await?.is_some());
        paused(&made).await?;
        assert!(made.pods().await?.is_empty());
        resumed(&made).await?;
        assert_eq!(made.pods().await?.len(), 6);
        assert!(room.api::<ConfigMap>().get_opt("kept").await?.is_some(), "what is stored stays");
        let done = deleted(&made).await?;
        assert_eq!(done, Deleted { left: Vec::new(), home: Home::Gone });
        Ok(())
    }
}
