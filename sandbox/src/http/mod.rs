//! The API server: requests in, answers out. It speaks HTTP but owns no socket; [`Api`] is a `tower::Service`.

mod accept;
mod apply;
mod auth;
mod body;
mod decode;
mod delete;
mod encode;
mod finish;
mod granting;
mod meta;
mod openapi;
mod path;
mod placing;
mod pods;
mod query;
mod read;
mod request;
mod reviews;
mod scale;
mod service;
mod strict;
mod typing;
mod warnings;
mod watch;
mod write;
mod yaml;

pub(crate) use auth::Caller;
pub use auth::Tokens;
pub use body::{Body, Torn};
pub(crate) use reviews::issue;

use crate::access::{User, Wish};
use crate::faults::{Fate, Faults, Matter};
use crate::kinds::Kind;
use crate::runtime::{NoRuntime, PodRuntime};
use crate::status::Status;
use crate::store::{Gr, Origin, Store};
use crate::webhooks::Webhooks;
use accept::Form;
use encode::{Encoder, Include};
use finish::Wishes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use hyper::upgrade::OnUpgrade;
use path::{Route, Target};
use query::Query;
use request::{check_verb, collect, verb_of};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio_util::sync::CancellationToken;

/// Answers API requests over a store. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    store: Store,
    tokens: Tokens,
    faults: Faults,
    runtime: RwLock<Arc<dyn PodRuntime>>,
    stop: CancellationToken,
    /// `HOST:PORT` where clients reach the server.
    address: String,
}

/// The connection of this request is to be cut without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection was dropped by a fault rule")]
pub struct Dropped;

/// A request about objects of a kind, checked as far as possible before its body is read.
pub(crate) struct Call {
    pub(crate) api: Api,
    pub(crate) verb: &'static str,
    pub(crate) kind: Arc<Kind>,
    pub(crate) gr: Gr,
    pub(crate) target: Target,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) user: User,
    pub(crate) form: Form,
    /// The connection itself, for requests that leave HTTP.
    pub(crate) upgrade: Option<OnUpgrade>,
    /// What the client is to be warned of.
    warnings: Arc<Mutex<Vec<String>>>,
}

impl Api {
    /// An API server over a store, whose pods run nothing yet. `address` is the `HOST:PORT` where clients reach it,
    /// for discovery; streams end when `stop` is cancelled.
    pub fn new(
        store: Store,
        tokens: Tokens,
        faults: Faults,
        address: impl Into<String>,
        stop: CancellationToken,
    ) -> Self {
        let runtime: RwLock<Arc<dyn PodRuntime>> = RwLock::new(Arc::new(NoRuntime));
        Self(Arc::new(Inner { store, tokens, faults, runtime, stop, address: address.into() }))
    }

    /// Lets the pods run something.
    pub fn set_runtime(&self, runtime: Arc<dyn PodRuntime>) {
        *self.0.runtime.write().unwrap_or_else(PoisonError::into_inner) = runtime;
    }

