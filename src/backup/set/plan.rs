//! Whether a backup can be taken, and what it comes to, before anything is done.

use smol_str::SmolStr;

use crate::backup::archive::Recipients;
use crate::lifecycle::{Decision, Refusal};
use crate::target::{Rest, Target};

/// How a backup is kept from other people.
#[derive(Debug, Clone)]
pub enum Protection {
    /// Encrypted; certificates and keys are in it.
    Sealed(Recipients),
    /// Not at all, as somebody said they want it: without certificates and keys.
    Open,
}

impl Protection {
    /// What was asked for: recipients, or the word that none is wanted. One of the two must be said.
    ///
    /// # Errors
    /// The sentence for whoever said neither.
    pub fn choose(recipients: Recipients, unencrypted: bool) -> Result<Self, &'static str> {
        match (recipients.seal(), unencrypted) {
            (true, _) => Ok(Protection::Sealed(recipients)),
            (false, true) => Ok(Protection::Open),
            (false, false) => Err(
                "a backup holds every Secret of the tenant, and its certificates and keys: name who may read it (--recipient age1…, as `age-keygen` makes them), or say --unencrypted for one without certificates and keys that everybody can read",
            ),
        }
    }

    /// To whom it is encrypted.
    pub fn recipients(&self) -> &Recipients {
        static NOBODY: Recipients = Recipients::NONE;
        match self {
            Protection::Sealed(recipients) => recipients,
            Protection::Open => &NOBODY,
        }
    }

    /// Whether it is encrypted.
    pub fn is_sealed(&self) -> bool {
        matches!(self, Protection::Sealed(_))
    }
}

/// What would be done, as lines for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupPlan {
    /// A line each.
    pub lines: Vec<String>,
}

/// Whether a backup can be taken of it as it is now.
pub fn plan(target: &Target, protection: &Protection, to: &str) -> Decision<BackupPlan> {
    if let Some(rest) = target.rest() {
        return Decision::Refused(resting(target, &rest));
    }
    let mut lines = vec![
        "read all keys of its store at one revision, and etcd's own snapshot where it is etcd".to_owned(),
        "read vcluster.yaml, its own objects on the host, the list of what is mirrored and of its volumes"
            .to_owned(),
    ];
    match protection {
        Protection::Sealed(recipients) => {
            lines.push("read its certificates and keys".to_owned());
            let names: Vec<SmolStr> = recipients.names();
            lines.push(format!("encrypt it to {}", names.join(", ")));
        }
        Protection::Open => lines.push(
            "leave certificates and keys out, and encrypt nothing: whoever reads it has every Secret of the tenant".to_owned(),
        ),
    }
    lines.push(format!("write it to {to}, and read it back"));
    lines.push("leave out the data of its volumes, which no backup covers yet".to_owned());
    Decision::Do(BackupPlan { lines })
}

fn resting(target: &Target, rest: &Rest) -> Refusal {
    let resume = format!(
        "its store does not run, and a backup is taken from one that does: `v9s resume {} -n {}` first, then take it. Reading the volume of a store that does not run is not built yet",
        target.name, target.namespace
    );
    match rest {
        Rest::Paused(_) => Refusal::Rests { how: "it is paused", instead: resume },
        Rest::Asleep => Refusal::Rests {
            how: "it sleeps",
            instead: "its store does not run: wake it where it was put to sleep, then take the backup"
                .to_owned(),
        },
        Rest::Restoring => Refusal::Rests {
            how: "it is being restored or its certificates are rotated",
            instead: "wait until that is done, then take the backup".to_owned(),
        },
        Rest::ScaledDown => Refusal::Rests { how: "it is scaled to nothing", instead: resume },
    }
}
