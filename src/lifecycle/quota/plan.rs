//! What other limits take: for which quota, what they come to, and who would write over them. Pure.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use smol_str::SmolStr;

use super::{Found, KeyChange, Quota, Wish, amount};
use crate::cluster::ObjectRef;
use crate::fleet::quantity::Quantity;
use crate::health::quota::{Blocked, blocked};
use crate::known::Known;
use crate::lifecycle::refusal::{kubectl_patch, unless_reconciled};
use crate::lifecycle::{Decision, Refusal};
use crate::target::{Claims, Manager, Target};
use crate::wire::name;

/// Of what a quota is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Of `policies.resourceQuota` in the `vcluster.yaml` that v9s keeps: it is changed there, too.
    Config,
    /// Of somebody's chart or manifest.
    Elsewhere,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaPlan {
    /// The quota.
    pub object: ObjectRef,
    /// Its UID.
    pub uid: SmolStr,
    /// The state of it that was looked at.
    pub resource_version: SmolStr,
    /// Of what it is made.
    pub owner: Owner,
    /// What becomes of its keys.
    pub changes: Vec<KeyChange>,
    /// Pods that wait now and would start, as far as their refusals tell.
    pub admitted: Vec<Blocked>,
    /// Pods that would go on waiting.
    pub waiting: Vec<Blocked>,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl QuotaPlan {
    /// Whether any key would allow less than is used.
    pub fn is_below(&self) -> bool {
        self.changes.iter().any(KeyChange::is_below)
    }

    /// Whether the object has these limits already.
    pub fn is_held(&self) -> bool {
        !self.changes.iter().any(KeyChange::is_change)
    }

    /// The limits as they are changed in the object.
    pub fn patch(&self) -> Value {
        let changes = self.changes.iter().filter(|change| change.is_change());
        let hard: serde_json::Map<String, Value> =
            changes.map(|change| (change.key.to_string(), json!(change.after))).collect();
        json!({"spec": {"hard": hard}})
    }

    /// What is to be done and what comes of it, a line each.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            self.changes.iter().map(|change| format!("{}: {}", self.object.name, change.line())).collect();
        lines.extend(self.admitted.iter().map(|pod| format!("starts: {} ({})", pod.title(), pod.words())));
        lines
            .extend(self.waiting.iter().map(|pod| format!("still waits: {} ({})", pod.title(), pod.words())));
        lines.extend(self.notes.iter().cloned());
        lines
    }
}

/// That there is nothing to do.
pub fn so_already(quota: &ObjectRef) -> String {
    format!("{quota} is so already")
}

/// What is to be done so that the limits are these. Whether `vcluster.yaml` has them, too, [`through`](super::through) says: what was
/// interrupted between the two is gone on with.
pub fn plan(target: &Target, found: &Found, wish: &Wish, anyway: bool) -> Decision<QuotaPlan> {
    let quota = match chosen(found, wish) {
        Ok(quota) => quota,
        Err(why) => return refused(why),
    };
    let changes: Vec<KeyChange> = wish.set.iter().map(|(key, after)| change(quota, key, after)).collect();
    if let Some(why) = changes.iter().find_map(unusable) {
        return refused(why);
    }
    let owner = owner(target, quota);
    if owner == Owner::Elsewhere && !changes.iter().any(KeyChange::is_change) {
        return Decision::Nothing(so_already(&quota.object()));
    }
    let mut plan = QuotaPlan {
        object: quota.object(),
        uid: quota.uid.clone(),
        resource_version: quota.resource_version.clone(),
        owner,
        changes,
        admitted: Vec::new(),
        waiting: Vec::new(),
        notes: Vec::new(),
    };
    if let Some(refusal) = stands_in_the_way(target, quota, &plan, anyway) {
        return Decision::Refused(refusal);
    }
    (plan.admitted, plan.waiting) = waiting(found, &plan);
    plan.notes = notes(target, quota, found, &plan);
    Decision::Do(plan)
}

fn refused<T>(why: String) -> Decision<T> {
    Decision::Refused(Refusal::Elsewhere { why, instead: Vec::new() })
}

/// The quota that is meant.
fn chosen<'f>(found: &'f Found, wish: &Wish) -> Result<&'f Quota, String> {
    let names = || found.quotas.iter().map(|quota| quota.name.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(name) = &wish.quota {
        let quota = found.quotas.iter().find(|quota| quota.name == *name);
        return quota.ok_or_else(|| match names().as_str() {
            "" => "its namespace has no ResourceQuota".to_owned(),
            names => format!("there is no ResourceQuota {name}; there are {names}"),
        });
    }
    let having: BTreeSet<&str> = found
        .quotas
        .iter()
        .filter(|quota| wish.set.keys().any(|key| quota.hard.contains_key(key)))
        .map(|quota| quota.name.as_str())
        .collect();
    let by_name = |name: &str| found.quotas.iter().find(|quota| quota.name == name);
    match (found.quotas.as_slice(), having.into_iter().collect::<Vec<_>>().as_slice()) {
        ([], _) => Err("its namespace has no ResourceQuota: set policies.resourceQuota in its vcluster.yaml, or make one".to_owned()),
        ([only], _) => Ok(only),
        (_, [one]) => by_name(one).ok_or_else(String::new),
        (_, []) => Err(format!("none of its quotas limits that: say which one is to, with --quota: {}", names())),
        (_, several) => Err(format!("several of its quotas limit that: say which one with --quota: {}", several.join(", "))),
    }
}

