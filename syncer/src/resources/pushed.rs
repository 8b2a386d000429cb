//! Kinds that go to the host whole, and whose status comes back.

use serde_json::{Value, json};
use smol_str::SmolStr;
use v9s::cluster::lean::Lean;
use v9s::wire::annotation;

use super::life::{self, Life, Ways};
use super::patch;
use crate::engine::key::Side;
use crate::engine::mirror::{At, field};
use crate::engine::plan::{Absence, Plan, Write};
use crate::translate::applied::Applied;
use crate::translate::diff;
use crate::translate::meta::{self, Extra};

/// What the host's object is to say.
#[derive(Debug, Default)]
pub(super) struct Desired {
    /// Top-level fields, in the host's words.
    pub(super) fields: Vec<(SmolStr, Value)>,
    /// Labels and annotations that are made for the host.
    pub(super) extra: Extra,
    /// What the host has decided of the tenant's object, as a merge patch of it.
    pub(super) back: Option<Value>,
}

impl Desired {
    pub(super) fn of(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let fields = fields.into_iter().map(|(name, value)| (SmolStr::new_static(name), value)).collect();
        Desired { fields, ..Desired::default() }
    }
}

/// How a kind is pushed.
pub(super) struct Pushed<'a> {
    /// Coming and going.
    pub(super) ways: Ways<'a>,
    /// Fields that no server lets change: the host's object is replaced.
    pub(super) immutable: &'static [&'static str],
    /// The tenant's status, as the host's object (the second) has it; none when it does not come back.
    pub(super) status: Option<fn(&Lean, &Lean) -> Value>,
}

impl Pushed<'_> {
    /// The plan of a pair; `desired` may refuse with a plan of its own.
    pub(super) fn plan(
        &self,
        at: &At<'_>,
        desired: impl FnOnce(&Lean, Option<&Lean>) -> Result<Desired, Plan>,
    ) -> Plan {
        match life::of(at, self.ways) {
            Life::Decided(plan) => plan,
            Life::Create(v) => match desired(v, None) {
                Ok(desired) => self.create(at, v, desired),
                Err(refused) => refused,
            },
            Life::Agree(v, h) => match desired(v, Some(h)) {
                Ok(desired) => self.agree(at, v, h, desired),
                Err(refused) => refused,
            },
        }
    }

    fn create(&self, at: &At<'_>, v: &Lean, desired: Desired) -> Plan {
        let Desired { fields, extra, .. } = with_digests(desired);
        let metadata = meta::to_create(at.ctx, self.ways.resource, at.key, v, &extra);
        let fields = fields.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let body = patch::object(self.ways.resource, metadata, fields);
        let target = life::host_object(at, self.ways.resource);
        Plan::write(Write::Create { side: Side::Host, target, body })
    }

    fn agree(&self, at: &At<'_>, v: &Lean, h: &Lean, desired: Desired) -> Plan {
        let resource = self.ways.resource;
        let applied = Applied::parse(h.metadata.annotation(annotation::APPLIED));
        let Desired { fields, extra, back } = with_digests(desired);
        let mut change = json!({});
        for (name, wanted) in &fields {
            let live = field(Some(h), name);
            // What the tenant has taken out is only told from what the server has filled in by what was applied before.
            let differs = match applied.changed(name, wanted) {
                true => diff::to_become(&live, wanted),
                false => diff::to_reach(&live, wanted),
            };
            let Some(differs) = differs else { continue };
            if self.immutable.contains(&name.as_str()) {
                return life::withdraw(at, resource, h, Absence::Replaced);
            }
            change[name.as_str()] = differs;
        }
        let agreement = meta::agree(at.ctx, resource, at.key, v, h, &extra);
        let for_virtual = patch::merge(
            at,
            resource,
            Side::Virtual,
            v,
            back.unwrap_or_else(|| json!({})),
            agreement.virtual_side,
        )
        .or_else(|| {
            let wanted = self.status.map(|status| status(v, h))?;
            let change = diff::to_become(&field(Some(v), "status"), &wanted);
            patch::status(at, resource, v, change)
        });
        let for_host = patch::merge(at, resource, Side::Host, h, change, agreement.host);
        Plan { writes: for_virtual.into_iter().chain(for_host).collect(), ..Plan::default() }
    }
}

fn with_digests(mut desired: Desired) -> Desired {
    for (name, value) in desired.fields.iter().filter(|(_, value)| !value.is_null()) {
        desired.extra.applied.set(name, value);
    }
    desired
}

/// The host's status as it is.
pub(super) fn status_of_host(_: &Lean, h: &Lean) -> Value {
    field(Some(h), "status")
}
