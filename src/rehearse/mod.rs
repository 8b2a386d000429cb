//! Whether a backup can really be restored: a virtual cluster is made of it in a namespace of its own, looked at, and taken away again.
//!
//! Nothing of the tenant runs there. What is made has an API server and a store, no controllers that do anything, and a companion that only watches
//! ([`config`]); no pod of the backup reaches a node, and nothing outside of its namespace is written. It ends by itself: whatever of it a run
//! that was killed has left is what `v9s reap` collects.

mod config;
mod see;

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};
use thiserror::Error;
use tokio::sync::watch::Receiver;
use tokio_util::sync::CancellationToken;

pub use see::Seen;

use crate::backup::archive::{Identities, Tenant};
use crate::backup::destination::Destination;
use crate::backup::set::{VerifyError, shown};
use crate::cluster::{Cluster, FailureKind, ObjectRef, Resource};
use crate::gc::{Place, Ways};
use crate::lifecycle::delete::{self, DeleteOptions, Deleted, Home, Wish};
use crate::lifecycle::restore::{self, RestoreError};
use crate::lifecycle::{Decision, LifeError};
use crate::operation::{Operation, OperationState};
use crate::provision::create::{CreateError, Created, Request as Making};
use crate::provision::values::Problems;
use crate::target::{FindError, Term, find};

/// What is wanted.
pub struct Request {
    /// Where the backup lies.
    pub at: Destination,
    /// Its name there.
    pub name: SmolStr,
    /// What opens it.
    pub identities: Identities,
    /// Whose it must be; anybody's when none.
    pub expected: Option<Tenant>,
    /// The namespace in which it is tried: one that is not there yet, so that it can go as a whole.
    pub namespace: SmolStr,
    /// Over the configuration of the backup, as the values of `vcluster.yaml`.
    pub over: String,
    /// Folder of this machine in which the new store is made.
    pub scratch: PathBuf,
    /// Who tries it.
    pub who: SmolStr,
    /// How the API server inside is reached.
    pub ways: Arc<dyn Ways>,
}

/// What came of it.
#[derive(Debug)]
pub struct Rehearsed {
    /// What was seen inside, or what shows that the backup cannot be restored, or why that is not known.
    pub outcome: Result<Seen, RehearseError>,
    /// What could not be taken away again, each with the reason.
    pub left: Vec<(SmolStr, SmolStr)>,
}

