//! Deleting: grace, finalizers, preconditions, propagation, collections, namespaces.

use crate::hosts::{both, version};
use serde_json::{Value, json};

fn pod(name: &str, node: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"nodeName": node, "automountServiceAccountToken": false,
        "terminationGracePeriodSeconds": 30, "containers": [{"name": "c", "image": "i"}]}})
}

both! {
    async fn finalizers_hold_an_object(host: Host) -> Result<()> {
        let maps = host.config_maps("finalizers").await?;
        let created = host.post(&maps, &json!({"metadata": {"name": "a", "finalizers": ["x.y/z"]}})).await?.expect_code(201)?;
        let path = format!("{maps}/a");
        let marked = host.delete(&path).await?.expect_code(200)?;
        assert!(marked["metadata"]["deletionTimestamp"].is_string());
        assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 0);
        assert_eq!(marked["kind"], "ConfigMap");
        let (code, _, message) = host.patch(&path, "merge", &json!({"metadata": {"finalizers": ["x.y/z", "x.y/new"]}})).await?.refusal();
        assert_eq!(code, 422);
        assert!(message.contains("metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{\"x.y/new\"}"), "{message}");
        host.patch(&path, "merge", &json!({"metadata": {"finalizers": null}})).await?.expect_code(200)?;
        assert_eq!(host.get(&path).await?.code, 404);
        let mut watch = host.watch(&format!("{maps}?watch=true&resourceVersion={}", version(&created))).await?;
        let mut last = Value::Null;
        while last["type"] != "DELETED" {
            last = watch.event().await?;
        }
        assert!(last["object"]["metadata"]["deletionTimestamp"].is_string());
        Ok(())
    }

    async fn preconditions_hold_or_refuse(host: Host) -> Result<()> {
        let maps = host.config_maps("preconditions").await?;
        let created = host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
        let path = format!("{maps}/a");
        let other = "00000000-0000-0000-0000-000000000000";
        let (code, reason, message) = host.delete_with(&path, &json!({"preconditions": {"uid": other}})).await?.refusal();
        assert_eq!((code, reason.as_str()), (409, "Conflict"));
        let uid = created["metadata"]["uid"].as_str().unwrap();
        assert_eq!(message, format!("Operation cannot be fulfilled on ConfigMap \"a\": the UID in the precondition ({other}) does not match the UID in record ({uid}). The object might have been deleted and then recreated"));
        let (code, _, message) = host.delete_with(&path, &json!({"preconditions": {"resourceVersion": "1"}})).await?.refusal();
        assert_eq!(code, 409);
        assert!(message.contains("the ResourceVersion in the precondition (1) does not match the ResourceVersion in record"), "{message}");
        let right = json!({"preconditions": {"uid": uid, "resourceVersion": created["metadata"]["resourceVersion"]}});
        let status = host.delete_with(&path, &right).await?.expect_code(200)?;
        assert_eq!((&status["kind"], &status["status"]), (&json!("Status"), &json!("Success")));
        assert_eq!(status["details"], json!({"name": "a", "kind": "configmaps", "uid": uid}));
        assert_eq!(host.delete(&path).await?.code, 404);
        Ok(())
    }

    async fn a_pod_on_a_node_has_grace_that_only_shrinks(host: Host) -> Result<()> {
        let namespace = host.namespace("grace").await?;
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        let created = host.post(&path, &pod("p", "some-node")).await?.expect_code(201)?;
        let one = format!("{path}/p");
        let first = host.delete(&one).await?.expect_code(200)?;
        assert_eq!(first["metadata"]["deletionGracePeriodSeconds"], 30);
        assert_eq!(first["metadata"]["generation"].as_i64(), created["metadata"]["generation"].as_i64().map(|g| g + 1));
        let longer = host.delete(&format!("{one}?gracePeriodSeconds=60")).await?.expect_code(200)?;
        assert_eq!(version(&longer), version(&first));
        let shorter = host.delete(&format!("{one}?gracePeriodSeconds=5")).await?.expect_code(200)?;
        assert_eq!(shorter["metadata"]["deletionGracePeriodSeconds"], 5);
        let negative = host.delete_with(&one, &json!({"gracePeriodSeconds": -1})).await?.expect_code(200)?;
        assert_eq!(negative["metadata"]["deletionGracePeriodSeconds"], 1);
        host.delete(&format!("{one}?gracePeriodSeconds=0")).await?.expect_code(200)?;
        assert_eq!(host.get(&one).await?.code, 404);
        Ok(())
    }

    async fn pods_that_run_nowhere_go_at_once(host: Host) -> Result<()> {
        let namespace = host.namespace("nowhere").await?;
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        let created = host.post(&path, &pod("pending", "")).await?.expect_code(201)?;
        let gone = host.delete(&format!("{path}/pending")).await?.expect_code(200)?;
        assert_eq!(gone["kind"], "Pod");
        let mut watch = host.watch(&format!("{path}?watch=true&resourceVersion={}", version(&created))).await?;
        assert_eq!(watch.seen(2).await?, ["MODIFIED pending", "DELETED pending"]);
        host.post(&path, &pod("done", "some-node")).await?.expect_code(201)?;
        host.patch(&format!("{path}/done/status"), "merge", &json!({"status": {"phase": "Succeeded"}})).await?.expect_code(200)?;
        host.delete(&format!("{path}/done")).await?.expect_code(200)?;
        assert_eq!(host.get(&format!("{path}/done")).await?.code, 404);
        Ok(())
    }

    async fn propagation_becomes_a_finalizer(host: Host) -> Result<()> {
        let maps = host.config_maps("propagation").await?;
        for (policy, finalizer) in [("Orphan", "orphan"), ("Foreground", "foregroundDeletion")] {
            let name = policy.to_lowercase();
            host.post(&maps, &json!({"metadata": {"name": name}})).await?.expect_code(201)?;
            let path = format!("{maps}/{name}");
            let marked = host.delete_with(&path, &json!({"propagationPolicy": policy})).await?.expect_code(200)?;
            assert_eq!(marked["metadata"]["finalizers"], json!([finalizer]));
        }
        let both = json!({"propagationPolicy": "Orphan", "orphanDependents": true});
        assert_eq!(host.delete_with(&format!("{maps}/orphan"), &both).await?.code, 422);
        assert_eq!(host.delete_with(&format!("{maps}/orphan"), &json!({"propagationPolicy": "Sideways"})).await?.code, 422);
        Ok(())
    }

    async fn a_collection_is_deleted_by_selector(host: Host) -> Result<()> {
        let maps = host.config_maps("collection").await?;
        for (name, label) in [("a", "x"), ("b", "y"), ("c", "x")] {
            host.post(&maps, &json!({"metadata": {"name": name, "labels": {"l": label}}})).await?.expect_code(201)?;
        }
        let answer = host.delete(&format!("{maps}?labelSelector=l%3Dx")).await?;
        assert_eq!((answer.code, answer.names()), (200, vec!["a".into(), "c".into()]), "{}", answer.text);
        assert_eq!(answer.json()["kind"], "ConfigMapList");
        let left = host.get(&format!("{maps}?labelSelector=l")).await?;
        assert_eq!(left.names(), ["b"]);
        Ok(())
    }

    async fn a_namespace_goes_in_two_steps(host: Host) -> Result<()> {
        let namespace = host.namespace("going").await?;
        let path = format!("/api/v1/namespaces/{namespace}");
        let created = host.get(&path).await?.expect_code(200)?;
        assert_eq!(created["metadata"]["labels"]["kubernetes.io/metadata.name"], namespace);
        assert_eq!((&created["spec"]["finalizers"], &created["status"]["phase"]), (&json!(["kubernetes"]), &json!("Active")));
        let marked = host.delete(&path).await?.expect_code(200)?;
        assert_eq!((&marked["kind"], &marked["status"]["phase"]), (&json!("Namespace"), &json!("Terminating")));
        let answer = host.post(&format!("{path}/configmaps"), &json!({"metadata": {"name": "late"}})).await?;
        let (code, reason, message) = answer.refusal();
        assert_eq!((code, reason.as_str()), (403, "Forbidden"));
        assert_eq!(message, format!("configmaps \"late\" is forbidden: unable to create new content in namespace {namespace} because it is being terminated"));
        assert_eq!(answer.json()["details"]["causes"][0]["reason"], "NamespaceTerminating");
        let mut finalized = host.get(&path).await?.expect_code(200)?;
        finalized["spec"]["finalizers"] = json!([]);
        host.put(&format!("{path}/finalize"), &finalized).await?.expect_code(200)?;
        let gone = host.get(&path).await?.code == 404 || host.delete(&path).await?.code == 200;
        assert!(gone);
        assert_eq!(host.get(&path).await?.code, 404);
        Ok(())
    }

    async fn some_namespaces_stay(host: Host) -> Result<()> {
        for name in ["default", "kube-system"] {
            let refused = host.delete(&format!("/api/v1/namespaces/{name}")).await?.refusal();
            assert_eq!(refused, (403, "Forbidden".into(), format!("namespaces {name:?} is forbidden: this namespace may not be deleted")));
        }
        Ok(())
    }

    async fn a_delete_that_waits_for_dependents_is_accepted(host: Host) -> Result<()> {
        let maps = host.config_maps("accepted").await?;
        let held = |name: &str| json!({"metadata": {"name": name, "finalizers": ["x.y/z"]}});
        for (name, options, code) in [
            ("a", json!({"orphanDependents": false}), 202),
            ("b", json!({"orphanDependents": true}), 200),
            ("c", json!({"propagationPolicy": "Background"}), 200),
        ] {
            host.post(&maps, &held(name)).await?.expect_code(201)?;
            let answer = host.delete_with(&format!("{maps}/{name}"), &options).await?;
            assert_eq!(answer.code, code, "{options}: {}", answer.text);
        }
        Ok(())
    }

    async fn options_count_in_the_query_and_in_the_body(host: Host) -> Result<()> {
        let maps = host.config_maps("optionplaces").await?;
        for (name, query, body) in [("a", "?propagationPolicy=Orphan", json!({})), ("b", "", json!({"propagationPolicy": "Orphan"}))] {
            host.post(&maps, &json!({"metadata": {"name": name}})).await?.expect_code(201)?;
            let path = format!("{maps}/{name}{query}");
            let answer = if body == json!({}) { host.delete(&path).await? } else { host.delete_with(&path, &body).await? };
            assert_eq!(answer.expect_code(200)?["metadata"]["finalizers"], json!(["orphan"]), "{name}");
        }
        Ok(())
    }
}
