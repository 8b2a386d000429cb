//! Synced pods of a table.

use std::sync::Arc;

use smol_str::SmolStr;

use super::{Table, Tenant};
use crate::cluster::watch::Key;
use crate::fleet::bucket::{Bucket, count};
use crate::fleet::model::{PodCounts, PodRow};
use crate::fleet::rows::SyncedPod;

impl Table {
    pub(super) fn pods_of(&mut self, tenant: &Tenant) -> (Arc<[PodRow]>, PodCounts) {
        let (namespace, name) = tenant;
        let satellites = self.satellites.get(tenant).cloned().unwrap_or_default();
        let mut bucket = |namespace: &SmolStr| {
            let bucket = self.buckets.get_mut(namespace)?.get_mut(name)?;
            Some((bucket.rows(), bucket.counts()))
        };
        let own = bucket(namespace).unwrap_or_else(|| (Arc::new([]), PodCounts::default()));
        let others: Vec<_> =
            satellites.iter().filter(|other| *other != namespace).filter_map(bucket).collect();
        if others.is_empty() {
            return own;
        }
        let all: Arc<[PodRow]> =
            std::iter::once(own).chain(others).flat_map(|(rows, _)| rows.to_vec()).collect();
        let counts = count(&all);
        (all, counts)
    }

    pub(super) fn drop_empty_bucket(&mut self, (namespace, name): &Tenant) {
        let Some(buckets) = self.buckets.get_mut(namespace) else { return };
        if buckets.get_mut(name).is_some_and(Bucket::is_empty) {
            buckets.remove(name);
        }
        if buckets.is_empty() {
            self.buckets.remove(namespace);
        }
    }

    pub(super) fn synced_pod(&mut self, key: Key, row: Option<SyncedPod>) {
        let buckets = self.buckets.entry(key.namespace.clone()).or_default();
        let owner = row.as_ref().map(|row| row.vcluster.clone());
        // Its label may have named another virtual cluster before.
        let mut touched: Vec<SmolStr> = Vec::new();
        for (name, bucket) in buckets.iter_mut().filter(|(name, _)| Some(*name) != owner.as_ref()) {
            bucket.remove(&key.name);
            touched.push(name.clone());
        }
        if let Some(SyncedPod { row, vcluster }) = row {
            buckets.get_or_default(vcluster.clone()).upsert(row);
            touched.push(vcluster);
        }
        let home = self.namespaces.get(&key.namespace).and_then(|row| row.home.clone());
        for name in touched {
            if let Some(home) = home.clone().filter(|(_, vcluster)| *vcluster == name) {
                self.dirty.insert(home);
            }
            self.dirty.insert((key.namespace.clone(), name));
        }
    }
}
