//! Deployments that get another template: one new pod comes, one old pod goes, until all are new.

use super::deeds::Deed;
use super::places::Places;
use crate::demo::objects::Setting;
use crate::demo::spec::Tenant;

/// Most roll-outs at the same time.
const MOST: usize = 4;

/// The roll-outs under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Rollouts(Vec<Rollout>);

#[derive(Debug, Clone)]
struct Rollout {
    tenant: String,
    app: usize,
    /// The place whose pod is next.
    next: u32,
}

impl Rollouts {
    /// A roll-out of this application begins with the next step.
    pub(super) fn begin(&mut self, tenant: &mut Tenant, app: usize) {
        if self.0.len() >= MOST {
            return;
        }
        if let Some(of) = tenant.apps.get_mut(app) {
            of.revision += 1;
            self.0.push(Rollout { tenant: tenant.name.clone(), app, next: 0 });
        }
    }

    /// Whether this application is being rolled out.
    pub(super) fn is_rolling(&self, tenant: &str, app: usize) -> bool {
        self.0.iter().any(|rollout| rollout.tenant == tenant && rollout.app == app)
    }

    /// Every roll-out goes on by one pod.
    pub(super) fn step(
        &mut self,
        deeds: &mut Vec<Deed>,
        tenants: &mut [Tenant],
        places: &mut Places,
        setting: &Setting,
    ) {
        self.0.retain_mut(|rollout| {
            let Some(tenant) = tenants.iter().find(|tenant| tenant.name == rollout.tenant) else {
                return false;
            };
            let replicas = tenant.apps.get(rollout.app).map_or(0, |app| app.replicas);
            if rollout.next >= replicas {
                return false;
            }
            places.leave(deeds, tenant, rollout.app, rollout.next);
            places.enter(deeds, tenant, rollout.app, rollout.next, setting);
            rollout.next += 1;
            rollout.next < replicas
        });
    }
}
