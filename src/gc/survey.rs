//! Looks at a host and what its virtual clusters have inside, and judges every object that claims to come from there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, stream};
use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};

use super::GcError;
use super::ask::{Alone, Said, Ways, ask};
use super::claim::Claim;
use super::host::{claims, look_by_name, world};
use super::kinds::Kinds;
use super::proof::{Care, Verdict, proof};
use super::rights::forbidden;
use super::stuck::{LATE, Stuck, stuck_ones};
use super::world::{Asked, Place, Standing, Whose, World};
use crate::cluster::access::Asked as Right;
use crate::cluster::{Cluster, Failure, ObjectRef, Resource};
use crate::known::Known;
use crate::names::VirtualName;
use crate::operation::Progress;

/// The steps of looking, in order.
pub const STEPS: [&str; 3] = ["look at the host", "ask the virtual clusters", "judge what was found"];

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// Host namespaces; none for all, and for what has no namespace.
    pub namespaces: Vec<SmolStr>,
    /// One virtual cluster, whether it is there or not; none for all.
    pub name: Option<SmolStr>,
    /// Kinds.
    pub kinds: Kinds,
}

/// How it is looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyOptions {
    /// At what.
    pub scope: Scope,
    /// How careful.
    pub care: Care,
    /// Virtual clusters that are asked at a time.
    pub at_once: usize,
    /// How much longer than its grace period something may take to go before it counts as stuck.
    pub late: Duration,
}

impl Default for SurveyOptions {
    fn default() -> Self {
        SurveyOptions { scope: Scope::default(), care: Care::default(), at_once: 8, late: LATE }
    }
}

/// An object that is a leftover, or looks like one.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The object.
    pub claim: Claim,
    /// [`Verdict::Orphan`] or [`Verdict::Suspect`].
    pub verdict: Verdict,
}

impl Finding {
    /// The virtual cluster that it claims to belong to.
    pub fn place(&self) -> Option<&Place> {
        match &self.verdict {
            Verdict::Orphan { evidence, .. } | Verdict::Suspect { evidence, .. } => evidence.place.as_ref(),
            Verdict::Kept(_) | Verdict::Unknown(_) => None,
        }
    }

    /// Whether it is proven.
    pub fn is_proven(&self) -> bool {
        matches!(self.verdict, Verdict::Orphan { .. })
    }
}

/// Something inside that has nothing on the host. It is shown; gc changes nothing inside of tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ghost {
    /// Whose it is.
    pub place: Place,
    /// Its kind: `Pod` or `Node`.
    pub kind: SmolStr,
    /// Its name inside.
    pub name: VirtualName,
    /// When it was created, by the tenant's clock.
    pub created: Option<DateTime<Utc>>,
}

/// One virtual cluster that something claims to belong to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tenant {
    /// Whether it is there.
    pub exists: bool,
    /// Objects on the host that came from inside, by kind.
    pub objects: BTreeMap<SmolStr, usize>,
    /// When its API server was asked, by its own clock; none where it was not.
    pub asked: Option<DateTime<Utc>>,
    /// Proven leftovers.
    pub orphans: usize,
    /// Suspects.
    pub suspects: usize,
    /// Objects of which nobody could say, and why of the first.
    pub unknown: Option<(usize, SmolStr)>,
    /// UID of `kube-system` inside, and how many objects of the host prove that it is theirs.
    pub(super) witnesses: Option<(SmolStr, usize)>,
}

