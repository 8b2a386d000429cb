//! Two API servers in miniature, for tables: what a kind plans is carried out until both sides agree.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;

use crate::context::Context;
use crate::engine::index::Index;
use crate::engine::key::{Key, KindId, Side};
use crate::engine::mirror::{At, Kinds, Mirror, Origin, own_name};
use crate::engine::plan::{Absence, Part, Plan, Write};

/// What a server makes of an object that is written to it.
pub(super) type Server = fn(Side, &mut Value);

pub(super) struct World {
    pub(super) ctx: Context,
    pub(super) now: DateTime<Utc>,
    names: Names,
    index: Index,
    objects: BTreeMap<(Side, KindId, VirtualName), Value>,
    server: Server,
    revision: u64,
}

struct Names(Vec<&'static str>);

impl Kinds for Names {
    fn id(&self, name: &str) -> Option<KindId> {
        let at = self.0.iter().position(|known| *known == name)?;
        u16::try_from(at).ok().map(KindId)
    }
}

/// A pair, by its virtual name or as `namespace/name`.
pub(super) trait Named {
    fn pair(self) -> VirtualName;
}

impl Named for &VirtualName {
    fn pair(self) -> VirtualName {
        self.clone()
    }
}

impl Named for &str {
    fn pair(self) -> VirtualName {
        match self.split_once('/') {
            Some((namespace, name)) => VirtualName::namespaced(namespace, name),
            None => VirtualName::cluster_scoped(self),
        }
    }
}

pub(super) fn namespaced(namespace: &str, name: &str) -> VirtualName {
    VirtualName::namespaced(namespace, name)
}

pub(super) fn lean(object: &Value) -> Lean {
    serde_json::from_value::<Value>(object.clone())
        .and_then(|object| serde_json::from_str(&object.to_string()))
        .expect("an object")
}

impl World {
    /// With these kinds, all listed whole.
    pub(super) fn new(kinds: &[&'static str]) -> Self {
        Self::listing(kinds, &[])
    }

    /// With these kinds, of which some are still being listed.
    pub(super) fn listing(kinds: &[&'static str], unfinished: &[&str]) -> Self {
        let mut world = World {
            ctx: Context { owner_uid: Some("owner".into()), ..Context::new("t", "tenants") },
            now: Utc::now(),
            names: Names(kinds.to_vec()),
            index: Index::new(kinds.len()),
            objects: BTreeMap::new(),
            server: |_, _| {},
            revision: 100,
        };
        for kind in kinds.iter().filter(|kind| !unfinished.contains(kind)) {
            for side in [Side::Virtual, Side::Host] {
                world.index.set_whole(world.kind(kind), side);
            }
        }
        world
    }

    pub(super) fn with_server(mut self, server: Server) -> Self {
        self.server = server;
        self
    }

    fn kind(&self, name: &str) -> KindId {
        self.names.id(name).expect("a kind of this world")
    }

    /// Puts an object under the pair of this name, as a server would have it: what it lacks of name, UID and revision is
    /// filled in.
    pub(super) fn put(&mut self, side: Side, kind: &str, pair: impl Named, object: impl Borrow<Value>) {
        let (pair, mut object) = (pair.pair(), object.borrow().clone());
        self.revision += 1;
        let name = match side {
            Side::Virtual => pair.clone(),
            Side::Host => namespaced("tenants", self.ctx.names.host_name(&pair).as_str()),
        };
        let meta = &mut object["metadata"];
        if meta["name"].is_null() {
            meta["name"] = json!(name.name);
            if let Some(namespace) = name.namespace {
                meta["namespace"] = json!(namespace);
            }
        }
        if meta["uid"].is_null() {
            meta["uid"] = json!(format!("uid-{}", self.revision));
        }
        object["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        (self.server)(side, &mut object);
        let key = Key::new(self.kind(kind), pair.clone());
        self.index.upsert(side, &key, Arc::new(lean(&object)), true);
        self.objects.insert((side, key.kind, pair), object);
    }

    /// An object of the tenant, under its own name.
    pub(super) fn tenant(&mut self, kind: &str, object: Value) {
        let name = own_name(&lean(&object));
        self.put(Side::Virtual, kind, &name, object);
    }

    pub(super) fn remove(&mut self, side: Side, kind: &str, pair: impl Named) {
        let key = Key::new(self.kind(kind), pair.pair());
        self.index.remove(side, &key, None);
        self.objects.remove(&(side, key.kind, key.object));
    }

    /// Merges a change into an object, as somebody else does.
    pub(super) fn change(&mut self, side: Side, kind: &str, pair: impl Named, change: &Value) {
        let pair = pair.pair();
        let mut object = self.get(side, kind, &pair);
        merge(&mut object, change);
        self.put(side, kind, &pair, object);
    }

    /// An object, null when it is not there.
    pub(super) fn get(&self, side: Side, kind: &str, pair: &VirtualName) -> Value {
        self.objects.get(&(side, self.kind(kind), pair.clone())).cloned().unwrap_or_default()
    }

    pub(super) fn host(&self, kind: &str, pair: &VirtualName) -> Value {
        self.get(Side::Host, kind, pair)
    }

    /// Looks anew at what a pair uses.
    pub(super) fn uses(&mut self, mirror: &dyn Mirror, kind: &str, pair: impl Named) {
        let key = Key::new(self.kind(kind), pair.pair());
        let pair = &key.object;
        for side in [Side::Virtual, Side::Host] {
            let object = self.get(side, kind, pair);
            let uses = match object.is_null() {
                true => Vec::new(),
                false => mirror.uses(&self.ctx, pair, side, &lean(&object), &self.names),
            };
            self.index.set_uses(&key, side, uses);
        }
    }

    /// Whether something uses a pair.
    pub(super) fn is_used(&self, kind: &str, pair: impl Named) -> bool {
        self.index.view().is_used(&Key::new(self.kind(kind), pair.pair()))
    }

    pub(super) fn plan(&self, mirror: &dyn Mirror, kind: &str, pair: &VirtualName) -> Plan {
        self.plan_with(mirror, kind, pair, Absence::Seen)
    }

    /// A plan that knows in this way that a missing object is gone.
    pub(super) fn plan_with(
        &self,
        mirror: &dyn Mirror,
        kind: &str,
        pair: impl Named,
        absence: Absence,
    ) -> Plan {
        let key = Key::new(self.kind(kind), pair.pair());
        let pair = self.index.pair(&key);
        mirror.plan(&At {
            key: &key,
            v: pair.and_then(|pair| pair.v.as_deref()),
            h: pair.and_then(|pair| pair.h.as_deref()),
            absence,
            view: self.index.view(),
            kinds: &self.names,
            ctx: &self.ctx,
            now: self.now,
        })
    }

    /// Carries plans out until there is nothing to do; how many writes it took, and the last plan.
    pub(super) fn settle(
        &mut self,
        mirror: &dyn Mirror,
        kind: &'static str,
        pair: &VirtualName,
    ) -> (usize, Plan) {
        let mut writes = 0;
        for _ in 0..10 {
            let plan = self.plan(mirror, kind, pair);
            let of_side = |side| {
                plan.writes.iter().filter(|w| w.side() == side && !matches!(w, Write::Ensure { .. })).count()
            };
            assert!(of_side(Side::Virtual) <= 1 && of_side(Side::Host) <= 1, "{plan:#?}");
            if plan.writes.is_empty() {
                return (writes, plan);
            }
            for write in &plan.writes {
                writes += 1;
                self.carry_out(mirror, kind, pair, write);
            }
        }
        panic!("it never settles: {:#?}", self.plan(mirror, kind, pair));
    }

    pub(super) fn carry_out(
        &mut self,
        mirror: &dyn Mirror,
        kind: &'static str,
        pair: &VirtualName,
        write: &Write,
    ) {
        match write {
            Write::Create { side, target, body } => {
                assert_eq!(body["metadata"]["name"], target.name.as_str());
                let mut body = body.clone();
                drop(body.as_object_mut().map(|body| body.remove("status")));
                self.put(*side, kind, pair, body);
                self.assert_ours(mirror, *side, kind, pair);
            }
            Write::Patch { side, part, change, revision, .. } => {
                let mut object = self.get(*side, kind, pair);
                assert_eq!(object["metadata"]["resourceVersion"], revision.as_str(), "a stale patch");
                let mut change = change.clone();
                match part {
                    Part::Status => {
                        assert!(change.as_object().is_some_and(|c| c.keys().all(|k| k == "status")))
                    }
                    _ => drop(change.as_object_mut().map(|change| change.remove("status"))),
                }
                merge(&mut object, &change);
                self.put(*side, kind, pair, object);
                self.assert_ours(mirror, *side, kind, pair);
            }
            Write::Delete { side, uid, .. } => {
                assert_eq!(self.get(*side, kind, pair)["metadata"]["uid"], uid.as_str());
                self.remove(*side, kind, pair);
            }
            Write::Ensure { side, target, body } => {
                let name = VirtualName { namespace: target.namespace.clone(), name: target.name.clone() };
                let kind = self.names.0.iter().find(|kind| target.resource.plural == **kind).copied();
                self.put(*side, kind.expect("the kind of what is ensured"), &name, body.clone());
            }
            other => panic!("no kind here writes {other:?}"),
        }
    }

    /// What is written to the host is known again by the rules of its kind.
    fn assert_ours(&self, mirror: &dyn Mirror, side: Side, kind: &str, pair: &VirtualName) {
        if side == Side::Host {
            let object = lean(&self.get(side, kind, pair));
            assert_eq!(mirror.origin(&self.ctx, &object), Origin::Ours(pair.clone()));
        }
    }
}

/// RFC 7386.
fn merge(object: &mut Value, change: &Value) {
    let Value::Object(changes) = change else {
        *object = change.clone();
        return;
    };
    if !object.is_object() {
        *object = json!({});
    }
    for (name, change) in changes {
        if change.is_null() {
            drop(object.as_object_mut().map(|object| object.remove(name)));
        } else {
            merge(&mut object[name], change);
        }
    }
}
