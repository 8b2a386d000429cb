//! What a store can suffer from, as etcd does.

use super::Store;
use crate::status::Status;
use tokio::sync::watch;

/// The state of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// All is well.
    #[default]
    Sound,
    /// There is no room: it is read, and nothing is written any more.
    Full,
    /// What it holds cannot be trusted: nothing is answered, and the API server over it is not ready.
    Corrupt,
}

impl Store {
    /// Lets the store suffer, or recover.
    pub fn set_health(&self, health: Health) {
        self.0.health.send_if_modified(|now| std::mem::replace(now, health) != health);
    }

    /// The state of the store.
    pub fn health(&self) -> Health {
        *self.0.health.borrow()
    }

    pub(crate) fn health_changes(&self) -> watch::Receiver<Health> {
        self.0.health.subscribe()
    }

    /// Refuses what a store in this state cannot do, in the words of etcd that reach clients.
    pub(crate) fn must_serve(&self, writes: bool) -> Result<(), Status> {
        let why = match self.health() {
            Health::Full if writes => "etcdserver: mvcc: database space exceeded",
            Health::Corrupt => "etcdserver: corrupt cluster",
            Health::Sound | Health::Full => return Ok(()),
        };
        Err(Status::new(500, "", why))
    }
}
