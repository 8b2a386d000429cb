use std::collections::HashMap;

use serde_json::json;

use super::*;

/// Roles and bindings by namespace (empty: of the cluster) and name.
#[derive(Default)]
struct Table {
    roles: HashMap<(&'static str, &'static str), Value>,
    bindings: HashMap<&'static str, Vec<Value>>,
}

impl Table {
    fn role(mut self, namespace: &'static str, name: &'static str, rules: Value) -> Self {
        self.roles.insert((namespace, name), json!({"rules": rules}));
        self
    }

    fn bind(mut self, namespace: &'static str, kind: &str, role: &str, subject: Value) -> Self {
        let binding = json!({"roleRef": {"kind": kind, "name": role}, "subjects": [subject]});
        self.bindings.entry(namespace).or_default().push(binding);
        self
    }
}

impl Policies for Table {
    fn cluster_role_bindings(&self) -> Vec<Arc<Value>> {
        self.role_bindings("")
    }
    fn role_bindings(&self, namespace: &str) -> Vec<Arc<Value>> {
        self.bindings.get(namespace).into_iter().flatten().cloned().map(Arc::new).collect()
    }
    fn cluster_role(&self, name: &str) -> Option<Arc<Value>> {
        self.role("", name)
    }
    fn role(&self, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.roles.get(&(namespace, name)).cloned().map(Arc::new)
    }
}

fn wish<'a>(verb: &'a str, resource: &'a str, namespace: &'a str, name: &'a str) -> Wish<'a> {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    Wish::Resource { verb, group: "", resource, subresource, namespace, name }
}

fn policies() -> Table {
    Table::default()
        .role("", "reader", json!([{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "pods/log"]}]))
        .role("shop", "one", json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["secrets"], "resourceNames": ["mine"]}]))
        .role("", "metrics", json!([{"verbs": ["get"], "nonResourceURLs": ["/metrics", "/logs/*"]}]))
        .bind("shop", "ClusterRole", "reader", json!({"kind": "User", "name": "jane"}))
        .bind("shop", "Role", "one", json!({"kind": "User", "name": "jane"}))
        .bind("shop", "ClusterRole", "reader", json!({"kind": "ServiceAccount", "name": "bot"}))
        .bind("", "ClusterRole", "reader", json!({"kind": "Group", "name": "ops"}))
        .bind("", "ClusterRole", "metrics", json!({"kind": "User", "name": "jane"}))
}

#[test]
fn a_role_reaches_as_far_as_its_binding() {
    let jane = User::named("jane");
    for (expected, verb, resource, namespace, name) in [
        (true, "list", "pods", "shop", ""),
        (true, "get", "pods/log", "shop", "web"),
        (false, "list", "pods", "bank", ""),
        (false, "list", "pods", "", ""),
        (false, "delete", "pods", "shop", "web"),
        (false, "get", "pods/exec", "shop", "web"),
        (true, "delete", "secrets", "shop", "mine"),
        (false, "delete", "secrets", "shop", "other"),
        (false, "list", "secrets", "shop", ""),
    ] {
        let wish = wish(verb, resource, namespace, name);
        assert_eq!(allowed(&policies(), &jane, &wish), expected, "{wish}");
    }
}

#[test]
fn groups_service_accounts_and_masters() {
    let ops = User { groups: vec!["ops".into(), AUTHENTICATED.into()], ..User::named("joe") };
    assert!(allowed(&policies(), &ops, &wish("list", "pods", "", "")));
    assert!(
        allowed(&policies(), &ops, &wish("list", "pods", "bank", "")),
        "a cluster binding holds everywhere"
    );
    let bot = User::service_account("shop", "bot");
    assert!(allowed(&policies(), &bot, &wish("list", "pods", "shop", "")));
    assert!(!allowed(&policies(), &User::service_account("bank", "bot"), &wish("list", "pods", "shop", "")));
    assert!(allowed(&Table::default(), &User::admin(), &wish("delete", "nodes", "", "n")));
}

#[test]
fn paths_have_rules_of_their_own_and_discovery_is_open() {
    let jane = User::named("jane");
    for (path, expected) in [
        ("/metrics", true),
        ("/logs/kubelet", true),
        ("/debug", false),
        ("/apis/apps/v1", true),
        ("/apisx", false),
    ] {
        assert_eq!(allowed(&policies(), &jane, &Wish::Path { verb: "get", path }), expected, "{path}");
    }
    let nobody = User { groups: vec!["system:unauthenticated".into()], ..User::named("system:anonymous") };
    assert!(allowed(&policies(), &nobody, &Wish::Path { verb: "get", path: "/livez" }));
    assert!(!allowed(&policies(), &nobody, &Wish::Path { verb: "get", path: "/api" }));
}

#[test]
fn refusals_are_worded_as_on_a_real_server() {
    for (wish, text) in [
        (wish("list", "pods", "", ""), r#"cannot list resource "pods" in API group "" at the cluster scope"#),
        (
            wish("get", "pods/log", "shop", "x"),
            r#"cannot get resource "pods/log" in API group "" in the namespace "shop""#,
        ),
        (Wish::Path { verb: "get", path: "/metrics" }, r#"cannot get path "/metrics""#),
    ] {
        assert_eq!(wish.to_string(), text);
    }
}

#[test]
fn reviews_answer_for_the_asker_or_for_whom_they_name() {
    let jane = User::named("jane");
    let attributes = json!({"verb": "list", "resource": "pods", "namespace": "shop"});
    let own = json!({"kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}});
    let answer = access_review(&policies(), &jane, own).expect("a good review");
    assert_eq!(answer["status"]["allowed"], true);
    let other =
        json!({"kind": "SubjectAccessReview", "spec": {"user": "joe", "resourceAttributes": attributes}});
    let answer = access_review(&policies(), &jane, other).expect("a good review");
    assert_eq!(answer["status"]["allowed"], false);
    assert!(
        access_review(&policies(), &jane, json!({"kind": "SelfSubjectAccessReview", "spec": {}})).is_err()
    );
}

#[test]
fn the_rules_of_a_namespace_are_told_whole() {
    let asked = json!({"kind": "SelfSubjectRulesReview", "spec": {"namespace": "shop"}});
    let answer = rules_review(&policies(), &User::named("jane"), asked.clone());
    assert_eq!(answer["status"]["resourceRules"].as_array().map(Vec::len), Some(2));
    assert_eq!(answer["status"]["nonResourceRules"].as_array().map(Vec::len), Some(1));
    let admin = rules_review(&policies(), &User::admin(), asked);
    assert_eq!(
        admin["status"]["resourceRules"],
        json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}])
    );
}
