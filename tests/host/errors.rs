//! What is not there, not allowed, or not understood.

use crate::hosts::both;
use serde_json::{Value, json};

both! {
    async fn a_missing_object_is_a_status(host: Host) -> Result<()> {
        let answer = host.get("/apis/apps/v1/namespaces/default/deployments/none").await?;
        assert_eq!(answer.code, 404);
        assert_eq!(answer.json(), json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "deployments.apps \"none\" not found", "reason": "NotFound",
            "details": {"name": "none", "group": "apps", "kind": "deployments"}, "code": 404}));
        Ok(())
    }

    async fn what_a_known_group_does_not_have_is_a_status(host: Host) -> Result<()> {
        for path in [
            "/api/v1/nothings",
            "/apis/apps/v7/deployments",
            "/apis/apps/v7",
            "/api/v1/namespaces/default/nodes",
            "/api/v1/pods/a",
            "/api/v1/namespaces/default/configmaps/a/status",
        ] {
            let refused = host.get(path).await?.refusal();
            let message = "the server could not find the requested resource";
            assert_eq!(refused, (404, "NotFound".into(), message.into()), "{path}");
        }
        Ok(())
    }

    async fn unknown_paths_are_plain_text(host: Host) -> Result<()> {
        for path in ["/apis/no.such/v1/things", "/apis/none", "/nothing", "/livez/none"] {
            let answer = host.get(path).await?;
            assert_eq!((answer.code, answer.text.as_str()), (404, "404 page not found\n"), "{path}");
            assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8", "{path}");
        }
        Ok(())
    }

    async fn verbs_that_a_path_does_not_have_are_refused(host: Host) -> Result<()> {
        for (answer, what) in [
            (host.put("/api/v1/namespaces/default/configmaps", &json!({})).await?, "PUT of a collection"),
            (host.post("/api/v1/namespaces/default/configmaps/a", &json!({})).await?, "POST to an object"),
            (host.post("/api/v1/configmaps", &json!({})).await?, "POST to all namespaces"),
            (host.delete("/api/v1/configmaps").await?, "DELETE in all namespaces"),
            (host.delete("/api/v1/namespaces/default/pods/x/log").await?, "DELETE of a log"),
        ] {
            let (code, reason, message) = answer.refusal();
            assert_eq!((code, reason.as_str()), (405, "MethodNotAllowed"), "{what}: {message}");
            assert_eq!(message, "the server does not allow this method on the requested resource", "{what}");
        }
        Ok(())
    }

    async fn bodies_that_are_no_objects_are_refused(host: Host) -> Result<()> {
        let maps = host.config_maps("badbodies").await?;
        for (body, code) in [("", 400), ("nonsense", 400), ("[]", 400), ("{\"metadata\":{\"name\":7}}", 400)] {
            let answer = host.send(http::Method::POST, &maps, &[("content-type", "application/json")], body.into()).await?;
            assert_eq!(answer.code, code, "{body:?}: {}", answer.text);
            assert_eq!(answer.json()["reason"], "BadRequest", "{body:?}: {}", answer.text);
        }
        let answer = host.send(http::Method::POST, &maps, &[("content-type", "text/plain")], b"{}".to_vec()).await?;
        assert_eq!((answer.code, answer.json()["reason"].as_str()), (415, Some("UnsupportedMediaType")), "{}", answer.text);
        Ok(())
    }

    async fn yaml_is_understood(host: Host) -> Result<()> {
        let maps = host.config_maps("yaml").await?;
        let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: |\n    two\n    lines\n";
        let answer = host.send(http::Method::POST, &maps, &[("content-type", "application/yaml")], yaml.into()).await?;
        assert_eq!(answer.expect_code(201)?["data"]["k"], "two\nlines\n");
        Ok(())
    }

    async fn forms_that_are_not_spoken_are_refused(host: Host) -> Result<()> {
        let answer = host.get_as("/api/v1/namespaces/default/configmaps", "text/html").await?;
        let (code, reason, message) = answer.refusal();
        assert_eq!((code, reason.as_str()), (406, "NotAcceptable"));
        assert!(message.starts_with("406: Not Acceptable\n\nAvailable representations: application/json,"), "{message}");
        Ok(())
    }

    async fn kinds_that_do_not_fit_the_path_are_refused(host: Host) -> Result<()> {
        let maps = host.config_maps("wrongkind").await?;
        for (kind, api_version) in [("Pod", "v1"), ("Deployment", "apps/v1"), ("Nothing", "v1"), ("ConfigMap", "apps/v1")] {
            let object = json!({"kind": kind, "apiVersion": api_version, "metadata": {"name": "a"}});
            let (code, reason, message) = host.post(&maps, &object).await?.refusal();
            assert_eq!((code, reason.as_str()), (400, "BadRequest"), "{kind} {api_version}: {message}");
        }
        Ok(())
    }

    async fn fields_that_do_not_exist_are_dropped_or_refused(host: Host) -> Result<()> {
        let maps = host.config_maps("strict").await?;
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "date": {"k": "v"}});
        let (code, reason, message) = host.post(&format!("{maps}?fieldValidation=Strict"), &object).await?.refusal();
        assert_eq!((code, reason.as_str()), (400, "BadRequest"));
        assert_eq!(message, "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"date\"");
        let answer = host.post(&maps, &object).await?;
        assert_eq!(answer.headers["warning"], "299 - \"unknown field \\\"date\\\"\"");
        assert!(answer.expect_code(201)?.get("date").is_none());
        let ignored = host.put(&format!("{maps}/a?fieldValidation=Ignore"), &object).await?;
        assert!(!ignored.headers.contains_key("warning"));
        Ok(())
    }

    async fn immutable_maps_stay_as_they_are(host: Host) -> Result<()> {
        let maps = host.config_maps("immutable").await?;
        host.post(&maps, &json!({"metadata": {"name": "a"}, "data": {"k": "v"}, "immutable": true})).await?.expect_code(201)?;
        let (code, reason, message) = host.patch(&format!("{maps}/a"), "merge", &json!({"data": {"k": "w"}})).await?.refusal();
        assert_eq!((code, reason.as_str()), (422, "Invalid"));
        assert!(message.contains("data: Forbidden: field is immutable when `immutable` is set"), "{message}");
        host.patch(&format!("{maps}/a"), "merge", &json!({"metadata": {"labels": {"a": "b"}}})).await?.expect_code(200)?;
        Ok(())
    }

    async fn health_and_version_are_open(host: Host) -> Result<()> {
        for path in ["/livez", "/readyz", "/healthz"] {
            let answer = host.get(path).await?;
            assert_eq!((answer.code, answer.text.as_str()), (200, "ok"), "{path}");
        }
        let version = host.get("/version").await?.expect_code(200)?;
        assert_eq!(version["major"], "1");
        assert!(version["gitVersion"].as_str().is_some_and(|v| v.starts_with("v1.")), "{version}");
        Ok(())
    }

    async fn discovery_names_what_is_served(host: Host) -> Result<()> {
        let core = host.get("/api/v1").await?.expect_code(200)?;
        assert_eq!((&core["kind"], &core["groupVersion"]), (&json!("APIResourceList"), &json!("v1")));
        let pods = core["resources"].as_array().unwrap().iter().find(|r| r["name"] == "pods").unwrap();
        assert_eq!(pods["shortNames"], json!(["po"]));
        assert_eq!(pods["verbs"], json!(["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]));
        assert_eq!(host.get("/api").await?.expect_code(200)?["versions"], json!(["v1"]));
        let groups = host.get("/apis").await?.expect_code(200)?;
        let apps = groups["groups"].as_array().unwrap().iter().find(|g| g["name"] == "apps").unwrap().clone();
        assert_eq!(apps["preferredVersion"], json!({"groupVersion": "apps/v1", "version": "v1"}));
        let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
        let answer = host.get_as("/apis", accept).await?;
        assert_eq!(answer.headers["content-type"], "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
        let list = answer.expect_code(200)?;
        assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("APIGroupDiscoveryList"), &json!("apidiscovery.k8s.io/v2")));
        Ok(())
    }

    async fn nobody_without_a_valid_token_comes_in(host: Host) -> Result<()> {
        let wrong = crate::hosts::with_token(host.kubeconfig(), Some("wrong")).await?;
        let (code, reason, message) = crate::hosts::get(&wrong, "/api/v1/namespaces/default/pods").await?.refusal();
        assert_eq!((code, reason.as_str(), message.as_str()), (401, "Unauthorized", "Unauthorized"));
        let nobody = crate::hosts::with_token(host.kubeconfig(), None).await?;
        let (code, reason, message) = crate::hosts::get(&nobody, "/api/v1/namespaces/default/pods").await?.refusal();
        assert_eq!((code, reason.as_str()), (403, "Forbidden"));
        assert_eq!(message, "pods is forbidden: User \"system:anonymous\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"");
        Ok(())
    }

    async fn users_may_what_roles_say(host: Host) -> Result<()> {
        let namespace = host.namespace("rbac").await?;
        let user = host.named("jane");
        let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}");
        let role = json!({"metadata": {"name": "reader"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]});
        host.post(&format!("{rbac}/roles"), &role).await?.expect_code(201)?;
        let binding = json!({"metadata": {"name": "reader"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]});
        host.post(&format!("{rbac}/rolebindings"), &binding).await?.expect_code(201)?;
        let jane = host.acting_as(&user).await?;
        let pods = format!("/api/v1/namespaces/{namespace}/pods");
        // A real server learns of roles by watching them.
        let mut tries = 0;
        while crate::hosts::get(&jane, &pods).await?.code == 403 && tries < 2000 {
            tries += 1;
        }
        assert_eq!(crate::hosts::get(&jane, &pods).await?.code, 200);
        for (path, message) in [
            (format!("{pods}?watch=true"), format!("pods is forbidden: User \"{user}\" cannot watch resource \"pods\" in API group \"\" in the namespace \"{namespace}\"")),
            (format!("{pods}/p/log"), format!("pods \"p\" is forbidden: User \"{user}\" cannot get resource \"pods/log\" in API group \"\" in the namespace \"{namespace}\"")),
            ("/api/v1/pods".to_owned(), format!("pods is forbidden: User \"{user}\" cannot list resource \"pods\" in API group \"\" at the cluster scope")),
            (format!("/apis/apps/v1/namespaces/{namespace}/deployments/x"), format!("deployments.apps \"x\" is forbidden: User \"{user}\" cannot get resource \"deployments\" in API group \"apps\" in the namespace \"{namespace}\"")),
            ("/api/v1/nodes".to_owned(), format!("nodes is forbidden: User \"{user}\" cannot list resource \"nodes\" in API group \"\" at the cluster scope")),
        ] {
            let refused = crate::hosts::get(&jane, &path).await?.refusal();
            assert_eq!(refused, (403, "Forbidden".into(), message), "{path}");
        }
        let review = json!({"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": {"resourceAttributes": {"namespace": namespace, "verb": "list", "resource": "pods"}}});
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        assert_eq!(crate::hosts::post(&jane, path, &review).await?.expect_code(201)?["status"]["allowed"], true);
        let review = json!({"spec": {"resourceAttributes": {"namespace": namespace, "verb": "delete", "resource": "pods"}}});
        assert_eq!(crate::hosts::post(&jane, path, &review).await?.expect_code(201)?["status"]["allowed"], false);
        let review = json!({"spec": {"namespace": namespace}});
        let rules = crate::hosts::post(&jane, "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", &review).await?.expect_code(201)?;
        let rules = rules["status"]["resourceRules"].as_array().unwrap().clone();
        assert!(rules.iter().any(|r: &Value| r["resources"] == json!(["pods"]) && r["verbs"] == json!(["get", "list"])), "{rules:?}");
        let me = crate::hosts::post(&jane, "/apis/authentication.k8s.io/v1/selfsubjectreviews", &json!({})).await?.expect_code(201)?;
        assert_eq!(me["status"]["userInfo"]["username"], user);
        Ok(())
    }
}
