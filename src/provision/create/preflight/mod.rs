//! What must be so before anything is written: facts are gathered ([`look`]), then judged by pure functions.

pub(crate) mod amounts;
pub(crate) mod demand;
pub(super) mod items;
mod look;
mod nodes;
mod policies;
mod quota;
mod room;
mod tenants;
#[cfg(test)]
pub(super) mod tests;
mod version;

use std::collections::BTreeSet;
use std::fmt;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use smol_str::{SmolStr, format_smolstr};

use super::Request;
use crate::cluster::ObjectRef;
use crate::known::Known;
use crate::provision::objects::{Object, unbuilt};
use crate::provision::service_range::ServiceRange;
use crate::provision::values::Settings;
use crate::provision::values::settings::{BackingStore, DataVolume, DisruptionBound};
use crate::target::Term;

pub use look::look;
pub(super) use look::look_and_judge;
pub use policies::Enforcement;
use quota::Confines;
use room::{Node, Placed};

/// A Service of this name is the platform's: the official chart refuses its namespace, too.
const PLATFORM: &str = "loft";

/// Something that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What.
    pub what: SmolStr,
    /// The host would take it all the same: whoever knows better says so ([`Request::anyway`]).
    pub passable: bool,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if self.passable { f.write_str(", or say --anyway") } else { Ok(()) }
    }
}

/// What the host says.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its version, such as `v1.36.2`.
    pub version: SmolStr,
    /// Whether the namespace is there.
    pub namespace: Option<NamespaceFound>,
    /// Control planes in the namespace, by the name of their virtual cluster.
    pub control_planes: Vec<ControlPlaneFound>,
    /// The platform lives in the namespace.
    pub platform: bool,
    /// Objects of names that it would have, which belong to somebody else.
    pub strangers: Vec<ObjectRef>,
    /// Objects of it that are not there yet.
    pub missing: Vec<ObjectRef>,
    /// By what its Service is reached, where that is there: addresses, and names of a load balancer.
    pub addresses: Vec<SmolStr>,
    /// UID of that Service.
    pub service_uid: Option<SmolStr>,
    /// What it was made with, where it is there and that can be read.
    pub before: Option<Box<Settings>>,
    /// What may not be done: verb and plural.
    pub forbidden: Vec<(SmolStr, SmolStr)>,
    /// Roles whose rights may not be granted, with the words of the host.
    pub ungranted: Vec<(ObjectRef, SmolStr)>,
    /// Storage classes, and whether one is the default; None where they may not be listed.
    pub storage_classes: Option<Vec<(SmolStr, bool)>>,
    /// Where its Services get their addresses from.
    pub service_range: ServiceRange,
    /// Who acts on NetworkPolicies.
    pub enforcement: Enforcement,
    /// Quotas and limits of the namespace.
    pub(crate) confines: Confines,
    /// Nodes.
    pub(crate) nodes: Known<Vec<Node>>,
}

/// A namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamespaceFound {
    /// It is about to go.
    pub terminating: bool,
}

/// A control plane that is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ControlPlaneFound {
    /// Kind of its workload.
    pub kind: SmolStr,
    /// Name of its virtual cluster.
    pub release: SmolStr,
    /// Who made it: `Helm`, `v9s`.
    pub heritage: SmolStr,
    /// It is paused.
    pub paused: bool,
    /// What is written down of how long it is to live, and whose it is.
    pub term: Term,
}

/// What follows of the facts.
#[derive(Default)]
struct Judgement {
    /// The host would not take it, or it would do harm.
    refused: Vec<SmolStr>,
    /// The host would take it, and it would most likely not come up or not be what was asked for.
    doubted: Vec<SmolStr>,
    /// What a person should know.
    notes: Vec<SmolStr>,
}

impl Found {
    /// What stands in the way of this request; nothing when it may be carried out.
    pub fn refusals(&self, request: &Request) -> Vec<Refusal> {
        let Judgement { refused, doubted, .. } = self.judge(request);
        let refused = refused.into_iter().map(|what| Refusal { what, passable: false });
        let doubted = doubted.into_iter().filter(|_| !request.anyway);
        refused.chain(doubted.map(|what| Refusal { what, passable: true })).collect()
    }