impl Tenant {
    /// How many leftovers it has, if that is known.
    pub fn count(&self) -> Known<u32> {
        match &self.unknown {
            Some((_, why)) => Known::No(why.clone()),
            None => Known::Yes(u32::try_from(self.orphans).unwrap_or(u32::MAX)),
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// The host.
    pub world: World,
    /// Every virtual cluster that something claims to belong to.
    pub tenants: BTreeMap<Place, Tenant>,
    /// Leftovers and suspects: pods first, then by kind and name.
    pub findings: Vec<Finding>,
    /// What is inside and has nothing on the host.
    pub ghosts: Vec<Ghost>,
    /// What is going and does not go.
    pub stuck: Vec<Stuck>,
    /// Kinds that could not be listed, and why.
    pub unseen: Vec<(SmolStr, Failure)>,
    /// How many objects were looked at.
    pub looked: usize,
    /// Rights that are missing to delete what is proven. None missing where the server does not say: it will refuse by itself.
    pub forbidden: Vec<Right>,
}

impl Survey {
    /// The right that is missing to delete an object.
    pub fn forbids(&self, object: &ObjectRef) -> Option<&Right> {
        let is = |right: &&Right| {
            right.resource == object.resource
                && right.namespace.as_ref().is_none_or(|it| Some(it) == object.namespace.as_ref())
        };
        self.forbidden.iter().find(is)
    }

    /// Whether everything that was to be looked at was.
    pub fn is_whole(&self) -> bool {
        self.unseen.is_empty() && self.tenants.values().all(|tenant| tenant.unknown.is_none())
    }
}

/// Looks. The steps are [`STEPS`].
///
/// # Errors
/// When the host cannot tell which kinds it serves, or a kind was named that it does not. A virtual cluster that cannot be asked
/// is no error: nothing is said of its objects then.
pub async fn survey(
    host: &Cluster,
    ways: &dyn Ways,
    options: &SurveyOptions,
    progress: &Progress,
) -> Result<Survey, GcError> {
    let scope = &options.scope;
    let (found, world, nodes) = progress
        .step(0, async {
            let (kinds, mut unseen) =
                host.kinds().await.map_err(|failure| host.error("look which kinds there are", failure))?;
            scope.kinds.check(&kinds)?;
            let mut found = claims(host, scope, kinds).await;
            found.unseen.append(&mut unseen);
            progress.check()?;
            // After the objects: see there.
            let mut world = world(host, &scope.namespaces).await;
            let gone = found.all.iter().filter_map(|(claim, _)| match world.whose(claim) {
                Whose::Gone(places) => Some(places),
                _ => None,
            });
            let gone = gone.flatten().collect();
            look_by_name(host, gone, &mut world).await;
            progress.note(format_smolstr!(
                "{} objects, {} virtual clusters",
                found.all.len(),
                world.vclusters.len()
            ));
            Ok::<_, GcError>((found, world, nodes(host).await))
        })
        .await?;
    let said =
        progress.step(1, inside(host, ways, options, &world, &found.all, nodes.as_ref(), progress)).await?;
    progress
        .step(2, async {
            let stuck = stuck_ones(host, &found.all, &world, options.late).await;
            let mut survey = judge(found.all, world, said, options.care);
            survey.unseen = found.unseen;
            survey.stuck = stuck;
            survey.forbidden = forbidden(host, &survey.findings).await.unwrap_or_default();
            let proven = survey.findings.iter().filter(|finding| finding.is_proven()).count();
            progress.note(format_smolstr!("{proven} proven, {} suspect", survey.findings.len() - proven));
            Ok(survey)
        })
        .await
}

/// What was said of which claims.
struct Told {
    place: Place,
    indices: Vec<usize>,
    said: Result<Said, SmolStr>,
}

const NOT_ASKED: &str = "its virtual cluster was not asked";

/// Asks those that have to be asked, a few at a time.
async fn inside(
    host: &Cluster,
    ways: &dyn Ways,
    options: &SurveyOptions,
    world: &World,
    claims: &[(Claim, Instant)],
    nodes: Option<&BTreeSet<SmolStr>>,
    progress: &Progress,
) -> Result<Vec<Told>, GcError> {
    let mut open: BTreeMap<Place, (Option<SmolStr>, Vec<usize>)> = BTreeMap::new();
    let now = Instant::now();
    for (index, (claim, seen)) in claims.iter().enumerate() {
        let Whose::Of(place, Standing::Runs { store }) = world.whose(claim) else { continue };
        let asked = Asked::Not(NOT_ASKED.into());
        if matches!(proof(claim, *seen, now, world, &asked, options.care), Verdict::Unknown(_)) {
            open.entry(place).or_insert_with(|| (store.clone(), Vec::new())).1.push(index);
        }
    }
    let all = open.len();
    let mut asking = stream::iter(open)
        .map(|(place, (store, indices))| async move {
            let of: Vec<&Claim> =
                indices.iter().filter_map(|index| claims.get(*index)).map(|(claim, _)| claim).collect();
            let said = async {
                let inside = ways.open(host, &place).await?;
                let said = ask(&inside.cluster, &place, store.as_ref(), &of, nodes).await;
                said.map_err(|failure| format_smolstr!("its API server does not tell: {failure}"))
            };
            let said = said.await;
            Told { place, indices, said }
        })
        .buffer_unordered(options.at_once.max(1));
    let mut told = Vec::new();
    while let Some(one) = asking.next().await {
        told.push(one);
        progress.waiting(format_smolstr!("{} of {all} have answered", told.len()));
        progress.check()?;
    }
    let failed = told.iter().filter(|told| told.said.is_err()).count();
    progress.note(match failed {
        0 => format_smolstr!("{all} asked"),
        _ => format_smolstr!("{all} asked, {failed} could not be"),
    });
    Ok(told)
}

/// Judges everything. Pure.
fn judge(claims: Vec<(Claim, Instant)>, world: World, said: Vec<Told>, care: Care) -> Survey {
    let mut asked = vec![Asked::Not(NOT_ASKED.into()); claims.len()];
    let mut tenants: BTreeMap<Place, Tenant> = BTreeMap::new();
    let mut ghosts = Vec::new();
    for Told { place, indices, said } in said {
        let tenant = tenants.entry(place.clone()).or_default();
        match said {
            Err(why) => {
                for index in indices {
                    asked[index] = Asked::Not(why.clone());
                }
            }
            Ok(said) => {
                tenant.asked = said.at;
                let alive = said.answers.iter().find_map(|asked| match asked {
                    Asked::Answered(answer) => match answer.store {
                        super::world::Store::Witnessed(count) => Some(count),
                        _ => None,
                    },
                    Asked::Not(_) => None,
                });
                tenant.witnesses = said.store.zip(alive);
                ghosts.extend(said.alone.into_iter().filter_map(|alone| ghost(&place, alone, said.at, care)));
                for (index, answer) in indices.into_iter().zip(said.answers) {
                    asked[index] = answer;
                }
            }
        }
    }
    let now = Instant::now();
    let looked = claims.len();
    let mut findings = Vec::new();
    for ((claim, seen), asked) in claims.into_iter().zip(asked) {
        let verdict = proof(&claim, seen, now, &world, &asked, care);
        let (place, exists) = match world.whose(&claim) {
            Whose::Of(place, _) => (place, true),
            Whose::Gone(places) => match places.into_iter().next() {
                Some(place) => (place, false),
                None => continue,
            },
            Whose::Unclear(_) | Whose::Nobody => continue,
        };
        let finding = Finding { claim, verdict };
        let tenant = tenants.entry(finding.place().cloned().unwrap_or(place)).or_default();
        tenant.exists |= exists;
        if finding.claim.marks.managed_by.is_some() {
            *tenant.objects.entry(finding.claim.object.resource.kind.clone()).or_default() += 1;
        }
        match &finding.verdict {
            Verdict::Orphan { .. } => tenant.orphans += 1,
            Verdict::Suspect { .. } => tenant.suspects += 1,
            Verdict::Unknown(why) => {
                let (count, _) = tenant.unknown.get_or_insert_with(|| (0, why.clone()));
                *count += 1;
                continue;
            }
            Verdict::Kept(_) => continue,
        }
        findings.push(finding);
    }
    findings.sort_by(|a, b| order(&a.claim.object).cmp(&order(&b.claim.object)));
    Survey {
        world,
        tenants,
        findings,
        ghosts,
        stuck: Vec::new(),
        unseen: Vec::new(),
        looked,
        forbidden: Vec::new(),
    }
}

/// Pods first.
fn order(object: &ObjectRef) -> (bool, &str, Option<&str>, &str) {
    let is_pod = object.resource == Resource::PODS;
    (!is_pod, &object.resource.kind, object.namespace.as_deref(), &object.name)
}

/// A young one may be on its way.
fn ghost(place: &Place, alone: Alone, now: Option<DateTime<Utc>>, care: Care) -> Option<Ghost> {
    let limit = TimeDelta::from_std(care.older_than).unwrap_or(TimeDelta::MAX);
    let age = now?.signed_duration_since(alone.created?);
    let Alone { kind, name, created } = alone;
    (age >= limit).then(|| Ghost { place: place.clone(), kind, name, created })
}

#[derive(Deserialize)]
struct Named {
    metadata: NamedMeta,
}

#[derive(Deserialize)]
struct NamedMeta {
    name: SmolStr,
}

/// Names of the host's nodes; none where they may not be listed.
async fn nodes(host: &Cluster) -> Option<BTreeSet<SmolStr>> {
    let listed = host.list_metadata::<Named>(&Resource::NODES, None, None).await;
    listed.ok().map(|nodes| nodes.into_iter().map(|node| node.metadata.name).collect())
}
