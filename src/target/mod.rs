//! One virtual cluster as its host has it right now: what a verb looks at before it does anything.
//!
//! The fleet is a picture for people and may be a moment old. A verb acts on what it has read itself.

mod find;
mod manager;
mod noted;
mod part;
mod placement;
mod term;

use smol_str::SmolStr;

pub use find::{FindError, control_planes, find, refresh};
pub use manager::{Claims, Manager};
pub use noted::{GoodBackup, Missed, MissedBackup, Noted, NotedText, Objective};
#[cfg(test)]
pub(crate) use part::tests::part as part_of;
pub use part::{Kind, Part};
pub use placement::Placement;
pub use term::Term;
pub(crate) use term::written;

#[cfg(feature = "backup")]
use crate::cluster::{Cluster, Failure, FailureKind};
use crate::known::Known;
use crate::wire::App;

/// One virtual cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Context of its host.
    pub host: SmolStr,
    /// Host namespace.
    pub namespace: SmolStr,
    /// Its name.
    pub name: SmolStr,
    /// What runs it: the control plane first.
    pub parts: Vec<Part>,
    /// Who deploys it.
    pub manager: Known<Manager>,
    /// The kind of sleep that its configuration says, if it sleeps.
    pub sleep_type: Known<Option<SmolStr>>,
}

/// What keeps a virtual cluster from running on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rest {
    /// It was paused; with the moment that was written down.
    Paused(Option<SmolStr>),
    /// The platform put it to sleep, and wakes it.
    Asleep,
    /// It is stopped while it is restored or its certificates are rotated.
    Restoring,
    /// Somebody scaled it to nothing without a word.
    ScaledDown,
}

impl Rest {
    /// What a control plane's marks come to, in the order of docs/vclusters.md, State. `paused` is there with its mark, and holds the
    /// moment that was written down.
    pub(crate) fn of(
        paused: Option<Option<SmolStr>>,
        asleep: bool,
        restoring: bool,
        replicas: u32,
    ) -> Option<Rest> {
        match paused {
            Some(date) => Some(Rest::Paused(date)),
            None if asleep => Some(Rest::Asleep),
            None if restoring => Some(Rest::Restoring),
            None if replicas == 0 => Some(Rest::ScaledDown),
            None => None,
        }
    }
}

impl Target {
    /// The workload of the control plane.
    pub fn control_plane(&self) -> Option<&Part> {
        self.parts.iter().find(|part| part.app == App::ControlPlane)
    }

    /// What that part is now; none when it is gone.
    pub fn into_part(self, part: &Part) -> Option<Part> {
        self.parts.into_iter().find(|now| now.kind == part.kind && now.name == part.name)
    }

    /// Why it rests, by the same order as in the fleet (docs/vclusters.md, State); none when it is meant to run.
    pub fn rest(&self) -> Option<Rest> {
        let plane = self.control_plane()?;
        let paused = plane.paused.then(|| plane.paused_date.clone());
        Rest::of(paused, plane.asleep, plane.restoring, plane.replicas)
    }

    /// Whether v9s made it: its keys are then v9s's to make, too.
    pub fn is_ours(&self) -> bool {
        self.control_plane().is_some_and(|plane| plane.heritage == crate::wire::HERITAGE)
    }

    /// Leaves a record of what came of an operation as a whole, on the control plane; none where there is none. The single changes on
    /// the way have their own.
    #[cfg(feature = "backup")]
    pub(crate) async fn record(&self, cluster: &Cluster, action: &'static str, done: Result<(), String>) {
        let Some(plane) = self.control_plane() else { return };
        let done = done.map_err(|why| Failure::new(FailureKind::Rejected, why));
        cluster.record(action, &plane.object(), &plane.uid, &done).await;
    }

    /// Whether it must not be deleted.
    pub fn is_protected(&self) -> bool {
        self.parts.iter().any(|part| part.protected)
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
