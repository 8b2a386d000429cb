//! Carries a deletion out.

use std::time::Duration;

use smol_str::{SmolStr, format_smolstr};
use tokio::time::Instant;

use super::found::{Role, Whose};
use super::plan::{DeletePlan, Home, Left, Survey, Victim, Wish, plan as plan_of, residue};
use super::stop;
use super::survey::survey;
use crate::cluster::{Cluster, FailureKind, ObjectRef, Propagation, Resource};
use crate::lifecycle::exact::{delete_all, delete_exactly, uids};
use crate::lifecycle::{LOOK, LifeError, too_long};
use crate::operation::{Operation, Progress};

/// The steps of deleting, in order.
pub const STEPS: [&str; 8] = [
    "stop the control plane",
    "delete what came from inside",
    "delete its objects",
    "delete what it has stored",
    "delete what is cluster-wide",
    "delete its namespace",
    "delete the control plane",
    "look for what is left",
];

/// How to delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeleteOptions {
    /// What is to be kept.
    pub wish: Wish,
    /// How long what is going may take, in each step.
    pub patience: Duration,
}

impl Default for DeleteOptions {
    fn default() -> Self {
        DeleteOptions { wish: Wish::default(), patience: Duration::from_secs(180) }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// What is left, and why.
    pub left: Vec<Left>,
    /// What became of the namespace.
    pub home: Home,
}

/// Carries it out on a task. The steps are [`STEPS`].
pub fn start(cluster: Cluster, plan: DeletePlan, options: DeleteOptions) -> Operation<Deleted, LifeError> {
    let title = format!("delete {}/{}", plan.namespace, plan.name);
    Operation::start(title, STEPS, move |progress| async move {
        carry_out(&cluster, &plan, &options, &progress).await
    })
}

/// Carries it out. The steps are [`STEPS`].
///
/// # Errors
/// When something may not be deleted, or does not go in time. A second run goes on from there.
pub async fn carry_out(
    cluster: &Cluster,
    plan: &DeletePlan,
    options: &DeleteOptions,
    progress: &Progress,
) -> Result<Deleted, LifeError> {
    let whose = Whose { namespace: &plan.namespace, name: &plan.name };
    let (now, last) = stop::apart(plan);
    let last = progress.step(0, end(cluster, plan, now, last, options, progress)).await?;
    // Nobody writes any more: what has come from inside since the plan was made is all that will.
    let came = came_from_inside(cluster, &whose, plan, options).await?;
    let (inside, outside): (Vec<&Victim>, Vec<&Victim>) =
        came.iter().partition(|victim| victim.object.namespace.is_some());
    let cluster_wide = plan.victims.iter().filter(|victim| victim.object.namespace.is_none());
    let stages = [
        (1, [in_namespace(plan, &[Role::Synced]), inside].concat()),
        (2, in_namespace(plan, &[Role::Own, Role::Helm])),
        (3, plan.of(&[Role::Data])),
        (4, cluster_wide.chain(outside).collect()),
    ];
    for (step, victims) in stages {
        perform(cluster, step, victims, options, progress).await?;
    }
    let home = progress.step(5, leave(cluster, &whose, plan, options, progress)).await?;
    match home {
        Home::Goes { .. } | Home::Gone if matches!(plan.home, Home::Goes { .. }) => {
            progress.skip(6, "it went with its namespace");
        }
        _ => perform(cluster, 6, last, options, progress).await?,
    }
    progress
        .step(7, async {
            let mut left = residue(plan, &look_again(cluster, &whose, plan, options).await?);
            // A namespace that is going takes its objects along.
            if matches!(home, Home::Goes { .. } | Home::Gone) {
                left.retain(|one| !one.why.contains("still there"));
            }
            progress.note(match left.len() {
                0 => "nothing".into(),
                count => format_smolstr!("{count} things"),
            });
            Ok(Deleted { left, home: home.clone() })
        })
        .await
}

/// Stops the control plane. Answers what of it is deleted in the end.
async fn end<'a>(
    cluster: &Cluster,
    plan: &DeletePlan,
    mut now: Vec<&'a Victim>,
    mut last: Vec<&'a Victim>,
    options: &DeleteOptions,
    progress: &Progress,
) -> Result<Vec<&'a Victim>, LifeError> {
    if !stop::stop(cluster, plan, &last, options.patience, progress).await? {
        now.append(&mut last);
    }
    stage(cluster, &now, options, progress).await?;
    // Its pods go by a controller; whoever writes to the host must be gone before what it wrote.
    until_stopped(cluster, plan, options.patience, progress).await?;
    Ok(last)
}

/// One step, unless there is nothing to do in it.
async fn perform(
    cluster: &Cluster,
    step: usize,
    victims: Vec<&Victim>,
    options: &DeleteOptions,
    progress: &Progress,
) -> Result<(), LifeError> {
    if victims.is_empty() {
        progress.skip(step, "there is none");
        return Ok(());
    }
    progress.step(step, stage(cluster, &victims, options, progress)).await
}

/// What there would be to do now. The host's garbage collector may be slow: what belongs to something that was deleted is no news.
async fn look_again(
    cluster: &Cluster,
    whose: &Whose<'_>,
    plan: &DeletePlan,
    options: &DeleteOptions,
) -> Result<DeletePlan, LifeError> {
    let deleted = plan.victims.iter().map(|victim| victim.uid.clone()).collect();
    let now = Survey { deleted, ..survey(cluster, &plan.namespace, &plan.name).await? };
    Ok(plan_of(whose, now, options.wish))
}

