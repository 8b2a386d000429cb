//! Jobs: pods that are run until enough of them have succeeded.
//!
//! Each pod carries a finalizer until it has been counted, so that none is forgotten however it goes.

mod indexes;
mod plan;
mod pods;
mod policy;
mod retries;
mod status;
mod tally;
#[cfg(test)]
mod tests;
mod verdict;

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
use plan::{FINALIZER, Member, Wish};
use pods::Slot;
use retries::{Failures, due, failures_after, held};
use tally::{Rest, Tally};
use verdict::Verdict;

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

impl Sync<'_> {
    /// Notes that so many active pods were sent away.
    fn removed(&mut self, count: i64) {
        self.active -= count;
        self.terminating += count;
    }
}

fn names<'m>(members: impl Iterator<Item = &'m Member>) -> Vec<String> {
    members.map(|member| member.name.clone()).collect()
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
        tally.count(&sync.wish, &sync.members, Rest::GoesOn, |_| false);
        tally.lose(&sync.wish, &sync.members);
        sync.verdict = verdict::verdict(sync.job, &sync.wish, &tally, &sync.members, world.now());
        let mut refusal = None;
        if sync.verdict.is_some() {
            let all: Vec<String> = names(sync.members.iter().filter(|member| member.active()));
            sync.removed(pods::remove(world, sync, &all));
        } else {
            if !sync.object.deleting() {
                refusal = self.manage(world, sync, &tally, failures).err();
            }
            sync.verdict = verdict::complete(&sync.wish, &tally, sync.active);
        }
        let rest = match &sync.verdict {
            Some(Verdict::Fails { .. }) => Rest::HasFailed,
            Some(Verdict::Succeeds { .. }) => Rest::IsLetGo,
            None if sync.object.deleting() => Rest::IsLetGo,
            None => Rest::GoesOn,
        };
        let waiting = match rest {
            Rest::GoesOn => names(held(&sync.wish, &tally, &sync.members).into_values()),
            _ => Vec::new(),
        };
        let counted =
            sync.tally.count(&sync.wish, &sync.members, rest, |member| waiting.contains(&member.name));
        sync.tally.lose(&sync.wish, &sync.members);
        let written = status::write(world, sync, !counted.is_empty());
        if written {
            pods::let_go(world, sync.key, &counted);
        }
        // The end is told once none is held any more.
        if !written || sync.verdict.is_some() && !counted.is_empty() {
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
        let surplus = names(plan::surplus(&sync.wish, &sync.members, sync.active - wanted).into_iter());
        if sync.wish.suspended || !surplus.is_empty() {
            // Nobody counts a pod that was sent away.
            pods::let_go(world, sync.key, &surplus);
            let removed = pods::remove(world, sync, &surplus);
            sync.members.iter_mut().filter(|m| surplus.contains(&m.name)).for_each(|m| m.tracked = false);
            sync.removed(removed);
            return Ok(());
        }
        let waits_for = if sync.wish.patient { sync.terminating } else { 0 };
        let missing = wanted - waits_for - sync.active;
        if missing <= 0 {
            return Ok(());
        }
        let slots = match self.slots(world, sync, tally, missing, failures) {
            Ok(slots) => slots,
            Err(later) => {
                self.queue.add_at(sync.key.clone(), later);
                return Ok(());
            }
        };
        let (made, refusal) = pods::create(world, sync, &slots);
        sync.active += made;
        refusal.map_or(Ok(()), Err)
    }

    /// The pods that may be made now; when some may be made first, where none may.
    fn slots(
        &self,
        world: &World,
        sync: &Sync<'_>,
        tally: &Tally,
        missing: i64,
        failures: Failures,
    ) -> Result<Vec<Slot>, DateTime<Utc>> {
        let now = world.now();
        if sync.wish.per_index.is_none()
            && let Some(later) = failures.until().filter(|until| *until > now)
        {
            return Err(later);
        }
        if !sync.wish.indexed {
            return Ok(vec![Slot::default(); usize::try_from(missing.min(pods::BURST)).unwrap_or(0)]);
        }
        let held = held(&sync.wish, tally, &sync.members);
        let free = plan::free_indexes(&sync.wish, tally, &sync.members, missing);
        let may_start = |index: &i64| due(held.get(index)).is_none_or(|time| time <= now);
        let (ready, waiting): (Vec<i64>, Vec<i64>) = free.into_iter().partition(may_start);
        if ready.is_empty()
            && let Some(later) = waiting.iter().filter_map(|index| due(held.get(index))).min()
        {
            return Err(later);
        }
        let counts = |index: &i64| sync.wish.per_index.map(|_| failures_after(held.get(index)));
        Ok(ready.iter().map(|index| Slot { index: Some(*index), failures: counts(index) }).collect())
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
        pods::let_go(world, key, &names(left.iter().filter(|member| member.tracked)));
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
