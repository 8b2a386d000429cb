//! Deleting pods: the plan, the question, and the job.

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use smol_str::{SmolStr, format_smolstr};
use v9s::fleet::model::{PodRow, Vcluster};

use crate::app::jobs::{Outcome, StepState};
use crate::app::operation::{Operation, Progress};
use crate::app::runner::Clusters;
use crate::app::world::{Access, World};
use crate::format;
use crate::screens::confirm::{Ask, Confirm, Plan};

/// Deletes pods of one host, one step each.
#[derive(Debug, Clone, PartialEq)]
pub struct DeletePods {
    host: SmolStr,
    /// Which virtual cluster they belong to, for the title.
    of: SmolStr,
    pods: Vec<PodRow>,
}

/// Asks before pods are deleted: one by `y`, several by their count.
pub fn dialog(vcluster: &Vcluster, pods: Vec<PodRow>, hidden: usize, world: &World) -> Confirm {
    let operation = DeletePods { host: vcluster.key.host.clone(), of: vcluster.key.name.clone(), pods };
    let ask = match operation.pods.len() {
        1 => Ask::Yes,
        count => Ask::Count(count),
    };
    let title = operation.title().to_string();
    let mut facts = facts(vcluster, &operation.pods, hidden, world.now);
    if let Some(Access::Failed(why)) = world.access(&vcluster.key.host, &vcluster.key.namespace) {
        facts.push(("rights", vec![format!("not known, the server may refuse: {why}")]));
    }
    Confirm::new(Plan { title, facts, ask, operation: Box::new(operation) })
}

fn facts(
    vcluster: &Vcluster,
    pods: &[PodRow],
    hidden: usize,
    now: DateTime<Utc>,
) -> Vec<(&'static str, Vec<String>)> {
    let control_plane = pods.iter().filter(|pod| pod.virtual_name.is_none()).count();
    let mut facts = vec![("deletes", pods.iter().map(|pod| line(pod, now)).collect::<Vec<_>>())];
    if hidden > 0 {
        facts.push(("hidden", vec![format!("{hidden} of them are marked and not shown by the filter")]));
    }
    facts.push(("keeps", vec!["volumes, and the owners of the pods, which make new ones".to_owned()]));
    if control_plane > 0 {
        let ready = vcluster.replicas.ready;
        let said =
            format!("{control_plane} of them run the control plane ({ready} of its replicas are ready)");
        facts.push(("beware", vec![said]));
    }
    facts.push((
        "guard",
        vec!["only if it is still the same pod (UID); the audit log keeps a record".to_owned()],
    ));
    facts.push(("as", commands(&vcluster.key.host, pods)));
    facts
}

fn line(pod: &PodRow, now: DateTime<Utc>) -> String {
    let age = pod.created.map_or_else(|| "age not known".to_owned(), |created| format::age(created, now));
    let inside = match (&pod.virtual_namespace, &pod.virtual_name) {
        (Some(namespace), Some(name)) => format!(", inside {namespace}/{name}"),
        _ => ", control plane".to_owned(),
    };
    format!("{}/{} ({}, {age}{inside})", pod.namespace, pod.name, pod.status)
}

/// The same with kubectl, one command per namespace; long ones stop after a few names.
fn commands(host: &str, pods: &[PodRow]) -> Vec<String> {
    const NAMED: usize = 4;
    let mut namespaces: Vec<&SmolStr> = pods.iter().map(|pod| &pod.namespace).collect();
    namespaces.sort();
    namespaces.dedup();
    namespaces
        .into_iter()
        .map(|namespace| {
            let names: Vec<&str> =
                pods.iter().filter(|pod| pod.namespace == *namespace).map(|pod| pod.name.as_str()).collect();
            let more = names.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let named = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(" ");
            format!("kubectl --context {host} -n {namespace} delete pod {named}{more}")
        })
        .collect()
}

impl Operation for DeletePods {
    fn title(&self) -> SmolStr {
        match self.pods.as_slice() {
            [pod] => format_smolstr!("delete pod {} of {}", pod.name, self.of),
            pods => format_smolstr!("delete {} pods of {}", pods.len(), self.of),
        }
    }

    fn steps(&self) -> Vec<SmolStr> {
        self.pods.iter().map(|pod| format_smolstr!("delete pod {}/{}", pod.namespace, pod.name)).collect()
    }

    fn run(self: Box<Self>, clusters: Clusters, progress: Progress) -> BoxFuture<'static, Outcome> {
        async move {
            let cluster = match clusters.open(&self.host).await {
                Ok(cluster) => cluster,
                Err(why) => return Outcome::Failed(why.into()),
            };
            let mut failed: Vec<String> = Vec::new();
            for (at, pod) in self.pods.iter().enumerate() {
                if progress.stopping() {
                    return Outcome::Cancelled;
                }
                progress.step(at, StepState::Running(SmolStr::default()));
                // One that is refused does not keep the others: each is a decision of its own.
                match cluster.delete_pod(pod, None).await {
                    Ok(()) => progress.step(at, StepState::Done("accepted".into())),
                    Err(error) => {
                        let why = format!("{error}; {}", error.remedy());
                        progress.step(at, StepState::Failed(why.as_str().into()));
                        failed.push(why);
                    }
                }
            }
            match (failed.first(), failed.len()) {
                (None, _) => Outcome::Done("accepted by the server".into()),
                (Some(why), 1) => Outcome::Failed(why.as_str().into()),
                (Some(why), count) => Outcome::Failed(format_smolstr!(
                    "{count} of {} not deleted; first: {why}",
                    self.pods.len()
                )),
            }
        }
        .boxed()
    }
}
