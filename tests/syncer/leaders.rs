//! Several replicas: one writes, and the hand-over has neither a gap nor two writers.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use v9s::cluster::Cluster;
use v9s_syncer::leader::{Candidate, Terms};

use crate::pair::{Pair, both, get, patch};

const TERMS: Terms = Terms {
    lease: Duration::from_secs(3),
    renew_deadline: Duration::from_secs(2),
    retry: Duration::from_millis(200),
};

struct Replica {
    leads: watch::Receiver<bool>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn replica(pair: &Pair, identity: &str) -> Replica {
    let cluster = Cluster::from_client(pair.host.name, pair.host.url(), "default", pair.host.client());
    let namespace = pair.namespace.as_str().into();
    let candidate =
        Candidate { cluster, namespace, name: "lead".into(), identity: identity.into(), terms: TERMS };
    let (tell, leads) = watch::channel(false);
    let stop = CancellationToken::new();
    let task = tokio::spawn(candidate.run(tell, stop.clone()));
    Replica { leads, stop, task }
}

fn path(pair: &Pair) -> String {
    format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases/lead", pair.namespace)
}

both! {
    async fn one_leads_and_the_next_follows_at_once_when_it_leaves(pair: Pair) -> Result<()> {
        let mut first = replica(&pair, "first");
        first.leads.wait_for(|leads| *leads).await?;
        let mut second = replica(&pair, "second");
        tokio::time::sleep(TERMS.lease * 2).await;
        assert!(*first.leads.borrow() && !*second.leads.borrow(), "a renewed lease is not taken");
        first.stop.cancel();
        first.task.await?;
        let before = tokio::time::Instant::now();
        second.leads.wait_for(|leads| *leads).await?;
        assert!(!*first.leads.borrow());
        assert!(before.elapsed() < TERMS.lease, "what was given up need not run out");
        assert_eq!(get(&pair.host, &path(&pair)).await?["spec"]["leaseTransitions"], 1);
        Ok(())
    }

    async fn who_dies_is_followed_when_the_lease_has_run_out(pair: Pair) -> Result<()> {
        let mut first = replica(&pair, "first");
        first.leads.wait_for(|leads| *leads).await?;
        first.task.abort();
        let mut second = replica(&pair, "second");
        second.leads.wait_for(|leads| *leads).await?;
        assert_eq!(get(&pair.host, &path(&pair)).await?["spec"]["holderIdentity"], "second");
        Ok(())
    }

    async fn who_finds_another_in_its_place_stops_writing(pair: Pair) -> Result<()> {
        let mut first = replica(&pair, "first");
        first.leads.wait_for(|leads| *leads).await?;
        let mut usurped = Err(anyhow::anyhow!("never tried"));
        for _ in 0..20 {
            // The holder renews all the time; a conflict is tried again.
            usurped = patch(&pair.host, &path(&pair), &json!({"spec": {"holderIdentity": "usurper"}})).await;
            if usurped.is_ok() { break }
        }
        usurped?;
        first.leads.wait_for(|leads| !*leads).await?;
        Ok(())
    }

    async fn clocks_are_not_compared(pair: Pair) -> Result<()> {
        // Another's clock is an hour behind: its lease looks long expired and is not.
        let old = "2020-01-01T00:00:00.000000Z";
        crate::pair::create(&pair.host, &format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", pair.namespace),
            &json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "lead"},
                "spec": {"holderIdentity": "slow", "leaseDurationSeconds": 3600, "renewTime": old, "acquireTime": old}})).await?;
        let first = replica(&pair, "first");
        tokio::time::sleep(TERMS.lease).await;
        assert!(!*first.leads.borrow());
        let holder: Value = get(&pair.host, &path(&pair)).await?["spec"]["holderIdentity"].take();
        assert_eq!(holder, "slow");
        Ok(())
    }
}
