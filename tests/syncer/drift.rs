//! Drift: what disagrees for long is told with the reason, and what was missed is found.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use serde_json::{Value, json};
use v9s::cluster::lean::Lean;
use v9s::cluster::{ObjectRef, Resource};
use v9s_syncer::context::Context;
use v9s_syncer::engine::Registered;
use v9s_syncer::engine::key::Side;
use v9s_syncer::engine::mirror::{At, Mirror, Origin, Source, field};
use v9s_syncer::engine::plan::{Part, PatchKind, Plan, Write};

use crate::pair::{Pair, both, create, get, patch};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A kind whose plan depends on something that it does not say it depends on.
struct Forgetful(Arc<AtomicBool>);

impl Mirror for Forgetful {
    fn source(&self, side: Side, _: &Context) -> Option<Source> {
        let named = || Source {
            namespace: Some("default".into()),
            fields: Some("metadata.name=lonely".into()),
            ..Source::all(Resource::CONFIG_MAPS)
        };
        (side == Side::Virtual).then(named)
    }

    fn origin(&self, _: &Context, _: &Lean) -> Origin {
        Origin::Foreign("nothing is on the host")
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let Some(v) = at.v else { return Plan::nothing() };
        if !self.0.load(Ordering::Relaxed) || field(Some(v), "data")["seen"] == "yes" {
            return Plan::nothing();
        }
        Plan::write(Write::Patch {
            side: Side::Virtual,
            target: ObjectRef::namespaced(Resource::CONFIG_MAPS, "default", "lonely"),
            part: Part::Main,
            kind: PatchKind::Merge,
            change: json!({"data": {"seen": "yes"}}),
            revision: v.metadata.resource_version.clone(),
        })
    }
}

both! {
    async fn who_keeps_undoing_what_is_written_is_left_alone_and_the_reason_is_told(pair: Pair) -> Result<()> {
        create(&pair.tenant, MAPS, &json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}, "metadata": {"name": "fought",
            "annotations": {"vcluster.loft.sh/force-sync": "true"}}})).await?;
        let on_host = pair.on_host("configmaps", "default", "fought");
        let mark = "vcluster.loft.sh/object-uid";
        let marked = |h: &Value| h["metadata"]["annotations"][mark].is_string();
        // Nothing is known of drift before every kind is listed whole.
        pair.until(&pair.host, &on_host, |h| marked(h) && pair.engine().report().drift.is_some()).await?;
        assert_eq!(pair.engine().report().drift.expect("it is known").named, []);
        for _ in 0..30 {
            if pair.engine().counts().quarantines > 0 { break }
            patch(&pair.host, &on_host, &json!({"metadata": {"annotations": {mark: null}}})).await?;
            pair.until(&pair.host, &on_host, |h| marked(h) || pair.engine().counts().quarantines > 0).await?;
        }
        let drift = pair.engine().report().drift.expect("it is known");
        assert_eq!((drift.quarantined, drift.counts.get("configmaps")), (1, Some(&1)), "{drift:?}");
        let told = &drift.named[0];
        assert!(told.quarantined && told.object.to_string() == "default/fought", "{told:?}");
        assert!(told.why.contains("metadata.annotations on the host side"), "{told:?}");
        assert!(!marked(&get(&pair.host, &on_host).await?), "it is left as the other one wants it");
        Ok(())
    }

    async fn a_difference_that_nobody_told_of_is_found_and_mended(pair: Pair) -> Result<()> {
        pair.stop().await;
        create(&pair.tenant, MAPS, &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "lonely"}})).await?;
        let switch = Arc::new(AtomicBool::new(false));
        pair.start_kinds(vec![Registered { name: "forgetful".into(), mirror: Arc::new(Forgetful(Arc::clone(&switch))) }]);
        pair.quiet().await?;
        pair.engine().sweep().await;
        assert_eq!(pair.engine().counts().missed, 0, "both sides agree");
        switch.store(true, Ordering::Relaxed);
        pair.quiet().await?;
        assert_eq!(get(&pair.tenant, &format!("{MAPS}/lonely")).await?["data"], Value::Null, "nobody knows");
        pair.engine().sweep().await;
        pair.until(&pair.tenant, &format!("{MAPS}/lonely"), |v| v["data"]["seen"] == "yes").await?;
        assert_eq!(pair.engine().counts().missed, 1);
        Ok(())
    }
}
