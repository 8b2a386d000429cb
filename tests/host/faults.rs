//! Trouble on demand: only the embedded host makes it.

use crate::hosts::{Host, version};
use anyhow::Result;
use serde_json::json;
use v9s_sandbox::Sandbox;
use v9s_sandbox::faults::{Effect, Matcher};
use v9s_sandbox::status::Status;
use v9s_sandbox::store::Gr;
use v9s_testkit::host::Needs;

/// A host and the ConfigMaps of a namespace on it.
async fn host() -> Result<(Host, String)> {
    let host = Host::of(v9s_testkit::host::Host::embedded(Needs::NONE).await?).await?;
    let maps = host.config_maps("faults").await?;
    Ok((host, maps))
}

fn faults(host: &Host) -> &v9s_sandbox::faults::Faults {
    sandbox(host).faults()
}

fn sandbox(host: &Host) -> &Sandbox {
    host.kit().sandbox().expect("the embedded host")
}

fn config_maps() -> Matcher {
    Matcher::everything().resource(Gr::core("configmaps"))
}

#[tokio::test]
async fn requests_are_refused_as_a_busy_server_refuses_them() -> Result<()> {
    let (host, maps) = host().await?;
    let busy = Status::too_many_requests("the server is busy", 7);
    faults(&host).add_times(config_maps(), Effect::Answer(busy), 1);
    let answer = host.get(&maps).await?;
    assert_eq!((answer.code, answer.headers["retry-after"].to_str()?), (429, "7"));
    assert_eq!(host.get(&maps).await?.code, 200);
    let rule = faults(&host).add(config_maps(), Effect::Answer(Status::internal("broken")));
    assert_eq!(host.get(&maps).await?.refusal().1, "InternalError");
    assert_eq!(host.get("/api/v1/namespaces").await?.code, 200, "others are not concerned");
    faults(&host).remove(rule);
    assert_eq!(host.get(&maps).await?.code, 200);
    Ok(())
}

#[tokio::test]
async fn connections_are_dropped() -> Result<()> {
    let (host, maps) = host().await?;
    faults(&host).add_times(config_maps(), Effect::Drop, 1);
    assert!(host.get(&maps).await.is_err());
    assert_eq!(host.get(&maps).await?.code, 200);
    Ok(())
}

#[tokio::test]
async fn a_frozen_request_goes_on_when_it_is_thawed() -> Result<()> {
    let (host, maps) = host().await?;
    let rule = faults(&host).add(config_maps(), Effect::Freeze);
    let (client, path) = (host.client(), maps.clone());
    let asked = tokio::spawn(async move { crate::hosts::get(&client, &path).await });
    host.namespace("meanwhile").await?;
    assert!(!asked.is_finished());
    faults(&host).remove(rule);
    assert_eq!(asked.await??.code, 200);
    Ok(())
}

#[tokio::test]
async fn a_frozen_watch_falls_silent_and_catches_up() -> Result<()> {
    let (host, maps) = host().await?;
    let start = version(&host.get(&maps).await?.json());
    let mut watch = host.watch(&format!("{maps}?watch=true&resourceVersion={start}")).await?;
    let rule = faults(&host).add(Matcher::verbs(["watch"]), Effect::Freeze);
    host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
    {
        let mut next = std::pin::pin!(watch.next());
        assert!(futures::poll!(next.as_mut()).is_pending());
        host.post(&maps, &json!({"metadata": {"name": "b"}})).await?.expect_code(201)?;
        assert!(futures::poll!(next.as_mut()).is_pending());
        faults(&host).remove(rule);
        assert_eq!(next.await?.map(|event| crate::hosts::name(&event["object"])), Some("a".to_owned()));
    }
    assert_eq!(watch.seen(1).await?, ["ADDED b"]);
    Ok(())
}

#[tokio::test]
async fn watches_are_cut() -> Result<()> {
    let (host, maps) = host().await?;
    let start = version(&host.get(&maps).await?.json());
    let path = format!("{maps}?watch=true&resourceVersion={start}");
    let mut cut = host.watch(&path).await?;
    let mut kept = host.watch(&format!("/api/v1/namespaces?watch=true&resourceVersion={start}")).await?;
    faults(&host).cut_watches(config_maps());
    assert_eq!(cut.next().await?, None);
    host.namespace("later").await?;
    assert!(kept.seen(1).await?[0].starts_with("ADDED"));
    Ok(())
}

