//! Admission webhooks: who is called when, with what, and what becomes of the answer.

use crate::custom::{definition, served, until};
use crate::hook::{Hook, patch};
use crate::hosts::{Host, both};
use anyhow::Result;
use serde_json::{Value, json};

const GROUP: &str = "/apis/admissionregistration.k8s.io/v1";

/// A webhook for what is written to one namespace, by default ConfigMaps.
pub fn webhook(name: &str, namespace: &str, client: &Value) -> Value {
    json!({
        "name": name, "clientConfig": client, "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [{"operations": ["CREATE", "UPDATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}],
    })
}

/// Puts webhooks into force under a name of their own; `active` tells when they are.
pub async fn configure(host: &Host, plural: &str, stem: &str, hooks: &[Value]) -> Result<String> {
    let body = json!({"metadata": {"name": host.named(stem)}, "webhooks": hooks});
    host.post(&format!("{GROUP}/{plural}"), &body).await?.expect_code(201)?;
    Ok(format!("{GROUP}/{plural}/{}", host.named(stem)))
}

const MUTATING: &str = "mutatingwebhookconfigurations";
pub const VALIDATING: &str = "validatingwebhookconfigurations";

/// Waits until a webhook is asked about a ConfigMap that is never made.
pub async fn in_force(host: &Host, maps: &str, hook: &Hook) -> Result<()> {
    until(|| async {
        host.post(&format!("{maps}?dryRun=All"), &map("probe", &json!({"probe": "yes"}))).await?;
        Ok(!hook.asked("probe").is_empty())
    })
    .await
}

fn map(name: &str, labels: &Value) -> Value {
    json!({"metadata": {"name": name, "labels": labels}, "data": {"a": "b"}})
}

/// Refuses every object but those called `probe`.
async fn refusing(status: Value) -> Result<Hook> {
    Hook::start(move |request| match request["name"].as_str() {
        Some("probe") => json!({"allowed": true}),
        _ => json!({"allowed": false, "status": status}),
    })
    .await
}

