//! Reads quotas and what takes them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceQuota, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;
use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};

use super::{Found, Quota};
use crate::cluster::{Cluster, FailureKind, ObjectRef, ReadError, Resource};
use crate::companion;
use crate::health::quota::demand::{Pod, Tally};
use crate::health::quota::{Blocked, Demand, Whose, blocked};
use crate::health::sync::NO_COMPANION;
use crate::known::Known;
use crate::provision::create::amounts::{Amounts, thousandths};
use crate::target::{Claims, Target};
use crate::wire::{App, annotation, label};

/// Reads the quotas of its namespace, what its pods ask for, and which pods its companion says wait for room. What cannot be looked at
/// besides the quotas is not known, with the reason.
///
/// # Errors
/// When the quotas may not be listed.
pub async fn look(cluster: &Cluster, target: &Target) -> Result<Found, ReadError> {
    let namespace = &target.namespace;
    let listed = cluster.list::<ResourceQuota>(&Resource::RESOURCE_QUOTAS, Some(namespace), None).await;
    let listed =
        listed.map_err(|failure| cluster.error(format!("list the quotas of {namespace}"), failure))?;
    let mut quotas: Vec<Quota> = listed.into_iter().map(Quota::of).collect();
    quotas.sort_by(|a, b| a.name.cmp(&b.name));
    let hard = limits(&quotas);
    let (demand, blocked) = tokio::join!(demand(cluster, target, &hard), waiting(cluster, target));
    Ok(Found { quotas, demand, blocked })
}

impl Quota {
    /// Of what the host has.
    pub(super) fn of(quota: ResourceQuota) -> Quota {
        let small = |all: Option<BTreeMap<String, String>>| -> BTreeMap<SmolStr, SmolStr> {
            all.unwrap_or_default().into_iter().map(|(key, value)| (key.into(), value.into())).collect()
        };
        let amounts = |all: Option<BTreeMap<String, Written>>| -> BTreeMap<SmolStr, SmolStr> {
            all.unwrap_or_default().into_iter().map(|(key, amount)| (key.into(), amount.0.into())).collect()
        };
        let meta = quota.metadata;
        let (labels, annotations) = (small(meta.labels), small(meta.annotations));
        let spec = quota.spec.unwrap_or_default();
        let selected = spec.scope_selector.and_then(|selector| selector.match_expressions);
        let scopes = spec.scopes.unwrap_or_default();
        Quota {
            name: meta.name.unwrap_or_default().into(),
            namespace: meta.namespace.unwrap_or_default().into(),
            uid: meta.uid.unwrap_or_default().into(),
            resource_version: meta.resource_version.unwrap_or_default().into(),
            release: labels.get(label::RELEASE).cloned(),
            claims: Claims::of(&labels, &annotations),
            scoped: !scopes.is_empty() || selected.is_some_and(|all| !all.is_empty()),
            hard: amounts(spec.hard),
            used: amounts(quota.status.and_then(|status| status.used)),
        }
    }
}

/// The smallest limit of each key, of quotas that count every pod.
fn limits(quotas: &[Quota]) -> Amounts {
    let mut limits: BTreeMap<String, Written> = BTreeMap::new();
    for quota in quotas.iter().filter(|quota| !quota.scoped) {
        for (key, hard) in &quota.hard {
            let hard = Written(hard.to_string());
            let smaller = |known: &Written| thousandths(known) <= thousandths(&hard);
            if !limits.get(key.as_str()).is_some_and(smaller) {
                limits.insert(key.to_string(), hard);
            }
        }
    }
    Amounts::of(&limits)
}

