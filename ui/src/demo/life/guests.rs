//! Virtual clusters for CI runs: they appear, fill, and vanish with their namespace.

use chrono::Duration;

use super::deeds::Deed;
use crate::demo::address::Address;
use crate::demo::catalogue::mould;
use crate::demo::objects::{Maker, Setting};
use crate::demo::seed::Seed;
use crate::demo::spec::{App, Manager, QuotaSpec, Tenant};

/// Most guests at the same time.
const MOST: usize = 3;
/// Ticks between the chart and the first pod inside: the control plane has to start.
const START: u64 = 15;

/// The guests on a host.
#[derive(Debug, Clone, Default)]
pub(super) struct Guests(Vec<Guest>);

#[derive(Debug, Clone)]
struct Guest {
    tenant: Tenant,
    arrived: u64,
    leaves: u64,
    /// Pods inside so far.
    pods: usize,
}

impl Guests {
    /// A guest arrives: its chart is installed.
    pub(super) fn arrive(&mut self, deeds: &mut Vec<Deed>, tick: u64, setting: &Setting, seed: Seed) {
        if self.0.len() >= MOST {
            return;
        }
        let tenant = guest(setting, seed);
        let maker = Maker::new(&tenant, setting);
        let owner = maker.planned_owner();
        let objects = [maker.namespace(), maker.service()]
            .into_iter()
            .chain(maker.chart())
            .chain(maker.quota())
            .chain(maker.claims())
            .chain(maker.runtime(&owner))
            .map(without_status);
        deeds.extend(objects.map(Deed::Place));
        let leaves = tick + 80 + seed.child("leaves").below(120);
        self.0.push(Guest { tenant, arrived: tick, leaves, pods: 0 });
    }

    /// Guests fill, and those whose time is up leave.
    pub(super) fn step(&mut self, deeds: &mut Vec<Deed>, tick: u64, setting: &Setting, seed: Seed) {
        for guest in &mut self.0 {
            let place = guest.pods;
            if tick < guest.arrived + START || !seed.child(&guest.tenant.name).happens(40) {
                continue;
            }
            let maker = Maker::new(&guest.tenant, setting);
            let owner = maker.planned_owner();
            if place == 0 {
                deeds.extend(maker.synced(&owner).into_iter().map(Deed::Place));
            }
            if let Some(pod) = guest.tenant.pods().nth(place) {
                deeds.push(Deed::Create(maker.new_pod(&pod, &owner)));
                guest.pods += 1;
            }
        }
        self.0.retain(|guest| {
            let stays = guest.leaves > tick;
            if !stays {
                deeds.push(Deed::Delete(Address::core("Namespace", "", &guest.tenant.namespace)));
            }
            stays
        });
    }
}

fn guest(setting: &Setting, seed: Seed) -> Tenant {
    let name = format!("ci-{}", 1000 + seed.child("run").below(90_000));
    let mut tenant = Tenant::new(&name, setting.now, seed);
    tenant.namespace = format!("vcluster-{name}");
    tenant.manager = if seed.child("manager").happens(50) { Manager::V9s } else { Manager::Helm };
    tenant.quota = Some(QuotaSpec { cpu_millis: 4_000, memory_mib: 6 * 1024, storage_gib: 20, pods: 20 });
    tenant.labels.insert("team".to_owned(), "ci".to_owned());
    tenant.labels.insert("env".to_owned(), "ci".to_owned());
    let created = setting.now + Duration::seconds(START as i64);
    if let Some(mould) = mould("ci", "runner") {
        let replicas = 2 + seed.child("runners").below(4) as u32;
        tenant.apps.push(App { created, ..mould.cast(replicas, created) });
    }
    tenant
}

/// An object as its maker sends it: the host's controllers write the status.
fn without_status(mut object: serde_json::Value) -> serde_json::Value {
    let kind = object.get("kind").and_then(serde_json::Value::as_str);
    if matches!(kind, Some("StatefulSet" | "Deployment"))
        && let Some(object) = object.as_object_mut()
    {
        object.remove("status");
    }
    object
}
