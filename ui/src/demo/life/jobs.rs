//! Jobs: a pod comes, does its work, and is taken away.

use super::deeds::Deed;
use crate::demo::address::Address;
use crate::demo::catalogue::mould;
use crate::demo::objects::{Maker, Setting};
use crate::demo::seed::Seed;
use crate::demo::spec::Tenant;

/// Ticks until a finished Job is cleaned away, as with a `ttlSecondsAfterFinished`.
const STAY: u64 = 90;
/// Most Jobs at the same time.
const MOST: usize = 6;

/// The Jobs on a host.
#[derive(Debug, Clone, Default)]
pub(super) struct Jobs(Vec<(u64, Address)>);

impl Jobs {
    /// A Job starts in this tenant.
    pub(super) fn begin(
        &mut self,
        deeds: &mut Vec<Deed>,
        tenant: &Tenant,
        tick: u64,
        setting: &Setting,
        seed: Seed,
    ) {
        let Some(mould) = mould("batch", "nightly-report") else { return };
        if self.0.len() >= MOST {
            return;
        }
        let mut app = mould.cast(1, setting.now);
        app.name = format!("report-{}", seed.child("job").letters(6));
        let maker = Maker::new(tenant, setting);
        let pod = app.pod(tenant, 0, 0);
        let object = maker.new_pod(&pod, &maker.planned_owner());
        self.0.push((tick + STAY, Address::of(&object)));
        deeds.push(Deed::Create(object));
    }

    /// Takes away what has stayed long enough.
    pub(super) fn step(&mut self, deeds: &mut Vec<Deed>, tick: u64) {
        self.0.retain(|(until, address)| {
            let stays = *until > tick;
            if !stays {
                deeds.push(Deed::Delete(address.clone()));
            }
            stays
        });
    }
}
