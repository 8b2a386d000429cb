//! Carries a plan out: each object and its origin are looked at once more and judged again, just before it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{FutureExt as _, StreamExt as _, stream};
use smol_str::{SmolStr, format_smolstr};
use tokio::sync::Mutex;

use super::GcError;
use super::ask::{Inside, Ways, ask_again};
use super::claim::{Claim, Holds, Raw};
use super::host::{look, look_by_name, world};
use super::plan::{Plan, Reclaims};
use super::proof::{Care, Verdict, proof};
use super::survey::Finding;
use super::world::{Asked, Place, Standing, Whose, World};
use crate::cluster::{Cluster, Failure, FailureKind, Guard, ObjectRef, Propagation, Resource, WriteError};
use crate::operation::{Cancelled, Progress};

/// The steps of collecting, in order.
pub const STEPS: [&str; 2] = ["look again and delete", "see that they are gone"];

/// Virtual clusters that are worked on at a time.
const PLACES: usize = 8;
/// Objects of one of them.
const OBJECTS: usize = 4;
/// How long it is known that a virtual cluster is there or not.
const KNOWN_FOR: Duration = Duration::from_secs(2);
/// How often an object is looked at again that changed meanwhile.
const TRIES: usize = 3;
/// How often it is looked whether they are gone.
const LOOK: Duration = Duration::from_millis(500);

/// How to collect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectOptions {
    /// How long pods have to end, in seconds; none leaves it to each.
    pub grace: Option<u32>,
    /// How careful the second look is.
    pub care: Care,
    /// How long what was deleted may take to go.
    pub patience: Duration,
}

impl Default for CollectOptions {
    fn default() -> Self {
        CollectOptions { grace: None, care: Care::default(), patience: Duration::from_secs(60) }
    }
}

/// Something that is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Which object.
    pub object: ObjectRef,
    /// Why.
    pub why: SmolStr,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Collected {
    /// How many were deleted.
    pub deleted: usize,
    /// How many were gone already.
    pub gone: usize,
    /// What the second look spared, and why.
    pub spared: Vec<Left>,
    /// What could not be deleted, and why.
    pub failed: Vec<Left>,
    /// What was deleted and has not gone yet, and what holds it.
    pub going: Vec<Left>,
    /// What has become free.
    pub reclaims: Reclaims,
}

/// What became of one object.
enum Fate {
    Deleted(SmolStr, Holds),
    Gone,
    Spared(SmolStr),
    Failed(SmolStr),
}

/// Carries it out. The steps are [`STEPS`].
///
/// # Errors
/// When no record can be written, or somebody gives it up; what was deleted until then stays deleted. That one object cannot be
/// deleted is no error: it is told.
pub async fn collect(
    host: &Cluster,
    ways: &dyn Ways,
    plan: &Plan,
    options: &CollectOptions,
    progress: &Progress,
) -> Result<Collected, GcError> {
    let mut collected = Collected::default();
    let gone = progress.step(0, delete(host, ways, plan, options, &mut collected, progress)).await?;
    progress.step(1, until_gone(host, gone, options.patience, &mut collected, progress)).await?;
    Ok(collected)
}

/// One virtual cluster whose leftovers are collected.
struct Seat<'a> {
    host: &'a Cluster,
    ways: &'a dyn Ways,
    place: Place,
    witnessed: Option<&'a (SmolStr, usize)>,
    /// The host as it was a moment ago.
    world: Mutex<Option<Moment>>,
    /// Its API server, once it was reached or not.
    inside: Mutex<Option<Result<Arc<Inside>, SmolStr>>>,
}

/// The host as it was at a time, for these namespaces.
struct Moment {
    at: Instant,
    places: BTreeSet<Place>,
    namespaces: BTreeSet<SmolStr>,
    world: Arc<World>,
}

