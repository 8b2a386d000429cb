//! Patches of all four types, and who owns which field.

use crate::hosts::{both, version};
use crate::writes::deployment;
use serde_json::{Value, json};

/// The manager entry of a name.
fn manager<'v>(object: &'v Value, name: &str) -> &'v Value {
    let entries = object["metadata"]["managedFields"].as_array().map(Vec::as_slice).unwrap_or_default();
    entries.iter().find(|entry| entry["manager"] == name).unwrap_or(&Value::Null)
}

both! {
    async fn merge_patches_replace_and_remove(host: Host) -> Result<()> {
        let maps = host.config_maps("merge").await?;
        host.post(&maps, &json!({"metadata": {"name": "a"}, "data": {"x": "1", "y": "2"}})).await?.expect_code(201)?;
        let patched = host.patch(&format!("{maps}/a"), "merge", &json!({"data": {"x": null, "z": "3"}})).await?.expect_code(200)?;
        assert_eq!(patched["data"], json!({"y": "2", "z": "3"}));
        let (code, reason, _) = host.patch(&format!("{maps}/none"), "merge", &json!({})).await?.refusal();
        assert_eq!((code, reason.as_str()), (404, "NotFound"));
        Ok(())
    }

    async fn merge_patches_can_name_the_version_they_are_for(host: Host) -> Result<()> {
        let maps = host.config_maps("mergecas").await?;
        let first = host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
        let path = format!("{maps}/a");
        host.patch(&path, "merge", &json!({"data": {"x": "1"}})).await?.expect_code(200)?;
        let stale = json!({"metadata": {"resourceVersion": first["metadata"]["resourceVersion"]}, "data": {"x": "2"}});
        let (code, reason, message) = host.patch(&path, "merge", &stale).await?.refusal();
        assert_eq!((code, reason.as_str()), (409, "Conflict"), "{message}");
        assert!(message.starts_with("Operation cannot be fulfilled on configmaps \"a\": the object has been modified"), "{message}");
        let present = version(&host.get(&path).await?.json()).to_string();
        let right = json!({"metadata": {"resourceVersion": present}, "data": {"x": "2"}});
        host.patch(&path, "merge", &right).await?.expect_code(200)?;
        Ok(())
    }

    async fn json_patches_test_and_change(host: Host) -> Result<()> {
        let maps = host.config_maps("json").await?;
        host.post(&maps, &json!({"metadata": {"name": "a"}, "data": {"x": "1"}})).await?.expect_code(201)?;
        let path = format!("{maps}/a");
        let patch = json!([{"op": "test", "path": "/data/x", "value": "1"}, {"op": "replace", "path": "/data/x", "value": "2"},
            {"op": "add", "path": "/metadata/labels", "value": {"l": "m"}}]);
        let patched = host.patch(&path, "json", &patch).await?.expect_code(200)?;
        assert_eq!((&patched["data"]["x"], &patched["metadata"]["labels"]["l"]), (&json!("2"), &json!("m")));
        for wrong in [
            json!([{"op": "test", "path": "/data/x", "value": "1"}]),
            json!([{"op": "add", "path": "/missing/x", "value": "1"}]),
        ] {
            let (code, reason, message) = host.patch(&path, "json", &wrong).await?.refusal();
            assert_eq!((code, reason.as_str()), (422, "Invalid"), "{wrong}: {message}");
        }
        assert_eq!(host.patch(&path, "json", &json!({"not": "a list"})).await?.code, 400);
        Ok(())
    }

    async fn strategic_patches_merge_lists_by_key(host: Host) -> Result<()> {
        let namespace = host.namespace("strategic").await?;
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
        host.post(&path, &deployment("web", 1)).await?.expect_code(201)?;
        let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "s"}]}}}});
        let patched = host.patch(&format!("{path}/web"), "strategic", &patch).await?.expect_code(200)?;
        let names: Vec<_> = patched["spec"]["template"]["spec"]["containers"].as_array().unwrap().iter().map(|c| c["name"].clone()).collect();
        assert_eq!(names, ["side", "c"]);
        let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "side", "$patch": "delete"}]}}}});
        let patched = host.patch(&format!("{path}/web"), "strategic", &patch).await?.expect_code(200)?;
        assert_eq!(patched["spec"]["template"]["spec"]["containers"].as_array().map(Vec::len), Some(1));
        Ok(())
    }

    async fn strategic_patches_order_lists(host: Host) -> Result<()> {
        let namespace = host.namespace("order").await?;
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
        let container = |name: &str| json!({"name": name, "image": "i"});
        let mut object = deployment("web", 1);
        object["metadata"]["finalizers"] = json!(["x.y/a", "x.y/b"]);
        object["spec"]["template"]["spec"]["containers"] = json!([container("a"), container("b"), container("c")]);
        host.post(&path, &object).await?.expect_code(201)?;
        let names = |object: &Value| -> Vec<Value> {
            let containers = object["spec"]["template"]["spec"]["containers"].as_array().unwrap();
            containers.iter().map(|c| c["name"].clone()).collect()
        };
        let spec = |patch: Value| json!({"spec": {"template": {"spec": patch}}});
        let order = spec(json!({"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}]}));
        let ordered = host.patch(&format!("{path}/web"), "strategic", &order).await?.expect_code(200)?;
        assert_eq!(names(&ordered), ["b", "c", "a"]);
        let fresh = spec(json!({"$setElementOrder/containers": [{"name": "x"}, {"name": "a"}], "containers": [container("x")]}));
        let ordered = host.patch(&format!("{path}/web"), "strategic", &fresh).await?.expect_code(200)?;
        assert_eq!(names(&ordered), ["x", "b", "c", "a"]);
        let finalizers = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.y/a"], "finalizers": ["x.y/c", "x.y/b"]}});
        let patched = host.patch(&format!("{path}/web"), "strategic", &finalizers).await?.expect_code(200)?;
        assert_eq!(patched["metadata"]["finalizers"], json!(["x.y/c", "x.y/b"]));
        Ok(())
    }

    async fn unknown_patch_types_are_refused(host: Host) -> Result<()> {
        let maps = host.config_maps("patchtype").await?;
        host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
        let answer = host.send(http::Method::PATCH, &format!("{maps}/a"), &[("content-type", "application/json")], b"{}".to_vec()).await?;
        let (code, reason, message) = answer.refusal();
        assert_eq!((code, reason.as_str()), (415, "UnsupportedMediaType"));
        assert_eq!(message, "415: Unsupported Media Type");
        Ok(())
    }

    async fn no_patch_gives_an_object_another_uid(host: Host) -> Result<()> {
        let namespace = host.namespace("otheruid").await?;
        let other = "00000000-0000-0000-0000-000000000000";
        let maps = format!("/api/v1/namespaces/{namespace}/configmaps");
        let deployments = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
        host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
        host.post(&deployments, &deployment("a", 1)).await?.expect_code(201)?;
        let cases = [
            (format!("{maps}/a"), "ConfigMap", "v1", "ConfigMap"),
            (format!("{deployments}/a"), "Deployment.apps", "apps/v1", "Deployment"),
            (format!("{deployments}/a/status"), "Deployment.apps", "apps/v1", "Deployment"),
            (format!("{deployments}/a/scale"), "Deployment.apps", "autoscaling/v1", "Scale"),
        ];
        for (path, told, version, kind) in cases {
            let whole = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "a", "namespace": namespace, "uid": other}});
            let part = json!({"metadata": {"uid": other}});
            let step = json!([{"op": "replace", "path": "/metadata/uid", "value": other}]);
            for (patch, body) in [("merge", &part), ("strategic", &part), ("json", &step), ("apply", &whole)] {
                let manager = if patch == "apply" { "?fieldManager=me&force=true" } else { "" };
                let (code, reason, message) = host.patch(&format!("{path}{manager}"), patch, body).await?.refusal();
                if kind == "Scale" {
                    let wanted = format!("Operation cannot be fulfilled on deployments/scale.apps \"a\": Precondition failed: UID in precondition: {other}, ");
                    assert_eq!((code, reason.as_str(), message.starts_with(&wanted)), (409, "Conflict", true), "{patch}: {message}");
                    continue;
                }
                let wanted = format!("{told} \"a\" is invalid: metadata.uid: Invalid value: {other:?}: field is immutable");
                assert_eq!((code, reason.as_str(), message), (422, "Invalid", wanted), "{patch} {path}");
            }
        }
        Ok(())
    }

    async fn a_patch_cannot_rename(host: Host) -> Result<()> {
        let maps = host.config_maps("rename").await?;
        host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
        let answer = host.patch(&format!("{maps}/a"), "merge", &json!({"metadata": {"name": "b"}})).await?;
        assert_eq!(answer.code, 400, "{}", answer.text);
        Ok(())
    }

    async fn writers_own_what_they_write(host: Host) -> Result<()> {
        let maps = host.config_maps("owners").await?;
        let created = host.post(&format!("{maps}?fieldManager=one"), &json!({"metadata": {"name": "a"}, "data": {"x": "1", "y": "2"}})).await?.expect_code(201)?;
        let one = manager(&created, "one");
        assert_eq!((&one["operation"], &one["apiVersion"], &one["fieldsType"]), (&json!("Update"), &json!("v1"), &json!("FieldsV1")));
        assert_eq!(one["fieldsV1"]["f:data"], json!({".": {}, "f:x": {}, "f:y": {}}));
        let changed = host.patch(&format!("{maps}/a?fieldManager=two"), "merge", &json!({"data": {"x": "3"}})).await?.expect_code(200)?;
        assert_eq!(manager(&changed, "one")["fieldsV1"]["f:data"], json!({".": {}, "f:y": {}}));
        assert_eq!(manager(&changed, "two")["fieldsV1"]["f:data"], json!({"f:x": {}}));
        Ok(())
    }

    async fn apply_creates_changes_and_removes(host: Host) -> Result<()> {
        let maps = host.config_maps("apply").await?;
        let path = format!("{maps}/a?fieldManager=me");
        let object = |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data});
        let created = host.patch(&path, "apply", &object(json!({"x": "1", "y": "2"}))).await?.expect_code(201)?;
        assert_eq!(manager(&created, "me")["operation"], "Apply");
        assert_eq!(manager(&created, "me")["fieldsV1"], json!({"f:data": {"f:x": {}, "f:y": {}}}));
        let again = host.patch(&path, "apply", &object(json!({"x": "1", "y": "2"}))).await?.expect_code(200)?;
        assert_eq!(version(&again), version(&created), "the same again is no write");
        let fewer = host.patch(&path, "apply", &object(json!({"x": "1"}))).await?.expect_code(200)?;
        assert_eq!(fewer["data"], json!({"x": "1"}), "what is no longer applied goes");
        Ok(())
    }

    async fn apply_conflicts_unless_forced(host: Host) -> Result<()> {
        let maps = host.config_maps("applyconflict").await?;
        let object = |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data});
        let path = |manager: &str| format!("{maps}/a?fieldManager={manager}");
        host.patch(&path("one"), "apply", &object(json!({"x": "1"}))).await?.expect_code(201)?;
        let answer = host.patch(&path("two"), "apply", &object(json!({"x": "2", "y": "1"}))).await?;
        let (code, reason, message) = answer.refusal();
        assert_eq!((code, reason.as_str()), (409, "Conflict"));
        assert_eq!(message, "Apply failed with 1 conflict: conflict with \"one\": .data.x");
        let causes = &answer.json()["details"]["causes"];
        assert_eq!(causes, &json!([{"reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".data.x"}]));
        let shared = host.patch(&path("two"), "apply", &object(json!({"x": "1"}))).await?.expect_code(200)?;
        assert!(!manager(&shared, "one").is_null() && !manager(&shared, "two").is_null(), "both own what both want");
        let forced = host.patch(&format!("{}&force=true", path("two")), "apply", &object(json!({"x": "2"}))).await?.expect_code(200)?;
        assert_eq!(forced["data"]["x"], "2");
        assert!(manager(&forced, "one").is_null(), "the loser owns nothing any more: {}", forced["metadata"]["managedFields"]);
        Ok(())
    }

    async fn apply_meets_what_others_updated(host: Host) -> Result<()> {
        let maps = host.config_maps("applyupdate").await?;
        host.post(&format!("{maps}?fieldManager=writer"), &json!({"metadata": {"name": "a"}, "data": {"x": "1"}})).await?.expect_code(201)?;
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "2"}});
        let (code, _, message) = host.patch(&format!("{maps}/a?fieldManager=me"), "apply", &object).await?.refusal();
        assert_eq!((code, message.as_str()), (409, "Apply failed with 1 conflict: conflict with \"writer\" using v1: .data.x"));
        Ok(())
    }

    async fn apply_demands_a_manager_and_a_whole_name(host: Host) -> Result<()> {
        let maps = host.config_maps("applydemands").await?;
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
        let (code, reason, message) = host.patch(&format!("{maps}/a"), "apply", &object).await?.refusal();
        assert_eq!((code, reason.as_str()), (422, "Invalid"));
        assert_eq!(message, "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch");
        let (code, _, message) = host.patch(&format!("{maps}/a?force=true"), "merge", &json!({})).await?.refusal();
        assert_eq!(code, 422);
        assert_eq!(message, "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch");
        let mut managed = object.clone();
        managed["metadata"]["managedFields"] = json!([{"manager": "x", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {}}]);
        let (code, _, message) = host.patch(&format!("{maps}/a?fieldManager=me"), "apply", &managed).await?.refusal();
        assert_eq!((code, message.as_str()), (400, "metadata.managedFields must be nil"));
        let answer = host.patch(&format!("{maps}/b?fieldManager=me"), "apply", &object).await?;
        assert_eq!(answer.code, 400, "{}", answer.text);
        Ok(())
    }

    async fn lists_with_keys_are_shared_item_by_item(host: Host) -> Result<()> {
        let namespace = host.namespace("applylists").await?;
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/web");
        let mut mine = deployment("web", 1);
        host.patch(&format!("{path}?fieldManager=one"), "apply", &mine).await?.expect_code(201)?;
        mine["spec"] = json!({"template": {"spec": {"containers": [{"name": "side", "image": "s"}]}}});
        let both = host.patch(&format!("{path}?fieldManager=two"), "apply", &mine).await?.expect_code(200)?;
        let names: Vec<_> = both["spec"]["template"]["spec"]["containers"].as_array().unwrap().iter().map(|c| c["name"].clone()).collect();
        assert_eq!(names, ["c", "side"]);
        let owned = &manager(&both, "two")["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"];
        assert_eq!(owned, &json!({"k:{\"name\":\"side\"}": {".": {}, "f:image": {}, "f:name": {}}}));
        Ok(())
    }

    async fn applied_lists_keep_an_order(host: Host) -> Result<()> {
        let namespace = host.namespace("applyorder").await?;
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/web");
        let with = |names: &[&str]| {
            let mut object = deployment("web", 1);
            let containers: Vec<Value> = names.iter().map(|n| json!({"name": n, "image": "i"})).collect();
            object["spec"]["template"]["spec"]["containers"] = json!(containers);
            object
        };
        host.patch(&format!("{path}?fieldManager=one"), "apply", &with(&["a", "b", "c", "d"])).await?.expect_code(201)?;
        for (applied, expected) in [
            (vec!["b"], vec!["a", "b", "c", "d"]),
            (vec!["d", "b"], vec!["a", "c", "d", "b"]),
            (vec!["x", "c", "y"], vec!["a", "x", "c", "d", "b", "y"]),
        ] {
            let manager = format!("m{}", applied.join(""));
            let made = host.patch(&format!("{path}?fieldManager={manager}&force=true"), "apply", &with(&applied)).await?.expect_code(200)?;
            let names: Vec<_> = made["spec"]["template"]["spec"]["containers"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
            assert_eq!(names, expected, "{applied:?}");
        }
        Ok(())
    }

    async fn status_is_applied_through_its_own_path(host: Host) -> Result<()> {
        let namespace = host.namespace("applystatus").await?;
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/web");
        host.patch(&format!("{path}?fieldManager=one"), "apply", &deployment("web", 1)).await?.expect_code(201)?;
        let status = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"replicas": 9}, "status": {"replicas": 3}});
        let applied = host.patch(&format!("{path}/status?fieldManager=ctl&force=true"), "apply", &status).await?.expect_code(200)?;
        assert_eq!((&applied["spec"]["replicas"], &applied["status"]["replicas"]), (&json!(1), &json!(3)));
        let entry = manager(&applied, "ctl");
        assert_eq!((&entry["subresource"], &entry["fieldsV1"]), (&json!("status"), &json!({"f:status": {"f:replicas": {}}})));
        Ok(())
    }
}
