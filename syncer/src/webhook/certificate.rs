//! The certificate by which the virtual API server knows the webhook: one for all replicas, in a Secret on the host.
//!
//! It vouches for itself and for nothing else. What the configuration trusts holds the one before as well, so that a
//! replica that has not seen the new one yet is still believed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Datelike as _, Days, SecondsFormat, Utc};
use data_encoding::HEXLOWER;
use http::Method;
use rand::RngExt as _;
use rcgen::date_time_ymd;
use serde::Deserialize;
use serde_json::{Value, json};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use v9s::cluster::{Cluster, Failure, FailureKind, ObjectRef, Resource};
use v9s::wire::{annotation, name};

use crate::context::Context;
use crate::requests::{self, JSON, MERGE_PATCH};
use crate::tls;

/// Days that it is valid.
const VALID: Days = Days::new(730);
/// Days after which it is made anew.
const RENEWED: Days = Days::new(365);
/// Names that it is always valid for: the virtual API server is in the same pod.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What is held to serve, and what the virtual API server is told of it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Held {
    /// The certificate, PEM.
    pub(super) certificate: String,
    /// Its key, PEM.
    pub(super) key: String,
    /// What is trusted, PEM.
    pub(super) trusted: String,
    /// Last part of the path; who does not know it is not answered.
    pub(super) path: String,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held")
    }
}

