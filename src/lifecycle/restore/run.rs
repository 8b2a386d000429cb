//! A restore that is under way: stops what uses the store and starts it again, by what is there at that moment.

use serde_json::{Value, json};

use super::adopting::FROM;
use super::aside;
use super::mark::Mark;
use super::members::Members;
use super::plan::RestorePlan;
use super::{ACTION, RestoreError};
use crate::cluster::{Cluster, ObjectRef, Resource};
use crate::lifecycle::exact::change_part;
use crate::lifecycle::pause::PATIENCE;
use crate::lifecycle::pods;
use crate::operation::Progress;
use crate::target::{Part, Target, refresh};
use crate::wire::{App, annotation};

/// A restore that is under way, and what undoes it.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) target: &'a Target,
    pub(super) plan: &'a RestorePlan,
    pub(super) mark: &'a Mark,
}

impl<'a> Run<'a> {
    /// The volumes of its store.
    pub(super) fn members(self, progress: &'a Progress) -> Members<'a> {
        Members { run: self, progress }
    }

    /// Stops everything that uses the store, with the mark on it: the control plane first, as it writes.
    pub(super) async fn stop(&self, progress: &Progress) -> Result<(), RestoreError> {
        for etcd in [false, true] {
            let parts = self.parts(etcd).await?;
            for part in &parts {
                change_part(self.cluster, self.target, part, ACTION, |now| self.mark.stop(now, !etcd))
                    .await?;
            }
            for part in &parts {
                pods::until_stopped(self.cluster, self.target, part, PATIENCE, progress).await?;
            }
        }
        Ok(())
    }

    /// Starts it again; the marks stay.
    pub(super) async fn wake(&self, etcd: bool) -> Result<(), RestoreError> {
        for part in self.parts(etcd).await? {
            change_part(self.cluster, self.target, &part, ACTION, |now| self.mark.start(now)).await?;
        }
        Ok(())
    }

    /// Puts the old store in its place, however far it came.
    pub(super) async fn put_back(&self, progress: &Progress) -> Result<(), RestoreError> {
        self.stop(progress).await?;
        self.members(progress).put_back().await?;
        match self.mark.from == FROM {
            true => aside::unset(self).await,
            false => Ok(()),
        }
    }

    /// Starts what ran before. Whether it gets ready is another matter: perhaps that is why it was to be restored.
    pub(super) async fn start(&self, progress: &Progress) -> Result<(), RestoreError> {
        self.wake(true).await?;
        self.wake(false).await?;
        self.clear().await?;
        progress.note("it was not waited for");
        Ok(())
    }

    /// Takes the marks away, the one that says what to do last.
    pub(super) async fn clear(&self) -> Result<(), RestoreError> {
        let marked = |part: &Part| part.restoring.then(Mark::clear);
        for etcd in [true, false] {
            for part in self.parts(etcd).await? {
                change_part(self.cluster, self.target, &part, ACTION, marked).await?;
            }
        }
        Ok(())
    }

    /// Its etcd, or the rest of it, as they are now.
    pub(super) async fn parts(&self, etcd: bool) -> Result<Vec<Part>, RestoreError> {
        let now = refresh(self.cluster, &self.target.namespace, &self.target.name).await?;
        Ok(now.parts.into_iter().filter(|part| (part.app == App::Etcd) == etcd).collect())
    }

    /// The command that goes on with it.
    pub(super) fn undo_command(&self) -> String {
        let Target { host, namespace, name, .. } = self.target;
        format!("v9s restore {name} --undo --context {host} -n {namespace}")
    }

    /// What belongs to another store from now on: the companion remembers on the Service which one it knew.
    pub(super) async fn forget_identity(&self) -> Result<(), RestoreError> {
        let Target { namespace, name, .. } = self.target;
        let service = ObjectRef::namespaced(Resource::SERVICES, namespace.clone(), name.clone());
        let body = json!({"metadata": {"annotations": {annotation::STORE: null}}});
        self.cluster.merge::<Value>(ACTION, &service, &body).await?;
        Ok(())
    }
}
