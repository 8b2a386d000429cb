//! Custom resources: `sync.*.customResources` says which, `v9s.sync.customResources` how.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::mapping::{Mappings, is_dns_label, is_dns_subdomain};
use super::sync::HostDeletion;
use crate::provision::values::view::View;

/// A resource by `PLURAL.GROUP`, such as `certificates.cert-manager.io`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceName {
    /// Plural.
    pub plural: String,
    /// API group.
    pub group: String,
}

impl ResourceName {
    /// Reads a name. None when it is none.
    pub fn parse(text: &str) -> Option<ResourceName> {
        let (plural, group) = text.split_once('.')?;
        (is_dns_label(plural) && is_dns_subdomain(group))
            .then(|| ResourceName { plural: plural.to_owned(), group: group.to_owned() })
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.plural, self.group)
    }
}

/// How a custom resource is mirrored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomResource {
    /// Which way.
    pub direction: Direction,
    /// Names inside that become the names of the mirrored objects.
    pub references: Vec<Reference>,
}

/// Which way a custom resource goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Direction {
    /// The tenant's objects go to the host; the resource is namespaced.
    ToHost {
        /// What the host decides: copied back to the tenant's object.
        status_paths: Vec<FieldPath>,
        /// What happens when somebody deletes the host's object.
        host_deletion: HostDeletion,
    },
    /// The tenant sees objects of the host.
    FromHost(HostScope),
}

/// Which objects of the host the tenant sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostScope {
    /// All of a cluster-scoped resource.
    Cluster,
    /// Those of a namespaced resource that are mapped.
    Namespaced(Mappings),
}

/// A name inside of a custom resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where it stands: text that is a name, or a mapping with `name` and perhaps `namespace`.
    pub path: FieldPath,
    /// What it names.
    pub kind: ReferenceKind,
}

/// What a name names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ReferenceKind {
    Pod,
    Service,
    ConfigMap,
    Secret,
    PersistentVolumeClaim,
    ServiceAccount,
    Ingress,
    /// An object of a custom resource.
    Custom(ResourceName),
}

impl ReferenceKind {
    fn parse(text: &str) -> Option<ReferenceKind> {
        Some(match text {
            "Pod" => ReferenceKind::Pod,
            "Service" => ReferenceKind::Service,
            "ConfigMap" => ReferenceKind::ConfigMap,
            "Secret" => ReferenceKind::Secret,
            "PersistentVolumeClaim" => ReferenceKind::PersistentVolumeClaim,
            "ServiceAccount" => ReferenceKind::ServiceAccount,
            "Ingress" => ReferenceKind::Ingress,
            text => ReferenceKind::Custom(ResourceName::parse(text)?),
        })
    }
}

/// A way into an object, such as `spec.volumes[].secret.secretName`; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath(Vec<FieldStep>);

/// A step of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldStep {
    /// Into a field.
    Field(String),
    /// Into every item of a list.
    Each,
}

impl FieldPath {
    /// Reads a path: fields with dots between, `[]` for each item of a list, `["a.b"]` for a field with dots. None when it is none.
    pub fn parse(text: &str) -> Option<FieldPath> {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("[]") {
                steps.push(FieldStep::Each);
                rest = after;
            } else if let Some(after) = rest.strip_prefix("[\"") {
                let (field, after) = after.split_once("\"]")?;
                steps.push(FieldStep::Field(field.to_owned()));
                rest = after;
            } else {
                let after = if steps.is_empty() { rest } else { rest.strip_prefix('.')? };
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (field, after) = after.split_at(end);
                if field.is_empty() {
                    return None;
                }
                steps.push(FieldStep::Field(field.to_owned()));
                rest = after;
            }
        }
        let begins = matches!(steps.first(), Some(FieldStep::Field(field)) if !field.is_empty());
        begins.then_some(FieldPath(steps))
    }

    /// Its steps.
    pub fn steps(&self) -> &[FieldStep] {
        &self.0
    }
}

impl CustomResource {
    /// All that are turned on.
    pub(super) fn all(view: &View) -> BTreeMap<ResourceName, CustomResource> {
        let [to, from, own] =
            ["sync.toHost.customResources", "sync.fromHost.customResources", "v9s.sync.customResources"]
                .map(|dotted| view.entries(dotted).into_iter().collect::<BTreeMap<String, View>>());
        let names: BTreeSet<&String> = to.keys().chain(from.keys()).chain(own.keys()).collect();
        let mut all = BTreeMap::new();
        for key in names {
            let parts = [to.get(key), from.get(key), own.get(key)];
            let Some(name) = ResourceName::parse(key) else {
                for part in parts.into_iter().flatten() {
                    part.complain("", "expected PLURAL.GROUP, such as certificates.cert-manager.io");
                }
                continue;
            };
            if let Some(resource) = CustomResource::of(parts) {
                all.insert(name, resource);
            }
        }
        all
    }

