//! The state of a backup in the place of what a virtual cluster has stored, or in another one that is made for it.

use std::path::PathBuf;
use std::sync::Arc;

use futures::FutureExt as _;
use smol_str::{SmolStr, format_smolstr};
use v9s::backup::archive::Identities;
use v9s::backup::destination::{Destination, Environment, Place};
use v9s::backup::set::{self, Protection, configured};
use v9s::cluster::Cluster;
use v9s::fleet::model::VclusterKey;
use v9s::lifecycle::Decision;
use v9s::lifecycle::restore::{self, Request, RestoreError, RestorePlan, Restored};
use v9s::operation::{Operation, Progress};
use v9s::provision::create::{Request as Making, check_name};
use v9s::provision::values::{self, Layer};
use v9s::target::{Target, find};

use super::archive::Archived;
use super::create::Order;
use super::{Ask, Looked, Plan, looked, target, titles};
use crate::app::jobs::{Ended, Outcome, Then};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::{Clusters, Hands};
use crate::cli::verbs::backup::who;
use crate::cli::verbs::restore::words;
use crate::config::Dirs;

/// Looks at the place of the store, and plans. That the backup is whole is found out when it is carried out, before anything stops.
pub(super) async fn look(clusters: &Clusters, dirs: &Dirs, archived: &Archived) -> Result<Looked, String> {
    let cluster = clusters.open(&archived.key.host).await?;
    let target = target(&cluster, &archived.key).await?;
    replaced(&cluster, &target, dirs, archived).await
}

/// The same for one that was looked at.
pub(super) async fn replaced(
    cluster: &Cluster,
    target: &Target,
    dirs: &Dirs,
    archived: &Archived,
) -> Result<Looked, String> {
    let request = request(cluster, dirs, archived)?;
    let found = restore::look(cluster, target).boxed().await.map_err(|error| error.to_string())?;
    let from = request.at.place().of(&request.name);
    let safe = request.safety.as_ref().map(|safety| safety.to.place().to_string());
    let decision = restore::plan(target, found, &from, safe.as_deref(), false);
    Ok(looked(decision, |plan| {
        let facts = vec![("does", plan.lines.clone()), ("as", vec![command(archived, "")])];
        let restoring = Restoring { target: target.clone(), plan, request };
        Plan {
            title: restoring.title().to_string(),
            facts,
            ask: Ask::Name(target.name.to_string()),
            verb: Arc::new(restoring),
            leaves: false,
        }
    }))
}

/// The same as a subcommand.
pub(super) fn command(archived: &Archived, more: &str) -> String {
    let VclusterKey { host, namespace, name } = &archived.key;
    let from = match super::backup::place(&archived.at) {
        Ok(place) => place.of(&archived.file),
        Err(_) => archived.file.clone(),
    };
    let identity = match archived.identity.trim() {
        "" => String::new(),
        file => format!(" --identity {file}"),
    };
    let place = if more.is_empty() { format!(" -n {namespace}") } else { more.to_owned() };
    format!("v9s restore {name}{place} --context {host} --from '{from}'{identity}")
}

/// What is wanted, with a backup of now: it holds what the one that is restored holds, so the same people may read it.
fn request(cluster: &Cluster, dirs: &Dirs, archived: &Archived) -> Result<Request, String> {
    let identities = archived.identities()?;
    Ok(Request {
        at: archived.destination()?,
        name: archived.file.clone(),
        safety: Some(safety(dirs, &identities)?),
        identities,
        expected: archived.tenant(&cluster.server),
        scratch: scratch(dirs)?,
        who: who(),
        anyway: false,
    })
}

/// The backup of now, for those who hold these identities.
pub(super) fn safety(dirs: &Dirs, identities: &Identities) -> Result<set::Request, String> {
    let recipients = identities.recipients();
    let protection = if recipients.seal() { Protection::Sealed(recipients) } else { Protection::Open };
    let to = Destination::open(Place::Folder(dirs.backups()), &Environment::of_process());
    let to = to.map_err(|error| error.to_string())?;
    Ok(set::Request { to, protection, native: true, who: who() })
}

