//! Where to look when listing in all namespaces is forbidden.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use smol_str::{SmolStr, format_smolstr};
use tokio::time::Instant;

use crate::cluster::access::{Access, Permission};
use crate::cluster::{Cluster, ReadError};
use crate::fleet::model::Scope;
use crate::fleet::source::{Health, Kind, Source};
use crate::fleet::table::Table;

/// Namespaces that are asked about at a time.
const AT_ONCE: usize = 8;
/// Namespaces that are asked about at all: one request each.
const MOST_ASKED: usize = 1000;
/// Namespaces of one kind that are watched one by one: one connection each.
const MOST_WATCHED: usize = 100;
/// First and longest wait before a namespace that grants nothing is asked about again: roles are often bound a moment
/// after their namespace was made.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(3600));
/// How much longer each wait is than the one before.
const SLOWER: u32 = 6;

/// In which namespaces each kind may be watched.
pub(super) type Grants = BTreeMap<Kind, BTreeSet<SmolStr>>;

/// What may be watched where.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Kinds that may not be watched in all namespaces.
    denied: BTreeSet<Kind>,
    /// Where they may; none before the first search.
    grants: Option<Grants>,
    /// Namespaces that were asked about.
    asked: BTreeMap<SmolStr, Asked>,
    searching: bool,
    due: Option<Instant>,
}

/// When a namespace is asked about again if it grants nothing.
#[derive(Debug, Clone, Copy)]
struct Asked {
    next: Instant,
    wait: Duration,
}

/// Where to ask.
pub(super) struct Search {
    /// Named by a person or the kubeconfig: tried even where the server cannot tell.
    named: BTreeSet<SmolStr>,
    others: Others,
}

/// Which namespaces are asked about besides the named ones.
enum Others {
    /// All there are, if they may be listed.
    All,
    These(BTreeSet<SmolStr>),
}

/// What a search has found.
pub(super) struct Found {
    asked: BTreeSet<SmolStr>,
    grants: Grants,
}

impl Places {
    /// Takes note of what is denied. Whether something new is.
    pub(super) fn notice(&mut self, sources: &BTreeMap<Source, Health>) -> bool {
        let everywhere = sources.iter().filter(|(source, _)| source.namespace.is_none());
        let denied = everywhere.filter(|(_, health)| health.denied()).map(|(source, _)| source.kind);
        let before = self.denied.len();
        // Without the namespaces' own list nothing is lost but their ends.
        self.denied.extend(denied.filter(|kind| *kind != Kind::Namespaces));
        self.denied.len() > before
    }

    /// Whether it is time for the first search: something is denied, and the workloads have told what there is.
    pub(super) fn wants_first_search(&self, sources: &BTreeMap<Source, Health>) -> bool {
        let told = |kind: &Kind| {
            let source = Source { kind: *kind, namespace: None };
            sources.get(&source).is_none_or(|health| health.synced || health.denied())
        };
        let workloads = [Kind::StatefulSets, Kind::Deployments];
        self.is_searching_first() && !self.searching && workloads.iter().all(told)
    }

    /// Whether it is still being found out for the first time where else to look.
    pub(super) fn is_searching_first(&self) -> bool {
        self.grants.is_none() && !self.denied.is_empty()
    }

    /// Whether it cannot be seen everywhere which virtual clusters there are.
    fn is_blind(&self) -> bool {
        self.denied.iter().any(|kind| kind.is_workload())
    }

    /// A search of all places, unless there is no need for one or one is under way.
    pub(super) fn begin(&mut self, named: BTreeSet<SmolStr>, table: &Table) -> Option<Search> {
        if self.denied.is_empty() || self.searching {
            return None;
        }
        self.searching = true;
        let others = if self.is_blind() { Others::All } else { Others::These(table.inhabited()) };
        Some(Search { named, others })
    }

    /// A search of places that are new, or have granted nothing and may by now.
    pub(super) fn begin_due(&mut self, table: &Table) -> Option<Search> {
        let now = Instant::now();
        self.due = Some(now + ASK_AGAIN.0);
        let there = if self.is_blind() { table.namespaces() } else { table.inhabited() };
        let due = |place: &SmolStr| match self.asked.get(place) {
            Some(asked) => asked.next <= now && !self.is_granted(place),
            None => true,
        };
        let places: BTreeSet<SmolStr> = there.into_iter().filter(due).collect();
        if places.is_empty() {
            return None;
        }
        self.searching = true;
        Some(Search { named: BTreeSet::new(), others: Others::These(places) })
    }

