//! Takes what is wanted out of a backup and compares it with what is there. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use serde::de::IgnoredAny;
use smol_str::{SmolStr, format_smolstr};

use super::pick::{Picked, Picks, pick};
use super::plan::{Coming, Item, Needs, Plan, Step, rank};
use super::served::{Found, Served};
use super::trial::{Tried, compared};
use super::{ReinstateError, Request};
use crate::cluster::{Cluster, Failure, FailureKind, ObjectRef, Resource};
use crate::gc::{Place, Ways};
use crate::lifecycle::Refusal;
use crate::operation::{Operation, Progress};
use crate::target::{Rest, Target};

/// The steps, in order.
pub const STEPS: [&str; 3] =
    ["reach its API server", "read the backup to its end", "compare what is wanted with what is there"];

/// How many objects are compared at once.
const AT_ONCE: usize = 8;

/// Whether anything can be brought back at all: only what runs can be asked.
pub fn refusal(target: &Target) -> Option<Refusal> {
    let how = match target.rest()? {
        Rest::Paused(_) | Rest::ScaledDown | Rest::Asleep => {
            "it does not run, and single objects come back by its own API server"
        }
        Rest::Restoring => "it is stopped while it is restored or its certificates are rotated",
    };
    let instead = match target.rest()? {
        Rest::Restoring => "wait for that".to_owned(),
        _ => format!("`v9s resume {} -n {}` first", target.name, target.namespace),
    };
    Some(Refusal::Rests { how, instead })
}

/// Looks what is to be done.
pub fn look(
    host: Cluster,
    target: Target,
    ways: Arc<dyn Ways>,
    request: Request,
) -> Operation<Plan, ReinstateError> {
    let title = format_smolstr!("compare {target} with a backup");
    Operation::start(title, STEPS, move |progress| async move {
        let place = Place::new(target.namespace.clone(), target.name.clone());
        let open = async {
            let opened = ways.open(&host, &place).await;
            opened.map_err(|why| ReinstateError::Unreached { target: target.to_string(), why })
        };
        let mut inside = progress.step(0, open).await?;
        inside.cluster = inside.cluster.recording_like(&host);
        let Picks { objects, left } = progress.step(1, pick(&request)).await?;
        progress.note(format_smolstr!("{} objects", objects.len()));
        let compare = async { Ok::<_, ReinstateError>(compare(&inside.cluster, objects, &progress).await) };
        let (items, served) = progress.step(2, compare).await?;
        Ok(Plan { items, left, inside, served })
    })
}

async fn compare(cluster: &Cluster, mut picked: Vec<Picked>, progress: &Progress) -> (Vec<Item>, Served) {
    picked.sort_by_cached_key(|it| {
        (
            rank(&it.stored),
            it.stored.kind.clone(),
            it.stored.meta.namespace.clone(),
            it.stored.meta.name.clone(),
        )
    });
    progress.waiting(format_smolstr!("{} objects", picked.len()));
    let served = Served::ask(cluster, &versions(picked.iter().map(|it| &it.stored))).await;
    let coming = Coming::of(&picked);
    let homes = homes(cluster, &picked).await;
    let comparing = Comparing { cluster, served: &served, coming: &coming, homes: &homes };
    let items = stream::iter(picked).map(|it| comparing.item(it)).buffered(AT_ONCE).collect().await;
    (items, served)
}

/// Versions of objects and of those that own them.
pub(super) fn versions<'a>(all: impl Iterator<Item = &'a super::stored::Stored>) -> BTreeSet<SmolStr> {
    let of = |stored: &'a super::stored::Stored| {
        let owners = stored.meta.owner_references.iter().map(|owner| &owner.api_version);
        let plain = |version: &&SmolStr| {
            version.split('/').count() <= 2 && version.split('/').all(super::stored::is_plain)
        };
        owners.filter(plain).chain([&stored.api_version]).cloned()
    };
    all.flat_map(of).collect()
}

/// Which namespaces of the objects are there.
async fn homes(cluster: &Cluster, picked: &[Picked]) -> BTreeMap<SmolStr, Result<bool, Failure>> {
    let names: BTreeSet<_> =
        picked.iter().filter(|it| it.namespaced).map(|it| it.stored.meta.namespace.clone()).collect();
    let look = |name: SmolStr| async move {
        let home = ObjectRef::cluster_scoped(Resource::NAMESPACES, name.clone());
        let there = match cluster.get_metadata::<IgnoredAny>(&home).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(false),
            Err(failure) => Err(failure),
        };
        (name, there)
    };
    stream::iter(names).map(look).buffered(AT_ONCE).collect().await
}

