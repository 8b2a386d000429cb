//! What another configuration comes to, and how it is carried out.

use serde::Deserialize;
use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};

use super::difference::paths;
use super::{EditError, fixed, refusal};
use crate::cluster::{Cluster, FailureKind, ObjectRef, Propagation};
use crate::lifecycle::exact::delete_exactly;
use crate::lifecycle::{Decision, LifeError, Refusal};
use crate::operation::{Operation, Progress};
use crate::provision::create::{self, CreateError, Created, Request};
use crate::target::Target;
use crate::wire::label;

/// The step of taking away what is no longer wanted.
pub const REMOVAL: [&str; 1] = ["take away what is no longer wanted"];

/// What becomes of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is made.
    Made,
    /// It changes in these places.
    Changed(Vec<String>),
    /// The host would not take it, in its words.
    Refused(SmolStr),
}

/// An object that is no longer wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// Which one.
    pub object: ObjectRef,
    /// Its UID.
    pub uid: SmolStr,
}

/// What an edit takes.
#[derive(Debug, Clone, PartialEq)]
pub struct EditPlan {
    /// What is to be.
    pub request: Request,
    /// What is taken away first.
    pub gone: Vec<Gone>,
    /// What is applied, as far as it differs.
    pub changes: Vec<(ObjectRef, Change)>,
    /// What a person should know.
    pub notes: Vec<SmolStr>,
}

impl EditPlan {
    /// Workloads whose pods are replaced.
    pub fn restarted(&self) -> impl Iterator<Item = &ObjectRef> {
        let restarts = |change: &Change| match change {
            Change::Changed(paths) => paths.iter().any(|path| path.starts_with("spec.template")),
            _ => false,
        };
        let workload =
            |object: &&ObjectRef| ["StatefulSet", "Deployment"].contains(&object.resource.kind.as_str());
        self.changes
            .iter()
            .filter(move |(_, change)| restarts(change))
            .map(|(object, _)| object)
            .filter(workload)
    }

    /// What the host would not take.
    pub fn refused(&self) -> impl Iterator<Item = (&ObjectRef, &SmolStr)> {
        self.changes.iter().filter_map(|(object, change)| match change {
            Change::Refused(why) => Some((object, why)),
            _ => None,
        })
    }
}

/// What is to be done. The host is asked what would come of each object; nothing is changed.
///
/// # Errors
/// When the host cannot be asked, or something stands in the way of the new configuration.
pub async fn plan(
    cluster: &Cluster,
    target: &Target,
    before: &Request,
    after: Request,
    anyway: bool,
) -> Result<Decision<EditPlan>, EditError> {
    if let Some(refusal) = refusal(target, anyway) {
        return Ok(Decision::Refused(refusal));
    }
    let fixed = fixed(&before.settings, &after.settings);
    if !fixed.is_empty() {
        return Ok(Decision::Refused(Refusal::Elsewhere { why: fixed.join("\n"), instead: Vec::new() }));
    }
    let (found, planned) = create::look_and_plan(cluster, &after).await?;
    let wanted: Vec<&ObjectRef> = planned.objects.iter().map(|object| &object.at).collect();
    let mut gone = Vec::new();
    for object in before.objects(&found).all().filter(|object| !wanted.contains(&&object.at)) {
        gone.extend(there(cluster, &object.at, &target.name).await?);
    }
    let mut changes = Vec::new();
    for object in &planned.objects {
        if let Some(change) = change(cluster, &object.at, &object.body).await? {
            changes.push((object.at.clone(), change));
        }
    }
    if gone.is_empty() && changes.is_empty() {
        return Ok(Decision::Nothing(format!("{target} is so already")));
    }
    Ok(Decision::Do(EditPlan { request: after, gone, changes, notes: planned.notes }))
}

#[derive(Deserialize)]
struct Live {
    metadata: Meta,
}

#[derive(Deserialize)]
struct Meta {
    uid: SmolStr,
    #[serde(default)]
    labels: std::collections::BTreeMap<SmolStr, SmolStr>,
}

/// The object, if it is there and belongs to this virtual cluster.
async fn there(cluster: &Cluster, object: &ObjectRef, name: &str) -> Result<Option<Gone>, LifeError> {
    match cluster.get_metadata::<Live>(object).await {
        Ok(live) => {
            let its = live.metadata.labels.get(label::RELEASE).is_some_and(|release| release == name);
            Ok(its.then(|| Gone { object: object.clone(), uid: live.metadata.uid }))
        }
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
        Err(failure) => Err(cluster.error(format!("look at {object}"), failure).into()),
    }
}

async fn change(cluster: &Cluster, object: &ObjectRef, body: &Value) -> Result<Option<Change>, LifeError> {
    let now = match cluster.get::<Value>(object).await {
        Ok(now) => now,
        Err(failure) if failure.kind == FailureKind::NotFound => return Ok(Some(Change::Made)),
        Err(failure) => return Err(cluster.error(format!("read {object}"), failure).into()),
    };
    Ok(match cluster.try_apply(object, body).await {
        Err(failure) => Some(Change::Refused(failure.message)),
        Ok(then) => Some(paths(&now, &then)).filter(|paths| !paths.is_empty()).map(Change::Changed),
    })
}

/// What was carried out.
pub type Done = Created;

/// Takes away what is no longer wanted, on a task; None when there is nothing. The step is [`REMOVAL`].
pub fn remove(cluster: &Cluster, target: &Target, plan: &EditPlan) -> Option<Operation<(), LifeError>> {
    if plan.gone.is_empty() {
        return None;
    }
    let (cluster, gone) = (cluster.clone(), plan.gone.clone());
    Some(Operation::start(format!("edit {target}"), REMOVAL, move |progress| async move {
        take_away(&cluster, &gone, &progress).await
    }))
}

/// Takes away what is no longer wanted. The step is [`REMOVAL`].
///
/// # Errors
/// When something cannot be deleted, or is another by now.
pub async fn take_away(cluster: &Cluster, gone: &[Gone], progress: &Progress) -> Result<(), LifeError> {
    let work = async {
        for one in gone {
            delete_exactly(cluster, "edit", &one.object, &one.uid, Propagation::Background).await?;
            progress.check()?;
        }
        progress.note(format_smolstr!("{} objects", gone.len()));
        Ok(())
    };
    progress.step(0, work).await
}

/// Applies the rest on a task, as `create` does, and waits if the request says so.
pub fn apply(cluster: Cluster, target: &Target, plan: EditPlan) -> Operation<Done, CreateError> {
    let steps = plan.request.steps();
    Operation::start(format!("edit {target}"), steps, |progress| plan.request.carry_out(cluster, progress))
}
