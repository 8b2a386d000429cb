//! Schedules on a host: put there, taken away, and those that there are.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;
use thiserror::Error;

use super::{LABELS, Of, name, reach};
use crate::cluster::{
    Cluster, Failure, FailureKind, Guard, ObjectRef, Propagation, ReadError, Resource, WriteError,
};
use crate::cronjob::{CronJob, Reach};

/// Why a schedule was not put on a host, or not taken away.
#[derive(Debug, Error)]
pub enum ScheduleFailure {
    /// Something could not be looked at.
    #[error("{error}; {}", error.remedy())]
    Unread {
        /// What came of it.
        #[from]
        error: ReadError,
    },
    /// Something could not be changed.
    #[error("{error}; {}", error.remedy())]
    Unwritten {
        /// What came of it.
        #[from]
        error: WriteError,
    },
    /// The API server would not take it.
    #[error("{what} would not be taken: {failure}")]
    NotTaken {
        /// Which object.
        what: String,
        /// What the server said.
        failure: Failure,
    },
    /// It is there and of somebody else.
    #[error(
        "{0} is there and was not made by `v9s backup --schedule`: it is left alone; take it away or rename it first"
    )]
    NotOurs(String),
}

/// What became of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Which.
    pub what: String,
    /// Whether it was there before.
    pub was_there: bool,
}

/// A schedule that there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Namespace of its CronJob.
    pub namespace: SmolStr,
    /// Name of its CronJob.
    pub name: SmolStr,
    /// When, as cron has it.
    pub schedule: SmolStr,
    /// In which time zone.
    pub time_zone: Option<SmolStr>,
    /// Whether somebody has suspended it.
    pub suspended: bool,
    /// What it does: the command line without the program.
    pub words: Vec<SmolStr>,
    /// When a run began last.
    pub last_run: Option<DateTime<Utc>>,
    /// When one ended well last.
    pub last_success: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Object {
    metadata: Meta,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    uid: SmolStr,
    #[serde(default)]
    labels: std::collections::BTreeMap<SmolStr, SmolStr>,
}

impl Meta {
    fn is_ours(&self, name: &str) -> bool {
        let says = |key: &str, value: &str| self.labels.get(key).is_some_and(|found| found == value);
        says("app.kubernetes.io/name", name) && LABELS.iter().all(|(key, value)| says(key, value))
    }
}

/// Puts a schedule on a host, or makes the one there what it should be. With `dry_run` the server is asked whether it would take it.
///
/// # Errors
/// When an object of that name is of somebody else, or the server does not take one. What was applied before stays, and a second run goes on.
pub async fn install(
    cluster: &Cluster,
    job: &CronJob,
    dry_run: bool,
) -> Result<Vec<Installed>, ScheduleFailure> {
    let mut found = Vec::new();
    for body in job.objects() {
        let Some(object) = object(&body) else { continue };
        let there = look(cluster, &object).await?;
        if object.resource != Resource::NAMESPACES
            && there.as_ref().is_some_and(|meta| !meta.is_ours(&job.name))
        {
            return Err(ScheduleFailure::NotOurs(object.to_string()));
        }
        found.push((object, body, there.is_some()));
    }
    // Nothing can be tried in a namespace that is not there yet.
    let homeless = found.iter().any(|(object, _, there)| object.resource == Resource::NAMESPACES && !there);
    let mut installed = Vec::new();
    for (object, body, was_there) in found {
        let what = object.to_string();
        match (dry_run, object.resource == Resource::NAMESPACES) {
            // A namespace that is there is nobody's to change.
            (_, true) if was_there => continue,
            (true, _) if homeless && object.namespace.is_some() => {}
            (true, _) => {
                let tried = cluster.try_apply(&object, &body).await;
                tried.map_err(|failure| ScheduleFailure::NotTaken { what: what.clone(), failure })?;
            }
            (false, _) => drop(cluster.apply::<Value>("schedule-backups", &object, &body).await?),
        }
        installed.push(Installed { what, was_there });
    }
    Ok(installed)
}

