//! Applies what was planned, in order.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use serde::Deserialize;
use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};

use super::wait::{self, Waiting};
use super::{CreateError, Created, Request, look};
use crate::cluster::{Cluster, FailureKind, ObjectRef, Resource};
use crate::operation::Progress;
use crate::provision::objects::{self, Blueprint, Object};
use crate::provision::pki::{Keys, serving_names};
use crate::wire::name;

/// The word in the record of changes.
const ACTION: &str = "create";

#[derive(Deserialize)]
struct ServiceNow {
    metadata: Uid,
    #[serde(default)]
    spec: Addresses,
}

#[derive(Deserialize, Default)]
struct Uid {
    #[serde(default)]
    uid: SmolStr,
}

#[derive(Deserialize, Default)]
struct Addresses {
    #[serde(rename = "clusterIPs", default)]
    cluster_ips: Vec<SmolStr>,
}

#[derive(Deserialize)]
struct SecretNow {
    #[serde(default)]
    data: BTreeMap<String, String>,
}

/// Makes it. Takes the steps of [`Request::steps`].
///
/// # Errors
/// What stood in the way. What was applied until then stays: the same again completes it.
pub async fn run(cluster: &Cluster, request: &Request, progress: &Progress) -> Result<Created, CreateError> {
    let found = progress
        .step(0, async {
            let found = look(cluster, request).await?;
            let refusals = found.refusals(request);
            if !refusals.is_empty() {
                return Err(CreateError::Refused(refusals));
            }
            progress.note(format_smolstr!("{}, Services in {}", found.version, found.service_range));
            Ok(found)
        })
        .await?;
    let plan = request.blueprint(&found.service_range);
    let objects = request.objects(&found);
    let making = Making { cluster, progress };
    match found.namespace {
        Some(_) => progress.skip(1, "it is there"),
        None => progress.step(1, making.apply_all(&[plan.new_namespace()])).await?,
    }
    progress.step(2, making.apply_all(&objects.rights)).await?;
    let service = progress.step(3, making.services(&plan, &objects.services)).await?;
    let keys_kept = progress.step(4, making.keys(&plan, &service)).await?;
    progress.step(5, making.apply_all(&objects.confines)).await?;
    match objects.store.is_empty() {
        true => progress.skip(6, "it is in the control plane"),
        false => progress.step(6, making.apply_all(&objects.store)).await?,
    }
    progress.step(7, making.apply_all(&objects.control_plane)).await?;
    if let Some(patience) = request.patience {
        let waiting = Waiting { cluster, plan: &plan, progress, patience };
        progress.step(8, wait::for_api(&waiting)).await?;
        progress.step(9, wait::for_mirror(&waiting)).await?;
    }
    // The Secrets with the keys, and a namespace of its own.
    let others = 2 + usize::from(found.namespace.is_none());
    Ok(Created { objects: objects.all().count() + others, keys_kept, notes: found.notes(request) })
}

struct Making<'a> {
    cluster: &'a Cluster,
    progress: &'a Progress,
}

impl Making<'_> {
    async fn apply_all(&self, objects: &[Object]) -> Result<(), CreateError> {
        for object in objects {
            self.apply::<Value>(object).await?;
        }
        self.progress.note(match objects {
            [one] => format_smolstr!("{}", one.at),
            all => format_smolstr!("{} objects", all.len()),
        });
        Ok(())
    }

    async fn apply<T: serde::de::DeserializeOwned>(&self, object: &Object) -> Result<T, CreateError> {
        self.progress.check()?;
        Ok(self.cluster.apply(ACTION, &object.at, &object.body).await?)
    }

    /// The Services; the first is the one by which it is reached, whose address is in certificates.
    async fn services(&self, plan: &Blueprint<'_>, services: &[Object]) -> Result<ServiceNow, CreateError> {
        let mut api = None;
        for service in services {
            let now: ServiceNow = self.apply(service).await?;
            if service.at.name == plan.name {
                api = Some(now);
            }
        }
        let api = api.ok_or_else(|| CreateError::NoAddress(plan.name.into()))?;
        if api.addresses().is_empty() {
            return Err(CreateError::NoAddress(plan.name.into()));
        }
        self.progress.note(format_smolstr!("reached at {}", api.spec.cluster_ips.join(", ")));
        Ok(api)
    }

    /// Those that are there are kept; whether they were.
    async fn keys(&self, plan: &Blueprint<'_>, service: &ServiceNow) -> Result<bool, CreateError> {
        let names = serving_names(plan, &service.addresses());
        let there = files(self.cluster, plan).await?;
        let now = Utc::now();
        let kept = match there {
            Some(files) => Keys::kept(files, &names, now)?,
            None => None,
        };
        let was_there = kept.is_some();
        let keys = match kept {
            Some(keys) => keys,
            None => Keys::make(plan, &names, now)?,
        };
        let owner = Some(service.metadata.uid.as_str()).filter(|uid| !uid.is_empty());
        self.apply::<Value>(&objects::certificates(plan, &keys, owner)).await?;
        self.apply::<Value>(&objects::kubeconfig(plan, &keys, owner)).await?;
        self.progress.note(if was_there { "kept" } else { "made" });
        Ok(was_there)
    }
}

/// Keys that are there, as far as they are text.
pub(super) async fn files(
    cluster: &Cluster,
    plan: &Blueprint<'_>,
) -> Result<Option<BTreeMap<String, String>>, CreateError> {
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

impl ServiceNow {
    fn addresses(&self) -> Vec<IpAddr> {
        self.spec.cluster_ips.iter().filter_map(|address| address.parse().ok()).collect()
    }
}
