//! Who asks for what a quota counts: the tenant's workload, its control plane, and others. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodSpec;
use serde::Serialize;
use smol_str::SmolStr;

use crate::provision::create::amounts::{Amounts, shown};
use crate::provision::create::demand::{Asked, of_pod};

/// Consumers that are told by name.
const MOST: usize = 10;

/// Whose pod it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// Part of the control plane, its store included: what a virtual cluster costs by itself.
    ControlPlane,
    /// The tenant's.
    Tenant,
    /// Of nobody who is meant here, such as another virtual cluster in the same namespace.
    Other,
}

/// A pod on the host that is neither done nor failed: what is done takes nothing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pod {
    pub whose: Whose,
    /// Namespace in the virtual cluster, of a tenant's.
    pub namespace: Option<SmolStr>,
    /// As the tenant names it, or as the host does.
    pub name: SmolStr,
    pub spec: PodSpec,
}

/// What asks for what.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Demand {
    /// By key, in the order of their names; only keys that pods count for.
    pub keys: Vec<KeyDemand>,
    /// Who takes most of any of them, the largest share first.
    pub consumers: Vec<Consumer>,
    /// Pods that were counted.
    pub pods: usize,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyDemand {
    /// Such as `requests.cpu`.
    pub key: SmolStr,
    /// The smallest limit that a quota sets.
    pub hard: SmolStr,
    /// What the control plane asks for.
    pub control_plane: Part,
    /// What the tenant's workload asks for.
    pub tenant: Part,
    /// What is somebody else's.
    pub other: Part,
}

/// An amount, and how much of the limit that is.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// As a person writes it.
    pub amount: SmolStr,
    /// Of the limit; none where that is nothing.
    pub share: Option<f64>,
}

/// Somebody who takes much.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Consumer {
    /// Whose.
    pub whose: Whose,
    /// Namespace in the virtual cluster, of a tenant's.
    pub namespace: Option<SmolStr>,
    /// Name of the pod.
    pub name: SmolStr,
    /// The key of which it takes the largest share.
    pub key: SmolStr,
    /// How much of it.
    pub amount: SmolStr,
    /// The same of the limit, 0 to 1.
    pub share: f64,
}

/// Adds up pods, page by page; keeps no more than it tells.
#[derive(Debug)]
pub(crate) struct Tally {
    /// In thousandths, of the keys that pods count for.
    hard: Amounts,
    sums: BTreeMap<Whose, Amounts>,
    consumers: Vec<Consumer>,
    pods: usize,
}

impl Tally {
    /// For these limits.
    pub fn new(hard: &Amounts) -> Tally {
        let mut counted = Amounts::default();
        for (key, amount) in hard.iter() {
            if of_one(key, &Asked::default()).is_some() {
                counted.fill(key, amount);
            }
        }
        Tally { hard: counted, sums: BTreeMap::new(), consumers: Vec::new(), pods: 0 }
    }

    /// Adds a page.
    pub fn add(&mut self, pods: impl IntoIterator<Item = Pod>) {
        for pod in pods {
            self.pods += 1;
            let asked = of_pod(&pod.spec, &[]);
            let mut amounts = Amounts::default();
            for (key, _) in self.hard.iter() {
                amounts.fill(key, of_one(key, &asked).unwrap_or_default());
            }
            self.sums.entry(pod.whose).or_default().add(&amounts);
            self.consumers.extend(self.consumer(pod, &amounts));
        }
        self.consumers.sort_by(|a, b| {
            let larger = b.share.total_cmp(&a.share);
            larger.then_with(|| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)))
        });
        self.consumers.truncate(MOST);
    }

    fn consumer(&self, pod: Pod, amounts: &Amounts) -> Option<Consumer> {
        // That it is a pod tells nothing of how large it is.
        let sized = amounts.iter().filter(|(key, amount)| !is_count(key) && *amount > 0);
        let shares =
            sized.filter_map(|(key, amount)| Some((key, amount, share(amount, self.hard.get(key)?)?)));
        let (key, amount, share) = shares.max_by(|a, b| a.2.total_cmp(&b.2))?;
        Some(Consumer {
            whose: pod.whose,
            namespace: pod.namespace,
            name: pod.name,
            key: key.clone(),
            amount: shown(key, amount),
            share,
        })
    }

    /// What it comes to.
    pub fn demand(self) -> Demand {
        let of = |whose: Whose, key: &SmolStr, hard: i128| {
            let amount = self.sums.get(&whose).and_then(|sum| sum.get(key)).unwrap_or_default();
            Part { amount: shown(key, amount), share: share(amount, hard) }
        };
        let key = |(key, hard): (&SmolStr, i128)| KeyDemand {
            key: key.clone(),
            hard: shown(key, hard),
            control_plane: of(Whose::ControlPlane, key, hard),
            tenant: of(Whose::Tenant, key, hard),
            other: of(Whose::Other, key, hard),
        };
        Demand { keys: self.hard.iter().map(key).collect(), consumers: self.consumers, pods: self.pods }
    }
}

