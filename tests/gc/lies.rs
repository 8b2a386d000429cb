//! Ways in which what was heard is not what is: of age, of connections, of what happens between two looks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::future::BoxFuture;
use serde_json::json;
use smol_str::SmolStr;
use v9s::cluster::Cluster;
use v9s::gc::{Care, Inside, Place, SurveyOptions, Ways, Wish, plan};
use v9s_testkit::kubeconfig;
use v9s_testkit::proxy::{Proxy, Wire};
use v9s_testkit::users::Grant;

use crate::seat::{Seat, Straight, delete, get, patch, words};

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// Something happens inside between the look at the host and the question.
struct Meanwhile {
    ways: Arc<Straight>,
    tenant: kube::Client,
    makes: serde_json::Value,
}

impl Ways for Meanwhile {
    fn open<'a>(&'a self, host: &'a Cluster, place: &'a Place) -> BoxFuture<'a, Result<Inside, SmolStr>> {
        Box::pin(async move {
            let made = v9s_testkit::objects::create(&self.tenant, &self.makes).await;
            made.map_err(|error| SmolStr::from(format!("{error:#}")))?;
            self.ways.open(host, place).await
        })
    }
}

/// The real server may need a moment to let a user in.
async fn as_user(seat: &Seat, name: &str, grant: Grant) -> Result<Cluster> {
    let text = seat.host.user(name, &[grant]).await?;
    Ok(Cluster::from_client(seat.host.name, seat.host.url(), "default", kubeconfig::client(&text).await?))
}