struct Comparing<'a> {
    cluster: &'a Cluster,
    served: &'a Served,
    coming: &'a Coming,
    homes: &'a BTreeMap<SmolStr, Result<bool, Failure>>,
}

impl Comparing<'_> {
    async fn item(&self, picked: Picked) -> Item {
        let needs = self.needs(&picked);
        let resource = match (self.served.of(&picked.stored.api_version, &picked.stored.kind), &needs) {
            (Found::Served(resource), _) => resource.clone(),
            (_, Ok(Needs::Definition(resource))) => (*resource).clone(),
            _ => unserved(&picked),
        };
        let Picked { stored, namespaced, .. } = picked;
        let namespace = namespaced.then(|| stored.meta.namespace.clone());
        let object = ObjectRef { resource, namespace, name: stored.meta.name.clone() };
        let later = |what: &str| {
            (Step::Create { differences: None }, vec![format_smolstr!("its {what} comes first")], None)
        };
        let (step, notes, live) = match needs {
            Err(why) => (Step::Cannot { why }, Vec::new(), None),
            Ok(Needs::Definition(_)) => later("definition"),
            Ok(Needs::Namespace) => later("namespace"),
            Ok(Needs::Nothing) => match compared(self.cluster, self.served, &object, &stored).await {
                Err(failure) => (Step::Cannot { why: format_smolstr!("{failure}") }, Vec::new(), None),
                Ok(Tried { live, differences, notes }) => {
                    let step = match &live {
                        None => Step::Create { differences: Some(differences) },
                        Some(_) if differences.is_empty() => Step::Same,
                        Some(_) => Step::Change { differences },
                    };
                    (step, notes, live)
                }
            },
        };
        Item { object, step, notes, stored, live }
    }

    /// What it needs, or why it cannot come back.
    fn needs(&self, picked: &Picked) -> Result<Needs<'_>, SmolStr> {
        let stored = &picked.stored;
        let (resource, defined) = match self.served.of(&stored.api_version, &stored.kind) {
            Found::Served(resource) => (resource, true),
            Found::Unknown(failure) => {
                return Err(format_smolstr!(
                    "it is not known whether {} is served: {failure}",
                    stored.api_version
                ));
            }
            Found::Not => match self.coming.kind(stored) {
                Some(resource) => (resource, false),
                None => return Err(not_served(picked)),
            },
        };
        if resource.plural != picked.plural || resource.namespaced != picked.namespaced {
            return Err("what is stored is of another kind than its key says".into());
        }
        if !defined {
            return Ok(Needs::Definition(resource));
        }
        let home = stored.meta.namespace.as_str();
        match self.homes.get(home).filter(|_| picked.namespaced) {
            None | Some(Ok(true)) => Ok(Needs::Nothing),
            Some(Ok(false)) if self.coming.namespace(home) => Ok(Needs::Namespace),
            Some(Ok(false)) => Err(format_smolstr!(
                "its namespace {home} is not there: choose that, too, with --only kind=namespaces,name={home}"
            )),
            Some(Err(failure)) => Err(format_smolstr!("its namespace {home} cannot be looked at: {failure}")),
        }
    }
}

fn not_served(picked: &Picked) -> SmolStr {
    let Picked { plural, stored, .. } = picked;
    let group = stored.group();
    if group.contains('.') && !group.ends_with(".k8s.io") {
        format_smolstr!(
            "the API server does not serve {} {}: if its definition is gone, choose that, too, with --only kind=crd,name={plural}.{group}",
            stored.api_version,
            stored.kind
        )
    } else {
        format_smolstr!("the API server does not serve {} {} any more", stored.api_version, stored.kind)
    }
}

/// For its name only: nothing is asked of a kind that is not served.
fn unserved(picked: &Picked) -> Resource {
    let stored = &picked.stored;
    let version = stored.api_version.rsplit('/').next().unwrap_or_default();
    Resource {
        group: stored.group().into(),
        version: version.into(),
        plural: picked.plural.clone(),
        kind: stored.kind.clone(),
        namespaced: picked.namespaced,
    }
}
