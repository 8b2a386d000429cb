//! Backups of one virtual cluster or of several, a few at a time.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use smol_str::{SmolStr, format_smolstr};
use v9s::backup::archive::Recipients;
use v9s::backup::destination::{Destination, Environment, Place};
use v9s::backup::set::{self, Aim, BackupError, NotedBackup, Protection, Request, Taken};
use v9s::cluster::Cluster;
use v9s::fleet::model::VclusterKey;
use v9s::lifecycle::{Decision, Refusal};
use v9s::operation::{Operation, Progress};
use v9s::target::{Missed, Target};

use super::many::Many;
use super::{Ask, Looked, Plan, target, titles};
use crate::app::jobs::{Ended, Facts, Outcome};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::{Clusters, Hands};
use crate::cli::verbs::backup::who;

/// Virtual clusters that are looked at at a time.
const LOOKS: usize = 4;
/// Backups that are taken at a time, as by `v9s backup -A`.
const AT_ONCE: usize = 2;
/// What is said instead of keys for a backup that everybody can read.
pub const UNENCRYPTED: &str = "unencrypted";

/// Backups that are wanted, and where they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saving {
    /// Of which virtual clusters.
    pub keys: Vec<VclusterKey>,
    /// How many of them are marked and do not show.
    pub hidden: usize,
    /// Hosts on which nothing may be changed: there a backup is taken and not noted.
    pub unnoted: Vec<SmolStr>,
    /// Where they go, as a person writes it.
    pub to: String,
    /// Who can read them: public keys, or [`UNENCRYPTED`].
    pub readers: String,
}

/// Where something goes, or lies, of what a person has written.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub fn place(text: &str) -> Result<Place, String> {
    Place::parse(&from_home(text)).map_err(|error| error.to_string())
}

/// A path as a person writes it, where no shell has put the home folder in.
pub(super) fn from_home(text: &str) -> String {
    let text = text.trim();
    let below = text.strip_prefix("~/").zip(std::env::home_dir());
    below.map_or_else(|| text.to_owned(), |(rest, home)| home.join(rest).display().to_string())
}

/// Who can read a backup, of what a person has written.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub fn readers(text: &str) -> Result<Protection, String> {
    if text.trim() == UNENCRYPTED {
        return Ok(Protection::Open);
    }
    let keys = text.split([' ', ',']).filter(|key| !key.is_empty());
    let recipients = Recipients::parse(keys).map_err(|error| error.to_string())?;
    match recipients.seal() {
        true => Ok(Protection::Sealed(recipients)),
        false => Err(format!("say who may read it: keys that begin with age1, or {UNENCRYPTED}")),
    }
}

/// A place that can be read and written.
pub(super) fn destination(text: &str) -> Result<Destination, String> {
    Destination::open(place(text)?, &Environment::of_process()).map_err(|error| error.to_string())
}

/// What one of them comes to.
type Found = (VclusterKey, Result<Decision<()>, String>);

impl Saving {
    /// What it is called.
    pub fn title(&self) -> SmolStr {
        match self.keys.as_slice() {
            [VclusterKey { namespace, name, .. }] => format_smolstr!("back up {namespace}/{name}"),
            keys => format_smolstr!("back up {} virtual clusters", keys.len()),
        }
    }

    fn request(&self) -> Result<Request, String> {
        let (to, protection) = (destination(&self.to)?, readers(&self.readers)?);
        Ok(Request { to, protection, native: true, who: who() })
    }

    /// Looks at each, and says of which there will be a backup.
    pub(super) async fn look(&self, clusters: &Clusters) -> Result<Looked, String> {
        let request = self.request()?;
        let to = request.to.place().to_string();
        // Boxed, so that each is known to be sendable by itself.
        let looks = self.keys.iter().map(|key| decided(clusters, key, &request, &to).boxed());
        let looks: Vec<BoxFuture<'_, Found>> = looks.collect();
        let found = stream::iter(looks).buffered(LOOKS).collect().await;
        Ok(self.planned(request.clone(), found))
    }

    fn planned(&self, request: Request, found: Vec<Found>) -> Looked {
        let several = found.iter().any(|(key, _)| key.host != found[0].0.host);
        let (mut saves, mut not, mut verbs) = (Vec::new(), Vec::new(), Vec::new());
        for (key, decision) in found {
            let name = match several {
                true => format!("{}/{}/{}", key.host, key.namespace, key.name),
                false => format!("{}/{}", key.namespace, key.name),
            };
            match decision {
                Ok(Decision::Do(())) => saves.push(name.clone()),
                Ok(Decision::Refused(refusal)) => not.push(format!("{name}: {refusal}")),
                Ok(Decision::Nothing(why)) | Err(why) => not.push(format!("{name}: {why}")),
            }
            let notes = !self.unnoted.contains(&key.host);
            let one: Arc<dyn Verb> = Arc::new(Saved { key, request: request.clone(), notes });
            verbs.push((SmolStr::from(name), one));
        }
        if saves.is_empty() {
            return Looked::Refused { why: not.join("\n"), instead: Vec::new() };
        }
        let facts = self.facts(&request, saves, not);
        let verb: Arc<dyn Verb> = match verbs.as_slice() {
            [(_, one)] => Arc::clone(one),
            _ => Arc::new(Many { title: self.title(), verbs, at_once: AT_ONCE }),
        };
        let title = self.title().to_string();
        Looked::Ask(Box::new(Plan { title, facts, ask: Ask::Yes, verb, leaves: false }))
    }

