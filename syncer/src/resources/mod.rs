//! The kinds that are mirrored: one file each, and one line in the registry.

#[cfg(test)]
mod adopted;
pub mod canary;
mod classes;
mod config_maps;
mod configured;
mod content;
mod custom;
mod endpoints;
mod events;
#[cfg(test)]
mod fixture;
mod from_host;
mod ingress_classes;
mod ingresses;
mod life;
mod namespaces;
mod network_policies;
mod nodes;
mod patch;
mod pod_disruption_budgets;
mod pods;
mod priority_classes;
mod pushed;
mod replicated;
mod runtime_classes;
mod secrets;
mod service_accounts;
pub(crate) mod services;
mod settings;
mod shown;
mod storage_classes;
mod tokens;
mod volumes;
pub mod withdrawn;

use std::sync::Arc;

use v9s::cluster::Resource;

use crate::engine::Registered;
use crate::engine::mirror::Mirror;

pub use configured::{Unmirrored, configured};
pub use custom::{CustomResource, Direction, Meaning, Path, Reference, ToHost, served};
pub use from_host::Mapping;
pub use life::HostDeletion;
pub use nodes::{NODE_SERVICES, addresses as node_service_addresses};
pub use replicated::{FromHostLine, ToHostLine};
pub use settings::{Classes, Content, Selected, Settings};

use classes::Class;
use custom::{Custom, CustomFromHost, Definition};
use replicated::{Addresses, Family, GoneFromHost, GoneToHost, HeadlessAddresses, Replica};

/// All kinds that are on, in the order in which they are looked at.
pub fn registry(settings: &Settings) -> Vec<Registered> {
    let mut kinds = Kinds::default();
    kinds.add(true, "namespaces", || namespaces::Namespaces);
    let on_host = settings.host_deletion;
    if let Some(content) = settings.config_maps {
        let (all, host_deletion) = (content == Content::All, on_host.config_maps);
        kinds.add(true, "configmaps", || config_maps::ConfigMaps { all, host_deletion });
    }
    if let Some(content) = settings.secrets {
        let (all, host_deletion) = (content == Content::All, on_host.secrets);
        kinds.add(true, "secrets", || secrets::Secrets { all, host_deletion });
    }
    kinds.add(settings.services, "services", || services::Services { host_deletion: on_host.services });
    kinds.add(settings.endpoints, "endpoints", || endpoints::Endpoints { host_deletion: on_host.endpoints });
    kinds.add(settings.endpoint_slices, "endpointslices.discovery.k8s.io", || endpoints::EndpointSlices {
        host_deletion: on_host.endpoint_slices,
    });
    kinds.add(true, "services.kubernetes", || services::ApiService);
    kinds.add(true, "endpoints.kubernetes", || endpoints::ApiEndpoints);
    kinds.add(true, "endpointslices.kubernetes", || endpoints::ApiEndpointSlices);
    kinds.add(settings.claims, "persistentvolumeclaims", || volumes::Claims {
        classes: settings.storage_classes.direction(),
        limited: settings.storage_classes.is_limited(),
        real_volumes: settings.volumes,
        host_deletion: on_host.persistent_volume_claims,
    });
    let classes = settings.storage_classes.direction();
    kinds.add(settings.volumes, "persistentvolumes", || volumes::Volumes {
        classes,
        host_deletion: on_host.persistent_volumes,
    });
    kinds.add(settings.claims && !settings.volumes, "persistentvolumes", || volumes::FakeVolumes);
    let (class, pushed) = (storage_classes::class, storage_classes::class);
    kinds.classes(
        (settings.storage_classes.clone(), on_host.storage_classes),
        storage_classes::KIND,
        pushed,
        class,
    );
    let (class, pushed) = (priority_classes::shown, priority_classes::pushed);
    kinds.classes(
        (settings.priority_classes.clone(), on_host.priority_classes),
        priority_classes::KIND,
        pushed,
        class,
    );
    for (labels, name, class) in [
        (&settings.ingress_classes, ingress_classes::KIND, ingress_classes::class as fn() -> Class),
        (&settings.runtime_classes, runtime_classes::KIND, runtime_classes::class as fn() -> Class),
    ] {
        if let Some(Selected(labels)) = labels.clone() {
            kinds.add(true, name, || classes::FromHost { class: class(), labels });
        }
    }
    kinds.add(settings.events, "events", || events::Events);
    let limited = matches!(&settings.ingress_classes, Some(Selected(Some(_))));
    kinds.add(settings.ingresses, "ingresses.networking.k8s.io", || ingresses::Ingresses {
        limited,
        host_deletion: on_host.ingresses,
    });
    kinds.add(settings.network_policies, "networkpolicies.networking.k8s.io", || {
        network_policies::NetworkPolicies { host_deletion: on_host.network_policies }
    });
    kinds.add(settings.pod_disruption_budgets, "poddisruptionbudgets.policy", || {
        pod_disruption_budgets::PodDisruptionBudgets { host_deletion: on_host.pod_disruption_budgets }
    });
    kinds.add(settings.service_accounts, "serviceaccounts", || service_accounts::ServiceAccounts {
        host_deletion: on_host.service_accounts,
    });
    kinds.mapped("configmaps", &Resource::CONFIG_MAPS, &settings.config_maps_from_host);
    kinds.mapped("secrets", &Resource::SECRETS, &settings.secrets_from_host);
    kinds.replicated(&settings.services_from_host, &settings.services_to_host);
    for custom in &settings.custom_resources {
        kinds.custom(custom);
    }
    kinds.add(settings.pods, "nodes", || nodes::Nodes);
    kinds.add(settings.pods, NODE_SERVICES, || nodes::NodeServices);
    kinds.add(settings.pods, "pods", || pods::Pods);
    kinds.add(settings.pods, "tokens", || tokens::Tokens);
    kinds.0
}

