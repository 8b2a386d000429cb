//! Who asks, and what they may do: role-based access control in the semantics of `rbac.authorization.k8s.io/v1`.
//!
//! Pure functions over the roles and bindings that [`Policies`] finds.

pub(crate) mod escalation;
mod review;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};
use smol_str::SmolStr;

pub use review::{access_review, rules_review, self_review};

/// The group that may do everything, roles or not.
pub const MASTERS: &str = "system:masters";
/// The group of everybody who has shown who they are.
pub const AUTHENTICATED: &str = "system:authenticated";

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// Name, such as `jane` or `system:serviceaccount:shop:default`.
    pub name: SmolStr,
    /// Groups.
    pub groups: Vec<SmolStr>,
    /// UID; empty where there is none.
    pub uid: SmolStr,
    /// Further marks, by name.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// Somebody who has shown who they are.
    pub fn named(name: impl Into<SmolStr>) -> Self {
        User { name: name.into(), groups: vec![AUTHENTICATED.into()], ..User::default() }
    }

    /// Somebody who may do everything.
    pub fn admin() -> Self {
        User { groups: vec![MASTERS.into(), AUTHENTICATED.into()], ..User::named("sandbox-admin") }
    }

    /// A service account.
    pub fn service_account(namespace: &str, name: &str) -> Self {
        let groups = vec![
            "system:serviceaccounts".into(),
            smol_str::format_smolstr!("system:serviceaccounts:{namespace}"),
            AUTHENTICATED.into(),
        ];
        User { groups, ..User::named(smol_str::format_smolstr!("system:serviceaccount:{namespace}:{name}")) }
    }

    /// What reviews say of them: `UserInfo`.
    pub fn info(&self) -> Value {
        let mut info = json!({"username": self.name, "groups": self.groups});
        if !self.uid.is_empty() {
            info["uid"] = json!(self.uid);
        }
        if !self.extra.is_empty() {
            info["extra"] = json!(self.extra);
        }
        info
    }

    /// Whether they may do everything, roles or not.
    pub fn is_master(&self) -> bool {
        self.is_in(MASTERS)
    }

    fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish<'a> {
    /// Something with objects of a kind.
    Resource {
        /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, …
        verb: &'a str,
        /// API group, empty for the core.
        group: &'a str,
        /// Plural.
        resource: &'a str,
        /// Subresource, empty for the object itself.
        subresource: &'a str,
        /// Namespace; empty: all namespaces, or the kind has none.
        namespace: &'a str,
        /// Object, empty for all.
        name: &'a str,
    },
    /// A path that is no resource, such as `/version`.
    Path {
        /// `get`, …
        verb: &'a str,
        /// The path.
        path: &'a str,
    },
}

/// The real server's words after `is forbidden: ` and for paths.
impl fmt::Display for Wish<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Wish::Path { verb, path } => write!(f, "cannot {verb} path {path:?}"),
            Wish::Resource { verb, group, resource, subresource, namespace, .. } => {
                let slash = if subresource.is_empty() { "" } else { "/" };
                write!(
                    f,
                    "cannot {verb} resource \"{resource}{slash}{subresource}\" in API group {group:?}"
                )?;
                if namespace.is_empty() {
                    f.write_str(" at the cluster scope")
                } else {
                    write!(f, " in the namespace {namespace:?}")
                }
            }
        }
    }
}

/// Where roles and bindings are found.
pub trait Policies {
    /// All ClusterRoleBindings.
    fn cluster_role_bindings(&self) -> Vec<Arc<Value>>;
    /// All RoleBindings of a namespace.
    fn role_bindings(&self, namespace: &str) -> Vec<Arc<Value>>;
    /// A ClusterRole.
    fn cluster_role(&self, name: &str) -> Option<Arc<Value>>;
    /// A Role.
    fn role(&self, namespace: &str, name: &str) -> Option<Arc<Value>>;
}

/// Whether the user may do it.
pub fn allowed(policies: &impl Policies, user: &User, wish: &Wish<'_>) -> bool {
    if user.is_master() || open_to_all(user, wish) {
        return true;
    }
    let namespace = match wish {
        Wish::Resource { namespace, .. } => namespace,
        Wish::Path { .. } => "",
    };
    rules(policies, user, namespace).iter().any(|rule| covers(rule, wish))
}

