//! One replica writes: the one that holds the Lease.
//!
//! The rules of Kubernetes' own components: the Lease is taken by compare-and-swap on its revision; whether another's has
//! run out is judged by how long *we* have seen it unchanged, never by comparing clocks; who cannot renew in time stops
//! writing before another may begin; who leaves gives it up.

use std::time::Duration;

use chrono::{SecondsFormat, Utc};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use smol_str::SmolStr;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use v9s::cluster::{Cluster, Failure, FailureKind};

use crate::requests;

/// How long things take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// So long after its last renewal a Lease is free.
    pub lease: Duration,
    /// Who has not renewed for this long stops writing.
    pub renew_deadline: Duration,
    /// How often it is renewed, or asked for.
    pub retry: Duration,
}

/// Which Lease, and who asks.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The cluster it is on.
    pub cluster: Cluster,
    /// Its namespace.
    pub namespace: SmolStr,
    /// Its name.
    pub name: SmolStr,
    /// Who asks: unique for each process.
    pub identity: SmolStr,
    /// How long things take.
    pub terms: Terms,
}

#[derive(Deserialize)]
struct Lease {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    resource_version: SmolStr,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    holder_identity: Option<SmolStr>,
    lease_duration_seconds: Option<u64>,
    lease_transitions: Option<u64>,
    acquire_time: Option<SmolStr>,
}

/// What was seen of the Lease, and since when it has looked like that.
struct Seen {
    revision: SmolStr,
    since: Instant,
}

impl Candidate {
    /// Asks for the Lease until it is stopped, and keeps it. `leads` tells whether this process may write; it is false
    /// before another may hold the Lease.
    pub async fn run(self, leads: watch::Sender<bool>, stop: CancellationToken) {
        let mut seen: Option<Seen> = None;
        let mut renewed: Option<Instant> = None;
        loop {
            let asked = Instant::now();
            let patience = self.terms.renew_deadline.min(self.terms.retry * 2);
            match timeout(patience, self.ask(&mut seen, renewed.is_some())).await {
                Ok(Ok(true)) => {
                    renewed = Some(asked);
                    leads.send_if_modified(|leads| !std::mem::replace(leads, true));
                }
                Ok(Ok(false)) => {
                    renewed = None;
                    leads.send_if_modified(|leads| std::mem::replace(leads, false));
                }
                Ok(Err(failure)) => tracing::warn!(%failure, "the lease cannot be renewed"),
                Err(_) => tracing::warn!("the lease cannot be renewed: no answer"),
            }
            if renewed.is_some_and(|at| at.elapsed() > self.terms.renew_deadline) {
                renewed = None;
                leads.send_if_modified(|leads| std::mem::replace(leads, false));
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep(self.terms.retry) => {}
            }
        }
        leads.send_replace(false);
        if renewed.is_some() {
            let _ = timeout(self.terms.retry, self.give_up()).await;
        }
    }

    /// Takes or renews the Lease; says whether it is ours now.
    async fn ask(&self, seen: &mut Option<Seen>, held: bool) -> Result<bool, Failure> {
        let lease = match self.read().await {
            Ok(lease) => lease,
            Err(failure) if failure.kind == FailureKind::NotFound => {
                return self.settle(self.create().await);
            }
            Err(failure) => return Err(failure),
        };
        let ours = lease.spec.holder_identity.as_ref() == Some(&self.identity);
        let free = lease.spec.holder_identity.as_ref().is_none_or(|holder| holder.is_empty());
        let revision = lease.metadata.resource_version.clone();
        let since = match seen {
            Some(seen) if seen.revision == revision => seen.since,
            _ => Instant::now(),
        };
        *seen = Some(Seen { revision, since });
        let term = lease.spec.lease_duration_seconds.map_or(self.terms.lease, Duration::from_secs);
        if !ours && !free && since.elapsed() < term {
            return Ok(false);
        }
        self.settle(self.take(&lease, ours && held).await)
    }

    /// A lost race is no failure.
    fn settle(&self, written: Result<(), Failure>) -> Result<bool, Failure> {
        match written {
            Ok(()) => Ok(true),
            Err(failure) if failure.kind == FailureKind::Conflict => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn create(&self) -> Result<(), Failure> {
        let now = now();
        let body = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": self.name},
            "spec": {"holderIdentity": self.identity, "leaseDurationSeconds": self.terms.lease.as_secs().max(1),
                "acquireTime": now, "renewTime": now, "leaseTransitions": 0}});
        self.send(Method::POST, &self.collection(), requests::JSON, &body).await
    }

    async fn take(&self, lease: &Lease, renewal: bool) -> Result<(), Failure> {
        let (now, transitions) = (now(), lease.spec.lease_transitions.unwrap_or(0));
        let acquired = if renewal { lease.spec.acquire_time.clone() } else { None };
        let transitions = if renewal { transitions } else { transitions + 1 };
        let body = json!({"metadata": {"resourceVersion": lease.metadata.resource_version},
            "spec": {"holderIdentity": self.identity, "leaseDurationSeconds": self.terms.lease.as_secs().max(1),
                "acquireTime": acquired.unwrap_or_else(|| now.clone()), "renewTime": now, "leaseTransitions": transitions}});
        self.send(Method::PATCH, &self.path(), requests::MERGE_PATCH, &body).await
    }

    async fn give_up(&self) -> Result<(), Failure> {
        let lease = self.read().await?;
        if lease.spec.holder_identity.as_ref() != Some(&self.identity) {
            return Ok(());
        }
        let body = json!({"metadata": {"resourceVersion": lease.metadata.resource_version},
            "spec": {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": now()}});
        self.send(Method::PATCH, &self.path(), requests::MERGE_PATCH, &body).await
    }

    async fn read(&self) -> Result<Lease, Failure> {
        requests::get(&self.cluster, &self.path()).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: &Value,
    ) -> Result<(), Failure> {
        requests::send(&self.cluster, method, path, content_type, body).await.map(drop)
    }

    fn collection(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace)
    }

    fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }
}

fn now() -> SmolStr {
    Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true).into()
}
