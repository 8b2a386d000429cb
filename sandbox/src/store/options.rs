//! How a write is meant.

use super::object::Object;
use crate::access::User;
use crate::clock::{Chance, Clock};
use smol_str::SmolStr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// How a store is set up. The default is what tests want.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// What time it is.
    pub clock: Clock,
    /// Where UIDs and generated names come from.
    pub chance: Chance,
    /// How many events each kind keeps for watches that lag behind.
    pub log_capacity: usize,
    /// How many bytes of JSON each kind keeps for them beside the objects themselves.
    pub log_bytes: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { clock: Clock::system(), chance: Chance::random(), log_capacity: 20_000, log_bytes: 32 << 20 }
    }
}

/// Who writes, and whether for real.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Everything is checked, nothing is stored.
    pub dry_run: bool,
    /// Field manager to be recorded in `managedFields`; empty: the write is not tracked.
    pub manager: SmolStr,
    /// API version in which the manager writes, such as `apps/v1`; empty: the preferred one of the kind.
    pub api_version: SmolStr,
    /// The object comes with its `managedFields` settled (server-side apply).
    pub applied: bool,
    /// Whose request this is; none: the host itself writes.
    pub origin: Option<Origin>,
}

/// A request behind a write.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Who asks.
    pub user: Arc<User>,
    /// What the client is to be warned of.
    pub warnings: Arc<Mutex<Vec<String>>>,
}

impl Origin {
    /// Adds warnings to the answer, each once.
    pub fn warn(&self, warnings: Vec<String>) {
        let mut all = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        for warning in warnings {
            if !all.contains(&warning) {
                all.push(warning);
            }
        }
    }
}

impl WriteOptions {
    /// Who writes; the host itself under a name of its own.
    pub fn requester(&self) -> &User {
        static HOST: LazyLock<User> = LazyLock::new(|| User {
            groups: vec!["system:masters".into(), "system:authenticated".into()],
            ..User::named("system:apiserver")
        });
        self.origin.as_ref().map_or(&HOST, |origin| &origin.user)
    }

    /// Adds warnings to the answer, each once.
    pub fn warn(&self, warnings: Vec<String>) {
        if let Some(origin) = &self.origin {
            origin.warn(warnings);
        }
    }

    /// A real write under the name of a controller.
    pub fn by(manager: &'static str) -> Self {
        Self { manager: SmolStr::new_static(manager), ..Self::default() }
    }
}

/// What becomes of the dependents of a deleted object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They stay and forget their owner.
    Orphan,
    /// They are collected after the owner is gone.
    Background,
    /// The owner goes when they are gone.
    Foreground,
}

/// How an object is to be deleted.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Everything is checked, nothing is deleted.
    pub dry_run: bool,
    /// Seconds until it is gone; none: the default of the object. Negative counts as one.
    pub grace_period_seconds: Option<i64>,
    /// Only if it has this UID.
    pub uid: Option<SmolStr>,
    /// Only if it is this version.
    pub resource_version: Option<SmolStr>,
    /// What becomes of dependents; none: the default of the kind.
    pub propagation: Option<Propagation>,
    /// Whose request this is; none: the host itself deletes.
    pub origin: Option<Origin>,
    /// Nobody is asked.
    pub(crate) unasked: bool,
}

impl DeleteOptions {
    /// At once, without grace.
    pub fn now() -> Self {
        Self { grace_period_seconds: Some(0), ..Self::default() }
    }

    /// As a definition that goes takes its objects with it.
    pub(crate) fn cleaning_up() -> Self {
        Self { unasked: true, ..Self::default() }
    }

    /// Only if the object is the one with this UID.
    #[must_use]
    pub fn uid(mut self, uid: impl Into<SmolStr>) -> Self {
        self.uid = Some(uid.into());
        self
    }
}

/// What a write did.
#[derive(Clone, Debug)]
pub struct Written {
    /// The object now.
    pub object: Arc<Object>,
    /// Whether it was created by this write.
    pub created: bool,
}

/// What a delete did.
#[derive(Clone, Debug)]
pub struct Deleted {
    /// The object as it is now, or its last state.
    pub object: Arc<Object>,
    /// Whether it is gone; else grace or finalizers hold it.
    pub gone: bool,
}
