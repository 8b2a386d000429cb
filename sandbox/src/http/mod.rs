//! The API server: requests in, answers out. It speaks HTTP but owns no socket; [`Api`] is a `tower::Service`.

mod accept;
mod auth;
mod body;
mod decode;
mod delete;
mod encode;
mod finish;
mod meta;
mod openapi;
mod path;
mod placing;
mod pods;
mod query;
mod read;
mod reviews;
mod scale;
mod strict;
mod typing;
mod warnings;
mod watch;
mod write;
mod yaml;

pub use auth::Tokens;
pub use body::Body;
pub(crate) use reviews::issue;

use crate::access::{User, Wish};
use crate::faults::{Fate, Faults, Matter};
use crate::kinds::Kind;
use crate::runtime::{NoRuntime, PodRuntime};
use crate::status::Status;
use crate::store::{Gr, Store};
use accept::Form;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use encode::{Encoder, Include};
use finish::Wishes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::upgrade::OnUpgrade;
use path::{Route, Target};
use query::Query;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll};
use tokio_util::sync::CancellationToken;

/// Largest request body, as the real server's default.
const LARGEST_BODY: usize = 3 * 1024 * 1024;

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
    warnings: Mutex<Vec<String>>,
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
                    Fate::Pass => call.answer(body).await.map_err(Refused::Status),
                },
            },
        };
        Ok(wishes.grant(answered.unwrap_or_else(|refused| match refused {
            Refused::Status(status) => body::refusal(&status),
            Refused::NoPage => body::text(404, "404 page not found\n"),
        })))
    }

    fn other(&self, parts: &Parts) -> Result<Response<Body>, Refused> {
        let user = auth::authenticate(self.store(), &self.0.tokens, &parts.headers)?;
        let verb = parts.method.as_str().to_ascii_lowercase();
        let path = parts.uri.path();
        auth::authorize(self.store(), &user, &Wish::Path { verb: &verb, path })?;
        meta::answer(self, parts).ok_or(Refused::NoPage)
    }

    fn call(&self, parts: &Parts, target: Target, upgrade: Option<OnUpgrade>) -> Result<Call, Refused> {
        let store = self.store();
        let query = Query::parse(parts.uri.query());
        let user = auth::authenticate(store, &self.0.tokens, &parts.headers)?;
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
        let accept = parts.headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let form = if verb == "watch" { accept::watch_form(accept)? } else { accept::form(accept)? };
        Ok(Call {
            api: self.clone(),
            verb,
            kind: Arc::clone(kind),
            gr: Gr::new(kind.group.clone(), kind.plural.clone()),
            target,
            query,
            headers: parts.headers.clone(),
            user,
            form,
            upgrade,
            warnings: Mutex::default(),
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

/// The verb of a request, as roles name it.
fn verb_of(method: &Method, target: &Target, query: &Query) -> &'static str {
    let one = target.name.is_some();
    match *method {
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if one => "delete",
        Method::DELETE => "deletecollection",
        Method::GET if one => "get",
        Method::GET if query.flag("watch") => "watch",
        Method::GET => "list",
        _ => "",
    }
}

/// Refuses verbs that the kind does not have: 404 for parts it does not have, 405 else.
fn check_verb(kind: &Kind, target: &Target, verb: &str) -> Result<(), Refused> {
    let collection_only = target.name.is_some() && verb == "create" && target.subresource.is_empty();
    let object_only = target.name.is_none() && matches!(verb, "update" | "patch");
    let needs_namespace = kind.namespaced && target.namespace.is_none();
    if verb.is_empty()
        || collection_only
        || object_only
        || needs_namespace && !matches!(verb, "list" | "watch")
    {
        return Err(Status::method_not_allowed().into());
    }
    let allowed = if target.subresource.is_empty() {
        kind.allows(verb)
    } else {
        let Some(sub) = kind.subresource(&target.subresource) else {
            return Err(Status::unknown_resource().into());
        };
        // Streams are opened by GET or POST, whatever discovery calls it.
        let stream = matches!(sub.name.as_str(), "exec" | "attach" | "portforward" | "proxy");
        stream || sub.verbs.iter().any(|known| known == verb)
    };
    if allowed { Ok(()) } else { Err(Status::method_not_allowed().into()) }
}

impl Call {
    /// What fault rules look at.
    pub(crate) fn matter(&self) -> Matter {
        Matter {
            verb: self.verb,
            resource: self.gr.clone(),
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
            form: self.form,
            include: Include::parse(self.query.text("includeObject"))?,
            now: self.store().clock().now(),
        })
    }

    /// One object as an answer.
    pub(crate) fn show(&self, code: u16, object: &crate::store::Object) -> Result<Response<Body>, Status> {
        Ok(body::json(code, Body::whole(self.encoder()?.object(object))))
    }

    /// Adds warnings to the answer.
    pub(crate) fn warn(&self, warnings: Vec<String>) {
        let mut all = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        for warning in warnings {
            if !all.contains(&warning) {
                all.push(warning);
            }
        }
    }

    fn with_warnings(&self, mut response: Response<Body>) -> Response<Body> {
        for warning in self.warnings.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let Ok(value) = HeaderValue::from_str(&format!("299 - {warning:?}")) {
                response.headers_mut().append(header::WARNING, value);
            }
        }
        response
    }

    async fn answer<B>(mut self, body: B) -> Result<Response<Body>, Status>
    where
        B: http_body::Body + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match self.target.subresource.as_str() {
            "exec" | "attach" => return pods::exec(&mut self),
            "portforward" => return pods::forward(&mut self),
            "log" => return pods::log(&self).await,
            _ => {}
        }
        self.warn(warnings::of_kind(&self.kind));
        if matches!(self.verb, "get" | "list" | "watch") {
            let warned = self.with_warnings(Response::new(Body::empty())).into_parts().0.headers;
            let mut answered = self.answer_read().unwrap_or_else(|status| body::refusal(&status));
            answered.headers_mut().extend(warned);
            return Ok(answered);
        }
        let body = collect(body).await?;
        let answered = self.answer_write(&body).unwrap_or_else(|status| body::refusal(&status));
        Ok(self.with_warnings(answered))
    }

    fn answer_write(&self, body: &[u8]) -> Result<Response<Body>, Status> {
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

/// Reads a body up to the limit. A larger one is read on for a while and thrown away: a client that is still writing
/// would not see the answer.
async fn collect<B>(body: B) -> Result<Bytes, Status>
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut body = std::pin::pin!(body);
    let (mut collected, mut size) = (BytesMut::new(), 0);
    while let Some(frame) = body.as_mut().frame().await {
        let frame = frame.map_err(|error| {
            Status::bad_request(format!("cannot read the request body: {}", error.into()))
        })?;
        let Ok(data) = frame.into_data() else { continue };
        size += data.remaining();
        if size <= LARGEST_BODY {
            collected.put(data);
        } else if size > 8 * LARGEST_BODY {
            break;
        }
    }
    if size > LARGEST_BODY {
        let message = format!("Request entity too large: limit is {LARGEST_BODY}");
        return Err(Status::new(413, "RequestEntityTooLarge", message));
    }
    Ok(collected.freeze())
}

impl<B> tower::Service<Request<B>> for Api
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Dropped;
    type Future = futures::future::BoxFuture<'static, Result<Response<Body>, Dropped>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Dropped>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let api = self.clone();
        Box::pin(async move { api.handle(request).await })
    }
}
