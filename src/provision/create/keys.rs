//! The keys of a virtual cluster: those that its host has, or new ones.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use serde::Deserialize;
use smol_str::SmolStr;

use super::CreateError;
use crate::cluster::{Cluster, FailureKind, ObjectRef, Resource};
use crate::provision::objects::Blueprint;
use crate::provision::pki::{Keys, PkiError, serving_names};
use crate::wire::name;

/// Files of the Secret with the keys, by name.
pub(super) type Files = BTreeMap<String, String>;

#[derive(Deserialize)]
struct SecretNow {
    #[serde(default)]
    data: BTreeMap<String, String>,
}

/// Those of these files, or new ones where there are none; and whether they were kept. `addresses` are those by which the
/// Service is reached: the API server's certificate holds for them.
pub(super) fn kept_or_made(
    plan: &Blueprint<'_>,
    addresses: &[SmolStr],
    files: Option<Files>,
) -> Result<(Keys, bool), PkiError> {
    let names = serving_names(plan, addresses);
    let now = Utc::now();
    let kept = match files {
        Some(files) => Keys::kept(files, &names, now)?,
        None => None,
    };
    match kept {
        Some(keys) => Ok((keys, true)),
        None => Ok((Keys::make(plan, &names, now)?, false)),
    }
}

/// What the host has of them, as far as it is text.
pub(super) async fn files(cluster: &Cluster, plan: &Blueprint<'_>) -> Result<Option<Files>, CreateError> {
    let secret =
        ObjectRef::namespaced(Resource::SECRETS, plan.namespace, name::certificates_secret(plan.name));
    let now: SecretNow = match cluster.get(&secret).await {
        Ok(now) => now,
        Err(failure) if failure.kind == FailureKind::NotFound => return Ok(None),
        Err(failure) => return Err(cluster.error(format!("read {secret}"), failure).into()),
    };
    let text = |(key, encoded): (String, String)| {
        Some((key, String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?))
    };
    Ok(Some(now.data.into_iter().filter_map(text).collect()))
}