    /// What should be known although it is no reason to stop.
    pub fn notes(&self, request: &Request) -> Vec<SmolStr> {
        let Judgement { mut notes, doubted, .. } = self.judge(request);
        notes.extend(doubted.into_iter().filter(|_| request.anyway));
        notes
    }

    fn judge(&self, request: &Request) -> Judgement {
        let mut judgement = Judgement::default();
        let not_built = unbuilt(&request.settings);
        judgement.refused.extend(not_built.iter().map(|it| format_smolstr!("{it}")));
        self.judge_version(request, &mut judgement);
        if self.namespace.is_some_and(|namespace| namespace.terminating) {
            judgement.refused.push(format_smolstr!(
                "namespace {} is being deleted; wait until it is gone",
                request.namespace
            ));
        }
        judgement.refused.extend(self.clashes(request));
        judgement.refused.extend(self.unpermitted(request));
        self.judge_storage(request, &mut judgement);
        let objects: Vec<Object> = request.blueprint(&self.service_range).objects().all().cloned().collect();
        let plan = quota::Plan { objects: &objects, missing: &self.missing };
        judgement.refused.extend(quota::refused(&plan, &self.confines));
        self.judge_nodes(request, &objects, &mut judgement);
        self.judge_policies(request, &mut judgement);
        judgement.notes.extend(drain_blocked(&request.settings));
        judgement
    }

    fn judge_version(&self, request: &Request, judgement: &mut Judgement) {
        let asked = &request.settings.control_plane.kubernetes.version;
        let now = self.before.as_ref().map(|before| before.control_plane.kubernetes.version.as_str());
        let judged = version::judge(&self.version, asked, now);
        judgement.refused.extend(judged.refused);
        judgement.doubted.extend(judged.doubted);
        judgement.notes.extend(judged.note);
    }

    fn clashes(&self, request: &Request) -> Vec<SmolStr> {
        let (name, namespace) = (request.name.as_str(), request.namespace.as_str());
        let mut refusals = Vec::new();
        let wanted =
            if request.blueprint(&self.service_range).is_stateful() { "StatefulSet" } else { "Deployment" };
        for plane in &self.control_planes {
            if plane.release != name {
                refusals.push(format_smolstr!(
                    "namespace {namespace} has the virtual cluster {} already; there is one to a namespace",
                    plane.release
                ));
            } else if plane.heritage != "v9s" {
                refusals.push(format_smolstr!(
                    "{namespace}/{name} is there, made by {}; change it by what made it",
                    if plane.heritage.is_empty() { "somebody else" } else { plane.heritage.as_str() }
                ));
            } else if plane.paused {
                refusals.push(format_smolstr!("{namespace}/{name} is paused; resume it first"));
            } else if plane.kind != wanted {
                refusals.push(format_smolstr!(
                    "{namespace}/{name} is a {} and would become a {wanted}, which loses its data; delete it first",
                    plane.kind
                ));
            } else if let Some(before) = self.other_store(request) {
                refusals.push(format_smolstr!(
                    "{namespace}/{name} keeps its objects in {before}; in another store it would begin empty, so delete it first"
                ));
            }
        }
        if self.platform {
            refusals.push(format_smolstr!(
                "namespace {namespace} has a Service {PLATFORM}: the platform lives there"
            ));
        }
        // Whoever made that virtual cluster made all of them, and that was said.
        let foreign = self.control_planes.iter().any(|plane| plane.heritage != "v9s");
        let strangers = self.strangers.iter().filter(|_| !foreign);
        refusals.extend(
            strangers.map(|at| format_smolstr!("{at} is there and somebody else's; take another name")),
        );
        refusals
    }

