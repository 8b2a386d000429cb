//! What the settings ask for and v9s does not make yet: refused before anything is written, never left out.

use std::fmt;

use crate::provision::values::Settings;
use crate::provision::values::settings::{DataVolume, HostNamespace, Mappings};

/// A setting and why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbuilt {
    /// Its path.
    pub path: &'static str,
    /// Why not, and what to do.
    pub why: &'static str,
}

impl fmt::Display for Unbuilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: not built yet: {}", self.path, self.why)
    }
}

/// All of them.
pub fn unbuilt(settings: &Settings) -> Vec<Unbuilt> {
    let plane = &settings.control_plane;
    let export = &settings.export_kube_config;
    let passing = matches!(plane.workload.persistence.data, DataVolume::Passing(_));
    let elsewhere =
        settings.networking.replicate_services.from_host.iter().any(|it| it.from.namespace.is_some());
    let foreign = |mappings: &Option<Mappings>| {
        mappings.iter().flat_map(|all| all.all()).any(|one| *one.host() != HostNamespace::Own)
    };
    let cases = [
        (
            plane.kubernetes.api_server.is_none(),
            "controlPlane.distro.k8s.apiServer.enabled",
            "there is no virtual cluster without it; leave it on",
        ),
        (
            plane.kubernetes.controller_manager.is_none(),
            "controlPlane.distro.k8s.controllerManager.enabled",
            "there is no virtual cluster without it; leave it on",
        ),
        (
            plane.proxy.port != super::API_PORT,
            "controlPlane.proxy.port",
            "the virtual API answers on 8443; leave it at that",
        ),
        (
            plane.exposure.service.is_none(),
            "controlPlane.service.enabled",
            "the virtual cluster is reached by its Service; leave it on",
        ),
        (plane.service_monitor.is_some(), "controlPlane.serviceMonitor", "leave it off"),
        (
            plane.workload.persistence.binaries.len() != 1
                || plane.workload.persistence.binaries.iter().any(|volume| volume.empty_dir.is_none()),
            "controlPlane.statefulSet.persistence.binariesVolume",
            "programs come in their images; leave it as it is",
        ),
        (
            passing && plane.store.is_in_control_plane() && plane.high_availability.replicas > 1,
            "controlPlane.statefulSet.highAvailability.replicas",
            "the embedded database has one replica",
        ),
        (
            export.service_account.is_some(),
            "exportKubeConfig.serviceAccount",
            "hand out kubeconfigs with v9s kubeconfig",
        ),
        (
            !export.secrets.is_empty(),
            "exportKubeConfig.additionalSecrets",
            "hand out kubeconfigs with v9s kubeconfig",
        ),
        (settings.metrics_server.is_some(), "integrations.metricsServer", "leave it off"),
        (
            !settings.sync.custom_resources.is_empty(),
            "sync.toHost.customResources",
            "v9s does not grant the rights that it needs; leave it empty",
        ),
        (
            foreign(&settings.sync.host_config_maps),
            "sync.fromHost.configMaps",
            "v9s grants no rights in other namespaces; name those of its own",
        ),
        (
            foreign(&settings.sync.host_secrets),
            "sync.fromHost.secrets",
            "v9s grants no rights in other namespaces; name those of its own",
        ),
        (
            elsewhere,
            "networking.replicateServices.fromHost",
            "v9s grants no rights in other namespaces; name Services of its own",
        ),
    ];
    let asked = cases.into_iter().filter(|(asked, ..)| *asked);
    asked.map(|(_, path, why)| Unbuilt { path, why }).collect()
}
