//! What pods ask of nodes and quotas: lists of resources, effective requests and limits, quality of service.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use smol_str::SmolStr;

use super::quantity::Quantity;

/// Amounts by name of resource, such as `cpu` and `memory`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Resources(pub BTreeMap<SmolStr, Quantity>);

impl Resources {
    /// From a JSON object of quantities; what is no quantity is left out.
    pub fn from_json(value: Option<&Value>) -> Self {
        let amounts = value.and_then(Value::as_object).into_iter().flatten();
        Resources(
            amounts.filter_map(|(name, value)| Some((name.into(), Quantity::from_json(value)?))).collect(),
        )
    }

    /// As a JSON object.
    pub fn to_json(&self) -> Value {
        let amounts = self.0.iter().map(|(name, amount)| (name.to_string(), amount.to_string().into()));
        Value::Object(amounts.collect::<Map<_, _>>())
    }

    /// The amount of one resource; nothing when it is not listed.
    pub fn get(&self, name: &str) -> Quantity {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// Adds the amounts of another list.
    pub fn add(&mut self, other: &Resources) {
        for (name, amount) in &other.0 {
            *self.0.entry(name.clone()).or_default() += *amount;
        }
    }

    /// Takes away the amounts of another list.
    pub fn subtract(&mut self, other: &Resources) {
        for (name, amount) in &other.0 {
            *self.0.entry(name.clone()).or_default() -= *amount;
        }
    }

    /// Raises each amount to that of another list.
    pub fn raise_to(&mut self, other: &Resources) {
        for (name, amount) in &other.0 {
            let mine = self.0.entry(name.clone()).or_default();
            *mine = (*mine).max(*amount);
        }
    }
}

/// Which column of `resources` is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// `requests`.
    Requests,
    /// `limits`.
    Limits,
}

/// The part of a pod's `spec` that says what it needs. Read from bytes it costs a fraction of the whole tree.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodNeeds {
    containers: Vec<ContainerNeeds>,
    init_containers: Vec<ContainerNeeds>,
    resources: Option<Needs>,
    overhead: Resources,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ContainerNeeds {
    resources: Needs,
    restart_policy: SmolStr,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Needs {
    requests: Resources,
    limits: Resources,
}

impl Needs {
    fn column(&self, column: Column) -> &Resources {
        match column {
            Column::Requests => &self.requests,
            Column::Limits => &self.limits,
        }
    }
}

impl PodNeeds {
    /// From a pod's `spec`; nothing is needed when it cannot be read.
    pub fn read(spec: &Value) -> Self {
        PodNeeds::deserialize(spec).unwrap_or_default()
    }

    /// What the pod asks for as a whole: the sum over containers and restartable init containers, at least what any
    /// init container needs while it runs, pod-level amounts before both, and the overhead of its runtime class.
    pub fn total(&self, column: Column) -> Resources {
        let mut total = Resources::default();
        for container in &self.containers {
            total.add(container.resources.column(column));
        }
        let mut sidecars = Resources::default();
        let mut while_starting = Resources::default();
        for container in &self.init_containers {
            let needed = container.resources.column(column);
            if container.restart_policy == "Always" {
                total.add(needed);
                sidecars.add(needed);
                while_starting.raise_to(&sidecars);
            } else {
                let mut needed = needed.clone();
                needed.add(&sidecars);
                while_starting.raise_to(&needed);
            }
        }
        total.raise_to(&while_starting);
        if let Some(whole) = &self.resources {
            total.0.extend(whole.column(column).0.clone());
        }
        if column == Column::Requests {
            total.add(&self.overhead);
        } else {
            for (name, amount) in &self.overhead.0 {
                total.0.entry(name.clone()).and_modify(|limit| *limit += *amount);
            }
        }
        total
    }

    /// The quality of service class.
    pub fn quality_of_service(&self) -> &'static str {
        const COMPUTE: [&str; 2] = ["cpu", "memory"];
        let each = self.containers.iter().chain(&self.init_containers).map(|container| &container.resources);
        let holders: Vec<&Needs> = match &self.resources {
            Some(whole) => vec![whole],
            None => each.collect(),
        };
        let mut requests = Resources::default();
        let mut limits = Resources::default();
        let mut all_limited = true;
        for holder in holders {
            let compute = |list: &Resources| {
                let mut list = list.clone();
                list.0.retain(|name, amount| COMPUTE.contains(&name.as_str()) && amount.is_positive());
                list
            };
            let limited = compute(&holder.limits);
            all_limited &= COMPUTE.iter().all(|name| limited.0.contains_key(*name));
            requests.add(&compute(&holder.requests));
            limits.add(&limited);
        }
        if requests.0.is_empty() && limits.0.is_empty() {
            return "BestEffort";
        }
        let within = requests.0.iter().all(|(name, amount)| limits.0.get(name) == Some(amount));
        if all_limited && within && requests.0.len() == limits.0.len() { "Guaranteed" } else { "Burstable" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn container(requests: Value, limits: Value) -> Value {
        json!({"resources": {"requests": requests, "limits": limits}})
    }

    #[test]
    fn a_pod_needs_the_sum_of_its_containers_and_the_greatest_init_container() {
        let needs = PodNeeds::read(&json!({
            "containers": [
                container(json!({"cpu": "100m", "memory": "64Mi"}), json!({})),
                container(json!({"cpu": "200m"}), json!({"cpu": 1})),
            ],
            "initContainers": [container(json!({"cpu": "250m", "memory": "1Gi"}), json!({}))],
            "overhead": {"memory": "10Mi"},
        }));
        let requests = needs.total(Column::Requests);
        assert_eq!(requests.get("cpu").to_string(), "300m");
        assert_eq!(requests.get("memory").to_string(), "1034Mi");
        assert_eq!(needs.total(Column::Limits).to_json(), json!({"cpu": "1"}));
    }

    #[test]
    fn sidecars_count_with_the_containers_and_with_later_init_containers() {
        let mut sidecar = container(json!({"cpu": "100m"}), json!({}));
        sidecar["restartPolicy"] = json!("Always");
        let needs = PodNeeds::read(&json!({
            "containers": [container(json!({"cpu": "100m"}), json!({}))],
            "initContainers": [sidecar, container(json!({"cpu": "300m"}), json!({}))],
        }));
        assert_eq!(needs.total(Column::Requests).get("cpu").to_string(), "400m");
    }

    #[test]
    fn quality_of_service_follows_requests_and_limits() {
        let both = || json!({"cpu": "1", "memory": "1Gi"});
        let cases = [
            (json!([{}]), "BestEffort"),
            (json!([container(both(), both())]), "Guaranteed"),
            (json!([container(both(), json!({"cpu": "2", "memory": "1Gi"}))]), "Burstable"),
            (json!([container(both(), both()), {}]), "Burstable"),
            (json!([container(json!({"cpu": "1"}), json!({}))]), "Burstable"),
            (json!([container(json!({"cpu": "0"}), json!({"example.org/gpu": "1"}))]), "BestEffort"),
        ];
        for (containers, expected) in cases {
            let needs = PodNeeds::read(&json!({"containers": containers}));
            assert_eq!(needs.quality_of_service(), expected, "{containers}");
        }
    }
}
