//! Services: by which the virtual API is reached, and by which members find each other.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{API_PORT, Blueprint, Object, meta};
use crate::cluster::Resource;
use crate::provision::values::settings::{BackingStore, Metadata};
use crate::wire::{App, label, name};

/// Port of the syncer that the virtual API server takes for kubelets.
const KUBELET_PORT: u16 = 10250;

/// All Services, the one of the virtual API first.
pub(super) fn services(plan: &Blueprint) -> Vec<Object> {
    let mut services: Vec<Service> = api(plan).into_iter().collect();
    if plan.is_stateful() {
        let headless = plan.settings.control_plane.advanced.headless_service.clone();
        services.push(Service {
            metadata: meta::of(plan, App::ControlPlane, name::headless_service(plan.name), Some(&headless)),
            spec: Some(headless_spec(plan, App::ControlPlane, vec![port("https", 443, API_PORT)])),
            ..Service::default()
        });
    }
    services.extend(etcd(plan));
    services.iter().map(|service| Object::of(Resource::SERVICES, service)).collect()
}

/// As the official chart has it: the label tells it from other Services of the namespace.
fn api(plan: &Blueprint) -> Option<Service> {
    let asked = plan.settings.control_plane.exposure.service.as_ref()?;
    let mut metadata = meta::of(plan, App::ControlPlane, plan.name.to_owned(), Some(&asked.metadata));
    if let Some(labels) = &mut metadata.labels {
        labels.insert(label::SERVICE.to_owned(), "true".to_owned());
    }
    let mut ports =
        vec![ServicePort { node_port: asked.https_node_port.map(i32::from), ..port("https", 443, API_PORT) }];
    let balanced = asked.spec.type_.as_deref() == Some("LoadBalancer");
    if plan.settings.networking.proxy_kubelets.by_hostname && !balanced {
        // Of this virtual cluster's nodes by name; the syncer knows which node is meant.
        ports.push(ServicePort {
            node_port: asked.kubelet_node_port.map(i32::from),
            ..port("kubelet", KUBELET_PORT, KUBELET_PORT)
        });
    }
    let spec = ServiceSpec {
        selector: Some(meta::selector(plan, App::ControlPlane)),
        ports: Some(ports),
        ..asked.spec.clone()
    };
    Some(Service { metadata, spec: Some(spec), ..Service::default() })
}

/// For clients, and for members that have not found each other yet.
fn etcd(plan: &Blueprint) -> Vec<Service> {
    let BackingStore::DeployedEtcd(etcd) = &plan.settings.control_plane.store else { return Vec::new() };
    let annotated = |annotations: &BTreeMap<String, String>| Metadata {
        annotations: annotations.clone(),
        ..Metadata::default()
    };
    let metadata = |name: String, annotations: &BTreeMap<String, String>| -> ObjectMeta {
        meta::of(plan, App::Etcd, name, Some(&annotated(annotations)))
    };
    let ports = || vec![port("etcd", 2379, 2379), port("peer", 2380, 2380)];
    let mut services = Vec::new();
    if etcd.service {
        services.push(Service {
            metadata: metadata(name::etcd(plan.name), &etcd.service_annotations),
            spec: Some(ServiceSpec {
                selector: Some(meta::selector(plan, App::Etcd)),
                ports: Some(ports()),
                ..ServiceSpec::default()
            }),
            ..Service::default()
        });
    }
    services.push(Service {
        metadata: metadata(name::etcd_headless_service(plan.name), &etcd.headless_service_annotations),
        spec: Some(headless_spec(plan, App::Etcd, ports())),
        ..Service::default()
    });
    services
}

fn headless_spec(plan: &Blueprint, app: App, ports: Vec<ServicePort>) -> ServiceSpec {
    ServiceSpec {
        cluster_ip: Some("None".to_owned()),
        publish_not_ready_addresses: Some(true),
        selector: Some(meta::selector(plan, app)),
        ports: Some(ports),
        ..ServiceSpec::default()
    }
}

fn port(name: &str, port: u16, target: u16) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: port.into(),
        target_port: Some(IntOrString::Int(target.into())),
        protocol: Some("TCP".to_owned()),
        ..ServicePort::default()
    }
}
