//! Objects that are going and do not go: what holds them, and what can be done about it, safest first.

mod fixes;
mod look;
mod spaces;
#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::SmolStr;

use self::fixes::{of_finalizer, of_pod, take_away};
use super::claim::Claim;
use super::world::{Place, Whose, World};
use crate::cluster::ObjectRef;

pub(super) use look::stuck_ones;

/// How much longer than its grace period something may take before it counts as stuck.
pub const LATE: Duration = Duration::from_secs(60);

/// An object that is going and does not go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// Which.
    pub object: ObjectRef,
    /// The virtual cluster that it claims to belong to, where that is clear.
    pub place: Option<Place>,
    /// Since when it should be gone.
    pub since: DateTime<Utc>,
    /// What holds it, in sentences.
    pub because: Vec<SmolStr>,
    /// What to do, the safest first.
    pub fixes: Vec<Fix>,
}

/// Something that may help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What to do.
    pub what: SmolStr,
    /// The command that does it, or that shows what to do; it goes to the host.
    pub command: Option<SmolStr>,
    /// What it risks; empty when nothing.
    pub risk: &'static str,
}

impl Fix {
    /// The command as a person types it, on the host of this context.
    pub fn command_on(&self, context: &str) -> Option<String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@=+,".contains(c);
        let context = match context.chars().all(plain) {
            true => context.to_owned(),
            false => format!("'{}'", context.replace('\'', r"'\''")),
        };
        let on = |program: &str| format!("{program} --context {context} ");
        let command = self.command.as_ref()?;
        Some(match command.strip_prefix("v9s ") {
            Some(words) => on("v9s") + words,
            None => command.replace("kubectl ", &on("kubectl")),
        })
    }

    /// Something that risks nothing.
    fn safe(what: impl Into<SmolStr>) -> Fix {
        Fix { what: what.into(), command: None, risk: "" }
    }

    /// Done by this command.
    fn by(self, command: impl Into<SmolStr>) -> Fix {
        Fix { command: Some(command.into()), ..self }
    }

    /// With a risk.
    fn at_risk(self, risk: &'static str) -> Fix {
        Fix { risk, ..self }
    }
}

/// Whether a node is there and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Node {
    /// It is.
    Ready,
    /// It is there and does not answer.
    Silent,
    /// It is not there any more.
    Gone,
    /// Nobody could say.
    #[default]
    Unknown,
}

/// What else a host has told of an object that is going.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Around {
    /// The node of a pod.
    pub node: Node,
    /// What uses it: pods of a claim, the claim of a volume.
    pub users: Vec<ObjectRef>,
}

/// Whether something should be gone by now.
pub(super) fn is_late(going: DateTime<Utc>, now: DateTime<Utc>, late: Duration) -> bool {
    // A deletion's timestamp is the end of its grace period.
    now.signed_duration_since(going) >= TimeDelta::from_std(late).unwrap_or(TimeDelta::MAX)
}

/// Why an object that is going is still there. None while it has time left, or is not going. Pure.
pub fn stuck(claim: &Claim, world: &World, around: &Around, late: Duration) -> Option<Stuck> {
    let going = claim.going.filter(|going| is_late(*going, world.now, late))?;
    let mut because = Vec::new();
    let mut fixes = Vec::new();
    for finalizer in &claim.finalizers {
        let (holds, fix) = of_finalizer(finalizer, claim, world, around);
        because.push(holds);
        fixes.extend(fix);
    }
    if claim.object.resource.kind == "Pod" {
        of_pod(claim, around.node, &mut because, &mut fixes);
    }
    if because.is_empty() {
        because.push(
            "nothing on it says what holds it: the API server or its garbage collector is behind".into(),
        );
        fixes.push(fixes::controller_manager());
    }
    fixes.extend(take_away(claim));
    let place = match world.whose(claim) {
        Whose::Of(place, _) => Some(place),
        Whose::Gone(places) => places.into_iter().next(),
        Whose::Unclear(_) | Whose::Nobody => None,
    };
    Some(Stuck { object: claim.object.clone(), place, since: going, because, fixes })
}
