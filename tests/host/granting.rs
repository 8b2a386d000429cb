//! Nobody grants what they do not hold.

use std::fmt::Write as _;

use crate::hosts::both;
use http::Method;
use serde_json::{Value, json};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// A write by somebody with few rights: method, path, body.
async fn as_jane(
    host: &crate::hosts::Host,
    method: Method,
    path: &str,
    body: &Value,
) -> anyhow::Result<String> {
    let content_type =
        if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
    let jane = host.named("jane");
    let headers =
        [("content-type", content_type), ("impersonate-user", jane.as_str()), ("impersonate-group", "ops")];
    let answer = host.send(method, path, &headers, body.to_string().into()).await?;
    let (code, _, message) = answer.refusal();
    Ok(format!("{code} {message}"))
}

both! {
    async fn a_role_is_made_by_those_who_hold_what_it_gives(host: Host) -> Result<()> {
        let namespace = host.namespace("granting").await?;
        let own = json!({"metadata": {"name": host.named("own")}, "rules": [
            {"apiGroups": [""], "resources": ["pods", "pods/log", "*/status"], "verbs": ["get", "list"]},
            {"apiGroups": ["apps"], "resources": ["*"], "verbs": ["*"]},
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["one"], "verbs": ["get"]},
            {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings", "clusterroles", "clusterrolebindings"],
                "verbs": ["get", "create", "update", "patch"]},
        ]});
        host.post(&format!("{RBAC}/clusterroles"), &own).await?.expect_code(201)?;
        let subjects = json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": host.named("jane")}]);
        let role_ref = |kind: &str, name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name});
        let binding = json!({"metadata": {"name": host.named("own")}, "roleRef": role_ref("ClusterRole", &host.named("own")), "subjects": subjects});
        host.post(&format!("{RBAC}/clusterrolebindings"), &binding).await?.expect_code(201)?;
        let roles = format!("{RBAC}/namespaces/{namespace}/roles");
        let bindings = format!("{RBAC}/namespaces/{namespace}/rolebindings");
        // A real server learns of new roles by watching them.
        crate::hosts::eventually("jane may create roles", || async {
            let dry = json!({"metadata": {"name": "first"}, "rules": []});
            Ok(as_jane(&host, Method::POST, &format!("{roles}?dryRun=All"), &dry).await?.starts_with("201"))
        }).await?;

        let mut told = String::new();
        let rule = |groups: &[&str], resources: &[&str], verbs: &[&str]| json!({"apiGroups": groups, "resources": resources, "verbs": verbs});
        for (name, rules) in [
            ("held", json!([rule(&[""], &["pods"], &["get"]), rule(&["apps"], &["deployments", "deployments/scale"], &["patch"])])),
            ("status", json!([rule(&[""], &["services/status"], &["get"])])),
            ("verbs", json!([rule(&[""], &["pods"], &["get", "delete", "create"])])),
            ("several", json!([rule(&["", "batch"], &["jobs", "pods"], &["get", "watch"])])),
            ("everything", json!([rule(&["*"], &["*"], &["*"])])),
            ("named", json!([{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["one"], "verbs": ["get"]}])),
            ("names", json!([{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["one", "two"], "verbs": ["get"]}])),
            ("unnamed", json!([rule(&[""], &["secrets"], &["get"])])),
            ("nothing", json!([])),
        ] {
            let role = json!({"metadata": {"name": name}, "rules": rules});
            writeln!(told, "role {name}: {}", as_jane(&host, Method::POST, &roles, &role).await?)?;
        }
        let more = json!({"rules": [rule(&[""], &["nodes"], &["get"])]});
        writeln!(told, "patch: {}", as_jane(&host, Method::PATCH, &format!("{roles}/held"), &more).await?)?;
        let label = json!({"metadata": {"labels": {"a": "b"}}});
        writeln!(told, "label: {}", as_jane(&host, Method::PATCH, &format!("{roles}/held"), &label).await?)?;
        let whole = json!({"metadata": {"name": "held"}, "rules": [rule(&[""], &["nodes"], &["get"])]});
        writeln!(told, "put: {}", as_jane(&host, Method::PUT, &format!("{roles}/held"), &whole).await?)?;
        let applied = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "applied"}, "rules": [rule(&[""], &["nodes"], &["get"])]});
        let jane = host.named("jane");
        let headers = [("content-type", "application/apply-patch+yaml"), ("impersonate-user", jane.as_str()), ("impersonate-group", "ops")];
        let path = format!("{roles}/applied?fieldManager=it");
        let answer = host.send(Method::PATCH, &path, &headers, applied.to_string().into()).await?;
        writeln!(told, "apply: {}", answer.refusal().2)?;
        let urls = json!({"metadata": {"name": host.named("urls")}, "rules": [{"nonResourceURLs": ["/metrics", "/version"], "verbs": ["get"]}]});
        writeln!(told, "paths: {}", as_jane(&host, Method::POST, &format!("{RBAC}/clusterroles"), &urls).await?)?;
        let aggregated = json!({"metadata": {"name": host.named("all")}, "rules": [], "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}});
        writeln!(told, "aggregated: {}", as_jane(&host, Method::POST, &format!("{RBAC}/clusterroles"), &aggregated).await?)?;

        host.post(&roles, &json!({"metadata": {"name": "strong"}, "rules": [rule(&[""], &["secrets"], &["list"])]})).await?.expect_code(201)?;
        // It learns of the roles themselves in the same way.
        for (role, answer) in [("held", "201"), ("strong", "403")] {
            let binding = json!({"metadata": {"name": "first"}, "roleRef": role_ref("Role", role), "subjects": subjects});
            crate::hosts::eventually("the role is known", || async {
                Ok(as_jane(&host, Method::POST, &format!("{bindings}?dryRun=All"), &binding).await?.starts_with(answer))
            }).await?;
        }
        for (name, kind, role) in
            [("held", "Role", "held"), ("strong", "Role", "strong"), ("admin", "ClusterRole", "edit-nobody"), ("missing", "Role", "missing")]
        {
            let binding = json!({"metadata": {"name": name}, "roleRef": role_ref(kind, role), "subjects": subjects});
            writeln!(told, "binding {name}: {}", as_jane(&host, Method::POST, &bindings, &binding).await?)?;
        }

        let leave = json!({"metadata": {"name": host.named("leave")}, "rules": [
            {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["escalate", "bind"]}]});
        host.post(&format!("{RBAC}/clusterroles"), &leave).await?.expect_code(201)?;
        let binding = json!({"metadata": {"name": host.named("leave")}, "roleRef": role_ref("ClusterRole", &host.named("leave")), "subjects": subjects});
        host.post(&format!("{RBAC}/clusterrolebindings"), &binding).await?.expect_code(201)?;
        let free = json!({"metadata": {"name": "free"}, "rules": [rule(&["*"], &["*"], &["*"])]});
        let bound = json!({"metadata": {"name": "free"}, "roleRef": role_ref("Role", "strong"), "subjects": subjects});
        crate::hosts::eventually("jane may escalate", || async {
            Ok(as_jane(&host, Method::POST, &format!("{roles}?dryRun=All"), &free).await?.starts_with("201"))
        }).await?;
        writeln!(told, "with escalate: {}", as_jane(&host, Method::POST, &roles, &free).await?)?;
        writeln!(told, "with bind: {}", as_jane(&host, Method::POST, &bindings, &bound).await?)?;
        insta::assert_snapshot!("granting", told.replace(host.kit().prefix(), "PREFIX"));
        Ok(())
    }
}