fn share(amount: i128, hard: i128) -> Option<f64> {
    (hard > 0).then(|| amount as f64 / hard as f64)
}

fn is_count(key: &str) -> bool {
    matches!(key, "pods" | "count/pods")
}

/// How much of a key one pod takes, in thousandths; None for keys that pods do not count for.
fn of_one(key: &str, asked: &Asked) -> Option<i128> {
    const COUNTED: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
    if is_count(key) {
        return Some(1000);
    }
    let (amounts, plain) = match key.strip_prefix("limits.") {
        Some(plain) => (&asked.limits, plain),
        None => (&asked.requests, key.strip_prefix("requests.").unwrap_or(key)),
    };
    COUNTED.contains(&plain).then(|| amounts.get(plain).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(whose: Whose, name: &str, cpu: &str, memory: &str) -> Pod {
        let resources = json!({"requests": {"cpu": cpu}, "limits": {"memory": memory}});
        let spec = json!({"containers": [{"name": "c", "resources": resources}]});
        Pod {
            whose,
            namespace: (whose == Whose::Tenant).then(|| "web".into()),
            name: name.into(),
            spec: serde_json::from_value(spec).unwrap(),
        }
    }

    fn hard(all: &[(&str, &str)]) -> Amounts {
        let written = |(key, amount): &(&str, &str)| {
            let amount = k8s_openapi::apimachinery::pkg::api::resource::Quantity((*amount).to_owned());
            ((*key).to_owned(), amount)
        };
        Amounts::of(&all.iter().map(written).collect())
    }

    #[test]
    fn workload_and_control_plane_are_told_apart_by_key() {
        let hard = hard(&[
            ("requests.cpu", "10"),
            ("limits.memory", "4Gi"),
            ("pods", "20"),
            ("services", "5"),
            ("requests.storage", "1Gi"),
        ]);
        let mut tally = Tally::new(&hard);
        tally.add([pod(Whose::ControlPlane, "shop-0", "500m", "1Gi"), pod(Whose::Tenant, "a", "2", "512Mi")]);
        tally.add([pod(Whose::Tenant, "b", "1", "512Mi"), pod(Whose::Other, "stray", "1", "1Mi")]);
        let demand = tally.demand();
        let told: Vec<String> = demand
            .keys
            .iter()
            .map(|it| {
                let KeyDemand { key, control_plane, tenant, other, .. } = it;
                format!("{key} {} {} {}", control_plane.amount, tenant.amount, other.amount)
            })
            .collect();
        assert_eq!(told, ["limits.memory 1Gi 1Gi 1Mi", "pods 1 2 1", "requests.cpu 500m 3 1"]);
        assert_eq!((demand.pods, demand.keys[0].tenant.share), (4, Some(0.25)));
    }

    #[test]
    fn who_takes_the_largest_share_of_anything_comes_first_and_few_are_kept() {
        let mut tally = Tally::new(&hard(&[("requests.cpu", "10"), ("limits.memory", "4Gi"), ("pods", "3")]));
        tally.add((0..15).map(|number| pod(Whose::Tenant, &format!("small-{number:02}"), "100m", "1Mi")));
        tally.add([pod(Whose::Tenant, "hungry", "1", "3Gi"), pod(Whose::ControlPlane, "shop-0", "5", "1Mi")]);
        let consumers = tally.demand().consumers;
        let told: Vec<String> =
            consumers.iter().take(3).map(|it| format!("{} {} {}", it.name, it.key, it.amount)).collect();
        assert_eq!(told, ["hungry limits.memory 3Gi", "shop-0 requests.cpu 5", "small-00 requests.cpu 100m"]);
        assert_eq!(consumers.len(), MOST);
    }

    #[test]
    fn a_ban_has_no_share() {
        let mut tally = Tally::new(&hard(&[("requests.cpu", "0")]));
        tally.add([pod(Whose::Tenant, "a", "1", "1Gi")]);
        let demand = tally.demand();
        assert_eq!((demand.keys[0].tenant.share, demand.consumers.len()), (None, 0));
    }
}
