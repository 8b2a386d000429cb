//! Carries a probe out, and takes everything of it away whatever happens.

use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};

use super::jobs::{Role, Run};
use super::pods::Pod;
use super::verdict::{Call, Verdict, verdict};
use super::{ACTION, Plan, ProbeError, Side};
use crate::cluster::{Cluster, EventKind, Guard, ObjectRef, Propagation, Resource};
use crate::operation::Progress;

/// The steps, in order.
pub const STEPS: [&str; 3] = ["start a listener", "call it", "take all of it away"];
/// Where in [`STEPS`] each of them is.
mod step {
    pub(super) const LISTEN: usize = 0;
    pub(super) const CALL: usize = 1;
    pub(super) const AWAY: usize = 2;
}
/// How often it is looked again at what is waited for.
const LOOK: Duration = Duration::from_millis(500);
/// How long its pods may take to go, once they are told to.
const GOING: Duration = Duration::from_secs(30);

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// Whether one tenant's pods reach the other's.
    pub verdict: Verdict,
    /// The call from the other tenant; none where there was no listener.
    pub call: Option<Call>,
    /// The call from beside the listener.
    pub control: Option<Call>,
    /// What policies say to that.
    pub beside: Option<&'static str>,
    /// What could not be taken away, and goes by itself.
    pub left: Option<SmolStr>,
}

#[derive(Deserialize)]
struct Written {
    metadata: Meta,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    uid: SmolStr,
}

/// A Job that was made.
struct Job {
    object: ObjectRef,
    uid: SmolStr,
}

/// A probe that is under way.
struct Under<'a> {
    cluster: &'a Cluster,
    plan: &'a Plan,
    run: Run,
    made: Vec<Job>,
}

/// Makes the pods, waits for what they have to say, and takes them away, also after a failure and when it is cancelled.
///
/// # Errors
/// When something cannot be made or looked at, or somebody gave it up. That pods do not run is an answer, and none that tells anything.
pub async fn carry_out(cluster: &Cluster, plan: &Plan, progress: &Progress) -> Result<Probed, ProbeError> {
    let mut under = Under { cluster, plan, run: Run::new(), made: Vec::new() };
    let tried = under.tried(progress).await;
    // Also what may have been made by a request whose answer was lost.
    let left = under.taken_away(&progress.to_the_end()).await;
    let (verdict, call, control) = match tried? {
        Ok((call, control)) => (verdict(&call, &control), Some(call), Some(control)),
        Err(why) => (Verdict::Unknown { why }, None, None),
    };
    let beside = verdict.beside(plan.to.ingress.get().copied());
    Ok(Probed { verdict, call, control, beside, left })
}

/// Both calls, or why there was nobody to call.
type Tried = Result<(Call, Call), SmolStr>;

