//! What happens on a demo host while somebody looks: roll-outs, pods that come and go, jobs, guests from CI.
//!
//! Pure: [`Life::tick`] says what happens next, and always the same for the same seed; [`Deed`]s are carried out by
//! whoever has the host.

mod deeds;
mod guests;
mod jobs;
mod places;
mod rollouts;

use chrono::{DateTime, Utc};

pub use deeds::Deed;
use guests::Guests;
use jobs::Jobs;
use places::Places;
use rollouts::Rollouts;

use super::company::Estate;
use super::objects::Setting;
use super::seed::Seed;
use super::spec::{AppKind, Tenant};

/// The life of one host.
#[derive(Debug, Clone)]
pub struct Life {
    seed: Seed,
    setting: Setting,
    tenants: Vec<Tenant>,
    places: Places,
    rollouts: Rollouts,
    jobs: Jobs,
    guests: Guests,
    tick: u64,
}

/// What can happen in one tick, and how likely it is, in shares of the sum.
const CHANCES: [(Happening, u64); 6] = [
    (Happening::Replace, 34),
    (Happening::Rollout, 8),
    (Happening::ScaleUp, 12),
    (Happening::ScaleDown, 12),
    (Happening::Job, 14),
    (Happening::Guest, 20),
];

/// How many tenants are asked whether something may happen in them, before nothing does.
const ASKED: u64 = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Happening {
    /// A pod goes and another takes its place.
    Replace,
    /// A Deployment gets another template.
    Rollout,
    /// An application grows by one.
    ScaleUp,
    /// It shrinks by one.
    ScaleDown,
    /// A Job starts.
    Job,
    /// A virtual cluster for a CI run is made.
    Guest,
}

impl Life {
    /// The life of this estate on a host with these nodes. The estate is as it was put there.
    pub fn new(estate: &Estate, setting: Setting, seed: Seed) -> Self {
        Life {
            seed: seed.child("life").child(&estate.context),
            setting,
            tenants: estate.tenants.clone(),
            places: Places::default(),
            rollouts: Rollouts::default(),
            jobs: Jobs::default(),
            guests: Guests::default(),
            tick: 0,
        }
    }

    /// What happens next. A tick stands for about a second.
    pub fn tick(&mut self, now: DateTime<Utc>) -> Vec<Deed> {
        self.tick += 1;
        self.setting.now = now;
        let seed = self.seed.nth(self.tick);
        let mut deeds = Vec::new();
        self.carry_on(&mut deeds, seed);
        // The larger the fleet, the more happens in it.
        for n in 0..=(self.tenants.len() as u64 / 100) {
            self.begin(&mut deeds, seed.child("begin").nth(n));
        }
        if self.tick.is_multiple_of(10) {
            deeds.extend(self.tenants.iter().filter_map(|tenant| deeds::renew(tenant, now)));
        }
        // Not all at once: a third of the fleet every ten ticks, as their clocks happen to go.
        if self.tick.is_multiple_of(10) {
            let turn = (self.tick / 10 % 3) as usize;
            let tell = self.tenants.iter().enumerate().filter(|(n, _)| n % 3 == turn);
            deeds.extend(tell.filter_map(|(_, tenant)| deeds::tell(tenant, now)));
        }
        deeds
    }

    /// What was begun earlier goes on.
    fn carry_on(&mut self, deeds: &mut Vec<Deed>, seed: Seed) {
        self.rollouts.step(deeds, &mut self.tenants, &mut self.places, &self.setting);
        self.jobs.step(deeds, self.tick);
        self.guests.step(deeds, self.tick, &self.setting, seed);
    }

    fn begin(&mut self, deeds: &mut Vec<Deed>, seed: Seed) {
        let total = CHANCES.iter().map(|(_, share)| share).sum();
        let mut at = seed.child("what").below(total);
        for (happening, share) in CHANCES {
            if at < share {
                return self.happen(happening, deeds, seed);
            }
            at -= share;
        }
    }

    fn happen(&mut self, happening: Happening, deeds: &mut Vec<Deed>, seed: Seed) {
        if happening == Happening::Guest {
            return self.guests.arrive(deeds, self.tick, &self.setting, seed);
        }
        let Some((tenant, app)) = self.busy_app(seed) else { return };
        let Some(of) = self.tenants.get_mut(tenant) else { return };
        match happening {
            Happening::Replace => self.places.replace(deeds, of, app, &self.setting, seed),
            Happening::Rollout => self.rollouts.begin(of, app),
            Happening::ScaleUp if has_room(of) => self.places.grow(deeds, of, app, &self.setting),
            Happening::ScaleDown => self.places.shrink(deeds, of, app),
            Happening::Job if has_room(of) => self.jobs.begin(deeds, of, self.tick, &self.setting, seed),
            Happening::ScaleUp | Happening::Job | Happening::Guest => {}
        }
    }

    /// A tenant that serves, and one of its Deployments that is not being rolled out.
    fn busy_app(&self, seed: Seed) -> Option<(usize, usize)> {
        // Whether one is free takes adding up all it holds: a few are asked, not all thousand of them.
        let mut some =
            (0..ASKED).map(|n| seed.child("tenant").nth(n).below(self.tenants.len() as u64) as usize);
        let tenant = some.find(|n| self.tenants.get(*n).is_some_and(is_free))?;
        let of = self.tenants.get(tenant)?;
        let movable: Vec<usize> = (0..of.apps.len())
            .filter(|n| of.apps.get(*n).is_some_and(is_movable))
            .filter(|n| !self.rollouts.is_rolling(&of.name, *n))
            .collect();
        Some((tenant, *seed.child("app").pick(&movable)?))
    }
}

/// Whether things happen in a tenant. Over its quota it would lose what goes and not get what comes.
fn is_free(tenant: &Tenant) -> bool {
    tenant.serves() && !tenant.workloads_stopped() && !tenant.is_over_quota()
}

/// Whether a tenant's quota takes a few pods more: those that are being stopped count until they are gone.
fn has_room(tenant: &Tenant) -> bool {
    let usage = tenant.usage();
    let fits = |used: u64, hard: u64| 10 * used < 9 * hard;
    tenant.quota.is_none_or(|quota| {
        fits(usage.cpu_millis, quota.cpu_millis)
            && fits(usage.memory_mib, quota.memory_mib)
            && fits(usage.pods, quota.pods)
    })
}

/// Whether pods of an application may come and go without a person.
fn is_movable(app: &super::spec::App) -> bool {
    app.kind == AppKind::Deployment && app.namespace != "kube-system"
}

#[cfg(test)]
mod tests;
