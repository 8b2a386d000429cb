//! An Ingress for the virtual API, and a budget for disruptions of its pods.

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend,
    IngressSpec, ServiceBackendPort,
};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};

use super::{Blueprint, Object, meta};
use crate::cluster::Resource;
use crate::provision::values::settings::DisruptionBound;
use crate::wire::App;

/// The Ingress, where one is asked for. TLS goes through it: the virtual API server knows its clients by their certificates. Rules
/// of the settings take the place of the one for their host.
pub(super) fn ingress(plan: &Blueprint) -> Option<Object> {
    let asked = plan.settings.control_plane.exposure.ingress.as_ref()?;
    let backend = IngressBackend {
        service: Some(IngressServiceBackend {
            name: plan.name.to_owned(),
            port: Some(ServiceBackendPort { name: Some("https".to_owned()), number: None }),
        }),
        resource: None,
    };
    let path = HTTPIngressPath { backend, path: Some("/".to_owned()), path_type: asked.path_type.clone() };
    let rule = IngressRule {
        host: Some(asked.host.clone()).filter(|host| !host.is_empty()),
        http: Some(HTTPIngressRuleValue { paths: vec![path] }),
    };
    let spec = IngressSpec {
        rules: asked.spec.rules.clone().or(Some(vec![rule])),
        tls: asked.spec.tls.clone().filter(|tls| !tls.is_empty()),
        ..asked.spec.clone()
    };
    let ingress = Ingress {
        metadata: meta::of(plan, App::ControlPlane, plan.name.to_owned(), Some(&asked.metadata)),
        spec: Some(spec),
        ..Ingress::default()
    };
    Some(Object::of(Resource::INGRESSES, &ingress))
}

/// The budget, where one is asked for.
pub(super) fn disruption_budget(plan: &Blueprint) -> Option<Object> {
    let asked = plan.settings.control_plane.advanced.pod_disruption_budget.as_ref()?;
    let (least, most) = match &asked.bound {
        DisruptionBound::MinAvailable(least) => (Some(least.clone()), None),
        DisruptionBound::MaxUnavailable(most) => (None, Some(most.clone())),
    };
    let budget = PodDisruptionBudget {
        metadata: meta::of(plan, App::ControlPlane, plan.name.to_owned(), None),
        spec: Some(PodDisruptionBudgetSpec {
            min_available: least,
            max_unavailable: most,
            selector: Some(meta::matching(plan, App::ControlPlane)),
            unhealthy_pod_eviction_policy: asked.unhealthy_pod_eviction_policy.clone(),
        }),
        ..PodDisruptionBudget::default()
    };
    Some(Object::of(Resource::POD_DISRUPTION_BUDGETS, &budget))
}
