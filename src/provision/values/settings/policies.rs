//! `policies`: what confines a virtual cluster on its host.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::ScopeSelector;
use k8s_openapi::api::networking::v1::{NetworkPolicyEgressRule, NetworkPolicyIngressRule};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::cluster::Metadata;
use crate::fleet::quantity;
use crate::provision::values::cidr::Cidr;
use crate::provision::values::view::{Switch, View};

/// What confines a virtual cluster on its host.
#[derive(Debug, Clone, PartialEq)]
pub struct Policies {
    /// Pods that break it are not synced.
    pub pod_security_standard: Option<PodSecurityStandard>,
    /// ResourceQuota of the host namespace.
    pub resource_quota: Option<ResourceQuota>,
    /// LimitRange of the host namespace.
    pub limit_range: Option<LimitRange>,
    /// NetworkPolicies of the host namespace.
    pub network_policy: Option<NetworkPolicy>,
}

/// A level of the Pod Security Standards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum PodSecurityStandard {
    Privileged,
    Baseline,
    Restricted,
}

impl PodSecurityStandard {
    /// The word of Kubernetes for it.
    pub fn as_str(self) -> &'static str {
        match self {
            PodSecurityStandard::Privileged => "privileged",
            PodSecurityStandard::Baseline => "baseline",
            PodSecurityStandard::Restricted => "restricted",
        }
    }
}

/// A ResourceQuota.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceQuota {
    /// Limits by the name of what is limited.
    pub hard: BTreeMap<String, Quantity>,
    /// To which pods it applies.
    pub scope_selector: Option<ScopeSelector>,
    /// The same in short.
    pub scopes: Vec<String>,
    /// Labels and annotations of the object.
    pub metadata: Metadata,
}

/// A LimitRange for containers.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitRange {
    /// Limits of containers that state none.
    pub default: BTreeMap<String, Quantity>,
    /// Requests of containers that state none.
    pub default_request: BTreeMap<String, Quantity>,
    /// The least that may be requested.
    pub min: BTreeMap<String, Quantity>,
    /// The most that may be allowed.
    pub max: BTreeMap<String, Quantity>,
    /// Labels and annotations of the object.
    pub metadata: Metadata,
}

/// What may talk to whom.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkPolicy {
    /// Name server for names outside the cluster.
    pub fallback_dns: IpAddr,
    /// Addresses outside that the tenant's pods may reach.
    pub public_egress: Option<PublicEgress>,
    /// Further rules for the control plane.
    pub control_plane: NetworkRules,
    /// Further rules for the tenant's pods.
    pub workload: NetworkRules,
    /// Labels and annotations of the objects.
    pub metadata: Metadata,
}

/// Addresses that may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicEgress {
    /// All of these,
    pub cidr: Cidr,
    /// but none of these.
    pub except: Vec<Cidr>,
}

/// Rules of a NetworkPolicy.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NetworkRules {
    /// For what comes in.
    pub ingress: Vec<NetworkPolicyIngressRule>,
    /// For what goes out.
    pub egress: Vec<NetworkPolicyEgressRule>,
}

impl Policies {
    pub(super) fn of(view: &View) -> Policies {
        let (quota, limits) = (view.switch("resourceQuota.enabled"), view.switch("limitRange.enabled"));
        // Left to itself, either follows the other.
        let on = |own: Switch, other: Switch| match own {
            Switch::On => true,
            Switch::Off => false,
            Switch::Auto => other == Switch::On,
        };
        let resource_quota = ResourceQuota::of(&view.at("resourceQuota"));
        let limit_range = LimitRange::of(&view.at("limitRange"));
        if on(limits, quota) {
            limit_range.check(&view.at("limitRange"));
        }
        Policies {
            pod_security_standard: match view.text("podSecurityStandard").as_str() {
                "privileged" => Some(PodSecurityStandard::Privileged),
                "baseline" => Some(PodSecurityStandard::Baseline),
                "restricted" => Some(PodSecurityStandard::Restricted),
                _ => None,
            },
            resource_quota: on(quota, limits).then_some(resource_quota),
            limit_range: on(limits, quota).then_some(limit_range),
            network_policy: NetworkPolicy::of(&view.at("networkPolicy")),
        }
    }
}

impl ResourceQuota {
    fn of(view: &View) -> ResourceQuota {
        let hard = quantities(view, "quota");
        for (name, amount) in &hard {
            if amount.0.starts_with('-') {
                view.complain_at(view.path("quota").key(name), "a quota cannot be negative");
            }
        }
        let selector: Option<ScopeSelector> = view.some_typed("scopeSelector");
        ResourceQuota {
            hard,
            scope_selector: selector
                .filter(|selector| selector.match_expressions.as_ref().is_some_and(|all| !all.is_empty())),
            scopes: view.texts("scopes"),
            metadata: Metadata::of(view),
        }
    }
}

impl LimitRange {
    fn of(view: &View) -> LimitRange {
        LimitRange {
            default: quantities(view, "default"),
            default_request: quantities(view, "defaultRequest"),
            min: quantities(view, "min"),
            max: quantities(view, "max"),
            metadata: Metadata::of(view),
        }
    }

    /// The API server refuses a LimitRange whose parts are not in this order.
    fn check(&self, view: &View) {
        let ascending = [
            ("min", &self.min),
            ("defaultRequest", &self.default_request),
            ("default", &self.default),
            ("max", &self.max),
        ];
        for (index, (small, low)) in ascending.iter().enumerate() {
            for (large, high) in ascending.iter().skip(index + 1) {
                let above =
                    |name: &String, least: &Quantity| high.get(name).is_some_and(|most| exceeds(least, most));
                for (name, _) in low.iter().filter(|(name, least)| above(name, least)) {
                    let path = |part: &str| view.path(part).key(name);
                    let what = format!("{small} must not be above {large}");
                    view.contradict_paths(path(small), what, path(large));
                }
            }
        }
    }
}

fn exceeds(one: &Quantity, other: &Quantity) -> bool {
    match (quantity::Quantity::parse(&one.0), quantity::Quantity::parse(&other.0)) {
        (Some(one), Some(other)) => one > other,
        _ => false,
    }
}

fn quantities(view: &View, dotted: &str) -> BTreeMap<String, Quantity> {
    view.map(dotted).into_iter().map(|(name, amount)| (name, Quantity(amount))).collect()
}

impl NetworkPolicy {
    fn of(view: &View) -> Option<NetworkPolicy> {
        let egress = view.at("workload.publicEgress");
        let rules = |part: &str| {
            let part = view.at(part);
            NetworkRules { ingress: part.typed("ingress"), egress: part.typed("egress") }
        };
        let policy = NetworkPolicy {
            fallback_dns: view.text("fallbackDns").parse().ok()?,
            public_egress: PublicEgress::of(&egress),
            control_plane: rules("controlPlane"),
            workload: rules("workload"),
            metadata: Metadata::of(view),
        };
        view.flag("enabled").then_some(policy)
    }
}

impl PublicEgress {
    fn of(view: &View) -> Option<PublicEgress> {
        let egress = PublicEgress {
            cidr: Cidr::parse(&view.text("cidr"))?,
            except: view.texts("except").iter().filter_map(|text| Cidr::parse(text)).collect(),
        };
        view.flag("enabled").then_some(egress)
    }
}