fn change(quota: &Quota, key: &SmolStr, after: &Option<SmolStr>) -> KeyChange {
    KeyChange {
        key: key.clone(),
        used: quota.used.get(key).cloned(),
        before: quota.hard.get(key).cloned(),
        after: after.clone(),
    }
}

/// What no host would take.
fn unusable(change: &KeyChange) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "./-_".contains(c);
    if change.key.is_empty() || !change.key.chars().all(fits) {
        return Some(format!("{:?} is no key of a quota: such as requests.cpu or count/secrets", change.key));
    }
    let wrong = amount(change.after.as_deref()?).err()?;
    Some(format!("{}: {wrong}", change.key))
}

fn owner(target: &Target, quota: &Quota) -> Owner {
    let made = quota.release.as_ref() == Some(&target.name) && quota.name == name::policy(&target.name);
    if made && target.is_ours() { Owner::Config } else { Owner::Elsewhere }
}

fn stands_in_the_way(target: &Target, quota: &Quota, plan: &QuotaPlan, anyway: bool) -> Option<Refusal> {
    let judged = Target { manager: manager(target, quota), ..target.clone() };
    let change = kubectl_patch(target, "resourcequota", &quota.name, &plan.patch());
    if let Some(refusal) = unless_reconciled(&judged, anyway, &change) {
        return Some(refusal);
    }
    if plan.owner != Owner::Config {
        return None;
    }
    if let Some(gone) = plan.changes.iter().find(|change| change.after.is_none()) {
        let why = format!(
            "{} cannot be left out: without it in vcluster.yaml the default holds; give it a high limit",
            gone.key
        );
        return Some(Refusal::Elsewhere { why, instead: Vec::new() });
    }
    let below = plan.changes.iter().find(|change| change.is_below()).filter(|_| !anyway)?;
    let why = format!(
        "{} is used beyond that, and another vcluster.yaml replaces the pods of the control plane, which would not start again: \
         free some of it first, or say --anyway",
        below.key
    );
    Some(Refusal::Elsewhere { why, instead: Vec::new() })
}

/// Who deploys the quota: what its own marks say, and for one that was made for the virtual cluster whoever deploys that.
fn manager(target: &Target, quota: &Quota) -> Known<Manager> {
    match Claims::manager([&quota.claims]) {
        Manager::Nobody if quota.release.as_ref() == Some(&target.name) => target.manager.clone(),
        own => Known::Yes(own),
    }
}

/// Who of those that wait would start, and who would not.
fn waiting(found: &Found, plan: &QuotaPlan) -> (Vec<Blocked>, Vec<Blocked>) {
    let free = |quota: &str, key: &str| -> Option<Quantity> {
        let of = found.quotas.iter().find(|other| other.name == quota)?;
        let changed = plan.changes.iter().find(|change| quota == plan.object.name && change.key == key);
        let hard = match changed {
            Some(change) => change.after.as_ref()?,
            None => of.hard.get(key)?,
        };
        let used = of.used.get(key).and_then(|used| Quantity::parse(used)).unwrap_or(Quantity::ZERO);
        let left = Quantity::parse(hard)?.thousandths()? - used.thousandths()?;
        Quantity::parse(&format!("{}m", left.max(0)))
    };
    let all = found.blocked.get().map(Vec::as_slice).unwrap_or_default();
    let (starts, waits) = blocked::admitted(all, free);
    (starts.into_iter().cloned().collect(), waits.into_iter().cloned().collect())
}

fn notes(target: &Target, quota: &Quota, found: &Found, plan: &QuotaPlan) -> Vec<String> {
    let mut notes = Vec::new();
    if plan.owner == Owner::Config {
        notes.push(
            "vcluster.yaml is changed, too, so that it stays; that replaces the pods of the control plane, one after the other"
                .to_owned(),
        );
    } else if let Some(note) = who_writes_over_it(target, quota, plan) {
        notes.push(note);
    }
    if plan.is_below() {
        notes.push("pods of the control plane that end meanwhile would not start again either".to_owned());
    }
    if quota.scoped {
        notes.push(format!("{} counts some pods only: those of its scopes", quota.name));
    }
    if let Known::No(why) = &found.blocked {
        notes.push(format!("which pods wait for room is not known: {why}"));
    }
    notes
}

/// Who would undo it, and how it is kept.
fn who_writes_over_it(target: &Target, quota: &Quota, plan: &QuotaPlan) -> Option<String> {
    let made_for_it = quota.release.as_ref() == Some(&target.name);
    match manager(target, quota) {
        Known::Yes(Manager::Helm { release }) => {
            let set: Vec<String> = plan.changes.iter().filter_map(value).collect();
            let keep = match (made_for_it, set.is_empty()) {
                (true, false) => format!(
                    "; so that it stays: helm upgrade {release} vcluster --repo https://charts.loft.sh --kube-context {} -n {} --reuse-values {}",
                    target.host,
                    target.namespace,
                    set.join(" ")
                ),
                _ => String::new(),
            };
            Some(format!(
                "Helm (release {release}) made this quota, and its next upgrade writes over it{keep}"
            ))
        }
        Known::Yes(manager) if manager.reconciles() => {
            Some(format!("{} deploys this quota, and may undo it at once", manager.words()))
        }
        _ if made_for_it => {
            Some("the official chart made this quota: whoever applies it again writes over this".to_owned())
        }
        _ => None,
    }
}

/// The same for Helm, which takes a dot for a step down.
fn value(change: &KeyChange) -> Option<String> {
    let key = change.key.replace('.', r"\.");
    Some(format!("--set-string 'policies.resourceQuota.quota.{key}={}'", change.after.as_ref()?))
}
