//! Where to look when listing in all namespaces is forbidden.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt};
use smol_str::{SmolStr, format_smolstr};

use crate::cluster::access::{Access, Permission};
use crate::cluster::{Cluster, ReadError};
use crate::fleet::source::Kind;

/// Namespaces that are asked about at a time.
const AT_ONCE: usize = 8;
/// Namespaces that are asked about at all: one request each.
const MOST_ASKED: usize = 1000;
/// Namespaces of one kind that are watched one by one: one connection each.
const MOST_WATCHED: usize = 100;

/// In which namespaces each kind may be watched.
pub(super) type Grants = BTreeMap<Kind, BTreeSet<SmolStr>>;

/// Where to ask.
pub(super) struct Search {
    /// Named by a person or the kubeconfig: tried even where the server cannot tell.
    pub(super) named: BTreeSet<SmolStr>,
    /// Those that have virtual clusters, when that is known. None: every namespace there is, if they may be listed.
    pub(super) inhabited: Option<BTreeSet<SmolStr>>,
}

/// Finds out in which namespaces what may be watched.
pub(super) async fn search(cluster: Cluster, search: Search) -> Grants {
    let others = match search.inhabited {
        Some(inhabited) => inhabited,
        None => cluster.namespaces().await.map(|all| all.into_iter().collect()).unwrap_or_default(),
    };
    let asked: BTreeSet<SmolStr> =
        search.named.iter().cloned().chain(others.into_iter().take(MOST_ASKED)).collect();
    let answers = stream::iter(asked).map(|namespace| {
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
    for namespaces in grants.values_mut() {
        while namespaces.len() > MOST_WATCHED {
            namespaces.pop_last();
        }
    }
    grants
}

/// What may be watched in a namespace. Where the server cannot tell, a named namespace is tried.
fn permitted(access: &Result<Access, ReadError>, named: bool) -> Vec<Kind> {
    let may = |verb: &str, kind: Kind| match access {
        Ok(access) => match access.may(verb, &kind.resource(), None) {
            Permission::Granted => true,
            Permission::Missing => false,
            Permission::Untold => named,
        },
        Err(_) => named,
    };
    let namespaced = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Namespaces);
    namespaced.filter(|kind| may("list", *kind) && may("watch", *kind)).collect()
}

/// The one line that says what is forbidden and what is watched instead.
pub(super) fn note(denied: &BTreeSet<Kind>, grants: &Grants) -> Option<SmolStr> {
    let mut plurals: Vec<SmolStr> = Vec::new();
    for kind in denied.iter().filter(|kind| **kind != Kind::Namespaces) {
        let plural = kind.resource().plural;
        if !plurals.contains(&plural) {
            plurals.push(plural);
        }
    }
    if plurals.is_empty() {
        return None;
    }
    let watched: BTreeSet<&SmolStr> = denied.iter().filter_map(|kind| grants.get(kind)).flatten().collect();
    let names: Vec<&str> = watched.iter().map(|name| name.as_str()).collect();
    let instead = match names.as_slice() {
        [] => "no namespace is known where it is allowed".to_owned(),
        few if few.len() <= 5 => format!("watching {}", few.join(", ")),
        many => format!("watching {} namespaces", many.len()),
    };
    Some(format_smolstr!("forbidden: cannot list {} in all namespaces; {instead}", plurals.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(kinds: &[Kind], namespaces: &[&str]) -> Grants {
        kinds.iter().map(|kind| (*kind, namespaces.iter().map(SmolStr::new).collect())).collect()
    }

    #[test]
    fn one_line_says_what_is_forbidden_and_what_is_watched() {
        let denied =
            BTreeSet::from([Kind::StatefulSets, Kind::ControlPods, Kind::SyncedPods, Kind::Namespaces]);
        let cases = [
            (
                grants(&[Kind::StatefulSets, Kind::SyncedPods], &["team-a", "team-b"]),
                "forbidden: cannot list statefulsets, pods in all namespaces; watching team-a, team-b",
            ),
            (
                Grants::new(),
                "forbidden: cannot list statefulsets, pods in all namespaces; no namespace is known where it is allowed",
            ),
            (
                grants(&[Kind::StatefulSets], &["a", "b", "c", "d", "e", "f"]),
                "forbidden: cannot list statefulsets, pods in all namespaces; watching 6 namespaces",
            ),
        ];
        for (grants, expected) in cases {
            assert_eq!(note(&denied, &grants).as_deref(), Some(expected));
        }
        assert_eq!(note(&BTreeSet::from([Kind::Namespaces]), &Grants::new()), None);
    }
}
