//! What the pods of a virtual cluster ask for, as the host will count it. Pure.

use k8s_openapi::api::core::v1::{
    Container, LimitRangeItem, PersistentVolumeClaim, PodSpec, PodTemplateSpec,
};
use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};

use super::amounts::Amounts;
use crate::provision::objects::Object;

/// The pods of one workload.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pods {
    /// The workload, such as `StatefulSet shop`.
    pub workload: SmolStr,
    /// How many.
    pub replicas: u32,
    /// What each of them is.
    pub spec: PodSpec,
    /// Claims that each of them brings.
    pub claims: Vec<PersistentVolumeClaim>,
}

/// What a pod counts as.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Asked {
    pub requests: Amounts,
    pub limits: Amounts,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Workload {
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    replicas: Option<u32>,
    template: PodTemplateSpec,
    #[serde(default)]
    volume_claim_templates: Vec<PersistentVolumeClaim>,
}

/// The pods of a StatefulSet or Deployment; None for other objects.
pub(crate) fn pods(object: &Object) -> Option<Pods> {
    let kind = object.at.resource.kind.as_str();
    if !matches!(kind, "StatefulSet" | "Deployment") {
        return None;
    }
    let workload: Workload = serde_json::from_value(object.body.clone()).ok()?;
    Some(Pods {
        workload: format_smolstr!("{kind} {}", object.at.name),
        replicas: workload.spec.replicas.unwrap_or(1),
        spec: workload.spec.template.spec?,
        claims: workload.spec.volume_claim_templates,
    })
}

/// What a container asks for once the host has filled in what is not said: a request that is missing is the limit, else the
/// default request, and a limit that is missing is the default limit.
pub(crate) fn of_container(container: &Container, limits: &[LimitRangeItem]) -> Asked {
    let resources = container.resources.clone().unwrap_or_default();
    let mut asked = Asked {
        requests: Amounts::of(&resources.requests.unwrap_or_default()),
        limits: Amounts::of(&resources.limits.unwrap_or_default()),
    };
    for (name, amount) in asked.limits.clone().iter() {
        asked.requests.fill(name, amount);
    }
    for item in limits.iter().filter(|item| item.type_ == "Container") {
        let most = Amounts::of(&item.max.clone().unwrap_or_default());
        let limit = Amounts::of(&item.default.clone().unwrap_or_default());
        let request = Amounts::of(&item.default_request.clone().unwrap_or_default());
        // Where only a maximum is said, it is the default.
        for (name, amount) in limit.iter().chain(most.iter()) {
            asked.limits.fill(name, amount);
        }
        for (name, amount) in request.iter().chain(limit.iter()).chain(most.iter()) {
            asked.requests.fill(name, amount);
        }
    }
    asked
}

/// What a pod asks for: all that runs at a time, or what is needed before that, if it is more. Sidecars run with both.
pub(crate) fn of_pod(spec: &PodSpec, limits: &[LimitRangeItem]) -> Asked {
    let mut running = Asked::default();
    let mut first = Asked::default();
    for container in spec.init_containers.iter().flatten() {
        let asked = of_container(container, limits);
        if container.restart_policy.as_deref() == Some("Always") {
            running.requests.add(&asked.requests);
            running.limits.add(&asked.limits);
        } else {
            let mut then = running.clone();
            then.requests.add(&asked.requests);
            then.limits.add(&asked.limits);
            first.requests.raise(&then.requests);
            first.limits.raise(&then.limits);
        }
    }
    for container in &spec.containers {
        let asked = of_container(container, limits);
        running.requests.add(&asked.requests);
        running.limits.add(&asked.limits);
    }
    running.requests.raise(&first.requests);
    running.limits.raise(&first.limits);
    running
}

/// All containers of a pod.
pub(crate) fn containers(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    spec.init_containers.iter().flatten().chain(&spec.containers)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn asked(spec: Value, limits: Value) -> (Vec<String>, Vec<String>) {
        let spec: PodSpec = serde_json::from_value(spec).unwrap();
        let limits: Vec<LimitRangeItem> = serde_json::from_value(limits).unwrap();
        let asked = of_pod(&spec, &limits);
        let shown = |amounts: &Amounts| {
            amounts
                .iter()
                .map(|(name, it)| format!("{name} {}", super::super::amounts::shown(name, it)))
                .collect()
        };
        (shown(&asked.requests), shown(&asked.limits))
    }

    fn container(requests: Value, limits: Value) -> Value {
        json!({"name": "c", "resources": {"requests": requests, "limits": limits}})
    }

    #[test]
    fn containers_and_sidecars_count_together_and_init_containers_by_the_largest() {
        let sidecar =
            json!({"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "100m"}}});
        let spec = json!({
            "initContainers": [container(json!({"cpu": "700m"}), json!({})), sidecar, container(json!({"cpu": "250m"}), json!({}))],
            "containers": [container(json!({"cpu": "200m"}), json!({})), container(json!({"cpu": "50m"}), json!({}))],
        });
        assert_eq!(asked(spec.clone(), json!([])).0, ["cpu 700m"]);
        let smaller =
            json!({"initContainers": [spec["initContainers"][1]], "containers": spec["containers"]});
        assert_eq!(asked(smaller, json!([])).0, ["cpu 350m"]);
    }

    #[test]
    fn the_host_fills_in_what_is_not_said() {
        let range = json!([
            {"type": "Pod", "default": {"cpu": "9"}},
            {"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "100m"}, "max": {"memory": "1Gi"}},
        ]);
        let said = json!({"containers": [container(json!({}), json!({"memory": "64Mi"}))]});
        assert_eq!(
            asked(said, range),
            (vec!["cpu 100m".into(), "memory 64Mi".into()], vec!["cpu 1".into(), "memory 64Mi".into()])
        );
        let silent = json!({"containers": [{"name": "c"}]});
        let most = json!([{"type": "Container", "max": {"memory": "1Gi"}}]);
        assert_eq!(asked(silent, most), (vec!["memory 1Gi".into()], vec!["memory 1Gi".into()]));
    }
}
