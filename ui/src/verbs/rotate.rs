//! Certificates made anew, and what restarts for them.

use std::sync::Arc;

use chrono::Utc;
use smol_str::{SmolStr, format_smolstr};
use v9s::cluster::Cluster;
use v9s::lifecycle;
use v9s::lifecycle::certs::rotate::{self, RotateOptions, RotatePlan};
use v9s::lifecycle::certs::{CertificateInfo, Seen, look as look_at};
use v9s::operation::{Operation, Progress};
use v9s::target::{Part, Target};

use super::{Looked, Plan, command, looked, loss, refused, titles, unless_lossy};
use crate::app::jobs::{Ended, Facts, Outcome};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::{Clusters, Hands};

/// A rotation of what was looked at.
#[derive(Debug, Clone)]
struct Rotate {
    target: Target,
    seen: Seen,
    plan: RotatePlan,
}

/// What would be lost is in the plan, and asked for by name.
const OPTIONS: RotateOptions = RotateOptions { anyway: false, lose: true, patience: rotate::PATIENCE };

/// Looks at its certificates, and plans.
pub(super) async fn look(cluster: &Cluster, target: &Target) -> Result<Looked, String> {
    // Of one that others have made nothing is read that only v9s makes.
    if let Some(refusal) = rotate::refusal(target, false) {
        return Ok(refused(&refusal));
    }
    let seen = look_at(cluster, target).await.map_err(|error| error.to_string())?;
    let memory = lifecycle::memory(cluster, target).await;
    let decision = rotate::plan(target, &seen, memory, Utc::now(), &OPTIONS);
    Ok(looked(decision, |plan| {
        let ask = unless_lossy(&plan.loses, target);
        let rotate = Rotate { target: target.clone(), seen, plan };
        Plan {
            title: rotate.title().to_string(),
            facts: facts(target, &rotate.plan),
            ask,
            verb: Arc::new(rotate),
            leaves: false,
        }
    }))
}

fn facts(target: &Target, plan: &RotatePlan) -> Facts {
    let mut renews: Vec<String> = plan.renewed.iter().map(ends).collect();
    if renews.is_empty() {
        renews.push("nothing: an interrupted run has made new certificates".to_owned());
    }
    let mut facts = vec![("renews", renews)];
    if plan.hand_out {
        facts.push(("replaces", vec!["the administrator's kubeconfig".to_owned()]));
    }
    let restarts: Vec<String> = plan.etcd.iter().chain(&plan.control_plane).map(restart).collect();
    if !restarts.is_empty() {
        facts.push(("restarts", restarts));
    }
    let mut beware: Vec<String> = plan
        .short
        .iter()
        .map(|info| format!("the authority {} ends before what it signs now", ends(info)))
        .collect();
    if plan.gap {
        beware.push("nobody answers meanwhile: it has one replica".to_owned());
    }
    if !beware.is_empty() {
        facts.push(("beware", beware));
    }
    facts.extend(loss(&plan.loses));
    let keeps = "its authorities and the key of tokens; what was handed out is good until its own end";
    facts.push(("keeps", vec![keeps.to_owned()]));
    facts.push(("as", command("certs rotate", target)));
    facts
}

fn ends(info: &CertificateInfo) -> String {
    match info.ends {
        Some(ends) => format!("{} (ends {})", info.file, ends.format("%Y-%m-%d")),
        None => format!("{} (cannot be read)", info.file),
    }
}

fn restart(part: &Part) -> String {
    match part.replicas {
        0 => format!("{} not now: it is stopped, and starts with the new ones", part.object()),
        replicas => format!("{} ({replicas} pods, one after the other)", part.object()),
    }
}

impl Rotate {
    async fn carry_out(self, clusters: Clusters, progress: Progress) -> Result<(), Trouble> {
        let cluster = clusters.open(&self.target.host).await?;
        Ok(rotate::carry_out(&cluster, &self.target, self.seen, &self.plan, &OPTIONS, &progress).await?)
    }
}

impl Verb for Rotate {
    fn title(&self) -> SmolStr {
        format_smolstr!("rotate the certificates of {}", self.target)
    }

    fn steps(&self) -> Vec<SmolStr> {
        titles(&rotate::STEPS)
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (rotate, clusters) = (self.clone(), hands.clusters.clone());
        let operation =
            Operation::start(self.title(), self.steps(), |progress| rotate.carry_out(clusters, progress));
        Begun::follow(operation, |()| Outcome::new(Ended::Done, "it has new certificates"))
    }
}
