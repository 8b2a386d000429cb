//! The synced pods of one virtual cluster, shared with snapshots and copied only when they change.

use std::collections::HashMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::model::{Phase, PodCounts, PodRow};

/// Pods by virtual namespace and name, with changes that wait for the next snapshot.
#[derive(Debug)]
pub(super) struct Bucket {
    rows: Arc<[PodRow]>,
    counts: PodCounts,
    /// Host name to the new row, or none for a pod that is gone.
    pending: HashMap<SmolStr, Option<PodRow>>,
}

impl Default for Bucket {
    fn default() -> Self {
        Bucket { rows: Arc::new([]), counts: PodCounts::default(), pending: HashMap::new() }
    }
}

impl Bucket {
    /// A pod is new or has changed.
    pub(super) fn upsert(&mut self, row: PodRow) {
        self.pending.insert(row.name.clone(), Some(row));
    }

    /// A pod is gone; nothing happens if it was not here.
    pub(super) fn remove(&mut self, name: &SmolStr) {
        self.pending.insert(name.clone(), None);
    }

    /// The rows with all changes.
    pub(super) fn rows(&mut self) -> Arc<[PodRow]> {
        self.settle();
        self.rows.clone()
    }

    /// How many there are, by phase.
    pub(super) fn counts(&mut self) -> PodCounts {
        self.settle();
        self.counts
    }

    /// Whether nothing is left in it.
    pub(super) fn is_empty(&mut self) -> bool {
        self.settle();
        self.rows.is_empty()
    }

    fn settle(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        // Taken whole: a map that had room for all pods of the first list would keep it for ever.
        let pending = std::mem::take(&mut self.pending);
        let kept = self.rows.iter().filter(|row| !pending.contains_key(&row.name)).cloned();
        let mut rows: Vec<PodRow> = kept.collect();
        let before = rows.len();
        rows.extend(pending.into_values().flatten());
        if rows.len() > before || before < self.rows.len() {
            rows.sort_by(|a, b| order(a).cmp(&order(b)));
            self.counts = count(&rows);
            self.rows = rows.into();
        }
    }
}

fn order(row: &PodRow) -> (&Option<SmolStr>, &Option<SmolStr>, &SmolStr) {
    (&row.virtual_namespace, &row.virtual_name, &row.name)
}

/// Pods by phase.
pub(super) fn count(rows: &[PodRow]) -> PodCounts {
    let mut counts = PodCounts::default();
    for row in rows {
        counts.total += 1;
        let phase = match row.phase {
            Phase::Pending => &mut counts.pending,
            Phase::Running => &mut counts.running,
            Phase::Succeeded => &mut counts.succeeded,
            Phase::Failed => &mut counts.failed,
            Phase::Unknown => &mut counts.unknown,
        };
        *phase += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn pod(number: u8, phase: Phase) -> PodRow {
        PodRow {
            name: format!("pod-{number}-x-shop-x-team-a").into(),
            namespace: "team-a".into(),
            uid: format!("uid-{number}").into(),
            virtual_name: Some(format!("pod-{}", 20 - number).into()),
            virtual_namespace: Some(if number.is_multiple_of(2) { "shop" } else { "batch" }.into()),
            status: "Running".into(),
            phase,
            ready: 1,
            containers: 1,
            restarts: 0,
            node: None,
            created: None,
        }
    }

    #[test]
    fn an_untouched_bucket_shares_its_rows() {
        let mut bucket = Bucket::default();
        bucket.upsert(pod(1, Phase::Running));
        let (one, two) = (bucket.rows(), bucket.rows());
        assert!(Arc::ptr_eq(&one, &two));
        bucket.remove(&"nobody".into());
        assert!(Arc::ptr_eq(&one, &bucket.rows()));
    }

    proptest! {
        #[test]
        fn a_bucket_is_what_a_map_would_be(
            changes in prop::collection::vec((0u8..12, any::<bool>(), 0u8..5, any::<bool>()), 0..60),
        ) {
            let phases = [Phase::Pending, Phase::Running, Phase::Succeeded, Phase::Failed, Phase::Unknown];
            let mut bucket = Bucket::default();
            let mut map = BTreeMap::new();
            for (number, put, phase, look) in changes {
                let row = pod(number, phases[usize::from(phase)]);
                if put {
                    map.insert(row.name.clone(), row.clone());
                    bucket.upsert(row);
                } else {
                    map.remove(&row.name);
                    bucket.remove(&row.name);
                }
                if look {
                    bucket.rows();
                }
            }
            let mut expected: Vec<PodRow> = map.into_values().collect();
            expected.sort_by(|a, b| order(a).cmp(&order(b)));
            prop_assert_eq!(&bucket.rows()[..], &expected[..]);
            prop_assert_eq!(bucket.counts(), count(&expected));
            prop_assert_eq!(bucket.is_empty(), expected.is_empty());
        }
    }
}