    pub(crate) fn runtime(&self) -> Arc<dyn PodRuntime> {
        Arc::clone(&self.0.runtime.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Answers a request.
    ///
    /// # Errors
    /// [`Dropped`] when a fault rule says so.
    pub async fn handle<B>(&self, request: Request<B>) -> Result<Response<Body>, Dropped>
    where
        B: http_body::Body + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (mut parts, body) = request.into_parts();
        let upgrade = parts.extensions.remove::<OnUpgrade>();
        let wishes = Wishes::of(&parts);
        let answered = match path::route(parts.uri.path()) {
            Route::Other => self.other(&parts),
            Route::Resource(target) => match self.call(&parts, target, upgrade) {
                Err(refused) => Err(refused),
                Ok(call) => match self.faults().meet(&call.matter()).await {
                    Fate::Drop => return Err(Dropped),
                    Fate::Answer(status) => Err(Refused::Status(status)),
                    Fate::Pass => Ok(call.answer(body).await),
                },
            },
        };
        let mut response = wishes.grant(answered.unwrap_or_else(|refused| match refused {
            Refused::Status(status) => body::refusal(&status),
            Refused::NoPage => body::text(404, "404 page not found\n"),
        }));
        // Clients tell the host's time by it: that is the clock's, not this machine's.
        let now = self.store().clock().now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(now) = HeaderValue::from_str(&now) {
            response.headers_mut().insert(header::DATE, now);
        }
        Ok(response)
    }

    fn other(&self, parts: &Parts) -> Result<Response<Body>, Refused> {
        let user = auth::authenticate(self.store(), &self.0.tokens, parts)?;
        let verb = parts.method.as_str().to_ascii_lowercase();
        let path = parts.uri.path();
        auth::authorize(self.store(), &user, &Wish::Path { verb: &verb, path })?;
        meta::answer(self, parts).ok_or(Refused::NoPage)
    }

    fn call(&self, parts: &Parts, mut target: Target, upgrade: Option<OnUpgrade>) -> Result<Call, Refused> {
        let store = self.store();
        let mut query = Query::parse(parts.uri.query());
        let user = auth::authenticate(store, &self.0.tokens, parts)?;
        let verb = verb_of(&parts.method, &target, &query);
        let wish = Wish::Resource {
            verb,
            group: &target.group,
            resource: &target.resource,
            subresource: &target.subresource,
            // The namespace of a request about a namespace is that namespace.
            namespace: match (&target.namespace, &target.name) {
                (Some(namespace), _) => namespace,
                (None, Some(name)) if target.group.is_empty() && target.resource == "namespaces" => name,
                _ => "",
            },
            name: target.name.as_deref().unwrap_or_default(),
        };
        auth::authorize(store, &user, &wish)?;
        store.must_serve(false)?;
        let kinds = store.kinds();
        // A group that nobody knows is an unknown page; within one that is served, a resource is missing.
        let missing = || match kinds.groups().iter().any(|(group, _)| *group == target.group) {
            true => Refused::Status(Status::unknown_resource()),
            false => Refused::NoPage,
        };
        let kind = kinds.by_path(&target.group, &target.version, &target.resource).ok_or_else(missing)?;
        let one_object = target.name.is_some();
        let fits = match (&target.namespace, kind.namespaced) {
            (Some(_), namespaced) => namespaced,
            (None, true) => !one_object,
            (None, false) => true,
        };
        if !fits {
            return Err(missing());
        }
        check_verb(kind, &target, verb)?;
        if target.watched
            && let Some(name) = target.name.take()
        {
            query.select_name(&name);
        }
        let accept = parts.headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let form = if verb == "watch" { accept::watch_form(accept)? } else { accept::form(accept)? };
        let warnings = kind.custom.as_ref().and_then(|custom| custom.deprecation.clone());
        Ok(Call {
            api: self.clone(),
            verb,
            kind: Arc::clone(kind),
            gr: kind.stored_as(),
            target,
            query,
            headers: parts.headers.clone(),
            user,
            form,
            upgrade,
            warnings: Arc::new(Mutex::new(warnings.into_iter().collect())),
        })
    }
}

/// Why a request is not answered.
enum Refused {
    Status(Status),
    /// No such path: the one answer that is no `Status`.
    NoPage,
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl Call {
    /// What fault rules look at.
    pub(crate) fn matter(&self) -> Matter {
        Matter {
            verb: self.verb,
            resource: Gr::new(self.kind.group.clone(), self.kind.plural.clone()),
            subresource: self.target.subresource.as_str().into(),
            namespace: self.target.namespace.as_deref().unwrap_or_default().into(),
            name: self.target.name.as_deref().unwrap_or_default().into(),
            user: self.user.name.clone(),
        }
    }

    /// Namespace of the request.
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.target.namespace.as_deref()
    }

    /// Name of the object; empty for a collection.
    pub(crate) fn name(&self) -> &str {
        self.target.name.as_deref().unwrap_or_default()
    }

    pub(crate) fn store(&self) -> &Store {
        self.api.store()
    }

    pub(crate) fn encoder(&self) -> Result<Encoder, Status> {
        Ok(Encoder {
            kind: Arc::clone(&self.kind),
            printed: if self.kind.is_custom() {
                Arc::clone(&self.kind)
            } else {
                self.store().kind(&self.gr)?
            },
            form: self.form,
            include: Include::parse(self.query.text("includeObject"))?,
            now: self.store().clock().now(),
        })
    }

    /// One object as an answer.
    pub(crate) fn show(&self, code: u16, object: &crate::store::Object) -> Result<Response<Body>, Status> {
        Ok(body::json(code, Body::whole(self.encoder()?.object(object))))
    }

