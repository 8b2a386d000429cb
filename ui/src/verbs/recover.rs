//! What is wrong with a store, and what takes its place where it is broken.

use std::sync::Arc;

use futures::FutureExt as _;
use smol_str::{SmolStr, format_smolstr};
use v9s::cluster::Cluster;
use v9s::fleet::model::VclusterKey;
use v9s::health::store::remedy;
use v9s::lifecycle::adopt::adopt;
use v9s::lifecycle::restore::{self, Adopted, Adopting, Diagnosis, RestorePlan, diagnose};
use v9s::operation::{Operation, Progress};
use v9s::target::{GoodBackup, Target};

use super::archive::{Archived, opened};
use super::restore::{replaced, safety, scratch, trouble};
use super::{Ask, Looked, Plan, command, looked, target, titles};
use crate::app::habits::Habits;
use crate::app::jobs::{Ended, Outcome};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::{Clusters, Hands};
use crate::cli::verbs::Outcome as Came;
use crate::cli::verbs::backup::who;
use crate::cli::verbs::recover::{instead, lines};
use crate::cli::verbs::restore::adopt::{left, words};
use crate::config::Dirs;

/// Looks at the store, its pods and their logs; a broken one leads to the last good backup, or to what the host carries.
pub(super) async fn look(clusters: &Clusters, dirs: &Dirs, key: &VclusterKey) -> Result<Looked, String> {
    let cluster = clusters.open(&key.host).await?;
    let target = target(&cluster, key).await?;
    let found = diagnose(&cluster, &target).boxed().await.map_err(|error| error.to_string())?;
    let needed = remedy(found.said.iter().map(|said| said.trouble), found.answers);
    if let Some((came, message)) = instead(needed, &target, &found, false) {
        let facts = vec![("found", lines(&found)), ("so", vec![message])];
        return Ok(Looked::Told { facts, warns: came != Came::Nothing });
    }
    let led = match found.good.get().and_then(Option::as_ref) {
        Some(good) => from_backup(&cluster, &target, dirs, (key, good)).await?,
        None => adopted(&cluster, &target, dirs).await?,
    };
    Ok(with_findings(led, &found))
}

/// What was found stands before what is done about it.
fn with_findings(looked: Looked, found: &Diagnosis) -> Looked {
    match looked {
        Looked::Ask(mut plan) => {
            plan.facts.insert(0, ("found", lines(found)));
            Looked::Ask(plan)
        }
        Looked::Refused { why, instead } => {
            let found = lines(found).join("\n");
            Looked::Refused { why: format!("{found}\n{why}"), instead }
        }
        other => other,
    }
}

/// The last good backup, opened as the last one was.
async fn from_backup(
    cluster: &Cluster,
    target: &Target,
    dirs: &Dirs,
    (key, good): (&VclusterKey, &GoodBackup),
) -> Result<Looked, String> {
    let identity = Habits::read(&dirs.habits()).identity;
    let archived = Archived { key: key.clone(), at: good.to.to_string(), file: good.file.clone(), identity };
    if archived.is_sealed() && archived.identity.is_empty() {
        let why =
            "its last good backup is encrypted: `restore` in the menu asks for the identity that opens it";
        let VclusterKey { host, namespace, name } = key;
        let instead = format!("v9s recover {name} -n {namespace} --context {host} --identity FILE");
        return Ok(Looked::Refused { why: why.to_owned(), instead: vec![instead] });
    }
    replaced(cluster, target, dirs, &archived).await
}

/// A store of what the host carries.
async fn adopted(cluster: &Cluster, target: &Target, dirs: &Dirs) -> Result<Looked, String> {
    let found = restore::look(cluster, target).boxed().await.map_err(|error| error.to_string())?;
    let carried = restore::carried(cluster, target).boxed().await;
    let adoption = adopt(&carried.map_err(|error| format!("{error}; {}", error.remedy()))?);
    if adoption.is_empty() && found.mark().is_none() {
        let why = "no backup of it is noted, and the host carries nothing of it: there is nothing to make a store of";
        return Ok(Looked::Refused { why: why.to_owned(), instead: Vec::new() });
    }
    let safety = safety(dirs, &opened(&Habits::read(&dirs.habits()).identity)?)?;
    let safe = safety.to.place().to_string();
    let wish = Adopting { safety: Some(safety), scratch: scratch(dirs)?, who: who() };
    let decision = restore::plan_adopt(target, found, &adoption, Some(&safe), false);
    Ok(looked(decision, |plan| {
        let lost = left(&adoption).into_iter().map(|(what, why)| format!("{what}: {why}"));
        let mut facts = vec![("does", plan.lines.clone()), ("lost", lost.collect())];
        facts.push(("as", command("recover --adopt", target)));
        facts.retain(|(_, lines)| !lines.is_empty());
        let adopt = Adopt { target: target.clone(), plan, wish };
        Plan {
            title: adopt.title().to_string(),
            facts,
            ask: Ask::Name(target.name.to_string()),
            verb: Arc::new(adopt),
            leaves: false,
        }
    }))
}

/// An adoption of what was looked at.
#[derive(Debug, Clone)]
struct Adopt {
    target: Target,
    plan: RestorePlan,
    wish: Adopting,
}

impl Adopt {
    async fn carry_out(self, clusters: Clusters, progress: Progress) -> Result<Adopted, Trouble> {
        let cluster = clusters.open(&self.target.host).await?;
        let done = restore::carry_out_adopt(&cluster, &self.target, &self.plan, &self.wish, &progress).await;
        done.map_err(trouble)
    }
}

impl Verb for Adopt {
    fn title(&self) -> SmolStr {
        format_smolstr!("adopt {}", self.target)
    }

    fn steps(&self) -> Vec<SmolStr> {
        titles(&restore::ADOPT_STEPS)
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (adopt, clusters) = (self.clone(), hands.clusters.clone());
        let name = self.target.to_string();
        let operation =
            Operation::start(self.title(), self.steps(), |progress| adopt.carry_out(clusters, progress));
        Begun::follow(operation, move |adopted: Adopted| {
            let (said, left) = words(&name, &adopted);
            let left = left.into_iter().map(|(what, why)| format!("{what}: {why}")).collect();
            Outcome::new(Ended::Done, said).with("look at", left)
        })
    }
}
