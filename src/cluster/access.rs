//! What we may do on a cluster.

use std::fmt;

use futures::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{Cluster, Failure, FailureKind, ReadError, Resource};

/// Reviews that are under way at a time.
const AT_ONCE: usize = 8;

/// Whether something may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// The server says so.
    Granted,
    /// The server says that nothing grants it.
    Missing,
    /// The server could not tell; trying is the only way to know.
    Untold,
}

/// What may be done in one namespace, or in all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The namespace, none for all of them.
    pub namespace: Option<SmolStr>,
    rules: Vec<Rule>,
    incomplete: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(default)]
    verbs: Vec<SmolStr>,
    #[serde(default)]
    api_groups: Vec<SmolStr>,
    #[serde(default)]
    resources: Vec<SmolStr>,
    #[serde(default)]
    resource_names: Vec<SmolStr>,
}

impl Access {
    /// Whether `verb` is granted for all objects of a kind, or for one of its subresources (`log`, `exec`).
    pub fn may(&self, verb: &str, resource: &Resource, subresource: Option<&str>) -> Permission {
        let name = match subresource {
            Some(sub) => format!("{}/{sub}", resource.plural),
            None => resource.plural.to_string(),
        };
        let any_of_sub = subresource.map(|sub| format!("*/{sub}"));
        let has = |list: &[SmolStr], wanted: &str| list.iter().any(|entry| entry == "*" || entry == wanted);
        let granted = self.rules.iter().any(|rule| {
            has(&rule.verbs, verb)
                && has(&rule.api_groups, &resource.group)
                && (has(&rule.resources, &name)
                    || any_of_sub.as_ref().is_some_and(|sub| has(&rule.resources, sub)))
                && rule.resource_names.is_empty()
        });
        match (granted, self.incomplete) {
            (true, _) => Permission::Granted,
            (false, true) => Permission::Untold,
            (false, false) => Permission::Missing,
        }
    }
}

/// Something that one would like to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Such as `create`.
    pub verb: &'static str,
    /// With which kind of object.
    pub resource: Resource,
    /// Where; none for kinds that have no namespace.
    pub namespace: Option<SmolStr>,
}

impl fmt::Display for Asked {
    /// As a right is spoken of: `delete pods in team-a`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Asked { verb, resource, namespace } = self;
        write!(f, "{verb} {}", resource.spoken())?;
        namespace.as_ref().map_or(Ok(()), |namespace| write!(f, " in {namespace}"))
    }
}

/// One thing that v9s does.
#[derive(Clone)]
struct Deed {
    verb: &'static str,
    resource: Resource,
    subresource: Option<&'static str>,
}

const fn deed(verb: &'static str, resource: Resource, subresource: Option<&'static str>) -> Deed {
    Deed { verb, resource, subresource }
}

/// What v9s does over all namespaces: asked one by one, because the rules of all namespaces have no listing.
static DEEDS: [Deed; 16] = [
    deed("list", Resource::STATEFUL_SETS, None),
    deed("patch", Resource::STATEFUL_SETS, None),
    deed("list", Resource::DEPLOYMENTS, None),
    deed("patch", Resource::DEPLOYMENTS, None),
    deed("list", Resource::PODS, None),
    deed("delete", Resource::PODS, None),
    deed("get", Resource::PODS, Some("log")),
    deed("create", Resource::PODS, Some("exec")),
    deed("create", Resource::PODS, Some("portforward")),
    deed("list", Resource::SECRETS, None),
    deed("get", Resource::SECRETS, None),
    deed("list", Resource::RESOURCE_QUOTAS, None),
    deed("list", Resource::NAMESPACES, None),
    deed("create", Resource::NAMESPACES, None),
    deed("list", Resource::EVENTS, None),
    deed("list", Resource::PERSISTENT_VOLUME_CLAIMS, None),
];

impl Cluster {
    /// What may be done in a namespace; with none, which of the things that v9s does may be done in all of them.
    ///
    /// # Errors
    /// When the server does not review access.
    pub async fn access(&self, namespace: Option<&str>) -> Result<Access, ReadError> {
        let read = match namespace {
            Some(namespace) => self.rules_of(namespace).await,
            None => self.access_everywhere().await,
        };
        let place = namespace.map(|namespace| format!(" in {namespace}")).unwrap_or_default();
        read.map_err(|failure| self.error(format!("ask what may be done{place}"), failure))
    }

