//! The limits in `vcluster.yaml`, for a quota that is made of it.

use std::time::Duration;

use super::QuotaPlan;
use crate::cluster::Cluster;
use crate::lifecycle::edit::{self, EditError, EditPlan};
use crate::lifecycle::{Decision, LifeError, Refusal};
use crate::provision::create::Request;
use crate::provision::values::edit::{Outline, Value};
use crate::target::Target;

/// Where the limits are in `vcluster.yaml`.
const PLACE: [&str; 3] = ["policies", "resourceQuota", "quota"];

/// What the same limits in its configuration come to. The rest of its text stays as it was written. `patience` is how long to wait until it
/// can be used again; None for not at all.
///
/// # Errors
/// When the configuration cannot be read, or the host cannot be asked what would come of it.
pub async fn through(
    cluster: &Cluster,
    target: &Target,
    plan: &QuotaPlan,
    patience: Option<Duration>,
    anyway: bool,
) -> Result<Decision<EditPlan>, EditError> {
    let config = edit::config(cluster, target).await.map_err(LifeError::from)?;
    let text = match with_limits(&config, plan) {
        Ok(text) => text,
        Err(why) => return Ok(elsewhere(target, &why)),
    };
    let request = |text: &str| Request::new(&target.name, &target.namespace, text);
    match (request(&config), request(&text)) {
        (Ok(before), Ok(after)) => {
            let after = Request { patience, ..after };
            edit::plan(cluster, target, &before, after, anyway).await
        }
        (Err(problems), _) | (_, Err(problems)) => {
            Ok(elsewhere(target, &format!("its vcluster.yaml cannot be used by this v9s:\n{problems}")))
        }
    }
}

fn elsewhere(target: &Target, why: &str) -> Decision<EditPlan> {
    let Target { host, namespace, name, .. } = target;
    let instead = vec![format!("v9s edit {name} -n {namespace} --context {host}")];
    Decision::Refused(Refusal::Elsewhere { why: why.to_owned(), instead })
}

/// The text with these limits.
pub(super) fn with_limits(config: &str, plan: &QuotaPlan) -> Result<String, String> {
    let mut text = config.to_owned();
    for change in &plan.changes {
        let [first, second, third] = PLACE;
        let path = [first, second, third, change.key.as_str()];
        let value = change.after.as_deref().map(Value::Plain);
        let changed = Outline::read(&text).and_then(|outline| outline.with(&path, value));
        text = changed.map_err(|error| format!("{} in its vcluster.yaml: {error}", path.join(".")))?;
    }
    Ok(text)
}
