//! One object on the tenant's API server: what is there, and what would come of putting it back. Nothing stays.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};

use super::compare::{Difference, differences};
use super::given::{self, Given};
use super::head::{Live, head};
use super::owners::{self, Who};
use super::served::{Found, Served};
use super::stored::Stored;
use crate::cluster::whole::{Body, Put};
use crate::cluster::{Cluster, Failure, FailureKind, ObjectRef};

/// What is sent, and how.
pub(super) struct Composed {
    pub(super) body: Body,
    pub(super) put: Put,
    pub(super) notes: Vec<SmolStr>,
    given: Vec<Given>,
}

/// What came of a trial.
pub(super) struct Tried {
    pub(super) live: Option<Live>,
    pub(super) differences: Vec<Difference>,
    pub(super) notes: Vec<SmolStr>,
}

/// Compares an object with what is there, by what the API server itself would make of it.
pub(super) async fn compared(
    cluster: &Cluster,
    served: &Served,
    object: &ObjectRef,
    stored: &Stored,
) -> Result<Tried, Failure> {
    let now = match cluster.get::<Value>(object).await {
        Ok(now) => Some(now),
        Err(failure) if failure.kind == FailureKind::NotFound => None,
        Err(failure) => return Err(failure),
    };
    let live = now.as_ref().map(Live::deserialize).transpose();
    let live = live.map_err(|_| Failure::new(FailureKind::Protocol, "what is there cannot be read"))?;
    let Composed { body, put, notes, given } =
        composed(cluster, served, object, stored, live.as_ref()).await?;
    let then = cluster.try_whole(object, &body, put).await?;
    let mut differences = differences(now.as_ref(), &then);
    // What a trial is given is given to nobody.
    differences
        .retain(|difference| put == Put::InPlace || !given.iter().any(|given| given.is_at(&difference.path)));
    Ok(Tried { differences, live, notes })
}

/// What is sent to put an object back where this is now.
pub(super) async fn composed(
    cluster: &Cluster,
    served: &Served,
    object: &ObjectRef,
    stored: &Stored,
    live: Option<&Live>,
) -> Result<Composed, Failure> {
    let put = if live.is_some() { Put::InPlace } else { Put::New };
    let now = who_is_there(cluster, served, object, stored).await?;
    let (owners, mut notes) = owners::living(&stored.meta.owner_references, &now);
    let (given, note) = given::to(stored.group(), &stored.kind, put == Put::New);
    notes.extend(note.map(SmolStr::new_static));
    let meta = head(&stored.meta, owners, live.map(|live| &live.meta));
    let body = stored.body(&meta, &given, live.and_then(|live| live.status.as_ref()));
    let body =
        body.map_err(|_| Failure::new(FailureKind::Protocol, "what is stored is no object of Kubernetes"))?;
    Ok(Composed { body, put, notes, given })
}

/// UIDs of the owners that are there by now.
async fn who_is_there(
    cluster: &Cluster,
    served: &Served,
    object: &ObjectRef,
    stored: &Stored,
) -> Result<BTreeMap<Who, SmolStr>, Failure> {
    #[derive(Deserialize)]
    struct Owner {
        metadata: Identity,
    }
    #[derive(Deserialize)]
    struct Identity {
        uid: SmolStr,
    }
    let mut now = BTreeMap::new();
    for owner in &stored.meta.owner_references {
        let resource = match served.of(&owner.api_version, &owner.kind) {
            Found::Served(resource) => resource.clone(),
            Found::Not => continue,
            Found::Unknown(failure) => return Err(failure.clone()),
        };
        if !super::stored::is_plain(&owner.name) {
            continue;
        }
        let namespace = object.namespace.clone().filter(|_| resource.namespaced);
        let named = ObjectRef { resource, namespace, name: owner.name.clone() };
        match cluster.get_metadata::<Owner>(&named).await {
            Ok(found) => {
                now.insert(owner.who(), found.metadata.uid);
            }
            Err(failure) if failure.kind == FailureKind::NotFound => {}
            Err(failure) => {
                let why = format_smolstr!("its owner {named} cannot be looked at: {}", failure.message);
                return Err(Failure::new(failure.kind, why));
            }
        }
    }
    Ok(now)
}
