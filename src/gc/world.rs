//! What a host and its virtual clusters have said, as far as proofs need it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use chrono::{DateTime, Utc};
use smol_str::{SmolStr, format_smolstr};

use super::claim::Claim;
use crate::names::Translator;
use crate::target::Rest;

/// Where a virtual cluster is, or was, on its host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Host namespace.
    pub namespace: SmolStr,
    /// Its name.
    pub name: SmolStr,
}

impl Place {
    /// The virtual cluster of this name in this namespace.
    pub fn new(namespace: impl Into<SmolStr>, name: impl Into<SmolStr>) -> Self {
        Place { namespace: namespace.into(), name: name.into() }
    }

    /// Translates its names.
    pub fn names(&self) -> Translator {
        Translator::new(self.name.clone(), self.namespace.clone())
    }

    /// Those that the marker of a cluster-scoped object may mean: it joins both names, and either may hold what joins them.
    pub(super) fn of_marker(marker: &str) -> Vec<Place> {
        let at = marker.match_indices("-x-").map(|(at, _)| at);
        let places = at.map(|at| Place::new(&marker[..at], &marker[at + 3..]));
        places.filter(|it| !it.namespace.is_empty() && !it.name.is_empty()).collect()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What a host has of a virtual cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is meant to run. With the UID of `kube-system` in its store, as the host remembers it.
    Runs {
        /// None where nobody has written it down, as with an official syncer.
        store: Option<SmolStr>,
    },
    /// It is stopped on purpose.
    Rests(Rest),
    /// It is being deleted.
    Going,
    /// It has no control plane, and not everything that made it is gone: what is left, in words.
    Half(SmolStr),
}

/// How much of a host was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// All of it.
    All,
    /// These namespaces.
    Namespaces(Vec<SmolStr>),
    /// Not enough to say that a virtual cluster does not exist, and why.
    Partial(SmolStr),
}

/// A host, as it was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// The host's own clock, after everything was looked at.
    pub now: DateTime<Utc>,
    /// How much of it was seen.
    pub sight: Sight,
    /// Every virtual cluster that there is, and what is left of those that are going.
    pub vclusters: BTreeMap<Place, Standing>,
    /// Host namespaces that are going, and since when.
    pub going: BTreeMap<SmolStr, DateTime<Utc>>,
    /// Host namespaces that were made for namespaces of a tenant.
    pub satellites: BTreeMap<SmolStr, Place>,
}

/// Whom an object belongs to by its own word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose<'a> {
    /// To this one, which is there.
    Of(Place, &'a Standing),
    /// To one that is not there. One of these: a marker may be read in several ways.
    Gone(Vec<Place>),
    /// Not known, and why.
    Unclear(SmolStr),
    /// It claims nothing.
    Nobody,
}

impl World {
    /// Whom an object belongs to by its own word, and whether that one is there.
    pub fn whose(&self, claim: &Claim) -> Whose<'_> {
        let Some(said) = claim.marks.managed_by.as_ref().or(claim.marks.made_for.as_ref()) else {
            return Whose::Nobody;
        };
        let places = match &claim.object.namespace {
            Some(namespace) => match self.satellites.get(namespace) {
                Some(place) => vec![place.clone()],
                None => vec![Place::new(namespace.clone(), said.clone())],
            },
            // Names may be so long that the marker is a digest: only those that are there can be tried.
            None => {
                match self.vclusters.keys().find(|place| place.names().cluster_scoped_marker() == *said) {
                    Some(place) => vec![place.clone()],
                    None => Place::of_marker(said),
                }
            }
        };
        for place in &places {
            if let Some(standing) = self.vclusters.get(place) {
                return Whose::Of(place.clone(), standing);
            }
        }
        match &self.sight {
            _ if places.is_empty() => {
                Whose::Unclear(format_smolstr!("{said} names no virtual cluster that can be looked for"))
            }
            Sight::All => Whose::Gone(places),
            Sight::Namespaces(seen) if places.iter().all(|place| seen.contains(&place.namespace)) => {
                Whose::Gone(places)
            }
            Sight::Namespaces(_) => Whose::Unclear("not all namespaces were looked at".into()),
            Sight::Partial(why) => Whose::Unclear(why.clone()),
        }
    }
}

/// Whether the store of a tenant is the one that its objects on the host were made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// The host remembers the UID of its `kube-system`, and it is that.
    Known,
    /// The host remembers another.
    Replaced {
        /// As remembered.
        remembered: SmolStr,
        /// As found.
        found: SmolStr,
    },
    /// The host remembers none; so many of its objects there have their origin inside, by UID.
    Witnessed(usize),
}

impl Store {
    /// Compares what the host remembers with what the tenant has.
    pub fn compare(remembered: Option<&SmolStr>, found: &SmolStr) -> Store {
        match remembered {
            Some(remembered) if remembered == found => Store::Known,
            Some(remembered) => Store::Replaced { remembered: remembered.clone(), found: found.clone() },
            None => Store::Witnessed(0),
        }
    }
}

/// The object inside that has the name an object of the host was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin {
    /// Its UID.
    pub uid: SmolStr,
    /// When it was created, by the tenant's clock.
    pub created: Option<DateTime<Utc>>,
}

/// What a tenant's own API server said of the origin of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// When it was asked, by a clock that nobody sets.
    pub asked: Instant,
    /// The same by the tenant's clock, for people and for ages.
    pub at: DateTime<Utc>,
    /// Whose answer it is.
    pub store: Store,
    /// The object of that name, none when there is none.
    pub twin: Option<Twin>,
    /// Whether any object inside would bear this very name on the host.
    pub bears: bool,
}

/// Whether a tenant was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// It was not, or there was no answer that could be used: why.
    Not(SmolStr),
    /// It was.
    Answered(Answer),
}

/// Whether a name may be one that an object inside has on the host (docs/vclusters.md, Names).
pub(super) fn may_be_called(place: &Place, origin: &crate::names::VirtualName, name: &str) -> bool {
    let names = place.names();
    let short = origin.namespace.as_ref().map(|namespace| names.short_host_name(namespace, &origin.name));
    names.host_name(origin).as_str() == name || short.is_some_and(|short| short.as_str() == name)
}