async fn delete(
    host: &Cluster,
    ways: &dyn Ways,
    plan: &Plan,
    options: &CollectOptions,
    collected: &mut Collected,
    progress: &Progress,
) -> Result<Vec<(ObjectRef, SmolStr)>, GcError> {
    // By their place in the plan: what is handed from one to the next borrows nothing.
    let mut places: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
    for (index, finding) in plan.goes.iter().enumerate() {
        if let Some(place) = finding.place() {
            places.entry(place.clone()).or_default().push(index);
        }
    }
    let all = plan.goes.len();
    let mut fates = stream::iter(places)
        .map(|(place, indices)| {
            let witnessed = plan.witnesses.get(&place);
            let seat =
                Seat { host, ways, witnessed, place, world: Mutex::default(), inside: Mutex::default() };
            let seat = Arc::new(seat);
            let one = move |index: usize| one(Arc::clone(&seat), plan, index, options, progress).boxed();
            stream::iter(indices).map(one).buffer_unordered(OBJECTS)
        })
        .flatten_unordered(PLACES);
    let (mut gone, mut done) = (Vec::new(), 0);
    while let Some(fate) = fates.next().await {
        let (object, fate) = fate?;
        done += 1;
        match fate {
            Fate::Deleted(uid, held) => {
                collected.deleted += 1;
                collected.reclaims = collected.reclaims.and(&held);
                gone.push((object, uid));
            }
            Fate::Gone => collected.gone += 1,
            Fate::Spared(why) => collected.spared.push(Left { object, why }),
            Fate::Failed(why) => collected.failed.push(Left { object, why }),
        }
        progress.waiting(format_smolstr!("{done} of {all}"));
    }
    progress.note(format_smolstr!("{} deleted, {} spared", collected.deleted, collected.spared.len()));
    Ok(gone)
}

async fn one(
    seat: Arc<Seat<'_>>,
    plan: &Plan,
    index: usize,
    options: &CollectOptions,
    progress: &Progress,
) -> Result<(ObjectRef, Fate), GcError> {
    progress.check()?;
    let Some(Finding { claim, .. }) = plan.goes.get(index) else { return Err(Cancelled.into()) };
    Ok((claim.object.clone(), collect_one(&seat, claim, options).await?))
}

/// Looks again, judges again, and deletes exactly what was judged.
async fn collect_one(seat: &Seat<'_>, planned: &Claim, options: &CollectOptions) -> Result<Fate, GcError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let claim = match look(seat.host, &planned.object).await {
            Ok(claim) if claim.uid != planned.uid => return Ok(Fate::Gone),
            Ok(claim) => claim,
            Err(failure) if failure.kind == FailureKind::NotFound => return Ok(Fate::Gone),
            Err(failure) => return Ok(Fate::Failed(format_smolstr!("it cannot be looked at: {failure}"))),
        };
        let seen = Instant::now();
        let world = seat.world_for(&claim).await;
        let asked = match world.whose(&claim) {
            Whose::Of(place, Standing::Runs { store }) if place == seat.place => {
                seat.ask(&claim, store.as_ref()).await
            }
            _ => Asked::Not("its virtual cluster was not asked".into()),
        };
        let why = match proof(&claim, seen, Instant::now(), &world, &asked, options.care) {
            Verdict::Orphan { .. } => None,
            Verdict::Suspect { doubt, .. } => Some(format_smolstr!("{doubt}")),
            Verdict::Kept(kept) => Some(format_smolstr!("{kept}")),
            Verdict::Unknown(why) => Some(why),
        };
        if let Some(why) = why {
            return Ok(Fate::Spared(why));
        }
        let guard = Guard { uid: claim.uid.clone(), resource_version: Some(claim.resource_version.clone()) };
        let grace = options.grace.filter(|_| claim.object.resource == Resource::PODS);
        let deleted = seat.host.delete("gc", &claim.object, &guard, Propagation::Background, grace).await;
        match deleted {
            Ok(()) => return Ok(Fate::Deleted(claim.uid, claim.holds)),
            Err(WriteError::Failed { failure: Failure { kind: FailureKind::Conflict, .. }, .. })
                if tries < TRIES => {}
            Err(error @ WriteError::NoRecord { .. }) => return Err(error.into()),
            Err(error) => return Ok(Fate::Failed(format_smolstr!("{error}"))),
        }
    }
}

