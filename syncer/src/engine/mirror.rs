//! What a kind tells the engine: where it is watched, which pair an object belongs to, and what to do about a pair.

use chrono::{DateTime, Utc};
use serde_json::Value;
use smol_str::SmolStr;
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;

use super::index::View;
use super::key::{Key, KindId, Side};
use super::plan::Plan;
use crate::context::Context;

/// One kind that is mirrored. All methods are pure; a kind is one file in `resources/` and one line in its registry.
pub trait Mirror: Send + Sync + 'static {
    /// What is watched for it on a side; none where that side is not looked at.
    fn source(&self, side: Side, ctx: &Context) -> Option<Source>;

    /// What is kept of an object of that side. By default everything but what nobody needs twice.
    fn keep(&self, side: Side, object: Lean) -> Lean {
        let _ = side;
        object
    }

    /// The pair that an object on the host belongs to, proven by its annotations, never by its name.
    fn origin(&self, ctx: &Context, host: &Lean) -> Origin;

    /// The pair that an object of the tenant belongs to: by default the one of its own name.
    fn virtual_origin(&self, ctx: &Context, object: &Lean) -> VirtualName {
        let _ = ctx;
        own_name(object)
    }

    /// Other pairs that this one's plan looks at because of its object on that side: it is looked at again when one of
    /// them changes, and they can ask who uses them.
    fn uses(
        &self,
        ctx: &Context,
        object: &VirtualName,
        side: Side,
        held: &Lean,
        kinds: &dyn Kinds,
    ) -> Vec<Key> {
        let _ = (ctx, object, side, held, kinds);
        Vec::new()
    }

    /// Pairs of other kinds that are looked at again when this one has changed on that side.
    fn affects(&self, changed: &At<'_>, side: Side) -> Affects {
        let _ = (changed, side);
        Affects::None
    }

    /// What to do about a pair.
    fn plan(&self, at: &At<'_>) -> Plan;

    /// Pairs that are looked at even while neither side has an object.
    fn standing(&self) -> Vec<VirtualName> {
        Vec::new()
    }

    /// Whether it is there to measure and not for the tenant: it is counted apart.
    fn is_probe(&self) -> bool {
        false
    }

    /// A watch or the answer to a write has told of an object, perhaps not for the first time: for probes, which measure
    /// when. Nothing is decided here.
    fn told(&self, side: Side, object: &Lean, by: Teller) {
        let _ = (side, object, by);
    }
}

/// Who tells of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teller {
    /// A watch.
    Watch,
    /// The answer to a write of ours.
    Answer,
}

/// Looks kinds up by their names in the registry, `pods`, `ingresses.networking.k8s.io`.
pub trait Kinds {
    /// Its place, none when it is not mirrored.
    fn id(&self, name: &str) -> Option<KindId>;
}

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The kind.
    pub resource: Resource,
    /// One namespace; none for all of them.
    pub namespace: Option<SmolStr>,
    /// Label selector.
    pub labels: Option<String>,
    /// Field selector.
    pub fields: Option<String>,
    /// Metadata alone.
    pub metadata_only: bool,
}

impl Source {
    /// All objects of a kind.
    pub fn all(resource: Resource) -> Self {
        Source { resource, namespace: None, labels: None, fields: None, metadata_only: false }
    }

    /// What most kinds look at: all of the tenant's, and on the host those that are marked as ours.
    pub fn mirrored(resource: Resource, side: Side, ctx: &Context) -> Self {
        match side {
            Side::Virtual => Source::all(resource),
            Side::Host => Source::marked(resource, ctx),
        }
    }

    /// The same for kinds without namespaces.
    pub fn mirrored_cluster_scoped(resource: Resource, side: Side, ctx: &Context) -> Self {
        let (marker, ours) = (v9s::wire::label::MANAGED_BY, ctx.names.cluster_scoped_marker());
        let labels = (side == Side::Host).then(|| format!("{marker}={ours}"));
        Source { labels, ..Source::all(resource) }
    }

    /// Those in the host namespace that carry our marker and that nobody else looks after.
    pub fn marked(resource: Resource, ctx: &Context) -> Self {
        let (marker, other) = (v9s::wire::label::MANAGED_BY, v9s::wire::label::CONTROLLED_BY);
        let selector = format!("{marker}={},!{other}", ctx.names.marker());
        Source {
            labels: Some(selector),
            namespace: Some(ctx.host_namespace.clone()),
            ..Source::all(resource)
        }
    }
}

/// Where an object on the host comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// From the virtual object of this name.
    Ours(VirtualName),
    /// It is not ours, for this reason; it is never touched.
    Foreign(&'static str),
}

/// Pairs to look at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Affects {
    /// None but those that use it.
    None,
    /// These.
    Keys(Vec<Key>),
    /// All of a kind in one virtual namespace.
    Namespace(KindId, SmolStr),
    /// All of a kind.
    Kind(KindId),
}

/// A pair and all that a plan may look at.
pub struct At<'a> {
    /// Which pair.
    pub key: &'a Key,
    /// The tenant's object.
    pub v: Option<&'a Lean>,
    /// The host's object.
    pub h: Option<&'a Lean>,
    /// How it is known that a missing one is gone.
    pub absence: super::plan::Absence,
    /// Everything else that is mirrored.
    pub view: View<'a>,
    /// The registry.
    pub kinds: &'a dyn Kinds,
    /// What does not change while the process lives.
    pub ctx: &'a Context,
    /// Now.
    pub now: DateTime<Utc>,
}

impl At<'_> {
    /// The pair of another kind under this name, none when that kind is not mirrored.
    pub fn other(&self, kind: &str, object: VirtualName) -> Option<Key> {
        self.kinds.id(kind).map(|kind| Key::new(kind, object))
    }

    /// The top-level field of the virtual object, null when it is missing.
    pub fn virtual_field(&self, name: &str) -> Value {
        field(self.v, name)
    }

    /// The top-level field of the host's object, null when it is missing.
    pub fn host_field(&self, name: &str) -> Value {
        field(self.h, name)
    }
}

/// The name that an object bears.
pub fn own_name(object: &Lean) -> VirtualName {
    name_of(object.metadata.namespace.clone(), object.metadata.name.clone())
}

/// A name as metadata has it: the namespace is empty for cluster-scoped objects.
pub fn name_of(namespace: SmolStr, name: SmolStr) -> VirtualName {
    match namespace.is_empty() {
        true => VirtualName::cluster_scoped(name),
        false => VirtualName::namespaced(namespace, name),
    }
}

/// A top-level field of an object as a value, null when it is missing.
pub fn field(object: Option<&Lean>, name: &str) -> Value {
    let raw = object.and_then(|object| object.field(name));
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or(Value::Null)
}