/// As little of a pod as is needed.
#[derive(Deserialize)]
struct Seen {
    metadata: Meta,
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Meta {
    name: SmolStr,
    #[serde(default)]
    labels: BTreeMap<SmolStr, SmolStr>,
    #[serde(default)]
    annotations: BTreeMap<SmolStr, SmolStr>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    init_containers: Option<Vec<Asks>>,
    containers: Vec<Asks>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asks {
    restart_policy: Option<String>,
    resources: Option<ResourceRequirements>,
}

#[derive(Deserialize, Default)]
struct Status {
    #[serde(default)]
    phase: SmolStr,
}

impl From<Asks> for Container {
    fn from(asks: Asks) -> Container {
        Container { restart_policy: asks.restart_policy, resources: asks.resources, ..Container::default() }
    }
}

/// A pod that takes something of a quota; none when it has ended.
fn pod(seen: Seen, name: &str) -> Option<Pod> {
    if matches!(seen.status.phase.as_str(), "Succeeded" | "Failed") {
        return None;
    }
    let Meta { name: own, labels, mut annotations } = seen.metadata;
    let is = |key: &str, value: &str| labels.get(key).is_some_and(|known| known == value);
    let plane = labels.get(label::APP).and_then(|app| App::of(app)).is_some() && is(label::RELEASE, name);
    let whose = if plane {
        Whose::ControlPlane
    } else if is(label::MANAGED_BY, name) {
        Whose::Tenant
    } else {
        Whose::Other
    };
    let mut its = |key: &str| annotations.remove(key).filter(|_| whose == Whose::Tenant);
    let many = |all: Vec<Asks>| all.into_iter().map(Container::from).collect();
    Some(Pod {
        whose,
        namespace: its(annotation::OBJECT_NAMESPACE),
        name: its(annotation::OBJECT_NAME).unwrap_or(own),
        spec: PodSpec {
            init_containers: seen.spec.init_containers.map(many),
            containers: many(seen.spec.containers),
            ..PodSpec::default()
        },
    })
}

async fn demand(cluster: &Cluster, target: &Target, hard: &Amounts) -> Known<Demand> {
    let mut tally = Tally::new(hard);
    let take = |page: Vec<Seen>| tally.add(page.into_iter().filter_map(|seen| pod(seen, &target.name)));
    let listed = cluster.each_page(&Resource::PODS, Some(&target.namespace), None, false, take).await;
    match listed {
        Ok(()) => Known::Yes(tally.demand()),
        Err(failure) => Known::No(format_smolstr!("pods cannot be listed: {failure}")),
    }
}

async fn waiting(cluster: &Cluster, target: &Target) -> Known<Vec<Blocked>> {
    #[derive(Deserialize)]
    struct Map {
        #[serde(default)]
        data: BTreeMap<String, String>,
    }
    let name = companion::config_map(&target.name);
    let object = ObjectRef::namespaced(Resource::CONFIG_MAPS, target.namespace.clone(), name);
    match cluster.get::<Map>(&object).await {
        Ok(map) => match map.data.get(companion::KEY).map(|text| companion::read(text)) {
            Some(Ok(status)) => Known::Yes(blocked::told(&status)),
            Some(Err(why)) => Known::No(why),
            None => Known::unknown(NO_COMPANION),
        },
        Err(failure) if failure.kind == FailureKind::NotFound => Known::unknown(NO_COMPANION),
        Err(failure) => Known::No(format_smolstr!("{object} cannot be read: {failure}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whose_a_pod_is_its_marks_tell_and_what_has_ended_takes_nothing() {
        let of = |labels: serde_json::Value, phase: &str| {
            let seen = json!({
                "metadata": {"name": "web-x-team-x-shop", "labels": labels, "annotations": {
                    annotation::OBJECT_NAME: "web", annotation::OBJECT_NAMESPACE: "team", "more": "1"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
                "status": {"phase": phase},
            });
            pod(serde_json::from_value(seen).unwrap(), "shop").map(|pod| (pod.whose, pod.name.to_string()))
        };
        let its = json!({"vcluster.loft.sh/managed-by": "shop"});
        let plane = json!({"app": "vcluster", "release": "shop"});
        for (labels, phase, expected) in [
            (its.clone(), "Running", Some((Whose::Tenant, "web"))),
            (its.clone(), "Pending", Some((Whose::Tenant, "web"))),
            (its, "Succeeded", None),
            (plane, "Running", Some((Whose::ControlPlane, "web-x-team-x-shop"))),
            (
                json!({"app": "vcluster-etcd", "release": "shop"}),
                "Running",
                Some((Whose::ControlPlane, "web-x-team-x-shop")),
            ),
            (
                json!({"app": "vcluster", "release": "other"}),
                "Running",
                Some((Whose::Other, "web-x-team-x-shop")),
            ),
            (json!({}), "Failed", None),
        ] {
            let expected = expected.map(|(whose, name): (Whose, &str)| (whose, name.to_owned()));
            assert_eq!(of(labels.clone(), phase), expected, "{labels} {phase}");
        }
    }
}
