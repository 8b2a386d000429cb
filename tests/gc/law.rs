//! Whatever a tenant does and whatever breaks meanwhile, gc deletes nothing whose origin is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use v9s::cluster::Cluster;
use v9s::gc::{Wish, plan};
use v9s_sandbox::faults::{Effect, Matcher};
use v9s_sandbox::status::Status;
use v9s_syncer::context::Context;
use v9s_syncer::engine::Engine;
use v9s_syncer::resources::{self, Settings};
use v9s_testkit::host::{Host, Needs};

use crate::seat::{Seat, delete, get, patch};

/// Things that happen in one life.
const DEEDS: usize = 60;
/// Names that a tenant uses, over and over.
const NAMES: u32 = 8;

/// A tenant whose syncer comes and goes.
struct Life {
    seat: Seat,
    rng: StdRng,
    engine: Option<Engine>,
    /// UIDs of objects inside whose deletion has begun: written down before it is asked for.
    ended: BTreeSet<String>,
    collected: usize,
    looked: usize,
}

impl Life {
    async fn new(seed: u64) -> Result<Self> {
        let seat = Seat::new(Host::embedded(Needs::NONE).await?).await?;
        let rng = StdRng::seed_from_u64(seed);
        let mut life = Life { seat, rng, engine: None, ended: BTreeSet::new(), collected: 0, looked: 0 };
        life.start();
        Ok(life)
    }

    fn start(&mut self) {
        let cluster = |host: &Host| Cluster::from_client(host.name, host.url(), "default", host.client());
        let ctx = Context {
            api_addresses: vec!["10.0.0.1".into()],
            ..Context::new("t", self.seat.namespace.as_str())
        };
        let kinds = resources::registry(&Settings::default());
        self.engine = Some(Engine::start(ctx, kinds, cluster(&self.seat.tenant), cluster(&self.seat.host)));
    }

    fn plural(&mut self) -> (&'static str, &'static str) {
        [("ConfigMap", "configmaps"), ("Service", "services")][self.rng.random_range(0..2)]
    }

    fn name(&mut self) -> String {
        format!("n{}", self.rng.random_range(0..NAMES))
    }

    async fn deed(&mut self) -> Result<()> {
        match self.rng.random_range(0..20) {
            0..=6 => self.create().await,
            7..=10 => self.delete().await,
            11 => {
                let (kind, name) = (self.plural(), self.name());
                self.end(kind.1, &name).await?;
                self.make(kind.0, kind.1, &name).await
            }
            12 => {
                self.engine = None;
                Ok(())
            }
            13 => {
                self.engine = None;
                self.start();
                Ok(())
            }
            14 => self.forge().await,
            15 => self.mark().await,
            16 => {
                self.seat.ways.shut.fetch_xor(true, Ordering::Relaxed);
                Ok(())
            }
            17 => {
                self.trouble();
                Ok(())
            }
            _ => self.collect(true).await,
        }
    }

    async fn create(&mut self) -> Result<()> {
        let (kind, name) = (self.plural(), self.name());
        self.make(kind.0, kind.1, &name).await
    }

    async fn delete(&mut self) -> Result<()> {
        let (kind, name) = (self.plural(), self.name());
        self.end(kind.1, &name).await
    }

    async fn make(&self, kind: &str, plural: &str, name: &str) -> Result<()> {
        // There may be one, and the server may be in trouble.
        let path = format!("/api/v1/namespaces/shop/{plural}/{name}");
        if get(&self.seat.tenant, &path).await.is_ok_and(|there| there.is_null()) {
            let metadata = json!({"name": name, "namespace": "shop",
                "annotations": {"vcluster.loft.sh/force-sync": "true"}});
            let _ = self.seat.tenant.seed(&[crate::seat::body(kind, metadata)]).await;
        }
        Ok(())
    }

    async fn end(&mut self, plural: &str, name: &str) -> Result<()> {
        let path = format!("/api/v1/namespaces/shop/{plural}/{name}");
        if let Ok(there) = get(&self.seat.tenant, &path).await
            && let Some(uid) = there["metadata"]["uid"].as_str()
        {
            self.ended.insert(uid.to_owned());
            let _ = delete(&self.seat.tenant, &path).await;
        }
        Ok(())
    }

    /// Somebody puts something on the host that pretends to come from inside: under the UID of what lives there, or of nothing.
    async fn forge(&mut self) -> Result<()> {
        let name = self.name();
        let there = get(&self.seat.tenant, &format!("/api/v1/namespaces/shop/configmaps/{name}")).await;
        let uid = there.ok().and_then(|it| it["metadata"]["uid"].as_str().map(str::to_owned));
        let mut forged = self.seat.synced("ConfigMap", &name, uid.as_deref().unwrap_or("of-nothing"));
        forged["metadata"]["name"] = json!(format!("forged-{}", self.rng.random_range(0..1000)));
        if self.rng.random() {
            forged["metadata"]["annotations"]["vcluster.loft.sh/object-host-name"] = Value::Null;
            if let Some(annotations) = forged["metadata"]["annotations"].as_object_mut() {
                annotations.remove("vcluster.loft.sh/object-host-name");
            }
        }
        let _ = self.seat.put(forged).await;
        Ok(())
    }

