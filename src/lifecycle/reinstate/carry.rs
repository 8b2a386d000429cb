//! Puts objects back, one after the other. One that does not come back keeps no other from it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use smol_str::{SmolStr, format_smolstr};

use super::compare::Difference;
use super::look::versions;
use super::plan::{Item, Plan, Step};
use super::served::{Found, Served};
use super::trial::{Composed, compared, composed};
use super::{ACTION, ReinstateError};
use crate::cluster::whole::Put;
use crate::cluster::{Cluster, Failure, FailureKind, ObjectRef, Resource, WriteError};
use crate::lifecycle::LOOK;
use crate::operation::{Cancelled, Operation, Progress};

/// The steps, in order.
pub const STEPS: [&str; 1] = ["put back what is missing or was changed"];

/// How long an API server may take to serve what was defined.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Which.
    pub object: ObjectRef,
    /// What.
    pub done: Done,
    /// What else is to be known of it.
    pub notes: Vec<SmolStr>,
}

/// What came of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// It is there again.
    Created,
    /// It is as it was.
    Changed,
    /// It was so already.
    Same,
    /// Somebody changed it after it was compared; it was left alone.
    Meanwhile {
        /// Where it differs from the backup now.
        differences: Vec<Difference>,
    },
    /// It is not as it was.
    Failed {
        /// Why.
        why: SmolStr,
    },
}

/// Does what is planned. What was given up is told of each object that was not reached.
pub fn start(plan: Plan) -> Operation<Vec<Told>, ReinstateError> {
    let title = format_smolstr!("put {} objects back", plan.writes());
    Operation::start(title, STEPS, move |progress| async move {
        let work = async { Ok(carry_out(plan, &progress).await) };
        progress.step(0, work).await
    })
}

async fn carry_out(plan: Plan, progress: &Progress) -> Vec<Told> {
    let Plan { items, inside, served, .. } = plan;
    let (cluster, count) = (&inside.cluster, items.len());
    let all = versions(items.iter().map(|item| &item.stored));
    let mut defining = Defining { served, all, awaited: BTreeSet::new() };
    let mut told = Vec::with_capacity(count);
    for (at, item) in items.into_iter().enumerate() {
        progress.waiting(format_smolstr!("{} ({} of {count})", item.object, at + 1));
        let done = match progress.check() {
            Err(Cancelled) => Done::Failed { why: "it was given up before its turn".into() },
            Ok(()) => {
                defining.wait_for(cluster, &item, progress).await;
                let done = one(cluster, &defining.served, &item).await;
                if let (Done::Created, Some(group)) = (&done, defined_group(&item)) {
                    defining.served.forget(group);
                }
                done
            }
        };
        told.push(Told { object: item.object, done, notes: item.notes });
    }
    told
}

/// The group of the kind that a definition defines.
fn defined_group(item: &Item) -> Option<&str> {
    let is_definition = item.object.resource == Resource::CUSTOM_RESOURCE_DEFINITIONS;
    item.stored.spec().filter(|_| is_definition)?.get("group")?.as_str()
}

/// What is served, while definitions come back.
struct Defining {
    served: Served,
    all: BTreeSet<SmolStr>,
    /// Nobody waits twice for a definition that did not come.
    awaited: BTreeSet<(SmolStr, SmolStr)>,
}

impl Defining {
    async fn wait_for(&mut self, cluster: &Cluster, item: &Item, progress: &Progress) {
        let kind = (item.stored.api_version.clone(), item.stored.kind.clone());
        let is_served = |served: &Served| !matches!(served.of(&kind.0, &kind.1), Found::Not);
        if !item.step.writes() || is_served(&self.served) || !self.awaited.insert(kind.clone()) {
            return;
        }
        let began = Instant::now();
        loop {
            self.served = Served::ask(cluster, &self.all).await;
            let late = began.elapsed() >= PATIENCE;
            if is_served(&self.served) || late || progress.pause(LOOK).await.is_err() {
                return;
            }
        }
    }
}

async fn one(cluster: &Cluster, served: &Served, item: &Item) -> Done {
    match &item.step {
        Step::Same => return Done::Same,
        Step::Cannot { why } => return Done::Failed { why: why.clone() },
        Step::Create { .. } | Step::Change { .. } => {}
    }
    let Item { object, stored, live, .. } = item;
    // Owners may have come back just now, with UIDs that nobody knew before.
    let Composed { body, put, .. } = match composed(cluster, served, object, stored, live.as_ref()).await {
        Ok(composed) => composed,
        Err(failure) => return Done::Failed { why: format_smolstr!("{failure}") },
    };
    match cluster.write_whole(ACTION, object, &body, put).await {
        Ok(_) if put == Put::New => Done::Created,
        Ok(_) => Done::Changed,
        Err(WriteError::Failed { failure, .. }) if is_another(&failure, put) => {
            match compared(cluster, served, object, stored).await {
                Ok(tried) if tried.live.is_some() && tried.differences.is_empty() => Done::Same,
                Ok(tried) => Done::Meanwhile { differences: tried.differences },
                Err(again) => Done::Failed { why: format_smolstr!("{failure}; and then: {again}") },
            }
        }
        Err(error) => Done::Failed { why: format_smolstr!("{error}") },
    }
}

/// Whether it is no more what was compared: there by now, changed, or gone.
fn is_another(failure: &Failure, put: Put) -> bool {
    failure.kind == FailureKind::Conflict || (put == Put::InPlace && failure.kind == FailureKind::NotFound)
}
