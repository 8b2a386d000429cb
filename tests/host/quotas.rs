//! Quotas at the door. Their usage is written by the tests: no controller counts here.

use crate::hosts::{Host, both};
use anyhow::Result;
use serde_json::{Value, json};

fn pod(name: &str, resources: Value) -> Value {
    json!({"metadata": {"name": name}, "spec": {"automountServiceAccountToken": false,
        "containers": [{"name": "c", "image": "i", "resources": resources}]}})
}

/// A quota whose status says so, and the pods' path.
async fn limited(host: &Host, stem: &str, hard: Value, used: Value) -> Result<String> {
    let namespace = host.namespace(stem).await?;
    let quotas = format!("/api/v1/namespaces/{namespace}/resourcequotas");
    host.post(&quotas, &json!({"metadata": {"name": "q"}, "spec": {"hard": hard}}))
        .await?
        .expect_code(201)?;
    let status = json!({"status": {"hard": hard, "used": used}});
    host.patch(&format!("{quotas}/q/status"), "merge", &status).await?.expect_code(200)?;
    Ok(format!("/api/v1/namespaces/{namespace}/pods"))
}

/// A real server learns of quotas by watching them: tries until it refuses, always as a dry run.
async fn refused(host: &Host, pods: &str, pod: &Value) -> Result<(u16, String, String)> {
    let mut answer = host.post(&format!("{pods}?dryRun=All"), pod).await?;
    for _ in 0..500 {
        if answer.code != 201 {
            break;
        }
        answer = host.post(&format!("{pods}?dryRun=All"), pod).await?;
    }
    Ok(answer.refusal())
}

both! {
    async fn what_exceeds_a_quota_is_refused(host: Host) -> Result<()> {
        let pods = limited(&host, "exceeded", json!({"pods": "1", "requests.cpu": "1"}), json!({"pods": "1", "requests.cpu": "800m"})).await?;
        let refused = refused(&host, &pods, &pod("p", json!({"requests": {"cpu": "300m"}}))).await?;
        let message = "pods \"p\" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=300m, used: pods=1,requests.cpu=800m, limited: pods=1,requests.cpu=1";
        assert_eq!(refused, (403, "Forbidden".into(), message.into()));
        Ok(())
    }

    async fn a_quota_of_an_amount_wants_to_hear_it(host: Host) -> Result<()> {
        let pods = limited(&host, "unsaid", json!({"limits.cpu": "1"}), json!({"limits.cpu": "0"})).await?;
        let refused = refused(&host, &pods, &pod("p", json!({}))).await?;
        assert_eq!(refused, (403, "Forbidden".into(), "pods \"p\" is forbidden: failed quota: q: must specify limits.cpu for: c".into()));
        Ok(())
    }
}
