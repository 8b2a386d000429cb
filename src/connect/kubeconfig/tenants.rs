//! Contexts of virtual clusters in a kubeconfig, by whomever they were written: which are stale, and where the way back leads.

use std::fmt;

use serde_json::Value;
use smol_str::SmolStr;

use super::document::Document;
use super::entry::{EXTENSION, Origin};

/// What the names of such contexts begin with (docs/vclusters.md, Objects).
const PREFIX: &str = "vcluster_";

/// A context that leads into a virtual cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantContext {
    /// Its name.
    pub name: SmolStr,
    /// Which virtual cluster, on which host.
    pub origin: Origin,
    /// URL of its API server, where its cluster entry is there.
    pub server: Option<SmolStr>,
    /// Whether it is the current context.
    pub current: bool,
    /// What already the file itself says against it.
    pub stale: Option<Stale>,
}

/// Why a context leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stale {
    /// The entry that it refers to is not there.
    NoEntry(&'static str),
    /// The context of its host is not there.
    NoHost(SmolStr),
    /// Its server is a port of this machine at which nobody listens.
    NobodyListens(SmolStr),
    /// Its host knows no such virtual cluster.
    NoVcluster,
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stale::NoEntry(part) => write!(f, "its {part} entry is missing"),
            Stale::NoHost(context) => write!(f, "the context {context} of its host is gone"),
            Stale::NobodyListens(address) => write!(f, "nobody listens at {address}: the tunnel has ended"),
            Stale::NoVcluster => f.write_str("its host has no such virtual cluster any more"),
        }
    }
}

/// What a context's name says, if it is one that the official CLI or v9s gives: names of virtual clusters and of namespaces
/// have no underscore, those of contexts may, as in a virtual cluster inside another.
pub fn parse_name(context: &str) -> Option<Origin> {
    let mut parts = context.strip_prefix(PREFIX)?.splitn(3, '_');
    let mut part = || parts.next().filter(|part| !part.is_empty()).map(SmolStr::from);
    Some(Origin { vcluster: part()?, namespace: part()?, host_context: part()?, previous: None })
}

/// The contexts of virtual clusters, in the order of the file.
pub fn tenant_contexts(document: &Document) -> Vec<TenantContext> {
    document.section("contexts").iter().filter_map(|item| tenant(document, item)).collect()
}

fn tenant(document: &Document, item: &Value) -> Option<TenantContext> {
    let name = item.get("name")?.as_str()?;
    let context = item.get("context");
    let origin = context.and_then(extension).or_else(|| parse_name(name))?;
    let refers = |part: &str| context.and_then(|context| context.get(part)?.as_str()).unwrap_or_default();
    let cluster = document.find("clusters", refers("cluster"));
    let server = cluster.and_then(|named| named.get("cluster")?.get("server")?.as_str()).map(SmolStr::from);
    let stale = if cluster.is_none() {
        Some(Stale::NoEntry("cluster"))
    } else if document.find("users", refers("user")).is_none() {
        Some(Stale::NoEntry("user"))
    } else if !document.has_context(&origin.host_context) {
        Some(Stale::NoHost(origin.host_context.clone()))
    } else {
        None
    };
    Some(TenantContext {
        name: name.into(),
        origin,
        server,
        current: document.current() == Some(name),
        stale,
    })
}

fn extension(context: &Value) -> Option<Origin> {
    let all = context.get("extensions")?.as_array()?;
    let ours = all.iter().find(|item| item.get("name").and_then(Value::as_str) == Some(EXTENSION))?;
    serde_json::from_value(ours.get("extension")?.clone()).ok()
}

/// The context to return to from a virtual cluster's: what was current before, else that of its host, as far as they are
/// there. None when neither is.
pub fn way_back(document: &Document, from: &TenantContext) -> Option<SmolStr> {
    let previous = from.origin.previous.as_ref().filter(|previous| **previous != from.name);
    let candidates = previous.into_iter().chain([&from.origin.host_context]);
    candidates.into_iter().find(|name| document.has_context(name)).cloned()
}
