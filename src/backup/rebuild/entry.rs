//! A record as it goes into a store: which revision it has there, and how long it may live.

use smol_str::SmolStr;

use super::error::RebuildError;
use crate::backup::archive::{Record, StoreFacts};
use crate::store::Engine;

/// Where records were read, which says what a lease in them is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// etcd: the number of a lease, whose time is nowhere in the archive.
    Etcd,
    /// kine: seconds.
    Kine,
    /// A snapshot of the official program, which leaves leases out.
    Untold,
}

impl Origin {
    /// Of a backup of v9s, by what it says of its store.
    pub fn of(store: &StoreFacts) -> Origin {
        if store.kind.ends_with("-database") { Origin::Kine } else { Origin::Etcd }
    }
}

impl From<Engine> for Origin {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Etcd => Origin::Etcd,
            Engine::Kine => Origin::Kine,
        }
    }
}

/// What an API server of Kubernetes never writes without a lease, and seconds that it gives them unless told otherwise (`--event-ttl`;
/// `DefaultEndpointReconcilerTTL` and `DefaultPeerEndpointReconcilerTTL` in `pkg/controlplane` of Kubernetes 1.36).
const ALWAYS: [(&str, u32); 3] =
    [("/registry/events/", 3600), ("/registry/masterleases/", 15), ("/registry/peerserverleases/", 15)];
/// Seconds of a lease of which nothing else is known.
const OTHERS: u32 = 60;

/// Seconds that a key may live from the start of its store; none for one that stays.
pub(super) fn seconds(record: &Record<'_>, origin: Origin) -> Option<u32> {
    let always = || ALWAYS.iter().find(|(prefix, _)| record.key.starts_with(prefix.as_bytes()));
    match (origin, record.lease) {
        (Origin::Untold, _) => always().map(|(_, seconds)| *seconds),
        (_, 0) => None,
        (Origin::Etcd, _) => Some(always().map_or(OTHERS, |(_, seconds)| *seconds)),
        (Origin::Kine, seconds) => Some(u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)),
    }
}

/// No store comes this far, and there is room to count on.
pub(super) const HIGHEST: i64 = i64::MAX / 4;

/// A record with its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) created: i64,
    pub(super) modified: i64,
    pub(super) version: i64,
    pub(super) seconds: Option<u32>,
}

/// Gives records their places. Those without a revision are counted from 1.
#[derive(Debug, Clone)]
pub(super) struct Places {
    origin: Origin,
    counted: i64,
    highest: i64,
    keys: u64,
}

impl Places {
    pub(super) fn new(origin: Origin) -> Self {
        Places { origin, counted: 0, highest: 0, keys: 0 }
    }

    /// The highest revision so far; 0 when there is none.
    pub(super) fn highest(&self) -> i64 {
        self.highest
    }

    /// Records so far.
    pub(super) fn keys(&self) -> u64 {
        self.keys
    }

    /// The place of the next record.
    ///
    /// # Errors
    /// When it is none of a virtual cluster's.
    pub(super) fn give<'a>(&mut self, record: Record<'a>) -> Result<Entry<'a>, RebuildError> {
        let shown = || String::from_utf8_lossy(record.key).chars().take(200).collect::<SmolStr>();
        // Others are kine's own, such as the one that tells what was compacted.
        if record.key.first() != Some(&b'/') {
            return Err(RebuildError::OddKey(shown()));
        }
        if record.modified > HIGHEST {
            return Err(RebuildError::TooHigh { key: shown(), revision: record.modified });
        }
        let modified = if record.modified > 0 {
            record.modified
        } else {
            self.counted += 1;
            self.counted
        };
        let created = if (1..modified).contains(&record.created) { record.created } else { modified };
        // kine counts no changes.
        let version = record.version.max(if created == modified { 1 } else { 2 });
        self.highest = self.highest.max(modified);
        self.keys += 1;
        let seconds = seconds(&record, self.origin);
        Ok(Entry { key: record.key, value: record.value, created, modified, version, seconds })
    }
}

/// The revision that a store has to begin behind: nobody has seen a later one.
pub(super) fn ceiling(highest: i64, raise_to: i64) -> i64 {
    highest.max(raise_to.clamp(0, HIGHEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &str, created: i64, modified: i64, lease: i64) -> Record<'_> {
        Record { key: key.as_bytes(), value: b"", created, modified, version: 0, lease }
    }

    #[test]
    fn what_has_a_lease_ends_when_it_would_have_where_it_was() {
        let events = "/registry/events/team/web.1";
        let masters = "/registry/masterleases/10.0.0.7";
        let peers = "/registry/peerserverleases/10.0.0.7";
        let pod = "/registry/pods/team/web";
        for (key, origin, lease, expected) in [
            (events, Origin::Kine, 3600, Some(3600)),
            (events, Origin::Kine, 0, None),
            (pod, Origin::Kine, 7, Some(7)),
            (pod, Origin::Kine, -7, Some(1)),
            (pod, Origin::Kine, i64::MAX, Some(u32::MAX)),
            (events, Origin::Etcd, 7_587_891_234, Some(3600)),
            (masters, Origin::Etcd, 7_587_891_234, Some(15)),
            (peers, Origin::Etcd, 7_587_891_234, Some(15)),
            (pod, Origin::Etcd, 7_587_891_234, Some(60)),
            (events, Origin::Etcd, 0, None),
            (events, Origin::Untold, 0, Some(3600)),
            (masters, Origin::Untold, 0, Some(15)),
            (pod, Origin::Untold, 0, None),
        ] {
            assert_eq!(seconds(&record(key, 1, 1, lease), origin), expected, "{key} {origin:?} {lease}");
        }
    }

    #[test]
    fn records_keep_their_revisions_and_get_some_where_they_have_none() {
        let mut places = Places::new(Origin::Kine);
        let mut give = |created, modified| {
            let entry = places.give(record("/registry/a", created, modified, 0)).unwrap();
            (entry.created, entry.modified, entry.version)
        };
        assert_eq!(give(3, 9), (3, 9, 2));
        assert_eq!(give(9, 9), (9, 9, 1));
        assert_eq!(give(0, 0), (1, 1, 1), "the first of those that have none");
        assert_eq!(give(0, 0), (2, 2, 1));
        assert_eq!(give(12, 9), (9, 9, 1), "nothing changes before it is created");
        assert_eq!((places.highest(), places.keys()), (9, 5));
    }

    #[test]
    fn keys_that_mean_something_to_the_store_itself_are_refused() {
        for key in ["compact_rev_key", "compact_rev_key_apiserver", "gap-7", ""] {
            let refused = Places::new(Origin::Kine).give(record(key, 1, 1, 0));
            assert!(matches!(refused, Err(RebuildError::OddKey(_))), "{key}");
        }
        let far = Places::new(Origin::Kine).give(record("/a", 1, i64::MAX, 0));
        assert!(matches!(far, Err(RebuildError::TooHigh { .. })));
    }
}