/// Why it is not known to be restorable, or known not to be.
#[derive(Debug, Error)]
pub enum RehearseError {
    /// The archive.
    #[error("the backup cannot be used: {error}")]
    Backup {
        /// What is wrong with it.
        #[from]
        error: VerifyError,
    },
    /// It cannot be tried like this.
    #[error("{0}")]
    Unfit(String),
    /// Its configuration.
    #[error("the configuration in the backup cannot be used: {error}")]
    Config {
        /// What is wrong with it.
        #[from]
        error: Problems,
    },
    /// Nothing could be made.
    #[error("the virtual cluster for the test could not be made: {error}; {}", error.remedy())]
    Create {
        /// Why.
        #[from]
        error: CreateError,
    },
    /// It was not restored.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// What runs is not what is in the backup.
    #[error("restored, it is not what is in the backup: {0}")]
    Differs(String),
    /// It runs, and cannot be looked at.
    #[error("it was restored, and what is inside could not be looked at: {0}")]
    Unseen(String),
    /// The host.
    #[error(transparent)]
    Life(#[from] LifeError),
    /// What was made is not there.
    #[error("{error}; {}", error.remedy())]
    Lost {
        /// What was found.
        #[from]
        error: FindError,
    },
}

impl RehearseError {
    /// Whether it shows that the backup cannot be restored. Anything else says that it was not found out.
    pub fn is_verdict(&self) -> bool {
        fn shows(error: &RestoreError) -> bool {
            match error {
                RestoreError::Differs(_) => true,
                RestoreError::Undone { why } | RestoreError::HalfWay { why, .. } => shows(why),
                _ => false,
            }
        }
        match self {
            RehearseError::Differs(_) => true,
            RehearseError::Restore(error) => shows(error),
            _ => false,
        }
    }
}

/// What the virtual cluster is called that is made for it.
pub const NAME: &str = "rehearsal";
/// Nobody needs it for longer.
const TERM: chrono::TimeDelta = chrono::TimeDelta::hours(2);

/// Tries it. `begun` is told of each part as it begins, and may cancel it. What was made is taken away, whatever came of it.
pub async fn rehearse(
    cluster: &Cluster,
    request: &Request,
    mut begun: impl FnMut(Receiver<Arc<OperationState>>, CancellationToken),
) -> Rehearsed {
    let ready = async {
        let made = making(request, Utc::now()).await?;
        is_free(cluster, &request.namespace).await?;
        Ok(made)
    };
    let made = match ready.await {
        Ok(made) => made,
        Err(why) => return Rehearsed { outcome: Err(why), left: Vec::new() },
    };
    let outcome = tried(cluster, request, made, &mut begun).await;
    let left = match taken_away(cluster, request, &mut begun).await {
        Ok(left) => left,
        Err(why) => vec![(format_smolstr!("namespace {}", request.namespace), why.to_smolstr())],
    };
    Rehearsed { outcome, left }
}

/// Whether the namespace is not there: everything in it goes afterwards.
async fn is_free(cluster: &Cluster, namespace: &SmolStr) -> Result<(), RehearseError> {
    let object = ObjectRef::cluster_scoped(Resource::NAMESPACES, namespace.clone());
    match cluster.get_metadata::<serde::de::IgnoredAny>(&object).await {
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(()),
        Ok(_) => Err(RehearseError::Unfit(format!(
            "the namespace {namespace} is there already, and would go afterwards: name one that is not"
        ))),
        Err(failure) => Err(LifeError::from(cluster.error(format!("look for {object}"), failure)).into()),
    }
}

/// What is to be made, and of whose backup.
struct Made {
    making: Making,
    tenant: Tenant,
    uids: see::Uids,
}

async fn making(request: &Request, now: DateTime<Utc>) -> Result<Made, RehearseError> {
    let (at, name, expected) = (&request.at, &request.name, request.expected.as_ref());
    let (verified, seen) = shown(at, name, &request.identities, expected, see::Contents::default()).await?;
    let (Some(config), Some(tenant)) = (seen.config, verified.found.tenant()) else {
        return Err(RehearseError::Unfit(
            "the backup holds no vcluster.yaml: it is of the official program, and is tried by `v9s restore --into`".to_owned(),
        ));
    };
    let text = config::rehearsal(&config, &request.over, NAME)?;
    let making = Making::new(NAME, &request.namespace, &text)?;
    let term = Term::new(Some(now + TERM), Some(request.who.clone()));
    Ok(Made { making: Making { term, ..making }, tenant, uids: seen.uids })
}

/// Everything until it was seen.
async fn tried(
    cluster: &Cluster,
    request: &Request,
    made: Made,
    begun: &mut impl FnMut(Receiver<Arc<OperationState>>, CancellationToken),
) -> Result<Seen, RehearseError> {
    let Made { making, tenant, uids } = made;
    let on = cluster.clone();
    let steps = making.steps();
    let title = format_smolstr!("make {}/{NAME}", request.namespace);
    let making: Operation<Created, CreateError> =
        Operation::start(title, steps, |progress| making.carry_out(on, progress));
    begun(making.follow(), making.canceller());
    making.result().await?;

    let target = find(cluster, Some(&request.namespace), NAME).await?;
    let found = restore::look(cluster, &target).await?;
    let plan = match restore::plan(&target, found, &request.at.place().of(&request.name), None, false) {
        Decision::Do(plan) => plan,
        Decision::Refused(refusal) => return Err(RehearseError::Unfit(refusal.to_string())),
        Decision::Nothing(why) => return Err(RehearseError::Unfit(why)),
    };
    let wanted = restore::Request {
        at: request.at.clone(),
        name: request.name.clone(),
        identities: request.identities.clone(),
        expected: tenant,
        safety: None,
        scratch: request.scratch.clone(),
        who: request.who.clone(),
        anyway: false,
    };
    let restoring = restore::start(cluster.clone(), target, plan, wanted);
    begun(restoring.follow(), restoring.canceller());
    let restored = restoring.result().await?;

    let place = Place::new(request.namespace.clone(), NAME);
    let inside = request.ways.open(cluster, &place).await;
    let inside = inside.map_err(|why| RehearseError::Unseen(why.to_string()))?;
    see::see(&inside.cluster, &uids, restored.checked.revision).await
}

/// Takes away what was made, with its namespace.
async fn taken_away(
    cluster: &Cluster,
    request: &Request,
    begun: &mut impl FnMut(Receiver<Arc<OperationState>>, CancellationToken),
) -> Result<Vec<(SmolStr, SmolStr)>, LifeError> {
    let survey = delete::survey(cluster, &request.namespace, NAME).await?;
    let whose = delete::Whose { namespace: &request.namespace, name: NAME };
    let plan = delete::plan(&whose, survey, Wish::default());
    if plan.is_empty() {
        return Ok(Vec::new());
    }
    let deleting = delete::start(cluster.clone(), plan, DeleteOptions::default());
    begun(deleting.follow(), deleting.canceller());
    let Deleted { left, home } = deleting.result().await?;
    let mut left: Vec<_> = left.into_iter().map(|left| (left.what, left.why)).collect();
    if let Home::Stays(why) = home {
        left.push((format_smolstr!("namespace {}", request.namespace), why));
    }
    Ok(left)
}
