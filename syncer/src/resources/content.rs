//! ConfigMaps and Secrets: content that either side may change.

use serde_json::{Value, json};
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::wire::annotation;

use super::life::{self, HostDeletion, Life, Ways};
use super::patch;
use crate::engine::key::Side;
use crate::engine::mirror::{At, field};
use crate::engine::plan::{Plan, Write};
use crate::translate::applied::Applied;
use crate::translate::{diff, meta};

/// A kind whose objects are their content.
pub(super) struct Content {
    pub(super) resource: Resource,
    /// All of them, not only those that are referred to or ask for it.
    pub(super) all: bool,
    /// Top-level fields that either side may change, as groups of their own.
    pub(super) shared: &'static [&'static str],
    /// What is written to the host besides, from the tenant's object.
    pub(super) fixed: fn(&Lean) -> Vec<(&'static str, Value)>,
}

impl Content {
    pub(super) fn plan(&self, at: &At<'_>, host_deletion: HostDeletion) -> Plan {
        let asks = |v: &Lean| v.metadata.annotation(annotation::FORCE_SYNC) == Some("true");
        let wanted = self.all || at.view.is_used(at.key) || at.v.is_some_and(asks);
        let ways = Ways { wanted, ..Ways::plain(&self.resource, host_deletion) };
        match life::of(at, ways) {
            Life::Decided(plan) => plan,
            Life::Create(v) => Plan::write(self.create(at, v)),
            Life::Agree(v, h) => self.agree(at, v, h),
        }
    }

    fn create(&self, at: &At<'_>, v: &Lean) -> Write {
        let mut body = json!({"apiVersion": self.resource.api_version(), "kind": self.resource.kind});
        for name in self.shared {
            set(&mut body, name, field(Some(v), name));
        }
        for (name, value) in (self.fixed)(v) {
            set(&mut body, name, value);
        }
        body["metadata"] = meta::to_create(at.ctx, &self.resource, at.key, v, &self.extra(v, None));
        Write::Create { side: Side::Host, target: life::host_object(at, &self.resource), body }
    }

    fn agree(&self, at: &At<'_>, v: &Lean, h: &Lean) -> Plan {
        let applied = Applied::parse(h.metadata.annotation(annotation::APPLIED));
        let (mut for_host, mut for_virtual) = (json!({}), json!({}));
        for name in self.shared {
            let (mine, theirs) = (field(Some(v), name), field(Some(h), name));
            if same(&mine, &theirs) {
                continue;
            }
            match applied.changed(name, &mine) {
                true => for_host[name] = replacing(&theirs, &mine),
                false => for_virtual[name] = replacing(&mine, &theirs),
            }
        }
        for (name, value) in (self.fixed)(v) {
            if let Some(change) = diff::to_reach(&field(Some(h), name), &value) {
                for_host[name] = change;
            }
        }
        let agreement = meta::agree(at.ctx, &self.resource, at.key, v, h, &self.extra(v, Some(h)));
        let resource = &self.resource;
        let writes = [
            patch::merge(at, resource, Side::Virtual, v, for_virtual, agreement.virtual_side),
            patch::merge(at, resource, Side::Host, h, for_host, agreement.host),
        ];
        Plan { writes: writes.into_iter().flatten().collect(), ..Plan::default() }
    }

    /// What was applied: the content both sides are about to have.
    fn extra(&self, v: &Lean, h: Option<&Lean>) -> meta::Extra {
        let before = h.map(|h| Applied::parse(h.metadata.annotation(annotation::APPLIED)));
        let mut applied = Applied::default();
        for name in self.shared {
            let mine = field(Some(v), name);
            let theirs = field(h, name);
            let host_changed =
                before.as_ref().is_some_and(|before| !before.changed(name, &mine)) && !same(&mine, &theirs);
            applied.set(name, if host_changed { &theirs } else { &mine });
        }
        meta::Extra { applied, ..meta::Extra::default() }
    }
}

fn set(body: &mut Value, name: &str, value: Value) {
    if !value.is_null() {
        body[name] = value;
    }
}

/// Servers leave out what is empty.
fn same(one: &Value, other: &Value) -> bool {
    let empty = |value: &Value| value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
    one == other || (empty(one) && empty(other))
}

/// A merge patch that makes a map another, keys that are gone included.
fn replacing(live: &Value, wanted: &Value) -> Value {
    let (Value::Object(live), Value::Object(wanted)) = (live, wanted) else { return wanted.clone() };
    let mut patch = wanted.clone();
    patch.retain(|key, value| live.get(key) != Some(value));
    for gone in live.keys().filter(|key| !wanted.contains_key(*key)) {
        patch.insert(gone.clone(), Value::Null);
    }
    Value::Object(patch)
}