#[derive(Deserialize)]
struct Secret {
    metadata: Meta,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    resource_version: SmolStr,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl Secret {
    fn text(&self, key: &str) -> Option<String> {
        let bytes = STANDARD.decode(self.data.get(key)?).ok()?;
        String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
    }

    /// Whether it is for this host name, and young enough.
    fn is_right(&self, host: &str, now: DateTime<Utc>) -> bool {
        let renew_after = self.metadata.annotations.get(annotation::RENEW_AFTER);
        let renew_after = renew_after.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        renew_after.is_some_and(|at| now < at.to_utc()) && self.text("host").as_deref() == Some(host)
    }

    fn held(&self) -> Option<Held> {
        Some(Held {
            certificate: self.text("tls.crt")?,
            key: self.text("tls.key")?,
            trusted: self.text("ca.crt")?,
            path: self.text("path")?,
        })
    }
}

/// Reads what all replicas share; the leader makes it where it is missing, has become old, or is for another place than
/// the one where the virtual API server is to ask. `place` is `HOST:PORT`.
pub(super) async fn hold(
    ctx: &Context,
    cluster: &Cluster,
    place: &str,
    leads: bool,
) -> Result<Option<Held>, Failure> {
    let (host, now) = (host_of(place), Utc::now());
    let secret = name::webhook_secret(&ctx.vcluster);
    let secret = ObjectRef::namespaced(Resource::SECRETS, ctx.host_namespace.clone(), secret);
    let found: Option<Secret> = match requests::get(cluster, &secret.path()).await {
        Ok(found) => Some(found),
        Err(failure) if failure.kind == FailureKind::NotFound => None,
        Err(failure) => return Err(failure),
    };
    let before = found.as_ref().and_then(Secret::held);
    if !leads || found.as_ref().is_some_and(|found| found.is_right(host, now) && before.is_some()) {
        return Ok(before);
    }
    let held = make(host, before.as_ref(), now)
        .map_err(|error| Failure::new(FailureKind::Tls, format!("no certificate can be made: {error}")))?;
    // Another replica that was faster is a conflict, after which its certificate is read.
    match found {
        None => {
            let path = Resource::SECRETS.path(Some(&ctx.host_namespace));
            let body = body(ctx, &secret.name, host, &held, now);
            requests::send(cluster, Method::POST, &path, JSON, &body).await?;
        }
        Some(found) => {
            let mut body = body(ctx, &secret.name, host, &held, now);
            body["metadata"]["resourceVersion"] = json!(found.metadata.resource_version);
            requests::send(cluster, Method::PATCH, &secret.path(), MERGE_PATCH, &body).await?;
        }
    }
    Ok(Some(held))
}

fn body(ctx: &Context, name: &str, host: &str, held: &Held, now: DateTime<Utc>) -> Value {
    let renew_after = now.checked_add_days(RENEWED).unwrap_or(now);
    let mut metadata = json!({"name": name, "annotations": {
        annotation::RENEW_AFTER: renew_after.to_rfc3339_opts(SecondsFormat::Secs, true)}});
    if let Some(uid) = &ctx.owner_uid {
        metadata["ownerReferences"] =
            json!([{"apiVersion": "v1", "kind": "Service", "name": ctx.vcluster, "uid": uid}]);
    }
    let data: BTreeMap<&str, String> = [
        ("tls.crt", &held.certificate),
        ("tls.key", &held.key),
        ("ca.crt", &held.trusted),
        ("path", &held.path),
        ("host", &host.to_owned()),
    ]
    .into_iter()
    .map(|(key, text)| (key, STANDARD.encode(text)))
    .collect();
    json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": data})
}

fn make(host: &str, before: Option<&Held>, now: DateTime<Utc>) -> Result<Held, rcgen::Error> {
    let names = OWN_NAMES.into_iter().chain((!OWN_NAMES.contains(&host)).then_some(host));
    let day = |at: DateTime<Utc>| {
        date_time_ymd(at.year(), u8::try_from(at.month()).unwrap_or(1), u8::try_from(at.day()).unwrap_or(1))
    };
    let (certificate, key) = tls::self_signed(names.map(str::to_owned).collect(), "v9s-syncer", |params| {
        // The virtual API server's clock may be behind.
        params.not_before = day(now.checked_sub_days(Days::new(1)).unwrap_or(now));
        params.not_after = day(now.checked_add_days(VALID).unwrap_or(now));
    })?;
    let certificate = certificate.pem();
    let trusted = format!("{certificate}{}", before.map_or("", |before| before.certificate.as_str()));
    // Other replicas go on answering where they did.
    let path = before.map_or_else(secret_path, |before| before.path.clone());
    Ok(Held { certificate, key: key.serialize_pem(), trusted, path })
}

fn secret_path() -> String {
    HEXLOWER.encode(&rand::rng().random::<[u8; 16]>())
}

/// `HOST:PORT` as a URL has it: an IPv6 address, which may have come from a pod's environment, in brackets.
pub(super) fn in_url(place: &str) -> String {
    match place.rsplit_once(':') {
        Some((host, port)) if host.contains(':') && !host.starts_with('[') => format!("[{host}]:{port}"),
        _ => place.to_owned(),
    }
}

/// The host of `HOST:PORT`.
fn host_of(place: &str) -> &str {
    let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(held: &Held, host: &str, at: DateTime<Utc>) -> Secret {
        let mut body = body(&Context::new("t", "tenants"), "s", host, held, at);
        body["metadata"]["resourceVersion"] = json!("1");
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn what_was_made_is_held_until_it_is_old_or_for_another_host() {
        let now = Utc::now();
        let held = make("127.0.0.1", None, now).unwrap();
        let secret = secret(&held, "127.0.0.1", now);
        assert_eq!(secret.held(), Some(held.clone()));
        assert!(secret.is_right("127.0.0.1", now));
        assert!(!secret.is_right("api.example.org", now));
        assert!(!secret.is_right("127.0.0.1", now + Days::new(366)));
        assert_eq!(format!("{held:?}"), "Held", "a key is never written to a log");
    }

    #[test]
    fn the_one_before_is_still_trusted() {
        let now = Utc::now();
        let first = make("127.0.0.1", None, now).unwrap();
        let second = make("127.0.0.1", Some(&first), now).unwrap();
        assert!(second.trusted.contains(&first.certificate) && second.trusted.contains(&second.certificate));
        assert!(second.path == first.path && second.path.len() == 32);
        assert_ne!(make("127.0.0.1", None, now).unwrap().path, first.path);
    }

    #[test]
    fn hosts_of_places() {
        for (place, url) in [
            ("fd00::1:443", "[fd00::1]:443"),
            ("[fd00::1]:443", "[fd00::1]:443"),
            ("10.0.0.1:443", "10.0.0.1:443"),
        ] {
            assert_eq!(in_url(place), url);
            assert!(["fd00::1", "10.0.0.1"].contains(&host_of(place)));
        }
        for (place, host) in
            [("127.0.0.1:10260", "127.0.0.1"), ("[::1]:10260", "::1"), ("a.example.org:443", "a.example.org")]
        {
            assert_eq!(host_of(place), host);
        }
    }
}
