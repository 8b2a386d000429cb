//! What is left of the past after a compaction. The real server compacts by itself; this one does so every second.

use crate::hosts::{Answer, Watch, client, get, post, version};
use anyhow::Result;
use kube::Client;
use serde_json::{Value, json};
use v9s_sandbox::Sandbox;
use v9s_testkit::real::{ControlPlane, Options};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A page token and a version from before some writes; then `compacted` is asked again and again for the answer to
/// the token until it is refused.
async fn check(client: &Client, compact: impl Fn()) -> Result<()> {
    for name in ["a", "b", "c"] {
        post(client, MAPS, &json!({"metadata": {"name": name, "labels": {"l": "x"}}}))
            .await?
            .expect_code(201)?;
    }
    let first = get(client, &format!("{MAPS}?labelSelector=l&limit=1")).await?.expect_code(200)?;
    let (token, then) = (first["metadata"]["continue"].as_str().unwrap().to_owned(), version(&first));
    let expired = loop {
        post(client, MAPS, &json!({"metadata": {"generateName": "later-"}})).await?.expect_code(201)?;
        compact();
        let next = get(client, &format!("{MAPS}?labelSelector=l&limit=1&continue={token}")).await?;
        if next.code != 200 {
            break next;
        }
    };
    a_page_can_be_had_inconsistently(client, &expired).await?;
    let exact = get(client, &format!("{MAPS}?resourceVersion={then}&resourceVersionMatch=Exact")).await?;
    assert_eq!((exact.code, exact.refusal().1.as_str()), (410, "Expired"), "{}", exact.text);
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
async fn expired_pages_embedded() -> Result<()> {
    let sandbox = Sandbox::start(v9s_sandbox::Options::default()).await?;
    let client = client(&sandbox.kubeconfig()).await?;
    check(&client, || sandbox.store().compact()).await?;
    let mut watch =
        Watch::open(&client, &format!("{MAPS}?watch=true&resourceVersion=2"), "application/json").await?;
    let event: Value = watch.event().await?;
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)));
    Ok(())
}

v9s_testkit::real_test! {
    fn expired_pages_real() -> Result<()> {
        let options = Options { apiserver_args: vec!["--etcd-compaction-interval=1s".into()], ..Options::default() };
        let plane = ControlPlane::start(&options)?;
        tokio::runtime::Runtime::new()?.block_on(async {
            check(&client(&plane.kubeconfig()).await?, || ()).await
        })
    }
}
