//! Deleting pods: the plan, the question, and the job.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use smol_str::{SmolStr, format_smolstr};
use v9s::fleet::model::{PodRow, Vcluster};
use v9s::operation::{Operation, Progress};

use crate::app::jobs::{Ended, Facts, Outcome};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::{Clusters, Hands};
use crate::app::world::{Access, World};
use crate::format;
use crate::screens::confirm::Confirm;
use crate::verbs::{Ask, Plan};

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
    Confirm::new(Plan { title, facts, ask, verb: Arc::new(operation), leaves: false })
}

fn facts(vcluster: &Vcluster, pods: &[PodRow], hidden: usize, now: DateTime<Utc>) -> Facts {
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

impl DeletePods {
    async fn carry_out(self, clusters: Clusters, progress: Progress) -> Result<(), Trouble> {
        let cluster = clusters.open(&self.host).await?;
        let mut failed: Vec<String> = Vec::new();
        for (at, pod) in self.pods.iter().enumerate() {
            let delete = async {
                let deleted = cluster.delete_pod(pod, None).await;
                deleted.map_err(|error| Trouble::Said(format!("{error}; {}", error.remedy())))?;
                progress.note("accepted");
                Ok(())
            };
            // One that is refused does not keep the others: each is a decision of its own.
            match progress.step(at, delete).await {
                Ok(()) => {}
                Err(Trouble::Cancelled(cancelled)) => return Err(cancelled.into()),
                Err(error) => failed.push(error.to_string()),
            }
        }
        match (failed.first(), failed.len()) {
            (None, _) => Ok(()),
            (Some(why), 1) => Err(Trouble::Said(why.clone())),
            (Some(why), count) => {
                Err(Trouble::Said(format!("{count} of {} not deleted; first: {why}", self.pods.len())))
            }
        }
    }
}

impl Verb for DeletePods {
    fn title(&self) -> SmolStr {
        match self.pods.as_slice() {
            [pod] => format_smolstr!("delete pod {} of {}", pod.name, self.of),
            pods => format_smolstr!("delete {} pods of {}", pods.len(), self.of),
        }
    }

    fn steps(&self) -> Vec<SmolStr> {
        self.pods.iter().map(|pod| format_smolstr!("delete pod {}/{}", pod.namespace, pod.name)).collect()
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (pods, clusters) = (self.clone(), hands.clusters.clone());
        let operation =
            Operation::start(self.title(), self.steps(), |progress| pods.carry_out(clusters, progress));
        Begun::follow(operation, |()| Outcome::new(Ended::Done, "accepted by the server"))
    }

    /// The list of pods shows by itself what becomes of them.
    fn is_watched(&self) -> bool {
        false
    }
}