    /// The store that it has, where another one is asked for.
    fn other_store(&self, request: &Request) -> Option<&'static str> {
        let before = &self.before.as_ref()?.control_plane.store;
        let same =
            std::mem::discriminant(before) == std::mem::discriminant(&request.settings.control_plane.store);
        (!same).then(|| before.word())
    }

    fn unpermitted(&self, request: &Request) -> Vec<SmolStr> {
        let forbidden = self.forbidden.iter().map(|(verb, plural)| {
            format_smolstr!(
                "you may not {verb} {plural} for namespace {}; ask for that right",
                request.namespace
            )
        });
        let ungranted = self.ungranted.iter().map(|(role, why)| {
            format_smolstr!("you may not grant what is in {role}, as you have not all of it yourself: {why}")
        });
        forbidden.chain(ungranted).collect()
    }

    fn judge_storage(&self, request: &Request, judgement: &mut Judgement) {
        let Some(known) = &self.storage_classes else { return };
        let claims = claims(request);
        let missing = |class: &str| !class.is_empty() && !known.iter().any(|(name, _)| name == class);
        let asked: BTreeSet<&String> = claims.iter().flatten().filter(|class| missing(class)).collect();
        let refused = asked.into_iter().map(|class| format_smolstr!("the host has no StorageClass {class}"));
        judgement.refused.extend(refused);
        if claims.iter().any(Option::is_none) && !known.iter().any(|(_, default)| *default) {
            judgement.notes.push(SmolStr::new_static(
                "the host has no default StorageClass: the claim waits until somebody makes a volume for it",
            ));
        }
    }

    fn judge_nodes(&self, request: &Request, objects: &[Object], judgement: &mut Judgement) {
        let nodes = match &self.nodes {
            Known::Yes(nodes) => nodes,
            Known::No(why) => {
                judgement.notes.push(format_smolstr!("whether a node has room is not known: {why}"));
                return;
            }
            Known::NotApplicable => return,
        };
        if let Placed::Nowhere(why) = room::place(nodes, &nodes::waiting(objects, &self.missing)) {
            judgement.doubted.push(why);
        }
        let dedicated = tenants::judge(&request.settings, nodes);
        judgement.doubted.extend(dedicated.doubted);
        judgement.notes.extend(dedicated.note);
    }

    fn judge_policies(&self, request: &Request, judgement: &mut Judgement) {
        if request.settings.policies.network_policy.is_none() {
            return;
        }
        match &self.enforcement {
            Enforcement::By(_) => {}
            Enforcement::NotBy(network) => judgement.doubted.push(format_smolstr!(
                "policies.networkPolicy: {network} enforces no NetworkPolicy, so pods would reach each other whatever they say; \
                 leave it off"
            )),
            Enforcement::Unknown(why) => judgement
                .notes
                .push(format_smolstr!("whether the host enforces NetworkPolicies is not known: {why}")),
        }
    }
}

/// Said where a disruption budget keeps nodes from being drained.
fn drain_blocked(settings: &Settings) -> Option<SmolStr> {
    let budget = settings.control_plane.advanced.pod_disruption_budget.as_ref()?;
    let replicas = i64::from(settings.control_plane.high_availability.replicas);
    let share = |text: &str| text.trim_end_matches('%').parse::<i64>().ok();
    let blocked = match &budget.bound {
        DisruptionBound::MinAvailable(IntOrString::Int(least)) => i64::from(*least) >= replicas,
        DisruptionBound::MinAvailable(IntOrString::String(text)) => {
            share(text).is_some_and(|it| it * replicas > (replicas - 1) * 100)
        }
        DisruptionBound::MaxUnavailable(IntOrString::Int(most)) => *most <= 0,
        DisruptionBound::MaxUnavailable(IntOrString::String(text)) => share(text) == Some(0),
    };
    blocked.then(|| {
        format_smolstr!(
            "controlPlane.advanced.podDisruptionBudget: none of {replicas} replicas may be missing, so no node that runs one can be drained"
        )
    })
}

/// Classes of the claims that it will have.
fn claims(request: &Request) -> Vec<Option<String>> {
    let plane = &request.settings.control_plane;
    let mut data = vec![&plane.workload.persistence.data];
    if let BackingStore::DeployedEtcd(etcd) = &plane.store {
        data.push(&etcd.persistence.data);
    }
    let claim = |data: &DataVolume| match data {
        DataVolume::Claim(claim) => Some(claim.storage_class.clone()),
        _ => None,
    };
    data.into_iter().filter_map(claim).collect()
}
