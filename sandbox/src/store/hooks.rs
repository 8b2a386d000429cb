//! Where others take part in a write: defaults and admission.

use super::Store;
use super::options::WriteOptions;
use crate::kinds::Kind;
use crate::status::Status;
use serde_json::Value;
use std::sync::Arc;

/// What is being done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It is new.
    Create,
    /// It changes.
    Update,
    /// It is to go.
    Delete,
}

/// A write before it is stored.
#[derive(Debug)]
pub struct Review<'a> {
    /// Kind of the object.
    pub kind: &'a Arc<Kind>,
    /// What is being done.
    pub operation: Operation,
    /// `status`, `scale`, …; empty for the object itself.
    pub subresource: &'a str,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: &'a str,
    /// Name; known also where it was generated.
    pub name: &'a str,
    /// The object as it was; none for a create.
    pub old: Option<&'a Value>,
    /// How the write is meant.
    pub options: &'a WriteOptions,
}

/// When somebody has their turn with an object that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// What is built into the API server fills in what is missing.
    Plugin,
    /// Programs elsewhere are asked.
    Webhook,
    /// What is allotted from what all share, once nobody else changes the object.
    Allotment,
}

/// Takes part in writes, stage by stage, and in the order of registration within each.
///
/// Called without any lock held; may read and write the store, but an update of the object under review would
/// come first and make this write start over.
pub trait Admission: Send + Sync + 'static {
    /// When it changes objects; it refuses in the opposite order (the quota is charged last).
    fn stage(&self) -> Stage {
        Stage::Plugin
    }

    /// May change the object (defaults, injected fields) or refuse it. `object` is the new state; for a delete the
    /// last one.
    ///
    /// # Errors
    /// The refusal that the client gets.
    fn admit(&self, store: &Store, review: &Review<'_>, object: &mut Value) -> Result<(), Status>;

    /// May refuse the object once nobody changes it any more.
    ///
    /// # Errors
    /// The refusal that the client gets.
    fn validate(&self, store: &Store, review: &Review<'_>, object: &Value) -> Result<(), Status> {
        let _ = (store, review, object);
        Ok(())
    }
}
