//! Carries it out.

use std::time::Duration;

use smol_str::{SmolStr, format_smolstr};

use super::SpaceError;
use super::plan::SpacePlan;
use crate::cluster::{Cluster, Failure, FailureKind};
use crate::fleet::quantity::binary;
use crate::lifecycle::LOOK;
use crate::operation::Progress;
use crate::store::{AlarmKind, MemberStatus, Store, StoreError};

/// How patiently it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceOptions {
    /// How long all members may take to be there, before and after each one.
    pub patience: Duration,
}

impl Default for SpaceOptions {
    fn default() -> Self {
        SpaceOptions { patience: Duration::from_secs(120) }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Size of the file of each process before and after.
    pub members: Vec<(SmolStr, u64, u64)>,
    /// How many alarms were taken away.
    pub disarmed: usize,
}

impl Recovered {
    /// A sentence.
    pub fn words(&self) -> String {
        let sum = |size: fn(&(SmolStr, u64, u64)) -> u64| self.members.iter().map(size).sum::<u64>();
        let (before, after) = (sum(|it| it.1), sum(|it| it.2));
        let alarms = match self.disarmed {
            0 => "",
            1 => ", an alarm was taken away",
            _ => ", alarms were taken away",
        };
        format!("{} by now, {} before{alarms}", binary(after), binary(before))
    }
}

/// A member as it is now.
type Now = (SmolStr, MemberStatus);

/// Carries a plan out. Changes leave records in the audit log of the host.
///
/// # Errors
/// When a member is not there any more, the store refuses, or what is stored needs the room.
pub async fn carry_out(
    host: &Cluster,
    store: &Store,
    plan: &SpacePlan,
    options: &SpaceOptions,
    progress: &Progress,
) -> Result<Recovered, SpaceError> {
    host.check_audit().await?;
    let deed = Deed { host, store, options, progress };
    let before = progress.step(0, deed.all_there(plan)).await?;
    progress.step(1, deed.forget()).await?;
    let mut left: Vec<SmolStr> = before.iter().map(|(name, _)| name.clone()).collect();
    let mut step = 2;
    while !left.is_empty() {
        progress.step(step, deed.rewrite_next(plan, &mut left)).await?;
        step += 1;
    }
    let disarmed = progress.step(step, deed.disarm(plan)).await?;
    let after = progress.step(step + 1, deed.verify(plan)).await?;
    let size = |name: &SmolStr| after.iter().find(|(other, _)| other == name).map(|(_, status)| status.size);
    let members = before.iter().filter_map(|(name, then)| Some((name.clone(), then.size, size(name)?)));
    Ok(Recovered { members: members.collect(), disarmed })
}

struct Deed<'a> {
    host: &'a Cluster,
    store: &'a Store,
    options: &'a SpaceOptions,
    progress: &'a Progress,
}

