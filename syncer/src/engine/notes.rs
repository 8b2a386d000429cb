//! Events on virtual objects: what a tenant is told, once and not in a stream.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use http::Method;
use serde_json::{Value, json};
use smol_str::SmolStr;
use tokio::sync::mpsc;
use tokio::time::Instant;
use v9s::cluster::lean::Lean;
use v9s::cluster::{Cluster, Failure, Resource};

use super::mirror::Source;
use super::plan::Note;
use crate::context::Context;
use crate::requests;

/// The same thing is told again after this.
const AGAIN: Duration = Duration::from_secs(600);
/// Notes that may wait; more are dropped, they come again.
const WAITING: usize = 256;
/// Longest message, in bytes: the API server's limit.
const LONGEST: usize = 1024;

/// Tells tenants.
pub struct Notes {
    told: Mutex<HashMap<(SmolStr, Note), Instant>>,
    way: mpsc::Sender<Value>,
}

impl Notes {
    /// Starts the task that writes events to this cluster.
    pub fn new(cluster: Cluster, ctx: &Context) -> Self {
        let (way, mut notes) = mpsc::channel::<Value>(WAITING);
        let reporter = ctx.vcluster.clone();
        tokio::spawn(async move {
            while let Some(mut event) = notes.recv().await {
                event["reportingInstance"] = json!(reporter);
                if let Err(failure) = write(&cluster, &event).await {
                    tracing::warn!(%failure, "an event for the tenant cannot be written");
                }
            }
        });
        Notes { told: Mutex::default(), way }
    }

    /// Tells it, unless it was told lately.
    pub fn tell(&self, source: Option<&Source>, object: &Lean, note: &Note) {
        let Some(Source { resource, .. }) = source else { return };
        let now = Instant::now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, at| now.duration_since(*at) < AGAIN);
        if told.insert((object.metadata.uid.clone(), note.clone()), now).is_some() {
            return;
        }
        drop(told);
        // A full way means that something else is wrong, which is told elsewhere.
        let _ = self.way.try_send(event(resource, object, note, Utc::now()));
    }
}

fn event(resource: &Resource, object: &Lean, note: &Note, now: DateTime<Utc>) -> Value {
    let meta = &object.metadata;
    let namespace = if meta.namespace.is_empty() { "default" } else { meta.namespace.as_str() };
    let time = now.to_rfc3339_opts(SecondsFormat::Secs, true);
    let cut = (0..=LONGEST.min(note.message.len())).rev().find(|at| note.message.is_char_boundary(*at));
    json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"namespace": namespace, "generateName": format!("{}.", meta.name)},
        "involvedObject": {"apiVersion": resource.api_version(), "kind": resource.kind, "name": meta.name,
            "namespace": meta.namespace, "uid": meta.uid, "resourceVersion": meta.resource_version},
        "type": if note.warning { "Warning" } else { "Normal" },
        "reason": note.reason,
        "action": format!("Sync{}", resource.kind),
        "message": note.message.get(..cut.unwrap_or(0)).unwrap_or_default(),
        "source": {"component": "v9s-syncer"}, "reportingComponent": "v9s-syncer",
        "firstTimestamp": time, "lastTimestamp": time, "count": 1,
    })
}

async fn write(cluster: &Cluster, event: &Value) -> Result<(), Failure> {
    let namespace = event["metadata"]["namespace"].as_str().unwrap_or("default");
    let path = Resource::EVENTS.path(Some(namespace));
    requests::send(cluster, Method::POST, &path, requests::JSON, event).await.map(drop)
}
