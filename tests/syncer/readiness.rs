//! What readiness is judged by besides the engine: both API servers, and the tenant's controllers.

use std::time::Duration;

use anyhow::Result;
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use v9s_syncer::engine::key::Side;
use v9s_syncer::serve::checks::{Check, Health};
use v9s_syncer::serve::probes::Probes;

use crate::pair::{Pair, both, create, delete, patch};

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager";

async fn asked(probes: &Probes, pair: &Pair) -> Vec<Check> {
    let [tenant, host] = pair.clusters();
    probes.ask(&tenant, &host).await;
    probes.checks()
}

fn health(checks: &[Check], what: &str) -> Health {
    checks.iter().find(|check| check.what == what).map(|check| check.health.clone()).expect("a check")
}

/// Spec of a Lease that was renewed just now by a clock that is this far behind.
fn renewed(behind: TimeDelta) -> Value {
    let now = (Utc::now() - behind).to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    json!({"holderIdentity": "one", "leaseDurationSeconds": 1, "renewTime": now, "acquireTime": now})
}

both! {
    async fn both_servers_answer_and_a_controller_manager_without_a_lease_is_unknown(pair: Pair) -> Result<()> {
        let probes = Probes::default();
        assert!(matches!(health(&probes.checks(), "virtual-api"), Health::Bad(_)), "nobody has asked");
        let checks = asked(&probes, &pair).await;
        assert_eq!(health(&checks, "virtual-api"), Health::Good);
        assert_eq!(health(&checks, "host-api"), Health::Good);
        assert!(matches!(health(&checks, "controller-manager"), Health::Unknown(why) if why.contains("no Lease")));
        assert!(probes.answer(Side::Host).is_some_and(|answer| answer.took > Duration::ZERO));
        Ok(())
    }

    async fn a_lease_is_fresh_while_it_is_renewed_whatever_its_owners_clock_says(pair: Pair) -> Result<()> {
        let behind = TimeDelta::hours(3);
        create(&pair.tenant, LEASES, &json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "kube-controller-manager"}, "spec": renewed(behind)})).await?;
        let probes = Probes::default();
        let checks = asked(&probes, &pair).await;
        assert!(matches!(health(&checks, "controller-manager"), Health::Unknown(why) if why.contains("before we looked")));
        patch(&pair.tenant, LEASE, &json!({"spec": renewed(behind)})).await?;
        assert_eq!(health(&asked(&probes, &pair).await, "controller-manager"), Health::Good);
        tokio::time::sleep(Duration::from_millis(2100)).await;
        let checks = asked(&probes, &pair).await;
        assert!(matches!(health(&checks, "controller-manager"), Health::Bad(why) if why.contains("not been renewed for 2 s")));
        patch(&pair.tenant, LEASE, &json!({"spec": renewed(-behind)})).await?;
        assert_eq!(health(&asked(&probes, &pair).await, "controller-manager"), Health::Good);
        delete(&pair.tenant, LEASE).await?;
        assert!(matches!(health(&asked(&probes, &pair).await, "controller-manager"), Health::Bad(_)));
        Ok(())
    }

    async fn a_lease_that_is_fresh_by_the_servers_time_needs_no_second_look(pair: Pair) -> Result<()> {
        create(&pair.tenant, LEASES, &json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "kube-controller-manager"}, "spec": renewed(TimeDelta::zero())})).await?;
        assert_eq!(health(&asked(&Probes::default(), &pair).await, "controller-manager"), Health::Good);
        Ok(())
    }
}

#[test]
fn a_server_that_does_not_answer_is_told_apart_from_the_other() -> Result<()> {
    crate::pair::run_embedded(|pair: Pair| async move {
        let [tenant, _] = pair.clusters();
        let nowhere = kube::Config::new("http://127.0.0.1:1".parse()?);
        let dead =
            v9s::cluster::Cluster::from_client("dead", "x", "default", kube::Client::try_from(nowhere)?);
        let probes = Probes::default();
        probes.ask(&tenant, &dead).await;
        assert_eq!(health(&probes.checks(), "virtual-api"), Health::Good);
        assert!(matches!(health(&probes.checks(), "host-api"), Health::Bad(_)));
        probes.ask(&dead, &tenant).await;
        assert!(matches!(health(&probes.checks(), "virtual-api"), Health::Bad(_)));
        Ok(())
    })
}