/// What came from inside and is not in the plan.
async fn came_from_inside(
    cluster: &Cluster,
    whose: &Whose<'_>,
    plan: &DeletePlan,
    options: &DeleteOptions,
) -> Result<Vec<Victim>, LifeError> {
    let now = look_again(cluster, whose, plan, options).await?;
    let known = uids(plan.victims.iter().map(|victim| &victim.uid));
    let came = now.victims.into_iter().filter(|it| it.role == Role::Synced && !known.contains(&it.uid));
    Ok(came.collect())
}

fn in_namespace<'a>(plan: &'a DeletePlan, roles: &[Role]) -> Vec<&'a Victim> {
    plan.of(roles).into_iter().filter(|victim| victim.object.namespace.is_some()).collect()
}

/// Deletes and waits until it is gone, kind by kind where one uses the other.
async fn stage(
    cluster: &Cluster,
    victims: &[&Victim],
    options: &DeleteOptions,
    progress: &Progress,
) -> Result<(), LifeError> {
    let (pods, rest): (Vec<&Victim>, Vec<&Victim>) =
        victims.iter().partition(|victim| victim.object.resource == Resource::PODS);
    for victims in [pods, rest] {
        let all = victims.iter().map(|victim| (victim.object.clone(), victim.uid.clone())).collect();
        delete_all(cluster, "delete", propagation(&victims), all, progress).await?;
        until_gone(cluster, &victims, options.patience, progress).await?;
    }
    progress.note(format_smolstr!("{} objects", victims.len()));
    Ok(())
}

/// A workload goes after what it owns: nothing of it is left when it is gone.
fn propagation(victims: &[&Victim]) -> Propagation {
    let workloads = victims.iter().any(|victim| victim.role == Role::Workload);
    if workloads { Propagation::Foreground } else { Propagation::Background }
}

#[derive(serde::Deserialize)]
struct Going {
    metadata: GoingMeta,
}

#[derive(serde::Deserialize)]
struct GoingMeta {
    uid: SmolStr,
    #[serde(default)]
    finalizers: Vec<SmolStr>,
}

async fn until_gone(
    cluster: &Cluster,
    victims: &[&Victim],
    patience: Duration,
    progress: &Progress,
) -> Result<(), LifeError> {
    let began = Instant::now();
    for victim in victims {
        let gone = || async { Ok(lingers(cluster, victim).await?.map_or(Ok(()), Err)) };
        let late = |why| too_long("what was deleted to go".to_owned(), patience, why);
        progress.until(LOOK, patience.saturating_sub(began.elapsed()), late, gone).await?;
    }
    Ok(())
}

/// Why it is still there; none when it is gone, or another has its name.
async fn lingers(cluster: &Cluster, victim: &Victim) -> Result<Option<SmolStr>, LifeError> {
    match cluster.get_metadata::<Going>(&victim.object).await {
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
        Err(failure) => Err(cluster.error(format!("look at {}", victim.object), failure).into()),
        Ok(now) if now.metadata.uid != victim.uid => Ok(None),
        Ok(now) if now.metadata.finalizers.is_empty() => {
            Ok(Some(format_smolstr!("{} is going", victim.object)))
        }
        Ok(now) => {
            Ok(Some(format_smolstr!("{} is held by {}", victim.object, now.metadata.finalizers.join(", "))))
        }
    }
}

/// Waits until no pod of the control plane is there.
async fn until_stopped(
    cluster: &Cluster,
    plan: &DeletePlan,
    patience: Duration,
    progress: &Progress,
) -> Result<(), LifeError> {
    use crate::lifecycle::pods;
    let look = || pods::of_control_plane(cluster, &plan.namespace, &plan.name);
    pods::until_gone(look, "the pods of the control plane to end", patience, progress).await
}

/// Deletes the namespace if the plan says so and nothing has come into it since.
async fn leave(
    cluster: &Cluster,
    whose: &Whose<'_>,
    plan: &DeletePlan,
    options: &DeleteOptions,
    progress: &Progress,
) -> Result<Home, LifeError> {
    let Home::Goes { uid } = &plan.home else {
        progress.note(match &plan.home {
            Home::Stays(why) => format_smolstr!("it stays: {why}"),
            _ => "it is gone".into(),
        });
        return Ok(plan.home.clone());
    };
    let now = look_again(cluster, whose, plan, options).await?;
    let known = uids(plan.victims.iter().map(|victim| &victim.uid));
    let came =
        now.victims.iter().find(|victim| !known.contains(&victim.uid) && victim.object.namespace.is_some());
    let stays = match (&now.home, came) {
        (Home::Stays(why), _) => Some(why.clone()),
        (_, Some(came)) => Some(format_smolstr!("{} has come into it meanwhile", came.object)),
        _ => None,
    };
    if let Some(why) = stays {
        progress.note(format_smolstr!("it stays: {why}"));
        return Ok(Home::Stays(why));
    }
    let object = ObjectRef { resource: Resource::NAMESPACES, namespace: None, name: plan.namespace.clone() };
    delete_exactly(cluster, "delete", &object, uid, Propagation::Background).await?;
    let victim = Victim { role: Role::Own, object, uid: uid.clone() };
    until_gone(cluster, &[&victim], options.patience, progress).await?;
    Ok(Home::Gone)
}
