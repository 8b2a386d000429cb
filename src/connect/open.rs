//! From a virtual cluster on its host to something that clients can use: credentials, a way, and proof that it answers.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::networking::v1::Ingress;
use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;
use tokio::time::Instant;

use super::kubeconfig::{Entry, Origin};
use super::secret::{Access, AccessError, Trust};
use super::tunnel::{Health, Route, Tunnel, TunnelError, TunnelOptions};
use super::ways::{self, By, Closed, Way};
use crate::cluster::{Cluster, Failure, FailureKind, ObjectRef, ReadError, Resource};
use crate::operation::{Cancelled, Progress};
use crate::target::Target;
use crate::wire;

/// The steps of connecting, in order.
pub const STEPS: [&str; 2] = ["read its credentials", "find a way to its API server"];

/// How long a straight way may take to answer.
const STRAIGHT: Duration = Duration::from_millis(1500);
/// How long an address that a person has given may take.
const GIVEN: Duration = Duration::from_secs(10);
/// How long one answer through a tunnel may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How often it is looked again for what is not there yet.
const LOOK: Duration = Duration::from_millis(500);

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Context that the kubeconfig entry is named after; the host's, or another on request.
    pub name: Option<SmolStr>,
    /// Address that is to be used, and no other.
    pub server: Option<String>,
    /// Whether a straight way will do. Without, there is a tunnel in any case.
    pub straight: bool,
    /// Whether a tunnel will do.
    pub tunnel: bool,
    /// Port of the tunnel on this machine; 0 for any.
    pub local_port: u16,
    /// How long the virtual cluster may take to come up.
    pub patience: Duration,
    /// What was current before, for the way back.
    pub previous: Option<SmolStr>,
}

impl Default for Asked {
    fn default() -> Self {
        Asked {
            name: None,
            server: None,
            straight: true,
            tunnel: true,
            local_port: 0,
            patience: Duration::from_secs(300),
            previous: None,
        }
    }
}

/// How it was reached.
#[derive(Debug)]
pub enum Reached {
    /// At an address of its own.
    Straight(By),
    /// Through a tunnel, for as long as this is kept.
    Tunnel(Tunnel),
}

