//! Subresources: scale, binding, eviction, logs and streams.

use crate::hosts::both;
use crate::writes::deployment;
use serde_json::{Value, json};

fn pod(name: &str, node: &str, containers: &[&str]) -> Value {
    let containers: Vec<Value> = containers.iter().map(|name| json!({"name": name, "image": "i"})).collect();
    json!({"metadata": {"name": name}, "spec": {"nodeName": node, "automountServiceAccountToken": false, "containers": containers}})
}

both! {
    async fn scale_shows_and_sets_replicas(host: Host) -> Result<()> {
        let namespace = host.namespace("scale").await?;
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
        host.post(&path, &deployment("web", 2)).await?.expect_code(201)?;
        let path = format!("{path}/web");
        let scale = host.get(&format!("{path}/scale")).await?.expect_code(200)?;
        assert_eq!((&scale["kind"], &scale["apiVersion"]), (&json!("Scale"), &json!("autoscaling/v1")));
        assert_eq!((&scale["spec"], &scale["status"]), (&json!({"replicas": 2}), &json!({"replicas": 0, "selector": "app=web"})));
        let object = host.get(&path).await?.expect_code(200)?;
        for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
            assert_eq!(scale["metadata"][key], object["metadata"][key], "{key}");
        }
        let mut wanted = scale.clone();
        wanted["spec"]["replicas"] = json!(5);
        let put = host.put(&format!("{path}/scale"), &wanted).await?.expect_code(200)?;
        assert_eq!((&put["kind"], &put["spec"]["replicas"]), (&json!("Scale"), &json!(5)));
        assert_eq!(host.get(&path).await?.expect_code(200)?["spec"]["replicas"], 5);
        let (code, reason, _) = host.put(&format!("{path}/scale"), &wanted).await?.refusal();
        assert_eq!((code, reason.as_str()), (409, "Conflict"), "the version is that of the object");
        let patched = host.patch(&format!("{path}/scale"), "merge", &json!({"spec": {"replicas": 0}})).await?.expect_code(200)?;
        assert_eq!(patched["spec"].get("replicas").and_then(Value::as_i64).unwrap_or(0), 0);
        let read = host.get(&path).await?.expect_code(200)?;
        assert_eq!((&read["spec"]["replicas"], &read["metadata"]["generation"]), (&json!(0), &json!(3)));
        Ok(())
    }

    async fn a_binding_puts_a_pod_on_a_node(host: Host) -> Result<()> {
        let namespace = host.namespace("binding").await?;
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        host.post(&path, &pod("p", "", &["c"])).await?.expect_code(201)?;
        let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"apiVersion": "v1", "kind": "Node", "name": "n1"}});
        let answer = host.post(&format!("{path}/p/binding"), &binding).await?.expect_code(201)?;
        assert_eq!((&answer["kind"], &answer["status"]), (&json!("Status"), &json!("Success")));
        let bound = host.get(&format!("{path}/p")).await?.expect_code(200)?;
        assert_eq!(bound["spec"]["nodeName"], "n1");
        let scheduled = bound["status"]["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "PodScheduled").unwrap();
        assert_eq!(scheduled["status"], "True");
        let (code, reason, message) = host.post(&format!("{path}/p/binding"), &binding).await?.refusal();
        assert_eq!((code, reason.as_str()), (409, "Conflict"));
        assert!(message.contains("pod p is already assigned to node \"n1\""), "{message}");
        Ok(())
    }

    async fn an_eviction_deletes_unless_a_budget_forbids(host: Host) -> Result<()> {
        let namespace = host.namespace("eviction").await?;
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        let mut guarded = pod("guarded", "n1", &["c"]);
        guarded["metadata"]["labels"] = json!({"app": "g"});
        host.post(&path, &guarded).await?.expect_code(201)?;
        host.patch(&format!("{path}/guarded/status"), "merge", &json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})).await?.expect_code(200)?;
        let budget = json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "g"}}}});
        let budgets = format!("/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets");
        host.post(&budgets, &budget).await?.expect_code(201)?;
        let status = json!({"status": {"observedGeneration": 1, "disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1}});
        host.patch(&format!("{budgets}/b/status"), "merge", &status).await?.expect_code(200)?;
        let eviction = |name: &str| json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}});
        let answer = host.post(&format!("{path}/guarded/eviction"), &eviction("guarded")).await?;
        let (code, reason, message) = answer.refusal();
        assert_eq!((code, reason.as_str(), message.as_str()), (429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget."));
        assert_eq!(answer.json()["details"]["causes"][0]["reason"], "DisruptionBudget");
        host.post(&path, &pod("free", "", &["c"])).await?.expect_code(201)?;
        let done = host.post(&format!("{path}/free/eviction"), &eviction("free")).await?.expect_code(201)?;
        assert_eq!((&done["kind"], &done["status"]), (&json!("Status"), &json!("Success")));
        assert_eq!(host.get(&format!("{path}/free")).await?.code, 404);
        assert_eq!(host.post(&format!("{path}/none/eviction"), &eviction("none")).await?.code, 404);
        Ok(())
    }

    async fn a_log_belongs_to_one_container(host: Host) -> Result<()> {
        let namespace = host.namespace("logs").await?;
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        host.post(&path, &pod("one", "", &["c"])).await?.expect_code(201)?;
        host.post(&path, &pod("two", "", &["a", "b"])).await?.expect_code(201)?;
        let waiting = host.get(&format!("{path}/one/log")).await?;
        assert_eq!((waiting.code, waiting.text.as_str()), (204, ""));
        for (target, code, message) in [
            ("two/log", 400, "a container name must be specified for pod two, choose one of: [a b]"),
            ("two/log?container=x", 400, "container x is not valid for pod two"),
            ("none/log", 404, "pods \"none\" not found"),
        ] {
            let (found, _, said) = host.get(&format!("{path}/{target}")).await?.refusal();
            assert_eq!((found, said.as_str()), (code, message), "{target}");
        }
        for query in ["tailLines=-1", "limitBytes=0", "sinceSeconds=0"] {
            assert_eq!(host.get(&format!("{path}/one/log?{query}")).await?.code, 422, "{query}");
        }
        Ok(())
    }

    async fn a_service_account_gets_a_token(host: Host) -> Result<()> {
        let namespace = host.namespace("tokens").await?;
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        host.post(&path, &json!({"metadata": {"name": "robot"}})).await?.expect_code(201)?;
        let request = json!({"spec": {"expirationSeconds": 3600}});
        let answer = host.post(&format!("{path}/robot/token"), &request).await?.expect_code(201)?;
        assert_eq!((&answer["kind"], &answer["apiVersion"]), (&json!("TokenRequest"), &json!("authentication.k8s.io/v1")));
        assert!(answer["status"]["expirationTimestamp"].is_string());
        let token = answer["status"]["token"].as_str().unwrap();
        assert_eq!(token.split('.').count(), 3, "tokens have the shape of JWTs");
        let robot = crate::hosts::with_token(host.kubeconfig(), Some(token)).await?;
        let me = crate::hosts::post(&robot, "/apis/authentication.k8s.io/v1/selfsubjectreviews", &json!({})).await?.expect_code(201)?;
        assert_eq!(me["status"]["userInfo"]["username"], format!("system:serviceaccount:{namespace}:robot"));
        let review = json!({"spec": {"token": token}});
        let review = host.post("/apis/authentication.k8s.io/v1/tokenreviews", &review).await?.expect_code(201)?;
        assert_eq!(review["status"]["authenticated"], true, "{review}");
        let review = json!({"spec": {"token": "nonsense"}});
        let review = host.post("/apis/authentication.k8s.io/v1/tokenreviews", &review).await?.expect_code(201)?;
        assert_ne!(review["status"]["authenticated"], true, "{review}");
        Ok(())
    }
}
