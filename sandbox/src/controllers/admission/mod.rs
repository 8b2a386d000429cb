//! What takes part in writes before they are stored: accounts, limits, addresses, storage, quotas.
//!
//! In the order of the real server's plugins: first what is filled in, then what is refused, the quota last.

mod accounts;
mod limits;
mod nodes;
mod quota;
mod services;
mod storage;

use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::kinds::Kind;
use crate::kinds::defaults::apply_defaults;
use crate::status::Status;
use crate::store::{Admission, Operation, Review, Stage, Store};
pub use services::Ipv6Range;
pub(crate) use services::{Addresses, Ranges};
pub(crate) use storage::{CLAIM_PROTECTION, VOLUME_PROTECTION, default_class};

/// The plugins.
#[derive(Debug, Clone)]
pub(crate) struct Plugins {
    pub(crate) addresses: Arc<Mutex<Addresses>>,
    /// Pods need a service account. Not where nobody makes any.
    accounts: bool,
}

impl Plugins {
    /// Lets the plugins take part in every write to a store from now on.
    pub(crate) fn install(store: &Store, accounts: bool, ranges: Ranges) -> Self {
        let plugins = Plugins { addresses: Arc::new(Mutex::new(Addresses::new(ranges))), accounts };
        store.add_admission(Arc::new(plugins.clone()));
        store.add_admission(Arc::new(Allotment(Arc::clone(&plugins.addresses))));
        plugins
    }
}

/// What a plugin is asked about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Pod,
    Service,
    Claim,
    Volume,
    Node,
    Other,
}

fn what(kind: &Kind) -> What {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => What::Pod,
        ("", "services") => What::Service,
        ("", "persistentvolumeclaims") => What::Claim,
        ("", "persistentvolumes") => What::Volume,
        ("", "nodes") => What::Node,
        _ => What::Other,
    }
}

/// Addresses and ports of Services.
#[derive(Debug)]
struct Allotment(Arc<Mutex<Addresses>>);

impl Admission for Allotment {
    fn stage(&self) -> Stage {
        Stage::Allotment
    }

    fn admit(&self, store: &Store, review: &Review<'_>, object: &mut Value) -> Result<(), Status> {
        let written = matches!(review.operation, Operation::Create | Operation::Update);
        if what(review.kind) == What::Service && written && review.subresource.is_empty() {
            return services::admit(&self.0, store, review, object);
        }
        Ok(())
    }
}

impl Admission for Plugins {
    fn admit(&self, store: &Store, review: &Review<'_>, object: &mut Value) -> Result<(), Status> {
        if !review.subresource.is_empty() {
            return Ok(());
        }
        match (what(review.kind), review.operation) {
            (What::Pod, Operation::Create) => {
                // The real server fills in defaults before plugins see an object; limits depend on it.
                apply_defaults(review.kind, object);
                accounts::admit(store, review, object, self.accounts)?;
                limits::fill_in(store, review.namespace, object);
                Ok(())
            }
            (What::Claim, Operation::Create) => {
                storage::admit_claim(store, object);
                Ok(())
            }
            (What::Node, Operation::Create) => {
                nodes::admit(review, object);
                Ok(())
            }
            (What::Volume, Operation::Create) => {
                storage::protect(object, storage::VOLUME_PROTECTION);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn validate(&self, store: &Store, review: &Review<'_>, object: &Value) -> Result<(), Status> {
        if what(review.kind) == What::Pod && review.operation == Operation::Create {
            limits::check(store, review, object)?;
        }
        let charged = match what(review.kind) {
            What::Pod => matches!(review.subresource, "" | "resize"),
            _ => review.subresource.is_empty(),
        };
        if charged && review.operation != Operation::Delete {
            quota::charge(store, review, object)?;
        }
        Ok(())
    }
}
