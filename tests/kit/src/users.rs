//! Users with few rights, the same way on every host: RBAC objects, and a kubeconfig of that user.

use anyhow::Result;
use serde_json::{Value, json};

use crate::host::Host;
use crate::kubeconfig;

/// What a user may do.
#[derive(Debug, Clone)]
pub struct Grant {
    namespace: Option<String>,
    rules: Vec<Value>,
}

impl Grant {
    /// Nothing yet, in one namespace.
    pub fn within(namespace: &str) -> Self {
        Self { namespace: Some(namespace.to_owned()), rules: Vec::new() }
    }

    /// Nothing yet, in the whole cluster.
    pub fn everywhere() -> Self {
        Self { namespace: None, rules: Vec::new() }
    }

    /// Adds verbs on resources. Resources are spelled as `kubectl auth can-i` takes them: `pods`, `pods/log`,
    /// `statefulsets.apps`, `statefulsets.apps/scale`.
    #[must_use]
    pub fn may(mut self, verbs: &[&str], resources: &[&str]) -> Self {
        self.rules.extend(resources.iter().map(|spelled| {
            let (resource, sub) = spelled.split_once('/').unwrap_or((spelled, ""));
            let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
            let resource = if sub.is_empty() { resource.to_owned() } else { format!("{resource}/{sub}") };
            json!({"verbs": verbs, "apiGroups": [group], "resources": [resource]})
        }));
        self
    }

    /// The role that holds the rules and the binding that gives it to the user.
    fn objects(&self, user: &str, number: usize) -> [Value; 2] {
        let name = format!("{user}-{number}");
        let (role, binding) = match self.namespace {
            Some(_) => ("Role", "RoleBinding"),
            None => ("ClusterRole", "ClusterRoleBinding"),
        };
        let metadata = match &self.namespace {
            Some(namespace) => json!({"name": name, "namespace": namespace}),
            None => json!({"name": name}),
        };
        let api = "rbac.authorization.k8s.io";
        let version = format!("{api}/v1");
        [
            json!({"apiVersion": version, "kind": role, "metadata": metadata, "rules": self.rules}),
            json!({
                "apiVersion": version, "kind": binding, "metadata": metadata,
                "roleRef": {"apiGroup": api, "kind": role, "name": name},
                "subjects": [{"apiGroup": api, "kind": "User", "name": user}],
            }),
        ]
    }
}

impl Host {
    /// Makes a user who may do what the grants say and nothing else (beyond what every authenticated user may, such
    /// as asking for one's own rights), and returns their kubeconfig.
    ///
    /// # Errors
    /// What the server said to the RBAC objects.
    pub async fn user(&self, stem: &str, grants: &[Grant]) -> Result<String> {
        let name = self.named(stem);
        for (number, grant) in grants.iter().enumerate() {
            self.seed(&grant.objects(&name, number)).await?;
        }
        match self.sandbox() {
            Some(sandbox) => Ok(sandbox.kubeconfig_of(&name, &[])),
            None => kubeconfig::altered(&self.kubeconfig, Some(&name), None),
        }
    }
}