both! {
    async fn a_validating_webhook_refuses_in_its_own_words(host: Host) -> Result<()> {
        let maps = host.config_maps("whdeny").await?;
        let namespace = maps.split('/').nth(4).unwrap();
        let cases = [
            (json!({"code": 403, "message": "not today"}), 403, "admission webhook \"deny.example.org\" denied the request: not today"),
            (json!({}), 400, "admission webhook \"deny.example.org\" denied the request without explanation"),
            (json!({"code": 422, "reason": "Invalid"}), 422, "admission webhook \"deny.example.org\" denied the request: Invalid"),
        ];
        for (index, (status, code, message)) in cases.into_iter().enumerate() {
            let hook = refusing(status).await?;
            let path = configure(&host, VALIDATING, &format!("deny{index}"), &[webhook("deny.example.org", namespace, &hook.client())]).await?;
            in_force(&host, &maps, &hook).await?;
            let (found, _, said) = host.post(&maps, &map("a", &json!({}))).await?.refusal();
            assert_eq!((found, said.as_str()), (code, message));
            host.delete(&path).await?.expect_code(200)?;
            until(|| async { Ok(host.post(&format!("{maps}?dryRun=All"), &map("a", &json!({}))).await?.code == 201) }).await?;
        }
        Ok(())
    }

    async fn a_webhook_learns_all_about_a_request(host: Host) -> Result<()> {
        let maps = host.config_maps("whask").await?;
        let namespace = maps.split('/').nth(4).unwrap();
        let hook = Hook::agreeing().await?;
        let mut wanted = webhook("ask.example.org", namespace, &hook.client());
        wanted["rules"][0]["operations"] = json!(["*"]);
        configure(&host, VALIDATING, "ask", &[wanted]).await?;
        in_force(&host, &maps, &hook).await?;
        assert_eq!(hook.asked("probe")[0]["dryRun"], true);
        host.post(&format!("{maps}?fieldManager=me"), &map("a", &json!({"x": "y"}))).await?.expect_code(201)?;
        host.patch(&format!("{maps}/a"), "merge", &json!({"data": {"a": "c"}})).await?.expect_code(200)?;
        host.delete(&format!("{maps}/a")).await?.expect_code(200)?;
        let asked = hook.asked("a");
        let [create, update, delete] = asked.as_slice() else { panic!("{asked:#?}") };
        assert_eq!(create["kind"], json!({"group": "", "version": "v1", "kind": "ConfigMap"}));
        assert_eq!(create["resource"], json!({"group": "", "version": "v1", "resource": "configmaps"}));
        assert_eq!((&create["requestKind"], &create["requestResource"]), (&create["kind"], &create["resource"]));
        assert_eq!((&create["operation"], &create["namespace"], &create["dryRun"]), (&json!("CREATE"), &json!(namespace), &json!(false)));
        assert!(create["userInfo"]["groups"].as_array().unwrap().contains(&json!("system:authenticated")), "{create}");
        assert_eq!((&create["object"]["data"], &create["object"]["kind"]), (&json!({"a": "b"}), &json!("ConfigMap")));
        assert_eq!(create["oldObject"], Value::Null);
        assert_eq!(create["options"], json!({"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "me"}));
        assert_eq!((&update["operation"], &update["object"]["data"]["a"], &update["oldObject"]["data"]["a"]), (&json!("UPDATE"), &json!("c"), &json!("b")));
        assert_eq!((&delete["operation"], &delete["object"], &delete["oldObject"]["data"]["a"]), (&json!("DELETE"), &Value::Null, &json!("c")));
        assert_eq!(delete["options"]["kind"], "DeleteOptions");
        Ok(())
    }

    async fn the_address_of_a_service_is_allotted_after_webhooks_have_spoken(host: Host) -> Result<()> {
        let maps = host.config_maps("whservice").await?;
        let namespace = maps.split('/').nth(4).unwrap();
        let hook = Hook::start(|request| match request["resource"]["resource"] == "services" {
            true => patch(&json!([{"op": "add", "path": "/spec/clusterIP", "value": "10.96.0.222"}])),
            false => json!({"allowed": true}),
        })
        .await?;
        let mut wanted = webhook("service.example.org", namespace, &hook.client());
        wanted["rules"][0]["resources"] = json!(["configmaps", "services"]);
        configure(&host, MUTATING, "service", &[wanted]).await?;
        in_force(&host, &maps, &hook).await?;
        let services = maps.replace("configmaps", "services");
        let made = host.post(&services, &json!({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})).await?.expect_code(201)?;
        assert_eq!((&made["spec"]["clusterIP"], &made["spec"]["clusterIPs"]), (&json!("10.96.0.222"), &json!(["10.96.0.222"])));
        let asked = &hook.asked("web")[0]["object"]["spec"];
        assert_eq!((&asked["clusterIP"], &asked["type"], &asked["ports"][0]["protocol"]), (&Value::Null, &json!("ClusterIP"), &json!("TCP")));
        Ok(())
    }

    async fn mutating_webhooks_change_objects_in_the_order_of_their_names(host: Host) -> Result<()> {
        let maps = host.config_maps("whorder").await?;
        let namespace = maps.split('/').nth(4).unwrap();
        let adding = |key: &'static str| move |_: &Value| {
            let mut response = patch(&json!([{"op": "add", "path": format!("/metadata/labels/{key}"), "value": "set"}]));
            response["warnings"] = json!([format!("{key} was set")]);
            response
        };
        let (first, second) = (Hook::start(adding("first")).await?, Hook::start(adding("second")).await?);
        configure(&host, MUTATING, "order-b", &[webhook("second.example.org", namespace, &second.client())]).await?;
        configure(&host, MUTATING, "order-a", &[webhook("first.example.org", namespace, &first.client())]).await?;
        in_force(&host, &maps, &first).await?;
        in_force(&host, &maps, &second).await?;
        let answer = host.post(&maps, &map("a", &json!({"x": "y"}))).await?;
        let warnings: Vec<String> = answer.headers.get_all("warning").iter().map(|w| w.to_str().unwrap().to_owned()).collect();
        assert_eq!(warnings, ["299 - \"first was set\"", "299 - \"second was set\""]);
        let made = answer.expect_code(201)?;
        assert_eq!(made["metadata"]["labels"], json!({"x": "y", "first": "set", "second": "set"}));
        assert_eq!(first.asked("a")[0]["object"]["metadata"]["labels"], json!({"x": "y"}));
        assert_eq!(second.asked("a")[0]["object"]["metadata"]["labels"], json!({"x": "y", "first": "set"}));
        assert_eq!(first.asked("a").len(), 1, "it does not want to see what others made of it");
        Ok(())
    }

    async fn a_webhook_that_asks_for_it_is_called_again_after_a_change(host: Host) -> Result<()> {
        let maps = host.config_maps("whagain").await?;
        let namespace = maps.split('/').nth(4).unwrap();
        let watching = Hook::agreeing().await?;
        let changing = Hook::start(|_| patch(&json!([{"op": "add", "path": "/data/added", "value": "yes"}]))).await?;
        let mut again = webhook("again.example.org", namespace, &watching.client());
        again["reinvocationPolicy"] = json!("IfNeeded");
        configure(&host, MUTATING, "again", &[again, webhook("change.example.org", namespace, &changing.client())]).await?;
        in_force(&host, &maps, &changing).await?;
        host.post(&maps, &map("a", &json!({}))).await?.expect_code(201)?;
        let seen: Vec<Value> = watching.asked("a").iter().map(|request| request["object"]["data"].clone()).collect();
        assert_eq!(seen, [json!({"a": "b"}), json!({"a": "b", "added": "yes"})]);
        assert_eq!(changing.asked("a").len(), 1);
        Ok(())
    }

    async fn what_a_mutating_webhook_makes_is_validated(host: Host) -> Result<()> {
        let maps = host.config_maps("whbad").await?;
        let namespace = maps.split('/').nth(4).unwrap();
        let hook = Hook::start(|_| patch(&json!([{"op": "add", "path": "/metadata/labels/x", "value": "not a label!"}]))).await?;
        configure(&host, MUTATING, "bad", &[webhook("bad.example.org", namespace, &hook.client())]).await?;
        in_force(&host, &maps, &hook).await?;
        let (code, reason, message) = host.post(&maps, &map("a", &json!({"x": "y"}))).await?.refusal();
        assert_eq!((code, reason.as_str()), (422, "Invalid"), "{message}");
        assert!(message.starts_with("ConfigMap \"a\" is invalid: metadata.labels: Invalid value: \"not a label!\""), "{message}");
        Ok(())
    }

    async fn a_webhook_that_cannot_be_asked_fails_the_request_or_is_ignored(host: Host) -> Result<()> {
        let maps = host.config_maps("whfail").await?;
        let namespace = maps.split('/').nth(4).unwrap();
        let client = json!({"url": "https://127.0.0.1:1/x"});
        let mut ignored = webhook("ignored.example.org", namespace, &client);
        ignored["failurePolicy"] = json!("Ignore");
        configure(&host, MUTATING, "ignored", &[ignored]).await?;
        let path = configure(&host, VALIDATING, "failing", &[webhook("failing.example.org", namespace, &client)]).await?;
        until(|| async { Ok(host.post(&format!("{maps}?dryRun=All"), &map("a", &json!({}))).await?.code != 201) }).await?;
        let (code, reason, message) = host.post(&maps, &map("a", &json!({}))).await?.refusal();
        assert_eq!((code, reason.as_str()), (500, "InternalError"));
        let expected = "Internal error occurred: failed calling webhook \"failing.example.org\": failed to call webhook: Post \"https://127.0.0.1:1/x?timeout=10s\": dial tcp 127.0.0.1:1: connect: ";
        assert!(message.to_lowercase().starts_with(&expected.to_lowercase()), "{message}");
        host.delete(&path).await?.expect_code(200)?;
        until(|| async { Ok(host.post(&format!("{maps}?dryRun=All"), &map("a", &json!({}))).await?.code == 201) }).await?;
        Ok(())
    }

    async fn a_webhook_with_an_unknown_certificate_is_not_asked(host: Host) -> Result<()> {
        let maps = host.config_maps("whcert").await?;
        let namespace = maps.split('/').nth(4).unwrap();
        let (hook, other) = (Hook::agreeing().await?, Hook::agreeing().await?);
        let client = json!({"url": hook.url, "caBundle": other.bundle});
        configure(&host, VALIDATING, "cert", &[webhook("cert.example.org", namespace, &client)]).await?;
        until(|| async { Ok(host.post(&format!("{maps}?dryRun=All"), &map("a", &json!({}))).await?.code != 201) }).await?;
        let (code, _, message) = host.post(&maps, &map("a", &json!({}))).await?.refusal();
        assert_eq!(code, 500);
        assert!(message.starts_with("Internal error occurred: failed calling webhook \"cert.example.org\": failed to call webhook: Post "), "{message}");
        assert!(hook.asked("a").is_empty());
        Ok(())
    }

    async fn selectors_and_conditions_choose_what_a_webhook_sees(host: Host) -> Result<()> {
        let maps = host.config_maps("whselect").await?;
        let namespace = maps.split('/').nth(4).unwrap();
        let hook = Hook::agreeing().await?;
        let mut wanted = webhook("select.example.org", namespace, &hook.client());
        wanted["objectSelector"] = json!({"matchExpressions": [{"key": "probe", "operator": "Exists"}]});
        wanted["matchConditions"] = json!([{"name": "not-quiet", "expression": "!has(object.data) || object.data['a'] != 'quiet'"}]);
        configure(&host, VALIDATING, "select", &[wanted]).await?;
        in_force(&host, &maps, &hook).await?;
        let mut quiet = map("quiet", &json!({"probe": "yes"}));
        quiet["data"]["a"] = json!("quiet");
        for object in [map("seen", &json!({"probe": "no"})), map("unseen", &json!({})), quiet] {
            host.post(&maps, &object).await?.expect_code(201)?;
        }
        let elsewhere = host.config_maps("whelse").await?;
        host.post(&elsewhere, &map("far", &json!({"probe": "yes"}))).await?.expect_code(201)?;
        let counts = ["seen", "unseen", "quiet", "far"].map(|name| hook.asked(name).len());
        assert_eq!(counts, [1, 0, 0, 0]);
        host.patch(&format!("{maps}/seen"), "merge", &json!({"metadata": {"labels": null}})).await?.expect_code(200)?;
        assert_eq!(hook.asked("seen").len(), 2, "the object it was is looked at, too");
        Ok(())
    }

    async fn a_webhook_sees_the_version_it_names(host: Host) -> Result<()> {
        let maps = host.config_maps("whversion").await?;
        let namespace = maps.split('/').nth(4).unwrap();
        let hook = Hook::start(|request| match request["kind"]["kind"].as_str() {
            Some("HorizontalPodAutoscaler") => patch(&json!([{"op": "replace", "path": "/spec/targetCPUUtilizationPercentage", "value": 33}])),
            _ => json!({"allowed": true}),
        }).await?;
        let mut wanted = webhook("version.example.org", namespace, &hook.client());
        wanted["rules"].as_array_mut().unwrap().push(json!({"operations": ["CREATE"], "apiGroups": ["autoscaling"],
            "apiVersions": ["v1"], "resources": ["horizontalpodautoscalers"]}));
        configure(&host, MUTATING, "version", &[wanted]).await?;
        in_force(&host, &maps, &hook).await?;
        let path = format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers");
        let body = json!({"metadata": {"name": "h"}, "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}}});
        let made = host.post(&path, &body).await?.expect_code(201)?;
        assert_eq!(made["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 33);
        let asked = &hook.asked("h")[0];
        assert_eq!((&asked["kind"]["version"], &asked["requestKind"]["version"]), (&json!("v1"), &json!("v2")));
        assert_eq!(asked["object"]["apiVersion"], "autoscaling/v1");
        Ok(())
    }

    async fn custom_resources_and_their_status_are_shown_to_webhooks(host: Host) -> Result<()> {
        let schema = json!({"type": "object", "properties": {
            "spec": {"type": "object", "properties": {"size": {"type": "integer", "default": 3, "maximum": 5}}},
            "status": {"type": "object", "properties": {"ready": {"type": "boolean"}}}}});
        let path = served(&host, "whcr", &definition(&host, "whcr", &schema)).await?;
        let parts: Vec<&str> = path.split('/').collect();
        let (group, namespace) = (parts[2], parts[5]);
        let hook = Hook::agreeing().await?;
        let mut wanted = webhook("custom.example.org", namespace, &hook.client());
        wanted["rules"].as_array_mut().unwrap().push(json!({"operations": ["*"], "apiGroups": [group], "apiVersions": ["*"], "resources": ["widgets", "widgets/status"]}));
        configure(&host, VALIDATING, "cr", &[wanted]).await?;
        in_force(&host, &format!("/api/v1/namespaces/{namespace}/configmaps"), &hook).await?;
        let body = json!({"apiVersion": format!("{group}/v1"), "kind": "Widget", "metadata": {"name": "a"}, "spec": {}});
        host.post(&path, &body).await?.expect_code(201)?;
        host.patch(&format!("{path}/a/status"), "merge", &json!({"status": {"ready": true}})).await?.expect_code(200)?;
        let asked = hook.asked("a");
        assert_eq!((asked[0]["object"]["spec"]["size"].as_i64(), asked[0].get("subResource")), (Some(3), None));
        assert_eq!((&asked[1]["subResource"], &asked[1]["object"]["status"]), (&json!("status"), &json!({"ready": true})));
        Ok(())
    }

    async fn configurations_of_webhooks_are_filled_in_and_checked(host: Host) -> Result<()> {
        let client = json!({"url": "https://127.0.0.1:1/x"});
        let body = json!({"metadata": {"name": host.named("filled")}, "webhooks": [webhook("filled.example.org", "nowhere", &client)]});
        let made = host.post(&format!("{GROUP}/{MUTATING}"), &body).await?.expect_code(201)?;
        let hook = &made["webhooks"][0];
        assert_eq!((&hook["failurePolicy"], &hook["matchPolicy"], &hook["timeoutSeconds"], &hook["reinvocationPolicy"]),
            (&json!("Fail"), &json!("Equivalent"), &json!(10), &json!("Never")));
        assert_eq!((&hook["objectSelector"], &hook["rules"][0]["scope"]), (&json!({}), &json!("*")));
        assert_eq!(made["metadata"]["generation"], 1);
        type Change = Box<dyn Fn(&mut Value) + Send + Sync>;
        let cases: Vec<(Change, &str, &str)> = vec![
            (Box::new(|h| h["name"] = json!("short")), "webhooks[0].name", "Invalid value: \"short\": should be a domain with at least three segments separated by dots"),
            (Box::new(|h| h["sideEffects"] = json!("Unknown")), "webhooks[0].sideEffects", "Unsupported value: \"Unknown\": supported values: \"None\", \"NoneOnDryRun\""),
            (Box::new(|h| h["clientConfig"] = json!({})), "webhooks[0].clientConfig", "Required value: exactly one of url or service is required"),
            (Box::new(|h| h["timeoutSeconds"] = json!(31)), "webhooks[0].timeoutSeconds", "Invalid value: 31: the timeout value must be between 1 and 30 seconds"),
            (Box::new(|h| h["clientConfig"]["url"] = json!("http://127.0.0.1/x")), "webhooks[0].clientConfig.url", "Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]"),
            (Box::new(|h| h["admissionReviewVersions"] = json!([])), "webhooks[0].admissionReviewVersions", "Required value: must specify one of v1, v1beta1"),
        ];
        for (change, field, message) in cases {
            let mut broken = body.clone();
            broken["metadata"]["name"] = json!(host.named("broken"));
            change(&mut broken["webhooks"][0]);
            let status = host.post(&format!("{GROUP}/{VALIDATING}"), &broken).await?.expect_code(422)?;
            let causes = status["details"]["causes"].as_array().cloned().unwrap_or_default();
            assert!(causes.iter().any(|c| c["field"] == field && c["message"] == message), "{field}: {causes:#?}");
        }
        Ok(())
    }
}
