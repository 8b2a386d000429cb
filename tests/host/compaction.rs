//! What is left of the past after a compaction, which the real server's etcd is asked for by its HTTP gateway.

use crate::hosts::{Answer, Watch, client, get, post, version};
use anyhow::Result;
use kube::Client;
use serde_json::json;
use v9s_sandbox::Sandbox;
use v9s_testkit::real::{ControlPlane, Options};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A page token and a version from before some writes; after a compaction at the last of these they lead nowhere.
async fn check(client: &Client, compact: impl AsyncFn(u64) -> Result<()>) -> Result<()> {
    for name in ["a", "b", "c"] {
        post(client, MAPS, &json!({"metadata": {"name": name, "labels": {"l": "x"}}}))
            .await?
            .expect_code(201)?;
    }
    let first = get(client, &format!("{MAPS}?labelSelector=l&limit=1")).await?.expect_code(200)?;
    let (token, then) = (first["metadata"]["continue"].as_str().unwrap().to_owned(), version(&first));
    let mut last = then;
    for name in ["later", "last"] {
        last = version(&post(client, MAPS, &json!({"metadata": {"name": name}})).await?.expect_code(201)?);
    }
    compact(last).await?;
    let expired = get(client, &format!("{MAPS}?labelSelector=l&limit=1&continue={token}")).await?;
    a_page_can_be_had_inconsistently(client, &expired).await?;
    let exact = get(client, &format!("{MAPS}?resourceVersion={then}&resourceVersionMatch=Exact")).await?;
    assert_eq!((exact.code, exact.refusal().1.as_str()), (410, "Expired"), "{}", exact.text);
    a_watch_begins_and_says_that_it_cannot(client, then).await
}

async fn a_watch_begins_and_says_that_it_cannot(client: &Client, version: u64) -> Result<()> {
    let path = format!("{MAPS}?watch=true&resourceVersion={version}");
    let mut watch = Watch::open(client, &path, "application/json").await?;
    assert_eq!(watch.code, 200);
    let event = watch.event().await?;
    let object = &event["object"];
    assert_eq!((&event["type"], &object["code"]), (&json!("ERROR"), &json!(410)), "{event}");
    assert_eq!((&object["kind"], &object["reason"]), (&json!("Status"), &json!("Expired")));
    assert_eq!(watch.next().await?, None);
    Ok(())
}

async fn a_page_can_be_had_inconsistently(client: &Client, expired: &Answer) -> Result<()> {
    let (code, reason, message) = expired.refusal();
    assert_eq!((code, reason.as_str()), (410, "Expired"), "{message}");
    assert!(
        message
            .starts_with("The provided continue parameter is too old to display a consistent list result."),
        "{message}"
    );
    assert!(message.contains("the continue token in this response"), "{message}");
    let json = expired.json();
    let token = json["metadata"]["continue"].as_str().unwrap_or_else(|| panic!("no token: {json}"));
    let rest = get(client, &format!("{MAPS}?labelSelector=l&continue={token}")).await?;
    assert_eq!(rest.names(), ["b", "c"], "{}", rest.text);
    Ok(())
}

#[tokio::test]
async fn what_is_compacted_is_gone_embedded() -> Result<()> {
    let sandbox = Sandbox::start(v9s_sandbox::Options::default()).await?;
    let client = client(&sandbox.kubeconfig()).await?;
    let compact = async |_| {
        sandbox.store().compact();
        Ok(())
    };
    check(&client, compact).await
}

v9s_testkit::real_test! {
    fn what_is_compacted_is_gone_real() -> Result<()> {
        // Without its cache the server knows only what its store knows.
        let options = Options { apiserver_args: vec!["--watch-cache=false".into()], ..Options::default() };
        let plane = ControlPlane::start(&options)?;
        tokio::runtime::Runtime::new()?.block_on(async {
            let etcd = Client::try_from(kube::Config::new(plane.store_url().parse()?))?;
            let compact = async |revision| {
                let wish = json!({"revision": revision, "physical": true});
                post(&etcd, "/v3/kv/compaction", &wish).await?.expect_code(200)?;
                Ok(())
            };
            check(&client(&plane.kubeconfig()).await?, compact).await
        })
    }
}