#[tokio::test]
async fn a_watch_from_before_a_compaction_is_told_to_list_again() -> Result<()> {
    let (host, maps) = host().await?;
    let start = version(&host.get(&maps).await?.json());
    host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
    let first = host.get(&format!("{maps}?limit=1")).await?.json();
    host.post(&maps, &json!({"metadata": {"name": "b"}})).await?.expect_code(201)?;
    sandbox(&host).store().compact();
    let mut watch = host.watch(&format!("{maps}?watch=true&resourceVersion={start}")).await?;
    assert_eq!(watch.code, 200, "a watch that is too old begins, and says so");
    let event = watch.event().await?;
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert_eq!(event["object"]["reason"], "Expired");
    assert!(
        event["object"]["message"].as_str().unwrap().starts_with("too old resource version: "),
        "{event}"
    );
    assert_eq!(watch.next().await?, None);
    let exact = version(&first);
    let answer = host.get(&format!("{maps}?resourceVersion={exact}&resourceVersionMatch=Exact")).await?;
    assert_eq!((answer.code, answer.refusal().1.as_str()), (410, "Expired"));
    Ok(())
}

#[tokio::test]
async fn what_one_user_suffers_another_does_not() -> Result<()> {
    let (host, maps) = host().await?;
    faults(&host).add(Matcher::everything().user("jane"), Effect::Answer(Status::internal("no")));
    let jane = sandbox(&host).kubeconfig_of("jane", &["system:masters"]);
    let jane = crate::hosts::client(&jane).await?;
    assert_eq!(crate::hosts::get(&jane, &maps).await?.code, 500);
    assert_eq!(host.get(&maps).await?.code, 200);
    Ok(())
}

#[tokio::test]
async fn a_dropped_host_lets_go_of_its_port() -> Result<()> {
    let first = Sandbox::start(v9s_sandbox::Options::default()).await?;
    let port = first.url().rsplit(':').next().and_then(|port| port.parse().ok());
    let taken = Sandbox::start(v9s_sandbox::Options { port, ..v9s_sandbox::Options::default() }).await;
    let message = taken.map(|_| ()).unwrap_err().to_string();
    assert!(message.starts_with("the embedded host cannot listen on 127.0.0.1 port "), "{message}");
    drop(first);
    let mut again = Sandbox::start(v9s_sandbox::Options { port, ..v9s_sandbox::Options::default() }).await;
    while again.is_err() {
        // The listener is closed by its own task.
        tokio::task::yield_now().await;
        again = Sandbox::start(v9s_sandbox::Options { port, ..v9s_sandbox::Options::default() }).await;
    }
    Ok(())
}

#[tokio::test]
async fn watches_are_torn_in_the_middle_of_a_line() -> Result<()> {
    let (host, maps) = host().await?;
    let mut watch = host.watch(&format!("{maps}?watch=true")).await?;
    host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
    while crate::hosts::name(&watch.event().await?["object"]) != "a" {}
    faults(&host).tear_watches(config_maps());
    let error = watch.next().await.expect_err("no end, for the connection is gone");
    assert!(format!("{error:#}").contains("connection"), "{error:#}");
    let rest = String::from_utf8(watch.left().to_vec())?;
    assert!(
        rest.starts_with("{\"type\":") && serde_json::from_str::<serde_json::Value>(&rest).is_err(),
        "{rest}"
    );
    Ok(())
}

#[tokio::test]
async fn one_kind_overtakes_another_whose_watches_are_held_up() -> Result<()> {
    let (host, maps) = host().await?;
    let secrets = maps.replace("configmaps", "secrets");
    let from = version(&host.get(&maps).await?.json());
    let mut slow = host.watch(&format!("{maps}?watch=true&resourceVersion={from}")).await?;
    let mut quick = host.watch(&format!("{secrets}?watch=true&resourceVersion={from}")).await?;
    let held = faults(&host).add(Matcher::verbs(["watch"]).resource(Gr::core("configmaps")), Effect::Freeze);
    host.post(&maps, &json!({"metadata": {"name": "first"}})).await?.expect_code(201)?;
    host.post(&secrets, &json!({"metadata": {"name": "second"}})).await?.expect_code(201)?;
    assert_eq!(quick.seen(1).await?, ["ADDED second"]);
    faults(&host).remove(held);
    assert_eq!(slow.seen(1).await?, ["ADDED first"]);
    Ok(())
}

#[tokio::test]
async fn who_lags_behind_a_compaction_has_to_list_again() -> Result<()> {
    let (host, maps) = host().await?;
    let created = host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
    host.post(&maps, &json!({"metadata": {"name": "b"}})).await?.expect_code(201)?;
    sandbox(&host).store().compact();
    let mut watch = host.watch(&format!("{maps}?watch=true&resourceVersion={}", version(&created))).await?;
    let event = watch.event().await?;
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)));
    Ok(())
}
