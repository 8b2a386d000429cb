//! OpenAPI documents over HTTP: URLs with the hash of the document may be kept for ever, all others are asked again.

use super::Api;
use super::body::{self, Body};
use crate::kinds::Kinds;
use crate::openapi::{self, Document, v2};
use chrono::TimeDelta;
use http::request::Parts;
use http::{HeaderValue, Response, header};

/// How long a document that is named by its hash may be kept, in days.
const KEPT: i64 = 365;

/// `/openapi/v3`.
pub(super) fn index(kinds: &Kinds, parts: &Parts) -> Response<Body> {
    send(&openapi::index(kinds), parts)
}

/// `/openapi/v3/apis/GROUP/VERSION`; none when there is no such document.
pub(super) fn document(api: &Api, kinds: &Kinds, path: &[&str], parts: &Parts) -> Option<Response<Body>> {
    let document = match path {
        ["api", version] => openapi::document(kinds, "", version),
        ["apis", group, version] => openapi::document(kinds, group, version),
        _ => None,
    }?;
    if !accepts_json(parts) {
        return Some(body::text(406, ""));
    }
    let asked = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let asked = asked.filter(|(key, _)| key == "hash").map(|(_, value)| value).find(|hash| !hash.is_empty());
    let Some(asked) = asked else { return Some(send(&document, parts)) };
    if asked != document.hash {
        let mut moved = body::typed(301, HeaderValue::from_static("text/plain"), Body::empty());
        let url = format!("/openapi/v3/{}?hash={}", path.join("/"), document.hash);
        if let Ok(url) = HeaderValue::from_str(&url) {
            moved.headers_mut().insert(header::LOCATION, url);
        }
        return Some(moved);
    }
    let mut response = send(&document, parts);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, immutable"));
    let now = api.store().clock().now();
    let end = TimeDelta::try_days(KEPT).and_then(|kept| now.checked_add_signed(kept)).unwrap_or(now);
    if let Ok(end) = HeaderValue::from_str(&end.format("%a, %d %b %Y %H:%M:%S GMT").to_string()) {
        headers.insert(header::EXPIRES, end);
    }
    Some(response)
}

/// Client libraries ask for this form, under either name.
const PROTOBUF: [&str; 2] = [
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
];

/// `/openapi/v2`.
pub(super) fn whole(kinds: &Kinds, parts: &Parts) -> Response<Body> {
    let accept = parts.headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or("*/*");
    let wanted = accept.split(',').map(|clause| clause.split(';').next().unwrap_or_default().trim());
    for name in wanted {
        if PROTOBUF.contains(&name) {
            let mut response = send(&v2::whole(kinds).protobuf, parts);
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROTOBUF[0]));
            return response;
        }
        if matches!(name, "application/json" | "application/*" | "*/*") {
            return send(&v2::whole(kinds).json, parts);
        }
    }
    body::text(406, "")
}

fn accepts_json(parts: &Parts) -> bool {
    let accept = parts.headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or("*/*");
    let mut types = accept.split(',').map(|clause| clause.split(';').next().unwrap_or_default().trim());
    types.any(|name| matches!(name, "application/json" | "application/*" | "*/*"))
}

/// The document, or that the client has it.
pub(super) fn send(document: &Document, parts: &Parts) -> Response<Body> {
    let tag = format!("\"{}\"", document.hash);
    let known = parts.headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let known = known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag);
    let json = HeaderValue::from_static("application/json");
    let mut response = match known {
        true => body::typed(304, json, Body::empty()),
        false => body::typed(200, json, Body::whole(document.text.clone())),
    };
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}
