//! What a verb comes to before anything is done: a plan, nothing to do, or a refusal with what to do instead.

use std::fmt;

use crate::known::Known;
use crate::target::{Manager, Rest, Target};

/// What a verb comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision<P> {
    /// This is to be done.
    Do(P),
    /// It is so already; a sentence.
    Nothing(String),
    /// It is not to be done.
    Refused(Refusal),
}

/// Why a verb is not to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody else deploys it, and would undo it or be confused by it.
    Managed {
        /// Who, in words.
        by: String,
        /// What would be done there instead, as commands.
        instead: Vec<String>,
    },
    /// Who deploys it is not known.
    ManagerUnknown(String),
    /// It rests in a way that is not for v9s to end.
    Rests {
        /// How.
        how: &'static str,
        /// What to do.
        instead: String,
    },
    /// It would lose what it stores; what, and why.
    Forgets(String),
    /// It is protected.
    Protected(String),
    /// It is not for v9s to do.
    Elsewhere {
        /// Why.
        why: String,
        /// Who does it, as commands.
        instead: Vec<String>,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Managed { by, .. } => {
                write!(f, "it is deployed by {by}: do it there, or say --anyway")
            }
            Refusal::ManagerUnknown(why) => {
                write!(
                    f,
                    "it is not known who deploys it ({why}): get the right to read that, or say --anyway"
                )
            }
            Refusal::Forgets(why) => {
                write!(f, "it would lose {why}; say --lose-data if that is wanted")
            }
            Refusal::Rests { how, instead } => write!(f, "{how}: {instead}"),
            Refusal::Elsewhere { why, .. } => f.write_str(why),
            Refusal::Protected(unprotect) => {
                write!(f, "it is protected against deletion; `{unprotect}` takes that away")
            }
        }
    }
}

impl Refusal {
    /// Commands that do it where it belongs.
    pub fn instead(&self) -> &[String] {
        match self {
            Refusal::Managed { instead, .. } | Refusal::Elsewhere { instead, .. } => instead,
            _ => &[],
        }
    }
}

/// Refuses what is deployed by somebody who puts things back, unless that is wanted. `change` is the change as a command.
pub(super) fn unless_reconciled(target: &Target, anyway: bool, change: &str) -> Option<Refusal> {
    match &target.manager {
        _ if anyway => None,
        Known::Yes(manager) if manager.reconciles() => {
            let instead = vec![hold(manager), change.to_owned()];
            Some(Refusal::Managed { by: manager.words(), instead })
        }
        Known::No(why) => Some(Refusal::ManagerUnknown(why.to_string())),
        _ => None,
    }
}

/// How somebody who puts things back is made to leave it alone.
fn hold(manager: &Manager) -> String {
    match manager {
        Manager::Argo { application } => format!("argocd app set {application} --sync-policy none"),
        Manager::Flux { kind, namespace, name } => format!("flux suspend {kind} {name} -n {namespace}"),
        Manager::Helm { .. } | Manager::Nobody => String::new(),
    }
}

/// Refuses what the platform or a restore keeps stopped.
pub(super) fn unless_stopped_by_others(target: &Target) -> Option<Refusal> {
    match target.rest()? {
        Rest::Asleep => Some(Refusal::Rests {
            how: "the platform put it to sleep",
            instead: format!("wake it there (`vcluster resume {} -n {}`)", target.name, target.namespace),
        }),
        Rest::Restoring => Some(Refusal::Rests {
            how: "it is being restored, or its certificates are rotated",
            instead: "wait until that has ended".to_owned(),
        }),
        Rest::Paused(_) | Rest::ScaledDown => None,
    }
}

/// A merge patch as a command, for people who make the change elsewhere.
pub(super) fn kubectl_patch(target: &Target, kind: &str, name: &str, patch: &serde_json::Value) -> String {
    let Target { host, namespace, .. } = target;
    format!("kubectl --context {host} -n {namespace} patch {kind} {name} --type merge -p '{patch}'")
}
