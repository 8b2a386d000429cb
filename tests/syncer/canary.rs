//! The canary: it goes round through both API servers, cheaply, and is missed when it does not.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use v9s_syncer::engine::key::Side;
use v9s_syncer::resources::canary::{self, Course};
use v9s_syncer::resources::{self, Content, Settings};

use crate::pair::{Pair, both, create, delete, get};

const EVERY: Duration = Duration::from_secs(1);
const PATH: &str = "/api/v1/namespaces/kube-system/configmaps/v9s-canary";

/// Starts the engine with a canary beside the usual kinds.
async fn with_canary(pair: &mut Pair, every: Option<Duration>, settings: &Settings) -> Arc<Course> {
    pair.stop().await;
    let mut kinds = resources::registry(settings);
    let course = canary::register(&mut kinds, every);
    pair.start_kinds(kinds);
    course
}

async fn flights(pair: &Pair, course: &Course, count: u64) -> Result<()> {
    pair.until_engine("the canary comes round", |_| course.record().flights >= count).await
}

/// Writes of the canary, virtual and host.
fn writes(pair: &Pair) -> [u64; 2] {
    let report = pair.engine().report();
    [Side::Virtual, Side::Host].map(|side| {
        let of = report.writes.iter().filter(|(kind, of, ..)| kind == canary::KIND && *of == side);
        of.map(|(.., count)| count).sum()
    })
}

fn turn(object: &Value) -> u64 {
    object["data"]["turn"].as_str().and_then(|turn| turn.parse().ok()).unwrap_or_default()
}

both! {
    async fn it_goes_round_at_one_write_on_each_side_and_its_legs_are_timed(pair: Pair) -> Result<()> {
        // All ConfigMaps are mirrored: the canary must not be mirrored a second time.
        let all = Settings { config_maps: Some(Content::All), ..Settings::default() };
        let course = with_canary(&mut pair, Some(EVERY), &all).await;
        assert!(course.trouble().is_some(), "it has not flown yet");
        flights(&pair, &course, 4).await?;
        assert_eq!(course.trouble(), None);
        let [inside, outside] = writes(&pair);
        let turns = turn(&get(&pair.tenant, PATH).await?);
        assert!(inside <= turns && outside <= turns && turns <= 5, "{inside} and {outside} writes for {turns} turns");
        let record = course.record();
        let last = record.last.expect("a flight");
        assert!(last.round_trip >= last.to_virtual && last.round_trip >= last.to_host, "{last:?}");
        assert_eq!(record.round_trips.count(), record.flights);
        let h = get(&pair.host, &pair.on_host("configmaps", "kube-system", "v9s-canary")).await?;
        assert_eq!(h["metadata"]["labels"]["vcluster.loft.sh/controlled-by"], "v9s-canary");
        assert_eq!(h["metadata"]["ownerReferences"][0]["name"], "t", "it goes with the virtual cluster");
        let report = pair.engine().report();
        let others = report.lags.iter().filter(|(kind, ..)| kind != canary::KIND).map(|(.., lag)| lag.total.count()).sum::<u64>();
        assert_eq!(report.to_host.count() + report.to_virtual.count(), others, "it is counted apart");
        assert!(report.pending.is_empty(), "{report:?}");
        Ok(())
    }

    async fn whoever_takes_it_away_on_either_side_it_comes_back(pair: Pair) -> Result<()> {
        let course = with_canary(&mut pair, Some(EVERY), &Settings::default()).await;
        let on_host = pair.on_host("configmaps", "kube-system", "v9s-canary");
        flights(&pair, &course, 1).await?;
        delete(&pair.tenant, PATH).await?;
        pair.until(&pair.tenant, PATH, |v| !v.is_null()).await?;
        let before = course.record().flights;
        flights(&pair, &course, before + 2).await?;
        delete(&pair.host, &on_host).await?;
        pair.until(&pair.host, &on_host, |h| !h.is_null()).await?;
        let before = course.record().flights;
        flights(&pair, &course, before + 2).await
    }

    async fn turned_off_it_goes_and_a_restart_goes_on_where_it_was(pair: Pair) -> Result<()> {
        let course = with_canary(&mut pair, Some(EVERY), &Settings::default()).await;
        flights(&pair, &course, 2).await?;
        let course = with_canary(&mut pair, Some(EVERY), &Settings::default()).await;
        flights(&pair, &course, 1).await?;
        assert!(turn(&get(&pair.tenant, PATH).await?) > 2);
        let off = with_canary(&mut pair, None, &Settings::default()).await;
        pair.until(&pair.tenant, PATH, Value::is_null).await?;
        pair.until(&pair.host, &pair.on_host("configmaps", "kube-system", "v9s-canary"), Value::is_null).await?;
        assert_eq!(off.trouble(), None);
        Ok(())
    }

    async fn a_tenants_own_object_of_its_name_is_left_alone_and_told(pair: Pair) -> Result<()> {
        pair.stop().await;
        create(&pair.tenant, "/api/v1/namespaces/kube-system/configmaps", &json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "v9s-canary"}, "data": {"mine": "yes"}})).await?;
        let course = with_canary(&mut pair, Some(EVERY), &Settings::default()).await;
        pair.until_pending("under the name of the canary").await?;
        assert!(course.trouble().is_some());
        assert_eq!(get(&pair.tenant, PATH).await?["data"], json!({"mine": "yes"}));
        Ok(())
    }
}

#[test]
fn a_host_that_takes_no_writes_is_known_by_a_canary_that_does_not_come_round() -> Result<()> {
    use v9s_sandbox::faults::{Effect, Matcher};
    use v9s_sandbox::status::Status;
    use v9s_sandbox::store::Gr;
    crate::pair::run_embedded(|mut pair: Pair| async move {
        let course = with_canary(&mut pair, Some(EVERY), &Settings::default()).await;
        flights(&pair, &course, 1).await?;
        let faults = pair.host.sandbox().expect("the embedded host").faults();
        let writes = Matcher::verbs(["create", "patch"]).resource(Gr::core("configmaps"));
        let rule = faults.add(writes, Effect::Answer(Status::internal("it does not feel well")));
        pair.until_engine("the canary is missed", |_| {
            course.trouble().is_some_and(|why| why.contains("has not come round for"))
        })
        .await?;
        faults.remove(rule);
        pair.until_engine("it comes round again", |_| course.trouble().is_none()).await
    })
}