    async fn rules_of(&self, namespace: &str) -> Result<Access, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Status {
            #[serde(default)]
            incomplete: bool,
            #[serde(default)]
            resource_rules: Vec<Rule>,
        }
        let spec = serde_json::json!({ "namespace": namespace });
        let status: Status = self.review("SelfSubjectRulesReview", spec).await?;
        let Status { incomplete, resource_rules } = status;
        Ok(Access { namespace: Some(namespace.into()), rules: resource_rules, incomplete })
    }

    async fn access_everywhere(&self) -> Result<Access, Failure> {
        let asked = stream::iter(DEEDS.to_vec()).map(|deed| self.rule_if_granted(deed));
        let answers: Vec<_> = asked.buffer_unordered(AT_ONCE).collect().await;
        let rules =
            answers.into_iter().filter_map(Result::transpose).collect::<Result<Vec<Rule>, Failure>>()?;
        Ok(Access { namespace: None, rules, incomplete: false })
    }

    async fn rule_if_granted(&self, deed: Deed) -> Result<Option<Rule>, Failure> {
        #[derive(Deserialize)]
        struct Status {
            #[serde(default)]
            allowed: bool,
        }
        let Deed { verb, resource, subresource } = deed;
        let attributes = serde_json::json!({
            "verb": verb, "group": resource.group, "resource": resource.plural, "subresource": subresource,
        });
        let spec = serde_json::json!({ "resourceAttributes": attributes });
        let status: Status = self.review("SelfSubjectAccessReview", spec).await?;
        let name = subresource
            .map_or(resource.plural.clone(), |sub| smol_str::format_smolstr!("{}/{sub}", resource.plural));
        Ok(status.allowed.then(|| Rule {
            verbs: vec![SmolStr::new_static(verb)],
            api_groups: vec![resource.group],
            resources: vec![name],
            resource_names: Vec::new(),
        }))
    }

    /// Which of these may not be done, in the order of the question.
    ///
    /// # Errors
    /// When the server does not review access.
    pub async fn not_allowed(&self, asked: Vec<Asked>) -> Result<Vec<Asked>, Failure> {
        let reviewed = stream::iter(asked).map(|asked| self.refused(asked));
        let answers: Vec<_> = reviewed.buffered(AT_ONCE).collect().await;
        answers.into_iter().filter_map(Result::transpose).collect()
    }

    async fn refused(&self, asked: Asked) -> Result<Option<Asked>, Failure> {
        #[derive(Deserialize)]
        struct Status {
            #[serde(default)]
            allowed: bool,
        }
        let Asked { verb, resource, namespace } = &asked;
        let attributes = serde_json::json!({
            "verb": verb, "group": resource.group, "resource": resource.plural, "namespace": namespace,
        });
        let spec = serde_json::json!({ "resourceAttributes": attributes });
        let status: Status = self.review("SelfSubjectAccessReview", spec).await?;
        Ok((!status.allowed).then_some(asked))
    }

    async fn review<T: for<'a> Deserialize<'a>>(
        &self,
        kind: &str,
        spec: impl Serialize,
    ) -> Result<T, Failure> {
        #[derive(Deserialize)]
        struct Review<T> {
            status: T,
        }
        let body = serde_json::json!({ "apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec });
        let path = format!("/apis/authorization.k8s.io/v1/{}s", kind.to_lowercase());
        let request = http::Request::post(path)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body.to_string().into_bytes())
            .map_err(|error| Failure::new(FailureKind::Rejected, error.to_string()))?;
        Ok(self.json::<Review<T>>(request).await?.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(rules: serde_json::Value, incomplete: bool) -> Access {
        Access { namespace: Some("team-a".into()), rules: serde_json::from_value(rules).unwrap(), incomplete }
    }

    #[test]
    fn rules_grant_by_verb_group_and_resource() {
        let access = access(
            serde_json::json!([
                {"verbs": ["list", "watch"], "apiGroups": [""], "resources": ["pods", "pods/log"]},
                {"verbs": ["*"], "apiGroups": ["apps"], "resources": ["*"]},
                {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["one"]},
                {"verbs": ["create"], "apiGroups": [""], "resources": ["*/exec"]},
            ]),
            false,
        );
        let cases = [
            ("list", Resource::PODS, None, Permission::Granted),
            ("delete", Resource::PODS, None, Permission::Missing),
            ("list", Resource::PODS, Some("log"), Permission::Granted),
            ("create", Resource::PODS, Some("exec"), Permission::Granted),
            ("patch", Resource::STATEFUL_SETS, None, Permission::Granted),
            ("list", Resource::RESOURCE_QUOTAS, None, Permission::Missing),
            ("get", Resource::SECRETS, None, Permission::Missing),
        ];
        for (verb, resource, sub, expected) in cases {
            assert_eq!(access.may(verb, &resource, sub), expected, "{verb} {} {sub:?}", resource.plural);
        }
    }

    #[test]
    fn what_the_server_cannot_tell_is_not_denied() {
        let access = access(serde_json::json!([]), true);
        assert_eq!(access.may("list", &Resource::PODS, None), Permission::Untold);
    }
}