#[derive(Default)]
struct Kinds(Vec<Registered>);

impl Kinds {
    fn add<M: Mirror>(&mut self, on: bool, name: &str, mirror: impl FnOnce() -> M) {
        if on {
            self.0.push(Registered { name: name.into(), mirror: Arc::new(mirror()) });
        }
    }

    fn classes(
        &mut self,
        (how, host_deletion): (Classes, HostDeletion),
        name: &str,
        pushed: fn() -> Class,
        shown: fn() -> Class,
    ) {
        match how {
            Classes::Apart => {}
            Classes::ToHost => self.add(true, name, || classes::ToHost { class: pushed(), host_deletion }),
            Classes::FromHost { labels } => {
                self.add(true, name, || classes::FromHost { class: shown(), labels });
            }
        }
    }

    fn mapped(&mut self, name: &str, resource: &Resource, mappings: &[Mapping]) {
        for (at, mapping) in mappings.iter().enumerate() {
            let (resource, mapping) = (resource.clone(), mapping.clone());
            self.add(true, &format!("{name}.fromHost/{at}"), || from_host::FromHost { resource, mapping });
        }
    }

    fn replicated(&mut self, from_host: &[FromHostLine], to_host: &[ToHostLine]) {
        for (at, line) in from_host.iter().enumerate() {
            let line = || line.clone();
            let (service, headless) =
                (format!("services.fromHost/{at}"), format!("endpointslices.fromHost/{at}"));
            self.add(true, &service, || Replica { line: line(), headless: headless.clone() });
            for family in [Family::V4, Family::V6] {
                self.add(true, &format!("{headless}/{family:?}"), || Addresses { line: line(), family });
            }
            self.add(true, &headless, || HeadlessAddresses { line: line(), service: service.clone() });
        }
        for (at, line) in to_host.iter().enumerate() {
            self.add(true, &format!("services.toHost/{at}"), || replicated::ToHost { line: line.clone() });
        }
        self.add(true, "services.fromHost", || GoneFromHost { lines: from_host.to_vec() });
        self.add(true, "services.toHost", || GoneToHost { lines: to_host.to_vec() });
    }

    fn custom(&mut self, custom: &CustomResource) {
        let resource = || custom.resource.clone();
        let name = format!("{}.{}", custom.resource.plural, custom.resource.group);
        let definition = Definition::of(&custom.resource);
        self.add(true, &format!("customresourcedefinitions/{name}"), || definition);
        match &custom.direction {
            Direction::ToHost(how) => {
                let how = (**how).clone();
                self.add(true, &name, || Custom { resource: resource(), how });
            }
            Direction::FromHost { labels } => {
                let labels = labels.clone();
                self.add(true, &name, || CustomFromHost { resource: resource(), labels, mapping: None });
            }
            Direction::FromNamespaces(mappings) => {
                for (at, mapping) in mappings.iter().enumerate() {
                    let mapping = Some(mapping.clone());
                    self.add(true, &format!("{name}/{at}"), || CustomFromHost {
                        resource: resource(),
                        labels: None,
                        mapping,
                    });
                }
            }
        }
    }
}
