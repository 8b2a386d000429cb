//! Which kinds are looked at, and which of them may go.

use smol_str::SmolStr;
use thiserror::Error;

use crate::cluster::Resource;

/// Short names that kubectl has.
const SHORT: [(&str, &str); 12] = [
    ("cm", "configmaps"),
    ("ep", "endpoints"),
    ("ing", "ingresses"),
    ("netpol", "networkpolicies"),
    ("pc", "priorityclasses"),
    ("pdb", "poddisruptionbudgets"),
    ("po", "pods"),
    ("pv", "persistentvolumes"),
    ("pvc", "persistentvolumeclaims"),
    ("sa", "serviceaccounts"),
    ("sc", "storageclasses"),
    ("svc", "services"),
];

/// Kinds that a person has named; none for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kinds(Vec<SmolStr>);

/// A host serves no such kind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the host serves no kind {0}; say it as in `kubectl api-resources`, such as pods, svc or ingresses.networking.k8s.io"
)]
pub struct UnknownKind(pub SmolStr);

impl Kinds {
    /// By their names: plural, singular, short, or plural with group, in any case.
    pub fn named(names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let name = |name: &str| {
            let name = name.trim().to_lowercase();
            SHORT
                .iter()
                .find(|(short, _)| *short == name)
                .map_or(name.into(), |(_, plural)| SmolStr::new_static(plural))
        };
        Kinds(names.into_iter().map(|it| name(it.as_ref())).filter(|it: &SmolStr| !it.is_empty()).collect())
    }

    /// Whether any were named.
    pub fn is_named(&self) -> bool {
        !self.0.is_empty()
    }

    /// As they were named, plurals for short names.
    pub fn names(&self) -> &[SmolStr] {
        &self.0
    }

    /// Whether this kind is to be looked at.
    pub fn wants(&self, resource: &Resource) -> bool {
        !self.is_named() || self.names_it(resource)
    }

    fn names_it(&self, resource: &Resource) -> bool {
        self.0.iter().any(|name| is(name, resource))
    }

    /// Whether objects of this kind may be deleted. What holds data goes only when its kind was named; what takes other objects
    /// along never.
    pub fn may_go(&self, resource: &Resource) -> bool {
        match (resource.group.as_str(), resource.kind.as_str()) {
            ("", "Namespace") | ("apiextensions.k8s.io", "CustomResourceDefinition") => false,
            ("", "PersistentVolumeClaim" | "PersistentVolume") => self.names_it(resource),
            _ => self.wants(resource),
        }
    }

    /// Checks them against what a host serves.
    ///
    /// # Errors
    /// The first that it does not serve.
    pub fn check(&self, served: &[Resource]) -> Result<(), UnknownKind> {
        let unknown = self.0.iter().find(|name| !served.iter().any(|resource| is(name, resource)));
        unknown.map_or(Ok(()), |name| Err(UnknownKind(name.clone())))
    }
}

fn is(name: &str, resource: &Resource) -> bool {
    let (plain, group) = name.split_once('.').map_or((name, None), |(plain, group)| (plain, Some(group)));
    let kind = resource.kind.to_lowercase();
    (plain == resource.plural || plain == kind) && group.is_none_or(|group| group == resource.group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_as_kubectl_takes_them_and_data_only_by_name() {
        let all = Kinds::default();
        let some =
            Kinds::named(["po", "Ingress", "pvc", "networkpolicies.networking.k8s.io", "services.nowhere"]);
        for (resource, wanted, goes, goes_by_default) in [
            (Resource::PODS, true, true, true),
            (Resource::INGRESSES, true, true, true),
            (Resource::PERSISTENT_VOLUME_CLAIMS, true, true, false),
            (Resource::PERSISTENT_VOLUMES, false, false, false),
            (Resource::NETWORK_POLICIES, true, true, true),
            (Resource::SERVICES, false, false, true),
            (Resource::NAMESPACES, false, false, false),
        ] {
            assert_eq!(some.wants(&resource), wanted, "{}", resource.kind);
            assert_eq!(some.may_go(&resource), goes, "{}", resource.kind);
            assert_eq!(all.may_go(&resource), goes_by_default, "{}", resource.kind);
        }
        assert!(
            !Kinds::named(["namespaces"]).may_go(&Resource::NAMESPACES),
            "it would take everything along"
        );
        let served = [Resource::PODS, Resource::PERSISTENT_VOLUME_CLAIMS];
        assert_eq!(Kinds::named(["po"]).check(&served), Ok(()));
        assert_eq!(Kinds::named(["po", "pds"]).check(&served), Err(UnknownKind("pds".into())));
    }
}
