//! The preset for teams: three members of etcd, and a namespace with quota, limits and network policies.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::Api;
use serde_json::json;
use v9s::provision::create::Preset;
use v9s::provision::values::{Layer, layered};
use v9s_testkit::pods::{Room, condition};

use crate::made::{Made, config, makes, volume};

makes! {
    async fn the_preset_for_teams_comes_up_within_its_own_limits() -> Result<()> {
        for member in 0..3 {
            volume(&format!("prod-{member}"), ("team-prod", &format!("data-prod-etcd-{member}"))).await?;
        }
        let layer = |text: &str| Layer { name: "test".to_owned(), text: text.to_owned() };
        let config = layered(&[layer(Preset::Prod.text()), layer(&config("")?)])?;
        let made = Made::make("prod", &config).await?;
        eprintln!("the API answered after {:.1} s", made.took.as_secs_f32());
        let pods = made.pods().await?;
        assert_eq!(pods.iter().filter(|pod| condition(pod, "Ready")).count(), 4, "a control plane and three members");
        let room = Room::take(made.inside().await?, "shop").await?;
        room.idle("web", json!({}), json!({})).await?;
        // The Service of its node is as new as the pod, and the host's nodes learn of it in their own time.
        room.sh_until("web", "hostname", |said| said == "web").await?;
        let quotas = Api::<ResourceQuota>::namespaced(made.outside.clone(), &made.request.namespace);
        let used = quotas.get("vc-prod").await?.status.and_then(|status| status.used).context("nothing is counted")?;
        assert!(used["count/pods"].0.parse::<u32>()? >= 5, "{used:?}");
        Ok(())
    }
}
