use super::config::Hook;
use super::review::Response;
use super::rules::{Request, wanted};
use super::*;
use crate::kinds::{Kind, Kinds};
use crate::store::Operation;
use serde_json::json;

fn hook(rule: Value) -> Hook {
    serde_json::from_value(json!({"name": "a.b.c", "matchPolicy": "Equivalent", "rules": [rule]}))
        .expect("a hook")
}

fn kind(word: &str) -> &'static Arc<Kind> {
    Kinds::builtin().by_word(word).expect("built in")
}

/// The version in which a webhook sees a request, if it does.
fn seen(hook: &Hook, kind: &Arc<Kind>, operation: Operation, subresource: &str) -> Option<String> {
    let request = Request { operation, kind, subresource };
    wanted(hook, Kinds::builtin(), kind, request).map(|kind| kind.api_version().to_string())
}

#[test]
fn rules_name_operations_groups_versions_resources_and_scope() {
    let rule = |change: Value| {
        let mut rule = json!({"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "scope": "*"});
        for (key, value) in change.as_object().cloned().unwrap_or_default() {
            rule[key] = value;
        }
        hook(rule)
    };
    let pods = kind("pods");
    let cases = [
        (rule(json!({})), Operation::Create, "", true),
        (rule(json!({})), Operation::Update, "", false),
        (rule(json!({})), Operation::Create, "status", false),
        (rule(json!({"operations": ["*"]})), Operation::Delete, "", true),
        (rule(json!({"apiGroups": ["apps"]})), Operation::Create, "", false),
        (
            rule(json!({"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]})),
            Operation::Create,
            "",
            true,
        ),
        (rule(json!({"resources": ["*"]})), Operation::Create, "status", false),
        (rule(json!({"resources": ["*/*"]})), Operation::Create, "status", true),
        (rule(json!({"resources": ["pods/status"]})), Operation::Create, "status", true),
        (rule(json!({"resources": ["*/status"]})), Operation::Create, "", false),
        (rule(json!({"scope": "Cluster"})), Operation::Create, "", false),
        (rule(json!({"scope": "Namespaced"})), Operation::Create, "", true),
    ];
    for (hook, operation, subresource, expected) in cases {
        let found = seen(&hook, pods, operation, subresource).is_some();
        assert_eq!(found, expected, "{:?} {operation:?} {subresource:?}", hook.rules);
    }
}

#[test]
fn a_webhook_sees_the_version_it_asks_for_unless_it_wants_exactly_that_one() {
    let rule = json!({"operations": ["*"], "apiGroups": ["autoscaling"], "apiVersions": ["v1"],
        "resources": ["horizontalpodautoscalers"], "scope": "*"});
    let v2 = kind("hpa");
    let mut wants_v1 = hook(rule);
    assert_eq!(seen(&wants_v1, v2, Operation::Create, "").as_deref(), Some("autoscaling/v1"));
    wants_v1.match_policy = "Exact".into();
    assert_eq!(seen(&wants_v1, v2, Operation::Create, ""), None);
}

#[test]
fn answers_that_make_no_sense_are_told_as_such() {
    let answer = |response: Value| {
        let body =
            json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response});
        Response::read(body.to_string().as_bytes(), "u1").map(|response| response.allowed)
    };
    assert_eq!(answer(json!({"uid": "u1", "allowed": true})), Ok(true));
    let cases = [
        (
            json!({"uid": "u2", "allowed": true}),
            "received invalid webhook response: expected response.uid=\"u1\", got \"u2\"",
        ),
        (
            json!({"uid": "u1", "allowed": true, "patch": "W10="}),
            "received invalid webhook response: webhook returned response.patch but not response.patchType",
        ),
        (json!(null), "webhook response was absent"),
    ];
    for (response, expected) in cases {
        assert_eq!(answer(response), Err(expected.to_owned()));
    }
}

#[test]
fn conditions_see_the_request_and_the_objects() {
    let request = json!({"operation": "CREATE", "name": "a", "object": {"metadata": {"labels": {"x": "y"}}}, "oldObject": null,
        "userInfo": {"username": "jane", "groups": ["ops"]}});
    let holds = |expressions: &[&str]| {
        let all: Vec<config::Condition> = expressions
            .iter()
            .map(|e| config::Condition { name: "c".into(), expression: (*e).to_owned() })
            .collect();
        conditions::hold(&all, &request)
    };
    assert_eq!(holds(&[]), Ok(true));
    assert_eq!(
        holds(&["object.metadata.labels['x'] == 'y'", "request.userInfo.username == 'jane'"]),
        Ok(true)
    );
    assert_eq!(holds(&["oldObject == null", "'ops' in request.userInfo.groups"]), Ok(true));
    assert_eq!(holds(&["object.spec.size > 1", "false"]), Ok(false), "one that is false is enough");
    assert!(holds(&["object.spec.size > 1"]).is_err_and(|why| why.contains("\"c\"")));
    assert!(
        conditions::broken("authorizer.path('/').allowed()").is_some_and(|why| why.contains("authorizer"))
    );
    assert_eq!(conditions::broken("request.name == 'a'"), None);
}

#[test]
fn configurations_are_filled_in_and_checked() {
    let mut sound = json!({"webhooks": [{"name": "a.example.org", "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": "https://127.0.0.1:1/x"},
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]}]});
    set_defaults(&mut sound, true);
    let hook = &sound["webhooks"][0];
    assert_eq!(
        (&hook["failurePolicy"], &hook["matchPolicy"], &hook["timeoutSeconds"]),
        (&json!("Fail"), &json!("Equivalent"), &json!(10))
    );
    assert_eq!((&hook["reinvocationPolicy"], &hook["rules"][0]["scope"]), (&json!("Never"), &json!("*")));
    assert_eq!(hook["clientConfig"], json!({"url": "https://127.0.0.1:1/x"}));
    assert_eq!(check(&sound), Vec::new());
    let broken = |change: &dyn Fn(&mut Value)| {
        let mut configuration = sound.clone();
        change(&mut configuration["webhooks"][0]);
        check(&configuration).into_iter().map(|error| error.field).collect::<Vec<_>>()
    };
    assert_eq!(broken(&|h| h["name"] = json!("short")), ["webhooks[0].name"]);
    assert_eq!(broken(&|h| h["sideEffects"] = json!("Some")), ["webhooks[0].sideEffects"]);
    assert_eq!(broken(&|h| h["clientConfig"] = json!({})), ["webhooks[0].clientConfig"]);
    assert_eq!(broken(&|h| h["clientConfig"]["url"] = json!("http://x/")), ["webhooks[0].clientConfig.url"]);
    assert_eq!(
        broken(&|h| h["rules"][0]["operations"] = json!(["READ"])),
        ["webhooks[0].rules[0].operations[0]"]
    );
    assert_eq!(broken(&|h| h["timeoutSeconds"] = json!(31)), ["webhooks[0].timeoutSeconds"]);
}
