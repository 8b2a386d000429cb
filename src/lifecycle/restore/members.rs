//! The volumes of a store while nobody runs on it: a pod for each, what it is told, and its end.

use std::time::Duration;

use serde_json::{Value, json};
use smol_str::{SmolStr, format_smolstr};

use super::adopting::FROM;
use super::helper::{self, LABEL, Task};
use super::keeper::Keeper;
use super::place::{Member, Place};
use super::room::{Needed, Room};
use super::run::Run;
use super::{ACTION, RestoreError};
use crate::backup::rebuild::Rebuilt;
use crate::cluster::{FailureKind, ObjectRef, Propagation, Resource};
use crate::lifecycle::exact::delete_exactly;
use crate::lifecycle::{LOOK, LifeError, pods, too_long};
use crate::operation::Progress;
use crate::store::keeper::{Ask, Kept, RestoreId};

/// How long a pod may take to hold its volume: it may have to be attached to another node, and an image to be pulled.
const PATIENCE: Duration = Duration::from_secs(300);

/// All that it takes to do something with the volumes.
#[derive(Clone, Copy)]
pub(super) struct Members<'a> {
    pub(super) run: Run<'a>,
    pub(super) progress: &'a Progress,
}

impl<'a> Members<'a> {
    fn place(&self) -> &'a Place {
        &self.run.plan.place
    }

    fn id(&self) -> &'a RestoreId {
        &self.run.mark.id
    }

    /// Sends the new store to every member, and when all have it, puts it in place.
    pub(super) async fn put(&self, new: &Rebuilt) -> Result<(), RestoreError> {
        let task = Task::Put { raise: new.way.bump() };
        for member in &self.place().members {
            self.claim(member).await?;
            self.begin(member, task).await?;
        }
        // Of a store that did not run nothing was known of its volumes before: nothing is sent where it does not fit.
        for member in &self.place().members {
            self.has_room(member, task, new).await?;
        }
        for member in &self.place().members {
            self.send(member, task, new).await?;
        }
        for member in &self.place().members {
            let swap = Ask::Swap { restore: self.id().clone() };
            self.open(member, task).await?.order(&swap).await?;
        }
        self.end(task).await
    }

    /// Whether the new store fits on the volume of a member, as its keeper sees it.
    async fn has_room(&self, member: &Member, task: Task, new: &Rebuilt) -> Result<(), RestoreError> {
        let seen = self.open(member, task).await?.look().await?;
        let Run { cluster, target, plan, mark } = self.run;
        let from = (mark.from != FROM).then_some(mark.from.as_str());
        let needed = Needed { cluster, target, place: &plan.place, from, length: new.bytes };
        let room = Room { free: seen.free, old: seen.store.unwrap_or_default() };
        needed.on(&member.claim, room).await.map_err(RestoreError::NoRoom)
    }

    /// Puts the old store back everywhere, and lets go of the new one.
    pub(super) async fn put_back(&self) -> Result<(), RestoreError> {
        // Two pods on one volume would get in each other's way.
        self.end(Task::Put { raise: 0 }).await?;
        let held: Vec<&Member> = self.existing().await?;
        for member in &held {
            self.begin(member, Task::Back).await?;
        }
        for member in held {
            let mut keeper = self.open(member, Task::Back).await?;
            keeper.order(&Ask::Undo { restore: self.id().clone() }).await?;
            keeper.order(&Ask::Forget { restore: self.id().clone() }).await?;
        }
        self.end(Task::Back).await
    }

    /// Removes what is kept of the old store, and of restores before; beside the pods that run by now, on their nodes.
    pub(super) async fn forget(&self) -> Result<(), RestoreError> {
        for member in &self.place().members {
            self.begin(member, Task::Back).await?;
        }
        for member in &self.place().members {
            let mut keeper = self.open(member, Task::Back).await?;
            for restore in keeper.look().await?.restores {
                keeper.order(&Ask::Forget { restore }).await?;
            }
        }
        self.end(Task::Back).await
    }

    /// Members whose claim is there: without it, nothing was put on it.
    async fn existing(&self) -> Result<Vec<&Member>, RestoreError> {
        let mut held = Vec::new();
        for member in &self.place().members {
            if self.find(&self.claim_of(member)).await?.is_some() {
                held.push(member);
            }
        }
        Ok(held)
    }

    fn claim_of(&self, member: &Member) -> ObjectRef {
        let namespace = self.place().part.namespace.clone();
        ObjectRef::namespaced(Resource::PERSISTENT_VOLUME_CLAIMS, namespace, member.claim.clone())
    }

    /// Makes a claim that is gone, as its workload would.
    async fn claim(&self, member: &Member) -> Result<(), RestoreError> {
        let object = self.claim_of(member);
        if self.find(&object).await?.is_some() {
            return Ok(());
        }
        let template = &self.place().claim_template;
        let body = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": object.name, "namespace": object.namespace,
                "labels": self.place().workload["spec"]["selector"]["matchLabels"],
                "annotations": template["metadata"]["annotations"],
            },
            "spec": template["spec"],
        });
        self.run.cluster.apply::<Value>(ACTION, &object, &body).await?;
        Ok(())
    }

    async fn find(&self, object: &ObjectRef) -> Result<Option<Value>, RestoreError> {
        match self.run.cluster.get::<Value>(object).await {
            Ok(found) => Ok(Some(found)),
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
            Err(failure) => Err(self.run.cluster.error(format!("look at {object}"), failure).into()),
        }
    }

    /// Makes the pod of a member. One of an earlier restore gives way.
    async fn begin(&self, member: &Member, task: Task) -> Result<(), RestoreError> {
        let object = helper::object(self.place(), member, task);
        let id = self.id();
        if let Some(found) = self.find(&object).await? {
            let of = found["metadata"]["labels"][LABEL].as_str();
            if of == Some(id.to_string().as_str()) && found["metadata"]["deletionTimestamp"].is_null() {
                return Ok(());
            }
            self.delete(&object, &found).await?;
            self.gone(&object).await?;
        }
        let body = helper::pod(self.place(), member, id, &self.run.plan.image, task);
        self.run.cluster.apply::<Value>(ACTION, &object, &body).await?;
        Ok(())
    }

    /// Waits until the keeper of a member answers.
    async fn open(&self, member: &Member, task: Task) -> Result<Keeper, RestoreError> {
        let object = helper::object(self.place(), member, task);
        let namespace = &self.place().part.namespace;
        let answers = || async {
            let why = match Keeper::open(self.run.cluster, namespace, &object.name).await {
                Ok(keeper) => return Ok::<_, RestoreError>(Ok(keeper)),
                Err(why) => why,
            };
            // What its pod waits for says more than a port that does not answer.
            let selector = format!("{LABEL}={}", self.id());
            let what = || format!("list the pods of the restore in {namespace}");
            let pods = pods::list(self.run.cluster, namespace, &selector, what).await?;
            let unready = pods.into_iter().find(|pod| pod.name == object.name).and_then(|pod| pod.unready);
            Ok(Err(unready.map_or(why, |unready| format_smolstr!("{}: {unready}", object.name))))
        };
        let late = |why| RestoreError::from(too_long(format!("{object} to hold its volume"), PATIENCE, why));
        self.progress.until(LOOK, PATIENCE, late, answers).await
    }

    /// Sends the store to one member. A conversation that is lost is begun anew, as what it is about is announced each time.
    async fn send(&self, member: &Member, task: Task, new: &Rebuilt) -> Result<(), RestoreError> {
        const TRIES: u32 = 3;
        let receive =
            Ask::Receive { restore: self.id().clone(), length: new.bytes, sha256: new.sha256.clone() };
        let mut tries = 0;
        loop {
            tries += 1;
            let mut keeper = self.open(member, task).await?;
            match keeper.send(&receive, &new.file, self.progress).await {
                Ok(()) if self.place().kept == Kept::Sqlite => return Ok(()),
                Ok(()) => {
                    keeper.order(&Ask::End).await?;
                    // The container that follows makes a member of it, and the one after that answers again.
                    return self.open(member, task).await.map(drop);
                }
                Err(RestoreError::Keeper { why, .. }) if tries < TRIES => {
                    self.progress.waiting(format_smolstr!("sending it again to {}: {why}", member.pod));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Ends the pods.
    pub(super) async fn end(&self, task: Task) -> Result<(), RestoreError> {
        let objects = self.place().members.iter().map(|member| helper::object(self.place(), member, task));
        let objects: Vec<ObjectRef> = objects.collect();
        for object in &objects {
            if let Some(found) = self.find(object).await? {
                self.delete(object, &found).await?;
            }
        }
        for object in &objects {
            self.gone(object).await?;
        }
        Ok(())
    }

    async fn delete(&self, object: &ObjectRef, found: &Value) -> Result<(), LifeError> {
        let uid = SmolStr::new(found["metadata"]["uid"].as_str().unwrap_or_default());
        delete_exactly(self.run.cluster, ACTION, object, &uid, Propagation::Background).await.map(drop)
    }

    async fn gone(&self, object: &ObjectRef) -> Result<(), RestoreError> {
        let gone = || async {
            let there = self.find(object).await?;
            Ok::<_, RestoreError>(there.map_or(Ok(()), |_| Err(format_smolstr!("{object} is ending"))))
        };
        let late = |why| RestoreError::from(too_long(format!("{object} to end"), PATIENCE, why));
        self.progress.until(LOOK, PATIENCE, late, gone).await
    }
}
