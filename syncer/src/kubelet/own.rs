//! Which pods are the tenant's, and what they are called on either side, as the engine last saw them.

use std::collections::HashMap;

use serde_json::Value;
use smol_str::SmolStr;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;

use super::paths::Inside;
use crate::engine::Engine;
use crate::engine::index::View;
use crate::engine::key::{Key, Side};
use crate::engine::mirror::{Kinds, field};
use crate::resources::{NODE_SERVICES, node_service_addresses as addresses};
use crate::translate::owned;

/// Lists of containers in the spec of a pod.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// A pod of the tenant whose pod on the host is proven to be made for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPod {
    /// How the tenant names it.
    pub name: VirtualName,
    /// Its UID in the virtual cluster.
    pub uid: SmolStr,
    /// The node that it is on.
    pub node: SmolStr,
    /// Its containers, those that the host has added not among them.
    pub containers: Vec<SmolStr>,
    /// Its name on the host.
    pub host_name: SmolStr,
}

/// What of a node is the tenant's, by names on the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    /// The namespace of all of it.
    pub host_namespace: SmolStr,
    /// Pods.
    pub pods: HashMap<SmolStr, OwnPod>,
    /// Claims of volumes.
    pub claims: HashMap<SmolStr, VirtualName>,
}

impl Own {
    /// The tenant's pod behind one of the host's.
    pub fn pod(&self, host_namespace: &str, host_name: &str) -> Option<&OwnPod> {
        (host_namespace == self.host_namespace).then(|| self.pods.get(host_name)).flatten()
    }

    /// The tenant's claim behind one of the host's.
    pub fn claim(&self, host_namespace: &str, host_name: &str) -> Option<&VirtualName> {
        (host_namespace == self.host_namespace).then(|| self.claims.get(host_name)).flatten()
    }
}

/// Why nothing can be done with a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotOwn {
    /// The tenant has no such pod, or none that runs here.
    Pod,
    /// The pod has no such container.
    Container,
    /// Not all pods have been seen since the process began.
    Unknown,
}

/// The pod that a request is about, on the node that was asked where that is known.
///
/// # Errors
/// When it is not the tenant's, as far as can be told.
pub fn pod(engine: &Engine, inside: &Inside, node: Option<&str>) -> Result<OwnPod, NotOwn> {
    engine.look(|view, kinds| {
        let pods = kinds.id("pods").ok_or(NotOwn::Pod)?;
        let found = own_pod(view, &Key::new(pods, inside.pod.clone()));
        let Some(own) = found.filter(|own| node.is_none_or(|node| own.node == node)) else {
            let whole = [Side::Virtual, Side::Host].into_iter().all(|side| view.is_whole(pods, side));
            return Err(if whole { NotOwn::Pod } else { NotOwn::Unknown });
        };
        if inside.uid.as_ref().is_some_and(|uid| own.uid != uid.as_str()) {
            return Err(NotOwn::Pod);
        }
        let has = |container: &String| own.containers.iter().any(|own| own == container);
        if inside.container.as_ref().is_some_and(|container| !has(container)) {
            return Err(NotOwn::Container);
        }
        Ok(own)
    })
}

/// What is the tenant's on a node; none when it has no such node.
pub fn on_node(engine: &Engine, host_namespace: &SmolStr, node: &str) -> Option<Own> {
    engine.look(|view, kinds| {
        let nodes = Key::new(kinds.id("nodes")?, VirtualName::cluster_scoped(node));
        view.get(Side::Virtual, &nodes)?;
        let users = view.users(&nodes).filter(|user| Some(user.kind) == kinds.id("pods"));
        let pods: HashMap<_, _> =
            users.filter_map(|key| own_pod(view, key)).map(|own| (own.host_name.clone(), own)).collect();
        let claims = pods.values().flat_map(|own| claims(view, kinds, own)).collect();
        Some(Own { host_namespace: host_namespace.clone(), pods, claims })
    })
}

/// All nodes that the tenant sees.
pub fn nodes(engine: &Engine) -> Vec<SmolStr> {
    engine.look(|view, kinds| {
        let all = kinds.id("nodes").into_iter().flat_map(|nodes| view.all(nodes));
        all.filter(|(_, pair)| pair.v.is_some()).map(|(name, _)| name.name.clone()).collect()
    })
}

/// A pod of both sides, of which the host's was made for the tenant's very one.
fn own_pod(view: View<'_>, key: &Key) -> Option<OwnPod> {
    let (v, h) = (view.get(Side::Virtual, key)?, view.get(Side::Host, key)?);
    if !owned::is_for(h, v) {
        return None;
    }
    Some(OwnPod {
        name: key.object.clone(),
        uid: v.metadata.uid.clone(),
        node: field(Some(h), "spec")["nodeName"].as_str()?.into(),
        containers: containers(v),
        host_name: h.metadata.name.clone(),
    })
}

fn containers(v: &Lean) -> Vec<SmolStr> {
    let spec = field(Some(v), "spec");
    let all = CONTAINERS.iter().flat_map(|list| spec[*list].as_array().into_iter().flatten());
    all.filter_map(|container| container["name"].as_str()).map(SmolStr::from).collect()
}

/// Claims that a pod mounts, by their names on the host.
fn claims(view: View<'_>, kinds: &dyn Kinds, own: &OwnPod) -> Vec<(SmolStr, VirtualName)> {
    let (Some(pods), Some(claims)) = (kinds.id("pods"), kinds.id("persistentvolumeclaims")) else {
        return Vec::new();
    };
    let spec = field(view.get(Side::Virtual, &Key::new(pods, own.name.clone())), "spec");
    let named = |volume: &Value| {
        let claim = match volume["persistentVolumeClaim"]["claimName"].as_str() {
            Some(claim) => claim.to_owned(),
            // A claim that is made with the pod is called after both.
            None => volume["ephemeral"]
                .is_object()
                .then(|| volume["name"].as_str())?
                .map(|name| format!("{}-{name}", own.name.name))?,
        };
        let name = VirtualName { namespace: own.name.namespace.clone(), name: claim.into() };
        let host = view.get(Side::Host, &Key::new(claims, name.clone()))?;
        Some((host.metadata.name.clone(), name))
    };
    spec["volumes"].as_array().into_iter().flatten().filter_map(named).collect()
}

/// The node whose Service on the host has this address.
pub fn node_at(engine: &Engine, address: &str) -> Option<SmolStr> {
    engine.look(|view, kinds| {
        let services = kinds.id(NODE_SERVICES)?;
        let mut all = view.all(services).filter(|(_, pair)| pair.v.is_some());
        let found = all.find(|(_, pair)| addresses(pair.h.as_deref()).iter().any(|own| own == address));
        found.map(|(name, _)| name.name.clone())
    })
}
