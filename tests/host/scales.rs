//! The scale subresource, and old and rare ways to ask.

use crate::hosts::{both, name};
use crate::writes::deployment;
use serde_json::{Value, json};

/// Who owns the replicas of a deployment: manager, operation, version and subresource.
fn owners(object: &Value) -> Vec<[String; 4]> {
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let owning = entries.iter().filter(|entry| entry["fieldsV1"]["f:spec"].get("f:replicas").is_some());
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    owning
        .map(|entry| ["manager", "operation", "apiVersion", "subresource"].map(|key| text(entry, key)))
        .collect()
}

fn words(words: [&str; 4]) -> [String; 4] {
    words.map(str::to_owned)
}

both! {
    async fn a_scale_is_applied_like_an_object(host: Host) -> Result<()> {
        let namespace = host.namespace("scaleapply").await?;
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
        host.post(&format!("{path}?fieldManager=maker"), &deployment("d", 2)).await?.expect_code(201)?;
        let scale = |replicas: i64| json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d"}, "spec": {"replicas": replicas}});
        let one = format!("{path}/d");
        let by = |query: &str| format!("{one}/scale?{query}");
        let status = host.patch(&by("fieldManager=me"), "apply", &scale(5)).await?.expect_code(409)?;
        assert_eq!(status["message"], "Apply failed with 1 conflict: conflict with \"maker\" using autoscaling/v1: .spec.replicas");
        assert_eq!(status["details"]["causes"], json!([{"reason": "FieldManagerConflict",
            "message": "conflict with \"maker\" using autoscaling/v1", "field": ".spec.replicas"}]));
        let forced = host.patch(&by("fieldManager=me&force=true"), "apply", &scale(5)).await?.expect_code(200)?;
        assert_eq!((&forced["kind"], &forced["spec"]), (&json!("Scale"), &json!({"replicas": 5})));
        let now = host.get(&one).await?.json();
        assert_eq!((&now["spec"]["replicas"], owners(&now)), (&json!(5), vec![words(["me", "Apply", "apps/v1", "scale"])]));
        host.patch(&by("fieldManager=merger"), "merge", &json!({"spec": {"replicas": 6}})).await?.expect_code(200)?;
        host.patch(&by("fieldManager=other"), "apply", &scale(6)).await?.expect_code(200)?;
        let shared = vec![words(["other", "Apply", "apps/v1", "scale"]), words(["merger", "Update", "apps/v1", "scale"])];
        assert_eq!(owners(&host.get(&one).await?.json()), shared);
        let unknown = json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d"}, "spec": {"replica": 6}});
        let (code, _, message) = host.patch(&by("fieldManager=me"), "apply", &unknown).await?.refusal();
        assert_eq!((code, message.as_str()), (500, "failed to create typed patch object (/d; autoscaling/v1, Kind=Scale): .spec.replica: field not declared in schema"));
        let (code, _, message) = host.patch(&format!("{path}/none/scale?fieldManager=me"), "apply", &json!({"apiVersion": "autoscaling/v1",
            "kind": "Scale", "metadata": {"name": "none"}, "spec": {"replicas": 1}})).await?.refusal();
        assert_eq!((code, message.as_str()), (404, "deployments.apps \"none\" not found"));
        Ok(())
    }

    async fn watches_are_asked_for_in_the_old_way_too(host: Host) -> Result<()> {
        let maps = host.config_maps("oldwatch").await?;
        let old = maps.replace("/api/v1/", "/api/v1/watch/");
        for map in ["a", "b"] {
            host.post(&maps, &json!({"metadata": {"name": map}})).await?.expect_code(201)?;
        }
        let mut all = host.watch(&format!("{old}?watch=false")).await?;
        let mut seen = vec![name(&all.event().await?["object"]), name(&all.event().await?["object"])];
        seen.sort();
        assert_eq!(seen, ["a", "b"]);
        let mut one = host.watch(&format!("{old}/b")).await?;
        assert_eq!(one.seen(1).await?, ["ADDED b"]);
        host.delete(&format!("{maps}/a")).await?.expect_code(200)?;
        host.delete(&format!("{maps}/b")).await?.expect_code(200)?;
        assert_eq!(one.seen(1).await?, ["DELETED b"]);
        let namespace = maps.split('/').nth(4).unwrap();
        let mut own = host.watch(&format!("/api/v1/watch/namespaces/{namespace}")).await?;
        assert_eq!(own.seen(1).await?, [format!("ADDED {namespace}")]);
        assert_eq!(host.post(&old, &json!({})).await?.code, 405);
        Ok(())
    }

    async fn a_namespace_ends_when_its_last_finalizer_is_taken(host: Host) -> Result<()> {
        let namespace = host.namespace("finalize").await?;
        let path = format!("/api/v1/namespaces/{namespace}");
        let deleted = host.delete(&path).await?.expect_code(200)?;
        assert_eq!((&deleted["status"]["phase"], &deleted["spec"]), (&json!("Terminating"), &json!({"finalizers": ["kubernetes"]})));
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}, "spec": {"finalizers": []}});
        let plain = host.put(&path, &body).await?.expect_code(200)?;
        assert_eq!(plain["spec"], json!({"finalizers": ["kubernetes"]}), "only the subresource takes it");
        let finalized = host.put(&format!("{path}/finalize"), &body).await?.expect_code(200)?;
        assert_eq!(finalized["spec"], json!({}));
        assert_eq!(host.get(&path).await?.code, 404);
        Ok(())
    }

    async fn containers_for_debugging_come_and_stay(host: Host) -> Result<()> {
        let namespace = host.namespace("debug").await?;
        let pods = format!("/api/v1/namespaces/{namespace}/pods");
        let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
        host.post(&pods, &pod).await?.expect_code(201)?;
        let part = format!("{pods}/p/ephemeralcontainers");
        let adding = |name: &str, image: &str| json!({"spec": {"ephemeralContainers": [{"name": name, "image": image}],
            "containers": [{"name": "c", "image": "another"}]}});
        let changed = host.patch(&part, "strategic", &adding("e", "i")).await?.expect_code(200)?;
        assert_eq!((&changed["spec"]["ephemeralContainers"][0]["name"], &changed["spec"]["containers"][0]["image"]), (&json!("e"), &json!("i")));
        assert_eq!(changed["metadata"]["generation"], 2);
        let (code, _, message) = host.patch(&part, "strategic", &adding("e", "other")).await?.refusal();
        assert_eq!(code, 422);
        assert!(message.starts_with("Pod \"p\" is invalid: spec.ephemeralContainers: Forbidden: existing ephemeral containers \"e\" may not be changed"), "{message}");
        let status = host.patch(&part, "strategic", &adding("c", "i")).await?.expect_code(422)?;
        assert_eq!(status["details"]["causes"][0], json!({"reason": "FieldValueDuplicate", "message": "Duplicate value: \"c\"", "field": "spec.ephemeralContainers[0].name"}));
        let (code, _, _) = host.patch(&format!("{pods}/p"), "strategic", &json!({"spec": {"ephemeralContainers": [{"name": "f", "image": "i"}]}})).await?.refusal();
        assert_eq!(code, 422, "not through the pod itself");
        Ok(())
    }

    async fn a_running_pod_is_resized_by_its_subresource(host: Host) -> Result<()> {
        let namespace = host.namespace("resize").await?;
        let pods = format!("/api/v1/namespaces/{namespace}/pods");
        let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "100m"}}}]}});
        host.post(&pods, &pod).await?.expect_code(201)?;
        let wanted = json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "200m"}}}]}});
        let resized = host.patch(&format!("{pods}/p/resize"), "strategic", &wanted).await?.expect_code(200)?;
        assert_eq!(resized["spec"]["containers"][0]["resources"]["requests"]["cpu"], "200m");
        assert_eq!(resized["metadata"]["generation"], 2);
        let (code, _, _) = host.patch(&format!("{pods}/p"), "strategic", &json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "300m"}}}]}})).await?.refusal();
        assert_eq!(code, 422, "not through the pod itself");
        Ok(())
    }
}