v9s_testkit::both_hosts! {
    async fn an_answer_counts_only_while_it_is_fresh(host: Host) -> Result<()> {
        let seat = Seat::with_light_tenant(host).await?;
        seat.put(seat.synced("ConfigMap", "gone", NOBODY)).await?;
        // Whatever was answered is older than that by now.
        let care = Care { fresh: Duration::ZERO, ..seat.options().care };
        let ways = Arc::clone(&seat.ways);
        let found = seat.look_by(ways, SurveyOptions { care, ..seat.options() }).await?;
        assert_eq!(words(&found), [format!("ConfigMap {}: suspect stale", seat.host_name("gone"))]);
        assert_eq!(plan(&found, &Wish::default()).goes.len(), 0);
        Ok(())
    }

    async fn what_appears_inside_after_the_host_was_looked_at_is_seen(host: Host) -> Result<()> {
        let seat = Seat::new(host).await?;
        seat.put(seat.synced("Service", "late", NOBODY)).await?;
        seat.put(seat.synced("ConfigMap", "gone", NOBODY)).await?;
        let makes = crate::seat::body("Service", json!({"name": "late", "namespace": "shop"}));
        let ways = Meanwhile { ways: Arc::clone(&seat.ways), tenant: seat.tenant.client(), makes };
        let found = seat.look_by(Arc::new(ways), seat.options()).await?;
        assert_eq!(words(&found), [format!("ConfigMap {}: orphan origin-gone", seat.host_name("gone"))]);
        Ok(())
    }

    async fn an_api_server_that_is_cut_off_says_nothing(host: Host) -> Result<()> {
        let mut seat = Seat::new(host).await?;
        seat.put(seat.synced("ConfigMap", "gone", NOBODY)).await?;
        let planned = plan(&seat.look().await?, &Wish::default());
        assert_eq!(planned.goes.len(), 1);
        let (proxy, text) = Proxy::before(&seat.tenant.kubeconfig).await?;
        let client = kubeconfig::client(&text).await?;
        seat.ways = Arc::new(Straight::to(Cluster::from_client("inside", seat.tenant.url(), "default", client)));
        proxy.set(Wire::Cut);
        let found = seat.look().await?;
        assert_eq!(words(&found), Vec::<String>::new());
        ensure!(!found.is_whole(), "it is not known what is left");
        let collected = seat.collect(&planned).await?;
        assert_eq!((collected.deleted, collected.spared.len()), (0, 1), "{collected:?}");
        proxy.set(Wire::Pass);
        assert_eq!(words(&seat.look().await?).len(), 1, "it tells again");
        Ok(())
    }

    async fn what_was_made_anew_a_moment_ago_is_suspect(host: Host) -> Result<()> {
        let seat = Seat::new(host).await?;
        let name = seat.host_name("again");
        seat.put(seat.synced("ConfigMap", "again", NOBODY)).await?;
        let inside = "/api/v1/namespaces/shop/configmaps/again";
        // What is a moment is longer on a slow machine.
        for seconds in [2, 8, 32] {
            let older_than = Duration::from_secs(seconds);
            let options = || SurveyOptions { care: Care { older_than, ..seat.options().care }, ..seat.options() };
            let old = async || Ok::<_, anyhow::Error>(!words(&seat.look_by(seat.ways.clone(), options()).await?).is_empty());
            while !old().await? {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            if !get(&seat.tenant, inside).await?.is_null() {
                delete(&seat.tenant, inside).await?;
            }
            let made = Instant::now();
            seat.inside("ConfigMap", "again").await?;
            let told = words(&seat.look_by(seat.ways.clone(), options()).await?);
            // Times of objects are whole seconds.
            if made.elapsed() + Duration::from_secs(1) < older_than {
                assert_eq!(told, [format!("ConfigMap {name}: suspect recreated")]);
                return Ok(());
            }
        }
        anyhow::bail!("nothing was looked at within half a minute")
    }

    async fn what_goes_with_its_namespace_is_left_to_it(host: Host) -> Result<()> {
        let seat = Seat::with_light_tenant(host).await?;
        let mut held = seat.synced("ConfigMap", "held", NOBODY);
        held["metadata"]["finalizers"] = json!(["example.com/hold"]);
        seat.put(held).await?;
        let planned = plan(&seat.look().await?, &Wish::default());
        assert_eq!(planned.goes.len(), 1);
        delete(&seat.host, &format!("/api/v1/namespaces/{}", seat.namespace)).await?;
        assert_eq!(words(&seat.look().await?), Vec::<String>::new(), "its namespace takes it along");
        let collected = seat.collect(&planned).await?;
        assert_eq!(collected.deleted, 0, "{collected:?}");
        // Whoever cleans up after the test can.
        let map = format!("/api/v1/namespaces/{}/configmaps/{}", seat.namespace, seat.host_name("held"));
        patch(&seat.host, &map, json!({"metadata": {"finalizers": null}})).await?;
        Ok(())
    }

    async fn rights_that_are_missing_are_told_before_anything_is_tried(host: Host) -> Result<()> {
        let mut seat = Seat::with_light_tenant(host).await?;
        seat.put(seat.synced("ConfigMap", "gone", NOBODY)).await?;
        seat.put(seat.synced("Pod", "gone", NOBODY)).await?;
        assert!(seat.look().await?.forbidden.is_empty(), "who may everything lacks nothing");
        let grant = Grant::within(&seat.namespace)
            .may(&["get", "list"], &["pods", "configmaps", "services", "secrets", "statefulsets.apps", "deployments.apps"])
            .may(&["delete"], &["pods"]);
        seat.cluster = as_user(&seat, "gc-reader", grant).await?;
        let found = seat.look().await?;
        assert_eq!(words(&found).len(), 2, "{:?}", words(&found));
        let missing: Vec<String> = found.forbidden.iter().map(ToString::to_string).collect();
        assert_eq!(missing, [format!("delete configmaps in {}", seat.namespace)]);
        let barred = |kind: &str| {
            found.findings.iter().any(|it| it.claim.object.resource.kind == kind && found.forbids(&it.claim.object).is_some())
        };
        assert!(barred("ConfigMap") && !barred("Pod"));
        Ok(())
    }
}
