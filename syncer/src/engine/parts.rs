//! What other parts of the process ask the engine, and what they have to tell: it knows who leads, and it is asked how
//! the whole is doing.

use std::sync::PoisonError;

use smol_str::SmolStr;

use super::Engine;
use super::gate::StoreIdentity;
use super::key::KindId;
use super::mirror::Kinds as _;

impl Engine {
    /// Why nothing is written now; none when this replica writes.
    pub fn suspended(&self) -> Option<SmolStr> {
        self.shared.lock().suspended.clone()
    }

    /// Whether the tenant's store is the one we knew.
    pub fn store(&self) -> StoreIdentity {
        self.shared.lock().store.clone()
    }

    /// The place of a kind in the registry, none when it is not mirrored.
    pub fn kind(&self, name: &str) -> Option<KindId> {
        self.shared.id(name)
    }

    /// Another part of the process has found something wrong, or right again.
    pub fn tell(&self, part: &'static str, trouble: Option<String>) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(part, trouble);
    }

    /// What other parts have told.
    pub fn told(&self) -> Vec<(&'static str, Option<String>)> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().map(|(part, trouble)| (*part, trouble.clone())).collect()
    }
}
