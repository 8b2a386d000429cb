//! Asking webhooks about one write.

use super::client::Client;
use super::conditions;
use super::config::Hook;
use super::review::{Refusal, Response, request};
use super::rules::{self, Request};
use crate::kinds::Kind;
use crate::patch;
use crate::status::Status;
use crate::store::{Gr, Operation, Review, Selector, Store};
use serde_json::{Value, json};
use smol_str::SmolStr;
use std::sync::Arc;

/// One write under review.
pub(super) struct Attempt<'a> {
    pub(super) client: &'a Client,
    pub(super) store: &'a Store,
    pub(super) review: &'a Review<'a>,
}

/// Subresources whose requests carry another object than the one that is stored.
const OTHER_OBJECTS: [&str; 2] = ["scale", "binding"];

impl Attempt<'_> {
    /// Lets a webhook change the object; answers whether it was called. `object` has the stored shape.
    pub(super) fn mutate(&self, hook: &Hook, object: &mut Value) -> Result<bool, Status> {
        let Some((response, shown)) = self.ask(hook, object)? else { return Ok(false) };
        if !response.allowed {
            return Err(refusal(hook, response.status));
        }
        let patch = response.patch().map_err(Status::internal)?;
        let Some(patch) = patch.filter(|patch| patch.as_array().is_none_or(|steps| !steps.is_empty())) else {
            return Ok(true);
        };
        let mut before = shown.show(object.clone());
        before["kind"] = json!(shown.kind);
        before["apiVersion"] = json!(shown.api_version());
        let after = patch::json(&before, &patch).map_err(|error| Status::internal(error.to_string()))?;
        *object = shown.to_stored(after);
        Ok(true)
    }

    /// Lets a webhook refuse the object.
    pub(super) fn validate(&self, hook: &Hook, object: &Value) -> Result<(), Status> {
        match self.ask(hook, object)? {
            Some((response, _)) if !response.allowed => Err(refusal(hook, response.status)),
            _ => Ok(()),
        }
    }

    /// The answer of a webhook and the kind in whose version it was asked; none where it is not concerned, or where
    /// it failed and that is to be ignored.
    fn ask(&self, hook: &Hook, object: &Value) -> Result<Option<(Response, Arc<Kind>)>, Status> {
        let review = self.review;
        let kinds = self.store.kinds();
        let asked = kinds.by_object(&review.options.api_version, &review.kind.kind).unwrap_or(review.kind);
        let matter = Request { operation: review.operation, kind: asked, subresource: review.subresource };
        let Some(shown) = rules::wanted(hook, &kinds, asked, matter) else { return Ok(None) };
        if !self.selects(hook, object) {
            return Ok(None);
        }
        if OTHER_OBJECTS.contains(&review.subresource) {
            let what = format!(
                "webhooks for {}/{} ({:?} asks for them)",
                asked.plural, review.subresource, hook.name
            );
            return Err(Status::not_implemented(what));
        }
        let uid = self.store.chance().uid();
        let request = request(review, &uid, asked, &shown, object);
        match conditions::hold(&hook.match_conditions, &request) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(_) if hook.ignores_failure() => return Ok(None),
            Err(why) => {
                let gr = Gr::new(asked.group.clone(), asked.plural.clone());
                return Err(Status::forbidden(&gr, review.name, why));
            }
        }
        if review.options.dry_run && !matches!(hook.side_effects.as_str(), "None" | "NoneOnDryRun") {
            return Err(Status::bad_request(format!(
                "admission webhook {:?} does not support dry run",
                hook.name
            )));
        }
        let question =
            json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request});
        match self.client.call(hook, &question).and_then(|body| Response::read(&body, &uid)) {
            Ok(response) => {
                review.options.warn(response.warnings.clone());
                Ok(Some((response, shown)))
            }
            Err(why) if hook.ignores_failure() => {
                tracing::warn!(webhook = %hook.name, %why, "a webhook failed, which is ignored");
                Ok(None)
            }
            Err(why) => Err(Status::internal(format!("failed calling webhook {:?}: {why}", hook.name))),
        }
    }

    /// Whether the selectors mean this object.
    fn selects(&self, hook: &Hook, object: &Value) -> bool {
        self.selects_namespace(hook, object) && self.selects_object(hook, object)
    }

    fn selects_namespace(&self, hook: &Hook, object: &Value) -> bool {
        let Some(selector) = selector(&hook.namespace_selector) else { return true };
        let review = self.review;
        if rules::is_namespace(review.kind) {
            let now = if review.operation == Operation::Create { Some(object) } else { review.old };
            return now.is_some_and(|namespace| selector.matches_tree(&namespace["metadata"]["labels"]));
        }
        if review.namespace.is_empty() {
            return true;
        }
        let namespace = self.store.find(&Gr::core("namespaces"), None, review.namespace);
        namespace.is_none_or(|namespace| selector.matches(&namespace))
    }

    fn selects_object(&self, hook: &Hook, object: &Value) -> bool {
        let Some(selector) = selector(&hook.object_selector) else { return true };
        let now = Some(object).filter(|_| self.review.operation != Operation::Delete);
        let mut versions = now.into_iter().chain(self.review.old);
        versions.any(|version| selector.matches_tree(&version["metadata"]["labels"]))
    }
}

/// None where every object is meant.
fn selector(value: &Value) -> Option<Selector> {
    Selector::of_label_selector(value).filter(|selector| !selector.is_everything())
}

/// The refusal that the client gets when a webhook says no.
fn refusal(hook: &Hook, said: Option<Refusal>) -> Status {
    let said = said.unwrap_or_default();
    let denied = format!("admission webhook {:?} denied the request", hook.name);
    let message = match (said.message.as_str(), said.reason.as_str()) {
        ("", "") => format!("{denied} without explanation"),
        ("", reason) => format!("{denied}: {reason}"),
        (message, _) => format!("{denied}: {message}"),
    };
    let mut status = Status::new(said.code.max(400), "", message);
    status.reason = SmolStr::from(said.reason);
    status
}
