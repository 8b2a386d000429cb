//! Whether the quotas and limits of the namespace leave room for what is to be made. Pure.

use k8s_openapi::api::core::v1::{
    LimitRange, LimitRangeItem, PersistentVolumeClaim, ResourceQuota, ScopedResourceSelectorRequirement,
};
use serde::de::DeserializeOwned;
use smol_str::{SmolStr, format_smolstr};

use super::amounts::{Amounts, shown, thousandths};
use super::demand::{self, Asked, Pods};
use crate::cluster::ObjectRef;
use crate::provision::objects::Object;

/// What is to be made.
pub(super) struct Plan<'a> {
    /// All objects.
    pub objects: &'a [Object],
    /// Those of them that are not there yet.
    pub missing: &'a [ObjectRef],
}

/// What the namespace has.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Confines {
    pub quotas: Vec<ResourceQuota>,
    pub limits: Vec<LimitRange>,
}

/// Resources that a quota wants to be named by every container.
const NAMED: [&str; 6] = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

/// Everything that the host would refuse.
pub(super) fn refused(plan: &Plan<'_>, there: &Confines) -> Vec<SmolStr> {
    let confines = then(plan, there);
    let limits: Vec<LimitRangeItem> = confines
        .limits
        .iter()
        .filter_map(|range| range.spec.as_ref())
        .flat_map(|spec| spec.limits.clone())
        .collect();
    let pods: Vec<Pods> = plan.missing().filter_map(demand::pods).collect();
    let mut refusals: Vec<SmolStr> = Vec::new();
    for range in &confines.limits {
        refusals.extend(out_of_range(range, &pods, &limits));
    }
    for quota in &confines.quotas {
        refusals.extend(over(quota, plan, &pods, &limits));
    }
    refusals
}

impl Plan<'_> {
    fn missing(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter().filter(|object| self.missing.contains(&object.at))
    }
}

/// The confines as they will be: those of the plan take the place of those of the same name, of which only the use is kept.
fn then(plan: &Plan<'_>, there: &Confines) -> Confines {
    let mut quotas = there.quotas.clone();
    for mut own in planned::<ResourceQuota>(plan, "ResourceQuota") {
        let at = quotas.iter().position(|quota| quota.metadata.name == own.metadata.name);
        own.status = at.and_then(|at| quotas.remove(at).status);
        quotas.push(own);
    }
    let mut limits = there.limits.clone();
    for own in planned::<LimitRange>(plan, "LimitRange") {
        limits.retain(|range| range.metadata.name != own.metadata.name);
        limits.push(own);
    }
    Confines { quotas, limits }
}

fn planned<T: DeserializeOwned>(plan: &Plan<'_>, kind: &str) -> Vec<T> {
    let of_kind = plan.objects.iter().filter(|object| object.at.resource.kind == kind);
    of_kind.filter_map(|object| serde_json::from_value(object.body.clone()).ok()).collect()
}

fn out_of_range(range: &LimitRange, pods: &[Pods], limits: &[LimitRangeItem]) -> Vec<SmolStr> {
    let name = range.metadata.name.as_deref().unwrap_or_default();
    let items = range.spec.iter().flat_map(|spec| &spec.limits).filter(|item| item.type_ == "Container");
    let mut refusals = Vec::new();
    for item in items {
        let most = Amounts::of(&item.max.clone().unwrap_or_default());
        let least = Amounts::of(&item.min.clone().unwrap_or_default());
        for pods in pods {
            for container in demand::containers(&pods.spec) {
                let asked = demand::of_container(container, limits);
                let who = format_smolstr!("{} of {}", container.name, pods.workload);
                for (resource, most) in most.iter() {
                    if let Some(limit) = asked.limits.get(resource).filter(|limit| *limit > most) {
                        refusals.push(format_smolstr!(
                            "LimitRange {name} lets a container have at most {resource} {}; {who} has {}",
                            shown(resource, most),
                            shown(resource, limit)
                        ));
                    }
                }
                for (resource, least) in least.iter() {
                    let request = asked.requests.get(resource).unwrap_or_default();
                    if request < least {
                        refusals.push(format_smolstr!(
                            "LimitRange {name} wants a container to ask for at least {resource} {}; {who} asks for {}",
                            shown(resource, least),
                            shown(resource, request)
                        ));
                    }
                }
            }
        }
    }
    refusals
}

