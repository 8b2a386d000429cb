//! Deletes a virtual cluster with everything that was made for it, and tells what is left.
//!
//! First it is looked at, then a plan is made of that, which a person can read, and only what is in the plan is deleted: by UID.
//! One thing comes to it: what the virtual cluster has still sent to the host until its control plane had ended.
//! What an earlier run has deleted is not in the next plan, so a second run does the rest.

mod carry;
mod found;
mod plan;
mod stop;
mod survey;
#[cfg(test)]
mod tests;

pub use carry::{DeleteOptions, Deleted, STEPS, carry_out, start};
pub use found::{Found, Meta, Role, Whose};
pub use plan::{DeletePlan, Home, Left, Survey, Victim, Wish, plan, residue};
pub use survey::{remains, survey};

use super::refusal::{Decision, Refusal};
use crate::known::Known;
use crate::target::{Manager, Target};

/// Whether it may be deleted, before anything is looked at.
pub fn refusal(target: &Target, anyway: bool) -> Option<Refusal> {
    if target.is_protected() {
        let Target { namespace, name, .. } = target;
        return Some(Refusal::Protected(format!("v9s protect {name} -n {namespace} --off")));
    }
    if target.parts.iter().any(|part| part.restoring) {
        return Some(Refusal::Rests {
            how: "it is being restored, or its certificates are rotated",
            instead: "wait until that has ended".to_owned(),
        });
    }
    if anyway {
        return None;
    }
    match &target.manager {
        Known::Yes(Manager::Nobody) | Known::NotApplicable => None,
        Known::Yes(manager) => {
            Some(Refusal::Managed { by: manager.words(), instead: elsewhere(target, manager) })
        }
        Known::No(why) => Some(Refusal::ManagerUnknown(why.to_string())),
    }
}

/// How it is deleted where it is deployed.
fn elsewhere(target: &Target, manager: &Manager) -> Vec<String> {
    let Target { host, namespace, name, .. } = target;
    let first = match manager {
        Manager::Helm { release } => format!("helm uninstall {release} --kube-context {host} -n {namespace}"),
        Manager::Argo { application } => format!("argocd app delete {application}"),
        Manager::Flux { kind, namespace, name } => format!("flux delete {kind} {name} -n {namespace}"),
        Manager::Nobody => return Vec::new(),
    };
    // None of them takes volumes and what the tenant put beside its namespace.
    vec![first, format!("v9s delete {name} --context {host} -n {namespace}")]
}

/// What deleting comes to.
pub fn decide(target: &Target, survey: Survey, wish: Wish, anyway: bool) -> Decision<DeletePlan> {
    if let Some(refusal) = refusal(target, anyway) {
        return Decision::Refused(refusal);
    }
    let plan = plan(&Whose { namespace: &target.namespace, name: &target.name }, survey, wish);
    if plan.is_empty() {
        return Decision::Nothing(format!("nothing of {target} is left to delete"));
    }
    Decision::Do(plan)
}
