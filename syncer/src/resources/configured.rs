//! What `vcluster.yaml` says, as what is mirrored.

use std::collections::BTreeMap;

use kube::core::Selector;
use smol_str::SmolStr;
use v9s::cluster::Resource;
use v9s::provision::values::settings as values;
use v9s::provision::values::settings::{ReferenceKind, ResourceName};

use super::custom::{CustomResource, Direction, Meaning, Reference, ToHost};
use super::from_host::Mapping;
use super::replicated::{FromHostLine, ToHostLine};
use super::settings::{Classes, Content, Selected, Settings};

/// What cannot be mirrored although it is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmirrored {
    /// Nobody knows the kind.
    #[error(
        "{0} is to be mirrored, and the host serves no such resource: is its definition installed there?"
    )]
    Unknown(String),
    /// Each tenant object would need a name of its own in everybody's cluster.
    #[error("{0} is to go to the host, and its objects are cluster-scoped: only namespaced ones can")]
    ClusterScoped(String),
}

/// What is mirrored. `served` has the custom resources as the host serves them.
///
/// # Errors
/// What cannot be mirrored.
pub fn configured(
    sync: &values::Sync,
    replicas: &values::ReplicateServices,
    served: &BTreeMap<ResourceName, Resource>,
) -> Result<Settings, Unmirrored> {
    let custom = sync.custom_resources.iter();
    Ok(Settings {
        pods: sync.pods.is_some(),
        config_maps: content(sync.config_maps),
        secrets: content(sync.secrets),
        services: sync.services,
        endpoints: sync.endpoints,
        endpoint_slices: sync.endpoint_slices,
        claims: sync.persistent_volume_claims,
        volumes: sync.persistent_volumes,
        storage_classes: classes(&sync.storage_classes),
        priority_classes: classes(&sync.priority_classes),
        ingress_classes: sync.ingress_classes.as_ref().map(|selector| Selected(query(selector))),
        runtime_classes: sync.runtime_classes.as_ref().map(|selector| Selected(query(selector))),
        events: sync.events,
        ingresses: sync.ingresses,
        network_policies: sync.network_policies,
        pod_disruption_budgets: sync.pod_disruption_budgets,
        service_accounts: sync.service_accounts,
        config_maps_from_host: mappings(sync.host_config_maps.as_ref()),
        secrets_from_host: mappings(sync.host_secrets.as_ref()),
        services_from_host: replicas.from_host.iter().map(from_host).collect(),
        services_to_host: replicas.to_host.iter().map(to_host).collect(),
        custom_resources: custom
            .map(|(name, how)| custom_resource(name, how, served))
            .collect::<Result<_, _>>()?,
        host_deletion: sync.host_deletion,
    })
}

fn content(content: values::Content) -> Option<Content> {
    match content {
        values::Content::Off => None,
        values::Content::Referenced => Some(Content::Referenced),
        values::Content::All => Some(Content::All),
    }
}

fn classes(classes: &values::ClassSync) -> Classes {
    match classes {
        values::ClassSync::Off => Classes::Apart,
        values::ClassSync::ToHost => Classes::ToHost,
        values::ClassSync::FromHost(selector) => Classes::FromHost { labels: query(selector) },
    }
}

fn query(selector: &Selector) -> Option<String> {
    (!selector.selects_all()).then(|| selector.to_string())
}

fn mappings(mappings: Option<&values::Mappings>) -> Vec<Mapping> {
    mappings.map(values::Mappings::all).unwrap_or_default().iter().map(mapping).collect()
}

fn mapping(mapping: &values::Mapping) -> Mapping {
    let namespace = match mapping.host() {
        values::HostNamespace::Own => None,
        values::HostNamespace::Named(namespace) => Some(namespace.into()),
    };
    let name = match mapping {
        values::Mapping::Namespace { .. } => None,
        values::Mapping::Object { host_name, name, .. } => Some((host_name.into(), name.into())),
    };
    Mapping { namespace, to_namespace: mapping.namespace().into(), name }
}

fn from_host(line: &values::ReplicatedService<values::HostServiceRef, values::ServiceRef>) -> FromHostLine {
    FromHostLine {
        namespace: line.from.namespace.as_ref().map(SmolStr::from),
        name: line.from.name.as_str().into(),
        to_namespace: line.to.namespace.as_str().into(),
        to_name: line.to.name.as_str().into(),
    }
}

fn to_host(line: &values::ReplicatedService<values::ServiceRef, String>) -> ToHostLine {
    ToHostLine {
        namespace: line.from.namespace.as_str().into(),
        name: line.from.name.as_str().into(),
        to_name: line.to.as_str().into(),
    }
}

fn custom_resource(
    name: &ResourceName,
    how: &values::CustomResource,
    served: &BTreeMap<ResourceName, Resource>,
) -> Result<CustomResource, Unmirrored> {
    let resource = served.get(name).cloned().ok_or_else(|| Unmirrored::Unknown(name.to_string()))?;
    let direction = match &how.direction {
        values::Direction::ToHost { .. } if !resource.namespaced => {
            return Err(Unmirrored::ClusterScoped(name.to_string()));
        }
        values::Direction::ToHost { status_paths, host_deletion } => Direction::ToHost(Box::new(ToHost {
            references: how.references.iter().map(reference).collect(),
            back: status_paths.iter().cloned().map(Into::into).collect(),
            status: true,
            host_deletion: *host_deletion,
        })),
        values::Direction::FromHost(values::HostScope::Cluster) => Direction::FromHost { labels: None },
        values::Direction::FromHost(values::HostScope::Namespaced(lines)) => {
            Direction::FromNamespaces(mappings(Some(lines)))
        }
    };
    Ok(CustomResource { resource, direction })
}

fn reference(reference: &values::Reference) -> Reference {
    let kind = match &reference.kind {
        ReferenceKind::Pod => "pods".into(),
        ReferenceKind::Service => "services".into(),
        ReferenceKind::ConfigMap => "configmaps".into(),
        ReferenceKind::Secret => "secrets".into(),
        ReferenceKind::PersistentVolumeClaim => "persistentvolumeclaims".into(),
        ReferenceKind::ServiceAccount => "serviceaccounts".into(),
        ReferenceKind::Ingress => "ingresses.networking.k8s.io".into(),
        ReferenceKind::Custom(name) => SmolStr::from(name.to_string()),
    };
    Reference { path: reference.path.clone().into(), to: Meaning::Name { kind: Some(kind) } }
}