    /// It is paused or restored for a while, or returns.
    async fn mark(&mut self) -> Result<()> {
        let marks = ["loft.sh/paused", "loft.sh/restoring"];
        let mark = marks[self.rng.random_range(0..2)];
        let on = if self.rng.random() { json!("true") } else { Value::Null };
        let plane = format!("/apis/apps/v1/namespaces/{}/statefulsets/t", self.seat.namespace);
        let _ = patch(&self.seat.host, &plane, json!({"metadata": {"annotations": {mark: on}}})).await;
        Ok(())
    }

    /// Some of the next requests go wrong, on either side.
    fn trouble(&mut self) {
        let side = if self.rng.random() { &self.seat.tenant } else { &self.seat.host };
        let Some(sandbox) = side.sandbox() else { return };
        let effects = [
            Effect::Answer(Status::internal("it does not feel well")),
            Effect::Answer(Status::too_many_requests("not so fast", 0)),
            Effect::Drop,
            Effect::Delay(Duration::from_millis(30)),
        ];
        let verbs = [vec!["get"], vec!["list"], vec!["get", "list"], vec!["delete"], vec!["watch"]];
        let effect = effects[self.rng.random_range(0..effects.len())].clone();
        let matcher = Matcher::verbs(verbs[self.rng.random_range(0..verbs.len())].clone());
        let times = self.rng.random_range(1..6);
        sandbox.faults().add_times(matcher.clone(), effect, times);
        sandbox.faults().cut_watches(Matcher::everything());
    }

    /// Looks, plans, and collects, while the tenant goes on or not; then everything that went is held against what the tenant
    /// had ended.
    async fn collect(&mut self, goes_on: bool) -> Result<()> {
        // What cannot be looked at now is looked at another time.
        let Ok(found) = self.seat.look().await else { return Ok(()) };
        self.looked += 1;
        let planned = plan(&found, &Wish::default());
        let origins: BTreeMap<String, String> = planned
            .goes
            .iter()
            .filter_map(|it| Some((it.claim.uid.to_string(), it.claim.marks.uid.clone()?.to_string())))
            .collect();
        let before = self.seat.audited()?.len();
        if goes_on {
            // Between the plan and the deletions, and during them. What goes wrong is looked at in the audit log.
            self.create().await?;
            self.delete().await?;
            let (kind, name) = (self.plural(), self.name());
            let _ = tokio::join!(self.seat.collect(&planned), self.make(kind.0, kind.1, &name));
        } else {
            let collected = self.seat.collect(&planned).await?;
            ensure!(collected.failed.is_empty() && collected.spared.is_empty(), "{collected:?}");
        }
        for (name, uid) in self.seat.audited()?.into_iter().skip(before) {
            let origin = origins.get(&uid).with_context(|| format!("{name} was not in the plan"))?;
            ensure!(
                self.ended.contains(origin) || origin == "of-nothing",
                "{name} went, and its origin {origin} had not ended"
            );
            self.collected += 1;
        }
        Ok(())
    }
}

async fn life(seed: u64) -> Result<(usize, usize)> {
    let mut life = Life::new(seed).await?;
    for deed in 0..DEEDS {
        life.deed().await.with_context(|| format!("seed {seed}, deed {deed}"))?;
        if life.rng.random() {
            tokio::time::sleep(Duration::from_millis(life.rng.random_range(0..40))).await;
        }
    }
    // In the end, with nobody in the way, whatever is proven goes and what lives stays.
    for host in [&life.seat.host, &life.seat.tenant] {
        host.sandbox().context("the embedded host")?.faults().clear();
    }
    life.engine = None;
    life.seat.ways.shut.store(false, Ordering::Relaxed);
    let plane = format!("/apis/apps/v1/namespaces/{}/statefulsets/t", life.seat.namespace);
    let clear = json!({"metadata": {"annotations": {"loft.sh/paused": null, "loft.sh/restoring": null}}});
    patch(&life.seat.host, &plane, clear).await?;
    life.collect(false).await?;
    let left = life.seat.look().await?;
    let proven: Vec<_> =
        left.findings.iter().filter(|it| it.is_proven()).map(|it| &it.claim.object).collect();
    ensure!(proven.is_empty(), "seed {seed}: {proven:?}");
    Ok((life.looked, life.collected))
}

/// `V9S_GC_LIVES=200 V9S_GC_SEED=7` tries more and others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_whose_origin_is_there_is_ever_deleted() -> Result<()> {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let (first, lives) = (number("V9S_GC_SEED").unwrap_or(1), number("V9S_GC_LIVES").unwrap_or(6));
    let (mut looked, mut collected) = (0, 0);
    for seed in first..first + lives {
        let (looks, went) = life(seed).await?;
        looked += looks;
        collected += went;
    }
    ensure!(looked > 0 && collected > 0, "nothing was tried: {looked} looks, {collected} collected");
    Ok(())
}
