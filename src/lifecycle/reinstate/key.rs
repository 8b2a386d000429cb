//! What a key of a Kubernetes store says of the object behind it.

/// Where an object lies, by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// Plural of its kind.
    pub(super) plural: &'a str,
    /// Its API group, which only keys of custom resources and of a few other kinds name.
    pub(super) group: Option<&'a str>,
    /// Its namespace, none for cluster-scoped kinds.
    pub(super) namespace: Option<&'a str>,
    pub(super) name: &'a str,
}

/// Reads a key; none for one that holds no object.
pub(super) fn place(key: &[u8]) -> Option<Place<'_>> {
    let segments: Vec<&str> = std::str::from_utf8(key).ok()?.strip_prefix("/registry/")?.split('/').collect();
    let (group, plural, rest) = match segments.as_slice() {
        // A domain is a group, and the plural comes behind it.
        [group, plural, rest @ ..] if group.contains('.') => (Some(*group), *plural, rest),
        // Kept under names from before the API had its own.
        ["minions", rest @ ..] => (None, "nodes", rest),
        ["controllers", rest @ ..] => (None, "replicationcontrollers", rest),
        ["ingress", rest @ ..] => (None, "ingresses", rest),
        ["services", "specs", rest @ ..] => (None, "services", rest),
        ["services", "endpoints", rest @ ..] => (None, "endpoints", rest),
        [plural, rest @ ..] => (None, *plural, rest),
        [] => return None,
    };
    let (namespace, name) = match rest {
        [name] => (None, *name),
        [namespace, name] => (Some(*namespace), *name),
        _ => return None,
    };
    let said = [Some(plural), namespace, Some(name)].into_iter().flatten().all(|segment| !segment.is_empty());
    said.then_some(Place { plural, group, namespace, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_kind_namespace_and_name() {
        for (key, plural, group, namespace, name) in [
            ("/registry/pods/team/web-0", "pods", None, Some("team"), "web-0"),
            ("/registry/namespaces/team", "namespaces", None, None, "team"),
            ("/registry/minions/node-1", "nodes", None, None, "node-1"),
            ("/registry/controllers/team/old", "replicationcontrollers", None, Some("team"), "old"),
            ("/registry/ingress/team/web", "ingresses", None, Some("team"), "web"),
            ("/registry/services/specs/team/web", "services", None, Some("team"), "web"),
            ("/registry/services/endpoints/team/web", "endpoints", None, Some("team"), "web"),
            ("/registry/clusterroles/system:node", "clusterroles", None, None, "system:node"),
            ("/registry/example.com/widgets/team/one", "widgets", Some("example.com"), Some("team"), "one"),
            ("/registry/example.com/worlds/one", "worlds", Some("example.com"), None, "one"),
            (
                "/registry/apiextensions.k8s.io/customresourcedefinitions/widgets.example.com",
                "customresourcedefinitions",
                Some("apiextensions.k8s.io"),
                None,
                "widgets.example.com",
            ),
        ] {
            assert_eq!(place(key.as_bytes()), Some(Place { plural, group, namespace, name }), "{key}");
        }
    }

    #[test]
    fn what_is_no_object_has_no_place() {
        for key in [
            "",
            "compact_rev_key",
            "/registry",
            "/registry/",
            "/registry/pods",
            "/registry/pods/",
            "/registry/pods//web",
            "/registry/pods/a/b/c",
            "/registry/example.com/widgets",
            "/vcluster/mappings/v1/Pod/a",
        ] {
            assert_eq!(place(key.as_bytes()), None, "{key}");
        }
        assert_eq!(place(b"/registry/pods/a/\xff"), None);
    }
}
