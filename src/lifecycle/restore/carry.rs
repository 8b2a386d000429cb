//! Carries a restore out, and undoes it when it fails.

use chrono::Utc;
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

use super::anew;
use super::mark::Mark;
use super::plan::RestorePlan;
use super::prepare::{Prepared, prepare};
use super::room::room;
use super::run::Run;
use super::see::{Checked, see};
use super::{ACTION, Request, RestoreError};
use crate::backup::archive::Header;
use crate::backup::set;
use crate::cluster::{Cluster, minor};
use crate::fleet::quantity::binary;
use crate::lifecycle::pods;
use crate::lifecycle::resume::ResumeOptions;
use crate::operation::{Operation, Progress};
use crate::store;
use crate::target::{Target, refresh};

/// The steps of restoring, in order.
pub const STEPS: [&str; 8] = [
    "read the backup",
    "save the state of now",
    "stop the virtual cluster",
    "put the new store in place",
    "start it",
    "see that all is there",
    "let go of the old store",
    "put the old store back",
];
/// Where in [`STEPS`] each of them is.
mod step {
    pub(super) const READ: usize = 0;
    pub(super) const SAVE: usize = 1;
    pub(super) const STOP: usize = 2;
    pub(super) const PUT: usize = 3;
    pub(super) const START: usize = 4;
    pub(super) const SEE: usize = 5;
    pub(super) const LET_GO: usize = 6;
    pub(super) const UNDO: usize = 7;
}
/// How far a new store counts on from what anybody can have seen: watches that are behind begin anew.
const RAISE: i64 = 1_000_000_000;

/// What came of it.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The backup that it was.
    pub header: Header,
    /// What was seen afterwards.
    pub checked: Checked,
    /// Where the state of before was saved.
    pub saved: Option<SmolStr>,
    /// Why the old store is still on its volume, where it is.
    pub kept: Option<SmolStr>,
}

/// Starts it as an operation. The steps are [`STEPS`].
pub fn start(
    cluster: Cluster,
    target: Target,
    plan: RestorePlan,
    request: Request,
) -> Operation<Restored, RestoreError> {
    Operation::start(format_smolstr!("restore {target}"), STEPS, move |progress| async move {
        carry_out(&cluster, &target, &plan, &request, &progress).await
    })
}

/// Carries it out, and leaves a record. The steps are [`STEPS`].
///
/// # Errors
/// Why it was not restored, and what is in place now.
pub async fn carry_out(
    cluster: &Cluster,
    target: &Target,
    plan: &RestorePlan,
    request: &Request,
    progress: &Progress,
) -> Result<Restored, RestoreError> {
    let done = restored(cluster, target, plan, request, progress).await;
    target.record(cluster, ACTION, done.as_ref().map(drop).map_err(ToString::to_string)).await;
    done
}

async fn restored(
    cluster: &Cluster,
    target: &Target,
    plan: &RestorePlan,
    request: &Request,
    progress: &Progress,
) -> Result<Restored, RestoreError> {
    let (header, prepared) = progress
        .step(step::READ, async {
            let living = anew::living(cluster, target).await?;
            let (header, prepared) = prepare(request, (plan.place.kept, RAISE), living, progress).await?;
            fits(cluster, target, plan, (&prepared, request.at.place().of(&request.name).as_str())).await?;
            progress.note(format_smolstr!(
                "{} keys, {}, of {}",
                prepared.rebuilt.keys,
                binary(prepared.rebuilt.bytes),
                header.began.format("%Y-%m-%d %H:%M:%S UTC")
            ));
            Ok::<_, RestoreError>((header, prepared))
        })
        .await?;
    let target = &cleaned(cluster, target, plan, progress).await?;
    let saved = save(cluster, target, request.safety.as_ref(), progress).await?;
    let from = request.at.place().of(&request.name);
    let mark = Mark::new(target, from, request.who.clone(), Utc::now())
        .ok_or_else(|| RestoreError::Unfit("the clock of this machine tells no year".into()))?;
    let run = Run { cluster, target, plan, mark: &mark };
    match replaced(&run, request, &prepared, progress).await {
        Ok(checked) => {
            let kept = let_go(&run, saved.as_ref(), progress).await;
            progress.skip(step::UNDO, "the new one has proved itself");
            Ok(Restored { header, checked, saved, kept })
        }
        Err(why) => Err(undone(&run, why, &progress.to_the_end()).await),
    }
}

