//! What is no object: health, version, discovery.

use super::accept::aggregated_discovery;
use super::body::{self, Body};
use super::{Api, openapi};
use crate::discovery;
use crate::kinds::KUBERNETES_VERSION;
use crate::openapi::Document;
use crate::status::Status;
use crate::store::Health;
use http::request::Parts;
use http::{HeaderValue, Method, Response, header};
use serde_json::{Value, json};

/// Answers a path outside the resources; none when there is no such path.
pub(super) fn answer(api: &Api, parts: &Parts) -> Option<Response<Body>> {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return None;
    }
    let path = parts.uri.path().trim_matches('/');
    let accept = parts.headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kinds = api.store().kinds();
    let segments: Vec<&str> = path.split('/').collect();
    match segments.as_slice() {
        ["readyz" | "healthz"] if api.store().health() == Health::Corrupt => {
            let page = "[+]ping ok\n[-]etcd failed: reason withheld\n";
            Some(body::text(500, format!("{page}{} check failed\n", segments.join("/"))))
        }
        [what @ ("livez" | "readyz" | "healthz")] if is_verbose(parts.uri.query()) => {
            Some(body::text(200, format!("[+]ping ok\n[+]etcd ok\n{what} check passed\n")))
        }
        ["livez" | "readyz" | "healthz"] | ["livez" | "readyz" | "healthz", "ping"] => {
            Some(body::text(200, "ok"))
        }
        ["version"] => Some(body::value(200, &version())),
        ["api"] | ["apis"] => {
            let core = path == "api";
            Some(match aggregated_discovery(accept) {
                Some(version) => aggregated(&discovery::aggregated(&kinds, core, version), version, parts),
                None if core => body::value(200, &discovery::core_versions(&kinds, &api.0.address)),
                None => body::value(200, &discovery::groups(&kinds)),
            })
        }
        ["api", version] => Some(found(discovery::resources(&kinds, "", version))),
        ["apis", group] => discovery::group(&kinds, group).map(|d| body::value(200, &d)),
        ["apis", group, version] => {
            discovery::group(&kinds, group)?;
            Some(found(discovery::resources(&kinds, group, version)))
        }
        ["openapi", "v2"] => Some(openapi::whole(&kinds, parts)),
        ["openapi", "v3"] => Some(openapi::index(&kinds, parts)),
        ["openapi", "v3", rest @ ..] => openapi::document(api, &kinds, rest, parts),
        [""] => Some(body::value(200, &paths(&discovery::groups(&kinds)))),
        _ => None,
    }
}

/// Whether the single checks are asked for, too.
fn is_verbose(query: Option<&str>) -> bool {
    query.unwrap_or_default().split('&').any(|pair| pair == "verbose" || pair.starts_with("verbose="))
}

/// A document, or that a group does not have it.
fn found(document: Option<Value>) -> Response<Body> {
    match document {
        Some(document) => body::value(200, &document),
        None => body::refusal(&Status::unknown_resource()),
    }
}

/// Clients keep it under its `ETag` and ask whether it is still the same.
fn aggregated(document: &Value, version: &str, parts: &Parts) -> Response<Body> {
    let mut response = openapi::send(&Document::of(document), parts);
    if let Ok(content_type) = HeaderValue::from_str(&discovery::aggregated_media_type(version)) {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    response
}

fn version() -> Value {
    let mut numbers = KUBERNETES_VERSION.trim_start_matches('v').split('.').map(str::parse::<u32>);
    let mut number = || numbers.next().and_then(Result::ok).unwrap_or_default();
    let (major, minor) = (number(), number());
    json!({
        "major": major.to_string(), "minor": minor.to_string(),
        "emulationMajor": major.to_string(), "emulationMinor": minor.to_string(),
        "minCompatibilityMajor": major.to_string(),
        "minCompatibilityMinor": minor.saturating_sub(1).to_string(),
        "gitVersion": KUBERNETES_VERSION,
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none", "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}

/// The root: where one can go.
fn paths(groups: &Value) -> Value {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for group in groups["groups"].as_array().into_iter().flatten() {
        paths.push(format!("/apis/{}", group["name"].as_str().unwrap_or_default()));
        for version in group["versions"].as_array().into_iter().flatten() {
            paths.push(format!("/apis/{}", version["groupVersion"].as_str().unwrap_or_default()));
        }
    }
    paths.extend(
        ["/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"].map(str::to_owned),
    );
    json!({"paths": paths})
}