    fn facts(&self, request: &Request, saves: Vec<String>, not: Vec<String>) -> Facts {
        let sealed = match &request.protection {
            Protection::Sealed(recipients) => format!("encrypted to {}", recipients.names().join(", ")),
            Protection::Open => {
                "not encrypted, without certificates and keys: whoever gets it reads every Secret".to_owned()
            }
        };
        let unnoted = self.keys.iter().any(|key| self.unnoted.contains(&key.host));
        let notes = match unnoted {
            false => "on its control plane; no pod restarts for that",
            true => "not on hosts where nothing may be changed",
        };
        let mut facts: Facts = vec![
            ("backs up", saves),
            ("not", not),
            ("to", vec![request.to.place().to_string(), sealed]),
            ("notes", vec![notes.to_owned()]),
            ("lacks", vec!["data of volumes, which no backup covers yet".to_owned()]),
        ];
        facts.retain(|(_, lines)| !lines.is_empty());
        if self.hidden > 0 {
            let said = format!("{} of them are marked and not shown by the filter", self.hidden);
            facts.push(("hidden", vec![said]));
        }
        match self.keys.as_slice() {
            [key] => facts.push(("as", vec![self.command(key)])),
            _ => {
                let said = format!("{AT_ONCE} at a time; one that fails keeps no other from its backup");
                facts.push(("order", vec![said]));
            }
        }
        facts
    }

    /// The same as a subcommand.
    fn command(&self, VclusterKey { host, namespace, name }: &VclusterKey) -> String {
        let to = self.to.trim();
        let readers = match self.readers.trim() {
            UNENCRYPTED => format!("--{UNENCRYPTED}"),
            keys => {
                let keys = keys.split([' ', ',']).filter(|key| !key.is_empty());
                keys.map(|key| format!("--recipient {key}")).collect::<Vec<_>>().join(" ")
            }
        };
        format!("v9s backup {name} -n {namespace} --context {host} --to '{to}' {readers}")
    }
}

async fn decided(clusters: &Clusters, key: &VclusterKey, request: &Request, to: &str) -> Found {
    let looked = async {
        let cluster = clusters.open(&key.host).await?;
        let target = target(&cluster, key).await?;
        Ok(match set::plan(&target, &request.protection, to) {
            Decision::Do(_) => Decision::Do(()),
            Decision::Nothing(why) => Decision::Nothing(why),
            Decision::Refused(refusal) => Decision::Refused(refusal),
        })
    };
    (key.clone(), looked.await)
}

/// A backup of one, as it is when its turn comes.
#[derive(Debug, Clone)]
struct Saved {
    key: VclusterKey,
    request: Request,
    /// Whether it is noted on its control plane, which is a change.
    notes: bool,
}

impl Saved {
    async fn carry_out(self, clusters: Clusters, progress: Progress) -> Result<NotedBackup, Trouble> {
        let cluster = clusters.open(&self.key.host).await?;
        let target = target(&cluster, &self.key).await?;
        let to = self.request.to.place().to_string();
        if let Decision::Refused(refusal) = set::plan(&target, &self.request.protection, &to) {
            return Err(self.passed_over(&cluster, &target, &refusal).await);
        }
        let done = match self.notes {
            true => set::carry_out_noted(&cluster, &target, &self.request, Aim::AsItIs, &progress).await,
            false => {
                let taken = set::carry_out(&cluster, &target, &self.request, &progress).await;
                taken.map(|taken| NotedBackup { taken, unnoted: None })
            }
        };
        done.map_err(|error| match error {
            BackupError::Cancelled(cancelled) => cancelled.into(),
            error => Trouble::Said(format!("no backup was taken: {error}")),
        })
    }

    /// Of one that rests there is none, and it is written down that there is not.
    async fn passed_over(&self, cluster: &Cluster, target: &Target, refusal: &Refusal) -> Trouble {
        let why = refusal.to_string();
        set::passed_over(cluster, target, &why).await;
        let mut said = format!("passed over: {why}");
        if self.notes {
            let who = &self.request.who;
            let noted = set::missed(cluster, target, who, Missed::PassedOver, &why, Aim::AsItIs).await;
            if let Err(why) = noted {
                said.push_str(&format!("; that could not be noted: {why}"));
            }
        }
        Trouble::Said(said)
    }
}