impl Under<'_> {
    async fn tried(&mut self, progress: &Progress) -> Result<Tried, ProbeError> {
        let plan = self.plan;
        let listener = progress.step(step::LISTEN, async {
            let job = self.make(&plan.to, Role::Listener, None, &[]).await?;
            let address = self.listens(&job, progress).await?;
            if let Ok(address) = &address {
                progress.note(format_smolstr!("{address}, port {}", plan.wanted.port));
            }
            Ok::<_, ProbeError>(address)
        });
        let address = match listener.await? {
            Ok(address) => address,
            Err(why) => {
                progress.skip(step::CALL, "there is nobody to call");
                return Ok(Err(format_smolstr!("no listener runs: {why}")));
            }
        };
        let calls = progress.step(step::CALL, async {
            let near = [&plan.from.target.namespace];
            let caller = self.make(&plan.from, Role::Caller, Some(address), &[]).await?;
            // From the same node, where it can be: the way between nodes is then no difference between the two.
            let control = self.make(&plan.to, Role::Control, Some(address), &near).await?;
            let call = self.called(&plan.from, Role::Caller, &caller, progress).await?;
            let control = self.called(&plan.to, Role::Control, &control, progress).await?;
            Ok::<_, ProbeError>((call, control))
        });
        Ok(Ok(calls.await?))
    }

    async fn make(
        &mut self,
        side: &Side,
        role: Role,
        to: Option<IpAddr>,
        near: &[&SmolStr],
    ) -> Result<SmolStr, ProbeError> {
        let object = self.run.job(side, role);
        let body = self.run.body(side, role, &self.plan.wanted, to, near);
        // It counts as made before it is known to be: an answer may be lost.
        self.made.push(Job { object: object.clone(), uid: SmolStr::default() });
        let written: Written = self.cluster.apply(ACTION, &object, &body).await?;
        let uid = written.metadata.uid;
        if let Some(job) = self.made.last_mut() {
            job.uid = uid.clone();
        }
        Ok(uid)
    }

    async fn pods(&self, namespace: &SmolStr) -> Result<Vec<Pod>, ProbeError> {
        let listed = self.cluster.list(&Resource::PODS, Some(namespace), Some(&self.run.selector())).await;
        let what = || format!("list the pods of a probe in {namespace}");
        Ok(listed.map_err(|failure| self.cluster.error(what(), failure))?)
    }

    /// Looks again and again at the pod of a role until it has what is waited for; why not, when its time is over.
    async fn until<T>(
        &self,
        side: &Side,
        role: Role,
        job: &SmolStr,
        progress: &Progress,
        patience: Duration,
        has: impl Fn(&Pod) -> Option<T>,
    ) -> Result<Result<T, SmolStr>, ProbeError> {
        let namespace = &side.target.namespace;
        let began = tokio::time::Instant::now();
        loop {
            let pods = self.pods(namespace).await?;
            let pod = pods.iter().find(|pod| pod.is(role));
            if let Some(found) = pod.and_then(&has) {
                return Ok(Ok(found));
            }
            let late = began.elapsed() >= patience;
            let why = match pod {
                Some(pod) => pod.waits(),
                None => self.why_no_pod(namespace, job, role).await,
            };
            if late {
                return Ok(Err(why));
            }
            progress.waiting(why);
            progress.pause(LOOK).await?;
        }
    }

    /// What the host says of a Job that has no pod, such as that a quota is full.
    async fn why_no_pod(&self, namespace: &SmolStr, job: &SmolStr, role: Role) -> SmolStr {
        let events = self.cluster.events_of(namespace, job).await.unwrap_or_default();
        let warning = events.into_iter().find(|event| event.kind == EventKind::Warning);
        warning.map_or_else(
            || format_smolstr!("the {role} has no pod yet"),
            |event| format_smolstr!("the {role} gets no pod: {}", event.message),
        )
    }

    async fn listens(
        &self,
        job: &SmolStr,
        progress: &Progress,
    ) -> Result<Result<IpAddr, SmolStr>, ProbeError> {
        let patience = self.plan.wanted.start;
        self.until(&self.plan.to, Role::Listener, job, progress, patience, Pod::listens).await
    }

    async fn called(
        &self,
        side: &Side,
        role: Role,
        job: &SmolStr,
        progress: &Progress,
    ) -> Result<Call, ProbeError> {
        let patience = self.plan.wanted.start + self.plan.wanted.timeout;
        let called = self.until(side, role, job, progress, patience, Pod::called).await?;
        Ok(called.unwrap_or_else(|why| Call { heard: Err(why), node: None }))
    }

    /// Deletes its Jobs, and waits until their pods are gone. What remains, if anything does.
    async fn taken_away(&mut self, progress: &Progress) -> Option<SmolStr> {
        let away = progress.step(step::AWAY, async {
            let mut failed = None;
            for job in &self.made {
                failed = failed.or(self.delete(job).await.err());
            }
            match failed {
                Some(error) => Err(error),
                None => self.gone(progress).await,
            }
        });
        let away: Result<(), ProbeError> = away.await;
        away.err()
            .map(|error| format_smolstr!("{error}; the host takes what is left away after its deadline"))
    }

    async fn delete(&self, job: &Job) -> Result<(), ProbeError> {
        let Job { object, uid } = job;
        let uid = match uid.as_str() {
            // Whether it was made is not known. Nobody else has this name.
            "" => match self.cluster.get_metadata::<Written>(object).await {
                Ok(there) => there.metadata.uid,
                Err(failure) if failure.kind == crate::cluster::FailureKind::NotFound => return Ok(()),
                Err(failure) => return Err(self.cluster.error(format!("look for {object}"), failure).into()),
            },
            _ => uid.clone(),
        };
        let guard = Guard { uid, resource_version: None };
        Ok(self.cluster.delete(ACTION, object, &guard, Propagation::Background, None).await?)
    }

    async fn gone(&self, progress: &Progress) -> Result<(), ProbeError> {
        let began = tokio::time::Instant::now();
        for side in [&self.plan.from, &self.plan.to] {
            let namespace = &side.target.namespace;
            loop {
                let left = self.pods(namespace).await?.len();
                if left == 0 {
                    break;
                }
                if began.elapsed() >= GOING {
                    return Err(ProbeError::Lingers(format!(
                        "{left} of its pods are still ending in {namespace}"
                    )));
                }
                progress.waiting(format_smolstr!("{left} pods are ending in {namespace}"));
                progress.pause(LOOK).await?;
            }
        }
        Ok(())
    }
}
