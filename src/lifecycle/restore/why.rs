//! What is wrong with a store that does not start, by the log of its own program, and what there is to put in its place.

use std::time::Duration;

use futures::StreamExt as _;
use smol_str::SmolStr;

use super::RestoreError;
use super::look::{look_lost, workload};
use super::place::keeps;
use super::room::more;
use crate::cluster::Cluster;
use crate::cluster::read::{LogEvent, LogRequest};
use crate::health::store::{Trouble, trouble};
use crate::known::Known;
use crate::lifecycle::pods;
use crate::target::{GoodBackup, Noted, NotedText, Target};
use crate::wire::{App, ETCD_CONTAINER, KINE_CONTAINER, annotation};

/// Lines that are read of a log, from its end.
const LINES: u32 = 300;
/// How long a log may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// Whether its store answers.
    pub answers: bool,
    /// What is known to be trouble of what its pods said last; one line of each kind and pod.
    pub said: Vec<Said>,
    /// Pods of the store that are not ready, and why.
    pub unready: Vec<(SmolStr, SmolStr)>,
    /// The last good backup, as it is noted.
    pub good: Known<Option<GoodBackup>>,
    /// An unfinished restore has left its marks.
    pub unfinished: bool,
    /// What makes room, where there is none: a sentence each.
    pub room: Vec<String>,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Whose.
    pub pod: SmolStr,
    /// It, not cleaned.
    pub line: String,
    /// What it comes to.
    pub trouble: Trouble,
}

/// Looks at the pods of the store, their logs, and what is noted of backups. Logs that cannot be read say nothing.
///
/// # Errors
/// When the host does not show the workloads or their pods.
pub async fn diagnose(cluster: &Cluster, target: &Target) -> Result<Diagnosis, RestoreError> {
    let found = look_lost(cluster, target).await?;
    let (mut said, mut unready) = (Vec::new(), Vec::new());
    if let Some(part) = keeps(target) {
        let container = if part.app == App::Etcd { ETCD_CONTAINER } else { KINE_CONTAINER };
        for pod in pods::of_part(cluster, part).await? {
            said.extend(log(cluster, &target.namespace, &pod.name, container).await);
            unready.extend(pod.unready.map(|why| (pod.name, why)));
        }
    }
    let is_full = said.iter().any(|said: &Said| said.trouble == Trouble::Full);
    let room = match &found.place {
        Ok(place) if is_full => more(cluster, target, place).await,
        _ => Vec::new(),
    };
    Ok(Diagnosis {
        answers: found.answers,
        said,
        unready,
        good: good(cluster, target).await?,
        unfinished: found.mark.is_some(),
        room,
    })
}

/// What one container has said of trouble, before its last restart and since.
async fn log(cluster: &Cluster, namespace: &SmolStr, pod: &SmolStr, container: &str) -> Vec<Said> {
    let mut said: Vec<Said> = Vec::new();
    for previous in [true, false] {
        let request = LogRequest {
            namespace: namespace.clone(),
            pod: pod.clone(),
            container: Some(container.into()),
            previous,
            tail: Some(LINES),
            ..LogRequest::default()
        };
        let mut lines = Box::pin(cluster.logs(request).take_until(tokio::time::sleep(PATIENCE)));
        while let Some(event) = lines.next().await {
            let Ok(LogEvent::Line(line)) = event else { continue };
            let Some(trouble) = trouble(&line.text) else { continue };
            if said.iter().all(|known| known.trouble != trouble) {
                said.push(Said { pod: pod.clone(), line: line.text, trouble });
            }
        }
    }
    said
}

async fn good(cluster: &Cluster, target: &Target) -> Result<Known<Option<GoodBackup>>, RestoreError> {
    let Some(plane) = target.control_plane() else { return Ok(Known::NotApplicable) };
    let read = workload(cluster, plane).await?;
    let text = NotedText {
        good: read["metadata"]["annotations"][annotation::BACKUP].as_str(),
        ..NotedText::default()
    };
    Ok(Noted::read(text, &target.namespace, &target.name).good)
}
