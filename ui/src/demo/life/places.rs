//! Which pod stands in which place of an application.

use std::collections::HashMap;

use super::deeds::Deed;
use crate::demo::address::Address;
use crate::demo::objects::{Maker, Setting};
use crate::demo::seed::Seed;
use crate::demo::spec::{App, Fate, Tenant, VirtualPod};

/// How far an application grows and shrinks by itself.
const MOST: u32 = 60;
const LEAST: u32 = 1;

/// A place: tenant, number of the application, number of the pod.
type Place = (String, usize, u32);

/// The pods that stand where the first ones stood. A place not in here has its first pod.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(HashMap<Place, Occupant>);

/// The pod in a place.
#[derive(Debug, Clone, Copy)]
struct Occupant {
    revision: u32,
    generation: u32,
}

impl Places {
    /// Another pod takes the place of one.
    pub(super) fn replace(
        &mut self,
        deeds: &mut Vec<Deed>,
        tenant: &Tenant,
        app: usize,
        setting: &Setting,
        seed: Seed,
    ) {
        let Some(of) = tenant.apps.get(app) else { return };
        if of.replicas > 0 {
            let place = seed.child("place").below(u64::from(of.replicas)) as u32;
            self.leave(deeds, tenant, app, place);
            self.enter(deeds, tenant, app, place, setting);
        }
    }

    /// One more pod.
    pub(super) fn grow(&mut self, deeds: &mut Vec<Deed>, tenant: &mut Tenant, app: usize, setting: &Setting) {
        let Some(of) = tenant.apps.get_mut(app) else { return };
        if of.replicas >= MOST {
            return;
        }
        let place = of.replicas;
        of.replicas += 1;
        self.enter(deeds, tenant, app, place, setting);
    }

    /// One pod less.
    pub(super) fn shrink(&mut self, deeds: &mut Vec<Deed>, tenant: &mut Tenant, app: usize) {
        let Some(of) = tenant.apps.get_mut(app) else { return };
        if of.replicas <= LEAST {
            return;
        }
        of.replicas -= 1;
        let place = of.replicas;
        self.leave(deeds, tenant, app, place);
    }

    /// The pod of the application's present template takes a place.
    pub(super) fn enter(
        &mut self,
        deeds: &mut Vec<Deed>,
        tenant: &Tenant,
        app: usize,
        place: u32,
        setting: &Setting,
    ) {
        let Some(of) = tenant.apps.get(app) else { return };
        let key = (tenant.name.clone(), app, place);
        // A generation is never used twice: a pod never comes back under its old name.
        let generation = self.0.get(&key).map_or(0, |occupant| occupant.generation) + 1;
        let occupant = Occupant { revision: of.revision, generation };
        self.0.insert(key, occupant);
        let maker = Maker::new(tenant, setting);
        let present = App { fate: Fate::Running { restarts: 0 }, created: setting.now, ..of.clone() };
        let pod = pod(&present, tenant, place, occupant);
        deeds.push(Deed::Create(maker.new_pod(&pod, &maker.planned_owner())));
    }

    /// The pod in a place is deleted.
    pub(super) fn leave(&self, deeds: &mut Vec<Deed>, tenant: &Tenant, app: usize, place: u32) {
        let Some(of) = tenant.apps.get(app) else { return };
        let occupant = self.occupant(tenant, app, place);
        let then = App { revision: occupant.revision, ..of.clone() };
        // Names do not depend on where and when.
        let setting = Setting { now: of.created, nodes: Vec::new(), managed_fields: false };
        let name = Maker::new(tenant, &setting).pod_host_name(&pod(&then, tenant, place, occupant));
        deeds.push(Deed::Delete(Address::core("Pod", &tenant.namespace, &name)));
    }

    fn occupant(&self, tenant: &Tenant, app: usize, place: u32) -> Occupant {
        let key = (tenant.name.clone(), app, place);
        // Templates change only in roll-outs, which put an occupant into every place.
        let first = Occupant { revision: 1, generation: 0 };
        self.0.get(&key).copied().unwrap_or(first)
    }
}

fn pod<'a>(app: &'a App, tenant: &Tenant, place: u32, occupant: Occupant) -> VirtualPod<'a> {
    app.pod(tenant, place, occupant.generation)
}
