//! The canary: one small object that goes round, so that an idle virtual cluster has a lag, too.
//!
//! A ConfigMap in the tenant's `kube-system` and its mirror on the host carry the number of a turn. When a turn is over
//! and the next one is due, the pair's plan writes the next number to the tenant's object; when that differs from the
//! host's, the plan writes the host's. So one turn is one write on each side, through the same watches, queue, plans,
//! budgets and requests as everything else: what holds them up holds the canary up. It is home when the host's *watch*
//! tells of the number; the answer to the write alone proves nothing about what the engine would see.

mod course;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use v9s::cluster::Resource;
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;
use v9s::wire::{CANARY_CONTROLLER, label};

use crate::context::Context;
use crate::engine::Registered;
use crate::engine::key::Side;
use crate::engine::mirror::{At, Mirror, Origin, Source, Teller, field};
use crate::engine::plan::{Absence, Part, Plan, Write};
use crate::resources::life;
use crate::translate::meta::{self, Extra};
use crate::translate::owned;

pub use course::{Course, Flight, Turn};

/// Its name in the registry.
pub const KIND: &str = "configmaps.canary";
const NAMESPACE: &str = "kube-system";
const NAME: &str = "v9s-canary";

/// The tenant's object.
pub fn name() -> VirtualName {
    VirtualName::namespaced(NAMESPACE, NAME)
}

/// Adds the canary to what is mirrored; without an interval it is taken away where it was left. Answers where its
/// flights are recorded.
pub fn register(kinds: &mut Vec<Registered>, every: Option<Duration>) -> Arc<Course> {
    let course = Arc::new(Course::new(every));
    let mirror = Arc::new(Canary { every, course: Arc::clone(&course) });
    kinds.push(Registered { name: KIND.into(), mirror });
    course
}

struct Canary {
    every: Option<Duration>,
    course: Arc<Course>,
}

impl Mirror for Canary {
    fn source(&self, side: Side, ctx: &Context) -> Option<Source> {
        Some(match side {
            Side::Virtual => Source {
                namespace: Some(NAMESPACE.into()),
                fields: Some(format!("metadata.name={NAME}")),
                ..Source::all(Resource::CONFIG_MAPS)
            },
            Side::Host => Source {
                namespace: Some(ctx.host_namespace.clone()),
                labels: Some(format!(
                    "{}={},{}={CANARY_CONTROLLER}",
                    label::MANAGED_BY,
                    ctx.names.marker(),
                    label::CONTROLLED_BY
                )),
                ..Source::all(Resource::CONFIG_MAPS)
            },
        })
    }

    fn origin(&self, ctx: &Context, host: &Lean) -> Origin {
        let meta = &host.metadata;
        let marked = meta.label(label::MANAGED_BY) == Some(ctx.names.marker())
            && meta.label(label::CONTROLLED_BY) == Some(CANARY_CONTROLLER);
        match marked && meta.name == ctx.names.host_name(&name()).as_str() {
            true => Origin::Ours(name()),
            false => Origin::Foreign("it is not the canary of this virtual cluster"),
        }
    }

    fn standing(&self) -> Vec<VirtualName> {
        if self.every.is_some() { vec![name()] } else { Vec::new() }
    }

    fn is_probe(&self) -> bool {
        true
    }

    fn told(&self, side: Side, object: &Lean, by: Teller) {
        if let Some(turn) = Turn::of(object) {
            self.course.told(side, &turn, by, Utc::now());
        }
    }

    fn plan(&self, at: &At<'_>) -> Plan {
        let going =
            |object: Option<&Lean>| object.is_some_and(|object| object.metadata.deletion_timestamp.is_some());
        if going(at.v) || going(at.h) {
            return Plan::nothing();
        }
        if at.v.is_some_and(|v| v.metadata.label(label::CONTROLLED_BY) != Some(CANARY_CONTROLLER)) {
            return Plan::wait("the tenant has a ConfigMap of its own under the name of the canary");
        }
        let Some(every) = self.every else { return withdraw(at) };
        let (Some(v), h) = (at.v, at.h) else { return self.create(at) };
        let Some(turn) = Turn::of(v) else { return self.fly(at, v, 1) };
        match h {
            None => Plan::write(to_host(at, v)),
            Some(h) if !owned::is_for(h, v) => delete(Side::Host, at, h, Absence::Replaced),
            Some(h) if field(Some(h), "data") != field(Some(v), "data") => {
                patch(Side::Host, at, h, json!({"data": field(Some(v), "data")}))
            }
            Some(_) => match left(every, turn.begun, at.now) {
                Some(left) => Plan::nothing().again_after(left),
                None => self.fly(at, v, turn.number.wrapping_add(1)),
            },
        }
    }
}

impl Canary {
    fn create(&self, at: &At<'_>) -> Plan {
        let number = at.h.and_then(Turn::of).map_or(1, |turn| turn.number.wrapping_add(1));
        let VirtualName { name, namespace } = &at.key.object;
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": self.data(number, at.now),
            "metadata": {"name": name, "namespace": namespace, "labels": {label::CONTROLLED_BY: CANARY_CONTROLLER}}});
        Plan::write(Write::Create {
            side: Side::Virtual,
            target: life::virtual_object(at, &Resource::CONFIG_MAPS),
            body,
        })
    }

    /// The next turn begins.
    fn fly(&self, at: &At<'_>, v: &Lean, number: u64) -> Plan {
        patch(Side::Virtual, at, v, json!({"data": self.data(number, at.now)}))
    }

    fn data(&self, number: u64, begun: DateTime<Utc>) -> Value {
        json!({"turn": number.to_string(), "begun": begun.to_rfc3339_opts(SecondsFormat::Micros, true),
            "by": self.course.by})
    }
}

/// How long the next turn has to wait. A time in the future was written by another's clock and says nothing.
fn left(every: Duration, begun: DateTime<Utc>, now: DateTime<Utc>) -> Option<Duration> {
    let age = (now - begun).to_std().ok()?;
    every.checked_sub(age).filter(|left| !left.is_zero())
}

fn to_host(at: &At<'_>, v: &Lean) -> Write {
    let labels = [(label::CONTROLLED_BY.to_owned(), CANARY_CONTROLLER.to_owned())].into();
    let extra = Extra { labels, ..Extra::default() };
    let metadata = meta::to_create(at.ctx, &Resource::CONFIG_MAPS, at.key, v, &extra);
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": field(Some(v), "data")});
    Write::Create { side: Side::Host, target: life::host_object(at, &Resource::CONFIG_MAPS), body }
}

/// Takes away what an earlier process has left.
fn withdraw(at: &At<'_>) -> Plan {
    match (at.v, at.h) {
        (Some(v), _) => delete(Side::Virtual, at, v, Absence::Unwanted),
        (None, Some(h)) => delete(Side::Host, at, h, Absence::Unwanted),
        (None, None) => Plan::nothing(),
    }
}

fn patch(side: Side, at: &At<'_>, object: &Lean, change: Value) -> Plan {
    let target = life::object(at, side, &Resource::CONFIG_MAPS);
    Plan::write(Write::merge(side, target, object, Part::Main, change))
}

fn delete(side: Side, at: &At<'_>, object: &Lean, because: Absence) -> Plan {
    let target = life::object(at, side, &Resource::CONFIG_MAPS);
    Plan::write(Write::delete(side, target, object, because))
}

#[cfg(test)]
mod tests;
