//! The task that keeps the fleet's picture: watches on every host, one snapshot for everybody.

mod clock;
mod host;
mod link;
mod places;
mod publish;
mod start;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use smol_str::SmolStr;
use tokio::sync::watch as latest;
use tokio_util::task::AbortOnDropHandle;

use self::publish::Board;
use super::model::{Fleet, Link};
use crate::cluster::{Cluster, ConnectError, ConnectOptions, KubeconfigSource};
use crate::health::Thresholds;

/// Opens a cluster, again and again if need be.
pub type Open = Arc<dyn Fn() -> BoxFuture<'static, Result<Cluster, ConnectError>> + Send + Sync>;

/// A host to watch. It is opened on the host's own task, so that a dead context never holds up the others.
#[derive(Clone)]
pub struct HostTarget {
    /// The kube context.
    pub context: SmolStr,
    /// Opens it.
    pub open: Open,
}

impl HostTarget {
    /// A context of a kubeconfig.
    pub fn of_context(
        context: impl Into<SmolStr>,
        source: KubeconfigSource,
        options: ConnectOptions,
    ) -> Self {
        let context = context.into();
        let name = context.clone();
        let open = move || -> BoxFuture<'static, Result<Cluster, ConnectError>> {
            let (source, name, options) = (source.clone(), name.clone(), options.clone());
            Box::pin(async move { crate::cluster::open(&source, Some(&name), &options).await })
        };
        HostTarget { context, open: Arc::new(open) }
    }

    /// A cluster that is open already.
    pub fn of_cluster(cluster: Cluster) -> Self {
        let context = cluster.context.clone();
        let open = move || -> BoxFuture<'static, Result<Cluster, ConnectError>> {
            let cluster = cluster.clone();
            Box::pin(async move { Ok(cluster) })
        };
        HostTarget { context, open: Arc::new(open) }
    }
}

/// What to watch on every host.
#[derive(Debug, Clone, Default)]
pub struct FleetOptions {
    /// Only these namespaces; empty for all that are permitted.
    pub namespaces: Vec<SmolStr>,
    /// Where to look when listing in all namespaces is forbidden, besides the context's own namespace.
    pub fallback_namespaces: Vec<SmolStr>,
    /// When something becomes a finding.
    pub thresholds: Thresholds,
}

/// The live fleet. Dropping it stops every watch.
pub struct LiveFleet {
    snapshots: latest::Receiver<Arc<Fleet>>,
    nudges: Vec<(SmolStr, latest::Sender<u64>)>,
    _tasks: Vec<AbortOnDropHandle<()>>,
}

impl LiveFleet {
    /// Starts to watch. Must be called on a tokio runtime.
    pub fn start(hosts: Vec<HostTarget>, options: FleetOptions) -> LiveFleet {
        let options = Arc::new(options);
        let (board, slots) = Board::new(hosts.iter().map(|target| target.context.clone()));
        let snapshots = board.subscribe();
        let mut nudges = Vec::new();
        let mut tasks = vec![AbortOnDropHandle::new(tokio::spawn(board.run()))];
        for (target, slot) in hosts.into_iter().zip(slots) {
            let (nudge, nudged) = latest::channel(0);
            nudges.push((target.context.clone(), nudge));
            tasks.push(AbortOnDropHandle::new(tokio::spawn(host::run(
                target,
                options.clone(),
                slot,
                nudged,
            ))));
        }
        LiveFleet { snapshots, nudges, _tasks: tasks }
    }

    /// Snapshots as they are published, the newest at once.
    pub fn subscribe(&self) -> latest::Receiver<Arc<Fleet>> {
        self.snapshots.clone()
    }

    /// Ends every wait for a next try, on one host or on all.
    pub fn retry_now(&self, host: Option<&str>) {
        for (context, nudge) in &self.nudges {
            if host.is_none_or(|host| host == context) {
                nudge.send_modify(|count| *count += 1);
            }
        }
    }

    /// The first whole picture: every host has been listed, or has turned out not to answer. After `patience` the
    /// picture as far as it is known.
    pub async fn settled(&self, patience: Duration) -> Arc<Fleet> {
        let mut snapshots = self.snapshots.clone();
        let whole =
            |fleet: &Arc<Fleet>| !fleet.hosts.iter().any(|host| matches!(host.link, Link::Loading { .. }));
        let waited = tokio::time::timeout(patience, snapshots.wait_for(whole)).await;
        match waited {
            Ok(Ok(fleet)) => fleet.clone(),
            Ok(Err(_)) | Err(_) => self.snapshots.borrow().clone(),
        }
    }
}