/// What came of one.
fn told(NotedBackup { taken, unnoted }: NotedBackup) -> Outcome {
    let Taken { at, card, unseen } = taken;
    let said = format_smolstr!(
        "{}: {} keys at revision {}, {} bytes, {}; in {at}",
        card.contents.coverage.sentence(true),
        card.keys,
        card.contents.store.revision,
        card.length,
        if card.recipients.is_empty() { "not encrypted" } else { "encrypted" },
    );
    let mut left: Vec<String> = unseen.iter().map(|kind| format!("{kind}: not seen")).collect();
    left.extend(unnoted.map(|why| format!("the note of it on its control plane: {why}")));
    let ended = if left.is_empty() { Ended::Done } else { Ended::Partly };
    Outcome::new(ended, said).with("left", left)
}

impl Verb for Saved {
    fn title(&self) -> SmolStr {
        format_smolstr!("back up {}/{}", self.key.namespace, self.key.name)
    }

    fn steps(&self) -> Vec<SmolStr> {
        if self.notes { titles(&set::NOTED_STEPS) } else { titles(&set::STEPS) }
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (saved, clusters) = (self.clone(), hands.clusters.clone());
        let operation =
            Operation::start(self.title(), self.steps(), |progress| saved.carry_out(clusters, progress));
        Begun::follow(operation, told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(host: &str, name: &str) -> VclusterKey {
        VclusterKey { host: host.into(), namespace: "team".into(), name: name.into() }
    }

    fn saving(keys: &[VclusterKey]) -> Saving {
        Saving {
            keys: keys.to_vec(),
            hidden: 0,
            unnoted: Vec::new(),
            to: "/srv/backups".into(),
            readers: UNENCRYPTED.into(),
        }
    }

    fn planned(saving: &Saving, found: Vec<Found>) -> Looked {
        saving.planned(saving.request().unwrap(), found)
    }

    #[test]
    fn who_can_read_it_is_said_one_way_or_the_other() {
        const KEY: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
        assert!(matches!(readers(" unencrypted "), Ok(Protection::Open)));
        let Ok(Protection::Sealed(recipients)) = readers(&format!("{KEY}, {KEY}")) else { panic!("keys") };
        assert_eq!(recipients.names().len(), 2);
        for (text, says) in
            [("", "say who may read it"), ("ada", "is no recipient"), ("unencrypted ada", "is no recipient")]
        {
            let why = readers(text).unwrap_err();
            assert!(why.contains(says), "{text}: {why}");
        }
    }

    #[test]
    fn one_that_rests_keeps_no_other_from_its_backup_and_is_told() {
        let keys = [key("h", "shop"), key("h", "rests"), key("h", "dead")];
        let rests = Refusal::Rests { how: "it is paused", instead: "resume it".into() };
        let found = vec![
            (keys[0].clone(), Ok(Decision::Do(()))),
            (keys[1].clone(), Ok(Decision::Refused(rests))),
            (keys[2].clone(), Err("no answer".to_owned())),
        ];
        let Looked::Ask(plan) = planned(&saving(&keys), found.clone()) else { panic!("one can be taken") };
        assert_eq!(plan.title, "back up 3 virtual clusters");
        assert_eq!(plan.verb.steps(), ["team/shop", "team/rests", "team/dead"], "all are in the report");
        let lines =
            |word: &str| plan.facts.iter().find(|(it, _)| *it == word).map(|(_, lines)| lines.join("|"));
        assert_eq!(lines("backs up").as_deref(), Some("team/shop"));
        let not = lines("not").unwrap();
        assert!(not.contains("team/rests: it is paused") && not.contains("team/dead: no answer"), "{not}");
        let Looked::Refused { why, .. } = planned(&saving(&keys[1..]), found[1..].to_vec()) else {
            panic!("none")
        };
        assert!(why.contains("paused") && why.contains("no answer"), "{why}");
    }

    #[test]
    fn one_alone_is_told_step_by_step_and_as_a_command() {
        let keys = [key("h", "shop")];
        let found = || vec![(keys[0].clone(), Ok(Decision::Do(())))];
        let Looked::Ask(plan) = planned(&saving(&keys), found()) else { panic!("it can be taken") };
        assert_eq!(plan.verb.steps().len(), set::NOTED_STEPS.len());
        let (_, command) = plan.facts.last().unwrap();
        assert_eq!(
            command.as_slice(),
            ["v9s backup shop -n team --context h --to '/srv/backups' --unencrypted"]
        );
        let unnoted = Saving { unnoted: vec!["h".into()], ..saving(&keys) };
        let Looked::Ask(plan) = planned(&unnoted, found()) else { panic!("it can be taken") };
        assert_eq!(plan.verb.steps().len(), set::STEPS.len(), "nothing is changed on its host");
    }
}