/// A virtual cluster that answers.
#[derive(Debug)]
pub struct Connected {
    /// For a kubeconfig.
    pub entry: Entry,
    /// How it was reached.
    pub reached: Reached,
    /// Ways that were tried and are not open.
    pub closed: Vec<Closed>,
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The host did not answer what was asked.
    #[error(transparent)]
    Unread(#[from] ReadError),
    /// The Secret with the credentials is not there, or holds none.
    #[error("the Secret {secret} does not get us in: {why}")]
    NoAccess {
        /// The Secret.
        secret: String,
        /// Why.
        why: String,
    },
    /// There is no port for the tunnel.
    #[error(transparent)]
    Tunnel(#[from] TunnelError),
    /// No way is open.
    #[error("{target} cannot be reached: {why}")]
    Unreachable {
        /// The virtual cluster.
        target: String,
        /// Why, of each way.
        why: String,
    },
    /// Somebody gave it up.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

#[derive(Deserialize)]
struct Secret {
    #[serde(default)]
    data: BTreeMap<String, ByteString>,
}

/// Connects, waiting for what is not there yet. The steps are [`STEPS`].
///
/// # Errors
/// When it does not come up in time, or no way leads to it.
pub async fn connect(
    host: &Cluster,
    target: &Target,
    asked: &Asked,
    progress: &Progress,
) -> Result<Connected, ConnectError> {
    let deadline = Instant::now() + asked.patience;
    let access = progress.step(0, credentials(host, target, deadline, progress)).await?;
    let reached = progress.step(1, reach(host, target, &access, asked, deadline, progress));
    let (server, tls_server_name, reached, closed) = reached.await?;
    let name = asked
        .name
        .clone()
        .unwrap_or_else(|| wire::name::context(&target.name, &target.namespace, &target.host).into());
    let origin = Origin {
        vcluster: target.name.clone(),
        namespace: target.namespace.clone(),
        host_context: target.host.clone(),
        previous: asked.previous.clone(),
    };
    let entry = Entry { name, server, tls_server_name, access, namespace: None, origin: Some(origin) };
    Ok(Connected { entry, reached, closed })
}

/// Reads the Secret, which the syncer of a new virtual cluster writes only after a while.
async fn credentials(
    host: &Cluster,
    target: &Target,
    deadline: Instant,
    progress: &Progress,
) -> Result<Access, ConnectError> {
    let name = wire::name::kubeconfig_secret(&target.name);
    let secret = ObjectRef::namespaced(Resource::SECRETS, target.namespace.clone(), name);
    loop {
        let why = match host.get::<Secret>(&secret).await {
            Ok(content) => match Access::of_secret(&content.data) {
                Ok(access) => return Ok(access),
                Err(AccessError::NoCredentials) => AccessError::NoCredentials.to_string(),
                Err(error) => {
                    return Err(ConnectError::NoAccess {
                        secret: secret.to_string(),
                        why: error.to_string(),
                    });
                }
            },
            Err(failure) if failure.kind == FailureKind::NotFound => "it is not there yet".to_owned(),
            Err(failure) => return Err(host.error(format!("read {secret}"), failure).into()),
        };
        if Instant::now() >= deadline {
            return Err(ConnectError::NoAccess { secret: secret.to_string(), why });
        }
        progress.waiting(format_smolstr!("{secret}: {why}"));
        progress.pause(LOOK).await?;
    }
}

/// URL, name of the certificate, how, and what is not open.
type Opened = (String, Option<String>, Reached, Vec<Closed>);

async fn reach(
    host: &Cluster,
    target: &Target,
    access: &Access,
    asked: &Asked,
    deadline: Instant,
    progress: &Progress,
) -> Result<Opened, ConnectError> {
    let names = ways::certificate_names(access, &target.namespace, &target.name);
    let (ways, mut closed, limit) = match &asked.server {
        Some(server) => (vec![Way { by: By::Given, server: server.clone() }], Vec::new(), GIVEN),
        None if asked.straight => {
            let (ways, closed) = look(host, target, access).await;
            (ways, closed, STRAIGHT)
        }
        None => (Vec::new(), Vec::new(), STRAIGHT),
    };
    let (found, tried) = ways::try_all(access, ways, &names, limit).await;
    closed.extend(tried);
    if let Some(found) = found {
        progress.note(format_smolstr!("{} {}", found.way.by, found.way.server));
        return Ok((found.way.server, found.tls_server_name, Reached::Straight(found.way.by), closed));
    }
    if asked.server.is_some() || !asked.tunnel {
        let why: Vec<String> = closed.iter().map(ToString::to_string).collect();
        let why = if why.is_empty() { "it has no address of its own".to_owned() } else { why.join("; ") };
        return Err(ConnectError::Unreachable { target: target.to_string(), why });
    }
    let options = TunnelOptions { local_port: asked.local_port, ..TunnelOptions::default() };
    let route = Route::to_vcluster(target.namespace.clone(), &target.name);
    let tunnel = Tunnel::open(host.clone(), route, options).await?;
    let server = format!("https://{}", tunnel.local);
    let name = through(&tunnel, target, access, &names, deadline, progress).await?;
    progress.note(format_smolstr!("tunnel on {}", tunnel.local));
    Ok((server, name, Reached::Tunnel(tunnel), closed))
}

/// Waits until the virtual cluster answers through the tunnel; answers the name of its certificate.
async fn through(
    tunnel: &Tunnel,
    target: &Target,
    access: &Access,
    names: &[String],
    deadline: Instant,
    progress: &Progress,
) -> Result<Option<String>, ConnectError> {
    let server = format!("https://{}", tunnel.local);
    let mut state = tunnel.state();
    loop {
        let health = state.borrow_and_update().health.clone();
        let why = if matches!(health, Health::Ready { .. }) {
            match ways::reach(access, &server, names, ANSWER).await {
                Ok(name) => return Ok(name),
                Err(failure) => {
                    let why =
                        state.borrow().last_failure.clone().unwrap_or_else(|| format_smolstr!("{failure}"));
                    if failure.kind == FailureKind::Tls || failure.kind == FailureKind::Unauthorized {
                        return Err(unreachable(target, &failure.to_string()));
                    }
                    why
                }
            }
        } else {
            format_smolstr!("{health}")
        };
        if Instant::now() >= deadline {
            return Err(unreachable(target, &why));
        }
        progress.waiting(why);
        // What changes is told at once; an API server that only comes up is not.
        let _ = tokio::time::timeout(LOOK, state.changed()).await;
        progress.check()?;
    }
}

fn unreachable(target: &Target, why: &str) -> ConnectError {
    ConnectError::Unreachable { target: target.to_string(), why: format!("tunnel: {why}") }
}

/// What the host offers. What may not be looked at offers nothing: there is a tunnel yet.
async fn look(host: &Cluster, target: &Target, access: &Access) -> (Vec<Way>, Vec<Closed>) {
    let object = |resource| ObjectRef::namespaced(resource, target.namespace.clone(), target.name.clone());
    let (service, ingress) = (object(Resource::SERVICES), object(Resource::INGRESSES));
    let (service, ingress) = tokio::join!(host.get::<Service>(&service), host.get::<Ingress>(&ingress));
    let kind = service.as_ref().ok().and_then(|service| service.spec.as_ref()?.type_.clone());
    let nodes = match kind.as_deref() {
        Some("NodePort" | "LoadBalancer") => host.list::<Node>(&Resource::NODES, None, None).await,
        _ => Ok(Vec::new()),
    };
    let mut closed = Vec::new();
    let mut unread = |by: By, failure: &Failure| {
        if failure.kind != FailureKind::NotFound {
            closed.push(Closed { by, server: None, why: failure.to_string() });
        }
    };
    if let Err(failure) = &service {
        unread(By::ClusterIp, failure);
    }
    if let Err(failure) = &ingress {
        unread(By::Ingress, failure);
    }
    if let Err(failure) = &nodes {
        unread(By::NodePort, failure);
    }
    let nodes = nodes.unwrap_or_default();
    let (ways, more) = ways::offered(access, service.as_ref().ok(), ingress.as_ref().ok(), &nodes);
    closed.extend(more);
    if access.trust != Trust::Nothing {
        return (ways, closed);
    }
    // Whoever answers at an address of a network cannot prove who it is: only what was exported on purpose is asked.
    let (exported, others): (Vec<Way>, Vec<Way>) = ways.into_iter().partition(|way| way.by == By::Export);
    let why = "not tried: its kubeconfig does not say how its server proves who it is";
    closed.extend(others.into_iter().map(|way| Closed {
        by: way.by,
        server: Some(way.server),
        why: why.to_owned(),
    }));
    (exported, closed)
}