/// The folder in which new stores are made.
pub(super) fn scratch(dirs: &Dirs) -> Result<PathBuf, String> {
    let folder = dirs.restores();
    match std::fs::create_dir_all(&folder) {
        Ok(()) => Ok(folder),
        Err(why) => Err(format!("cannot make the folder {}: {why}", folder.display())),
    }
}

/// What the library says.
pub(super) fn trouble(error: RestoreError) -> Trouble {
    match error {
        RestoreError::Cancelled(cancelled) => cancelled.into(),
        error => Trouble::Said(error.to_string()),
    }
}

/// How it ended, with what there is to look at.
fn ended(name: &str, restored: &Restored) -> Outcome {
    let (said, left) = words(name, restored);
    let left: Vec<String> = left.into_iter().map(|(what, why)| format!("{what}: {why}")).collect();
    Outcome::new(Ended::Done, said).with("look at", left)
}

/// A restore of what was looked at.
#[derive(Debug, Clone)]
struct Restoring {
    target: Target,
    plan: RestorePlan,
    request: Request,
}

impl Restoring {
    async fn carry_out(self, clusters: Clusters, progress: Progress) -> Result<Restored, Trouble> {
        let cluster = clusters.open(&self.target.host).await?;
        let done = restore::carry_out(&cluster, &self.target, &self.plan, &self.request, &progress).await;
        done.map_err(trouble)
    }
}

impl Verb for Restoring {
    fn title(&self) -> SmolStr {
        format_smolstr!("restore {}", self.target)
    }

    fn steps(&self) -> Vec<SmolStr> {
        titles(&restore::STEPS)
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (restoring, clusters) = (self.clone(), hands.clusters.clone());
        let name = self.target.to_string();
        let operation =
            Operation::start(self.title(), self.steps(), |progress| restoring.carry_out(clusters, progress));
        Begun::follow(operation, move |restored| ended(&name, &restored))
    }
}

/// Another virtual cluster that is made of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// Of which backup.
    pub of: Archived,
    /// Its namespace on the same host.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Duplicate {
    /// What it is called.
    pub fn title(&self) -> SmolStr {
        let VclusterKey { namespace, name, .. } = &self.of.key;
        format_smolstr!("clone {namespace}/{name} as {}/{}", self.namespace, self.name)
    }

    /// Reads the backup for how the old one was configured, and asks the host what becomes of the new one.
    pub(super) async fn look(&self, clusters: &Clusters, dirs: &Dirs) -> Result<Looked, String> {
        let Duplicate { of, namespace, name } = self;
        for (what, name) in [("name", name), ("namespace", namespace)] {
            check_name(what, name).map_err(|error| error.to_string())?;
        }
        let cluster = clusters.open(&of.key.host).await?;
        if let Ok(there) = find(&cluster, Some(namespace.as_str()), name).await {
            let why = format!("{there} is there already: choose another name");
            return Ok(Looked::Refused { why, instead: Vec::new() });
        }
        let (at, identities) = (of.destination()?, of.identities()?);
        let found = configured(&at, &of.file, &identities, Some(&of.tenant(""))).await;
        let found = found.map_err(|error| format!("the backup cannot be used: {error}"))?;
        let Some(config) = found.config.filter(|config| config.whole) else {
            let why = "the backup does not hold the whole vcluster.yaml: it takes one beside it".to_owned();
            return Ok(Looked::Refused {
                why,
                instead: vec![format!("{} --file vcluster.yaml", self.command())],
            });
        };
        let layer = Layer { name: "vcluster.yaml of the backup".to_owned(), text: config.text };
        let config = values::layered(&[layer]).map_err(|problems| problems.to_string())?;
        let making = Making::new(name, namespace, &config);
        let making = making.map_err(|problems| format!("the configuration cannot be used:\n{problems}"))?;
        Ok(match super::create::look(clusters, &Order::new(of.key.host.clone(), making)).await? {
            Looked::Ask(plan) => Looked::Ask(Box::new(self.planned(*plan, dirs))),
            other => other,
        })
    }

    /// What making it comes to, and then its state.
    fn planned(&self, making: Plan, dirs: &Dirs) -> Plan {
        let VclusterKey { namespace, name, .. } = &self.of.key;
        let mut facts = making.facts;
        facts.retain(|(word, _)| *word != "as");
        facts.push((
            "restores",
            vec![format!("the state of {namespace}/{name} into it, from {}", self.of.file)],
        ));
        facts.push(("keeps", vec![format!("{namespace}/{name}, as it is")]));
        facts
            .push(("beware", vec!["what runs in it begins anew on the host, with empty volumes".to_owned()]));
        facts.push(("as", vec![self.command()]));
        let title = self.title();
        let next = Arc::new(Filling { copy: self.clone(), dirs: dirs.clone() });
        let chain = Chain { title: title.clone(), first: making.verb, next };
        Plan { title: title.to_string(), facts, ask: Ask::Yes, verb: Arc::new(chain), leaves: false }
    }

    fn command(&self) -> String {
        let more =
            format!(" --into {} -n {} --of-namespace {}", self.name, self.namespace, self.of.key.namespace);
        command(&self.of, &more)
    }
}

