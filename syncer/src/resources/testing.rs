//! A world of pairs for tests of plans: what is on both sides, and a moment.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;

use crate::context::Context;
use crate::engine::index::Index;
use crate::engine::key::{Key, KindId, Side};
use crate::engine::mirror::{At, Kinds, Mirror};
use crate::engine::plan::{Absence, Plan};

/// Both sides of a virtual cluster `t` in the host namespace `host`.
pub(super) struct World {
    pub(super) ctx: Context,
    pub(super) now: DateTime<Utc>,
    kinds: Names,
    index: Index,
    revision: u64,
}

struct Names(Vec<&'static str>);

impl Kinds for Names {
    fn id(&self, name: &str) -> Option<KindId> {
        self.0.iter().position(|kind| *kind == name).and_then(|at| u16::try_from(at).ok()).map(KindId)
    }
}

impl World {
    /// With these kinds, all listed whole.
    pub(super) fn new(kinds: &[&'static str]) -> Self {
        Self::listing(kinds, &[])
    }

    /// With these kinds, of which some are still being listed.
    pub(super) fn listing(kinds: &[&'static str], unfinished: &[&str]) -> Self {
        let mut world = World {
            ctx: Context::new("t", "host"),
            now: Utc::now(),
            kinds: Names(kinds.to_vec()),
            index: Index::new(kinds.len()),
            revision: 100,
        };
        for kind in kinds.iter().filter(|kind| !unfinished.contains(kind)) {
            for side in [Side::Virtual, Side::Host] {
                world.index.set_whole(world.id(kind), side);
            }
        }
        world
    }

    fn id(&self, kind: &str) -> KindId {
        self.kinds.id(kind).expect("the kind is one of the world's")
    }

    fn key(&self, kind: &str, name: &str) -> Key {
        let object = match name.split_once('/') {
            Some((namespace, name)) => VirtualName::namespaced(namespace, name),
            None => VirtualName::cluster_scoped(name),
        };
        Key::new(self.id(kind), object)
    }

    /// Puts an object on a side, by its virtual name `namespace/name`. What it lacks of name and revision is filled in.
    pub(super) fn put(&mut self, side: Side, kind: &str, name: &str, object: &Value) {
        let key = self.key(kind, name);
        let mut object = object.clone();
        self.revision += 1;
        let (host_name, own) = (self.ctx.names.host_name(&key.object), &key.object);
        let filled = match side {
            Side::Virtual => {
                json!({"name": own.name, "namespace": own.namespace, "resourceVersion": self.revision.to_string()})
            }
            Side::Host => {
                json!({"name": host_name.as_str(), "namespace": "host", "resourceVersion": self.revision.to_string()})
            }
        };
        for (field, value) in filled.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            if object["metadata"][field].is_null() {
                object["metadata"][field] = value.clone();
            }
        }
        self.index.remove(side, &key, None);
        self.index.upsert(side, &key, Arc::new(lean(&object)), true);
    }

    /// Takes an object away.
    pub(super) fn remove(&mut self, side: Side, kind: &str, name: &str) {
        let key = self.key(kind, name);
        self.index.remove(side, &key, None);
    }

    /// What a kind uses because of its object on a side.
    pub(super) fn uses(&mut self, mirror: &dyn Mirror, side: Side, kind: &str, name: &str) {
        let key = self.key(kind, name);
        let held = self.index.pair(&key).and_then(|pair| pair.of(side)).cloned().expect("it is there");
        let uses = mirror.uses(&self.ctx, &key.object, side, &held, &self.kinds);
        self.index.set_uses(&key, side, uses);
    }

    /// Whether something uses a pair.
    pub(super) fn is_used(&self, kind: &str, name: &str) -> bool {
        self.index.view().is_used(&self.key(kind, name))
    }

    /// What is decided about a pair.
    pub(super) fn plan(&self, mirror: &dyn Mirror, kind: &str, name: &str, absence: Absence) -> Plan {
        let key = self.key(kind, name);
        let pair = self.index.pair(&key);
        mirror.plan(&At {
            key: &key,
            v: pair.and_then(|pair| pair.v.as_deref()),
            h: pair.and_then(|pair| pair.h.as_deref()),
            absence,
            view: self.index.view(),
            kinds: &self.kinds,
            ctx: &self.ctx,
            now: self.now,
        })
    }
}

/// An object as a server sends it.
pub(super) fn lean(object: &Value) -> Lean {
    serde_json::from_str(&object.to_string()).expect("it is an object")
}
