//! The host is asked first: its Service is there before the tenant's.

use std::time::Duration;

use chrono::Utc;
use http::Method;
use serde::Deserialize;
use serde_json::Value;
use v9s::cluster::lean::Lean;
use v9s::cluster::{Failure, FailureKind, ObjectRef, Resource};

use super::question::{Wanted, wanted};
use super::review::{Request, Verdict};
use super::{Sides, answer};
use crate::engine::gate::StoreIdentity;
use crate::engine::mirror::field;
use crate::requests::{self, JSON, MANAGER, MERGE_PATCH};
use crate::resources::services::{is_external, reserved};
use crate::translate::words;

/// The tenant's API server does not wait longer than [`super::installed::PATIENCE`].
const PATIENCE: Duration = Duration::from_secs(4);
/// Tries when others are faster.
const TRIES: usize = 4;

/// What the tenant's API server is told.
pub(super) async fn decide(sides: &Sides, request: &Request) -> Verdict {
    let wanted = sides.engine.kind("services").and_then(|kind| wanted(request, kind));
    let Some(wanted) = wanted else { return Verdict::UNCHANGED };
    if sides.engine.store() != StoreIdentity::Known {
        // Nothing is made on the host for a store of which it is not known whether it is ours.
        return later("it is not known yet whether the store is the one that belongs to the host's objects");
    }
    let asked = Asking { sides, dry_run: request.dry_run };
    match tokio::time::timeout(PATIENCE, asked.reserve(wanted)).await {
        Ok(verdict) => verdict,
        Err(_) => later("the host does not answer"),
    }
}

/// The Service is created with an address of the tenant's own server.
fn later(why: &str) -> Verdict {
    tracing::warn!(why, "a Service gets its address later");
    Verdict::Warned(
        "the address of this Service is exchanged for the one of the host as soon as possible".into(),
    )
}

struct Asking<'a> {
    sides: &'a Sides,
    dry_run: bool,
}

/// What came of one try.
enum Try {
    /// The host's Service.
    Given(Value),
    /// There is nothing to try any more.
    Settled(Verdict),
    /// Somebody else was faster.
    Again,
    /// Somebody has this name; another can be made.
    Named,
}

#[derive(Deserialize)]
struct Holder {
    spec: HolderSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HolderSpec {
    parent_ref: Parent,
}

#[derive(Deserialize)]
struct Parent {
    #[serde(default)]
    namespace: String,
    name: String,
}

impl Asking<'_> {
    async fn reserve(&self, mut wanted: Wanted) -> Verdict {
        for _ in 0..TRIES {
            let tried = match wanted.new {
                true => self.create(&wanted).await,
                false => self.take(&wanted).await,
            };
            match tried {
                Try::Given(service) => return self.give(&wanted, &service["spec"]).await,
                Try::Settled(verdict) => return verdict,
                Try::Again => {}
                Try::Named if wanted.named => wanted = wanted.renamed(),
                // The tenant's API server says so in its own words.
                Try::Named => return Verdict::UNCHANGED,
            }
        }
        later("others keep changing the Service of this name on the host")
    }

    async fn give(&self, wanted: &Wanted, spec: &Value) -> Verdict {
        if self.dry_run {
            // The host would not refuse it. What it shows in a dry run is no address that anybody can have.
            return Verdict::UNCHANGED;
        }
        let addresses = answer::addresses(spec, &self.sides.ctx.service_range);
        if addresses.is_empty() {
            return later("the host's address is not in the range of the virtual API server");
        }
        for address in &addresses {
            if self.is_held(wanted, address).await {
                return later("another Service of the tenant has the address that the host has given");
            }
        }
        Verdict::Allowed(answer::steps(wanted, spec, &addresses))
    }

    /// Makes the host's Service, or takes over what there is of this name.
    async fn create(&self, wanted: &Wanted) -> Try {
        let body = reserved::body(&self.sides.ctx, &wanted.asked, Utc::now());
        let path = Resource::SERVICES.path(Some(&self.sides.ctx.host_namespace));
        match self.send(Method::POST, &path, JSON, &body).await {
            Ok(service) => Try::Given(service),
            Err(failure) if failure.kind == FailureKind::Conflict && self.dry_run => {
                Try::Settled(Verdict::UNCHANGED)
            }
            Err(failure) if failure.kind == FailureKind::Conflict => self.take(wanted).await,
            Err(failure) => Try::Settled(self.refused(wanted, &failure)),
        }
    }

