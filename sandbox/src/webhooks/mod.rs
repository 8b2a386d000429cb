//! Admission webhooks: programs elsewhere that may change or refuse what is written.
//!
//! After the built-in plugins have filled in what is missing, mutating webhooks are called one after the other, in
//! the order of the names of their configurations; validating ones once nothing changes any more, before the quota is
//! charged. Addresses of Services are allotted after both. Source of rules and texts: `apiserver/pkg/admission/plugin/webhook` of Kubernetes 1.36.

mod attempt;
mod check;
mod client;
mod conditions;
mod config;
mod review;
mod rules;
#[cfg(test)]
mod tests;

pub(crate) use check::{check, set_defaults};
pub use client::Services;

use crate::kinds::Kind;
use crate::kinds::defaults::apply_defaults;
use crate::status::Status;
use crate::store::{Admission, Gr, Review, Stage, Store};
use attempt::Attempt;
use client::Client;
use config::{Hook, hooks};
use serde_json::Value;
use std::sync::Arc;

/// Configurations of webhooks that change objects.
pub(crate) const MUTATING: Gr = Gr::new_static(GROUP, "mutatingwebhookconfigurations");
/// Configurations of webhooks that only say yes or no.
pub(crate) const VALIDATING: Gr = Gr::new_static(GROUP, "validatingwebhookconfigurations");
const GROUP: &str = "admissionregistration.k8s.io";

/// Calls the webhooks that are configured in the store.
///
/// Calls block the thread that writes, and run on a thread of their own: a webhook may be served by the program that
/// the host is embedded in, but not by the very thread that writes to [`Store`] directly.
#[derive(Debug)]
pub struct Webhooks {
    client: Client,
}

impl Webhooks {
    /// `services` says where Services are reached that configurations name.
    pub fn new(services: Arc<dyn Services>) -> Self {
        Self { client: Client::new(services) }
    }

    /// Whether any webhook is configured: then writes may take their time.
    pub(crate) fn are_configured(store: &Store) -> bool {
        store.count(&MUTATING) + store.count(&VALIDATING) > 0
    }

    /// The webhook, if any, that wants to see connections to a subresource such as `pods/exec`: none is shown them.
    pub(crate) fn wanting_connections(store: &Store, kind: &Kind, subresource: &str) -> Option<String> {
        let mut all = [MUTATING, VALIDATING].into_iter().flat_map(|gr| hooks(store, &gr));
        all.find(|hook| rules::wants_connection(hook, kind, subresource)).map(|hook| hook.name)
    }

    fn attempt<'a>(&'a self, store: &'a Store, review: &'a Review<'a>) -> Attempt<'a> {
        Attempt { client: &self.client, store, review }
    }
}

/// Webhooks never see their own configurations: nobody could repair a broken one.
fn is_exempt(review: &Review<'_>) -> bool {
    review.kind.group == GROUP
}

impl Admission for Webhooks {
    fn stage(&self) -> Stage {
        Stage::Webhook
    }

    fn admit(&self, store: &Store, review: &Review<'_>, object: &mut Value) -> Result<(), Status> {
        if is_exempt(review) || store.count(&MUTATING) == 0 {
            return Ok(());
        }
        // A webhook sees what the API server has filled in.
        apply_defaults(review.kind, object);
        let attempt = self.attempt(store, review);
        // What each one left behind, for those that want to see what others made of it.
        let mut called: Vec<(Hook, Value)> = Vec::new();
        for hook in hooks(store, &MUTATING) {
            if attempt.mutate(&hook, object)? {
                apply_defaults(review.kind, object);
                called.push((hook, object.clone()));
            }
        }
        for (hook, left) in called {
            if hook.reinvocation_policy == "IfNeeded" && left != *object && attempt.mutate(&hook, object)? {
                apply_defaults(review.kind, object);
            }
        }
        Ok(())
    }

    fn validate(&self, store: &Store, review: &Review<'_>, object: &Value) -> Result<(), Status> {
        if is_exempt(review) || store.count(&VALIDATING) == 0 {
            return Ok(());
        }
        let attempt = self.attempt(store, review);
        hooks(store, &VALIDATING).iter().try_for_each(|hook| attempt.validate(hook, object))
    }
}