both! {
    async fn whoever_scales_owns_the_replicas(host: Host) -> Result<()> {
        let namespace = host.namespace("scaleowners").await?;
        let pods = json!({"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
        let selector = json!({"matchLabels": {"app": "d"}});
        let kinds = [
            (format!("/apis/apps/v1/namespaces/{namespace}/deployments"), selector.clone()),
            (format!("/apis/apps/v1/namespaces/{namespace}/statefulsets"), selector.clone()),
            (format!("/apis/apps/v1/namespaces/{namespace}/replicasets"), selector),
            (format!("/api/v1/namespaces/{namespace}/replicationcontrollers"), json!({"app": "d"})),
        ];
        for (path, selector) in kinds {
            let version = if path.starts_with("/api/") { "v1" } else { "apps/v1" };
            let object = json!({"metadata": {"name": "d"}, "spec": {"replicas": 2, "selector": selector, "template": pods}});
            host.post(&format!("{path}?fieldManager=maker"), &object).await?.expect_code(201)?;
            let one = format!("{path}/d");
            let scale = host.get(&format!("{one}/scale")).await?.expect_code(200)?;
            let mut wanted = scale.clone();
            wanted["spec"]["replicas"] = json!(3);
            host.put(&format!("{one}/scale?fieldManager=kubectl"), &wanted).await?.expect_code(200)?;
            let by_scale = |manager: &str| words([manager, "Update", version, "scale"]);
            assert_eq!(owners(&host.get(&one).await?.json()), [by_scale("kubectl")], "{one}");
            // The version that was read is not the present one any more.
            let (code, reason, message) = host.put(&format!("{one}/scale?fieldManager=kubectl"), &wanted).await?.refusal();
            assert_eq!((code, reason.as_str()), (409, "Conflict"), "{one}: {message}");
            assert!(message.ends_with("the object has been modified; please apply your changes to the latest version and try again"), "{message}");
            let same = json!({"spec": {"replicas": 3}});
            host.patch(&format!("{one}/scale?fieldManager=other"), "merge", &same).await?.expect_code(200)?;
            assert_eq!(owners(&host.get(&one).await?.json()), [by_scale("kubectl")], "who changes nothing owns nothing");
            let four = json!({"spec": {"replicas": 4}});
            let shown = host.patch(&format!("{one}/scale?fieldManager=other"), "merge", &four).await?.expect_code(200)?;
            assert_eq!((&shown["kind"], &shown["spec"]["replicas"]), (&json!("Scale"), &json!(4)));
            assert_eq!(owners(&host.get(&one).await?.json()), [by_scale("other")]);
            let mut applied = object.clone();
            applied["apiVersion"] = json!(version);
            applied["kind"] = host.get(&one).await?.json()["kind"].clone();
            applied["metadata"]["namespace"] = json!(namespace);
            applied["spec"] = json!({"replicas": 5});
            let (code, _, message) = host.patch(&format!("{one}?fieldManager=me"), "apply", &applied).await?.refusal();
            let expected = format!("Apply failed with 1 conflict: conflict with \"other\" with subresource \"scale\" using {version}: .spec.replicas");
            assert_eq!((code, message), (409, expected), "{one}");
            host.patch(&format!("{one}?fieldManager=me&force=true"), "apply", &applied).await?.expect_code(200)?;
            assert_eq!(owners(&host.get(&one).await?.json()), [words(["me", "Apply", version, ""])]);
            let six = json!({"spec": {"replicas": 6}});
            host.patch(&format!("{one}/scale?fieldManager=kubectl"), "merge", &six).await?.expect_code(200)?;
            assert_eq!(owners(&host.get(&one).await?.json()), [by_scale("kubectl")], "an update asks nobody");
        }
        Ok(())
    }

    async fn a_scale_says_what_is_wrong_with_it(host: Host) -> Result<()> {
        let namespace = host.namespace("badscales").await?;
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
        host.post(&path, &deployment("d", 2)).await?.expect_code(201)?;
        let one = format!("{path}/d/scale");
        let scale = host.get(&one).await?.expect_code(200)?;
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut scale = scale.clone();
            change(&mut scale);
            scale
        };
        let bodies = [
            changed(&|scale| scale["spec"]["replicas"] = json!(-1)),
            changed(&|scale| scale["metadata"]["name"] = json!("other")),
            changed(&|scale| scale["metadata"]["namespace"] = json!("other")),
            changed(&|scale| scale["metadata"]["uid"] = json!("00000000-0000-0000-0000-000000000000")),
            changed(&|scale| scale["kind"] = json!("Odd")),
            changed(&|scale| scale["spec"]["replicas"] = json!("3")),
            changed(&|scale| scale["metadata"]["resourceVersion"] = json!("1")),
        ];
        let mut told = Vec::new();
        for body in bodies {
            let (code, reason, message) = host.put(&one, &body).await?.refusal();
            told.push(format!("{code} {reason} {message}"));
        }
        let own = scale["metadata"]["uid"].as_str().unwrap_or_default();
        insta::assert_snapshot!("refused", told.join("\n").replace(&namespace, "NAMESPACE").replace(own, "UID"));
        Ok(())
    }
}
