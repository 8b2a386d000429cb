//! Nodes that are kept for one tenant: a label says which, and a taint keeps everybody else away.

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::ListParams;
use serde_json::json;
use v9s::provision::create::{CreateError, Request, look_and_plan};
use v9s_testkit::pods::Room;

use crate::made::{Made, config, host, makes};

/// The control plane and the pods of the tenant go to the node with that label, `made::KEPT`.
const DEDICATED: &str = "
    persistence: {volumeClaim: {enabled: false}}
    scheduling:
      nodeSelector: {pool: kept}
      tolerations: [{key: pool, operator: Equal, value: kept, effect: NoSchedule}]
sync:
  fromHost: {nodes: {enabled: true, selector: {labels: {pool: kept}}}}
  toHost: {pods: {enforceTolerations: ['pool=kept:NoSchedule']}}
";
/// The same, and nothing may go where the taint is.
const KEPT_AWAY: &str = "
    persistence: {volumeClaim: {enabled: false}}
    scheduling: {nodeSelector: {pool: kept}}
";

fn on(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

makes! {
    async fn what_asks_for_dedicated_nodes_runs_there_and_what_the_taint_keeps_away_is_doubted_before() -> Result<()> {
        let cluster = tokio::task::spawn_blocking(host).await??;
        let kept = cluster.nodes().last().context("there is no node")?.name().to_owned();
        let made = Made::make("kept", &config(DEDICATED)?).await?;
        let pods = made.pods().await?;
        assert_eq!(pods.iter().map(on).collect::<Vec<_>>(), [Some(kept.as_str())], "the control plane");
        let room = Room::take(made.inside().await?, "shop").await?;
        room.idle("web", json!({}), json!({})).await?;
        let nodes = Api::<Node>::all(room.client.clone()).list(&ListParams::default()).await?;
        let names: Vec<_> = nodes.items.into_iter().filter_map(|node| node.metadata.name).collect();
        assert_eq!(names, std::slice::from_ref(&kept), "the tenant sees its own nodes");
        let mirrors = Api::<Pod>::namespaced(made.outside.clone(), &made.request.namespace);
        let web = mirrors.get("web-x-shop-x-kept").await?;
        assert_eq!(on(&web), Some(kept.as_str()), "a pod of the tenant");

        // Without tolerating its taint, nobody gets there, which is said before anything is written.
        let away = Request::new("away", "team-away", &config(KEPT_AWAY)?)?;
        match look_and_plan(&made.host, &away).await {
            Err(CreateError::Refused(why)) => assert!(format!("{why:?}").contains("taint"), "{why:?}"),
            other => bail!("a taint keeps it away, and this came of it: {:?}", other.map(|_| ())),
        }
        Ok(())
    }
}
