//! Jobs: pods that are run until enough of them have succeeded.
//!
//! Each pod carries a finalizer until it has been counted, so that none is forgotten however it goes.

mod indexes;
mod plan;
mod pods;
mod policy;
mod status;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use smol_str::SmolStr;

use super::queue::Queue;
use super::workload::{self, condition, controller_of};
use super::{Controller, JOBS, Key, PODS, Seen, Source, World};
use crate::status::Status;
use crate::store::{Change, DeleteOptions, Object, Propagation};
use plan::{FINALIZER, Failures, Member, Tally, Verdict, Wish};

const SOURCE: Source = Source::controller("job-controller");

/// The controller.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    queue: Queue<Key>,
    /// Pods that carry the finalizer of a Job that is gone.
    orphans: Queue<Key>,
    failures: BTreeMap<Key, (SmolStr, Failures)>,
}

/// A Job as it is being worked on.
struct Sync<'a> {
    key: &'a Key,
    object: &'a Arc<Object>,
    job: &'a Value,
    wish: Wish,
    tally: Tally,
    members: Vec<Member>,
    verdict: Option<Verdict>,
    active: i64,
    terminating: i64,
}

impl Jobs {
    fn reconcile(&mut self, world: &mut World, key: &Key) {
        let Some(object) = world.find(&JOBS, key) else { return };
        let job = object.value();
        if job["spec"]["managedBy"].as_str().is_some_and(|by| by != "kubernetes.io/job-controller") {
            return;
        }
        if let Some(since) = finished(&job) {
            return self.conclude(world, key, &object, &job, since);
        }
        let wish = Wish::read(&job);
        let members = pods::members(world, &object, &job, &wish);
        let mut sync = Sync {
            key,
            object: &object,
            job: &job,
            tally: Tally::read(&job),
            active: count(&members, Member::active),
            terminating: count(&members, Member::terminating),
            verdict: None,
            members,
            wish,
        };
        let failures = self.failures_of(&sync);
        let refusal = self.act(world, &mut sync, failures);
        match refusal {
            Some(_) => self.queue.retry(key.clone(), world.now()),
            None => self.queue.succeeded(key),
        }
        self.wake_for_deadline(&sync);
    }

    fn failures_of(&mut self, sync: &Sync<'_>) -> Failures {
        let uid = SmolStr::new(sync.object.uid());
        let entry =
            self.failures.entry(sync.key.clone()).or_insert_with(|| (uid.clone(), Failures::default()));
        if entry.0 != uid {
            *entry = (uid, Failures::default());
        }
        entry.1.note(&sync.wish, &sync.members);
        entry.1
    }

    /// Counts, makes or deletes pods, and writes it all down; answers the first refusal.
    fn act(&mut self, world: &mut World, sync: &mut Sync<'_>, failures: Failures) -> Option<Status> {
        let mut tally = sync.tally.clone();
        tally.count(&sync.wish, &sync.members, false);
        sync.verdict = plan::verdict(sync.job, &sync.wish, &tally, &sync.members, world.now());
        let mut refusal = None;
        if sync.verdict.is_some() {
            let removed = pods::remove(world, sync, sync.active);
            sync.active -= removed;
            sync.terminating += removed;
        } else {
            if !sync.object.deleting() {
                refusal = self.manage(world, sync, &tally, failures).err();
            }
            sync.verdict = plan::complete(&sync.wish, &tally, sync.active);
        }
        // Who is not over when the Job fails has failed with it.
        let everything = sync.verdict.is_some() || sync.object.deleting();
        let counted = sync.tally.count(&sync.wish, &sync.members, everything);
        if status::write(world, sync) {
            pods::let_go(world, sync.key, &counted);
        } else {
            self.queue.add(sync.key.clone());
        }
        refusal
    }

    fn manage(
        &mut self,
        world: &mut World,
        sync: &mut Sync<'_>,
        tally: &Tally,
        failures: Failures,
    ) -> Result<(), Status> {
        let wanted = plan::wanted(&sync.wish, tally, sync.active);
        if sync.active > wanted {
            let removed = pods::remove(world, sync, sync.active - wanted);
            sync.active -= removed;
            sync.terminating += removed;
            return Ok(());
        }
        let waits_for = if sync.wish.patient { sync.terminating } else { 0 };
        let missing = wanted - waits_for - sync.active;
        if missing <= 0 {
            return Ok(());
        }
        if let Some(later) = failures.until().filter(|until| *until > world.now()) {
            self.queue.add_at(sync.key.clone(), later);
            return Ok(());
        }
        let (made, refusal) = pods::create(world, sync, tally, missing);
        sync.active += made;
        refusal.map_or(Ok(()), Err)
    }

