//! Another configuration for a virtual cluster that v9s has made: what may not change, what would, and how it is carried out.
//!
//! What is no longer wanted is taken away first, while the configuration still says that it was there: another run after an
//! interrupted one finds it again. The rest is what `create` does.

mod difference;
mod plan;
mod rules;
#[cfg(test)]
mod tests;

use thiserror::Error;

pub use plan::{Change, Done, EditPlan, Gone, REMOVAL, apply, plan, remove, take_away};
pub use rules::fixed;

use super::LifeError;
use super::refusal::{Refusal, unless_reconciled, unless_stopped_by_others};
use crate::cluster::{Cluster, ReadError};
use crate::known::Known;
use crate::provision::create::CreateError;
use crate::target::{Manager, Rest, Target};

/// Why another configuration was not made, or not wholly.
#[derive(Debug, Error)]
pub enum EditError {
    /// Something could not be looked at or taken away.
    #[error(transparent)]
    Life(#[from] LifeError),
    /// It would not be accepted, or was not applied to its end.
    #[error("{error}; {}", error.remedy())]
    Create {
        /// What came of it.
        #[from]
        error: CreateError,
    },
}

/// The configuration of a virtual cluster as its host has it, word by word.
///
/// # Errors
/// When it cannot be read.
pub async fn config(cluster: &Cluster, target: &Target) -> Result<String, ReadError> {
    cluster.vcluster_config_as_written(&target.namespace, &target.name).await
}

/// Whether v9s may change it at all.
pub fn refusal(target: &Target, anyway: bool) -> Option<Refusal> {
    if !target.is_ours() {
        return Some(elsewhere(target));
    }
    let instead = "change vcluster.yaml where its objects come from";
    let refused = unless_stopped_by_others(target).or_else(|| unless_reconciled(target, anyway, instead));
    refused.or_else(|| match target.rest()? {
        Rest::Paused(_) | Rest::ScaledDown => Some(Refusal::Rests {
            how: "it does not run, and applying a configuration would start it",
            instead: format!("`v9s resume {} -n {}` first", target.name, target.namespace),
        }),
        Rest::Asleep | Rest::Restoring => None,
    })
}

/// How what v9s did not make is changed.
fn elsewhere(target: &Target) -> Refusal {
    let Target { host, namespace, name, .. } = target;
    let release = match &target.manager {
        Known::Yes(Manager::Helm { release }) => release.clone(),
        _ => name.clone(),
    };
    let place = format!("--kube-context {host} -n {namespace}");
    let instead = vec![
        format!("helm get values {release} {place} > values.yaml"),
        format!("helm upgrade {release} vcluster --repo https://charts.loft.sh {place} --values values.yaml"),
    ];
    let why = format!("{target} was not made by v9s: change it by what deploys it");
    Refusal::Elsewhere { why, instead }
}
