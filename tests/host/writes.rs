//! Creating and replacing.

use crate::hosts::{both, version};
use serde_json::{Value, json};

both! {
    async fn whoever_writes_a_field_again_does_so_at_a_new_time(host: Host) -> Result<()> {
        let maps = host.config_maps("writetime").await?;
        let (path, me) = (format!("{maps}/a"), "fieldManager=me");
        let time = |object: &Value| object["metadata"]["managedFields"][0]["time"].as_str().map(str::to_owned);
        let with = |value: &str| json!({"data": {"k": value}});
        let mut object = with("1");
        object["metadata"] = json!({"name": "a"});
        let first = time(&host.post(&format!("{maps}?{me}"), &object).await?.expect_code(201)?);
        // Times are written down in seconds.
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        let second = time(&host.patch(&format!("{path}?{me}"), "merge", &with("2")).await?.expect_code(200)?);
        assert!(second > first, "{second:?} after {first:?}");
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        let again = time(&host.patch(&format!("{path}?{me}"), "merge", &with("2")).await?.expect_code(200)?);
        assert_eq!(again, second, "nothing was written");
        Ok(())
    }

    async fn the_server_sets_identity(host: Host) -> Result<()> {
        let maps = host.config_maps("identity").await?;
        let object = json!({"metadata": {"name": "a", "uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z",
            "deletionTimestamp": "2001-01-01T00:00:00Z", "selfLink": "/x"}});
        let created = host.post(&maps, &object).await?.expect_code(201)?;
        let metadata = &created["metadata"];
        assert_ne!(metadata["uid"], "mine");
        assert_ne!(metadata["creationTimestamp"], "2001-01-01T00:00:00Z");
        assert!(metadata.get("deletionTimestamp").is_none());
        assert!(metadata.get("generation").is_none(), "ConfigMaps have no generation");
        Ok(())
    }

    async fn creates_are_refused_for_cause(host: Host) -> Result<()> {
        let maps = host.config_maps("badcreates").await?;
        host.post(&maps, &json!({"metadata": {"name": "taken"}})).await?.expect_code(201)?;
        let cases = [
            (json!({"metadata": {"name": "taken"}}), 409, "AlreadyExists", "configmaps \"taken\" already exists"),
            (json!({"metadata": {"name": "a", "resourceVersion": "5"}}), 500, "", "resourceVersion should not be set on objects to be created"),
            (json!({"metadata": {"name": "a", "namespace": "other"}}), 400, "BadRequest", "the namespace of the provided object does not match the namespace sent on the request"),
            (json!({"kind": "ConfigMap", "apiVersion": "apps/v1", "metadata": {"name": "a"}}), 400, "BadRequest", "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: no kind \"ConfigMap\" is registered for version \"apps/v1\" in scheme \"pkg/runtime/scheme.go:111\""),
            (json!({"metadata": {}}), 422, "Invalid", "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required"),
        ];
        for (object, code, reason, message) in cases {
            let refused = host.post(&maps, &object).await?.refusal();
            assert_eq!(refused, (code, reason.to_owned(), message.to_owned()), "{object}");
        }
        let (code, reason, message) = host.post(&maps, &json!({"metadata": {"name": "Upper"}})).await?.refusal();
        assert_eq!((code, reason.as_str()), (422, "Invalid"));
        assert!(message.starts_with("ConfigMap \"Upper\" is invalid: metadata.name: Invalid value: \"Upper\": a lowercase RFC 1123 subdomain must consist of"), "{message}");
        Ok(())
    }

    async fn nothing_is_created_in_a_missing_namespace(host: Host) -> Result<()> {
        let missing = host.named("missing");
        let (code, reason, message) =
            host.post(&format!("/api/v1/namespaces/{missing}/configmaps"), &json!({"metadata": {"name": "a"}})).await?.refusal();
        assert_eq!((code, reason.as_str()), (404, "NotFound"));
        assert_eq!(message, format!("namespaces {missing:?} not found"));
        assert_eq!(host.get(&format!("/api/v1/namespaces/{missing}/configmaps")).await?.expect_code(200)?["items"], json!([]));
        Ok(())
    }

    async fn the_same_again_is_no_write(host: Host) -> Result<()> {
        let maps = host.config_maps("noop").await?;
        let created = host.post(&maps, &json!({"metadata": {"name": "a"}, "data": {"k": "1"}})).await?.expect_code(201)?;
        let path = format!("{maps}/a");
        let put = host.put(&path, &created).await?.expect_code(200)?;
        assert_eq!(version(&put), version(&created));
        let patched = host.patch(&path, "merge", &json!({"data": {"k": "1"}})).await?.expect_code(200)?;
        assert_eq!(version(&patched), version(&created));
        Ok(())
    }

    async fn a_replace_must_come_from_the_present_version(host: Host) -> Result<()> {
        let maps = host.config_maps("conflict").await?;
        let first = host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
        let path = format!("{maps}/a");
        let unconditional = json!({"metadata": {"name": "a"}, "data": {"k": "1"}});
        host.put(&path, &unconditional).await?.expect_code(200)?;
        let mut stale = first.clone();
        stale["data"] = json!({"k": "2"});
        let refused = host.put(&path, &stale).await?.refusal();
        assert_eq!(refused, (409, "Conflict".into(), "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again".into()));
        let stranger = json!({"metadata": {"name": "a", "uid": "00000000-0000-0000-0000-000000000000"}});
        let (code, reason, message) = host.put(&path, &stranger).await?.refusal();
        assert_eq!((code, reason.as_str()), (409, "Conflict"), "{message}");
        assert!(message.contains("Precondition failed: UID in precondition"), "{message}");
        Ok(())
    }

    async fn a_replace_names_what_the_path_names(host: Host) -> Result<()> {
        let maps = host.config_maps("mismatch").await?;
        host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
        let (code, _, message) = host.put(&format!("{maps}/a"), &json!({"metadata": {"name": "b"}})).await?.refusal();
        assert_eq!((code, message.as_str()), (400, "the name of the object (b) does not match the name on the URL (a)"));
        let (code, _, message) =
            host.put(&format!("{maps}/a"), &json!({"metadata": {"name": "a", "namespace": "other"}})).await?.refusal();
        assert_eq!(code, 400, "{message}");
        let (code, reason, message) = host.put(&format!("{maps}/none"), &json!({"metadata": {"name": "none"}})).await?.refusal();
        assert_eq!((code, reason.as_str(), message.as_str()), (404, "NotFound", "configmaps \"none\" not found"));
        Ok(())
    }

    async fn some_kinds_are_created_by_replace_and_must_name_a_version(host: Host) -> Result<()> {
        let namespace = host.namespace("leases").await?;
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/l");
        let lease = json!({"metadata": {"name": "l"}, "spec": {"holderIdentity": "me"}});
        host.put(&path, &lease).await?.expect_code(201)?;
        let (code, reason, message) = host.put(&path, &lease).await?.refusal();
        assert_eq!((code, reason.as_str()), (422, "Invalid"));
        assert!(message.contains("metadata.resourceVersion: Invalid value: 0: must be specified for an update"), "{message}");
        Ok(())
    }

    async fn what_only_the_server_may_change_stays(host: Host) -> Result<()> {
        let maps = host.config_maps("fixed").await?;
        let created = host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
        let mut changed = created.clone();
        changed["metadata"]["creationTimestamp"] = json!("2001-01-01T00:00:00Z");
        changed["metadata"]["deletionTimestamp"] = json!("2001-01-01T00:00:00Z");
        changed["metadata"]["generation"] = json!(17);
        changed["data"] = json!({"k": "v"});
        let (code, reason, _) = host.put(&format!("{maps}/a"), &changed).await?.refusal();
        // A deletion cannot be begun by writing it down.
        assert_eq!((code, reason.as_str()), (422, "Invalid"));
        changed["metadata"]["deletionTimestamp"] = Value::Null;
        let written = host.put(&format!("{maps}/a"), &changed).await?.expect_code(200)?;
        assert_eq!(written["metadata"]["creationTimestamp"], created["metadata"]["creationTimestamp"]);
        assert!(written["metadata"].get("generation").is_none());
        Ok(())
    }

    async fn the_generation_counts_changes_of_what_is_wanted(host: Host) -> Result<()> {
        let namespace = host.namespace("generation").await?;
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
        let created = host.post(&path, &deployment("web", 1)).await?.expect_code(201)?;
        assert_eq!(created["metadata"]["generation"], 1);
        let one = format!("{path}/web");
        let labelled = host.patch(&one, "merge", &json!({"metadata": {"labels": {"a": "b"}}})).await?.expect_code(200)?;
        assert_eq!(labelled["metadata"]["generation"], 1);
        let scaled = host.patch(&one, "merge", &json!({"spec": {"replicas": 2}})).await?.expect_code(200)?;
        assert_eq!(scaled["metadata"]["generation"], 2);
        let status = host.patch(&format!("{one}/status"), "merge", &json!({"status": {"replicas": 2}})).await?.expect_code(200)?;
        assert_eq!((&status["metadata"]["generation"], &status["status"]["replicas"]), (&json!(2), &json!(2)));
        let annotated = host.patch(&one, "merge", &json!({"metadata": {"annotations": {"a": "b"}}})).await?.expect_code(200)?;
        assert_eq!(annotated["metadata"]["generation"], 3, "annotations of Deployments count");
        Ok(())
    }

    async fn spec_and_status_are_written_apart(host: Host) -> Result<()> {
        let namespace = host.namespace("status").await?;
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
        let mut object = deployment("web", 1);
        object["status"] = json!({"replicas": 9});
        let created = host.post(&path, &object).await?.expect_code(201)?;
        assert!(created["status"].get("replicas").is_none(), "{}", created["status"]);
        let mut changed = created.clone();
        changed["spec"]["replicas"] = json!(5);
        changed["status"]["replicas"] = json!(7);
        let status = host.put(&format!("{path}/web/status"), &changed).await?.expect_code(200)?;
        assert_eq!((&status["spec"]["replicas"], &status["status"]["replicas"]), (&json!(1), &json!(7)));
        let manager = status["metadata"]["managedFields"].as_array().unwrap().iter().find(|m| m["subresource"] == "status");
        assert!(manager.is_some(), "{}", status["metadata"]["managedFields"]);
        changed["metadata"]["resourceVersion"] = Value::Null;
        changed["status"]["replicas"] = json!(8);
        let written = host.put(&format!("{path}/web"), &changed).await?.expect_code(200)?;
        assert_eq!((&written["spec"]["replicas"], &written["status"]["replicas"]), (&json!(5), &json!(7)));
        let read = host.get(&format!("{path}/web/status")).await?.expect_code(200)?;
        assert_eq!(read["spec"]["replicas"], 5, "the whole object is shown");
        Ok(())
    }

    async fn a_dry_run_stores_nothing(host: Host) -> Result<()> {
        let maps = host.config_maps("dryrun").await?;
        let object = json!({"metadata": {"name": "a"}, "data": {"k": "1"}});
        let dry = host.post(&format!("{maps}?dryRun=All"), &object).await?.expect_code(201)?;
        assert!(dry["metadata"]["uid"].is_string());
        assert_eq!(host.get(&format!("{maps}/a")).await?.code, 404);
        host.post(&maps, &object).await?.expect_code(201)?;
        assert_eq!(host.post(&format!("{maps}?dryRun=All"), &object).await?.code, 409);
        let patched = host.patch(&format!("{maps}/a?dryRun=All"), "merge", &json!({"data": {"k": "2"}})).await?.expect_code(200)?;
        assert_eq!(patched["data"]["k"], "2");
        host.delete(&format!("{maps}/a?dryRun=All")).await?.expect_code(200)?;
        assert_eq!(host.get(&format!("{maps}/a")).await?.expect_code(200)?["data"]["k"], "1");
        let (code, _, message) = host.post(&format!("{maps}?dryRun=Some"), &object).await?.refusal();
        assert_eq!(code, 422, "{message}");
        Ok(())
    }

    async fn defaults_are_visible(host: Host) -> Result<()> {
        let namespace = host.namespace("defaults").await?;
        let created = host.post(&format!("/apis/apps/v1/namespaces/{namespace}/deployments"), &deployment("web", 1)).await?.expect_code(201)?;
        let spec = &created["spec"];
        assert_eq!(spec["revisionHistoryLimit"], 10);
        assert_eq!(spec["strategy"]["type"], "RollingUpdate");
        let pod = &spec["template"]["spec"];
        assert_eq!((&pod["dnsPolicy"], &pod["restartPolicy"]), (&json!("ClusterFirst"), &json!("Always")));
        assert_eq!(pod["containers"][0]["imagePullPolicy"], "IfNotPresent");
        Ok(())
    }

    async fn secrets_fold_plain_text(host: Host) -> Result<()> {
        let namespace = host.namespace("secrets").await?;
        let secret = json!({"metadata": {"name": "s"}, "stringData": {"k": "v"}});
        let created = host.post(&format!("/api/v1/namespaces/{namespace}/secrets"), &secret).await?.expect_code(201)?;
        assert_eq!((&created["data"], &created["type"]), (&json!({"k": "dg=="}), &json!("Opaque")));
        assert!(created.get("stringData").is_none());
        Ok(())
    }

    async fn a_body_can_be_too_large(host: Host) -> Result<()> {
        let maps = host.config_maps("large").await?;
        let object = json!({"metadata": {"name": "a"}, "data": {"k": "x".repeat(4 << 20)}});
        let (code, reason, _) = host.post(&maps, &object).await?.refusal();
        assert_eq!((code, reason.as_str()), (413, "RequestEntityTooLarge"));
        Ok(())
    }
}

/// A Deployment that the server accepts.
pub fn deployment(name: &str, replicas: u32) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}
    }})
}