    fn wake_for_deadline(&mut self, sync: &Sync<'_>) {
        let Some(deadline) = sync.wish.deadline.filter(|_| !sync.wish.suspended) else { return };
        let started =
            sync.job["status"]["startTime"].as_str().and_then(|time| time.parse::<DateTime<Utc>>().ok());
        if let Some(started) = started {
            self.queue.add_at(sync.key.clone(), started + deadline);
        }
    }

    /// A Job that is over: its last pods are let go of, and it is cleaned away in time.
    fn conclude(&mut self, world: &World, key: &Key, object: &Object, job: &Value, since: DateTime<Utc>) {
        self.failures.remove(key);
        let wish = Wish::read(job);
        let left = pods::members(world, object, job, &wish);
        let names: Vec<String> =
            left.iter().filter(|m| m.tracked).map(|member| member.name.clone()).collect();
        pods::let_go(world, key, &names);
        let ttl = job["spec"]["ttlSecondsAfterFinished"].as_i64().and_then(TimeDelta::try_seconds);
        let Some(end) = ttl.map(|ttl| since + ttl).filter(|_| !object.deleting()) else { return };
        if end > world.now() {
            return self.queue.add_at(key.clone(), end);
        }
        let options = DeleteOptions {
            propagation: Some(Propagation::Foreground),
            ..DeleteOptions::default().uid(object.uid())
        };
        // Gone already is as good.
        let _ = world.store.delete(&JOBS, key.namespace(), &key.name, &options);
    }

    /// Takes the finalizer off a pod whose Job is gone.
    fn let_orphan_go(world: &World, key: &Key) {
        let Some(pod) = world.find(&PODS, key) else { return };
        let owner = controller_of(&pod).filter(|owner| owner.kind == "Job");
        let job = owner
            .as_ref()
            .and_then(|owner| world.find(&JOBS, &Key::new(key.namespace.clone(), owner.name.clone())));
        let owned = job.zip(owner).is_some_and(|(job, owner)| job.uid() == owner.uid);
        if !owned {
            pods::let_go(world, key, &[key.name.to_string()]);
        }
    }
}

fn count(members: &[Member], like: impl Fn(&Member) -> bool) -> i64 {
    i64::try_from(members.iter().filter(|member| like(member)).count()).unwrap_or(i64::MAX)
}

/// Since when a Job is over; None while it is not.
pub(super) fn finished(job: &Value) -> Option<DateTime<Utc>> {
    let over = |kind: &str| condition(&job["status"], kind).filter(|condition| condition["status"] == "True");
    let condition = over("Complete").or_else(|| over("Failed"))?;
    Some(condition["lastTransitionTime"].as_str().and_then(|time| time.parse().ok()).unwrap_or_default())
}

impl Controller for Jobs {
    fn name(&self) -> &'static str {
        "jobs"
    }

    fn observe(&mut self, world: &World, seen: &Seen<'_>) {
        workload::observe(&mut self.queue, seen, &JOBS, "Job", &[&PODS]);
        if *seen.gr == JOBS && seen.change == Change::Deleted {
            self.failures.remove(&Key::of(seen.object));
            for pod in world.owners.of_kind(seen.object.uid(), &PODS) {
                self.orphans.add(pod);
            }
        }
        if *seen.gr == PODS && seen.change != Change::Deleted && seen.object.deleting() {
            let held = seen.object.meta().finalizers.iter().any(|finalizer| finalizer == FINALIZER);
            if held {
                self.orphans.add(Key::of(seen.object));
            }
        }
    }

    fn work(&mut self, world: &mut World) {
        while let Some(key) = self.queue.pop(world.now()) {
            self.reconcile(world, &key);
        }
        while let Some(key) = self.orphans.pop(world.now()) {
            Self::let_orphan_go(world, &key);
        }
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        [self.queue.next(), self.orphans.next()].into_iter().flatten().min()
    }
}
