//! The mark that keeps a virtual cluster from being deleted, by v9s and by the official CLI alike.

use serde_json::{Value, json};

use super::LifeError;
use super::exact::change_part;
use super::refusal::{Decision, Refusal, kubectl_patch, unless_reconciled};
use crate::cluster::Cluster;
use crate::operation::Progress;
use crate::target::{Part, Target};
use crate::wire::annotation;

/// Its one step.
pub const STEPS: [&str; 1] = ["mark the control plane"];

/// What is to be done so that it is protected, or is no longer.
pub fn plan(target: &Target, protect: bool, anyway: bool) -> Decision<Part> {
    let Some(part) = target.control_plane() else {
        return Decision::Nothing(format!("{target} has no control plane that could carry the mark"));
    };
    if part.protected == protect {
        let word = if protect { "is protected already" } else { "is not protected" };
        return Decision::Nothing(format!("{target} {word}"));
    }
    let change = kubectl_patch(target, &part.kind.resource().plural, &part.name, &patch(protect));
    match unless_reconciled(target, anyway, &change) {
        // Where it is not known who deploys it, a mark does no harm.
        Some(refusal @ Refusal::Managed { .. }) => Decision::Refused(refusal),
        _ => Decision::Do(part.clone()),
    }
}

fn patch(protect: bool) -> Value {
    let value = if protect { Value::from("true") } else { Value::Null };
    json!({"metadata": {"annotations": {annotation::NON_DELETABLE: value}}})
}

/// Carries it out.
///
/// # Errors
/// When the workload cannot be changed.
pub async fn carry_out(
    cluster: &Cluster,
    target: &Target,
    part: &Part,
    protect: bool,
    progress: &Progress,
) -> Result<(), LifeError> {
    let action = if protect { "protect" } else { "unprotect" };
    let wanted = |part: &Part| (part.protected != protect).then(|| patch(protect));
    progress.step(0, change_part(cluster, target, part, action, wanted)).await
}
