//! What watchers and listers can rely on while others write.

use std::collections::BTreeSet;

use crate::hosts::{Host, both, name, version};
use anyhow::Result;
use serde_json::json;

/// Creates so many ConfigMaps, several at a time.
async fn write_many(host: &Host, maps: &str, count: usize) -> Result<()> {
    let writer = |first: usize| async move {
        for number in (first..count).step_by(4) {
            let object = json!({"metadata": {"name": format!("m{number:03}"), "labels": {"many": "yes"}}});
            host.post(maps, &object).await?.expect_code(201)?;
        }
        anyhow::Ok(())
    };
    futures::try_join!(writer(0), writer(1), writer(2), writer(3))?;
    Ok(())
}

both! {
    async fn between_a_list_and_its_watch_nothing_is_lost_or_doubled(host: Host) -> Result<()> {
        let maps = host.config_maps("gapless").await?;
        let reader = async {
            // Lists taken at different moments of the writing.
            let mut seen_before = Vec::new();
            for _ in 0..4 {
                let list = host.get(&format!("{maps}?labelSelector=many")).await?.expect_code(200)?;
                let listed: Vec<String> = list["items"].as_array().unwrap().iter().map(name).collect();
                let watch = host.watch(&format!("{maps}?watch=true&labelSelector=many&resourceVersion={}", version(&list))).await?;
                seen_before.push((listed, watch));
            }
            anyhow::Ok(seen_before)
        };
        let ((), readers) = futures::try_join!(write_many(&host, &maps, 60), reader)?;
        for (listed, mut watch) in readers {
            let mut all = listed.clone();
            while all.len() < 60 {
                let event = watch.event().await?;
                assert_eq!(event["type"], "ADDED", "{event}");
                all.push(name(&event["object"]));
            }
            let distinct: BTreeSet<_> = all.iter().collect();
            assert_eq!(distinct.len(), 60, "after {} listed ones: {all:?}", listed.len());
        }
        Ok(())
    }

    async fn all_watchers_see_one_order(host: Host) -> Result<()> {
        let maps = host.config_maps("order").await?;
        let start = version(&host.get(&maps).await?.json());
        let path = format!("{maps}?watch=true&labelSelector=many&resourceVersion={start}");
        let mut watches = [host.watch(&path).await?, host.watch(&path).await?];
        write_many(&host, &maps, 40).await?;
        let mut late = host.watch(&path).await?;
        let mut orders: Vec<Vec<u64>> = Vec::new();
        for watch in watches.iter_mut().chain([&mut late]) {
            let mut order = Vec::new();
            for _ in 0..40 {
                order.push(version(&watch.event().await?["object"]));
            }
            orders.push(order);
        }
        assert!(orders[0].is_sorted(), "in the order of versions: {:?}", orders[0]);
        assert!(orders.iter().all(|order| *order == orders[0]), "{orders:?}");
        Ok(())
    }

    async fn writes_that_change_nothing_are_not_told(host: Host) -> Result<()> {
        let maps = host.config_maps("untold").await?;
        let applied = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "1"}});
        let path = format!("{maps}/a");
        let created = host.patch(&format!("{path}?fieldManager=me"), "apply", &applied).await?.expect_code(201)?;
        let mut watch = host.watch(&format!("{maps}?watch=true&resourceVersion={}", version(&created))).await?;
        host.put(&path, &created).await?.expect_code(200)?;
        for (kind, body) in [("merge", json!({"data": {"k": "1"}})), ("strategic", json!({"data": {"k": "1"}})), ("json", json!([]))] {
            host.patch(&format!("{path}?fieldManager=me"), kind, &body).await?.expect_code(200)?;
        }
        host.patch(&format!("{path}?fieldManager=me"), "apply", &applied).await?.expect_code(200)?;
        host.patch(&path, "merge", &json!({"data": {"k": "2"}})).await?.expect_code(200)?;
        let event = watch.event().await?;
        assert_eq!((&event["type"], &event["object"]["data"]["k"]), (&json!("MODIFIED"), &json!("2")));
        Ok(())
    }
}