    /// Whether places may be asked about one by one at present.
    pub(super) fn may_ask(&self) -> bool {
        self.grants.is_some() && !self.searching && !self.denied.is_empty()
    }

    /// When to look for places that are due.
    pub(super) fn due(&self) -> Instant {
        self.due.unwrap_or_else(Instant::now)
    }

    fn is_granted(&self, place: &SmolStr) -> bool {
        let grants = self.grants.iter().flatten();
        grants.filter(|(kind, _)| self.denied.contains(kind)).any(|(_, places)| places.contains(place))
    }

    /// Takes in what a search has found.
    pub(super) fn take(&mut self, found: Found) {
        self.searching = false;
        let now = Instant::now();
        self.due = Some(now + ASK_AGAIN.0);
        for place in found.asked {
            let wait =
                self.asked.get(&place).map_or(ASK_AGAIN.0, |asked| (asked.wait * SLOWER).min(ASK_AGAIN.1));
            self.asked.insert(place, Asked { next: now + wait, wait });
        }
        let grants = self.grants.get_or_insert_default();
        for (kind, namespaces) in found.grants {
            let known = grants.entry(kind).or_default();
            for namespace in namespaces {
                if known.len() < MOST_WATCHED {
                    known.insert(namespace);
                }
            }
        }
    }

    /// What is denied everywhere and granted somewhere.
    pub(super) fn granted(&self) -> Vec<(Kind, SmolStr)> {
        let grants = self.grants.iter().flatten().filter(|(kind, _)| self.denied.contains(kind));
        grants.flat_map(|(kind, places)| places.iter().map(|place| (*kind, place.clone()))).collect()
    }

    /// Where each denied kind is really watched: what was granted, without what turned out to be denied after all.
    pub(super) fn watched(&self, sources: &BTreeMap<Source, Health>) -> Grants {
        let mut watched = Grants::new();
        for (kind, place) in self.granted() {
            let source = Source { kind, namespace: Some(place.clone()) };
            if !sources.get(&source).is_some_and(Health::denied) {
                watched.entry(kind).or_default().insert(place);
            }
        }
        watched
    }

    /// Which namespaces are watched, of those that were chosen or that are permitted.
    pub(super) fn scope(&self, chosen: &[SmolStr], watched: Grants) -> Scope {
        if !chosen.is_empty() {
            return Scope::Namespaces(chosen.to_vec());
        }
        if !self.is_blind() {
            return Scope::All;
        }
        let workloads = watched.into_iter().filter(|(kind, _)| kind.is_workload());
        let places: BTreeSet<SmolStr> = workloads.flat_map(|(_, places)| places).collect();
        Scope::Namespaces(places.into_iter().collect())
    }

    /// The one line that says what is forbidden and what is watched instead.
    pub(super) fn note(&self, watched: &Grants) -> Option<SmolStr> {
        let mut plurals: Vec<SmolStr> = Vec::new();
        for kind in &self.denied {
            let plural = kind.resource().plural;
            if !plurals.contains(&plural) {
                plurals.push(plural);
            }
        }
        if plurals.is_empty() {
            return None;
        }
        let places: BTreeSet<&SmolStr> = watched.values().flatten().collect();
        let names: Vec<&str> = places.iter().map(|name| name.as_str()).collect();
        let instead = match names.as_slice() {
            [] if self.searching => "looking for namespaces where it is allowed".to_owned(),
            [] => "no namespace is known where it is allowed".to_owned(),
            few if few.len() <= 5 => format!("watching {}", few.join(", ")),
            many => format!("watching {} namespaces", many.len()),
        };
        Some(format_smolstr!("forbidden: cannot list {} in all namespaces; {instead}", plurals.join(", ")))
    }
}