    /// From what the two official places and our own say about one resource.
    fn of([to, from, own]: [Option<&View>; 3]) -> Option<CustomResource> {
        for official in [to, from].into_iter().flatten().filter(|official| !official.has("enabled")) {
            let what = "give true or false: a resource that is named here is not on by itself";
            official.complain("enabled", what);
        }
        let details = own.map(Details::of).unwrap_or_default();
        let scope = from.map(HostScope::of);
        let direction = match Way::of([to, from, own])? {
            Way::ToHost => {
                Direction::ToHost { status_paths: details.status_paths, host_deletion: details.host_deletion }
            }
            Way::FromHost => {
                for useless in ["statusPaths", "hostDeletion"] {
                    if let Some(own) = own.filter(|own| own.has(useless)) {
                        own.complain(useless, "only of use for a resource that goes to the host");
                    }
                }
                Direction::FromHost(scope.flatten()?)
            }
        };
        Some(CustomResource { direction, references: details.references })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    ToHost,
    FromHost,
}

impl Way {
    /// Which way a resource goes; None when it is off, or with a problem told.
    fn of([to, from, own]: [Option<&View>; 3]) -> Option<Way> {
        let on = |view: Option<&View>| view.is_some_and(|view| view.flag("enabled"));
        let official = match (on(to), on(from)) {
            (true, true) => {
                to?.contradict("enabled", "a resource goes one way only", from?, "enabled");
                return Some(Way::ToHost);
            }
            (true, false) => Some(Way::ToHost),
            (false, true) => Some(Way::FromHost),
            (false, false) => None,
        };
        let wanted = match own.map(|own| own.text("direction")).unwrap_or_default().as_str() {
            "toHost" => Some(Way::ToHost),
            "fromHost" => Some(Way::FromHost),
            _ => None,
        };
        match (official, wanted) {
            (Some(official), Some(wanted)) if official != wanted => {
                let other = if official == Way::ToHost { to } else { from };
                own?.contradict("direction", "the resource is turned on the other way", other?, "enabled");
                None
            }
            (Some(way), _) => Some(way),
            (None, Some(wanted)) => {
                let stated = if wanted == Way::ToHost { to } else { from };
                if let Some(off) = stated {
                    own?.contradict("direction", "the resource is turned off", off, "enabled");
                } else if wanted == Way::FromHost {
                    own?.complain("direction", "which objects? say so in sync.fromHost.customResources");
                }
                (stated.is_none() && wanted == Way::ToHost).then_some(Way::ToHost)
            }
            (None, None) if to.is_none() && from.is_none() => {
                own?.complain("", "which way? give direction, or turn it on in sync.toHost or sync.fromHost");
                None
            }
            (None, None) => None,
        }
    }
}

impl HostScope {
    fn of(view: &View) -> Option<HostScope> {
        let mappings = Mappings::of(view, "mappings.byName");
        let mapped = !view.map("mappings.byName").is_empty();
        match view.text("scope").as_str() {
            "Namespaced" if !mapped && view.flag("enabled") => {
                view.complain(
                    "scope",
                    "a namespaced resource needs mappings.byName: name the objects of the host",
                );
                None
            }
            "Namespaced" => mappings.map(HostScope::Namespaced),
            "Cluster" => {
                if mapped {
                    view.contradict(
                        "mappings.byName",
                        "a cluster-scoped resource has no namespaces to map",
                        view,
                        "scope",
                    );
                }
                Some(HostScope::Cluster)
            }
            _ => {
                if view.flag("enabled") && !view.has("scope") {
                    view.complain("scope", "give Cluster or Namespaced");
                }
                None
            }
        }
    }
}

/// What our own place says.
struct Details {
    references: Vec<Reference>,
    status_paths: Vec<FieldPath>,
    host_deletion: HostDeletion,
}

impl Default for Details {
    fn default() -> Self {
        let status = FieldPath(vec![FieldStep::Field("status".to_owned())]);
        Details { references: Vec::new(), status_paths: vec![status], host_deletion: HostDeletion::Recreate }
    }
}

impl Details {
    fn of(view: &View) -> Details {
        const PATH: &str = "expected a path such as spec.secretName or spec.volumes[].secret.secretName";
        let mut references = Vec::new();
        for item in view.items("references") {
            let path = FieldPath::parse(&item.text("path"));
            let kind = ReferenceKind::parse(&item.text("kind"));
            if path.is_none() {
                item.complain("path", PATH);
            }
            if kind.is_none() {
                item.complain(
                    "kind",
                    "expected Pod, Service, ConfigMap, Secret, PersistentVolumeClaim, ServiceAccount, Ingress, or PLURAL.GROUP",
                );
            }
            references.extend(path.zip(kind).map(|(path, kind)| Reference { path, kind }));
        }
        let mut status_paths = Vec::new();
        for (index, text) in view.texts("statusPaths").iter().enumerate() {
            match FieldPath::parse(text) {
                Some(path) => status_paths.push(path),
                None => view.complain_at(view.path("statusPaths").item(index), PATH),
            }
        }
        Details { references, status_paths, host_deletion: HostDeletion::of(view, "hostDeletion") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_by_fields_and_items() {
        let field = |name: &str| FieldStep::Field(name.to_owned());
        let cases = [
            ("status", Some(vec![field("status")])),
            ("spec.secretName", Some(vec![field("spec"), field("secretName")])),
            (
                "spec.volumes[].name",
                Some(vec![field("spec"), field("volumes"), FieldStep::Each, field("name")]),
            ),
            ("a[][]", Some(vec![field("a"), FieldStep::Each, FieldStep::Each])),
            ("a[\"b.c\"].d", Some(vec![field("a"), field("b.c"), field("d")])),
            ("[\"a.b\"]", Some(vec![field("a.b")])),
            ("", None),
            (".a", None),
            ("a..b", None),
            ("a.", None),
            ("a[0]", None),
            ("[]", None),
            ("a[]b", None),
            ("a[\"b", None),
        ];
        for (text, expected) in cases {
            assert_eq!(FieldPath::parse(text).map(|path| path.0), expected, "{text}");
        }
    }
}
