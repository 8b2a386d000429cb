//! What a request wants: its verb, and its body.

use super::Refused;
use super::path::Target;
use super::query::Query;
use crate::kinds::Kind;
use crate::status::Status;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::Method;
use http_body_util::BodyExt as _;

/// Largest request body, as the real server's default.
const LARGEST_BODY: usize = 3 * 1024 * 1024;

/// The verb of a request, as roles name it.
pub(super) fn verb_of(method: &Method, target: &Target, query: &Query) -> &'static str {
    let one = target.name.is_some();
    match *method {
        Method::GET if target.watched => "watch",
        _ if target.watched => "",
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
pub(super) fn check_verb(kind: &Kind, target: &Target, verb: &str) -> Result<(), Refused> {
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

/// Reads a body up to the limit. A larger one is read on for a while and thrown away: a client that is still writing
/// would not see the answer.
pub(super) async fn collect<B>(body: B) -> Result<Bytes, Status>
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