/// Where a quota leaves too little.
fn over(quota: &ResourceQuota, plan: &Plan<'_>, pods: &[Pods], limits: &[LimitRangeItem]) -> Vec<SmolStr> {
    let name = quota.metadata.name.as_deref().unwrap_or_default();
    let hard = quota.spec.as_ref().and_then(|spec| spec.hard.clone()).unwrap_or_default();
    let used = quota.status.as_ref().and_then(|status| status.used.clone()).unwrap_or_default();
    let counted: Vec<&Pods> = pods.iter().filter(|pods| is_counted(quota, pods)).collect();
    let mut refusals = Vec::new();
    for (resource, hard) in &hard {
        if let Some(unnamed) = unnamed(resource, &counted, limits) {
            refusals.push(format_smolstr!(
                "ResourceQuota {name} counts {resource}, which {unnamed} does not name; set it, or a default by policies.limitRange"
            ));
            continue;
        }
        let Some(asked) = asked(resource, plan, &counted, limits).filter(|asked| *asked > 0) else {
            continue;
        };
        let (Some(hard), used) = (thousandths(hard), used.get(resource).and_then(thousandths)) else {
            continue;
        };
        let left = hard - used.unwrap_or_default();
        if asked > left {
            refusals.push(format_smolstr!(
                "ResourceQuota {name} leaves {resource} {} of {}; the control plane needs {}",
                shown(resource, left.max(0)),
                shown(resource, hard),
                shown(resource, asked)
            ));
        }
    }
    refusals
}

/// A container that does not name what a quota wants to be named.
fn unnamed(resource: &str, pods: &[&Pods], limits: &[LimitRangeItem]) -> Option<SmolStr> {
    if !NAMED.contains(&resource) {
        return None;
    }
    pods.iter().find_map(|pods| {
        let silent = demand::containers(&pods.spec).find(|container| {
            let asked = demand::of_container(container, limits);
            let (amounts, plain) = of_pods(resource, &asked);
            amounts.get(plain).is_none()
        })?;
        Some(format_smolstr!("{} of {}", silent.name, pods.workload))
    })
}

/// Where a resource of a quota is in what pods ask for: `requests.cpu` and `cpu` are requests, `limits.cpu` is a limit.
fn of_pods<'a, 'r>(resource: &'r str, asked: &'a Asked) -> (&'a Amounts, &'r str) {
    match resource.strip_prefix("limits.") {
        Some(plain) => (&asked.limits, plain),
        None => (&asked.requests, resource.strip_prefix("requests.").unwrap_or(resource)),
    }
}

/// How much of a resource of a quota all of it takes; None when v9s does not know what is counted.
fn asked(resource: &str, plan: &Plan<'_>, pods: &[&Pods], limits: &[LimitRangeItem]) -> Option<i128> {
    let each = || pods.iter().map(|pods| (i128::from(pods.replicas), *pods));
    let sized = |class: Option<&str>| claims(pods, class, size);
    let counted = |class: Option<&str>| claims(pods, class, |_| 1000);
    if let Some((class, what)) = resource.split_once(".storageclass.storage.k8s.io/") {
        return match what {
            "requests.storage" => Some(sized(Some(class))),
            "persistentvolumeclaims" => Some(counted(Some(class))),
            _ => None,
        };
    }
    match resource {
        "pods" | "count/pods" => Some(1000 * each().map(|(count, _)| count).sum::<i128>()),
        "requests.storage" => Some(sized(None)),
        "persistentvolumeclaims" | "count/persistentvolumeclaims" => Some(counted(None)),
        "services.loadbalancers" => Some(services(plan, |kind, _| i128::from(kind == "LoadBalancer"))),
        "services.nodeports" => Some(services(plan, |kind, ports| match kind {
            "NodePort" | "LoadBalancer" => ports,
            _ => 0,
        })),
        _ if NAMED.contains(&resource) || resource.ends_with("ephemeral-storage") => Some(
            each()
                .map(|(count, pods)| {
                    let asked = demand::of_pod(&pods.spec, limits);
                    let (amounts, plain) = of_pods(resource, &asked);
                    count * amounts.get(plain).unwrap_or_default()
                })
                .sum(),
        ),
        _ => Some(objects(resource, plan)),
    }
}

