//! Quotas at the door. Where no controller counts, the tests write what is used.

use crate::hosts::{Host, both, until};
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

    async fn only_what_a_quota_says_of_its_state_counts(host: Host) -> Result<()> {
        let namespace = host.namespace("stated").await?;
        let quotas = format!("/api/v1/namespaces/{namespace}/resourcequotas");
        let pods = format!("/api/v1/namespaces/{namespace}/pods");
        host.post(&quotas, &json!({"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}})).await?.expect_code(201)?;
        let good = |answer: &crate::hosts::Answer| answer.code == 201;
        // Nobody has counted: nobody is limited.
        host.post(&pods, &pod("a", json!({}))).await?.expect_code(201)?;
        let state = |hard: Value, used: Value| json!({"status": {"hard": hard, "used": used}});
        let path = format!("{quotas}/q/status");
        host.patch(&path, "merge", &state(json!({"pods": "1"}), Value::Null)).await?.expect_code(200)?;
        let unknown = refused(&host, &pods, &pod("b", json!({}))).await?;
        assert_eq!(unknown, (403, "Forbidden".into(), "pods \"b\" is forbidden: status unknown for quota: q, resources: pods".into()));
        host.patch(&path, "merge", &state(json!({"pods": "1"}), json!({"pods": "0"}))).await?.expect_code(200)?;
        let mut answer = host.post(&format!("{pods}?dryRun=All"), &pod("b", json!({}))).await?;
        while !good(&answer) {
            answer = host.post(&format!("{pods}?dryRun=All"), &pod("b", json!({}))).await?;
        }
        host.post(&pods, &pod("b", json!({}))).await?.expect_code(201)?;
        let charged = host.get(&format!("{quotas}/q")).await?.json();
        assert_eq!(charged["status"], json!({"hard": {"pods": "1"}, "used": {"pods": "1"}}), "dry runs cost nothing");
        let refused = refused(&host, &pods, &pod("c", json!({}))).await?;
        assert_eq!(refused.2, "pods \"c\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1");
        Ok(())
    }
}

v9s_testkit::both_hosts! {
    #![needs(controllers)]

    async fn a_changed_quota_holds_once_it_is_counted(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let namespace = host.furnished("changed").await?;
        let quotas = format!("/api/v1/namespaces/{namespace}/resourcequotas");
        let pods = format!("/api/v1/namespaces/{namespace}/pods");
        host.post(&quotas, &json!({"metadata": {"name": "q"}, "spec": {"hard": {"pods": "5"}}})).await?.expect_code(201)?;
        let path = format!("{quotas}/q");
        let is = |hard: &'static str, used: &'static str| move |quota: &Value| quota["status"] == json!({"hard": {"pods": hard}, "used": {"pods": used}});
        until(&host, &path, is("5", "0")).await?;
        host.post(&pods, &pod("a", json!({}))).await?.expect_code(201)?;
        until(&host, &path, is("5", "1")).await?;
        host.patch(&path, "merge", &json!({"spec": {"hard": {"pods": "1"}}})).await?.expect_code(200)?;
        until(&host, &path, is("1", "1")).await?;
        let refused = refused(&host, &pods, &pod("b", json!({}))).await?;
        assert_eq!(refused.2, "pods \"b\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1");
        host.delete(&format!("{pods}/a?gracePeriodSeconds=0")).await?.expect_code(200)?;
        until(&host, &path, is("1", "0")).await?;
        Ok(())
    }
}