/// Takes away what [`install`] has put there, the CronJob with its jobs first, and answers what went. The namespace stays: others may be
/// in it.
///
/// # Errors
/// When an object of that name is of somebody else, or the server does not take one away. A second run does the rest.
pub async fn remove(cluster: &Cluster, of: &Of, dry_run: bool) -> Result<Vec<String>, ScheduleFailure> {
    let name = name(of);
    let mut found = Vec::new();
    for object in objects_of(of, &name) {
        match look(cluster, &object).await? {
            None => {}
            Some(meta) if meta.is_ours(&name) => found.push((object, meta.uid)),
            Some(_) => return Err(ScheduleFailure::NotOurs(object.to_string())),
        }
    }
    let mut gone = Vec::new();
    for (object, uid) in found {
        if !dry_run {
            let guard = Guard { uid, resource_version: None };
            cluster.delete("unschedule-backups", &object, &guard, Propagation::Background, None).await?;
        }
        gone.push(object.to_string());
    }
    Ok(gone)
}

/// What a schedule consists of, in the order in which it goes.
fn objects_of(of: &Of, name: &SmolStr) -> [ObjectRef; 4] {
    let reach = reach(of);
    let inside = |resource| ObjectRef::namespaced(resource, reach.home(), name.clone());
    let everywhere = |resource| ObjectRef::cluster_scoped(resource, name.clone());
    let [binding, role] = match &reach {
        Reach::Namespace(_) => [inside(Resource::ROLE_BINDINGS), inside(Resource::ROLES)],
        Reach::Everywhere => {
            [everywhere(Resource::CLUSTER_ROLE_BINDINGS), everywhere(Resource::CLUSTER_ROLES)]
        }
    };
    [inside(Resource::CRON_JOBS), binding, role, inside(Resource::SERVICE_ACCOUNTS)]
}

/// The schedules in a namespace, or in all of them.
///
/// # Errors
/// When CronJobs may not be listed there.
pub async fn list(cluster: &Cluster, namespace: Option<&str>) -> Result<Vec<Listed>, ReadError> {
    let labels: Vec<String> = LABELS.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let place = namespace.map_or("all namespaces".to_owned(), |namespace| format!("namespace {namespace}"));
    let found = cluster.list::<Seen>(&Resource::CRON_JOBS, namespace, Some(&labels.join(","))).await;
    let found = found.map_err(|failure| cluster.error(format!("list CronJobs in {place}"), failure))?;
    Ok(found.into_iter().map(Seen::told).collect())
}

async fn look(cluster: &Cluster, object: &ObjectRef) -> Result<Option<Meta>, ScheduleFailure> {
    match cluster.get_metadata::<Object>(object).await {
        Ok(found) => Ok(Some(found.metadata)),
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
        Err(failure) => Err(cluster.error(format!("look at {object}"), failure).into()),
    }
}

/// Which object a body is of.
fn object(body: &Value) -> Option<ObjectRef> {
    let resource = match body["kind"].as_str()? {
        "Namespace" => Resource::NAMESPACES,
        "ServiceAccount" => Resource::SERVICE_ACCOUNTS,
        "Role" => Resource::ROLES,
        "RoleBinding" => Resource::ROLE_BINDINGS,
        "ClusterRole" => Resource::CLUSTER_ROLES,
        "ClusterRoleBinding" => Resource::CLUSTER_ROLE_BINDINGS,
        "CronJob" => Resource::CRON_JOBS,
        _ => return None,
    };
    let meta = &body["metadata"];
    let name = meta["name"].as_str()?;
    Some(match meta["namespace"].as_str() {
        Some(namespace) => ObjectRef::namespaced(resource, namespace, name),
        None => ObjectRef::cluster_scoped(resource, name),
    })
}

#[derive(Deserialize)]
struct Seen {
    metadata: SeenMeta,
    spec: SeenSpec,
    #[serde(default)]
    status: SeenStatus,
}

#[derive(Deserialize)]
struct SeenMeta {
    namespace: SmolStr,
    name: SmolStr,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SeenSpec {
    schedule: SmolStr,
    time_zone: Option<SmolStr>,
    suspend: Option<bool>,
    job_template: Value,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct SeenStatus {
    last_schedule_time: Option<DateTime<Utc>>,
    last_successful_time: Option<DateTime<Utc>>,
}

impl Seen {
    fn told(self) -> Listed {
        let words = self.spec.job_template.pointer("/spec/template/spec/containers/0/args");
        let words = words.and_then(Value::as_array).into_iter().flatten();
        Listed {
            words: words.filter_map(Value::as_str).map(SmolStr::new).collect(),
            namespace: self.metadata.namespace,
            name: self.metadata.name,
            schedule: self.spec.schedule,
            time_zone: self.spec.time_zone,
            suspended: self.spec.suspend == Some(true),
            last_run: self.status.last_schedule_time,
            last_success: self.status.last_successful_time,
        }
    }
}