impl Deed<'_> {
    /// Every member of the plan, once each answers, all know the same leader, and none is far behind.
    async fn all_there(&self, plan: &SpacePlan) -> Result<Vec<Now>, SpaceError> {
        let late = |why| SpaceError::Away { why };
        self.progress.until(LOOK, self.options.patience, late, || async { Ok(self.look(plan).await) }).await
    }

    async fn look(&self, plan: &SpacePlan) -> Result<Vec<Now>, SmolStr> {
        let mut all: Vec<Now> = Vec::new();
        for seen in self.store.status().await {
            match seen.status {
                Ok(status) => all.push((seen.process, status)),
                Err(error) => return Err(format_smolstr!("{error}")),
            }
        }
        if let Some((gone, ..)) =
            plan.members.iter().find(|(name, ..)| !all.iter().any(|(other, _)| other == name))
        {
            return Err(format_smolstr!("{gone} is not there any more"));
        }
        let leader = all.first().map(|(_, status)| status.leader).unwrap_or_default();
        if leader == 0 || all.iter().any(|(_, status)| status.leader != leader) {
            return Err("its members do not agree on a leader".into());
        }
        let newest = all.iter().map(|(_, status)| status.raft.0).max().unwrap_or_default();
        let behind = all.iter().find(|(_, status)| newest.saturating_sub(status.raft.1) > BEHIND);
        match behind {
            Some((name, status)) => {
                Err(format_smolstr!("{name} is {} entries behind", newest.saturating_sub(status.raft.1)))
            }
            None => Ok(all),
        }
    }

    async fn forget(&self) -> Result<(), SpaceError> {
        let revision = self.store.revision().await?;
        let done = self.store.compact(revision).await;
        let process = match &done {
            // Somebody else, or an earlier run, did it.
            Err(StoreError::Compacted { .. }) => {
                self.progress.note("nothing is left to forget");
                return Ok(());
            }
            Ok(process) => process.clone(),
            Err(_) => self.store.processes().next().cloned().unwrap_or_default(),
        };
        self.record("compact-store", &process, done.as_ref().map(drop)).await;
        done?;
        self.progress.note(format_smolstr!("all before revision {revision}"));
        Ok(())
    }

    /// Rewrites the file of one of those that are left: of the leader only when it is the last.
    async fn rewrite_next(&self, plan: &SpacePlan, left: &mut Vec<SmolStr>) -> Result<(), SpaceError> {
        let now = self.all_there(plan).await?;
        let leads =
            |name: &SmolStr| now.iter().any(|(other, status)| other == name && status.id == status.leader);
        let next = left.iter().position(|name| !leads(name)).unwrap_or_default();
        let name = left.remove(next);
        let size = |all: &[Now]| all.iter().find(|(other, _)| *other == name).map(|(_, status)| status.size);
        let before = size(&now).unwrap_or_default();
        self.progress.waiting(format_smolstr!("{name} rewrites {}", binary(before)));
        let done = self.store.defragment(&name).await;
        self.record("defragment-store", &name, done.as_ref().map(drop)).await;
        done?;
        let after = size(&self.all_there(plan).await?).unwrap_or_default();
        self.progress.note(format_smolstr!("{name}: {} from {}", binary(after), binary(before)));
        Ok(())
    }

    async fn disarm(&self, plan: &SpacePlan) -> Result<usize, SpaceError> {
        let now = self.all_there(plan).await?;
        let alarms = self.store.alarms().await?;
        let of_space: Vec<_> = alarms.into_iter().filter(|alarm| alarm.kind == AlarmKind::NoSpace).collect();
        if of_space.is_empty() {
            self.progress.note("there are none");
            return Ok(0);
        }
        let full = now.iter().find_map(|(name, status)| Some((name, status.size, status.quota?)));
        if let Some((name, size, quota)) = full.filter(|(_, size, quota)| *size as f64 > *quota as f64 * FULL)
        {
            return Err(SpaceError::StillFull {
                member: name.clone(),
                size: binary(size),
                quota: binary(quota),
            });
        }
        for alarm in &of_space {
            let own = now.iter().find(|(_, status)| status.id == alarm.member).map(|(name, _)| name.clone());
            let done = self.store.disarm(*alarm).await;
            self.record("disarm-store", &own.unwrap_or_default(), done.as_ref().map(drop)).await;
            done?;
        }
        Ok(of_space.len())
    }

    async fn verify(&self, plan: &SpacePlan) -> Result<Vec<Now>, SpaceError> {
        let now = self.all_there(plan).await?;
        let alarms = self.store.alarms().await?;
        if alarms.is_empty() {
            return Ok(now);
        }
        let alarms = alarms.iter().map(|alarm| alarm.kind.word().to_string()).collect::<Vec<_>>().join(", ");
        Err(SpaceError::Alarmed { alarms })
    }

    async fn record(&self, action: &'static str, process: &str, done: Result<(), &StoreError>) {
        let (object, uid) = self.store.object(process);
        let done = done.map_err(|error| match error {
            StoreError::Unanswered { failure, .. } => failure.clone(),
            other => Failure::new(FailureKind::Rejected, other.to_string()),
        });
        self.host.record(action, &object, &uid, &done).await;
    }
}

/// Entries that a member may be behind the newest one: it is written to meanwhile.
const BEHIND: u64 = 1000;
/// Share of its quota beyond which a file counts as full: etcd would raise the alarm again at once.
const FULL: f64 = 0.98;