/// A verb, and another that follows when it is done.
#[derive(Debug)]
struct Chain {
    title: SmolStr,
    first: Arc<dyn Verb>,
    next: Arc<dyn Verb>,
}

impl Verb for Chain {
    fn title(&self) -> SmolStr {
        self.title.clone()
    }

    fn steps(&self) -> Vec<SmolStr> {
        self.first.steps()
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let Begun { states, cancel, outcome } = self.first.begin(hands);
        let next = Arc::clone(&self.next);
        let outcome = async move {
            let outcome = outcome.await;
            match outcome.ended {
                Ended::Done | Ended::Partly => outcome.then(Then::Begin(next)),
                Ended::Failed | Ended::Cancelled => outcome,
            }
        };
        Begun { states, cancel, outcome: outcome.boxed() }
    }
}

/// The state of a backup for one that was just made: nothing is lost in it.
#[derive(Debug, Clone)]
struct Filling {
    copy: Duplicate,
    dirs: Dirs,
}

impl Filling {
    async fn carry_out(self, clusters: Clusters, progress: Progress) -> Result<Restored, Trouble> {
        let Duplicate { of, namespace, name } = &self.copy;
        let cluster = clusters.open(&of.key.host).await?;
        let key = VclusterKey {
            namespace: namespace.as_str().into(),
            name: name.as_str().into(),
            ..of.key.clone()
        };
        let target = target(&cluster, &key).await?;
        let request = Request { safety: None, ..request(&cluster, &self.dirs, of)? };
        let found = restore::look(&cluster, &target).await.map_err(trouble)?;
        let from = request.at.place().of(&request.name);
        match restore::plan(&target, found, &from, None, false) {
            Decision::Do(plan) => {
                restore::carry_out(&cluster, &target, &plan, &request, &progress).await.map_err(trouble)
            }
            Decision::Nothing(why) => Err(Trouble::Said(why)),
            Decision::Refused(refusal) => Err(Trouble::Said(refusal.to_string())),
        }
    }
}

impl Verb for Filling {
    fn title(&self) -> SmolStr {
        let VclusterKey { namespace, name, .. } = &self.copy.of.key;
        format_smolstr!("restore {namespace}/{name} into {}/{}", self.copy.namespace, self.copy.name)
    }

    fn steps(&self) -> Vec<SmolStr> {
        titles(&restore::STEPS)
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (filling, clusters) = (self.clone(), hands.clusters.clone());
        let name = format!("{}/{}", self.copy.namespace, self.copy.name);
        let operation =
            Operation::start(self.title(), self.steps(), |progress| filling.carry_out(clusters, progress));
        Begun::follow(operation, move |restored| ended(&name, &restored))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_can_be_done_as_a_command() {
        let key = VclusterKey { host: "h".into(), namespace: "team".into(), name: "shop".into() };
        let of = Archived {
            key,
            at: "s3://b/eu?region=r".into(),
            file: "team.shop.x.tar.zst.age".into(),
            identity: "/key".into(),
        };
        assert_eq!(
            command(&of, ""),
            "v9s restore shop -n team --context h --from 's3://b/eu/team.shop.x.tar.zst.age?region=r' --identity /key"
        );
        let copy = Duplicate { of, namespace: "spare".into(), name: "shop-copy".into() };
        assert_eq!(
            copy.command(),
            "v9s restore shop --into shop-copy -n spare --of-namespace team --context h --from 's3://b/eu/team.shop.x.tar.zst.age?region=r' --identity /key"
        );
    }
}
