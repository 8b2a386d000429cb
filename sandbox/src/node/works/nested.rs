//! API servers that run in containers, each with a store of its own.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::clock::{Chance, Clock};
use crate::controllers;
use crate::sandbox::{Data, Options, Sandbox, StartError};
use crate::tls::Certificates;

/// A container that is a whole API server: a second store with everything that the host has, too.
///
/// Its port leads to it (by port-forward, or [`Sandbox::nested`] for its address on loopback). Its store lives at
/// [`ControlPlane::data`], which another container of the pod may mount in its place: on a claim it outlives the pod, on an
/// `emptyDir` its containers, else only this instance. With the arguments of a kube-apiserver for certificates
/// (`--tls-cert-file`, `--tls-private-key-file`, `--client-ca-file`) it serves with these.
#[derive(Debug, Clone)]
pub struct ControlPlane {
    /// The port of the pod on which it answers.
    pub port: u16,
    /// Where its store lives.
    pub data: String,
    /// More names for which its certificate holds, such as those of its Service.
    pub names: Vec<String>,
    /// Its controllers; none: nothing happens there but what clients do.
    pub controllers: Option<Arc<controllers::Options>>,
}

/// Answers on 8443 with data in `/data`, as virtual clusters do. Their controllers run; pods wait for whoever syncs them:
/// there are no nodes, no scheduler and no kubelet.
impl Default for ControlPlane {
    fn default() -> Self {
        let frozen = ["scheduler", "kubelet", "nodes", "programs"].map(SmolStr::new_static).to_vec();
        let controllers = controllers::Options { frozen, ..controllers::Options::default() };
        ControlPlane {
            port: 8443,
            data: "/data".to_owned(),
            names: Vec::new(),
            controllers: Some(Arc::new(controllers)),
        }
    }
}

impl PartialEq for ControlPlane {
    fn eq(&self, other: &Self) -> bool {
        let same = match (&self.controllers, &other.controllers) {
            (Some(mine), Some(theirs)) => Arc::ptr_eq(mine, theirs),
            (mine, theirs) => mine.is_none() == theirs.is_none(),
        };
        same && self.port == other.port && self.data == other.data && self.names == other.names
    }
}

impl Eq for ControlPlane {}

impl ControlPlane {
    /// Starts it on what is on its disk, or anew.
    pub(super) async fn start(
        &self,
        context: String,
        clock: Clock,
        chance: Chance,
        data: Option<Data>,
        certificates: Option<Certificates>,
    ) -> Result<Sandbox, StartError> {
        let options = Options {
            context,
            clock,
            chance,
            names: self.names.clone(),
            certificates,
            controllers: self.controllers.as_deref().cloned(),
            ..Options::default()
        };
        Sandbox::start_on(options, data).await
    }
}
