//! Waits until a virtual cluster can be used, and says what it waits for.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::CreateError;
use super::cause::{self, cause};
use crate::cluster::{Cluster, EventRow, Failure, FailureKind, ObjectRef, Resource};
use crate::companion::{self, SyncerStatus};
use crate::operation::Progress;
use crate::provision::objects::Blueprint;
use crate::wire::{self, label};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// Events and logs are asked for less often.
const ASK: Duration = Duration::from_secs(3);

/// What is waited for, and for how long at most.
pub(super) struct Waiting<'a> {
    pub cluster: &'a Cluster,
    pub plan: &'a Blueprint<'a>,
    pub progress: &'a Progress,
    pub patience: Duration,
}

#[derive(Deserialize)]
struct Workload {
    metadata: WorkloadMeta,
    spec: WorkloadSpec,
    #[serde(default)]
    status: WorkloadStatus,
}

#[derive(Deserialize)]
struct WorkloadMeta {
    #[serde(default)]
    generation: i64,
}

#[derive(Deserialize)]
struct WorkloadSpec {
    replicas: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct WorkloadStatus {
    observed_generation: i64,
    ready_replicas: i64,
    updated_replicas: i64,
}

impl Workload {
    /// All replicas are as they should be now.
    fn is_ready(&self) -> bool {
        let wanted = self.spec.replicas.unwrap_or(1);
        let status = &self.status;
        status.observed_generation >= self.metadata.generation
            && status.ready_replicas >= wanted
            && status.updated_replicas >= wanted
    }
}

#[derive(Deserialize)]
struct Published {
    #[serde(default)]
    data: std::collections::BTreeMap<String, String>,
}

/// Until every replica of the control plane is ready, which means that its API server says so.
pub(super) async fn for_api(waiting: &Waiting<'_>) -> Result<(), CreateError> {
    let workload = &waiting.plan.control_plane();
    let told = &Mutex::new(Told::default());
    waiting
        .until("the API does not answer", || async move {
            match waiting.cluster.get::<Workload>(workload).await {
                Ok(now) if now.is_ready() => return Ok(Ok(())),
                Ok(_) => {}
                Err(failure) if is_passing(&failure) => {}
                Err(failure) => {
                    return Err(waiting.cluster.error(format!("read {workload}"), failure).into());
                }
            }
            Ok(Err(told.lock().await.look(waiting).await))
        })
        .await
}

/// Until its companion has said that both sides were listed whole and nothing is wrong.
pub(super) async fn for_mirror(waiting: &Waiting<'_>) -> Result<(), CreateError> {
    let map = companion::config_map(waiting.plan.name);
    let map = &ObjectRef::namespaced(Resource::CONFIG_MAPS, waiting.plan.namespace, map);
    waiting
        .until("nothing is mirrored", || async move {
            let cause = match waiting.cluster.get::<Published>(map).await {
                Ok(published) => match status(&published) {
                    Ok(status) if status.synced && status.trouble.is_none() => return Ok(Ok(())),
                    Ok(status) => status.trouble.unwrap_or_else(|| "both sides are being listed".into()),
                    Err(why) => why,
                },
                Err(failure) if failure.kind == FailureKind::NotFound => "the syncer has not told yet".into(),
                Err(failure) if is_passing(&failure) => format_smolstr!("{failure}"),
                Err(failure) => return Err(waiting.cluster.error(format!("read {map}"), failure).into()),
            };
            Ok(Err(cause))
        })
        .await
}

fn status(published: &Published) -> Result<SyncerStatus, SmolStr> {
    companion::read(published.data.get(companion::KEY).map(String::as_str).unwrap_or_default())
}

/// Whether it is worth another try.
fn is_passing(failure: &Failure) -> bool {
    !matches!(
        failure.kind,
        FailureKind::Forbidden | FailureKind::Unauthorized | FailureKind::NotFound | FailureKind::Rejected
    )
}

impl Waiting<'_> {
    async fn until<Look>(&self, what: &'static str, look: impl Fn() -> Look) -> Result<(), CreateError>
    where
        Look: Future<Output = Result<Result<(), SmolStr>, CreateError>>,
    {
        let seconds = self.patience.as_secs();
        let late = |cause| CreateError::Late { what, seconds, cause };
        self.progress.until(LOOK, self.patience, late, look).await
    }

    async fn pods(&self) -> Result<Vec<Pod>, Failure> {
        let selector = format!("{},{}={}", wire::control_plane_selector(), label::RELEASE, self.plan.name);
        self.cluster.list(&Resource::PODS, Some(self.plan.namespace), Some(&selector)).await
    }

    /// The last lines of a container that ends again and again.
    async fn last_words(&self, pod: &str, container: &str) -> Option<SmolStr> {
        let path = Resource::PODS.path(Some(self.plan.namespace));
        for previous in [true, false] {
            let uri = format!("{path}/{pod}/log?container={container}&tailLines=5&previous={previous}");
            let Ok(request) = http::Request::get(uri).body(Vec::new()) else { continue };
            if let Ok(log) = self.cluster.fetch(request).await
                && let Some(line) = cause::last_line(&String::from_utf8_lossy(&log))
            {
                return Some(line);
            }
        }
        None
    }
}

/// What was learnt some moments ago.
#[derive(Default)]
struct Told {
    asked: Option<Instant>,
    events: Vec<EventRow>,
    words: Option<SmolStr>,
}

impl Told {
    async fn look(&mut self, waiting: &Waiting<'_>) -> SmolStr {
        let pods = match waiting.pods().await {
            Ok(pods) => pods,
            Err(failure) => return format_smolstr!("the pods cannot be listed: {failure}"),
        };
        if self.asked.is_none_or(|at| at.elapsed() >= ASK) {
            self.asked = Some(Instant::now());
            // Who may not read events learns less, and waits all the same.
            self.events = waiting.cluster.events(waiting.plan.namespace).await.unwrap_or_default();
            self.words = match pods.iter().find_map(cause::crashed) {
                Some((pod, container)) => waiting.last_words(&pod, &container).await,
                None => None,
            };
        }
        cause(waiting.plan.name, &pods, &self.events, self.words.as_deref())
    }
}
