//! Servers that are gone, hang, are slow, busy, or tell less than all: nothing is lost, and nothing deleted by mistake.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use v9s_sandbox::faults::{Effect, Faults, Matcher};
use v9s_sandbox::status::Status;
use v9s_sandbox::store::Gr;
use v9s_syncer::engine::key::Side;
use v9s_syncer::engine::tally::Outcome;
use v9s_testkit::proxy::Wire;

use crate::pair::{Pair, both, create, delete, get, patch};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn forced(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}, "metadata": {"name": name,
        "annotations": {"vcluster.loft.sh/force-sync": "true"}}})
}

fn path(name: &str) -> String {
    format!("{MAPS}/{name}")
}

fn on_host(pair: &Pair, name: &str) -> String {
    pair.on_host("configmaps", "default", name)
}

async fn mirrored(pair: &Pair, name: &str) -> Result<()> {
    create(&pair.tenant, MAPS, &forced(name)).await?;
    pair.until(&pair.host, &on_host(pair, name), |h| !h.is_null()).await.map(drop)
}

/// A server goes away in the middle of changes and comes back.
async fn gone_for_a_while(mut pair: Pair, side: Side, how: Wire) -> Result<()> {
    let wire = pair.start_behind_a_wire(side).await?;
    for name in ["kept", "deleted", "changed"] {
        mirrored(&pair, name).await?;
    }
    pair.quiet().await?;
    wire.set(how);
    create(&pair.tenant, MAPS, &forced("new")).await?;
    delete(&pair.tenant, &path("deleted")).await?;
    patch(&pair.tenant, &path("changed"), &json!({"data": {"a": "2"}})).await?;
    if how == Wire::Cut {
        pair.until_engine("it knows that it is blind", |engine| !engine.report().blind.is_empty()).await?;
    } else {
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    for name in ["kept", "deleted", "changed"] {
        assert!(
            !get(&pair.host, &on_host(&pair, name)).await?.is_null(),
            "{name} is deleted while nobody can be asked"
        );
    }
    assert!(get(&pair.host, &on_host(&pair, "new")).await?.is_null());
    wire.set(Wire::Pass);
    pair.until(&pair.host, &on_host(&pair, "new"), |h| !h.is_null()).await?;
    pair.until(&pair.host, &on_host(&pair, "deleted"), Value::is_null).await?;
    pair.until(&pair.host, &on_host(&pair, "changed"), |h| h["data"] == json!({"a": "2"})).await?;
    pair.quiet().await?;
    assert!(!get(&pair.host, &on_host(&pair, "kept")).await?.is_null());
    Ok(())
}

both! {
    async fn the_hosts_api_goes_away_and_comes_back(pair: Pair) -> Result<()> {
        gone_for_a_while(pair, Side::Host, Wire::Cut).await
    }

    async fn the_tenants_api_goes_away_and_comes_back(pair: Pair) -> Result<()> {
        gone_for_a_while(pair, Side::Virtual, Wire::Cut).await
    }

    async fn the_hosts_api_hangs_and_goes_on(pair: Pair) -> Result<()> {
        gone_for_a_while(pair, Side::Host, Wire::Blackhole).await
    }

    async fn the_tenants_api_hangs_and_goes_on(pair: Pair) -> Result<()> {
        gone_for_a_while(pair, Side::Virtual, Wire::Blackhole).await
    }

    async fn a_slow_api_delays_and_does_no_harm(pair: Pair) -> Result<()> {
        for side in [Side::Virtual, Side::Host] {
            let wire = pair.start_behind_a_wire(side).await?;
            wire.set(Wire::Delay(Duration::from_millis(150)));
            let name = format!("slow-{side}");
            mirrored(&pair, &name).await?;
            patch(&pair.host, &on_host(&pair, &name), &json!({"data": {"a": "3"}})).await?;
            pair.until(&pair.tenant, &path(&name), |v| v["data"]["a"] == "3").await?;
            delete(&pair.tenant, &path(&name)).await?;
            pair.until(&pair.host, &on_host(&pair, &name), Value::is_null).await?;
        }
        Ok(())
    }

    async fn a_tenants_api_that_is_replaced_by_an_empty_one_costs_nothing_on_the_host(pair: Pair) -> Result<()> {
        mirrored(&pair, "precious").await?;
        pair.quiet().await?;
        pair.stop().await;
        pair.replace_tenant().await?;
        pair.start();
        pair.until_pending("another than before").await?;
        // What the new store has goes to the host all the same; what it has not stays there.
        mirrored(&pair, "new").await?;
        assert_eq!(get(&pair.host, &on_host(&pair, "precious")).await?["data"], json!({"a": "1"}));
        Ok(())
    }

    async fn two_syncers_at_once_do_not_fight_and_end_in_agreement(pair: Pair) -> Result<()> {
        let second = pair.second();
        for round in 1..=3 {
            for at in 0..8 {
                let name = format!("map-{at}");
                match get(&pair.tenant, &path(&name)).await?.is_null() {
                    true => drop(create(&pair.tenant, MAPS, &forced(&name)).await?),
                    false => drop(patch(&pair.tenant, &path(&name), &json!({"data": {"a": round.to_string()}})).await?),
                }
            }
        }
        delete(&pair.tenant, &path("map-7")).await?;
        for at in 0..7 {
            pair.until(&pair.host, &on_host(&pair, &format!("map-{at}")), |h| h["data"]["a"] == "3").await?;
        }
        pair.until(&pair.host, &on_host(&pair, "map-7"), Value::is_null).await?;
        pair.quiet().await?;
        let writes = || [pair.engine().counts().writes, second.counts().writes];
        let before = writes();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(writes(), before, "neither undoes what the other does");
        assert_eq!((pair.engine().counts().quarantines, second.counts().quarantines), (0, 0));
        Ok(())
    }
}

/// The embedded host, whose trouble can be chosen.
fn on_embedded<F: Future<Output = Result<()>>>(body: impl Fn(Pair) -> F) -> Result<()> {
    crate::pair::run_embedded(body)
}

fn faults(pair: &Pair, side: Side) -> Result<Faults> {
    let host = if side == Side::Host { &pair.host } else { &pair.tenant };
    Ok(host.sandbox().context("the embedded host")?.faults().clone())
}

fn writes() -> Matcher {
    Matcher::verbs(["create", "patch", "delete"]).resource(Gr::core("configmaps"))
}

fn answered(pair: &Pair, outcome: Outcome) -> u64 {
    let report = pair.engine().report();
    report.writes.iter().filter(|(.., how, _)| *how == outcome).map(|(.., count)| count).sum()
}

#[test]
fn a_busy_host_is_given_time_and_gets_everything_in_the_end() -> Result<()> {
    on_embedded(|mut pair| async move {
        pair.start_as_the_program().await?;
        faults(&pair, Side::Host)?.add_times(
            writes(),
            Effect::Answer(Status::too_many_requests("too many", 1)),
            5,
        );
        for at in 0..10 {
            create(&pair.tenant, MAPS, &forced(&format!("map-{at}"))).await?;
        }
        for at in 0..10 {
            pair.until(&pair.host, &on_host(&pair, &format!("map-{at}")), |h| !h.is_null()).await?;
        }
        pair.quiet().await?;
        assert_eq!(answered(&pair, Outcome::Busy), 5);
        let limits = pair.engine().report().budgets;
        assert!(limits[1] < limits[0], "fewer writes are under way on the host: {limits:?}");
        Ok(())
    })
}

#[test]
fn a_host_that_fails_is_asked_again_until_it_does_not() -> Result<()> {
    on_embedded(|pair| async move {
        let rule = faults(&pair, Side::Host)?
            .add(writes(), Effect::Answer(Status::internal("it does not feel well")));
        create(&pair.tenant, MAPS, &forced("settings")).await?;
        pair.until_engine("it has failed three times", |_| answered(&pair, Outcome::Failed) >= 3).await?;
        assert!(pair.engine().report().oldest_pending.is_some(), "it is told as pending");
        faults(&pair, Side::Host)?.remove(rule);
        pair.until(&pair.host, &on_host(&pair, "settings"), |h| !h.is_null()).await?;
        pair.quiet().await?;
        assert_eq!(pair.engine().pending(), []);
        Ok(())
    })
}

#[test]
fn an_answer_that_is_lost_does_not_make_an_object_twice() -> Result<()> {
    on_embedded(|pair| async move {
        faults(&pair, Side::Host)?.add_times(writes(), Effect::Drop, 3);
        create(&pair.tenant, MAPS, &forced("settings")).await?;
        pair.until(&pair.host, &on_host(&pair, "settings"), |h| !h.is_null()).await?;
        pair.quiet().await?;
        let all = get(
            &pair.host,
            &format!(
                "/api/v1/namespaces/{}/configmaps?labelSelector=vcluster.loft.sh/managed-by=t",
                pair.namespace
            ),
        )
        .await?;
        assert_eq!(all["items"].as_array().map(Vec::len), Some(1));
        Ok(())
    })
}

#[test]
fn watches_that_are_cut_torn_or_too_old_lose_nothing() -> Result<()> {
    on_embedded(|pair| async move {
        for round in 0..6 {
            let side = if round % 2 == 0 { Side::Virtual } else { Side::Host };
            let names = ["stays", "goes"].map(|stem| format!("{stem}-{round}"));
            for name in &names {
                mirrored(&pair, name).await?;
            }
            let faults = faults(&pair, side)?;
            // The watch is away while the changes happen; it cannot come back before the rule goes.
            let away =
                faults.add(Matcher::verbs(["watch", "list"]), Effect::Answer(Status::internal("away")));
            match round / 2 {
                0 => faults.cut_watches(Matcher::everything()),
                _ => faults.tear_watches(Matcher::everything()),
            }
            delete(&pair.tenant, &path(&names[1])).await?;
            patch(&pair.tenant, &path(&names[0]), &json!({"data": {"a": "2"}})).await?;
            patch(&pair.host, &on_host(&pair, &names[0]), &json!({"metadata": {"labels": {"seen": "yes"}}}))
                .await?;
            if round / 2 == 2 {
                let host = if side == Side::Host { &pair.host } else { &pair.tenant };
                host.sandbox().context("the embedded host")?.store().compact();
            }
            faults.remove(away);
            pair.until(&pair.host, &on_host(&pair, &names[0]), |h| h["data"]["a"] == "2").await?;
            pair.until(&pair.tenant, &path(&names[0]), |v| v["metadata"]["labels"]["seen"] == "yes").await?;
            pair.until(&pair.host, &on_host(&pair, &names[1]), Value::is_null).await?;
        }
        pair.quiet().await?;
        let left = get(
            &pair.host,
            &format!(
                "/api/v1/namespaces/{}/configmaps?labelSelector=vcluster.loft.sh/managed-by=t",
                pair.namespace
            ),
        )
        .await?;
        assert_eq!(left["items"].as_array().map(Vec::len), Some(6), "only what was deleted has gone");
        Ok(())
    })
}
