//! Other limits, written on the object that was looked at.

use k8s_openapi::api::core::v1::ResourceQuota;
use serde_json::Value;

use super::{Quota, QuotaPlan};
use crate::cluster::{Cluster, FailureKind};
use crate::lifecycle::LifeError;
use crate::lifecycle::exact::is_conflict;
use crate::operation::{Operation, Progress};
use crate::target::Target;

/// Its one step.
pub const STEPS: [&str; 1] = ["write the quota"];

/// How often it is tried again after the host has only counted anew.
const TRIES: usize = 8;

/// Carries it out on a task. The steps are [`STEPS`].
pub fn start(cluster: Cluster, target: &Target, plan: QuotaPlan) -> Operation<(), LifeError> {
    Operation::start(format!("change the quota of {target}"), STEPS, move |progress| async move {
        carry_out(&cluster, &plan, &progress).await
    })
}

/// Carries it out. The steps are [`STEPS`].
///
/// # Errors
/// When the host does not take it, or the quota is another by now: then it is to be looked at again.
pub async fn carry_out(cluster: &Cluster, plan: &QuotaPlan, progress: &Progress) -> Result<(), LifeError> {
    if plan.is_held() {
        progress.skip(0, "it has these limits already");
        return Ok(());
    }
    progress.step(0, write(cluster, plan)).await
}

/// UID and resourceVersion are preconditions. The host writes into a quota whenever it counts: that alone is no reason to ask anybody again,
/// as long as what was shown is still true.
async fn write(cluster: &Cluster, plan: &QuotaPlan) -> Result<(), LifeError> {
    let object = &plan.object;
    let mut version = plan.resource_version.clone();
    for _ in 0..TRIES {
        let mut patch = plan.patch();
        if let Some(patch) = patch.as_object_mut() {
            let metadata = serde_json::json!({"uid": plan.uid, "resourceVersion": version});
            patch.insert("metadata".to_owned(), metadata);
        }
        match cluster.merge::<Value>("quota", object, &patch).await {
            Err(error) if is_conflict(&error) => {}
            done => return Ok(done.map(drop)?),
        }
        let now = match cluster.get::<ResourceQuota>(object).await {
            Ok(now) => Quota::of(now),
            Err(failure) if failure.kind == FailureKind::NotFound => {
                return Err(LifeError::Changed(format!("{object} is gone")));
            }
            Err(failure) => return Err(cluster.error(format!("read {object}"), failure).into()),
        };
        if let Some(why) = differs(plan, &now) {
            return Err(LifeError::Changed(format!("{object}: {why}")));
        }
        version = now.resource_version;
    }
    Err(LifeError::Changed(format!("{object} keeps changing")))
}

/// In what a quota is no longer as it was shown.
pub(super) fn differs(plan: &QuotaPlan, now: &Quota) -> Option<String> {
    if now.uid != plan.uid {
        return Some("it was replaced meanwhile".to_owned());
    }
    plan.changes.iter().find_map(|change| {
        let (key, limit) = (&change.key, now.hard.get(&change.key));
        if limit != change.before.as_ref() {
            let limit = limit.map_or("no limit", |limit| limit.as_str());
            return Some(format!("somebody set {key} to {limit} meanwhile"));
        }
        let then = super::KeyChange { used: now.used.get(key).cloned(), ..change.clone() };
        (then.is_below() && !change.is_below()).then(|| {
            let used = then.used.as_deref().unwrap_or_default();
            format!("{key} is used to {used} by now, which is more than it would allow")
        })
    })
}