impl Seat<'_> {
    /// The host as it is by now, as far as it is about this object.
    async fn world_for(&self, claim: &Claim) -> Arc<World> {
        let mut places: BTreeSet<Place> = [self.place.clone()].into();
        if claim.object.namespace.is_none()
            && let Some(marker) = &claim.marks.managed_by
        {
            places.extend(Place::of_marker(marker));
        }
        let mut namespaces: BTreeSet<SmolStr> = places.iter().map(|place| place.namespace.clone()).collect();
        namespaces.extend(claim.object.namespace.clone());
        let mut known = self.world.lock().await;
        if let Some(moment) = known.as_ref()
            && moment.at.elapsed() < KNOWN_FOR
            && places.is_subset(&moment.places)
            && namespaces.is_subset(&moment.namespaces)
        {
            return Arc::clone(&moment.world);
        }
        let at = Instant::now();
        let list: Vec<SmolStr> = namespaces.iter().cloned().collect();
        let mut world = world(self.host, &list).await;
        look_by_name(self.host, places.clone(), &mut world).await;
        let world = Arc::new(world);
        *known = Some(Moment { at, places, namespaces, world: Arc::clone(&world) });
        world
    }

    async fn ask(&self, claim: &Claim, remembered: Option<&SmolStr>) -> Asked {
        let inside = {
            let mut inside = self.inside.lock().await;
            if inside.is_none() {
                *inside = Some(self.ways.open(self.host, &self.place).await.map(Arc::new));
            }
            inside.clone()
        };
        let inside = match inside {
            Some(Ok(inside)) => inside,
            Some(Err(why)) => return Asked::Not(why),
            None => return Asked::Not("it was not reached".into()),
        };
        let witnessed = self.witnessed.map(|(store, count)| (store, *count));
        match ask_again(&inside.cluster, &self.place, remembered, witnessed, claim).await {
            Ok(asked) => asked,
            Err(failure) => Asked::Not(format_smolstr!("its API server does not tell: {failure}")),
        }
    }
}

/// Waits until what was deleted is gone, and tells what is not.
async fn until_gone(
    host: &Cluster,
    mut left: Vec<(ObjectRef, SmolStr)>,
    patience: Duration,
    collected: &mut Collected,
    progress: &Progress,
) -> Result<(), GcError> {
    let began = Instant::now();
    loop {
        let now = still_there(host, &left).await;
        left.retain(|(_, uid)| now.contains_key(uid));
        if left.is_empty() || began.elapsed() >= patience {
            collected.going = left
                .into_iter()
                .map(|(object, uid)| Left { object, why: now.get(&uid).cloned().unwrap_or_default() })
                .collect();
            let count = collected.going.len();
            progress.note(if count == 0 {
                "all of them".into()
            } else {
                format_smolstr!("{count} are still going")
            });
            return Ok(());
        }
        progress.waiting(format_smolstr!("{} are still going", left.len()));
        progress.pause(LOOK).await?;
    }
}

/// UIDs of those that are there, each with what holds it: one list for each kind and namespace.
async fn still_there(host: &Cluster, wanted: &[(ObjectRef, SmolStr)]) -> BTreeMap<SmolStr, SmolStr> {
    let mut lists: BTreeMap<String, (Resource, Option<SmolStr>, Vec<SmolStr>)> = BTreeMap::new();
    for (object, uid) in wanted {
        let key = object.resource.path(object.namespace.as_deref());
        let list = || (object.resource.clone(), object.namespace.clone(), Vec::new());
        lists.entry(key).or_insert_with(list).2.push(uid.clone());
    }
    let mut there = BTreeMap::new();
    for (resource, namespace, uids) in lists.into_values() {
        let uids: BTreeSet<SmolStr> = uids.into_iter().collect();
        let mut found = BTreeMap::new();
        let page = |page: Vec<Raw>| {
            let claims = page.into_iter().map(|raw| raw.into_claim(&resource));
            let ours = claims.filter(|claim| uids.contains(&claim.uid));
            found.extend(ours.map(|claim| (claim.uid.clone(), holds(&claim))));
        };
        let listed = host.each_page(&resource, namespace.as_deref(), None, true, page).await;
        match listed {
            Ok(()) => there.extend(found),
            Err(failure) => {
                let why = format_smolstr!("whether it is gone is not known: {failure}");
                there.extend(uids.into_iter().map(|uid| (uid, why.clone())));
            }
        }
    }
    there
}

fn holds(claim: &Claim) -> SmolStr {
    match claim.finalizers.as_slice() {
        [] => "it is still ending".into(),
        finalizers => format_smolstr!("it is held by {}", finalizers.join(", ")),
    }
}