    /// Whose request this is, for those who take part in writes.
    pub(crate) fn origin(&self) -> Origin {
        Origin { user: Arc::new(self.user.clone()), warnings: Arc::clone(&self.warnings) }
    }

    /// Adds warnings to the answer.
    pub(crate) fn warn(&self, warnings: Vec<String>) {
        self.origin().warn(warnings);
    }

    /// The answer, a refusal too, with what the client is to be warned of.
    async fn answer<B>(self, body: B) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let warnings = Arc::clone(&self.warnings);
        let (stored, asked) = (self.gr.clone(), Gr::new(self.kind.group.clone(), self.kind.plural.clone()));
        let answered = self.act(body).await.map_err(|status| status.renamed(&stored, &asked));
        let mut response = answered.unwrap_or_else(|status| body::refusal(&status));
        for warning in warnings.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let Ok(value) = HeaderValue::from_str(&format!("299 - {warning:?}")) {
                response.headers_mut().append(header::WARNING, value);
            }
        }
        response
    }

    async fn act<B>(mut self, body: B) -> Result<Response<Body>, Status>
    where
        B: http_body::Body + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let part = self.target.subresource.as_str();
        if matches!(part, "exec" | "attach" | "portforward" | "proxy")
            && let Some(hook) = Webhooks::wanting_connections(self.store(), &self.kind, part)
        {
            let what = format!("webhooks for connections ({hook:?} asks to see {}/{part})", self.gr);
            return Err(Status::not_implemented(what));
        }
        match part {
            "exec" | "attach" => return pods::exec(&mut self),
            "portforward" => return pods::forward(&mut self),
            "log" => return pods::log(&self).await,
            _ => {}
        }
        self.warn(warnings::of_kind(&self.kind));
        if matches!(self.verb, "get" | "list" | "watch") {
            return self.answer_read();
        }
        let body = collect(body).await?;
        if !Webhooks::are_configured(self.store()) {
            return self.answer_write(&body);
        }
        // Webhooks are waited for; others are to be served meanwhile.
        let writing = tokio::task::spawn_blocking(move || self.answer_write(&body)).await;
        writing.unwrap_or_else(|error| Err(Status::internal(error)))
    }

    fn answer_write(&self, body: &[u8]) -> Result<Response<Body>, Status> {
        let policy =
            self.gr.group == "admissionregistration.k8s.io" && self.gr.plural.contains("admissionpolic");
        if policy && !self.verb.starts_with("delete") {
            // Stored and never evaluated they would promise what nobody keeps.
            return Err(Status::not_implemented(format!("{} (admission policies)", self.gr)));
        }
        match (self.target.subresource.as_str(), self.verb) {
            ("", "create") if reviews::is_review(self) => reviews::answer(self, body),
            ("", "create") if self.gr == Gr::core("bindings") => placing::bind(self, body),
            ("binding", "create") => placing::bind(self, body),
            ("eviction", "create") => placing::evict(self, body),
            ("token", "create") => reviews::token(self, body),
            ("scale", "update") => scale::replace(self, body),
            ("scale", "patch") => scale::patch(self, body),
            ("" | "status" | "ephemeralcontainers" | "resize" | "finalize" | "approval", verb) => {
                match verb {
                    "create" => write::create(self, body),
                    "update" => write::replace(self, body),
                    "patch" => write::patch(self, body),
                    "delete" => delete::delete(self, body),
                    "deletecollection" => delete::delete_collection(self, body),
                    other => Err(Status::not_implemented(format!("the verb {other:?}"))),
                }
            }
            (sub, verb) => Err(self.not_served(sub, verb)),
        }
    }

    fn answer_read(self) -> Result<Response<Body>, Status> {
        match (self.target.subresource.as_str(), self.verb) {
            ("" | "status" | "ephemeralcontainers" | "resize" | "approval", "get") => read::get(&self),
            ("scale", "get") => scale::get(&self),
            ("", "list") => read::list(&self),
            ("", "watch") => watch::watch(self),
            (sub, verb) => Err(self.not_served(sub, verb)),
        }
    }

    fn not_served(&self, subresource: &str, verb: &str) -> Status {
        Status::not_implemented(format!("{verb} of {}/{subresource}", self.gr))
    }
}
