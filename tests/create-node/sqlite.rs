//! SQLite through kine: the control plane is one pod.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use serde_json::json;
use v9s::provision::create::{Effect, effects, look_and_plan};
use v9s_testkit::pods::Room;

use crate::backup::backed_up;
use crate::made::{Made, carry_out, config, makes, volume};
use crate::store::kine_is_read;

/// Containers that run, with their images.
fn running(pod: &Pod) -> Vec<(String, String)> {
    let status = pod.status.clone().unwrap_or_default();
    let all = status.init_container_statuses.into_iter().chain(status.container_statuses).flatten();
    let runs = all.filter(|one| one.state.as_ref().is_some_and(|state| state.running.is_some()));
    let mut names: Vec<_> = runs.map(|one| (one.name, one.image)).collect();
    names.sort();
    names
}

makes! {
    async fn a_virtual_cluster_is_made_and_pods_of_its_tenant_run() -> Result<()> {
        volume("lite", ("team-lite", "data-lite-0")).await?;
        let made = Made::make("lite", &config("")?).await?;
        eprintln!("the API answered after {:.1} s", made.took.as_secs_f32());
        assert!(!made.created.keys_kept);

        let pods = made.pods().await?;
        let [pod] = pods.as_slice() else { panic!("one pod is the control plane: {pods:?}") };
        let programs: Vec<String> = running(pod).into_iter().map(|(name, _)| name).collect();
        assert_eq!(programs, ["kine", "kube-apiserver", "kube-controller-manager", "syncer"]);
        let images: std::collections::BTreeSet<_> = running(pod).into_iter().map(|(_, image)| image).collect();
        assert_eq!(images.len(), 4, "each from its own: {images:?}");

        let inside = made.inside().await?;
        let room = Room::take(inside, "shop").await?;
        room.server("web", json!({})).await?;
        // The Service of its node is as new as the pod, and the host's nodes learn of it in their own time.
        room.sh_until("web", "hostname", |said| said == "web").await?;
        let log = room.api::<Pod>().logs("web", &Default::default()).await?;
        assert_eq!(log, "");
        let outside: Room = Room { client: made.outside.clone(), namespace: made.request.namespace.clone() };
        outside.ready("web-x-shop-x-lite").await?;
        // Names of the tenant's Services are told by its own name server, which runs as a pod of its own.
        room.create(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
        }))
        .await?;
        room.idle("asks", json!({}), json!({})).await?;
        room.sh_until("asks", "wget -qO- http://web.shop.svc.cluster.local", |said| said == "web").await?;

        kine_is_read(&made).await?;

        // The same again changes nothing and keeps the keys.
        let uid = pod.metadata.uid.clone();
        let (_, planned) = look_and_plan(&made.host, &made.request).await?;
        let others: Vec<_> =
            effects(&made.host, &planned).await?.into_iter().filter(|(_, effect)| *effect != Effect::Nothing).collect();
        assert!(others.is_empty(), "{others:?}");
        let (again, _) = carry_out(&made.host, &made.request).await?;
        assert!(again.keys_kept);
        let pods = made.pods().await?;
        assert_eq!(pods.first().map(|pod| pod.metadata.uid.clone()), Some(uid));
        let maps = room.api::<ConfigMap>();
        assert!(maps.get("kube-root-ca.crt").await?.data.context("no data")?.contains_key("ca.crt"));
        backed_up(&made, false).await

    }
}
