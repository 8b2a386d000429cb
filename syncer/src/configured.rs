//! What `vcluster.yaml` says of pods and nodes, as the kinds take it.

use serde_json::json;
use smol_str::SmolStr;
use v9s::provision::values::Settings;
use v9s::provision::values::settings::{ClassSync, NodeChoice, NodeSync, PodSecurityStandard, Pods};

use crate::context::{Classes, HostsSettings, NodeSettings, Nodes, PodSecurity, PodSettings};
use crate::leader::Terms;

/// Settings of pods.
pub fn pods(settings: &Settings) -> PodSettings {
    let registry = settings.control_plane.advanced.default_image_registry.as_deref();
    let account = settings.control_plane.advanced.workload_service_account.name.as_deref();
    let sync = &settings.sync;
    let common = PodSettings {
        security: match settings.policies.pod_security_standard {
            None | Some(PodSecurityStandard::Privileged) => PodSecurity::Privileged,
            Some(PodSecurityStandard::Baseline) => PodSecurity::Baseline,
            Some(PodSecurityStandard::Restricted) => PodSecurity::Restricted,
        },
        account: account.map(SmolStr::from),
        own_accounts: sync.service_accounts,
        priority_classes: match sync.priority_classes {
            ClassSync::Off => Classes::Apart,
            ClassSync::ToHost => Classes::ToHost,
            ClassSync::FromHost(_) => Classes::FromHost,
        },
        runtime_classes: if sync.runtime_classes.is_some() { Classes::FromHost } else { Classes::Apart },
        without_dns: settings.control_plane.coredns.is_none(),
        ..PodSettings::default()
    };
    match &sync.pods {
        Some(pods) => of_all(pods, registry, common),
        None => common,
    }
}

fn of_all(pods: &Pods, registry: Option<&str>, common: PodSettings) -> PodSettings {
    PodSettings {
        images: pods.translate_image.clone(),
        tolerations: pods.enforce_tolerations.iter().map(|toleration| json!(toleration)).collect(),
        runtime_class: pods.runtime_class_name.as_deref().map(SmolStr::from),
        priority_class: pods.priority_class_name.as_deref().map(SmolStr::from),
        hosts: pods.rewrite_hosts.as_ref().map(|hosts| HostsSettings {
            image: hosts.image.reference(registry, "latest").into(),
            resources: json!(hosts.resources),
        }),
        ..common
    }
}

/// How replicas take turns.
pub fn terms(settings: &Settings) -> Terms {
    let election = &settings.control_plane.high_availability;
    Terms {
        lease: election.lease_duration,
        renew_deadline: election.renew_deadline,
        retry: election.retry_period,
    }
}

/// Settings of nodes.
pub fn nodes(settings: &Settings) -> NodeSettings {
    match &settings.sync.nodes {
        NodeSync::Synthetic => NodeSettings::default(),
        NodeSync::Host(host) => NodeSettings {
            shown: match &host.choice {
                NodeChoice::WithPods => Nodes::Assigned,
                NodeChoice::Labels(labels) => Nodes::Labelled(labels.clone()),
                NodeChoice::All => Nodes::All,
            },
            without_images: host.clear_image_status,
        },
    }
}

#[cfg(test)]
mod tests;