/// What the default roles of every cluster give to everybody: discovery, health, and questions about oneself.
fn open_to_all(user: &User, wish: &Wish<'_>) -> bool {
    match *wish {
        Wish::Path { verb, path } => {
            let health = ["/healthz", "/livez", "/readyz", "/version"];
            let discovery = ["/api", "/apis", "/openapi"];
            let below =
                |root: &str| path == root || path.strip_prefix(root).is_some_and(|p| p.starts_with('/'));
            verb == "get"
                && (health.iter().any(|p| below(p))
                    || user.is_in(AUTHENTICATED) && discovery.iter().any(|p| below(p)))
        }
        Wish::Resource { verb, group, resource, .. } => {
            let about_oneself = match group {
                "authorization.k8s.io" => {
                    matches!(resource, "selfsubjectaccessreviews" | "selfsubjectrulesreviews")
                }
                "authentication.k8s.io" => resource == "selfsubjectreviews",
                _ => false,
            };
            verb == "create" && about_oneself && user.is_in(AUTHENTICATED)
        }
    }
}

/// The rules that hold for a user in a namespace, those for the whole cluster included. Empty `namespace`: only those.
fn rules(policies: &impl Policies, user: &User, namespace: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut take = |role: Option<Arc<Value>>| {
        let rules = role.map(|role| role["rules"].as_array().cloned().unwrap_or_default());
        found.extend(rules.unwrap_or_default());
    };
    for binding in policies.cluster_role_bindings() {
        if binds(&binding, user, "") {
            take(policies.cluster_role(text(&binding["roleRef"], "name")));
        }
    }
    let in_namespace = if namespace.is_empty() { Vec::new() } else { policies.role_bindings(namespace) };
    for binding in in_namespace {
        if binds(&binding, user, namespace) {
            let name = text(&binding["roleRef"], "name");
            take(match text(&binding["roleRef"], "kind") {
                "ClusterRole" => policies.cluster_role(name),
                _ => policies.role(namespace, name),
            });
        }
    }
    found
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn binds(binding: &Value, user: &User, namespace: &str) -> bool {
    binding["subjects"].as_array().into_iter().flatten().any(|subject| {
        let name = text(subject, "name");
        match text(subject, "kind") {
            "User" => user.name == name,
            "Group" => user.is_in(name),
            "ServiceAccount" => {
                let own = text(subject, "namespace");
                let own = if own.is_empty() { namespace } else { own };
                user.name == smol_str::format_smolstr!("system:serviceaccount:{own}:{name}")
            }
            _ => false,
        }
    })
}

fn holds(list: &Value, matches: impl Fn(&str) -> bool) -> bool {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .any(|entry| entry == "*" || matches(entry))
}

fn covers(rule: &Value, wish: &Wish<'_>) -> bool {
    match *wish {
        Wish::Path { verb, path } => {
            holds(&rule["verbs"], |v| v == verb)
                && holds(&rule["nonResourceURLs"], |url| {
                    url == path || url.strip_suffix('*').is_some_and(|prefix| path.starts_with(prefix))
                })
        }
        Wish::Resource { verb, group, resource, subresource, name, .. } => {
            let named = rule["resourceNames"].as_array().is_none_or(Vec::is_empty)
                || !name.is_empty() && holds(&rule["resourceNames"], |n| n == name);
            named
                && holds(&rule["verbs"], |v| v == verb)
                && holds(&rule["apiGroups"], |g| g == group)
                && holds(&rule["resources"], |entry| names_resource(entry, resource, subresource))
        }
    }
}

/// `pods` names the objects only, `pods/log` one subresource, `*/log` that of every kind.
fn names_resource(entry: &str, resource: &str, subresource: &str) -> bool {
    match entry.split_once('/') {
        None => subresource.is_empty() && entry == resource,
        Some((of, sub)) => {
            !subresource.is_empty() && (of == "*" || of == resource) && (sub == "*" || sub == subresource)
        }
    }
}

#[cfg(test)]
mod tests;
