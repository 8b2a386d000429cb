//! A store made of what the host carries, in the place of one that is lost: the steps of a restore, without a backup.
//!
//! What is written goes into the new store before anybody serves it, with the UIDs that the host remembers. So there is no moment in which
//! the companion sees one side without the other, nothing on the host has to be written for it, and the identity of the store is the one
//! that the companion knows. Whatever fails is undone as every restore is.

use std::collections::BTreeSet;
use std::path::PathBuf;

use chrono::Utc;
use smol_str::{SmolStr, format_smolstr};

use super::aside::{self, Aside};
use super::carry::{cleaned, save, undone, wake};
use super::made::{self, Made};
use super::mark::Mark;
use super::plan::RestorePlan;
use super::room::room;
use super::run::Run;
use super::see::{Checked, see};
use super::{RestoreError, anew, host};
use crate::backup::set;
use crate::cluster::Cluster;
use crate::lifecycle::adopt::{Adoption, adopt};
use crate::operation::{Operation, Progress};
use crate::store;
use crate::target::Target;

/// The word for the record.
const ACTION: &str = "adopt";
/// What the new store is made of, in words.
pub(super) const FROM: &str = "what the host carries";

/// The steps of adopting, in order.
pub const ADOPT_STEPS: [&str; 8] = [
    "read what the host carries",
    "save the state of now",
    "stop the virtual cluster",
    "put the new store in place",
    "start it",
    "see that all is there",
    "keep the old store",
    "put the old store back",
];

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Adopting {
    /// Where the state of now is saved, as far as it can be read; none when that is not wanted.
    pub safety: Option<set::Request>,
    /// Folder of this machine in which the new store is made.
    pub scratch: PathBuf,
    /// Who does it.
    pub who: SmolStr,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Adopted {
    /// What was made, and what is lost.
    pub adoption: Adoption,
    /// What stays on the host as it is, without anything inside.
    pub aside: Vec<Aside>,
    /// What was seen afterwards.
    pub checked: Checked,
    /// Pods on the host that were there before, and are not any more.
    pub ended: Vec<SmolStr>,
    /// Where the state of before was saved.
    pub saved: Option<SmolStr>,
    /// Where the old store lies.
    pub kept: SmolStr,
}

/// Starts it as an operation. The steps are [`ADOPT_STEPS`].
pub fn start_adopt(
    cluster: Cluster,
    target: Target,
    plan: RestorePlan,
    wish: Adopting,
) -> Operation<Adopted, RestoreError> {
    Operation::start(format_smolstr!("adopt {target}"), ADOPT_STEPS, move |progress| async move {
        carry_out(&cluster, &target, &plan, &wish, &progress).await
    })
}

/// Carries it out, and leaves a record. The steps are [`ADOPT_STEPS`].
///
/// # Errors
/// Why it was not adopted, and what is in place now.
pub async fn carry_out(
    cluster: &Cluster,
    target: &Target,
    plan: &RestorePlan,
    wish: &Adopting,
    progress: &Progress,
) -> Result<Adopted, RestoreError> {
    let done = adopted(cluster, target, plan, wish, progress).await;
    target.record(cluster, ACTION, done.as_ref().map(drop).map_err(ToString::to_string)).await;
    done
}

async fn adopted(
    cluster: &Cluster,
    target: &Target,
    plan: &RestorePlan,
    wish: &Adopting,
    progress: &Progress,
) -> Result<Adopted, RestoreError> {
    // That it can be made is known before anything stops. What is put in place is made anew when nobody writes to the host any more.
    progress
        .step(0, async {
            let (_, made) = store_of(cluster, target, plan, wish).await?;
            aside::can_be_seen(cluster, target).await?;
            room(cluster, target, plan, (made.prepared.rebuilt.bytes, None)).await?;
            progress.note(format_smolstr!("{} objects", made.adoption.objects.len()));
            Ok::<_, RestoreError>(())
        })
        .await?;
    let target = &cleaned(cluster, target, plan, progress).await?;
    let saved = save(cluster, target, wish.safety.as_ref(), progress).await?;
    let mark = Mark::new(target, FROM.into(), wish.who.clone(), Utc::now())
        .ok_or_else(|| RestoreError::Unfit("the clock of this machine tells no year".into()))?;
    let run = Run { cluster, target, plan, mark: &mark };
    match replaced(&run, wish, progress).await {
        Ok((made, aside, checked, ended)) => {
            let kept = format_smolstr!("{}/{}/old", store::keeper::FOLDER, mark.id);
            progress.skip(6, format_smolstr!("it stays on the volume, in {kept}"));
            progress.skip(7, "the new one has proved itself");
            Ok(Adopted { adoption: made.adoption, aside, checked, ended, saved, kept })
        }
        Err(why) => Err(undone(&run, why, &progress.to_the_end()).await),
    }
}

type Replaced = (Made, Vec<Aside>, Checked, Vec<SmolStr>);

/// Everything from the first change to the proof.
async fn replaced(run: &Run<'_>, wish: &Adopting, progress: &Progress) -> Result<Replaced, RestoreError> {
    let Run { cluster, target, plan, .. } = *run;
    progress.step(2, run.stop(progress)).await?;
    let (living, aside, made) = progress
        .step(3, async {
            let (living, made) = store_of(cluster, target, plan, wish).await?;
            let aside = aside::set(run).await?;
            run.members(progress).put(&made.prepared.rebuilt).await?;
            Ok::<_, RestoreError>((living, aside, made))
        })
        .await?;
    progress.step(4, wake(run, progress)).await?;
    let (checked, ended) = progress
        .step(5, async {
            let store = store::open(cluster, target).await?;
            let checked = see(cluster, target, &store, &made.prepared, progress).await?;
            let now = anew::living(cluster, target).await?;
            run.clear().await?;
            let ended: Vec<SmolStr> = living.difference(&now).cloned().collect();
            progress.note(format_smolstr!("{} keys, {} pods on the host", checked.keys, now.len()));
            Ok::<_, RestoreError>((checked, ended))
        })
        .await?;
    Ok((made, aside, checked, ended))
}

/// The new store, of what the host carries at this moment, and the pods that stand on the host.
async fn store_of(
    cluster: &Cluster,
    target: &Target,
    plan: &RestorePlan,
    wish: &Adopting,
) -> Result<(BTreeSet<SmolStr>, Made), RestoreError> {
    let living = anew::living(cluster, target).await?;
    let adoption = adopt(&host::carried(cluster, target).await?);
    if adoption.is_empty() {
        return Err(RestoreError::Unfit(format!(
            "the host carries nothing of {target}: there is nothing to make a store of. `v9s restore {} --from` takes a backup",
            target.name
        )));
    }
    Ok((living, made::store(adoption, plan.place.kept, &wish.scratch).await?))
}
