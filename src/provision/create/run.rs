//! Applies what was planned, in order.

use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};

use super::preflight::look_and_judge;
use super::wait::{self, Waiting};
use super::{CreateError, Created, Request, ServiceNow, keys, marked};
use crate::cluster::{Cluster, ObjectRef, Resource};
use crate::operation::Progress;
use crate::provision::objects::{self, Blueprint, Object, Objects};
use crate::provision::pki::Keys;

/// The word in the record of changes.
const ACTION: &str = "create";
/// Said where a load balancer was asked for and has no address yet.
const NO_BALANCER: &str = "the load balancer has no address yet: run the same again when it has one, so that the certificate holds for it";

/// Makes it. Takes the steps of [`Request::steps`].
///
/// # Errors
/// What stood in the way. What was applied until then stays: the same again completes it.
pub async fn run(cluster: &Cluster, request: &Request, progress: &Progress) -> Result<Created, CreateError> {
    let found = progress
        .step(0, async {
            let found = look_and_judge(cluster, request).await?;
            progress.note(format_smolstr!("{}, Services in {}", found.version, found.service_range));
            Ok::<_, CreateError>(found)
        })
        .await?;
    let plan = request.blueprint(&found.service_range);
    let mut objects = request.objects(&found);
    let making = Making { cluster, progress };
    match found.namespace {
        Some(_) => progress.skip(1, "it is there"),
        None => progress.step(1, making.apply_all(&[plan.new_namespace()])).await?,
    }
    progress.step(2, making.apply_all(&objects.rights)).await?;
    let service = progress.step(3, making.services(&plan, &objects)).await?;
    let (keys, keys_kept) = progress.step(4, making.keys(&plan, &service)).await?;
    marked::tell_end(&mut objects.control_plane, &keys);
    let mut notes = found.notes(request);
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
    if service.awaits_balancer() && !making.balanced(&plan).await? {
        notes.push(SmolStr::new_static(NO_BALANCER));
    }
    // The Secrets with the keys, and a namespace of its own.
    let others = 2 + usize::from(found.namespace.is_none());
    Ok(Created { objects: objects.all().count() + others, keys_kept, notes })
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
    async fn services(&self, plan: &Blueprint<'_>, objects: &Objects) -> Result<ServiceNow, CreateError> {
        let mut api = None;
        for service in &objects.services {
            let now: ServiceNow = self.apply(service).await?;
            if service.at.name == plan.name {
                api = Some(now);
            }
        }
        let api = api.ok_or_else(|| CreateError::NoAddress(plan.name.into()))?;
        if api.cluster_addresses().is_empty() {
            return Err(CreateError::NoAddress(plan.name.into()));
        }
        for ingress in &objects.ingress {
            self.apply::<Value>(ingress).await?;
        }
        self.progress.note(format_smolstr!("reached at {}", api.addresses().join(", ")));
        Ok(api)
    }

    /// Those that are there are kept; whether they were.
    async fn keys(&self, plan: &Blueprint<'_>, service: &ServiceNow) -> Result<(Keys, bool), CreateError> {
        let files = keys::files(self.cluster, plan).await?;
        let (keys, kept) = keys::kept_or_made(plan, &service.addresses(), files)?;
        let owner = Some(service.metadata.uid.as_str()).filter(|uid| !uid.is_empty());
        self.apply::<Value>(&objects::certificates(plan, &keys, owner)).await?;
        self.apply::<Value>(&objects::kubeconfig(plan, &keys, owner)).await?;
        self.progress.note(if kept { "kept" } else { "made" });
        Ok((keys, kept))
    }

    /// Whether the load balancer has an address by now: the certificate then holds for it, and the API server reads it anew.
    async fn balanced(&self, plan: &Blueprint<'_>) -> Result<bool, CreateError> {
        let at = ObjectRef::namespaced(Resource::SERVICES, plan.namespace, plan.name);
        let service: ServiceNow = self
            .cluster
            .get(&at)
            .await
            .map_err(|failure| self.cluster.error(format!("read {at}"), failure))?;
        if service.awaits_balancer() {
            return Ok(false);
        }
        self.keys(plan, &service).await?;
        Ok(true)
    }
}