    /// Makes the host's Service that is there the one that is wanted.
    async fn take(&self, wanted: &Wanted) -> Try {
        let ctx = &self.sides.ctx;
        let name = ctx.names.host_name(&wanted.asked.key.object);
        let target = ObjectRef::namespaced(Resource::SERVICES, ctx.host_namespace.clone(), name.as_str());
        let h: Lean = match requests::get(&self.sides.host, &target.path()).await {
            Ok(h) => h,
            Err(failure) if failure.kind == FailureKind::NotFound && wanted.new => return Try::Again,
            // Not mirrored yet: as if it were new.
            Err(failure) if failure.kind == FailureKind::NotFound => {
                return Box::pin(self.create(wanted)).await;
            }
            Err(failure) => return Try::Settled(self.refused(wanted, &failure)),
        };
        let Some(reserved) = reserved::is_free(ctx, &wanted.asked.key.object, &h) else {
            return Try::Settled(later("the Service of this name on the host belongs to somebody else"));
        };
        if h.metadata.deletion_timestamp.is_some() {
            return Try::Settled(later("the Service of this name on the host is being deleted"));
        }
        if wanted.new && !reserved {
            match self.is_there(wanted).await {
                Ok(true) => return Try::Named,
                Ok(false) => {}
                Err(failure) => return Try::Settled(later(&failure.to_string())),
            }
        }
        if wants_another_address(wanted, &h) {
            return Try::Settled(Verdict::Refused {
                code: 409,
                reason: "Conflict",
                message: "a Service of this name had another address, which is still being given back: try again in a few minutes, or do not ask for an address".into(),
            });
        }
        let change = reserved::change(ctx, &wanted.asked, &h, Utc::now());
        match self.send(Method::PATCH, &target.path(), MERGE_PATCH, &change).await {
            Ok(service) => Try::Given(service),
            Err(failure) if matches!(failure.kind, FailureKind::Conflict | FailureKind::NotFound) => {
                Try::Again
            }
            Err(failure) => Try::Settled(self.refused(wanted, &failure)),
        }
    }

    /// Whether the tenant has a Service of this name: the new one will be refused then.
    async fn is_there(&self, wanted: &Wanted) -> Result<bool, Failure> {
        let object = &wanted.asked.key.object;
        let namespace = object.namespace.clone().unwrap_or_default();
        let path = ObjectRef::namespaced(Resource::SERVICES, namespace, object.name.clone()).path();
        match requests::get::<Lean>(&self.sides.tenant, &path).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Whether another Service of the tenant has this address, such as one that was made while nobody answered.
    async fn is_held(&self, wanted: &Wanted, address: &str) -> bool {
        let path = format!("/apis/networking.k8s.io/v1/ipaddresses/{address}");
        // Servers before 1.33 keep no such objects.
        let Ok(Holder { spec }) = requests::get::<Holder>(&self.sides.tenant, &path).await else {
            return false;
        };
        let object = &wanted.asked.key.object;
        let (namespace, name) = (spec.parent_ref.namespace, spec.parent_ref.name);
        object.name != name || object.namespace.as_deref() != Some(namespace.as_str())
    }

    fn refused(&self, wanted: &Wanted, failure: &Failure) -> Verdict {
        let message = || words::for_tenant(&self.sides.ctx, &wanted.asked.key, &failure.message);
        // A right that we lack is not the tenant's business.
        let is_right = failure.message.contains("cannot create resource")
            || failure.message.contains("cannot patch resource")
            || failure.message.contains("cannot get resource");
        match failure.kind {
            FailureKind::Rejected if answer::is_about_what_was_asked(wanted, &failure.message) => {
                Verdict::Refused { code: 422, reason: "Invalid", message: message() }
            }
            FailureKind::Forbidden if !is_right => {
                Verdict::Refused { code: 403, reason: "Forbidden", message: message() }
            }
            // What is wrong with it the tenant's API server says, too.
            FailureKind::Rejected => {
                tracing::info!(%failure, "a Service is refused by the host");
                Verdict::UNCHANGED
            }
            _ => later(&failure.to_string()),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: &Value,
    ) -> Result<Value, Failure> {
        let dry_run = if self.dry_run { "&dryRun=All" } else { "" };
        let path = format!("{path}?fieldManager={MANAGER}{dry_run}");
        requests::read(&requests::send(&self.sides.host, method, &path, content_type, body).await?)
    }
}

/// No server lets an address be changed.
fn wants_another_address(wanted: &Wanted, h: &Lean) -> bool {
    let (asked, live) =
        (wanted.object["spec"]["clusterIP"].as_str().unwrap_or_default(), field(Some(h), "spec"));
    let has = live["clusterIP"].as_str().unwrap_or_default();
    !asked.is_empty() && !is_external(&live) && !has.is_empty() && has != asked
}