/// Finds out in which namespaces what may be watched.
pub(super) async fn search(cluster: Cluster, search: Search) -> Found {
    let others: BTreeSet<SmolStr> = match search.others {
        Others::These(others) => others,
        Others::All => cluster.namespaces().await.map(|all| all.into_iter().collect()).unwrap_or_default(),
    };
    let asked: BTreeSet<SmolStr> =
        search.named.iter().cloned().chain(others.into_iter().take(MOST_ASKED)).collect();
    let answers = stream::iter(asked.clone()).map(|namespace| {
        let (cluster, named) = (&cluster, search.named.contains(&namespace));
        async move {
            let access = cluster.access(Some(&namespace)).await;
            (permitted(&access, named), namespace)
        }
    });
    let answers: Vec<(Vec<Kind>, SmolStr)> = answers.buffer_unordered(AT_ONCE).collect().await;
    let mut grants = Grants::new();
    for (kinds, namespace) in answers {
        for kind in kinds {
            grants.entry(kind).or_default().insert(namespace.clone());
        }
    }
    Found { asked, grants }
}

/// What may be watched in a namespace. Where the server cannot tell, a named namespace is tried.
fn permitted(access: &Result<Access, ReadError>, named: bool) -> Vec<Kind> {
    let may = |kind: Kind| match access {
        Ok(access) => match access.may("list", &kind.resource(), None) {
            Permission::Granted => true,
            Permission::Missing => false,
            Permission::Untold => named,
        },
        Err(_) => named,
    };
    Kind::ALL.into_iter().filter(|kind| *kind != Kind::Namespaces && may(*kind)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Granted<'a> = (Kind, &'a [&'a str]);

    fn places(denied: &[Kind], granted: &[Granted<'_>]) -> Places {
        let names = |names: &[&str]| names.iter().map(SmolStr::new).collect();
        Places {
            denied: denied.iter().copied().collect(),
            grants: Some(granted.iter().map(|(kind, places)| (*kind, names(places))).collect()),
            ..Places::default()
        }
    }

    const FORBIDDEN: &str = "forbidden: cannot list statefulsets, pods in all namespaces; ";

    #[test]
    fn one_line_says_what_is_forbidden_and_what_is_watched() {
        let denied = [Kind::StatefulSets, Kind::ControlPods, Kind::SyncedPods];
        let many = ["a", "b", "c", "d", "e", "f"];
        let cases: [(&[Granted<'_>], &str); 4] = [
            (
                &[(Kind::StatefulSets, &["team-a", "team-b"]), (Kind::SyncedPods, &["team-b"])],
                "watching team-a, team-b",
            ),
            (&[(Kind::Configs, &["not-denied"])], "no namespace is known where it is allowed"),
            (&[], "no namespace is known where it is allowed"),
            (&[(Kind::StatefulSets, &many)], "watching 6 namespaces"),
        ];
        for (granted, expected) in cases {
            let places = places(&denied, granted);
            let note = places.note(&places.watched(&BTreeMap::new()));
            assert_eq!(note.as_deref(), Some(format!("{FORBIDDEN}{expected}").as_str()));
        }
        assert_eq!(places(&[], &[]).note(&Grants::new()), None);
    }

    #[test]
    fn the_scope_is_that_of_the_workloads() {
        let scope = |denied: &[Kind], chosen: &[SmolStr]| {
            let places = places(denied, &[(Kind::StatefulSets, &["team-a"]), (Kind::Configs, &["team-b"])]);
            let watched = places.watched(&BTreeMap::new());
            places.scope(chosen, watched)
        };
        assert_eq!(scope(&[Kind::Configs], &[]), Scope::All);
        assert_eq!(
            scope(&[Kind::StatefulSets, Kind::Configs], &[]),
            Scope::Namespaces(vec!["team-a".into()])
        );
        assert_eq!(scope(&[Kind::StatefulSets], &["x".into()]), Scope::Namespaces(vec!["x".into()]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_grants_nothing_is_asked_again_ever_more_rarely() {
        let mut places = places(&[Kind::StatefulSets], &[(Kind::StatefulSets, &["open"])]);
        let asked = || Found {
            asked: ["open", "closed"].into_iter().map(SmolStr::new).collect(),
            grants: Grants::new(),
        };
        let mut waits = Vec::new();
        for _ in 0..5 {
            places.take(asked());
            let closed = places.asked[&SmolStr::new("closed")];
            waits.push(closed.wait.as_secs());
            tokio::time::advance(closed.wait).await;
        }
        assert_eq!(waits, [10, 60, 360, 2160, 3600]);
        assert!(places.is_granted(&"open".into()) && !places.is_granted(&"closed".into()));
    }
}
