//! Watches: where they begin, what they show, how they end.

use crate::hosts::{Watch, both, cached, name, version};
use serde_json::{Value, json};
use v9s_testkit::proxy::{Proxy, Wire};

both! {
    async fn a_watch_without_version_begins_with_what_is_there(host: Host) -> Result<()> {
        let maps = host.config_maps("watchstate").await?;
        host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
        for query in ["watch=true", "watch=1&resourceVersion=0"] {
            let mut watch = host.watch(&format!("{maps}?{query}&fieldSelector=metadata.name%21%3Dkube-root-ca.crt")).await?;
            assert_eq!(watch.seen(1).await?, ["ADDED a"], "{query}");
        }
        Ok(())
    }

    async fn a_watch_from_a_version_shows_what_came_after(host: Host) -> Result<()> {
        let maps = host.config_maps("watchafter").await?;
        let a = host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
        host.put(&format!("{maps}/a"), &json!({"metadata": {"name": "a"}, "data": {"k": "1"}})).await?.expect_code(200)?;
        host.delete(&format!("{maps}/a")).await?.expect_code(200)?;
        let mut watch = host.watch(&format!("{maps}?watch=true&resourceVersion={}", version(&a))).await?;
        let (changed, gone) = (watch.event().await?, watch.event().await?);
        assert_eq!(changed["type"], "MODIFIED");
        assert_eq!((&changed["object"]["kind"], &changed["object"]["apiVersion"]), (&json!("ConfigMap"), &json!("v1")));
        assert_eq!(gone["type"], "DELETED");
        assert!(version(&gone["object"]) > version(&changed["object"]), "a deletion has its own version");
        assert_eq!(gone["object"]["data"], json!({"k": "1"}));
        Ok(())
    }

    async fn the_type_of_an_event_comes_before_its_object(host: Host) -> Result<()> {
        let maps = host.config_maps("watchorder").await?;
        host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
        cached(&host, &format!("{maps}/a"), |_| true).await?;
        let answer = host.get(&format!("{maps}?watch=true&timeoutSeconds=1")).await?;
        assert!(answer.text.starts_with("{\"type\":\"ADDED\",\"object\":{"), "{}", answer.text);
        assert_eq!(answer.headers["content-type"], "application/json");
        Ok(())
    }

    async fn a_watch_ends_when_its_time_is_over(host: Host) -> Result<()> {
        let maps = host.config_maps("watchend").await?;
        let version = version(&host.get(&maps).await?.json());
        let mut watch = host.watch(&format!("{maps}?watch=true&resourceVersion={version}&timeoutSeconds=1&fieldSelector=metadata.name%3Dx")).await?;
        assert_eq!((watch.code, watch.next().await?), (200, None));
        Ok(())
    }

    async fn selections_are_entered_and_left(host: Host) -> Result<()> {
        let maps = host.config_maps("watchselect").await?;
        let start = version(&host.get(&maps).await?.json());
        let mut watch = host.watch(&format!("{maps}?watch=true&resourceVersion={start}&labelSelector=on%3Dyes")).await?;
        let labelled = |value: &str, data: &str| json!({"metadata": {"name": "a", "labels": {"on": value}}, "data": {"k": data}});
        let path = format!("{maps}/a");
        host.post(&maps, &labelled("no", "1")).await?.expect_code(201)?;
        host.put(&path, &labelled("yes", "2")).await?.expect_code(200)?;
        host.put(&path, &labelled("yes", "3")).await?.expect_code(200)?;
        let left = host.put(&path, &labelled("no", "4")).await?.expect_code(200)?;
        host.put(&path, &labelled("no", "5")).await?.expect_code(200)?;
        host.put(&path, &labelled("yes", "6")).await?.expect_code(200)?;
        host.delete(&path).await?.expect_code(200)?;
        let mut events: Vec<Value> = Vec::new();
        for _ in 0..5 {
            events.push(watch.event().await?);
        }
        let seen: Vec<_> = events
            .iter()
            .map(|e| (e["type"].as_str().unwrap(), e["object"]["data"]["k"].as_str().unwrap()))
            .collect();
        assert_eq!(seen, [("ADDED", "2"), ("MODIFIED", "3"), ("DELETED", "3"), ("ADDED", "6"), ("DELETED", "6")]);
        assert_eq!(version(&events[2]["object"]), version(&left), "the old object under the new version");
        Ok(())
    }

    async fn a_field_selector_narrows_a_watch(host: Host) -> Result<()> {
        let maps = host.config_maps("watchfield").await?;
        let start = version(&host.get(&maps).await?.json());
        for name in ["a", "b"] {
            host.post(&maps, &json!({"metadata": {"name": name}})).await?.expect_code(201)?;
        }
        let mut watch = host.watch(&format!("{maps}?watch=true&resourceVersion={start}&fieldSelector=metadata.name%3Db")).await?;
        assert_eq!(watch.seen(1).await?, ["ADDED b"]);
        Ok(())
    }

    async fn the_initial_state_ends_with_a_bookmark(host: Host) -> Result<()> {
        let maps = host.config_maps("watchlist").await?;
        for name in ["a", "b"] {
            host.post(&maps, &json!({"metadata": {"name": name}})).await?.expect_code(201)?;
        }
        let query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&fieldSelector=metadata.name%21%3Dkube-root-ca.crt";
        let mut watch = host.watch(&format!("{maps}?{query}")).await?;
        assert_eq!(watch.seen(2).await?, ["ADDED a", "ADDED b"]);
        let bookmark = watch.event().await?;
        assert_eq!(bookmark["type"], "BOOKMARK");
        let object = &bookmark["object"];
        assert_eq!((&object["kind"], &object["apiVersion"]), (&json!("ConfigMap"), &json!("v1")));
        assert_eq!(object["metadata"]["annotations"], json!({"k8s.io/initial-events-end": "true"}));
        assert!(version(object) > 0);
        host.post(&maps, &json!({"metadata": {"name": "c"}})).await?.expect_code(201)?;
        assert_eq!(watch.seen(1).await?, ["ADDED c"]);
        Ok(())
    }

    async fn initial_events_can_be_declined(host: Host) -> Result<()> {
        let maps = host.config_maps("watchnolist").await?;
        host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
        let query = "watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&fieldSelector=metadata.name%21%3Dkube-root-ca.crt";
        let mut watch = host.watch(&format!("{maps}?{query}")).await?;
        host.post(&maps, &json!({"metadata": {"name": "b"}})).await?.expect_code(201)?;
        assert_eq!(watch.seen(1).await?, ["ADDED b"]);
        Ok(())
    }

    async fn watch_options_that_contradict_themselves_are_refused(host: Host) -> Result<()> {
        let maps = host.config_maps("watchoptions").await?;
        for (query, code) in [
            ("sendInitialEvents=true", 422),
            ("sendInitialEvents=true&resourceVersionMatch=Exact", 422),
            ("resourceVersionMatch=NotOlderThan&resourceVersion=0", 422),
            ("resourceVersion=abc", 500),
            ("labelSelector=%3D", 400),
        ] {
            let answer = host.get(&format!("{maps}?watch=true&timeoutSeconds=1&{query}")).await?;
            assert_eq!(answer.code, code, "{query}: {}", answer.text);
        }
        Ok(())
    }

    async fn an_initial_state_of_the_future_is_an_error_event(host: Host) -> Result<()> {
        let maps = host.config_maps("watchfuture").await?;
        let far = version(&host.get(&maps).await?.json()) + 1_000_000;
        let query = format!("watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=5&resourceVersion={far}");
        let mut watch = host.watch(&format!("{maps}?{query}")).await?;
        assert_eq!(watch.code, 200);
        let event = watch.event().await?;
        assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(504)));
        assert_eq!(event["object"]["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
        assert_eq!(watch.next().await?, None);
        Ok(())
    }

    async fn bookmarks_name_only_kind_and_version(host: Host) -> Result<()> {
        let maps = host.config_maps("bookmarks").await?;
        let created = host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
        // One bookmark comes shortly before the end, unless the server is so late that the end is there already.
        let mut first = None;
        for seconds in [4, 8, 16, 32] {
            let mut watch = host.watch(&format!("{maps}?watch=true&resourceVersion={}&allowWatchBookmarks=true&timeoutSeconds={seconds}&labelSelector=x%3Dy", version(&created))).await?;
            first = watch.next().await?;
            if first.is_some() {
                break;
            }
        }
        let event = first.unwrap();
        assert_eq!(event["type"], "BOOKMARK");
        let object = &event["object"];
        assert_eq!(object["kind"], "ConfigMap");
        assert!(version(object) >= version(&created));
        assert_eq!(name(object), "");
        Ok(())
    }

    async fn who_reads_too_slowly_is_let_go(host: Host) -> Result<()> {
        let maps = host.config_maps("watchslow").await?;
        let object = |n: usize| json!({"metadata": {"name": "a"}, "data": {"n": n.to_string(), "long": "x".repeat(200_000)}});
        let first = host.post(&maps, &object(0)).await?.expect_code(201)?;
        let (proxy, through) = Proxy::before(host.kubeconfig()).await?;
        let slow = crate::hosts::client(&through).await?;
        let path = format!("{maps}?watch=true&resourceVersion={}", version(&first));
        let mut watch = Watch::open(&slow, &path, "application/json").await?;
        proxy.set(Wire::Blackhole);
        // More than sockets and the server together hold for one watcher.
        let mut last = 0;
        for n in 1..=300 {
            last = version(&host.put(&format!("{maps}/a"), &object(n)).await?.expect_code(200)?);
        }
        proxy.set(Wire::Pass);
        let mut seen = version(&first);
        while let Some(event) = watch.next().await? {
            assert_eq!(event["type"], "MODIFIED");
            let now = version(&event["object"]);
            assert!(now > seen, "{now} after {seen}");
            seen = now;
        }
        assert!(seen < last, "the watch ended with {seen} of {last}");
        Ok(())
    }

    async fn tables_and_metadata_can_be_watched(host: Host) -> Result<()> {
        let maps = host.config_maps("watchforms").await?;
        for name in ["a", "b"] {
            host.post(&maps, &json!({"metadata": {"name": name}})).await?.expect_code(201)?;
        }
        let path = format!("{maps}?watch=true&fieldSelector=metadata.name%21%3Dkube-root-ca.crt");
        let mut watch = host.watch_as(&path, "application/json;as=Table;v=v1;g=meta.k8s.io").await?;
        let (first, second) = (watch.event().await?, watch.event().await?);
        assert_eq!(first["object"]["kind"], "Table");
        assert_eq!(first["object"]["rows"][0]["cells"][0], "a");
        assert_eq!(first["object"]["columnDefinitions"][0]["name"], "Name");
        assert!(second["object"]["columnDefinitions"].is_null(), "columns are named once");
        let mut watch = host.watch_as(&path, "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1").await?;
        let first = watch.event().await?;
        assert_eq!((&first["object"]["kind"], name(&first["object"])), (&json!("PartialObjectMetadata"), "a".to_owned()));
        Ok(())
    }

    async fn all_namespaces_can_be_watched(host: Host) -> Result<()> {
        let (one, two) = (host.namespace("watchall1").await?, host.namespace("watchall2").await?);
        let start = version(&host.get("/api/v1/configmaps").await?.json());
        let mut watch = host.watch(&format!("/api/v1/configmaps?watch=true&resourceVersion={start}&labelSelector=all%3D{one}")).await?;
        for namespace in [&one, &two] {
            let object = json!({"metadata": {"name": format!("in-{namespace}"), "labels": {"all": one}}});
            host.post(&format!("/api/v1/namespaces/{namespace}/configmaps"), &object).await?.expect_code(201)?;
        }
        assert_eq!(watch.seen(2).await?, [format!("ADDED in-{one}"), format!("ADDED in-{two}")]);
        Ok(())
    }
}