/// The sum over the claims of a class, or of all.
fn claims(pods: &[&Pods], class: Option<&str>, worth: impl Fn(&PersistentVolumeClaim) -> i128) -> i128 {
    let mut sum = 0;
    for pods in pods {
        for claim in &pods.claims {
            let of = claim.spec.as_ref().and_then(|spec| spec.storage_class_name.as_deref());
            if class.is_none() || class == of {
                sum += i128::from(pods.replicas) * worth(claim);
            }
        }
    }
    sum
}

fn size(claim: &PersistentVolumeClaim) -> i128 {
    let requests = claim.spec.as_ref().and_then(|spec| spec.resources.as_ref()?.requests.as_ref());
    requests.and_then(|requests| requests.get("storage")).and_then(thousandths).unwrap_or_default()
}

/// Objects of a kind, as `count/statefulsets.apps`, `count/secrets` or `secrets`.
fn objects(resource: &str, plan: &Plan<'_>) -> i128 {
    let resource = resource.strip_prefix("count/").unwrap_or(resource);
    let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
    let of = |at: &&ObjectRef| at.resource.plural == plural && at.resource.group == group;
    let count = plan.missing.iter().filter(of).count();
    1000 * i128::try_from(count).unwrap_or(i128::MAX / 1000)
}

fn services(plan: &Plan<'_>, count: impl Fn(&str, i128) -> i128) -> i128 {
    let of = plan.missing().filter(|object| object.at.resource.kind == "Service");
    let each = of.map(|object| {
        let kind = object.body.pointer("/spec/type").and_then(|kind| kind.as_str()).unwrap_or("ClusterIP");
        let ports = object.body.pointer("/spec/ports").and_then(|ports| ports.as_array()).map_or(0, Vec::len);
        count(kind, i128::try_from(ports).unwrap_or_default())
    });
    1000 * each.sum::<i128>()
}

/// Whether a quota counts such pods: they end by nobody's clock and ask for something.
fn is_counted(quota: &ResourceQuota, pods: &Pods) -> bool {
    let Some(spec) = &quota.spec else { return false };
    let plain = spec
        .scopes
        .iter()
        .flatten()
        .all(|scope| matches!(scope.as_str(), "NotTerminating" | "NotBestEffort"));
    let class = pods.spec.priority_class_name.as_deref();
    let selected =
        spec.scope_selector.iter().flat_map(|selector| selector.match_expressions.iter().flatten());
    plain && selected.into_iter().all(|expression| holds(expression, class))
}

fn holds(expression: &ScopedResourceSelectorRequirement, class: Option<&str>) -> bool {
    let named = || class.is_some_and(|class| expression.values.iter().flatten().any(|value| value == class));
    match (expression.scope_name.as_str(), expression.operator.as_str()) {
        ("NotTerminating" | "NotBestEffort", _) => true,
        ("PriorityClass", "In") => named(),
        ("PriorityClass", "NotIn") => class.is_some() && !named(),
        ("PriorityClass", "Exists") => class.is_some(),
        ("PriorityClass", "DoesNotExist") => class.is_none(),
        _ => false,
    }
}

/// A quota as tests and callers write it.
#[cfg(test)]
pub(super) fn quota(name: &str, hard: &[(&str, &str)], used: &[(&str, &str)]) -> ResourceQuota {
    use k8s_openapi::api::core::v1::{ResourceQuotaSpec, ResourceQuotaStatus};
    use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
    let amounts = |all: &[(&str, &str)]| -> Option<std::collections::BTreeMap<String, Quantity>> {
        Some(all.iter().map(|(name, amount)| ((*name).to_owned(), Quantity((*amount).to_owned()))).collect())
    };
    ResourceQuota {
        metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
            name: Some(name.to_owned()),
            ..Default::default()
        },
        spec: Some(ResourceQuotaSpec { hard: amounts(hard), ..Default::default() }),
        status: Some(ResourceQuotaStatus { used: amounts(used), ..Default::default() }),
    }
}
