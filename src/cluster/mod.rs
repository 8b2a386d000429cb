//! One API server: how it is reached, what is read from it and what may be done there.

pub mod access;
pub mod change;
mod clock;
pub mod connect;
mod dial;
pub mod failure;
mod http;
pub mod kubeconfig;
pub mod lean;
mod lines;
mod names;
mod proxy;
pub mod read;
mod release;
pub mod resource;
#[cfg(test)]
pub(crate) mod script;
mod uid;
pub mod watch;
#[cfg(feature = "backup")]
pub(crate) mod whole;
pub mod write;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;

pub use change::{Guard, Propagation};
pub use connect::{ConnectError, ConnectOptions, open};
pub use failure::{Failure, FailureKind};
pub use http::Said;
pub use kubeconfig::{ContextInfo, KubeconfigSource, contexts};
pub use names::Names;
#[cfg(feature = "backup")]
pub(crate) use read::ServedKind;
pub use read::{ContainerInfo, EventKind, EventRow, LogEvent, LogLine, LogRequest, ReadError, YamlOptions};
pub(crate) use release::minor;
pub use resource::{ObjectRef, Resource};
pub use uid::Uid;
pub use write::WriteError;

use crate::audit::AuditLog;

/// A cluster that can be talked to. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    /// The kube context it was opened by.
    pub context: SmolStr,
    /// URL of its API server.
    pub server: SmolStr,
    /// Namespace of the context.
    pub default_namespace: SmolStr,
    client: kube::Client,
    request_timeout: Duration,
    audit: Option<Arc<AuditLog>>,
}

impl Cluster {
    /// A cluster behind a client that exists already.
    pub fn from_client(
        context: impl Into<SmolStr>,
        server: impl Into<SmolStr>,
        default_namespace: impl Into<SmolStr>,
        client: kube::Client,
    ) -> Self {
        Cluster {
            context: context.into(),
            server: server.into(),
            default_namespace: default_namespace.into(),
            client,
            request_timeout: ConnectOptions::default().request_timeout,
            audit: None,
        }
    }

    /// The same with another limit on how long an answer may take.
    pub fn with_request_timeout(self, request_timeout: Duration) -> Self {
        Cluster { request_timeout, ..self }
    }

    /// The same, leaving a record of every change in this log.
    pub fn with_audit(self, log: AuditLog) -> Self {
        Cluster { audit: Some(Arc::new(log)), ..self }
    }

    /// The same, leaving its records where another cluster does.
    #[cfg(feature = "backup")]
    pub(crate) fn recording_like(self, other: &Cluster) -> Self {
        Cluster { audit: other.audit.clone(), ..self }
    }

    /// The client.
    pub fn client(&self) -> kube::Client {
        self.client.clone()
    }

    /// How long one answer may take, and the longest silence within one.
    pub fn request_timeout(&self) -> Duration {
        self.request_timeout
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("context", &self.context)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