/// Everything from the first change to the proof.
async fn replaced(
    run: &Run<'_>,
    request: &Request,
    prepared: &Prepared,
    progress: &Progress,
) -> Result<Checked, RestoreError> {
    progress.step(step::STOP, run.stop(progress)).await?;
    progress
        .step(step::PUT, async {
            run.members(progress).put(&prepared.rebuilt).await?;
            if (&request.expected.namespace, &request.expected.name)
                != (&run.target.namespace, &run.target.name)
            {
                run.forget_identity().await?;
            }
            Ok::<_, RestoreError>(())
        })
        .await?;
    progress.step(step::START, wake(run, progress)).await?;
    progress
        .step(step::SEE, async {
            let store = store::open(run.cluster, run.target).await?;
            let checked = see(run.cluster, run.target, &store, prepared, progress).await?;
            run.clear().await?;
            progress.note(format_smolstr!("{} keys at revision {}", checked.keys, checked.revision));
            Ok(checked)
        })
        .await
}

/// Starts all of it, and waits until it is ready.
pub(super) async fn wake(run: &Run<'_>, progress: &Progress) -> Result<(), RestoreError> {
    let patience = ResumeOptions::default().patience;
    for etcd in [true, false] {
        run.wake(etcd).await?;
        for part in run.parts(etcd).await? {
            pods::until_ready(run.cluster, run.target, &part, patience, progress).await?;
        }
    }
    Ok(())
}

/// What an earlier run has left is undone before anything else. Answers the virtual cluster as it is then.
pub(super) async fn cleaned(
    cluster: &Cluster,
    target: &Target,
    plan: &RestorePlan,
    progress: &Progress,
) -> Result<Target, RestoreError> {
    let Some(mark) = &plan.left else { return Ok(target.clone()) };
    let run = Run { cluster, target, plan, mark };
    run.put_back(progress).await?;
    run.start(progress).await?;
    Ok(refresh(cluster, &target.namespace, &target.name).await?)
}

/// Whether the backup fits the virtual cluster, and its volume.
async fn fits(
    cluster: &Cluster,
    target: &Target,
    plan: &RestorePlan,
    (prepared, from): (&Prepared, &str),
) -> Result<(), RestoreError> {
    let version = cluster.vcluster_config(&target.namespace, &target.name).await;
    let version = version.ok().and_then(|config| set::kubernetes(&config));
    if let (Some(then), Some(now)) = (&prepared.kubernetes, &version)
        && minor(then) > minor(now)
    {
        return Err(RestoreError::Unfit(format!(
            "the backup is of Kubernetes {then} and the virtual cluster runs {now}, which may not understand what the later one wrote: raise its version first"
        )));
    }
    room(cluster, target, plan, (prepared.rebuilt.bytes, Some(from))).await
}

/// Saves the state of now. One whose store does not answer has none that could be saved: the old store stays.
pub(super) async fn save(
    cluster: &Cluster,
    target: &Target,
    safety: Option<&set::Request>,
    progress: &Progress,
) -> Result<Option<SmolStr>, RestoreError> {
    let Some(safety) = safety else {
        progress.skip(step::SAVE, "not wanted; the old store stays on its volume");
        return Ok(None);
    };
    progress
        .step(step::SAVE, async {
            if let Err(why) = async { store::open(cluster, target).await?.revision().await }.await {
                progress.note(format_smolstr!("none: {why}; the old store stays on its volume"));
                return Ok(None);
            }
            let operation = set::start(cluster.clone(), target.clone(), safety.clone());
            let taken = operation.result().await.map_err(|why| RestoreError::NotSafe(why.to_string()))?;
            progress.note(taken.at.clone());
            Ok(Some(taken.at))
        })
        .await
}

/// Removes the old store when there is a backup of it. Answers why it is still there; the next restore that succeeds takes it away.
async fn let_go(run: &Run<'_>, saved: Option<&SmolStr>, progress: &Progress) -> Option<SmolStr> {
    if saved.is_none() {
        let why = format_smolstr!(
            "no backup of it could be taken: it stays on the volume, in {}/{}/old",
            store::keeper::FOLDER,
            run.mark.id
        );
        progress.skip(step::LET_GO, why.clone());
        return Some(why);
    }
    match progress.step(step::LET_GO, run.members(progress).forget()).await {
        Ok(()) => None,
        Err(why) => Some(format_smolstr!("it could not be removed ({why}); the next restore does it")),
    }
}

/// Undoes what was done, and answers what to tell.
pub(super) async fn undone(run: &Run<'_>, why: RestoreError, progress: &Progress) -> RestoreError {
    let why = Box::new(why);
    let back = progress
        .step(step::UNDO, async {
            run.put_back(progress).await?;
            run.start(progress).await
        })
        .await;
    match back {
        Ok(()) => RestoreError::Undone { why },
        Err(undo) => {
            tracing::error!(target = %run.target, why = %undo.to_smolstr(), "a restore is half way");
            RestoreError::HalfWay { why, undo: Box::new(undo), command: run.undo_command() }
        }
    }
}
